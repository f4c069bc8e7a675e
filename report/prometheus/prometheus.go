// Package prometheus writes a [nist190.Report] as metrics in the text format that Prometheus scrapes, version 0.0.4, for
// a handler or for the textfile collector.
package prometheus

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// Options are those of [Write].
type Options struct {
	// Namespaces tells findings apart by namespace: as many series more as a cluster has namespaces with findings of a
	// check. No series is about one object.
	Namespaces bool
}

// ContentType is that of the text format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

var statuses = []nist190.Status{nist190.Pass, nist190.Fail, nist190.NotAssessed, nist190.NotApplicable, nist190.Error}

// sorts are the values of the label "result", by view.Sort.
var sorts = []string{"error", "open", "unproven", "suppressed", "not_assessed", "pass", "not_applicable"}

// Write writes gauges. A status is a set of series, one for each status, of which one is 1. Each check has a series for
// open findings even where there are none, so that an alert can tell none from no scan.
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	p := &printer{bufio.NewWriter(w)}
	p.family("nist190_risk_status", "Verdict on a risk of NIST SP 800-190 section 4.3: 1 for the status that it has.")
	for _, r := range rep.Risks {
		for _, s := range statuses {
			p.sample("nist190_risk_status", is(r.Status == s), "risk", string(r.Risk), "status", s.String())
		}
	}
	p.family("nist190_requirement_status", "Answer to a sentence of NIST SP 800-190 section 4.3: 1 for the status that it has.")
	for i := range rep.Requirements {
		q := &rep.Requirements[i]
		for _, s := range statuses {
			p.sample("nist190_requirement_status", is(q.Status == s), "risk", string(q.Sentence.Risk), "sentence", q.Sentence.Key, "status", s.String())
		}
	}
	p.attestations(rep)
	p.findings(rep, o)
	p.family("nist190_kinds_not_seen", "Kinds of objects, by namespace, that were not completely seen, by state.")
	kinds := map[string]int{}
	for _, e := range rep.Coverage {
		if !e.State.Complete() {
			kinds[e.State.String()]++
		}
	}
	for _, state := range slices.Sorted(maps.Keys(kinds)) {
		p.sample("nist190_kinds_not_seen", kinds[state], "state", state)
	}
	p.family("nist190_input_problems", "Problems with the input, by level.")
	problems := map[inventory.ProblemLevel]int{}
	for _, q := range rep.Problems {
		problems[q.Level]++
	}
	for _, l := range []inventory.ProblemLevel{inventory.ProblemError, inventory.ProblemWarning, inventory.ProblemNotice} {
		p.sample("nist190_input_problems", problems[l], "level", l.String())
	}
	p.family("nist190_scan_objects", "Objects that were read.")
	p.sample("nist190_scan_objects", rep.Run.Objects)
	p.family("nist190_scan_duration_seconds", "How long the scan took.")
	p.value("nist190_scan_duration_seconds", rep.Run.Duration.Seconds())
	if !rep.Run.Started.IsZero() {
		p.family("nist190_scan_timestamp_seconds", "When the scan started.")
		p.value("nist190_scan_timestamp_seconds", float64(rep.Run.Started.UnixMilli())/1000)
	}
	p.family("nist190_scan_info", "The cluster that was scanned.")
	p.sample("nist190_scan_info", 1, "cluster", rep.Run.Cluster)
	return p.Flush()
}

// attestations tells when what rests on a person's word has to be renewed.
func (p *printer) attestations(rep *nist190.Report) {
	named := false
	for i := range rep.Requirements {
		q := &rep.Requirements[i]
		var first nist190.Date
		for _, a := range view.Attestations(rep, q) {
			if !a.Expires.IsZero() && (first.IsZero() || a.Expires.Before(first.Time)) {
				first = a.Expires
			}
		}
		if first.IsZero() {
			continue
		}
		if !named {
			p.family("nist190_attestation_expiry_timestamp_seconds", "When the first of the attestations of a sentence expires.")
			named = true
		}
		p.value("nist190_attestation_expiry_timestamp_seconds", float64(first.Unix()), "risk", string(q.Sentence.Risk), "sentence", q.Sentence.Key)
	}
}

type series struct {
	severity  nist190.Severity
	namespace string
	sort      view.Sort
}

func (p *printer) findings(rep *nist190.Report, o Options) {
	const name = "nist190_findings"
	p.family(name, "Findings of a check. Open and unproven ones fail, the latter on evidence that is not complete.")
	for i := range rep.Checks {
		c := &rep.Checks[i]
		counts := map[series]int{}
		if !o.Namespaces {
			counts[series{severity: c.Check.Severity, sort: view.Open}] = 0
		}
		for j := range c.Findings {
			f := &c.Findings[j]
			k := series{severity: f.Severity, sort: view.SortOf(f)}
			if o.Namespaces {
				k.namespace = view.Namespace(f)
			}
			counts[k]++
		}
		keys := slices.SortedFunc(maps.Keys(counts), func(a, b series) int {
			return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.severity, b.severity), cmp.Compare(a.sort, b.sort))
		})
		for _, k := range keys {
			labels := []string{"risk", string(c.Check.Risk), "check", c.Check.ID, "severity", k.severity.String(), "result", sorts[k.sort]}
			if o.Namespaces {
				labels = append(labels, "namespace", k.namespace)
			}
			p.sample(name, counts[k], labels...)
		}
	}
}

type printer struct{ *bufio.Writer }

func is(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *printer) family(name, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

func (p *printer) sample(name string, n int, labels ...string) { p.value(name, float64(n), labels...) }

// value prints a sample. Labels are names and values in turn.
func (p *printer) value(name string, v float64, labels ...string) {
	p.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		p.WriteString([]string{"{", ","}[min(i, 1)])
		p.WriteString(labels[i] + `="` + escaper.Replace(plain.Line(labels[i+1])) + `"`)
	}
	if len(labels) > 0 {
		p.WriteString("}")
	}
	p.WriteString(" " + strconv.FormatFloat(v, 'f', -1, 64) + "\n")
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
