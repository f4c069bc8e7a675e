package netmap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/network"
)

var levels = []network.Level{network.LevelPod, network.LevelWorkload, network.LevelNamespace, network.LevelNode, network.LevelZone}

// randomWorld is manifests of a small cluster: levels, nodes, pods on the host's network, policies with blocks and ranges.
func randomWorld(r *rand.Rand) []byte {
	var b strings.Builder
	doc := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n---\n", args...) }
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	for i := range 3 {
		doc(`{apiVersion: v1, kind: Namespace, metadata: {name: n%d, labels: {sensitivity: %s}}}`, i, pick("public", "internal", "restricted"))
	}
	for i := range 2 + r.IntN(5) {
		spec := fmt.Sprintf(`hostNetwork: %t, containers: [{name: c, image: i, ports: [{name: web, containerPort: %s}]}]`, r.IntN(6) == 0, pick("80", "8080"))
		if r.IntN(2) == 0 {
			doc(`{apiVersion: v1, kind: Pod, metadata: {name: p%d, namespace: n%d, labels: {app: %s}}, spec: {nodeName: "%s", %s}, status: {podIP: 10.0.%d.%d}}`, i, r.IntN(3), pick("a", "b"), pick("", "one", "two"), spec, r.IntN(2), i)
		} else {
			doc(`{apiVersion: apps/v1, kind: %s, metadata: {name: d%d, namespace: n%d}, spec: {replicas: %d, template: {metadata: {labels: {app: %s}}, spec: {%s}}}}`, pick("Deployment", "StatefulSet"), i, r.IntN(3), 1+r.IntN(2), pick("a", "b"), spec)
		}
	}
	peer := func() string {
		return pick(`{podSelector: {matchLabels: {app: a}}}`, `{namespaceSelector: {}}`, `{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: n1}}}`, `{podSelector: {matchLabels: {pod-template-hash: x}}}`,
			`{ipBlock: {cidr: 10.0.0.0/24}}`, `{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}}`, `{ipBlock: {cidr: "2001:db8::/33"}}`, `{ipBlock: {cidr: 192.0.2.7/32}}`)
	}
	port := func() string {
		return pick(`{port: 80}`, `{port: web}`, `{port: 8000, endPort: 8100}`, `{protocol: UDP, port: 53}`, `{protocol: SCTP}`, `{protocol: TCP}`)
	}
	for i := range r.IntN(5) {
		doc(`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: i%d, namespace: n%d}, spec: {podSelector: %s, policyTypes: [Ingress], ingress: [{from: [%s, %s], ports: [%s, %s]}]}}`, i, r.IntN(3), pick("{}", "{matchLabels: {app: a}}"), peer(), peer(), port(), port())
		doc(`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: e%d, namespace: n%d}, spec: {podSelector: %s, policyTypes: [Egress], egress: [{to: [%s], ports: [%s]}, {to: [%s]}]}}`, i, r.IntN(3), pick("{}", "{matchLabels: {app: b}}"), peer(), port(), peer())
	}
	if r.IntN(2) == 0 {
		doc(`{apiVersion: v1, kind: Service, metadata: {name: far, namespace: n0}, spec: {type: ExternalName, externalName: db.example.org, ports: [{port: 5432}]}}`)
		doc(`{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: hello, namespace: n1}, spec: {template: {spec: {containers: [{image: i}]}}}}`)
	}
	return []byte(b.String())
}

// same compares what text tells of two edges: other protocols than TCP, UDP and SCTP are not always named.
func same(a, b *Edge) string {
	plainly := func(p network.Ports) network.Ports { return p.Minus(network.PortRange(network.Other, 0, 0)) }
	switch {
	case a.From.Key() != b.From.Key() || a.To.Key() != b.To.Key():
		return "the ends"
	case a.From.Kind != b.From.Kind || a.From.Namespace != b.From.Namespace || a.From.Name != b.From.Name || a.To.Kind != b.To.Kind || a.To.Namespace != b.To.Namespace || a.To.Name != b.To.Name:
		return "the names of the ends"
	case (a.From.Addresses == nil) != (b.From.Addresses == nil) || (a.To.Addresses == nil) != (b.To.Addresses == nil):
		return "addresses"
	case a.From.Addresses != nil && !slices.Equal(a.From.Addresses.Prefixes(), b.From.Addresses.Prefixes()) || a.To.Addresses != nil && !slices.Equal(a.To.Addresses.Prefixes(), b.To.Addresses.Prefixes()):
		return "which addresses"
	case !plainly(a.Must).Equal(plainly(b.Must)) || !plainly(a.May).Equal(plainly(b.May)):
		return "the ports"
	case a.Seen != b.Seen || !a.Refused.Equal(b.Refused) || !a.Observed.Equal(b.Observed):
		return "what was seen"
	}
	return ""
}

// speakers are the objects that speak of what is known by its name: which they are is told and not read back.
var speakers = regexp.MustCompile(`,\s*"objects": \[[^\]]*\]`)

// parse(print(x)) = x, for maps of random worlds at every level, with what was seen and without.
func TestParse(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 44))
		a := attributionOf(t, randomWorld(r))
		var seen []network.Observation
		ends := []string{"192.0.2.7", "198.51.100.1", "2001:db8::7"}
		for _, p := range a.Zones().Pods() {
			ends = append(ends, p.Namespace+"/"+p.Object.Name())
		}
		for range r.IntN(12) {
			seen = append(seen, network.Observation{From: ends[r.IntN(len(ends))], To: ends[r.IntN(len(ends))], Protocol: network.Protocol(r.IntN(2)), Port: []uint16{53, 80, 8050, 9}[r.IntN(4)]})
		}
		for _, level := range levels {
			m := New(a.Zones(), level)
			if seed%2 == 1 {
				if err := m.Mark(a, seen); err != nil {
					t.Fatal(err)
				}
			}
			var text, again, doc, doc2 bytes.Buffer
			if err := m.Text(&text); err != nil {
				t.Fatal(err)
			}
			got, err := Parse(bytes.NewReader(text.Bytes()), level)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, level, err)
			}
			want := m.relevant()
			if len(got.Edges) != len(want) {
				t.Fatalf("seed %d, %s: %d edges of %d", seed, level, len(got.Edges), len(want))
			}
			for i := range want {
				if what := same(want[i], &got.Edges[i]); what != "" {
					t.Errorf("seed %d, %s: %s of %s => %s differ", seed, level, what, want[i].From.Key(), want[i].To.Key())
				}
			}
			if err := got.Text(&again); err != nil || again.String() != text.String() {
				t.Errorf("seed %d, %s: written again it differs:\n%s\n%s", seed, level, text.String(), again.String())
			}
			if d := Diff(m, got); len(d) != 0 {
				t.Errorf("seed %d, %s: differences: %v", seed, level, d)
			}
			if err := m.JSON(&doc); err != nil {
				t.Fatal(err)
			}
			read, err := ParseJSON(bytes.NewReader(doc.Bytes()))
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, level, err)
			}
			if err := read.JSON(&doc2); err != nil || doc2.String() != speakers.ReplaceAllString(doc.String(), "") || !slices.Equal(read.Zones, m.Zones) || !slices.Equal(read.Places, m.Places) {
				t.Errorf("seed %d, %s: JSON written again differs:\n%s\n%s", seed, level, doc.String(), doc2.String())
			}
		}
	}
}

// Whatever a name holds, it is read as the same.
func TestParseNames(t *testing.T) {
	for _, name := range []string{"plain", "a => b[Pod] : TCP 1", `"quoted"`, "x\ny", "a : b", "\u202eevil", "a]b", "[", "", "(not scheduled)", "zeile\\n", "\x00"} {
		m := &Map{Level: network.LevelWorkload, Edges: []Edge{{Edge: network.Edge{
			From: &network.Place{Kind: "Pod", Namespace: "ns", Name: name}, To: &network.Place{Kind: "Deployment", Namespace: "ns", Name: "web"},
			Must: network.PortRange(network.TCP, 80, 80), May: network.PortRange(network.TCP, 80, 80),
		}}}}
		var b bytes.Buffer
		if err := m.Text(&b); err != nil {
			t.Fatal(err)
		}
		got, err := Parse(&b, network.LevelWorkload)
		if err != nil || len(got.Edges) != 1 || got.Edges[0].From.Key() != m.Edges[0].From.Key() {
			t.Errorf("%q: %v, %v", name, got.Edges, err)
		}
	}
}

func TestParseMistakes(t *testing.T) {
	const good = "a/b[Pod] => c/d[Pod] : TCP 80\n"
	for _, bad := range []string{
		"nonsense", "a/b[Pod] => c/d[Pod]", "a/b => c/d[Pod] : TCP 80", "a/b[Pod] => c/d[] : TCP 80", "a/b[Pod] => c/d[Pod] : HTTP", "a/b[Pod] => c/d[Pod] : ", "a/b[Pod] => c/d[Pod] : none",
		"a/b[Pod] => c/d[Pod] : TCP 80 (seen)", "a/b[Pod] => c/d[Pod] : TCP 80 (observed", "a/b[Pod] => c/d[Pod] : TCP 80 (not observed on TCP 80)", `"a/b[Pod] => c/d[Pod] : TCP 80`,
		"a/b[Pod] => c/d[Pod] : TCP 80 unknown: TCP 81", "public[Zone] => c/d[Pod] : TCP 80", "a/b[Pod] => c/d[Pod] : TCP 80, unknown: nothing",
	} {
		m, err := Parse(strings.NewReader(good+bad+"\n"+good), network.LevelPod)
		if err == nil || !strings.Contains(err.Error(), "line 2") || len(m.Edges) != 2 {
			t.Errorf("%q: %d edges, %v", bad, len(m.Edges), err)
		}
	}
	const place = `{"id":"a[Zone]","kind":"Zone","name":"a"}`
	for _, bad := range []string{
		"", "[]", `{"level":"galaxy"}`, `{"level":"zone","edges":[{"from":"a","to":"a"}]}`, `{"level":"pod","places":[` + place + `]}`,
		`{"level":"zone","places":[` + place + `],"edges":[{"from":"a[Zone]","to":"a[Zone]","ports":[{"protocol":"TCP"}]}]}`,
		`{"level":"zone","places":[` + place + `],"edges":[{"from":"a[Zone]","to":"a[Zone]","seen":"perhaps"}]}`,
		`{"level":"zone","places":[{"id":"x","kind":"Outside","cidrs":["nowhere"]}]}`,
	} {
		if _, err := ParseJSON(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// A map is told from manifests.
func TestRead(t *testing.T) {
	m := New(zonesOf(t, input(t)), network.LevelZone)
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		if err := m.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		got, ok, err := Read(b.Bytes(), network.LevelZone)
		if !ok || err != nil || len(Diff(m, got)) != 0 {
			t.Errorf("%s: %t, %v", format, ok, err)
		}
		if _, ok, err := Read(b.Bytes(), network.LevelWorkload); !ok || err == nil {
			t.Errorf("%s of another level: %t, %v", format, ok, err)
		}
	}
	for _, text := range []string{"", "kind: Pod", string(input(t)), `{"apiVersion":"v1","kind":"List","items":[]}`, `{"kind":"Map","level":"zone","edges":[]}`} {
		if _, ok, err := Read([]byte(text), network.LevelZone); ok || err != nil {
			t.Errorf("%.20q is taken for a map: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432, unknown: everything else (observed on TCP 5432)")
	f.Add("everywhere[Outside] => public[Zone] : unknown: All Connections")
	f.Add(`{"level":"zone","places":[{"id":"a[Zone]","kind":"Zone","name":"a"}],"edges":[{"from":"a[Zone]","to":"a[Zone]","ports":[]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ParseJSON(strings.NewReader(text))
		m, err := Parse(strings.NewReader(text), network.LevelWorkload)
		if err != nil {
			return
		}
		var b, c bytes.Buffer
		_ = m.Text(&b)
		again, err := Parse(bytes.NewReader(b.Bytes()), network.LevelWorkload)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, b.String(), err)
		}
		if _ = again.Text(&c); c.String() != b.String() {
			t.Errorf("%q, then %q", b.String(), c.String())
		}
	})
}
