package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// A map says what asking for every pair says, joined.
func TestEdgesAgainstPairs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*worlds) / 10 {
		r := rand.New(rand.NewPCG(seed, 436))
		w := newTwinWorld(r)
		docs := w.docs(t)
		if seed%2 == 1 {
			docs = w.asManifests(t)
		}
		z, err := ZonesOf(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range []Level{LevelPod, LevelNamespace, LevelNode, LevelZone} {
			type pair struct{ from, to string }
			must, may := map[pair]Ports{}, map[pair]Ports{}
			for _, from := range z.Pods() {
				for _, to := range z.Pods() {
					if from == to {
						continue
					}
					k := pair{z.placeOf(from, level).Key(), z.placeOf(to, level).Key()}
					m, n := z.between(End{Pod: from}, End{Pod: to})
					must[k], may[k] = must[k].Union(m), may[k].Union(n)
				}
			}
			got := map[pair]bool{}
			for e := range z.Edges(level) {
				if e.From.Addresses != nil || e.To.Addresses != nil {
					continue
				}
				k := pair{e.From.Key(), e.To.Key()}
				if got[k] {
					t.Fatalf("seed %d, %s: %v twice", seed, level, k)
				}
				got[k] = true
				if !e.Must.Equal(must[k]) || !e.May.Equal(may[k]) {
					t.Fatalf("seed %d, %s: %v: %s to %s, want %s to %s", seed, level, k, e.Must, e.May, must[k], may[k])
				}
			}
			for k, p := range may {
				if !p.Minus(PortRange(Other, 0, 0)).Empty() && !got[k] {
					t.Fatalf("seed %d, %s: %v is missing: %s", seed, level, k, p)
				}
			}
		}
	}
}

// Addresses outside are joined where they are treated alike, and together they are all addresses.
func TestEdgesOutside(t *testing.T) {
	z, err := ZonesOf(context.Background(), testobj.Inventory(t, []string{
		`{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: c, image: i}]}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}`,
		`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress],
		  ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 5432}]}, {from: [{ipBlock: {cidr: "2001:db8::/32"}}], ports: [{port: 5432}]}],
		  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]}}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range z.Edges(LevelWorkload) {
		if e.From.Addresses != nil || e.To.Addresses != nil {
			got = append(got, fmt.Sprintf("%s => %s : %s", e.From.Key(), e.To.Key(), e.Must))
		}
	}
	want := []string{
		"shop/db[Pod] => 0.0.0.0-169.254.169.253,169.254.169.255-255.255.255.255[Outside] : all",
		"shop/web[Pod] => everywhere[Outside] : all",
		"203.0.113.0/24,2001:db8::/32[Outside] => shop/db[Pod] : TCP 5432",
		"everywhere[Outside] => shop/web[Pod] : all",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}
