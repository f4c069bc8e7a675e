package network

import (
	"slices"
	"strings"
	"sync"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/nist190/nist190/inventory"
)

// Exposure is the ports of an entry on which policies let connections from outside pass: certainly, and possibly.
func (z *Zones) Exposure(e *Entry) (must, may Ports) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	var v verdict
	if e.Proxied && !fromCloud(e.class) {
		v = m.fromProxies(e)
	} else {
		v = m.fromClients(e)
	}
	must, may = m.ports.sets[v.must].Intersect(e.Ports), m.ports.sets[v.may].Intersect(e.Ports)
	if e.Unsure != "" {
		must = Ports{}
	}
	return must, may
}

// fromClients is what a pod takes from the addresses that the entry does.
func (m *model) fromClients(e *Entry) verdict {
	g := m.in[Ingress][e.Pod.class]
	client := closed
	for i, a := range m.outside {
		if len(e.Sources) == 0 || slices.ContainsFunc(a.ranges, func(r addressRange) bool { return e.Sources.holds(r) != no }) {
			client = m.join2(client, g.cellOf(len(m.classes)+i))
		}
	}
	if e.Snat || e.Proxied {
		// It comes with the address of a node or a load balancer, which rules for the client's may not name.
		client = verdict{m.ports.and(client.must, g.rest.must), m.ports.or(client.may, g.rest.may)}
	}
	return client
}

// fromProxies is what a pod takes from those that connect in the client's place. Any pod of one proxy will do; of several
// proxies it is not known which one serves the entry.
func (m *model) fromProxies(e *Entry) verdict {
	ways := m.waysTo(e)
	if len(ways) == 0 {
		// Whoever it is, it is let in where everybody is.
		g := m.in[Ingress][e.Pod.class]
		v := verdict{g.rest.must, allPorts}
		if len(g.policies) > 0 {
			v.may = g.rest.may
			for _, x := range g.cells {
				v.may = m.ports.or(v.may, x.may)
			}
		}
		return v
	}
	out := verdict{allPorts, noPorts}
	for _, pods := range ways {
		v := closed
		for _, p := range pods {
			x := m.pair(p.class, e.Pod.class)
			if p.Host() {
				x = x.locally(sharesNode(p, e.Pod))
			}
			v = m.join2(v, x)
		}
		out = verdict{m.ports.and(out.must, v.must), m.ports.or(out.may, v.may)}
	}
	return out
}

// waysTo lists the pods that may connect in the client's place, by proxy: those that something names, else those of the
// controller that the class names, else of every controller that was found. None is invented.
func (m *model) waysTo(e *Entry) [][]*Pod {
	if len(e.proxies) > 0 {
		return e.proxies
	}
	m.proxies.once.Do(func() {
		m.proxies.of = make([][]*Pod, len(controllers))
		for _, p := range m.pods {
			for i := range controllers {
				if controllers[i].runs(p) {
					m.proxies.of[i] = append(m.proxies.of[i], p)
				}
			}
		}
	})
	var out [][]*Pod
	for i, pods := range m.proxies.of {
		if len(pods) > 0 && (e.class == "" || slices.Contains(controllers[i].serves, e.class)) {
			out = append(out, pods)
		}
	}
	return out
}

// proxies are the pods of each controller, found once.
type proxies struct {
	once sync.Once
	of   [][]*Pod
}

// settle marks what comes through proxies that nothing but internal load balancers lead to.
func (f *entryFinder) settle(m *model) {
	internal := map[*Pod]truth{}
	for i := range f.out {
		e := &f.out[i]
		if e.Proxied {
			continue
		}
		if t, ok := internal[e.Pod]; !ok || t == yes {
			internal[e.Pod] = truthOf(e.Internal)
		}
	}
	for i := range f.out {
		e := &f.out[i]
		if !e.Proxied || e.Internal || e.class == "" && len(e.proxies) == 0 {
			continue
		}
		ways := m.waysTo(e)
		e.Internal = len(ways) > 0 && !slices.ContainsFunc(ways, func(pods []*Pod) bool {
			some, public := false, false
			for _, p := range pods {
				t, ok := internal[p]
				some, public = some || ok && t == yes, public || ok && t == no || p.Host()
			}
			return !some || public
		})
	}
}

// controller is a program that proxies for clients: how its pods are told, and the names by which IngressClass and
// GatewayClass call it (documentation of each).
type controller struct {
	image string // the last part of its name
	from  string // a part of the whole name, where the last one is not enough
	// sidecar is set where the program runs beside others as well, which makes no gateway of them.
	sidecar bool
	serves  []string
}

const openshiftRouter = "openshift.io/ingress-to-route"

var controllers = []controller{
	{image: "controller", from: "ingress-nginx/", serves: []string{"k8s.io/ingress-nginx"}},
	{image: "nginx-ingress-controller", serves: []string{"k8s.io/ingress-nginx", "nginx.org/ingress-controller"}},
	{image: "nginx-ingress", serves: []string{"nginx.org/ingress-controller"}},
	{image: "nginx-gateway-fabric", serves: []string{"gateway.nginx.org/nginx-gateway-controller"}},
	{image: "nginx", from: "nginx-gateway-fabric/", serves: []string{"gateway.nginx.org/nginx-gateway-controller"}},
	{image: "traefik", serves: []string{"traefik.io/ingress-controller", "traefik.io/gateway-controller"}},
	{image: "haproxy-ingress", serves: []string{"haproxy-ingress.github.io/controller"}},
	{image: "kubernetes-ingress", serves: []string{"haproxy.org/ingress-controller"}},
	{image: "envoy", sidecar: true, serves: []string{"projectcontour.io/ingress-controller", "projectcontour.io/gateway-controller", "gateway.envoyproxy.io/gatewayclass-controller"}},
	{image: "kong", serves: []string{"ingress-controllers.konghq.com/kong", "konghq.com/kic-gateway-controller", "konghq.com/gateway-operator"}},
	{image: "kong-gateway", serves: []string{"ingress-controllers.konghq.com/kong", "konghq.com/kic-gateway-controller", "konghq.com/gateway-operator"}},
	{image: "proxyv2", sidecar: true, serves: []string{"istio.io/ingress-controller", "istio.io/gateway-controller"}},
	{image: "emissary", serves: []string{"getambassador.io/ingress-controller"}},
	{image: "apisix", serves: []string{"apisix.apache.org/apisix-ingress", "apisix.apache.org/apisix-ingress-controller"}},
	{image: "openshift-router", serves: []string{openshiftRouter, "openshift.io/gateway-controller/v1"}},
	{image: "origin-haproxy-router", serves: []string{openshiftRouter}},
	{image: "pomerium", serves: []string{"pomerium.io/ingress-controller", "pomerium.io/gateway-controller"}},
}

// cloudControllers set up load balancers outside of the cluster.
var cloudControllers = []string{
	"ingress.k8s.aws/alb", "gateway.k8s.aws/alb", "gateway.k8s.aws/nlb", "application-networking.k8s.aws/gateway-api-controller",
	"networking.gke.io/gateway", "k8s.io/ingress-gce", "azure/application-gateway", "alb.networking.azure.io/alb-controller",
}

func fromCloud(class string) bool { return slices.Contains(cloudControllers, class) }

func (c *controller) runs(p *Pod) bool {
	for i := range p.Spec.Containers {
		image := p.Spec.Containers[i].Image
		if imageName(image) != c.image || !strings.Contains(image, c.from) {
			continue
		}
		return !c.sidecar || len(p.Spec.Containers) == 1 || c.image == "envoy" && strings.Contains(p.Workload.Ref().Name, "envoy")
	}
	return false
}

// ingressClass is the controller that serves an Ingress: that of its class, of its annotation, or of the default class.
// It is empty where the class was not seen.
func (f *entryFinder) ingressClass(o *inventory.Object, ing *networkingv1.Ingress) string {
	name := o.Annotations()["kubernetes.io/ingress.class"]
	if ing.Spec.IngressClassName != nil {
		name = *ing.Spec.IngressClassName
	}
	if name != "" {
		if _, c, ok := inventory.TypedGet[networkingv1.IngressClass](f.inv, "", name); ok {
			return c.Spec.Controller
		}
		return ingressClasses[name]
	}
	for _, c := range inventory.Typed[networkingv1.IngressClass](f.inv) {
		if c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true" {
			return c.Spec.Controller
		}
	}
	return ""
}

// ingressClasses have no object.
var ingressClasses = map[string]string{"gce": "k8s.io/ingress-gce", "gce-internal": "k8s.io/ingress-gce", "alb": "ingress.k8s.aws/alb"}
