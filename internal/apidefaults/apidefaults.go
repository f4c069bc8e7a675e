// Package apidefaults sets, in one place, the server-side defaults that evaluations depend on, so that a manifest reads
// like the object that the API server would store. Sources: pkg/apis/*/v1/defaults.go of k8s.io/kubernetes v1.37.2 and
// the ServiceAccount admission plugin for spec.serviceAccountName.
package apidefaults

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Set completes an object of a v1 Go type that was decoded from apiVersion; namespace is the one it lives in. Types
// without a default that matters are left as they are.
func Set(obj any, namespace, apiVersion string) {
	if m, ok := obj.(metav1.Object); ok {
		m.SetNamespace(namespace)
	}
	switch o := obj.(type) {
	case *corev1.Pod:
		podSpec(&o.Spec)
	case *corev1.PodTemplate:
		podSpec(&o.Template.Spec)
	case *corev1.ReplicationController:
		if o.Spec.Template != nil {
			podSpec(&o.Spec.Template.Spec)
			if len(o.Spec.Selector) == 0 {
				o.Spec.Selector = o.Spec.Template.Labels
			}
		}
	case *appsv1.Deployment:
		podSpec(&o.Spec.Template.Spec)
		selector(&o.Spec.Selector, &o.Spec.Template, apiVersion)
	case *appsv1.ReplicaSet:
		podSpec(&o.Spec.Template.Spec)
		selector(&o.Spec.Selector, &o.Spec.Template, apiVersion)
	case *appsv1.StatefulSet:
		podSpec(&o.Spec.Template.Spec)
		selector(&o.Spec.Selector, &o.Spec.Template, apiVersion)
	case *appsv1.DaemonSet:
		podSpec(&o.Spec.Template.Spec)
		selector(&o.Spec.Selector, &o.Spec.Template, apiVersion)
	case *batchv1.Job:
		podSpec(&o.Spec.Template.Spec)
	case *batchv1.CronJob:
		podSpec(&o.Spec.JobTemplate.Spec.Template.Spec)
	case *corev1.Namespace:
		// Since 1.21 the API server sets this label on every namespace; it cannot be changed.
		if o.Labels["kubernetes.io/metadata.name"] != o.Name {
			labels := make(map[string]string, len(o.Labels)+1)
			for k, v := range o.Labels {
				labels[k] = v
			}
			labels["kubernetes.io/metadata.name"] = o.Name
			o.Labels = labels
		}
	case *corev1.Secret:
		if o.Type == "" {
			o.Type = corev1.SecretTypeOpaque
		}
	case *corev1.Service:
		service(o)
	case *networkingv1.NetworkPolicy:
		networkPolicy(o)
	case *rbacv1.RoleBinding:
		binding(o.Subjects, &o.RoleRef, apiVersion)
	case *rbacv1.ClusterRoleBinding:
		binding(o.Subjects, &o.RoleRef, apiVersion)
	}
}

func podSpec(s *corev1.PodSpec) {
	if s.ServiceAccountName == "" {
		s.ServiceAccountName = s.DeprecatedServiceAccount
	}
	if s.ServiceAccountName == "" {
		s.ServiceAccountName = "default"
	}
	if s.RestartPolicy == "" {
		s.RestartPolicy = corev1.RestartPolicyAlways
	}
	if s.DNSPolicy == "" {
		s.DNSPolicy = corev1.DNSClusterFirst
	}
	for _, cs := range [][]corev1.Container{s.InitContainers, s.Containers} {
		for i := range cs {
			for j := range cs[i].Ports {
				p := &cs[i].Ports[j]
				if p.Protocol == "" {
					p.Protocol = corev1.ProtocolTCP
				}
				if s.HostNetwork && p.HostPort == 0 {
					p.HostPort = p.ContainerPort
				}
			}
		}
	}
	for i := range s.Volumes {
		// A volume without a source is an emptyDir.
		if (s.Volumes[i].VolumeSource == corev1.VolumeSource{}) {
			s.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
}

// selector: before apps/v1 the selector defaulted to the labels of the template.
func selector(s **metav1.LabelSelector, t *corev1.PodTemplateSpec, apiVersion string) {
	if *s == nil && strings.Contains(apiVersion, "beta") {
		*s = &metav1.LabelSelector{MatchLabels: t.Labels}
	}
}

func service(o *corev1.Service) {
	if o.Spec.Type == "" {
		o.Spec.Type = corev1.ServiceTypeClusterIP
	}
	for i := range o.Spec.Ports {
		p := &o.Spec.Ports[i]
		if p.Protocol == "" {
			p.Protocol = corev1.ProtocolTCP
		}
		if p.TargetPort.IntVal == 0 && p.TargetPort.StrVal == "" {
			p.TargetPort.IntVal = p.Port
		}
	}
}

func networkPolicy(o *networkingv1.NetworkPolicy) {
	if len(o.Spec.PolicyTypes) == 0 {
		o.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(o.Spec.Egress) != 0 {
			o.Spec.PolicyTypes = append(o.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	tcp := corev1.ProtocolTCP
	ports := func(ps []networkingv1.NetworkPolicyPort) {
		for i := range ps {
			if ps[i].Protocol == nil {
				ps[i].Protocol = &tcp
			}
		}
	}
	for i := range o.Spec.Ingress {
		ports(o.Spec.Ingress[i].Ports)
	}
	for i := range o.Spec.Egress {
		ports(o.Spec.Egress[i].Ports)
	}
}

func binding(subjects []rbacv1.Subject, role *rbacv1.RoleRef, apiVersion string) {
	if role.APIGroup == "" {
		role.APIGroup = rbacv1.GroupName
	}
	for i := range subjects {
		s := &subjects[i]
		if s.APIGroup == "" && (s.Kind == rbacv1.UserKind || s.Kind == rbacv1.GroupKind) {
			s.APIGroup = rbacv1.GroupName
		}
		// pkg/apis/rbac/v1alpha1/conversion.go: the user "*" meant everybody who is authenticated.
		if strings.HasSuffix(apiVersion, "/v1alpha1") && s.Kind == rbacv1.UserKind && s.Name == "*" {
			s.Kind, s.Name = rbacv1.GroupKind, "system:authenticated"
		}
	}
}
