package oscal

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/jsonstream"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// Write writes the report as assessment results. It holds one observation at a time in memory.
//
// A finding is the answer to one sentence, and they come first: OSCAL knows satisfied and not satisfied, so that what could
// not be assessed is not satisfied for the reason "other", with remarks that say what would decide it; the property
// "status" has the word of the report. An observation is what a check found of one subject: by TEST where the running
// cluster was asked, by EXAMINE of manifests and documents, by INTERVIEW where a person attests it. A risk is a check with
// failures. Identifiers follow from fingerprints, so that two assessments can be compared.
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	r := &results{rep: rep, cluster: plain.Line(rep.Run.Cluster), started: dateTime(rep.Run.Started)}
	s := jsonstream.New(w, "")
	s.Write([]byte(`{"assessment-results":`))
	s.Begin(head{
		UUID:     uuid("assessment-results", r.cluster, r.started),
		Metadata: metadataOf("Assessment results: NIST SP 800-190 section 4.3, "+cmp.Or(r.cluster, "Kubernetes"), rep.Run.Started, o),
		ImportAP: imported{Href: o.PlanHref},
	}, "results", 0)
	r.write(s)
	s.End(true, 0)
	s.Write([]byte("}\n"))
	return s.Flush()
}

type results struct {
	rep              *nist190.Report
	cluster, started string
}

// write writes the one result: what is short first, then the subjects, then the observations.
func (r *results) write(s *jsonstream.Stream) {
	started := r.rep.Run.Started
	res := result{
		UUID: uuid("result", r.cluster, r.started), Title: "Scan of " + cmp.Or(r.cluster, "a cluster"),
		Description: "What Kubernetes objects show of the orchestrator countermeasures of NIST SP 800-190, section 4.3.",
		Start:       r.started, End: dateTime(started.Add(r.rep.Run.Duration)), Reviewed: allControls(),
		Props: props("status", r.rep.Status().String()),
	}
	for _, k := range r.rep.Risks {
		res.Props = append(res.Props, prop("risk-"+string(k.Risk), k.Status.String()))
	}
	for _, a := range r.rep.Assumptions {
		res.Props = append(res.Props, property{Name: "assumption", NS: namespace, Value: word(a.Name + ": " + a.Value)})
	}
	for i := range r.rep.Requirements {
		res.Findings = append(res.Findings, r.finding(&r.rep.Requirements[i]))
	}
	for i := range r.rep.Checks {
		if k, ok := r.risk(&r.rep.Checks[i]); ok {
			res.Risks = append(res.Risks, k)
		}
	}
	var gaps []string
	for _, g := range r.rep.Gaps() {
		gaps = append(gaps, view.GapText(g))
	}
	if len(gaps) > 0 {
		res.Remarks = "Not assessed, by what is missing:\n\n- " + strings.Join(gaps, "\n- ")
	}
	object := func(v any) []byte { b := s.Encode(v, 0); return b[:len(b)-1] }
	s.Write(object(res))
	s.Write([]byte(`,"local-definitions":`))
	s.Write(object(definitions{Components: []component{r.system()}, Assets: tool()}))
	r.subjects(s)
	s.Write([]byte("}"))
	r.observations(s)
	s.Write([]byte("}"))
}

// system is the cluster, the subject of what is about no object.
func (r *results) system() component {
	return component{
		UUID: uuid("component", "cluster", r.cluster), Type: "system", Title: word(cmp.Or(r.cluster, "cluster")),
		Description: "The Kubernetes cluster that was assessed.", Status: state{"operational"},
	}
}

func subjectID(cluster string, ref inventory.Ref) string {
	id := ref.Identity()
	return uuid("object", cluster, id.Group, id.Kind, id.Namespace, id.Name)
}

func isCluster(ref inventory.Ref) bool { return ref.Name == "" && ref.Namespace == "" }

// subjects writes each object once.
func (r *results) subjects(s *jsonstream.Stream) {
	seen := map[inventory.Ref]bool{}
	for f := range r.rep.Findings() {
		id := f.Subject.Identity()
		if s.Err() != nil || isCluster(id) || seen[id] {
			continue
		}
		if len(seen) == 0 {
			s.Write([]byte(`,"inventory-items":[`))
		}
		s.Separate(len(seen) == 0, 0)
		seen[id] = true
		s.Write(s.Encode(item{
			UUID: subjectID(r.cluster, id), Description: word(id.String()),
			Props: props("api-version", plain.Line(f.Subject.APIVersion()), "kind", plain.Line(id.Kind), "namespace", plain.Line(id.Namespace), "name", plain.Line(id.Name)),
		}, 0))
	}
	if len(seen) > 0 {
		s.Write([]byte("]"))
	}
}

func (r *results) observations(s *jsonstream.Stream) {
	first := true
	write := func(o observation) {
		if first {
			s.Write([]byte(`,"observations":[`))
		}
		s.Separate(first, 0)
		s.Write(s.Encode(o, 0))
		first = false
	}
	for i := range r.rep.Requirements {
		if q := &r.rep.Requirements[i]; q.Attestation != nil {
			write(r.statement(q))
		}
	}
	for f := range r.rep.Findings() {
		if s.Err() != nil {
			return
		}
		write(r.observation(f))
	}
	if !first {
		s.Write([]byte("]"))
	}
}

func observationID(f *nist190.Finding) string { return uuid("observation", plain.Line(f.Fingerprint)) }

func (r *results) observation(f *nist190.Finding) observation {
	o := observation{
		UUID: observationID(f), Title: word(f.Check.Title), Description: view.Message(f) + view.WhatIsMissing(f), Methods: []string{method(f.Strength)},
		Types: []string{"finding"}, Origins: []origin{{[]actor{{Type: "tool", UUID: uuid("component", "nist190")}}}}, Collected: r.started,
		Props: props("check", f.Check.ID, "status", f.Status.String(), "severity", f.Severity.String(), "strength", f.Strength.String(),
			"reason", plain.Line(string(f.Reason)), "fingerprint", plain.Line(f.Fingerprint), "key", plain.Line(f.Key)),
	}
	if f.Provisional != f.Status {
		o.Props = append(o.Props, prop("provisional", f.Provisional.String()))
	}
	if isCluster(f.Subject) {
		o.Subjects = []subjectRef{{UUID: uuid("component", "cluster", r.cluster), Type: "component", Title: "Cluster"}}
	} else {
		o.Subjects = []subjectRef{{UUID: subjectID(r.cluster, f.Subject), Type: "inventory-item", Title: word(f.Subject.String())}}
	}
	if at := view.Place(f); !at.IsZero() {
		o.Evidence = append(o.Evidence, evidence{Description: "See " + plain.Line(at.String())})
	}
	for _, ev := range f.Evidence {
		if text := evidenceText(ev); text != "" {
			o.Evidence = append(o.Evidence, evidence{Description: text})
		}
	}
	var remarks []string
	if len(f.Path) > 0 {
		remarks = append(remarks, "Path: "+strings.Join(view.Lines(f.Path), " > "))
	}
	if f.Suppression != nil {
		remarks = append(remarks, "Accepted: "+view.Acceptance(f.Suppression))
	}
	if f.Attestation != nil {
		remarks = append(remarks, view.AttestationText(f.Attestation))
		o.Methods, o.Expires = []string{"INTERVIEW"}, expiry(f.Attestation.Expires)
	}
	o.Remarks = strings.Join(remarks, "\n\n")
	return o
}

// statement is what a person says of a sentence.
func (r *results) statement(q *nist190.Requirement) observation {
	a := q.Attestation
	o := observation{
		UUID: uuid("attestation", q.Sentence.Key, plain.Line(a.Owner), plain.Line(a.Statement)), Title: "Attestation of sentence " + q.Sentence.Key,
		Description: view.AttestationText(a), Methods: []string{"INTERVIEW"}, Types: []string{"finding"}, Collected: r.started, Expires: expiry(a.Expires),
		Subjects: []subjectRef{{UUID: uuid("component", "cluster", r.cluster), Type: "component", Title: "Cluster"}},
		Props:    props("owner", plain.Line(a.Owner), "digest", plain.Line(a.Digest)),
	}
	if a.Evidence != "" {
		o.Evidence = []evidence{{Description: "See " + plain.Line(a.Evidence)}}
	}
	return o
}

func expiry(d nist190.Date) string {
	if d.IsZero() {
		return ""
	}
	return dateTime(d.Time)
}

func evidenceText(ev nist190.Evidence) string {
	var parts []string
	for _, p := range []string{ev.Ref.String(), ev.Path} {
		if p != "" {
			parts = append(parts, plain.Line(p))
		}
	}
	text := strings.Join(parts, " ")
	if ev.Value != "" {
		text += " = " + plain.Line(ev.Value)
	}
	if ev.Note != "" {
		text = strings.TrimPrefix(text+": "+plain.Line(ev.Note), ": ")
	}
	return strings.TrimSpace(text)
}

// method is how one learned of evidence of a strength: SP 800-53A.
func method(s inventory.Strength) string {
	switch s {
	case inventory.Observed:
		return "TEST"
	case inventory.Attested:
		return "INTERVIEW"
	}
	return "EXAMINE"
}

// finding is the answer to one sentence.
func (r *results) finding(q *nist190.Requirement) finding {
	f := finding{
		UUID: uuid("finding", r.cluster, q.Sentence.Key), Title: fmt.Sprintf("%s: %s", q.Sentence.Key, q.Status), Description: word(q.Sentence.Text),
		Target: target{Type: "statement-id", ID: statementID(q.Sentence), Status: status{State: "not-satisfied", Reason: "other"}},
		Props:  props("status", q.Status.String(), "strength", q.Strength.String(), "unlock", plain.Line(q.Unlock)),
	}
	switch q.Status {
	case nist190.Pass:
		f.Target.Status = status{State: "satisfied", Reason: "pass"}
	case nist190.Fail:
		f.Target.Status.Reason = "fail"
	case nist190.NotApplicable:
		f.Target.Status = status{State: "satisfied", Reason: "other", Remarks: "It does not concern this cluster."}
		f.Target.Implementation = &state{"not-applicable"}
	case nist190.NotAssessed:
		f.Target.Status.Remarks = "Not assessed."
		if len(q.Missing) > 0 {
			f.Target.Status.Remarks += " Missing: " + strings.Join(view.Lines(q.Missing), ", ") + "."
		}
		if q.Unlock != "" {
			f.Target.Status.Remarks += " To assess it: " + plain.Line(q.Unlock) + "."
		}
	default:
		f.Target.Status.Remarks = "A check malfunctioned."
	}
	var remarks []string
	for _, a := range view.Attestations(r.rep, q) {
		remarks = append(remarks, view.AttestationText(a))
	}
	f.Remarks = strings.Join(remarks, "\n\n")
	if q.Attestation != nil {
		f.Observations = append(f.Observations, observationRef{r.statement(q).UUID})
	}
	for i := range r.rep.Checks {
		c := &r.rep.Checks[i]
		if !slices.Contains(q.Checks, c.Check.ID) {
			continue
		}
		for j := range c.Findings {
			f.Observations = append(f.Observations, observationRef{observationID(&c.Findings[j])})
		}
		if _, ok := r.risk(c); ok {
			f.Risks = append(f.Risks, riskRef{riskID(r.cluster, c)})
		}
	}
	return f
}

func riskID(cluster string, c *nist190.CheckResult) string {
	return uuid("risk", cluster, plain.Line(c.Check.ID))
}

// risk is a check with failures: open while one of them is not accepted.
func (r *results) risk(c *nist190.CheckResult) (risk, bool) {
	k := risk{
		UUID: riskID(r.cluster, c), Title: word(c.Check.Title), Description: cmp.Or(strings.TrimSpace(plain.Text(c.Check.Doc)), word(c.Check.Title)),
		Status: "deviation-approved", Props: props("check", c.Check.ID, "severity", c.Check.Severity.String()),
	}
	open, accepted := 0, 0
	var until time.Time
	for i := range c.Findings {
		f := &c.Findings[i]
		switch view.SortOf(f) {
		case view.Open:
			open++
		case view.Suppressed:
			accepted++
			if e := f.Suppression.Expires.Time; until.IsZero() || !e.IsZero() && e.Before(until) {
				until = e
			}
		default:
			continue
		}
		k.Observations = append(k.Observations, observationRef{observationID(f)})
	}
	if open > 0 {
		k.Status, until = "open", time.Time{}
	}
	k.Statement = view.Amount(open, "open failure") + ", " + view.Amount(accepted, "accepted one") + "."
	if !until.IsZero() {
		k.Deadline = dateTime(until)
	}
	if fix := strings.TrimSpace(plain.Text(c.Check.Remediation)); fix != "" {
		k.Remediations = []response{{UUID: uuid("response", plain.Line(c.Check.ID)), Lifecycle: "recommendation", Title: "What to do", Description: fix}}
	}
	return k, open+accepted > 0
}
