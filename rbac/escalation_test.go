package rbac

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/testobj"
)

// escalationWorld binds a few roles at random: one that impersonates the accounts of its scope, the two halves of one that
// escalates, one that reads Secrets, one that does nothing, and cluster-admin.
func escalationWorld(r *rand.Rand) []string {
	role := func(name, group, resource, verb string) string {
		return fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %s}, rules: [{apiGroups: [%q], resources: [%s], verbs: [%s]}]}`, name, group, resource, verb)
	}
	docs := []string{
		role("become", "", "serviceaccounts", "impersonate"), role("escalate", rbacv1.GroupName, "roles", "escalate"),
		role("patch", rbacv1.GroupName, "roles", "patch"), role("secrets", "", "secrets", "get"), role("nothing", "", "configmaps", "get"),
		role("all", "*", "\"*\"", "\"*\""),
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: token}, rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], resourceNames: [a0]}]}`,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: as}, rules: [{apiGroups: [""], resources: [users, serviceaccounts], verbs: [impersonate], resourceNames: [jane, a1, "system:serviceaccount:n0:a2"]}]}`,
	}
	subjects := []string{`{kind: User, name: jane}`, `{kind: Group, name: devs}`, `{kind: Group, name: "system:serviceaccounts"}`}
	for ns := range 5 {
		subjects = append(subjects, fmt.Sprintf(`{kind: Group, name: "system:serviceaccounts:n%d"}`, ns))
		for range 6 {
			subjects = append(subjects, fmt.Sprintf(`{kind: ServiceAccount, namespace: n%d, name: a%d}`, ns, r.IntN(3)))
		}
	}
	names := []string{"become", "become", "escalate", "patch", "secrets", "nothing", "token", "as"}
	for i := range 4 + r.IntN(14) {
		name := names[r.IntN(len(names))]
		subject := subjects[r.IntN(len(subjects))]
		if r.IntN(9) == 0 {
			name = []string{"all", "token", "as", name}[r.IntN(4)]
			docs = append(docs, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b%d}, roleRef: {kind: ClusterRole, name: %s}, subjects: [%s]}`, i, name, subject))
			continue
		}
		docs = append(docs, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b%d, namespace: n%d}, roleRef: {kind: ClusterRole, name: %s}, subjects: [%s]}`, i, r.IntN(5), name, subject))
	}
	return docs
}

// twin asks the authorizer's question for every pair: may s become any account of the namespace?
func becomes(a *Access, s Subject, namespace string) bool {
	id := s.Identity()
	may := func(verb, group, resource string) bool {
		return a.Allows(id, Request{Verb: verb, Group: group, Resource: resource, Namespace: namespace}).Allowed
	}
	return may("impersonate", "", "serviceaccounts") || may("escalate", rbacv1.GroupName, "roles") && may("patch", rbacv1.GroupName, "roles")
}

// becomesOne asks for one account or user by name.
func becomesOne(a *Access, s, t Subject) bool {
	may := func(verb, resource, subresource, namespace, name string) bool {
		return a.Allows(s.Identity(), Request{Verb: verb, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name}).Allowed
	}
	if t.Kind == rbacv1.UserKind {
		return may("impersonate", "users", "", "", t.Name)
	}
	return may("create", "serviceaccounts", "token", t.Namespace, t.Name) || may("impersonate", "serviceaccounts", "", t.Namespace, t.Name) ||
		may("impersonate", "users", "", "", t.Identity().User)
}

// distance searches forward from one subject, one set of subjects after the other.
func distance(a *Access, s Subject) int {
	seen, level := map[Subject]bool{s: true}, []Subject{s}
	for steps := 1; len(level) > 0; steps++ {
		var next []Subject
		for _, s := range level {
			if becomes(a, s, "") {
				return steps
			}
			others := []Subject{User("jane")}
			for i := range 15 {
				others = append(others, ServiceAccount(fmt.Sprintf("n%d", i/3), fmt.Sprintf("a%d", i%3)))
			}
			for _, t := range others {
				if !seen[t] && becomesOne(a, s, t) {
					seen[t] = true
					next = append(next, t)
				}
			}
			for ns := range 5 {
				namespace := fmt.Sprintf("n%d", ns)
				if !becomes(a, s, namespace) {
					continue
				}
				others := []Subject{Group("system:serviceaccounts:" + namespace)}
				for _, t := range a.Subjects() {
					if t.Kind == rbacv1.ServiceAccountKind && t.Namespace == namespace {
						others = append(others, t)
					}
				}
				for _, t := range others {
					if !seen[t] {
						seen[t] = true
						next = append(next, t)
					}
				}
			}
		}
		level = next
	}
	return 0
}

func TestEscalationsAgainstTwin(t *testing.T) {
	long := 0
	for seed := range uint64(400) {
		docs := escalationWorld(rand.New(rand.NewPCG(seed, 190)))
		inv := testobj.Inventory(t, docs)
		a, err := AccessOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		e, err := EscalationsOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range a.Subjects() {
			way := e.ToAdmin(s)
			if want := distance(a, s); len(way) != want {
				t.Fatalf("seed %d: %s: %d steps, want %d: %v\n%v", seed, s, len(way), want, way, docs)
			}
			if len(way) > 2 {
				long++
			}
			for i, h := range way {
				if len(h.Grants) == 0 {
					t.Errorf("seed %d: %s has no witness", seed, h)
				}
				if (h.Next == Subject{}) != (i == len(way)-1) || i > 0 && way[i-1].Next != h.Subject {
					t.Errorf("seed %d: %v is no chain", seed, way)
				}
			}
		}
	}
	if long < 20 {
		t.Errorf("only %d ways of three steps or more: the worlds are too easy", long)
	}
}
