package authn_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func collect(files map[string]string) (*inventory.Inventory, error) {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fs, "."))
}

func auditOf(t testing.TB, policy string) *authn.Audit {
	t.Helper()
	inv, err := collect(map[string]string{"a.yaml": server("v1.37.0", "--audit-policy-file=/etc/p.yaml", "--audit-log-path=-"), "etc/p.yaml": policy})
	if err != nil {
		t.Fatal(err)
	}
	a, err := authn.AuditOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// How are Secrets and ConfigMaps stored, and what does a class do?
func ExampleEncryptionOf() {
	inv, err := collect(map[string]string{
		"pod.yaml": server("v1.37.0", "--encryption-provider-config=/etc/kubernetes/encryption.yaml"),
		"kubernetes/encryption.yaml": `
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: [{name: k, secret: <KEY>}]}
  - identity: {}
`,
		"class.yaml": `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: pd.csi.storage.gke.io
parameters: {type: pd-ssd}
`})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := authn.EncryptionOf(context.Background(), inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, resource := range []string{"secrets", "configmaps"} {
		p := e.Stored(schema.ParseGroupResource(resource))
		fmt.Printf("%s: encrypted %s, changes noticed %s, %s, %s\n", resource, p.Encrypted, p.Authenticated, p.Custody, p.Why)
	}
	class, _ := e.Class("fast")
	fmt.Printf("fast: encrypted %s, %s, %s (%s)\n", class.Encrypted, class.Custody, class.Why, class.Strength)
	// Output:
	// secrets: encrypted yes, changes noticed no, a key in a file, provider aescbc
	// configmaps: encrypted no, changes noticed unknown, unknown, it is stored as it is
	// fast: encrypted yes, the provider's key, the provider encrypts every volume (vendor-asserted)
}

// Is it recorded who reads Secrets?
func ExampleAuditOf() {
	inv, err := collect(map[string]string{
		"pod.yaml": server("v1.37.0", "--audit-policy-file=/etc/kubernetes/audit.yaml", "--audit-log-path=/var/log/audit.log"),
		"kubernetes/audit.yaml": `
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, userGroups: [developers], verbs: [get, list, watch]}
- {level: Metadata}
`})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := authn.AuditOf(context.Background(), inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, group := range []string{"developers", "auditors"} {
		x, _ := a.Evaluate(&authn.AuditQuestion{User: "alice", Groups: []string{group, "system:authenticated"}, Verb: "get", Namespace: "shop", Resource: "secrets", Name: "card"})
		fmt.Printf("%s: %s by rule %d\n", group, x.Level, x.Rule)
	}
	// Output:
	// developers: None by rule 0
	// auditors: Metadata by rule 1
}
