package nist190

import (
	"slices"

	"github.com/nist190/nist190/inventory"
)

// BaselineState relates a finding to an earlier report.
type BaselineState string

const (
	BaselineNone      BaselineState = "" // no baseline was given
	BaselineNew       BaselineState = "new"
	BaselineUnchanged BaselineState = "unchanged"
	BaselineChanged   BaselineState = "changed" // its severity, verdict or suppression differs
)

// Delta is what changed between two reports. Findings are failures and provisional failures.
type Delta struct {
	New, Unchanged, Changed []*Finding // of the current report
	// Fixed findings of the base: their subject now passes, or is gone and every object of its kind was seen.
	Fixed []*Finding
	// Unknowable findings of the base vanished together with the evidence for them.
	Unknowable []*Finding
}

// Compare relates the findings of current to those of base by fingerprint, and marks each finding of current with its
// BaselineState. Of reports of different checks, a finding whose check did not run now is Unknowable.
func Compare(base, current *Report) Delta {
	before := map[string]*Finding{}
	for f := range base.Findings() {
		if f.counts() {
			before[f.Fingerprint] = f
		}
	}
	var d Delta
	now := map[string]bool{}
	passes := map[string]map[inventory.Ref]bool{} // check -> subjects that pass
	for f := range current.Findings() {
		if !f.counts() {
			if f.Status == Pass || f.Status == NotApplicable {
				id := f.Check.ID
				if passes[id] == nil {
					passes[id] = map[inventory.Ref]bool{}
				}
				passes[id][f.Subject.Identity()] = true
			}
			continue
		}
		now[f.Fingerprint] = true
		switch old := before[f.Fingerprint]; {
		case old == nil:
			f.Baseline = BaselineNew
			d.New = append(d.New, f)
		case old.Severity != f.Severity || old.Status != f.Status || (old.Suppression == nil) != (f.Suppression == nil):
			f.Baseline = BaselineChanged
			d.Changed = append(d.Changed, f)
		default:
			f.Baseline = BaselineUnchanged
			d.Unchanged = append(d.Unchanged, f)
		}
	}
	for f := range base.Findings() {
		if !f.counts() || now[f.Fingerprint] {
			continue
		}
		if current.refutes(f, passes[f.Check.ID]) {
			d.Fixed = append(d.Fixed, f)
		} else {
			d.Unknowable = append(d.Unknowable, f)
		}
	}
	return d
}

// counts: a finding in the sense of a comparison.
func (f *Finding) counts() bool {
	return f.Status == Fail || f.Status == NotAssessed && f.Provisional == Fail
}

// refutes reports whether r shows that a finding of an earlier report no longer holds.
func (r *Report) refutes(f *Finding, passes map[inventory.Ref]bool) bool {
	i := slices.IndexFunc(r.Checks, func(c CheckResult) bool { return c.Check.ID == f.Check.ID })
	if i < 0 {
		return false
	}
	id := f.Subject.Identity()
	if passes[id] {
		return true
	}
	// The check still speaks of the subject, and not of this failure: decided unless it could not look.
	mentioned := false
	for j := range r.Checks[i].Findings {
		g := &r.Checks[i].Findings[j]
		if g.Subject.Identity() == id {
			mentioned = true
			if g.Status == NotAssessed || g.Status == Error {
				return false
			}
		}
	}
	if mentioned {
		return true
	}
	return r.Checks[i].Err == nil && r.seesAll(f.Subject)
}

// seesAll reports whether every object of the subject's kind was seen where the subject lived.
func (r *Report) seesAll(subject inventory.Ref) bool {
	state, found := r.DefaultCoverage.State, false
	for _, e := range r.Coverage {
		if e.GroupKind() != subject.GroupKind() {
			continue
		}
		if e.Namespace == subject.Namespace {
			return e.State.Complete()
		}
		if e.Namespace == "" && !found {
			state, found = e.State, true
		}
	}
	return state.Complete()
}
