package rbac

import (
	"slices"

	"github.com/nist190/nist190"
)

// governanceChecks hold what is granted against what somebody said is meant: teams, an allowlist, identities outside the
// cluster, RBACDefinitions, and what is used.
func governanceChecks() []nist190.Check {
	return slices.Concat([]nist190.Check{
		nist190.NewCheck(beyondAllowlist, checkBeyondAllowlist),
		nist190.NewCheck(unusedAllowlist, checkUnusedAllowlist),
		nist190.NewCheck(teamNamespace, checkTeamNamespace),
		nist190.NewCheck(sharedNamespace, checkSharedNamespace),
		nist190.NewCheck(teamImage, checkTeamImage),
		nist190.NewCheck(defaultAccountUse, checkDefaultAccountUse),
		nist190.NewCheck(sharedAccount, checkSharedAccount),
		nist190.NewCheck(unneededToken, checkUnneededToken),
	}, mappedChecks())

}
