package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// changes is one list of a comparison.
type changes struct {
	name, meaning string
	findings      []*nist190.Finding
}

// changesOf lists what differs; what is unchanged is only counted, unless all is asked for.
func changesOf(d *nist190.Delta, all bool) []changes {
	out := []changes{
		{"new", "not in the earlier report", d.New},
		{"fixed", "the subject passes now, or is gone", d.Fixed},
		{"changed", "the severity, verdict or acceptance differs", d.Changed},
		{"unknowable", "what would show whether it still holds could not be seen", d.Unknowable},
	}
	if all {
		out = append(out, changes{"unchanged", "as it was", d.Unchanged})
	}
	for i := range out {
		// The list says it; the message need not repeat it.
		out[i].findings = slices.Clone(out[i].findings)
		for j, f := range out[i].findings {
			bare := *f
			bare.Baseline = nist190.BaselineNone
			out[i].findings[j] = &bare
		}
	}
	return out
}

// deltaText is one line: "2 new (1 critical, 1 high), 1 fixed, 0 changed, 0 unknowable, 12 unchanged".
func deltaText(d *nist190.Delta) string {
	var by []string
	for s := nist190.SeverityCritical; s > nist190.SeverityUnset; s-- {
		n := 0
		for _, f := range d.New {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 {
			by = append(by, fmt.Sprintf("%d %s", n, s))
		}
	}
	text := fmt.Sprintf("%d new", len(d.New))
	if len(by) > 0 {
		text += " (" + strings.Join(by, ", ") + ")"
	}
	return text + fmt.Sprintf(", %d fixed, %d changed, %d unknowable, %d unchanged", len(d.Fixed), len(d.Changed), len(d.Unknowable), len(d.Unchanged))
}

// TextDelta writes what changed between two reports for a person at a terminal or in a log: what is new, fixed, changed
// and unknowable, by check, and last the totals. Verbose lists what is unchanged, too.
func TextDelta(w io.Writer, d *nist190.Delta, o TextOptions) error {
	p := &textPrinter{Writer: bufio.NewWriter(w), o: o}
	for _, c := range changesOf(d, o.Verbose) {
		if len(c.findings) == 0 {
			continue
		}
		p.printf("%s: %s\n", p.paint(bold, sentenceCase(c.name)), c.meaning)
		for fs := range byCheck(byID(c.findings)) {
			md := fs[0].Check
			p.printf("\n  %s  %s  %s\n", p.paint(severityStyle(md.Severity), md.Severity.String()), p.paint(bold, plain.Line(md.ID)), plain.Line(md.Title))
			hidden := 0
			if !o.Verbose && len(fs) > maxRows {
				fs, hidden = fs[:maxRows], len(fs)-maxRows
			}
			p.rows(fs)
			if hidden > 0 {
				p.printf("    %s\n", p.paint(dim, fmt.Sprintf("... and %d more", hidden)))
			}
		}
		p.printf("\n")
	}
	p.printf("%s\n", deltaText(d))
	return p.Flush()
}

// byID brings the findings of a check together: those of an earlier report point to other metadata.
func byID(fs []*nist190.Finding) []*nist190.Finding {
	first := map[string]*nist190.Metadata{}
	for _, f := range fs {
		if first[f.Check.ID] == nil {
			first[f.Check.ID] = f.Check
		}
		f.Check = first[f.Check.ID]
	}
	slices.SortStableFunc(fs, func(a, b *nist190.Finding) int {
		return cmp.Or(cmp.Compare(a.Check.Risk, b.Check.Risk), cmp.Compare(a.Check.ID, b.Check.ID), cmp.Compare(b.WorstSeverity(), a.WorstSeverity()))
	})
	return fs
}

// MarkdownDelta writes what changed between two reports for a comment or a job summary, in the manner of [Markdown].
// GroupBy is ignored.
func MarkdownDelta(w io.Writer, d *nist190.Delta, o MarkdownOptions) error {
	o.MaxBytes, o.MaxRows = cmp.Or(o.MaxBytes, SummaryLimit), cmp.Or(o.MaxRows, 50)
	if o.MaxBytes < leastBytes {
		return fmt.Errorf("report: MaxBytes is %d, the least is %d", o.MaxBytes, leastBytes)
	}
	m := &markdown{Writer: bufio.NewWriter(w), left: o.MaxBytes - reserve, maxRows: o.MaxRows}
	m.put("# " + escape(cmp.Or(o.Title, "NIST SP 800-190 section 4.3: changes")) + "\n\n" + deltaText(d) + "\n\n")
	for _, c := range changesOf(d, false) {
		m.changes(c)
	}
	if m.full {
		m.must("\n**This list is cut off** at %d bytes.\n", o.MaxBytes)
	}
	return m.Flush()
}

func (m *markdown) changes(c changes) {
	if len(c.findings) == 0 {
		return
	}
	if !m.put(fmt.Sprintf("## %s\n\n%s\n\n| Severity | Check | Subject | Where | Finding |\n|---|---|---|---|---|\n", sentenceCase(c.name), sentenceCase(c.meaning)+".")) {
		return
	}
	rows := byID(c.findings)
	for _, f := range rows[:min(len(rows), m.maxRows)] {
		if !m.put(row(f.Severity.String(), code(f.Check.ID), code(view.Short(f.Subject)), code(view.Place(f).String()), escape(message(f, true)))) {
			return
		}
	}
	if n := len(rows) - m.maxRows; n > 0 {
		m.put(fmt.Sprintf("\n… and %d more\n", n))
	}
	m.put("\n")
}
