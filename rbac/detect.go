package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// detector is what the checks of powers share: the effects of the rules, how all rights can be had from them, and which
// powers come together from several bindings.
type detector struct {
	*effects
	named  []namedEdge
	reach  *reach // to all rights
	combos func() [][]combo
	// namedFrom are the named edges by where they start.
	namedFrom func() map[Subject][]*namedEdge
}

var detections = inventory.Derive("rbac powers", access, func(ctx context.Context, _ *inventory.Inventory, a *Access) (*detector, error) {
	return newDetector(a), ctx.Err()
})

func newDetector(a *Access) *detector {
	d := &detector{effects: newEffects(a)}
	d.named = d.namedEdges()
	d.reach = newReach(d.effects, d.named, d.allRights)
	d.combos = sync.OnceValue(d.combine)
	d.namedFrom = sync.OnceValue(func() map[Subject][]*namedEdge {
		from := map[Subject][]*namedEdge{}
		for i := range d.named {
			from[d.named[i].from] = append(from[d.named[i].from], &d.named[i])
		}
		return from
	})
	return d
}

// check makes a power a check.
func (p *power) check() nist190.Check {
	md := nist190.Metadata{
		ID: p.id, Title: p.title, Doc: p.doc, Risk: nist190.UnboundedAdministrativeAccess,
		Claims: nist190.Claims(p.claims...), Controls: p.controls, CIS: p.cis,
		Severity: max(p.cluster, p.local), Remediation: p.remediation,
		Subjects: bindingKinds, Needs: append(AccessNeeds(), contextNeeds()...), Since: "v0.1.0",
		Limits: strings.TrimSpace(p.limits + `
Who is in a group, and what authorizers other than RBAC allow, is not seen.`),
	}
	if len(p.claims) == 0 {
		md.Claims = nist190.Claims("1a")
	}
	if len(p.controls) == 0 {
		md.Controls = []string{"AC-3", "AC-6"}
	}
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error { return p.run(ctx, e) })
}

var bindingKinds = []schema.GroupKind{{Group: rbacv1.GroupName, Kind: "ClusterRoleBinding"}, {Group: rbacv1.GroupName, Kind: "RoleBinding"}}

func (p *power) run(ctx context.Context, e *nist190.Eval) error {
	d, err := detections.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	uses, err := accountsInUse.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	c := d.powers[d.number[p.id]]
	causes := d.causes(c)
	for _, cause := range causes {
		e.Report(d.failure(c, cause, uses))
	}
	combos := d.combos()[c.number]
	for i := range combos {
		e.Report(d.combination(c, &combos[i], uses))
	}
	if rest := d.rest(); len(causes)+len(combos) == 0 || rest.Status != nist190.Pass {
		e.Report(rest)
	}
	return nil
}

// cause is what a finding is about: the role whose rules give the power or, where they are those of a role that
// Kubernetes makes, the binding of it.
type cause struct {
	object *inventory.Object
	role   *Role
	parts  []part
	grants []holding
}

// holding is one subject's way to a power.
type holding struct {
	binding *Binding
	index   int
	subject Subject
}

func (d *detector) causes(c *compiled) []*cause {
	var out []*cause
	byObject := map[*inventory.Object]*cause{}
	add := func(o *inventory.Object, r *Role, parts []part, grants []holding) {
		if len(grants) == 0 {
			return
		}
		x := byObject[o]
		if x == nil {
			x = &cause{object: o, role: r, parts: parts}
			byObject[o] = x
			out = append(out, x)
		}
		x.grants = append(x.grants, grants...)
	}
	for _, r := range d.byRole[c.number] {
		var parts []part
		own := false
		for _, b := range r.bindings {
			if _, says := d.has(b, c.number); !says || c.severity(b.Namespace, false) == nist190.SeverityUnset {
				continue
			}
			if parts == nil {
				parts = d.parts(r.Rules, c)
				own = d.known.own(r, parts)
			}
			_, privileged := d.reach.privileged(b.Namespace)
			if own && b.Namespace != "" && userFacing(r.Object.Name()) && !privileged {
				continue // what the role is for
			}
			grants := d.holders(b, parts)
			if own {
				add(b.Object, r, parts, grants)
			} else {
				add(d.written(r, parts).Object, r, parts, grants)
			}
		}
	}
	return out
}

// written is the role that a person would change: of an aggregated one, that which brings what Kubernetes does not.
func (d *detector) written(r *Role, parts []part) *Role {
	for i := range parts {
		if src := r.Source(parts[i].rule).Role; !d.known.own(r, parts[i:i+1]) {
			return src
		}
	}
	return r
}

// holders are the subjects of a binding, without those that are known to have it.
func (d *detector) holders(b *Binding, parts []part) []holding {
	var out []holding
	for i := range b.Subjects {
		s, ok := b.Subject(i)
		if !ok || s == Group(masters) {
			continue
		}
		if _, known := d.known.known(b, s, parts); !known {
			out = append(out, holding{b, i, s})
		}
	}
	return out
}

func (p *power) severity(namespace string, privileged bool) nist190.Severity {
	switch {
	case namespace == "":
		return p.cluster
	case len(p.in) > 0 && !slices.Contains(p.in, namespace):
		return nist190.SeverityUnset
	case privileged && p.local != nist190.SeverityUnset:
		return max(p.privileged, p.local)
	}
	return p.local
}

// most is the severity that unseen bindings and Pods could raise it to.
func (p *power) most(namespace string) nist190.Severity {
	s := p.severity(namespace, true)
	if s >= nist190.SeverityMedium {
		s = raised(s)
	}
	return s
}

// ranked is a holding with what it costs.
type ranked struct {
	holding
	severity nist190.Severity
	because  []string
	host     Subject // of a namespace, from whom all rights can be had
}

func (d *detector) rank(c *compiled, h holding, uses accountUses) ranked {
	host, privileged := d.reach.privileged(h.binding.Namespace)
	r := ranked{holding: h, severity: c.severity(h.binding.Namespace, privileged)}
	if privileged && host != h.subject {
		if c.leads != nowhere {
			r.host = host
		}
		r.because = append(r.because, fmt.Sprintf("all rights can be had through %s there", host))
	}
	if why := exposure(h.subject, uses); why != "" {
		r.because = append(r.because, why)
		if (h.binding.Namespace == "" || privileged) && r.severity >= nist190.SeverityMedium {
			r.severity = raised(r.severity)
		}
	}
	return r
}

func (d *detector) failure(c *compiled, x *cause, uses accountUses) nist190.Outcome {
	all := make([]ranked, len(x.grants))
	for i, h := range x.grants {
		all[i] = d.rank(c, h, uses)
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return int(b.severity) - int(a.severity) })
	worst := all[0]
	g := Grant{Binding: worst.binding, Subject: worst.index, Rule: x.parts[0].rule}

	out := nist190.Outcome{
		Status: nist190.Fail, Subject: x.object.Ref(), Severity: worst.severity, MaxSeverity: c.most(worst.binding.Namespace),
		Message: sentence(c, worst, fmt.Sprintf("through %s", x.role)), Path: g.Steps(),
	}
	out.Path = append(out.Path, d.onward(worst.host)...)
	var others []string
	named := map[Subject]bool{worst.subject: true}
	for _, h := range all {
		if !named[h.subject] {
			named[h.subject] = true
			others = append(others, h.subject.String())
		}
	}
	if len(others) > 0 {
		out.Message += "; so may " + phrase.Shorten(others)
	}
	if x.object != x.role.Object && x.object == worst.binding.Object {
		out.Evidence = append(out.Evidence, nist190.At(x.object, "roleRef", "name").Showing(x.role.Object.Name()))
	}
	out.Evidence = append(out.Evidence, ruleEvidence(x.role, x.parts)...)
	for _, h := range all {
		if len(out.Evidence) >= maxEvidence {
			break
		}
		out.Evidence = append(out.Evidence, nist190.At(h.binding.Object, "subjects", h.index, "name").Showing(h.subject.String()))
	}
	out.Evidence = append(out.Evidence, useEvidence(worst.subject, uses)...)
	return out
}

// onward is how all rights are had from an account of the namespace; nothing where there is none.
func (d *detector) onward(host Subject) []string {
	if host == (Subject{}) {
		return nil
	}
	var out []string
	for _, hop := range (&Escalations{d}).ToAdmin(host) {
		out = append(out, hop.String())
	}
	return out
}

func sentence(c *compiled, r ranked, through string) string {
	where := "in the cluster"
	if r.binding.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", r.binding.Namespace)
	}
	s := fmt.Sprintf("%s may %s %s %s", r.subject, c.may, where, through)
	if len(r.because) > 0 {
		s += "; " + strings.Join(r.because, "; ")
	}
	return s
}

func ruleEvidence(r *Role, parts []part) []nist190.Evidence {
	var out []nist190.Evidence
	for _, p := range parts {
		src := r.Source(p.rule)
		out = append(out, nist190.At(src.Role.Object, "rules", src.Index).Showing(describeRule(&r.Rules[p.rule])))
		if len(out) == maxEvidence/2 {
			break
		}
	}
	return out
}

func useEvidence(s Subject, uses accountUses) []nist190.Evidence {
	var out []nist190.Evidence
	for _, w := range uses[s] {
		out = append(out, nist190.At(w.Object).Because("runs as it"))
		if len(out) == 3 {
			break
		}
	}
	return out
}

const maxEvidence = 20

// combo is a power that a subject has through several bindings together.
type combo struct {
	subject   Subject
	bindings  []*Binding
	namespace string
}

// combine finds them all: one pass over the subjects, since what they hold is gathered once for every power.
func (d *detector) combine() [][]combo {
	out := make([][]combo, len(d.powers))
	for _, s := range d.access.subjects {
		if s == Group(masters) {
			continue
		}
		u := d.unionOf(s)
		if len(u.all) < 2 {
			continue
		}
		var held bits
		for _, b := range u.all {
			if set := d.sets[b.Role]; set != nil {
				held.add(&set.atoms)
			}
		}
		for n, c := range d.powers {
			if len(c.clauses) < 2 || !c.satisfied(&held) {
				continue
			}
			if bindings, ns, ok := d.combined(&u, c); ok && c.severity(ns, false) != nist190.SeverityUnset && !d.allKnown(s, bindings, c) {
				out[n] = append(out[n], combo{s, bindings, ns})
			}
		}
	}
	return out
}

func (d *detector) allKnown(s Subject, bindings []*Binding, c *compiled) bool {
	return !slices.ContainsFunc(bindings, func(b *Binding) bool {
		parts := d.parts(b.Role.Rules, c)
		i, _ := b.matches(s.Identity())
		to, _ := b.Subject(max(i, 0))
		_, known := d.known.known(b, to, parts)
		return !known
	})
}

func (d *detector) combination(c *compiled, x *combo, uses accountUses) nist190.Outcome {
	h := holding{x.bindings[0], 0, x.subject}
	for _, b := range x.bindings {
		if b.Namespace == x.namespace {
			h.binding = b
		}
	}
	r := d.rank(c, h, uses)
	names := make([]string, len(x.bindings))
	out := nist190.Outcome{
		Status: nist190.Fail, Subject: x.subject.Ref(), Severity: r.severity, MaxSeverity: c.most(x.namespace),
		Path: []string{x.subject.String()},
	}
	for i, b := range x.bindings {
		names[i] = b.String()
		parts := d.parts(b.Role.Rules, c)
		out.Path = append(out.Path, b.String(), b.Role.String())
		for _, p := range parts {
			out.Path = append(out.Path, describeRule(&b.Role.Rules[p.rule]))
		}
		out.Evidence = append(out.Evidence, nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name))
		out.Evidence = append(out.Evidence, ruleEvidence(b.Role, parts)...)
		if len(out.Evidence) > maxEvidence {
			break
		}
	}
	out.Path = append(out.Path, d.onward(r.host)...)
	out.Message = sentence(c, r, "through "+phrase.Shorten(names)+" together")
	out.Evidence = append(out.Evidence, useEvidence(x.subject, uses)...)
	return out
}

// Ref names the subject as findings do.
func (s Subject) Ref() inventory.Ref {
	if s.Kind == rbacv1.ServiceAccountKind {
		return inventory.Ref{Version: "v1", Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}
	}
	return inventory.Ref{Group: rbacv1.GroupName, Kind: s.Kind, Name: s.Name}
}

// rest is the outcome for everybody of whom there is no finding: they do not have it, as far as can be seen. A role that
// manifests refer to and do not carry could give it.
func (d *detector) rest() nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: fmt.Sprintf("nobody has it through any of %s", phrase.Count(len(d.access.bindings), "binding"))}
	for _, b := range d.access.bindings {
		if b.Role == nil && b.inert() == "" && b.Object.Strength() != inventory.Observed {
			missing := b.roleMissing(nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name))
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonMissingEvidence
			out.Message = fmt.Sprintf("a role that was not given could give it: %s", missing.Message)
			out.Missing = append(out.Missing, missing.Missing...)
			out.Evidence = append(out.Evidence, missing.Evidence...)
			if len(out.Missing) == maxEvidence {
				break
			}
		}
	}
	return out
}
