package placement

import (
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// webhook is something outside of Kubernetes' own plugins that may change pods when they are created.
type webhook struct {
	object              *inventory.Object
	name                string
	namespaces, objects labels.Selector // nil: everything
}

func (w *webhook) String() string {
	return fmt.Sprintf("%s %q may change it", w.object.Ref().Kind, w.object.Name())
}

// harmless webhooks add containers, volumes and variables and leave alone where a pod may run; by the names that their
// projects give them. Injection templates can be written that do more.
var harmless = []string{
	"sidecar-injector.istio.io", "linkerd-proxy-injector.linkerd.io", "vault.hashicorp.com", "iam-for-pods.amazonaws.com",
	"pod-identity-webhook.amazonaws.com", "mpod.vpc.k8s.aws", "mutation.azure-workload-identity.io",
}

var mutatingPolicyKind = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingAdmissionPolicy"}

// webhooksOf lists what may change pods. Match conditions are not evaluated: a webhook that has them may match.
func webhooksOf(inv *inventory.Inventory, p *Profile) []webhook {
	var out []webhook
	for o, c := range inventory.Typed[admissionregistrationv1.MutatingWebhookConfiguration](inv) {
		for i := range c.Webhooks {
			h := &c.Webhooks[i]
			if !createsPods(h.Rules) || slices.Contains(p.HarmlessWebhooks, h.Name) ||
				slices.ContainsFunc(harmless, func(n string) bool { return h.Name == n || strings.HasSuffix(h.Name, "."+n) }) {
				continue
			}
			out = append(out, webhook{o, h.Name, selector(h.NamespaceSelector), selector(h.ObjectSelector)})
		}
	}
	for o := range inv.ByKind(mutatingPolicyKind) {
		if !slices.Contains(p.HarmlessWebhooks, o.Name()) && policyNamesPods(o) {
			out = append(out, webhook{object: o, name: o.Name()})
		}
	}
	return out
}

func policyNamesPods(o *inventory.Object) bool {
	spec, _ := o.Unstructured().Object["spec"].(map[string]any)
	match, _ := spec["matchConstraints"].(map[string]any)
	rules, _ := match["resourceRules"].([]any)
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		resources, _ := rule["resources"].([]any)
		for _, x := range resources {
			if x == "pods" || x == "*" || x == "*/*" {
				return true
			}
		}
	}
	return false
}

func selector(s *metav1.LabelSelector) labels.Selector {
	if s == nil {
		return nil
	}
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil { // the API server would not have stored it: it may match
		return nil
	}
	return out
}

func createsPods(rules []admissionregistrationv1.RuleWithOperations) bool {
	return slices.ContainsFunc(rules, func(r admissionregistrationv1.RuleWithOperations) bool {
		return (slices.Contains(r.Operations, admissionregistrationv1.Create) || slices.Contains(r.Operations, admissionregistrationv1.OperationAll)) &&
			(slices.Contains(r.APIGroups, "") || slices.Contains(r.APIGroups, "*")) &&
			slices.ContainsFunc(r.Resources, func(s string) bool { return s == "pods" || s == "*" || s == "*/*" })
	})
}

// matches tells whether the webhook may see pods with these labels; of a namespace that was not seen it may.
func (w *webhook) matches(inv *inventory.Inventory, namespace string, pod map[string]string) bool {
	if w.objects != nil && !w.objects.Matches(labels.Set(pod)) {
		return false
	}
	if w.namespaces == nil {
		return true
	}
	ns, ok := inv.Get(inventory.NamespaceRef("").GroupKind(), "", namespace)
	if !ok {
		return true
	}
	set := labels.Set{"kubernetes.io/metadata.name": namespace}
	return w.namespaces.Matches(labels.Merge(labels.Set(ns.Labels()), set))
}
