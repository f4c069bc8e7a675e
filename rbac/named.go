package rbac

import (
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
)

// namedEdge is a right to become one account or person by name, by a token of it or by impersonation.
type namedEdge struct {
	from  Subject
	grant Grant
	to    Subject
	may   string
}

// namedEdges finds them all. A rule without resourceNames gives a power, which reach knows of by itself.
func (e *effects) namedEdges() []namedEdge {
	known := accounts{byName: map[string][]Subject{}}
	for _, s := range e.access.subjects {
		if s.Kind == rbacv1.ServiceAccountKind {
			known.byName[s.Name] = append(known.byName[s.Name], s)
		} else if ns, ok := s.accountsOf(); ok {
			known.groups = append(known.groups, ns)
		}
	}
	var out []namedEdge
	for _, r := range e.access.roles {
		for i := range r.Rules {
			rule := &r.Rules[i]
			if len(rule.ResourceNames) == 0 || len(rule.NonResourceURLs) > 0 {
				continue
			}
			for _, b := range r.bindings {
				if b.InEffect() {
					out = append(out, e.namedBy(b, i, &known)...)
				}
			}
		}
	}
	return out
}

// accounts are those that bindings name, and the namespaces whose accounts they give something to as a group.
type accounts struct {
	byName map[string][]Subject
	groups []string
}

// named lists the accounts of a name in a namespace, or everywhere.
func (k *accounts) named(name, namespace string) []Subject {
	if namespace != "" {
		return []Subject{ServiceAccount(namespace, name)}
	}
	out := slices.Clone(k.byName[name])
	for _, ns := range k.groups {
		if s := ServiceAccount(ns, name); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (e *effects) namedBy(b *Binding, i int, known *accounts) []namedEdge {
	rule := &b.Role.Rules[i]
	allows := func(verb, resource, subresource string, name string) bool {
		return RuleAllows(rule, Request{Verb: verb, Resource: resource, Subresource: subresource, Name: name, Namespace: b.Namespace})
	}
	var out []namedEdge
	add := func(to Subject, may string) {
		for j := range b.Subjects {
			if from, ok := b.Subject(j); ok && from != to && from != Group(masters) {
				out = append(out, namedEdge{from, Grant{Binding: b, Subject: j, Rule: i}, to, may})
			}
		}
	}
	for _, name := range rule.ResourceNames {
		for _, to := range known.named(name, b.Namespace) {
			if allows("create", "serviceaccounts", "token", name) {
				add(to, fmt.Sprintf("get a token of %s", to))
			} else if allows("impersonate", "serviceaccounts", "", name) {
				add(to, fmt.Sprintf("be %s by impersonation", to))
			}
		}
		if b.Namespace == "" && name != "" && allows("impersonate", "users", "", name) {
			to := User(name)
			if namespace, account, ok := accountOf(name); ok {
				to = ServiceAccount(namespace, account)
			}
			add(to, fmt.Sprintf("be %s by impersonation", to))
		}
	}
	return out
}

// membersOf lists the subjects that Kubernetes puts into the groups that edges start from.
func (e *effects) membersOf(edges []namedEdge) map[Subject][]Subject {
	out := map[Subject][]Subject{}
	for i := range edges {
		if from := edges[i].from; from.Kind == rbacv1.GroupKind {
			out[from] = nil
		}
	}
	if len(out) == 0 {
		return out
	}
	for _, s := range e.access.subjects {
		for _, g := range s.Identity().Groups {
			group := Group(g)
			if _, ok := out[group]; ok && group != s {
				out[group] = append(out[group], s)
			}
		}
	}
	return out
}

// byTarget arranges edges by where they lead, those to service accounts by their namespace as well.
func byTarget(edges []namedEdge) (to map[Subject][]namedEdge, in map[string][]namedEdge) {
	to, in = map[Subject][]namedEdge{}, map[string][]namedEdge{}
	for _, x := range edges {
		to[x.to] = append(to[x.to], x)
		if x.to.Kind == rbacv1.ServiceAccountKind {
			in[x.to.Namespace] = append(in[x.to.Namespace], x)
		}
	}
	return to, in
}

var namedAdministrator = nist190.Metadata{
	ID: "rbac-named-administrator", Title: "Right to become one named administrator",
	Doc: `A role names the accounts or users that its holder may request tokens of, or impersonate, and one of them is an
administrator or can become one. The rule looks narrow; whoever has it has all that account's rights.

Before:

    rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], resourceNames: [cluster-installer]}]

After: an account with the rights that the task needs.

    rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], resourceNames: [backup]}]`,
	Severity:    nist190.SeverityHigh,
	Remediation: "Name an account that has only the rights that the task needs, or give those rights directly.",
	Risk:        nist190.UnboundedAdministrativeAccess,
	Claims:      nist190.Claims("1a", "2a"), Controls: []string{"AC-3", "AC-6", "AC-6(5)", "IA-2"}, CIS: []string{"5.1.8", "5.1.13"},
	Needs: AccessNeeds(), Subjects: bindingKinds, Since: "v0.1.0",
	Limits: "Who is in a group, and what authorizers other than RBAC allow, is not seen. Groups that may be impersonated by name are not followed.",
}

func checkNamedAdministrator(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	byRole := map[*Role][]namedEdge{}
	var roles []*Role
	for _, x := range d.named {
		if st := d.reach.steps[x.from]; st.named == nil {
			continue // never an administrator, or one without it: another check says so
		}
		if _, ok := d.reach.steps[x.to]; !ok {
			continue
		}
		r := x.grant.Binding.Role
		if _, known := d.known.known(x.grant.Binding, x.from, []part{{tuples: r.Rules[x.grant.Rule : x.grant.Rule+1]}}); known {
			continue
		}
		if len(byRole[r]) == 0 {
			roles = append(roles, r)
		}
		byRole[r] = append(byRole[r], x)
	}
	for _, r := range roles {
		edges := byRole[r]
		first := edges[0]
		way := d.way(d.reach, first.to)
		out := nist190.Outcome{
			Status: nist190.Fail, Subject: r.Source(first.grant.Rule).Role.Object.Ref(),
			Message:  fmt.Sprintf("%s may %s, from whom all rights can be had", first.from, first.may),
			Path:     first.grant.Steps(),
			Evidence: ruleEvidence(r, []part{{rule: first.grant.Rule}}),
		}
		var others []string
		for _, x := range edges {
			if s := fmt.Sprintf("%s may %s", x.from, x.may); x != first && !slices.Contains(others, s) {
				others = append(others, s)
			}
			if len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, subjectEvidence(x.grant.Binding, x.grant.Subject))
			}
		}
		if len(others) > 0 {
			out.Message += "; so " + phrase.Shorten(others)
		}
		for _, hop := range way {
			out.Path = append(out.Path, hop.String())
		}
		e.Report(out)
	}
	return len(roles) > 0, nil
}
