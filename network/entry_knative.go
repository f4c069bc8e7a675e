package network

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Knative Serving (https://knative.dev/docs/serving/services/private-services/, knative.dev/serving pkg/apis/serving).
const (
	knativeServing    = "serving.knative.dev"
	knativeOf         = knativeServing + "/service" // of the pods that it makes for a Service
	knativeVisibility = "networking.knative.dev/visibility"
)

var knativeServiceKind = schema.GroupKind{Group: knativeServing, Kind: "Service"}

func knativeNeeds() []inventory.Need {
	return []inventory.Need{{Group: knativeServing, Kind: "Service", Resource: "services", Bias: inventory.Incriminating}}
}

// knativePublic tells whether a Service is reached from outside of the cluster, as every one is that does not say otherwise.
func knativePublic(o *inventory.Object) bool { return o.Labels()[knativeVisibility] != "cluster-local" }

// knative adds the pods that were made for Services. Requests come through the activator, or straight from the gateway of
// the layer below.
func (f *entryFinder) knative() {
	for o := range f.inv.ByKind(knativeServiceKind) {
		if !knativePublic(o) {
			continue
		}
		pods := f.labelled(o.Namespace(), map[string]string{knativeOf: o.Name()})
		if len(pods) == 0 {
			f.blind = append(f.blind, blindWay{o, "Knative leads the outside to pods that were not seen"})
		}
		for _, p := range pods {
			// The proxy beside the container takes requests (pkg/reconciler/revision/resources/queue.go).
			ports := (&class{Pod: p}).resolve([]namedPort{{name: "queue-port", any: true}, {name: "https-port", any: true}})
			if ports.Empty() {
				ports = PortRange(TCP, 8012, 8012)
			}
			e := Entry{Kind: "Knative", Object: o, Path: []any{"metadata", "name"}, Pod: p, Ports: ports, Proxied: true}
			for _, way := range []struct{ namespace, app string }{{"knative-serving", "activator"}, {"kourier-system", "3scale-kourier-gateway"}} {
				if pods := f.labelled(way.namespace, map[string]string{"app": way.app}); len(pods) > 0 {
					e.proxies = append(e.proxies, pods)
				}
			}
			f.out = append(f.out, e)
		}
	}
}
