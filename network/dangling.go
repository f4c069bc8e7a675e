package network

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var exposureDangling = nist190.Metadata{
	ID: "network-exposure-dangling", Title: "Entry or Service that leads nowhere", Advisory: true,
	Risk: nist190.PoorlySeparatedTraffic, Since: "v0.1.0",
	Doc: `An Ingress, a route of a Gateway or an OpenShift Route names a Service that does not exist or has no such port, or a Service
selects no pod or leads to the name of a port that no container has. It serves nobody today; who may create the Service or a pod
with these labels takes over what clients send there. Mostly it was left over, or a name was changed on one side.

Services without a selector, whose endpoints somebody writes, and names of other hosts (ExternalName) are not judged; workloads
that are scaled to zero count as there.

Before:

    kind: Service
    spec: {selector: {app: payment}}   # the pods are labelled app: payments

After:

    kind: Service
    spec: {selector: {app: payments}}`,
	Claims: nist190.Claims("3c"), Controls: []string{"CM-6", "CM-8"},
	Severity:    nist190.SeverityInfo,
	Remediation: "Correct the name, the port or the selector, or delete what is not used any more.",
	Subjects:    slices.Concat([]schema.GroupKind{serviceKind, ingressKind, openshiftRoute}, gatewayRoutes),
	Needs: slices.Concat(everyPod(), routeNeeds(), []inventory.Need{
		inventory.NeedOf[corev1.Service](inventory.Either), // it can be what an Ingress is for, and lead nowhere itself
		inventory.NeedOf[networkingv1.Ingress](inventory.Incriminating),
		{Group: openshiftRoute.Group, Kind: openshiftRoute.Kind, Resource: "routes", Bias: inventory.Incriminating},
	}),
	Limits: `Manifests without any workload in a namespace are taken for a part of what is there, and so are those that hold resources from
which operators make pods. Labels that programs give to their own pods, such as the role of a database, are seen in running pods
only.`,
}

var (
	serviceKind    = schema.GroupKind{Kind: "Service"}
	ingressKind    = schema.GroupKind{Group: networkingv1.GroupName, Kind: "Ingress"}
	openshiftRoute = schema.GroupKind{Group: "route.openshift.io", Kind: "Route"}
	gatewayRoutes  = func() (out []schema.GroupKind) {
		for _, k := range routeKinds {
			out = append(out, schema.GroupKind{Group: gatewayAPI, Kind: k.kind})
		}
		return out
	}()
)

// danglingFinder knows what there is to lead to.
type danglingFinder struct {
	e       *nist190.Eval
	unshown bool
	pods    map[string][]*Pod // by namespace: running ones, and the templates that the next are made of
	found   bool
}

func checkDangling(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	f := &danglingFinder{e: e, unshown: hasPodMakers(e.Inventory), pods: map[string][]*Pod{}}
	for _, p := range podsOf(workloads) {
		f.pods[p.Namespace] = append(f.pods[p.Namespace], p)
	}
	for _, w := range workloads {
		if len(w.Pods) > 0 && !isPod(w.Object) {
			f.pods[w.Namespace()] = append(f.pods[w.Namespace()], &Pod{Workload: w, Object: w.Object, Template: true, Namespace: w.Namespace(), Labels: w.Template.Labels, Spec: &w.Template.Spec})
		}
	}
	for o, s := range inventory.Typed[corev1.Service](e.Inventory) {
		if f.wholly(o, o.Namespace()) {
			f.service(o, s)
		}
	}
	f.ingresses()
	f.routes()
	if !f.found {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster})
	}
	return nil
}

func (f *danglingFinder) fail(o *inventory.Object, message string, at ...any) {
	f.found = true
	f.e.Fail(o.Ref(), inventory.PathString(at...), message, nist190.At(o, at...))
}

// wholly tells whether what an object leads to in a namespace would be seen. A cluster is seen as it is; manifests are where
// they hold workloads of the namespace, and nothing from which others make pods. What runs in kube-system no manifests of an
// application hold.
func (f *danglingFinder) wholly(o *inventory.Object, namespace string) bool {
	return o.Strength() >= inventory.Observed || !f.unshown && namespace != metav1.NamespaceSystem && len(f.pods[namespace]) > 0
}

func (f *danglingFinder) service(o *inventory.Object, s *corev1.Service) {
	if s.Spec.Type == corev1.ServiceTypeExternalName || len(s.Spec.Selector) == 0 {
		return
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	var behind []*Pod
	for _, p := range f.pods[o.Namespace()] {
		switch {
		case selector.Matches(p.Labels):
			behind = append(behind, p)
		case p.Template && someOf(s.Spec.Selector, p.Labels):
			return // the rest may be given to the pods while they run
		}
	}
	if len(behind) == 0 {
		f.fail(o, fmt.Sprintf("no pod or template of namespace %q matches %s", o.Namespace(), metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Spec.Selector})), "spec", "selector")
		return
	}
	for i, port := range s.Spec.Ports {
		protocol, ok := protocolOf(&port.Protocol)
		if port.Protocol == "" {
			protocol, ok = TCP, true
		}
		named := []namedPort{{name: port.TargetPort.StrVal, protocol: protocol}}
		if ok && port.TargetPort.StrVal != "" && !slices.ContainsFunc(behind, func(p *Pod) bool { return !(&class{Pod: p}).resolve(named).Empty() }) {
			f.fail(o, fmt.Sprintf("no container behind it has a %s port named %q", protocol, port.TargetPort.StrVal), "spec", "ports", i, "targetPort")
		}
	}
}

// someOf tells that labels agree with a selector in something and contradict it in nothing.
func someOf(selector map[string]string, have labels.Set) bool {
	agree := false
	for k, v := range selector {
		switch value, ok := have[k]; {
		case ok && value != v:
			return false
		case ok:
			agree = true
		case slices.Contains(assignedLabels, k):
			agree = true
		}
	}
	return agree
}

// backend judges one reference to a Service; a nil port is none in particular.
func (f *danglingFinder) backend(o *inventory.Object, namespace, name string, port *intstr.IntOrString, at ...any) {
	_, s, ok := inventory.TypedGet[corev1.Service](f.e.Inventory, namespace, name)
	switch {
	case !f.wholly(o, namespace):
	case !ok:
		f.fail(o, fmt.Sprintf("there is no Service %q in namespace %q", name, namespace), at...)
	case port == nil || s.Spec.Type == corev1.ServiceTypeExternalName:
	case !slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		return port.StrVal != "" && p.Name == port.StrVal || port.StrVal == "" && p.Port == port.IntVal
	}):
		f.fail(o, fmt.Sprintf("Service %q of namespace %q has no port %s", name, namespace, port), at...)
	}
}

// useAnnotation is not a port: the controller reads the backend from an annotation
// (https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#actions).
const useAnnotation = "use-annotation"

func (f *danglingFinder) ingresses() {
	for o, ing := range inventory.Typed[networkingv1.Ingress](f.e.Inventory) {
		add := func(b *networkingv1.IngressBackend, path ...any) {
			if b == nil || b.Service == nil || b.Service.Port.Name == useAnnotation {
				return
			}
			port := intstr.FromInt32(b.Service.Port.Number)
			if b.Service.Port.Name != "" {
				port = intstr.FromString(b.Service.Port.Name)
			}
			f.backend(o, o.Namespace(), b.Service.Name, &port, append(path, "service")...)
		}
		add(ing.Spec.DefaultBackend, "spec", "defaultBackend")
		for i, r := range ing.Spec.Rules {
			if r.HTTP == nil {
				continue
			}
			for j := range r.HTTP.Paths {
				add(&r.HTTP.Paths[j].Backend, "spec", "rules", i, "http", "paths", j, "backend")
			}
		}
	}
}

func (f *danglingFinder) routes() {
	for _, kind := range gatewayRoutes {
		for o := range f.e.Inventory.ByKind(kind) {
			var r gatewayRoute
			if json.Unmarshal(o.JSON(), &r) != nil {
				continue
			}
			for i, rule := range r.Spec.Rules {
				for j, b := range rule.BackendRefs {
					if b.Kind != nil && *b.Kind != "Service" || b.Group != nil && *b.Group != "" {
						continue
					}
					namespace := o.Namespace()
					if b.Namespace != nil {
						namespace = *b.Namespace
					}
					var port *intstr.IntOrString
					if b.Port != nil {
						v := intstr.FromInt32(*b.Port)
						port = &v
					}
					f.backend(o, namespace, b.Name, port, "spec", "rules", i, "backendRefs", j)
				}
			}
		}
	}
	for o := range f.e.Inventory.ByKind(openshiftRoute) {
		type target struct{ Kind, Name string }
		var r struct {
			Spec struct {
				To                target
				AlternateBackends []target
			}
		}
		if json.Unmarshal(o.JSON(), &r) != nil {
			continue
		}
		add := func(t target, at ...any) {
			if t.Name != "" && (t.Kind == "" || t.Kind == "Service") {
				f.backend(o, o.Namespace(), t.Name, nil, at...)
			}
		}
		add(r.Spec.To, "spec", "to")
		for i, t := range r.Spec.AlternateBackends {
			add(t, "spec", "alternateBackends", i)
		}
	}
}
