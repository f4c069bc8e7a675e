package network

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// mutualTLS is what a workload's proxy asks of those who connect, the worst first: of several pods the least counts.
type mutualTLS uint8

const (
	tlsOutside mutualTLS = iota // in no mesh
	tlsNone
	tlsPermissive // plain text beside mutual TLS
	tlsUnknown
	tlsStrict
)

// meshMode is the mode of a workload and what makes it so.
type meshMode struct {
	mesh     string
	mode     mutualTLS
	why      string
	evidence []nist190.Evidence
}

const (
	istioSidecar = "Istio"
	istioAmbient = "Istio ambient"
	linkerdMesh  = "Linkerd"
	// istioRoot is the default of MeshConfig.rootNamespace.
	istioRoot = "istio-system"
)

var (
	peerAuthenticationKind = schema.GroupKind{Group: "security.istio.io", Kind: "PeerAuthentication"}
	destinationRuleKind    = schema.GroupKind{Group: "networking.istio.io", Kind: "DestinationRule"}
	linkerdServerKind      = schema.GroupKind{Group: "policy.linkerd.io", Kind: "Server"}
)

// meshNeeds are those of meshModes. Policies make stricter and laxer, labels of namespaces inject and opt out, and a
// running pod corrects what its template lets expect.
func meshNeeds() []inventory.Need {
	return slices.Concat([]inventory.Need{
		{Group: peerAuthenticationKind.Group, Kind: peerAuthenticationKind.Kind, Resource: "peerauthentications"},
		inventory.Need{Group: linkerdServerKind.Group, Kind: linkerdServerKind.Kind, Resource: "servers"}.InSubjectNamespace(),
		inventory.NeedOf[corev1.Namespace](inventory.Either),
	}, inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Either)))
}

// meshModes has the mode of every workload that is in a mesh, by identity.
var meshModes = inventory.NewFact("mutual TLS", func(ctx context.Context, inv *inventory.Inventory) (map[inventory.Ref]meshMode, error) {
	all, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	r := newMeshReader(inv)
	out := map[inventory.Ref]meshMode{}
	for _, w := range all {
		if m := r.workload(w); m.mode != tlsOutside {
			out[w.Ref().Identity()] = m
		}
	}
	return out, ctx.Err()
})

type meshReader struct {
	inv     *inventory.Inventory
	peers   map[string][]peerAuthentication // by namespace
	servers map[string][]linkerdServer
}

type linkerdServer struct {
	object  *inventory.Object
	selects labels.Selector // nil: it could not be read
}

func newMeshReader(inv *inventory.Inventory) *meshReader {
	r := &meshReader{inv: inv, peers: map[string][]peerAuthentication{}, servers: map[string][]linkerdServer{}}
	for o := range inv.ByKind(peerAuthenticationKind) {
		r.peers[o.Namespace()] = append(r.peers[o.Namespace()], readPeerAuthentication(o))
	}
	for o := range inv.ByKind(linkerdServerKind) {
		var s struct {
			Spec struct{ PodSelector *metav1.LabelSelector }
		}
		server := linkerdServer{object: o}
		if json.Unmarshal(o.JSON(), &s) == nil && s.Spec.PodSelector != nil {
			server.selects, _ = metav1.LabelSelectorAsSelector(s.Spec.PodSelector)
		}
		r.servers[o.Namespace()] = append(r.servers[o.Namespace()], server)
	}
	return r
}

// meshPod is one running pod, or what a template makes.
type meshPod struct {
	at                  inventory.At // of the metadata and the spec
	namespace           string
	labels, annotations map[string]string
	spec                *corev1.PodSpec
	// admitted pods have the proxy that they will ever have; of others it is told what injection will do.
	admitted bool
}

// workload is as strict as the least strict of its pods. A pod without a proxy among others with one accepts anything.
func (r *meshReader) workload(w *inventory.Workload) meshMode {
	var pods []meshPod
	for _, p := range w.Pods {
		if !inventory.Terminal(p.Pod) {
			pods = append(pods, meshPod{inventory.At{Object: p.Object}, w.Namespace(), p.Pod.Labels, p.Pod.Annotations, &p.Pod.Spec, p.Pod.UID != "" || p.Pod.Spec.NodeName != ""})
		}
	}
	if len(pods) == 0 {
		pods = []meshPod{{inventory.At{Object: w.Object, Path: w.TemplatePath}, w.Namespace(), w.Template.Labels, w.Template.Annotations, &w.Template.Spec, false}}
	}
	var out meshMode
	var bare *meshPod
	for i := range pods {
		m := r.pod(&pods[i])
		switch {
		case m.mode == tlsOutside:
			bare = &pods[i]
		case out.mode == tlsOutside || m.mode < out.mode:
			out = m
		}
	}
	if out.mode != tlsOutside && bare != nil {
		out.mode, out.why = tlsNone, fmt.Sprintf("Pod %q of it has no proxy", bare.at.Object.Name())
		out.evidence = []nist190.Evidence{nist190.Place(bare.at, "spec")}
	}
	return out
}

func (r *meshReader) pod(p *meshPod) meshMode {
	m := meshMode{mesh: r.meshOf(p)}
	switch m.mesh {
	case "":
		return m
	case linkerdMesh:
		r.linkerd(p, &m)
	default:
		r.istio(p, &m)
	}
	if m.mesh != istioAmbient {
		bypass(p, &m)
	}
	return m
}

// neverInjected are the namespaces that the webhooks of both meshes leave alone (istio pkg/kube/inject,
// IgnoredNamespaces; linkerd2 charts/linkerd-control-plane, proxy-injector).
var neverInjected = []string{"kube-system", "kube-public", "kube-node-lease"}

// meshOf names the mesh that a pod is in. Gateways, waypoints and ztunnel are proxies and nothing else: they are the mesh,
// and what they accept is not for PeerAuthentication to say.
func (r *meshReader) meshOf(p *meshPod) string {
	var proxy string
	others := 0
	for i := range p.spec.Containers {
		if mesh := proxyOf(&p.spec.Containers[i]); mesh != "" {
			proxy = mesh
		} else {
			others++
		}
	}
	if proxy != "" && others == 0 {
		return ""
	}
	for i := range p.spec.InitContainers { // native sidecars
		c := &p.spec.InitContainers[i]
		if mesh := proxyOf(c); mesh != "" && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			proxy = mesh
		}
	}
	if proxy != "" || p.spec.HostNetwork {
		return proxy
	}
	ns, _ := r.inv.Get(schema.GroupKind{Kind: "Namespace"}, "", p.namespace)
	var nsLabels, nsAnnotations map[string]string
	if ns != nil {
		nsLabels, nsAnnotations = ns.Labels(), ns.Annotations()
	}
	switch {
	case !p.admitted && istioInjects(p, nsLabels):
		return istioSidecar
	case !p.admitted && linkerdInjects(p, nsAnnotations):
		return linkerdMesh
	case nearest("istio.io/dataplane-mode", p.labels, nsLabels) == "ambient":
		return istioAmbient
	}
	return ""
}

func proxyOf(c *corev1.Container) string {
	switch image := imageName(c.Image); {
	case c.Name == "istio-proxy", image == "proxyv2":
		return istioSidecar
	case c.Name == "linkerd-proxy":
		return linkerdMesh
	}
	return ""
}

// nearest is the value that the pod has, else that of its namespace.
func nearest(key string, pod, namespace map[string]string) string {
	if v, ok := pod[key]; ok {
		return v
	}
	return namespace[key]
}

// istioInjects follows https://istio.io/latest/docs/setup/additional-setup/sidecar-injection: a refusal of either side
// wins, and istio-injection hides istio.io/rev.
func istioInjects(p *meshPod, ns map[string]string) bool {
	const inject = "sidecar.istio.io/inject"
	if slices.Contains(neverInjected, p.namespace) || ns["istio-injection"] == "disabled" || nearest(inject, p.labels, p.annotations) == "false" {
		return false
	}
	_, word := ns["istio-injection"]
	return p.labels[inject] == "true" || ns["istio-injection"] == "enabled" || !word && ns["istio.io/rev"] != "" || p.labels["istio.io/rev"] != ""
}

// linkerdInjects: https://linkerd.io/2/features/proxy-injection/.
func linkerdInjects(p *meshPod, ns map[string]string) bool {
	word := nearest("linkerd.io/inject", p.annotations, ns)
	return (word == "enabled" || word == "ingress") && !slices.Contains(neverInjected, p.namespace)
}

// bypass: ports that the proxy is told to leave alone take what comes.
func bypass(p *meshPod, m *meshMode) {
	keys := []string{"traffic.sidecar.istio.io/excludeInboundPorts"}
	if m.mesh == linkerdMesh {
		keys = []string{"config.linkerd.io/skip-inbound-ports"}
	}
	for _, key := range keys {
		if v := strings.TrimSpace(p.annotations[key]); v != "" && m.mode > tlsPermissive {
			m.mode, m.why = tlsPermissive, fmt.Sprintf("inbound traffic of port %s bypasses the proxy", v)
			m.evidence = []nist190.Evidence{nist190.Place(p.at, "metadata", "annotations", key).Showing(v)}
		}
	}
	if v, ok := p.annotations["traffic.sidecar.istio.io/includeInboundPorts"]; ok && v != "*" && m.mesh == istioSidecar && m.mode > tlsPermissive {
		m.mode, m.why = tlsPermissive, fmt.Sprintf("only inbound ports %q pass through the proxy", v)
		m.evidence = []nist190.Evidence{nist190.Place(p.at, "metadata", "annotations", "traffic.sidecar.istio.io/includeInboundPorts").Showing(v)}
	}
}

// linkerd resolves the default policy (https://linkerd.io/2/reference/authorization-policy/). A running proxy has it in
// its environment, whatever set it. Ports that a Server selects follow authorizations, which are not evaluated.
func (r *meshReader) linkerd(p *meshPod, m *meshMode) {
	for _, s := range r.servers[p.namespace] {
		if s.selects == nil || s.selects.Matches(labels.Set(p.labels)) {
			m.mode, m.why = tlsUnknown, fmt.Sprintf("Server %q of policy.linkerd.io is not evaluated", s.object.Name())
			m.evidence = []nist190.Evidence{nist190.At(s.object)}
			return
		}
	}
	const key, variable = "config.linkerd.io/default-inbound-policy", "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY"
	word, from := "", nist190.Place(p.at, "metadata", "annotations", key)
	if v, ok := p.annotations[key]; ok {
		word = v
	} else if ns, ok := r.inv.Get(schema.GroupKind{Kind: "Namespace"}, "", p.namespace); ok && ns.Annotations()[key] != "" {
		word, from = ns.Annotations()[key], nist190.At(ns, "metadata", "annotations", key)
	}
	for _, c := range slices.Concat(p.spec.InitContainers, p.spec.Containers) {
		for _, e := range c.Env {
			if proxyOf(&c) == linkerdMesh && e.Name == variable && e.Value != "" {
				word, from = e.Value, nist190.Place(p.at, "spec").Because(variable+" of the proxy")
			}
		}
	}
	switch word {
	case "all-authenticated", "cluster-authenticated", "deny":
		m.mode = tlsStrict
		m.why = "the default inbound policy is " + word
		m.evidence = []nist190.Evidence{from.Showing(word)}
	case "":
		m.mode, m.why = tlsPermissive, "no default inbound policy is set, so that it is all-unauthenticated"
	default:
		m.mode, m.why = tlsPermissive, "the default inbound policy is "+word
		m.evidence = []nist190.Evidence{from.Showing(word)}
	}
}

// peerAuthentication is what Istio's API of that name says
// (https://istio.io/latest/docs/reference/config/security/peer_authentication).
type peerAuthentication struct {
	object   *inventory.Object
	selector map[string]string
	mode     string
	ports    map[string]string
	created  string
	broken   bool
}

func readPeerAuthentication(o *inventory.Object) peerAuthentication {
	type mtls struct{ Mode string }
	var x struct {
		Metadata struct{ CreationTimestamp string }
		Spec     struct {
			Selector      struct{ MatchLabels map[string]string }
			MTLS          mtls
			PortLevelMTLS map[string]mtls
		}
	}
	p := peerAuthentication{object: o, ports: map[string]string{}}
	p.broken = json.Unmarshal(o.JSON(), &x) != nil
	p.selector, p.mode, p.created = x.Spec.Selector.MatchLabels, x.Spec.MTLS.Mode, x.Metadata.CreationTimestamp
	for port, m := range x.Spec.PortLevelMTLS {
		p.ports[port] = m.Mode
	}
	return p
}

// istio resolves the mode from the mesh to the workload. Policies with a selector are ignored in the root namespace, and
// ports count only in those with one; of several for the same end the oldest is in force, which manifests do not tell.
func (r *meshReader) istio(p *meshPod, m *meshMode) {
	of := func(ns string, selecting bool) []peerAuthentication {
		return slices.DeleteFunc(slices.Clone(r.peers[ns]), func(x peerAuthentication) bool {
			return !x.broken && (len(x.selector) > 0 != selecting || !labels.SelectorFromSet(x.selector).Matches(labels.Set(p.labels)))
		})
	}
	levels := [][]peerAuthentication{of(istioRoot, false)}
	if p.namespace != istioRoot {
		levels = append(levels, of(p.namespace, false), of(p.namespace, true))
	}
	possible := []meshMode{{mesh: m.mesh, mode: tlsPermissive, why: "no PeerAuthentication sets a mode, so that it is PERMISSIVE"}}
	for i, level := range levels {
		var next []meshMode
		for _, x := range oldest(level) {
			for _, before := range possible {
				after := x.apply(before, i == 2)
				if !slices.ContainsFunc(next, func(o meshMode) bool { return o.mode == after.mode }) {
					next = append(next, after)
				}
			}
		}
		if next != nil {
			possible = next
		}
	}
	*m = possible[0]
	for _, other := range possible[1:] {
		m.mode, m.why = tlsUnknown, "several PeerAuthentications contend, of which the oldest counts, and their ages are not known"
		m.evidence = append(m.evidence, other.evidence...)
	}
}

// oldest cuts to the one that counts, where ages tell: those of one age are ordered by name.
func oldest(list []peerAuthentication) []peerAuthentication {
	if len(list) < 2 || slices.ContainsFunc(list, func(x peerAuthentication) bool { return x.created == "" }) {
		return list
	}
	return []peerAuthentication{slices.MinFunc(list, func(a, b peerAuthentication) int {
		return strings.Compare(a.created+" "+a.object.Name(), b.created+" "+b.object.Name())
	})}
}

// apply is what one policy makes of the mode above it.
func (x peerAuthentication) apply(m meshMode, ports bool) meshMode {
	name := fmt.Sprintf("PeerAuthentication %q of namespace %q", x.object.Name(), x.object.Namespace())
	if x.broken {
		m.mode, m.why, m.evidence = tlsUnknown, name+" cannot be read", []nist190.Evidence{nist190.At(x.object)}
		return m
	}
	if mode := x.read(x.mode, m.mesh); mode != tlsOutside {
		m.mode, m.why = mode, name+" says "+x.mode
		m.evidence = []nist190.Evidence{nist190.At(x.object, "spec", "mtls", "mode").Showing(x.mode)}
	}
	if !ports {
		return m
	}
	for _, port := range slices.Sorted(maps.Keys(x.ports)) {
		if mode := x.read(x.ports[port], m.mesh); mode != tlsOutside && mode < m.mode {
			m.mode, m.why = mode, fmt.Sprintf("%s says %s for port %s", name, x.ports[port], port)
			m.evidence = []nist190.Evidence{nist190.At(x.object, "spec", "portLevelMtls", port, "mode").Showing(x.ports[port])}
		}
	}
	return m
}

// read gives tlsOutside for what is inherited. Ambient has no mode without mutual TLS: ztunnel takes it as both.
func (x peerAuthentication) read(word, mesh string) mutualTLS {
	switch word {
	case "", "UNSET":
		return tlsOutside
	case "STRICT":
		return tlsStrict
	case "PERMISSIVE":
		return tlsPermissive
	case "DISABLE":
		if mesh == istioAmbient {
			return tlsPermissive
		}
		return tlsNone
	}
	return tlsUnknown
}

// plainDestination is a DestinationRule that makes clients of a host speak plain text: a server that takes both gets nothing else
// then (https://istio.io/latest/docs/reference/config/networking/destination-rule).
type plainDestination struct {
	object *inventory.Object
	host   string
}

func clearRules(inv *inventory.Inventory) []plainDestination {
	var out []plainDestination
	for o := range inv.ByKind(destinationRuleKind) {
		if host, off := plainHost(o); off {
			out = append(out, plainDestination{o, host})
		}
	}
	return out
}

// plainClients are the rules for the Services of a workload.
func plainClients(inv *inventory.Inventory, w *inventory.Workload, rules []plainDestination) []*inventory.Object {
	if len(rules) == 0 {
		return nil
	}
	var services []*inventory.Object
	for s, svc := range inventory.TypedIn[corev1.Service](inv, w.Namespace()) {
		if len(svc.Spec.Selector) > 0 && labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(w.Template.Labels)) {
			services = append(services, s)
		}
	}
	var out []*inventory.Object
	for _, r := range rules {
		if slices.ContainsFunc(services, func(s *inventory.Object) bool { return hostNames(r.host, r.object.Namespace(), s) }) {
			out = append(out, r.object)
		}
	}
	return out
}

func plainHost(o *inventory.Object) (host string, off bool) {
	type policy struct {
		TLS               struct{ Mode string }
		PortLevelSettings []struct{ TLS struct{ Mode string } }
	}
	var x struct {
		Spec struct {
			Host          string
			TrafficPolicy policy
			Subsets       []struct{ TrafficPolicy policy }
		}
	}
	if json.Unmarshal(o.JSON(), &x) != nil {
		return "", false
	}
	policies := []policy{x.Spec.TrafficPolicy}
	for _, s := range x.Spec.Subsets {
		policies = append(policies, s.TrafficPolicy)
	}
	for _, p := range policies {
		off = off || p.TLS.Mode == "DISABLE"
		for _, s := range p.PortLevelSettings {
			off = off || s.TLS.Mode == "DISABLE"
		}
	}
	return x.Spec.Host, off
}

// hostNames tells whether the host of a rule is a Service. A short name is one of the rule's namespace.
func hostNames(host, namespace string, service *inventory.Object) bool {
	name := service.Name() + "." + service.Namespace() + ".svc."
	if suffix, ok := strings.CutPrefix(host, "*"); ok {
		return strings.HasSuffix(name+"cluster.local", suffix)
	}
	if !strings.Contains(host, ".") {
		host += "." + namespace + ".svc."
	}
	return strings.HasPrefix(host, name)
}
