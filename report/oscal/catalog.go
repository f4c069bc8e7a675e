package oscal

import (
	"cmp"
	"io"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// WriteCatalog writes section 4.3 as a catalog: a control for each of the five risks, with a statement whose items are the
// sentences that reports answer.
func WriteCatalog(w io.Writer, o Options) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	at := o.Modified
	if at.IsZero() {
		at = published
	}
	c := catalog{UUID: uuid("catalog"), Metadata: metadataOf("NIST SP 800-190 section 4.3: countermeasures for orchestrator risks", at, o)}
	g := group{ID: "sp800-190-4.3", Class: "section", Title: "Orchestrator Countermeasures"}
	for _, r := range nist190.Risks() {
		ctl := control{
			ID: controlID(r), Class: "SP800-190", Title: r.Title(), Props: []property{{Name: "label", Value: string(r)}},
			Links: []link{{Href: source, Rel: "reference"}},
		}
		stmt := part{ID: controlID(r) + "_smt", Name: "statement"}
		for _, s := range nist190.Sentences() {
			if s.Risk == r {
				stmt.Parts = append(stmt.Parts, part{ID: statementID(s), Name: "item", Props: []property{{Name: "label", Value: s.Key}}, Prose: s.Text})
			}
		}
		ctl.Parts = []part{stmt}
		g.Controls = append(g.Controls, ctl)
	}
	c.Groups = []group{g}
	return encode(w, struct {
		Catalog catalog `json:"catalog"`
	}{c})
}

// WritePlan writes the assessment plan that the assessment results of the same report import: an activity for each check,
// with the statements that it speaks to.
func WritePlan(w io.Writer, rep *nist190.Report, o Options) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	cluster := plain.Line(rep.Run.Cluster)
	p := plan{
		UUID:     uuid("assessment-plan", cluster),
		Metadata: metadataOf("Assessment plan: NIST SP 800-190 section 4.3, "+cmp.Or(cluster, "Kubernetes"), rep.Run.Started, o),
		Reviewed: allControls(),
		Subjects: []subjects{{Type: "component", All: &struct{}{}}, {Type: "inventory-item", All: &struct{}{}}},
		Assets:   tool(),
	}
	catalogID := uuid("resource", "catalog")
	p.Metadata.Links = append(p.Metadata.Links, link{Href: "#" + catalogID, Rel: "catalog"})
	p.BackMatter.Resources = []resource{{
		UUID: catalogID, Title: "Catalog of NIST SP 800-190 section 4.3", RLinks: []rlink{{Href: o.CatalogHref, MediaType: "application/oscal.catalog+json"}},
	}}
	if p.ImportSSP.Href = o.SSPHref; p.ImportSSP.Href == "" {
		id := uuid("resource", "system-security-plan", cluster)
		p.ImportSSP = imported{Href: "#" + id, Remarks: "No system security plan was named."}
		p.BackMatter.Resources = append(p.BackMatter.Resources, resource{
			UUID: id, Title: "System security plan", Description: "No system security plan was named. The system is the cluster: " + cmp.Or(cluster, "not named") + ".",
		})
	}
	for i := range rep.Checks {
		p.addActivity(rep.Checks[i].Check)
	}
	return encode(w, struct {
		Plan plan `json:"assessment-plan"`
	}{p})
}

func (p *plan) addActivity(md *nist190.Metadata) {
	a := activity{
		UUID: uuid("activity", plain.Line(md.ID)), Title: word(md.Title), Description: cmp.Or(strings.TrimSpace(plain.Text(md.Doc)), word(md.Title)),
		Props: append([]property{{Name: "method", Value: "EXAMINE"}}, props("check", md.ID, "severity", md.Severity.String())...),
	}
	byControl := map[string]int{}
	for _, key := range view.Sentences(md) {
		s, ok := nist190.SentenceByKey(key)
		if !ok {
			continue
		}
		if a.Related == nil {
			a.Related = &reviewed{[]selection{{}}}
		}
		ids := &a.Related.Selections[0].Include
		id := controlID(s.Risk)
		at, ok := byControl[id]
		if !ok {
			at = len(*ids)
			byControl[id] = at
			*ids = append(*ids, controlRef{ControlID: id})
		}
		(*ids)[at].Statements = append((*ids)[at].Statements, statementID(s))
	}
	if p.Local == nil {
		p.Local = &planDefinitions{}
	}
	p.Local.Activities = append(p.Local.Activities, a)
}
