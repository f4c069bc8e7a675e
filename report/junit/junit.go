// Package junit writes a [nist190.Report] as JUnit XML, for the test pages of CI systems.
//
// There is no standard. The elements and attributes are those of the schema of Apache Ant's JUnit task, which Jenkins,
// GitLab and the others read.
package junit

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// Options are those of [Write].
type Options struct {
	// RequireEvidence makes an error of what could not be assessed, manual reviews aside, instead of a skipped test.
	RequireEvidence bool
}

// Write writes each check as a test suite and each finding as a test case: a failure where it fails, an error where the
// check malfunctioned or missing evidence could still refute the failure, and skipped where it is suppressed, does not
// apply or could not be assessed. It holds one test case at a time in memory.
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	p := &printer{Writer: bufio.NewWriterSize(w, 64<<10), o: o, took: map[string]time.Duration{}}
	for _, t := range rep.Run.Checks {
		p.took[t.Name] = t.Duration
	}
	p.put(xml.Header, "<testsuites>\n")
	for i := range rep.Checks {
		if err := p.suite(rep, i); err != nil {
			return err
		}
	}
	p.put("</testsuites>\n")
	return p.Flush()
}

type printer struct {
	*bufio.Writer
	o    Options
	took map[string]time.Duration
}

func (p *printer) put(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
}

// open writes a start tag with attributes, given as names and values.
func (p *printer) open(element string, attributes ...string) {
	p.put("<", element)
	for i := 0; i < len(attributes); i += 2 {
		p.put(" ", attributes[i], `="`)
		p.text(attributes[i+1])
		p.put(`"`)
	}
	p.put(">")
}

// text is free of what XML forbids once it is plain.
func (p *printer) text(s string) { xml.EscapeText(p.Writer, []byte(s)) }

// content is text between tags: its line breaks stay.
func (p *printer) content(s string) { contentEscaper.WriteString(p.Writer, s) }

var contentEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// verdict is the element that says how a test case ended.
type verdict uint8

const (
	passed verdict = iota
	failure
	failed // with an error
	skipped
)

func (p *printer) verdict(f *nist190.Finding) (verdict, string) {
	switch view.SortOf(f) {
	case view.Open:
		return failure, f.Severity.String()
	case view.Unproven:
		return failed, "unproven"
	case view.Malfunction:
		return failed, "malfunction"
	case view.Suppressed:
		return skipped, "suppressed: " + view.Acceptance(f.Suppression)
	case view.NotApplicable:
		return skipped, "not applicable: " + view.Message(f)
	case view.NotAssessed:
		if p.o.RequireEvidence && f.Reason != nist190.ReasonManualReview {
			return failed, cmp.Or(plain.Line(string(f.Reason)), "NotAssessed")
		}
		return skipped, "not assessed, " + view.ReasonText(f.Reason) + ": " + view.Message(f) + view.WhatIsMissing(f)
	}
	return passed, ""
}

func (p *printer) suite(rep *nist190.Report, i int) error {
	c := &rep.Checks[i]
	var counts [skipped + 1]int
	for j := range c.Findings {
		v, _ := p.verdict(&c.Findings[j])
		counts[v]++
	}
	started := rep.Run.Started
	if started.IsZero() {
		started = time.Unix(0, 0)
	}
	id := cmp.Or(plain.Line(c.Check.ID), "check")
	p.open("testsuite", "id", strconv.Itoa(i), "package", "nist190."+strings.ReplaceAll(string(c.Check.Risk), ".", "-"), "name", id,
		"timestamp", started.UTC().Format("2006-01-02T15:04:05"), "hostname", cmp.Or(plain.Line(rep.Run.Cluster), "localhost"),
		"tests", strconv.Itoa(len(c.Findings)), "failures", strconv.Itoa(counts[failure]), "errors", strconv.Itoa(counts[failed]),
		"skipped", strconv.Itoa(counts[skipped]), "time", fmt.Sprintf("%.3f", p.took[c.Check.ID].Seconds()))
	p.put("\n<properties>\n")
	for _, q := range []struct{ name, value string }{
		{"title", plain.Line(c.Check.Title)}, {"risk", string(c.Check.Risk) + " " + c.Check.Risk.Title()}, {"sentences", strings.Join(view.Sentences(c.Check), " ")},
		{"severity", c.Check.Severity.String()}, {"status", c.Status.String()},
	} {
		p.open("property", "name", q.name, "value", q.value)
		p.put("</property>\n")
	}
	p.put("</properties>\n")
	for j := range c.Findings {
		if err := p.testcase(id, &c.Findings[j]); err != nil {
			return err
		}
	}
	p.put("<system-out></system-out>\n<system-err></system-err>\n</testsuite>\n")
	return nil
}

func (p *printer) testcase(id string, f *nist190.Finding) error {
	name := cmp.Or(plain.Line(f.Subject.String()), "Cluster")
	if f.Key != "" {
		name += " " + plain.Line(f.Key)
	}
	p.open("testcase", "classname", "nist190."+id, "name", name, "time", "0")
	switch v, what := p.verdict(f); v {
	case failure:
		p.open("failure", "type", what, "message", view.Message(f))
		p.content(body(f))
		p.put("</failure>")
	case failed:
		p.open("error", "type", what, "message", view.Message(f)+view.WhatIsMissing(f))
		p.content(body(f))
		p.put("</error>")
	case skipped:
		p.open("skipped", "message", what)
		p.put("</skipped>")
	}
	_, err := p.WriteString("</testcase>\n")
	return err
}

// body is what a person reads of a failure: where, why and what to do.
func body(f *nist190.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Severity, view.Message(f))
	if at := view.Place(f); !at.IsZero() {
		fmt.Fprintf(&b, "%s\n", plain.Line(at.String()))
	}
	if len(f.Path) > 0 {
		fmt.Fprintf(&b, "path: %s\n", strings.Join(view.Lines(f.Path), " > "))
	}
	if fix := view.Remediation(f); fix != "" {
		fmt.Fprintf(&b, "fix: %s\n", fix)
	}
	return b.String()
}
