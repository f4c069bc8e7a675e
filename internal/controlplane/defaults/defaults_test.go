package defaults

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane/config"
)

func TestFlag(t *testing.T) {
	for _, tt := range []struct {
		component, name string
		minor           int
		value, kind     string
		ok              bool
	}{
		{"kube-apiserver", "anonymous-auth", 30, "true", "bool", true},
		{"kube-apiserver", "anonymous-auth", 37, "true", "bool", true},
		{"kube-apiserver", "authorization-mode", 37, "[]", "stringSlice", true},
		{"kube-apiserver", "service-account-extend-token-expiration", 33, "true", "bool", true},
		{"kube-apiserver", "service-account-lookup", 33, "true", "bool", true},
		{"kube-apiserver", "enable-bootstrap-token-auth", 33, "false", "bool", true},
		{"kube-apiserver", "encryption-provider-config", 33, "", "string", true},
		{"kube-apiserver", "profiling", 37, "true", "bool", true},
		{"kube-controller-manager", "cluster-signing-duration", 30, "8760h0m0s", "duration", true},
		{"kube-controller-manager", "use-service-account-credentials", 30, "false", "bool", true},
		{"kube-scheduler", "profiling", 37, "true", "bool", true},
		{"kubelet", "anonymous-auth", 37, "true", "bool", true}, // without --config
		{"kubelet", "read-only-port", 30, "10255", "int32", true},
		{"kubelet", "config-dir", 30, "", "string", true},
		{"kube-apiserver", "basic-auth-file", 30, "", "", false}, // removed in 1.19
		{"kube-apiserver", "anonymous", 37, "", "", false},       // part of a name
		{"kube-apiserver", "anonymous-auth", 29, "", "", false},
		{"kube-apiserver", "anonymous-auth", 38, "", "", false},
		{"etcd", "client-cert-auth", 37, "", "", false},
	} {
		value, ok := Flag(tt.component, tt.name, tt.minor)
		kind, isFlag := FlagType(tt.component, tt.name, tt.minor)
		if value != tt.value || ok != tt.ok || kind != tt.kind || isFlag != tt.ok {
			t.Errorf("%s --%s 1.%d: %q %s %v, want %q %s %v", tt.component, tt.name, tt.minor, value, kind, ok, tt.value, tt.kind, tt.ok)
		}
	}
}

func TestFeatureGate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		minor int
		want  Gate
		ok    bool
	}{
		{"KubeletFineGrainedAuthz", 31, Gate{}, false},
		{"KubeletFineGrainedAuthz", 32, Gate{false, "ALPHA", false}, true},
		{"KubeletFineGrainedAuthz", 33, Gate{true, "BETA", false}, true},
		{"KubeletFineGrainedAuthz", 36, Gate{true, "GA", true}, true},
		{"RotateKubeletServerCertificate", 30, Gate{true, "BETA", false}, true},
		{"RotateKubeletServerCertificate", 37, Gate{true, "BETA", false}, true},
		{"ServiceAccountNodeAudienceRestriction", 32, Gate{false, "BETA", false}, true},
		{"ServiceAccountNodeAudienceRestriction", 33, Gate{true, "BETA", false}, true},
		{"AllowInsecureKubeletCertificateSigningRequests", 31, Gate{false, "DEPRECATED", false}, true},
		{"AnonymousAuthConfigurableEndpoints", 30, Gate{}, false},
		{"AnonymousAuthConfigurableEndpoints", 31, Gate{false, "ALPHA", false}, true},
		{"AnonymousAuthConfigurableEndpoints", 32, Gate{true, "BETA", false}, true},
		{"AnonymousAuthConfigurableEndpoints", 34, Gate{true, "GA", true}, true},
		{"StructuredAuthorizationConfiguration", 30, Gate{true, "BETA", false}, true},
		{"StructuredAuthorizationConfiguration", 32, Gate{true, "GA", true}, true},
		{"ConstrainedImpersonation", 35, Gate{false, "ALPHA", false}, true},
		{"ConstrainedImpersonation", 36, Gate{true, "BETA", false}, true},
		{"AppArmor", 30, Gate{true, "BETA", false}, true},
		{"AppArmor", 37, Gate{}, false}, // removed
		{"NoSuchGate", 37, Gate{}, false},
	} {
		if got, ok := FeatureGate(tt.name, tt.minor); got != tt.want || ok != tt.ok {
			t.Errorf("%s 1.%d: %+v %v, want %+v %v", tt.name, tt.minor, got, ok, tt.want, tt.ok)
		}
	}
}

func TestAdmissionPlugins(t *testing.T) {
	for m := range Minors() {
		on, off := AdmissionPlugins(m), OptionalAdmissionPlugins(m)
		for _, name := range []string{"NamespaceLifecycle", "ServiceAccount", "PodSecurity", "CertificateApproval", "CertificateSubjectRestriction", "ValidatingAdmissionPolicy", "ResourceQuota"} {
			if !slices.Contains(on, name) || slices.Contains(off, name) {
				t.Errorf("1.%d: %s is not on", m, name)
			}
		}
		for _, name := range []string{"NodeRestriction", "PodNodeSelector", "PodTolerationRestriction", "AlwaysPullImages", "EventRateLimit", "DenyServiceExternalIPs", "ImagePolicyWebhook", "ExtendedResourceToleration", "AlwaysAdmit"} {
			if !slices.Contains(off, name) || slices.Contains(on, name) {
				t.Errorf("1.%d: %s is not off", m, name)
			}
		}
		if slices.Index(on, "MutatingAdmissionWebhook") > slices.Index(on, "ValidatingAdmissionWebhook") {
			t.Errorf("1.%d: order %v", m, on)
		}
	}
	if AdmissionPlugins(Oldest-1) != nil || AdmissionPlugins(Newest+1) != nil {
		t.Error("plugins of minors that are not in the table")
	}
}

func TestKubelet(t *testing.T) {
	for m := range Minors() {
		with, without := decode(t, Kubelet(m)), decode(t, KubeletWithoutFile(m))
		a, b := with.Authentication, without.Authentication
		if *a.Anonymous.Enabled || !*a.Webhook.Enabled || with.Authorization.Mode != "Webhook" || with.ReadOnlyPort != 0 {
			t.Errorf("1.%d with a file: %+v %+v", m, a, with.Authorization)
		}
		if !*b.Anonymous.Enabled || *b.Webhook.Enabled || without.Authorization.Mode != "AlwaysAllow" || without.ReadOnlyPort != 10255 {
			t.Errorf("1.%d without: %+v %+v", m, b, without.Authorization)
		}
		for _, c := range []*config.KubeletConfiguration{with, without} {
			if c.RotateCertificates || c.ServerTLSBootstrap || *c.SeccompDefault || !*c.EnableDebuggingHandlers || c.Port != 10250 {
				t.Errorf("1.%d: %+v", m, c)
			}
		}
		kubeadm := decode(t, KubeadmKubelet(m))
		if !kubeadm.RotateCertificates || kubeadm.Authentication.X509.ClientCAFile != "/etc/kubernetes/pki/ca.crt" {
			t.Errorf("1.%d of kubeadm: %+v", m, kubeadm)
		}
	}
	if Kubelet(Oldest-1) != nil || KubeletWithoutFile(38) != nil || KubeadmKubelet(38) != nil {
		t.Error("configuration of a minor that is not in the table")
	}
}

// decode reads fields, all of which the newest struct has.
func decode(t *testing.T, fields json.RawMessage) *config.KubeletConfiguration {
	t.Helper()
	text := strings.Replace(string(fields), "{", `{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"KubeletConfiguration",`, 1)
	doc, warnings, err := config.Decode([]byte(text))
	if err != nil || len(warnings) > 0 || len(doc.Problems()) > 0 {
		t.Fatalf("%v %v\n%s", err, warnings, text)
	}
	return doc.(*config.KubeletConfiguration)
}

func TestSchedulerPlugins(t *testing.T) {
	for m := range Minors() {
		plugins := SchedulerPlugins(m)
		for _, want := range []SchedulerPlugin{{"TaintToleration", 3}, {"NodeAffinity", 2}, {"NodeUnschedulable", 0}, {"InterPodAffinity", 2}} {
			if !slices.Contains(plugins, want) {
				t.Errorf("1.%d: no %+v in %v", m, want, plugins)
			}
		}
	}
	if SchedulerPlugins(38) != nil {
		t.Error("plugins of a minor that is not in the table")
	}
}

func TestKubeadm(t *testing.T) {
	for m := range Minors() {
		for component, want := range map[string]map[string]string{
			"kube-apiserver":          {"authorization-mode": "Node,RBAC", "enable-admission-plugins": "NodeRestriction", "enable-bootstrap-token-auth": "true", "advertise-address": "ADDRESS"},
			"kube-controller-manager": {"use-service-account-credentials": "true", "bind-address": "127.0.0.1"},
			"kube-scheduler":          {"bind-address": "127.0.0.1"},
			"etcd":                    {"client-cert-auth": "true", "peer-client-cert-auth": "true", "name": "NODE"},
		} {
			got := map[string]string{}
			for name, value := range Kubeadm(component, m) {
				got[name] = value
			}
			for name, value := range want {
				if got[name] != value {
					t.Errorf("1.%d %s --%s=%q, want %q", m, component, name, got[name], value)
				}
			}
			for name := range got {
				if _, ok := Flag(component, name, m); !ok && component != "etcd" {
					t.Errorf("1.%d: kubeadm passes --%s, which %s does not have", m, name, component)
				}
			}
		}
	}
}

// TestTable looks at the table itself: order, minors without holes or overlaps, and every part in every minor.
func TestTable(t *testing.T) {
	rows := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	last := map[string]string{}
	for _, row := range rows {
		fields := strings.Split(row, "\t")
		i := slices.IndexFunc(fields, isMinors)
		if i < 2 || len(fields) < i+2 {
			t.Fatalf("%q", row)
		}
		key := strings.Join(fields[:i], "\t")
		first, end, _ := strings.Cut(fields[i], "-")
		if first > end || first < strconv.Itoa(Oldest) || end > strconv.Itoa(Newest) || first <= last[key] {
			t.Errorf("minors of %q, after %s", row, last[key])
		}
		last[key] = end
	}
	for m := range Minors() {
		counts := map[string]int{}
		for line := range Lines(m) {
			kind, rest, _ := strings.Cut(line, "\t")
			if kind == "flag" {
				component, _, _ := strings.Cut(rest, "\t")
				kind = "flag " + component
			}
			counts[kind]++
		}
		for kind, least := range map[string]int{"flag kube-apiserver": 150, "flag kube-controller-manager": 130, "flag kube-scheduler": 45, "flag kubelet": 100,
			"kubelet": 70, "gate": 120, "plugin": 30, "legacy": 3, "scheduler": 15, "kubeadm": 60} {
			if counts[kind] < least {
				t.Errorf("1.%d: %d of %s", m, counts[kind], kind)
			}
		}
	}
	if len(table) > 200_000 {
		t.Errorf("%d bytes", len(table))
	}
}

func BenchmarkFlag(b *testing.B) {
	for b.Loop() {
		Flag("kubelet", "volume-plugin-dir", 37)
	}
}
