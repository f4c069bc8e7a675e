package netmap

import (
	"bytes"
	"errors"
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/nist190/nist190/network"
)

func TestMark(t *testing.T) {
	a := attributionOf(t, input(t))
	m := New(a.Zones(), network.LevelWorkload)
	err := m.Mark(a, []network.Observation{
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 5432},
		{From: "shop-data/db", To: "shop-web/web", Protocol: network.TCP, Port: 22},
		{From: "shop-data/db", To: "shop-web/web", Protocol: network.TCP, Port: 23},
		{From: "shop-data/db", To: "shop-web/web", Protocol: network.TCP, Port: 80, Dropped: true},
		{From: "198.51.100.1", To: "shop-web/web", Protocol: network.TCP, Port: 8080},
		{From: "198.51.100.1", To: "shop-data/db", Protocol: network.TCP, Port: 22},
		{From: "shop-web/gone", To: "shop-data/db", Protocol: network.TCP, Port: 1},
	})
	if err == nil || !strings.Contains(err.Error(), "shop-web/gone") {
		t.Errorf("error %v", err)
	}
	var b bytes.Buffer
	if err := m.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"shop-web/web[Deployment] => shop-data/db[StatefulSet] : TCP 5432 (observed)\n",
		"everywhere[Outside] => shop-web/web[Deployment] : TCP 8080 (observed)\n",
		"everywhere[Outside] => shop-ops/agent[DaemonSet] : All Connections (not observed)\n",
		"shop-data/db[StatefulSet] => shop-web/web[Deployment] : TCP 22-23 (observed, and denied)\n",
		"198.51.100.1[Outside] => shop-data/db[StatefulSet] : TCP 22 (observed, and denied)\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("without %s%s", want, b.String())
		}
	}
	for _, format := range Formats {
		if err := m.Write(&bytes.Buffer{}, format); err != nil {
			t.Error(err)
		}
	}
}

func TestDiff(t *testing.T) {
	text := string(input(t))
	before := New(zonesOf(t, []byte(text)), network.LevelWorkload)
	changed := strings.Replace(text, "ingress: [{from: [{namespaceSelector: {matchLabels: {sensitivity: public}}}], ports: [{port: sql}]}]", "ingress: [{}]", 1)
	changed = strings.Replace(changed, "ingress: [{ports: [{port: http}]}]", "ingress: []", 1)
	after := New(zonesOf(t, []byte(changed)), network.LevelWorkload)
	var b bytes.Buffer
	if err := WriteDiff(&b, Diff(before, after)); err != nil {
		t.Fatal(err)
	}
	want := `~ shop-ops/agent[DaemonSet] => shop-data/db[StatefulSet] : All Connections, before: unknown: All Connections
~ shop-ops/agent[DaemonSet] => shop-web/web[Deployment] : unknown: All Connections, before: TCP 8080, unknown: everything else
~ shop-web/web[Deployment] => shop-data/db[StatefulSet] : TCP 5432,9000-9010, before: TCP 5432
+ everywhere[Outside] => shop-data/db[StatefulSet] : All Connections
- everywhere[Outside] => shop-web/web[Deployment] : TCP 8080
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	if d := Diff(before, before); len(d) != 0 {
		t.Errorf("a map differs from itself: %v", d)
	}
}

// At coarse levels a connection that is denied shows even where another one of the same places is allowed, and ports that were
// not seen in use are told from those that were.
func TestMarkLevels(t *testing.T) {
	text := append(input(t), []byte(`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shy, namespace: shop-data}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: shy}}
    spec: {containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shy, namespace: shop-data}
spec: {podSelector: {matchLabels: {app: shy}}, ingress: []}
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: shop-more, labels: {app: more}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: more, uid: u, controller: true}]}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: shop-more, labels: {app: more}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: more, uid: u, controller: true}]}
spec: {nodeName: n2, containers: [{name: c, image: i}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: more, namespace: shop-more, uid: u}
spec: {replicas: 2, template: {metadata: {labels: {app: more}}, spec: {containers: [{name: c, image: i}]}}}
`)...)
	seen := []network.Observation{
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 5432},
		{From: "shop-web/web", To: "shop-data/shy", Protocol: network.TCP, Port: 5432},
		{From: "shop-more/more", To: "shop-more/more", Protocol: network.TCP, Port: 80},
		{From: "shop-more/more", FromPod: "shop-more/two", To: "192.0.2.1", Protocol: network.TCP, Port: 443},
		{From: "192.0.2.1", To: "192.0.2.2", Protocol: network.TCP, Port: 443},
	}
	for level, want := range map[network.Level][]string{
		network.LevelNamespace: {
			"shop-web[Namespace] => shop-data[Namespace] : TCP 5432 (observed)\n", "shop-web[Namespace] => shop-data[Namespace] : TCP 5432 (observed, and denied)\n",
			"shop-more[Namespace] => shop-more[Namespace] : All Connections (observed on TCP 80)\n",
		},
		network.LevelZone: {"public[Zone] => restricted[Zone] : TCP 5432 (observed)\n", "public[Zone] => restricted[Zone] : TCP 5432 (observed, and denied)\n"},
		network.LevelPod: {
			"shop-more/one[Pod] => shop-more/two[Pod] : All Connections (observed on TCP 80)\n", "shop-more/two[Pod] => shop-more/one[Pod] : All Connections (observed on TCP 80)\n",
			"shop-more/two[Pod] => everywhere[Outside] : All Connections (observed on TCP 443)\n", "shop-more/one[Pod] => everywhere[Outside] : All Connections (not observed)\n",
		},
		network.LevelNode: {"n2[Node] => n1[Node] : All Connections (observed on TCP 80)\n", "n2[Node] => everywhere[Outside] : All Connections (observed on TCP 443)\n"},
	} {
		a := attributionOf(t, text)
		m := New(a.Zones(), level)
		if err := m.Mark(a, seen); err != nil {
			t.Error(err)
		}
		var b, c bytes.Buffer
		if err := errors.Join(m.Text(&b), m.CSV(&c)); err != nil {
			t.Fatal(err)
		}
		for _, line := range want {
			if !strings.Contains(b.String(), line) {
				t.Errorf("%s: without %s%s", level, line, b.String())
			}
		}
		if level == network.LevelZone {
			var md bytes.Buffer
			if err := m.Markdown(&md); err != nil || !strings.Contains(md.String(), "TCP 5432 (observed); TCP 5432 (observed, and denied)") {
				t.Errorf("%v\n%s", err, md.String())
			}
		}
		if level == network.LevelNamespace && (!strings.Contains(c.String(), "allowed,TCP,80,80,observed\n") || !strings.Contains(c.String(), "allowed,TCP,81,65535,not observed\n")) {
			t.Errorf("%s", c.String())
		}
	}
}

// What is not as observed, and nothing else.
func TestDrift(t *testing.T) {
	a := attributionOf(t, input(t))
	m := New(a.Zones(), network.LevelWorkload)
	if d := m.Drift(); len(d.Edges) != 0 {
		t.Errorf("%d edges drift from nothing", len(d.Edges))
	}
	if err := m.Mark(a, []network.Observation{
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 5432},
		{From: "shop-data/db", To: "shop-web/web", Protocol: network.TCP, Port: 22},
		{From: "shop-ops/agent", To: "198.51.100.1", Protocol: network.TCP, Port: 443},
		{From: "198.51.100.1", To: "shop-ops/agent", Protocol: network.UDP, Port: 53},
	}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Drift().Text(&b); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		"shop-web/web[Deployment] => shop-data/db[StatefulSet] ":                                                                    false,
		"shop-data/db[StatefulSet] => shop-web/web[Deployment] : TCP 22 (observed, and denied)\n":                                   true,
		"shop-ops/agent[DaemonSet] => everywhere[Outside] : TCP 1-442,444-65535, UDP 1-65535, SCTP 1-65535, OTHER (not observed)\n": true,
		"everywhere[Outside] => shop-ops/agent[DaemonSet] : TCP 1-65535, UDP 1-52,54-65535, SCTP 1-65535, OTHER (not observed)\n":   true,
		"everywhere[Outside] => shop-web/web[Deployment] : TCP 8080 (not observed)\n":                                               true,
	} {
		if strings.Contains(b.String(), line) != want {
			t.Errorf("%q: want %t\n%s", line, want, b.String())
		}
	}
	if m.Edges[0].Seen == NoFlows {
		t.Error("the map itself was changed")
	}
}

// events are observations one by one, and an error.
func events(list []network.Observation, err error) iter.Seq2[network.Observation, error] {
	return func(yield func(network.Observation, error) bool) {
		for _, o := range list {
			if !yield(o, nil) {
				return
			}
		}
		if err != nil {
			yield(network.Observation{}, err)
		}
	}
}

func TestJudge(t *testing.T) {
	a := attributionOf(t, append(input(t), []byte(`
---
apiVersion: v1
kind: Service
metadata: {name: sql, namespace: shop-data}
spec: {clusterIP: 10.96.0.5, selector: {app: db}, ports: [{port: 80, targetPort: sql}]}
`)...))
	var b bytes.Buffer
	err := Judge(&b, events([]network.Observation{
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 5432},
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 22},
		{From: "shop-web/gone", To: "shop-data/db", Protocol: network.TCP, Port: 22},
		{From: "shop-web/web", To: "10.96.0.5", Protocol: network.TCP, Port: 80},
	}, errors.New("line 9: nonsense")), a)
	if err == nil || err.Error() != "line 9: nonsense" {
		t.Errorf("error %v", err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range [][]string{
		{`"verdict":"allowed"`, `{"direction":"ingress","tier":"policy","policy":"NetworkPolicy \"shop-data/db\"","rule":0,"decision":"allow","certain":true}`},
		{`"unexpected":"it passed, and the policies deny it"`, `"steps":[`},
		{`there is no such pod`},
		{`"port":80,"verdict":"allowed"`, `"service":"shop-data/sql","podPort":5432,"workloads":{"src":"shop-web/web[Deployment]","dst":"shop-data/db[StatefulSet]"}`},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d without %s: %s", i, w, lines[i])
			}
		}
	}
}

// What was seen of names that nothing speaks of is an edge as well, and refused only where policies deny it.
func TestMarkNames(t *testing.T) {
	text, err := os.ReadFile("testdata/names.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := attributionOf(t, text)
	m := New(a.Zones(), network.LevelNamespace)
	if err := m.Mark(a, []network.Observation{
		{From: "shop/open", To: "pay.example.net", Protocol: network.TCP, Port: 443},
		{From: "shop/open", To: "new.example.net", Protocol: network.TCP, Port: 443},
		{From: "shop/open", To: "new.example.net", Protocol: network.TCP, Port: 444},
		{From: "shop/some", To: "odd.example.net", Protocol: network.TCP, Port: 443},
		{From: "shop/shut", To: "bad.example.net", Protocol: network.TCP, Port: 443},
		{From: "shop/shut", To: "bad.example.net", Protocol: network.TCP, Port: 444},
	}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"shop[Namespace] => pay.example.net[Name] : TCP 443 (observed)\n",
		"shop[Namespace] => new.example.net[Name] : TCP 443-444 (observed)\n",
		"shop[Namespace] => odd.example.net[Name] : unknown: TCP 443 (observed)\n",
		"shop[Namespace] => bad.example.net[Name] : TCP 443-444 (observed, and denied)\n",
		"shop[Namespace] => api.example.com[Name] : TCP 443 (not observed)\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("without %s%s", want, b.String())
		}
	}
	for _, format := range Formats {
		if err := m.Write(&bytes.Buffer{}, format); err != nil {
			t.Error(err)
		}
	}
}
