// Package ocsf writes a [nist190.Report] as compliance findings of the Open Cybersecurity Schema Framework, one JSON
// object per line, for security data lakes and SIEMs.
//
// Source: OCSF 1.2.0, class 2003. Later versions of 1 read it, too.
package ocsf

import (
	"cmp"
	"io"
	"maps"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/jsonstream"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// Options are those of [Write].
type Options struct {
	// OpenOnly leaves out what passes.
	OpenOnly bool
	// Version of the program that writes the report.
	Version string
	// Closed are findings of an earlier report that no longer hold, as [nist190.Compare] gives them in Fixed.
	Closed []*nist190.Finding
}

const (
	version       = "1.2.0"
	categoryUID   = 2 // Findings
	classUID      = 2003
	rule          = 1 // the type of the analytic
	informational = 1
)

// The activities of a finding.
const (
	create = 1
	update = 2
	closed = 3
)

// The states of a compliance check. A warning is "did not yield a result due to missing information".
const (
	pass    = 1
	warning = 2
	fail    = 3
	other   = 99
)

// Write writes a line for each finding but what does not apply. A failure that missing evidence could still refute is a
// warning, as what could not be assessed; a malfunction is "other". What a baseline holds, too, is an update.
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	s := jsonstream.New(w, "")
	line := func(e event) {
		s.Write(s.Encode(e, 0))
		s.Write([]byte("\n"))
	}
	for f := range rep.Findings() {
		if s.Err() != nil {
			return s.Err()
		}
		if k := view.SortOf(f); k == view.NotApplicable || o.OpenOnly && k == view.Passed {
			continue
		}
		activity := create
		if f.Baseline == nist190.BaselineUnchanged || f.Baseline == nist190.BaselineChanged {
			activity = update
		}
		line(eventOf(rep, f, activity, o))
	}
	for _, f := range o.Closed {
		line(eventOf(rep, f, closed, o))
	}
	return s.Flush()
}

func eventOf(rep *nist190.Report, f *nist190.Finding, activity int, o Options) event {
	at := max(rep.Run.Started.UnixMilli(), 0)
	e := event{
		ActivityID: activity, ActivityName: []string{create: "Create", update: "Update", closed: "Close"}[activity],
		CategoryUID: categoryUID, CategoryName: "Findings", ClassUID: classUID, ClassName: "Compliance Finding", TypeUID: classUID*100 + activity,
		Time: at, Message: view.Message(f),
		Metadata: metadata{Version: version, Product: product{Name: "nist190", VendorName: "nist190", Version: o.Version}, LogName: plain.Line(rep.Run.Cluster)},
		Finding: finding{
			UID: cmp.Or(plain.Line(f.Fingerprint), "none"), Title: cmp.Or(plain.Line(f.Check.Title), plain.Line(f.Check.ID), "check"), Desc: view.Message(f) + view.WhatIsMissing(f),
			Types: []string{"NIST SP 800-190 " + string(f.Check.Risk)}, Analytic: analytic{UID: plain.Line(f.Check.ID), Name: plain.Line(f.Check.Title), TypeID: rule, Type: "Rule"},
			LastSeen: at,
		},
		Compliance: compliance{
			Standards: []string{"NIST SP 800-190"}, Control: "NIST SP 800-190 " + string(f.Check.Risk) + " " + f.Check.Risk.Title(),
			Requirements: view.Sentences(f.Check), StatusCode: f.Status.String(), StatusDetail: plain.Line(string(f.Reason)),
		},
	}
	for _, c := range f.Check.Controls {
		e.Compliance.Requirements = append(e.Compliance.Requirements, "NIST SP 800-53 "+plain.Line(c))
	}
	e.severity(f)
	e.Compliance.StatusID, e.Compliance.Status = statusOf(f)
	switch {
	case activity == closed:
		e.StatusID, e.Status = 4, "Resolved"
	case f.Suppression != nil:
		e.StatusID, e.Status, e.StatusDetail = 3, "Suppressed", view.Acceptance(f.Suppression)
	case f.Status == nist190.Fail:
		e.StatusID, e.Status = 1, "New"
	}
	if view.PointsAtField(f) {
		if fix := view.Remediation(f); fix != "" {
			e.Remediation = &remediation{Desc: fix}
		}
	}
	e.Resource = resource{
		UID: cmp.Or(plain.Line(f.Subject.Identity().String()), "Cluster"), Name: plain.Line(f.Subject.Name), Namespace: plain.Line(f.Subject.Namespace),
		Type: plain.Line(f.Subject.Kind), Version: plain.Line(f.Subject.APIVersion()),
	}
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		e.Resource.Labels = append(e.Resource.Labels, plain.Line(k)+"="+plain.Line(f.Labels[k]))
	}
	e.Unmapped = unmapped{Key: plain.Line(f.Key), Strength: f.Strength.String(), Path: view.Lines(f.Path), Place: plain.Line(view.Place(f).String())}
	if f.Provisional != f.Status {
		e.Unmapped.Provisional = f.Provisional.String()
	}
	return e
}

func (e *event) severity(f *nist190.Finding) {
	e.SeverityID, e.Severity = informational, "Informational"
	if f.Status == nist190.Pass {
		return
	}
	switch f.Severity {
	case nist190.SeverityLow:
		e.SeverityID, e.Severity = 2, "Low"
	case nist190.SeverityMedium:
		e.SeverityID, e.Severity = 3, "Medium"
	case nist190.SeverityHigh:
		e.SeverityID, e.Severity = 4, "High"
	case nist190.SeverityCritical:
		e.SeverityID, e.Severity = 5, "Critical"
	}
}

func statusOf(f *nist190.Finding) (int, string) {
	switch f.Status {
	case nist190.Pass:
		return pass, "Pass"
	case nist190.Fail:
		return fail, "Fail"
	case nist190.NotAssessed:
		return warning, "Warning"
	}
	return other, f.Status.String()
}
