// Package authn evaluates NIST SP 800-190 section 4.3.2, unauthorized access: is access to cluster-wide administrative
// accounts tightly controlled, with strong authentication and single sign-on, and is the data of containers encrypted
// wherever they run?
package authn

import (
	"slices"

	"github.com/nist190/nist190"
)

// Checks lists the checks of the package.
func Checks() []nist190.Check {
	return slices.Concat(loginChecks(), dataChecks())
}
