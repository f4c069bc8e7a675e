package vendors

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/bootstrap"
)

type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Rules           []rbacv1.PolicyRule     `json:"rules"`
	AggregationRule *rbacv1.AggregationRule `json:"aggregationRule"`
	RoleRef         rbacv1.RoleRef          `json:"roleRef"`
	Subjects        []rbacv1.Subject        `json:"subjects"`
}

func parse(t *testing.T, raw json.RawMessage) object {
	t.Helper()
	var o object
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		t.Errorf("%s: %v", raw, err)
	}
	return o
}

func TestData(t *testing.T) {
	own := map[string]bool{}
	for raw := range bootstrap.Objects(bootstrap.Newest) {
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		own[o.Kind+"/"+o.Metadata.Namespace+"/"+o.Metadata.Name] = true
	}
	all, err := All()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d vendors, %v", len(all), err)
	}
	for _, p := range all {
		if _, err := time.Parse(time.DateOnly, p.Date); err != nil || p.Vendor == "" || p.Version == "" || !strings.HasPrefix(p.URL, "https://") {
			t.Errorf("%+v: %v", p.Source, err)
		}
		there := map[string]bool{}
		var keys []string
		for _, raw := range p.Objects {
			o := parse(t, raw)
			key := o.Kind + "/" + o.Metadata.Namespace + "/" + o.Metadata.Name
			if o.APIVersion != "rbac.authorization.k8s.io/v1" || there[key] {
				t.Errorf("%s: %s: twice, or of %s", p.Vendor, key, o.APIVersion)
			}
			there[key] = true
			keys = append(keys, o.Kind+"\x00"+o.Metadata.Namespace+"\x00"+o.Metadata.Name)
		}
		if !slices.IsSorted(keys) {
			t.Errorf("%s is not sorted", p.Vendor)
		}
		for _, raw := range p.Objects {
			o := parse(t, raw)
			if !strings.HasSuffix(o.Kind, "Binding") {
				continue
			}
			ns := ""
			if o.RoleRef.Kind == "Role" {
				ns = o.Metadata.Namespace
			}
			if ref := o.RoleRef.Kind + "/" + ns + "/" + o.RoleRef.Name; !there[ref] && !own[ref] {
				t.Errorf("%s: %s refers to %s, which is not there", p.Vendor, o.Metadata.Name, ref)
			}
			if len(o.Subjects) == 0 || slices.ContainsFunc(o.Subjects, func(s rbacv1.Subject) bool { return s.Kind != rbacv1.ServiceAccountKind || s.Namespace == "" }) {
				t.Errorf("%s: %s: %v", p.Vendor, o.Metadata.Name, o.Subjects)
			}
		}
	}
}
