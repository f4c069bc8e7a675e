package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

var controlEgress = nist190.Metadata{
	ID: "network-control-egress", Title: "Policies that let pods reach kubelets, etcd or the API server without need", Advisory: true,
	Doc: `The policies of a workload limit where it may connect to, and let it connect to what runs the cluster: the kubelets, etcd,
or the API server. These ask for credentials; a pod that is taken over can try stolen ones there, and every flaw of theirs.
Mostly a block that was meant for something else holds the addresses of the nodes.

Who has rights has a need: the service account of the workload may read or use nodes/metrics or another subresource of nodes
that kubelets serve, for kubelets, or is named by any binding, for the API server. Pods have none for etcd. An API server with a
public address is reached by whoever reaches the internet, and not reported.

Workloads that may connect to everywhere are a failure of network-default-deny and not repeated.

Before:

    egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]

After:

    egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/24]}}]}]   # the nodes`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "SC-7"},
	Severity: nist190.SeverityMedium,
	Remediation: `Except the addresses of the nodes and of the API server in every block that holds them, or name the addresses and ports that
are needed.`,
	Needs: slices.Concat([]inventory.Need{
		// Every further node or address is one more that must be closed.
		inventory.NeedOf[corev1.Node](inventory.Incriminating),
		inventory.NeedOf[discoveryv1.EndpointSlice](inventory.Incriminating),
	}, rightsExcuse()),
	Limits: `Kubelets are known by the Node objects, else by nodeCIDRs of the configuration; etcd and the API server by the nodes that are
labelled as those of the control plane, and the API server by the endpoints of the Service kubernetes too. Cilium knows nodes by
their identity, which blocks match where it is told so (policy-cidr-match-mode): there the answer is not assessed. Pods on the
host's network cannot be kept from anything by policies.`,
}

// rightsExcuse: a right that was not seen can be the need that excuses.
func rightsExcuse() []inventory.Need {
	out := rbac.AccessNeeds()
	for i := range out {
		if out[i].Bias == inventory.Incriminating {
			out[i].Bias = inventory.Exonerating
		}
	}
	return out
}

// controlPort is something of the control plane, or a kubelet, that listens.
type controlPort struct {
	what  string
	ports Ports
	addr  netip.Addr
	block prefixes // instead of an address
}

const (
	theKubelet, theEtcd, theAPI = "kubelets", "etcd", "the API server"
	kubeletPort                 = 10250 // cmd/kubelet/app/options, ports.KubeletPort
	apiPort                     = 6443  // kubeadm's
)

// controlPorts lists them by kind, then in the order of the inventory.
func controlPorts(inv *inventory.Inventory, p Profile) []controlPort {
	var kubelets, etcd, api []controlPort
	for o, n := range inventory.Typed[corev1.Node](inv) {
		port := uint16(kubeletPort)
		if reported := n.Status.DaemonEndpoints.KubeletEndpoint.Port; reported > 0 && reported <= lastPort {
			port = uint16(reported)
		}
		// https://kubernetes.io/docs/reference/labels-annotations-taints/#node-role-kubernetes-io-control-plane
		_, control := o.Labels()["node-role.kubernetes.io/control-plane"]
		_, master := o.Labels()["node-role.kubernetes.io/master"]
		for _, a := range n.Status.Addresses {
			addr, ok := parseAddr(a.Address)
			if a.Type != corev1.NodeInternalIP || !ok {
				continue
			}
			kubelets = append(kubelets, controlPort{what: theKubelet, addr: addr, ports: PortRange(TCP, port, port)})
			if control || master {
				etcd = append(etcd, controlPort{what: theEtcd, addr: addr, ports: PortRange(TCP, 2379, 2380)})
				api = append(api, controlPort{what: theAPI, addr: addr, ports: PortRange(TCP, apiPort, apiPort)})
			}
		}
	}
	if len(kubelets) == 0 {
		for _, cidr := range p.NodeCIDRs {
			kubelets = append(kubelets, controlPort{what: theKubelet, block: prefixes{{cidr.Masked().Addr(), lastOf(cidr.Masked())}}, ports: PortRange(TCP, kubeletPort, kubeletPort)})
		}
	}
	add := func(text string, port int32) {
		if a, ok := parseAddr(text); ok && (a.IsPrivate() || isShared(a)) {
			api = append(api, controlPort{what: theAPI, addr: a, ports: portRangeOf(TCP, port, port)})
		}
	}
	for _, s := range inventory.TypedIn[discoveryv1.EndpointSlice](inv, metav1.NamespaceDefault) {
		for _, port := range s.Ports {
			for _, e := range s.Endpoints {
				for _, a := range e.Addresses {
					if s.Labels[discoveryv1.LabelServiceName] == "kubernetes" && port.Port != nil {
						add(a, *port.Port)
					}
				}
			}
		}
	}
	return slices.Concat(kubelets, etcd, api)
}

// isShared: RFC 6598, which clouds use for control planes that they run.
func isShared(a netip.Addr) bool { return netip.MustParsePrefix("100.64.0.0/10").Contains(a) }

// controlGroup is what of one kind policies do not tell apart.
type controlGroup struct {
	what  string
	ports Ports
	peers []int // addresses outside by their number
	names []string
	some  netip.Addr
}

// controlGroups arranges targets by where policies see them, so that thousands of nodes are a few questions.
func (m *model) controlGroups(targets []controlPort) []*controlGroup {
	byKey := map[string]*controlGroup{}
	var out []*controlGroup
	for _, t := range targets {
		peers, name, some := m.outsideOf(t.block), "", t.addr
		if t.block == nil {
			n, ok := m.externalOf(t.addr)
			if !ok {
				continue
			}
			peers, name = []int{n}, t.addr.String()
		} else {
			name, some = t.block.String(), t.block[0].first
		}
		key := fmt.Sprint(t.what, peers, t.ports)
		g := byKey[key]
		if g == nil {
			g = &controlGroup{what: t.what, ports: t.ports, peers: peers, some: some}
			byKey[key] = g
			out = append(out, g)
		}
		if !slices.Contains(g.names, name) {
			g.names = append(g.names, name)
		}
	}
	return out
}

// outsideOf numbers the addresses outside that a block has some of.
func (m *model) outsideOf(block prefixes) []int {
	var out []int
	for i, a := range m.outside {
		if slices.ContainsFunc(a.ranges, func(r addressRange) bool { return block.holds(r) != no }) {
			out = append(out, len(m.classes)+i)
		}
	}
	return out
}

// certainly is the ports of a group of the control plane that pods certainly reach at each of its addresses.
func (m *model) certainly(from *group, to *controlGroup) Ports {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := to.ports
	for _, n := range to.peers {
		out = out.Intersect(m.ports.sets[from.cellOf(n).must])
	}
	return out
}

func checkControlEgress(ctx context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	targets := z.m.controlGroups(controlPorts(e.Inventory, z.m.profile))
	if len(targets) == 0 {
		return false, nil
	}
	type way struct {
		to   *controlGroup
		open Ports
		text string
	}
	ways := map[*group][]way{}
	found := false
	for _, ns := range z.governedByNamespace(maybe) {
		who, where := map[string][]*inventory.Workload{}, map[string][]string{}
		var evidence []nist190.Evidence
		needs := map[[2]string]bool{} // by account and what is reached
		for _, p := range ns.pods {
			g := z.m.in[Egress][p.class]
			if _, asked := ways[g]; !asked {
				ways[g] = []way{}
				for _, t := range targets {
					if open := z.m.certainly(g, t); !open.Empty() {
						ways[g] = append(ways[g], way{t, open, fmt.Sprintf("%s at %s", open, phrase.Shorten(t.names))})
					}
				}
			}
			for _, w := range ways[g] {
				k := [2]string{p.Spec.ServiceAccountName, w.to.what}
				excused, asked := needs[k]
				if !asked {
					var err error
					if excused, err = hasNeed(ctx, e.Inventory, p, w.to.what); err != nil {
						return false, err
					}
					needs[k] = excused
				}
				if excused {
					continue
				}
				if !slices.Contains(who[w.to.what], p.Workload) {
					who[w.to.what] = append(who[w.to.what], p.Workload)
				}
				if slices.Contains(where[w.to.what], w.text) {
					continue
				}
				where[w.to.what] = append(where[w.to.what], w.text)
				protocol, port := first(w.open)
				evidence = append(evidence, z.admitting(p, w.to.some, protocol, port)...)
			}
		}
		if len(who) == 0 {
			continue
		}
		found = true
		var parts []string
		for _, what := range []string{theKubelet, theEtcd, theAPI} {
			if len(who[what]) > 0 {
				parts = append(parts, fmt.Sprintf("%s may reach %s (%s): %s", phrase.Count(len(who[what]), "workload"), what, strings.Join(where[what], ", "), phrase.Workloads(who[what])))
			}
		}
		out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.NamespaceRef(ns.name), Message: strings.Join(parts, "; "), Evidence: distinct(evidence)}
		if z.m.profile.IPBlockMatchesPods != Yes {
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message += "; that is so where the network plugin matches blocks with the addresses of nodes"
		}
		e.Report(out)
	}
	return found, nil
}

// kubeletAPI are the subresources of nodes by which a kubelet authorizes requests (pkg/kubelet/server/auth.go).
var kubeletAPI = []string{"metrics", "proxy", "stats", "log", "spec", "pods", "healthz", "configz", "checkpoint"}

// hasNeed tells whether the account of a pod has rights at what the pod reaches.
func hasNeed(ctx context.Context, inv *inventory.Inventory, p *Pod, what string) (bool, error) {
	if what == theEtcd {
		return false, nil
	}
	access, err := rbac.AccessOf(ctx, inv)
	if err != nil {
		return false, err
	}
	name := p.Spec.ServiceAccountName
	if name == "" {
		name = "default" // plugin/pkg/admission/serviceaccount
	}
	account := rbac.ServiceAccount(p.Namespace, name)
	if what == theAPI {
		return len(access.BindingsOf(account))+len(access.BindingsOf(rbac.Group("system:serviceaccounts:"+p.Namespace))) > 0, nil
	}
	id := account.Identity()
	return slices.ContainsFunc(kubeletAPI, func(sub string) bool {
		return slices.ContainsFunc([]string{"get", "create"}, func(verb string) bool {
			return access.Allows(id, rbac.Request{Verb: verb, Resource: "nodes", Subresource: sub}).Allowed
		})
	}), nil
}
