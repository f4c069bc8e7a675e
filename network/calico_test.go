package network

import (
	"context"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

func calico(ns, name, spec string) string {
	return `{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {namespace: ` + ns + `, name: ` + name + `}, spec: {` + spec + `}}`
}

func calicoGlobal(name, spec string) string {
	return `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: ` + name + `}, spec: {` + spec + `}}`
}

func calicoTierDoc(name, spec string) string {
	return `{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: ` + name + `}, spec: {` + spec + `}}`
}

// calicoDB is a policy of the namespace data for its pod db.
func calicoDB(spec string) []string {
	return []string{calico("data", "p", "selector: app == 'db', "+spec)}
}

const (
	officeSet = `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: office, labels: {role: office}}, spec: {nets: [8.8.0.0/16, 9.9.9.9]}}`
	dataSet   = `{apiVersion: projectcalico.org/v3, kind: NetworkSet, metadata: {namespace: data, name: near, labels: {role: office}}, spec: {nets: [7.7.0.0/16]}}`
)

func TestCalico(t *testing.T) {
	runEngine(t, []engineCase{
		{name: "own namespace", docs: calicoDB(`ingress: [{action: Allow, source: {selector: all()}}]`), wants: []string{
			"data/job > data/db 80 allowed", "shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 denied", "data/db > 8.8.8.8 80 allowed", "shop/web > data/job 80 allowed",
		}},
		{name: "selectors", docs: calicoDB(`ingress: [{action: Allow, source: {namespaceSelector: "projectcalico.org/name == 'shop'", selector: "zone starts with 'eu'"}}]`), wants: []string{
			"shop/api > data/db 80 allowed", "shop/web > data/db 80 denied", "data/job > data/db 80 denied",
		}},
		{name: "all but one", docs: calicoDB(`ingress: [{action: Allow, source: {namespaceSelector: team == 'a', notSelector: has(zone)}}]`), wants: []string{
			"shop/api > data/db 80 denied", "shop/web > data/db 80 allowed", "8.8.8.8 > data/db 80 denied",
		}},
		{name: "all but one of everything", docs: []string{calicoGlobal("p", `selector: app == 'db', ingress: [{action: Allow, source: {notSelector: has(zone)}}]`)}, wants: []string{
			"shop/web > data/db 80 unknown", "8.8.8.8 > data/db 80 unknown",
		}, notes: "all but"},
		{name: "service account", docs: calicoDB(`ingress: [{action: Allow, source: {namespaceSelector: all(), serviceAccounts: {names: [web]}}}]`), wants: []string{
			"shop/web > data/db 80 allowed", "shop/api > data/db 80 denied",
		}},
		{name: "labels of service accounts", docs: calicoDB(`ingress: [{action: Allow, source: {namespaceSelector: team == 'a', serviceAccounts: {selector: role == 'x'}}}]`), wants: []string{
			"shop/web > data/db 80 unknown", "data/job > data/db 80 denied",
		}},
		{name: "labels that Calico gives", docs: calicoDB(`ingress: [{action: Allow, source: {namespaceSelector: all(), selector: "projectcalico.org/namespace == 'shop' && projectcalico.org/serviceaccount == 'default' && pcns.team == 'a'"}}]`), wants: []string{
			"shop/api > data/db 80 allowed", "shop/web > data/db 80 denied", "data/job > data/db 80 denied",
		}},
		{name: "subject by service account", docs: []string{calicoGlobal("p", `namespaceSelector: team == 'a', serviceAccountSelector: projectcalico.org/name == 'web'`)}, wants: []string{
			"data/job > shop/web 80 denied", "data/job > shop/api 80 allowed", "shop/web > data/db 80 allowed",
		}},
		{name: "global subject", docs: []string{calicoGlobal("p", `types: [Egress]`)}, wants: []string{
			"data/db > 8.8.8.8 80 denied", "shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 allowed", "data/agent > 8.8.8.8 80 allowed",
		}},
		{name: "only nodes", docs: []string{calicoGlobal("p", `namespaceSelector: global()`)}, wants: []string{"shop/web > data/db 80 allowed"}},
		{name: "endpoints of nodes", docs: []string{calicoGlobal("p", `selector: app == 'db', ingress: [{action: Allow, source: {selector: has(x)}}]`)}, wants: []string{
			"data/agent > data/db 80 unknown", "shop/web > data/db 80 denied",
		}},
		{name: "types of egress rules", docs: calicoDB(`egress: [{action: Allow, destination: {nets: [8.8.0.0/16], notNets: [8.8.4.0/24]}}]`), wants: []string{
			"data/db > 8.8.8.8 80 allowed", "data/db > 8.8.4.4 80 denied", "data/db > 1.1.1.1 80 denied", "shop/web > data/db 80 allowed",
		}},
		{name: "types of no rules", docs: calicoDB(`order: 1`), wants: []string{"shop/web > data/db 80 denied", "data/db > 8.8.8.8 80 allowed"}},
		{name: "rules beside types", docs: calicoDB(`types: [Ingress], egress: [{action: Deny}]`), wants: []string{"shop/web > data/db 80 denied", "data/db > 8.8.8.8 80 allowed"}},
		{name: "blocks find pods", docs: calicoDB(`ingress: [{action: Allow, source: {nets: [10.0.0.1]}}]`), wants: []string{"shop/web > data/db 80 allowed", "shop/api > data/db 80 denied"}},
		{name: "all but a block", docs: calicoDB(`ingress: [{action: Allow, source: {notNets: [10.0.0.0/24]}}]`), wants: []string{
			"shop/web > data/db 80 denied", "data/job > data/db 80 allowed", "8.8.8.8 > data/db 80 allowed", "2001:db8::1 > data/db 80 denied", // it is a rule of IPv4
		}},
		{name: "all but a block, of one family", docs: calicoDB(`ingress: [{action: Deny, source: {notNets: ["fd00::/8"]}}, {action: Allow}]`), wants: []string{
			"8.8.8.8 > data/db 80 allowed", "2001:db8::1 > data/db 80 denied", "fd00::1 > data/db 80 allowed",
		}},
		{name: "a block of another family than what it excepts", docs: calicoDB(`ingress: [{action: Allow, source: {nets: [8.8.0.0/16, "2001:db8::/32"], notNets: [8.8.4.0/24]}}]`), wants: []string{
			"8.8.8.8 > data/db 80 allowed", "8.8.4.4 > data/db 80 denied", "2001:db8::1 > data/db 80 denied",
		}},
		{name: "all service accounts", docs: calicoDB(`ingress: [{action: Allow, source: {serviceAccounts: {}}}]`), wants: []string{
			"shop/web > data/db 80 allowed", "8.8.8.8 > data/db 80 allowed",
		}},
		{name: "named port of a node", docs: calicoDB(`egress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]`), wants: []string{
			"data/db > shop/web 8080 allowed", "data/db > data/agent 8080 denied",
		}},
		{name: "blocks and selectors", docs: calicoDB(`ingress: [{action: Allow, source: {nets: [10.0.0.1/32], namespaceSelector: team == 'a'}}]`), wants: []string{
			"shop/web > data/db 80 unknown", "data/job > data/db 80 denied",
		}, notes: "limited to"},
		{name: "ports", docs: calicoDB(`ingress: [{action: Allow, protocol: TCP, destination: {ports: [80, "90:92", http], notPorts: [91]}}, {action: Allow, protocol: 17}]`), wants: []string{
			"shop/web > data/db 80 allowed", "shop/web > data/db 81 denied", "shop/web > data/db 92 allowed", "shop/web > data/db 91 denied", "shop/web > data/db UDP:53 allowed",
			"shop/web > data/db SCTP:80 denied", "shop/web > data/db 8080 unknown", // by name, of which 91 might be one
		}},
		{name: "named port", docs: calicoDB(`ingress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]`), wants: []string{"shop/web > data/db 8080 allowed", "shop/web > data/db 80 denied"}},
		{name: "not a protocol", docs: calicoDB(`ingress: [{action: Allow, notProtocol: UDP}]`), wants: []string{"shop/web > data/db 80 allowed", "shop/web > data/db UDP:80 denied"}},
		{name: "not ICMP", docs: calicoDB(`ingress: [{action: Allow, notProtocol: ICMP}]`), wants: []string{"shop/web > data/db 80 allowed", "shop/web > data/db OTHER:1 unknown"}},
		{name: "ICMP", docs: calicoDB(`ingress: [{action: Allow, protocol: ICMP, icmp: {type: 8}}]`), wants: []string{"shop/web > data/db 80 denied", "shop/web > data/db OTHER:1 unknown"}, notes: "icmp"},
		{name: "order of rules", docs: calicoDB(`ingress: [{action: Log}, {action: Deny, source: {namespaceSelector: team == 'a'}}, {action: Allow}, {action: Deny}]`), wants: []string{
			"shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 allowed",
		}},
		{name: "order of policies", docs: []string{calico("data", "z", `order: 1, ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]`), calicoGlobal("a", `order: 2, ingress: [{action: Deny}]`), calico("data", "b", `ingress: [{action: Allow}]`)}, wants: []string{
			"shop/web > data/db 80 allowed", "shop/web > data/db 81 denied",
		}},
		{name: "equal order comes by name", docs: []string{calico("data", "b", `ingress: [{action: Deny}]`), calico("data", "a", `ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]`)}, wants: []string{
			"shop/web > data/db 80 allowed", "shop/web > data/db 81 denied",
		}},
		{name: "equal order, global and not", docs: []string{calico("data", "b", `ingress: [{action: Deny}]`), calicoGlobal("a", `ingress: [{action: Allow}]`)}, wants: []string{"shop/web > data/db 80 unknown", "shop/web > shop/api 80 allowed"}},
		{name: "before NetworkPolicy", docs: append(calicoDB(`order: 999, ingress: [{action: Deny}]`), allowAllData), wants: []string{"shop/web > data/db 80 denied", "shop/web > data/job 80 allowed"}},
		{name: "behind NetworkPolicy", docs: append(calicoDB(`order: 1001, ingress: [{action: Deny}]`), allowAllData), wants: []string{"shop/web > data/db 80 allowed"}},
		{name: "tiers", docs: []string{
			calicoTierDoc("early", "order: 10"), calicoTierDoc("late", "order: 20, defaultAction: Pass"),
			calicoGlobal("early.p", `tier: early, selector: app == 'db', types: [Ingress], ingress: [{action: Pass, protocol: TCP}, {action: Allow, protocol: UDP, destination: {ports: [53]}}]`),
			calicoGlobal("late.p", `tier: late, selector: app == 'db', types: [Ingress], ingress: [{action: Deny, protocol: TCP, destination: {ports: [22]}}]`),
			allowAllData,
		}, wants: []string{
			"shop/web > data/db 80 allowed", "shop/web > data/db 22 denied", "shop/web > data/db UDP:53 allowed", "shop/web > data/db UDP:54 denied", "shop/web > data/job UDP:54 allowed",
		}},
		{name: "equal tiers come by name", docs: []string{
			calicoTierDoc("b", "order: 10"), calicoTierDoc("a", "order: 10"),
			calicoGlobal("b.p", `tier: b, ingress: [{action: Deny}]`), calicoGlobal("a.p", `tier: a, ingress: [{action: Allow}]`),
		}, wants: []string{"shop/web > data/db 80 allowed"}},
		{name: "tier without order", docs: []string{calicoTierDoc("x", ""), calicoGlobal("x.p", `tier: x, ingress: [{action: Deny}]`), calicoGlobal("p", `selector: app == 'db', ingress: [{action: Pass, protocol: TCP}, {action: Allow, protocol: UDP}]`)}, wants: []string{
			"shop/web > data/db 80 denied", "shop/web > data/db UDP:80 allowed", "shop/web > data/job 80 denied",
		}},
		{name: "pass out of every tier", docs: calicoDB(`ingress: [{action: Pass}]`), wants: []string{"shop/web > data/db 80 allowed"}},
		{name: "tier that is not there", docs: append([]string{calicoGlobal("gone.p", `tier: gone, selector: app == 'db', ingress: [{action: Deny}]`)}, allowAllData), wants: []string{
			"shop/web > data/db 80 unknown", "shop/web > data/job 80 allowed",
		}, notes: `tier "gone" is not there`},
		{name: "sets", docs: []string{officeSet, dataSet, calicoGlobal("p", `selector: app == 'db', ingress: [{action: Allow, source: {selector: role == 'office'}}]`)}, wants: []string{
			"8.8.8.8 > data/db 80 allowed", "9.9.9.9 > data/db 80 allowed", "7.7.7.7 > data/db 80 allowed", "9.9.9.8 > data/db 80 denied", "shop/web > data/db 80 denied",
		}},
		{name: "sets of the namespace", docs: append(calicoDB(`ingress: [{action: Allow, source: {selector: role == 'office'}}]`), officeSet, dataSet), wants: []string{"8.8.8.8 > data/db 80 denied", "7.7.7.7 > data/db 80 allowed"}},
		{name: "global sets", docs: append(calicoDB(`ingress: [{action: Allow, source: {selector: role == 'office', namespaceSelector: global()}}]`), officeSet, dataSet), wants: []string{"8.8.8.8 > data/db 80 allowed", "7.7.7.7 > data/db 80 denied", "data/job > data/db 80 denied"}},
		{name: "sets without others", docs: []string{officeSet, dataSet, calicoGlobal("p", `selector: app == 'db', ingress: [{action: Allow, source: {selector: role == 'office', notSelector: has(projectcalico.org/namespace)}}]`)}, wants: []string{
			"8.8.8.8 > data/db 80 allowed", "7.7.7.7 > data/db 80 denied",
		}},
		{name: "set that is excepted, of an address that another holds", docs: []string{officeSet, calicoGlobal("p", `selector: app == 'db', ingress: [{action: Allow, source: {selector: has(role), notSelector: has(closed)}}]`),
			`{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: closed, labels: {role: x, closed: x}}, spec: {nets: [8.8.8.8/32, 6.6.6.6/32]}}`}, wants: []string{
			"8.8.8.8 > data/db 80 allowed", "6.6.6.6 > data/db 80 denied",
		}},
		{name: "sets by namespace", docs: []string{dataSet, calicoGlobal("p", `selector: app == 'db', ingress: [{action: Allow, source: {selector: "projectcalico.org/namespace == 'data' && pcns.team == 'b'"}}]`)}, wants: []string{
			"7.7.7.7 > data/db 80 allowed", "data/job > data/db 80 allowed", "shop/web > data/db 80 denied",
		}},
		{name: "sets of domains", docs: append(calicoDB(`egress: [{action: Allow, destination: {selector: role == 'saas', namespaceSelector: global()}}]`), `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: s, labels: {role: saas}}, spec: {allowedEgressDomains: [x.com]}}`), wants: []string{
			"data/db > 8.8.8.8 80 unknown", "data/db > data/job 80 denied",
		}, notes: "domain names"},
		{name: "sets not to be read", docs: append(calicoDB(`egress: [{action: Allow, destination: {selector: role == 'saas', namespaceSelector: global()}}]`), `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: s, labels: {role: saas}}, spec: 1}`), wants: []string{
			"data/db > 8.8.8.8 80 unknown",
		}, notes: "cannot be read"},
		{name: "not to be read", docs: append([]string{`{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {namespace: data, name: p}, spec: 1}`}, allowAllData), wants: []string{"shop/web > data/db 80 unknown", "shop/web > shop/api 80 allowed"}, notes: "cannot be read"},
		{name: "not these ports", docs: calicoDB(`ingress: [{action: Allow, protocol: SCTP, destination: {notPorts: ["0:9", "0"]}}, {action: Allow, protocol: TCP, destination: {notPorts: [http]}}, {action: Allow, destination: {ports: [53]}}]`), wants: []string{
			"shop/web > data/db SCTP:9 denied", "shop/web > data/db SCTP:10 allowed", "shop/web > data/db 80 unknown", "shop/web > data/db UDP:53 unknown",
		}, notes: "need a protocol"},
		{name: "ports of the source", docs: calicoDB(`ingress: [{action: Allow, protocol: TCP, source: {ports: [80]}}]`), wants: []string{"shop/web > data/db 80 unknown", "shop/web > data/db UDP:80 denied"}, notes: "ports of the source"},
		{name: "destination of ingress", docs: calicoDB(`ingress: [{action: Allow, destination: {selector: has(x)}}]`), wants: []string{"shop/web > data/db 80 unknown"}, notes: "whom a rule governs"},
		{name: "HTTP", docs: calicoDB(`ingress: [{action: Allow, http: {methods: [GET]}}]`), wants: []string{"shop/web > data/db 80 unknown"}, notes: "http"},
		{name: "version of IP", docs: calicoDB(`ingress: [{action: Allow, ipVersion: 4}]`), wants: []string{"shop/web > data/db 80 unknown"}, notes: "version of IP"},
		{name: "domains", docs: calicoDB(`egress: [{action: Allow, destination: {domains: [example.com]}}]`), wants: []string{"data/db > 8.8.8.8 80 unknown", "shop/web > data/db 80 allowed"}, notes: "domain names"},
		{name: "services", docs: calicoDB(`order: 1, types: [Egress], egress: [{action: Deny, destination: {services: {name: s}}}, {action: Allow}]`), wants: []string{"data/db > 8.8.8.8 80 unknown"}, notes: "services"},
		{name: "before translation", docs: append([]string{calicoGlobal("p", `preDNAT: true, applyOnForward: true, ingress: [{action: Deny}]`)}, allowAllData), wants: []string{"8.8.8.8 > data/db 80 unknown"}, notes: "nodes"},
		{name: "staged", docs: []string{`{apiVersion: projectcalico.org/v3, kind: StagedNetworkPolicy, metadata: {namespace: data, name: p}, spec: {ingress: [{action: Deny}]}}`}, wants: []string{"8.8.8.8 > data/db 80 allowed"}},
		{name: "bad selector", docs: []string{calico("data", "p", `selector: app = 'db'`), allowAllData}, wants: []string{"shop/web > data/db 80 unknown", "shop/web > shop/api 80 allowed"}, notes: "expected an operator"},
		{name: "bad selector of a rule", docs: append(calicoDB(`ingress: [{action: Allow, source: {selector: "(("}}]`), allowAllData), wants: []string{"shop/web > data/db 80 unknown", "shop/web > data/job 80 allowed"}, notes: "expected a label"},
		{name: "bad block", docs: calicoDB(`ingress: [{action: Allow, source: {nets: [x]}}]`), wants: []string{"shop/web > data/db 80 unknown"}, notes: "no CIDR"},
		{name: "bad port", docs: calicoDB(`ingress: [{action: Allow, protocol: TCP, destination: {ports: ["9:8"]}}]`), wants: []string{"shop/web > data/db 80 unknown"}, notes: "no port"},
		{name: "unknown action", docs: calicoDB(`ingress: [{action: Dance}]`), wants: []string{"shop/web > data/db 80 unknown"}, notes: "Dance"},
		{name: "unknown field", docs: append(calicoDB(`moons: 1`), allowAllData), wants: []string{"shop/web > data/db 80 unknown", "shop/web > data/job 80 allowed"}, notes: "moons"},
		{name: "seen twice", docs: []string{
			calico("data", "p", `selector: app == 'db', ingress: [{action: Allow}]`),
			`{apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy, metadata: {namespace: data, name: default.p}, spec: {selector: app == 'db', ingress: [{action: Deny}]}}`,
			`{apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy, metadata: {namespace: data, name: default.q}, spec: {selector: app == 'job', ingress: [{action: Deny}]}}`,
		}, wants: []string{"shop/web > data/db 80 allowed", "shop/web > data/job 80 denied"}},
		{name: "NetworkPolicy shown again", docs: []string{allowAllData, calico("data", "knp.default.allow", `order: 1000, types: [Egress]`)}, wants: []string{"data/db > 8.8.8.8 80 allowed"}},
	})
}

// The place of a tier among equal ones is by name, around those of Kubernetes.
func TestCalicoTiers(t *testing.T) {
	b := newBuilder(testobj.Inventory(t, []string{calicoTierDoc("a", "order: 1000000"), calicoTierDoc("z", "order: 1000000"), calicoTierDoc("m", "order: 1000"), calicoTierDoc("u", ""), calicoTierDoc("v", "")}), Profile{})
	at := b.calicoTiers()
	if a, m := at["a"].at, at["m"].at; a >= policyTier || m <= adminTier || m >= a || at["z"].at <= policyTier || at["u"].at <= baselineTier || at["u"].at >= at["v"].at || at["default"].at != policyTier {
		t.Errorf("%v", at)
	}
}

// Policies that leave labels open stay within their bounds: a template's answers hold for its pods.
func TestCalicoOverTemplates(t *testing.T) {
	docs := []string{
		`{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: data, name: d}, spec: {template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: i}]}}}}`,
		calico("data", "p", `selector: pod-template-hash == 'x', ingress: [{action: Deny}]`),
	}
	c, err := Of(context.Background(), testobj.Inventory(t, docs))
	if err != nil {
		t.Fatal(err)
	}
	to, err := c.Find("data/d")
	if err != nil {
		t.Fatal(err)
	}
	from, err := c.Find("8.8.8.8")
	if err != nil {
		t.Fatal(err)
	}
	if must, may := c.between(from, to); !must.Empty() || !may.All() {
		t.Errorf("must %s, may %s", must, may)
	}
}
