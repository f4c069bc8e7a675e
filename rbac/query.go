package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Grant is one way in which a request is allowed: a rule, of a role, through a binding, to a subject of it.
type Grant struct {
	Binding *Binding
	// Subject is the index in the binding's subjects.
	Subject int
	// Group is the group through which an identity is the subject; empty where it is named itself.
	Group string
	// Rule is the index in the rules of the binding's role.
	Rule int
}

// To is the subject.
func (g Grant) To() Subject {
	s, _ := g.Binding.Subject(g.Subject)
	return s
}

// Steps are the steps of the path, for people: subject, group, binding, role, the role that it is aggregated from, rule.
func (g Grant) Steps() []string {
	steps := []string{g.To().String(), g.Binding.String(), g.Binding.Role.String()}
	src := g.Binding.Role.Source(g.Rule)
	if src.Role != g.Binding.Role {
		steps = append(steps, "aggregated from "+src.Role.String())
	}
	return append(steps, fmt.Sprintf("rule %d: %s", src.Index, describeRule(&g.Binding.Role.Rules[g.Rule])))
}

// Reason is how the authorizer words it.
func (g Grant) Reason() string {
	s := &g.Binding.Subjects[g.Subject]
	to := fmt.Sprintf("%s %q", s.Kind, s.Name)
	if s.Kind == rbacv1.ServiceAccountKind {
		to = fmt.Sprintf("%s %q", s.Kind, s.Name+"/"+g.To().Namespace)
	}
	binding := g.Binding.Object.Name()
	if g.Binding.Namespace != "" {
		binding += "/" + g.Binding.Namespace
	}
	return fmt.Sprintf("RBAC: allowed by %s %q of %s %q to %s", g.Binding.Object.Ref().Kind, binding, g.Binding.RoleRef.Kind, g.Binding.RoleRef.Name, to)
}

func describeRule(r *rbacv1.PolicyRule) string {
	what := strings.Join(r.NonResourceURLs, ", ")
	if len(r.Resources) > 0 {
		var groups []string
		for _, g := range r.APIGroups {
			if g != "" {
				groups = append(groups, g)
			}
		}
		what = strings.Join(r.Resources, ", ")
		if len(groups) > 0 {
			what += " of " + strings.Join(groups, ", ")
		}
	}
	if len(r.ResourceNames) > 0 {
		what += fmt.Sprintf(" named %q", r.ResourceNames)
	}
	return strings.Join(r.Verbs, ", ") + " " + what
}

// Decision is the answer of [Access.Allows]. Not allowed means that RBAC has no opinion, never that a request is denied:
// another authorizer may still allow it.
type Decision struct {
	Allowed bool
	// Masters is set where the request is allowed because it comes from system:masters, before RBAC is asked.
	Masters bool
	// Grant is the first that the authorizer finds; nil where RBAC has no opinion.
	Grant *Grant
}

// Reason is how the API server words the decision in status.reason.
func (d Decision) Reason() string {
	if d.Grant == nil {
		return ""
	}
	return d.Grant.Reason()
}

// Allows reports whether an identity may do something, and through what. Cost: the rules of the bindings of the identity
// and its groups that hold in the request's namespace.
func (a *Access) Allows(id Identity, r Request) Decision {
	d := Decision{Masters: slices.Contains(id.Groups, masters)}
	for _, b := range a.applying(id, r.scope()) {
		if i := firstRule(b.Role.Rules, r); i >= 0 {
			subject, via := b.matches(id)
			d.Grant = &Grant{Binding: b, Subject: subject, Group: via, Rule: i}
			break
		}
	}
	d.Allowed = d.Masters || d.Grant != nil
	return d
}

// Grants lists every way in which a request is allowed, in the order of the authorizer: each binding once, with the first
// of its rules. It is the explanation of [Access.Allows] in full.
func (a *Access) Grants(id Identity, r Request) []Grant {
	var out []Grant
	for _, b := range a.applying(id, r.scope()) {
		if i := firstRule(b.Role.Rules, r); i >= 0 {
			subject, via := b.matches(id)
			out = append(out, Grant{Binding: b, Subject: subject, Group: via, Rule: i})
		}
	}
	return out
}

// scope is the namespace that role bindings are looked up in: requests for URLs have none.
func (r Request) scope() string {
	if !r.IsResource() {
		return ""
	}
	return r.Namespace
}

func firstRule(rules []rbacv1.PolicyRule, r Request) int {
	return slices.IndexFunc(rules, func(rule rbacv1.PolicyRule) bool { return RuleAllows(&rule, r) })
}

// RulesFor lists the rules that an identity has in a namespace, as a SelfSubjectRulesReview does, each with where it comes
// from; without a namespace, those that hold everywhere. Rules for URLs in a role that a RoleBinding refers to are listed
// too, as the API server does, and allow nothing.
func (a *Access) RulesFor(id Identity, namespace string) []Grant {
	var out []Grant
	for _, b := range a.applying(id, namespace) {
		subject, via := b.matches(id)
		for i := range b.Role.Rules {
			out = append(out, Grant{Binding: b, Subject: subject, Group: via, Rule: i})
		}
	}
	return out
}

// PolicyRule is the rule that the grant rests on.
func (g Grant) PolicyRule() *rbacv1.PolicyRule { return &g.Binding.Role.Rules[g.Rule] }

// AnyNamespace asks [Access.WhoCan] about every namespace and the cluster at once.
const AnyNamespace = "*"

// Holder is somebody who may do what was asked.
type Holder struct {
	Subject Subject
	// Grants says through what, each binding once, in the order of the authorizer. It is empty for system:masters, which
	// passes without RBAC.
	Grants []Grant
}

// WhoCan lists everybody whom a binding names and who may do it, in order, system:masters first. Members of a group are
// not spelled out. A request in [AnyNamespace] is answered with every binding that allows it somewhere; each grant's
// binding says where. Cost: the rules for the resource, plus the output.
func (a *Access) WhoCan(r Request) []Holder {
	anywhere := r.Namespace == AnyNamespace && r.IsResource()
	if anywhere {
		r.Namespace = ""
	}
	var hits []Grant
	for _, hit := range a.index.matching(r) {
		for _, b := range hit.role.bindings {
			if b.Namespace != "" && (!r.IsResource() || !anywhere && b.Namespace != r.Namespace) {
				continue
			}
			for i := range b.Subjects {
				if _, ok := b.Subject(i); ok {
					hits = append(hits, Grant{Binding: b, Subject: i, Rule: hit.rule})
				}
			}
		}
	}
	slices.SortFunc(hits, func(x, y Grant) int {
		if x.Binding != y.Binding {
			return x.Binding.ordinal - y.Binding.ordinal
		}
		return x.Subject - y.Subject
	})
	at := map[Subject]int{}
	out := []Holder{{Subject: Group(masters)}}
	at[out[0].Subject] = 0
	for _, g := range hits {
		s := g.To()
		i, ok := at[s]
		if !ok {
			i = len(out)
			at[s] = i
			out = append(out, Holder{Subject: s})
		}
		if n := len(out[i].Grants); n == 0 || out[i].Grants[n-1].Binding != g.Binding {
			out[i].Grants = append(out[i].Grants, g)
		}
	}
	slices.SortFunc(out[1:], func(x, y Holder) int { return x.Subject.Compare(y.Subject) })
	return out
}

// BindingsOf lists the bindings in effect that name the subject itself, groups apart. Cost: one lookup.
func (a *Access) BindingsOf(s Subject) []*Binding {
	p := a.users[s.UserName()]
	if s.Kind == rbacv1.GroupKind {
		p = a.groups[s.Name]
	}
	if p == nil {
		return nil
	}
	return slices.Concat(p.cluster, p.local)
}

// AllBindingsOf is BindingsOf with the bindings of the groups that Kubernetes puts the subject into.
func (a *Access) AllBindingsOf(s Subject) []*Binding {
	id := s.Identity()
	out := a.BindingsOf(s)
	for _, g := range id.Groups {
		if g != s.Name || s.Kind != rbacv1.GroupKind {
			out = append(out, a.BindingsOf(Group(g))...)
		}
	}
	slices.SortFunc(out, func(x, y *Binding) int { return x.ordinal - y.ordinal })
	return slices.Compact(out)
}

// GrantsOf lists the bindings of a subject, itself and through the groups that Kubernetes puts it into, one grant for each.
func (a *Access) GrantsOf(s Subject) []Grant {
	id := s.Identity()
	var out []Grant
	for _, b := range a.AllBindingsOf(s) {
		subject, via := b.matches(id)
		out = append(out, Grant{Binding: b, Subject: subject, Group: via})
	}
	return out
}

// Lookup lists the subjects that match picks, in order; see [Access.GrantsOf] for what they have.
func (a *Access) Lookup(match func(Subject) bool) []Subject {
	var out []Subject
	for _, s := range a.subjects {
		if match(s) {
			out = append(out, s)
		}
	}
	return out
}
