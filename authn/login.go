package authn

import "github.com/nist190/nist190"

// loginChecks ask who can log in, and how strongly.
func loginChecks() []nist190.Check {
	return []nist190.Check{ServiceAccountTokenSecret()}
}
