package authn

import "github.com/nist190/nist190"

// LoginChecks are the checks about logins.
func LoginChecks() []nist190.Check { return loginChecks() }
