package nist190

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nist190/nist190/inventory"
)

// Requirement is the answer to one sentence of section 4.3.
type Requirement struct {
	Sentence Sentence
	Status   Status
	Strength inventory.Strength // of a Pass: that of its weakest evidence
	Checks   []string           // that speak to it, advisory ones included
	Missing  []string           // what kept it from being assessed, the most costly first
	Unlock   string             // the one action that would decide most
	// Attestation is set where a person's statement decided the sentence.
	Attestation *Attestation
}

// requirements answers every sentence.
func requirements(checks []CheckResult, attested map[string]*Attestation) []Requirement {
	out := make([]Requirement, 0, len(sentences))
	for _, s := range sentences {
		q := answer(s, checks)
		if a := attested[s.Key]; a != nil && q.Status == NotAssessed {
			q.Status, q.Strength, q.Attestation, q.Missing, q.Unlock = Pass, inventory.Attested, a, nil, ""
		}
		out = append(out, q)
	}
	return out
}

func answer(s Sentence, checks []CheckResult) Requirement {
	q := Requirement{Sentence: s}
	var statuses []Status
	conclusive := false
	need := map[string]int{}
	manual := ""
	for i := range checks {
		c := &checks[i]
		at := slices.IndexFunc(c.Check.Claims, func(cl Claim) bool { return cl.Sentence == s.Key })
		if at < 0 {
			continue
		}
		q.Checks = append(q.Checks, c.Check.ID)
		if c.Check.Advisory {
			continue
		}
		statuses = append(statuses, c.Status)
		conclusive = conclusive || c.Check.Claims[at].Conclusive
		for j := range c.Findings {
			f := &c.Findings[j]
			switch {
			case f.Status == Pass:
				if q.Strength == inventory.StrengthUnset || f.Strength < q.Strength {
					q.Strength = f.Strength
				}
			case f.Status == NotAssessed && f.Reason == ReasonManualReview:
				manual = f.Message
			case f.Status == NotAssessed && len(f.Missing) == 0:
				need[f.Check.Title]++
			case f.Status == NotAssessed:
				for _, m := range f.Missing {
					need[m.Evidence]++
				}
			}
		}
	}
	q.Status = RollUp(statuses...)
	if (q.Status == Pass || q.Status == NotApplicable) && !conclusive {
		q.Status = NotAssessed
		q.Missing = append(q.Missing, "a check that is conclusive for the sentence")
	}
	if len(statuses) == 0 {
		q.Missing = append(q.Missing, "a check for the sentence")
	}
	if q.Status != Pass {
		q.Strength = inventory.StrengthUnset
	}
	names := make([]string, 0, len(need))
	for n := range need {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(need[b], need[a]), cmp.Compare(a, b)) })
	q.Missing = append(names, q.Missing...)
	if q.Status == NotAssessed {
		q.Unlock = unlock(s, names, manual, checks)
	}
	return q
}

// unlock names the one action that would decide most.
func unlock(s Sentence, missing []string, manual string, checks []CheckResult) string {
	if len(missing) > 0 {
		for i := range checks {
			for _, n := range checks[i].Check.Needs {
				if n.String() == missing[0] {
					return fmt.Sprintf("supply %s: grant list on it, or add its manifests", missing[0])
				}
			}
		}
		return "resolve: " + missing[0]
	}
	if manual != "" {
		return "attest: " + manual
	}
	return attest(s)
}

func attest(s Sentence) string {
	return fmt.Sprintf("attest sentence %s, with an owner and a date on which the attestation expires", s.Key)
}

// NeedsAttestation reports whether nothing but a person's statement would answer the sentence: no check does, and no
// evidence that one of them misses would.
func (q *Requirement) NeedsAttestation() bool {
	return q.Status == NotAssessed && q.Unlock == attest(q.Sentence)
}

// riskResults rolls the sentences up, per risk.
func riskResults(qs []Requirement) []RiskResult {
	var out []RiskResult
	for _, r := range Risks() {
		var statuses []Status
		for _, q := range qs {
			if q.Sentence.Risk == r {
				statuses = append(statuses, q.Status)
			}
		}
		out = append(out, RiskResult{r, RollUp(statuses...)})
	}
	return out
}
