package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

var suggestWorld = []string{
	`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {replicas: 1, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i, env: [{name: DB, value: "db.data.svc:5432"}, {name: HOME, value: /root}, {name: OTHER, value: "http://user@api/path"}]}]}}}}`,
	`{apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: shop}, spec: {replicas: 1, template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c, image: i}]}}}}`,
	`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: data}, spec: {replicas: 1, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}}}}`,
	`{apiVersion: v1, kind: Service, metadata: {name: db, namespace: data}, spec: {selector: {app: db}, ports: [{port: 5432, targetPort: sql}, {port: 9}]}}`,
	`{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop}, spec: {selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}}`,
	`{apiVersion: apps/v1, kind: Deployment, metadata: {name: bare, namespace: shop}, spec: {replicas: 1, template: {metadata: {}, spec: {containers: [{name: c, image: i}]}}}}`,
}

func TestSuggest(t *testing.T) {
	inv := testobj.Inventory(t, suggestWorld)
	z, err := ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	required := z.References(inv)
	if len(required) != 2 {
		t.Fatalf("%d references", len(required))
	}
	s, err := Suggest(context.Background(), inv, required, LevelWorkload)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Lost) != 0 || len(s.Excess) != 0 {
		t.Errorf("lost %v, excess %v", s.Lost, s.Excess)
	}
	var names []string
	for _, p := range s.Policies {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	if fmt.Sprint(names) != "[data/allow-db data/default-deny shop/allow-api shop/allow-web shop/default-deny]" {
		t.Errorf("%v", names)
	}
	coarse, err := Suggest(context.Background(), inv, required, LevelNamespace)
	if err != nil || len(coarse.Lost) != 0 || len(coarse.Excess) == 0 || len(coarse.Policies) >= len(s.Policies) {
		t.Errorf("%+v, %v", coarse, err)
	}
	// What is open to the outside stays so.
	public := testobj.Inventory(t, append(suggestWorld, `{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}`))
	z, err = ZonesOf(context.Background(), public)
	if err != nil {
		t.Fatal(err)
	}
	open, err := Suggest(context.Background(), public, append(z.EntryRequirements(public), z.References(public)...), LevelWorkload)
	if err != nil || len(open.Lost)+len(open.Excess) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
	if s.Removed == 0 {
		t.Errorf("nothing is closed")
	}
	if _, err := Suggest(context.Background(), inv, required, LevelPod); err == nil {
		t.Error("a level that is none")
	}
	// Of what has no labels nothing can be required.
	bare, _ := z.Find("shop/bare")
	db, _ := z.Find("data/db")
	s, err = Suggest(context.Background(), inv, []Requirement{{From: bare, To: db, Ports: PortRange(TCP, 5432, 5432)}}, LevelWorkload)
	if err != nil || len(s.Lost) != 1 || len(s.Skipped) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Whatever is required of a world without policies passes, and what is not, does not.
func TestSuggestAgainstRandom(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 437))
		var docs []string
		for i := range 6 {
			docs = append(docs, fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: d%d, namespace: n%d}, spec: {replicas: 1, template: {metadata: {labels: {app: d%d}}, spec: {containers: [{name: c, image: i}]}}}}`, i, r.IntN(3), i))
		}
		inv := testobj.Inventory(t, docs)
		c, err := Of(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		var required []Requirement
		for range r.IntN(8) {
			from, to := c.Pods()[r.IntN(6)], c.Pods()[r.IntN(6)]
			if from != to {
				port := uint16(80 + r.IntN(3))
				required = append(required, Requirement{From: End{Pod: from}, To: End{Pod: to}, Ports: PortRange(TCP, port, port+uint16(r.IntN(3)))})
			}
		}
		s, err := Suggest(context.Background(), inv, required, LevelWorkload)
		if err != nil || len(s.Lost)+len(s.Excess) != 0 {
			t.Fatalf("seed %d: %+v, %v", seed, s, err)
		}
	}
}
