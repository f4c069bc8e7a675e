package rbac_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/bootstrap"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

func failures(t *testing.T, objects ...any) []*nist190.Finding {
	t.Helper()
	return failuresOf(t, bootstrap.Newest, objects...)
}

func failuresOf(t *testing.T, minor int, objects ...any) []*nist190.Finding {
	t.Helper()
	var out []*nist190.Finding
	for f := range reportOf(t, minor, objects...).Findings() {
		if f.Status == nist190.Fail {
			out = append(out, f)
		}
	}
	return out
}

func reportOf(t *testing.T, minor int, objects ...any) *nist190.Report {
	t.Helper()
	var text bytes.Buffer
	for _, o := range objects {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(b, "\n---\n"...))
	}
	runner := nist190.Runner{Checks: rbac.Checks(), Settings: []inventory.Value{inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: minor})}}
	r, err := runner.Scan(context.Background(), manifest.Bytes(manifest.Config{}, "m.yaml", text.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// policy is what Kubernetes creates by itself, written down as somebody who exports a cluster would have it.
func policy(t *testing.T, minor int) (all []any, roles []*rbacv1.ClusterRole) {
	t.Helper()
	for raw := range bootstrap.Objects(minor) {
		all = append(all, raw)
		var r rbacv1.ClusterRole
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == "ClusterRole" {
			roles = append(roles, &r)
		}
	}
	return all, roles
}

// What Kubernetes creates is no finding of any check, whether it is assumed or written in manifests.
func TestBootstrapIsClean(t *testing.T) {
	for minor := bootstrap.Oldest; minor <= bootstrap.Newest; minor++ {
		all, roles := policy(t, minor)
		if len(roles) < 64 {
			t.Fatalf("1.%d: %d cluster roles", minor, len(roles))
		}
		for _, f := range failuresOf(t, minor, all...) {
			t.Errorf("1.%d: %s of %s: %s", minor, f.Check.ID, f.Subject, f.Message)
		}
	}
}

// The same rules under another name, bound to a user, are findings where they are rights that matter.
func TestBootstrapRulesUnderAnotherName(t *testing.T) {
	_, roles := policy(t, bootstrap.Newest)
	found := 0
	for _, r := range roles {
		name := "copy-of-" + strings.ReplaceAll(r.Name, ":", "-")
		copied := &rbacv1.ClusterRole{TypeMeta: r.TypeMeta, Rules: r.Rules}
		copied.Name = name
		fs := failures(t, copied, clusterBinding(name, rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: "jane"}))
		if len(fs) > 0 {
			found++
		}
		for _, f := range fs {
			if f.Subject.Name != name {
				t.Errorf("%s: %s of %s", name, f.Check.ID, f.Subject)
			}
		}
	}
	if found < minDangerous {
		t.Errorf("%d of %d roles give findings, want at least %d", found, len(roles), minDangerous)
	}
}

// minDangerous of Kubernetes' cluster roles have a right that matters for somebody else.
const minDangerous = 40

func clusterBinding(role string, s rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	b := &rbacv1.ClusterRoleBinding{Subjects: []rbacv1.Subject{s}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}}
	b.APIVersion, b.Kind, b.Name = rbacv1.SchemeGroupVersion.String(), "ClusterRoleBinding", "b-"+role
	return b
}

// Every single widening of one rule of a role of Kubernetes is a finding of that role.
func TestBootstrapWidened(t *testing.T) {
	_, roles := policy(t, bootstrap.Newest)
	r := rand.New(rand.NewPCG(4, 3))
	tried := 0
	for _, role := range roles {
		if role.AggregationRule != nil || role.Name == "cluster-admin" {
			continue // cannot be written by hand, or wider
		}
		for _, widen := range widenings(role, r) {
			tried++
			fs := failures(t, widen)
			if !slices.ContainsFunc(fs, func(f *nist190.Finding) bool {
				return f.Check.ID == "rbac-bootstrap-drift" && f.Subject.Name == role.Name
			}) {
				t.Errorf("%s widened to %v: %d findings", role.Name, widen.Rules, len(fs))
			}
		}
	}
	if tried < 250 {
		t.Errorf("only %d widenings", tried)
	}
}

// widenings of the rule that is drawn: one more verb, resource, group or URL, no names, and one more rule.
func widenings(role *rbacv1.ClusterRole, r *rand.Rand) []*rbacv1.ClusterRole {
	var out []*rbacv1.ClusterRole
	with := func(change func(c *rbacv1.ClusterRole)) {
		c := role.DeepCopy()
		change(c)
		if ok, _ := rbac.Covers(role.Rules, c.Rules); !ok { // another rule may give it already
			out = append(out, c)
		}
	}
	i := r.IntN(max(len(role.Rules), 1))
	with(func(c *rbacv1.ClusterRole) {
		c.Rules = append(c.Rules, rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{fmt.Sprintf("r%d", i)}})
	})
	if len(role.Rules) == 0 {
		return out
	}
	with(func(c *rbacv1.ClusterRole) { c.Rules[i].Verbs = append(c.Rules[i].Verbs, "impersonate") })
	if len(role.Rules[i].NonResourceURLs) > 0 {
		with(func(c *rbacv1.ClusterRole) {
			c.Rules[i].NonResourceURLs = append(c.Rules[i].NonResourceURLs, "/debug/*")
		})
		return out
	}
	with(func(c *rbacv1.ClusterRole) { c.Rules[i].Resources = append(c.Rules[i].Resources, "secrets/x") })
	with(func(c *rbacv1.ClusterRole) { c.Rules[i].APIGroups = append(c.Rules[i].APIGroups, "example.com") })
	if len(role.Rules[i].ResourceNames) > 0 {
		with(func(c *rbacv1.ClusterRole) { c.Rules[i].ResourceNames = nil })
		with(func(c *rbacv1.ClusterRole) { c.Rules[i].ResourceNames = append(c.Rules[i].ResourceNames, "another") })
	}
	return out
}

// What a version gives that is not known here is no finding, and no pass either.
func TestDriftOfUnknownVersions(t *testing.T) {
	const role = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"system:discovery"},"rules":[{"nonResourceURLs":["/new"],"verbs":["get"]}]}`
	for minor, want := range map[int]nist190.Status{bootstrap.Oldest - 1: nist190.NotAssessed, bootstrap.Oldest: nist190.Fail, bootstrap.Newest: nist190.Fail, bootstrap.Newest + 1: nist190.NotAssessed} {
		found := false
		for f := range reportOf(t, minor, json.RawMessage(role)).Findings() {
			if f.Check.ID == "rbac-bootstrap-drift" {
				found = true
				if f.Status != want {
					t.Errorf("1.%d: %s %s", minor, f.Status, f.Message)
				}
			}
		}
		if !found {
			t.Errorf("1.%d: nothing", minor)
		}
	}
}
