package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// world is a set of RBAC objects, each kind ordered by namespace and name as the API server's caches are.
type world struct {
	clusterRoles        []*rbacv1.ClusterRole
	roles               []*rbacv1.Role
	clusterRoleBindings []*rbacv1.ClusterRoleBinding
	roleBindings        []*rbacv1.RoleBinding
}

// The words of the worlds are few, so that requests hit, and hold every odd case that the authorizer has an opinion on.
var (
	namespaces = []string{"n0", "n1", "n2"}
	groups     = []string{"", "apps", "*", "*.k8s.io", "core", "apps/v1", rbacv1.GroupName, "authentication.k8s.io"}
	resources  = []string{"pods", "pods/exec", "*", "*/exec", "pods/*", "*/*", "namespaces", "nodes", "nodes/proxy", "secrets", "clusterroles", "users", "userextras/*", "userextras/a", "*/", "pods/exec/x", ""}
	verbs      = []string{"get", "list", "create", "*", "get*", "escalate", "bind", "impersonate", "impersonate:user-info", "impersonate-on:user-info:get", "approve", "GET", ""}
	names      = []string{"", "a", "b", "*", "n0", "n1"}
	urls       = []string{"*", "/", "/foo", "/foo*", "/foo/*", "/a**", "/a*b", "/healthz/", "/*", ""}
	users      = []string{"jane", "joe", "system:serviceaccount:n0:sa0", "system:serviceaccount:n1:sa1", "system:serviceaccount:n0:a:b", "system:node:x", "system:anonymous", "system:masters"}
	userGroups = []string{"devs", "system:masters", "system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:serviceaccounts:n0", "system:nodes", "jane"}
	accounts   = []string{"sa0", "sa1", "default", "a:b"}
)

// nobody is a service account without a namespace in a ClusterRoleBinding.
const nobody = "nobody"

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func some(r *rand.Rand, from []string, least, most int) []string {
	out := []string{}
	for range least + r.IntN(most-least+1) {
		out = append(out, pick(r, from))
	}
	return out
}

// rule is any rule; with valid, one that the API server stores.
func rule(r *rand.Rand, namespaced, valid bool) rbacv1.PolicyRule {
	least := 0
	if valid {
		least = 1
	}
	p := rbacv1.PolicyRule{Verbs: some(r, verbs, least, 3)}
	url := r.IntN(5) == 0 && (!valid || !namespaced)
	if url {
		p.NonResourceURLs = some(r, urls, 1, 2)
	}
	if !url || !valid && r.IntN(3) == 0 {
		p.APIGroups, p.Resources = some(r, groups, least, 2), some(r, resources, least, 3)
		if r.IntN(3) == 0 {
			p.ResourceNames = some(r, names, 1, 2)
		}
	}
	return p
}

func rules(r *rand.Rand, namespaced, valid bool) []rbacv1.PolicyRule {
	var out []rbacv1.PolicyRule
	for range r.IntN(4) {
		out = append(out, rule(r, namespaced, valid))
	}
	return out
}

func subject(r *rand.Rand, namespaced, valid bool) rbacv1.Subject {
	s := rbacv1.Subject{Kind: []string{"User", "Group", "ServiceAccount"}[r.IntN(3)], APIGroup: rbacv1.GroupName}
	switch s.Kind {
	case "User":
		s.Name = pick(r, users)
	case "Group":
		s.Name = pick(r, userGroups)
	default:
		s.APIGroup, s.Name = "", pick(r, accounts)
		if !namespaced && valid || r.IntN(3) > 0 {
			s.Namespace = pick(r, namespaces)
		} else if !namespaced {
			s.Name = nobody
		}
	}
	if r.IntN(8) == 0 && s.Kind != "ServiceAccount" {
		s.Namespace = pick(r, namespaces) // ignored
	}
	if !valid {
		switch r.IntN(10) {
		case 0:
			s.Kind = strings.ToLower(s.Kind)
		case 1:
			s.APIGroup = "wrong"
		}
	}
	return s
}

func subjects(r *rand.Rand, namespaced, valid bool) []rbacv1.Subject {
	var out []rbacv1.Subject
	for range 1 + r.IntN(4) {
		s := subject(r, namespaced, valid)
		out = append(out, s)
		if r.IntN(6) == 0 {
			out = append(out, s) // twice
		}
	}
	return out
}

func roleRef(r *rand.Rand, namespaced, valid bool) rbacv1.RoleRef {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: fmt.Sprintf("r%d", r.IntN(9))} // some dangle
	if namespaced && r.IntN(2) == 0 || !valid && r.IntN(8) == 0 {
		ref.Kind = "Role"
	}
	if !valid && r.IntN(12) == 0 {
		ref.Kind = "clusterrole"
	}
	return ref
}

// newWorld draws a world. With valid, its objects are such as the API server stores, some of them aggregated; without,
// anything goes.
func newWorld(seed uint64, valid bool) *world {
	r := rand.New(rand.NewPCG(seed, 431))
	w := &world{}
	for i := range 7 {
		cr := &rbacv1.ClusterRole{TypeMeta: typeMeta("ClusterRole"), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("r%d", i)}, Rules: rules(r, false, valid)}
		cr.Labels = map[string]string{"tier": fmt.Sprint(r.IntN(3)), "level": fmt.Sprint(i)}
		if valid && i > 2 && r.IntN(2) == 0 {
			cr.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: selectors(r, i)}
		}
		w.clusterRoles = append(w.clusterRoles, cr)
	}
	for _, ns := range namespaces {
		for i := range 4 {
			w.roles = append(w.roles, &rbacv1.Role{TypeMeta: typeMeta("Role"), ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("r%d", i)}, Rules: rules(r, true, valid)})
		}
		for i := range 8 {
			w.roleBindings = append(w.roleBindings, &rbacv1.RoleBinding{TypeMeta: typeMeta("RoleBinding"), ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("b%d", i)},
				RoleRef: roleRef(r, true, valid), Subjects: subjects(r, true, valid)})
		}
	}
	for i := range 8 {
		w.clusterRoleBindings = append(w.clusterRoleBindings, &rbacv1.ClusterRoleBinding{TypeMeta: typeMeta("ClusterRoleBinding"), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("b%d", i)},
			RoleRef: roleRef(r, false, valid), Subjects: subjects(r, false, valid)})
	}
	return w
}

// selectors pick roles with a lower number, so that nesting ends, or by expressions, or the role itself.
func selectors(r *rand.Rand, i int) []metav1.LabelSelector {
	var out []metav1.LabelSelector
	for range 1 + r.IntN(2) {
		switch r.IntN(4) {
		case 0:
			out = append(out, metav1.LabelSelector{MatchLabels: map[string]string{"level": fmt.Sprint(r.IntN(i + 1))}})
		default:
			lower := []string{}
			for j := range i {
				if r.IntN(2) == 0 {
					lower = append(lower, fmt.Sprint(j))
				}
			}
			out = append(out, metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{
					{Key: "level", Operator: metav1.LabelSelectorOpIn, Values: append(lower, "none")},
					{Key: "tier", Operator: metav1.LabelSelectorOpNotIn, Values: []string{fmt.Sprint(r.IntN(3))}},
				},
			})
		}
	}
	return out
}

// inventory is the world as it was collected: observed where it is to be taken as it is.
func (w *world) inventory(ctx context.Context, strength inventory.Strength) (*inventory.Inventory, error) {
	return inventory.Collect(ctx, nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
		for _, o := range w.objects() {
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			object, err := inventory.NewObject(inventory.Item{JSON: text, Strength: strength})
			if err != nil {
				return err
			}
			c.Add(object)
		}
		c.CoverRest(inventory.Complete, "")
		return nil
	}))
}

func (w *world) objects() []any {
	var out []any
	for _, o := range w.clusterRoles {
		out = append(out, o)
	}
	for _, o := range w.roles {
		out = append(out, o)
	}
	for _, o := range w.clusterRoleBindings {
		out = append(out, o)
	}
	for _, o := range w.roleBindings {
		out = append(out, o)
	}
	return out
}

// identity draws somebody, with the groups that they would have or with any.
func identity(r *rand.Rand) (name string, in []string) {
	name = pick(r, users)
	if r.IntN(3) == 0 {
		return name, slices.Compact(some(r, userGroups, 0, 3))
	}
	if rest, ok := strings.CutPrefix(name, "system:serviceaccount:"); ok {
		ns, _, _ := strings.Cut(rest, ":")
		return name, []string{"system:serviceaccounts", "system:serviceaccounts:" + ns, "system:authenticated"}
	}
	return name, append(some(r, []string{"devs", "jane", "system:nodes"}, 0, 1), "system:authenticated")
}

// request draws what somebody might ask: two times of three along one of the world's rules, so that it is often allowed,
// and else anything.
func (w *world) request(r *rand.Rand) rbac.Request {
	req := rbac.Request{Verb: pick(r, verbs)}
	if r.IntN(3) == 0 {
		if r.IntN(5) == 0 {
			req.URL = pick(r, []string{"/foo", "/foo/bar", "/", "/a", "/ab", "/a*b", "/healthz", "/healthz/", "*"})
			return req
		}
		req.Group, req.Namespace, req.Name = pick(r, []string{"", "apps", rbacv1.GroupName, "core", "x.k8s.io"}), pick(r, append(namespaces, "")), pick(r, names)
		req.Resource, req.Subresource, _ = strings.Cut(pick(r, resources), "/")
		if req.Resource == "namespaces" && req.Name != "*" {
			req.Namespace = req.Name // requestinfo.go; no namespace is called "*"
		}
		return req
	}
	all := w.rules()
	p := all[r.IntN(len(all))]
	literal := func(from []string, other string) string {
		if len(from) == 0 {
			return other
		}
		return strings.ReplaceAll(pick(r, from), "*", other)
	}
	req.Verb = literal(p.Verbs, "get")
	if len(p.NonResourceURLs) > 0 {
		req.URL = literal(p.NonResourceURLs, "/x")
		return req
	}
	req.Group, req.Namespace = literal(p.APIGroups, "apps"), pick(r, append(namespaces, ""))
	req.Resource, req.Subresource, _ = strings.Cut(literal(p.Resources, "pods"), "/")
	if len(p.ResourceNames) > 0 {
		req.Name = pick(r, p.ResourceNames)
	}
	return req
}

func (w *world) rules() []rbacv1.PolicyRule {
	var out []rbacv1.PolicyRule
	for _, o := range w.clusterRoles {
		out = append(out, o.Rules...)
	}
	for _, o := range w.roles {
		out = append(out, o.Rules...)
	}
	return out
}
