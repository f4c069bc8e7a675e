package network

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// calicoSet is a NetworkSet or GlobalNetworkSet: addresses with labels.
type calicoSet struct {
	object    *inventory.Object
	nets      []string
	domains   []string
	labels    map[string]string
	namespace *namespaceInfo // nil for a global one
	doubt     string
}

func (b *builder) calicoSets() []calicoSet {
	var out []calicoSet
	namespaces := namespacesOf(b.inv, nil)
	whole := b.inv.Coverage(inventory.NeedOf[corev1.Namespace](inventory.Either).GroupKind(), "").State.Complete()
	for _, kind := range []string{"NetworkSet", "GlobalNetworkSet"} {
		for o := range b.calicoObjects(kind) {
			var s struct {
				Spec struct {
					Nets                 []string
					AllowedEgressDomains []string
				}
			}
			set := calicoSet{object: o, labels: o.Labels()}
			if err := json.Unmarshal(o.JSON(), &s); err != nil {
				set.doubt = b.note(o, []any{"spec"}, "it cannot be read: %v", err)
			} else if len(s.Spec.AllowedEgressDomains) > 0 {
				set.doubt = b.note(o, []any{"spec", "allowedEgressDomains"}, "what domain names resolve to is not known")
			}
			set.nets, set.domains = s.Spec.Nets, s.Spec.AllowedEgressDomains
			if kind == "NetworkSet" {
				name := o.Namespace()
				if set.namespace = namespaces[name]; set.namespace == nil {
					set.namespace = &namespaceInfo{name: name, labels: map[string]string{corev1.LabelMetadataName: name}, known: whole}
				}
			}
			out = append(out, set)
		}
	}
	return out
}
