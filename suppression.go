package nist190

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/nist190/nist190/inventory"
)

// Suppression accepts failures for a reason. A suppressed finding stays a Fail and is counted apart. A suppression that
// is malformed or expired is not applied; that one, and one that matches nothing, is a Problem of the report.
type Suppression struct {
	Checks      []string           `json:"checks,omitempty"` // globs over check IDs; none means every check
	Selector    inventory.Selector `json:"selector,omitzero"`
	Fingerprint string             `json:"fingerprint,omitempty"` // of one finding
	Reason      string             `json:"reason"`                // required
	Owner       string             `json:"owner,omitempty"`
	Ticket      string             `json:"ticket,omitempty"`
	Expires     Date               `json:"expires,omitzero"` // valid through this day
	Origin      inventory.Origin   `json:"-"`                // where it is written
}

// Date is a day in UTC, written 2027-01-31. The zero Date is no date.
type Date struct{ time.Time }

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q: want YYYY-MM-DD", s)
	}
	return Date{t}, nil
}

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDate(string(b))
	return err
}

// MarshalJSON writes the date as a string.
func (d Date) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// UnmarshalJSON reads the date from a string.
func (d *Date) UnmarshalJSON(b []byte) error {
	return d.UnmarshalText([]byte(strings.Trim(string(b), `"`)))
}

func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

// Past reports whether the day is over at now.
func (d Date) Past(now time.Time) bool { return !d.IsZero() && !now.Before(d.AddDate(0, 0, 1)) }

// AnnotationPrefix begins the annotation that suppresses a check for the annotated object:
//
//	suppress.nist190.dev/<check-id>: "reason; expires=2027-01-31"
//
// It is honoured where the Runner allows it, never on cluster-scoped objects.
const AnnotationPrefix = "suppress.nist190.dev/"

func parseAnnotation(o *inventory.Object, id string) (*Suppression, error) {
	text, ok := o.Annotations()[AnnotationPrefix+id]
	if !ok || o.Namespace() == "" {
		return nil, nil
	}
	s := &Suppression{Checks: []string{id}, Origin: o.Origin("metadata", "annotations", AnnotationPrefix+id)}
	for i, part := range strings.Split(text, ";") {
		part = strings.TrimSpace(part)
		key, value, isField := strings.Cut(part, "=")
		switch {
		case i == 0:
			s.Reason = part
		case isField && key == "expires":
			d, err := ParseDate(value)
			if err != nil {
				return nil, err
			}
			s.Expires = d
		case isField && key == "owner":
			s.Owner = value
		case isField && key == "ticket":
			s.Ticket = value
		default:
			return nil, fmt.Errorf("%q is none of expires=, owner= and ticket=", part)
		}
	}
	if s.Reason == "" || strings.HasPrefix(s.Reason, "expires=") {
		return nil, errors.New("a reason is required")
	}
	return s, nil
}

// matchIDs: no globs match every check.
func matchIDs(globs []string, id string) bool {
	for _, g := range globs {
		if ok, _ := path.Match(g, id); ok {
			return true
		}
	}
	return len(globs) == 0
}

// rule is a suppression or attestation that a run applies, with whether it matched anything.
type rule struct {
	what    string
	origin  inventory.Origin
	checks  []string
	expires Date
	matcher *inventory.Matcher
	used    bool
	problem string // why it is not applied
}

func newRule(what string, origin inventory.Origin, checks []string, sel inventory.Selector, expires Date, now time.Time) *rule {
	r := &rule{what: what, origin: origin, checks: checks, expires: expires}
	m, err := sel.Compile()
	r.matcher = m
	if err != nil {
		r.problem = err.Error()
	}
	for _, g := range checks {
		if _, err := path.Match(g, ""); err != nil {
			r.problem = fmt.Sprintf("checks: %q is not a valid pattern", g)
		}
	}
	if r.problem == "" && expires.Past(now) {
		r.problem = "expired after " + expires.String()
	}
	return r
}

func (r *rule) matches(inv *inventory.Inventory, f *Finding) bool {
	return r.problem == "" && matchIDs(r.checks, f.Check.ID) && r.matcher.MatchRef(inv, f.Subject)
}

// problems says what became of a rule.
func (r *rule) problems() []inventory.Problem {
	switch {
	case r.problem != "":
		return []inventory.Problem{{Code: inventory.ProblemConfiguration, Origin: r.origin, Message: r.what + " is not applied: " + r.problem}}
	case !r.used:
		return []inventory.Problem{{Code: inventory.ProblemConfiguration, Level: inventory.ProblemNotice, Origin: r.origin, Message: r.what + " matches nothing"}}
	}
	return nil
}
