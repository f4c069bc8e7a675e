package rbac_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/vendors"
)

// What vendors give their own accounts is no finding of medium severity or more.
func TestVendorsAreSilent(t *testing.T) {
	rights, err := vendors.Rights()
	if err != nil {
		t.Fatal(err)
	}
	meta := func(kind, namespace string, i int) map[string]any {
		return map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": fmt.Sprintf("r%d", i), "namespace": namespace}}
	}
	var objects []any
	for i, r := range rights {
		kind := "Cluster"
		if r.Scope != "" {
			kind = ""
		}
		role, binding := meta(kind+"Role", r.Scope, i), meta(kind+"RoleBinding", r.Scope, i)
		role["rules"] = []any{r.Rule}
		binding["roleRef"] = map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind + "Role", "name": fmt.Sprintf("r%d", i)}
		binding["subjects"] = []any{r.Account}
		objects = append(objects, role, binding)
	}
	for _, f := range failures(t, objects...) {
		if f.Severity >= nist190.SeverityMedium {
			t.Errorf("%s %s of %s: %s", f.Severity, f.Check.ID, f.Subject, f.Message)
		}
	}
}

// A vendor's account with more than its vendor gives it is a finding, and so is the vendor's role for somebody else.
func TestVendorsWidened(t *testing.T) {
	const binding = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"b"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"state"},"subjects":[`
	const role = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"state"},"rules":[`
	const published = `{"apiGroups":[""],"resources":["secrets"],"verbs":["list","watch"]}`
	account := `{"kind":"ServiceAccount","namespace":"monitoring","name":"kube-state-metrics"}`
	for _, tt := range []struct {
		rules, subject string
		want           bool
	}{
		{published, account, false},
		{published + `,{"apiGroups":[""],"resources":["nodes/proxy"],"verbs":["get"]}`, account, true},
		{`{"apiGroups":[""],"resources":["secrets"],"verbs":["*"]}`, account, true},
		{published, `{"kind":"ServiceAccount","namespace":"shop","name":"kube-state-metrics"}`, true},
	} {
		found := false
		for _, f := range failures(t, json.RawMessage(role+tt.rules+`]}`), json.RawMessage(binding+tt.subject+`]}`)) {
			found = found || f.Severity >= nist190.SeverityMedium
		}
		if found != tt.want {
			t.Errorf("%s for %s: %v", tt.rules, tt.subject, found)
		}
	}
}
