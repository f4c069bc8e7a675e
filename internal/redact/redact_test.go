package redact

import (
	"strings"
	"testing"
)

const payload = "aHVudGVyMmh1bnRlcjI="

func TestJSON(t *testing.T) {
	tests := []struct{ name, apiVersion, kind, in, want string }{
		{"secret", "v1", "Secret", `{"apiVersion":"v1","kind":"Secret","type":"Opaque","data":{"p":"` + payload + `"},"stringData":{"p":"` + payload + `"},"metadata":{"name":"a","annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"` + payload + `"}}}`,
			`{"apiVersion":"v1","kind":"Secret","metadata":{"annotations":{"a":"b"},"name":"a"},"type":"Opaque"}`},
		{"secret in another case", "v1", "secret", `{"Data":{"p":"` + payload + `"},"kind":"secret"}`, `{"kind":"secret"}`},
		{"data is no map", "v1", "Secret", `{"data":"` + payload + `"}`, `{}`},
		{"list", "v1", "List", `{"kind":"List","items":[null,{"apiVersion":"v1","kind":"Secret","data":{"p":"` + payload + `"}},{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"}}]}`,
			`{"items":[null,{"apiVersion":"v1","kind":"Secret"},{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap"}],"kind":"List"}`},
		{"typed list", "v1", "SecretList", `{"items":[{"data":{"p":"` + payload + `"}}]}`, `{"items":[{}]}`},
		{"encryption", "apiserver.config.k8s.io/v1", "EncryptionConfiguration", `{"resources":[{"providers":[{"aescbc":{"keys":[{"name":"k","secret":"` + payload + `"},{"name":"z","secret":"AAAAAAAAAAAAAAAAAAAAAA=="}]}},{"identity":{}}],"resources":["secrets"]}]}`,
			`{"resources":[{"providers":[{"aescbc":{"keys":[{"name":"k","secret":{"class":"base64","length":14}},{"name":"z","secret":{"class":"repeated","length":16}}]}},{"identity":{}}],"resources":["secrets"]}]}`},
		{"kubeconfig", "v1", "Config", `{"users":[{"name":"u","user":{"token":"` + payload + `","password":"hunter2!","client-key-data":"` + payload + `","username":"x","auth-provider":{"name":"oidc","config":{"id-token":"` + payload + `"}},"exec":{"command":"c","env":[{"name":"A","value":"hunter2!"}]}}}]}`,
			`{"users":[{"name":"u","user":{"auth-provider":{"config":{"id-token":{"class":"base64","length":14}},"name":"oidc"},"client-key-data":{"class":"base64","length":14},"exec":{"command":"c","env":[{"name":"A","value":{"class":"text","length":8}}]},"password":{"class":"text","length":8},"token":{"class":"base64","length":14},"username":"x"}}]}`},
		{"kubeadm", "kubeadm.k8s.io/v1beta4", "InitConfiguration", `{"bootstrapTokens":[{"token":"abcdef.0123456789abcdef","ttl":"24h"}],"certificateKey":"${KEY}"}`,
			`{"bootstrapTokens":[{"token":{"class":"text","length":23},"ttl":"24h"}],"certificateKey":{"class":"placeholder","length":6}}`},
		{"cluster api files", "bootstrap.cluster.x-k8s.io/v1beta1", "KubeadmConfig", `{"spec":{"files":[{"path":"/a","content":"kind: EncryptionConfiguration hunter2!"},{"path":"/b","content":"rules: []"}]}}`,
			`{"spec":{"files":[{"content":{"class":"text","length":38},"path":"/a"},{"content":"rules: []","path":"/b"}]}}`},
		{"token is a number", "v1", "Config", `{"users":[{"user":{"token":12345}}]}`, `{"users":[{"user":{"token":{"class":"other","length":0}}}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !Sensitive(tt.apiVersion, tt.kind) {
				t.Fatal("not sensitive")
			}
			got, changed, err := JSON(tt.apiVersion, tt.kind, []byte(tt.in))
			if err != nil || !changed || string(got) != tt.want {
				t.Fatalf("changed %v, err %v\n got %s\nwant %s", changed, err, got, tt.want)
			}
			for _, p := range []string{payload, "hunter2", "0123456789abcdef"} {
				if strings.Contains(string(got), p) {
					t.Errorf("%q is left", p)
				}
			}
		})
	}
}

func TestUnchanged(t *testing.T) {
	for _, tt := range []struct{ apiVersion, kind, in string }{
		{"v1", "ConfigMap", `{"data":{"token":"x"}}`},
		{"v1", "Secret", `{"metadata":{"name":"a"}}`},
		{"v1", "List", `{"items":null}`},
		{"networking.k8s.io/v1", "NetworkPolicy", `{}`},
	} {
		got, changed, err := JSON(tt.apiVersion, tt.kind, []byte(tt.in))
		if err != nil || changed || string(got) != tt.in {
			t.Errorf("%s: %s %v %v", tt.kind, got, changed, err)
		}
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	_, _, err := JSON("v1", "Secret", []byte(`{"data":{"p":hunter2}}`))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"data":{"p":"x"},"items":[{}]}`)
	f.Fuzz(func(t *testing.T, in string) {
		for _, k := range []string{"Secret", "List", "SecretList", "Config"} {
			clean, changed, err := JSON("v1", k, []byte(in))
			if err == nil && changed {
				if again, _, err := JSON("v1", k, clean); err != nil || string(again) != string(clean) {
					t.Fatalf("not idempotent: %s, then %s", clean, again)
				}
			}
		}
	})
}
