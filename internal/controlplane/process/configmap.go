package process

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// ConfigMap looks one ConfigMap up and decodes it alone: a cluster has many, of which none but a few matter here. One that
// cannot be decoded is a problem of the inventory.
func ConfigMap(inv *inventory.Inventory, namespace, name string) (*inventory.Object, *corev1.ConfigMap, bool) {
	o, ok := inv.Get(schema.GroupKind{Kind: "ConfigMap"}, namespace, name)
	if !ok {
		return nil, nil, false
	}
	cm, err := inventory.As[corev1.ConfigMap](o)
	return o, cm, err == nil
}
