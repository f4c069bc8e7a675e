package network

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// upstreamWorld is the pods of a suite of tests by namespace, all of them serving the same ports.
type upstreamWorld struct {
	key        string // the label of namespaces, and of pods where podKey is empty, whose value is the namespace's name
	podKey     string // the label of pods whose value is the pod's name
	namespaces []string
	pods       map[string][]string
	ports      string
}

// upstreamStep is a state of the cluster and the connections it should have.
type upstreamStep struct {
	labels   map[string]string // further labels of a namespace or pod
	policies []string          // "namespace {spec}" of a NetworkPolicy, "{spec}" of a ClusterNetworkPolicy
	want     []upstreamTable
}

// upstreamTable is a truth table: all connections on a port are allowed but for those of its exceptions, "- from > to"
// denied and "+ from > to" allowed, of which the last one counts. A pod always reaches itself.
type upstreamTable struct {
	protocol   Protocol
	port       uint16
	exceptions string
}

type upstreamCase struct {
	name  string
	steps []upstreamStep
}

func (w upstreamWorld) docs(s upstreamStep) []string {
	var docs []string
	for i, ns := range w.namespaces {
		docs = append(docs, fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %q, labels: {%s: %[1]q, %[3]s}}}`, ns, w.key, s.labels[ns]))
		for j, pod := range w.pods[ns] {
			labels := w.podKey + ": " + pod
			if w.key != "ns" {
				labels += ", " + w.key + ": " + ns
			}
			docs = append(docs, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: %q, labels: {%s, %s}}, spec: {containers: [{name: c, image: i, ports: [%s]}]}, status: {phase: Running, podIP: 10.0.%d.%d}}`, pod, ns, labels, s.labels[ns+"/"+pod], w.ports, i, j+1))
		}
	}
	for i, p := range s.policies {
		if ns, spec, _ := strings.Cut(p, " "); !strings.HasPrefix(p, "{") {
			docs = append(docs, fmt.Sprintf(`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p%d, namespace: %q}, spec: %s}`, i, ns, spec))
		} else {
			docs = append(docs, fmt.Sprintf(`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p%d}, spec: %s}`, i, p))
		}
	}
	return docs
}

func (u upstreamTable) wants(t *testing.T, from, to string) Reachable {
	t.Helper()
	want := Allowed
	if from == to || u.exceptions == "" {
		return want
	}
	for _, e := range strings.Split(u.exceptions, "; ") {
		f := strings.Fields(e)
		if len(f) != 4 || f[0] != "-" && f[0] != "+" || f[2] != ">" {
			t.Fatalf("%q is no exception", e)
		}
		is := func(pattern, name string) bool {
			ok, err := path.Match(pattern, name)
			if err != nil {
				t.Fatal(err)
			}
			return ok || pattern == "*"
		}
		if is(f[1], from) && is(f[3], to) {
			want = Denied
			if f[0] == "+" {
				want = Allowed
			}
		}
	}
	return want
}

func (w upstreamWorld) run(t *testing.T, cases []upstreamCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			for i, step := range tt.steps {
				c, err := Of(context.Background(), testobj.Inventory(t, w.docs(step)))
				if err != nil {
					t.Fatal(err)
				}
				ends := map[string]End{}
				var names []string
				for _, ns := range w.namespaces {
					for _, pod := range w.pods[ns] {
						name := ns + "/" + pod
						if ends[name], err = c.Find(name); err != nil {
							t.Fatal(err)
						}
						names = append(names, name)
					}
				}
				for _, u := range step.want {
					for _, from := range names {
						for _, to := range names {
							want := u.wants(t, from, to)
							if v, err := c.Evaluate(Flow{ends[from], ends[to], u.protocol, u.port}); err != nil || v.Answer != want {
								t.Errorf("step %d, %s > %s, port %d of protocol %v: %s, want %s: %s (%v)", i+1, from, to, u.port, u.protocol, v.Answer, want, v.Reason, err)
							}
						}
					}
				}
			}
		})
	}
}

// The cases of kubernetes, test/e2e/network/netpol/network_policy.go, on all nine pods where a case there takes fewer.
// What network_policy_api.go has is left out: it is verbs of the API (create, list, watch, patch, delete), and what of
// endPort the API refuses, of which a cluster's objects hold nothing.
func TestUpstreamNetworkPolicy(t *testing.T) {
	abc := []string{"a", "b", "c"}
	var ports []string
	for _, port := range []int{80, 81} {
		for _, protocol := range []string{"TCP", "UDP", "SCTP"} {
			ports = append(ports, fmt.Sprintf(`{name: serve-%d-%s, containerPort: %[1]d, protocol: %[3]s}`, port, strings.ToLower(protocol), protocol))
		}
	}
	w := upstreamWorld{"ns", "pod", []string{"x", "y", "z"}, map[string][]string{"x": abc, "y": abc, "z": abc}, strings.Join(ports, ", ")}

	tcp := func(port uint16, exceptions string) upstreamTable { return upstreamTable{TCP, port, exceptions} }
	one := func(name string, want upstreamTable, policies ...string) upstreamCase {
		return upstreamCase{name, []upstreamStep{{nil, policies, []upstreamTable{want}}}}
	}
	const (
		denyIngress  = `x {podSelector: {}, policyTypes: [Ingress]}`
		denyAll      = `x {podSelector: {}, policyTypes: [Ingress, Egress]}`
		allIngress   = `x {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}`
		fromY81      = `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 81, protocol: TCP}]}]}`
		fromY80      = `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 80, protocol: TCP}]}]}`
		fromUpdated  = `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns2: updated}}}]}]}`
		fromPod2     = `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b, pod2: updated}}}]}]}`
		ofIsolated   = `x {podSelector: {matchLabels: {target: isolated}}, policyTypes: [Ingress]}`
		only80In     = `x {podSelector: {}, ingress: [{ports: [{port: 80}]}]}`
		only80Out    = `x {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}`
		allOut       = `x {podSelector: {}, policyTypes: [Egress], egress: [{}]}`
		exceptB      = `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.0.2/32]}}]}]}`
		onlyB        = `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.2/32}}]}]}`
		allOutOfA    = `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{}]}`
		denyIngressA = `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress]}`
		fromYA       = `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: a}}}]}]}`
		inAndOut     = `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress, Ingress], ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}], egress: [{ports: [{port: 80}]}]}`
		toYA         = `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: a}}}]}]}`
		onlyY        = "- * > x/a; + y/* > x/a"
	)
	cases := []upstreamCase{
		one("default deny of ingress", tcp(80, "- * > x/*"), denyIngress),
		one("default deny of all", tcp(80, "- * > x/*; - x/* > *"), denyAll),
		one("pods of the server's namespace", tcp(80, "- * > x/a; + x/b > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`),
		one("ingress for a target", tcp(80, "- * > x/*; + * > x/a"), denyIngress, `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {}, namespaceSelector: {}}]}]}`),
		one("pods of all namespaces", tcp(80, ""), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {}}]}]}`),
		one("another namespace only", tcp(80, onlyY), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]}`),
		one("expressions of pods", tcp(80, "- * > x/a; + x/b > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b]}]}}]}]}`),
		one("expressions of namespaces", tcp(80, onlyY), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: In, values: ["y"]}]}}]}]}`),
		one("pods or namespaces", tcp(80, "- x/c > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}}, {podSelector: {matchLabels: {pod: b}}}]}]}`),
		one("pods and namespaces", tcp(80, "- * > x/a; + y/b > x/a; + z/b > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}, podSelector: {matchLabels: {pod: b}}}]}]}`),
		one("several pods and namespaces", tcp(80, "- x/* > x/a; - y/a > x/a; - z/a > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}, podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]}`),
		one("any of the selectors of pods", tcp(80, "- * > x/a; + x/b > x/a; + x/c > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}, {podSelector: {matchLabels: {pod: c}}}]}]}`),
		one("a pod of another namespace", tcp(80, "- * > x/a; + y/a > x/a"), fromYA),
		one("a port", tcp(81, onlyY), fromY81),
		{"stacked policies", []upstreamStep{
			{nil, []string{fromY81}, []upstreamTable{tcp(81, onlyY), tcp(80, "- * > x/a")}},
			{nil, []string{fromY81, fromY80}, []upstreamTable{tcp(80, onlyY), tcp(81, onlyY)}},
		}},
		{"allow all", []upstreamStep{{nil, []string{allIngress}, []upstreamTable{tcp(80, ""), tcp(81, "")}}}},
		{"ingress on a named port", []upstreamStep{{nil, []string{`x {podSelector: {}, ingress: [{ports: [{port: serve-81-tcp}]}]}`}, []upstreamTable{tcp(81, ""), tcp(80, "- * > x/*")}}}},
		{"ingress from a namespace on a named port", []upstreamStep{{nil, []string{`x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: serve-80-tcp, protocol: TCP}]}]}`}, []upstreamTable{tcp(80, onlyY), tcp(81, "- * > x/a")}}}},
		{"egress on a named port", []upstreamStep{{nil, []string{`x {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: serve-80-tcp}]}]}`}, []upstreamTable{tcp(80, ""), tcp(81, "- x/* > *")}}}},
		{"an updated policy", []upstreamStep{
			{nil, []string{allIngress}, []upstreamTable{tcp(81, "")}},
			{nil, []string{`x {podSelector: {}, policyTypes: [Ingress], ingress: []}`}, []upstreamTable{tcp(81, "- * > x/*")}},
		}},
		{"an updated namespace", []upstreamStep{
			{nil, []string{fromUpdated}, []upstreamTable{tcp(80, "- * > x/a")}},
			{map[string]string{"y": "ns2: updated"}, []string{fromUpdated}, []upstreamTable{tcp(80, onlyY)}},
		}},
		{"an updated pod", []upstreamStep{
			{nil, []string{fromPod2}, []upstreamTable{tcp(80, "- * > x/a")}},
			{map[string]string{"x/b": "pod2: updated"}, []string{fromPod2}, []upstreamTable{tcp(80, "- * > x/a; + x/b > x/a")}},
		}},
		one("no pods of other namespaces", tcp(80, "- y/* > x/*; - z/* > x/*"), `x {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`),
		{"an updated pod that is selected", []upstreamStep{
			{nil, []string{ofIsolated}, []upstreamTable{tcp(80, "")}},
			{map[string]string{"x/a": "target: isolated"}, []string{ofIsolated}, []upstreamTable{tcp(80, "- * > x/a")}},
		}},
		one("no egress of a pod", tcp(80, "- x/a > *"), `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress]}`),
		one("no egress of a namespace", tcp(80, "- x/* > *"), `x {podSelector: {}, policyTypes: [Egress]}`),
		{"ingress and egress together", []upstreamStep{{nil, []string{inAndOut}, []upstreamTable{tcp(80, "- * > x/a; + x/b > x/a"), tcp(81, "- * > x/a; - x/a > *; + x/b > x/a")}}}},
		one("egress denied that the server allows", tcp(80, "- x/a > *; - * > y/a; - * > y/b; + x/a > y/a"), toYA,
			`y {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: a}}}]}]}`,
			`y {podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: a}}}]}]}`),
		one("egress to a pod of another namespace", tcp(80, "- x/a > *; + x/a > y/a"), toYA),
		{"all ports of a protocol", []upstreamStep{{nil, []string{`x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{protocol: TCP}]}]}`}, []upstreamTable{tcp(80, ""), {UDP, 80, "- * > x/a"}}}}},
		{"ingress, all of it beside a port", []upstreamStep{
			{nil, []string{only80In}, []upstreamTable{tcp(81, "- * > x/*")}},
			{nil, []string{only80In, allIngress}, []upstreamTable{tcp(81, "")}},
		}},
		{"egress, all of it beside a port", []upstreamStep{
			{nil, []string{only80Out}, []upstreamTable{tcp(81, "- x/* > *")}},
			{nil, []string{only80Out, allOut}, []upstreamTable{tcp(81, "")}},
		}},
		{"a deleted policy", []upstreamStep{
			{nil, []string{denyAll}, []upstreamTable{tcp(80, "- x/* > *; - * > x/*")}},
			{nil, nil, []upstreamTable{tcp(80, "")}},
		}},
		one("egress to a block", tcp(80, "- x/a > *; + x/a > y/b"), `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.1.2/32}}]}]}`),
		one("egress to a block with an exception", tcp(80, "- x/a > x/b"), exceptB),
		{"a block and its exception", []upstreamStep{
			{nil, []string{exceptB}, []upstreamTable{tcp(80, "- x/a > x/b")}},
			{nil, []string{onlyB}, []upstreamTable{tcp(80, "- x/a > *; + x/a > x/b")}},
			{nil, []string{exceptB, onlyB}, []upstreamTable{tcp(80, "")}}, // as the case's name has it; there, the second policy replaces the first
		}},
		{"ingress and egress apart", []upstreamStep{
			{nil, []string{allOutOfA}, []upstreamTable{tcp(80, "")}},
			{nil, []string{allOutOfA, denyIngressA}, []upstreamTable{tcp(80, "- * > x/a")}},
		}},
		one("SCTP is not TCP", tcp(81, "- * > x/*"), denyIngress, `x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81, protocol: SCTP}]}]}`),
		one("SCTP isolates", tcp(81, "- * > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 80, protocol: SCTP}]}]}`),
		one("UDP is not TCP", tcp(81, "- * > x/a"), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81, protocol: UDP}]}]}`),
		one("the label of a namespace's name", tcp(80, onlyY), `x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "y"}}}]}]}`),
		one("an expression of it", tcp(80, "- x/a > y/*"), `x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: ["y"]}]}}]}]}`),
	}
	for name, protocol := range map[string]Protocol{"UDP": UDP, "SCTP": SCTP} {
		cases = append(cases,
			one(name+", default deny of ingress", upstreamTable{protocol, 80, "- * > x/*"}, denyIngress),
			one(name+", a port", upstreamTable{protocol, 81, onlyY}, strings.Replace(fromY81, "TCP", name, 1)),
			one(name+", a pod of another namespace", upstreamTable{protocol, 80, "- * > x/a; + y/a > x/a"}, fromYA))
	}
	w.run(t, cases)
}

// The cases of network-policy-api, conformance/tests and conformance/base, those of ClusterNetworkPolicy. Left out are
// its peers nodes and domainNames, which are experimental and need nodes and names outside of the cluster; the Service
// of the hairpin case, behind which the pod is the same; and the omitted namespaceSelector, which the pod selectors have.
func TestUpstreamClusterNetworkPolicy(t *testing.T) {
	w := upstreamWorld{"conformance-house", "statefulset.kubernetes.io/pod-name", []string{"gryffindor", "slytherin", "hufflepuff", "ravenclaw"}, map[string][]string{
		"gryffindor": {"harry-potter-0", "harry-potter-1"}, "slytherin": {"draco-malfoy-0", "draco-malfoy-1"},
		"hufflepuff": {"cedric-diggory-0", "cedric-diggory-1"}, "ravenclaw": {"luna-lovegood-0", "luna-lovegood-1"},
	}, `{name: web, containerPort: 80}, {name: web-8080, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}, {name: dns-5353, containerPort: 5353, protocol: UDP}, {name: sctp-9003, containerPort: 9003, protocol: SCTP}, {name: sctp-9005, containerPort: 9005, protocol: SCTP}`}

	house := func(name string) string { return `{namespaces: {matchLabels: {conformance-house: ` + name + `}}}` }
	pods := func(name string) string {
		return `{pods: {namespaceSelector: {matchLabels: {conformance-house: ` + name + `}}, podSelector: {matchLabels: {conformance-house: ` + name + `}}}}`
	}
	port := func(protocol string, n int) string {
		return fmt.Sprintf(`{%s: {destinationPort: {number: %d}}}`, protocol, n)
	}
	rule := func(direction, action, peer string, protocols ...string) string {
		rule := `{action: ` + action + `, ` + map[string]string{"ingress": "from", "egress": "to"}[direction] + `: [` + peer + `]`
		if protocols != nil {
			rule += `, protocols: [` + strings.Join(protocols, ", ") + `]`
		}
		return rule + `}`
	}
	policy := func(tier string, priority int, subject string, ingress, egress []string) string {
		return fmt.Sprintf(`{tier: %s, priority: %d, subject: %s, ingress: [%s], egress: [%s]}`, tier, priority, subject, strings.Join(ingress, ", "), strings.Join(egress, ", "))
	}
	swapped := func(rules []string, i, j int) []string {
		rules = slices.Clone(rules)
		rules[i], rules[j] = rules[j], rules[i]
		return rules
	}
	all := func(exceptions string) []upstreamTable {
		return []upstreamTable{{TCP, 80, exceptions}, {TCP, 8080, exceptions}, {UDP, 53, exceptions}, {UDP, 5353, exceptions}, {SCTP, 9003, exceptions}, {SCTP, 9005, exceptions}}
	}

	var cases []upstreamCase
	// *-tier-standard-{egress,ingress}-{tcp,udp,sctp}-rules: of one peer everything is allowed, then denied, then passed;
	// of one a port is denied, then passed; and of one a port is allowed, and the rest denied.
	for _, r := range []struct {
		direction, protocol             string
		subject, everything, none, some string
		denied, allowed                 int
		name                            string // of the port that is allowed in the named port cases
		steps                           [][]upstreamTable
	}{
		{"egress", "tcp", "gryffindor", "ravenclaw", "slytherin", "hufflepuff", 80, 8080, "", [][]upstreamTable{
			{{TCP, 80, "- gryffindor/* > slytherin/*; - gryffindor/* > hufflepuff/*"}, {TCP, 8080, ""}},
			{{TCP, 80, "- gryffindor/* > slytherin/*; - gryffindor/* > hufflepuff/*; - gryffindor/* > ravenclaw/*"}, {TCP, 8080, "- gryffindor/* > ravenclaw/*"}},
			{{TCP, 80, "- gryffindor/* > hufflepuff/*"}, {TCP, 8080, ""}},
		}},
		{"egress", "udp", "hufflepuff", "ravenclaw", "slytherin", "gryffindor", 5353, 53, "dns", [][]upstreamTable{
			{{UDP, 5353, "- hufflepuff/* > slytherin/*; - hufflepuff/* > gryffindor/*"}, {UDP, 53, ""}},
			{{UDP, 5353, "- hufflepuff/* > slytherin/*; - hufflepuff/* > gryffindor/*; - hufflepuff/* > ravenclaw/*"}, {UDP, 53, "- hufflepuff/* > ravenclaw/*"}},
			{{UDP, 5353, "- hufflepuff/* > gryffindor/*"}, {UDP, 53, ""}},
		}},
		{"egress", "sctp", "ravenclaw", "gryffindor", "slytherin", "hufflepuff", 9003, 9003, "", [][]upstreamTable{
			{{SCTP, 9003, "- ravenclaw/* > slytherin/*"}, {SCTP, 9005, "- ravenclaw/* > hufflepuff/*"}},
			{{SCTP, 9003, "- ravenclaw/* > slytherin/*; - ravenclaw/* > gryffindor/*"}, {SCTP, 9005, "- ravenclaw/* > hufflepuff/*; - ravenclaw/* > gryffindor/*"}},
			{{SCTP, 9003, ""}, {SCTP, 9005, "- ravenclaw/* > hufflepuff/*"}},
		}},
		{"ingress", "tcp", "gryffindor", "ravenclaw", "slytherin", "hufflepuff", 80, 80, "web", [][]upstreamTable{
			{{TCP, 80, "- slytherin/* > gryffindor/*"}, {TCP, 8080, "- hufflepuff/* > gryffindor/*"}},
			{{TCP, 80, "- slytherin/* > gryffindor/*; - ravenclaw/* > gryffindor/*"}, {TCP, 8080, "- hufflepuff/* > gryffindor/*; - ravenclaw/* > gryffindor/*"}},
			{{TCP, 80, ""}, {TCP, 8080, "- hufflepuff/* > gryffindor/*"}},
		}},
		{"ingress", "udp", "hufflepuff", "ravenclaw", "slytherin", "gryffindor", 5353, 53, "dns", [][]upstreamTable{
			{{UDP, 5353, "- slytherin/* > hufflepuff/*; - gryffindor/* > hufflepuff/*"}, {UDP, 53, ""}},
			{{UDP, 5353, "- slytherin/* > hufflepuff/*; - gryffindor/* > hufflepuff/*; - ravenclaw/* > hufflepuff/*"}, {UDP, 53, "- ravenclaw/* > hufflepuff/*"}},
			{{UDP, 5353, "- gryffindor/* > hufflepuff/*"}, {UDP, 53, ""}},
		}},
		{"ingress", "sctp", "ravenclaw", "gryffindor", "slytherin", "hufflepuff", 9003, 9003, "", [][]upstreamTable{
			{{SCTP, 9003, "- slytherin/* > ravenclaw/*"}, {SCTP, 9005, "- hufflepuff/* > ravenclaw/*"}},
			{{SCTP, 9003, "- slytherin/* > ravenclaw/*; - gryffindor/* > ravenclaw/*"}, {SCTP, 9005, "- hufflepuff/* > ravenclaw/*; - gryffindor/* > ravenclaw/*"}},
			{{SCTP, 9003, ""}, {SCTP, 9005, "- hufflepuff/* > ravenclaw/*"}},
		}},
	} {
		of := func(tier string, rules []string) []string {
			if r.direction == "ingress" {
				return []string{policy(tier, 6, house(r.subject), rules, nil)}
			}
			return []string{policy(tier, 6, house(r.subject), nil, rules)}
		}
		for _, tier := range []string{"Admin", "Baseline"} {
			rules := []string{
				rule(r.direction, "Accept", house(r.everything)),
				rule(r.direction, "Deny", house(r.everything)),
				rule(r.direction, "Deny", house(r.none), port(r.protocol, r.denied)),
				rule(r.direction, "Accept", house(r.some), port(r.protocol, r.allowed)),
				rule(r.direction, "Deny", house(r.some)),
			}
			if tier == "Admin" {
				rules = slices.Insert(rules, 2, rule(r.direction, "Pass", house(r.everything)))
				rules = slices.Insert(rules, 4, rule(r.direction, "Pass", house(r.none), port(r.protocol, r.denied)))
			}
			steps := []upstreamStep{{nil, of(tier, rules), r.steps[0]}, {nil, of(tier, swapped(rules, 0, 1)), r.steps[1]}}
			if tier == "Admin" {
				steps = append(steps, upstreamStep{nil, of(tier, swapped(swapped(rules, 0, 2), 3, 4)), r.steps[2]})
			}
			cases = append(cases, upstreamCase{tier + ", " + r.direction + " of " + r.protocol, steps})
			if r.name != "" {
				named := slices.Clone(rules)
				named[len(named)-2] = rule(r.direction, "Accept", house(r.some), `{destinationNamedPort: `+r.name+`}`)
				cases = append(cases, upstreamCase{tier + ", " + r.direction + " on the named port " + r.name, []upstreamStep{{nil, of(tier, named), r.steps[0]}}})
			}
		}
	}
	// experimental-egress-rules: the port that is allowed is 80 by its name and no longer 8080.
	for _, tier := range []string{"Admin", "Baseline"} {
		cases = append(cases, upstreamCase{tier + ", egress on the named port web", []upstreamStep{{nil, []string{policy(tier, 6, house("gryffindor"), nil, []string{
			rule("egress", "Accept", house("ravenclaw")), rule("egress", "Deny", house("slytherin"), port("tcp", 80)),
			rule("egress", "Accept", house("hufflepuff"), `{destinationNamedPort: web}`), rule("egress", "Deny", house("hufflepuff")),
		})}, []upstreamTable{{TCP, 80, "- gryffindor/* > slytherin/*"}, {TCP, 8080, "- gryffindor/* > hufflepuff/*"}}}}})
	}

	// standard-gress-rules: all of these at once.
	gress := func(tier, direction string, tcp int) []string {
		three := []string{port("tcp", 80), port("udp", 53), port("sctp", 9003)}
		rules := []string{
			rule(direction, "Accept", house("ravenclaw")),
			rule(direction, "Deny", house("ravenclaw")),
			rule(direction, "Deny", house("slytherin"), three...),
			rule(direction, "Accept", house("hufflepuff"), port("tcp", tcp), port("udp", 5353), port("sctp", 9003)),
			rule(direction, "Deny", house("hufflepuff")),
		}
		if tier == "Admin" {
			rules = slices.Insert(rules, 2, rule(direction, "Pass", house("ravenclaw")))
			rules = slices.Insert(rules, 4, rule(direction, "Pass", house("slytherin"), three...))
		}
		return rules
	}
	const slytherin, ravenclaw = "- gryffindor/* > slytherin/*; - slytherin/* > gryffindor/*", "- gryffindor/* > ravenclaw/*; - ravenclaw/* > gryffindor/*"
	const hufflepuff = "- gryffindor/* > hufflepuff/*; - hufflepuff/* > gryffindor/*"
	for _, tier := range []string{"Admin", "Baseline"} {
		in, out := gress(tier, "ingress", 80), gress(tier, "egress", 8080)
		steps := []upstreamStep{
			{nil, []string{policy(tier, 15, house("gryffindor"), in, out)}, []upstreamTable{
				{TCP, 80, slytherin + "; - gryffindor/* > hufflepuff/*"}, {TCP, 8080, "- hufflepuff/* > gryffindor/*"},
				{UDP, 53, slytherin + "; " + hufflepuff}, {UDP, 5353, ""}, {SCTP, 9003, slytherin}, {SCTP, 9005, hufflepuff},
			}},
			{nil, []string{policy(tier, 15, house("gryffindor"), swapped(in, 0, 1), swapped(out, 0, 1))}, []upstreamTable{
				{TCP, 80, ravenclaw + "; " + slytherin + "; - gryffindor/* > hufflepuff/*"}, {TCP, 8080, ravenclaw + "; - hufflepuff/* > gryffindor/*"},
				{UDP, 53, ravenclaw + "; " + slytherin + "; " + hufflepuff}, {UDP, 5353, ravenclaw}, {SCTP, 9003, ravenclaw + "; " + slytherin}, {SCTP, 9005, ravenclaw + "; " + hufflepuff},
			}},
		}
		if tier == "Admin" {
			steps = append(steps, upstreamStep{nil, []string{policy(tier, 15, house("gryffindor"), swapped(swapped(in, 0, 2), 3, 4), swapped(swapped(out, 0, 2), 3, 4))}, []upstreamTable{
				{TCP, 80, "- gryffindor/* > hufflepuff/*"}, {TCP, 8080, "- hufflepuff/* > gryffindor/*"},
				{UDP, 53, hufflepuff}, {UDP, 5353, ""}, {SCTP, 9003, ""}, {SCTP, 9005, hufflepuff},
			}})
		}
		cases = append(cases, upstreamCase{tier + ", rules combined", steps})

		// standard-egress-inline-cidr-rules, with luna-lovegood-0 and cedric-diggory-0 allowed by address later on.
		subject := pods("gryffindor")
		if tier == "Baseline" {
			subject = house("gryffindor")
		}
		rest := []string{rule("egress", "Accept", pods("slytherin")), rule("egress", "Deny", `{networks: [0.0.0.0/0, "::/0"]}`)}
		blocks := rule("egress", "Accept", `{networks: [10.0.3.1/32, 10.0.2.1/32]}`)
		cases = append(cases, upstreamCase{tier + ", inline blocks", []upstreamStep{
			{nil, []string{policy(tier, 85, subject, nil, rest)}, all("- gryffindor/* > *; + gryffindor/* > slytherin/*")},
			{nil, []string{policy(tier, 85, subject, nil, append([]string{blocks}, rest...))}, all("- gryffindor/* > *; + gryffindor/* > slytherin/*; + gryffindor/* > ravenclaw/luna-lovegood-0; + gryffindor/* > hufflepuff/cedric-diggory-0")},
		}})

		// standard-ingress-egress-isolation: rules of one direction leave the other one alone.
		cases = append(cases,
			upstreamCase{tier + ", ingress rules leave egress", []upstreamStep{{nil, []string{policy(tier, 20, house("gryffindor"), []string{rule("ingress", "Deny", house("slytherin"))}, nil)}, all("- slytherin/* > gryffindor/*")}}},
			upstreamCase{tier + ", egress rules leave ingress", []upstreamStep{{nil, []string{policy(tier, 20, house("gryffindor"), nil, []string{rule("egress", "Deny", house("slytherin"))})}, all("- gryffindor/* > slytherin/*")}}})

		// standard-pod-selector-rules: no namespaceSelector is every namespace.
		const cedric = `{pods: {namespaceSelector: {matchLabels: {conformance-house: hufflepuff}}, podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: cedric-diggory-0}}}}`
		anywhere := func(name string) string {
			return `{pods: {podSelector: {matchLabels: {conformance-house: ` + name + `}}}}`
		}
		second := map[string]int{"Admin": 21, "Baseline": 20}[tier]
		cases = append(cases, upstreamCase{tier + ", selectors of pods", []upstreamStep{{nil, []string{
			policy(tier, 20, anywhere("gryffindor"),
				[]string{rule("ingress", "Deny", anywhere("slytherin")), rule("ingress", "Deny", cedric)},
				[]string{rule("egress", "Deny", anywhere("ravenclaw")), rule("egress", "Deny", cedric)}),
			policy(tier, second, `{pods: {namespaceSelector: {matchLabels: {conformance-house: ravenclaw}}, podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: luna-lovegood-0}}}}`, nil,
				[]string{rule("egress", "Deny", house("slytherin"))}),
		}, all("- gryffindor/* > ravenclaw/*; - gryffindor/* > hufflepuff/cedric-diggory-0; - slytherin/* > gryffindor/*; - hufflepuff/cedric-diggory-0 > gryffindor/*; - ravenclaw/luna-lovegood-0 > slytherin/*")}}})

		// standard-port-range-rules: a range of ports of each peer, and nothing else of any house, its own too.
		ranges := func(direction string) []string {
			between := func(protocol string, start, end int) string {
				return fmt.Sprintf(`{%s: {destinationPort: {range: {start: %d, end: %d}}}}`, protocol, start, end)
			}
			return []string{
				rule(direction, "Accept", house("ravenclaw"), between("tcp", 80, 8080)), rule(direction, "Accept", house("hufflepuff"), between("udp", 53, 5353)),
				rule(direction, "Accept", house("slytherin"), between("sctp", 9003, 9005)), rule(direction, "Deny", `{namespaces: {matchExpressions: [{key: conformance-house, operator: Exists}]}}`),
			}
		}
		only := func(name string) string {
			return "- gryffindor/* > *; - * > gryffindor/*; + gryffindor/* > " + name + "/*; + " + name + "/* > gryffindor/*"
		}
		const none = "- gryffindor/* > *; - * > gryffindor/*"
		cases = append(cases, upstreamCase{tier + ", ranges of ports", []upstreamStep{{nil, []string{policy(tier, 9, house("gryffindor"), ranges("ingress"), ranges("egress"))}, []upstreamTable{
			{TCP, 79, none}, {TCP, 80, only("ravenclaw")}, {TCP, 8080, only("ravenclaw")}, {TCP, 8081, none}, {UDP, 53, only("hufflepuff")}, {UDP, 5353, only("hufflepuff")},
			{UDP, 5354, none}, {SCTP, 9003, only("slytherin")}, {SCTP, 9005, only("slytherin")}, {SCTP, 9006, none},
		}}}})

		// standard-same-priority: policies of one priority that do not contradict each other.
		denies := func(subject, peer string, n int) string {
			return policy(tier, 15, house(subject), []string{rule("ingress", "Deny", house(peer), port("tcp", n))}, []string{rule("egress", "Deny", house(peer), port("tcp", n))})
		}
		cases = append(cases, upstreamCase{tier + ", the same priority", []upstreamStep{{nil,
			[]string{denies("gryffindor", "slytherin", 80), denies("gryffindor", "hufflepuff", 80), denies("hufflepuff", "slytherin", 8080)},
			[]upstreamTable{{TCP, 80, slytherin + "; " + hufflepuff}, {TCP, 8080, "- hufflepuff/* > slytherin/*; - slytherin/* > hufflepuff/*"}, {UDP, 53, ""}},
		}}})
	}

	// standard-integration: what the Admin tier denies, what it passes to a NetworkPolicy, and what to the Baseline tier
	// once that policy is deleted. standard-priority: the lower number goes first.
	both := func(tier string, priority int, subject, peer, in, out string) string {
		return policy(tier, priority, subject, []string{rule("ingress", in, peer)}, []string{rule("egress", out, peer)})
	}
	const withSlytherin = `gryffindor {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{namespaceSelector: {matchLabels: {conformance-house: slytherin}}}]}], egress: [{to: [{namespaceSelector: {matchLabels: {conformance-house: slytherin}}}]}]}`
	const isolated = "- * > gryffindor/*; - gryffindor/* > *"
	baseline := both("Baseline", 10, house("gryffindor"), house("slytherin"), "Deny", "Deny")
	pass := func(in, out string) string {
		return both("Admin", 10, house("gryffindor"), house("slytherin"), in, out)
	}
	priority := func(n int) []string {
		return []string{both("Admin", 50, pods("gryffindor"), pods("slytherin"), "Deny", "Deny"), both("Admin", n, pods("gryffindor"), pods("slytherin"), "Pass", "Pass"), both("Baseline", 10, pods("gryffindor"), pods("slytherin"), "Accept", "Accept")}
	}
	cases = append(cases,
		upstreamCase{"tiers and a NetworkPolicy", []upstreamStep{
			{nil, []string{pass("Deny", "Deny"), withSlytherin, baseline}, all(isolated)},
			{nil, []string{pass("Pass", "Deny"), withSlytherin, baseline}, all(isolated + "; + slytherin/* > gryffindor/*")},
			{nil, []string{pass("Pass", "Pass"), withSlytherin, baseline}, all(isolated + "; + slytherin/* > gryffindor/*; + gryffindor/* > slytherin/*")},
			{nil, []string{pass("Pass", "Pass"), baseline}, all(slytherin)},
		}},
		upstreamCase{"priority", []upstreamStep{{nil, priority(60), all(slytherin)}, {nil, priority(40), all("")}}},
		// hairpin-rules: a pod still reaches itself.
		upstreamCase{"hairpin", []upstreamStep{{nil, []string{policy("Admin", 15, house("gryffindor"), []string{rule("ingress", "Deny", house("gryffindor"))}, nil)}, all("- gryffindor/* > gryffindor/*")}}})
	w.run(t, cases)
}
