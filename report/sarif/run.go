package sarif

import (
	"fmt"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

func runOf(rep *nist190.Report, o Options, k *kept) run {
	r := run{
		Tool: tool{Driver: driver{
			Name: "nist190", SemanticVersion: o.Version, Rules: []rule{},
			SupportedTaxonomies: []componentReference{{Name: taxonomy}},
		}},
		Taxonomies:  []taxa{taxaOf()},
		Invocations: []invocation{{ExecutionSuccessful: !k.broken, Notifications: notifications(rep, o, k)}},
		ColumnKind:  "unicodeCodePoints",
		Properties:  runProperties{Status: rep.Status().String(), Risks: map[string]string{}, Requirements: []requirement{}},
	}
	if !rep.Run.Started.IsZero() {
		r.Invocations[0].EndTimeUTC = rep.Run.Started.Add(rep.Run.Duration).UTC().Format(time.RFC3339)
	}
	if o.Category != "" {
		r.AutomationDetails = &automation{ID: strings.TrimSuffix(o.Category, "/") + "/"}
	}
	for i := range rep.Checks {
		r.Tool.Driver.Rules = append(r.Tool.Driver.Rules, ruleOf(rep.Checks[i].Check))
	}
	for _, f := range o.Absent {
		if !hasRule(r.Tool.Driver.Rules, f.Check.ID) {
			r.Tool.Driver.Rules = append(r.Tool.Driver.Rules, ruleOf(f.Check))
		}
	}
	for _, k := range rep.Risks {
		r.Properties.Risks[string(k.Risk)] = k.Status.String()
	}
	for i := range rep.Requirements {
		q := &rep.Requirements[i]
		r.Properties.Requirements = append(r.Properties.Requirements, requirement{
			ID: q.Sentence.Key, Status: q.Status.String(), Strength: q.Strength.String(), Unlock: plain.Line(q.Unlock),
		})
	}
	return r
}

func hasRule(rules []rule, id string) bool {
	for _, r := range rules {
		if r.ID == plain.Line(id) {
			return true
		}
	}
	return false
}

// maxTags is how many tags of a rule GitHub takes; it shows the first ten.
const maxTags = 20

func ruleOf(md *nist190.Metadata) rule {
	doc := strings.TrimSpace(plain.Text(md.Doc))
	help := doc
	if md.Remediation != "" {
		help += "\n\nWhat to do: " + strings.TrimSpace(plain.Text(md.Remediation))
	}
	if md.Limits != "" {
		help += "\n\nWhat it cannot see: " + strings.TrimSpace(plain.Text(md.Limits))
	}
	r := rule{
		ID: plain.Line(md.ID), ShortDescription: message{Text: text(plain.Line(md.Title))},
		DefaultConfiguration: configuration{Level: level(md.Severity)},
		Properties:           ruleProperties{Tags: []string{"security", "kubernetes", "NIST SP 800-190 " + string(md.Risk)}, SecuritySeverity: score(md.Severity)},
	}
	if doc != "" {
		r.FullDescription = &message{Text: text(doc)}
	}
	if help != "" {
		r.Help = &message{Text: text(help)}
	}
	for _, key := range view.Sentences(md) {
		r.Properties.Tags = append(r.Properties.Tags, "NIST SP 800-190 "+key)
		r.Relationships = append(r.Relationships, relationship{Target: target{ID: key, ToolComponent: componentReference{Name: taxonomy}}, Kinds: []string{"relevant"}})
	}
	for _, c := range md.Controls {
		r.Properties.Tags = append(r.Properties.Tags, "NIST SP 800-53 "+plain.Line(c))
	}
	for _, c := range md.CIS {
		r.Properties.Tags = append(r.Properties.Tags, "CIS Kubernetes "+plain.Line(c))
	}
	if len(r.Properties.Tags) > maxTags {
		r.Properties.Tags = r.Properties.Tags[:maxTags]
	}
	return r
}

func taxaOf() taxa {
	t := taxa{Name: taxonomy, Organization: "NIST", ShortDescription: message{Text: "The sentences that section 4.3 makes of orchestrators."}}
	for _, s := range nist190.Sentences() {
		t.Taxa = append(t.Taxa, taxon{ID: s.Key, Name: string(s.Risk), ShortDescription: message{Text: text(s.Text)}})
	}
	return t
}

// notifications say what a reader of the results alone would miss.
func notifications(rep *nist190.Report, o Options, k *kept) []notification {
	const most = 100
	out := []notification{}
	add := func(n notification) {
		if len(out) < most {
			out = append(out, n)
		}
	}
	if k.omitted > 0 {
		add(notification{Level: "warning", Message: message{Text: fmt.Sprintf("%s left out: a run may have %d", view.Plural(k.omitted, "result is", "results are"), k.limit())}})
	}
	for f := range rep.Findings() {
		if view.SortOf(f) == view.Malfunction {
			add(notification{Level: "error", Message: message{Text: text(view.Message(f))}, AssociatedRule: &descriptorReference{ID: plain.Line(f.Check.ID)}})
		}
	}
	for _, p := range rep.Problems {
		n := notification{Level: problemLevel(p.Level), Message: message{Text: text(plain.Line(p.Message))}}
		if p.Origin.Line > 0 {
			n.Locations = []location{{PhysicalLocation: physicalOf(p.Origin, p.Ref, o.Root)}}
		}
		add(n)
	}
	for _, g := range rep.Gaps() {
		add(notification{Level: "note", Message: message{Text: text("not assessed: " + view.GapText(g))}})
	}
	return out
}

func (k *kept) limit() int {
	if k.o.MaxResults > 0 {
		return k.o.MaxResults
	}
	return ResultLimit
}

func problemLevel(l inventory.ProblemLevel) string {
	switch l {
	case inventory.ProblemError:
		return "error"
	case inventory.ProblemWarning:
		return "warning"
	}
	return "note"
}
