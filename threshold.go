package nist190

import "fmt"

// Threshold decides what a report means for a gate.
type Threshold struct {
	// FailOn is the least severity that counts; unset means SeverityLow.
	FailOn Severity
	// RequireEvidence lets nothing through that could not be assessed, but for manual reviews.
	RequireEvidence bool
	// NewOnly leaves out findings that a baseline holds; see [Compare].
	NewOnly bool
}

// Decision is what a gate does. Its values are the exit statuses of examples/scan.
type Decision int

const (
	Clear       Decision = 0 // nothing at or above the threshold
	Findings    Decision = 1 // open failures
	Unproven    Decision = 2 // failures that evidence could still refute, or evidence that is required is missing
	Malfunction Decision = 3 // a check failed
)

func (d Decision) String() string {
	return nameOf([]string{"clear", "findings", "unproven", "malfunction"}, int(d))
}

// Verdict is a decision with its reasons.
type Verdict struct {
	Decision Decision
	Reasons  []string
}

// Evaluate applies the threshold: a malfunction before findings before what is unproven.
func (t Threshold) Evaluate(r *Report) Verdict {
	least := t.FailOn
	if least == SeverityUnset {
		least = SeverityLow
	}
	var malfunctions, failures, unproven, unassessed int
	for f := range r.Findings() {
		if t.NewOnly && f.Baseline == BaselineUnchanged && f.Status != Error {
			continue
		}
		switch {
		case f.Status == Error:
			malfunctions++
		case f.Status == Fail && f.Suppression == nil && f.WorstSeverity() >= least:
			failures++
		case f.Status == NotAssessed && f.Provisional == Fail && f.WorstSeverity() >= least:
			unproven++
		case f.Status == NotAssessed && f.Reason != ReasonManualReview && t.RequireEvidence:
			unassessed++
		}
	}
	v := Verdict{}
	add := func(n int, d Decision, one, many string) {
		if n == 0 {
			return
		}
		if v.Decision == Clear {
			v.Decision = d
		}
		what := many
		if n == 1 {
			what = one
		}
		v.Reasons = append(v.Reasons, fmt.Sprintf("%d %s", n, what))
	}
	add(malfunctions, Malfunction, "malfunction of a check", "malfunctions of checks")
	above := fmt.Sprintf(" of severity %s or above", least)
	add(failures, Findings, "open finding"+above, "open findings"+above)
	const refutable = " that missing evidence could still refute"
	add(unproven, Unproven, "finding"+above+refutable, "findings"+above+refutable)
	const bare = " without the evidence that is required"
	add(unassessed, Unproven, "verdict"+bare, "verdicts"+bare)
	return v
}
