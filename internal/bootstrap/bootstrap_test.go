package bootstrap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// object is any of the four kinds.
type object struct {
	rbacv1.ClusterRole
	Subjects []rbacv1.Subject `json:"subjects,omitempty"`
	RoleRef  *rbacv1.RoleRef  `json:"roleRef,omitempty"`
}

func decode(t *testing.T, minor int) map[string]object {
	t.Helper()
	objects := map[string]object{}
	for raw := range Objects(minor) {
		var o object
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		key := o.Kind + " " + o.Namespace + "/" + o.Name
		if _, twice := objects[key]; twice {
			t.Errorf("%s: twice", key)
		}
		objects[key] = o
	}
	return objects
}

func TestObjectsAreWhole(t *testing.T) {
	for minor := Oldest; minor <= Newest; minor++ {
		t.Run(fmt.Sprint(minor), func(t *testing.T) { whole(t, decode(t, minor)) })
	}
}

func whole(t *testing.T, objects map[string]object) {
	kinds := map[string]int{}
	for key, o := range objects {
		kinds[o.Kind]++
		if o.APIVersion != "rbac.authorization.k8s.io/v1" || o.Name == "" || o.Labels["kubernetes.io/bootstrapping"] != "rbac-defaults" {
			t.Errorf("%s: apiVersion %q, labels %v", key, o.APIVersion, o.Labels)
		}
		switch o.Kind {
		case "ClusterRole", "Role":
			if len(o.Rules) == 0 {
				t.Errorf("%s: no rules", key)
			}
		case "ClusterRoleBinding", "RoleBinding":
			if o.RoleRef == nil {
				t.Fatalf("%s: no roleRef", key)
			}
			role := o.RoleRef.Kind + " /" + o.RoleRef.Name
			if o.RoleRef.Kind == "Role" {
				role = "Role " + o.Namespace + "/" + o.RoleRef.Name
			}
			if _, ok := objects[role]; !ok {
				t.Errorf("%s: refers to %s, which is not there", key, role)
			}
		}
	}
	for _, kind := range []string{"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
	if len(kinds) != 4 {
		t.Errorf("kinds: %v", kinds)
	}
}

func TestKnownObjects(t *testing.T) {
	objects := decode(t, Newest)
	admin := objects["ClusterRoleBinding /cluster-admin"]
	if len(admin.Subjects) != 1 || admin.Subjects[0].Kind != "Group" || admin.Subjects[0].Name != "system:masters" {
		t.Errorf("cluster-admin is bound to %v", admin.Subjects)
	}
	// Kept without subjects since the node authorizer took over (Kubernetes 1.8).
	if node := objects["ClusterRoleBinding /system:node"]; node.RoleRef == nil || len(node.Subjects) != 0 {
		t.Errorf("system:node is bound to %v", node.Subjects)
	}
	for _, name := range []string{"admin", "edit", "view"} {
		if role := objects["ClusterRole /"+name]; role.AggregationRule == nil || len(role.Rules) == 0 {
			t.Errorf("%s: aggregationRule %v, %d rules", name, role.AggregationRule, len(role.Rules))
		}
	}
}

func TestObjectsStopAndAreOwned(t *testing.T) {
	n := 0
	for raw := range Objects(Newest) {
		clear(raw)
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d objects after the first break", n)
	}
	for raw := range Objects(Newest) {
		if !json.Valid(raw) {
			t.Errorf("a caller's change was seen: %q", raw)
		}
		break
	}
}

// The policy is that of the minor, and of the nearest one for those that are not here.
func TestMinors(t *testing.T) {
	get := func(minor int, role, resource string) bool {
		return slices.ContainsFunc(decode(t, minor)["ClusterRole /"+role].Rules, func(r rbacv1.PolicyRule) bool {
			return slices.Contains(r.Resources, resource)
		})
	}
	for _, tt := range []struct {
		minor          int
		role, resource string
		want           bool
	}{
		{36, "system:cluster-trust-bundle-discovery", "clustertrustbundles", false},
		{37, "system:cluster-trust-bundle-discovery", "clustertrustbundles", true},
		{5, "view", "pods", true},
		{99, "system:cluster-trust-bundle-discovery", "clustertrustbundles", true},
	} {
		if got := get(tt.minor, tt.role, tt.resource); got != tt.want {
			t.Errorf("1.%d: %s with %s: %v", tt.minor, tt.role, tt.resource, got)
		}
	}
}
