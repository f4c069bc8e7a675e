package network

import (
	"encoding/json"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// APIServerRequirements are the connections by which the API server calls Services: admission webhooks, conversion webhooks
// and aggregated APIs. It is no pod, and comes with the address of its node or of a tunnel, so that they come from anybody.
func (z *Zones) APIServerRequirements(inv *inventory.Inventory) []Requirement {
	f := newEntryFinder(z.m, inv)
	var out []Requirement
	call := func(o *inventory.Object, namespace, name string, number *int32) {
		_, s, ok := inventory.TypedGet[corev1.Service](inv, namespace, name)
		if !ok {
			return
		}
		port := intstr.FromInt32(443) // the default of each of them
		if number != nil {
			port = intstr.FromInt32(*number)
		}
		f.backends(namespace, s, &port, func(p *Pod, ports Ports) {
			out = append(out, Requirement{End{}, End{Pod: p}, ports, fmt.Sprintf("the API server calls it: %s", o.Ref())})
		})
	}
	webhook := func(o *inventory.Object, c *admissionregistrationv1.WebhookClientConfig) {
		if s := c.Service; s != nil {
			call(o, s.Namespace, s.Name, s.Port)
		}
	}
	for o, c := range inventory.Typed[admissionregistrationv1.ValidatingWebhookConfiguration](inv) {
		for i := range c.Webhooks {
			webhook(o, &c.Webhooks[i].ClientConfig)
		}
	}
	for o, c := range inventory.Typed[admissionregistrationv1.MutatingWebhookConfiguration](inv) {
		for i := range c.Webhooks {
			webhook(o, &c.Webhooks[i].ClientConfig)
		}
	}
	type service struct {
		Namespace, Name string
		Port            *int32
	}
	for _, kind := range []schema.GroupKind{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, {Group: "apiregistration.k8s.io", Kind: "APIService"}} {
		for o := range inv.ByKind(kind) {
			var spec struct {
				Spec struct {
					Service    *service
					Conversion *struct {
						Webhook *struct{ ClientConfig *struct{ Service *service } }
					}
				}
			}
			if json.Unmarshal(o.JSON(), &spec) != nil {
				continue
			}
			s := spec.Spec.Service
			if c := spec.Spec.Conversion; c != nil && c.Webhook != nil && c.Webhook.ClientConfig != nil {
				s = c.Webhook.ClientConfig.Service
			}
			if s != nil {
				call(o, s.Namespace, s.Name, s.Port)
			}
		}
	}
	return out
}
