package catalog_test

import (
	"fmt"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// BenchmarkCatalog is the cost of all checks, from objects that were read but not decoded to a report, and that of
// reading them. Time per object must not grow with their number.
func BenchmarkCatalog(b *testing.B) {
	for _, namespaces := range []int{10, 100, 1000} {
		files := testobj.Fleet(namespaces)
		var inv *inventory.Inventory
		collect := func(b *testing.B) {
			var err error
			if inv, err = inventory.Collect(b.Context(), nil, manifest.FS(manifest.Config{}, files, ".")); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("collect/%d", namespaces), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				collect(b)
			}
			perObject(b, inv)
		})
		b.Run(fmt.Sprintf("checks/%d", namespaces), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				collect(b)
				b.StartTimer()
				if _, err := nist190.Run(b.Context(), inv, catalog.Checks(nil)...); err != nil {
					b.Fatal(err)
				}
			}
			perObject(b, inv)
		})
	}
}

func perObject(b *testing.B, inv *inventory.Inventory) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(inv.Len()), "ns/object")
}
