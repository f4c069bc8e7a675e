// Package sensitivity places namespaces, workloads and nodes on one ordered scale, which the packages network,
// placement and nodetrust share: NIST SP 800-190 sections 4.3.3 and 4.3.4 speak of sensitivity levels, not of labels.
//
// A [Scheme] says which levels exist and what declares them; [Setting] attaches it to an inventory. The sources of a
// workload's level merge by the high-water mark of FIPS 200: the label of its namespace, which administrators own; the
// labels of the workload and its pods, which authors own and which may therefore only raise; rules of the scheme; and,
// in [LevelsOf], the labelled Secrets, ConfigMaps and claims that its pods use. A value that is no level of the scheme
// makes its bearer unclassified rather than public, so that a typo is seen. Pod Security labels are hardening and never
// count.
package sensitivity
