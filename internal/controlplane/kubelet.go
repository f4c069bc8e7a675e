package controlplane

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Kubelet is the kubelet of a node, or what is known of those of all nodes. Where several descriptions speak of it, an
// answer is what they agree on.
type Kubelet struct {
	// Node is empty where the description is of no node in particular.
	Node string
	view *View
	rs   []*replica
}

// Kubelets lists the kubelets: one for each node that is known by name, and one for each description that names none,
// where no node is known.
func (v *View) Kubelets() []Kubelet {
	names := append(slices.Clone(v.nodes), v.Replicas(process.Kubelet)...)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		var out []Kubelet
		for _, r := range v.components[process.Kubelet] {
			out = append(out, Kubelet{view: v, rs: []*replica{r}})
		}
		return out
	}
	out := make([]Kubelet, len(names))
	for i, n := range names {
		out[i] = v.Kubelet(n)
	}
	return out
}

// Kubelet is that of a node: its own description, else those that speak for all nodes.
func (v *View) Kubelet(node string) Kubelet {
	k := Kubelet{Node: node, view: v}
	k.rs = slices.Clone(v.byNode[node])
	if slices.ContainsFunc(k.rs, func(r *replica) bool { return !r.Partial }) {
		return k
	}
	for _, r := range v.byNode[""] {
		k.rs = append(k.rs, &replica{Process: r.Process, view: v, version: v.versionOf(r.Process, node), kubeletOnce: r.kubeletOnce})
	}
	return k
}

// Place is where the kubelet is described; zero where nothing describes it.
func (k Kubelet) Place() process.Place {
	if len(k.rs) == 0 {
		return process.Place{}
	}
	if f := k.rs[0].files(); len(f.places) > 0 {
		return f.places[0]
	}
	return k.rs[0].Place
}

// setting is a field of KubeletConfiguration with its flag, which wins over every file (cmd/kubelet/app/server.go,
// kubeletConfigFlagPrecedence).
type setting struct {
	path []string
	flag string
	// zeroIsUnset: the Go type of the field is no pointer, so that its zero value in a file is replaced by the default
	// (pkg/kubelet/apis/config/v1beta1/defaults.go). A flag may set it.
	zeroIsUnset bool
}

// askKubelet asks for a field: flag reads it from the command line, fromJSON from a file.
func askKubelet[T any](k Kubelet, s setting, fromJSON func(any) (T, bool), flag func(*replica, string) Answer[T]) Value[T] {
	return askAll(k.rs, func(r *replica) Answer[T] { return kubeletSetting(r, s, fromJSON, flag) }, k.hidden)
}

func kubeletSetting[T any](r *replica, s setting, fromJSON func(any) (T, bool), flag func(*replica, string) Answer[T]) Answer[T] {
	if _, ok := r.Last(s.flag); ok {
		return flag(r, s.flag)
	}
	v, basis := r.field(s)
	out := Answer[T]{Basis: basis}
	if v == nil {
		return out
	}
	var ok bool
	if out.Value, ok = fromJSON(v); !ok && basis.OK() {
		out.Basis = basis.refused(process.Kubelet, strings.Join(s.path, ".")+" has a value of another type")
	}
	return out
}

func (k Kubelet) hidden() Basis {
	of := ""
	if k.Node != "" {
		of = " of node " + k.Node
	}
	return unknown("nothing describes the kubelet"+of, "/configz of the kubelet", "its KubeletConfiguration")
}

// field is a field of the configuration as JSON has it, nil for zero, where no flag sets it.
func (r *replica) field(s setting) (any, Basis) {
	if !r.Complete && !r.Effective {
		return nil, unknown(cmpOr(r.Incomplete, "not all flags of the kubelet were seen"))
	}
	k := r.files()
	if k.broken != "" { // a file that was not seen may say otherwise
		u := unknown(k.broken, k.wanted...)
		u.Places = k.places
		return nil, u
	}
	f := k.field(s.path...)
	if f.set && (!s.zeroIsUnset || !isZero(f.value) || r.Effective) {
		b := Basis{Known: f.known, Places: []process.Place{f.at}, Strength: r.weakest(k), Source: r.Source}
		if f.known == Installed {
			b.Strength = min(b.Strength, inventory.Inferred)
		}
		return f.value, b
	}
	if r.Effective { // /configz leaves out what is zero
		return nil, r.explicit(k.places...)
	}
	v, b := r.agree(strings.Join(s.path, "."), func(minor int) (any, bool) {
		return r.view.kubeletDefault(minor, k.legacy && !f.removed && !f.set, s.path...)
	})
	if len(k.places) > 0 && b.OK() {
		b.Places = k.places
	}
	return v, b
}

// isZero: the zero values of Go types that are no pointers, as JSON has them.
func isZero(v any) bool {
	switch v := v.(type) {
	case bool:
		return !v
	case int64:
		return v == 0
	case string:
		d, err := time.ParseDuration(v)
		return v == "" || err == nil && d == 0
	}
	return v == nil
}

func aBool(v any) (bool, bool)     { b, ok := v.(bool); return b, ok }
func aString(v any) (string, bool) { s, ok := v.(string); return s, ok }
func aNumber(v any) (int, bool) {
	switch n := v.(type) {
	case int64:
		return int(n), true
	case float64:
		return int(n), n == float64(int(n))
	case json.Number:
		i, err := strconv.Atoi(n.String())
		return i, err == nil
	}
	return 0, false
}

func aDuration(v any) (time.Duration, bool) {
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

func aList(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	var out []string
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

func at(path ...string) []string { return path }

// AnonymousAuth: requests without credentials are taken as system:anonymous.
func (k Kubelet) AnonymousAuth() Value[bool] {
	return askKubelet(k, setting{at("authentication", "anonymous", "enabled"), "anonymous-auth", false}, aBool, (*replica).boolean)
}

// WebhookAuthentication: bearer tokens are checked by the API server.
func (k Kubelet) WebhookAuthentication() Value[bool] {
	return askKubelet(k, setting{at("authentication", "webhook", "enabled"), "authentication-token-webhook", false}, aBool, (*replica).boolean)
}

// ClientCAFile is the CA of client certificates; empty, no certificate is taken.
func (k Kubelet) ClientCAFile() Value[string] {
	return askKubelet(k, setting{at("authentication", "x509", "clientCAFile"), "client-ca-file", true}, aString, (*replica).text)
}

// AuthorizationMode is Webhook or AlwaysAllow.
func (k Kubelet) AuthorizationMode() Value[string] {
	return askKubelet(k, setting{at("authorization", "mode"), "authorization-mode", true}, aString, (*replica).text)
}

// ReadOnlyPort serves without authentication; 0 is none.
func (k Kubelet) ReadOnlyPort() Value[int] {
	return askKubelet(k, setting{at("readOnlyPort"), "read-only-port", true}, aNumber, (*replica).number)
}

// RotateCertificates: the kubelet asks for a new client certificate before the old one ends.
func (k Kubelet) RotateCertificates() Value[bool] {
	return askKubelet(k, setting{at("rotateCertificates"), "rotate-certificates", true}, aBool, (*replica).boolean)
}

// ServerTLSBootstrap: the kubelet asks the cluster for its serving certificate.
func (k Kubelet) ServerTLSBootstrap() Value[bool] {
	return askKubelet(k, setting{at("serverTLSBootstrap"), "rotate-server-certificates", true}, aBool, (*replica).boolean)
}

// TLSCertFile and TLSPrivateKeyFile are the serving certificate, where an administrator gives it.
func (k Kubelet) TLSCertFile() Value[string] {
	return askKubelet(k, setting{at("tlsCertFile"), "tls-cert-file", true}, aString, (*replica).text)
}

// TLSPrivateKeyFile: see TLSCertFile.
func (k Kubelet) TLSPrivateKeyFile() Value[string] {
	return askKubelet(k, setting{at("tlsPrivateKeyFile"), "tls-private-key-file", true}, aString, (*replica).text)
}

// TLSMinVersion is a name such as VersionTLS12; empty stands for that of Go, 1.2.
func (k Kubelet) TLSMinVersion() Value[string] {
	return askKubelet(k, setting{at("tlsMinVersion"), "tls-min-version", true}, aString, (*replica).text)
}

// TLSCipherSuites are the suites by name; none stands for those of Go.
func (k Kubelet) TLSCipherSuites() Value[[]string] {
	return askKubelet(k, setting{at("tlsCipherSuites"), "tls-cipher-suites", false}, aList, (*replica).list)
}

// KubeletServing is how a kubelet serves.
type KubeletServing struct {
	CertFile, KeyFile string // that an administrator gives
	// Bootstrap: the kubelet asks the cluster for its certificate. With neither, it signs one itself
	// (pkg/kubelet/certificate, cmd/kubelet/app/server.go InitializeTLS).
	Bootstrap    bool
	MinVersion   string   // VersionTLS10 to 13; empty is that of Go, 1.2
	CipherSuites []string // none stands for those of Go
}

// SelfSigned: nobody vouches for the certificate.
func (s KubeletServing) SelfSigned() bool {
	return !s.Bootstrap && (s.CertFile == "" || s.KeyFile == "")
}

// Serving is how the kubelet serves, as a whole.
func (k Kubelet) Serving() Value[KubeletServing] {
	return askAll(k.rs, func(r *replica) Answer[KubeletServing] {
		x := reading{r: r}
		text := func(field, flag string) string {
			a := kubeletSetting(r, setting{at(field), flag, true}, aString, (*replica).text)
			x.add(a.Basis)
			return a.Value
		}
		s := KubeletServing{CertFile: text("tlsCertFile", "tls-cert-file"), KeyFile: text("tlsPrivateKeyFile", "tls-private-key-file"),
			MinVersion: text("tlsMinVersion", "tls-min-version")}
		bootstrap := kubeletSetting(r, setting{at("serverTLSBootstrap"), "rotate-server-certificates", true}, aBool, (*replica).boolean)
		suites := kubeletSetting(r, setting{at("tlsCipherSuites"), "tls-cipher-suites", false}, aList, (*replica).list)
		x.add(bootstrap.Basis)
		x.add(suites.Basis)
		s.Bootstrap, s.CipherSuites = bootstrap.Value, suites.Value
		return Answer[KubeletServing]{s, x.basis}
	}, k.hidden)
}

// StaticPodPath is the directory of static pods.
func (k Kubelet) StaticPodPath() Value[string] {
	return askKubelet(k, setting{at("staticPodPath"), "pod-manifest-path", true}, aString, (*replica).text)
}

// StaticPodURL is where static pods are fetched from.
func (k Kubelet) StaticPodURL() Value[string] {
	return askKubelet(k, setting{at("staticPodURL"), "manifest-url", true}, aString, (*replica).text)
}

// DebuggingHandlers: logs, exec and port-forward are served.
func (k Kubelet) DebuggingHandlers() Value[bool] {
	return askKubelet(k, setting{at("enableDebuggingHandlers"), "enable-debugging-handlers", false}, aBool, (*replica).boolean)
}

// StreamingIdleTimeout ends idle exec sessions; 0 never does, and only a flag can set it.
func (k Kubelet) StreamingIdleTimeout() Value[time.Duration] {
	return askKubelet(k, setting{at("streamingConnectionIdleTimeout"), "streaming-connection-idle-timeout", true}, aDuration, (*replica).duration)
}

// ProtectKernelDefaults: the kubelet stops where a kernel setting is not as it wants it.
func (k Kubelet) ProtectKernelDefaults() Value[bool] {
	return askKubelet(k, setting{at("protectKernelDefaults"), "protect-kernel-defaults", true}, aBool, (*replica).boolean)
}

// SeccompDefault: pods without a profile get the runtime's.
func (k Kubelet) SeccompDefault() Value[bool] {
	return askKubelet(k, setting{at("seccompDefault"), "seccomp-default", false}, aBool, (*replica).boolean)
}

// EventRecordQPS limits events; 0 does not.
func (k Kubelet) EventRecordQPS() Value[int] {
	return askKubelet(k, setting{at("eventRecordQPS"), "event-qps", false}, aNumber, (*replica).number)
}

// MakeIPTablesUtilChains: the kubelet keeps its chains of iptables.
func (k Kubelet) MakeIPTablesUtilChains() Value[bool] {
	return askKubelet(k, setting{at("makeIPTablesUtilChains"), "make-iptables-util-chains", false}, aBool, (*replica).boolean)
}

// FailCgroupV1: the kubelet does not start on a node with the first version of cgroups.
func (k Kubelet) FailCgroupV1() Value[bool] {
	return askKubelet(k, setting{at("failCgroupV1"), "fail-cgroupv1", false}, aBool, (*replica).boolean)
}

// ProviderID is the machine by the name of its cloud.
func (k Kubelet) ProviderID() Value[string] {
	return askKubelet(k, setting{at("providerID"), "provider-id", true}, aString, (*replica).text)
}

// RegisterWithTaints are the taints with which the node registers.
func (k Kubelet) RegisterWithTaints() Value[[]corev1.Taint] {
	return askKubelet(k, setting{at("registerWithTaints"), "register-with-taints", false}, func(v any) ([]corev1.Taint, bool) {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, false
		}
		var out []corev1.Taint
		return out, json.Unmarshal(raw, &out) == nil
	}, func(r *replica, flag string) Answer[[]corev1.Taint] {
		return parsed(r.text(flag), process.Kubelet, flag, parseTaints)
	})
}

// parseTaints reads "key=value:effect,...", as pkg/util/taints does.
func parseTaints(s string) ([]corev1.Taint, error) {
	var out []corev1.Taint
	if s == "" {
		return nil, nil
	}
	for _, t := range strings.Split(s, ",") {
		pair, effect, ok := strings.Cut(t, ":")
		key, value, _ := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, errors.New("no taint")
		}
		out = append(out, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return out, nil
}

// NodeLabels are those with which the node registers; only a flag sets them.
func (k Kubelet) NodeLabels() Value[map[string]string] {
	return askAll(k.rs, func(r *replica) Answer[map[string]string] { return r.settings("node-labels") }, k.hidden)
}

// HostnameOverride is the name of the node where it is not the host's.
func (k Kubelet) HostnameOverride() Value[string] {
	return askAll(k.rs, func(r *replica) Answer[string] { return r.text("hostname-override") }, k.hidden)
}

// BootstrapKubeconfig is the file with the credential for the first certificate.
func (k Kubelet) BootstrapKubeconfig() Value[string] {
	return askAll(k.rs, func(r *replica) Answer[string] { return r.text("bootstrap-kubeconfig") }, k.hidden)
}

// VerifiesPulledImages: a pod that uses a private image which is on the node already has to have the credentials for it
// (KEP-2535; pkg/kubelet/images/pullmanager). What was on the node before the kubelet may be left out.
func (k Kubelet) VerifiesPulledImages() Value[bool] {
	policy := setting{at("imagePullCredentialsVerificationPolicy"), "", true}
	return askAll(k.rs, func(r *replica) Answer[bool] {
		gate := r.gate("KubeletEnsureSecretPulledImages")
		if !gate.OK() || !gate.Value {
			return gate
		}
		v, basis := r.field(policy)
		return Answer[bool]{basis.OK() && v != "NeverVerify", basis} // with the gate, unset is NeverVerifyPreloadedImages
	}, k.hidden)
}

// FeatureGate is a gate of the kubelet: a flag wins over the files, gate by gate.
func (k Kubelet) FeatureGate(name string) Value[bool] {
	return askAll(k.rs, func(r *replica) Answer[bool] { return r.gate(name) }, k.hidden)
}

// Version is the minor of the kubelet.
func (k Kubelet) Version() Answer[inventory.Version] {
	if len(k.rs) == 0 {
		return Answer[inventory.Version]{Basis: k.hidden()}
	}
	return k.rs[0].version
}
