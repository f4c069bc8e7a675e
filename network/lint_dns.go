package network

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var dnsBlocked = nist190.Metadata{
	ID: "network-dns-blocked", Title: "Workload that policies cut off from DNS", Advisory: true,
	Doc: `Policies isolate the egress of a workload, let it connect to something and not to the cluster's DNS: names do not
resolve, and the rules for what it needs are of no use. What is then done in haste is to open egress altogether. Pods with
the DNS policy None or Default do not ask the cluster's DNS, and a workload that may connect to nothing needs no names.

Before:

    egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]

After:

    egress:
    - to: [{podSelector: {matchLabels: {app: db}}}]
    - to:
      - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
        podSelector: {matchLabels: {k8s-app: kube-dns}}
      ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "SC-20"},
	Severity:    nist190.SeverityLow,
	Remediation: "Allow UDP and TCP port 53 to the pods of the cluster's DNS.",
	// An unseen pod may be the DNS server that can be reached.
	Needs: everyPod(),
	Limits: `DNS is taken to be the pods in kube-system that are labelled as those of kube-dns or CoreDNS, on port 53 or what they call
dns, and NodeLocal DNSCache. Nothing is reported where the inventory holds no such pods.`,
}

// nodeLocalDNS is where NodeLocal DNSCache listens on every node (kubernetes/kubernetes, cluster/addons/dns/nodelocaldns).
var nodeLocalDNS = netip.MustParseAddr("169.254.20.10")

// server is a DNS pod and the ports that it may listen on.
type server struct {
	class *class
	ports portID
}

func findDNSBlocked(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	servers := m.dnsServers()
	if len(servers) == 0 {
		return true, nil // nothing that it concerns
	}
	local, _ := m.externalOf(nodeLocalDNS)
	blocked := map[int]bool{}
	found := false
	reported := map[*inventory.Workload]bool{}
	for _, p := range m.pods {
		// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
		if p.Host() || reported[p.Workload] || p.Spec.DNSPolicy == corev1.DNSNone || p.Spec.DNSPolicy == corev1.DNSDefault {
			continue
		}
		is, known := blocked[p.class]
		if !known {
			is = m.cutOff(p.class, servers, local)
			blocked[p.class] = is
		}
		if !is {
			continue
		}
		found, reported[p.Workload] = true, true
		evidence := []nist190.Evidence{nist190.At(p.Workload.Object, "metadata", "name")}
		var by []string
		for _, g := range m.in[Egress][p.class].policies {
			if g.object != nil && len(evidence) < maxEvidence {
				evidence = append(evidence, nist190.At(g.object, "spec", "egress"))
				by = append(by, g.short())
			}
		}
		e.Fail(p.Workload.Ref(), "", fmt.Sprintf("it may connect to no DNS server: %s %s neither the pods of the cluster's DNS nor %s", phrase.Shorten(by), allowsOrAllow(len(by)), nodeLocalDNS), evidence...)
	}
	return found, nil
}

func allowsOrAllow(n int) string {
	if n == 1 {
		return "allows"
	}
	return "allow"
}

func (m *model) dnsServers() []server {
	var out []server
	own := m.inCluster[metav1.NamespaceSystem]
	for _, c := range m.classes[own[0]:own[1]] {
		if c.newcomer {
			continue
		}
		for _, p := range c.pods {
			if p.Labels["k8s-app"] != "kube-dns" && p.Labels["app.kubernetes.io/name"] != "coredns" {
				continue
			}
			// The Service's port 53 can lead to another one.
			ports := PortRange(UDP, 53, 53).Union((&class{Pod: p}).resolve([]namedPort{{name: "dns", protocol: UDP}}))
			out = append(out, server{c, m.ports.id(ports)})
		}
	}
	return out
}

// cutOff tells of a class that its policies let it connect to something, and certainly not to DNS.
func (m *model) cutOff(i int, servers []server, local int) bool {
	g := m.in[Egress][i]
	some := !m.silent(verdict{g.rest.must, g.rest.must})
	for _, c := range g.cells {
		some = some || !m.silent(verdict{c.must, c.must})
	}
	if !some {
		return false
	}
	for _, s := range servers {
		if s.class.index == i || m.ports.and(m.pair(i, s.class.index).may, s.ports) != noPorts {
			return false
		}
	}
	return m.ports.and(g.cellOf(local).may, m.ports.id(PortRange(UDP, 53, 53))) == noPorts
}
