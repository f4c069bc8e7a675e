// Package nodetrust evaluates NIST SP 800-190 section 4.3.5, orchestrator node trust: are nodes introduced securely, do
// they have a persistent identity and an inventory, are their connections mutually authenticated and encrypted, and does
// the compromise of one node leave the cluster whole?
package nodetrust

import (
	"slices"

	"github.com/nist190/nist190"
)

// Checks lists the checks of the package.
func Checks() []nist190.Check {
	return slices.Concat(componentChecks(), nodeChecks())
}
