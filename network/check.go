package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// onMap fills in what checks on the map have in common. find reports what is not as it should be; without any the
// cluster passes.
func onMap(md nist190.Metadata, find func(context.Context, *nist190.Eval, *Zones) (found bool, err error)) nist190.Check {
	md.Risk, md.Since = nist190.PoorlySeparatedTraffic, "v0.1.0"
	if md.Controls == nil {
		md.Controls = []string{"AC-4", "SC-7"}
	}
	md.Needs = inventory.JoinNeeds(md.Needs, CollectedNeeds())
	if md.Subjects == nil {
		md.Subjects = inventory.WorkloadKinds()
	}
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		z, err := zonesAsCollected.Get(ctx, e.Inventory)
		if err != nil {
			return err
		}
		found, err := find(ctx, e, z)
		if err == nil && !found {
			e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster})
		}
		return err
	})
}

func zoneChecks() []nist190.Check {
	return []nist190.Check{
		onMap(zoneCrossing, checkZoneCrossing), onMap(interfaceBudgetCheck, checkInterfaceBudget), onMap(mixedNamespace, checkMixedNamespace),
	}
}

// Interface is a way that traffic is meant to take from one zone to another. A zone is a sensitivity level.
type Interface struct {
	Name        string                           `json:"name"`
	From        string                           `json:"from"` // level
	To          string                           `json:"to"`   // level
	Destination inventory.Selector               `json:"destination,omitzero"`
	Ports       []networkingv1.NetworkPolicyPort `json:"ports,omitempty"` // none means every port
	Reason      string                           `json:"reason,omitempty"`
}

// InterfaceList is what is declared; a report prints it in one line.
type InterfaceList []Interface

func (l InterfaceList) String() string {
	var names []string
	for _, x := range l {
		names = append(names, fmt.Sprintf("%s from %s to %s", x.Name, x.From, x.To))
	}
	return strings.Join(names, ", ")
}

// DefaultInterfaceBudget is how many interfaces between two zones are few.
const DefaultInterfaceBudget = 5

// Budget is how many interfaces there may be from one zone to another.
type Budget int

func (b Budget) String() string { return fmt.Sprintf("%d between two zones", int(b)) }

var (
	// Interfaces attaches the declared interfaces to an inventory. With none, every narrow way between zones is one.
	Interfaces = inventory.NewSetting("interfaces", InterfaceList(nil))
	// InterfaceBudget attaches the budget.
	InterfaceBudget = inventory.NewSetting("interfaceBudget", Budget(DefaultInterfaceBudget))
)

// crossing is what may pass from the pods of one level to a workload of another.
type crossing struct {
	from, to  sensitivity.Level
	workload  *inventory.Workload
	must, may Ports
	// by is one workload that it comes from.
	by Place
}

// crossings lists every pair of a level and a workload of another level, by workload, then by level. Infrastructure is of
// every level. What has no level is taken for the least where it connects to another: the worst that it can be. They are
// found once. Cost: that of the edges from zones to workloads, of which there are no more than levels times workloads.
func (z *Zones) crossings() []crossing {
	z.once.Do(func() { z.crossed = z.findCrossings() })
	return slices.Clone(z.crossed)
}

func (z *Zones) findCrossings() []crossing {
	from, to := z.view(LevelZone), z.view(LevelWorkload)
	workloads := make([]*inventory.Workload, len(to.units))
	levels := make([]sensitivity.Level, len(to.units))
	for i, u := range to.units {
		workloads[i] = u.classes[0].pods[0].Workload
		levels[i] = z.levelNamed(u.place.Zone)
	}
	var out []crossing
	for _, u := range from.units {
		level := z.levelNamed(u.place.Name)
		if level < 0 {
			continue
		}
		for _, x := range to.into(u, func(unit int) bool {
			return levels[unit] > 0 && levels[unit] != level && (level > 0 || levels[unit] > 1)
		}) {
			out = append(out, crossing{from: level, to: levels[x.unit], workload: workloads[x.unit], must: x.must, may: x.may, by: z.placeOf(x.by, LevelWorkload)})
		}
	}
	slices.SortStableFunc(out, func(a, b crossing) int {
		if a.workload != b.workload {
			return a.workload.Ref().Compare(b.workload.Ref())
		}
		return int(a.from) - int(b.from)
	})
	return out
}

func (z *Zones) levelNamed(zone string) sensitivity.Level {
	if zone == z.levels.Name(sensitivity.Infra) {
		return sensitivity.Infra
	}
	l, _ := z.levels.Parse(zone)
	return l
}

// maxInterfacePorts is how many ports one interface can have: a service, its metrics, a range of a media server.
const maxInterfacePorts = 16

var zoneCrossing = nist190.Metadata{
	ID: "network-zone-crossing", Title: "Traffic between sensitivity levels beyond their interfaces",
	Doc: fmt.Sprintf(`Workloads of one sensitivity level can be reached from another on ports that are no interface. SP 800-190 asks that traffic
is separated into virtual networks by sensitivity level, and that these meet at a small number of well-defined
interfaces.

Where interfaces are declared in the configuration, what lies beyond them fails. Where none are, a way that policies
narrow down to at most %d ports of a workload counts as one, and wider ones fail. What only might be open is not assessed.

Before:

    ingress: [{from: [{namespaceSelector: {}}]}]

After:

    ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop-web}}, podSelector: {matchLabels: {app: storefront}}}]
      ports: [{port: 8443}]`, maxInterfacePorts),
	// With default deny, enforcement and the budget, which claim them too, nothing is left to ask.
	Claims:   []nist190.Claim{{Sentence: "3a", Conclusive: true}, {Sentence: "3b", Conclusive: true}, {Sentence: "3c", Conclusive: true}},
	Controls: []string{"AC-4", "AC-4(21)", "SC-7", "SC-7(13)"},
	Severity: nist190.SeverityHigh,
	Remediation: `Isolate the workload, and allow the ports and the peers of the other level that are meant. Declare the ways that are meant as
interfaces in the configuration.`,
	Limits: "Traffic that a proxy of another level passes on is the proxy's.",
}

func checkZoneCrossing(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	declared, err := z.declared(e.Inventory)
	if err != nil {
		return false, err
	}
	found := z.reportUnclassified(e)
	for _, c := range z.crossings() {
		must, may := declared.beyond(e.Inventory, c)
		if must.Empty() && may.Empty() {
			continue
		}
		found = true
		out := nist190.Outcome{Subject: c.workload.Ref(), Key: z.ZoneName(c.from), Evidence: []nist190.Evidence{nist190.At(c.workload.Object, "metadata", "name")}}
		level := "which is " + z.ZoneName(c.from)
		if c.from == sensitivity.Unclassified {
			level = "of which no level is known"
		}
		what := fmt.Sprintf("%s is %s, and %s, %s, ", c.workload.Ref().Kind, z.ZoneName(c.to), c.by.Key(), level)
		if must.Empty() {
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = what + "may reach it on " + words(may)
		} else {
			out.Status, out.Severity = nist190.Fail, z.gap(c)
			out.Message = what + "reaches it on " + words(must)
		}
		e.Report(out)
	}
	return found, nil
}

// reportUnclassified: a workload without a level could be of any.
func (z *Zones) reportUnclassified(e *nist190.Eval) bool {
	var who []*inventory.Workload
	for _, p := range z.m.pods {
		if z.Zone(p) == sensitivity.Unclassified && (len(who) == 0 || who[len(who)-1] != p.Workload) {
			who = append(who, p.Workload)
		}
	}
	if len(who) == 0 {
		return false
	}
	e.NotAssessed(inventory.Cluster, nist190.ReasonUnclassified, fmt.Sprintf("%s without a sensitivity level: %s", phrase.Count(len(who), "workload"), phrase.Workloads(who)),
		places(who, func(w *inventory.Workload) nist190.Evidence { return nist190.At(w.Object, "metadata", "name") })...)
	return true
}

// gap: from below into the highest is worst; what goes down can carry data away.
func (z *Zones) gap(c crossing) nist190.Severity {
	if c.to > c.from && int(c.to) == len(z.levels.Names()) || c.from <= 1 && c.to > c.from {
		return nist190.SeverityHigh
	}
	return nist190.SeverityMedium
}

func words(p Ports) string {
	if p.All() {
		return "every port"
	}
	return p.String()
}

// interfaces are the declared ones, ready to be asked.
type interfaces []struct {
	from, to sensitivity.Level
	where    *inventory.Matcher
	ports    portSpec
}

func (z *Zones) declared(inv *inventory.Inventory) (interfaces, error) {
	var out interfaces
	for i, x := range Interfaces.Get(inv) {
		from, ok := z.levels.Parse(x.From)
		to, ok2 := z.levels.Parse(x.To)
		m, err := x.Destination.Compile()
		if !ok || !ok2 || err != nil {
			return nil, fmt.Errorf("interface %d (%s): from %q to %q: %w", i, x.Name, x.From, x.To, err)
		}
		b := newBuilder(inv, z.m.profile)
		out = append(out, struct {
			from, to sensitivity.Level
			where    *inventory.Matcher
			ports    portSpec
		}{from, to, m, b.portSpec(x.Ports)})
	}
	return out, nil
}

// beyond is what of a crossing is no interface.
func (l interfaces) beyond(inv *inventory.Inventory, c crossing) (must, may Ports) {
	must, may = c.must, c.may.Minus(PortRange(Other, 0, 0))
	if len(l) == 0 {
		if must.count() <= maxInterfacePorts {
			must = Ports{}
		}
		if may.count() <= maxInterfacePorts {
			may = Ports{}
		}
		return must, may
	}
	for _, x := range l {
		if x.from != c.from || x.to != c.to || !x.where.MatchRef(inv, c.workload.Ref()) {
			continue
		}
		ports := x.ports.ports
		for _, p := range podsOf([]*inventory.Workload{c.workload}) {
			ports = ports.Union((&class{Pod: p}).resolve(x.ports.named))
		}
		must, may = must.Minus(ports), may.Minus(ports)
	}
	return must.Minus(PortRange(Other, 0, 0)), may
}

var interfaceBudgetCheck = nist190.Metadata{
	ID: "network-interface-budget", Title: "Many interfaces between two sensitivity levels",
	Doc: fmt.Sprintf(`From one sensitivity level to another there are more interfaces than the budget allows: %d, or what the configuration
says. An interface is a port of a workload. SP 800-190 asks for a small number: each is one more to watch and to defend.

Before: every service of the backend accepts requests of the public frontend.

After: the frontend talks to a gateway of the backend.`, DefaultInterfaceBudget),
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "SC-7(3)"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Put a gateway in front of the services, or raise interfaceBudget in the configuration and say why.",
}

func checkInterfaceBudget(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	type pair struct{ from, to sensitivity.Level }
	ways, open := map[pair][]string{}, map[pair][]nist190.Evidence{}
	var order []pair
	for _, c := range z.crossings() {
		if n := c.must.count(); n == 0 || n > maxInterfacePorts || c.from == sensitivity.Unclassified {
			continue // the wide ones are for another check
		}
		k := pair{c.from, c.to}
		if len(ways[k]) == 0 {
			order = append(order, k)
		}
		for i, spans := range c.must.of().spans {
			for _, s := range spans {
				ways[k] = append(ways[k], fmt.Sprintf("%s %s %s", c.workload.Ref(), Protocol(i), s))
			}
		}
		open[k] = append(open[k], nist190.At(c.workload.Object, "metadata", "name"))
	}
	budget := int(InterfaceBudget.Get(e.Inventory))
	found := false
	for _, k := range order {
		if len(ways[k]) <= budget {
			continue
		}
		found = true
		e.Fail(inventory.Cluster, z.ZoneName(k.from)+" to "+z.ZoneName(k.to),
			fmt.Sprintf("from %s to %s there are %s, more than %d: %s", z.ZoneName(k.from), z.ZoneName(k.to), phrase.Count(len(ways[k]), "interface"), budget, phrase.Shorten(ways[k])),
			open[k][:min(len(open[k]), maxEvidence)]...)
	}
	return found, nil
}

var mixedNamespace = nist190.Metadata{
	ID: "network-mixed-namespace", Title: "Namespace in which sensitivity levels reach each other",
	Doc: `Workloads of several sensitivity levels are in one namespace, and some of one level can reach some of another. A peer
podSelector: {} means every pod of the namespace, whatever its level; so does no policy.

Before:

    ingress: [{from: [{podSelector: {}}]}]

After: a namespace for each level.`,
	Claims: nist190.Claims("3a"), Severity: nist190.SeverityMedium,
	Remediation: "Give each level namespaces of its own, or name the pods of the other level that are meant.",
}

func checkMixedNamespace(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := false
	reported := map[string]bool{}
	// From below is what matters most, and one way tells enough.
	all := z.crossings()
	slices.SortStableFunc(all, func(a, b crossing) int { return b2i(a.to < a.from) - b2i(b.to < b.from) })
	for _, c := range all {
		ns := c.workload.Namespace()
		if c.by.Namespace != ns || c.must.Empty() || reported[ns] || c.from == sensitivity.Unclassified {
			continue
		}
		found, reported[ns] = true, true
		e.Fail(inventory.NamespaceRef(ns), "", fmt.Sprintf("it holds %s and %s: %s reaches %s on %s", z.ZoneName(c.from), z.ZoneName(c.to), c.by.Key(), c.workload.Ref(), words(c.must)),
			nist190.At(c.workload.Object, "metadata", "name"))
	}
	return found, nil
}
