package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/redact"
)

const authn = `{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthenticationConfiguration",`

func TestDecode(t *testing.T) {
	tests := []struct {
		name, in string
		err      string // of the fault; empty for none
		warnings string
	}{
		{"unknown field refused", authn + `"jwt":[{"issuer":{"urls":"hunter2"}}]}`, "jwt[0].issuer.urls: unknown field", ""},
		{"duplicate field refused", authn + `"jwt":[],"jwt":[]}`, "jwt: set twice", ""},
		{"wrong case is unknown", authn + `"JWT":[]}`, "JWT: unknown field", ""},
		{"wrong type", authn + `"anonymous":{"enabled":"hunter2"}}`, "anonymous.enabled: a string where true or false is wanted", ""},
		{"no duration", `{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"KubeletConfiguration","authentication":{"webhook":{"cacheTTL":"hunter2"}}}`,
			"authentication.webhook.cacheTTL: no duration, such as 1m30s", ""},
		{"kubelet passes over unknown fields", `{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"KubeletConfiguration","hunter":1}`, "", "hunter: unknown field"},
		{"audit passes over unknown fields", `{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None","a":1}]}`, "", "rules[0].a: unknown field"},
		{"no JSON", `{"kind":hunter2`, "no JSON object with apiVersion and kind", ""},
		{"other kind", `{"apiVersion":"v1","kind":"Pod"}`, "v1 Pod: no kind of component configuration that is known", ""},
		{"other version", `{"apiVersion":"kubelet.config.k8s.io/v1","kind":"KubeletConfiguration"}`, "kubelet.config.k8s.io/v1 KubeletConfiguration: no kind of component configuration that is known", ""},
		{"key set twice", `{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration","resources":[{"providers":[{"aescbc":{"keys":[{"name":"a","secret":"x","secret":"hunter2"}]}}]}]}`,
			"resources[0].providers[0].aescbc.keys[0].secret: set twice", ""},
		{"key is no text", `{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration","resources":[{"providers":[{"aescbc":{"keys":[{"name":"a","secret":5}]}}]}]}`,
			"resources.providers.aescbc.keys.secret: no text", ""},
		{"kubeconfig passes over anything", `{"apiVersion":"v1","kind":"Config","a":1,"users":[{"user":{"token":"hunter2","token":"hunter2"}}]}`, "", ""},
		{"kubeadm warns", `{"apiVersion":"kubeadm.k8s.io/v1beta3","kind":"ClusterConfiguration","apiServer":{"extraArgs":{"a":"b"},"x":1}}`, "", "apiServer.x: unknown field"},
		{"mergeMethod in v1beta4", `{"apiVersion":"kubeadm.k8s.io/v1beta4","kind":"ClusterConfiguration","apiServer":{"extraArgs":[{"name":"a","mergeMethod":"append"}]}}`,
			"", "apiServer.extraArgs[0].mergeMethod: unknown field"},
		{"arguments of a plugin", `{"apiVersion":"kubescheduler.config.k8s.io/v1","kind":"KubeSchedulerConfiguration","profiles":[{"pluginConfig":[{"name":"NodeAffinity","args":{"addedAfinity":{}}}]}]}`,
			"profiles[0].pluginConfig[0].args.addedAfinity: unknown field", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, warnings, err := Decode([]byte(tt.in))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tt.err || (doc == nil) != (err != nil) {
				t.Errorf("document %T, error %q, want %q", doc, text, tt.err)
			}
			if got := lines(warnings); got != tt.warnings {
				t.Errorf("warnings %q, want %q", got, tt.warnings)
			}
			if strings.Contains(text, "hunter2") {
				t.Error("quotes the input")
			}
		})
	}
}

func lines(faults []*Fault) string {
	var out []string
	for _, f := range faults {
		out = append(out, f.Error())
	}
	return strings.Join(out, "\n")
}

func TestText(t *testing.T) {
	var got []string
	for p := range Text([]byte("# a file of kubeadm\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  a: 1\n" +
		"---\napiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n  - name: a\n    value: b\n    mergeMethod: append\n" +
		"---\nkind: [\n---\napiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: []\nauthorizers: []\n")) {
		switch d := p.Document.(type) {
		case *InitConfiguration:
			got = append(got, lines(p.Warnings))
		case *ClusterConfiguration:
			got = append(got, d.APIServer.ExtraArgs[0].MergeMethod)
		default:
			got = append(got, p.Err.Error())
		}
	}
	want := []string{"line 5: nodeRegistration.a: unknown field", "append", "line 15: did not find expected node content", "line 20: set twice"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestOlderKubeadm(t *testing.T) {
	doc, warnings, err := Decode([]byte(`{"apiVersion":"kubeadm.k8s.io/v1beta3","kind":"ClusterConfiguration","kubernetesVersion":"v1.30.0",
"apiServer":{"extraArgs":{"b":"2","a":"1"},"extraVolumes":[{"name":"v","hostPath":"/a","mountPath":"/a"}],"timeoutForControlPlane":"4m"},
"etcd":{"local":{"dataDir":"/d","extraArgs":{"c":"3"}}}}`))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	c := doc.(*ClusterConfiguration)
	if !slices.Equal(c.APIServer.ExtraArgs, []Arg{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}) || c.APIServer.ExtraVolumes[0].MountPath != "/a" ||
		c.Etcd.Local.ExtraArgs[0].Value != "3" || c.KubernetesVersion != "v1.30.0" {
		t.Errorf("%+v", c)
	}
}

func TestPayloadsAreRemoved(t *testing.T) {
	doc, _, err := Decode([]byte(`{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration","resources":[{"resources":["secrets"],"providers":[{"aescbc":{"keys":[{"name":"a","secret":"c2VjcmV0IGlzIHNlY3VyZQ=="}]}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := doc.(*EncryptionConfiguration)
	if got, want := c.Resources[0].Providers[0].AESCBC.Keys[0].Secret, (Secret{redact.Base64, 16}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestProviders(t *testing.T) {
	doc, _, err := Decode([]byte(`{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration","resources":[
{"resources":["events"],"providers":[{"identity":{}}]},
{"resources":["secrets","pandas.bears.example"],"providers":[{"identity":{}},{"kms":{"name":"k","apiVersion":"v2","endpoint":"unix:///a"}}]},
{"resources":["secrets"],"providers":[{"secretbox":{"keys":[]}}]},
{"resources":["*."],"providers":[{"aesgcm":{"keys":[]}}]},
{"resources":["*.*"],"providers":[{"aescbc":{"keys":[]}},{"identity":{}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := doc.(*EncryptionConfiguration)
	for _, tt := range []struct {
		resource string
		want     string
	}{
		{"events", "identity"}, {"secrets", "identity kms secretbox"}, {"configmaps", "aesgcm"},
		{"pandas.bears.example", "identity kms"}, {"deployments.apps", "aescbc identity"},
	} {
		var got []string
		for _, p := range c.Providers(schema.ParseGroupResource(tt.resource)) {
			for name, set := range map[string]bool{"identity": p.Identity != nil, "kms": p.KMS != nil, "secretbox": p.Secretbox != nil, "aesgcm": p.AESGCM != nil, "aescbc": p.AESCBC != nil} {
				if set {
					got = append(got, name)
				}
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.resource, s, tt.want)
		}
	}
	if (&EncryptionConfiguration{}).Providers(schema.GroupResource{Resource: "secrets"}) != nil {
		t.Error("providers of an empty configuration")
	}
}

func TestMergeKubelet(t *testing.T) {
	got, err := MergeKubelet([]byte(`{"authentication":{"anonymous":{"enabled":true},"webhook":{"enabled":true}},"clusterDNS":["a","b"],"port":1}`),
		[]byte(`{"authentication":{"anonymous":{"enabled":false}},"clusterDNS":["c"],"port":null}`))
	if want := `{"authentication":{"anonymous":{"enabled":false},"webhook":{"enabled":true}},"clusterDNS":["c"]}`; err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
}

func TestErrKind(t *testing.T) {
	if _, _, err := Decode([]byte(`{"apiVersion":"v1","kind":"Pod"}`)); !errors.Is(err, ErrKind) || Faults(err) != nil {
		t.Error(err)
	}
	if !Reads(schema.GroupVersionKind{Version: "v1", Kind: "Config"}) || Reads(schema.GroupVersionKind{Version: "v1", Kind: "Pod"}) {
		t.Error("Reads")
	}
}
