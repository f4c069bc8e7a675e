package rbac_test

import (
	"context"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

// Each mapped identity is joined with its groups and what bindings give them.
func TestPrincipals(t *testing.T) {
	text, err := os.ReadFile("testdata/rbac-mapped-administrators/pass.yaml")
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "m.yaml", text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := rbac.PrincipalsOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range all {
		got = append(got, p.Name+": "+p.Describe())
	}
	want := []string{
		"arn:aws:iam::111122223333:role/admin: administrator", "arn:aws:iam::111122223333:role/reader: reader",
		"arn:aws:iam::111122223333:role/writer: writer in shop",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The published rules decide: what a policy gives, and what it leaves out.
func TestAccessPolicyRules(t *testing.T) {
	for name, tt := range map[string]struct {
		r    rbac.Request
		want bool
	}{
		"AmazonEKSClusterAdminPolicy": {rbac.Request{Verb: "anything", URL: "/x"}, true},
		"AmazonEKSAdminPolicy":        {rbac.Request{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}, false},
		"AmazonEKSEditPolicy":         {rbac.Request{Verb: "impersonate", Resource: "serviceaccounts"}, true},
		"AmazonEKSViewPolicy":         {rbac.Request{Verb: "get", Resource: "secrets"}, false},
		"AmazonEKSAdminViewPolicy":    {rbac.Request{Verb: "list", Resource: "secrets"}, true},
		"AmazonEKSSecretReaderPolicy": {rbac.Request{Verb: "create", Resource: "secrets"}, false},
	} {
		rules, ok := rbac.AccessPolicyRules(name)
		if !ok || allows(rules, tt.r) != tt.want {
			t.Errorf("%s: %s: known %v, want %v", name, tt.r, ok, tt.want)
		}
	}
	if _, ok := rbac.AccessPolicyRules("AmazonEKSComputePolicy"); ok {
		t.Error("a policy without published rules has some")
	}
}
