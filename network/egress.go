package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

func egressChecks() []nist190.Check {
	return []nist190.Check{onMap(metadataEgress, checkMetadataEgress), onMap(internetEgress, checkInternetEgress), onMap(controlEgress, checkControlEgress)}
}

// metadataServices hand out credentials of the node or the pod to whoever asks (documentation of the clouds).
var metadataServices = []struct {
	addr netip.Addr
	of   string
}{
	{netip.MustParseAddr("169.254.169.254"), "the metadata service"},
	{netip.MustParseAddr("fd00:ec2::254"), "the metadata service of EC2 over IPv6"},
	{netip.MustParseAddr("169.254.170.2"), "the credentials of ECS tasks"},
	{netip.MustParseAddr("100.100.100.200"), "the metadata service of Alibaba Cloud"},
	{netip.MustParseAddr("168.63.129.16"), "the wire server of Azure"},
}

// registerMetadata cuts the addresses outside at those that matter, whatever blocks policies name.
func (b *builder) registerMetadata() {
	for _, s := range metadataServices {
		b.blocks.id(prefixes{{s.addr, s.addr}})
	}
}

var metadataEgress = nist190.Metadata{
	ID: "network-metadata-egress", Title: "Policies that let pods reach the cloud's metadata service",
	Doc: `The policies of a workload limit where it may connect to, and let it connect to the address at which clouds hand out the
credentials of the node. A pod that is taken over has those credentials. An exception of one block does not help where
another rule, of any policy, holds the address: rules are a union.

Workloads that may connect to everywhere are a failure of network-default-deny and not repeated.

Before:

    egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]

After:

    egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "AC-6", "SC-7"}, CIS: []string{"5.4.3"},
	Severity: nist190.SeverityMedium,
	Remediation: `Except the address in every block that holds it, or name the addresses that are needed. On AWS also ask for IMDSv2 with a
hop limit of 1.`,
	Limits: "Whether the cloud answers pods at all (hop limits, metadata servers of nodes) is not seen. Pods on the host's network cannot be kept from it by policies.",
}

func checkMetadataEgress(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := false
	for _, ns := range z.governedByNamespace(no) {
		var who []*inventory.Workload
		var evidence []nist190.Evidence
		service := ""
		for _, p := range ns.pods {
			for _, s := range metadataServices[:1] {
				must, _ := z.between(End{Pod: p}, End{Addr: s.addr})
				if !must.Has(TCP, 80) || slices.Contains(who, p.Workload) {
					continue
				}
				who, service = append(who, p.Workload), s.of
				evidence = append(evidence, z.admitting(p, s.addr, TCP, 80)...)
			}
		}
		if len(who) == 0 {
			continue
		}
		found = true
		e.Fail(inventory.NamespaceRef(ns.name), "", fmt.Sprintf("%s may reach %s at %s: %s", phrase.Count(len(who), "workload"), service, metadataServices[0].addr, phrase.Workloads(who)), distinct(evidence)...)
	}
	return found, nil
}

var internetEgress = nist190.Metadata{
	ID: "network-internet-egress", Title: "Policies that let pods connect to the whole internet",
	Doc: `The policies of a workload limit where it may connect to, and still let it connect to nearly every address outside of the
cluster. Data leaves that way, and tools of an attacker come in. DNS alone, to anywhere, is a narrow way of its own and
not reported here.

Workloads that may connect to everywhere are a failure of network-default-deny and not repeated.

Before:

    egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]

After: the services that it needs, or a proxy that knows their names.

    egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}]}]`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "SC-7(5)"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Name the blocks and ports that the workload needs, or let it talk to an egress proxy or gateway alone.",
}

func checkInternetEgress(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := false
	// One address of each part of the internet that large blocks are made of: whoever reaches all reaches nearly everything.
	var samples []netip.Addr
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "51.15.0.1", "93.184.215.14", "151.101.1.1", "185.199.108.153", "203.0.114.1", "220.181.38.148"} {
		samples = append(samples, netip.MustParseAddr(text))
	}
	for _, ns := range z.governedByNamespace(no) {
		var who []*inventory.Workload
		var evidence []nist190.Evidence
		high := false
		var ports Ports
		for _, p := range ns.pods {
			all := AllPorts
			for _, a := range samples {
				must, _ := z.between(End{Pod: p}, End{Addr: a})
				all = all.Intersect(must)
			}
			beyond := all.Minus(PortRange(TCP, 53, 53)).Minus(PortRange(UDP, 53, 53)).Minus(PortRange(Other, 0, 0))
			if beyond.Empty() || slices.Contains(who, p.Workload) {
				continue
			}
			who, ports = append(who, p.Workload), ports.Union(all)
			high = high || int(z.Zone(p)) >= len(z.levels.Names())-1
			protocol, port := first(beyond)
			evidence = append(evidence, z.admitting(p, samples[0], protocol, port)...)
		}
		if len(who) == 0 {
			continue
		}
		found = true
		out := nist190.Outcome{
			Status: nist190.Fail, Subject: inventory.NamespaceRef(ns.name), Evidence: distinct(evidence),
			Message: fmt.Sprintf("%s may connect to the whole internet on %s: %s", phrase.Count(len(who), "workload"), words(ports), phrase.Workloads(who)),
		}
		if high {
			out.Severity = nist190.SeverityHigh
		}
		e.Report(out)
	}
	return found, nil
}

func first(p Ports) (Protocol, uint16) {
	for i, spans := range p.of().spans {
		if len(spans) > 0 {
			return Protocol(i), spans[0].From
		}
	}
	return TCP, 443
}

// governedPods are the pods of one namespace of which policies limit where they may connect to.
type governedPods struct {
	name string
	pods []*Pod
}

// governedByNamespace lists them, with those that may be open to everywhere where most is maybe.
func (z *Zones) governedByNamespace(most truth) []*governedPods {
	var out []*governedPods
	for _, p := range z.m.pods {
		if p.Host() || z.Zone(p) == sensitivity.Infra {
			continue
		}
		if is, _ := z.m.openness(z.m.classes[p.class], Egress); is > most {
			continue
		}
		if len(out) == 0 || out[len(out)-1].name != p.Namespace {
			out = append(out, &governedPods{name: p.Namespace})
		}
		out[len(out)-1].pods = append(out[len(out)-1].pods, p)
	}
	return out
}

// admitting is where it is written that a pod may connect to an address.
func (z *Zones) admitting(p *Pod, to netip.Addr, protocol Protocol, port uint16) []nist190.Evidence {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	peer, ok := m.externalOf(to)
	if !ok {
		return nil
	}
	var out []nist190.Evidence
	for _, g := range m.in[Egress][p.class].policies {
		for i := range g.dirs[Egress].rules {
			r := &g.dirs[Egress].rules[i]
			if r.action == allow && g.object != nil && m.peersOf(r).sure.has(peer) && r.ports.ports.Has(protocol, port) {
				out = append(out, nist190.At(g.object, r.path...))
			}
		}
	}
	return out
}

// distinct drops evidence that was given before, and what is too much of it.
func distinct(list []nist190.Evidence) []nist190.Evidence {
	var out []nist190.Evidence
	seen := map[string]bool{}
	for _, e := range list {
		if k := fmt.Sprint(e.Ref, e.Path); !seen[k] && len(out) < maxEvidence {
			seen[k] = true
			out = append(out, e)
		}
	}
	return out
}
