package rbac_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/rbac"
)

var today = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func accessOf(t *testing.T, docs []string) *rbac.Access {
	t.Helper()
	a, err := rbac.AccessOf(context.Background(), testobj.Inventory(t, docs))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// universe is every request that the rules of a random world can tell apart: each word that they use, and one that none
// does, so that a wildcard is more than an enumeration.
func universe() []rbac.Request {
	var out []rbac.Request
	for _, verb := range []string{"get", "list", "escalate", "other"} {
		for _, url := range []string{"/", "/a", "/a/b", "/ab", "/other"} {
			out = append(out, rbac.Request{Verb: verb, URL: url})
		}
		for _, group := range []string{"", "apps", "other"} {
			for _, resource := range []string{"pods", "other"} {
				for _, sub := range []string{"", "exec", "other"} {
					for _, name := range []string{"", "x", "*", "other"} {
						for _, ns := range []string{"", "n0", "n1", "other"} {
							out = append(out, rbac.Request{Verb: verb, Group: group, Resource: resource, Subresource: sub, Name: name, Namespace: ns})
						}
					}
				}
			}
		}
	}
	return out
}

// users of the twin's subjects, as Kubernetes sees them.
var users = map[string][]string{
	"User jane":                       {"User jane", "Group system:authenticated"},
	"User system:serviceaccount:n0:a": {"User system:serviceaccount:n0:a", "Group system:serviceaccounts", "Group system:serviceaccounts:n0", "Group system:authenticated"},
	"User system:serviceaccount:n1:a": {"User system:serviceaccount:n1:a", "Group system:serviceaccounts", "Group system:serviceaccounts:n1", "Group system:authenticated"},
	"Group devs":                      {"Group devs", "Group system:authenticated"},
	"Group system:serviceaccounts:n0": {"Group system:serviceaccounts:n0", "Group system:serviceaccounts", "Group system:authenticated"},
	"Group system:authenticated":      {"Group system:authenticated"},
}

// holds is what a subject of the twin may do.
func (w *twin) holds(as []string, q rbac.Request) bool {
	for _, b := range w.bindings {
		if !slices.ContainsFunc(b.subjects, func(s string) bool { return slices.Contains(as, s) }) || b.namespace != "" && (q.URL != "" || b.namespace != q.Namespace) {
			continue
		}
		if slices.ContainsFunc(w.roles[b.role], func(p rbacv1.PolicyRule) bool { return twinMatches(p, q) }) {
			return true
		}
	}
	return false
}

func twinName(s rbac.Subject) string {
	if user := s.UserName(); user != "" {
		return "User " + user
	}
	return "Group " + s.Name
}

func allows(rules []rbacv1.PolicyRule, q rbac.Request) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return rbac.RuleAllows(&r, q) })
}

// What exists is in the list that is made of it; nothing in that list can be left out; what one more binding adds is found,
// all of it and nothing else; and what one binding less leaves behind is reported.
func TestAllowlistProperties(t *testing.T) {
	requests := universe()
	added, removed, smaller := 0, 0, 0
	for seed := range uint64(60) {
		docs, w := randomWorld(rand.New(rand.NewPCG(seed, 7)))
		a := accessOf(t, docs)
		list := a.GenerateAllowlist()
		if outside, unused := list.Compare(a, today); len(outside)+len(unused) > 0 {
			t.Fatalf("seed %d: %+v %+v\n%s", seed, outside, unused, strings.Join(docs, "\n"))
		}
		if again := accessOf(t, docs).GenerateAllowlist(); !cmp.Equal(list, again) {
			t.Fatalf("seed %d: not the same twice: %s", seed, cmp.Diff(list, again))
		}
		for i := range list {
			for name, less := range without(list, i) {
				smaller++
				if outside, _ := less.Compare(a, today); len(outside) == 0 {
					t.Fatalf("seed %d: entry %d %+v can be left out: %s\n%s", seed, i, list[i], name, strings.Join(docs, "\n"))
				}
			}
		}
		for i, doc := range docs {
			if !strings.Contains(doc, "Binding") {
				continue
			}
			n := i - (len(docs) - len(w.bindings))
			rest := slices.Delete(slices.Clone(docs), i, i+1)
			before := &twin{roles: w.roles, bindings: slices.Delete(slices.Clone(w.bindings), n, n+1)}
			fewer := accessOf(t, rest)

			// One more: the list of the rest, against everything.
			outside, _ := fewer.GenerateAllowlist().Compare(a, today)
			found := map[string][]rbacv1.PolicyRule{}
			for _, x := range outside {
				if x.Binding.Object.Name() != fmt.Sprintf("b%d", n) {
					t.Fatalf("seed %d: binding %d is added and %s is found", seed, n, x.Binding)
				}
				found[twinName(x.To())] = x.Rules
			}
			is := w.bindings[n]
			for subject, as := range users {
				if !slices.Contains(is.subjects, subject) {
					if found[subject] != nil {
						t.Fatalf("seed %d: %s is found, which binding %d does not name", seed, subject, n)
					}
					continue
				}
				only := &twin{roles: w.roles, bindings: []twinBinding{is}}
				for _, q := range requests {
					if is.namespace != q.Namespace && (is.namespace != "" || q.URL != "") {
						continue
					}
					gives, had := only.holds(as, q), before.holds(as, q)
					got := allows(found[subject], q)
					if gives && !had {
						added++
					}
					if gives && !had && !got || got && !gives {
						t.Fatalf("seed %d: binding %d gives %s %s: %v, which it had: %v; found: %v\n%s", seed, n, subject, q, gives, had, got, strings.Join(docs, "\n"))
					}
				}
				// Each rule is there for something that is new.
				for _, r := range found[subject] {
					if !slices.ContainsFunc(requests, func(q rbac.Request) bool {
						return (is.namespace == q.Namespace || is.namespace == "") && rbac.RuleAllows(&r, q) && only.holds(as, q) && !before.holds(as, q)
					}) {
						t.Fatalf("seed %d: binding %d: %s had all of %+v\n%s", seed, n, subject, r, strings.Join(docs, "\n"))
					}
				}
			}

			// One less: the list of everything, against the rest.
			outside, unused := list.Compare(fewer, today)
			if len(outside) > 0 {
				t.Fatalf("seed %d: without binding %d: %+v", seed, n, outside)
			}
			removed += len(unused)
			wantUnused(t, fmt.Sprintf("seed %d without binding %d", seed, n), list, unused, before, requests)
		}
	}
	if added < 1000 || removed < 100 || smaller < 500 {
		t.Errorf("%d requests added, %d parts unused, %d smaller lists", added, removed, smaller)
	}
}

// without lists what is left of a list when a subject, a namespace, a rule or a word of a rule is taken from an entry.
func without(list rbac.Allowlist, i int) map[string]rbac.Allowlist {
	out := map[string]rbac.Allowlist{"all of it": slices.Delete(slices.Clone(list), i, i+1)}
	change := func(name string, do func(*rbac.AllowedGrant)) {
		raw, err := json.Marshal(list[i])
		if err != nil {
			panic(err)
		}
		var e rbac.AllowedGrant
		if err := json.Unmarshal(raw, &e); err != nil {
			panic(err)
		}
		do(&e)
		less := slices.Clone(list)
		less[i] = e
		out[name] = less
	}
	e := list[i]
	for j := range e.Subjects {
		if len(e.Subjects) > 1 {
			change(fmt.Sprint("subject ", j), func(e *rbac.AllowedGrant) { e.Subjects = slices.Delete(e.Subjects, j, j+1) })
		}
	}
	for j := range e.Namespaces {
		if len(e.Namespaces) > 1 {
			change(fmt.Sprint("namespace ", j), func(e *rbac.AllowedGrant) { e.Namespaces = slices.Delete(e.Namespaces, j, j+1) })
		}
	}
	for j := range e.Rules {
		change(fmt.Sprint("rule ", j), func(e *rbac.AllowedGrant) { e.Rules = slices.Delete(e.Rules, j, j+1) })
		for _, f := range []func(*rbacv1.PolicyRule) *[]string{
			func(r *rbacv1.PolicyRule) *[]string { return &r.Verbs }, func(r *rbacv1.PolicyRule) *[]string { return &r.APIGroups },
			func(r *rbacv1.PolicyRule) *[]string { return &r.Resources }, func(r *rbacv1.PolicyRule) *[]string { return &r.ResourceNames },
			func(r *rbacv1.PolicyRule) *[]string { return &r.NonResourceURLs },
		} {
			if words := *f(&e.Rules[j]); len(words) > 1 {
				for k := range words {
					change(fmt.Sprintf("rule %d without %s", j, words[k]), func(e *rbac.AllowedGrant) {
						list := f(&e.Rules[j])
						*list = slices.Delete(*list, k, k+1)
					})
				}
			}
		}
	}
	return out
}

// wantUnused: a word of a rule is unused exactly if nobody for whom it stands holds any request that it allows.
func wantUnused(t *testing.T, at string, list rbac.Allowlist, unused []rbac.Unused, w *twin, requests []rbac.Request) {
	t.Helper()
	type key struct {
		entry     int
		subject   rbac.Subject
		namespace string
	}
	dead := map[key][]rbacv1.PolicyRule{}
	for _, u := range unused {
		dead[key{u.Entry, u.Subject, u.Namespace}] = u.Rules
	}
	for i, e := range list {
		namespaces := e.Namespaces
		if len(namespaces) == 0 {
			namespaces = []string{""}
		}
		for _, s := range e.Subjects {
			for _, ns := range namespaces {
				var used []rbac.Request
				for _, q := range requests {
					if ns != "" && (q.URL != "" || q.Namespace != ns) || !allows(e.Rules, q) {
						continue
					}
					// Bindings of the subject, or of those whom it stands for as a group.
					for member, as := range users {
						if slices.Contains(as, twinName(s)) && w.holds([]string{member}, q) {
							used = append(used, q)
						}
					}
				}
				for _, r := range e.Rules {
					isUsed := slices.ContainsFunc(used, func(q rbac.Request) bool { return rbac.RuleAllows(&r, q) })
					whole, _ := rbac.Covers(dead[key{i, s, ns}], []rbacv1.PolicyRule{r})
					if isUsed == whole {
						t.Fatalf("%s: entry %d for %s in %q: %+v is used: %v, reported: %+v", at, i, s, ns, r, isUsed, dead)
					}
				}
			}
		}
	}
}
