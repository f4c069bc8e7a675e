package network

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

func exposureChecks() []nist190.Check {
	return []nist190.Check{
		onMap(publicExposure, checkPublicExposure),
		nist190.NewCheck(externalIPs, checkExternalIPs),
		onMap(nodeEntry, checkNodeEntry),
		onMap(hostNetwork, checkHostNetwork),
		onMap(notEnforced, checkNotEnforced),
		nist190.NewCheck(exposureDangling, checkDangling),
	}
}

var publicExposure = nist190.Metadata{
	ID: "network-public-exposure", Title: "Workload above the lowest level that the outside reaches",
	Doc: `A workload that is not of the lowest sensitivity level can be reached from outside of the cluster: a load balancer, a node
port, an Ingress, a Gateway or a Route leads to it, and its policies let the connection in. An entry by itself is no
failure: where the policies close it, it leads nowhere.

Before: a Service of type LoadBalancer in front of the database.

After: a Service of type ClusterIP, and a public frontend that talks to it.`,
	Claims: nist190.Claims("3b", "3c"), Controls: []string{"AC-4", "SC-7", "SC-7(5)"},
	Severity: nist190.SeverityHigh,
	Remediation: `Make the Service a ClusterIP, or keep the entry for clients within the company: an internal load balancer with
loadBalancerSourceRanges. Let the workload's NetworkPolicy admit the frontend alone.`,
	Needs: EntryNeeds(),
	Limits: `Firewalls of the cloud, and what listens on pods of the host's network, are not seen. Ways that only another system
knows, such as those of a mesh's own gateways without a VirtualService, are not followed.`,
}

func checkPublicExposure(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	type key struct {
		workload *inventory.Workload
		object   *inventory.Object
	}
	reported := map[key]bool{}
	ways := z.find(e.Inventory, len(entrySources))
	entries := ways.out
	// What is certain comes first: one object can lead to a workload in several ways.
	for _, certain := range []bool{true, false} {
		for i := range entries {
			x := &entries[i]
			level, k := z.Zone(x.Pod), key{x.Pod.Workload, x.Object}
			if level <= 1 || x.Internal || reported[k] {
				continue
			}
			must, may := z.Exposure(x)
			if may.Empty() || certain == must.Empty() {
				continue
			}
			reported[k] = true
			out := nist190.Outcome{
				Subject: x.Pod.Workload.Ref(), Key: x.Kind + " " + x.Object.Name(),
				Evidence: []nist190.Evidence{nist190.At(x.Object, x.Path...), nist190.At(x.Pod.Workload.Object, "metadata", "name")},
			}
			switch {
			case certain:
				out.Status = nist190.Fail
				if int(level) < len(z.levels.Names())-1 {
					out.Severity = nist190.SeverityMedium
				}
				out.Message = fmt.Sprintf("it is %s, and %s lets the outside reach it on %s", z.ZoneName(level), x, must)
			case x.Unsure != "":
				out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
				out.Message = fmt.Sprintf("%s may lead to it, which is %s, on %s: %s", x, z.ZoneName(level), may, x.Unsure)
			default:
				out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
				out.Message = fmt.Sprintf("%s leads to it, which is %s, on %s; whether its policies let that in is not known", x, z.ZoneName(level), may)
			}
			e.Report(out)
		}
	}
	blind := false
	for _, w := range ways.blind {
		o := w.object
		if level := z.levels.Namespace(o.Namespace()).Level; level > 1 {
			blind = true
			e.Report(nist190.Outcome{
				Status: nist190.NotAssessed, Reason: nist190.ReasonUnknown, Subject: o.Ref(), Evidence: []nist190.Evidence{nist190.At(o, "metadata", "name")},
				Message: fmt.Sprintf("%s, of namespace %q, which is %s", w.why, o.Namespace(), z.ZoneName(level)),
			})
		}
	}
	return blind || len(reported) > 0, nil
}

var externalIPs = nist190.Metadata{
	ID: "network-external-ips", Title: "Service with external IPs",
	Doc: `A Service lists externalIPs. Every node then takes traffic for those addresses, whoever they belong to: who may write
Services can intercept connections of others (CVE-2020-8554). Kubernetes means to remove the field.

Before:

    spec: {externalIPs: [198.51.100.7]}

After: a load balancer, or a Gateway.`,
	Claims: nist190.Claims("3a"), Severity: nist190.SeverityMedium,
	Remediation: "Use a Service of type LoadBalancer or a Gateway, and turn the field off with the admission plugin DenyServiceExternalIPs.",
	Risk:        nist190.PoorlySeparatedTraffic, Controls: []string{"AC-4", "SC-7"}, Since: "v0.1.0",
	Needs: []inventory.Need{inventory.NeedOf[corev1.Service](inventory.Incriminating)}, Subjects: []schema.GroupKind{{Kind: "Service"}},
}

func checkExternalIPs(_ context.Context, e *nist190.Eval) error {
	found := false
	for o, s := range inventory.Typed[corev1.Service](e.Inventory) {
		if len(s.Spec.ExternalIPs) > 0 {
			found = true
			e.Fail(o.Ref(), "", fmt.Sprintf("every node takes traffic for %s", phrase.Shorten(s.Spec.ExternalIPs)), nist190.At(o, "spec", "externalIPs"))
		}
	}
	if !found {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster})
	}
	return nil
}

var nodeEntry = nist190.Metadata{
	ID: "network-node-entry", Title: "Port that every node opens for a workload",
	Doc: `A hostPort, or a Service of type NodePort, opens a port on nodes for a workload above the lowest sensitivity level.
Whoever reaches a node reaches it, past load balancers and their source ranges; policies see the node's address.

Before:

    ports: [{containerPort: 8443, hostPort: 8443}]

After: a Service of type ClusterIP behind a Gateway.`,
	Claims: nist190.Claims("3c"), Severity: nist190.SeverityMedium,
	Remediation: "Leave out hostPort, and use ClusterIP with a Gateway or an Ingress in front.",
	Needs:       sourceNeeds(nodeSources),
}

func checkNodeEntry(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	entries := z.entriesOf(e.Inventory, nodeSources)
	found := false
	reported := map[string]bool{}
	for i := range entries {
		x := &entries[i]
		k := x.Kind + x.Pod.Workload.Ref().String() + x.Object.Name()
		if x.Kind != "HostPort" && x.Kind != "NodePort" || z.Zone(x.Pod) <= 1 || reported[k] {
			continue
		}
		found, reported[k] = true, true
		evidence := nist190.At(x.Object, x.Path...)
		if x.Kind == "HostPort" {
			evidence = nist190.At(x.Pod.Workload.Object, "metadata", "name")
		}
		e.Fail(x.Pod.Workload.Ref(), x.Kind+" "+x.Object.Name(), fmt.Sprintf("it is %s, and %s opens %s on nodes", z.ZoneName(z.Zone(x.Pod)), x, x.Ports), evidence)
	}
	return found, nil
}

var hostNetwork = nist190.Metadata{
	ID: "network-host-network", Title: "Workload on the host's network",
	Doc: `A workload has the network of its node. Policies neither govern nor select it; it sees the node's interfaces and the
traffic of every pod there, and reaches pods of its node and the cloud's metadata service whatever policies say.

Before:

    spec: {hostNetwork: true}

After: the pod's own network, and a Service.`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "SC-7", "SC-39"}, CIS: []string{"5.2.5"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Leave out hostNetwork. Agents that need it belong into a namespace that the sensitivity scheme calls infrastructure.",
}

func checkHostNetwork(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := false
	var last *inventory.Workload
	for _, p := range z.m.pods {
		if !p.Host() || p.Workload == last || z.Zone(p) == sensitivity.Infra {
			continue
		}
		last, found = p.Workload, true
		path := append(slices.Clone(p.Workload.TemplatePath), "spec", "hostNetwork")
		e.Fail(p.Workload.Ref(), "", "it has its node's network, which policies do not govern", nist190.At(p.Workload.Object, path...))
	}
	return found, nil
}

var notEnforced = nist190.Metadata{
	ID: "network-not-enforced", Title: "Policies that nothing enforces",
	Doc: `There are network policies, and the network plugin does not enforce them: Kubernetes stores them for whoever does. The
plugin is recognised by the DaemonSets that run it, or named in the configuration.

Before: flannel alone.

After: a plugin that enforces policies, such as Calico, Cilium, Antrea or OVN-Kubernetes.`,
	Claims: nist190.Claims("3a", "3b", "3c"), CIS: []string{"5.3.1"}, Severity: nist190.SeverityHigh,
	Remediation: "Install a plugin that enforces NetworkPolicy, or the enforcement that your provider has for its own.",
	Limits:      "That the plugin's agents work is not seen.",
}

func checkNotEnforced(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	if len(z.m.policies) == 0 {
		e.NotApplicable(inventory.Cluster, "there are no policies")
		return true, nil
	}
	p := z.Profile()
	switch p.Enforces {
	case Yes:
		return false, nil
	case No:
		name := cmp.Or(p.Plugin, "the network plugin")
		e.Fail(inventory.Cluster, "", fmt.Sprintf("%s does not enforce the %s there are", name, phrase.Count(len(z.m.policies), "policy")))
	default:
		e.NotAssessed(inventory.Cluster, nist190.ReasonUnknown, "which network plugin runs is not known, nor whether it enforces policies")
	}
	return true, nil
}
