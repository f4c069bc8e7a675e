package network

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// engineWorld is pods of two namespaces, one of them on the network of its node.
var engineWorld = []string{
	`{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}`,
	`{apiVersion: v1, kind: Namespace, metadata: {name: data, labels: {team: b}}}`,
	enginePod("shop", "web", "10.0.0.1", "{app: web}", `serviceAccountName: web, `),
	enginePod("shop", "api", "10.0.0.2", "{app: api, zone: eu-1}", ""),
	enginePod("data", "db", "10.0.1.1", "{app: db}", ""),
	enginePod("data", "job", "10.0.1.2", "{app: job, kubernetes.io/os: linux}", ""),
	enginePod("data", "agent", "10.9.9.9", "{app: agent}", "hostNetwork: true, "),
}

func enginePod(ns, name, ip, labels, spec string) string {
	return `{apiVersion: v1, kind: Pod, metadata: {namespace: ` + ns + `, name: ` + name + `, labels: ` + labels + `}, spec: {` + spec +
		`nodeName: node-` + name + `, containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: "` + ip + `"}}`
}

// engineCase is policies, and questions such as "shop/web > data/db 80 denied". The port is one of TCP unless it says
// otherwise, as in "UDP:53".
type engineCase struct {
	name  string
	docs  []string
	wants []string
	notes string // a part of one
}

func (e *engineCase) run(t *testing.T) {
	t.Helper()
	c, err := Of(context.Background(), testobj.Inventory(t, append(slices.Clone(engineWorld), e.docs...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range e.wants {
		f := strings.Fields(want)
		from, err := c.Find(f[0])
		if err != nil {
			t.Fatal(err)
		}
		to, err := c.Find(f[2])
		if err != nil {
			t.Fatal(err)
		}
		protocol, port, ok := strings.Cut(f[3], ":")
		if !ok {
			protocol, port = "TCP", f[3]
		}
		p, err := ParseProtocol(protocol)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.Evaluate(Flow{from, to, p, uint16(n)})
		if err != nil || v.Answer.String() != f[4] {
			t.Errorf("%s: %s (%s), %v", want, v.Answer, v.Reason, err)
		}
		must, may := c.between(from, to)
		if !must.Within(may) || must.Has(p, uint16(n)) != (f[4] == "allowed") || may.Has(p, uint16(n)) == (f[4] == "denied") {
			t.Errorf("%s: must %s, may %s", want, must, may)
		}
	}
	if e.notes != "" && !slices.ContainsFunc(c.Notes(), func(n Note) bool { return strings.Contains(n.Text, e.notes) }) {
		t.Errorf("no note %q in %v", e.notes, c.Notes())
	}
	if e.notes == "" && len(c.Notes()) > 0 {
		t.Errorf("notes: %v", c.Notes())
	}
}

func runEngine(t *testing.T, cases []engineCase) {
	for _, e := range cases {
		t.Run(e.name, e.run)
	}
}

func cnp(ns, name, spec string) string {
	return `{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {namespace: ` + ns + `, name: ` + name + `}, spec: {` + spec + `}}`
}

func ccnp(name, spec string) string {
	return `{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: ` + name + `}, spec: {` + spec + `}}`
}

// toDB is a policy of the namespace data for its pod db.
func toDB(spec string) []string {
	return []string{cnp("data", "p", "endpointSelector: {matchLabels: {app: db}}, "+spec)}
}

const denyAllData = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: data, name: deny}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}`

const allowAllData = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: data, name: allow}, spec: {podSelector: {}, ingress: [{}]}}`

func TestCilium(t *testing.T) {
	runEngine(t, []engineCase{
		{name: "own namespace", docs: toDB(`ingress: [{fromEndpoints: [{}]}]`), wants: []string{
			"data/job > data/db 80 allowed", "shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 denied", "shop/web > data/job 80 allowed", "data/db > 8.8.8.8 80 allowed",
		}},
		{name: "namespace by name", docs: toDB(`ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": shop, "any:app": web}}]}]`), wants: []string{
			"shop/web > data/db 80 allowed", "shop/api > data/db 80 denied", "data/job > data/db 80 denied",
		}},
		{name: "namespace by label", docs: toDB(`ingress: [{fromEndpoints: [{matchLabels: {"io.cilium.k8s.namespace.labels.team": a}}]}]`), wants: []string{
			"shop/web > data/db 80 allowed", "data/job > data/db 80 denied",
		}},
		{name: "expressions", docs: toDB(`ingress: [{fromEndpoints: [{matchExpressions: [{key: "k8s:io.kubernetes.pod.namespace", operator: Exists}, {key: zone, operator: DoesNotExist}, {key: app, operator: NotIn, values: [job]}]}]}]`), wants: []string{
			"shop/web > data/db 80 allowed", "shop/api > data/db 80 denied", "data/job > data/db 80 denied",
		}},
		{name: "service account", docs: toDB(`ingress: [{fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: shop, io.cilium.k8s.policy.serviceaccount: web}}]}]`), wants: []string{
			"shop/web > data/db 80 allowed", "shop/api > data/db 80 denied",
		}},
		{name: "label without identity", docs: toDB(`ingress: [{fromEndpoints: [{matchLabels: {kubernetes.io/os: linux}}]}]`), wants: []string{
			"data/job > data/db 80 unknown", "shop/web > data/db 80 denied",
		}},
		{name: "another cluster", docs: toDB(`ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: c, io.kubernetes.pod.namespace: shop}}]}]`), wants: []string{
			"shop/web > data/db 80 unknown", "data/job > data/db 80 denied",
		}},
		{name: "reserved label", docs: toDB(`ingress: [{fromEndpoints: [{matchLabels: {"reserved:host": ""}}]}]`), wants: []string{"data/job > data/db 80 unknown"}, notes: "reserved"},
		{name: "subject of another namespace", docs: []string{cnp("data", "p", `endpointSelector: {matchLabels: {"k8s:io.kubernetes.pod.namespace": shop}}, ingress: [{fromEndpoints: [{}]}]`)}, wants: []string{
			"shop/web > data/db 80 denied", "data/job > shop/web 80 allowed",
		}},
		{name: "hosts are no subject and no endpoint", docs: []string{ccnp("p", `endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]`)}, wants: []string{
			"shop/web > data/db 80 allowed", "8.8.8.8 > data/agent 80 allowed", "data/agent > data/db 80 denied", "8.8.8.8 > data/db 80 denied",
		}},
		{name: "ports", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "80", protocol: TCP}, {port: "5000", endPort: 5010, protocol: UDP}, {port: "53"}, {port: http}]}]}]`), wants: []string{
			"data/job > data/db 80 allowed", "data/job > data/db UDP:80 denied", "data/job > data/db UDP:5005 allowed", "data/job > data/db UDP:5011 denied",
			"data/job > data/db 53 allowed", "data/job > data/db UDP:53 allowed", "data/job > data/db SCTP:53 unknown", "data/job > data/db 8080 allowed",
		}},
		{name: "ports of everybody", docs: toDB(`ingress: [{toPorts: [{ports: [{port: "0", protocol: TCP}]}]}]`), wants: []string{
			"8.8.8.8 > data/db 80 allowed", "shop/web > data/db 80 allowed", "8.8.8.8 > data/db UDP:80 denied",
		}},
		{name: "every port of any protocol", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "0"}]}]}]`), wants: []string{
			"data/job > data/db 80 allowed", "data/job > data/db UDP:80 allowed", "data/job > data/db SCTP:80 unknown", "data/job > data/db OTHER:1 unknown",
		}},
		{name: "port by name in capitals", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: HTTP, protocol: TCP}]}]}]`), wants: []string{"data/job > data/db 8080 allowed", "data/job > data/db 80 denied"}},
		{name: "port by name of peers", docs: toDB(`egress: [{toEntities: [all], toPorts: [{ports: [{port: http, protocol: TCP}]}]}]`), wants: []string{
			"data/db > data/job 8080 allowed", "data/db > data/job 80 denied", "data/db > data/agent 8080 unknown", "data/db > 8.8.8.8 8080 unknown",
		}},
		{name: "port by name of peers, of which one has another", docs: append(toDB(`egress: [{toEndpoints: [{}], toPorts: [{ports: [{port: http, protocol: TCP}]}]}]`),
			`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: odd}, spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 9090}]}]}, status: {podIP: 10.0.0.9}}`), wants: []string{
			"data/db > data/job 8080 unknown", "data/db > data/job 9090 unknown", "data/db > data/job 80 denied", "data/db > shop/odd 9090 denied",
		}},
		{name: "all but a namespace", docs: toDB(`ingress: [{fromEndpoints: [{matchExpressions: [{key: "k8s:io.kubernetes.pod.namespace", operator: NotIn, values: [shop]}]}]}]`), wants: []string{
			"data/job > data/db 80 allowed", "shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 unknown", "data/agent > data/db 80 unknown",
		}, notes: "only excepts"},
		{name: "all but namespaces of a label", docs: []string{ccnp("p", `endpointSelector: {matchLabels: {app: db}}, ingress: [{fromEndpoints: [{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: [a]}]}]}]`)}, wants: []string{
			"data/job > data/db 80 allowed", "shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 denied",
		}},
		{name: "the world holds no nodes", docs: toDB(`egress: [{toEntities: [world]}]`), wants: []string{"data/db > 8.8.8.8 80 allowed", "data/db > data/agent 80 denied"}},
		{name: "ports of other protocols", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "1", protocol: ICMP}, {port: "7", protocol: SCTP}]}]}]`), wants: []string{
			"data/job > data/db OTHER:1 unknown", "data/job > data/db SCTP:7 allowed", "data/job > data/db 7 denied",
		}},
		{name: "no ports", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: []}]}]`), wants: []string{"data/job > data/db 80 unknown", "shop/web > data/db 80 denied"}, notes: "no ports"},
		{name: "unknown restriction of ports", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "80"}], tides: 1}]}]`), wants: []string{"data/job > data/db 81 unknown"}, notes: "tides"},
		{name: "no port", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "99999"}]}]}]`), wants: []string{"data/job > data/db 80 unknown"}, notes: "is no port"},
		{name: "ports not to be read", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: 80}]`), wants: []string{"data/job > data/db 80 unknown"}, notes: "may refuse"},
		{name: "unmanaged", docs: toDB(`ingress: [{fromEntities: [unmanaged]}]`), wants: []string{"data/job > data/db 80 unknown", "8.8.8.8 > data/db 80 denied"}, notes: "unmanaged"},
		{name: "unknown entity", docs: toDB(`ingress: [{fromEntities: [moon]}]`), wants: []string{"data/job > data/db 80 unknown", "8.8.8.8 > data/db 80 unknown"}, notes: "moon"},
		{name: "unknown operator", docs: toDB(`ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: Like}]}]}]`), wants: []string{"data/job > data/db 80 unknown"}, notes: "Like"},
		{name: "content", docs: toDB(`ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [{method: GET}]}}]}]`), wants: []string{
			"data/job > data/db 80 allowed", "data/job > data/db 81 denied",
		}, notes: "restricted further"},
		{name: "blocks find no pods", docs: toDB(`ingress: [{fromCIDR: [10.0.0.0/8]}], egress: [{toCIDRSet: [{cidr: 8.8.0.0/16, except: [8.8.4.0/24]}]}, {toCIDR: [1.1.1.1]}]`), wants: []string{
			"10.7.7.7 > data/db 80 allowed", "data/job > data/db 80 denied", "8.8.8.8 > data/db 80 denied",
			"data/db > 8.8.8.8 53 allowed", "data/db > 8.8.4.4 53 denied", "data/db > 1.1.1.1 53 allowed", "data/db > 1.1.1.2 53 denied", "data/db > data/job 80 denied",
		}},
		{name: "group of addresses", docs: toDB(`egress: [{toCIDRSet: [{cidrGroupRef: g}]}]`), wants: []string{"data/db > 8.8.8.8 53 unknown", "data/db > data/job 53 denied"}, notes: "groups of addresses"},
		{name: "world", docs: toDB(`ingress: [{fromEntities: [world]}]`), wants: []string{"8.8.8.8 > data/db 80 allowed", "2001:db8::1 > data/db 80 allowed", "data/job > data/db 80 denied"}},
		{name: "world of one family", docs: toDB(`ingress: [{fromEntities: [world-ipv4]}]`), wants: []string{"8.8.8.8 > data/db 80 allowed", "2001:db8::1 > data/db 80 denied"}},
		{name: "cluster", docs: toDB(`ingress: [{fromEntities: [cluster]}]`), wants: []string{"8.8.8.8 > data/db 80 denied", "shop/web > data/db 80 allowed", "data/agent > data/db 80 allowed"}},
		{name: "all", docs: toDB(`ingress: [{fromEntities: [all]}]`), wants: []string{"8.8.8.8 > data/db 80 allowed", "shop/web > data/db 80 allowed"}},
		{name: "none", docs: toDB(`ingress: [{fromEntities: [none]}]`), wants: []string{"8.8.8.8 > data/db 80 denied", "shop/web > data/db 80 denied"}},
		{name: "host", docs: toDB(`ingress: [{fromEntities: [host]}]`), wants: []string{"8.8.8.8 > data/db 80 denied", "shop/web > data/db 80 denied", "data/agent > data/db 80 unknown"}, notes: "what host is"},
		{name: "API server", docs: toDB(`egress: [{toEntities: [kube-apiserver]}]`), wants: []string{"data/db > 8.8.8.8 443 unknown", "data/db > data/job 443 denied"}, notes: "kube-apiserver"},
		{name: "domain names", docs: toDB(`egress: [{toFQDNs: [{matchName: example.com}]}]`), wants: []string{"data/db > 8.8.8.8 443 unknown", "data/db > data/job 443 denied"}, notes: "domain names"},
		{name: "services", docs: toDB(`egress: [{toServices: [{k8sService: {serviceName: s}}]}]`), wants: []string{"data/db > 8.8.8.8 443 unknown", "data/db > data/job 443 unknown"}, notes: "service"},
		{name: "groups", docs: toDB(`egress: [{toGroups: [{aws: {}}]}]`), wants: []string{"data/db > 8.8.8.8 443 unknown"}, notes: "cloud"},
		{name: "nodes", docs: toDB(`egress: [{toNodes: [{}]}]`), wants: []string{"data/db > data/agent 443 unknown", "data/db > data/job 443 denied"}, notes: "nodes"},
		{name: "unknown peers", docs: toDB(`ingress: [{fromStars: [{}]}]`), wants: []string{"data/job > data/db 80 unknown"}, notes: "fromStars is not known"},
		{name: "ICMP", docs: toDB(`ingress: [{fromEndpoints: [{}], icmps: [{fields: [{type: 8}]}]}]`), wants: []string{"data/job > data/db 80 denied", "data/job > data/db OTHER:1 unknown"}, notes: "ICMP"},
		{name: "authentication", docs: toDB(`ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]`), wants: []string{"data/job > data/db 80 unknown", "shop/web > data/db 80 denied"}, notes: "authenticate"},
		{name: "requirements", docs: append(toDB(`ingress: [{fromRequires: [{matchLabels: {a: b}}], fromEndpoints: [{}]}]`), allowAllData), wants: []string{
			"shop/web > data/db 80 unknown", "shop/web > data/job 80 allowed",
		}, notes: "requirements"},
		{name: "empty rule", docs: toDB(`ingress: [{}], egress: [{}]`), wants: []string{"data/job > data/db 80 unknown", "data/db > data/job 80 unknown"}, notes: "an empty rule"},
		{name: "empty list", docs: toDB(`ingress: []`), wants: []string{"data/job > data/db 80 unknown", "data/db > data/job 80 allowed"}, notes: "an empty list isolates"},
		{name: "empty list of peers", docs: toDB(`ingress: [{fromEndpoints: []}]`), wants: []string{"data/job > data/db 80 unknown"}, notes: "an empty list of peers"},
		{name: "default deny without rules", docs: toDB(`enableDefaultDeny: {ingress: true, egress: true}, egress: [{toEntities: [world]}]`), wants: []string{
			"data/job > data/db 80 unknown", "data/db > data/job 80 denied",
		}, notes: "without rules"},
		{name: "without default deny", docs: toDB(`enableDefaultDeny: {ingress: false}, ingress: [{fromEndpoints: [{}]}]`), wants: []string{"8.8.8.8 > data/db 80 allowed"}},
		{name: "deny beats NetworkPolicy", docs: append(toDB(`enableDefaultDeny: {ingress: false}, ingressDeny: [{fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: shop}}], toPorts: [{ports: [{port: "80", protocol: TCP}]}]}]`), allowAllData), wants: []string{
			"shop/web > data/db 80 denied", "shop/web > data/db 81 allowed", "data/job > data/db 80 allowed",
		}},
		{name: "deny isolates", docs: toDB(`egressDeny: [{toEntities: [world]}]`), wants: []string{"data/db > 8.8.8.8 80 denied", "data/db > data/job 80 denied", "shop/web > data/db 80 allowed"}},
		{name: "unknown deny", docs: append(toDB(`egressDeny: [{toFQDNs: [{matchName: x}]}], egress: [{toEntities: [world]}]`), allowAllData), wants: []string{"data/db > 8.8.8.8 80 unknown", "data/db > data/job 80 denied"}, notes: "domain names"},
		{name: "union with NetworkPolicy", docs: append(toDB(`ingress: [{fromEntities: [all]}]`), denyAllData), wants: []string{"8.8.8.8 > data/db 80 allowed", "8.8.8.8 > data/job 80 denied"}},
		{name: "several specs", docs: []string{`{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {namespace: data, name: p}, specs: [
			{endpointSelector: {matchLabels: {app: db}}, ingress: [{fromEndpoints: [{}]}]}, {endpointSelector: {matchLabels: {app: job}}, egress: [{toEntities: [world]}]}]}`}, wants: []string{
			"shop/web > data/db 80 denied", "data/job > data/db 80 denied", "data/job > 8.8.8.8 80 allowed", "shop/web > data/job 80 allowed",
		}},
		{name: "host firewall", docs: []string{ccnp("p", `nodeSelector: {}, ingress: [{fromEntities: [host]}]`)}, wants: []string{"8.8.8.8 > data/db 80 allowed"}},
		{name: "no subject", docs: []string{cnp("data", "p", `ingress: [{fromEndpoints: [{}]}]`)}, wants: []string{"8.8.8.8 > data/db 80 allowed"}, notes: "needs one of"},
		{name: "two kinds of peers", docs: toDB(`ingress: [{fromEndpoints: [{}], fromCIDR: [8.8.8.8/32]}]`), wants: []string{"8.8.8.8 > data/db 80 unknown", "shop/web > data/db 80 unknown"}, notes: "several kinds of peers"},
		{name: "no CIDR", docs: toDB(`ingress: [{fromCIDR: [x]}]`), wants: []string{"8.8.8.8 > data/db 80 unknown"}, notes: "no CIDR"},
		{name: "unknown field", docs: append(toDB(`ingress: [{fromEntities: [all]}], moons: 1`), allowAllData), wants: []string{"8.8.8.8 > data/db 80 unknown", "8.8.8.8 > data/job 80 allowed"}, notes: "moons is not known"},
		{name: "not to be read", docs: append(toDB(`ingress: 1`), allowAllData), wants: []string{"8.8.8.8 > data/db 80 unknown", "8.8.8.8 > shop/web 80 allowed"}, notes: "cannot be read"},
	})
}
