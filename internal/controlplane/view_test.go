package controlplane_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// viewOf builds the view of files by name.
func viewOf(t testing.TB, files map[string]string, settings ...inventory.Value) *controlplane.View {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fsys, "."), settings...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fixture builds the view of a directory of testdata.
func fixture(t testing.TB, name string) *controlplane.View {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, os.DirFS("testdata/"+name), "."))
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// apiServer is a static pod with flags.
func apiServer(flags ...string) string { return staticPod("kube-apiserver", "v1.36.1", flags...) }

func staticPod(binary, version string, flags ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {name: " + binary + ", namespace: kube-system}\nspec:\n  containers:\n  - name: x\n    image: registry.k8s.io/" + binary + ":" + version + "\n    command:\n    - " + binary + "\n")
	for _, f := range flags {
		b.WriteString("    - " + f + "\n")
	}
	return b.String()
}

// say writes an answer for comparison: value, how it is known, where.
func say[T any](a controlplane.Answer[T], text string) string {
	if !a.OK() {
		return "unknown: " + a.Reason
	}
	out := text + ", " + a.Known.String()
	if a.Known == controlplane.Explicit {
		out += " " + a.Origin().String()
	}
	return out
}

func yes(a controlplane.Answer[bool]) string {
	if a.Value {
		return say(a, "yes")
	}
	return say(a, "no")
}

func word(a controlplane.Answer[string]) string    { return say(a, a.Value) }
func words(a controlplane.Answer[[]string]) string { return say(a, strings.Join(a.Value, ",")) }

func anonymous(a controlplane.Answer[controlplane.Anonymous]) string {
	text := "off"
	if a.Value.Enabled {
		text = "on"
		if len(a.Value.Paths) > 0 {
			text += " for " + strings.Join(a.Value.Paths, ",")
		}
	}
	return say(a, text)
}

func encryption(a controlplane.Answer[controlplane.Encryption]) string {
	var names []string
	for _, p := range a.Value.Providers {
		names = append(names, p.Type)
	}
	text := "plain"
	if a.Value.Encrypted() {
		text = "encrypted"
	}
	return say(a, text+" "+strings.Join(names, ","))
}

const nothing = "unknown: control plane not visible: nothing describes kube-apiserver"

func TestAnonymousAuth(t *testing.T) {
	authentication := func(body string) string {
		return "apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\n" + body
	}
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no evidence", map[string]string{"n.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"}, nothing},
		{"absent", map[string]string{"a.yaml": apiServer("--authorization-mode=RBAC")}, "on, default"},
		{"off", map[string]string{"a.yaml": apiServer("--authorization-mode=RBAC", "--anonymous-auth=false")}, "off, explicit a.yaml:11"},
		{"the last counts", map[string]string{"a.yaml": apiServer("--authorization-mode=RBAC", "--anonymous-auth=false", "--anonymous-auth")}, "on, explicit a.yaml:12"},
		{"forced off", map[string]string{"a.yaml": apiServer("--anonymous-auth=true")}, "off, default"},
		{"forced off by a mode", map[string]string{"a.yaml": apiServer("--authorization-mode=RBAC,AlwaysAllow")}, "off, explicit a.yaml:10"},
		{"conditions", map[string]string{"a.yaml": apiServer("--authentication-config=/etc/k/authn.yaml"),
			"authn.yaml": authentication("anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}]}\n")}, "on for /livez,/readyz, explicit authn.yaml:3"},
		{"the file says off", map[string]string{"a.yaml": apiServer("--authentication-config=/etc/k/authn.yaml"),
			"etc/k/authn.yaml": authentication("anonymous: {enabled: false}\n")}, "off, explicit etc/k/authn.yaml:3"},
		{"the file does not say", map[string]string{"a.yaml": apiServer("--authentication-config=/authn.yaml", "--authorization-mode=RBAC"),
			"authn.yaml": authentication("jwt: []\n")}, "on, default"},
		{"the file and the flag", map[string]string{"a.yaml": apiServer("--authentication-config=/authn.yaml", "--anonymous-auth=false"),
			"authn.yaml": authentication("anonymous: {enabled: false}\n")},
			"unknown: --anonymous-auth and the field anonymous of --authentication-config exclude each other: kube-apiserver refuses to start"},
		{"the file is not given", map[string]string{"a.yaml": apiServer("--authentication-config=/etc/k/authn.yaml")},
			"unknown: --authentication-config names /etc/k/authn.yaml, which is not among the evidence"},
		{"the file is refused", map[string]string{"a.yaml": apiServer("--authentication-config=/authn.yaml"), "authn.yaml": authentication("anonymous: {enabled: false, conditions: [{path: /x}]}\n")},
			"unknown: authn.yaml:1 cannot be read: anonymous.conditions: conditions need enabled: true"},
		{"a value that is none", map[string]string{"a.yaml": apiServer("--anonymous-auth=nein", "--authorization-mode=RBAC")},
			"unknown: the value of --anonymous-auth is none: kube-apiserver refuses to start"},
		{"a word behind", map[string]string{"a.yaml": apiServer("--authorization-mode=RBAC", "--anonymous-auth", "'false'")},
			"unknown: the value of --anonymous-auth is not known: it is followed by a word that is no flag: kube-apiserver refuses to start"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := anonymous(viewOf(t, tt.files).APIServer().AnonymousAuth().Answer)
			if got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAuthorization(t *testing.T) {
	structured := "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n- {type: Node, name: node}\n- {type: RBAC, name: rbac}\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing is set", map[string]string{"a.yaml": apiServer("--profiling=false")}, "AlwaysAllow, default"},
		{"a flag", map[string]string{"a.yaml": apiServer("--authorization-mode=Node,RBAC")}, "Node,RBAC, explicit a.yaml:10"},
		{"a flag twice", map[string]string{"a.yaml": apiServer("--authorization-mode=Node", "--authorization-mode=RBAC")}, "Node,RBAC, explicit a.yaml:10"},
		{"a file", map[string]string{"a.yaml": apiServer("--authorization-config=/etc/authz.yaml"), "x/etc/authz.yaml": structured}, "Node,RBAC, explicit x/etc/authz.yaml:1"},
		{"a file and the flag", map[string]string{"a.yaml": apiServer("--authorization-config=/etc/authz.yaml", "--authorization-mode=RBAC"), "authz.yaml": structured},
			"unknown: --authorization-config and --authorization-mode exclude each other: kube-apiserver refuses to start"},
		{"a mode that there is not", map[string]string{"a.yaml": apiServer("--authorization-mode=Rbac")}, "unknown: --authorization-mode has a mode that there is not: kube-apiserver refuses to start"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := words(viewOf(t, tt.files).APIServer().AuthorizationModes().Answer); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
	v := viewOf(t, map[string]string{"a.yaml": apiServer("--authorization-config=/etc/authz.yaml"), "authz.yaml": structured})
	if got := yes(v.APIServer().AuthorizationMode("Node").Answer); got != "yes, explicit authz.yaml:1" {
		t.Error(got)
	}
}

func TestAdmissionPlugins(t *testing.T) {
	tests := []struct {
		name, plugin string
		flags        []string
		want         string
	}{
		{"off by default", "NodeRestriction", nil, "no, default"},
		{"on by default", "LimitRanger", nil, "yes, default"},
		{"enabled", "NodeRestriction", []string{"--enable-admission-plugins=PodNodeSelector,NodeRestriction"}, "yes, explicit a.yaml:10"},
		{"disabled", "LimitRanger", []string{"--disable-admission-plugins=LimitRanger"}, "no, explicit a.yaml:10"},
		{"enabled and disabled", "LimitRanger", []string{"--enable-admission-plugins=LimitRanger", "--disable-admission-plugins=LimitRanger"}, "yes, explicit a.yaml:10"},
		{"the old flag names all", "LimitRanger", []string{"--admission-control=NodeRestriction"}, "no, explicit a.yaml:10"},
		{"a variable", "NodeRestriction", []string{"--enable-admission-plugins=$(PLUGINS)"}, "unknown: there is no admission plugin \"$(PLUGINS)\": kube-apiserver refuses to start"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := viewOf(t, map[string]string{"a.yaml": apiServer(tt.flags...)})
			if got := yes(v.APIServer().AdmissionPlugin(tt.plugin).Answer); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestEncryption(t *testing.T) {
	with := func(resources string) map[string]string {
		return map[string]string{"a.yaml": apiServer("--encryption-provider-config=/etc/enc.yaml"),
			"enc.yaml": "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n" + resources}
	}
	const key = "{keys: [{name: k, secret: c2VjcmV0IGlzIHNlY3VyZQ==}]}"
	tests := []struct {
		name     string
		files    map[string]string
		resource schema.GroupResource
		want     string
	}{
		{"no flag", map[string]string{"a.yaml": apiServer()}, schema.GroupResource{Resource: "secrets"}, "plain , default"},
		{"encrypted", with("- {resources: [secrets], providers: [{aescbc: " + key + "}, {identity: {}}]}\n"), schema.GroupResource{Resource: "secrets"}, "encrypted aescbc,identity, explicit enc.yaml:4"},
		{"identity first", with("- {resources: [secrets], providers: [{identity: {}}, {aescbc: " + key + "}]}\n"), schema.GroupResource{Resource: "secrets"}, "plain identity,aescbc, explicit enc.yaml:4"},
		{"identity first, a later wildcard encrypts", with("- {resources: [secrets], providers: [{identity: {}}]}\n- {resources: ['*.*'], providers: [{secretbox: {keys: [{name: k, secret: YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=}]}}]}\n"),
			schema.GroupResource{Resource: "secrets"}, "plain identity, explicit enc.yaml:4"},
		{"by the wildcard of the core group", with("- {resources: ['*.'], providers: [{aesgcm: " + key + "}]}\n"), schema.GroupResource{Resource: "secrets"}, "encrypted aesgcm, explicit enc.yaml:4"},
		{"the wildcard of another group", with("- {resources: ['*.apps'], providers: [{aesgcm: " + key + "}]}\n"), schema.GroupResource{Resource: "secrets"}, "plain , explicit enc.yaml:1"},
		{"by all", with("- {resources: ['*.*'], providers: [{kms: {apiVersion: v2, name: a, endpoint: 'unix:///a'}}]}\n"), schema.GroupResource{Group: "example.com", Resource: "widgets"}, "encrypted kms, explicit enc.yaml:4"},
		{"another resource", with("- {resources: [configmaps], providers: [{aescbc: " + key + "}]}\n"), schema.GroupResource{Resource: "secrets"}, "plain , explicit enc.yaml:1"},
		{"keys are filled in later", with("- {resources: [secrets], providers: [{aescbc: {keys: [{name: k, secret: <BASE 64 ENCODED SECRET>}]}}]}\n"), schema.GroupResource{Resource: "secrets"}, "encrypted aescbc, explicit enc.yaml:4"},
		{"a masked entry is refused", with("- {resources: ['*.*'], providers: [{identity: {}}]}\n- {resources: [secrets], providers: [{aescbc: " + key + "}]}\n"), schema.GroupResource{Resource: "secrets"},
			"unknown: enc.yaml:1 cannot be read: resources[1].resources[0]: an earlier wildcard masks it"},
		{"the file is not given", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/etc/enc.yaml")}, schema.GroupResource{Resource: "secrets"},
			"unknown: --encryption-provider-config names /etc/enc.yaml, which is not among the evidence"},
		{"a running API server", map[string]string{"metrics.txt": "# HELP a b\n# TYPE a gauge\napiserver_encryption_config_controller_last_config_info{hash=\"x\"} 1\n"}, schema.GroupResource{Resource: "secrets"},
			"unknown: the API server has loaded an EncryptionConfiguration, whose content /metrics does not tell"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := encryption(viewOf(t, tt.files).APIServer().EncryptionFor(tt.resource).Answer); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWhichFile(t *testing.T) {
	enc := func(provider string) string {
		return "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{" + provider + "}]}]\n"
	}
	const plain, kms = "identity: {}", "kms: {apiVersion: v2, name: a, endpoint: 'unix:///a'}"
	mounted := strings.Replace(apiServer("--encryption-provider-config=/enc/e.yaml"), "  containers:", "  volumes: [{name: v, hostPath: {path: /srv/keys}}]\n  containers:", 1) +
		"    volumeMounts: [{name: v, mountPath: /enc}]\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"by its whole path", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "enc/e.yaml": enc(kms), "old/e.yaml": enc(plain)}, "encrypted kms, explicit enc/e.yaml:3"},
		{"by the path on the node", map[string]string{"a.yaml": mounted, "srv/keys/e.yaml": enc(kms), "other/e.yaml": enc(plain)}, "encrypted kms, explicit srv/keys/e.yaml:3"},
		{"by its name", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "files/e.yaml": enc(kms)}, "encrypted kms, explicit files/e.yaml:3"},
		{"the nearer of two", map[string]string{"one/a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "one/enc/e.yaml": enc(kms), "two/enc/e.yaml": enc(plain)}, "encrypted kms, explicit one/enc/e.yaml:3"},
		{"one of two", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "one/e.yaml": enc(kms), "two/e.yaml": enc(plain)},
			"unknown: --encryption-provider-config names /enc/e.yaml, and one/e.yaml:1 and two/e.yaml:1 could both be it"},
		{"two of the same content", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "one/e.yaml": enc(kms), "two/e.yaml": enc(kms)}, "encrypted kms, explicit one/e.yaml:3"},
		{"another name is another file", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "enc/f.yaml": enc(kms)},
			"unknown: --encryption-provider-config names /enc/e.yaml, which is not among the evidence"},
		{"another kind", map[string]string{"a.yaml": apiServer("--encryption-provider-config=/enc/e.yaml"), "enc/e.yaml": "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n"},
			"unknown: --encryption-provider-config names /enc/e.yaml, which is not among the evidence"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := encryption(viewOf(t, tt.files).APIServer().EncryptionFor(schema.GroupResource{Resource: "secrets"}).Answer); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	// PodCertificateRequest: off in 1.36, on since 1.37.
	const gate = "PodCertificateRequest"
	const ends = "are not known here, only those of 1."
	tests := []struct {
		name     string
		files    map[string]string
		settings []inventory.Value
		gate     string
		anon     string
	}{
		{"by the image", map[string]string{"a.yaml": staticPod("kube-apiserver", "v1.36.9", "--authorization-mode=RBAC")}, nil, "no, default", "on, default"},
		{"by the image, later", map[string]string{"a.yaml": staticPod("kube-apiserver", "v1.37.0-eks-x", "--authorization-mode=RBAC")}, nil, "yes, default", "on, default"},
		{"set by the caller", map[string]string{"a.yaml": staticPod("kube-apiserver", "latest", "--authorization-mode=RBAC")}, []inventory.Value{inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: 37})}, "yes, default", "on, default"},
		{"by /version", map[string]string{"a.yaml": staticPod("kube-apiserver", "latest", "--authorization-mode=RBAC"),
			"version.json": `{"major":"1","minor":"36","gitVersion":"v1.36.1","gitCommit":"a","gitTreeState":"clean","buildDate":"x","goVersion":"go1","compiler":"gc","platform":"linux/amd64"}`}, nil, "no, default", "on, default"},
		{"not known", map[string]string{"a.yaml": staticPod("kube-apiserver", "latest", "--authorization-mode=RBAC")}, nil,
			"unknown: the feature gate " + gate + " is not set, and its default ", "on, default"},
		{"newer than the table", map[string]string{"a.yaml": staticPod("kube-apiserver", "v1.38.0", "--authorization-mode=RBAC")}, nil,
			"unknown: the feature gate " + gate + " is not set, and the defaults of Kubernetes 1.38 " + ends,
			"unknown: --authentication-config is not set, and the defaults of Kubernetes 1.38 " + ends},
		{"older than the table", map[string]string{"a.yaml": staticPod("kube-apiserver", "v1.29.0", "--authorization-mode=RBAC")}, nil,
			"unknown: the feature gate " + gate + " is not set, and the defaults of Kubernetes 1.29 " + ends,
			"unknown: --authentication-config is not set, and the defaults of Kubernetes 1.29 " + ends},
		{"set", map[string]string{"a.yaml": staticPod("kube-apiserver", "v1.38.0", "--feature-gates=kube:"+gate+"=false")}, nil, "no, explicit a.yaml:10",
			"unknown: --authentication-config is not set, and the defaults of Kubernetes 1.38 " + ends},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := viewOf(t, tt.files, tt.settings...)
			if got := yes(v.APIServer().FeatureGate(gate).Answer); !strings.HasPrefix(got, tt.gate) {
				t.Errorf("%s\nwant %s", got, tt.gate)
			}
			if got := anonymous(v.APIServer().AnonymousAuth().Answer); !strings.HasPrefix(got, tt.anon) {
				t.Errorf("%s\nwant %s", got, tt.anon)
			}
		})
	}
}

// TestGatesByMinor: tokens of nodes are limited to an audience since 1.33; the gate was there before, and off.
func TestGatesByMinor(t *testing.T) {
	for version, want := range map[string]string{"v1.32.4": "no, default", "v1.33.1": "yes, default", "v1.37.0": "yes, default"} {
		v := viewOf(t, map[string]string{"a.yaml": staticPod("kube-apiserver", version)})
		if got := yes(v.APIServer().FeatureGate("ServiceAccountNodeAudienceRestriction").Answer); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestWhoSpeaks(t *testing.T) {
	mirror := func(node string, flags ...string) string {
		return strings.Replace(strings.Replace(apiServer(flags...), "name: kube-apiserver, namespace: kube-system", "name: kube-apiserver-"+node+", namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}", 1),
			"spec:\n", "spec:\n  nodeName: "+node+"\n", 1)
	}
	kubeadmConfig := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.1\n"
	t.Run("pods say more than what kubeadm was asked for", func(t *testing.T) {
		v := viewOf(t, map[string]string{"a.yaml": mirror("cp-1", "--authorization-mode=RBAC"), "k.yaml": kubeadmConfig})
		if got := words(v.APIServer().AuthorizationModes().Answer); got != "RBAC, explicit a.yaml:11" {
			t.Error(got)
		}
		if got := v.Replicas(process.KubeAPIServer); !cmp.Equal(got, []string{"cp-1"}) {
			t.Error(got)
		}
	})
	t.Run("kubeadm answers for what was not seen", func(t *testing.T) {
		v := viewOf(t, map[string]string{"k.yaml": kubeadmConfig})
		if got := words(v.APIServer().AuthorizationModes().Answer); got != "Node,RBAC, installed" {
			t.Error(got)
		}
		if a := v.APIServer().AuthorizationModes(); a.Strength != inventory.Inferred {
			t.Error(a.Strength)
		}
	})
	t.Run("replicas that agree", func(t *testing.T) {
		v := viewOf(t, map[string]string{"a.yaml": mirror("cp-1", "--authorization-mode=RBAC") + "---\n" + mirror("cp-2", "--authorization-mode=RBAC")})
		a := v.APIServer().AuthorizationModes()
		if got := words(a.Answer); got != "RBAC, explicit a.yaml:11" || len(a.Replicas) != 2 || a.Diverges() {
			t.Errorf("%s, %d replicas", got, len(a.Replicas))
		}
	})
	t.Run("replicas that do not", func(t *testing.T) {
		v := viewOf(t, map[string]string{"a.yaml": mirror("cp-1", "--authorization-mode=RBAC") + "---\n" + mirror("cp-2", "--authorization-mode=RBAC", "--anonymous-auth=false")})
		a := v.APIServer().AnonymousAuth()
		if got := anonymous(a.Answer); got != "unknown: the replicas disagree: cp-1, the default of Kubernetes 1.36; cp-2, set at a.yaml:24" || !a.Diverges() {
			t.Error(got)
		}
		bad := a.Find(func(x controlplane.Anonymous) bool { return x.Enabled })
		if len(bad) != 1 || bad[0].Replica != "cp-1" {
			t.Errorf("%+v", bad)
		}
	})
	t.Run("a replica that is not known", func(t *testing.T) {
		v := viewOf(t, map[string]string{"a.yaml": mirror("cp-1", "--authorization-mode=RBAC") + "---\n" + mirror("cp-2", "--authorization-config=/a.yaml")})
		a := v.APIServer().AuthorizationModes()
		if a.OK() || a.Replica != "cp-2" || !cmp.Equal(a.Wanted, []string{"/a.yaml"}) {
			t.Errorf("%+v", a.Answer)
		}
	})
	t.Run("a report of single things", func(t *testing.T) {
		metrics := "# HELP a b\n# TYPE a counter\napiserver_admission_controller_admission_duration_seconds_count{name=\"NodeRestriction\"} 1\napiserver_authorization_decisions_total{decision=\"allowed\",name=\"n\",type=\"Node\"} 4\n"
		v := viewOf(t, map[string]string{"metrics.txt": metrics})
		if got := yes(v.APIServer().AdmissionPlugin("NodeRestriction").Answer); got != "yes, explicit metrics.txt:3" {
			t.Error(got)
		}
		if got := yes(v.APIServer().AuthorizationMode("Node").Answer); got != "yes, explicit metrics.txt:4" {
			t.Error(got)
		}
		if got := yes(v.APIServer().AdmissionPlugin("PodNodeSelector").Answer); got != "unknown: /metrics tells only what was used since the API server started" {
			t.Error(got)
		}
		if a := v.APIServer().AdmissionPlugin("NodeRestriction"); a.Strength != inventory.Observed {
			t.Error(a.Strength)
		}
		v = viewOf(t, map[string]string{"metrics.txt": metrics, "a.yaml": mirror("cp-1", "--authorization-mode=RBAC")})
		if got := words(v.APIServer().AuthorizationModes().Answer); got != "RBAC, explicit a.yaml:11" {
			t.Errorf("the report has nothing to say to that: %s", got)
		}
		if a := v.APIServer().AdmissionPlugin("NodeRestriction"); !a.Diverges() {
			t.Error("the pod has it off and the process on")
		}
	})
	t.Run("flags of the running process", func(t *testing.T) {
		v := viewOf(t, map[string]string{"flagz.txt": "\nkube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n" +
			"anonymous-auth=true\nauthentication-config=\nauthorization-config=\nauthorization-mode=[Node,RBAC]\ndisable-admission-plugins=[]\nenable-admission-plugins=[NodeRestriction]\n"})
		if got := words(v.APIServer().AuthorizationModes().Answer); got != "Node,RBAC, explicit flagz.txt:7" {
			t.Error(got)
		}
		if got := anonymous(v.APIServer().AnonymousAuth().Answer); got != "on, explicit flagz.txt:4" {
			t.Error(got)
		}
	})
}

func TestJWT(t *testing.T) {
	v := viewOf(t, map[string]string{"a.yaml": apiServer("--oidc-issuer-url=https://idp.example.com", "--oidc-client-id=k8s", "--oidc-groups-claim=groups", "--oidc-required-claim=acr=mfa", "--oidc-required-claim=hd=example.com")})
	a := v.APIServer().JWT()
	if !a.OK() || len(a.Value) != 1 {
		t.Fatalf("%+v", a.Answer)
	}
	j := a.Value[0]
	if !j.Flags || *j.ClaimMappings.Username.Prefix != "https://idp.example.com#" || j.ClaimMappings.Username.Claim != "sub" || *j.ClaimMappings.Groups.Prefix != "" {
		t.Errorf("%+v", j)
	}
	if len(j.ClaimValidationRules) != 2 || j.ClaimValidationRules[0].RequiredValue != "mfa" {
		t.Errorf("%+v", j.ClaimValidationRules)
	}
	v = viewOf(t, map[string]string{"a.yaml": apiServer("--oidc-issuer-url=https://idp.example.com", "--oidc-client-id=k8s", "--oidc-username-claim=email")})
	if a := v.APIServer().JWT(); *a.Value[0].ClaimMappings.Username.Prefix != "" {
		t.Error("the claim email has no prefix")
	}
	v = viewOf(t, map[string]string{"a.yaml": apiServer("--authentication-config=/x.yaml", "--service-account-issuer=https://k"), "x.yaml": `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {url: 'https://idp', audiences: [a]}
  claimMappings: {username: {claim: sub, prefix: 'a:'}}
`})
	if a := v.APIServer().JWT(); !a.OK() || len(a.Value) != 1 || a.Value[0].At.Origin().String() != "x.yaml:5" {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.APIServer().Authentication(); !a.OK() || len(a.Value.JWT) != 1 || a.Value.ServiceAccounts.Issuers[0] != "https://k" || a.Value.RequestHeader != nil {
		t.Errorf("%+v", a.Answer)
	}
}

func TestEtcd(t *testing.T) {
	const tls = "--cert-file=/s.crt --key-file=/s.key --trusted-ca-file=/ca.crt --client-cert-auth --listen-client-urls=https://127.0.0.1:2379"
	file := strings.Replace(staticPod("etcd", "3.6.4", "--config-file=/etc/etcd.yaml"), "  containers:", "  volumes: [{name: c, configMap: {name: etcd}}]\n  containers:", 1) +
		"    volumeMounts: [{name: c, mountPath: /etc/etcd.yaml, subPath: etcd.yaml}]\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: etcd, namespace: kube-system}\ndata:\n  etcd.yaml: |\n" +
		"    listen-client-urls: https://0.0.0.0:2379\n    client-transport-security:\n      cert-file: /a\n      key-file: /b\n      trusted-ca-file: /c\n      client-cert-auth: true\n"
	env := staticPod("etcd", "3.5.1") + "    env: [{name: ETCD_CERT_FILE, value: /a}, {name: ETCD_KEY_FILE, value: /b}, {name: ETCD_TRUSTED_CA_FILE, value: /c}, {name: ETCD_CLIENT_CERT_AUTH, value: 'true'}, {name: ETCD_LISTEN_CLIENT_URLS, value: 'https://a:2379'}]\n"
	tests := []struct {
		name, text   string
		mutual, auto bool
		plain        int
	}{
		{"nothing", staticPod("etcd", "3.5.1"), false, false, 1},
		{"flags", staticPod("etcd", "3.5.1", strings.Fields(tls)...), true, false, 0},
		{"the environment", env, true, false, 0},
		{"a file", file, true, false, 0},
		{"certificates made up", staticPod("etcd", "3.5.1", append(strings.Fields(tls), "--auto-tls")...), false, true, 0},
		{"one address without", staticPod("etcd", "3.5.1", append(strings.Fields(tls), "--listen-client-urls=https://a:1,http://b:2")...), false, false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := viewOf(t, map[string]string{"a.yaml": tt.text}).Etcd().Client()
			if !a.OK() {
				t.Fatal(a.Reason)
			}
			if a.Value.Mutual() != tt.mutual || a.Value.AutoTLS != tt.auto || len(a.Value.Plain()) != tt.plain {
				t.Errorf("%+v", a.Value)
			}
		})
	}
	v := viewOf(t, map[string]string{"a.yaml": staticPod("etcd", "3.5.1", "--config-file=/x")})
	if a := v.Etcd().Client(); a.OK() || a.Wanted[0] != "/x" {
		t.Errorf("%+v", a.Answer)
	}
}

func TestScheduler(t *testing.T) {
	v := viewOf(t, map[string]string{"a.yaml": staticPod("kube-scheduler", "v1.36.0", "--config=/s.yaml"), "s.yaml": `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
enableProfiling: false
extenders: [{urlPrefix: 'https://a'}]
profiles:
- {}
- schedulerName: loose
  plugins: {filter: {disabled: [{name: TaintToleration}], enabled: [{name: Mine}]}}
- schedulerName: none
  plugins: {multiPoint: {disabled: [{name: '*'}], enabled: [{name: NodeAffinity}]}}
  pluginConfig:
  - name: NodeAffinity
    args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
`})
	a := v.Scheduler().Profiles()
	if !a.OK() || len(a.Value) != 3 {
		t.Fatalf("%+v", a.Answer)
	}
	p := a.Value
	if p[0].SchedulerName != "default-scheduler" || len(p[0].Off) != 0 || !p[0].Extenders {
		t.Errorf("%+v", p[0])
	}
	if !cmp.Equal(p[1].Off, []string{"TaintToleration"}) || !cmp.Equal(p[1].More, []string{"Mine"}) || p[1].At.Origin().String() != "s.yaml:8" {
		t.Errorf("%+v", p[1])
	}
	if len(p[2].Off) < 10 || p[2].AddedAffinity == nil {
		t.Errorf("%+v", p[2])
	}
	if got := yes(v.Scheduler().Profiling().Answer); got != "no, explicit s.yaml:2" {
		t.Error(got)
	}
	v = viewOf(t, map[string]string{"a.yaml": staticPod("kube-scheduler", "v1.36.0")})
	if a := v.Scheduler().Profiles(); len(a.Value) != 1 || a.Known != controlplane.Default {
		t.Errorf("%+v", a.Answer)
	}
}

func TestControllerManager(t *testing.T) {
	v := viewOf(t, map[string]string{"a.yaml": staticPod("kube-controller-manager", "v1.36.0", "--controllers=*,-ttl-controller,bootstrapsigner", "--use-service-account-credentials")})
	m := v.ControllerManager()
	for name, want := range map[string]string{"ttl-controller": "no, explicit a.yaml:10", "bootstrapsigner": "yes, explicit a.yaml:10", "tokencleaner": "no, explicit a.yaml:10", "csrapproving": "yes, explicit a.yaml:10"} {
		if got := yes(m.Controller(name).Answer); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if a := m.Signing(); !a.OK() || a.Value.Duration.Hours() != 8760 || a.Known != controlplane.Default {
		t.Errorf("%+v", a.Answer)
	}
	if got := yes(m.UseServiceAccountCredentials().Answer); got != "yes, explicit a.yaml:11" {
		t.Error(got)
	}
	if got := yes(m.Profiling().Answer); got != "yes, default" {
		t.Error(got)
	}
}

func TestAdmissionPluginConfiguration(t *testing.T) {
	const selector = "podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: level=public}\n"
	mounted := func(admission string, more string) string {
		return apiServer("--admission-control-config-file=/adm/a.yaml") + "    volumeMounts: [{name: v, mountPath: /adm}]\n  volumes: [{name: v, configMap: {name: adm}}]\n---\n" +
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: adm, namespace: kube-system}\ndata:\n  a.yaml: |\n    " + strings.ReplaceAll(strings.TrimSpace(admission), "\n", "\n    ") + "\n" + more
	}
	const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n"
	tests := []struct{ name, text, want string }{
		{"no file", apiServer(), "map[], default"},
		{"another plugin", mounted(head+"- {name: EventRateLimit, path: e.yaml}", ""), "map[], explicit a.yaml:18"},
		{"in the file", mounted(head+"- name: PodNodeSelector\n  configuration: {podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: level=public}}", ""),
			"map[podNodeSelectorPluginConfig:map[clusterDefaultNodeSelector:level=public]], explicit a.yaml:18"},
		{"in another, relative to it", mounted(head+"- {name: PodNodeSelector, path: p.yaml}", "  p.yaml: |\n    "+selector),
			"map[podNodeSelectorPluginConfig:map[clusterDefaultNodeSelector:level=public]], explicit a.yaml:23"},
		{"in another that is not given", mounted(head+"- {name: PodNodeSelector, path: /etc/p.yaml}", ""),
			"unknown: the configuration of PodNodeSelector is in /etc/p.yaml, which is not among the evidence"},
		{"as it was before", mounted(selector, ""), "map[podNodeSelectorPluginConfig:map[clusterDefaultNodeSelector:level=public]], explicit a.yaml:18"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := viewOf(t, map[string]string{"a.yaml": tt.text}).APIServer().AdmissionPluginConfiguration("PodNodeSelector").Answer
			if got := say(a, fmt.Sprint(a.Value)); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestKubeconfigs(t *testing.T) {
	v := viewOf(t, map[string]string{
		"a.yaml":            apiServer("--authentication-token-webhook-config-file=/etc/k/hook.yaml", "--audit-webhook-config-file=/etc/k/audit.conf"),
		"etc/k/hook.yaml":   "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'https://hook', insecure-skip-tls-verify: true}}]\nusers: [{name: a, user: {token: planted}}]\n",
		"other/config.yaml": "apiVersion: v1\nkind: Config\nclusters: []\n",
	})
	a := v.APIServer().TokenWebhookKubeconfig()
	if !a.OK() || a.Value == nil || !a.Value.Clusters[0].Cluster.InsecureSkipTLSVerify || a.Origin().String() != "etc/k/hook.yaml:1" {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.APIServer().AuditWebhookKubeconfig(); a.OK() || a.Wanted[0] != "/etc/k/audit.conf" {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.APIServer().AuthorizationWebhookKubeconfig(); !a.OK() || a.Value != nil {
		t.Errorf("%+v", a.Answer)
	}
	if hook := v.APIServer().TokenWebhook(); !hook.OK() || hook.Value.Kubeconfig != "/etc/k/hook.yaml" {
		t.Errorf("%+v", hook.Answer)
	}
}
