package rbac

import (
	"context"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/nist190/nist190/internal/testobj"
)

func TestReview(t *testing.T) {
	a, err := AccessOf(context.Background(), testobj.Inventory(t, []string{
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: debug, namespace: shop}, rules: [{apiGroups: [""], resources: [pods/exec], verbs: [create]}]}`,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: debug, namespace: shop}, roleRef: {kind: Role, name: debug}, subjects: [{kind: Group, name: devs}, {kind: ServiceAccount, name: bot}]}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	exec := &authorizationv1.ResourceAttributes{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "shop", Name: "web-0"}
	for _, tt := range []struct {
		spec    authorizationv1.SubjectAccessReviewSpec
		allowed bool
		reason  string
		invalid bool
	}{
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "jane", Groups: []string{"devs"}, ResourceAttributes: exec}, allowed: true, reason: `RBAC: allowed by RoleBinding "debug/shop" of Role "debug" to Group "devs"`},
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:shop:bot", ResourceAttributes: exec}, allowed: true, reason: `RBAC: allowed by RoleBinding "debug/shop" of Role "debug" to ServiceAccount "bot/shop"`},
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "jane", ResourceAttributes: exec}}, // no group is added
		{spec: authorizationv1.SubjectAccessReviewSpec{Groups: []string{"system:masters"}, ResourceAttributes: exec}, allowed: true},
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "jane", Groups: []string{"devs"}, NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: "get", Path: "/metrics"}}},
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "jane"}, invalid: true},
		{spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: exec}, invalid: true},
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "jane", ResourceAttributes: exec, NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/"}}, invalid: true},
		{spec: authorizationv1.SubjectAccessReviewSpec{User: "jane", NonResourceAttributes: &authorizationv1.NonResourceAttributes{}}, invalid: true},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: tt.spec, Status: authorizationv1.SubjectAccessReviewStatus{Allowed: true, Denied: true, Reason: "forged"}}
		a.Review(review)
		s := review.Status
		if s.Allowed != tt.allowed || s.Denied || s.Reason != tt.reason || (s.EvaluationError != "") != tt.invalid {
			t.Errorf("%+v: %+v", tt.spec, s)
		}
	}
}

func TestParseRequest(t *testing.T) {
	for in, want := range map[string]Request{
		"create pods":                         {Verb: "create", Resource: "pods"},
		"create pods/exec":                    {Verb: "create", Resource: "pods", Subresource: "exec"},
		"patch deployments.apps/scale":        {Verb: "patch", Resource: "deployments", Group: "apps", Subresource: "scale"},
		"patch deployments/scale.apps":        {Verb: "patch", Resource: "deployments", Group: "apps", Subresource: "scale"},
		"approve signers.certificates.k8s.io": {Verb: "approve", Resource: "signers", Group: "certificates.k8s.io"},
		"get /metrics":                        {Verb: "get", URL: "/metrics"},
		"impersonate userextras.authentication.k8s.io/example.org/scopes": {Verb: "impersonate", Resource: "userextras", Group: "authentication.k8s.io", Subresource: "example.org/scopes"},
	} {
		if got, err := ParseRequest(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "get", "get pods web", "get pods/", "get .apps"} {
		if got, err := ParseRequest(in); err == nil {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func TestParseSubjects(t *testing.T) {
	all := []Subject{User("jane"), Group("devs"), ServiceAccount("shop", "bot"), User("system:serviceaccount:web:bot")}
	for in, want := range map[string]int{
		"all": 4, "users": 1, "groups": 1, "serviceaccounts": 2, "user:jane": 1, "jane": 1, "group:jane": 0, "sa:shop/bot": 1,
		"serviceaccount:web/bot": 1, "system:serviceaccount:shop:bot": 1, "/bot$/": 2, "/^User/": 1, "/^Group devs$/": 1,
	} {
		match, err := ParseSubjects(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		got := 0
		for _, s := range all {
			if match(s) {
				got++
			}
		}
		if got != want {
			t.Errorf("%q: %d of %d", in, got, len(all))
		}
	}
	for _, in := range []string{"", "sa:bot", "/(/"} {
		if _, err := ParseSubjects(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestAnywhere(t *testing.T) {
	for in, want := range map[string]string{"get pods": AnyNamespace, "get nodes": "", "create widgets.example.com": AnyNamespace, "list namespaces": ""} {
		r, err := ParseRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Anywhere().Namespace; got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
	if got := (Request{Verb: "get", Resource: "namespaces", Name: "shop"}).Anywhere().Namespace; got != "shop" {
		t.Errorf("a namespace is in %q", got)
	}
}
