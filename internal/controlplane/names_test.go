package controlplane_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/defaults"
	"github.com/nist190/nist190/inventory"
)

// gone are flags that the newest version no longer has.
var gone = map[string]bool{"basic-auth-file": true, "admission-control": true}

// TestFlagsExist: a flag with a wrong name would never be found, and its default would be nothing.
func TestFlagsExist(t *testing.T) {
	asked := regexp.MustCompile(`\.(?:text|boolean|number|duration|list|lines|settings|isSet|kubeconfig)\("([a-z0-9-]+)"|file\[[^\]]+\]\(r, "([a-z0-9-]+)"`)
	files := map[string][]string{ // by component
		"kube-apiserver":          {"apiserver.go", "authentication.go", "admissionconfig.go"},
		"kube-controller-manager": {"controllermanager.go"},
		"kube-scheduler":          {"scheduler.go"},
	}
	n := 0
	for component, names := range files {
		for _, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range asked.FindAllStringSubmatch(string(source), -1) {
				flag := m[1] + m[2]
				n++
				if _, ok := defaults.Flag(component, flag, defaults.Newest); !ok && !gone[flag] {
					t.Errorf("%s: %s has no flag --%s", name, component, flag)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d flags are asked for", n)
	}
	setting := regexp.MustCompile(`setting\{at\([^)]*\), "([a-z0-9-]+)"`)
	source, err := os.ReadFile("kubelet.go")
	if err != nil {
		t.Fatal(err)
	}
	all := setting.FindAllStringSubmatch(string(source), -1)
	for _, m := range all {
		if _, ok := defaults.Flag("kubelet", m[1], defaults.Newest); !ok {
			t.Errorf("kubelet has no flag --%s", m[1])
		}
	}
	if len(all) < 20 {
		t.Errorf("only %d fields are asked for", len(all))
	}
}

// TestEveryFieldOfTheKubelet sets all fields that are asked for to what no default is.
func TestEveryFieldOfTheKubelet(t *testing.T) {
	k := viewOf(t, map[string]string{"k.yaml": kubeletHead + `
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}, x509: {clientCAFile: /ca}}
authorization: {mode: AlwaysAllow}
readOnlyPort: 10255
rotateCertificates: true
serverTLSBootstrap: true
tlsCertFile: /c
tlsPrivateKeyFile: /k
tlsMinVersion: VersionTLS13
tlsCipherSuites: [A, B]
staticPodPath: /m
staticPodURL: https://m
enableDebuggingHandlers: false
streamingConnectionIdleTimeout: 5m
protectKernelDefaults: true
seccompDefault: true
eventRecordQPS: 7
makeIPTablesUtilChains: false
failCgroupV1: false
providerID: p
registerWithTaints: [{key: a, value: b, effect: NoSchedule}]
`}).Kubelets()[0]
	check := func(name string, right bool, b controlplane.Basis) {
		if !right || b.Known != controlplane.Explicit || b.Origin().Line < 4 {
			t.Errorf("%s: %+v", name, b)
		}
	}
	check("anonymous", k.AnonymousAuth().Value, k.AnonymousAuth().Basis)
	check("webhook", !k.WebhookAuthentication().Value, k.WebhookAuthentication().Basis)
	check("client CA", k.ClientCAFile().Value == "/ca", k.ClientCAFile().Basis)
	check("mode", k.AuthorizationMode().Value == "AlwaysAllow", k.AuthorizationMode().Basis)
	check("port", k.ReadOnlyPort().Value == 10255, k.ReadOnlyPort().Basis)
	check("rotation", k.RotateCertificates().Value, k.RotateCertificates().Basis)
	check("bootstrap", k.ServerTLSBootstrap().Value, k.ServerTLSBootstrap().Basis)
	check("certificate", k.TLSCertFile().Value == "/c", k.TLSCertFile().Basis)
	check("key", k.TLSPrivateKeyFile().Value == "/k", k.TLSPrivateKeyFile().Basis)
	check("version", k.TLSMinVersion().Value == "VersionTLS13", k.TLSMinVersion().Basis)
	check("suites", strings.Join(k.TLSCipherSuites().Value, "") == "AB", k.TLSCipherSuites().Basis)
	check("static pods", k.StaticPodPath().Value == "/m", k.StaticPodPath().Basis)
	check("static pods by URL", k.StaticPodURL().Value == "https://m", k.StaticPodURL().Basis)
	check("debugging", !k.DebuggingHandlers().Value, k.DebuggingHandlers().Basis)
	check("streams", k.StreamingIdleTimeout().Value == 5*time.Minute, k.StreamingIdleTimeout().Basis)
	check("kernel", k.ProtectKernelDefaults().Value, k.ProtectKernelDefaults().Basis)
	check("seccomp", k.SeccompDefault().Value, k.SeccompDefault().Basis)
	check("events", k.EventRecordQPS().Value == 7, k.EventRecordQPS().Basis)
	check("iptables", !k.MakeIPTablesUtilChains().Value, k.MakeIPTablesUtilChains().Basis)
	check("cgroups", !k.FailCgroupV1().Value, k.FailCgroupV1().Basis)
	check("provider", k.ProviderID().Value == "p", k.ProviderID().Basis)
	taints := k.RegisterWithTaints()
	check("taints", len(taints.Value) == 1 && taints.Value[0] == corev1.Taint{Key: "a", Value: "b", Effect: corev1.TaintEffectNoSchedule}, taints.Basis)
}

// TestTheRest asks what no other test does.
func TestTheRest(t *testing.T) {
	v := viewOf(t, map[string]string{"a.yaml": apiServer("--authorization-mode=ABAC,Webhook", "--authorization-policy-file=/p", "--authorization-webhook-config-file=/w", "--request-timeout=2m", "--allow-privileged") + "---\n" +
		staticPod("etcd", "3.6.0", "--data-dir=/d", "--listen-metrics-urls=http://a:1,http://b:2") + "---\n" +
		staticPod("kube-controller-manager", "v1.37.0", "--service-account-private-key-file=/k", "--feature-gates=AllBeta=false") + "---\n" +
		staticPod("kubelet", "v1.37.1", "--bootstrap-kubeconfig=/b")})
	s := v.APIServer()
	if a := s.Authorizers(); !a.OK() || a.Value[0].PolicyFile != "/p" || a.Value[1].Kubeconfig != "/w" {
		t.Errorf("%+v", a.Answer)
	}
	if a := s.RequestTimeout(); a.Value != 2*time.Minute {
		t.Errorf("%+v", a.Answer)
	}
	if a := s.AllowPrivileged(); !a.Value {
		t.Errorf("%+v", a.Answer)
	}
	if a := s.BasicAuthFile(); !a.OK() || a.Value != "" {
		t.Errorf("a flag that is gone is not set: %+v", a.Answer)
	}
	if a := v.Etcd().DataDir(); a.Value != "/d" {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.Etcd().MetricsURLs(); len(a.Value) != 2 {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.ControllerManager().ServiceAccountKeyFile(); a.Value != "/k" {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.ControllerManager().FeatureGate("RotateKubeletServerCertificate"); !a.OK() || a.Value {
		t.Errorf("AllBeta turns the gates off that are beta: %+v", a.Answer)
	}
	if a := v.ControllerManager().FeatureGate("PodCertificateRequest"); !a.OK() || !a.Value {
		t.Errorf("and not those that are not: %+v", a.Answer)
	}
	k := v.Kubelets()[0]
	if a := k.BootstrapKubeconfig(); a.Value != "/b" {
		t.Errorf("%+v", a.Answer)
	}
	if a := k.Version(); a.Value != (inventory.Version{Major: 1, Minor: 37}) {
		t.Errorf("%+v", a)
	}
	if !v.Visible("etcd") || v.Visible("kube-scheduler") {
		t.Error("the scheduler is not described")
	}
	if a := v.Scheduler().Delegation(); a.OK() {
		t.Errorf("%+v", a.Answer)
	}
	if !controlplane.MinTLS("") || !controlplane.MinTLS("VersionTLS13") || controlplane.MinTLS("VersionTLS11") {
		t.Error("TLS 1.2 is the least")
	}
}
