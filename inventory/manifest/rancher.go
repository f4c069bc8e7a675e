package manifest

import (
	"path"
	"regexp"
	"strings"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
)

// rancherConfig recognizes the configuration file of k3s and RKE2: a mapping of flags to values, at the path where they
// read it, or with a flag that nothing else has. Both have most flags in common, so that away from their path a flag of
// one of the two, or the name of the file, has to tell them apart.
func rancherConfig(uri string, m mapping) (part, bool) {
	if len(m) == 0 || !isFlags(m) {
		return part{}, false
	}
	if f := rancherPath(uri); f != "" {
		return part{format: f}, true
	}
	sign, k3s, rke2 := rancherSigns(m)
	base := path.Base(uri)
	switch {
	case !sign:
		return part{}, false
	case k3s != rke2 && k3s, !k3s && !rke2 && strings.Contains(base, "k3s"):
		return part{format: format.K3sConfig}, true
	case k3s != rke2 && rke2, !k3s && !rke2 && strings.Contains(base, "rke2"):
		return part{format: format.RKE2Config}, true
	}
	return part{}, false
}

// rancherSigns: sign is a flag of the two and of nothing else, k3s and rke2 are flags of one of them.
func rancherSigns(m mapping) (sign, k3s, rke2 bool) {
	for k := range m {
		k = strings.TrimSuffix(k, "+")
		sign = sign || rancherFlags[k]
		k3s = k3s || k3sFlags[k]
		rke2 = rke2 || rke2Flags[k]
	}
	return sign, k3s, rke2
}

// undecided reports a file that is of k3s or of RKE2, which have other defaults, and does not say of which.
func undecided(raw []byte) bool {
	m := mapping{}
	for k, v := range rawjson.Members(raw) {
		m[k] = v
	}
	if len(m) == 0 || !isFlags(m) {
		return false
	}
	sign, _, _ := rancherSigns(m)
	return sign
}

// rancherPath: docs.k3s.io/installation/configuration, docs.rke2.io/install/configuration.
func rancherPath(uri string) string {
	dir, base := path.Split(path.Clean("/" + uri))
	dir = path.Clean(dir)
	if path.Base(dir) == "config.yaml.d" {
		dir = path.Dir(dir)
	} else if base != "config.yaml" {
		return ""
	}
	if path.Base(path.Dir(dir)) != "rancher" {
		return ""
	}
	switch path.Base(dir) {
	case "k3s":
		return format.K3sConfig
	case "rke2":
		return format.RKE2Config
	}
	return ""
}

var flagName = regexp.MustCompile(`^[a-z][a-z0-9-]*\+?$`)

// isFlags reports a mapping of names of flags to scalars and lists of scalars.
func isFlags(m mapping) bool {
	for k, v := range m {
		if !flagName.MatchString(k) || len(v) == 0 || v[0] == '{' {
			return false
		}
		for _, e := range rawjson.Elements(v) {
			if len(e) == 0 || e[0] == '{' || e[0] == '[' {
				return false
			}
		}
	}
	return true
}

func set(names string) map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		out[name] = true
	}
	return out
}

var (
	// rancherFlags are of k3s or RKE2 and of nothing else that is known (docs.k3s.io/cli/server and agent,
	// docs.rke2.io/reference/server_config).
	rancherFlags = set(`kube-apiserver-arg kube-controller-manager-arg kube-scheduler-arg kubelet-arg kube-proxy-arg etcd-arg
		kube-cloud-controller-manager-arg cloud-controller-manager-arg write-kubeconfig-mode secrets-encryption agent-token
		cluster-init embedded-registry servicelb-namespace egress-selector-mode disable-cloud-controller
		protect-kernel-defaults etcd-expose-metrics etcd-snapshot-schedule-cron tls-san-security
		flannel-backend kube-apiserver-image control-plane-resource-requests pod-security-admission-config-file`)
	k3sFlags = set(`cluster-init secrets-encryption secrets-encryption-provider flannel-backend flannel-iface flannel-conf
		flannel-cni-conf flannel-ipv6-masq flannel-external-ip disable-network-policy disable-helm-controller docker rootless
		default-local-storage-path prefer-bundled-bin no-flannel vpn-auth vpn-auth-file no-deploy`)
	rke2Flags = set(`cni profile ingress-controller audit-policy-file pod-security-admission-config-file kubelet-path
		cloud-provider-name cloud-provider-config kube-apiserver-image kube-controller-manager-image
		cloud-controller-manager-image kube-proxy-image kube-scheduler-image etcd-image runtime-image
		control-plane-resource-requests control-plane-resource-limits control-plane-probe-configuration
		kube-apiserver-extra-mount kube-scheduler-extra-mount kube-controller-manager-extra-mount kube-proxy-extra-mount
		etcd-extra-mount cloud-controller-manager-extra-mount kube-apiserver-extra-env kube-scheduler-extra-env
		kube-controller-manager-extra-env kube-proxy-extra-env etcd-extra-env cloud-controller-manager-extra-env`)
)
