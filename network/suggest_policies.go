package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// policyKey is whom a policy is for: a workload by its namespace, kind and name, since names alone are not unique, or what
// of a namespace selector picks.
type policyKey struct{ namespace, kind, name, selector string }

func (k policyKey) compare(l policyKey) int {
	return cmp.Or(cmp.Compare(k.namespace, l.namespace), cmp.Compare(k.name, l.name), cmp.Compare(k.kind, l.kind), cmp.Compare(k.selector, l.selector))
}

// policyWriter writes the policies of a suggestion.
type policyWriter struct {
	z       *Zones
	inv     *inventory.Inventory
	level   Level
	byKey   map[policyKey]*networkingv1.NetworkPolicy
	pods    map[string][]*Pod // by namespace
	dns     []dnsTarget
	own     map[*inventory.Workload]map[string]string // what labelsOf found
	parts   map[zonePart][]metav1.LabelSelector       // what zoneSelectors found
	skipped map[string]bool
	out     *Suggestion
}

// zonePart is what of a zone is in one namespace.
type zonePart struct {
	namespace string
	level     sensitivity.Level
}

func newPolicyWriter(z *Zones, inv *inventory.Inventory, level Level) *policyWriter {
	w := &policyWriter{
		z: z, inv: inv, level: level, byKey: map[policyKey]*networkingv1.NetworkPolicy{}, pods: map[string][]*Pod{},
		own: map[*inventory.Workload]map[string]string{}, parts: map[zonePart][]metav1.LabelSelector{}, skipped: map[string]bool{}, out: &Suggestion{},
	}
	for _, p := range z.m.pods {
		w.pods[p.Namespace] = append(w.pods[p.Namespace], p)
	}
	w.dns = z.dnsTargets(inv)
	return w
}

func (w *policyWriter) skip(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !w.skipped[text] {
		w.skipped[text] = true
		w.out.Skipped = append(w.out.Skipped, text)
	}
}

// governs tells of a namespace that policies are written for it: infrastructure, and what resolves names for everybody, is
// left alone.
func (w *policyWriter) governs(namespace string) bool {
	return namespace != metav1.NamespaceSystem && w.z.levels.Namespace(namespace).Level != sensitivity.Infra &&
		!slices.ContainsFunc(w.dns, func(d dnsTarget) bool { return d.namespace == namespace })
}

// ungoverned is a place that no policy here speaks of.
func (w *policyWriter) ungoverned(p Place) bool {
	return p.Addresses != nil || p.Host || !w.governs(p.Namespace)
}

var bothTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}

// namespace denies by default in the namespace of a pod, and lets names be resolved.
func (w *policyWriter) namespace(p *Pod) {
	k := policyKey{p.Namespace, "", defaultDenyName, ""}
	if w.byKey[k] != nil || !w.governs(p.Namespace) {
		return
	}
	np := newPolicy(p.Namespace, metav1.LabelSelector{})
	for _, d := range w.dns {
		np.Spec.Egress = append(np.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{d.peer()}, Ports: d.ports})
	}
	w.byKey[k] = np
}

const defaultDenyName = "default-deny"

func newPolicy(namespace string, pods metav1.LabelSelector) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: pods, PolicyTypes: bothTypes},
	}
}

func byName(namespaces ...string) *metav1.LabelSelector {
	if len(namespaces) == 1 {
		return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespaces[0]}}
	}
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces}}}
}

func portOf(protocol Protocol, s Span) networkingv1.NetworkPolicyPort {
	p := corev1.Protocol(protocol.String())
	from := intstr.FromInt32(int32(s.From))
	out := networkingv1.NetworkPolicyPort{Protocol: &p, Port: &from}
	if s.To > s.From {
		end := int32(s.To)
		out.EndPort = &end
	}
	return out
}

// zones lets pass what stays within a zone.
func (w *policyWriter) zones() {
	whole, parts := map[sensitivity.Level][]string{}, map[sensitivity.Level][]networkingv1.NetworkPolicyPeer{}
	type own struct {
		namespace string
		selectors []metav1.LabelSelector
	}
	members := map[sensitivity.Level][]own{}
	for _, ns := range slices.Sorted(maps.Keys(w.pods)) {
		levels := map[sensitivity.Level]bool{}
		for _, p := range w.pods[ns] {
			if !p.Host() {
				levels[w.z.Zone(p)] = true
			}
		}
		for _, level := range slices.Sorted(maps.Keys(levels)) {
			selectors := w.zoneSelectors(ns, level)
			if len(selectors) == 1 && emptySelector(&selectors[0]) {
				whole[level] = append(whole[level], ns)
			} else {
				for i := range selectors {
					parts[level] = append(parts[level], networkingv1.NetworkPolicyPeer{NamespaceSelector: byName(ns), PodSelector: &selectors[i]})
				}
			}
			if w.governs(ns) {
				members[level] = append(members[level], own{ns, selectors})
			}
		}
	}
	if n := len(members[sensitivity.Unclassified]); n > 0 {
		w.skip("workloads without a sensitivity level, in %s, are taken for a zone of their own", phrase.Count(n, "namespace"))
	}
	for level, list := range members {
		peers := slices.Clone(parts[level])
		if len(whole[level]) > 0 {
			peers = append([]networkingv1.NetworkPolicyPeer{{NamespaceSelector: byName(whole[level]...)}}, peers...)
		}
		for _, o := range list {
			for i := range o.selectors {
				p := w.zonePolicy(o.namespace, level, o.selectors[i])
				p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: peers})
				p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: peers})
			}
		}
	}
}

func (w *policyWriter) zonePolicy(namespace string, level sensitivity.Level, selector metav1.LabelSelector) *networkingv1.NetworkPolicy {
	k := policyKey{namespace, "Zone", "zone-" + w.z.ZoneName(level), metav1.FormatLabelSelector(&selector)}
	if w.byKey[k] == nil {
		w.byKey[k] = newPolicy(namespace, selector)
	}
	return w.byKey[k]
}

// zoneSelectors pick the pods of one level among those of a namespace: all of them where it has no other, else by the values
// of a label that every workload of the level has and no other pod shares, else workload by workload.
func (w *policyWriter) zoneSelectors(namespace string, level sensitivity.Level) []metav1.LabelSelector {
	k := zonePart{namespace, level}
	out, known := w.parts[k]
	if !known {
		out = w.findZoneSelectors(namespace, level)
		w.parts[k] = out
	}
	return out
}

func (w *policyWriter) findZoneSelectors(namespace string, level sensitivity.Level) []metav1.LabelSelector {
	var mine, others []*Pod
	for _, p := range w.pods[namespace] {
		switch {
		case p.Host():
		case w.z.Zone(p) == level:
			mine = append(mine, p)
		default:
			others = append(others, p)
		}
	}
	if len(others) == 0 {
		return []metav1.LabelSelector{{}}
	}
	for _, key := range w.keysOf(mine) {
		values := map[string]bool{}
		told := true
		for _, p := range mine {
			v, ok := p.Labels[key]
			told = told && ok && v != ""
			values[v] = true
		}
		if told && !slices.ContainsFunc(others, func(p *Pod) bool { return values[p.Labels[key]] }) {
			all := slices.Sorted(maps.Keys(values))
			if len(all) == 1 {
				return []metav1.LabelSelector{{MatchLabels: map[string]string{key: all[0]}}}
			}
			return []metav1.LabelSelector{{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpIn, Values: all}}}}
		}
	}
	var out []metav1.LabelSelector
	for _, p := range mine {
		own := w.labelsOf(p)
		if own != nil && !slices.ContainsFunc(out, func(s metav1.LabelSelector) bool { return maps.Equal(s.MatchLabels, own) }) {
			out = append(out, metav1.LabelSelector{MatchLabels: own})
		}
	}
	return out
}

// keysOf lists the labels of pods, those that declare levels and those that name applications first.
func (w *policyWriter) keysOf(pods []*Pod) []string {
	first := []string{w.z.levels.Key(), "app.kubernetes.io/name", "app", "k8s-app", "name"}
	var rest []string
	for _, p := range pods {
		for k := range p.Labels {
			if !slices.Contains(assignedLabels, k) && !slices.Contains(first, k) && !slices.Contains(rest, k) {
				rest = append(rest, k)
			}
		}
	}
	slices.Sort(rest)
	return append(first, rest...)
}

// zoneSelectorOf is that of zoneSelectors which picks a pod.
func (w *policyWriter) zoneSelectorOf(p *Pod) (metav1.LabelSelector, bool) {
	for _, s := range w.zoneSelectors(p.Namespace, w.z.Zone(p)) {
		if sel, refused := selectorOf(&s); refused == "" && sel.Matches(p.Labels) {
			return s, true
		}
	}
	return metav1.LabelSelector{}, false
}

func (w *policyWriter) require(r Requirement) {
	var ports []networkingv1.NetworkPolicyPort
	for _, protocol := range []Protocol{TCP, UDP, SCTP} {
		for _, s := range r.Ports.Spans(protocol) {
			ports = append(ports, portOf(protocol, s))
		}
	}
	if len(ports) == 0 || w.level == LevelZone && r.From.Pod != nil && r.To.Pod != nil && w.z.Zone(r.From.Pod) == w.z.Zone(r.To.Pod) && !r.From.Pod.Host() && !r.To.Pod.Host() {
		return // the latter is within a zone
	}
	if p := w.source(r.From.Pod); p != nil {
		if peer, ok := w.peerOf(r.To, false); ok {
			addEgress(p, peer, ports)
		}
	}
	if p := w.destination(r.To.Pod); p != nil {
		if r.From == (End{}) {
			addAnybody(p, ports)
		} else if peer, ok := w.peerOf(r.From, true); ok && !(r.From.Pod == nil && openToAnybody(p, ports)) {
			addIngress(p, peer, ports)
		}
	}
}

// source is the policy that says where a pod may connect to; nil where policies do not govern it.
func (w *policyWriter) source(p *Pod) *networkingv1.NetworkPolicy {
	if w.level != LevelZone || p == nil || p.Host() || !w.governs(p.Namespace) {
		return w.destination(p)
	}
	s, ok := w.zoneSelectorOf(p)
	if !ok {
		w.skip("%s has no labels to select it by", p.Workload.Ref())
		return nil
	}
	return w.zonePolicy(p.Namespace, w.z.Zone(p), s)
}

// destination is the policy that says what may come to a pod; nil where policies do not govern it.
func (w *policyWriter) destination(p *Pod) *networkingv1.NetworkPolicy {
	if p == nil || p.Host() || !w.governs(p.Namespace) {
		return nil
	}
	k, selector := policyKey{p.Namespace, "Namespace", "allow", ""}, metav1.LabelSelector{}
	if w.level != LevelNamespace {
		own := w.labelsOf(p)
		if own == nil {
			return nil
		}
		k, selector = policyKey{p.Namespace, p.Workload.Ref().Kind, "allow-" + p.Workload.Ref().Name, ""}, metav1.LabelSelector{MatchLabels: own}
	}
	if w.byKey[k] == nil {
		w.byKey[k] = newPolicy(p.Namespace, selector)
		if w.level == LevelZone { // it speaks of what comes in alone
			w.byKey[k].Spec.PolicyTypes = bothTypes[:1]
		}
	}
	return w.byKey[k]
}

// labelsOf are those by which the pods of a workload are selected: its own selector, which does not change with releases,
// where that tells them from all others of the namespace, else what the template gives. Pods without any cannot be selected
// alone: an empty selector selects them all.
func (w *policyWriter) labelsOf(p *Pod) map[string]string {
	out, known := w.own[p.Workload]
	if !known {
		out = w.findLabels(p)
		w.own[p.Workload] = out
	}
	return out
}

func (w *policyWriter) findLabels(p *Pod) map[string]string {
	given := maps.Clone(p.Workload.Template.Labels)
	maps.DeleteFunc(given, func(k, _ string) bool { return slices.Contains(assignedLabels, k) })
	if len(given) == 0 {
		w.skip("%s has no labels to select it by", p.Workload.Ref())
		return nil
	}
	own := selectorLabels(p.Workload.Object)
	if len(own) == 0 || !labels.SelectorFromSet(own).Matches(labels.Set(given)) {
		return given
	}
	if slices.ContainsFunc(w.pods[p.Namespace], func(q *Pod) bool {
		return q.Workload != p.Workload && labels.SelectorFromSet(own).Matches(q.Labels)
	}) {
		return given
	}
	return own
}

// selectorLabels are the labels that a workload selects its pods by.
func selectorLabels(o *inventory.Object) map[string]string {
	var s struct {
		Spec struct{ Selector *metav1.LabelSelector }
	}
	switch o.GroupKind() {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "apps", Kind: "StatefulSet"}, schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		if json.Unmarshal(o.JSON(), &s) == nil && s.Spec.Selector != nil {
			return s.Spec.Selector.MatchLabels
		}
	}
	return nil
}

// peerOf is an end as a rule names it; as a source at LevelZone, together with the rest of its zone in the namespace.
func (w *policyWriter) peerOf(e End, source bool) (networkingv1.NetworkPolicyPeer, bool) {
	switch {
	case e.Named != nil:
		w.skip("%s is a name: policies cannot name it", e.Named.Place().Key())
		return networkingv1.NetworkPolicyPeer{}, false
	case e.Pod == nil:
		return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: netip.PrefixFrom(e.Addr, e.Addr.BitLen()).String()}}, true
	case e.Pod.Host():
		w.skip("%s is on the network of its node: policies cannot name it", e.Pod.Workload.Ref())
		return networkingv1.NetworkPolicyPeer{}, false
	}
	peer := networkingv1.NetworkPolicyPeer{NamespaceSelector: byName(e.Pod.Namespace)}
	switch {
	case w.level == LevelNamespace:
	case w.level == LevelZone && source:
		s, ok := w.zoneSelectorOf(e.Pod)
		if !ok {
			w.skip("%s has no labels to select it by", e.Pod.Workload.Ref())
			return peer, false
		}
		if !emptySelector(&s) {
			peer.PodSelector = &s
		}
	default:
		own := w.labelsOf(e.Pod)
		if own == nil {
			return peer, false
		}
		peer.PodSelector = &metav1.LabelSelector{MatchLabels: own}
	}
	return peer, true
}

// addAnybody lets everybody in on ports.
func addAnybody(p *networkingv1.NetworkPolicy, ports []networkingv1.NetworkPolicyPort) {
	if len(p.Spec.Ingress) > 0 && len(p.Spec.Ingress[0].From) == 0 {
		p.Spec.Ingress[0].Ports = joinPorts(p.Spec.Ingress[0].Ports, ports)
		return
	}
	p.Spec.Ingress = append([]networkingv1.NetworkPolicyIngressRule{{Ports: ports}}, p.Spec.Ingress...)
}

// openToAnybody tells that everybody is let in on ports: each client's address adds nothing.
func openToAnybody(p *networkingv1.NetworkPolicy, ports []networkingv1.NetworkPolicyPort) bool {
	return len(p.Spec.Ingress) > 0 && len(p.Spec.Ingress[0].From) == 0 && len(joinPorts(slices.Clone(p.Spec.Ingress[0].Ports), ports)) == len(p.Spec.Ingress[0].Ports)
}

func addIngress(p *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	for i := range p.Spec.Ingress {
		if r := &p.Spec.Ingress[i]; len(r.Ports) > 0 && len(r.From) > 0 && samePeer(&r.From[0], &peer) {
			r.Ports = joinPorts(r.Ports, ports)
			return
		}
	}
	p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{peer}, Ports: slices.Clone(ports)})
	slices.SortStableFunc(p.Spec.Ingress, func(a, b networkingv1.NetworkPolicyIngressRule) int {
		return cmp.Compare(firstPeer(a.From, a.Ports), firstPeer(b.From, b.Ports))
	})
}

func addEgress(p *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	for i := range p.Spec.Egress {
		if r := &p.Spec.Egress[i]; len(r.Ports) > 0 && samePeer(&r.To[0], &peer) {
			r.Ports = joinPorts(r.Ports, ports)
			return
		}
	}
	p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{peer}, Ports: slices.Clone(ports)})
	slices.SortStableFunc(p.Spec.Egress, func(a, b networkingv1.NetworkPolicyEgressRule) int {
		return cmp.Compare(firstPeer(a.To, a.Ports), firstPeer(b.To, b.Ports))
	})
}

// firstPeer orders rules: everybody first, then the rule within a zone, which is for every port.
func firstPeer(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) string {
	switch {
	case len(peers) == 0:
		return ""
	case len(ports) == 0:
		return "\x00"
	}
	return peers[0].String()
}

func samePeer(a, b *networkingv1.NetworkPolicyPeer) bool { return a.String() == b.String() }

func joinPorts(have, more []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
	for _, p := range more {
		if !slices.ContainsFunc(have, func(q networkingv1.NetworkPolicyPort) bool { return q.String() == p.String() }) {
			have = append(have, p)
		}
	}
	return have
}

// named lists the policies in order, each with a name of its own: one that another policy of the namespace has would
// replace that. A policy that is there already under its name is left out.
func (w *policyWriter) named() []*networkingv1.NetworkPolicy {
	type slot struct{ namespace, name string }
	there := map[slot]string{}
	for o, np := range inventory.Typed[networkingv1.NetworkPolicy](w.inv) {
		there[slot{o.Namespace(), o.Name()}] = specText(&np.Spec)
	}
	used := map[slot]bool{}
	var out []*networkingv1.NetworkPolicy
	for _, k := range slices.SortedFunc(maps.Keys(w.byKey), policyKey.compare) {
		p := w.byKey[k]
		if len(p.Spec.Ingress)+len(p.Spec.Egress) == 0 && k.name != defaultDenyName {
			continue // it would say what the default says
		}
		base, text, done := objectName(k.name), specText(&p.Spec), false
		for n := 1; p.Name == "" && !done; n++ {
			name := base
			if n > 1 {
				name = fmt.Sprintf("%s-%d", base, n)
			}
			s := slot{p.Namespace, name}
			old, taken := there[s]
			switch {
			case used[s]:
			case taken && old == text:
				used[s], done = true, true
			case !taken:
				used[s], p.Name = true, name
			}
		}
		if !done {
			out = append(out, p)
		}
	}
	return out
}

func specText(s *networkingv1.NetworkPolicySpec) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// maxName leaves room for a number behind it.
const maxName = validation.DNS1123SubdomainMaxLength - 4

// objectName makes a text the name of an object.
func objectName(text string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(text)), "-.")
	if len(name) <= maxName && len(validation.IsDNS1123Subdomain(name)) == 0 {
		return name
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	name = strings.Trim(strings.ReplaceAll(name[:min(len(name), maxName-9)], ".", "-"), "-")
	return fmt.Sprintf("%s-%08x", name, h.Sum32())
}
