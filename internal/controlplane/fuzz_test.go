package controlplane_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// planted stands where a key, a token or a password would: nothing that is said of a document may repeat it.
const planted = "cGxhbnRlZC1zZWNyZXQtcGxhbnRlZC1zZWNyZXQh"

// FuzzConfiguration reads any text as every file that a component may name, and as the description of a component, with a
// key planted in it, and asks every question.
func FuzzConfiguration(f *testing.F) {
	for _, s := range []string{
		"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{aescbc: {keys: [{name: k, secret: PLANTED}]}}, {identity: {}}]}]\n",
		"apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\nanonymous: {enabled: true, conditions: [{path: /livez}]}\n",
		"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{type: Node, name: n}, {type: RBAC, name: r}]\n",
		"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n",
		"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles: [{plugins: {multiPoint: {disabled: [{name: '*'}]}}}]\n",
		"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication: null\nfeatureGates: {A: true}\nstaticPodURLHeader: {Authorization: [PLANTED]}\n",
		"client-transport-security: {cert-file: /a, client-cert-auth: true}\n",
		"apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens: [{token: PLANTED}]\ncertificateKey: PLANTED\n",
		"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {bootstrapToken: {token: PLANTED, caCertHashes: [a]}}\n",
		"apiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\napiServer: {extraArgs: [{name: a, value: b, mergeMethod: append}]}\netcd: {external: {endpoints: [a]}}\n",
		"apiVersion: v1\nkind: Config\nusers: [{name: a, user: {token: PLANTED}}]\n",
		"{\"kubeletconfig\":{\"authentication\":{},\"readOnlyPort\":1}}",
		"\nkube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\nanonymous-auth=false\n",
		"# HELP a b\n# TYPE a counter\nkubernetes_feature_enabled{name=\"A\",stage=\"\"} 1\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := strings.ReplaceAll(text, "PLANTED", planted)
		indented := "  f: |2\n    " + strings.ReplaceAll(file, "\n", "\n    ") + "\n"
		sources := inventory.Sources(
			manifest.Bytes(manifest.Config{NoBootstrap: true}, "etc/f.yaml", []byte(file)),
			manifest.Bytes(manifest.Config{NoBootstrap: true}, "pods.yaml", []byte(
				apiServer("--encryption-provider-config=/etc/f.yaml", "--audit-policy-file=/etc/f.yaml")+"---\n"+
					strings.Replace(apiServer("--authentication-config=/m/f", "--authorization-config=/m/f", "--encryption-provider-config=/m/f"), "name: kube-apiserver, ", "name: b, ", 1)+mount+"---\n"+
					staticPod("kube-scheduler", "v1.36.0", "--config=/m/f")+mount+"---\n"+staticPod("kubelet", "v1.36.0", "--config=/m/f")+mount+"---\n"+
					staticPod("etcd", "3.6.0", "--config-file=/m/f")+mount+"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: f, namespace: kube-system}\ndata:\n"+indented)),
		)
		inv, _ := inventory.Collect(context.Background(), nil, sources) // a text that is no manifest is no failure here
		v, err := controlplane.Of(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		said := everything(v)
		if strings.Contains(said, planted) && !quotes(file) {
			t.Errorf("the key is repeated:\n%s", said)
		}
	})
}

const mount = "    volumeMounts: [{name: f, mountPath: /m}]\n  volumes: [{name: f, configMap: {name: f}}]\n"

// quotes: where the key stands in a field that holds none, such as a name or a path, it may be repeated.
func quotes(file string) bool {
	for _, l := range strings.Split(file, "\n") {
		if strings.Contains(l, planted) && !secretField(l) {
			return true
		}
	}
	return false
}

func secretField(l string) bool {
	rest := l
	for {
		before, after, ok := strings.Cut(rest, planted)
		if !ok {
			return true
		}
		before = strings.TrimRight(before, " \"'[")
		if !strings.HasSuffix(before, "secret:") && !strings.HasSuffix(before, "token:") && !strings.HasSuffix(before, "certificateKey:") && !strings.HasSuffix(before, "Authorization:") {
			return false
		}
		rest = after
	}
}

// everything is all that the view says in words.
func everything(v *controlplane.View) string {
	var b strings.Builder
	sheet(&b, v)
	for _, p := range v.Problems() {
		fmt.Fprintln(&b, p)
	}
	for _, r := range v.APIServer().EncryptionFor(schema.GroupResource{Resource: "secrets"}).Replicas {
		fmt.Fprintln(&b, r.Value, r.How())
	}
	fmt.Fprintln(&b, v.APIServer().Authentication().Reason, v.APIServer().AdmissionConfiguration().Reason)
	return b.String()
}
