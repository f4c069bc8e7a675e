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

// Explain writes the documentation of one check as text.
func Explain(w io.Writer, md nist190.Metadata) error {
	p := &textPrinter{Writer: bufio.NewWriter(w)}
	p.printf("%s: %s\n\n", plain.Line(md.ID), plain.Line(md.Title))
	p.printf("%s\n\n", strings.TrimSpace(plain.Text(md.Doc)))
	for _, f := range facts(&md) {
		if len(f.values) == 1 && !f.listed {
			p.paragraph(f.name+": ", f.values[0])
			continue
		}
		p.printf("%s:\n", f.name)
		for _, v := range f.values {
			p.paragraph("  - ", v)
		}
	}
	return p.Flush()
}

// ChecksMarkdown writes the documentation of checks as one document, by risk: a table of them, then a section for each.
func ChecksMarkdown(w io.Writer, checks []nist190.Check) error {
	var mds []nist190.Metadata
	for _, c := range checks {
		mds = append(mds, c.Metadata())
	}
	slices.SortStableFunc(mds, func(a, b nist190.Metadata) int { return cmp.Or(cmp.Compare(a.Risk, b.Risk), cmp.Compare(a.ID, b.ID)) })
	p := &textPrinter{Writer: bufio.NewWriter(w)}
	p.printf("# Checks\n\n")
	p.printf("A check fails on its title. It passes only on complete evidence; what it reads, and what follows where some of it could not be seen, is listed with it.\n\n")
	p.printf("| Check | Risk | Sentences | Severity | Fails on |\n|---|---|---|---|---|\n")
	for i := range mds {
		md := &mds[i]
		p.printf("%s", row(fmt.Sprintf("[%s](#%s)", escape(md.ID), md.ID), string(md.Risk), strings.Join(view.Sentences(md), ", "), severityText(md), escape(md.Title)))
	}
	risk := nist190.Risk("")
	for i := range mds {
		md := &mds[i]
		if md.Risk != risk {
			risk = md.Risk
			p.printf("\n## %s %s\n", risk, risk.Title())
		}
		p.printf("\n### %s\n\n%s.\n\n%s\n\n", md.ID, sentenceCase(escape(md.Title)), strings.TrimSpace(plain.Text(md.Doc)))
		for _, f := range facts(md) {
			if len(f.values) == 1 && !f.listed {
				p.item("- ", block("**"+f.name+"**", f.values[0]))
				continue
			}
			p.printf("- **%s**:\n", f.name)
			for _, v := range f.values {
				p.printf("  - %s\n", escape(v))
			}
		}
	}
	return p.Flush()
}

// item prints a list item, its further lines below its text.
func (p *textPrinter) item(mark, text string) {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			mark = ""
		}
		p.printf("%s%s", mark, line)
		mark = "  "
	}
}

// fact is one thing that is known of a check.
type fact struct {
	name   string
	values []string
	listed bool // one value is a list, too
}

func facts(md *nist190.Metadata) []fact {
	sentences := fact{name: "Sentences", listed: true}
	for _, c := range md.Claims {
		text := c.Sentence
		if s, ok := nist190.SentenceByKey(c.Sentence); ok {
			text += ": " + s.Text
		}
		if c.Conclusive {
			text += " (conclusive)"
		}
		sentences.values = append(sentences.values, text)
	}
	reads := fact{name: "Reads", listed: true}
	for _, n := range md.Needs {
		reads.values = append(reads.values, needText(n))
	}
	subjects := fact{name: "Reports on"}
	for _, gk := range md.Subjects {
		subjects.values = append(subjects.values, gk.String())
	}
	subjects.values = joined(subjects.values)
	all := []fact{
		{name: "Risk", values: []string{string(md.Risk) + " " + md.Risk.Title()}},
		sentences,
		{name: "Severity", values: []string{severityText(md)}},
		reads,
		subjects,
		{name: "SP 800-53 revision 5", values: joined(md.Controls)},
		{name: "CIS Kubernetes Benchmark", values: joined(md.CIS)},
		{name: "What to do", values: joined([]string{md.Remediation})},
		{name: "What it cannot see", values: joined([]string{md.Limits})},
		{name: "Since", values: joined([]string{md.Since})},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return len(f.values) == 0 })
}

// joined makes one value of several, and none of nothing.
func joined(values []string) []string {
	if text := strings.Join(values, ", "); text != "" {
		return []string{text}
	}
	return nil
}

func severityText(md *nist190.Metadata) string {
	if md.Advisory {
		return md.Severity.String() + ", advisory: it decides no sentence"
	}
	return md.Severity.String()
}

// needText says what a check reads and what follows where it could not be seen.
func needText(n inventory.Need) string {
	text := n.String()
	if n.MetadataOnly {
		text += ", metadata only"
	}
	if n.Scope == inventory.SubjectNamespace {
		text += ", of the subject's namespace"
	}
	if n.Conditional {
		text += ", where something else refers to them"
	}
	switch n.Bias {
	case inventory.Incriminating:
		return text + ": unseen ones could only add failures, so that nothing passes without all of them"
	case inventory.Exonerating:
		return text + ": unseen ones could only remove failures, so that no failure is proven without all of them"
	case inventory.SeverityOnly:
		return text + ": unseen ones could only change how severe a failure is, which is then given as a range"
	case inventory.Alternative:
		return text + ": one of several sources; where nobody looked for it the others answer"
	}
	return text + ": unseen ones could turn the verdict either way, so that nothing is decided without all of them"
}

func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
