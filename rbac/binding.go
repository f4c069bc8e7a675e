package rbac

import (
	"context"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/inventory"
)

const clusterAdmin = "cluster-admin"

// AdminGrant is a binding that gives all rights there are, in the cluster or in one namespace.
type AdminGrant struct {
	Binding *Binding
	Rules   []int // indices, in the role's rules, of those that together cover everything
	URLs    bool  // also every path that is no resource
}

// Subjects lists whom the binding gives them to, with the index of each. It is empty for a binding of system:masters
// alone, whose members need no binding.
func (g *AdminGrant) Subjects() []IndexedSubject {
	var out []IndexedSubject
	for i := range g.Binding.Subjects {
		if s, ok := g.Binding.Subject(i); ok && s != Group(masters) {
			out = append(out, IndexedSubject{s, i})
		}
	}
	return out
}

// IndexedSubject is a subject of a binding, with its place there.
type IndexedSubject struct {
	Subject
	Index int
}

// To reports whether the grant reaches a subject, by its name or by a group that everybody of its kind is in.
func (g *AdminGrant) To(s Subject) bool {
	i, _ := g.Binding.matches(s.Identity())
	return i >= 0
}

// AdminGrants lists the bindings that give all rights, those of system:masters alone left out. Cost: each role is judged once.
func (a *Access) AdminGrants() []*AdminGrant {
	var out []*AdminGrant
	for _, r := range a.roles {
		rules := coversEverything(r.Rules)
		if len(rules) == 0 {
			continue
		}
		urls := coversEveryURL(r.Rules)
		for _, b := range r.bindings {
			if g := (&AdminGrant{Binding: b, Rules: rules, URLs: urls && b.Namespace == ""}); len(g.Subjects()) > 0 {
				out = append(out, g)
			}
		}
	}
	slices.SortFunc(out, func(x, y *AdminGrant) int { return x.Binding.ordinal - y.Binding.ordinal })
	return out
}

// AdminGrantsOf lists the grants of all rights by binding.
func AdminGrantsOf(ctx context.Context, inv *inventory.Inventory) ([]*AdminGrant, error) {
	a, err := AccessOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	return a.AdminGrants(), nil
}

// GrantNeeds are the needs of [AdminGrantsOf], with the bias that grants have for the check. Unseen bindings can only add
// grants; an unseen role can be more or, where it overrides cluster-admin, less than is assumed.
func GrantNeeds(bias inventory.Bias) []inventory.Need {
	return []inventory.Need{
		inventory.NeedOf[rbacv1.ClusterRoleBinding](bias), inventory.NeedOf[rbacv1.RoleBinding](bias),
		inventory.NeedOf[rbacv1.ClusterRole](bias), inventory.NeedOf[rbacv1.Role](bias),
	}
}
