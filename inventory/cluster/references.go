package cluster

import (
	"iter"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// target is what a reference names; the namespace is empty for kinds without.
type target struct {
	kind            schema.GroupKind
	namespace, name string
}

var (
	nodeKind           = schema.GroupKind{Kind: "Node"}
	claimKind          = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	volumeKind         = schema.GroupKind{Kind: "PersistentVolume"}
	serviceKind        = schema.GroupKind{Kind: "Service"}
	serviceAccountKind = schema.GroupKind{Kind: "ServiceAccount"}
	roleKind           = schema.GroupKind{Group: rbacv1.GroupName, Kind: "Role"}
	clusterRoleKind    = schema.GroupKind{Group: rbacv1.GroupName, Kind: "ClusterRole"}
	storageClassKind   = schema.GroupKind{Group: "storage.k8s.io", Kind: "StorageClass"}
	ingressClassKind   = schema.GroupKind{Group: "networking.k8s.io", Kind: "IngressClass"}
	runtimeClassKind   = schema.GroupKind{Group: "node.k8s.io", Kind: "RuntimeClass"}
)

// references lists what an object names and checks follow: its namespace, its controller, and by kind the role and the service
// accounts of a binding, what a pod runs as, on and with, the volume and class of a claim, and what an Ingress leads to.
func references(o *inventory.Object) iter.Seq[target] {
	return func(yield func(target) bool) {
		give := func(kind schema.GroupKind, namespace, name string) {
			if name != "" && yield != nil && !yield(target{kind, namespace, name}) {
				yield = nil
			}
		}
		ns := o.Namespace()
		give(namespaceKind, "", ns)
		if c, ok := o.Controller(); ok {
			if gv, err := schema.ParseGroupVersion(c.APIVersion); err == nil {
				gk := inventory.CanonicalGroupKind(gv.WithKind(c.Kind).GroupKind())
				if namespaced, known := inventory.Namespaced(gk); known && namespaced {
					give(gk, ns, c.Name)
				}
			}
		}
		switch o.GroupKind() {
		case schema.GroupKind{Group: rbacv1.GroupName, Kind: "RoleBinding"}:
			if b, err := inventory.As[rbacv1.RoleBinding](o); err == nil {
				if b.RoleRef.Kind == roleKind.Kind {
					give(roleKind, ns, b.RoleRef.Name)
				} else {
					give(clusterRoleKind, "", b.RoleRef.Name)
				}
				subjects(b.Subjects, give)
			}
		case schema.GroupKind{Group: rbacv1.GroupName, Kind: "ClusterRoleBinding"}:
			if b, err := inventory.As[rbacv1.ClusterRoleBinding](o); err == nil {
				give(clusterRoleKind, "", b.RoleRef.Name)
				subjects(b.Subjects, give)
			}
		case claimKind:
			if c, err := inventory.As[corev1.PersistentVolumeClaim](o); err == nil {
				give(volumeKind, "", c.Spec.VolumeName)
				if c.Spec.StorageClassName != nil {
					give(storageClassKind, "", *c.Spec.StorageClassName)
				}
			}
		case schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}:
			if in, err := inventory.As[networkingv1.Ingress](o); err == nil {
				ingress(in, ns, give)
			}
		default:
			podSpec(podSpecOf(o), ns, give)
		}
	}
}

type giver = func(kind schema.GroupKind, namespace, name string)

func subjects(list []rbacv1.Subject, give giver) {
	for _, s := range list {
		if s.Kind == rbacv1.ServiceAccountKind {
			give(serviceAccountKind, s.Namespace, s.Name)
		}
	}
}

func ingress(in *networkingv1.Ingress, ns string, give giver) {
	if in.Spec.IngressClassName != nil {
		give(ingressClassKind, "", *in.Spec.IngressClassName)
	}
	backend := func(b *networkingv1.IngressBackend) {
		if b != nil && b.Service != nil {
			give(serviceKind, ns, b.Service.Name)
		}
	}
	backend(in.Spec.DefaultBackend)
	for i := range in.Spec.Rules {
		if h := in.Spec.Rules[i].HTTP; h != nil {
			for j := range h.Paths {
				backend(&h.Paths[j].Backend)
			}
		}
	}
}

func podSpec(s *corev1.PodSpec, ns string, give giver) {
	if s == nil {
		return
	}
	give(serviceAccountKind, ns, s.ServiceAccountName)
	give(nodeKind, "", s.NodeName)
	if s.RuntimeClassName != nil {
		give(runtimeClassKind, "", *s.RuntimeClassName)
	}
	for i := range s.Volumes {
		if c := s.Volumes[i].PersistentVolumeClaim; c != nil {
			give(claimKind, ns, c.ClaimName)
		}
	}
}

// podSpecOf is what a pod, or the template of a workload, runs; nil for other kinds.
func podSpecOf(o *inventory.Object) *corev1.PodSpec {
	switch o.GroupKind() {
	case schema.GroupKind{Kind: "Pod"}:
		if v, err := inventory.As[corev1.Pod](o); err == nil {
			return &v.Spec
		}
	case schema.GroupKind{Kind: "ReplicationController"}:
		if v, err := inventory.As[corev1.ReplicationController](o); err == nil && v.Spec.Template != nil {
			return &v.Spec.Template.Spec
		}
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}:
		if v, err := inventory.As[appsv1.Deployment](o); err == nil {
			return &v.Spec.Template.Spec
		}
	case schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}:
		if v, err := inventory.As[appsv1.ReplicaSet](o); err == nil {
			return &v.Spec.Template.Spec
		}
	case schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		if v, err := inventory.As[appsv1.StatefulSet](o); err == nil {
			return &v.Spec.Template.Spec
		}
	case schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		if v, err := inventory.As[appsv1.DaemonSet](o); err == nil {
			return &v.Spec.Template.Spec
		}
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		if v, err := inventory.As[batchv1.Job](o); err == nil {
			return &v.Spec.Template.Spec
		}
	case schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		if v, err := inventory.As[batchv1.CronJob](o); err == nil {
			return &v.Spec.JobTemplate.Spec.Template.Spec
		}
	}
	return nil
}
