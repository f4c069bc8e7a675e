package rbac_test

import (
	"io/fs"
	"os"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// Every check has fixtures in which it fails, passes and lacks evidence.
func TestChecks(t *testing.T) {
	for _, check := range rbac.Checks() {
		t.Run(check.Metadata().ID, func(t *testing.T) {
			t.Parallel()
			fixtures := os.DirFS("testdata/" + check.Metadata().ID)
			for _, name := range []string{"fail.yaml", "pass.yaml", "missing.yaml"} {
				if _, err := fs.Stat(fixtures, name); err != nil {
					t.Error(err)
				}
			}
			checktest.Run(t, check, fixtures, settings[check.Metadata().ID]...)
		})
	}
}

// settings are what fixtures are evaluated with.
var settings = map[string][]inventory.Value{
	"rbac-beyond-allowlist":      {rbac.Allowed.Set(allowed)},
	"rbac-allowlist-unused":      {rbac.Allowed.Set(allowed[:2])},
	"rbac-team-namespace":        {rbac.Teams.Set(teams)},
	"rbac-team-shared-namespace": {rbac.Teams.Set(teams)},
	"rbac-team-image":            {rbac.Teams.Set(teams)},
}

var allowed = rbac.Allowlist{
	{Subjects: []rbac.Subject{rbac.Group("sre")}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}}},
	{Subjects: []rbac.Subject{rbac.ServiceAccount("ci", "deployer")}, Namespaces: []string{"shop*"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"patch"}}}},
	{Subjects: []rbac.Subject{rbac.User("contractor")}, Namespaces: []string{"shop"}, Expires: day("2020-01-31"),
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get"}}}},
}

func day(s string) nist190.Date {
	d, err := nist190.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

var teams = rbac.TeamList{
	{Name: "test", Stage: "test", Subjects: []rbac.Subject{rbac.Group("testers"), {Kind: "ServiceAccount", Namespace: "test-ci", Name: "runner"}},
		Namespaces: []string{"test-*"}, Images: []string{"registry.example.com/test/**"}},
	{Name: "prod", Stage: "production", Subjects: []rbac.Subject{rbac.Group("operators")}, Namespaces: []string{"shop-prod"}, Images: []string{"registry.example.com/prod/**"}},
	{Name: "web", Subjects: []rbac.Subject{rbac.Group("web")}, Namespaces: []string{"shared", "shop-web"}},
	{Name: "data", Subjects: []rbac.Subject{rbac.Group("data"), rbac.User("dora")}, Namespaces: []string{"shared"}},
}
