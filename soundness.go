package nist190

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// judge turns what a check reported into findings that hold on the evidence that was there. It is made per check and
// run, after the check has ended, when the coverage of what it read is final.
type judge struct {
	md    *Metadata
	inv   *inventory.Inventory
	needs []inventory.Need
	cover map[coverKey]inventory.Coverage
	// fallback is the strength of evidence where neither an object nor the check says.
	fallback inventory.Strength
}

type coverKey struct {
	kind      schema.GroupKind
	namespace string
}

func newJudge(md *Metadata, inv *inventory.Inventory, read *inventory.Reads) *judge {
	j := &judge{md: md, inv: inv, cover: map[coverKey]inventory.Coverage{}, fallback: inventory.Observed}
	if inventory.World.Get(inv) != "" {
		j.fallback = inventory.Configured
	}
	for _, n := range md.Needs {
		// What was not read decided nothing; that it was not rests on needs of their own.
		if !n.Conditional || read.Has(n.GroupKind()) {
			j.needs = append(j.needs, n)
		}
	}
	for _, gk := range undeclared(md, read) {
		j.needs = append(j.needs, inventory.Need{Group: gk.Group, Kind: gk.Kind})
	}
	return j
}

// undeclared lists the kinds that were read without a need that says so.
func undeclared(md *Metadata, read *inventory.Reads) []schema.GroupKind {
	var out []schema.GroupKind
	for _, gk := range read.Kinds() {
		if !slices.ContainsFunc(md.Needs, func(n inventory.Need) bool { return inventory.CanonicalGroupKind(n.GroupKind()) == gk }) {
			out = append(out, gk)
		}
	}
	return out
}

func (j *judge) coverage(gk schema.GroupKind, namespace string) inventory.Coverage {
	k := coverKey{gk, namespace}
	c, ok := j.cover[k]
	if !ok {
		c = j.inv.Coverage(gk, namespace)
		j.cover[k] = c
	}
	return c
}

// missing lists the incomplete needs of a subject whose bias is none of the tolerated.
func (j *judge) missing(subject inventory.Ref, tolerated ...inventory.Bias) []Missing {
	var out []Missing
	for _, n := range j.needs {
		if slices.Contains(tolerated, n.Bias) {
			continue
		}
		ns := ""
		if n.Scope == inventory.SubjectNamespace {
			ns = namespaceOf(subject)
		}
		c := j.coverage(n.GroupKind(), ns)
		if n.Bias == inventory.Alternative && c.State == inventory.NotCollected {
			continue
		}
		if !c.State.Complete() {
			out = append(out, Missing{Evidence: n.String(), Namespace: ns, State: c.State, Reason: c.Reason})
		}
	}
	return out
}

func namespaceOf(r inventory.Ref) string {
	if r.Kind == "Namespace" && r.Group == "" {
		return r.Name
	}
	return r.Namespace
}

// finding applies the soundness rule. Pass and NotApplicable need every kind whose unseen objects could add failures;
// Fail needs every kind whose unseen objects could remove them.
func (j *judge) finding(o Outcome) Finding {
	if o.Severity == SeverityUnset {
		o.Severity = j.md.Severity
	}
	f := Finding{Outcome: o, Check: j.md, Provisional: o.Status, Fingerprint: fingerprint(j.md.ID, o.Subject, o.Key)}
	if obj, ok := j.inv.Lookup(o.Subject); ok {
		f.subjectOrigin = obj.Origin()
		f.Subject.Version = obj.Ref().Version
		if f.Strength == inventory.StrengthUnset && len(o.Evidence) == 0 {
			f.Strength = obj.Strength()
		}
	}
	f.Strength = j.strength(f)
	if len(j.missing(o.Subject)) == 0 {
		f.MaxSeverity = SeverityUnset
	}
	var missing []Missing
	switch o.Status {
	case Pass, NotApplicable:
		missing = j.missing(o.Subject, inventory.Exonerating, inventory.SeverityOnly)
	case Fail:
		missing = j.missing(o.Subject, inventory.Incriminating, inventory.SeverityOnly)
	}
	if len(missing) > 0 {
		f.lower(ReasonMissingEvidence, missing)
	}
	return f
}

func (j *judge) strength(f Finding) inventory.Strength {
	if f.Strength != inventory.StrengthUnset {
		return f.Strength
	}
	weakest := inventory.StrengthUnset
	for _, ev := range f.Evidence {
		if ev.strength != inventory.StrengthUnset && (weakest == inventory.StrengthUnset || ev.strength < weakest) {
			weakest = ev.strength
		}
	}
	if weakest == inventory.StrengthUnset {
		return j.fallback
	}
	return weakest
}

func (f *Finding) lower(why Reason, missing []Missing) {
	f.Provisional, f.Status, f.Reason = f.Status, NotAssessed, why
	f.Missing = append(f.Missing, missing...)
}

// gaps adds, for every subject kind that was not completely seen, that its unseen objects were not examined: one finding
// per kind and namespace.
func (j *judge) gaps() []Finding {
	var out []Finding
	for _, gk := range j.md.Subjects {
		for _, ns := range j.unseen(gk) {
			c := j.coverage(gk, ns)
			need := inventory.Need{Group: gk.Group, Kind: gk.Kind}
			for _, n := range j.md.Needs {
				if n.GroupKind() == gk {
					need = n
				}
			}
			subject := inventory.Cluster
			if ns != "" {
				subject = inventory.NamespaceRef(ns)
			}
			out = append(out, j.finding(Outcome{
				Status: NotAssessed, Subject: subject, Key: "unseen " + gk.String(), Reason: ReasonMissingEvidence,
				Message: "not every " + gk.Kind + " could be seen",
				Missing: []Missing{{Evidence: need.String(), Namespace: ns, State: c.State, Reason: c.Reason}},
			}))
		}
	}
	return out
}

// unseen lists the namespaces in which a kind is incomplete; "" stands for those that nothing is stated of.
func (j *judge) unseen(gk schema.GroupKind) []string {
	if j.coverage(gk, "").State.Complete() {
		return nil
	}
	var out []string
	rest := j.inv.DefaultCoverage()
	for _, e := range j.inv.CoverageEntries() {
		switch {
		case e.GroupKind() != inventory.CanonicalGroupKind(gk):
		case e.Namespace == "":
			rest = e.Coverage
		case !e.State.Complete():
			out = append(out, e.Namespace)
		}
	}
	if len(out) == 0 || !rest.State.Complete() {
		out = append(out, "")
	}
	return out
}

// nothing is the finding of a check that reported no outcome.
func (j *judge) nothing() Finding {
	return j.finding(Outcome{Status: NotApplicable, Subject: inventory.Cluster, Message: "there is nothing that it concerns"})
}
