package placement

import (
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// ratifyKind is the constraint of Ratify's default template (library/default/template.yaml of ratify-project/ratify).
var ratifyKind = schema.GroupKind{Group: "constraints.gatekeeper.sh", Kind: "RatifyVerification"}

// gatekeeperWebhook asks Gatekeeper; as it is installed, it lets pods in where Gatekeeper does not answer
// (open-policy-agent.github.io/gatekeeper/website/docs/failing-closed).
const gatekeeperWebhook = "validation.gatekeeper.sh"

// ratify is a constraint by which Gatekeeper asks Ratify for every image of a pod.
type ratify struct {
	object *inventory.Object
	spec   struct {
		EnforcementAction string
		Match             struct {
			Kinds                            []struct{ APIGroups, Kinds []string }
			Namespaces, ExcludedNamespaces   []string
			NamespaceSelector, LabelSelector *metav1.LabelSelector
			Scope, Name, Source              string
		}
	}
	webhook *admissionregistrationv1.ValidatingWebhook
}

func ratifyConstraint(o *inventory.Object, inv *inventory.Inventory) verifier {
	r := &ratify{object: o, webhook: validatingWebhook(inv, gatekeeperWebhook)}
	if !decode(o, &struct{ Spec any }{&r.spec}) {
		return nil
	}
	return r
}

func (r *ratify) verifies(ns space, _ string) verification {
	state, why := r.about(ns)
	return verification{state, why, r.object}
}

func (r *ratify) about(ns space) (verified, string) {
	m := &r.spec.Match
	pods := len(m.Kinds) == 0
	for _, k := range m.Kinds {
		has := func(list []string, s string) bool { return slices.Contains(list, s) || slices.Contains(list, "*") }
		pods = pods || has(k.APIGroups, "") && has(k.Kinds, "Pod")
	}
	in := func(list []string) bool { // a star stands at the beginning or the end
		return slices.ContainsFunc(list, func(p string) bool { return wildcard(p, ns.name) })
	}
	if !pods || m.Scope == "Cluster" || len(m.Namespaces) > 0 && !in(m.Namespaces) || in(m.ExcludedNamespaces) || selects(m.NamespaceSelector, ns.labels) == no {
		return passedBy, ""
	}
	switch a := r.spec.EnforcementAction; {
	case a == "warn" || a == "dryrun":
		return watched, "only watches (enforcementAction: " + a + ")"
	case a != "" && a != "deny":
		return unclear, "has scoped enforcement, which is not evaluated"
	case m.LabelSelector != nil && !emptySelector(m.LabelSelector) || m.Name != "":
		return unclear, "is about some pods only"
	case r.webhook == nil:
		return unclear, "holds where Gatekeeper's webhook fails closed, which is not seen"
	case r.webhook.FailurePolicy != nil && *r.webhook.FailurePolicy == admissionregistrationv1.Ignore:
		return watched, "lets pods in where Gatekeeper does not answer (failurePolicy: Ignore)"
	}
	if s := selector(r.webhook.NamespaceSelector); s != nil && !s.Matches(ns.labels) {
		return watched, "is not asked: Gatekeeper's webhook leaves the namespace out"
	}
	return held, ""
}

// otherRatify is a template by which other constraints ask Ratify; those are of kinds that only the template knows.
type otherRatify struct{ object *inventory.Object }

func ratifyTemplate(o *inventory.Object, _ *inventory.Inventory) verifier {
	var t struct {
		Spec struct {
			CRD struct {
				Spec struct{ Names struct{ Kind string } }
			}
		}
	}
	if !decode(o, &t) || t.Spec.CRD.Spec.Names.Kind == ratifyKind.Kind || !strings.Contains(string(o.JSON()), "ratify-provider") {
		return nil
	}
	return otherRatify{o}
}

func (r otherRatify) verifies(space, string) verification {
	return verification{unclear, "asks Ratify, by constraints that are not read", r.object}
}
