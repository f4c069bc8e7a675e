package nodetrust

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// Objects of small clusters, in one line each.
func node(name string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Node, metadata: {name: %s}}`, name)
}

func plane(name string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Node, metadata: {name: %s, labels: {node-role.kubernetes.io/control-plane: ""}}}`, name)
}

func pod(ns, name, on, account string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: %s}, spec: {nodeName: %s, serviceAccountName: %s, containers: [{name: c, image: i}]}}`, name, ns, on, account)
}

func namespace(name, enforce string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {pod-security.kubernetes.io/enforce: %q}}}`, name, enforce)
}

func role(name, group, resource, verb string) string {
	return fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %s}, rules: [{apiGroups: [%q], resources: [%q], verbs: [%q]}]}`, name, group, resource, verb)
}

func grant(role, ns, account string) string {
	return fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: %s-%s-%s}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}, subjects: [{kind: ServiceAccount, namespace: %[2]s, name: %[3]s}]}`, role, ns, account)
}

func grantIn(in, role, ns, account string) string {
	return fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: %[2]s-%[3]s-%[4]s, namespace: %[1]s}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[2]s}, subjects: [{kind: ServiceAccount, namespace: %[3]s, name: %[4]s}]}`, in, role, ns, account)
}

func radiusOf(t *testing.T, objects []string, settings ...inventory.Value) *BlastRadius {
	t.Helper()
	b, err := BlastRadiusOf(context.Background(), testobj.Inventory(t, objects, settings...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var all = role("all", "*", "*", "*")

func TestBlastRadius(t *testing.T) {
	privileged := `{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: ops}, spec: {nodeName: n2, containers: [{name: c, image: i, securityContext: {privileged: true}}]}}`
	token := `{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: admin-token, namespace: a, annotations: {kubernetes.io/service-account.name: admin}}}`
	mounts := `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {nodeName: n1, automountServiceAccountToken: false, containers: [{name: c, image: i, envFrom: [{secretRef: {name: admin-token}}]}]}}`
	for _, tt := range []struct {
		name    string
		objects []string
		admin   string // nodes, apart by spaces
		reaches string // of n1
		way     string // of n1, a part
	}{
		{"an administrator's pod", []string{node("n1"), node("n2"), all, grant("all", "a", "x"), pod("a", "p", "n1", "x")}, "n1", "n2", `Pod "a/p" > the token of ServiceAccount "a/x" > ServiceAccount "a/x" may`},
		{"no pod of it here", []string{node("n1"), node("n2"), all, grant("all", "a", "x"), pod("a", "p", "n1", "w")}, "", "", ""},
		{"its pods are given no token", []string{node("n1"), all, grant("all", "a", "x"), `{apiVersion: v1, kind: ServiceAccount, metadata: {name: x, namespace: a}, automountServiceAccountToken: false}`, pod("a", "p", "n1", "x")}, "", "", ""},
		{"a token in a Secret", []string{node("n1"), all, grant("all", "a", "admin"), token, mounts}, "n1", "", `the token of ServiceAccount "a/admin" in Secret "a/admin-token"`},
		{"a token in a Secret that can be read", []string{node("n1"), all, grant("all", "a", "admin"), token, role("read", "", "secrets", "get"), grantIn("a", "read", "b", "w"), pod("b", "p", "n1", "w")}, "n1", "", "in namespace"},
		{"any account of a namespace", []string{node("n1"), all, grant("all", "a", "admin"), role("be", "", "serviceaccounts", "impersonate"), grantIn("a", "be", "b", "w"), pod("b", "p", "n1", "w")}, "n1", "", `ServiceAccount "a/admin" of the namespace`},
		{"one account by name", []string{
			node("n1"), all, grant("all", "a", "admin"), `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: one}, rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], resourceNames: [admin]}]}`,
			grantIn("a", "one", "b", "w"), pod("b", "p", "n1", "w"),
		}, "n1", "", "get a token of"},
		{"new pods, which may be root", []string{plane("cp"), node("n1"), node("n2"), namespace("a", "privileged"), role("run", "", "pods", "create"), grantIn("a", "run", "a", "x"), pod("a", "p", "n1", "x")}, "cp n1", "cp n2", `a new pod that is root on its node, which Pod Security does not refuse in namespace "a"`},
		{"new pods, which may not", []string{plane("cp"), node("n1"), node("n2"), namespace("a", "baseline"), role("run", "", "pods", "create"), grantIn("a", "run", "a", "x"), pod("a", "p", "n1", "x")}, "cp", "", ""},
		{"a shell in a privileged pod", []string{node("n1"), node("n2"), node("n3"), namespace("ops", "baseline"), privileged, role("exec", "", "pods/exec", "create"), grantIn("ops", "exec", "a", "x"), pod("a", "p", "n1", "x")}, "", "n2", ""},
		{"and from there on", []string{node("n1"), node("n2"), all, grant("all", "b", "z"), pod("b", "q", "n2", "z"), namespace("ops", "baseline"), privileged, role("exec", "", "pods/exec", "create"), grantIn("ops", "exec", "a", "x"), pod("a", "p", "n1", "x")}, "n1 n2", "n2", `Pod "ops/agent", which is privileged, on Node "n2"`},
		{"the kubelets' own API", []string{plane("cp"), node("n1"), role("kubelet", "", "nodes/proxy", "get"), grant("kubelet", "a", "x"), pod("a", "p", "n1", "x")}, "cp n1", "cp", "through the kubelet in the cluster"},
		{"what all nodes may do", []string{node("n1"), all, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: all}, subjects: [{kind: Group, name: "system:nodes"}]}`}, "n1", "", `the kubelet itself may do as Group "system:nodes"`},
		{"what can land", []string{node("n1"), node("n2"), all, grant("all", "a", "x"), `{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: a}, spec: {template: {spec: {serviceAccountName: x, nodeSelector: {kubernetes.io/os: linux}, containers: [{name: c, image: i}]}}}}`, `{apiVersion: v1, kind: Node, metadata: {name: n3, labels: {kubernetes.io/os: linux}}}`}, "n3", "", ""},
		{"without nodes", []string{all, grant("all", "a", "x"), `{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: a}, spec: {template: {spec: {serviceAccountName: x, containers: [{name: c, image: i}]}}}}`}, AnyNode, "", ""},
	} {
		b := radiusOf(t, tt.objects)
		var admin []string
		for r := range b.Nodes() {
			if r.Admin {
				admin = append(admin, r.Node)
				if way := b.Way(r); len(way) < 2 {
					t.Errorf("%s: no way from %s", tt.name, r.Node)
				}
			}
		}
		if got := strings.Join(admin, " "); got != tt.admin {
			t.Errorf("%s: administrators %q, want %q", tt.name, got, tt.admin)
		}
		r := b.Of("n1")
		if r == nil {
			continue
		}
		if got := strings.Join(b.Reaches(r), " "); got != tt.reaches {
			t.Errorf("%s: reaches %q, want %q", tt.name, got, tt.reaches)
		}
		if got := strings.Join(texts(b.Way(r)), " > "); !strings.Contains(got, tt.way) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

func texts(steps []Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Text)
	}
	return out
}

func TestExplain(t *testing.T) {
	b := radiusOf(t, []string{
		node("n1"), `{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {claimRef: {namespace: a, name: c}, csi: {driver: d, volumeHandle: h, nodeStageSecretRef: {namespace: vault, name: key}}}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {nodeName: n1, volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], containers: [{name: c, image: i}]}}`,
	})
	got := texts(b.Explain(b.Of("n1"), Thing{Secret, "vault", "key"}))
	want := []string{
		`Node "n1"`, `Pod "a/p"`, `PersistentVolumeClaim "a/c" by spec.volumes[0].persistentVolumeClaim.claimName`, `PersistentVolume "pv" by spec.claimRef`,
		`Secret "vault/key" by spec.csi.nodeStageSecretRef.name`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := b.Explain(b.Of("n1"), Thing{Secret, "vault", "other"}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestBlastRadiusCheck(t *testing.T) {
	checktest.Run(t, BlastRadiusCheck(), os.DirFS("testdata/nodetrust-blast-radius"))
}
