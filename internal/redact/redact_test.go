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
		{"a file of k3s", "format.nist190.dev/v1", "k3s-config", `{"t":"hunter2!","agent-token":"hunter2!","metadata":{"name":"token"},"kubelet-arg":["a=b","x-password=hunter2!"],"etcd-s3":true,"toekn":"hunter2!","server":"https://u:hunter2!@h"}`,
			`{"agent-token":{"class":"text","length":8,"same":"token"},"etcd-s3":true,"kubelet-arg":["a=b","x-password=(removed)"],"metadata":{"name":"token"},"server":"https://(removed)@h","t":{"class":"text","length":8},"toekn":{"class":"text","length":8}}`},
		{"a plan", "format.nist190.dev/v1", "terraform-plan", `{"prior_state":"hunter2!","planned_values":{"outputs":"hunter2!","root_module":{"resources":[null,{"type":"x","values":"hunter2!"},{"type":"aws_eks_cluster","values":{"a":["hunter2!",1],"n":null},"sensitive_values":{"a":[true],"n":true}},{"type":"aws_eks_addon","values":{"a":"hunter2!"},"sensitive_values":true}]}}}`,
			`{"planned_values":{"root_module":{"resources":[null,{"type":"x"},{"type":"aws_eks_cluster","values":{"a":[{"class":"text","length":8},1],"n":null}},{"type":"aws_eks_addon","values":{"class":"other","length":0}}]}}}`},
		{"kubelet", "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", `{"staticPodURLHeader":{"Authorization":["hunter2!"]},"readOnlyPort":0}`,
			`{"readOnlyPort":0,"staticPodURLHeader":{"Authorization":{"class":"other","length":0}}}`},
		{"eksctl", "eksctl.io/v1alpha5", "ClusterConfig", `{"metadata":{"name":"prod"},"nodeGroups":[{"overrideBootstrapCommand":"x hunter2!"}],"addons":[{"configurationValues":"enableNetworkPolicy: true\nkey: hunter2!"}]}`,
			`{"addons":[{"configurationValues":{"class":"text","length":39}}],"metadata":{"name":"prod"},"nodeGroups":[{"overrideBootstrapCommand":{"class":"text","length":10}}]}`},
		{"commands", "bootstrap.cluster.x-k8s.io/v1beta1", "KubeadmConfig", `{"spec":{"preKubeadmCommands":["curl https://u:hunter2@h","--token=hunter2"],"joinConfiguration":{"nodeRegistration":{"kubeletExtraArgs":{"tls-private-key-file":"/a","anonymous-auth":"false"}}}}}`,
			`{"spec":{"joinConfiguration":{"nodeRegistration":{"kubeletExtraArgs":{"anonymous-auth":"false","tls-private-key-file":"/a"}}},"preKubeadmCommands":["curl https://(removed)@h","--token=(removed)"]}}`},
		{"files that are documents", "controlplane.cluster.x-k8s.io/v1beta2", "KubeadmControlPlane", `{"files":[{"content":"kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n  - aescbc: {keys: [{name: k, secret: aHVudGVyMmh1bnRlcjI=}]}\n---\nkind: Secret\napiVersion: v1\ndata: {a: aHVudGVyMmh1bnRlcjI=}\n"}]}`,
			`{"files":[{"content":"{\"apiVersion\":\"apiserver.config.k8s.io/v1\",\"kind\":\"EncryptionConfiguration\",\"resources\":[{\"providers\":[{\"aescbc\":{\"keys\":[{\"name\":\"k\",\"secret\":{\"class\":\"base64\",\"length\":14}}]}}],\"resources\":[\"secrets\"]}]}\n---\n{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}"}]}`},
		{"a document among others", "bootstrap.cluster.x-k8s.io/v1beta1", "KubeadmConfig", `{"files":[{"content":"kind: Secret\n---\ntoken: hunter2\n"},{"content":"kind: Secret\n---\na: b: hunter2\n"}]}`,
			`{"files":[{"content":{"class":"text","length":32}},{"content":{"class":"text","length":31}}]}`},
		{"an encoded file", "bootstrap.cluster.x-k8s.io/v1beta1", "KubeadmConfig", `{"files":[{"encoding":"base64","content":"dG9rZW46IGh1bnRlcjI="},{"encoding":"base64","content":"cnVsZXM6IFtd"},{"encoding":"gzip+base64","content":"aHVudGVyMmh1bnRlcjI="}]}`,
			`{"files":[{"content":{"class":"base64","length":14},"encoding":"base64"},{"content":"cnVsZXM6IFtd","encoding":"base64"},{"content":{"class":"base64","length":14},"encoding":"gzip+base64"}]}`},
		{"a file of kops", "kops.k8s.io/v1alpha2", "Cluster", `{"spec":{"fileAssets":[{"isBase64":true,"content":"dG9rZW46IGh1bnRlcjI="},{"content":"password: hunter2"}]}}`,
			`{"spec":{"fileAssets":[{"content":{"class":"base64","length":14},"isBase64":true},{"content":{"class":"text","length":17}}]}}`},
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
		{"format.nist190.dev/v1", "version", `{"gitVersion":"v1.33.0"}`},
		{"format.nist190.dev/v1", "aws-eks-describe-cluster", `{"cluster":{"certificateAuthority":{"data":"x"},"encryptionConfig":[{"resources":["secrets"],"provider":{"keyArn":"arn:aws:kms:eu-west-1:1:key/x"}}]}}`},
		{"kops.k8s.io/v1alpha2", "Cluster", `{"spec":{"kubeAPIServer":{"anonymousAuth":false},"etcdClusters":[{"etcdMembers":[{"encryptedVolume":true}]}]}}`},
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
		for _, k := range []string{"Secret", "List", "SecretList", "Config", "terraform-plan", "k3s-config", "az-aks-show", "flagz"} {
			apiVersion := "v1"
			if strings.Contains(k, "-") || k == "flagz" {
				apiVersion = "format.nist190.dev/v1"
			}
			clean, changed, err := JSON(apiVersion, k, []byte(in))
			if err == nil && changed {
				if again, _, err := JSON(apiVersion, k, clean); err != nil || string(again) != string(clean) {
					t.Fatalf("not idempotent: %s, then %s", clean, again)
				}
			}
		}
	})
}
