package upstream

import (
	"cmp"
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/component-helpers/auth/rbac/validation"
	rbacapi "k8s.io/kubernetes/pkg/apis/rbac"
	rbacapiv1 "k8s.io/kubernetes/pkg/apis/rbac/v1"
	apivalidation "k8s.io/kubernetes/pkg/apis/rbac/validation"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	registryvalidation "k8s.io/kubernetes/pkg/registry/rbac/validation"
	authorizerrbac "k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// requests is how many random requests are compared, over requestsPerWorld in each world.
const (
	requests         = 100_000
	requestsPerWorld = 200
)

// regressions are the seeds of worlds in which a difference was found once.
var regressions = []uint64{}

func TestAccess(t *testing.T) {
	seeds := slices.Clone(regressions)
	for seed := range uint64(requests / requestsPerWorld) {
		seeds = append(seeds, seed)
	}
	allowed := 0
	for _, seed := range seeds {
		// What was observed is evaluated as it is, and what is written in manifests as the API server would store it.
		c := newComparison(t, newWorld(seed, false), inventory.Observed)
		if seed%2 == 0 {
			c = newComparison(t, newWorld(seed, true).aggregated(t), inventory.Observed)
		}
		r := rand.New(rand.NewPCG(seed, 7))
		for range requestsPerWorld {
			if c.request(t, r) {
				allowed++
			}
		}
		c.rulesFor(t, r)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if allowed < requests/20 || allowed > requests*19/20 {
		t.Errorf("%d of %d requests are allowed: the worlds say little", allowed, requests)
	}
	t.Logf("%d of %d requests are allowed", allowed, requests)
}

type comparison struct {
	world      *world
	access     *rbac.Access
	authorizer *authorizerrbac.RBACAuthorizer
	locator    *authorizerrbac.SubjectAccessEvaluator
	resolver   registryvalidation.AuthorizationRuleResolver
}

func newComparison(t *testing.T, w *world, strength inventory.Strength) *comparison {
	t.Helper()
	inv, err := w.inventory(t.Context(), strength)
	if err != nil {
		t.Fatal(err)
	}
	c := &comparison{world: w}
	if c.access, err = rbac.AccessOf(t.Context(), inv); err != nil {
		t.Fatal(err)
	}
	resolver, static := registryvalidation.NewTestRuleResolver(w.roles, w.roleBindings, w.clusterRoles, w.clusterRoleBindings)
	c.resolver = resolver
	c.authorizer = authorizerrbac.New(static, static, static, static)
	c.locator = authorizerrbac.NewSubjectAccessEvaluator(static, static, static, static, "")
	return c
}

// aggregated lets the aggregation settle, as the controller does.
func (w *world) aggregated(t *testing.T) *world {
	t.Helper()
	roles := make([]rbacv1.ClusterRole, len(w.clusterRoles))
	for i, r := range w.clusterRoles {
		roles[i] = *r
	}
	if err := aggregate(roles); err != nil {
		t.Fatal(err)
	}
	for i := range roles {
		w.clusterRoles[i] = &roles[i]
	}
	return w
}

func (c *comparison) request(t *testing.T, r *rand.Rand) (allowed bool) {
	t.Helper()
	name, groups := identity(r)
	id := rbac.Identity{User: name, Groups: groups}
	req := c.world.request(r)
	attrs := authorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: name, Groups: groups}, Verb: req.Verb, ResourceRequest: req.IsResource(), Path: req.URL,
		Namespace: req.Namespace, APIGroup: req.Group, Resource: req.Resource, Subresource: req.Subresource, Name: req.Name,
	}

	decision, reason, _ := c.authorizer.Authorize(t.Context(), attrs)
	got := c.access.Allows(id, req)
	want := decision == authorizer.DecisionAllow
	if (got.Grant != nil) != want {
		t.Errorf("%s %v, %s: %v, want %v (%s)", name, groups, req, got.Grant != nil, want, reason)
	}
	if want && got.Reason() != reason {
		t.Errorf("%s %v, %s: reason %q, want %q", name, groups, req, got.Reason(), reason)
	}
	// The authorizer of the privileged group stands before RBAC (pkg/kubeapiserver/authorizer/reload.go).
	if masters := slices.Contains(groups, user.SystemPrivilegedGroup); got.Allowed != (want || masters) || got.Masters != masters {
		t.Errorf("%s %v, %s: %+v", name, groups, req, got)
	}

	subjects, _ := c.locator.AllowedSubjects(t.Context(), attrs)
	var located []rbac.Subject
	for _, s := range subjects {
		if canonical, ok := canonicalSubject(s, attrs.Namespace); ok {
			located = append(located, canonical)
		}
	}
	slices.SortFunc(located, rbac.Subject.Compare)
	located = slices.Compact(located)
	var holders []rbac.Subject
	for _, h := range c.access.WhoCan(req) {
		holders = append(holders, h.Subject)
	}
	slices.SortFunc(holders, rbac.Subject.Compare)
	if !slices.Equal(located, holders) {
		t.Errorf("who can %s: %v, want %v", req, holders, located)
	}
	// Everybody who can holds what they are said to hold.
	for _, h := range c.access.WhoCan(req) {
		for _, g := range h.Grants {
			if !rbac.RuleAllows(g.PolicyRule(), req) || g.To() != h.Subject {
				t.Errorf("who can %s: %s through %v", req, h.Subject, g.Steps())
			}
		}
	}
	return want
}

// canonicalSubject gives a service account of a RoleBinding its namespace, which SubjectLocator leaves to the reader: it
// only looks into the request's.
func canonicalSubject(s rbacv1.Subject, namespace string) (rbac.Subject, bool) {
	switch s.Kind {
	case rbacv1.UserKind:
		return rbac.User(s.Name), true
	case rbacv1.GroupKind:
		return rbac.Group(s.Name), true
	case rbacv1.ServiceAccountKind:
		ns := cmp.Or(s.Namespace, namespace)
		return rbac.ServiceAccount(ns, s.Name), s.Name != nobody
	}
	return rbac.Subject{}, false
}

func (c *comparison) rulesFor(t *testing.T, r *rand.Rand) {
	t.Helper()
	for range 20 {
		name, groups := identity(r)
		namespace := pick(r, append(namespaces, ""))
		want, _ := c.resolver.RulesFor(t.Context(), &user.DefaultInfo{Name: name, Groups: groups}, namespace)
		var got []rbacv1.PolicyRule
		for _, g := range c.access.RulesFor(rbac.Identity{User: name, Groups: groups}, namespace) {
			got = append(got, *g.PolicyRule())
		}
		if !equality.Semantic.DeepEqual(got, want) {
			t.Errorf("rules for %s %v in %q: %v, want %v", name, groups, namespace, got, want)
		}
		// What the two say of covering is the same, for enough and for too little.
		other, _ := c.resolver.RulesFor(t.Context(), &user.DefaultInfo{Name: pick(r, users), Groups: []string{pick(r, userGroups)}}, namespace)
		for _, servant := range [][]rbacv1.PolicyRule{other, rules(r, false, false)} {
			wantOK, wantMissing := validation.Covers(want, servant)
			gotOK, gotMissing := rbac.Covers(want, servant)
			if gotOK != wantOK || !sameRules(gotMissing, wantMissing) {
				t.Errorf("%v covers %v: %v %v, want %v %v", want, servant, gotOK, gotMissing, wantOK, wantMissing)
			}
		}
	}
}

// sameRules ignores the order, which is nested otherwise.
func sameRules(a, b []rbacv1.PolicyRule) bool {
	key := func(r rbacv1.PolicyRule) string { return r.String() }
	var x, y []string
	for _, r := range a {
		x = append(x, key(r))
	}
	for _, r := range b {
		y = append(y, key(r))
	}
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// Roles of manifests are aggregated to where the real controller settles.
func TestAggregation(t *testing.T) {
	for seed := range uint64(25) {
		w := newWorld(seed, true)
		inv, err := w.inventory(t.Context(), inventory.Configured)
		if err != nil {
			t.Fatal(err)
		}
		access, err := rbac.AccessOf(t.Context(), inv)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]rbacv1.PolicyRule{}
		for _, r := range access.Roles() {
			if r.Object.Namespace() == "" {
				got[r.Object.Name()] = r.Rules
			}
		}
		if name := settles(t, w.clusterRoles, got); name != "" {
			t.Errorf("seed %d: the controller settled on other rules for %s: %v", seed, name, got[name])
		}
	}
}

// settles runs the controller until it agrees, and names a role for which it does not.
func settles(t *testing.T, roles []*rbacv1.ClusterRole, want map[string][]rbacv1.PolicyRule) (different string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := fake.NewClientset()
	for _, role := range roles {
		if _, err := client.RbacV1().ClusterRoles().Create(ctx, role.DeepCopy(), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	controller := clusterroleaggregation.NewClusterRoleAggregation(factory.Rbac().V1().ClusterRoles(), client.RbacV1())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go controller.Run(ctx, 1)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		list, err := client.RbacV1().ClusterRoles().List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		different = ""
		for i := range list.Items {
			if role := &list.Items[i]; !equality.Semantic.DeepEqual(want[role.Name], role.Rules) {
				different = role.Name
			}
		}
		if different == "" {
			return ""
		}
	}
	return different
}

// What upstream's validation refuses gives nothing, and nothing else is refused.
func TestRefused(t *testing.T) {
	counts := map[bool]int{}
	for seed := range uint64(300) {
		w := newWorld(seed, false)
		inv, err := w.inventory(t.Context(), inventory.Configured)
		if err != nil {
			t.Fatal(err)
		}
		access, err := rbac.AccessOf(t.Context(), inv)
		if err != nil {
			t.Fatal(err)
		}
		refused := map[string]string{}
		for _, r := range access.Roles() {
			refused[r.Object.Ref().Kind+"/"+r.Object.Namespace()+"/"+r.Object.Name()] = r.Refused
		}
		for _, b := range access.Bindings() {
			refused[b.Object.Ref().Kind+"/"+b.Object.Namespace()+"/"+b.Object.Name()] = b.Refused
		}
		compare := func(kind, namespace, name string, errs []string) {
			got := refused[kind+"/"+namespace+"/"+name]
			counts[got != ""]++
			if (got != "") != (len(errs) > 0) {
				t.Errorf("seed %d: %s %s/%s: %q, upstream %q", seed, kind, namespace, name, got, errs)
			}
		}
		for _, o := range w.clusterRoles {
			compare("ClusterRole", "", o.Name, invalid(t, o, &rbacapi.ClusterRole{}))
		}
		for _, o := range w.roles {
			compare("Role", o.Namespace, o.Name, invalid(t, o, &rbacapi.Role{}))
		}
		for _, o := range w.clusterRoleBindings {
			compare("ClusterRoleBinding", "", o.Name, invalid(t, o, &rbacapi.ClusterRoleBinding{}))
		}
		for _, o := range w.roleBindings {
			compare("RoleBinding", o.Namespace, o.Name, invalid(t, o, &rbacapi.RoleBinding{}))
		}
	}
	if counts[true] < 100 || counts[false] < 100 {
		t.Errorf("refused or not: %v", counts)
	}
}

// invalid lists what upstream says of an object, without the syntax of names, which is no matter of access.
func invalid(t *testing.T, in, out any) []string {
	t.Helper()
	in = reflect.ValueOf(in).MethodByName("DeepCopy").Call(nil)[0].Interface()
	var errs []string
	collect := func(err error, list func() []string) {
		if err != nil {
			t.Fatal(err)
		}
		errs = list()
	}
	switch o := in.(type) {
	case *rbacv1.ClusterRole:
		collect(rbacapiv1.Convert_v1_ClusterRole_To_rbac_ClusterRole(o, out.(*rbacapi.ClusterRole), nil), func() []string {
			return texts(apivalidation.ValidateClusterRole(out.(*rbacapi.ClusterRole), apivalidation.ClusterRoleValidationOptions{}))
		})
	case *rbacv1.Role:
		collect(rbacapiv1.Convert_v1_Role_To_rbac_Role(o, out.(*rbacapi.Role), nil), func() []string { return texts(apivalidation.ValidateRole(out.(*rbacapi.Role))) })
	case *rbacv1.ClusterRoleBinding:
		rbacapiv1.SetObjectDefaults_ClusterRoleBinding(o)
		collect(rbacapiv1.Convert_v1_ClusterRoleBinding_To_rbac_ClusterRoleBinding(o, out.(*rbacapi.ClusterRoleBinding), nil), func() []string {
			return texts(apivalidation.ValidateClusterRoleBinding(out.(*rbacapi.ClusterRoleBinding)))
		})
	case *rbacv1.RoleBinding:
		rbacapiv1.SetObjectDefaults_RoleBinding(o)
		collect(rbacapiv1.Convert_v1_RoleBinding_To_rbac_RoleBinding(o, out.(*rbacapi.RoleBinding), nil), func() []string { return texts(apivalidation.ValidateRoleBinding(out.(*rbacapi.RoleBinding))) })
	}
	return errs
}

func texts[E error](errs []E) []string {
	var out []string
	for _, err := range errs {
		if text := err.Error(); !strings.Contains(text, "a lowercase RFC 1123") {
			out = append(out, text)
		}
	}
	return out
}
