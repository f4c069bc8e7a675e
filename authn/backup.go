package authn

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var backupKind = schema.GroupKind{Group: "velero.io", Kind: "BackupStorageLocation"}

var backupEncryption = nist190.Metadata{
	ID: "authn-backup-encryption", Title: "Backups that leave the cluster in plain text", Risk: nist190.UnauthorizedAccess,
	Doc: `A BackupStorageLocation of Velero sends backups over plain HTTP, or to a server whose certificate it does not check.

A backup holds all objects of its namespaces, Secrets included and decrypted, and the data of volumes. Objects in Amazon S3,
Google Cloud Storage and Azure Blob Storage are encrypted by the provider, which counts as asserted by the vendor; other
servers that speak S3 are set up to encrypt or are not, which is not to be seen.

Before:

    config: {s3Url: "http://minio.backup:9000"}

After:

    config: {s3Url: "https://minio.backup:9000", kmsKeyId: backups}`,
	Claims: nist190.Claims("2d"), Controls: []string{"CP-9(8)", "SC-8", "SC-28(1)"}, Severity: nist190.SeverityMedium,
	Remediation: `Reach the server by https, with its CA in spec.objectStorage.caCert, and name a key: kmsKeyId (Amazon),
kmsKeyName (Google), or customerKeyEncryptionFile.`,
	Subjects: []schema.GroupKind{backupKind},
	Needs: []inventory.Need{
		// Each location answers for itself.
		{Group: backupKind.Group, Kind: backupKind.Kind, Resource: "backupstoragelocations", Bias: inventory.Incriminating},
	}, Since: "v0.1.0",
	Limits: `Snapshots of volumes are encrypted as the volumes are, by the drivers of clouds. Other tools of backup, copies of
etcd, and who may read the bucket are not seen.`,
}

// BackupEncryption finds backups that are sent in plain text.
func BackupEncryption() nist190.Check {
	return nist190.NewCheck(backupEncryption, func(_ context.Context, e *nist190.Eval) error {
		for o := range e.Inventory.ByKind(backupKind) {
			p := backupProtection(o)
			e.Report(p.outcome(o.Ref(), "", "the backup is"))
		}
		return nil
	})
}

// backupProtection reads config of velero-plugin-for-aws, -gcp and -microsoft-azure (backupstoragelocation.md of each).
func backupProtection(o *inventory.Object) Protection {
	spec := mappingAt(o.Unstructured().Object, "spec")
	config := mappingAt(spec, "config")
	text := func(key string) string { s, _ := config[key].(string); return s }
	provider, _ := spec["provider"].(string)
	provider = strings.TrimPrefix(provider, "velero.io/")
	at := func(path ...any) []nist190.Evidence {
		return []nist190.Evidence{nist190.At(o, append([]any{"spec"}, path...)...)}
	}
	stored := func(document string, key ...string) Protection {
		p := diskEncrypted("the provider encrypts every object")
		p.Source, p.Strength, p.Evidence = document, inventory.VendorAsserted, at("provider")
		for _, k := range key {
			if text(k) != "" {
				p.Custody, p.Strength, p.Evidence = CustomerKey, inventory.StrengthUnset, at("config", k)
			}
		}
		return p
	}
	switch {
	case strings.HasPrefix(strings.ToLower(text("s3Url")), "http://"):
		return Protection{Encrypted: No, Why: "it is sent over plain HTTP", Evidence: at("config", "s3Url")}
	case text("insecureSkipTLSVerify") == "true":
		return Protection{Encrypted: No, Why: "the certificate of the server is not checked, so that anybody can be it", Evidence: at("config", "insecureSkipTLSVerify")}
	case provider == "gcp":
		return stored("https://cloud.google.com/storage/docs/encryption/default-keys", "kmsKeyName")
	case provider == "azure":
		return stored("https://learn.microsoft.com/azure/storage/common/storage-service-encryption")
	case provider == "aws" && text("s3Url") == "":
		return stored("https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html", "kmsKeyId", "customerKeyEncryptionFile", "customerKeyEncryptionSecret")
	case provider == "aws" && (text("kmsKeyId") != "" || text("serverSideEncryption") != "" || text("customerKeyEncryptionFile") != ""):
		p := diskEncrypted("the location asks for it")
		p.Evidence = at("config")
		return p
	}
	return Protection{Why: fmt.Sprintf("what the store of provider %q does with it is not to be seen", provider), Evidence: at("provider")}
}
