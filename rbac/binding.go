package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Subject is whom a binding takes effect for.
type Subject struct {
	Kind            string // User, Group or ServiceAccount
	Namespace, Name string
	Index           int // in the binding's subjects
}

func (s Subject) String() string {
	if s.Kind == rbacv1.ServiceAccountKind {
		return fmt.Sprintf("%s %q", s.Kind, s.Namespace+"/"+s.Name)
	}
	return fmt.Sprintf("%s %q", s.Kind, s.Name)
}

// Grant is a binding that gives all rights there are, in the cluster or in one namespace.
type Grant struct {
	Binding   *inventory.Object
	Namespace string // "" means everywhere
	RoleRef   rbacv1.RoleRef
	// Role holds the rules; nil where cluster-admin was not collected and Kubernetes' own is assumed. Rules are the
	// indices of those that together cover everything, empty for an aggregated role.
	Role     *inventory.Object
	Rules    []int
	URLs     bool // also every path that is no resource
	Subjects []Subject
}

// To reports whether the grant reaches a service account, by its name or by a group that every one of its kind is in.
func (g *Grant) To(namespace, name string) bool {
	return slices.ContainsFunc(g.Subjects, func(s Subject) bool {
		switch s.Kind {
		case rbacv1.ServiceAccountKind:
			return s.Namespace == namespace && s.Name == name
		case rbacv1.GroupKind:
			return s.Name == allAuthenticated || s.Name == allServiceAccounts || s.Name == allServiceAccounts+":"+namespace
		}
		return false
	})
}

// AdminGrantsOf lists the grants of all rights by binding. What the binding of system:masters gives is not among them:
// that group passes before RBAC is asked.
func AdminGrantsOf(ctx context.Context, inv *inventory.Inventory) ([]*Grant, error) {
	all, err := bindings.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	var out []*Grant
	for _, b := range all {
		if b.grant != nil && !b.mastersOnly() {
			out = append(out, b.grant)
		}
	}
	return out, nil
}

// GrantNeeds are the needs of [AdminGrantsOf], with the bias that grants have for the check. Unseen bindings can only add
// grants; an unseen role can be more or, where it overrides cluster-admin, less than is assumed.
func GrantNeeds(bias inventory.Bias) []inventory.Need {
	return []inventory.Need{
		inventory.NeedOf[rbacv1.ClusterRoleBinding](bias), inventory.NeedOf[rbacv1.RoleBinding](bias),
		inventory.NeedOf[rbacv1.ClusterRole](bias), inventory.NeedOf[rbacv1.Role](bias),
	}
}

const (
	masters            = "system:masters"
	allAuthenticated   = "system:authenticated"
	allUnauthenticated = "system:unauthenticated"
	allServiceAccounts = "system:serviceaccounts"
	allNodes           = "system:nodes"
	anonymous          = "system:anonymous"
	clusterAdmin       = "cluster-admin"
)

// resolved is a binding with what it comes to.
type resolved struct {
	object    *inventory.Object
	namespace string
	ref       rbacv1.RoleRef
	subjects  []Subject
	inert     string // why the API server would refuse it, or it reaches nobody
	absent    bool   // the role was not collected
	role      *inventory.Object
	grant     *Grant // set where it gives all rights
}

// mastersOnly: system:masters passes before RBAC is asked (pkg/kubeapiserver/authorizer/reload.go), so that a binding of
// that group alone gives nothing. The bootstrap binding cluster-admin is of this kind, whatever it is called.
func (b *resolved) mastersOnly() bool {
	return len(b.subjects) > 0 && !slices.ContainsFunc(b.subjects, func(s Subject) bool { return s.Kind != rbacv1.GroupKind || s.Name != masters })
}

// bindings resolves every binding: cluster role bindings first, each kind by namespace and name. Cost: linear in
// bindings and rules; each role is judged once.
var bindings = inventory.NewFact("administrative bindings", func(ctx context.Context, inv *inventory.Inventory) ([]*resolved, error) {
	r := newRoles(inv)
	var out []*resolved
	for o, b := range inventory.Typed[rbacv1.ClusterRoleBinding](inv) {
		out = append(out, r.resolve(o, b.RoleRef, b.Subjects))
	}
	for o, b := range inventory.Typed[rbacv1.RoleBinding](inv) {
		out = append(out, r.resolve(o, b.RoleRef, b.Subjects))
	}
	return out, ctx.Err()
})

// roles judges each role once.
type roles struct {
	cluster map[string]*judged
	local   map[[2]string]*judged
}

type judged struct {
	object *inventory.Object
	all    []rbacv1.PolicyRule
	covers bool
	used   []int
	urls   bool
}

func judge(o *inventory.Object, rules []rbacv1.PolicyRule) *judged {
	used := coversEverything(rules)
	return &judged{object: o, all: rules, covers: len(used) > 0, used: used, urls: coversEveryURL(rules)}
}

func newRoles(inv *inventory.Inventory) *roles {
	r := &roles{cluster: map[string]*judged{}, local: map[[2]string]*judged{}}
	var aggregated []aggregate
	all := map[string]aggregate{}
	for o, cr := range inventory.Typed[rbacv1.ClusterRole](inv) {
		r.cluster[o.Name()] = judge(o, cr.Rules)
		all[o.Name()] = aggregate{o, cr}
		// What runs was aggregated already.
		if cr.AggregationRule != nil && o.Strength() < inventory.Observed {
			aggregated = append(aggregated, aggregate{o, cr})
		}
	}
	for _, a := range aggregated {
		if rules, ok := a.rules(all, map[string]bool{}); ok {
			j := judge(a.object, rules)
			j.used = nil // indices of other roles' rules
			r.cluster[a.object.Name()] = j
		}
	}
	for o, role := range inventory.Typed[rbacv1.Role](inv) {
		r.local[[2]string{o.Namespace(), o.Name()}] = judge(o, role.Rules)
	}
	return r
}

// aggregate is a cluster role whose rules the controller overwrites with those of the roles that it selects
// (pkg/controller/clusterroleaggregation). Where a selector is invalid it leaves the role alone.
type aggregate struct {
	object *inventory.Object
	role   *rbacv1.ClusterRole
}

func (a aggregate) rules(all map[string]aggregate, seen map[string]bool) ([]rbacv1.PolicyRule, bool) {
	seen[a.object.Name()] = true
	var out []rbacv1.PolicyRule
	for i := range a.role.AggregationRule.ClusterRoleSelectors {
		sel, err := metav1.LabelSelectorAsSelector(&a.role.AggregationRule.ClusterRoleSelectors[i])
		if err != nil {
			return nil, false
		}
		for _, name := range sortedNames(all) {
			from := all[name]
			if seen[name] || !sel.Matches(labels.Set(from.object.Labels())) {
				continue
			}
			rules := from.role.Rules
			if from.role.AggregationRule != nil && from.object.Strength() < inventory.Observed {
				if more, ok := from.rules(all, seen); ok {
					rules = more
				}
			}
			out = append(out, rules...)
		}
	}
	return out, true
}

func sortedNames(all map[string]aggregate) []string {
	out := make([]string, 0, len(all))
	for n := range all {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (r *roles) resolve(o *inventory.Object, ref rbacv1.RoleRef, subjects []rbacv1.Subject) *resolved {
	b := &resolved{object: o, namespace: o.Namespace(), ref: ref}
	var j *judged
	switch {
	case ref.APIGroup != rbacv1.GroupName, ref.Kind == "Role" && b.namespace == "", ref.Kind != "Role" && ref.Kind != "ClusterRole":
		b.inert = fmt.Sprintf("the API server refuses a %s that refers to a %s", o.Ref().Kind, schema.GroupKind{Group: ref.APIGroup, Kind: ref.Kind})
		return b
	case ref.Kind == "Role":
		j = r.local[[2]string{b.namespace, ref.Name}]
	default:
		j = r.cluster[ref.Name]
	}
	for i, s := range subjects {
		if s, ok := effective(s, i, b.namespace); ok {
			b.subjects = append(b.subjects, s)
		}
	}
	switch {
	case len(subjects) == 0:
		b.inert = "it names no subject"
	case len(b.subjects) == 0:
		b.inert = "none of its subjects can be anybody"
	}
	g := &Grant{Binding: o, Namespace: b.namespace, RoleRef: ref, Subjects: b.subjects}
	switch {
	case j != nil:
		b.role = j.object
		if j.covers {
			g.Role, g.Rules, g.URLs = j.object, j.used, j.urls && b.namespace == ""
			b.grant = g
		}
	case ref.Kind == "ClusterRole" && ref.Name == clusterAdmin:
		// The API server creates it at start and restores the rules that it lacks (pkg/registry/rbac/rest/storage_rbac.go).
		g.URLs = b.namespace == ""
		b.grant = g
	default:
		b.absent = true
	}
	if b.inert != "" {
		b.grant = nil
	}
	return b
}

// effective follows appliesToUser of pkg/registry/rbac/validation/rule.go and what validation lets pass: kinds are
// case-sensitive, a user can be written for a service account, and a service account lives in the binding's namespace
// where none is given.
func effective(s rbacv1.Subject, index int, namespace string) (Subject, bool) {
	out := Subject{Kind: s.Kind, Name: s.Name, Index: index}
	switch s.Kind {
	case rbacv1.UserKind, rbacv1.GroupKind:
		if s.APIGroup != rbacv1.GroupName || s.Name == "" {
			return out, false
		}
		if rest, ok := strings.CutPrefix(s.Name, "system:serviceaccount:"); ok && s.Kind == rbacv1.UserKind {
			if ns, name, ok := strings.Cut(rest, ":"); ok && ns != "" && name != "" {
				return Subject{Kind: rbacv1.ServiceAccountKind, Namespace: ns, Name: name, Index: index}, true
			}
		}
		return out, true
	case rbacv1.ServiceAccountKind:
		if out.Namespace = s.Namespace; out.Namespace == "" {
			out.Namespace = namespace
		}
		return out, s.APIGroup == "" && s.Name != "" && out.Namespace != ""
	}
	return out, false
}
