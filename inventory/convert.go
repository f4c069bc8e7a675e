package inventory

import (
	networkingv1 "k8s.io/api/networking/v1"
	networkingv1beta1 "k8s.io/api/networking/v1beta1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ingressFromV1beta1 follows the conversion of pkg/apis/networking/v1beta1/conversion.go.
func ingressFromV1beta1(in *networkingv1beta1.Ingress) *networkingv1.Ingress {
	out := &networkingv1.Ingress{TypeMeta: in.TypeMeta, ObjectMeta: in.ObjectMeta}
	out.Spec.IngressClassName = in.Spec.IngressClassName
	out.Spec.DefaultBackend = backendFromV1beta1(in.Spec.Backend)
	for _, t := range in.Spec.TLS {
		out.Spec.TLS = append(out.Spec.TLS, networkingv1.IngressTLS{Hosts: t.Hosts, SecretName: t.SecretName})
	}
	for _, r := range in.Spec.Rules {
		rule := networkingv1.IngressRule{Host: r.Host}
		if r.HTTP != nil {
			rule.HTTP = &networkingv1.HTTPIngressRuleValue{}
			for _, p := range r.HTTP.Paths {
				path := networkingv1.HTTPIngressPath{Path: p.Path}
				pathType := networkingv1.PathTypeImplementationSpecific
				if p.PathType != nil {
					pathType = networkingv1.PathType(*p.PathType)
				}
				path.PathType = &pathType
				if b := backendFromV1beta1(&p.Backend); b != nil {
					path.Backend = *b
				}
				rule.HTTP.Paths = append(rule.HTTP.Paths, path)
			}
		}
		out.Spec.Rules = append(out.Spec.Rules, rule)
	}
	return out
}

func backendFromV1beta1(in *networkingv1beta1.IngressBackend) *networkingv1.IngressBackend {
	if in == nil {
		return nil
	}
	out := &networkingv1.IngressBackend{Resource: in.Resource}
	if in.ServiceName != "" {
		out.Service = &networkingv1.IngressServiceBackend{Name: in.ServiceName}
		if in.ServicePort.Type == intstr.String {
			out.Service.Port.Name = in.ServicePort.StrVal
		} else {
			out.Service.Port.Number = in.ServicePort.IntVal
		}
	}
	return out
}

// disruptionBudgetFromV1beta1: in v1beta1 an empty selector selects no pods, in v1 it selects all of them
// (k8s.io/api/policy/v1beta1/types.go); a missing one selects none in both.
func disruptionBudgetFromV1beta1(pdb *policyv1.PodDisruptionBudget) {
	if s := pdb.Spec.Selector; s != nil && len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		pdb.Spec.Selector = nil
	}
}
