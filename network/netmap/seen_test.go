package netmap

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/nist190/nist190/network"
)

func TestMark(t *testing.T) {
	z := zonesOf(t, input(t))
	m := New(z, network.LevelWorkload)
	err := m.Mark(z, []network.Observation{
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

func TestJudge(t *testing.T) {
	z := zonesOf(t, input(t))
	var b bytes.Buffer
	err := Judge(&b, []network.Observation{
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 5432},
		{From: "shop-web/web", To: "shop-data/db", Protocol: network.TCP, Port: 22},
		{From: "shop-web/gone", To: "shop-data/db", Protocol: network.TCP, Port: 22},
	}, z.Connectivity)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{`"verdict":"allowed"`, `"unexpected":"it passed, and the policies deny it"`, `there is no such pod`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
}

// What was seen of names that nothing speaks of is an edge as well, and refused only where policies deny it.
func TestMarkNames(t *testing.T) {
	text, err := os.ReadFile("testdata/names.yaml")
	if err != nil {
		t.Fatal(err)
	}
	z := zonesOf(t, text)
	m := New(z, network.LevelNamespace)
	if err := m.Mark(z, []network.Observation{
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
