package distro

import (
	"encoding/base64"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

const kopsGroup = "kops.k8s.io"

func kopsNeeds() []inventory.Need {
	return []inventory.Need{
		{Group: kopsGroup, Kind: "Cluster", Resource: "clusters", Bias: inventory.Alternative},
		{Group: kopsGroup, Kind: "InstanceGroup", Resource: "instancegroups", Bias: inventory.Alternative},
	}
}

// kops reads clusters of kops, v1alpha2 and v1alpha3: what it passes to the API server by itself
// (pkg/model/components/apiserver.go, nodeup/pkg/model/kube_apiserver.go) and the fields that become flags
// (pkg/apis/kops/componentconfig.go). Of the other components only the fields are known, so that what is absent stays open.
func kops(inv *inventory.Inventory) process.Found {
	var out process.Found
	var clusters []*inventory.Object
	for o := range inv.ByKind(schema.GroupKind{Group: kopsGroup, Kind: "Cluster"}) {
		clusters = append(clusters, o)
	}
	for _, o := range clusters {
		k := kopsCluster{spec: mapping(o.Unstructured().Object, "spec"), Place: process.At(o, "spec")}
		if len(clusters) > 1 {
			k.name = "Cluster " + o.Name()
		}
		if v := str(k.spec, "kubernetesVersion"); v != "" {
			k.version = "v" + strings.TrimPrefix(v, "v")
		}
		out.Processes = append(out.Processes, k.apiServer(),
			k.component(process.KubeControllerManager, "kubeControllerManager",
				pair{name: "use-service-account-credentials", value: "true"}),
			k.component(process.KubeScheduler, "kubeScheduler"))
		groups := 0
		for g := range inv.ByKind(schema.GroupKind{Group: kopsGroup, Kind: "InstanceGroup"}) {
			if of := g.Labels()["kops.k8s.io/cluster"]; of == o.Name() || of == "" && len(clusters) == 1 {
				groups++
				out.Processes = append(out.Processes, k.kubelet(g))
			}
		}
		if groups == 0 {
			out.Processes = append(out.Processes, k.kubelet(nil))
		}
	}
	return out
}

type kopsCluster struct {
	spec          map[string]any
	name, version string
	process.Place
}

const (
	kopsDir = "/srv/kubernetes/"
	kopsAPI = kopsDir + "kube-apiserver/"
)

var kopsAdmission = []string{"NamespaceLifecycle", "LimitRanger", "ServiceAccount", "DefaultStorageClass",
	"DefaultTolerationSeconds",
	"MutatingAdmissionWebhook", "ValidatingAdmissionWebhook", "NodeRestriction", "ResourceQuota"}

func (k kopsCluster) apiServer() process.Process {
	base := []pair{
		{name: "allow-privileged", value: "true"}, {name: "secure-port", value: "443"},
		{name: "client-ca-file", value: kopsDir + "ca.crt"},
		{name: "tls-cert-file", value: kopsAPI + "server.crt"},
		{name: "tls-private-key-file", value: kopsAPI + "server.key"},
		{name: "kubelet-client-certificate", value: kopsAPI + "kubelet-api.crt"},
		{name: "kubelet-client-key", value: kopsAPI + "kubelet-api.key"},
		{name: "etcd-servers", value: "https://127.0.0.1:4001"}, {name: "etcd-cafile", value: kopsAPI + "etcd-ca.crt"},
		{name: "etcd-certfile", value: kopsAPI + "etcd-client.crt"},
		{name: "etcd-keyfile", value: kopsAPI + "etcd-client.key"},
		{name: "requestheader-client-ca-file", value: kopsAPI + "apiserver-aggregator-ca.crt"},
		{name: "requestheader-allowed-names", value: "aggregator"},
		{name: "proxy-client-cert-file", value: kopsAPI + "apiserver-aggregator.crt"},
		{name: "proxy-client-key-file", value: kopsAPI + "apiserver-aggregator.key"},
		{name: "requestheader-extra-headers-prefix", value: "X-Remote-Extra-"},
		{name: "requestheader-group-headers", value: "X-Remote-Group"},
		{name: "requestheader-username-headers", value: "X-Remote-User"},
		{name: "service-account-key-file", value: kopsAPI + "service-account.pub"},
		{name: "service-account-signing-key-file", value: kopsAPI + "service-account.key"},
		{name: "anonymous-auth", value: "false"},
	}
	config := mapping(k.spec, "kubeAPIServer")
	at := k.Field("kubeAPIServer")
	extra := kopsFlags(config, at)
	for i := range extra {
		if extra[i].s == "anonymous-auth=true" {
			extra[i].doubt = "kops writes false over it, but for old versions"
		}
	}
	switch plugins := config["enableAdmissionPlugins"]; plugins {
	case nil:
		all := slices.Clone(kopsAdmission)
		more, _ := config["appendAdmissionPlugins"].([]any)
		for _, p := range more {
			all = append(all, fmt.Sprint(p))
		}
		f := text{s: "enable-admission-plugins=" + strings.Join(all, ","), own: len(more) == 0, Place: at}
		if len(more) > 0 {
			f.Place = at.Field("appendAdmissionPlugins")
		}
		extra = append(extra, f)
	default:
		for i := range extra {
			if strings.HasPrefix(extra[i].s, "enable-admission-plugins=") {
				extra[i].doubt = "kops puts its own list in the place of it, but for old versions"
			}
		}
	}
	if mode, at := k.authorization(); mode != "" {
		extra = append(extra, text{s: "authorization-mode=" + mode, Place: at})
	} else if config["authorizationMode"] == nil {
		base = append(base, pair{name: "authorization-mode",
			doubt: "spec.authorization is not set, and what kops takes then differs by its version"})
	}
	if mapping(k.spec, "authentication", "aws") != nil || mapping(k.spec, "authentication", "kopeio") != nil {
		extra = append(extra, text{s: "authentication-token-webhook-config-file=/etc/kubernetes/authn.config",
			Place: k.Field("authentication")})
	}
	extra = append(extra, k.oidc()...)
	files := k.files("ControlPlane", "Master", "APIServer")
	if on, _ := k.spec["encryptionConfig"].(bool); on {
		const file = kopsAPI + "encryptionconfig.yaml"
		extra = append(extra, text{s: "encryption-provider-config=" + file, Place: k.Field("encryptionConfig")})
		files = append(files, process.File{Path: file, Missing: "it is in the secret store of kops",
			Place: k.Field("encryptionConfig")})
	}
	return process.Process{Component: process.KubeAPIServer, Name: k.name, Version: k.version,
		Flags: lay(base, extra, k.Place), Files: files,
		Complete: true, Source: "kops Cluster", Place: k.Place}
}

func (k kopsCluster) authorization() (string, process.Place) {
	a := mapping(k.spec, "authorization")
	switch {
	case a["alwaysAllow"] != nil:
		return "AlwaysAllow", k.Field("authorization", "alwaysAllow")
	case a["rbac"] != nil:
		return "Node,RBAC", k.Field("authorization", "rbac")
	}
	return "", process.Place{}
}

// oidc: configureOIDC of nodeup.
func (k kopsCluster) oidc() []text {
	m := mapping(k.spec, "authentication", "oidc")
	at := k.Field("authentication", "oidc")
	var out []text
	for _, f := range [...][2]string{{"clientID", "oidc-client-id"}, {"issuerURL", "oidc-issuer-url"},
		{"usernameClaim", "oidc-username-claim"},
		{"usernamePrefix", "oidc-username-prefix"}, {"groupsPrefix", "oidc-groups-prefix"}} {
		if v, ok := m[f[0]].(string); ok {
			out = append(out, text{s: f[1] + "=" + v, Place: at.Field(f[0])})
		}
	}
	if l, ok := m["groupsClaims"].([]any); ok {
		out = append(out, text{s: "oidc-groups-claim=" + joined(l), Place: at.Field("groupsClaims")})
	}
	claims := mapping(m, "requiredClaims")
	for _, name := range sorted(claims) {
		out = append(out, text{s: fmt.Sprintf("oidc-required-claim=%s=%v", name, claims[name]),
			Place: at.Field("requiredClaims", name)})
	}
	return out
}

func (k kopsCluster) component(c process.Component, field string, base ...pair) process.Process {
	return process.Process{Component: c, Name: k.name, Version: k.version,
		Flags:      lay(base, kopsFlags(mapping(k.spec, field), k.Field(field)), k.Place),
		Incomplete: "kops passes more than is known here", Source: "kops Cluster", Place: k.Place}
}

// kubelet is that of an instance group, whose fields count before those of the cluster for its role.
func (k kopsCluster) kubelet(group *inventory.Object) process.Process {
	p := process.Process{Component: process.Kubelet, Name: k.name, Version: k.version, Source: "kops Cluster",
		Place:      k.Place,
		Incomplete: "kops passes more than is known here, and its version decides whether it writes a file"}
	layers := []text{}
	merged := map[string]any{}
	places := map[string]process.Place{}
	add := func(m map[string]any, at process.Place) {
		for key, v := range m {
			merged[key], places[key] = v, at.Field(key)
		}
	}
	add(mapping(k.spec, "kubelet"), k.Field("kubelet"))
	if group != nil {
		spec := mapping(group.Unstructured().Object, "spec")
		if role := str(spec, "role"); role == "Master" || role == "ControlPlane" {
			add(mapping(k.spec, "masterKubelet"), k.Field("masterKubelet"))
			add(mapping(k.spec, "controlPlaneKubelet"), k.Field("controlPlaneKubelet"))
		}
		add(mapping(spec, "kubelet"), process.At(group, "spec", "kubelet"))
		p.Name, p.Source, p.Place = "InstanceGroup "+group.Name(), "kops InstanceGroup", process.At(group, "spec")
	}
	for _, key := range sorted(merged) {
		layers = append(layers, kopsFlag(key, merged[key], places[key])...)
	}
	p.Flags = lay([]pair{{name: "authorization-mode", value: "Webhook"},
		{name: "authentication-token-webhook", value: "true"}}, layers, p.Place)
	return p
}

// files are spec.fileAssets (docs/cluster_spec.md of kops), for nodes of the roles.
func (k kopsCluster) files(roles ...string) []process.File {
	var out []process.File
	assets, _ := k.spec["fileAssets"].([]any)
	for i, e := range assets {
		m, _ := e.(map[string]any)
		of, _ := m["roles"].([]any)
		if len(of) > 0 && !slices.ContainsFunc(of, func(r any) bool { return slices.Contains(roles, fmt.Sprint(r)) }) {
			continue
		}
		f := nodeFileOf(m, k.Field("fileAssets", i))
		if f.Path == "" {
			f.Path = kopsDir + "assets/" + str(m, "name")
		}
		if encoded, _ := m["isBase64"].(bool); encoded && f.Missing == "" {
			data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(f.Text)))
			if f.Text = data; err != nil {
				f.Text, f.Missing = nil, "its content cannot be decoded"
			}
		}
		out = append(out, f)
	}
	return out
}

// kopsFlags are the fields of a component that become flags.
func kopsFlags(config map[string]any, at process.Place) []text {
	var out []text
	for _, key := range sorted(config) {
		out = append(out, kopsFlag(key, config[key], at.Field(key))...)
	}
	return out
}

// kopsNames are the flags whose names do not follow from those of their fields; empty for fields without one.
var kopsNames = map[string]string{
	"etcdCaFile": "etcd-cafile", "etcdCertFile": "etcd-certfile", "etcdKeyFile": "etcd-keyfile",
	"auditLogMaxAge":     "audit-log-maxage",
	"auditLogMaxBackups": "audit-log-maxbackup", "auditLogMaxSize": "audit-log-maxsize",
	"apiServerCount":                   "apiserver-count",
	"requestheaderExtraHeaderPrefixes": "requestheader-extra-headers-prefix", "logLevel": "v",
	"logFormat":       "logging-format",
	"enableProfiling": "profiling", "admissionControl": "enable-admission-plugins", "taints": "register-with-taints",
	"networkPluginName": "network-plugin",
	"image":             "", "appendAdmissionPlugins": "", "cpuRequest": "", "cpuLimit": "", "memoryRequest": "", "memoryLimit": "",
	"env": "", "apiServers": "",
	"babysitDaemons": "", "configureCbr0": "", "shutdownGracePeriod": "", "shutdownGracePeriodCriticalPods": "",
	"memorySwapBehavior": "",
}

// kopsFlag writes a field as kops' flagbuilder does: lists with commas, maps as k=v, and the flags that may be repeated once
// per value.
func kopsFlag(key string, v any, at process.Place) []text {
	name, ok := kopsNames[key]
	if !ok {
		name = kebab(key)
	}
	if name == "" || v == nil {
		return nil
	}
	if _, removed := described(v); removed {
		return []text{{s: name + "=", doubt: "its value was removed", Place: at}}
	}
	switch v := v.(type) {
	case []any:
		if key == "serviceAccountKeyFile" || key == "oidcRequiredClaim" {
			if key == "serviceAccountKeyFile" {
				name += "-" // kops puts its own behind them
			}
			var out []text
			for i, e := range v {
				out = append(out, text{s: fmt.Sprintf("%s=%v", name, e), Place: at.Field(i)})
			}
			return out
		}
		return []text{{s: name + "=" + joined(v), Place: at}}
	case map[string]any:
		var parts []string
		for _, k := range sorted(v) {
			parts = append(parts, fmt.Sprintf("%s=%v", k, v[k]))
		}
		return []text{{s: name + "=" + strings.Join(parts, ","), Place: at}}
	}
	return []text{{s: fmt.Sprintf("%s=%v", name, v), Place: at}}
}

// kebab writes oidcIssuerURL as oidc-issuer-url.
func kebab(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, c := range runes {
		if unicode.IsUpper(c) {
			if i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
				b.WriteByte('-')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

func joined(l []any) string {
	out := make([]string, len(l))
	for i, e := range l {
		out[i] = fmt.Sprint(e)
	}
	return strings.Join(out, ",")
}

func sorted(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Volume is a disk that an installer makes.
type Volume struct {
	Owner     string // "etcd member main/a", "InstanceGroup nodes"
	Etcd      bool
	Encrypted *bool  // nil where nothing is said and the default of the installer's version counts
	Key       string // the customer's; empty for that of the cloud
	process.Place
}

// Volumes are the disks of etcd and of nodes that kops makes.
func Volumes(inv *inventory.Inventory) []Volume {
	var out []Volume
	of := func(v Volume, m map[string]any, flag, key string, at process.Place) {
		v.Place, v.Key = at, str(m, key)
		if b, ok := m[flag].(bool); ok {
			v.Encrypted, v.Place = &b, at.Field(flag)
		}
		out = append(out, v)
	}
	for o := range inv.ByKind(schema.GroupKind{Group: kopsGroup, Kind: "Cluster"}) {
		clusters, _ := mapping(o.Unstructured().Object, "spec")["etcdClusters"].([]any)
		for i, c := range clusters {
			m, _ := c.(map[string]any)
			members, _ := m["etcdMembers"].([]any)
			for j, e := range members {
				member, _ := e.(map[string]any)
				owner := fmt.Sprintf("etcd member %s/%s", str(m, "name"), str(member, "name"))
				of(Volume{Owner: owner, Etcd: true}, member, "encryptedVolume", "kmsKeyId",
					process.At(o, "spec", "etcdClusters", i, "etcdMembers", j))
			}
		}
	}
	for o := range inv.ByKind(schema.GroupKind{Group: kopsGroup, Kind: "InstanceGroup"}) {
		spec := mapping(o.Unstructured().Object, "spec")
		v := Volume{Owner: "InstanceGroup " + o.Name()}
		if root := mapping(spec, "rootVolume"); root != nil { // v1alpha3
			of(v, root, "encryption", "encryptionKey", process.At(o, "spec", "rootVolume"))
			continue
		}
		of(v, spec, "rootVolumeEncryption", "rootVolumeEncryptionKey", process.At(o, "spec"))
	}
	return out
}
