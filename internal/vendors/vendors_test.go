package vendors

import (
	"reflect"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
)

func TestRights(t *testing.T) {
	all, err := Rights()
	if err != nil {
		t.Fatal(err)
	}
	vendors := map[string]Source{}
	for _, r := range all {
		if _, err := time.Parse(time.DateOnly, r.Date); err != nil || !strings.HasPrefix(r.URL, "https://") || r.Revision == "" {
			t.Errorf("%+v: %v", r.Source, err)
		}
		if s, twice := vendors[r.Vendor]; twice && s != r.Source {
			t.Errorf("%s is there twice", r.Vendor)
		}
		vendors[r.Vendor] = r.Source
		if r.Account.Namespace == "" || r.Account.Name == "" || len(r.Rule.Verbs) == 0 || len(r.Rule.Resources)+len(r.Rule.NonResourceURLs) == 0 {
			t.Errorf("%+v", r)
		}
		for _, res := range r.Rule.Resources {
			// The group comes after the first dot, and the subresource before it.
			if strings.Contains(r.Rule.APIGroups[0], "/") || strings.Contains(res, ".") {
				t.Errorf("%q of %q", res, r.Rule.APIGroups)
			}
		}
		if r.Scope != "" && len(r.Rule.NonResourceURLs) > 0 {
			t.Errorf("%+v: a URL has no namespace", r)
		}
	}
	if len(vendors) < 10 {
		t.Errorf("%d vendors", len(vendors))
	}
}

func TestRules(t *testing.T) {
	got := rules([]string{"get,list", "pods,deployments/scale.apps,secrets,/metrics", "a,b"})
	verbs, names := []string{"get", "list"}, []string{"a", "b"}
	want := []rbacv1.PolicyRule{
		{Verbs: verbs, APIGroups: []string{""}, Resources: []string{"pods", "secrets"}, ResourceNames: names},
		{Verbs: verbs, APIGroups: []string{"apps"}, Resources: []string{"deployments/scale"}, ResourceNames: names},
		{Verbs: verbs, NonResourceURLs: []string{"/metrics"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}
