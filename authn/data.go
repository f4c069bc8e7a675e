package authn

import "github.com/nist190/nist190"

// dataChecks ask whether data is encrypted wherever a pod runs, and whether access to it is recorded.
func dataChecks() []nist190.Check {
	return []nist190.Check{AuditCoverage(), AuditSecretBodies(), AuditShipping(), AuditRetention()}
}
