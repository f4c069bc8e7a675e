package catalog

import "github.com/nist190/nist190/authn"

// Authn is what is known of how people log in and no object shows.
type Authn struct {
	Directories []string `json:"directories,omitempty"` // that the organization approves: globs of issuers and names of providers
	SmartCards  bool     `json:"smartCards,omitempty"`  // client certificates of people are on smart cards
}

// Profile is what package authn makes of it.
func (a Authn) Profile() authn.Profile {
	return authn.Profile{Directories: a.Directories, SmartCards: a.SmartCards}
}
