package rbac

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/bootstrap"
	"github.com/nist190/nist190/inventory"
)

// Access answers who may do what through the RBAC objects of an inventory, as the RBAC authorizer of Kubernetes does, and
// through which binding, role and rule. It says nothing of other authorizers: RBAC allows or has no opinion. The group
// system:masters passes before RBAC is asked (pkg/kubeapiserver/authorizer/reload.go), which every method says where it
// matters.
//
// Bindings are indexed by the user and group names that they apply to, roles by the groups and resources of their rules,
// so that a question costs what its answer needs: [Access.Allows] the bindings of the asker, [Access.WhoCan] the rules
// for the resource. Building it is linear in bindings, subjects and rules.
//
// An object that the API server would refuse gives nothing, unless it was observed in a cluster: then it is evaluated as
// the authorizer would.
//
// Access is immutable and safe for concurrent use.
type Access struct {
	bindings []*Binding // cluster role bindings, then role bindings, each by namespace and name
	roles    []*Role    // cluster roles, then roles, each by namespace and name
	users    map[string]*posting
	groups   map[string]*posting
	subjects []Subject

	index ruleIndex
	minor int // of the Kubernetes version
}

// Binding is a RoleBinding or ClusterRoleBinding with the role that it refers to.
type Binding struct {
	Object    *inventory.Object
	Namespace string // where it holds; empty for a ClusterRoleBinding: everywhere
	RoleRef   rbacv1.RoleRef
	Subjects  []rbacv1.Subject
	// Role is nil where it was not collected.
	Role *Role
	// Refused says why the API server would not store the binding as it is written; it then gives nothing.
	Refused string

	ordinal int
}

func (b *Binding) String() string {
	return fmt.Sprintf("%s %q", b.Object.Ref().Kind, b.Object.Name())
}

// Subject is the subject at an index, and whether it can be anybody.
func (b *Binding) Subject(i int) (Subject, bool) { return subjectOf(&b.Subjects[i], b.Namespace) }

// InEffect reports whether the binding gives its subjects the rules of its role.
func (b *Binding) InEffect() bool { return b.Refused == "" && b.Role != nil && b.Role.Refused == "" }

// posting is what applies to one user name or group.
type posting struct {
	cluster []*Binding
	local   []*Binding // by namespace
}

func (p *posting) in(namespace string) []*Binding {
	if p == nil || namespace == "" {
		return nil
	}
	i, _ := slices.BinarySearchFunc(p.local, namespace, func(b *Binding, ns string) int { return strings.Compare(b.Namespace, ns) })
	j := i
	for j < len(p.local) && p.local[j].Namespace == namespace {
		j++
	}
	return p.local[i:j]
}

var access = inventory.NewFact("rbac access", func(ctx context.Context, inv *inventory.Inventory) (*Access, error) {
	return newAccess(ctx, inv)
})

// AccessOf is the index of who may do what, built once per inventory. A check that uses it declares [AccessNeeds].
func AccessOf(ctx context.Context, inv *inventory.Inventory) (*Access, error) {
	return access.Get(ctx, inv)
}

// AccessNeeds are the needs of [AccessOf]. Unseen bindings and roles of a namespace can only add rights. Unseen cluster
// roles can add to an aggregated role and can override one that Kubernetes creates, which is assumed where it is not
// seen, and so turn a verdict either way.
func AccessNeeds() []inventory.Need {
	return []inventory.Need{
		inventory.NeedOf[rbacv1.ClusterRoleBinding](inventory.Incriminating), inventory.NeedOf[rbacv1.RoleBinding](inventory.Incriminating),
		inventory.NeedOf[rbacv1.ClusterRole](inventory.Either), inventory.NeedOf[rbacv1.Role](inventory.Incriminating),
	}
}

func newAccess(ctx context.Context, inv *inventory.Inventory) (*Access, error) {
	a := &Access{users: map[string]*posting{}, groups: map[string]*posting{}, minor: inv.Version().Minor}
	clusterRoles, roles := a.addRoles(inv)
	for o, b := range inventory.Typed[rbacv1.ClusterRoleBinding](inv) {
		a.add(&Binding{Object: o, RoleRef: b.RoleRef, Subjects: b.Subjects}, clusterRoles, nil)
	}
	for o, b := range inventory.Typed[rbacv1.RoleBinding](inv) {
		a.add(&Binding{Object: o, Namespace: o.Namespace(), RoleRef: b.RoleRef, Subjects: b.Subjects}, clusterRoles, roles)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.listSubjects()
	a.index = newRuleIndex(a.roles)
	return a, nil
}

type roleKey struct{ namespace, name string }

func (a *Access) addRoles(inv *inventory.Inventory) (clusterRoles map[string]*Role, roles map[roleKey]*Role) {
	clusterRoles, roles = map[string]*Role{}, map[roleKey]*Role{}
	var byName []*clusterRole
	for o, cr := range inventory.Typed[rbacv1.ClusterRole](inv) {
		r := &Role{Object: o, Rules: cr.Rules, Refused: refused(o, invalidRules(cr.Rules, false))}
		byName = append(byName, &clusterRole{Role: r, object: cr})
		clusterRoles[o.Name()] = r
	}
	for _, o := range assumed(referred(inv), clusterRoles, a.minor) {
		if cr, err := inventory.As[rbacv1.ClusterRole](o); err == nil {
			r := &Role{Object: o, Rules: cr.Rules}
			byName = append(byName, &clusterRole{Role: r, object: cr})
			clusterRoles[o.Name()] = r
		}
	}
	slices.SortFunc(byName, func(x, y *clusterRole) int { return strings.Compare(x.Object.Name(), y.Object.Name()) })
	for _, r := range byName {
		a.roles = append(a.roles, r.Role)
	}
	aggregate(byName)
	compareAggregated(byName)
	for o, role := range inventory.Typed[rbacv1.Role](inv) {
		r := &Role{Object: o, Rules: role.Rules, Refused: refused(o, invalidRules(role.Rules, true))}
		roles[roleKey{o.Namespace(), o.Name()}] = r
		a.roles = append(a.roles, r)
	}
	return clusterRoles, roles
}

// referred lists the cluster roles that bindings refer to.
func referred(inv *inventory.Inventory) map[string]bool {
	out := map[string]bool{}
	for _, b := range inventory.Typed[rbacv1.ClusterRoleBinding](inv) {
		out[b.RoleRef.Name] = true
	}
	for _, b := range inventory.Typed[rbacv1.RoleBinding](inv) {
		if b.RoleRef.Kind == "ClusterRole" {
			out[b.RoleRef.Name] = true
		}
	}
	return out
}

// assumed are the cluster roles that bindings refer to, that were not collected and that Kubernetes creates by itself: the
// API server ensures them at start and restores the rules that they lack (pkg/registry/rbac/rest/storage_rbac.go).
func assumed(referred map[string]bool, collected map[string]*Role, minor int) []*inventory.Object {
	missing := func(name string) bool { return referred[name] && collected[name] == nil }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(referred)), missing) {
		return nil
	}
	var out []*inventory.Object
	for _, o := range ownRoles(minor) {
		if missing(o.Name()) {
			out = append(out, o)
		}
	}
	return out
}

// ownRoles are the cluster roles of Kubernetes as objects.
var ownRoles = perMinor(func(minor int) []*inventory.Object {
	var out []*inventory.Object
	for raw := range bootstrap.Objects(minor) {
		if o, err := inventory.NewObject(inventory.Item{JSON: raw, Strength: inventory.Inferred}); err == nil && o.Ref().Kind == "ClusterRole" {
			out = append(out, o)
		}
	}
	return out
})

// refused: what runs was accepted.
func refused(o *inventory.Object, why string) string {
	if o.Strength() >= inventory.Observed {
		return ""
	}
	return why
}

func (a *Access) add(b *Binding, clusterRoles map[string]*Role, roles map[roleKey]*Role) {
	b.ordinal = len(a.bindings)
	a.bindings = append(a.bindings, b)
	switch {
	case b.RoleRef.Kind == "ClusterRole":
		b.Role = clusterRoles[b.RoleRef.Name]
	case b.RoleRef.Kind == "Role" && b.Namespace != "":
		b.Role = roles[roleKey{b.Namespace, b.RoleRef.Name}]
	}
	if b.Refused = refused(b.Object, b.invalid()); !b.InEffect() {
		return
	}
	b.Role.bindings = append(b.Role.bindings, b)
	for i := range b.Subjects {
		s, ok := b.Subject(i)
		if !ok {
			continue
		}
		if s.Kind == rbacv1.GroupKind {
			post(a.groups, s.Name, b)
		} else {
			post(a.users, s.UserName(), b)
		}
	}
}

func post(postings map[string]*posting, name string, b *Binding) {
	p := postings[name]
	if p == nil {
		p = &posting{}
		postings[name] = p
	}
	list := &p.local
	if b.Namespace == "" {
		list = &p.cluster
	}
	if n := len(*list); n == 0 || (*list)[n-1] != b { // named twice
		*list = append(*list, b)
	}
}

// invalid is ValidateRoleBinding and ValidateClusterRoleBinding of pkg/apis/rbac/validation, after defaulting.
func (b *Binding) invalid() string {
	kind := schema.GroupKind{Group: b.RoleRef.APIGroup, Kind: b.RoleRef.Kind}
	switch {
	case b.RoleRef.APIGroup != rbacv1.GroupName, b.RoleRef.Kind != "ClusterRole" && (b.RoleRef.Kind != "Role" || b.Namespace == ""):
		return fmt.Sprintf("a %s cannot refer to a %s", b.Object.Ref().Kind, kind)
	case b.RoleRef.Name == "":
		return "roleRef has no name"
	}
	for i := range b.Subjects {
		s := &b.Subjects[i]
		switch {
		case s.Kind != rbacv1.UserKind && s.Kind != rbacv1.GroupKind && s.Kind != rbacv1.ServiceAccountKind:
			return fmt.Sprintf("subject %d is of kind %q; it must be User, Group or ServiceAccount", i, s.Kind)
		case s.Name == "":
			return fmt.Sprintf("subject %d has no name", i)
		case s.Kind == rbacv1.ServiceAccountKind && s.APIGroup != "":
			return fmt.Sprintf("subject %d, a service account, has the apiGroup %q", i, s.APIGroup)
		case s.Kind == rbacv1.ServiceAccountKind && b.Namespace == "" && s.Namespace == "":
			return fmt.Sprintf("subject %d, the service account %q, has no namespace", i, s.Name)
		case s.Kind != rbacv1.ServiceAccountKind && s.APIGroup != rbacv1.GroupName:
			return fmt.Sprintf("subject %d, a %s, has the apiGroup %q", i, strings.ToLower(s.Kind), s.APIGroup)
		}
	}
	return ""
}

func (a *Access) listSubjects() {
	a.subjects = make([]Subject, 0, len(a.users)+len(a.groups))
	for name := range a.users {
		a.subjects = append(a.subjects, User(name))
	}
	for name := range a.groups {
		a.subjects = append(a.subjects, Group(name))
	}
	slices.SortFunc(a.subjects, Subject.Compare)
}

// Bindings lists every binding, in effect or not: those of cluster roles first, each kind by namespace and name.
func (a *Access) Bindings() []*Binding { return a.bindings }

// Roles lists every role, cluster roles first, each kind by namespace and name.
func (a *Access) Roles() []*Role { return a.roles }

// Subjects lists, in order, everybody whom a binding in effect names.
func (a *Access) Subjects() []Subject { return a.subjects }

// applying iterates over the bindings that apply to an identity in a namespace, in the order of the authorizer: those of
// cluster roles first, each kind by name. A binding is given once.
func (a *Access) applying(id Identity, namespace string) []*Binding {
	var out []*Binding
	add := func(p *posting) {
		if p != nil {
			out = append(append(out, p.cluster...), p.in(namespace)...)
		}
	}
	if id.User != "" {
		add(a.users[id.User])
	}
	for _, g := range id.Groups {
		add(a.groups[g])
	}
	slices.SortFunc(out, func(x, y *Binding) int { return cmp.Compare(x.ordinal, y.ordinal) })
	return slices.Compact(out)
}

// matches finds the first subject of the binding that the identity is.
func (b *Binding) matches(id Identity) (index int, via string) {
	for i := range b.Subjects {
		s, ok := b.Subject(i)
		switch {
		case !ok:
		case s.Kind == rbacv1.GroupKind && slices.Contains(id.Groups, s.Name):
			return i, s.Name
		case s.Kind != rbacv1.GroupKind && s.UserName() == id.User:
			return i, ""
		}
	}
	return -1, ""
}
