package authn

import (
	"slices"

	"github.com/nist190/nist190"
)

// loginChecks ask who can log in, and how strongly.
func loginChecks() []nist190.Check {
	return slices.Concat(
		[]nist190.Check{ServiceAccountTokenSecret(), AnonymousRequests()},
		flagChecks(), issuerChecks(), certificateChecks(), cloudChecks(),
		[]nist190.Check{ProjectedTokenLifetime(), OrphanAccount(), EmergencyAccess()},
	)
}
