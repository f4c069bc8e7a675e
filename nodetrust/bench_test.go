package nodetrust_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/nodetrust"
)

// fleet is a cluster of workloads with fifty pods each, an account, Secrets and ConfigMaps of their own; a tenth may read
// Secrets or run pods in their namespace, a hundredth everywhere.
func fleet(b *testing.B, nodes, pods int) *inventory.Inventory {
	b.Helper()
	const each, perNamespace = 50, 6
	truth := true
	inv, err := inventory.Collect(context.Background(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, into *inventory.Collector) error {
		add := func(o any) {
			text, err := json.Marshal(o)
			if err != nil {
				b.Fatal(err)
			}
			object, err := inventory.NewObject(inventory.Item{JSON: text, Strength: inventory.Observed})
			if err != nil {
				b.Fatal(err)
			}
			into.Add(object)
		}
		meta := func(version, kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: version, Kind: kind} }
		const group = "rbac.authorization.k8s.io/v1"
		add(&rbacv1.ClusterRole{TypeMeta: meta(group, "ClusterRole"), ObjectMeta: metav1.ObjectMeta{Name: "read"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}}})
		add(&rbacv1.ClusterRole{TypeMeta: meta(group, "ClusterRole"), ObjectMeta: metav1.ObjectMeta{Name: "run"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods", "pods/exec"}, Verbs: []string{"create"}}}})
		for i := range nodes {
			add(&corev1.Node{TypeMeta: meta("v1", "Node"), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), Labels: map[string]string{corev1.LabelHostname: fmt.Sprintf("node-%d", i)}}})
		}
		for i := range pods / each {
			ns, name := fmt.Sprintf("team-%d", i/perNamespace), fmt.Sprintf("w%d", i)
			if i%perNamespace == 0 {
				add(&corev1.Namespace{TypeMeta: meta("v1", "Namespace"), ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "baseline"}}})
			}
			add(&corev1.ServiceAccount{TypeMeta: meta("v1", "ServiceAccount"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}})
			for _, s := range []string{"db", "tls"} {
				add(&corev1.Secret{TypeMeta: meta("v1", "Secret"), ObjectMeta: metav1.ObjectMeta{Name: name + "-" + s, Namespace: ns}})
			}
			subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: ns}}
			role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: []string{"read", "run"}[i/10%2]}
			switch {
			case i%100 == 0:
				add(&rbacv1.ClusterRoleBinding{TypeMeta: meta(group, "ClusterRoleBinding"), ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: subjects, RoleRef: role})
			case i%10 == 0:
				add(&rbacv1.RoleBinding{TypeMeta: meta(group, "RoleBinding"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Subjects: subjects, RoleRef: role})
			}
			spec := corev1.PodSpec{
				ServiceAccountName: name,
				Containers: []corev1.Container{{Name: "c", Image: "i", Env: []corev1.EnvVar{
					{Name: "DB", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-db"}, Key: "url"}}},
				}}},
				Volumes: []corev1.Volume{
					{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name + "-tls"}}},
					{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}},
					{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
						{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
						{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}}},
					}}}},
				},
			}
			if i%50 == 0 { // an agent that can act as its node
				spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &truth}
			}
			rs := &appsv1.ReplicaSet{TypeMeta: meta("apps/v1", "ReplicaSet"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, UID: types.UID(name)}}
			rs.Spec.Template.Spec = spec
			add(rs)
			for j := range each {
				p := &corev1.Pod{TypeMeta: meta("v1", "Pod"), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, j), Namespace: ns, UID: types.UID(fmt.Sprintf("%s-%d", name, j)),
					OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: name, UID: types.UID(name), Controller: &truth}}}, Spec: spec}
				p.Spec.NodeName = fmt.Sprintf("node-%d", (i*each+j*7)%nodes)
				add(p)
			}
		}
		into.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := inventory.WorkloadsOf(context.Background(), inv); err != nil { // decodes
		b.Fatal(err)
	}
	return inv
}

var sizes = []struct{ nodes, pods int }{{50, 1500}, {500, 15000}, {5000, 150000}}

// decoded is a fleet of which nothing was asked yet but its objects.
func decoded(b *testing.B, nodes, pods int) *inventory.Inventory {
	b.StopTimer()
	inv := fleet(b, nodes, pods)
	for range inventory.Typed[corev1.Secret](inv) {
	}
	for range inventory.Typed[corev1.ServiceAccount](inv) {
	}
	for range inventory.Typed[corev1.Node](inv) {
	}
	runtime.GC()
	b.StartTimer()
	return inv
}

// The blast radius of every node, from a decoded inventory.
func BenchmarkBlastRadius(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.nodes, size.pods), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				r, err := nodetrust.BlastRadiusOf(context.Background(), decoded(b, size.nodes, size.pods))
				if err != nil {
					b.Fatal(err)
				}
				admins := 0
				for x := range r.Nodes() {
					if x.Admin {
						admins++
					}
				}
				b.ReportMetric(float64(admins), "admins")
			}
		})
	}
}

// Every check of the package.
func BenchmarkChecks(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.nodes, size.pods), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := nist190.Run(context.Background(), decoded(b, size.nodes, size.pods), nodetrust.Checks()...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
