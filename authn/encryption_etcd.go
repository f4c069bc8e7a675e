package authn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

// etcdChecks ask how objects are stored.
func etcdChecks() []nist190.Check {
	return []nist190.Check{
		onStorage(secretEncryption, nil, checkSecretEncryption),
		onStorage(encryptionProvider, nil, checkEncryptionProvider),
		onStorage(encryptionCoverage, []inventory.Need{
			// Another definition with secrets in it can only add a failure.
			{Group: definitionKind.Group, Kind: definitionKind.Kind, Resource: "customresourcedefinitions", Bias: inventory.Incriminating},
		}, checkEncryptionCoverage),
		onStorage(encryptionMigration, []inventory.Need{
			{Group: migrationKind.Group, Kind: migrationKind.Kind, Resource: "storageversionmigrations", Bias: inventory.Alternative},
		}, checkEncryptionMigration),
		onStorage(encryptionReplicas, nil, checkEncryptionReplicas),
	}
}

// onStorage fills in what checks of stored objects have in common.
func onStorage(md nist190.Metadata, more []inventory.Need, run func(*nist190.Eval, *controlplane.View)) nist190.Check {
	md.Risk, md.Since = nist190.UnauthorizedAccess, "v0.1.0"
	md.Needs = inventory.JoinNeeds(controlplane.Needs(), more)
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		view, err := controlplane.Of(ctx, e.Inventory)
		if err != nil {
			return err
		}
		run(e, view)
		return nil
	})
}

var (
	secrets        = schema.GroupResource{Resource: "secrets"}
	configMaps     = schema.GroupResource{Resource: "configmaps"}
	definitionKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	migrationKind  = schema.GroupKind{Group: "storagemigration.k8s.io", Kind: "StorageVersionMigration"}
)

func isPlain(x controlplane.Encryption) bool { return !x.Encrypted() }

// encrypts: at least one replica is known to encrypt Secrets, and none is known not to. Checks of how they are encrypted say
// nothing where authn-secret-encryption says that they are not.
func encrypts(e *nist190.Eval, view *controlplane.View) bool {
	v := view.APIServer().EncryptionFor(secrets)
	switch {
	case len(v.Find(isPlain)) > 0:
		e.NotApplicable(inventory.Cluster, "Secrets are stored as they are")
		return false
	case len(v.Find(controlplane.Encryption.Encrypted)) > 0:
		return true
	}
	m, _ := view.Managed()
	if c, ok := m.Cluster(); ok && c.SecretsKey.Known && !c.SecretsKey.V.Set {
		e.NotApplicable(inventory.Cluster, fmt.Sprintf("no key of the customer envelopes Secrets of %s: how they are stored is authn-secret-encryption's question", m.Vendor))
		return false
	}
	e.Report(judge.NotAssessed(inventory.Cluster, "", v.Basis))
	return false
}

var secretEncryption = nist190.Metadata{
	ID: "authn-secret-encryption", Title: "Secrets that are stored in plain text",
	Doc: `The API server writes Secrets to etcd as they are.

Whoever reads a disk, a snapshot or a backup of etcd reads every password and token of the cluster. The API server encrypts
only what an EncryptionConfiguration names. It looks for the resource by its name, then for all of its group, then for
everything, and the first provider of what it finds writes; the others only read. With identity in front nothing is
encrypted, whatever stands behind it.

Before:

    resources:
    - resources: [secrets]
      providers:
      - identity: {}
      - aescbc: {keys: [...]}

After:

    resources:
    - resources: ["*.*"]
      providers:
      - kms: {apiVersion: v2, name: vault, endpoint: unix:///run/kms/vault.sock}
      - identity: {}

EKS encrypts all objects since Kubernetes 1.28 with a key of its own; that counts as asserted by the vendor.`,
	Claims:   []nist190.Claim{{Sentence: "2d", Conclusive: true}, {Sentence: "2e"}},
	Controls: []string{"SC-28", "SC-28(1)"}, CIS: []string{"1.2.27", "1.2.28"}, Severity: nist190.SeverityHigh,
	Remediation: `Write an EncryptionConfiguration whose first provider for secrets is kms (v2), give it to every API server
with --encryption-provider-config, restart them one after the other, and rewrite all Secrets (kubectl get secrets -A -o json
| kubectl replace -f -, or a StorageVersionMigration). k3s and RKE2: secrets-encryption: true. kops: encryptionConfig: true.
On GKE and AKS give the cluster a key of a key management service.`,
	Limits: `That what was written before was rewritten is authn-encryption-migration's. Disks below etcd that are encrypted
protect what is stolen from the machine, and not what is read on it or copied by a backup; they are
authn-node-disk-encryption's.`,
}

func checkSecretEncryption(e *nist190.Eval, view *controlplane.View) {
	judge.Report(e, inventory.Cluster, "", view.APIServer().EncryptionFor(secrets), func(x controlplane.Encryption) string {
		switch {
		case x.Encrypted():
			return ""
		case !x.Configured:
			return "Secrets are stored as they are: there is no EncryptionConfiguration"
		case len(x.Providers) == 0:
			return "Secrets are stored as they are: no entry of the EncryptionConfiguration is for them"
		case len(x.Providers) > 1:
			return "Secrets are stored as they are: identity is the first provider, and the others only read"
		}
		return "Secrets are stored as they are: identity is their provider"
	})
}

var encryptionProvider = nist190.Metadata{
	ID: "authn-encryption-provider", Title: "Weak encryption of what is stored",
	Doc: `Secrets are encrypted in etcd, by a provider that falls short: of an approved algorithm, of protection against
tampering, or of a key that is kept elsewhere.

SP 800-111 asks for algorithms that FIPS approves. XSalsa20-Poly1305 of secretbox is sound and not among them. AES-CBC of
aescbc is, but nothing authenticates what it writes: whoever can write to etcd can change it. A key in the file of the
configuration lies on the machine that it is to protect; it is of use against stolen backups alone. KMS v1 asks the plugin
for every object and is off by default since Kubernetes 1.29.

Before:

    providers: [{secretbox: {keys: [...]}}]

After:

    providers: [{kms: {apiVersion: v2, name: vault, endpoint: unix:///run/kms/vault.sock}}]

Confidentiality, integrity and custody of the key are findings of their own.`,
	Claims: []nist190.Claim{{Sentence: "2e", Conclusive: true}}, Controls: []string{"SC-12", "SC-13", "SC-28(1)"}, CIS: []string{"1.2.28"},
	Severity: nist190.SeverityMedium,
	Remediation: `Put kms with apiVersion v2 in front, keep the old provider behind it until everything was rewritten, then
remove it. Without a key management service aesgcm has the better algorithm; rotate its key before 200,000 writes.`,
	Limits: `Whether the implementation is a validated module (FIPS 140-3) is not seen, nor where a KMS plugin has its key. That
of a managed control plane is the vendor's, unless the customer brought one.`,
}

func checkEncryptionProvider(e *nist190.Eval, view *controlplane.View) {
	if !encrypts(e, view) {
		return
	}
	v := view.APIServer().EncryptionFor(secrets)
	for _, q := range []struct {
		key      string
		severity nist190.Severity
		wrong    func(p controlplane.Provider, x Protection) string
	}{
		{"algorithm", nist190.SeverityMedium, func(p controlplane.Provider, x Protection) string {
			if x.Approved == No {
				return fmt.Sprintf("Secrets are encrypted by %s with %s, which is no algorithm that FIPS 140 approves", p.Type, x.Algorithm)
			}
			return ""
		}},
		{"integrity", nist190.SeverityMedium, func(p controlplane.Provider, x Protection) string {
			if x.Authenticated == No {
				return fmt.Sprintf("Secrets are encrypted by %s with %s, which does not notice changes", p.Type, x.Algorithm)
			}
			return ""
		}},
		{"custody", nist190.SeverityLow, func(p controlplane.Provider, x Protection) string {
			switch {
			case x.Custody == FileKey:
				return fmt.Sprintf("the key of %s lies in a file of the machine whose data it encrypts", p.Type)
			case p.Version == "v1":
				return "the KMS plugin speaks v1, which is off by default since Kubernetes 1.29"
			}
			return ""
		}},
	} {
		out := judge.Outcome(inventory.Cluster, q.key, v, func(x controlplane.Encryption) string {
			return q.wrong(x.Providers[0], providerProtection(x.Providers[0]))
		})
		out.Severity = q.severity
		e.Report(out)
	}
}

var encryptionCoverage = nist190.Metadata{
	ID: "authn-encryption-coverage", Title: "Sensitive objects beside Secrets that are stored in plain text",
	Doc: `Secrets are encrypted in etcd, and other objects that hold credentials are not: ConfigMaps, in which applications are
configured, passwords and all, and custom resources whose schema has a field for a password or a private key.

Before:

    resources:
    - resources: [secrets]
      providers: [{kms: ...}]

After:

    resources:
    - resources: ["*.*"]
      providers: [{kms: ...}]

Events may be left out with an entry of their own before it.`,
	Claims: nist190.Claims("2d"), Controls: []string{"SC-28"}, Severity: nist190.SeverityMedium,
	Remediation: "Name all resources: \"*.*\" covers custom resources that are added later as well. Then rewrite them.",
	Limits: `A field is taken for a credential by its format (password) or by its name. What is in the objects is not looked at.
Without encryption of Secrets the check does not apply: authn-secret-encryption says it.`,
}

func checkEncryptionCoverage(e *nist190.Eval, view *controlplane.View) {
	if !encrypts(e, view) {
		return
	}
	judge.Report(e, inventory.Cluster, configMaps.String(), view.APIServer().EncryptionFor(configMaps), func(x controlplane.Encryption) string {
		if x.Encrypted() {
			return ""
		}
		return "Secrets are encrypted in etcd, and ConfigMaps are stored as they are"
	})
	for o := range e.Inventory.ByKind(definitionKind) {
		resource, field, ok := secretField(o)
		if !ok {
			continue
		}
		out := judge.Outcome(o.Ref(), "", view.APIServer().EncryptionFor(resource), func(x controlplane.Encryption) string {
			if x.Encrypted() {
				return ""
			}
			return fmt.Sprintf("Secrets are encrypted in etcd, and %s, which have the field %q, are stored as they are", resource, field)
		})
		out.Evidence = append([]nist190.Evidence{nist190.At(o, "spec", "names", "plural")}, out.Evidence...)
		e.Report(out)
	}
}

// secretFields are names of fields that hold a credential itself.
var secretFields = []string{"password", "privatekey", "clientsecret", "secretkey", "secretaccesskey", "accesstoken", "apikey"}

// secretField finds a field of a custom resource that holds a credential: a text of format password, or of a telling name.
func secretField(o *inventory.Object) (resource schema.GroupResource, field string, ok bool) {
	spec := mappingAt(o.Unstructured().Object, "spec")
	resource.Group, _ = spec["group"].(string)
	resource.Resource, _ = mappingAt(spec, "names")["plural"].(string)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		if field, ok = credentialIn(mappingAt(v, "schema", "openAPIV3Schema"), "", 0); ok {
			return resource, field, true
		}
	}
	return resource, "", false
}

// maxSchemaDepth bounds the walk over schemas that nest without end.
const maxSchemaDepth = 32

func credentialIn(s map[string]any, name string, depth int) (string, bool) {
	if s == nil || depth > maxSchemaDepth {
		return "", false
	}
	if s["type"] == "string" && (s["format"] == "password" || slices.Contains(secretFields, strings.ToLower(name))) {
		return name, true
	}
	properties := mappingAt(s, "properties")
	names := make([]string, 0, len(properties))
	for n := range properties {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if found, ok := credentialIn(mappingAt(properties, n), n, depth+1); ok {
			return found, true
		}
	}
	return credentialIn(mappingAt(s, "items"), name, depth+1)
}

var encryptionMigration = nist190.Metadata{
	ID: "authn-encryption-migration", Title: "Secrets from before encryption was turned on",
	Doc: `The provider identity is still among those that read Secrets, and a migration of what was stored has failed or is not
known of; or the API server counts Secrets that it read in plain text (/metrics,
apiserver_storage_transformation_operations_total).

Encryption is for what is written. A Secret that nobody has changed since is still in etcd as it was, in plain text. While
identity is among the providers the API server reads it without complaint; once it is removed, what was forgotten shows. Last
in the list identity is in place only as long as objects are rewritten.

Before:

    providers: [{kms: ...}, {identity: {}}]

After: every Secret rewritten, then

    providers: [{kms: ...}]`,
	Claims: nist190.Claims("2d"), Controls: []string{"SC-28"}, Severity: nist190.SeverityLow,
	Remediation: `Rewrite all Secrets, by a StorageVersionMigration (storagemigration.k8s.io) or kubectl get secrets -A -o json
| kubectl replace -f -, and remove identity. Where a distribution keeps it (k3s, RKE2), run its own re-encryption (k3s
secrets-encrypt rotate-keys) and attest it.`,
	Limits: "What is in etcd is not read. Without identity the API server could not read what is not encrypted, so that its absence is proof.",
}

func checkEncryptionMigration(e *nist190.Eval, view *controlplane.View) {
	if !encrypts(e, view) {
		return
	}
	v := view.APIServer().EncryptionFor(secrets)
	if m, ok := view.Managed(); ok {
		e.Report(managedMigration(m, v.Basis))
		return
	}
	if b, ok := view.APIServer().ReadPlain(secrets); ok {
		out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Message: "a Secret was read from etcd that is not encrypted, although Secrets are encrypted when they are written"}
		judge.Rest(&out, b)
		e.Report(out)
		return
	}
	if known := v.Find(func(x controlplane.Encryption) bool { return !x.OnlyWriter }); len(known) == 0 {
		e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonManualReview,
			Message: "attest that every Secret was rewritten since encryption was turned on: which providers read them is not known"})
		return
	}
	readsPlain := v.Find(func(x controlplane.Encryption) bool {
		return slices.ContainsFunc(x.Providers, func(p controlplane.Provider) bool { return p.Type == "identity" })
	})
	out := judge.Outcome(inventory.Cluster, "", v, func(controlplane.Encryption) string { return "" })
	if len(readsPlain) == 0 {
		e.Report(out)
		return
	}
	out.Evidence = nil
	judge.Rest(&out, readsPlain[0].Basis)
	done, failed := migrationOf(e.Inventory, secrets)
	switch {
	case done != nil:
		out.Evidence = append(out.Evidence, nist190.At(done, "status"))
	case failed != nil:
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("identity still reads Secrets, and StorageVersionMigration %q of them has failed", failed.Name())
		out.Evidence = append([]nist190.Evidence{nist190.At(failed, "status")}, out.Evidence...)
	default:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonManualReview
		out.Message = "attest that every Secret was rewritten since encryption was turned on, or remove identity from the providers that read them"
	}
	e.Report(out)
}

// managedMigration: a vendor that encrypts all objects has always done so, by its own word. One that is given a key encrypts
// what is written from then on.
func managedMigration(m controlplane.Managed, b controlplane.Basis) nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster}
	judge.Rest(&out, b)
	if _, ok := m.Asserted(cloud.EtcdEnveloped); ok {
		out.Strength = inventory.VendorAsserted
		return out
	}
	out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonManualReview
	out.Message = fmt.Sprintf("attest that every Secret was rewritten since %s was given the key, or that the cluster was made with it", m.Vendor)
	return out
}

// migrationOf finds a migration of a resource that has ended well, and one that has not (storagemigration.k8s.io, conditions
// Succeeded and Failed).
func migrationOf(inv *inventory.Inventory, resource schema.GroupResource) (done, failed *inventory.Object) {
	for o := range inv.ByKind(migrationKind) {
		of := mappingAt(o.Unstructured().Object, "spec", "resource")
		group, _ := of["group"].(string)
		if name, _ := of["resource"].(string); group != resource.Group || name != resource.Resource {
			continue
		}
		conditions, _ := mappingAt(o.Unstructured().Object, "status")["conditions"].([]any)
		for _, c := range conditions {
			m, _ := c.(map[string]any)
			switch {
			case m["status"] != "True":
			case m["type"] == "Succeeded":
				done = o
			case m["type"] == "Failed":
				failed = o
			}
		}
	}
	return done, failed
}

var encryptionReplicas = nist190.Metadata{
	ID: "authn-encryption-replicas", Title: "API servers that do not encrypt alike",
	Doc: `The API servers of one cluster have EncryptionConfigurations that differ.

Each writes with its own first provider. One that was left behind at an upgrade stores Secrets as it used to, and what the
others have encrypted with a key that it does not have it cannot read: requests fail by chance.

Before: one replica with identity first, two with kms.

After: the same file on all; changed in two steps, first so that all can read with the new key, then so that all write with
it.`,
	Claims: nist190.Claims("2d"), Controls: []string{"SC-28", "CM-6"}, Severity: nist190.SeverityMedium,
	Remediation: "Give every replica the same file, and compare apiserver_encryption_config_controller_last_config_info{hash} of their /metrics.",
	Limits:      `Keys are compared by their number, order, names and lengths, since what they are is never kept. Replicas that were not seen are not compared.`,
}

func checkEncryptionReplicas(e *nist190.Eval, view *controlplane.View) {
	if m, ok := view.Managed(); ok {
		e.NotApplicable(inventory.Cluster, fmt.Sprintf("the replicas are those of %s", m.Vendor))
		return
	}
	for _, r := range []schema.GroupResource{secrets, configMaps, {Group: "example.com", Resource: "examples"}} {
		v := view.APIServer().EncryptionFor(r)
		if v.Diverges() {
			out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Message: fmt.Sprintf("API servers store %s in different ways: %s", nameOf(r), v.Reason)}
			for i := range v.Replicas {
				judge.Rest(&out, v.Replicas[i].Basis)
			}
			e.Report(out)
			return
		}
	}
	e.Report(judge.Outcome(inventory.Cluster, "", view.APIServer().EncryptionFor(secrets), func(controlplane.Encryption) string { return "" }))
}

func nameOf(r schema.GroupResource) string {
	switch r {
	case secrets:
		return "Secrets"
	case configMaps:
		return "ConfigMaps"
	}
	return "custom resources"
}
