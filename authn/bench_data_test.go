package authn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
)

// stores is a cluster of StatefulSets, each with a claim, its volume and an emptyDir, over ten classes.
func stores(b *testing.B, n int) *inventory.Inventory {
	b.Helper()
	inv, err := inventory.Collect(context.Background(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, into *inventory.Collector) error {
		add := func(o any) error {
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			object, err := inventory.NewObject(inventory.Item{JSON: text, Strength: inventory.Observed})
			if err == nil {
				into.Add(object)
			}
			return err
		}
		provisioners := []string{"ebs.csi.aws.com", "pd.csi.storage.gke.io", "rook-ceph.rbd.csi.ceph.com", "driver.longhorn.io", "nfs.csi.k8s.io", "rancher.io/local-path",
			"disk.csi.azure.com", "csi.hetzner.cloud", "storage.example.com", "topolvm.io"}
		for i, p := range provisioners {
			if err := add(&storagev1.StorageClass{TypeMeta: metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"}, ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("c", i)},
				Provisioner: p, Parameters: map[string]string{"encrypted": "true"}}); err != nil {
				return err
			}
		}
		for i := range n {
			ns, class := fmt.Sprintf("n%d", i/20), fmt.Sprint("c", i%len(provisioners))
			set := &appsv1.StatefulSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}, ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("s", i), Namespace: ns}}
			set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "c", Image: "i", VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "tmp", MountPath: "/tmp"}}}}
			set.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
			claim := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}}
			set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claim}
			pvc := claim.DeepCopy()
			pvc.TypeMeta, pvc.Name, pvc.Namespace, pvc.Spec.VolumeName = metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, fmt.Sprintf("data-s%d-0", i), ns, fmt.Sprint("v", i)
			pv := &corev1.PersistentVolume{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"}, ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("v", i)}}
			pv.Spec.StorageClassName, pv.Spec.ClaimRef = class, &corev1.ObjectReference{Namespace: ns, Name: pvc.Name}
			pv.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: provisioners[i%len(provisioners)], VolumeHandle: "h"}
			for _, o := range []any{set, pvc, pv} {
				if err := add(o); err != nil {
					return err
				}
			}
		}
		into.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	return inv
}

// The engine of encryption from a decoded inventory, and the uses of every workload, at 1x, 10x and 100x.
func BenchmarkEncryption(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		inv := stores(b, n)
		all, err := inventory.WorkloadsOf(context.Background(), inv)
		if err != nil {
			b.Fatal(err)
		}
		for range inventory.Typed[corev1.PersistentVolume](inv) { // decodes
			break
		}
		for range inventory.Typed[corev1.PersistentVolumeClaim](inv) {
			break
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				// Another version makes the facts of the control plane anew, and what rests on them.
				fresh := inv.Configure(inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: 37}))
				e, err := authn.EncryptionOf(context.Background(), fresh)
				if err != nil {
					b.Fatal(err)
				}
				uses := 0
				for _, w := range all {
					for range e.Uses(w) {
						uses++
					}
				}
				if uses != 2*n {
					b.Fatalf("%d uses", uses)
				}
			}
		})
	}
}

// One question to policies of 10, 100 and 1000 rules, none of which but the last matches.
func BenchmarkAudit(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		var rules []any
		for i := range n - 1 {
			rules = append(rules, map[string]any{"level": "None", "users": []string{fmt.Sprint("u", i)}, "resources": []any{map[string]any{"group": "", "resources": []string{"secrets", "pods/*"}}}})
		}
		rules = append(rules, map[string]any{"level": "Metadata"})
		policy, err := json.Marshal(map[string]any{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules})
		if err != nil {
			b.Fatal(err)
		}
		audit := auditOf(b, string(policy))
		q := &authn.AuditQuestion{User: "alice", Groups: []string{"system:authenticated"}, Verb: "get", Namespace: "shop", Resource: "secrets", Name: "s"}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				if a, why := audit.Evaluate(q); why != "" || a.Rule != n-1 {
					b.Fatal(a, why)
				}
			}
		})
	}
}
