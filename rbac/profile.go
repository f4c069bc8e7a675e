package rbac

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/bootstrap"
	"github.com/nist190/nist190/internal/vendors"
)

// profiles are the rights that are known to belong to somebody: of the users, groups and service accounts of Kubernetes
// for its minor, and of the accounts of vendors' add-ons as they are published. Recognition is by content. A subject that
// has what its profile gives it, or less, is as its maker means it to be; what goes beyond is judged like anybody's. A
// name alone, such as the prefix system:, exempts nothing.
type profiles struct {
	subjects map[Subject]*profile
	roles    map[string][]rbacv1.PolicyRule  // Kubernetes' own cluster roles
	local    map[roleKey][]rbacv1.PolicyRule // and roles
}

// profilesOf are those for a minor.
var profilesOf = perMinor(newProfiles)

func newProfiles(minor int) *profiles {
	p := &profiles{subjects: map[Subject]*profile{}, roles: map[string][]rbacv1.PolicyRule{}, local: map[roleKey][]rbacv1.PolicyRule{}}
	for raw := range bootstrap.Objects(minor) {
		switch o := parsePolicy(raw); o.Kind {
		case "ClusterRole":
			p.roles[o.Metadata.Name] = o.Rules
		case "Role":
			p.local[roleKey{o.Metadata.Namespace, o.Metadata.Name}] = o.Rules
		}
	}
	p.add("Kubernetes", bootstrap.Objects(minor))
	p.add("kubeadm", lines(kubeadm))
	rights, err := vendors.Rights()
	if err != nil {
		panic(err) // the data is the module's own and tested
	}
	for i := range rights {
		if s, ok := subjectOf(&rights[i].Account, ""); ok {
			p.give(rights[i].Vendor, s, rights[i].Scope, rights[i].Rule)
		}
	}
	return p
}

// profile is the most that one subject has.
type profile struct {
	vendor  string
	cluster []rbacv1.PolicyRule
	local   map[string][]rbacv1.PolicyRule // by namespace
}

// policyObject is any of the four kinds of RBAC.
type policyObject struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Rules    []rbacv1.PolicyRule
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
}

func parsePolicy(raw json.RawMessage) policyObject {
	var o policyObject
	_ = json.Unmarshal(raw, &o) // the data is the module's own and tested
	return o
}

// lines are the objects of data with one in each line.
func lines(data string) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for line := range strings.SplitSeq(strings.TrimSpace(data), "\n") {
			if !yield(json.RawMessage(line)) {
				return
			}
		}
	}
}

// add joins the bindings and roles of one maker; a role that is not among them is Kubernetes' own.
func (ps *profiles) add(vendor string, objects iter.Seq[json.RawMessage]) {
	rules := map[[3]string][]rbacv1.PolicyRule{}
	var roles, bindings []policyObject
	for raw := range objects {
		switch o := parsePolicy(raw); o.Kind {
		case "ClusterRole", "Role":
			roles = append(roles, o)
		case "ClusterRoleBinding", "RoleBinding":
			bindings = append(bindings, o)
		}
	}
	for i := range roles {
		o := &roles[i]
		rules[[3]string{o.Kind, o.Metadata.Namespace, o.Metadata.Name}] = o.Rules
	}
	for _, b := range bindings {
		key := [3]string{b.RoleRef.Kind, "", b.RoleRef.Name}
		if b.RoleRef.Kind == "Role" {
			key[1] = b.Metadata.Namespace
		}
		given, ok := rules[key]
		if !ok && key[0] == "ClusterRole" {
			given = ps.roles[b.RoleRef.Name]
		}
		for i := range b.Subjects {
			s, ok := subjectOf(&b.Subjects[i], b.Metadata.Namespace)
			if !ok {
				continue
			}
			ps.give(vendor, s, b.Metadata.Namespace, given...)
		}
	}
}

// give adds to the most that a subject has, in a namespace or everywhere.
func (ps *profiles) give(vendor string, s Subject, namespace string, rules ...rbacv1.PolicyRule) {
	p := ps.subjects[s]
	if p == nil {
		p = &profile{vendor: vendor, local: map[string][]rbacv1.PolicyRule{}}
		ps.subjects[s] = p
	}
	if namespace == "" {
		p.cluster = append(p.cluster, rules...)
	} else {
		p.local[namespace] = append(p.local[namespace], rules...)
	}
}

// known reports whether what a binding contributes to a power is within the profile of a subject, and whose it is.
func (ps *profiles) known(b *Binding, s Subject, parts []part) (vendor string, ok bool) {
	p := ps.subjects[s]
	if p == nil {
		return "", false
	}
	most := p.cluster
	if b.Namespace != "" {
		most = slices.Concat(p.cluster, p.local[b.Namespace])
	}
	for i := range parts {
		if !covers(most, parts[i].tuples) {
			return "", false
		}
	}
	return p.vendor, true
}

// knows reports whether everything that a binding gives a subject is within its profile.
func (ps *profiles) knows(b *Binding, s Subject) bool {
	_, ok := ps.known(b, s, []part{{tuples: b.Role.Rules}})
	return ok
}

// own reports whether what a role contributes to a power is what Kubernetes puts into its role of that name.
func (ps *profiles) own(r *Role, parts []part) bool {
	rules, ok := ps.ownRules(r)
	return ok && !slices.ContainsFunc(parts, func(p part) bool { return !covers(rules, p.tuples) })
}

// ownRules are those that Kubernetes gives its role of that name.
func (ps *profiles) ownRules(r *Role) ([]rbacv1.PolicyRule, bool) {
	if ns := r.Object.Namespace(); ns != "" {
		rules, ok := ps.local[roleKey{ns, r.Object.Name()}]
		return rules, ok
	}
	rules, ok := ps.roles[r.Object.Name()]
	return rules, ok
}

// userFacing are the roles that Kubernetes means to be bound in a namespace
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles).
func userFacing(name string) bool { return name == "admin" || name == "edit" || name == "view" }
