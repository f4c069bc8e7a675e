package rbac

import (
	"context"
	"fmt"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/testobj"
)

func TestEffective(t *testing.T) {
	const g = rbacv1.GroupName
	for _, tt := range []struct {
		s         rbacv1.Subject
		namespace string
		want      string // "" for nobody
	}{
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "jane"}, "", `User "jane"`},
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "jane", Namespace: "ignored"}, "", `User "jane"`},
		{rbacv1.Subject{Kind: "user", APIGroup: g, Name: "jane"}, "", ""},
		{rbacv1.Subject{Kind: "User", Name: "jane"}, "", ""},
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "*"}, "", `User "*"`},
		{rbacv1.Subject{Kind: "User", APIGroup: g, Name: "system:serviceaccount:ns:ci"}, "", `ServiceAccount "ns/ci"`},
		{rbacv1.Subject{Kind: "Group", APIGroup: g, Name: "system:serviceaccount:ns:ci"}, "", `Group "system:serviceaccount:ns:ci"`},
		{rbacv1.Subject{Kind: "ServiceAccount", Name: "ci", Namespace: "other"}, "ns", `ServiceAccount "other/ci"`},
		{rbacv1.Subject{Kind: "ServiceAccount", Name: "ci"}, "ns", `ServiceAccount "ns/ci"`},
		{rbacv1.Subject{Kind: "ServiceAccount", Name: "ci"}, "", ""},
		{rbacv1.Subject{Kind: "ServiceAccount", APIGroup: g, Name: "ci", Namespace: "ns"}, "", ""},
		{rbacv1.Subject{Kind: "Group", APIGroup: g}, "", ""},
	} {
		got, ok := effective(tt.s, 0, tt.namespace)
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
		{"RoleBinding", "app", "ServiceAccount", "runner", nist190.SeverityHigh},
		{"RoleBinding", "kube-system", "User", "jane", nist190.SeverityHigh},
		{"RoleBinding", "kube-system", "ServiceAccount", "runner", nist190.SeverityCritical},
	} {
		inv := testobj.Inventory(t, []string{pod, binding(tt.kind, tt.namespace, tt.subjectKind, tt.subject)})
		r, err := nist190.Run(context.Background(), inv, ClusterAdminBinding())
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
		users, err := accountsInUse(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(users[account{"app", "runner"}]) > 0; got != tt.want {
			t.Errorf("account %v, pod %q: %v", tt.account, tt.pod, got)
		}
	}
}

func TestGrantReachesServiceAccounts(t *testing.T) {
	g := &Grant{Subjects: []Subject{{Kind: "Group", Name: "system:serviceaccounts:app"}, {Kind: "ServiceAccount", Namespace: "x", Name: "y"}, {Kind: "User", Name: "z"}}}
	for _, tt := range []struct {
		ns, name string
		want     bool
	}{{"app", "any", true}, {"apps", "any", false}, {"x", "y", true}, {"x", "z", false}} {
		if got := g.To(tt.ns, tt.name); got != tt.want {
			t.Errorf("%s/%s: %v", tt.ns, tt.name, got)
		}
	}
}

// Aggregated roles nest, select themselves, and go in circles.
func TestAggregation(t *testing.T) {
	role := `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %s, labels: {to: %s}}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {to: %s}}]}, rules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"]}]}`
	leaf := `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: leaf, labels: {to: %s}}, rules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"]}]}`
	inv := testobj.Inventory(t, []string{fmt.Sprintf(role, "a", "b", "a"), fmt.Sprintf(role, "b", "a", "b"), fmt.Sprintf(leaf, "nobody"), fmt.Sprintf(role, "alone", "x", "z")})
	r := newRoles(inv)
	for name, want := range map[string]bool{"a": false, "b": false, "leaf": true, "alone": false} {
		if got := r.cluster[name].covers; got != want {
			t.Errorf("%s: %v, want %v: what an aggregated role holds itself is overwritten", name, got, want)
		}
	}
	inv = testobj.Inventory(t, []string{fmt.Sprintf(role, "a", "b", "a"), fmt.Sprintf(role, "b", "a", "b"), fmt.Sprintf(leaf, "b")})
	r = newRoles(inv)
	for _, name := range []string{"a", "b"} {
		if !r.cluster[name].covers {
			t.Errorf("%s aggregates leaf, itself or through the other", name)
		}
	}
	names := []string{}
	for n := range r.cluster {
		names = append(names, n)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"a", "b", "leaf"}) {
		t.Error(names)
	}
}
