package inventory_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

func TestSelector(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: web}}\n",
		`
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop, labels: {app: api}}
spec:
  template:
    metadata: {labels: {tier: back}}
    spec:
      serviceAccountName: robot
      containers: [{name: main, image: nginx}, {name: side, image: "quay.io/org/side:1"}]
`,
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {nodeName: n1, containers: [{name: c, image: i}]}\n",
	})
	api := inventory.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "api"}
	pod := inventory.Ref{Kind: "Pod", Namespace: "shop", Name: "p"}
	user := inventory.Ref{Group: "rbac.authorization.k8s.io", Kind: "User", Name: "jane"}
	account := inventory.Ref{Kind: "ServiceAccount", Namespace: "shop", Name: "robot"}
	labels := func(k, v string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{k: v}}
	}
	for _, tt := range []struct {
		name string
		s    inventory.Selector
		ref  inventory.Ref
		want bool
	}{
		{"the zero selector", inventory.Selector{}, inventory.Cluster, true},
		{"kind", inventory.Selector{Kinds: []string{"Deployment"}}, api, true},
		{"kind and group", inventory.Selector{Kinds: []string{"Deployment.apps"}}, api, true},
		{"another kind", inventory.Selector{Kinds: []string{"Pod"}}, api, false},
		{"namespace", inventory.Selector{Namespaces: []string{"sh*"}}, api, true},
		{"namespace of a namespace", inventory.Selector{Namespaces: []string{"shop"}}, inventory.NamespaceRef("shop"), true},
		{"namespace of the cluster", inventory.Selector{Namespaces: []string{"*"}}, inventory.Cluster, false},
		{"name", inventory.Selector{Names: []string{"x", "api"}}, api, true},
		{"labels", inventory.Selector{Labels: labels("app", "api")}, api, true},
		{"labels of another", inventory.Selector{Labels: labels("app", "api")}, pod, false},
		{"pod labels", inventory.Selector{PodLabels: labels("tier", "back")}, api, true},
		{"object labels are no pod labels", inventory.Selector{PodLabels: labels("app", "api")}, api, false},
		{"namespace labels", inventory.Selector{NamespaceLabels: labels("team", "web")}, api, true},
		{"implied namespace label", inventory.Selector{NamespaceLabels: labels("kubernetes.io/metadata.name", "shop")}, pod, true},
		{"image", inventory.Selector{Images: []string{"docker.io/library/nginx"}}, api, true},
		{"container", inventory.Selector{Containers: []string{"side"}}, api, true},
		{"container and image of one container", inventory.Selector{Containers: []string{"side"}, Images: []string{"nginx"}}, api, false},
		{"service account", inventory.Selector{ServiceAccounts: []string{"shop/robot"}}, api, true},
		{"service account itself", inventory.Selector{ServiceAccounts: []string{"robot"}}, account, true},
		{"default service account", inventory.Selector{ServiceAccounts: []string{"default"}}, pod, true},
		{"node", inventory.Selector{Nodes: []string{"n1"}}, pod, true},
		{"no node yet", inventory.Selector{Nodes: []string{"*"}}, api, false},
		{"user", inventory.Selector{Users: []string{"jane"}}, user, true},
		{"user is no group", inventory.Selector{Groups: []string{"jane"}}, user, false},
		{"not collected", inventory.Selector{Labels: labels("a", "b")}, inventory.Ref{Kind: "Pod", Namespace: "x", Name: "y"}, false},
	} {
		m, err := tt.s.Compile()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := m.MatchRef(inv, tt.ref); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	for _, bad := range []inventory.Selector{{Names: []string{"[a"}}, {Images: []string{""}}, {Labels: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}}} {
		if _, err := bad.Compile(); err == nil {
			t.Errorf("%+v compiles", bad)
		}
	}
}

func TestMatchImage(t *testing.T) {
	for _, tt := range []struct {
		pattern, image string
		want           bool
	}{
		{"nginx", "nginx:1.29", true},
		{"nginx", "docker.io/library/nginx@sha256:abc", true},
		{"nginx:1.*", "nginx:1.29", true},
		{"nginx:1.*", "nginx:2", false},
		{"quay.io/org/*", "quay.io/org/a:1", true},
		{"quay.io/org/*", "quay.io/org/a/b:1", false},
		{"quay.io/org/**", "quay.io/org/a/b:1", true},
		{"quay.io/**", "quay.io/org/a", true},
		{"quay.io/**", "quay.io.evil.example/org/a", false},
		{"quay.io/**", "evil.example/quay.io/a", false},
		{"docker.io/**", "busybox", true},
		{"docker.io/**", "ghcr.io/a/b", false},
		{"registry:5000/a", "registry:5000/a:1", true},
		{"registry:5000/a", "registry/a", false},
		{"nginx@sha256:abc", "nginx@sha256:abc", true},
		{"nginx@sha256:abc", "nginx:latest", false},
	} {
		if got := inventory.MatchImage(tt.pattern, tt.image); got != tt.want {
			t.Errorf("pattern %q, image %q: %v", tt.pattern, tt.image, got)
		}
	}
}
