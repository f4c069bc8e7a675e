// Package testobj makes inventories for tests out of objects written in place.
package testobj

import (
	"context"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190/inventory"
)

// Inventory makes an inventory of YAML objects under complete coverage; the settings are attached.
func Inventory(t testing.TB, objects []string, settings ...inventory.Value) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, Source(t, objects...), settings...)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// Source delivers YAML objects under complete coverage.
func Source(t testing.TB, objects ...string) inventory.Source {
	t.Helper()
	return inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, into *inventory.Collector) error {
		into.CoverRest(inventory.Complete, "test")
		for i, text := range objects {
			into.Add(Object(t, text, inventory.Origin{URI: "test.yaml", Doc: i, Line: 10*i + 1, Column: 1}))
		}
		return nil
	})
}

// Object makes one object of YAML.
func Object(t testing.TB, text string, at inventory.Origin) *inventory.Object {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o, err := inventory.NewObject(inventory.Item{JSON: raw, Origin: at})
	if err != nil {
		t.Fatal(err)
	}
	return o
}
