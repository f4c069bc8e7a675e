package report

import (
	"fmt"
	"iter"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/view"
)

// Counts is how many findings there are of each sort. Every finding counts in one of Fail, Suppressed, Unproven,
// NotAssessed, Error, Pass and NotApplicable.
type Counts struct {
	Findings      int `json:"findings"`      // all
	Fail          int `json:"fail"`          // open failures
	Suppressed    int `json:"suppressed"`    // failures that somebody accepted
	Unproven      int `json:"unproven"`      // failures that missing evidence could still refute; their status is NotAssessed
	NotAssessed   int `json:"notAssessed"`   // of the others
	Error         int `json:"error"`         // malfunctions
	Pass          int `json:"pass"`          // attested ones included
	Attested      int `json:"attested"`      // passes on a person's word
	NotApplicable int `json:"notApplicable"` // the requirement does not concern the subject
	// Open has the open failures by severity, without those of which there is none.
	Open map[string]int `json:"open"`
}

// Count counts the findings of a report.
func Count(rep *nist190.Report) Counts { return count(rep.Findings()) }

func count(findings iter.Seq[*nist190.Finding]) Counts {
	c := Counts{Open: map[string]int{}}
	for f := range findings {
		c.add(f)
	}
	return c
}

func (c *Counts) add(f *nist190.Finding) {
	c.Findings++
	switch view.SortOf(f) {
	case view.Open:
		c.Fail++
		c.Open[f.Severity.String()]++
	case view.Suppressed:
		c.Suppressed++
	case view.Unproven:
		c.Unproven++
	case view.Malfunction:
		c.Error++
	case view.NotAssessed:
		c.NotAssessed++
	case view.Passed:
		c.Pass++
		if f.Attestation != nil {
			c.Attested++
		}
	case view.NotApplicable:
		c.NotApplicable++
	}
}

// String is one line: "3 open (1 critical, 2 high), 1 unproven, 40 not assessed, 312 passed".
func (c Counts) String() string {
	parts := []string{fmt.Sprintf("%d open", c.Fail)}
	var by []string
	for s := nist190.SeverityCritical; s > nist190.SeverityUnset; s-- {
		if n := c.Open[s.String()]; n > 0 {
			by = append(by, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(by) > 0 {
		parts[0] += " (" + strings.Join(by, ", ") + ")"
	}
	for _, p := range []struct {
		n    int
		what string
	}{
		{c.Unproven, "unproven"}, {c.Suppressed, "suppressed"}, {c.Error, "malfunctioned"}, {c.NotAssessed, "not assessed"},
		{c.Pass, "passed"}, {c.NotApplicable, "not applicable"},
	} {
		if p.n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", p.n, p.what)
		if p.what == "passed" && c.Attested > 0 {
			text += fmt.Sprintf(" (%d attested)", c.Attested)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
