package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

func nodeDoc(name, labels string, addrs ...string) string {
	var list string
	for _, a := range addrs {
		list += fmt.Sprintf("{type: InternalIP, address: %q}, ", a)
	}
	return `{apiVersion: v1, kind: Node, metadata: {name: ` + name + `, labels: {` + labels + `}}, status: {addresses: [` + list + `{type: Hostname, address: ` + name + `}, {type: InternalDNS, address: ` + name + `.example.com}]}}`
}

// nodePolicy is a ClusterNetworkPolicy for the pod shop/web, whose egress ends with a denial of everything.
func nodePolicy(action, selector string) string {
	return `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}, egress: [{action: ` + action + `, to: [{nodes: ` + selector + `}]}` + denyRest + `]}}`
}

const denyRest = `, {action: Deny, to: [{networks: ["0.0.0.0/0", "::/0"]}]}`

// Nodes are the addresses of their status, and the pods on their network (sigs.k8s.io/network-policy-api, apis/v1alpha2,
// ClusterNetworkPolicyEgressPeer.Nodes).
func TestNodePeers(t *testing.T) {
	a, b := nodeDoc("node-agent", "pool: a", "10.9.9.9", "2001:db8::9"), nodeDoc("node-b", "pool: b", "203.0.113.7")
	host := enginePod("data", "guest", "10.9.9.10", "{app: guest}", "hostNetwork: true, ")
	runEngine(t, []engineCase{
		{name: "all", docs: []string{a, b, nodePolicy("Accept", "{}")}, wants: []string{
			"shop/web > 10.9.9.9 443 allowed", "shop/web > 2001:db8::9 443 allowed", "shop/web > 203.0.113.7 443 allowed", "shop/web > data/agent 443 allowed",
			"shop/web > 203.0.113.8 443 denied", "shop/web > shop/api 443 denied", "shop/api > 203.0.113.8 443 allowed",
		}},
		{name: "by label", docs: []string{a, b, nodePolicy("Accept", "{matchLabels: {pool: b}}")}, wants: []string{
			"shop/web > 203.0.113.7 443 allowed", "shop/web > 10.9.9.9 443 denied", "shop/web > data/agent 443 denied",
		}},
		{name: "denied", docs: []string{a, b, `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {matchExpressions: [{key: pool, operator: NotIn, values: [b]}]}}], protocols: [{tcp: {destinationPort: {number: 10250}}}]}]}}`}, wants: []string{
			"shop/web > 10.9.9.9 10250 denied", "shop/web > data/agent 10250 denied", "shop/web > 10.9.9.9 443 allowed", "shop/web > 203.0.113.7 10250 allowed", "shop/web > data/db 10250 allowed",
		}},
		{name: "none of them", docs: []string{a, b, nodePolicy("Accept", "{matchLabels: {pool: c}}")}, wants: []string{
			"shop/web > 203.0.113.7 443 denied", "shop/web > data/agent 443 denied",
		}},
		{name: "the older kind", docs: []string{a, `{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: p}, spec: {priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}], ports: [{portNumber: {protocol: TCP, port: 22}}]}]}}`}, wants: []string{
			"shop/web > 10.9.9.9 22 denied", "shop/web > 10.9.9.9 23 allowed", "shop/web > 8.8.8.8 22 allowed", "shop/web > shop/api 22 allowed",
		}},
		{name: "no Nodes were seen", docs: []string{nodePolicy("Accept", "{}")}, notes: "not every Node", wants: []string{
			"shop/web > 10.9.9.9 443 unknown", "shop/web > 8.8.8.8 443 unknown", "shop/web > data/agent 443 unknown", "shop/web > shop/api 443 denied",
			"shop/web > 169.254.169.254 80 denied", "shop/web > 127.0.0.1 80 denied", "shop/api > 8.8.8.8 443 allowed",
		}},
		{name: "nor denied", docs: []string{`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}]}}`}, notes: "not every Node", wants: []string{
			"shop/web > 8.8.8.8 443 unknown", "shop/web > data/agent 443 unknown", "shop/web > shop/api 443 allowed", "shop/web > 169.254.169.254 80 allowed",
		}},
		{name: "without addresses", docs: []string{b, nodeDoc("node-c", ""), nodePolicy("Accept", "{}")}, notes: `the addresses of Node "node-c" are not known`, wants: []string{
			"shop/web > 203.0.113.7 443 allowed", "shop/web > 8.8.8.8 443 unknown", "shop/web > shop/api 443 denied",
		}},
		{name: "a pod on a node that was not seen", docs: []string{b, host, nodePolicy("Accept", "{}")}, wants: []string{
			"shop/web > data/guest 443 unknown", "shop/web > 203.0.113.7 443 allowed", "shop/web > 8.8.8.8 443 denied",
		}},
		{name: "a selector that is refused", docs: []string{b, nodePolicy("Accept", "{matchExpressions: [{key: pool, operator: In}]}")}, notes: "values", wants: []string{
			"shop/web > 203.0.113.7 443 unknown", "shop/web > 8.8.8.8 443 unknown",
		}},
		{name: "ports by name", docs: []string{b, `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}], protocols: [{destinationNamedPort: http}]}, {action: Deny, to: [{networks: [0.0.0.0/0]}]}]}}`}, notes: "the API server refuses the policy: ports by name", wants: []string{
			"shop/web > 203.0.113.7 443 unknown",
		}},
		{name: "from nodes, which nobody accepts", docs: []string{a, denyAllData, `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{nodes: {}}, {networks: [0.0.0.0/0]}]}]}}`}, notes: "not known of ingress", wants: []string{
			"10.9.9.9 > data/db 80 denied", "shop/api > shop/web 80 allowed",
		}},
		{name: "and whom a denial denies altogether", docs: []string{`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{networks: [203.0.113.0/24]}]}]}}`}, notes: "not known of ingress", wants: []string{
			"8.8.8.8 > data/db 80 denied", "shop/api > shop/web 80 denied",
		}},
		{name: "Cilium's nodes, whichever", docs: toDB(`ingress: [{fromEntities: [host, remote-node]}]`), notes: "what host is", wants: []string{
			"data/agent > data/db 80 allowed", "8.8.8.8 > data/db 80 denied", "192.168.7.7 > data/db 80 unknown", "shop/web > data/db 80 denied",
		}},
		{name: "and one of them", docs: toDB(`ingress: [{fromEntities: [remote-node]}]`), notes: "what remote-node is", wants: []string{
			"data/agent > data/db 80 unknown", "192.168.7.7 > data/db 80 unknown",
		}},
	})
}

// Nodes are evidence where a policy selects them, and are not read elsewhere.
func TestNodesAreReadWhenAsked(t *testing.T) {
	node := schema.GroupKind{Kind: "Node"}
	reads := func(docs ...string) bool {
		view, reads := testobj.Inventory(t, append(docs, engineWorld...)).Record()
		if _, err := Of(context.Background(), view); err != nil {
			t.Fatal(err)
		}
		return reads.Has(node)
	}
	if reads(denyAllData, nodeDoc("node-a", "", "10.0.0.1")) || !reads(nodePolicy("Accept", "{}")) {
		t.Error("Nodes are read without a policy that selects them, or not read with one")
	}
	if !slices.ContainsFunc(Needs(), func(n inventory.Need) bool { return n.GroupKind() == node && n.Conditional }) {
		t.Error("no need for Nodes")
	}
}

// Templates on the host's network can come to any node: what blocks say of an address that is not known is open.
func TestHostTemplates(t *testing.T) {
	template := `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent, namespace: data}, spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {hostNetwork: true, containers: [{name: c, image: i}]}}}}`
	out := func(cidr string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "` + cidr + `"}}]}]}}`
	}
	for cidr, want := range map[string]Reachable{"203.0.113.0/24": Undecided, "10.0.0.0/8": Undecided, "0.0.0.0/0": Allowed, "169.254.0.0/16": Denied, "2001:db8::/32": Undecided} {
		c, err := Of(context.Background(), testobj.Inventory(t, append([]string{template, out(cidr)}, engineWorld...)))
		if err != nil {
			t.Fatal(err)
		}
		from, _ := c.Find("shop/web")
		var to End
		for _, p := range c.Pods() {
			if p.Template {
				to.Pod = p
			}
		}
		if v, err := c.Evaluate(Flow{from, to, TCP, 80}); err != nil || v.Answer != want {
			t.Errorf("%s: %s (%s), %v", cidr, v.Answer, v.Reason, err)
		}
	}
}

// Whatever Nodes turn out to be, what was said without them holds.
func TestNodeBoundsHold(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 190))
		docs := slices.Clone(engineWorld)
		for i := range 1 + r.IntN(3) {
			docs = append(docs, fmt.Sprintf(`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p%d}, spec: {tier: %s, priority: %d, subject: {namespaces: {}}, egress: [{action: %s, to: [{nodes: {matchLabels: {pool: %s}}}]}, {action: %s, to: [{networks: [%s]}]}]}}`,
				i, []string{"Admin", "Baseline"}[r.IntN(2)], i, []string{"Accept", "Deny", "Pass"}[r.IntN(3)], []string{"a", "b"}[r.IntN(2)], []string{"Accept", "Deny"}[r.IntN(2)], []string{"0.0.0.0/0", "203.0.113.0/24", "10.0.0.0/8"}[r.IntN(3)]))
		}
		if r.IntN(2) == 0 {
			docs = append(docs, `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 203.0.113.0/25}}]}]}}`)
		}
		before, err := Of(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		whole := slices.Clone(docs)
		for _, n := range []string{"node-agent", "node-x"} {
			whole = append(whole, nodeDoc(n, "pool: "+[]string{"a", "b"}[r.IntN(2)], []string{"10.9.9.9", "203.0.113.7", "198.51.100.9"}[r.IntN(3)]))
		}
		after, err := Of(context.Background(), testobj.Inventory(t, whole))
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{"shop/web", "data/db"} {
			for _, to := range []string{"10.9.9.9", "203.0.113.7", "203.0.113.200", "198.51.100.9", "8.8.8.8", "data/agent", "shop/api"} {
				ends := func(c *Connectivity) (must, may Ports) {
					f, err := c.Find(from)
					if err != nil {
						t.Fatal(err)
					}
					e, err := c.Find(to)
					if err != nil {
						t.Fatal(err)
					}
					return c.between(f, e)
				}
				must, may := ends(before)
				is, can := ends(after)
				if !must.Within(is) || !can.Within(may) {
					t.Fatalf("seed %d: %s to %s: %s to %s, then %s to %s", seed, from, to, must, may, is, can)
				}
			}
		}
	}
}

// Rules for nodes and networks answer as reading them one by one does.
func TestNodesAgainstTwin(t *testing.T) {
	type twin struct {
		action, pool, network string
		tier                  string
	}
	allowed := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 438))
		addrs := []string{"10.9.9.9", "203.0.113.7", "198.51.100.9", "192.168.3.3"}
		pools := map[string]string{}
		var docs []string
		for i, a := range addrs[:3] {
			pools[a] = []string{"a", "b"}[r.IntN(2)]
			docs = append(docs, nodeDoc(fmt.Sprintf("node-%d", i), "pool: "+pools[a], a))
		}
		docs = append(docs, engineWorld[:4]...)
		var rules []twin
		for i := range 1 + r.IntN(4) {
			x := twin{action: []string{"Accept", "Deny", "Pass"}[r.IntN(3)], tier: []string{"Admin", "Baseline"}[r.IntN(2)]}
			peer := ""
			if r.IntN(2) == 0 {
				x.pool = []string{"a", "b"}[r.IntN(2)]
				peer = `nodes: {matchLabels: {pool: ` + x.pool + `}}`
			} else {
				x.network = []string{"0.0.0.0/0", "203.0.113.0/24", "10.0.0.0/8"}[r.IntN(3)]
				peer = `networks: ["` + x.network + `"]`
			}
			docs = append(docs, fmt.Sprintf(`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p%d}, spec: {tier: %s, priority: %d, subject: {namespaces: {}}, egress: [{action: %s, to: [{%s}]}]}}`, i, x.tier, i, x.action, peer))
			rules = append(rules, x)
		}
		c, err := Of(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		from, err := c.Find("shop/web")
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range append(addrs, "8.8.8.8") {
			want := Allowed
			for _, tier := range []string{"Admin", "Baseline"} {
				decision := ""
				for _, x := range rules {
					if decision == "" && x.tier == tier && (x.pool != "" && pools[a] == x.pool || x.network != "" && twinInBlock(x.network, nil, a)) {
						decision = x.action
					}
				}
				if decision == "Deny" {
					want = Denied
				}
				if decision == "Deny" || decision == "Accept" {
					break
				}
			}
			if want == Allowed {
				allowed++
			}
			to, _ := c.Find(a)
			if v, err := c.Evaluate(Flow{from, to, TCP, 443}); err != nil || v.Answer != want {
				t.Fatalf("seed %d: %s: %s (%s), %v; want %s\n%v", seed, a, v.Answer, v.Reason, err, want, docs)
			}
		}
	}
	if allowed < 150 || allowed > 1350 {
		t.Errorf("%d of 1500 allowed: the worlds say little", allowed)
	}
}

// What is added to a cluster that was wholly seen decides: there are Nodes, and all of them are known.
func TestNodesOfCluster(t *testing.T) {
	inv := testobj.Inventory(t, append([]string{nodeDoc("node-a", "", "203.0.113.7"), nodePolicy("Accept", "{}")}, engineWorld...))
	gone := inv.Mask(nil, inventory.CoverageEntry{Kind: "Node", Coverage: inventory.Coverage{State: inventory.Forbidden}})
	for _, tt := range []struct {
		inv  *inventory.Inventory
		want Reachable
	}{{inv, Denied}, {gone, Undecided}} {
		c, err := Of(context.Background(), tt.inv)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := c.Find("shop/web")
		to, _ := c.Find("8.8.8.8")
		if v, err := c.Evaluate(Flow{from, to, TCP, 443}); err != nil || v.Answer != tt.want {
			t.Errorf("%s (%s), %v; want %s of %s", v.Answer, v.Reason, err, tt.want, tt.inv.Coverage(inventory.NeedOf[corev1.Node](inventory.Either).GroupKind(), "").State)
		}
	}
}
