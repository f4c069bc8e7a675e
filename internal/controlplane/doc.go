// Package controlplane answers what the components of a cluster do: the API server, the controller manager, the scheduler,
// etcd and the kubelets. It is the only place that reads flags and component configuration.
//
// Evidence comes in many forms (pods, kubeadm, k3s, Cluster API, files of nodes, /flagz, /configz, /metrics, what clouds
// describe), and every one is brought to the form of package process: a program with flags, an environment and files. The
// questions are written once, over that form. An answer is the effective value for the version of Kubernetes, not the
// presence of a flag; it says how it is known, where it was written, and which replicas say otherwise. What no evidence
// tells is Unknown and names what would.
package controlplane
