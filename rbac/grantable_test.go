package rbac

import (
	"context"
	"fmt"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

func accessTo(t *testing.T, settings []inventory.Value, rules map[string]string) *Access {
	t.Helper()
	var docs []string
	for user, r := range rules {
		docs = append(docs,
			fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %s}, rules: [%s]}`, user, r),
			fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: %s}, roleRef: {kind: ClusterRole, name: %s}, subjects: [{kind: User, name: %s}]}`, user, user, user),
			fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: %s, namespace: shop}, roleRef: {kind: ClusterRole, name: %s}, subjects: [{kind: User, name: %s-in-shop}]}`, user, user, user))
	}
	a, err := AccessOf(context.Background(), testobj.Inventory(t, docs, settings...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What somebody may put into roles and bindings: what they hold, or what escalate and bind let them.
func TestGrantable(t *testing.T) {
	a := accessTo(t, nil, map[string]string{
		"reader":    `{apiGroups: [""], resources: [pods, "*/log"], verbs: [get]}`,
		"escalator": `{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate], resourceNames: [one]}`,
		"binder":    `{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [reader, gone]}`,
	})
	pods := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods", "pods/log"}, Verbs: []string{"get"}}}
	star := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"*"}, Verbs: []string{"get"}}}
	for _, tt := range []struct {
		user, namespace, name string
		rules                 []rbacv1.PolicyRule
		want                  bool
		missing               int
	}{
		{"reader", "", "x", pods, true, 0},
		{"reader", "shop", "x", pods, true, 0},
		{"reader-in-shop", "shop", "x", pods, true, 0},
		{"reader-in-shop", "", "x", pods, false, 2},
		{"reader", "", "x", star, false, 1},
		{"escalator", "shop", "one", star, true, 0},
		{"escalator", "shop", "two", star, false, 1},
		{"escalator", "", "one", star, false, 1}, // clusterroles are another resource
	} {
		got, missing := a.MayWriteRole(Identity{User: tt.user}, tt.namespace, tt.name, tt.rules)
		if got != tt.want || len(missing) != tt.missing {
			t.Errorf("%s writes %s in %q: %v, %v", tt.user, tt.name, tt.namespace, got, missing)
		}
	}
	for _, tt := range []struct {
		user, namespace, role string
		want                  bool
	}{
		{"binder", "", "reader", true},
		{"binder", "", "gone", true}, // the verb is asked for the name, whatever there is
		{"binder", "", "escalator", false},
		{"binder-in-shop", "shop", "reader", true},
		{"binder-in-shop", "", "reader", false},
		{"reader", "", "reader", true}, // holds what it gives
		{"reader", "", "gone", false},
	} {
		if got, _ := a.MayBind(Identity{User: tt.user}, tt.namespace, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: tt.role}); got != tt.want {
			t.Errorf("%s binds %s in %q: %v", tt.user, tt.role, tt.namespace, got)
		}
	}
	if ok, _ := a.MayWriteRole(Identity{User: "x", Groups: []string{masters}}, "", "x", star); !ok {
		t.Error("system:masters passes before RBAC is asked")
	}
}

func TestImpersonation(t *testing.T) {
	rules := map[string]string{
		"legacy":  `{apiGroups: [""], resources: [users, groups], verbs: [impersonate], resourceNames: [jane, devs, "system:masters"]}, {apiGroups: [authentication.k8s.io], resources: [uids, userextras/scopes], verbs: [impersonate]}`,
		"account": `{apiGroups: [""], resources: [serviceaccounts], verbs: [impersonate]}`,
		"limited": `{apiGroups: [authentication.k8s.io], resources: [users, groups], verbs: ["impersonate:user-info"]}, {apiGroups: [""], resources: [pods], verbs: ["impersonate-on:user-info:list"]}`,
		"half":    `{apiGroups: [authentication.k8s.io], resources: [users], verbs: ["impersonate:user-info"]}`,
		"node":    `{apiGroups: [authentication.k8s.io], resources: [nodes], resourceNames: ["*"], verbs: ["impersonate:associated-node"]}, {apiGroups: [""], resources: [pods], verbs: ["impersonate-on:associated-node:list"]}`,
	}
	list := Request{Verb: "list", Resource: "pods"}
	for _, tt := range []struct {
		minor int
		user  string
		as    Impersonation
		on    Request
		want  string // mode; "" for not allowed
	}{
		{37, "legacy", Impersonation{User: "jane"}, list, "legacy"},
		{37, "legacy", Impersonation{User: "jane", Groups: []string{"devs", "system:masters"}}, list, "legacy"},
		{37, "legacy", Impersonation{User: "jane", Groups: []string{"ops"}}, list, ""},
		{37, "legacy", Impersonation{User: "jane", UID: "1", Extra: map[string][]string{"scopes": {"a"}}}, list, "legacy"},
		{37, "legacy", Impersonation{User: "jane", Extra: map[string][]string{"other": {"a"}}}, list, ""},
		{37, "account", Impersonation{User: "system:serviceaccount:shop:api"}, list, "legacy"},
		{37, "account-in-shop", Impersonation{User: "system:serviceaccount:shop:api"}, list, "legacy"},
		{37, "account-in-shop", Impersonation{User: "system:serviceaccount:web:api"}, list, ""},
		{37, "account", Impersonation{User: "jane"}, list, ""},
		{37, "limited", Impersonation{User: "jane"}, list, "user-info"},
		{35, "limited", Impersonation{User: "jane"}, list, ""}, // off by default before 1.36
		{37, "limited", Impersonation{User: "jane"}, Request{Verb: "delete", Resource: "pods"}, ""},
		{37, "limited", Impersonation{User: "jane", Groups: []string{"a", "b", "c", "d"}}, list, "user-info"},
		{37, "limited", Impersonation{User: "jane", Groups: []string{"system:masters"}}, list, ""},
		{37, "limited", Impersonation{User: "system:serviceaccount:shop:api"}, list, ""},
		{37, "limited", Impersonation{User: "system:node:n1"}, list, ""},
		{37, "half", Impersonation{User: "jane"}, list, ""},
		{37, "node", Impersonation{User: "system:node:n1", Node: "n1"}, list, ""}, // a user has no node
	} {
		a := accessTo(t, []inventory.Value{inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: tt.minor})}, rules)
		mode, ok := a.MayImpersonate(Identity{User: tt.user}, tt.as, tt.on)
		if mode != tt.want || ok != (tt.want != "") {
			t.Errorf("1.%d: %s as %+v, %s: %q, want %q", tt.minor, tt.user, tt.as, tt.on, mode, tt.want)
		}
	}
	docs := []string{
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: node}, rules: [` + rules["node"] + `]}`,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: node}, roleRef: {kind: ClusterRole, name: node}, subjects: [{kind: ServiceAccount, namespace: agents, name: agent}]}`,
	}
	a, err := AccessOf(context.Background(), testobj.Inventory(t, docs))
	if err != nil {
		t.Fatal(err)
	}
	agent := ServiceAccount("agents", "agent").Identity()
	for node, want := range map[string]bool{"n1": true, "n2": false} {
		if _, ok := a.MayImpersonate(agent, Impersonation{User: "system:node:n1", Node: node}, list); ok != want {
			t.Errorf("an agent on %s is node n1: %v", node, ok)
		}
	}
}
