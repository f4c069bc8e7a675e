package nodetrust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
)

var foreignNetwork = nist190.Metadata{
	ID: "nodetrust-foreign-network", Title: "Nodes over networks of others without encryption between pods", Risk: nist190.NodeTrust,
	Doc: `Nodes talk over networks that the organization does not control: they have addresses on the internet, are in several
regions, or are outside of the cloud in which the others are. What pods say to each other there is not encrypted. SP 800-190
asks for a posture that holds on such networks.

Before:

    status: {addresses: [{type: ExternalIP, address: 203.0.113.7}]}
    # cilium-config: enable-wireguard: "false"

After:

    # cilium-config: enable-wireguard: "true"`,
	Claims: nist190.Claims("5g", "5h"), Controls: []string{"SC-8", "SC-8(1)", "SC-7"}, Severity: nist190.SeverityMedium,
	Remediation: "Encrypt the network of pods (WireGuard or IPsec of the network plugin, or a strict mesh), or connect the sites by a VPN and attest it.",
	Needs: inventory.JoinNeeds(network.WireEncryptionNeeds(), []inventory.Need{
		inventory.NeedOf[corev1.Node](inventory.Incriminating), // a further one can only be one more far away
	}),
	Since:  "v0.1.0",
	Limits: "A VPN between sites, and encryption by the provider between hosts, are not seen. An ExternalIP that pods' traffic does not take counts as well.",
}

// ForeignNetwork finds clusters whose nodes are reached over networks of others, without encryption between pods.
func ForeignNetwork() nist190.Check {
	md := foreignNetwork
	md.Needs = inventory.JoinNeeds(md.Needs, controlplane.Needs())
	return nist190.NewCheck(md, checkForeignNetwork)
}

func checkForeignNetwork(ctx context.Context, e *nist190.Eval) error {
	far, evidence, nodes := farNodes(e.Inventory)
	switch {
	case nodes == 0 && !e.Inventory.Coverage(inventory.NeedOf[corev1.Node](inventory.Either).GroupKind(), "").State.Complete():
		notSeen(e, "where nodes are was not seen", "nodes")
		return ctx.Err()
	case len(far) == 0:
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: "no sign of a network of others: no address on the internet, one region, one place"})
		return ctx.Err()
	}
	is, why, at, err := network.WireEncryption(ctx, e.Inventory)
	if err != nil {
		return err
	}
	v, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	managed, _ := v.Managed()
	if c, ok := managed.Cluster(); ok && is != network.Yes && c.TransitEncryption.Known && c.TransitEncryption.V {
		is, why, at = network.Yes, string(managed.Vendor)+" encrypts between pods on different nodes", []nist190.Evidence{nist190.At(c.TransitEncryption.Object, c.TransitEncryption.Path...)}
	}
	out := nist190.Outcome{Subject: inventory.Cluster, Evidence: slices.Concat(evidence, at), Message: fmt.Sprintf("%s, and traffic between pods is not encrypted: %s", strings.Join(far, "; "), why)}
	switch is {
	case network.Yes:
		out.Status, out.Message = nist190.Pass, why
	case network.No:
		out.Status = nist190.Fail
	default:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("%s, and whether traffic between pods is encrypted is not known: %s", strings.Join(far, "; "), why)
	}
	e.Report(out)
	return ctx.Err()
}

// hybridLabels mark nodes outside of the cloud in which the cluster is.
var hybridLabels = map[string]string{"eks.amazonaws.com/compute-type": "hybrid"}

// farNodes lists the signs of networks of others.
func farNodes(inv *inventory.Inventory) (signs []string, evidence []nist190.Evidence, nodes int) {
	var external, hybrid []string
	regions, clouds := map[string]bool{}, map[string]bool{}
	cite := func(o *inventory.Object, path ...any) {
		if len(evidence) < mostPlaces {
			evidence = append(evidence, nist190.At(o, path...))
		}
	}
	for o, n := range inventory.Typed[corev1.Node](inv) {
		nodes++
		for i, a := range n.Status.Addresses {
			if a.Type == corev1.NodeExternalIP && a.Address != "" {
				external = append(external, o.Name())
				cite(o, "status", "addresses", i)
				break
			}
		}
		for k, v := range hybridLabels {
			if n.Labels[k] == v {
				hybrid = append(hybrid, o.Name())
				cite(o, "metadata", "labels", k)
			}
		}
		if r := n.Labels[corev1.LabelTopologyRegion]; r != "" && !regions[r] {
			regions[r] = true
			if len(regions) > 1 {
				cite(o, "metadata", "labels", corev1.LabelTopologyRegion)
			}
		}
		if scheme, _, ok := strings.Cut(n.Spec.ProviderID, "://"); ok {
			clouds[scheme] = true
		}
	}
	if len(external) > 0 {
		signs = append(signs, fmt.Sprintf("%s with an address on the internet (%s)", phrase.Count(len(external), "node"), phrase.Shorten(external)))
	}
	if len(hybrid) > 0 {
		signs = append(signs, fmt.Sprintf("%s outside of the cloud (%s)", phrase.Count(len(hybrid), "node"), phrase.Shorten(hybrid)))
	}
	if len(regions) > 1 {
		signs = append(signs, "nodes are in several regions: "+phrase.Shorten(sortedNames(regions)))
	}
	if len(clouds) > 1 {
		signs = append(signs, "nodes are in several clouds: "+phrase.Shorten(sortedNames(clouds)))
	}
	return signs, evidence, nodes
}

func sortedNames(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
