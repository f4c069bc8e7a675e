package authn_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// findings runs one check over files, by their names.
func findings(t *testing.T, id string, files map[string]string) []*nist190.Finding {
	t.Helper()
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fs, "."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range authn.Checks() {
		if c.Metadata().ID != id {
			continue
		}
		report, err := nist190.Run(context.Background(), inv, c)
		if err != nil {
			t.Fatal(err)
		}
		var out []*nist190.Finding
		for f := range report.Findings() {
			out = append(out, f)
		}
		return out
	}
	t.Fatalf("no check %s", id)
	return nil
}

// says finds the finding with a status whose message has a text.
func says(t *testing.T, got []*nist190.Finding, status nist190.Status, text string) *nist190.Finding {
	t.Helper()
	for _, f := range got {
		if f.Status == status && strings.Contains(f.Message, text) {
			return f
		}
	}
	for _, f := range got {
		t.Logf("%s %s %q (provisional %s)", f.Status, f.Subject, f.Message, f.Provisional)
	}
	t.Fatalf("no %s that says %q", status, text)
	return nil
}

const apiServerPod = `apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec:
  containers:
  - {name: kube-apiserver, image: "registry.k8s.io/kube-apiserver:VERSION", command: [kube-apiserver, FLAGS]}
`

func server(version string, flags ...string) string {
	return strings.NewReplacer("VERSION", version, "FLAGS", strings.Join(flags, ", ")).Replace(apiServerPod)
}

const encryptionHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"

// TestKnownMistakesOfEncryption: verdicts that other tools get wrong.
func TestKnownMistakesOfEncryption(t *testing.T) {
	const kms = `{kms: {apiVersion: v2, name: v, endpoint: "unix:///v.sock"}}`
	with := func(config string) map[string]string {
		return map[string]string{"a.yaml": server("v1.37.0", "--encryption-provider-config=/etc/e.yaml"), "etc/e.yaml": encryptionHead + config}
	}
	t.Run("identity first, although an allowed provider is somewhere in the list", func(t *testing.T) {
		got := findings(t, "authn-secret-encryption", with("- {resources: [secrets], providers: [{identity: {}}, "+kms+"]}\n"))
		says(t, got, nist190.Fail, "identity is the first provider")
	})
	t.Run("the last list of providers in the file is of another resource", func(t *testing.T) {
		got := findings(t, "authn-secret-encryption", with("- {resources: [secrets], providers: [{identity: {}}]}\n- {resources: [configmaps], providers: ["+kms+"]}\n"))
		says(t, got, nist190.Fail, "identity is their provider")
	})
	t.Run("the kind and the group of today are read", func(t *testing.T) {
		got := findings(t, "authn-secret-encryption", with("- {resources: [secrets], providers: ["+kms+"]}\n"))
		says(t, got, nist190.Pass, "")
	})
	t.Run("the flag alone proves nothing", func(t *testing.T) {
		got := findings(t, "authn-secret-encryption", map[string]string{"a.yaml": server("v1.37.0", "--encryption-provider-config=/etc/e.yaml")})
		says(t, got, nist190.NotAssessed, "which is not among the evidence")
	})
	t.Run("secretbox is no algorithm of FIPS", func(t *testing.T) {
		got := findings(t, "authn-encryption-provider", with("- {resources: [secrets], providers: [{secretbox: {keys: [{name: k, secret: <KEY>}]}}]}\n"))
		says(t, got, nist190.Fail, "no algorithm that FIPS 140 approves")
	})
	t.Run("a version newer than the table of defaults is no reason to fail or pass what is written", func(t *testing.T) {
		files := with("- {resources: [secrets], providers: [" + kms + "]}\n")
		files["a.yaml"] = server("v1.99.0", "--encryption-provider-config=/etc/e.yaml")
		says(t, findings(t, "authn-secret-encryption", files), nist190.Pass, "")
		files["a.yaml"] = server("v1.99.0")
		says(t, findings(t, "authn-secret-encryption", files), nist190.NotAssessed, "1.99")
	})
}

// TestKnownMistakesOfManagedEncryption: of control planes that nobody sees.
func TestKnownMistakesOfManagedEncryption(t *testing.T) {
	eks := func(version, more string) map[string]string {
		return map[string]string{"c.json": `{"cluster":{"name":"c","arn":"arn:aws:eks:eu-west-1:111122223333:cluster/c","version":"` + version +
			`","platformVersion":"eks.1","status":"ACTIVE"` + more + `}}`}
	}
	t.Run("EKS encrypts all objects since 1.28, by its own word", func(t *testing.T) {
		f := says(t, findings(t, "authn-secret-encryption", eks("1.31", "")), nist190.Pass, "")
		if f.Strength != inventory.VendorAsserted {
			t.Errorf("strength %s", f.Strength)
		}
		says(t, findings(t, "authn-provider-key", eks("1.31", "")), nist190.Fail, "Secrets in etcd are encrypted with the provider's key")
		says(t, findings(t, "authn-secret-encryption", eks("1.27", "")), nist190.NotAssessed, "no key of the customer envelopes Secrets")
	})
	t.Run("encrypted and the customer's key are two answers", func(t *testing.T) {
		own := `,"encryptionConfig":[{"resources":["secrets"],"provider":{"keyArn":"arn:aws:kms:eu-west-1:111122223333:key/k"}}]`
		says(t, findings(t, "authn-secret-encryption", eks("1.27", own)), nist190.Pass, "")
		says(t, findings(t, "authn-provider-key", eks("1.27", own)), nist190.Pass, "")
	})
	aks := func(kms string) map[string]string {
		return map[string]string{"c.json": `{"id":"/subscriptions/s/resourcegroups/g/providers/Microsoft.ContainerService/managedClusters/c","name":"c","type":"Microsoft.ContainerService/ManagedClusters",
"kubernetesVersion":"1.33.1","currentKubernetesVersion":"1.33.1","location":"westeurope","provisioningState":"Succeeded","securityProfile":{"azureKeyVaultKms":` + kms + `}}`}
	}
	t.Run("AKS with a key vault is encrypted", func(t *testing.T) {
		says(t, findings(t, "authn-secret-encryption", aks(`{"enabled":true,"keyId":"https://v.vault.azure.net/keys/k/1"}`)), nist190.Pass, "")
		says(t, findings(t, "authn-secret-encryption", aks(`null`)), nist190.NotAssessed, "no key of the customer envelopes Secrets")
	})
}

// TestKnownMistakesOfVolumes: of storage.
func TestKnownMistakesOfVolumes(t *testing.T) {
	class := func(name, provisioner, parameters string) string {
		return "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: " + name + ", annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}\nprovisioner: " +
			provisioner + "\nparameters: {" + parameters + "}\n---\n"
	}
	volume := func(name, spec string) string {
		return "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: " + name + "}\nspec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], " + spec + "}\n---\n"
	}
	one := func(text string) map[string]string { return map[string]string{"s.yaml": text} }
	t.Run("a class that is called encrypted", func(t *testing.T) {
		says(t, findings(t, "authn-storage-class-encryption", one(class("encrypted", "storage.example.com", `encrypted: "true"`))), nist190.NotAssessed, "is not known here")
	})
	t.Run("a provisioner whose name has azure in it", func(t *testing.T) {
		says(t, findings(t, "authn-storage-class-encryption", one(class("c", "nfs.azure.example.com", ""))), nist190.NotAssessed, "is not known here")
	})
	t.Run("a parameter that Google's driver does not have names no key", func(t *testing.T) {
		for _, bogus := range []string{"pdName: x", "kmsKeyId: x", `encrypted: "true"`} {
			says(t, findings(t, "authn-storage-class-encryption", one(class("c", "pd.csi.storage.gke.io", bogus))), nist190.Pass, "")
			says(t, findings(t, "authn-provider-key", one(class("c", "pd.csi.storage.gke.io", bogus))), nist190.Fail, "the provider's key")
		}
		says(t, findings(t, "authn-provider-key", one(class("c", "pd.csi.storage.gke.io", "disk-encryption-kms-key: projects/p/k"))), nist190.Pass, "")
	})
	t.Run("Amazon without the parameter is neither", func(t *testing.T) {
		says(t, findings(t, "authn-storage-class-encryption", one(class("c", "ebs.csi.aws.com", "type: gp3"))), nist190.NotAssessed, "the account's setting")
		for _, v := range []string{`"true"`, `"True"`, `"TRUE"`} {
			says(t, findings(t, "authn-storage-class-encryption", one(class("c", "ebs.csi.aws.com", "Encrypted: "+v))), nist190.Pass, "")
		}
	})
	t.Run("the key of AWS itself is none of the customer's", func(t *testing.T) {
		says(t, findings(t, "authn-provider-key", one(class("c", "ebs.csi.aws.com", `encrypted: "true", kmsKeyId: alias/aws/ebs`))), nist190.Fail, "the provider's key")
	})
	t.Run("IBM's encrypted: false is encrypted with IBM's key", func(t *testing.T) {
		says(t, findings(t, "authn-storage-class-encryption", one(class("c", "vpc.block.csi.ibm.io", `encrypted: "false"`))), nist190.Pass, "")
	})
	t.Run("a static volume of a class that does not exist is not passed over", func(t *testing.T) {
		says(t, findings(t, "authn-volume-encryption", one(volume("v", "storageClassName: gone, csi: {driver: ebs.csi.aws.com, volumeHandle: vol-1}"))), nist190.NotAssessed, `StorageClass "gone", by which it was made, was not seen`)
	})
	t.Run("a static volume without a class", func(t *testing.T) {
		says(t, findings(t, "authn-volume-encryption", one(volume("v", "csi: {driver: csi.hetzner.cloud, volumeHandle: '1'}"))), nist190.Fail, "unless the class names a Secret")
	})
	t.Run("a class of the same name that was replaced by another driver's", func(t *testing.T) {
		text := class("fast", "ebs.csi.aws.com", `encrypted: "true"`) + volume("v", "storageClassName: fast, csi: {driver: linodebs.csi.linode.com, volumeHandle: '1'}")
		says(t, findings(t, "authn-volume-encryption", one(text)), nist190.NotAssessed, "was not seen")
	})
	t.Run("what the volume says wins over its class", func(t *testing.T) {
		text := class("rbd", "rbd.csi.ceph.com", `clusterID: x`) + volume("v", `storageClassName: rbd, csi: {driver: rbd.csi.ceph.com, volumeHandle: x, volumeAttributes: {clusterID: x, encrypted: "true"}}`)
		says(t, findings(t, "authn-volume-encryption", one(text)), nist190.Pass, "")
		text = class("rbd", "rbd.csi.ceph.com", `clusterID: x, encrypted: "true"`) + volume("v", `storageClassName: rbd, csi: {driver: rbd.csi.ceph.com, volumeHandle: x, volumeAttributes: {clusterID: x}}`)
		says(t, findings(t, "authn-volume-encryption", one(text)), nist190.NotAssessed, "the class does not ask for it")
	})
	t.Run("files of the node and of a server are not encrypted by being volumes", func(t *testing.T) {
		for source, says1 := range map[string]string{"hostPath: {path: /x}": "it is on a disk of the node", "local: {path: /x}": "it is on a disk of the node", "nfs: {server: s, path: /x}": "the file server decides"} {
			says(t, findings(t, "authn-volume-encryption", one(volume("v", source))), nist190.NotAssessed, says1)
		}
	})
}

// TestKnownMistakesOfAudit: of policies and backends.
func TestKnownMistakesOfAudit(t *testing.T) {
	policy := func(rules string) map[string]string {
		return map[string]string{"a.yaml": server("v1.37.0", "--audit-policy-file=/etc/p.yaml", "--audit-log-path=-"), "etc/p.yaml": "apiVersion: audit.k8s.io/v1\nkind: Policy\n" + rules}
	}
	t.Run("a policy with rules for Secrets that a rule before them masks", func(t *testing.T) {
		got := findings(t, "authn-audit-coverage", policy("rules:\n- {level: None, verbs: [get, list, watch]}\n- {level: Metadata, resources: [{group: \"\", resources: [secrets]}]}\n- level: Metadata\n"))
		f := says(t, got, nist190.Fail, "reading Secrets leaves no trace: rule 0")
		if f.Severity != nist190.SeverityHigh {
			t.Errorf("severity %s", f.Severity)
		}
	})
	t.Run("pods/* is the subresources and the pods", func(t *testing.T) {
		got := findings(t, "authn-audit-coverage", policy("rules:\n- {level: None, resources: [{group: \"\", resources: [\"pods/*\"]}]}\n- level: Metadata\n"))
		says(t, got, nist190.Fail, "commands and connections into pods")
		says(t, got, nist190.Fail, "creating and changing workloads")
	})
	t.Run("no limit of days keeps everything", func(t *testing.T) {
		files := policy("rules: [{level: Metadata}]\n")
		files["a.yaml"] = server("v1.37.0", "--audit-policy-file=/etc/p.yaml", "--audit-log-path=/var/log/a.log")
		for _, f := range findings(t, "authn-audit-retention", files) {
			if f.Status != nist190.Pass {
				t.Errorf("%s: %s", f.Status, f.Message)
			}
		}
	})
	t.Run("everything with its body is too much", func(t *testing.T) {
		says(t, findings(t, "authn-audit-secret-bodies", policy("rules: [{level: RequestResponse}]\n")), nist190.Fail, "the content of Secrets that are read")
	})
}

// TestEncryptionObserved: what a running API server counts proves what no file of it is needed for.
func TestEncryptionObserved(t *testing.T) {
	line := func(resource, direction, prefix string) string {
		return `apiserver_storage_transformation_operations_total{resource="` + resource + `",status="OK",transformation_type="` + direction + `",transformer_prefix="` + prefix + "\"} 7\n"
	}
	metrics := func(lines ...string) map[string]string {
		return map[string]string{"metrics.txt": "# HELP a b\n# TYPE a counter\n" + strings.Join(lines, "")}
	}
	kms := line("secrets", "to_storage", "k8s:enc:kms:v2:vault:")
	f := says(t, findings(t, "authn-secret-encryption", metrics(kms)), nist190.Pass, "")
	if f.Strength != inventory.Observed {
		t.Errorf("strength %s", f.Strength)
	}
	says(t, findings(t, "authn-secret-encryption", metrics(line("secrets", "to_storage", ""))), nist190.Fail, "identity is their provider")
	says(t, findings(t, "authn-encryption-provider", metrics(line("secrets", "to_storage", "k8s:enc:secretbox:v1:"))), nist190.Fail, "no algorithm that FIPS 140 approves")
	says(t, findings(t, "authn-encryption-migration", metrics(kms, line("secrets", "from_storage", "identity"))), nist190.Fail, "a Secret was read from etcd that is not encrypted")
	says(t, findings(t, "authn-encryption-migration", metrics(kms)), nist190.NotAssessed, "which providers read them is not known")
	says(t, findings(t, "authn-encryption-coverage", metrics(kms, line("configmaps", "to_storage", ""))), nist190.Fail, "ConfigMaps are stored as they are")
}
