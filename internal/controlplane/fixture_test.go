package controlplane_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/process"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

// TestFixtures writes down the answers to every question for whole clusters: as kubeadm makes them, hardened by
// configuration, and with replicas that differ.
func TestFixtures(t *testing.T) {
	for _, name := range []string{"stock", "hardened", "divergent"} {
		t.Run(name, func(t *testing.T) {
			v := fixture(t, name)
			for _, p := range v.Problems() {
				t.Error(p)
			}
			var b strings.Builder
			sheet(&b, v)
			golden := "testdata/" + name + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func line[T any](b *strings.Builder, name string, v controlplane.Value[T], text func(T) string) {
	fmt.Fprintf(b, "%-34s %s\n", name, oneLine(v.Answer, text))
	if len(v.Replicas) > 1 {
		for _, r := range v.Replicas {
			fmt.Fprintf(b, "%34s %s: %s\n", "", r.Replica, oneLine(r, text))
		}
	}
}

func oneLine[T any](a controlplane.Answer[T], text func(T) string) string {
	if !a.OK() {
		return "? " + a.Reason
	}
	return fmt.Sprintf("%s (%s, %s, %s)", text(a.Value), a.Known, a.Strength, a.Origin())
}

func plain[T any](v T) string { return fmt.Sprint(v) }

func sheet(b *strings.Builder, v *controlplane.View) {
	fmt.Fprintf(b, "version %s\n", oneLine(v.Version(), plain))
	api := v.APIServer()
	fmt.Fprintln(b, "\nkube-apiserver", v.Replicas(process.KubeAPIServer))
	line(b, "anonymous", api.AnonymousAuth(), plain)
	line(b, "authorizers", api.AuthorizationModes(), plain)
	line(b, "NodeRestriction", api.AdmissionPlugin("NodeRestriction"), plain)
	line(b, "PodNodeSelector", api.AdmissionPlugin("PodNodeSelector"), plain)
	line(b, "admission plugins", api.AdmissionPlugins(), func(l []string) string { return fmt.Sprint(len(l)) })
	line(b, "secrets", api.EncryptionFor(schema.GroupResource{Resource: "secrets"}), plain)
	line(b, "widgets", api.EncryptionFor(schema.GroupResource{Group: "example.com", Resource: "widgets"}), plain)
	line(b, "audit", api.Audit(), func(a controlplane.Audit) string {
		rules := 0
		if a.Policy != nil {
			rules = len(a.Policy.Rules)
		}
		return fmt.Sprintf("%d rules to %q, %d days", rules, a.LogPath, a.MaxAge)
	})
	line(b, "client CA", api.ClientCAFile(), plain)
	line(b, "tokens", api.TokenAuthFile(), plain)
	line(b, "bootstrap tokens", api.BootstrapTokens(), plain)
	line(b, "JWT", api.JWT(), func(l []controlplane.JWT) string {
		var out []string
		for _, j := range l {
			out = append(out, j.Issuer.URL)
		}
		return fmt.Sprint(out)
	})
	line(b, "service accounts", api.ServiceAccounts(), plain)
	line(b, "request header", api.RequestHeader(), func(h *controlplane.RequestHeader) string {
		if h == nil {
			return "none"
		}
		return fmt.Sprint(*h)
	})
	line(b, "token webhook", api.TokenWebhook(), func(h *controlplane.TokenWebhook) string { return fmt.Sprint(h != nil) })
	line(b, "TLS", api.TLS(), plain)
	line(b, "etcd", api.Etcd(), plain)
	line(b, "kubelets", api.KubeletClient(), plain)
	line(b, "profiling", api.Profiling(), plain)
	line(b, "gate AnonymousAuthConfigurable...", api.FeatureGate("AnonymousAuthConfigurableEndpoints"), plain)

	m := v.ControllerManager()
	fmt.Fprintln(b, "\nkube-controller-manager")
	line(b, "own accounts", m.UseServiceAccountCredentials(), plain)
	line(b, "signing", m.Signing(), plain)
	line(b, "root CA", m.RootCAFile(), plain)
	line(b, "token cleaner", m.Controller("tokencleaner"), plain)
	line(b, "ended pods", m.TerminatedPodThreshold(), plain)
	line(b, "profiling", m.Profiling(), plain)
	line(b, "delegation", m.Delegation(), plain)
	line(b, "address", m.TLS(), func(t controlplane.TLS) string { return t.BindAddress })

	s := v.Scheduler()
	fmt.Fprintln(b, "\nkube-scheduler")
	line(b, "profiles", s.Profiles(), func(l []controlplane.Profile) string {
		var out []string
		for _, p := range l {
			out = append(out, p.SchedulerName)
		}
		return fmt.Sprint(out)
	})
	line(b, "profiling", s.Profiling(), plain)
	line(b, "address", s.TLS(), func(t controlplane.TLS) string { return t.BindAddress })

	e := v.Etcd()
	fmt.Fprintln(b, "\netcd", v.Replicas(process.Etcd))
	mutual := func(t controlplane.Transport) string { return fmt.Sprint(t.Mutual(), " ", t.ListenURLs) }
	line(b, "clients", e.Client(), mutual)
	line(b, "peers", e.Peer(), mutual)
	fmt.Fprintf(b, "%-34s %s\n", "members", oneLine(e.Members(), plain))

	for _, k := range v.Kubelets() {
		fmt.Fprintf(b, "\nkubelet %s %s\n", k.Node, k.Place().Origin())
		line(b, "anonymous", k.AnonymousAuth(), plain)
		line(b, "mode", k.AuthorizationMode(), plain)
		line(b, "webhook", k.WebhookAuthentication(), plain)
		line(b, "client CA", k.ClientCAFile(), plain)
		line(b, "read-only port", k.ReadOnlyPort(), plain)
		line(b, "rotation", k.RotateCertificates(), plain)
		line(b, "serving certificate", k.ServerTLSBootstrap(), plain)
		line(b, "TLS", k.TLSMinVersion(), plain)
		line(b, "static pods", k.StaticPodPath(), plain)
		line(b, "streams", k.StreamingIdleTimeout(), plain)
		line(b, "seccomp", k.SeccompDefault(), plain)
		line(b, "kernel", k.ProtectKernelDefaults(), plain)
		line(b, "taints", k.RegisterWithTaints(), plain)
		line(b, "labels", k.NodeLabels(), plain)
		line(b, "gate RotateKubeletServerCertificate", k.FeatureGate("RotateKubeletServerCertificate"), plain)
	}
	for _, j := range v.Joins() {
		fmt.Fprintf(b, "\njoin %s %d hashes, skips the CA %v, literal token %v (%s)\n", j.Node, len(j.CAHashes), j.SkipCA, j.Token.Literal(), j.Origin())
	}
	for _, t := range v.Tokens() {
		fmt.Fprintf(b, "token, literal %v, forever %v (%s)\n", t.Literal(), t.TTL != nil && *t.TTL == 0, t.Origin())
	}
}
