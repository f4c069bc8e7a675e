package inventory

import (
	"reflect"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is a built-in kind that Typed can give. Every stored version of a kind is read as its v1 type.
type kind struct {
	schema.GroupVersionKind
	resource   string
	namespaced bool
	typ        reflect.Type
}

const (
	namespaced    = true
	clusterScoped = false
)

func kindRow[T any](group, name, resource string, scope bool) kind {
	return kind{schema.GroupVersionKind{Group: group, Version: "v1", Kind: name}, resource, scope, reflect.TypeFor[T]()}
}

var builtinKinds = []kind{
	kindRow[corev1.ConfigMap]("", "ConfigMap", "configmaps", namespaced),
	kindRow[corev1.Event]("", "Event", "events", namespaced),
	kindRow[corev1.LimitRange]("", "LimitRange", "limitranges", namespaced),
	kindRow[corev1.Namespace]("", "Namespace", "namespaces", clusterScoped),
	kindRow[corev1.Node]("", "Node", "nodes", clusterScoped),
	kindRow[corev1.PersistentVolume]("", "PersistentVolume", "persistentvolumes", clusterScoped),
	kindRow[corev1.PersistentVolumeClaim]("", "PersistentVolumeClaim", "persistentvolumeclaims", namespaced),
	kindRow[corev1.Pod]("", "Pod", "pods", namespaced),
	kindRow[corev1.PodTemplate]("", "PodTemplate", "podtemplates", namespaced),
	kindRow[corev1.ReplicationController]("", "ReplicationController", "replicationcontrollers", namespaced),
	kindRow[corev1.ResourceQuota]("", "ResourceQuota", "resourcequotas", namespaced),
	kindRow[corev1.Secret]("", "Secret", "secrets", namespaced),
	kindRow[corev1.Service]("", "Service", "services", namespaced),
	kindRow[corev1.ServiceAccount]("", "ServiceAccount", "serviceaccounts", namespaced),
	kindRow[admissionregistrationv1.MutatingWebhookConfiguration]("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", clusterScoped),
	kindRow[admissionregistrationv1.ValidatingWebhookConfiguration]("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", clusterScoped),
	kindRow[admissionregistrationv1.ValidatingAdmissionPolicy]("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", clusterScoped),
	kindRow[admissionregistrationv1.ValidatingAdmissionPolicyBinding]("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", clusterScoped),
	kindRow[appsv1.ControllerRevision]("apps", "ControllerRevision", "controllerrevisions", namespaced),
	kindRow[appsv1.DaemonSet]("apps", "DaemonSet", "daemonsets", namespaced),
	kindRow[appsv1.Deployment]("apps", "Deployment", "deployments", namespaced),
	kindRow[appsv1.ReplicaSet]("apps", "ReplicaSet", "replicasets", namespaced),
	kindRow[appsv1.StatefulSet]("apps", "StatefulSet", "statefulsets", namespaced),
	kindRow[batchv1.CronJob]("batch", "CronJob", "cronjobs", namespaced),
	kindRow[batchv1.Job]("batch", "Job", "jobs", namespaced),
	kindRow[certificatesv1.CertificateSigningRequest]("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", clusterScoped),
	kindRow[coordinationv1.Lease]("coordination.k8s.io", "Lease", "leases", namespaced),
	kindRow[discoveryv1.EndpointSlice]("discovery.k8s.io", "EndpointSlice", "endpointslices", namespaced),
	kindRow[networkingv1.Ingress]("networking.k8s.io", "Ingress", "ingresses", namespaced),
	kindRow[networkingv1.IngressClass]("networking.k8s.io", "IngressClass", "ingressclasses", clusterScoped),
	kindRow[networkingv1.NetworkPolicy]("networking.k8s.io", "NetworkPolicy", "networkpolicies", namespaced),
	kindRow[nodev1.RuntimeClass]("node.k8s.io", "RuntimeClass", "runtimeclasses", clusterScoped),
	kindRow[policyv1.PodDisruptionBudget]("policy", "PodDisruptionBudget", "poddisruptionbudgets", namespaced),
	kindRow[rbacv1.ClusterRole]("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", clusterScoped),
	kindRow[rbacv1.ClusterRoleBinding]("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", clusterScoped),
	kindRow[rbacv1.Role]("rbac.authorization.k8s.io", "Role", "roles", namespaced),
	kindRow[rbacv1.RoleBinding]("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", namespaced),
	kindRow[schedulingv1.PriorityClass]("scheduling.k8s.io", "PriorityClass", "priorityclasses", clusterScoped),
	kindRow[storagev1.CSIDriver]("storage.k8s.io", "CSIDriver", "csidrivers", clusterScoped),
	kindRow[storagev1.CSINode]("storage.k8s.io", "CSINode", "csinodes", clusterScoped),
	kindRow[storagev1.StorageClass]("storage.k8s.io", "StorageClass", "storageclasses", clusterScoped),
	kindRow[storagev1.VolumeAttachment]("storage.k8s.io", "VolumeAttachment", "volumeattachments", clusterScoped),
}

// movedKinds are kinds that changed their group; the old spelling is the same object.
var movedKinds = map[schema.GroupKind]schema.GroupKind{
	{Group: "extensions", Kind: "DaemonSet"}:     {Group: "apps", Kind: "DaemonSet"},
	{Group: "extensions", Kind: "Deployment"}:    {Group: "apps", Kind: "Deployment"},
	{Group: "extensions", Kind: "ReplicaSet"}:    {Group: "apps", Kind: "ReplicaSet"},
	{Group: "extensions", Kind: "Ingress"}:       {Group: "networking.k8s.io", Kind: "Ingress"},
	{Group: "extensions", Kind: "NetworkPolicy"}: {Group: "networking.k8s.io", Kind: "NetworkPolicy"},
}

var kindByGroupKind, kindByType = func() (map[schema.GroupKind]*kind, map[reflect.Type]*kind) {
	byGK, byType := map[schema.GroupKind]*kind{}, map[reflect.Type]*kind{}
	for i := range builtinKinds {
		k := &builtinKinds[i]
		byGK[k.GroupKind()] = k
		byType[k.typ] = k
	}
	return byGK, byType
}()

// CanonicalGroupKind is the group and kind under which objects of gk are indexed: extensions/v1beta1 Deployments, for
// one, are those of apps.
func CanonicalGroupKind(gk schema.GroupKind) schema.GroupKind {
	if to, ok := movedKinds[gk]; ok {
		return to
	}
	return gk
}

// KindOf tells the group, version and kind of a built-in Go type such as *corev1.Pod, for objects without TypeMeta.
func KindOf(obj any) (schema.GroupVersionKind, bool) {
	t := reflect.TypeOf(obj)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if k, ok := kindByType[t]; ok {
		return k.GroupVersionKind, true
	}
	return schema.GroupVersionKind{}, false
}

// KindOfResource finds the built-in kind of a resource written "networkpolicies.networking.k8s.io" or "pods".
func KindOfResource(name string) (schema.GroupKind, bool) {
	gr := schema.ParseGroupResource(name)
	for i := range builtinKinds {
		if k := &builtinKinds[i]; k.resource == gr.Resource && k.Group == gr.Group {
			return k.GroupKind(), true
		}
	}
	return schema.GroupKind{}, false
}

// Namespaced tells whether a kind lives in namespaces; known is false for kinds that are not built in.
func Namespaced(gk schema.GroupKind) (namespaced, known bool) {
	if k, ok := kindByGroupKind[CanonicalGroupKind(gk)]; ok {
		return k.namespaced, true
	}
	switch gk {
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"},
		schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"},
		schema.GroupKind{Group: "policy", Kind: "PodSecurityPolicy"}:
		return clusterScoped, true
	}
	return false, false
}

// kindOf looks T up in the table of built-in kinds. Asking for another type is a mistake of the programmer, as it is to
// call reflect with the wrong kind.
func kindOf[T any]() *kind {
	t := reflect.TypeFor[T]()
	k, ok := kindByType[t]
	if !ok {
		panic("inventory: " + t.String() + " is not a built-in kind; use ByKind and Unstructured")
	}
	return k
}
