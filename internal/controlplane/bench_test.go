package controlplane_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// BenchmarkSheet asks every question of a cluster with one control-plane node and two kubelets.
func BenchmarkSheet(b *testing.B) {
	v := fixture(b, "stock")
	for b.Loop() {
		var s strings.Builder
		sheet(&s, v)
	}
}

// BenchmarkView builds the view of a cluster with many nodes and asks each of its kubelets.
func BenchmarkView(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var nodes strings.Builder
			for i := range n {
				fmt.Fprintf(&nodes, "---\napiVersion: v1\nkind: Node\nmetadata: {name: node-%d}\nstatus: {nodeInfo: {kubeletVersion: v1.36.2}}\n", i)
			}
			sources := inventory.Sources(manifest.FS(manifest.Config{}, os.DirFS("testdata/stock"), "."), manifest.Bytes(manifest.Config{}, "nodes.yaml", []byte(nodes.String())))
			for b.Loop() {
				b.StopTimer()
				inv, err := inventory.Collect(context.Background(), nil, sources)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				v, err := controlplane.Of(context.Background(), inv)
				if err != nil {
					b.Fatal(err)
				}
				for _, k := range v.Kubelets() {
					if !k.AnonymousAuth().OK() || !k.RotateCertificates().OK() || !k.ReadOnlyPort().OK() {
						b.Fatal(k.Node)
					}
				}
			}
		})
	}
}
