// Package consumer is a host of the library as an operator would be: it reads through the client of controller-runtime
// that it already has. It exists to be compiled at the versions that its own controller-runtime chose.
package consumer

import (
	"context"
	"encoding/json"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// NetworkPolicies is the kind that this host reads.
var NetworkPolicies = schema.GroupKind{Group: networkingv1.GroupName, Kind: "NetworkPolicy"}

// Source reads the network policies that the client may list, as a source of the library.
func Source(from client.Reader) inventory.Source {
	return inventory.SourceFunc(func(ctx context.Context, needs []inventory.Need, into *inventory.Collector) error {
		if !inventory.Wants(needs, NetworkPolicies) {
			return nil
		}
		entry := inventory.CoverageEntry{Group: NetworkPolicies.Group, Kind: NetworkPolicies.Kind}
		var list networkingv1.NetworkPolicyList
		if err := from.List(ctx, &list); err != nil {
			entry.State, entry.Reason = inventory.Failed, err.Error()
			if apierrors.IsForbidden(err) {
				entry.State = inventory.Forbidden
			}
			into.Cover(entry)
			return nil
		}
		for i := range list.Items {
			policy := &list.Items[i]
			policy.SetGroupVersionKind(networkingv1.SchemeGroupVersion.WithKind(NetworkPolicies.Kind))
			data, err := json.Marshal(policy)
			if err != nil {
				return err
			}
			object, err := inventory.NewObject(inventory.Item{JSON: data, Strength: inventory.Observed})
			if err != nil {
				return err
			}
			into.Add(object)
		}
		entry.State = inventory.Complete
		into.Cover(entry)
		return nil
	})
}

// Check is a check of the host's own: network policies have to restrict ingress.
var Check = nist190.NewCheck(nist190.Metadata{
	ID:          "consumer-ingress",
	Title:       "Network policy without ingress isolation",
	Doc:         "Reports network policies that do not isolate ingress.",
	Risk:        nist190.PoorlySeparatedTraffic,
	Claims:      nist190.Claims("3a"),
	Severity:    nist190.SeverityLow,
	Remediation: "Add Ingress to policyTypes.",
	Needs:       []inventory.Need{inventory.NeedOf[networkingv1.NetworkPolicy](inventory.Either)},
	Subjects:    []schema.GroupKind{NetworkPolicies},
	Since:       "v0.1.0",
}, func(_ context.Context, e *nist190.Eval) error {
	for object, policy := range inventory.Typed[networkingv1.NetworkPolicy](e.Inventory) {
		if slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			e.Pass(object.Ref())
		} else {
			e.Fail(object.Ref(), "", "ingress is not isolated", nist190.At(object, "spec", "policyTypes"))
		}
	}
	return nil
})
