package netmap

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
)

// What is written is read again as the policies that were suggested, whatever objects are called.
func TestWriteSuggestion(t *testing.T) {
	const evil = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x\nkind: Secret\n---\nkind: Pod","namespace":"shop-web"},"spec":{"containers":[{"name":"c","image":"i"}]}}`
	text := append([]byte(evil+"\n---\n"), input(t)...)
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "m.yaml", text))
	if err != nil {
		t.Fatal(err)
	}
	z, err := network.ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	web, err := z.Find("shop-web/web")
	if err != nil {
		t.Fatal(err)
	}
	var required []network.Requirement
	for _, p := range z.Pods() {
		required = append(required, network.Requirement{From: network.End{Pod: p}, To: web, Ports: network.PortRange(network.TCP, 80, 80), Why: "a\nb"})
	}
	s, err := network.Suggest(context.Background(), inv, required, network.LevelWorkload)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteSuggestion(&out, s); err != nil {
		t.Fatal(err)
	}
	if len(s.Lost) == 0 || !strings.Contains(out.String(), "# does not pass: ") {
		t.Errorf("nothing is lost:\n%s", out.String())
	}
	again, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "out.yaml", out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for o := range again.All() {
		if o.Origin().URI != "out.yaml" {
			continue // what Kubernetes creates
		}
		if n++; o.GroupKind().Kind != "NetworkPolicy" {
			t.Errorf("a %s", o.Ref())
		}
	}
	if n != len(s.Policies) || n == 0 {
		t.Errorf("%d objects of %d policies, %v", n, len(s.Policies), again.Problems())
	}
}
