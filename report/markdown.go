package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

const (
	// SummaryLimit is the largest job summary that GitHub shows, in bytes.
	SummaryLimit = 1 << 20
	// CommentLimit is the largest comment that GitHub and GitLab take, in characters.
	CommentLimit = 65536
	leastBytes   = 4096
)

// MarkdownOptions are those of [Markdown].
type MarkdownOptions struct {
	Title    string // of the document; empty names the standard
	GroupBy  string // one of GroupKeys; empty means risk
	MaxBytes int    // what is beyond is left out, and counted; 0 means SummaryLimit, the least is 4096
	MaxRows  int    // findings listed per check; 0 means 50
}

// Markdown writes the report for a comment or a job summary, in the dialect of GitHub: the answer to every sentence
// first, then the findings by group and check, folded, and what could not be assessed. It never lists what passes.
// Names cannot mention users, link or change the markup.
func Markdown(w io.Writer, rep *nist190.Report, o MarkdownOptions) error {
	o.MaxBytes, o.MaxRows = cmp.Or(o.MaxBytes, SummaryLimit), cmp.Or(o.MaxRows, 50)
	if o.MaxBytes < leastBytes {
		return fmt.Errorf("report: MaxBytes is %d, the least is %d", o.MaxBytes, leastBytes)
	}
	key := cmp.Or(o.GroupBy, "risk")
	groups, err := GroupBy(rep, key)
	if err != nil {
		return err
	}
	m := &markdown{Writer: bufio.NewWriter(w), left: o.MaxBytes - reserve, maxRows: o.MaxRows}
	m.put("# " + escape(cmp.Or(o.Title, "NIST SP 800-190 section 4.3")) + "\n\n**" + rep.Status().String() + "**: " + Count(rep).String() + "\n\n")
	m.requirements(rep)
	for i := range groups {
		m.group(rep, key, &groups[i])
	}
	m.gaps(rep)
	m.problems(rep)
	if m.full {
		m.must("\n**This report is cut off** at %d bytes. %s not shown.\n", o.MaxBytes, isAre(m.unshown(groups)))
	}
	return m.Flush()
}

// reserve is kept free for closing tags and the note that the report was cut off.
const reserve = 512

// markdown writes blocks while they fit. Errors are left to bufio.Writer, which keeps the first until Flush.
type markdown struct {
	*bufio.Writer
	left    int
	full    bool
	maxRows int
	shown   map[*nist190.Finding]bool
}

// put writes a block if it fits. Once one did not, none does: what follows would miss its context.
func (m *markdown) put(block string) bool {
	if m.full || len(block) > m.left {
		m.full = true
		return false
	}
	m.left -= len(block)
	m.WriteString(block)
	return true
}

// must writes what has been reserved.
func (m *markdown) must(format string, args ...any) {
	n, _ := fmt.Fprintf(m, format, args...)
	m.left -= n
}

func (m *markdown) unshown(groups []Group) int {
	all := map[*nist190.Finding]bool{}
	for i := range groups {
		for _, f := range listed(groups[i].Findings, true) {
			all[f] = true
		}
	}
	return len(all) - len(m.shown)
}

func isAre(n int) string {
	if n == 1 {
		return "1 finding is"
	}
	return fmt.Sprintf("%d findings are", n)
}

func (m *markdown) requirements(rep *nist190.Report) {
	if len(rep.Requirements) == 0 {
		return
	}
	m.put("## Requirements\n\n| | Demand | Status | Strength | Attested | To assess it |\n|---|---|---|---|---|---|\n")
	for i := range rep.Requirements {
		q := &rep.Requirements[i]
		var attested []string
		for _, a := range view.Attestations(rep, q) {
			attested = append(attested, escape(fmt.Sprintf("%s (%s, until %s)", a.Statement, a.Owner, a.Expires)))
		}
		unlock := ""
		if q.Status == nist190.NotAssessed {
			unlock = escape(q.Unlock)
		}
		if q.NeedsAttestation() {
			unlock = "an attestation, with an owner and a day on which it expires"
		}
		m.put(row(escape(q.Sentence.Key), escape(q.Sentence.Text), badge(q.Status), q.Strength.String(), strings.Join(attested, "<br>"), unlock))
	}
	m.put("\n")
}

func badge(s nist190.Status) string {
	if s == nist190.Fail || s == nist190.Error {
		return "**" + s.String() + "**"
	}
	return s.String()
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func (m *markdown) group(rep *nist190.Report, key string, g *Group) {
	if len(listed(g.Findings, true)) == 0 {
		return
	}
	m.put("## " + escape(groupTitle(rep, key, g.Value)) + "\n\n")
	for findings := range byCheck(g.Findings) {
		m.check(findings)
	}
}

func (m *markdown) check(fs []*nist190.Finding) {
	rows := listed(fs, true)
	if len(rows) == 0 {
		return
	}
	md := fs[0].Check
	head := fmt.Sprintf("<details><summary>%s <code>%s</code> %s %s</summary>\n\n| Severity | Subject | Where | Finding |\n|---|---|---|---|\n",
		md.Severity, html(md.ID), html(md.Title), tally(count(slices.Values(fs))))
	if !m.put(head) {
		return
	}
	hidden := max(0, len(rows)-m.maxRows)
	rows = rows[:len(rows)-hidden]
	var exhibits []nist190.Exhibit
	for _, f := range rows {
		severity := f.Severity.String()
		if f.MaxSeverity > f.Severity {
			severity += " to " + f.MaxSeverity.String()
		}
		if !m.put(row(severity, code(view.Short(f.Subject)), code(view.Place(f).String()), escape(message(f, true)))) {
			break
		}
		if m.shown == nil {
			m.shown = map[*nist190.Finding]bool{}
		}
		m.shown[f] = true
		exhibits = append(exhibits, f.Exhibits...)
	}
	if hidden > 0 {
		m.put(fmt.Sprintf("\n… and %d more\n", hidden))
	}
	const most = 3
	advice, more := remedies(listed(fs, false), most)
	for _, r := range advice {
		m.put("\n" + block(sentenceCase(escape(r.label())), r.text))
	}
	if more > 0 {
		m.put(fmt.Sprintf("\n… and %s for other subjects\n", view.Plural(more, "fix", "fixes")))
	}
	for _, x := range exhibits {
		m.put("\n" + table(view.TableOf(x, 2*maxRows)))
	}
	m.must("\n</details>\n\n")
}

// block is a labelled paragraph, or a code block where the text has several lines.
func block(label, text string) string {
	text = strings.TrimSpace(plain.Text(text))
	if !strings.Contains(text, "\n") {
		return label + ": " + escape(text) + "\n"
	}
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	return label + ":\n\n" + fence + "text\n" + text + "\n" + fence + "\n"
}

func table(x view.Table) string {
	if len(x.Columns) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(escape(x.Title) + "\n\n" + row(escapeAll(x.Columns)...) + "|" + strings.Repeat("---|", len(x.Columns)) + "\n")
	for _, cells := range x.Rows {
		b.WriteString(row(escapeAll(cells)...))
	}
	if x.Truncated {
		b.WriteString("\n… and more\n")
	}
	return b.String()
}

func (m *markdown) gaps(rep *nist190.Report) {
	gaps := rep.Gaps()
	if len(gaps) == 0 {
		return
	}
	m.put("## Not assessed, by what is missing\n\n| Missing | Why | Undecided findings | Checks |\n|---|---|---|---|\n")
	for _, g := range gaps {
		what, why := code(g.Evidence), g.Why
		if g.Evidence == "" {
			what, why = escape(g.Message), view.ReasonText(g.Reason)
		} else {
			why = strings.TrimSuffix(g.State.String()+": "+why, ": ")
		}
		var checks []string
		for _, id := range g.Checks {
			checks = append(checks, code(id))
		}
		m.put(row(what, escape(why), fmt.Sprint(g.Findings), strings.Join(checks, ", ")))
	}
	m.put("\n")
}

func (m *markdown) problems(rep *nist190.Report) {
	if len(rep.Problems) > 0 {
		const most = 100
		m.put("<details><summary>" + view.Amount(len(rep.Problems), "problem") + " with the input</summary>\n\n| Where | Level | Problem |\n|---|---|---|\n")
		ended := m.full
		for i, p := range rep.Problems {
			if i == most {
				m.put(fmt.Sprintf("\n… and %d more\n", len(rep.Problems)-most))
				break
			}
			m.put(row(code(p.Origin.String()), p.Level.String(), escape(p.Message)))
		}
		if !ended {
			m.must("\n</details>\n\n")
		}
	}
	if len(rep.Assumptions) > 0 {
		m.put("## Assumptions\n\n")
		for _, a := range rep.Assumptions {
			suffix := " (default)"
			if a.Configured {
				suffix = ""
			}
			m.put("- " + code(a.Name) + ": " + cmp.Or(code(a.Value), "not set") + suffix + "\n")
		}
	}
	incomplete := slices.DeleteFunc(slices.Clone(rep.Coverage), func(e inventory.CoverageEntry) bool { return e.State.Complete() })
	if len(incomplete) > 0 {
		m.put("\n## Not completely seen\n\n| Kind | Namespace | State |\n|---|---|---|\n")
		for _, e := range incomplete {
			m.put(row(code(e.GroupKind().String()), code(e.Namespace), escape(view.CoverageText(e.Coverage))))
		}
	}
}

// escape makes text that is shown as it is: no markup, no tag, no end of a table cell, and, where a platform makes links
// of plain text, no mention, reference or link.
func escape(s string) string {
	var b strings.Builder
	s = plain.Line(s)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte("\\`*_[]|~!$", c) >= 0,
			c == ':' && strings.HasPrefix(s[i+1:], "//"),
			c == '.' && i >= 3 && strings.EqualFold(s[i-3:i], "www"):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '&':
			b.WriteString("&amp;")
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '#':
			b.WriteString(`\#<!-- -->`)
		case c == '@':
			b.WriteString("@<!-- -->")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapeAll(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = escape(s)
	}
	return out
}

// code is text as a code span that stays within its table cell.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = plain.Line(s)
	var b strings.Builder
	backslashes := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '|' {
			// A pipe is part of the cell behind an odd number of backslashes, of which the last is not shown.
			b.WriteString(strings.Repeat(`\`, 1+backslashes%2))
		}
		if s[i] == '\\' {
			backslashes++
		} else {
			backslashes = 0
		}
		b.WriteByte(s[i])
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	space := ""
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		space = " "
	}
	return fence + space + b.String() + space + fence
}

func longestRun(s string, of byte) int {
	longest, run := 0, 0
	for i := 0; i < len(s); i++ {
		if s[i] != of {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// html is text within a tag that Markdown leaves alone.
func html(s string) string { return htmlEscaper.Replace(plain.Line(s)) }
