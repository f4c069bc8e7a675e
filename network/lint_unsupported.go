package network

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var unsupportedPolicy = nist190.Metadata{
	ID: "network-unsupported-policy", Title: "Policy that could not be evaluated as a whole", Advisory: true,
	Doc: `Something in a policy is not evaluated here, or the API server refuses it. What rests on the policy is then unknown, and
the other checks of the network say so: this one names the objects and the fields, so that nothing is left out silently. A
policy that the API server refuses protects nothing.

Before:

    podSelector: {matchExpressions: [{key: app, operator: In}]}

After:

    podSelector: {matchExpressions: [{key: app, operator: In, values: [api]}]}`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "CM-6"},
	Severity: nist190.SeverityLow,
	Remediation: `Correct what the API server refuses. For the rest, express the rule with NetworkPolicy where that can be done, or attest
what the policy does.`,
	Subjects: unsupportedSubjects(),
	Limits:   "Documents that cannot be read at all are among the problems of the inventory.",
}

func unsupportedSubjects() []schema.GroupKind {
	out := slices.Clone(policyKind)
	for _, n := range foreignNeeds() {
		if gk := inventory.CanonicalGroupKind(n.GroupKind()); !slices.Contains(out, gk) {
			out = append(out, gk)
		}
	}
	return out
}

func findUnsupportedPolicy(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	type about struct {
		texts    []string
		evidence []nist190.Evidence
	}
	byObject := map[*inventory.Object]*about{}
	var order []*inventory.Object
	for _, n := range z.notes {
		if n.Object == nil {
			continue
		}
		a := byObject[n.Object]
		if a == nil {
			a = &about{}
			byObject[n.Object] = a
			order = append(order, n.Object)
		}
		if !slices.Contains(a.texts, n.Text) {
			a.texts = append(a.texts, n.Text)
		}
		if len(a.evidence) < maxEvidence {
			a.evidence = append(a.evidence, nist190.At(n.Object, n.Path...).Because(n.Text))
		}
	}
	for _, o := range order {
		e.Fail(o.Ref(), "", phrase.Shorten(byObject[o].texts), byObject[o].evidence...)
	}
	return len(order) > 0, nil
}
