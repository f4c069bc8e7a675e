package checktest_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// recorder is a T that keeps what it is told.
type recorder struct{ errors []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

// quota fails namespaces without a ResourceQuota; needs is what it says that it reads.
func quota(needs ...inventory.Need) nist190.Check {
	return nist190.NewCheck(nist190.Metadata{
		ID: "test-quota", Title: "t", Doc: "d", Risk: nist190.NodeTrust, Claims: nist190.Claims("5d"), Severity: nist190.SeverityLow,
		Remediation: "r", Since: "v0.1.0", Needs: needs, Subjects: []schema.GroupKind{{Kind: "Namespace"}},
	}, func(_ context.Context, e *nist190.Eval) error {
		for o := range inventory.Typed[corev1.Namespace](e.Inventory) {
			found := false
			for range inventory.TypedIn[corev1.ResourceQuota](e.Inventory, o.Name()) {
				found = true
			}
			if found {
				e.Pass(o.Ref())
			} else {
				e.Fail(o.Ref(), "", fmt.Sprintf("namespace %q has no quota", o.Name()), nist190.At(o, "metadata", "name"))
			}
		}
		return nil
	})
}

var (
	namespaces = inventory.NeedOf[corev1.Namespace](inventory.Incriminating)
	quotas     = inventory.NeedOf[corev1.ResourceQuota](inventory.Exonerating).InSubjectNamespace()
	blind      = inventory.NeedOf[corev1.ResourceQuota](inventory.Incriminating).InSubjectNamespace()
)

const fixture = `apiVersion: v1
kind: Namespace
metadata:
  name: bare # want fail "no quota"
---
apiVersion: v1 # want pass
kind: Namespace
metadata:
  name: bounded
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: q, namespace: bounded}
`

func TestRun(t *testing.T) {
	good := quota(namespaces, quotas)
	for _, tt := range []struct {
		name, text string
		check      nist190.Check
		want       string // a regular expression over all errors; empty: none
	}{
		{"as expected", fixture, good, ""},
		{"nothing like it", strings.Replace(fixture, "no quota", "other", 1), good, `f\.yaml:4: unexpected Fail[\s\S]*f\.yaml:4: want fail "other", got nothing`},
		{"another line", strings.Replace(fixture, `name: bare # want fail "no quota"`, "name: bare", 1) + "# want fail\n", good, `f\.yaml:4: unexpected Fail[\s\S]*f\.yaml:14: want fail, got nothing`},
		{"another status", strings.Replace(fixture, "want fail", "want pass", 1), good, `unexpected Fail`},
		{"a mistake in an expectation", strings.Replace(fixture, "want fail", "want failure", 1), good, `f\.yaml:4: want: "failure" is no status`},
		{"a mistake in the coverage", "# coverage: quotas Forbidden\n" + fixture, good, `f\.yaml:1: coverage: unknown resource "quotas"`},
		{"missing evidence", "# coverage: resourcequotas Forbidden bare\n" + strings.Replace(fixture, `want fail "no quota"`, "want notassessed", 1), good, ""},
		{"broken manifest", "kind: [\n", good, "f.yaml"},
		{"invalid metadata", fixture, nist190.NewCheck(nist190.Metadata{}, nil), "is required"},
		{"a wrong bias", fixture, quota(namespaces, blind), `when ResourceQuota is Forbidden, it says Fail of Namespace bounded "" .*and Pass on complete evidence`},
		{"an undeclared read", fixture, quota(namespaces), "reads ResourceQuota and does not declare a need"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &recorder{}
			checktest.Run(r, tt.check, fstest.MapFS{"f.yaml": {Data: []byte(tt.text)}})
			all := strings.Join(r.errors, "\n")
			if tt.want == "" && all != "" || tt.want != "" && !regexp.MustCompile(tt.want).MatchString(all) {
				t.Errorf("want %q, got:\n%s", tt.want, all)
			}
		})
	}
	r := &recorder{}
	func() {
		defer func() { _ = recover() }()
		checktest.Run(r, good, fstest.MapFS{})
	}()
	if len(r.errors) == 0 || !strings.Contains(r.errors[0], "no fixtures") {
		t.Errorf("without fixtures: %q", r.errors)
	}
}

func TestSoundOverOwners(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {hostPID: true}}}\n",
		"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: rs, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: d, controller: true}]}\nspec: {template: {spec: {hostPID: true}}}\n",
	})
	md := quota().Metadata()
	md.Needs, md.Subjects = inventory.WorkloadNeeds(inventory.Incriminating), inventory.WorkloadKinds()
	checktest.Sound(t, nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		ws, err := inventory.WorkloadsOf(ctx, e.Inventory)
		for _, w := range ws {
			if w.Template.Spec.HostPID {
				e.Fail(w.Ref(), "", "m")
			}
		}
		return err
	}), inv)
}

// TestSoundOverAlternatives: a check that asks two sources in turn is sound where it says so, although one of them may
// answer otherwise than both.
func TestSoundOverAlternatives(t *testing.T) {
	either := func(bias inventory.Bias) nist190.Check {
		return nist190.NewCheck(nist190.Metadata{
			ID: "test-alternatives", Title: "t", Doc: "d", Risk: nist190.NodeTrust, Claims: nist190.Claims("5d"), Severity: nist190.SeverityLow,
			Remediation: "r", Since: "v0.1.0",
			Needs: []inventory.Need{inventory.NeedOf[corev1.ConfigMap](bias), inventory.NeedOf[corev1.ServiceAccount](bias)},
		}, func(_ context.Context, e *nist190.Eval) error {
			for o := range inventory.Typed[corev1.ConfigMap](e.Inventory) {
				if o.Name() == "good" {
					e.Pass(inventory.Cluster)
					return nil
				}
			}
			for o := range inventory.Typed[corev1.ServiceAccount](e.Inventory) {
				e.Fail(inventory.Cluster, "", "it is bad", nist190.At(o, "metadata", "name"))
				return nil
			}
			e.NotAssessed(inventory.Cluster, nist190.ReasonMissingEvidence, "nothing tells")
			return nil
		})
	}
	inv := testobj.Inventory(t, []string{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: bad}\n"})
	for bias, sound := range map[inventory.Bias]bool{inventory.Alternative: true, inventory.SeverityOnly: false} {
		r := &recorder{}
		checktest.Sound(r, either(bias), inv)
		if (len(r.errors) == 0) != sound {
			t.Errorf("%s: %v", bias, r.errors)
		}
	}
}
