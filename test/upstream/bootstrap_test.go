package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	baseversion "k8s.io/component-base/version"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"

	"github.com/nist190/nist190/internal/bootstrap"
)

func TestBootstrapPolicyIsFresh(t *testing.T) {
	want, err := BootstrapPolicy()
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for raw := range bootstrap.Objects(bootstrap.Newest) {
		got = append(append(got, raw...), '\n')
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(gotLines), len(wantLines)) {
		var g, w []byte
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if !bytes.Equal(g, w) {
			t.Fatalf("internal/bootstrap/policy.jsonl is stale; run go generate ./internal/bootstrap\nline %d\n got %s\nwant %s", i+1, g, w)
		}
	}
}

func TestBootstrapMinorIsUpstreams(t *testing.T) {
	if got := fmt.Sprintf("1.%d", bootstrap.Newest); got != baseversion.DefaultKubeBinaryVersion {
		t.Errorf("bootstrap.Newest stands for Kubernetes %s, the policy is generated from %s", got, baseversion.DefaultKubeBinaryVersion)
	}
}

// TestBootstrapAggregation lets the real controller compute the rules of the aggregated roles.
func TestBootstrapAggregation(t *testing.T) {
	ctx := t.Context()
	client := fake.NewClientset()
	for _, role := range bootstrapClusterRoles() {
		if role.AggregationRule != nil && role.Rules != nil {
			t.Fatalf("%s: created with rules", role.Name)
		}
		if _, err := client.RbacV1().ClusterRoles().Create(ctx, &role, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	controller := clusterroleaggregation.NewClusterRoleAggregation(factory.Rbac().V1().ClusterRoles(), client.RbacV1())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go controller.Run(ctx, 1)

	want := map[string]*rbacv1.ClusterRole{}
	for object := range bootstrap.Objects(bootstrap.Newest) {
		role := &rbacv1.ClusterRole{}
		if err := json.Unmarshal(object, role); err != nil {
			t.Fatal(err)
		}
		if role.Kind == "ClusterRole" {
			want[role.Name] = role
		}
	}
	different := func() (name string) {
		list, err := client.RbacV1().ClusterRoles().List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != len(want) {
			t.Fatalf("%d cluster roles, want %d", len(list.Items), len(want))
		}
		for i := range list.Items {
			role := &list.Items[i]
			if w := want[role.Name]; w == nil || !equality.Semantic.DeepEqual(w.Rules, role.Rules) {
				return role.Name
			}
		}
		return ""
	}
	var name string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if name = different(); name == "" {
			return
		}
	}
	t.Errorf("the controller settled on other rules for %s", name)
}
