package nist190

import (
	"errors"
	"time"

	"github.com/nist190/nist190/inventory"
)

// Attestation is a person's statement about what no object shows. It turns NotAssessed into Pass at strength Attested,
// never overrides a Fail, and is void from the day after it expires. It names a check or a sentence.
type Attestation struct {
	Check     string             `json:"check,omitempty"`    // glob over check IDs
	Sentence  string             `json:"sentence,omitempty"` // key of a sentence, e.g. "2b"
	Cluster   string             `json:"cluster,omitempty"`  // holds only in reports of this cluster
	Selector  inventory.Selector `json:"selector,omitzero"`  // subjects; with Check only
	Statement string             `json:"statement"`          // required
	Owner     string             `json:"owner"`              // required: who states it
	Evidence  string             `json:"evidence,omitempty"` // URL
	Digest    string             `json:"digest,omitempty"`   // of what is at the URL
	From      Date               `json:"from,omitzero"`
	Expires   Date               `json:"expires"` // required: the last day on which it holds
	Origin    inventory.Origin   `json:"-"`       // where it is written
}

// Validate reports what is missing from the attestation itself.
func (a *Attestation) Validate() error {
	var errs []error
	if (a.Check == "") == (a.Sentence == "") {
		errs = append(errs, errors.New("exactly one of check and sentence must be set"))
	}
	if _, ok := SentenceByKey(a.Sentence); a.Sentence != "" && !ok {
		errs = append(errs, errors.New("sentence "+a.Sentence+" does not exist"))
	}
	if a.Statement == "" {
		errs = append(errs, errors.New("statement is required"))
	}
	if a.Owner == "" {
		errs = append(errs, errors.New("owner is required"))
	}
	if a.Expires.IsZero() {
		errs = append(errs, errors.New("expires is required"))
	}
	return errors.Join(errs...)
}

func (a *Attestation) rule(cluster string, now time.Time) *rule {
	var checks []string
	if a.Check != "" {
		checks = []string{a.Check}
	}
	r := newRule("attestation", a.Origin, checks, a.Selector, a.Expires, now)
	switch err := a.Validate(); {
	case err != nil:
		r.problem = err.Error()
	case a.Cluster != "" && a.Cluster != cluster:
		r.problem = "it is about cluster " + a.Cluster
	case !a.From.IsZero() && now.Before(a.From.Time):
		r.problem = "it holds from " + a.From.String()
	}
	return r
}

// attest makes a finding pass on a person's word.
func (f *Finding) attest(a *Attestation) {
	f.Status, f.Strength, f.Attestation = Pass, inventory.Attested, a
}
