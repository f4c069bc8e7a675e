package rbac_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/rbac"
)

// twin answers by walking through everything, as a person with the documentation would. The comparison with upstream's
// own code is in test/upstream; this one needs nothing to be downloaded.
type twin struct {
	roles    map[string][]rbacv1.PolicyRule // by kind/namespace/name
	bindings []twinBinding
}

type twinBinding struct {
	namespace, role string
	subjects        []string // "User x" or "Group x"
}

func randomWorld(r *rand.Rand) (docs []string, w *twin) {
	w = &twin{roles: map[string][]rbacv1.PolicyRule{}}
	one := func(from ...string) string { return from[r.IntN(len(from))] }
	write := func(o any) {
		b, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		docs = append(docs, string(b))
	}
	rules := func(cluster bool) []rbacv1.PolicyRule {
		var out []rbacv1.PolicyRule
		for range 1 + r.IntN(2) {
			p := rbacv1.PolicyRule{Verbs: []string{one("get", "list", "*", "escalate")}}
			if cluster && r.IntN(4) == 0 {
				p.NonResourceURLs = []string{one("*", "/a*", "/a", "/a/*")}
			} else {
				p.APIGroups, p.Resources = []string{one("", "apps", "*")}, []string{one("pods", "pods/exec", "*/exec", "*", "pods/*")}
				if r.IntN(3) == 0 {
					p.ResourceNames = []string{one("x", "", "*")}
				}
			}
			out = append(out, p)
		}
		return out
	}
	for i := range 5 {
		o := rbacv1.ClusterRole{Rules: rules(true)}
		o.APIVersion, o.Kind, o.Name = "rbac.authorization.k8s.io/v1", "ClusterRole", fmt.Sprintf("r%d", i)
		w.roles["ClusterRole//"+o.Name] = o.Rules
		write(o)
	}
	for i := range 6 {
		o := rbacv1.Role{Rules: rules(false)}
		o.APIVersion, o.Kind, o.Name, o.Namespace = "rbac.authorization.k8s.io/v1", "Role", fmt.Sprintf("r%d", i%3), fmt.Sprintf("n%d", i%2)
		w.roles["Role/"+o.Namespace+"/"+o.Name] = o.Rules
		write(o)
	}
	for i := range 12 {
		b := twinBinding{}
		var subjects []rbacv1.Subject
		ns := ""
		if i%3 > 0 {
			ns = fmt.Sprintf("n%d", r.IntN(2))
		}
		for range 1 + r.IntN(2) {
			switch r.IntN(3) {
			case 0:
				subjects = append(subjects, rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: one("jane", "system:serviceaccount:n0:a")})
				b.subjects = append(b.subjects, "User "+subjects[len(subjects)-1].Name)
			case 1:
				subjects = append(subjects, rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: one("devs", "system:serviceaccounts:n0", "system:authenticated")})
				b.subjects = append(b.subjects, "Group "+subjects[len(subjects)-1].Name)
			default:
				s := rbacv1.Subject{Kind: "ServiceAccount", Name: "a", Namespace: one("n0", "n1")}
				b.subjects = append(b.subjects, "User system:serviceaccount:"+s.Namespace+":a")
				if s.Namespace == ns && r.IntN(2) == 0 {
					s.Namespace = ""
				}
				subjects = append(subjects, s)
			}
		}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: fmt.Sprintf("r%d", r.IntN(6))}
		b.namespace, b.role = ns, "ClusterRole//"+ref.Name
		if ns == "" {
			o := rbacv1.ClusterRoleBinding{RoleRef: ref, Subjects: subjects}
			o.APIVersion, o.Kind, o.Name = "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", fmt.Sprintf("b%d", i)
			write(o)
		} else {
			if r.IntN(2) == 0 {
				ref.Kind, b.role = "Role", "Role/"+ns+"/"+ref.Name
			}
			o := rbacv1.RoleBinding{RoleRef: ref, Subjects: subjects}
			o.APIVersion, o.Kind, o.Name, o.Namespace = "rbac.authorization.k8s.io/v1", "RoleBinding", fmt.Sprintf("b%d", i), ns
			write(o)
		}
		w.bindings = append(w.bindings, b)
	}
	return docs, w
}

// allowing lists the subjects of the bindings that allow a request.
func (w *twin) allowing(q rbac.Request) []string {
	out := []string{"Group system:masters"}
	for _, b := range w.bindings {
		if b.namespace != "" && (q.URL != "" || q.Namespace != rbac.AnyNamespace && q.Namespace != b.namespace) {
			continue
		}
		for _, p := range w.roles[b.role] {
			if twinMatches(p, q) {
				out = append(out, b.subjects...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func twinMatches(p rbacv1.PolicyRule, q rbac.Request) bool {
	in := func(list []string, s string) bool { return slices.Contains(list, s) || slices.Contains(list, "*") }
	if !in(p.Verbs, q.Verb) {
		return false
	}
	if q.URL != "" {
		return slices.ContainsFunc(p.NonResourceURLs, func(u string) bool {
			return u == q.URL || strings.HasSuffix(u, "*") && strings.HasPrefix(q.URL, strings.TrimRight(u, "*"))
		})
	}
	full := q.Resource
	if q.Subresource != "" {
		full += "/" + q.Subresource
	}
	return in(p.APIGroups, q.Group) &&
		(in(p.Resources, full) || q.Subresource != "" && slices.Contains(p.Resources, "*/"+q.Subresource)) &&
		(len(p.ResourceNames) == 0 || slices.Contains(p.ResourceNames, q.Name))
}

func TestAccessAgainstTwin(t *testing.T) {
	allowed := 0
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 19))
		docs, w := randomWorld(r)
		a, err := rbac.AccessOf(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		one := func(from ...string) string { return from[r.IntN(len(from))] }
		for range 40 {
			q := rbac.Request{Verb: one("get", "list", "escalate"), URL: one("/a", "/a/b", "/")}
			if r.IntN(4) > 0 {
				q = rbac.Request{Verb: q.Verb, Group: one("", "apps"), Resource: one("pods", "nodes"), Subresource: one("", "exec"), Name: one("", "x", "*"), Namespace: one("", "n0", "n1", rbac.AnyNamespace)}
			}
			var got []string
			for _, h := range a.WhoCan(q) {
				kind, name := "Group", h.Subject.Name
				if user := h.Subject.UserName(); user != "" {
					kind, name = "User", user
				}
				got = append(got, kind+" "+name)
			}
			slices.Sort(got)
			want := w.allowing(q)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: who can %s: %v, want %v\n%s", seed, q, got, want, strings.Join(docs, "\n"))
			}
			if q.Namespace == rbac.AnyNamespace {
				continue
			}
			for _, id := range []rbac.Identity{{User: "jane", Groups: []string{"devs", "system:authenticated"}}, rbac.ServiceAccount("n0", "a").Identity(), rbac.ServiceAccount("n1", "a").Identity(), {User: "x", Groups: []string{"system:masters"}}} {
				is := slices.Contains(want, "User "+id.User) || slices.ContainsFunc(id.Groups, func(g string) bool { return slices.Contains(want, "Group "+g) })
				d := a.Allows(id, q)
				if d.Allowed != is || (d.Grant != nil) != (len(a.Grants(id, q)) > 0) {
					t.Fatalf("seed %d: %+v %s: %v, want %v\n%s", seed, id, q, d.Allowed, is, strings.Join(docs, "\n"))
				}
				if is && !d.Masters {
					allowed++
				}
			}
		}
	}
	if allowed < 500 {
		t.Errorf("%d requests are allowed", allowed)
	}
}
