package authn

import (
	"slices"

	"github.com/nist190/nist190"
)

// dataChecks ask whether data is encrypted wherever a pod runs, and whether access to it is recorded.
func dataChecks() []nist190.Check {
	return slices.Concat(
		etcdChecks(), []nist190.Check{EncryptionKey(), NodeDiskEncryption(), ClassEncryption(), VolumeEncryption(), NodeBoundData(), EphemeralData(),
			VolumeKeySecret(), NetworkVolume(), BackupEncryption(), ProviderKeyOnly()},
		[]nist190.Check{AuditCoverage(), AuditSecretBodies(), AuditShipping(), AuditRetention()},
	)
}
