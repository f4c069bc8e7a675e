package rbac

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func TestSubjectOf(t *testing.T) {
	const g = rbacv1.GroupName
	for _, tt := range []struct {
		s         rbacv1.Subject
		namespace string
		want      string // "" for nobody
	}{
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "jane"}, "", `User "jane"`},
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "jane", Namespace: "ignored"}, "", `User "jane"`},
		{rbacv1.Subject{Kind: "user", APIGroup: g, Name: "jane"}, "", ""},
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "*"}, "", `User "*"`},
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "system:serviceaccount:ns:ci"}, "", `ServiceAccount "ns/ci"`},
		{rbacv1.Subject{Kind: "Group", APIGroup: g, Name: "system:serviceaccount:ns:ci"}, "", `Group "system:serviceaccount:ns:ci"`},
		{rbacv1.Subject{Kind: "ServiceAccount", Name: "ci", Namespace: "other"}, "ns", `ServiceAccount "other/ci"`},
		{rbacv1.Subject{Kind: "ServiceAccount", Name: "ci"}, "ns", `ServiceAccount "ns/ci"`},
		{rbacv1.Subject{Kind: "ServiceAccount", Name: "ci"}, "", ""},
	} {
		got, ok := subjectOf(&tt.s, tt.namespace)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%+v in %q: %s, %v; want %s", tt.s, tt.namespace, got, ok, tt.want)
		}
	}
}

func binding(kind, namespace, subjectKind, subject string) string {
	group := "apiGroup: rbac.authorization.k8s.io"
	if subjectKind == "ServiceAccount" {
		group = "namespace: app"
	}
	return fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: %s, metadata: {name: b, namespace: %q},
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin},
subjects: [{kind: %s, name: "%s", %s}]}`, kind, namespace, subjectKind, subject, group)
}

func TestSeverity(t *testing.T) {
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: app}, spec: {serviceAccountName: runner, containers: [{name: c, image: i}]}}`
	for _, tt := range []struct {
		kind, namespace, subjectKind, subject string
		want                                  nist190.Severity
	}{
		{"ClusterRoleBinding", "", "User", "jane", nist190.SeverityHigh},
		{"ClusterRoleBinding", "", "Group", "admins", nist190.SeverityHigh},
		{"ClusterRoleBinding", "", "Group", "system:authenticated", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "Group", "system:unauthenticated", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "User", "system:anonymous", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "Group", "system:anonymous", nist190.SeverityHigh}, // a group of that name means nothing
		{"ClusterRoleBinding", "", "Group", "system:serviceaccounts", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "Group", "system:serviceaccounts:app", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "Group", "system:nodes", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "User", "system:node:worker-1", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "ServiceAccount", "runner", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "ServiceAccount", "idle", nist190.SeverityHigh},
		{"ClusterRoleBinding", "", "ServiceAccount", "default", nist190.SeverityCritical},
		{"ClusterRoleBinding", "", "User", "system:serviceaccount:app:runner", nist190.SeverityCritical},
		{"RoleBinding", "app", "User", "jane", nist190.SeverityMedium},
		{"RoleBinding", "app", "ServiceAccount", "runner", nist190.SeverityMedium}, // a namespace with nothing else in it
		{"RoleBinding", "kube-system", "User", "jane", nist190.SeverityHigh},
		{"RoleBinding", "kube-system", "ServiceAccount", "runner", nist190.SeverityCritical},
	} {
		source := manifest.Bytes(manifest.Config{}, "m.yaml", []byte(pod+"\n---\n"+binding(tt.kind, tt.namespace, tt.subjectKind, tt.subject)))
		r, err := nist190.Scan(context.Background(), source, powers[0].check())
		if err != nil {
			t.Fatal(err)
		}
		f := r.Checks[0].Findings[0]
		if f.Status != nist190.Fail || f.Severity != tt.want {
			t.Errorf("%s in %q of %s %q: %s %s, want %s", tt.kind, tt.namespace, tt.subjectKind, tt.subject, f.Status, f.Severity, tt.want)
		}
	}
}

// An account whose token no pod mounts is not in use.
func TestAccountsInUse(t *testing.T) {
	accountText := `{apiVersion: v1, kind: ServiceAccount, metadata: {name: runner, namespace: app}, automountServiceAccountToken: %v}`
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: app}, spec: {serviceAccountName: runner, %s containers: [{name: c, image: i}]}}`
	projected := `volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}],`
	for _, tt := range []struct {
		account any
		pod     string
		want    bool
	}{
		{true, "", true}, {false, "", false}, {false, "automountServiceAccountToken: true,", true},
		{true, "automountServiceAccountToken: false,", false}, {false, projected, true},
	} {
		inv := testobj.Inventory(t, []string{fmt.Sprintf(accountText, tt.account), fmt.Sprintf(pod, tt.pod)})
		users, err := accountsInUse.Get(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(users[ServiceAccount("app", "runner")]) > 0; got != tt.want {
			t.Errorf("account %v, pod %q: %v", tt.account, tt.pod, got)
		}
	}
}

// Aggregated roles nest, select themselves, and go in circles.
func TestAggregation(t *testing.T) {
	role := `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %s, labels: {to: %s}}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {to: %s}}]}, rules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"]}]}`
	leaf := `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: leaf, labels: {to: %s}}, rules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"]}]}`
	for _, tt := range []struct {
		docs []string
		want map[string]bool // whether the role covers everything
	}{
		{[]string{fmt.Sprintf(role, "a", "b", "a"), fmt.Sprintf(role, "b", "a", "b"), fmt.Sprintf(leaf, "nobody"), fmt.Sprintf(role, "alone", "x", "z")},
			map[string]bool{"a": true, "b": true, "leaf": true, "alone": true}}, // nothing, or nothing else, to overwrite it with
		{[]string{fmt.Sprintf(role, "a", "x", "a"), strings.ReplaceAll(fmt.Sprintf(leaf, "a"), `"*"`, "get")},
			map[string]bool{"a": false, "leaf": false}}, // what an aggregated role holds itself is overwritten
		{[]string{fmt.Sprintf(role, "a", "b", "a"), fmt.Sprintf(role, "b", "a", "b"), fmt.Sprintf(leaf, "b")},
			map[string]bool{"a": true, "b": true, "leaf": true}},
	} {
		a, err := AccessOf(context.Background(), testobj.Inventory(t, tt.docs))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, r := range a.Roles() {
			got[r.Object.Name()] = len(coversEverything(r.Rules)) > 0
			for i := range r.Rules {
				if src := r.Source(i); src.Role.Aggregated() && src.Role.Object.Name() == "leaf" {
					t.Errorf("rule %d of %s comes from %s", i, r, src.Role)
				}
			}
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("got %v, want %v", got, tt.want)
		}
	}
}

// Rules of an aggregated role that runs are compared with what the controller would write.
func TestDrift(t *testing.T) {
	role := `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %s, labels: {to: %s}}, %s rules: [%s]}`
	get := `{verbs: [get], apiGroups: [""], resources: [%s]}`
	rule := "aggregationRule: {clusterRoleSelectors: [{matchLabels: {to: all}}]},"
	for name, tt := range map[string]struct {
		rules          string
		missing, extra int
	}{
		"as it is":  {fmt.Sprintf(get, "pods"), 0, 0},
		"behind":    {"", 1, 0},
		"ahead":     {fmt.Sprintf(get, "pods") + "," + fmt.Sprintf(get, "secrets"), 0, 1},
		"different": {fmt.Sprintf(get, "secrets"), 1, 1},
	} {
		var docs []inventory.Item
		for _, text := range []string{fmt.Sprintf(role, "all", "none", rule, tt.rules), fmt.Sprintf(role, "leaf", "all", "", fmt.Sprintf(get, "pods"))} {
			b, err := yaml.YAMLToJSON([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, inventory.Item{JSON: b, Strength: inventory.Observed})
		}
		inv, err := inventory.Collect(context.Background(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
			for _, d := range docs {
				o, err := inventory.NewObject(d)
				if err != nil {
					return err
				}
				c.Add(o)
			}
			c.CoverRest(inventory.Complete, "")
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		a, err := AccessOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		var drift Drift
		if d := a.Roles()[0].Drift(); d != nil {
			drift = *d
		}
		if len(drift.Missing) != tt.missing || len(drift.Extra) != tt.extra {
			t.Errorf("%s: %+v", name, drift)
		}
		r, err := nist190.Run(context.Background(), inv, Checks()...)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for f := range r.Failures(nist190.SeverityInfo) {
			found = found || f.Check.ID == "rbac-bootstrap-drift"
		}
		if found != (tt.extra > 0) {
			t.Errorf("%s: a finding: %v", name, found)
		}
	}
}
