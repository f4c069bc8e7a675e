package report

import (
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// SchemaVersion is that of the JSON forms. Fields may be added to it; a field that changes its meaning or goes away
// makes a new version.
const SchemaVersion = "1"

// The types below are the JSON forms; schema/report.schema.json documents their fields. Names are strings here, not
// values that marshal themselves: a report can have a million findings.

type header struct {
	SchemaVersion   string       `json:"schemaVersion"`
	Run             *runRecord   `json:"run,omitempty"`
	Assumptions     []assumption `json:"assumptions"`
	Coverage        []coverage   `json:"coverage"`
	DefaultCoverage stateRecord  `json:"defaultCoverage"`
	Problems        []problem    `json:"problems"`
}

type summary struct {
	Status       string        `json:"status"`
	Counts       Counts        `json:"counts"`
	Risks        []riskRecord  `json:"risks"`
	Requirements []requirement `json:"requirements"`
	Gaps         []gap         `json:"gaps"`
}

type assumption struct {
	Name       string `json:"name"`
	Value      string `json:"value"`
	Configured bool   `json:"configured"`
}

type runRecord struct {
	Started   time.Time `json:"started"`
	Seconds   float64   `json:"seconds"`
	Cluster   string    `json:"cluster,omitempty"`
	Objects   int       `json:"objects"`
	Checks    []timing  `json:"checks"`
	Facts     []timing  `json:"facts"`
	Abandoned int       `json:"abandoned,omitempty"`
}

type timing struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

type coverage struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	stateRecord
}

type stateRecord struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

type problem struct {
	Code    string   `json:"code"`
	Level   string   `json:"level"`
	Message string   `json:"message"`
	Origin  *origin  `json:"origin,omitempty"`
	Subject *subject `json:"subject,omitempty"`
}

type riskRecord struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Status string `json:"status"`
}

type requirement struct {
	ID          string       `json:"id"`
	Text        string       `json:"text"`
	Risk        string       `json:"risk"`
	Status      string       `json:"status"`
	Strength    string       `json:"strength"`
	Checks      []string     `json:"checks"`
	Missing     []string     `json:"missing"`
	Unlock      string       `json:"unlock"`
	Attestation *attestation `json:"attestation,omitempty"`
}

type gap struct {
	Reason   string   `json:"reason"`
	Evidence string   `json:"evidence,omitempty"`
	Message  string   `json:"message,omitempty"`
	State    string   `json:"state,omitempty"`
	Why      string   `json:"why,omitempty"`
	Checks   []string `json:"checks"`
	Findings int      `json:"findings"`
	Example  subject  `json:"example"`
}

type check struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Risk        string   `json:"risk"`
	Sentences   []string `json:"sentences"`
	Conclusive  []string `json:"conclusive,omitempty"`
	Severity    string   `json:"severity"`
	Status      string   `json:"status"`
	Advisory    bool     `json:"advisory,omitempty"`
	Controls    []string `json:"controls,omitempty"`
	CIS         []string `json:"cis,omitempty"`
	Remediation string   `json:"remediation,omitempty"`
	Limits      string   `json:"limits,omitempty"`
	Since       string   `json:"since,omitempty"`
	Error       string   `json:"error,omitempty"`
}

type finding struct {
	Status        string            `json:"status"`
	Severity      string            `json:"severity"`
	MaxSeverity   string            `json:"maxSeverity,omitempty"`
	Subject       subject           `json:"subject"`
	Origin        *origin           `json:"origin,omitempty"`
	Key           string            `json:"key,omitempty"`
	Message       string            `json:"message"`
	Reason        string            `json:"reason,omitempty"`
	Missing       []missing         `json:"missing,omitempty"`
	Provisional   string            `json:"provisional,omitempty"`
	Evidence      []evidence        `json:"evidence,omitempty"`
	Path          []string          `json:"path,omitempty"`
	Remediation   string            `json:"remediation,omitempty"`
	Strength      string            `json:"strength,omitempty"`
	Fingerprint   string            `json:"fingerprint"`
	Suppression   *suppression      `json:"suppression,omitempty"`
	Attestation   *attestation      `json:"attestation,omitempty"`
	BaselineState string            `json:"baselineState,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Images        []string          `json:"images,omitempty"`
	Owner         *subject          `json:"owner,omitempty"`
	Exhibits      []view.Table      `json:"exhibits,omitempty"`
}

type subject struct {
	APIVersion string `json:"apiVersion"`
	Group      string `json:"group,omitempty"` // of what has a group and no version, such as an RBAC user
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
}

type origin struct {
	URI      string `json:"uri"`
	Doc      int    `json:"doc,omitempty"`
	Line     int    `json:"line"`
	Column   int    `json:"column,omitempty"`
	Template string `json:"template,omitempty"`
}

type missing struct {
	Evidence  string `json:"evidence"`
	Namespace string `json:"namespace,omitempty"`
	State     string `json:"state"`
	Reason    string `json:"reason,omitempty"`
}

type evidence struct {
	Object *subject `json:"object,omitempty"`
	Path   string   `json:"path,omitempty"`
	Value  string   `json:"value,omitempty"`
	Note   string   `json:"note,omitempty"`
	Origin *origin  `json:"origin,omitempty"`
}

type suppression struct {
	Reason  string  `json:"reason"`
	Owner   string  `json:"owner,omitempty"`
	Ticket  string  `json:"ticket,omitempty"`
	Expires string  `json:"expires,omitempty"`
	Origin  *origin `json:"origin,omitempty"`
}

type attestation struct {
	Statement string  `json:"statement"`
	Owner     string  `json:"owner"`
	Check     string  `json:"check,omitempty"`
	Sentence  string  `json:"sentence,omitempty"`
	Cluster   string  `json:"cluster,omitempty"`
	Evidence  string  `json:"evidence,omitempty"`
	Digest    string  `json:"digest,omitempty"`
	From      string  `json:"from,omitempty"`
	Expires   string  `json:"expires"`
	Origin    *origin `json:"origin,omitempty"`
}

func headerOf(rep *nist190.Report, omitRun bool) header {
	h := header{
		SchemaVersion:   SchemaVersion,
		Assumptions:     []assumption{},
		Coverage:        []coverage{},
		DefaultCoverage: stateOf(rep.DefaultCoverage),
		Problems:        []problem{},
	}
	if !omitRun {
		h.Run = runOf(&rep.Run)
	}
	for _, a := range rep.Assumptions {
		h.Assumptions = append(h.Assumptions, assumption{plain.Line(a.Name), plain.Line(a.Value), a.Configured})
	}
	for _, e := range rep.Coverage {
		h.Coverage = append(h.Coverage, coverage{plain.Line(e.Group), plain.Line(e.Kind), plain.Line(e.Namespace), stateOf(e.Coverage)})
	}
	for _, p := range rep.Problems {
		h.Problems = append(h.Problems, problem{string(p.Code), p.Level.String(), plain.Line(p.Message), originOf(p.Origin), refOf(p.Ref)})
	}
	return h
}

func summaryOf(rep *nist190.Report) summary {
	s := summary{
		Status:       rep.Status().String(),
		Counts:       Count(rep),
		Risks:        []riskRecord{},
		Requirements: []requirement{},
		Gaps:         []gap{},
	}
	for _, r := range rep.Risks {
		s.Risks = append(s.Risks, riskRecord{string(r.Risk), r.Risk.Title(), r.Status.String()})
	}
	for i := range rep.Requirements {
		q := &rep.Requirements[i]
		s.Requirements = append(s.Requirements, requirement{
			ID: q.Sentence.Key, Text: plain.Line(q.Sentence.Text), Risk: string(q.Sentence.Risk), Status: q.Status.String(),
			Strength: q.Strength.String(), Checks: view.Lines(q.Checks), Missing: view.Lines(q.Missing), Unlock: plain.Line(q.Unlock),
			Attestation: attestationOf(q.Attestation),
		})
	}
	for _, g := range rep.Gaps() {
		w := gap{
			Reason: plain.Line(string(g.Reason)), Evidence: plain.Line(g.Evidence), Message: plain.Line(g.Message), Why: plain.Line(g.Why),
			Checks: view.Lines(g.Checks), Findings: g.Findings, Example: subjectOf(g.Example),
		}
		if g.Evidence != "" {
			w.State = g.State.String()
		}
		s.Gaps = append(s.Gaps, w)
	}
	return s
}

func runOf(r *nist190.RunInfo) *runRecord {
	return &runRecord{
		Started: r.Started, Seconds: r.Duration.Seconds(), Cluster: plain.Line(r.Cluster), Objects: r.Objects,
		Checks: timingsOf(r.Checks), Facts: timingsOf(r.Facts), Abandoned: r.Abandoned,
	}
}

func timingsOf(ts []nist190.Timing) []timing {
	out := make([]timing, 0, len(ts))
	for _, t := range ts {
		out = append(out, timing{plain.Line(t.Name), t.Duration.Seconds()})
	}
	return out
}

func stateOf(c inventory.Coverage) stateRecord {
	return stateRecord{c.State.String(), plain.Line(c.Reason)}
}

func checkOf(c *nist190.CheckResult) check {
	w := check{
		ID: plain.Line(c.Check.ID), Title: plain.Line(c.Check.Title), Risk: string(c.Check.Risk), Sentences: view.Sentences(c.Check),
		Severity: c.Check.Severity.String(), Status: c.Status.String(), Advisory: c.Check.Advisory,
		Controls: c.Check.Controls, CIS: c.Check.CIS, Remediation: plain.Text(c.Check.Remediation),
		Limits: plain.Text(c.Check.Limits), Since: plain.Line(c.Check.Since),
	}
	for _, cl := range c.Check.Claims {
		if cl.Conclusive {
			w.Conclusive = append(w.Conclusive, cl.Sentence)
		}
	}
	if c.Err != nil {
		w.Error = plain.Line(c.Err.Error())
	}
	return w
}

func findingOf(f *nist190.Finding) finding {
	w := finding{
		Status: f.Status.String(), Severity: f.Severity.String(), MaxSeverity: f.MaxSeverity.String(), Subject: subjectOf(f.Subject),
		Key: plain.Line(f.Key), Message: plain.Line(f.Message), Reason: plain.Line(string(f.Reason)), Remediation: plain.Text(f.Remediation),
		Strength: f.Strength.String(), Fingerprint: plain.Line(f.Fingerprint), Suppression: suppressionOf(f.Suppression),
		Attestation: attestationOf(f.Attestation), BaselineState: plain.Line(string(f.Baseline)),
	}
	if f.Provisional != f.Status {
		w.Provisional = f.Provisional.String()
	}
	for _, m := range f.Missing {
		w.Missing = append(w.Missing, missing{plain.Line(m.Evidence), plain.Line(m.Namespace), m.State.String(), plain.Line(m.Reason)})
	}
	exact := view.PointsAtField(f)
	for _, ev := range f.Evidence {
		e := evidence{Object: refOf(ev.Ref), Path: plain.Line(ev.Path), Value: plain.Line(ev.Value), Note: plain.Line(ev.Note)}
		if exact {
			e.Origin = originOf(ev.Origin())
		}
		if w.Origin == nil {
			w.Origin = e.Origin
		}
		w.Evidence = append(w.Evidence, e)
	}
	if w.Origin == nil {
		w.Origin = originOf(view.SubjectPlace(f))
	}
	if len(f.Path) > 0 {
		w.Path = view.Lines(f.Path)
	}
	if len(f.Images) > 0 {
		w.Images = view.Lines(f.Images)
	}
	if len(f.Labels) > 0 {
		w.Labels = make(map[string]string, len(f.Labels))
		for k, v := range f.Labels {
			w.Labels[plain.Line(k)] = plain.Line(v)
		}
	}
	if f.Owner != nil {
		w.Owner = refOf(*f.Owner)
	}
	for _, x := range f.Exhibits {
		w.Exhibits = append(w.Exhibits, view.TableOf(x, view.MaxExhibitRows))
	}
	return w
}

func subjectOf(r inventory.Ref) subject {
	s := subject{APIVersion: plain.Line(r.APIVersion()), Kind: plain.Line(r.Kind), Namespace: plain.Line(r.Namespace), Name: plain.Line(r.Name)}
	if s.APIVersion == "" {
		s.Group = plain.Line(r.Group)
	}
	return s
}

func refOf(r inventory.Ref) *subject {
	if r.IsZero() {
		return nil
	}
	s := subjectOf(r)
	return &s
}

func originOf(o inventory.Origin) *origin {
	if o.IsZero() {
		return nil
	}
	return &origin{plain.Line(o.URI), o.Doc, o.Line, o.Column, plain.Line(o.Template)}
}

func suppressionOf(s *nist190.Suppression) *suppression {
	if s == nil {
		return nil
	}
	return &suppression{plain.Line(s.Reason), plain.Line(s.Owner), plain.Line(s.Ticket), s.Expires.String(), originOf(s.Origin)}
}

func attestationOf(a *nist190.Attestation) *attestation {
	if a == nil {
		return nil
	}
	return &attestation{
		Statement: plain.Line(a.Statement), Owner: plain.Line(a.Owner), Check: plain.Line(a.Check), Sentence: plain.Line(a.Sentence),
		Cluster: plain.Line(a.Cluster), Evidence: plain.Line(a.Evidence), Digest: plain.Line(a.Digest),
		From: a.From.String(), Expires: a.Expires.String(), Origin: originOf(a.Origin),
	}
}
