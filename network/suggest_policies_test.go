package network

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

func deployment(kind, namespace, name, labels, env string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: %s, metadata: {name: %s, namespace: %s}, spec: {replicas: 1, selector: {matchLabels: {%s}}, template: {metadata: {labels: {%s}}, spec: {containers: [{name: c, image: i, env: [%s]}]}}}}`, kind, name, namespace, labels, labels, env)
}

func service(namespace, name, spec string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Service, metadata: {name: %s, namespace: %s}, spec: {%s}}`, name, namespace, spec)
}

func level(namespace, level string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {sensitivity: %s}}}`, namespace, level)
}

// suggested is a suggestion for references and interfaces.
func suggested(t *testing.T, inv *inventory.Inventory, level Level) (*Suggestion, []Requirement) {
	t.Helper()
	z, err := ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := z.InterfaceRequirements(inv)
	if err != nil {
		t.Fatal(err)
	}
	required := append(z.References(inv), declared...)
	s, err := Suggest(context.Background(), inv, required, level)
	if err != nil {
		t.Fatal(err)
	}
	return s, required
}

func policyNames(s *Suggestion) string {
	var out []string
	for _, p := range s.Policies {
		out = append(out, p.Namespace+"/"+p.Name)
	}
	return strings.Join(out, " ")
}

func objectsOf(t *testing.T, policies []*networkingv1.NetworkPolicy) []string {
	t.Helper()
	var out []string
	for _, p := range policies {
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	return out
}

// What generators of policies are known to get wrong.
func TestSuggestKeepsApart(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		docs       []string
		denied     [][2]string // pairs that must not be open, whatever else
	}{
		{"one name in two namespaces", "a/default-deny b/allow-cache b/allow-web b/default-deny", []string{
			deployment("Deployment", "a", "web", "app: web", ""), deployment("Deployment", "b", "web", "app: web", `{name: C, value: "cache:6379"}`),
			deployment("Deployment", "b", "cache", "app: cache", ""), service("b", "cache", "selector: {app: cache}, ports: [{port: 6379}]"),
		}, [][2]string{{"a/web", "b/cache"}, {"a/web", "b/web"}}},
		{"one name of two kinds", "a/allow-cache a/allow-web a/allow-web-2 a/default-deny", []string{
			deployment("Deployment", "a", "web", "app: web, tier: one", `{name: C, value: "cache:80"}`), deployment("StatefulSet", "a", "web", "app: web, tier: two", `{name: C, value: "cache:81"}`),
			deployment("Deployment", "a", "cache", "app: cache", ""), service("a", "cache", "selector: {app: cache}, ports: [{port: 80}, {port: 81}]"),
		}, nil},
		{"a Service without a selector", "a/default-deny", []string{
			deployment("Deployment", "a", "web", "app: web", `{name: DB, value: "ext:5432"}`), deployment("Deployment", "a", "other", "app: other", ""),
			service("a", "ext", "ports: [{port: 5432}]"),
		}, [][2]string{{"a/web", "a/other"}}},
		{"a Service with an empty selector", "a/default-deny", []string{
			deployment("Deployment", "a", "web", "app: web", `{name: DB, value: "ext:5432"}`), deployment("Deployment", "a", "other", "app: other", ""),
			service("a", "ext", "selector: {}, ports: [{port: 5432}]"),
		}, [][2]string{{"a/web", "a/other"}}},
		{"a name of a host elsewhere", "a/default-deny", []string{
			deployment("Deployment", "a", "web", "app: web", `{name: DB, value: "ext:5432"}`), deployment("Deployment", "a", "other", "app: other", ""),
			service("a", "ext", "type: ExternalName, externalName: db.example.com"),
		}, [][2]string{{"a/web", "a/other"}}},
		{"no labels", "a/default-deny", []string{
			deployment("Deployment", "a", "web", "app: web", `{name: DB, value: "db:5432"}`), deployment("Deployment", "a", "other", "app: other", ""),
			`{apiVersion: v1, kind: Pod, metadata: {name: bare, namespace: a}, spec: {containers: [{name: c, image: i, env: [{name: W, value: "web:80"}]}]}}`,
			service("a", "web", "selector: {app: web}, ports: [{port: 80}]"),
		}, [][2]string{{"a/other", "a/bare"}, {"a/bare", "a/other"}, {"a/other", "a/web"}}},
		{"labels that another workload has too", "a/allow-db a/allow-web a/default-deny", []string{
			deployment("Deployment", "a", "web", "app: shop, part: web", `{name: DB, value: "db:5432"}`), deployment("Deployment", "a", "db", "app: shop, part: db", ""),
			deployment("Deployment", "a", "other", "app: shop, part: other", ""), service("a", "db", "selector: {part: db}, ports: [{port: 5432}]"),
		}, [][2]string{{"a/other", "a/db"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inv := testobj.Inventory(t, tt.docs)
			s, required := suggested(t, inv, LevelWorkload)
			if tt.name == "no labels" {
				if len(s.Lost) != 1 || len(s.Skipped) != 1 || len(required) != 1 {
					t.Errorf("lost %v, skipped %v", s.Lost, s.Skipped)
				}
			} else if len(s.Lost) != 0 {
				t.Errorf("lost %v", s.Lost)
			}
			if len(s.Excess) != 0 || policyNames(s) != tt.want {
				t.Errorf("%s; excess %v", policyNames(s), s.Excess)
			}
			c, err := Of(context.Background(), testobj.Inventory(t, append(slices.Clone(tt.docs), objectsOf(t, s.Policies)...)))
			if err != nil {
				t.Fatal(err)
			}
			for _, pair := range tt.denied {
				from, err := c.Find(pair[0])
				to, err2 := c.Find(pair[1])
				if _, may := c.between(from, to); err != nil || err2 != nil || !may.Minus(PortRange(Other, 0, 0)).Empty() {
					t.Errorf("%s reaches %s on %s", pair[0], pair[1], may)
				}
			}
		})
	}
}

// What is there under a name stays, and what was suggested and applied is not suggested again.
func TestSuggestBesidePolicies(t *testing.T) {
	world := append(slices.Clone(suggestWorld), `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default-deny, namespace: data}, spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}}`)
	for _, l := range []Level{LevelWorkload, LevelNamespace, LevelZone} {
		s, _ := suggested(t, testobj.Inventory(t, world), l)
		if len(s.Lost) != 0 || !strings.Contains(policyNames(s), "data/default-deny-2") || strings.Contains(policyNames(s), "data/default-deny ") {
			t.Errorf("%s: %s, lost %v", l, policyNames(s), s.Lost)
		}
		again, _ := suggested(t, testobj.Inventory(t, append(slices.Clone(world), objectsOf(t, s.Policies)...)), l)
		if len(again.Policies) != 0 || again.Removed != 0 || again.Narrowed != 0 {
			t.Errorf("%s: again %s, %d removed", l, policyNames(again), again.Removed)
		}
	}
}

// Names are resolved where the cluster's DNS is, on the ports of its pods, over UDP and TCP.
func TestSuggestDNS(t *testing.T) {
	web := deployment("Deployment", "a", "web", "app: web", "")
	pod := func(namespace, labels, ports string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: %s, labels: {%s}}, spec: {containers: [{name: c, image: i, ports: [%s]}]}}`, namespace, labels, ports)
	}
	for _, tt := range []struct {
		name, want string
		docs       []string
	}{
		{"nothing known", "kube-system k8s-app=kube-dns UDP/53 TCP/53", nil},
		{"by its pods", "kube-system app.kubernetes.io/name=coredns UDP/53 TCP/53", []string{pod("kube-system", "app.kubernetes.io/name: coredns", "")}},
		{"by its Service", "kube-system k8s-app=coredns UDP/53 TCP/53", []string{service("kube-system", "kube-dns", "selector: {k8s-app: coredns}, ports: [{name: dns, port: 53, protocol: UDP}, {name: metrics, port: 9153}]")}},
		{"another port of the pods", "kube-system k8s-app=kube-dns UDP/1053 TCP/1053", []string{service("kube-system", "kube-dns", "selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP, targetPort: 1053}]")}},
		{"a name", "openshift-dns dns=default UDP/5353 TCP/5353", []string{
			service("openshift-dns", "dns-default", "selector: {dns: default}, ports: [{port: 53, protocol: UDP, targetPort: dns}, {port: 53, protocol: TCP, targetPort: dns-tcp}]"),
			pod("openshift-dns", "dns: default", "{name: dns, containerPort: 5353, protocol: UDP}, {name: dns-tcp, containerPort: 5353}"),
		}},
		{"a name of pods elsewhere", "openshift-dns dns=default UDP/dns TCP/dns-tcp", []string{
			service("openshift-dns", "dns-default", "selector: {dns: default}, ports: [{port: 53, protocol: UDP, targetPort: dns}, {port: 53, protocol: TCP, targetPort: dns-tcp}]"),
		}},
		{"a cache on every node", "kube-system k8s-app=kube-dns UDP/53 TCP/53; 169.254.20.10/32 UDP/53 TCP/53", []string{
			`{apiVersion: v1, kind: Pod, metadata: {name: cache, namespace: kube-system, labels: {k8s-app: node-local-dns}}, spec: {hostNetwork: true, containers: [{name: c, image: i}]}}`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := suggested(t, testobj.Inventory(t, append(slices.Clone(tt.docs), web)), LevelWorkload)
			if policyNames(s) != "a/default-deny" || len(s.Excess) != 0 {
				t.Fatalf("%s, excess %v", policyNames(s), s.Excess)
			}
			var got []string
			for _, r := range s.Policies[0].Spec.Egress {
				to := ""
				if r.To[0].IPBlock != nil {
					to = r.To[0].IPBlock.CIDR
				} else {
					to = r.To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]
					for k, v := range r.To[0].PodSelector.MatchLabels {
						to += " " + k + "=" + v
					}
				}
				for _, p := range r.Ports {
					to += " " + string(*p.Protocol) + "/" + p.Port.String()
				}
				got = append(got, to)
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("got %s", strings.Join(got, "; "))
			}
		})
	}
}

// By zones: within one everything passes, between two what interfaces declare and what workloads refer to.
func TestSuggestZones(t *testing.T) {
	docs := []string{
		level("web", "public"), level("web2", "public"), level("data", "restricted"), level("mixed", "internal"),
		deployment("Deployment", "web", "front", "app: front", ""), deployment("Deployment", "web2", "blog", "app: blog", ""),
		deployment("StatefulSet", "data", "db", "app: db", ""), deployment("StatefulSet", "data", "backup", "app: backup", ""),
		deployment("Deployment", "mixed", "api", "app: api", `{name: DB, value: "db.data:5432"}`), deployment("Deployment", "mixed", "worker", "app: worker", ""),
		deployment("Deployment", "mixed", "vault", "app: vault, sensitivity: restricted", ""),
		service("data", "db", "selector: {app: db}, ports: [{port: 5432}]"),
		`{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}, spec: {containers: [{name: c, image: i}]}}`,
	}
	inv := testobj.Inventory(t, docs, Interfaces.Set(InterfaceList{{Name: "api", From: "public", To: "internal", Destination: inventory.Selector{Names: []string{"api"}},
		Ports: []networkingv1.NetworkPolicyPort{portOf(TCP, Span{8080, 8080})}}}))
	s, required := suggested(t, inv, LevelZone)
	if len(required) != 3 || len(s.Lost)+len(s.Skipped) != 0 || len(s.Excess) != 1 || s.Excess[0].From.Name != "worker" || s.Excess[0].To.Name != "db" {
		t.Errorf("%d required, lost %v, excess %v, skipped %v", len(required), s.Lost, s.Excess, s.Skipped)
	}
	const want = "data/allow-db data/default-deny data/zone-restricted mixed/allow-api mixed/default-deny mixed/zone-internal mixed/zone-restricted web/default-deny web/zone-public web2/default-deny web2/zone-public"
	if policyNames(s) != want {
		t.Errorf("got %s", policyNames(s))
	}
	z, err := ZonesOf(context.Background(), testobj.Inventory(t, append(docs, objectsOf(t, s.Policies)...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ from, to, want string }{
		{"web/front", "web2/blog", "all"}, {"mixed/api", "mixed/worker", "all"}, {"mixed/vault", "data/db", "all"}, {"data/db", "mixed/vault", "all"},
		{"web/front", "mixed/api", "TCP 8080"}, {"web2/blog", "mixed/api", "TCP 8080"}, {"mixed/api", "data/db", "TCP 5432"},
		{"mixed/worker", "data/db", "TCP 5432"}, // of the zone of one that refers to it
		{"web/front", "mixed/worker", "none"}, {"mixed/api", "mixed/vault", "none"}, {"mixed/vault", "mixed/api", "none"}, {"mixed/api", "data/backup", "none"}, {"web/front", "data/db", "none"},
	} {
		from, err := z.Find(tt.from)
		to, err2 := z.Find(tt.to)
		must, may := z.between(from, to)
		if err != nil || err2 != nil || must.String() != tt.want || may.Minus(PortRange(Other, 0, 0)).String() != tt.want && tt.want != "all" {
			t.Errorf("%s to %s: %s, perhaps %s, want %s", tt.from, tt.to, must, may, tt.want)
		}
	}
}

// In worlds without policies, of which every workload has a label of its own, nothing is lost at any level; by zones whatever
// crosses comes from a zone of which something is required to.
func TestSuggestZonesAgainstRandom(t *testing.T) {
	names := []string{"public", "internal", "restricted"}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 190))
		var docs []string
		for i := range 3 {
			docs = append(docs, level(fmt.Sprintf("n%d", i), names[r.IntN(2)]))
		}
		for i := range 7 {
			labels := fmt.Sprintf("app: d%d", i)
			if r.IntN(3) == 0 {
				labels += ", sensitivity: " + names[2]
			}
			docs = append(docs, deployment("Deployment", fmt.Sprintf("n%d", r.IntN(3)), fmt.Sprintf("d%d", i), labels, ""))
		}
		inv := testobj.Inventory(t, docs)
		z, err := ZonesOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		var required []Requirement
		for range r.IntN(8) {
			from, to := z.Pods()[r.IntN(7)], z.Pods()[r.IntN(7)]
			if port := uint16(80 + r.IntN(3)); from != to {
				required = append(required, Requirement{From: End{Pod: from}, To: End{Pod: to}, Ports: PortRange(TCP, port, port)})
			}
		}
		for _, l := range []Level{LevelWorkload, LevelNamespace, LevelZone} {
			s, err := Suggest(context.Background(), inv, required, l)
			if err != nil || len(s.Lost)+len(s.Skipped) != 0 {
				t.Fatalf("seed %d, %s: lost %v, skipped %v, %v", seed, l, s.Lost, s.Skipped, err)
			}
			if l != LevelZone {
				continue
			}
			for _, e := range s.Excess {
				if !slices.ContainsFunc(required, func(q Requirement) bool {
					return z.ZoneName(z.Zone(q.From.Pod)) == e.From.Zone && q.To.Pod.Workload.Ref().Name == e.To.Name && q.To.Pod.Namespace == e.To.Namespace
				}) {
					t.Errorf("seed %d: %s reaches %s on %s", seed, e.From.Key(), e.To.Key(), e.May)
				}
			}
		}
	}
}

// What the API server calls stays reachable.
func TestAPIServerRequirements(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		deployment("Deployment", "a", "hook", "app: hook", ""), deployment("Deployment", "a", "other", "app: other", ""),
		service("a", "hook", "selector: {app: hook}, ports: [{port: 443, targetPort: 9443}, {port: 8443, targetPort: 8443}, {port: 7443}, {port: 6443}]"),
		`{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: v}, webhooks: [{name: a.b.c, clientConfig: {service: {namespace: a, name: hook}}}, {name: d.b.c, clientConfig: {url: "https://x"}}]}`,
		`{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: m}, webhooks: [{name: a.b.c, clientConfig: {service: {namespace: a, name: hook, port: 8443}}}, {name: g.b.c, clientConfig: {service: {namespace: a, name: gone}}}]}`,
		`{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.x}, spec: {service: {namespace: a, name: hook, port: 7443}}}`,
		`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x.y}, spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {namespace: a, name: hook, port: 6443}}}}}}`,
		`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: z.y}, spec: {}}`,
	})
	z, err := ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	required := z.APIServerRequirements(inv)
	var ports Ports
	for _, r := range required {
		ports = ports.Union(r.Ports)
	}
	if len(required) != 4 || ports.String() != "TCP 6443,7443,8443,9443" {
		t.Errorf("%d, %s", len(required), ports)
	}
	for _, l := range []Level{LevelWorkload, LevelNamespace, LevelZone} {
		s, err := Suggest(context.Background(), inv, required, l)
		if err != nil || len(s.Lost) != 0 || l == LevelWorkload && len(s.Excess) != 0 {
			t.Errorf("%s: %+v, %v", l, s, err)
		}
	}
}

// Beside policies that are there nothing required is lost either, and what is open beyond it was open before.
func TestSuggestBesideRandomPolicies(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 53))
		var docs []string
		for i := range 6 {
			docs = append(docs, deployment("Deployment", fmt.Sprintf("n%d", r.IntN(3)), fmt.Sprintf("d%d", i), fmt.Sprintf("app: d%d, team: t%d", i, r.IntN(2)), ""))
		}
		peers := []string{"{podSelector: {}}", "{namespaceSelector: {}}", "{podSelector: {matchLabels: {team: t0}}}", "{ipBlock: {cidr: 192.0.2.0/24}}", "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: n1}}}"}
		for i := range r.IntN(6) {
			docs = append(docs, fmt.Sprintf(`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p%d, namespace: n%d}, spec: {podSelector: {matchLabels: {team: t%d}}, policyTypes: [Ingress, Egress], ingress: [{from: [%s], ports: [{port: %d}]}], egress: [{to: [%s]}]}}`,
				i, r.IntN(3), r.IntN(2), peers[r.IntN(len(peers))], 80+r.IntN(3), peers[r.IntN(len(peers))]))
		}
		inv := testobj.Inventory(t, docs)
		z, err := ZonesOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		before := map[[2]string]Ports{}
		for e := range z.Edges(LevelWorkload) {
			before[[2]string{e.From.Key(), e.To.Key()}] = e.May
		}
		var required []Requirement
		for range r.IntN(6) {
			from, to := z.Pods()[r.IntN(6)], z.Pods()[r.IntN(6)]
			if port := uint16(80 + r.IntN(3)); from != to {
				required = append(required, Requirement{From: End{Pod: from}, To: End{Pod: to}, Ports: PortRange(TCP, port, port)})
			}
		}
		for _, l := range []Level{LevelWorkload, LevelNamespace, LevelZone} {
			s, err := Suggest(context.Background(), inv, required, l)
			if err != nil || len(s.Lost) != 0 {
				t.Fatalf("seed %d, %s: lost %v, %v", seed, l, s.Lost, err)
			}
			if l != LevelWorkload {
				continue
			}
			for _, e := range s.Excess {
				if e.From.Addresses == nil && e.To.Addresses == nil && !e.May.Within(before[[2]string{e.From.Key(), e.To.Key()}]) {
					t.Errorf("seed %d: %s reaches %s on %s, which is new", seed, e.From.Key(), e.To.Key(), e.May)
				}
			}
		}
	}
}

func TestObjectName(t *testing.T) {
	long := strings.Repeat("x", 300)
	for in, want := range map[string]string{"allow-web": "allow-web", "zone-Top Secret": "zone-top-secret", "allow-a.b": "allow-a.b", "zone-": "zone"} {
		if got := objectName(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if a, b := objectName(long+"a"), objectName(long+"b"); a == b || len(a) > maxName {
		t.Errorf("%q and %q", a, b)
	}
}
