package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var (
	// ErrVersion is wrapped by the error for a report of another schema version.
	ErrVersion = errors.New("unknown schemaVersion")
	// ErrTruncated is wrapped by the error for a report that ends early.
	ErrTruncated = errors.New("the report is cut off")
)

// ReadJSON reads what [JSON] wrote, as a baseline for [nist190.Compare] or to write it in another format. Positions are
// those of the report; what a report does not carry (the selectors of suppressions, needs, fixes) is missing. Fields that
// are not known are ignored, so that reports of newer minor versions can be read.
func ReadJSON(r io.Reader) (*nist190.Report, error) {
	var doc struct {
		header
		summary
		Checks []struct {
			check
			Findings []finding `json:"findings"`
		} `json:"checks"`
	}
	d := json.NewDecoder(r)
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("report: %w: %w", ErrTruncated, err)
		}
		return nil, fmt.Errorf("report: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("report: there is more behind the document")
	}
	b, err := newReader(&doc.header)
	if err != nil {
		return nil, err
	}
	for i := range doc.Checks {
		c := b.check(&doc.Checks[i].check)
		for j := range doc.Checks[i].Findings {
			c.Findings = append(c.Findings, b.finding(c.Check, &doc.Checks[i].Findings[j]))
		}
		b.report.Checks = append(b.report.Checks, c)
	}
	b.summary(&doc.summary)
	return b.done()
}

// ReadNDJSON reads what [NDJSON] wrote. A report without its trailer, or with fewer findings than the trailer counts, is
// refused with [ErrTruncated].
func ReadNDJSON(r io.Reader) (*nist190.Report, error) {
	var b *reader
	var trailer *trailerLine
	findings := map[string][]finding{}
	n := 0
	in := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, readErr := in.ReadBytes('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return nil, fmt.Errorf("report: line %d: %w", number, readErr)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			err := func() (err error) {
				var kind struct {
					Type string `json:"type"`
				}
				if err := json.Unmarshal(line, &kind); err != nil {
					if readErr != nil {
						return fmt.Errorf("%w: %w", ErrTruncated, err)
					}
					return err
				}
				switch {
				case trailer != nil:
					return errors.New("there is more behind the trailer")
				case b == nil && kind.Type != lineHeader:
					return fmt.Errorf("want a header, not %q", kind.Type)
				case b == nil:
					var h headerLine
					if err = json.Unmarshal(line, &h); err == nil {
						b, err = newReader(&h.header)
					}
				case kind.Type == lineFinding:
					var f findingLine
					err = json.Unmarshal(line, &f)
					findings[f.Check] = append(findings[f.Check], f.finding)
					n++
				case kind.Type == lineTrailer:
					trailer = &trailerLine{}
					err = json.Unmarshal(line, trailer)
				default:
					err = fmt.Errorf("unexpected type %q", kind.Type)
				}
				return err
			}()
			if err != nil {
				return nil, fmt.Errorf("report: line %d: %w", number, err)
			}
		}
		if readErr != nil {
			break
		}
	}
	switch {
	case trailer == nil:
		return nil, fmt.Errorf("report: %w: there is no trailer", ErrTruncated)
	case trailer.Counts.Findings != n:
		return nil, fmt.Errorf("report: %w: there are %d findings of %d", ErrTruncated, n, trailer.Counts.Findings)
	}
	for i := range trailer.Checks {
		c := b.check(&trailer.Checks[i])
		for j := range findings[c.Check.ID] {
			c.Findings = append(c.Findings, b.finding(c.Check, &findings[c.Check.ID][j]))
		}
		delete(findings, c.Check.ID)
		b.report.Checks = append(b.report.Checks, c)
	}
	for _, id := range slices.Sorted(maps.Keys(findings)) {
		return nil, fmt.Errorf("report: the trailer does not name check %q", id)
	}
	b.summary(&trailer.summary)
	return b.done()
}

// reader builds a report of its records and collects what is wrong with them.
type reader struct {
	report nist190.Report
	errs   []error
}

func newReader(h *header) (*reader, error) {
	if h.SchemaVersion != SchemaVersion {
		return nil, fmt.Errorf("report: %w %q, want %q", ErrVersion, h.SchemaVersion, SchemaVersion)
	}
	b := &reader{}
	if h.Run != nil {
		b.report.Run = nist190.RunInfo{
			Started: h.Run.Started, Duration: seconds(h.Run.Seconds), Cluster: h.Run.Cluster, Objects: h.Run.Objects,
			Checks: timings(h.Run.Checks), Facts: timings(h.Run.Facts), Abandoned: h.Run.Abandoned,
		}
	}
	for _, a := range h.Assumptions {
		b.report.Assumptions = append(b.report.Assumptions, inventory.Assumption(a))
	}
	for _, e := range h.Coverage {
		b.report.Coverage = append(b.report.Coverage, inventory.CoverageEntry{
			Group: e.Group, Kind: e.Kind, Namespace: e.Namespace, Coverage: b.coverage(e.stateRecord),
		})
	}
	b.report.DefaultCoverage = b.coverage(h.DefaultCoverage)
	for _, p := range h.Problems {
		q := inventory.Problem{Code: inventory.ProblemCode(p.Code), Message: p.Message, Origin: p.Origin.value(), Ref: p.Subject.value()}
		for _, l := range []inventory.ProblemLevel{inventory.ProblemNotice, inventory.ProblemError} {
			if l.String() == p.Level {
				q.Level = l
			}
		}
		b.report.Problems = append(b.report.Problems, q)
	}
	return b, nil
}

// fail keeps the first mistakes: a file of something else has one per record.
func (b *reader) fail(err error) {
	const most = 10
	if len(b.errs) < most {
		b.errs = append(b.errs, err)
	}
}

func (b *reader) summary(s *summary) {
	for _, r := range s.Risks {
		res := nist190.RiskResult{Risk: nist190.Risk(r.ID)}
		b.text(&res.Status, r.Status)
		b.report.Risks = append(b.report.Risks, res)
	}
	for _, q := range s.Requirements {
		out := nist190.Requirement{
			Sentence: nist190.Sentence{Key: q.ID, Risk: nist190.Risk(q.Risk), Text: q.Text},
			Checks:   orNil(q.Checks), Missing: orNil(q.Missing), Unlock: q.Unlock, Attestation: b.attestation(q.Attestation),
		}
		b.text(&out.Status, q.Status)
		b.text(&out.Strength, q.Strength)
		b.report.Requirements = append(b.report.Requirements, out)
	}
}

func (b *reader) done() (*nist190.Report, error) {
	if err := errors.Join(b.errs...); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &b.report, nil
}

func (b *reader) check(w *check) nist190.CheckResult {
	md := &nist190.Metadata{
		ID: w.ID, Title: w.Title, Risk: nist190.Risk(w.Risk), Controls: w.Controls, CIS: w.CIS, Remediation: w.Remediation,
		Advisory: w.Advisory, Since: w.Since, Limits: w.Limits,
	}
	if w.ID == "" {
		b.fail(errors.New("a check has no id"))
	}
	for _, s := range w.Sentences {
		md.Claims = append(md.Claims, nist190.Claim{Sentence: s, Conclusive: slices.Contains(w.Conclusive, s)})
	}
	c := nist190.CheckResult{Check: md}
	b.text(&md.Severity, w.Severity)
	b.text(&c.Status, w.Status)
	if w.Error != "" {
		c.Err = errors.New(w.Error)
	}
	return c
}

func (b *reader) finding(md *nist190.Metadata, w *finding) nist190.Finding {
	f := nist190.Finding{
		Outcome: nist190.Outcome{
			Subject: w.Subject.value(), Key: w.Key, Message: w.Message, Reason: nist190.Reason(w.Reason), Path: w.Path, Remediation: w.Remediation,
		},
		Check: md, Fingerprint: w.Fingerprint, Attestation: b.attestation(w.Attestation),
		Baseline: nist190.BaselineState(w.BaselineState), Labels: w.Labels, Images: w.Images,
	}
	if w.Fingerprint == "" {
		b.fail(fmt.Errorf("a finding of %s has no fingerprint", md.ID))
	}
	b.text(&f.Status, w.Status)
	b.text(&f.Severity, w.Severity)
	b.text(&f.MaxSeverity, w.MaxSeverity)
	b.text(&f.Strength, w.Strength)
	f.Provisional = f.Status
	if w.Provisional != "" {
		b.text(&f.Provisional, w.Provisional)
	}
	for _, m := range w.Missing {
		out := nist190.Missing{Evidence: m.Evidence, Namespace: m.Namespace, Reason: m.Reason}
		b.text(&out.State, m.State)
		f.Missing = append(f.Missing, out)
	}
	for _, e := range w.Evidence {
		ev := nist190.Evidence{Ref: e.Object.value(), Path: e.Path, Value: e.Value, Note: e.Note}
		f.Evidence = append(f.Evidence, ev.From(e.Origin.value()))
	}
	if s := w.Suppression; s != nil {
		f.Suppression = &nist190.Suppression{Reason: s.Reason, Owner: s.Owner, Ticket: s.Ticket, Expires: b.date(s.Expires), Origin: s.Origin.value()}
	}
	if w.Owner != nil {
		ref := w.Owner.value()
		f.Owner = &ref
	}
	for _, x := range w.Exhibits {
		f.Exhibits = append(f.Exhibits, nist190.Exhibit{Name: x.Name, Title: x.Title, Columns: x.Columns, Rows: slices.Values(x.Rows)})
	}
	return f.From(w.Origin.value())
}

func (b *reader) coverage(w stateRecord) inventory.Coverage {
	c := inventory.Coverage{Reason: w.Reason}
	b.text(&c.State, w.State)
	return c
}

func (b *reader) attestation(w *attestation) *nist190.Attestation {
	if w == nil {
		return nil
	}
	return &nist190.Attestation{
		Check: w.Check, Sentence: w.Sentence, Cluster: w.Cluster, Statement: w.Statement, Owner: w.Owner, Evidence: w.Evidence,
		Digest: w.Digest, From: b.date(w.From), Expires: b.date(w.Expires), Origin: w.Origin.value(),
	}
}

func (b *reader) date(s string) nist190.Date {
	if s == "" {
		return nist190.Date{}
	}
	d, err := nist190.ParseDate(s)
	if err != nil {
		b.fail(err)
	}
	return d
}

func (b *reader) text(into interface{ UnmarshalText([]byte) error }, s string) {
	if err := into.UnmarshalText([]byte(s)); err != nil {
		b.fail(err)
	}
}

func (s *subject) value() inventory.Ref {
	if s == nil {
		return inventory.Ref{}
	}
	r := inventory.Ref{Group: s.Group, Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}
	r.Version = s.APIVersion
	if i := strings.LastIndexByte(s.APIVersion, '/'); i >= 0 {
		r.Group, r.Version = s.APIVersion[:i], s.APIVersion[i+1:]
	}
	return r
}

func (o *origin) value() inventory.Origin {
	if o == nil {
		return inventory.Origin{}
	}
	return inventory.Origin(*o)
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

func timings(in []timing) []nist190.Timing {
	var out []nist190.Timing
	for _, t := range in {
		out = append(out, nist190.Timing{Name: t.Name, Duration: seconds(t.Seconds)})
	}
	return out
}

func orNil(in []string) []string {
	if len(in) == 0 {
		return nil
	}
	return in
}
