package controlplane_test

import (
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/inventory"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func eksNode(labels string) string {
	return "apiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: {" + labels + "}}\nspec: {providerID: 'aws:///eu-west-1a/i-0'}\nstatus: {nodeInfo: {kubeletVersion: v1.31.4-eks-a1b2c3d}}\n"
}

func TestManaged(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	t.Run("nodes tell", func(t *testing.T) {
		v := viewOf(t, map[string]string{"n.yaml": eksNode("eks.amazonaws.com/nodegroup: a")})
		m, ok := v.Managed()
		if !ok || m.Vendor != cloud.EKS || len(m.Clusters) != 0 {
			t.Fatalf("%v %+v", ok, m)
		}
		a := v.APIServer().AnonymousAuth()
		if a.OK() || !strings.HasPrefix(a.Reason, "the control plane is that of Amazon EKS") || a.Wanted[1] != "aws eks describe-cluster" {
			t.Errorf("%+v", a.Answer)
		}
		if a := v.APIServer().AdmissionPlugin("NodeRestriction"); a.OK() {
			t.Errorf("what a vendor states needs a cluster that is described: %+v", a.Answer)
		}
	})
	t.Run("a description", func(t *testing.T) {
		v := viewOf(t, map[string]string{"c.json": read(t, "cloud/testdata/eks.json")})
		m, ok := v.Managed()
		c, one := m.Cluster()
		if !ok || !one || c.Vendor != cloud.EKS {
			t.Fatalf("%v %v", ok, one)
		}
		if got := v.Version(); !got.OK() || got.Source != c.Source {
			t.Errorf("%+v", got)
		}
		e := v.APIServer().EncryptionFor(secrets)
		if !e.OK() || !e.Value.Encrypted() {
			t.Errorf("%+v", e.Answer)
		}
		if key := c.SecretsKey; key.Known && key.V.Set && (e.Known != controlplane.Explicit || e.Value.Providers[0].Name != key.V.Name) {
			t.Errorf("the customer's key counts: %+v", e.Answer)
		}
	})
	eks := func(version, encryption string) string {
		return `{"cluster":{"name":"c","arn":"arn:aws:eks:eu-west-1:111122223333:cluster/c","version":"` + version + `","platformVersion":"eks.1","status":"ACTIVE"` + encryption + `}}`
	}
	t.Run("what the vendor documents", func(t *testing.T) {
		v := viewOf(t, map[string]string{"c.json": eks("1.31", "")})
		a := v.APIServer().AdmissionPlugin("NodeRestriction")
		if !a.OK() || !a.Value || a.Known != controlplane.Asserted || a.Strength != inventory.VendorAsserted || !strings.Contains(a.How(), "https://") {
			t.Errorf("%+v", a.Answer)
		}
		e := v.APIServer().EncryptionFor(schema.GroupResource{Resource: "configmaps"})
		if !e.OK() || e.Known != controlplane.Asserted || !e.Value.Encrypted() {
			t.Errorf("%+v", e.Answer)
		}
		if got := e.Find(func(e controlplane.Encryption) bool { return e.Encrypted() }); len(got) != 1 {
			t.Errorf("%d answers", len(got))
		}
		if a := v.APIServer().AdmissionPlugin("PodNodeSelector"); a.OK() {
			t.Errorf("%+v", a.Answer)
		}
	})
	t.Run("before the vendor documents it", func(t *testing.T) {
		v := viewOf(t, map[string]string{"c.json": eks("1.27", "")})
		if e := v.APIServer().EncryptionFor(secrets); e.OK() {
			t.Errorf("%+v", e.Answer)
		}
	})
	t.Run("the customer's key", func(t *testing.T) {
		v := viewOf(t, map[string]string{"c.json": eks("1.27", `,"encryptionConfig":[{"resources":["secrets"],"provider":{"keyArn":"arn:aws:kms:eu-west-1:111122223333:key/k"}}]`)})
		e := v.APIServer().EncryptionFor(secrets)
		if !e.OK() || e.Known != controlplane.Explicit || e.Value.Providers[0].Name != "arn:aws:kms:eu-west-1:111122223333:key/k" {
			t.Errorf("%+v", e.Answer)
		}
		if e := v.APIServer().EncryptionFor(schema.GroupResource{Resource: "configmaps"}); e.OK() {
			t.Errorf("the key is for Secrets: %+v", e.Answer)
		}
	})
	t.Run("a key for everything", func(t *testing.T) {
		gke := `{"name":"c","selfLink":"https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c","currentMasterVersion":"1.33.4-gke.1","location":"europe-west1","databaseEncryption":{"state":"ALL_OBJECTS_ENCRYPTION_ENABLED","keyName":"k"}}`
		v := viewOf(t, map[string]string{"c.json": gke})
		e := v.APIServer().EncryptionFor(schema.GroupResource{Group: "apps", Resource: "deployments"})
		if !e.OK() || e.Value.Providers[0].Name != "k" {
			t.Errorf("%+v", e.Answer)
		}
		v = viewOf(t, map[string]string{"c.json": strings.Replace(gke, "ALL_OBJECTS_ENCRYPTION_ENABLED", "DECRYPTED", 1)})
		if e := v.APIServer().EncryptionFor(secrets); e.OK() || !strings.HasPrefix(e.Reason, "no key of the customer envelopes Secrets; of the storage below etcd, Google GKE: ") {
			t.Errorf("the storage below etcd is another thing: %+v", e.Answer)
		}
	})
	t.Run("metrics of a managed API server", func(t *testing.T) {
		v := viewOf(t, map[string]string{"n.yaml": eksNode("eks.amazonaws.com/nodegroup: a"), "metrics.txt": "# HELP a b\n# TYPE a counter\napiserver_admission_controller_admission_duration_seconds_count{name=\"NodeRestriction\"} 1\n"})
		if a := v.APIServer().AdmissionPlugin("NodeRestriction"); !a.OK() || a.Strength != inventory.Observed {
			t.Errorf("%+v", a.Answer)
		}
	})
	t.Run("somebody's own beside it", func(t *testing.T) {
		v := viewOf(t, map[string]string{"c.json": eks("1.31", ""), "a.yaml": apiServer("--authorization-mode=RBAC")})
		if _, ok := v.Managed(); ok {
			t.Error("the flags of an API server are described")
		}
		if got := words(v.APIServer().AuthorizationModes().Answer); got != "RBAC, explicit a.yaml:10" {
			t.Error(got)
		}
	})
	t.Run("two clusters", func(t *testing.T) {
		v := viewOf(t, map[string]string{"c.json": eks("1.31", ""), "d.json": strings.ReplaceAll(eks("1.31", ""), `"c"`, `"d"`)})
		m, ok := v.Managed()
		if _, one := m.Cluster(); !ok || one {
			t.Error("nobody knows which one is meant")
		}
		if a := v.APIServer().AdmissionPlugin("NodeRestriction"); a.OK() {
			t.Errorf("%+v", a.Answer)
		}
	})
}

// TestDistributions asks the same of what installers were given.
func TestDistributions(t *testing.T) {
	const k3s = "etc/rancher/k3s/config.yaml"
	v := viewOf(t, map[string]string{k3s: "secrets-encryption: true\nkube-apiserver-arg: [anonymous-auth=true]\nkubelet-arg: [anonymous-auth=true]\nprotect-kernel-defaults: true\ntoken: abc\n"})
	if got := anonymous(v.APIServer().AnonymousAuth().Answer); got != "on, explicit "+k3s+":2" {
		t.Error(got)
	}
	if a := v.APIServer().AdmissionPlugin("NodeRestriction"); !a.OK() || !a.Value || a.Known != controlplane.Installed {
		t.Errorf("%+v", a.Answer)
	}
	if a := v.APIServer().AuthorizationModes(); strings.Join(a.Value, ",") != "Node,RBAC" {
		t.Errorf("%+v", a.Answer)
	}
	for _, k := range v.Kubelets() {
		if got := yes(k.AnonymousAuth().Answer); got != "yes, explicit "+k3s+":3" {
			t.Error(got)
		}
		if got := yes(k.ProtectKernelDefaults().Answer); !strings.HasPrefix(got, "yes, ") {
			t.Error(got)
		}
	}
	if len(v.Kubelets()) == 0 {
		t.Error("no kubelet")
	}

	v = viewOf(t, map[string]string{"kcp.yaml": `
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: a, namespace: b}
spec:
  version: v1.36.1
  replicas: 3
  machineTemplate: {infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: DockerMachineTemplate, name: a}}
  kubeadmConfigSpec:
    clusterConfiguration:
      apiServer:
        extraArgs: {audit-policy-file: /etc/audit.yaml, audit-log-path: "-"}
    files:
    - path: /etc/audit.yaml
      content: |
        apiVersion: audit.k8s.io/v1
        kind: Policy
        rules: [{level: Metadata}]
`})
	a := v.APIServer().Audit()
	if !a.OK() || a.Value.Policy == nil || len(a.Value.Policy.Rules) != 1 || !a.Value.Recorded() {
		t.Errorf("%+v", a.Answer)
	}
	if got := v.Version(); got.Value != (inventory.Version{Major: 1, Minor: 36}) {
		t.Errorf("%+v", got)
	}
}

// TestEncryptionSeen: the counters of a running API server prove by which provider it writes.
func TestEncryptionSeen(t *testing.T) {
	line := func(direction, prefix, value string) string {
		return `apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="` + direction + `",transformer_prefix="` + prefix + `"} ` + value + "\n"
	}
	const head = "# HELP a b\n# TYPE a counter\n"
	secrets := schema.GroupResource{Resource: "secrets"}
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"kms":                   {map[string]string{"metrics.txt": head + line("to_storage", "k8s:enc:kms:v2:vault:", "3")}, "kms v2"},
		"aescbc, with its keys": {map[string]string{"metrics.txt": head + line("to_storage", "k8s:enc:aescbc:v1:", "3") + line("to_storage", "key1:", "3")}, "aescbc "},
		"identity":              {map[string]string{"metrics.txt": head + line("to_storage", "", "3")}, "identity "},
		"nothing yet":           {map[string]string{"metrics.txt": head + line("to_storage", "k8s:enc:kms:v2:vault:", "0")}, ""},
		"reading is no writing": {map[string]string{"metrics.txt": head + line("from_storage", "k8s:enc:kms:v2:vault:", "3")}, ""},
		"two ways":              {map[string]string{"metrics.txt": head + line("to_storage", "", "3") + line("to_storage", "k8s:enc:aesgcm:v1:", "3")}, ""},
		"beside the flags":      {map[string]string{"metrics.txt": head + line("to_storage", "", "3"), "a.yaml": apiServer("--authorization-mode=RBAC")}, "identity "},
	} {
		t.Run(name, func(t *testing.T) {
			a := viewOf(t, tt.files).APIServer().EncryptionFor(secrets)
			got := ""
			if a.OK() && len(a.Value.Providers) > 0 {
				got = a.Value.Providers[0].Type + " " + a.Value.Providers[0].Version
			} else if a.OK() {
				got = "identity "
			}
			if got != tt.want {
				t.Errorf("%q, want %q: %+v", got, tt.want, a.Answer)
			}
			if a.OK() && len(tt.files) == 1 && a.Strength != inventory.Observed {
				t.Errorf("strength %s", a.Strength)
			}
		})
	}
	v := viewOf(t, map[string]string{"metrics.txt": head + line("from_storage", "identity", "2")})
	if b, ok := v.APIServer().ReadPlain(secrets); !ok || b.Origin().Line != 3 {
		t.Errorf("%v %s", ok, b.Origin())
	}
	if _, ok := v.APIServer().ReadPlain(schema.GroupResource{Resource: "configmaps"}); ok {
		t.Error("of another resource")
	}
}
