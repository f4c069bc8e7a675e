package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

func out(spec string) string {
	return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: shop, name: out}, spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [` + spec + `]}}`
}

func externalName(host, more string) string {
	return `{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: pay}, spec: {type: ExternalName, externalName: "` + host + `"` + more + `}}`
}

func serviceEntry(spec string) string {
	return `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {namespace: shop, name: entry}, spec: {` + spec + `}}`
}

func knativeService(labels string) string {
	return `{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {namespace: shop, name: hello, labels: {` + labels + `}}, spec: {template: {spec: {containers: [{image: i}]}}}}`
}

// A name stands for addresses that are not known: what holds for all of them is certain.
func TestNamedEnds(t *testing.T) {
	fqdn := func(names string) []string {
		return []string{cnp("shop", "p", `endpointSelector: {matchLabels: {app: web}}, egress: [{toFQDNs: [`+names+`], toPorts: [{ports: [{port: "443", protocol: TCP}]}]}]`)}
	}
	domains := func(names string) string {
		return `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Accept, to: [{domainNames: [` + names + `]}]}` + denyRest + `]}}`
	}
	const unresolved = "what domain names resolve to"
	runEngine(t, []engineCase{
		{name: "no policy", wants: []string{"shop/web > api.example.com 443 allowed", "api.example.com > shop/web 443 allowed"}},
		{name: "nothing is let out", docs: []string{out("")}, wants: []string{"shop/web > api.example.com 443 denied", "shop/api > api.example.com 443 allowed"}},
		{name: "every IPv4 address", docs: []string{out(`{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}`)}, wants: []string{"shop/web > api.example.com 443 allowed"}},
		{name: "on a port", docs: []string{out(`{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}`)}, wants: []string{"shop/web > api.example.com 443 allowed", "shop/web > api.example.com 80 denied"}},
		{name: "but some", docs: []string{out(`{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}`)}, wants: []string{"shop/web > api.example.com 443 unknown"}},
		{name: "some", docs: []string{out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}], ports: [{port: 443}]}`)}, wants: []string{"shop/web > api.example.com 443 unknown", "shop/web > api.example.com 80 denied"}},
		{name: "two halves", docs: []string{out(`{to: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}]}`)}, wants: []string{"shop/web > api.example.com 443 allowed"}},
		{name: "only IPv6", docs: []string{out(`{to: [{ipBlock: {cidr: "::/0"}}]}`)}, wants: []string{"shop/web > api.example.com 443 unknown"}},
		{name: "pods, to which a name can lead back", docs: []string{out(`{to: [{namespaceSelector: {}}], ports: [{port: 8080}]}`)}, wants: []string{"shop/web > api.example.com 8080 unknown", "shop/web > api.example.com 443 denied"}},
		{name: "a name as the source", docs: []string{denyAllData}, wants: []string{"api.example.com > data/db 80 denied", "api.example.com > shop/web 80 allowed"}},
		{name: "Cilium, by name", docs: fqdn(`{matchName: api.example.com}`), notes: unresolved, wants: []string{
			"shop/web > api.example.com 443 allowed", "shop/web > API.Example.COM. 443 allowed", "shop/web > api.example.com 80 denied", "shop/web > other.example.com 443 unknown", "shop/web > 8.8.8.8 443 unknown",
		}},
		{name: "by pattern", docs: fqdn(`{matchPattern: "*.example.com"}, {matchPattern: "cdn-*.example.org"}`), notes: unresolved, wants: []string{
			"shop/web > api.example.com 443 allowed", "shop/web > a.b.example.com 443 unknown", "shop/web > example.com 443 unknown", "shop/web > cdn-7.example.org 443 allowed", "shop/web > cdn.example.org 443 unknown",
		}},
		{name: "any depth", docs: fqdn(`{matchPattern: "**.example.com"}`), notes: unresolved, wants: []string{"shop/web > a.b.example.com 443 allowed", "shop/web > example.com 443 unknown"}},
		{name: "every name", docs: fqdn(`{matchPattern: "*"}`), notes: unresolved, wants: []string{"shop/web > a.b.example.com 443 allowed"}},
		{name: "a denial comes first", docs: append(fqdn(`{matchName: api.example.com}`), ccnp("d", `endpointSelector: {}, egressDeny: [{toEntities: [all]}]`)), notes: unresolved, wants: []string{"shop/web > api.example.com 443 denied"}},
		{name: "and of some addresses", docs: append(fqdn(`{matchName: api.example.com}`), ccnp("d", `endpointSelector: {}, egressDeny: [{toCIDR: [198.51.100.0/24]}]`)), notes: unresolved, wants: []string{"shop/web > api.example.com 443 unknown"}},
		{name: "ClusterNetworkPolicy", docs: []string{domains(`api.example.com, "*.example.org"`)}, notes: unresolved, wants: []string{
			"shop/web > api.example.com 443 allowed", "shop/web > a.b.example.org 443 allowed", "shop/web > example.org 443 unknown", "shop/web > shop/api 443 unknown",
		}},
		{name: "Calico", docs: calicoDB(`types: [Egress], egress: [{action: Allow, destination: {domains: ["*.example.com"]}}]`), notes: unresolved, wants: []string{
			"data/db > api.example.com 443 allowed", "data/db > a.b.example.com 443 unknown", "data/db > shop/web 443 denied",
		}},
		{name: "a set of Calico's", docs: append(calicoDB(`types: [Egress], egress: [{action: Allow, destination: {selector: "kind == 'partners'"}}]`), `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: s, labels: {kind: partners}}, spec: {allowedEgressDomains: [api.example.com]}}`, `{apiVersion: projectcalico.org/v3, kind: NetworkSet, metadata: {namespace: data, name: s, labels: {kind: partners}}, spec: {allowedEgressDomains: [db.example.com]}}`), notes: unresolved, wants: []string{
			"data/db > db.example.com 443 allowed", "data/db > example.com 443 unknown",
		}},
		{name: "an alias", docs: []string{externalName("pay.example.net", ""), out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}`)}, wants: []string{"shop/web > shop/pay 443 unknown", "shop/web > pay.example.net 443 unknown", "shop/api > shop/pay 443 allowed"}},
		{name: "an alias of a Service", docs: []string{externalName("db.data.svc.cluster.local", ""), denyAllData}, wants: []string{"shop/web > shop/pay 443 unknown", "shop/web > db.data.svc 443 unknown"}},
		{name: "fixed addresses", docs: []string{serviceEntry(`hosts: [db.example.org], resolution: STATIC, endpoints: [{address: 198.51.100.7}, {address: 198.51.100.8}]`), out(`{to: [{ipBlock: {cidr: 198.51.100.7/32}}], ports: [{port: 443}]}, {to: [{ipBlock: {cidr: 198.51.100.0/28}}], ports: [{port: 444}]}, {to: [{podSelector: {}}]}`)}, wants: []string{
			"shop/web > db.example.org 443 unknown", "shop/web > db.example.org 444 allowed", "shop/web > db.example.org 445 denied", "shop/web > shop/entry 444 allowed",
		}},
		{name: "an address of the own network", docs: []string{serviceEntry(`hosts: [db.example.org], resolution: STATIC, endpoints: [{address: 10.200.0.7}]`), `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: data, name: d}, spec: {selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: i}]}}}}`, out(`{to: [{ipBlock: {cidr: 10.200.0.7/32}}], ports: [{port: 443}]}`)}, wants: []string{
			"shop/web > db.example.org 443 allowed", "shop/web > db.example.org 444 denied",
		}},
		{name: "addresses of a network", docs: []string{serviceEntry(`hosts: [db.example.org], addresses: [198.51.100.0/30]`), out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}`)}, wants: []string{"shop/web > db.example.org 443 allowed"}},
		{name: "that do not count where names are resolved", docs: []string{serviceEntry(`hosts: [db.example.org], addresses: [198.51.100.0/30], resolution: DNS`), out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}`)}, wants: []string{"shop/web > db.example.org 443 unknown"}},
		{name: "endpoints by name", docs: []string{serviceEntry(`hosts: [db.example.org], resolution: DNS, endpoints: [{address: a.example.org}]`), out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}`)}, wants: []string{"shop/web > db.example.org 443 unknown"}},
		{name: "the address of a pod", docs: []string{serviceEntry(`hosts: [db.example.org], resolution: STATIC, endpoints: [{address: 10.0.1.1}]`), out(`{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}`)}, wants: []string{"shop/web > db.example.org 443 unknown"}},
		{name: "Knative", docs: []string{knativeService(""), out(`{to: [{namespaceSelector: {}}], ports: [{port: 8012}]}`)}, wants: []string{"shop/web > shop/hello 80 unknown", "shop/api > shop/hello 80 allowed"}},
		{name: "of which the pods are isolated", docs: []string{knativeService(""), `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: shop, name: p}, spec: {podSelector: {matchLabels: {x: one}}}}`}, wants: []string{"shop/web > shop/hello 80 unknown"}},
		{name: "from where nothing is let out", docs: []string{knativeService(""), out("")}, wants: []string{"shop/web > shop/hello 80 denied"}},
	})
}

func TestWhatIsAHost(t *testing.T) {
	c, err := Of(context.Background(), testobj.Inventory(t, engineWorld))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"api.example.com", "*.example.com", "_sip.example.com", "xn--bcher-kva.example"} {
		if e, err := c.Find(text); err != nil || e.Named == nil {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
	for _, text := range []string{"web", "", ".", "a..b", "a.b c", "http://a.b", strings.Repeat("a.", 200) + "b", "shop/gone", strings.Repeat("a", 64) + ".b"} {
		if e, err := c.Find(text); err == nil {
			t.Errorf("%q: %+v", text, e)
		}
	}
	a, _ := c.Find("api.example.com")
	b, _ := c.Find("db.example.com")
	if v, err := c.Evaluate(Flow{a, b, TCP, 80}); err != nil || v.Answer != Allowed {
		t.Errorf("neither is governed: %v, %v", v, err)
	}
}

// Edges at every level lead to named ends, on the ports that they are said to have; from outside Knative can be reached.
func TestNamedEdges(t *testing.T) {
	docs := append(slices.Clone(engineWorld), externalName("pay.example.net", ", ports: [{port: 443}]"), serviceEntry(`hosts: [db.example.org, "*.example.org"], ports: [{number: 5432, protocol: TCP}, {number: 80, targetPort: 8080, protocol: HTTP}]`), knativeService(""),
		out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}], ports: [{port: 5432}]}`))
	z, err := ZonesOf(context.Background(), testobj.Inventory(t, docs))
	if err != nil {
		t.Fatal(err)
	}
	lines := func(level Level, from string) []string {
		var got []string
		for e := range z.Edges(level) {
			if e.To.Named != nil && (from == "" || e.From.Name == from) {
				got = append(got, fmt.Sprintf("%s => %s : %s, %s", e.From.Name, e.To.Key(), e.Must, e.May))
			}
		}
		return got
	}
	want := []string{
		"web => *.example.org[Name] : none, TCP 5432",
		"web => db.example.org[Name] : none, TCP 5432",
		"web => shop/hello[Knative] : none, TCP 80,443",
	}
	if got := lines(LevelWorkload, "web"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, level := range []Level{LevelPod, LevelWorkload, LevelNamespace, LevelNode, LevelZone} {
		got := lines(level, "")
		for _, n := range z.Names() {
			if !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, n.String()) }) {
				t.Errorf("%s: nothing leads to %s", level, n)
			}
		}
		if !slices.Contains(got, "everywhere => shop/hello[Knative] : none, TCP 80,443") {
			t.Errorf("%s: %q", level, got)
		}
	}
	if got := lines(LevelNamespace, "shop"); !slices.Contains(got, "shop => pay.example.net[Name] : TCP 443, TCP 443") {
		t.Errorf("%q", got)
	}
}

// Many names that policies alone speak of are one end for those that do not admit them.
func TestManyNames(t *testing.T) {
	docs := slices.Clone(engineWorld)
	for i := range maxPolicyNames + 5 {
		docs = append(docs, cnp("shop", fmt.Sprintf("p%d", i), fmt.Sprintf(`endpointSelector: {matchLabels: {app: %s}}, egress: [{toFQDNs: [{matchName: h%d.example.com}], toPorts: [{ports: [{port: "443", protocol: TCP}]}]}]`, []string{"web", "api"}[i%2], i)))
	}
	docs = append(docs, externalName("pay.example.net", ""))
	z, err := ZonesOf(context.Background(), testobj.Inventory(t, docs))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for e := range z.Edges(LevelWorkload) {
		if e.To.Named != nil {
			count[e.From.Name]++
			if e.To.Name == "other names" {
				count[e.From.Name+" others "+e.Must.String()]++
			}
		}
	}
	// Eight names of its own, the alias and the rest.
	for text, want := range map[string]int{"web": 10, "api": 9, "web others none": 1, "db others all": 1, "db": 2} {
		if count[text] != want {
			t.Errorf("%s: %d edges, want %d: %v", text, count[text], want, count)
		}
	}
	if len(z.Names()) != maxPolicyNames+6 || len(z.NamedPlaces()) != 1 {
		t.Errorf("%d names, %d places", len(z.Names()), len(z.NamedPlaces()))
	}
}

// Whatever a name resolves to, what is certain of it holds there, and so does what is excluded.
func TestNameBoundsHold(t *testing.T) {
	asked, unknown := 0, 0
	for seed := range uint64(*worlds) / 4 {
		w := newTwinWorld(rand.New(rand.NewPCG(seed, 436)))
		docs := w.docs(t)
		c, err := Of(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		name, err := c.Find("api.example.com")
		if err != nil {
			t.Fatal(err)
		}
		addrs := []string{"8.8.8.8", "169.254.169.254", "10.9.9.9", "192.168.242.1", "2001:db8::1", "fd00::ffff"}
		for _, from := range c.Pods() {
			must, may := c.between(End{Pod: from}, name)
			if !must.Within(may) {
				t.Fatalf("seed %d: %s is certain and %s possible", seed, must, may)
			}
			if asked++; !must.Equal(may) {
				unknown++
			}
			check := func(to End, four bool) {
				i, err := c.m.number(to)
				if err != nil {
					t.Fatal(err)
				}
				// What a pod that it leads to lets in is another matter.
				v := c.m.in[Egress][from.class].cellOf(i)
				is, can := c.m.ports.sets[v.must], c.m.ports.sets[v.may]
				if four && !must.Within(is) || !can.Within(may) {
					t.Fatalf("seed %d: %s to a name: %s to %s, and to %v it is %s to %s\n%v", seed, from.Ref(), must, may, to, is, can, docs)
				}
			}
			for _, a := range addrs {
				addr := netip.MustParseAddr(a)
				check(End{Addr: addr}, addr.Is4())
			}
			for _, p := range c.Pods() {
				if p != from {
					check(End{Pod: p}, p.Addrs[0].Is4())
				}
			}
		}
	}
	t.Logf("%d questions, %d unknown", asked, unknown)
	if unknown == 0 || unknown == asked {
		t.Errorf("%d of %d unknown", unknown, asked)
	}
}

// The order of documents means nothing to names.
func TestNamesInAnyOrder(t *testing.T) {
	docs := append(slices.Clone(engineWorld), externalName("db.example.org", ""), serviceEntry(`hosts: [db.example.org], resolution: STATIC, endpoints: [{address: 198.51.100.7}], ports: [{number: 443, protocol: TLS}]`),
		`{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {namespace: data, name: other}, spec: {hosts: [db.example.org], resolution: STATIC, endpoints: [{address: 203.0.113.7}], ports: [{number: 444, protocol: TLS}]}}`,
		out(`{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}`), cnp("shop", "p", `endpointSelector: {matchLabels: {app: api}}, egress: [{toFQDNs: [{matchName: db.example.org}]}]`))
	answers := func() string {
		z, err := ZonesOf(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for e := range z.Edges(LevelWorkload) {
			out = append(out, fmt.Sprint(e.From.Key(), e.To.Key(), e.Must, e.May))
		}
		for _, n := range z.Names() {
			out = append(out, fmt.Sprint(n, n.Ports, n.Objects[0].Ref()))
		}
		return strings.Join(out, "\n")
	}
	before := answers()
	r := rand.New(rand.NewPCG(1, 437))
	for range 20 {
		r.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if after := answers(); after != before {
			t.Fatalf("%s\n\n%s", before, after)
		}
	}
}

// Names cannot be written into policies, and are no addresses.
func TestSuggestNames(t *testing.T) {
	inv := testobj.Inventory(t, engineWorld)
	z, err := ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	required := z.Attribution(inv).RequiredBy([]Observation{{From: "shop/web", To: "api.example.com", Protocol: TCP, Port: 443}, {From: "api.example.com", To: "shop/web", Protocol: TCP, Port: 80}})
	s, err := Suggest(context.Background(), inv, required, LevelWorkload)
	if err != nil || len(required) != 2 {
		t.Fatal(err, required)
	}
	if !slices.Equal(s.Skipped, []string{"api.example.com[Name] is a name: policies cannot name it"}) || len(s.Lost) != 2 {
		t.Errorf("%v, lost %v", s.Skipped, s.Lost)
	}
}

// Policies see the pods behind a Service, and their ports.
func TestServicesAsEnds(t *testing.T) {
	service := func(name, spec string) string {
		return `{apiVersion: v1, kind: Service, metadata: {namespace: data, name: ` + name + `}, spec: {` + spec + `}}`
	}
	in := func(spec string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: data, name: in}, spec: {podSelector: {matchLabels: {app: db}}, ingress: [` + spec + `]}}`
	}
	one := service("one", `clusterIP: 10.96.0.7, selector: {app: db}, ports: [{name: web, port: 80, targetPort: http}, {name: dns, port: 53, protocol: UDP}]`)
	other := strings.Replace(enginePod("data", "db2", "10.0.1.9", "{app: db, more: of}", ""), "8080", "8081", 1)
	runEngine(t, []engineCase{
		{name: "the pod's port counts", docs: []string{one, in(`{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}`)}, wants: []string{
			"shop/web > 10.96.0.7 80 allowed", "shop/web > data/one 80 allowed", "shop/web > one.data.svc 80 allowed", "shop/web > one.data.svc.cluster.local 80 allowed", "shop/web > data/one UDP:53 denied",
		}},
		{name: "and not the Service's", docs: []string{one, in(`{from: [{namespaceSelector: {}}], ports: [{port: 80}]}`)}, wants: []string{"shop/web > data/one 80 denied"}},
		{name: "pods that differ", docs: []string{one, other, in(`{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}`)}, wants: []string{"shop/web > data/one 80 unknown"}},
		{name: "an alias of a Service", docs: []string{one, externalName("one.data.svc.cluster.local", ""), in(`{from: [{podSelector: {}}]}`)}, wants: []string{"shop/web > shop/pay 80 denied", "data/job > shop/pay 80 allowed"}},
		{name: "no selector leads anywhere", docs: []string{service("two", `clusterIP: 10.96.0.8, ports: [{port: 80}]`), out(`{to: [{ipBlock: {cidr: 10.96.0.0/16}}]}`)}, wants: []string{"shop/web > 10.96.0.8 80 unknown", "shop/web > data/two 80 unknown"}},
		{name: "addresses of the Service mean nothing", docs: []string{one, out(`{to: [{ipBlock: {cidr: 10.96.0.0/16}}]}`)}, wants: []string{"shop/web > 10.96.0.7 80 denied"}},
	})
	c, err := Of(context.Background(), testobj.Inventory(t, append([]string{one, service("two", `clusterIP: 10.96.0.8, ports: [{port: 80}]`), service("three", `clusterIP: None, selector: {app: gone}, ports: [{port: 80}]`)}, engineWorld...)))
	if err != nil {
		t.Fatal(err)
	}
	from, _ := c.Find("shop/web")
	for text, want := range map[string]Reachable{"data/one": Undecided, "data/three": Undecided, "10.96.0.8": Allowed, "data/two": Allowed} {
		to, err := c.Find(text)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := c.Evaluate(Flow{from, to, TCP, 81}); err != nil || v.Answer != want || v.Reason == "" {
			t.Errorf("%s: %s (%s), %v", text, v.Answer, v.Reason, err)
		}
	}
}

// Pods that no policy tells apart can have addresses of different families: a name may be any of theirs.
func TestNamesAndFamilies(t *testing.T) {
	docs := []string{
		`{apiVersion: v1, kind: Pod, metadata: {namespace: a, name: web}, spec: {containers: [{name: c, image: i}]}, status: {podIP: 10.0.0.1}}`,
		`{apiVersion: v1, kind: Pod, metadata: {namespace: b, name: six}, spec: {containers: [{name: c, image: i}]}, status: {podIP: "fd00::1"}}`,
		`{apiVersion: v1, kind: Pod, metadata: {namespace: b, name: four}, spec: {containers: [{name: c, image: i}]}, status: {podIP: 10.0.0.2}}`,
		`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p}, spec: {tier: Baseline, priority: 0, subject: {namespaces: {}}, egress: [{action: Deny, to: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: b}}}]}]}}`,
	}
	c, err := Of(context.Background(), testobj.Inventory(t, docs))
	if err != nil {
		t.Fatal(err)
	}
	name, err := c.Find("api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	web, _ := c.Find("a/web")
	if must, may := c.between(web, name); !must.Empty() || !may.All() {
		t.Errorf("%s to %s", must, may)
	}
}
