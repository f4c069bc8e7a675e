package network

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var halfOpen = nist190.Metadata{
	ID: "network-half-open", Title: "Connection that one end allows and the other denies", Advisory: true,
	Doc: `A connection is meant: a workload names a Service in its environment or arguments, or the configuration declares an interface between
levels. The policies of one end let it pass and those of the other do not, so that it does not work. A rule was forgotten, or
names other labels, another port or that of the Service instead of the pod's; what is then done in haste is to open one side
altogether.

Before: egress of web to db, and no ingress of db from web.

After:

    kind: NetworkPolicy
    spec:
      podSelector: {matchLabels: {app: db}}
      ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityInfo,
	Remediation: "Add the rule that the other end lacks, or remove the rule and the reference that are not needed any more.",
	// A pod that was not seen may be behind the Service and let in; Services and what names them can only add.
	Needs: append(everyPod(), inventory.NeedOf[corev1.Service](inventory.Incriminating), inventory.NeedOf[corev1.ConfigMap](inventory.Incriminating)),
	Limits: `Names of Services are found in environment variables, whose values the pod spec or a ConfigMap holds, and in arguments; not in
files and Secrets. Whether the program uses what is named is not seen. Observed connections are judged by the map of these.`,
}

func findHalfOpen(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := z.reportHalfReferences(e)
	declared, err := z.reportHalfInterfaces(e)
	return found || declared, err
}

// half tells of ports between two classes that one end denies all of them, and that the other certainly allows some: denies is
// the direction of the first.
func (m *model) half(from, to int, ports Ports) (denies Direction, is bool) {
	e, i := m.in[Egress][from].cellOf(to), m.in[Ingress][to].cellOf(from)
	some := func(v verdict) bool { return !m.ports.sets[v.must].Intersect(ports).Empty() }
	none := func(v verdict) bool { return m.ports.sets[v.may].Intersect(ports).Empty() }
	switch {
	case some(e) && none(i):
		return Ingress, true
	case some(i) && none(e):
		return Egress, true
	}
	return 0, false
}

func (m *model) passes(from, to int, ports Ports) bool {
	return !m.ports.sets[m.pair(from, to).may].Intersect(ports).Empty()
}

// reportHalfReferences: one of a workload and a Service.
func (z *Zones) reportHalfReferences(e *nist190.Eval) bool {
	m := z.m
	found := false
	type key struct{ from, service inventory.Ref }
	done := map[key]bool{}
	for _, r := range z.references(e.Inventory) {
		k := key{r.from.Workload.Ref(), r.service.Ref()}
		if done[k] || r.from.Host() {
			continue
		}
		var denies Direction
		var to *Pod
		var ports Ports
		m.mu.Lock()
		for i, p := range r.to {
			if p.Host() || m.passes(r.from.class, p.class, r.ports[i]) {
				to = nil // one that answers is enough
				break
			}
			if d, is := m.half(r.from.class, p.class, r.ports[i]); is && to == nil {
				denies, to, ports = d, p, r.ports[i]
			}
		}
		m.mu.Unlock()
		if to == nil || to.Workload == r.from.Workload {
			continue
		}
		found, done[k] = true, true
		at := nist190.At(r.from.Workload.Object, slices.Concat(r.from.Workload.TemplatePath, []any{"spec"}, r.path)...)
		if !r.from.Template {
			at = nist190.At(r.from.Object, append([]any{"spec"}, r.path...)...)
		}
		by, places := z.denying(r.from, to, denies)
		what := fmt.Sprintf("its %s names Service %q", r.what, r.service.Namespace()+"/"+r.service.Name())
		e.Report(nist190.Outcome{
			Status: nist190.Fail, Subject: k.from, Key: r.service.Namespace() + "/" + r.service.Name(),
			Message:  fmt.Sprintf("%s, %s on %s", what, sides(denies, to.Workload, by), ports),
			Evidence: append([]nist190.Evidence{at}, places...),
		})
	}
	return found
}

func sides(denies Direction, to *inventory.Workload, by string) string {
	name := fmt.Sprintf("%s %q", to.Ref().Kind, to.Object.Name())
	if denies == Ingress {
		return fmt.Sprintf("it may connect there, and %s does not let it into %s", by, name)
	}
	return fmt.Sprintf("%s would let it in, and %s does not let it connect", name, by)
}

// denying names the policies that isolate the end that denies.
func (z *Zones) denying(from, to *Pod, d Direction) (names string, at []nist190.Evidence) {
	end := from
	if d == Ingress {
		end = to
	}
	var by []string
	for _, g := range z.m.in[d][end.class].policies {
		by = append(by, g.short())
		if g.object != nil && len(at) < maxEvidence {
			at = append(at, nist190.At(g.object, "spec", d.String()))
		}
	}
	return phrase.Shorten(by), at
}

// reportHalfInterfaces: one of an interface and a workload that it leads to, where no pod of the level gets through.
func (z *Zones) reportHalfInterfaces(e *nist190.Eval) (bool, error) {
	declared, err := z.declared(e.Inventory)
	if err != nil {
		return false, err
	}
	m := z.m
	found := false
	for i, x := range declared {
		var from []*Pod
		seen := map[int]bool{}
		for _, p := range m.pods {
			if z.Zone(p) == x.from && !p.Host() && !seen[p.class] {
				seen[p.class] = true
				from = append(from, p)
			}
		}
		var last *inventory.Workload
		for _, to := range m.pods {
			if z.Zone(to) != x.to || to.Host() || to.Workload == last || !x.where.MatchRef(e.Inventory, to.Workload.Ref()) {
				continue
			}
			last = to.Workload
			ports := x.ports.ports.Union((&class{Pod: to}).resolve(x.ports.named)).Minus(PortRange(Other, 0, 0))
			if ports.Empty() {
				continue
			}
			var one *Pod
			var denies Direction
			m.mu.Lock()
			for _, p := range from {
				if m.passes(p.class, to.class, ports) {
					one = nil
					break
				}
				if d, is := m.half(p.class, to.class, ports); is && one == nil {
					one, denies = p, d
				}
			}
			m.mu.Unlock()
			if one == nil {
				continue
			}
			found = true
			by, places := z.denying(one, to, denies)
			name := Interfaces.Get(e.Inventory)[i].Name
			who := fmt.Sprintf("%s %q", one.Workload.Ref().Kind, one.Workload.Ref().Namespace+"/"+one.Workload.Ref().Name)
			message := fmt.Sprintf("interface %q leads to it from %s, and nothing of that level gets through on %s: ", name, z.ZoneName(x.from), words(ports))
			if denies == Ingress {
				message += fmt.Sprintf("%s may connect, and %s does not let it in", who, by)
			} else {
				message += fmt.Sprintf("it would let %s in, and %s does not let that connect", who, by)
			}
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Subject: to.Workload.Ref(), Key: "interface " + name, Message: message,
				Evidence: append([]nist190.Evidence{nist190.At(to.Workload.Object, "metadata", "name")}, places...),
			})
		}
	}
	return found, nil
}
