// Package rbac evaluates NIST SP 800-190 section 4.3.1, unbounded administrative access: may users only perform the
// actions on the hosts, containers and images that their job requires, and is access to cluster-wide administrative
// accounts tightly controlled (section 4.3.2)?
//
// Rules are judged by what they allow, never by what a role is called: nothing reserves the names that Kubernetes and
// its distributions use. Matching follows pkg/apis/rbac/v1/evaluation_helpers.go and, for subjects,
// pkg/registry/rbac/validation/rule.go of Kubernetes.
package rbac

import (
	"slices"

	"github.com/nist190/nist190"
)

// Checks lists the checks of the package.
func Checks() []nist190.Check {
	return slices.Concat(powerChecks(), hygieneChecks(), governanceChecks(), []nist190.Check{
		nist190.NewCheck(levelCrossing, checkLevelCrossing), nist190.NewCheck(cloudIdentity, checkCloudIdentity),
	})
}
