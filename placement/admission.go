package placement

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"

	"github.com/nist190/nist190/inventory"
)

// admitted is a pod spec after admission, between the least and the most that it can be: which plugins run is rarely
// known, and what they add either holds pods (selectors) or opens nodes to them (tolerations).
type admitted struct {
	selector    map[string]string
	mayHold     map[string]string // a selector that may be added
	tolerations []corev1.Toleration
	mayOpen     []corev1.Toleration // tolerations that may be added
	// refused tells why admission lets no such pod in, mayRefuse why it may not.
	refused, mayRefuse string
	// unseen are things that may change it in any way; anyTaint is one that may add any toleration, and a selector.
	unseen   []string
	anyTaint string
}

// Annotations of namespaces that admission plugins read (plugin/pkg/admission/podtolerationrestriction, OpenShift's
// scheduling.openshift.io/OriginPodNodeEnvironment).
const (
	defaultTolerationsAnnotation = "scheduler.alpha.kubernetes.io/defaultTolerations"
	whitelistAnnotation          = "scheduler.alpha.kubernetes.io/tolerationsWhitelist"
	openShiftSelectorAnnotation  = "openshift.io/node-selector"
)

// admitter does to pod templates what the API server does to pods.
type admitter struct {
	inv      *inventory.Inventory
	profile  Profile
	webhooks []webhook
}

// admit applies the plugins in the order of the API server (pkg/kubeapiserver/options/plugins.go). live are pods of the
// same owner that were admitted: what they carry shows which plugins run and that webhooks leave placement alone.
func (a *admitter) admit(namespace string, template *corev1.PodTemplateSpec, live []inventory.WorkloadPod) admitted {
	spec := &template.Spec
	out := admitted{selector: spec.NodeSelector, tolerations: spec.Tolerations}
	annotations := map[string]string{}
	if ns, ok := a.inv.Get(inventory.NamespaceRef("").GroupKind(), "", namespace); ok {
		annotations = ns.Annotations()
	}
	a.selectors(&out, annotations, live)
	a.tolerate(&out, spec, annotations)
	a.runtimeClass(&out, spec, live)
	a.validate(&out, namespace, annotations)
	for _, w := range a.webhooks {
		if w.matches(a.inv, namespace, template.Labels) && !undisturbed(&out, live) {
			out.unseen = append(out.unseen, w.String())
		}
	}
	return out
}

// selectors are those of the namespace: PodNodeSelector's, and OpenShift's where the first has none.
func (a *admitter) selectors(out *admitted, annotations map[string]string, live []inventory.WorkloadPod) {
	add := func(on Known, plugin string, selector map[string]string) {
		if on == Unsaid && len(selector) > 0 && len(live) > 0 {
			// Pods that run show whether it was added.
			if !slices.ContainsFunc(live, func(p inventory.WorkloadPod) bool { return !carries(p.Pod.Spec.NodeSelector, selector) }) {
				on = On
			}
		}
		switch on {
		case On:
			m, conflict := merged(selector, out.selector)
			if conflict != "" {
				out.refused = fmt.Sprintf("%s: the node selector of the namespace and the pod's own differ in %q", plugin, conflict)
				return
			}
			out.selector = m
		case Unsaid:
			out.mayHold, _ = merged(out.mayHold, selector)
		}
	}
	own := selectorIn(annotations, nodeSelectorAnnotation)
	_, has := annotations[nodeSelectorAnnotation]
	if !has && a.profile.PodNodeSelector == On {
		own = a.profile.ClusterNodeSelector
	}
	add(a.profile.PodNodeSelector, "PodNodeSelector", own)
	if has {
		return
	}
	_, set := annotations[openShiftSelectorAnnotation]
	theirs := selectorIn(annotations, openShiftSelectorAnnotation)
	if !set && a.profile.OpenShiftNodeSelector == On {
		theirs = a.profile.ClusterNodeSelector
	}
	add(a.profile.OpenShiftNodeSelector, "OriginPodNodeEnvironment", theirs)
}

func carries(all, some map[string]string) bool {
	for k, v := range some {
		if have, ok := all[k]; !ok || have != v {
			return false
		}
	}
	return true
}

func (a *admitter) tolerate(out *admitted, spec *corev1.PodSpec, annotations map[string]string) {
	extra, set, err := tolerationsIn(annotations, defaultTolerationsAnnotation)
	if !set {
		extra = a.profile.DefaultTolerations
	}
	switch on := a.profile.PodTolerationRestriction; {
	case on == On && err != nil:
		out.refused = "PodTolerationRestriction: the annotation " + defaultTolerationsAnnotation + " cannot be read"
	case on == On:
		// The toleration of memory pressure that the plugin adds to pods that are not BestEffort is of a transient taint.
		out.tolerations = mergeTolerations(out.tolerations, extra)
	case on == Unsaid && err == nil:
		out.mayOpen = append(out.mayOpen, extra...)
	case on == Unsaid:
		out.mayRefuse = "PodTolerationRestriction: the annotation " + defaultTolerationsAnnotation + " cannot be read"
	}
	if a.profile.ExtendedResourceToleration == Off {
		return
	}
	for name := range extendedResources(spec) {
		t := corev1.Toleration{Key: name, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}
		if a.profile.ExtendedResourceToleration == On {
			out.tolerations = append(slices.Clone(out.tolerations), t)
		} else {
			out.mayOpen = append(out.mayOpen, t)
		}
	}
}

// validate is what the plugins ask of a pod once all of them have changed it.
func (a *admitter) validate(out *admitted, namespace string, annotations map[string]string) {
	if out.refused != "" {
		return
	}
	if allowed := a.profile.NamespaceNodeSelectors[namespace]; a.profile.PodNodeSelector == On && len(allowed) > 0 && !carries(allowed, out.selector) {
		out.refused = "PodNodeSelector: pod node label selector labels conflict with its namespace whitelist"
		return
	}
	if a.profile.PodTolerationRestriction == Off {
		return
	}
	refuse := func(reason string) {
		if a.profile.PodTolerationRestriction == On {
			out.refused = reason
		} else {
			out.mayRefuse = reason
		}
	}
	allowed, set, err := tolerationsIn(annotations, whitelistAnnotation)
	if !set {
		allowed = a.profile.TolerationWhitelist
	}
	if err != nil {
		refuse("PodTolerationRestriction: the annotation " + whitelistAnnotation + " cannot be read")
		return
	}
	for _, t := range slices.Concat(out.tolerations, out.mayOpen) {
		if len(allowed) > 0 && !slices.ContainsFunc(allowed, func(w corev1.Toleration) bool { return covers(&w, &t) }) {
			refuse("PodTolerationRestriction: pod tolerations (possibly merged with namespace default tolerations) conflict with its whitelist")
			return
		}
	}
}

func tolerationsIn(annotations map[string]string, key string) (ts []corev1.Toleration, set bool, err error) {
	text, set := annotations[key]
	if !set || text == "" {
		return nil, set, nil
	}
	err = json.Unmarshal([]byte(text), &ts)
	return ts, true, err
}

// extendedResources are requests of devices and the like: names with a domain that is not Kubernetes' own.
func extendedResources(spec *corev1.PodSpec) map[string]bool {
	out := map[string]bool{}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for name := range c.Resources.Requests {
			if domain, _, ok := strings.Cut(string(name), "/"); ok && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io") {
				out[string(name)] = true
			}
		}
		for name := range c.Resources.Limits {
			if domain, _, ok := strings.Cut(string(name), "/"); ok && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io") {
				out[string(name)] = true
			}
		}
	}
	return out
}

// runtimeClass merges what a RuntimeClass asks of nodes, as plugin/pkg/admission/runtimeclass does.
func (a *admitter) runtimeClass(out *admitted, spec *corev1.PodSpec, live []inventory.WorkloadPod) {
	if spec.RuntimeClassName == nil || *spec.RuntimeClassName == "" {
		return
	}
	_, rc, ok := inventory.TypedGet[nodev1.RuntimeClass](a.inv, "", *spec.RuntimeClassName)
	if !ok {
		if !undisturbed(out, live) {
			out.anyTaint = fmt.Sprintf("RuntimeClass %q was not seen", *spec.RuntimeClassName)
		}
		return
	}
	if rc.Scheduling == nil {
		return
	}
	m, conflict := merged(rc.Scheduling.NodeSelector, out.selector)
	if conflict != "" {
		out.refused = fmt.Sprintf("RuntimeClass: conflict: runtimeClass.scheduling.nodeSelector[%s]", conflict)
		return
	}
	out.selector = m
	out.tolerations = mergeTolerations(out.tolerations, rc.Scheduling.Tolerations)
}

// undisturbed: there are pods that run, and they carry what they should: nothing else has changed where they may run.
func undisturbed(out *admitted, live []inventory.WorkloadPod) bool {
	for _, p := range live {
		if !carries(p.Pod.Spec.NodeSelector, out.selector) || len(p.Pod.Spec.NodeSelector) > len(out.selector)+len(out.mayHold) {
			return false
		}
		for i := range p.Pod.Spec.Tolerations {
			t := &p.Pod.Spec.Tolerations[i]
			known := slices.ContainsFunc(slices.Concat(out.tolerations, out.mayOpen), func(k corev1.Toleration) bool { return covers(&k, t) })
			if !known && !transientTaints[t.Key] {
				return false
			}
		}
	}
	return len(live) > 0
}
