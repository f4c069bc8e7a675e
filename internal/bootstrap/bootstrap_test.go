package bootstrap

import (
	"bytes"
	"encoding/json"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// object is any of the four kinds.
type object struct {
	rbacv1.ClusterRole
	Subjects []rbacv1.Subject `json:"subjects,omitempty"`
	RoleRef  *rbacv1.RoleRef  `json:"roleRef,omitempty"`
}

func decode(t *testing.T) map[string]object {
	t.Helper()
	objects := map[string]object{}
	for raw := range Objects() {
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
	objects := decode(t)
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
	objects := decode(t)
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
	for raw := range Objects() {
		clear(raw)
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d objects after the first break", n)
	}
	for raw := range Objects() {
		if !json.Valid(raw) {
			t.Errorf("a caller's change was seen: %q", raw)
		}
		break
	}
}
