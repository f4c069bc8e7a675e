package manifest_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// generate writes the manifests of n namespaces as one stream.
func generate(n int) []byte {
	files := testobj.Fleet(n)
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.Write(files[name].Data)
		b.WriteString("---\n")
	}
	return b.Bytes()
}

var sizes = []int{10, 100, 1000}

func BenchmarkCollect(b *testing.B) {
	for _, n := range sizes {
		data := generate(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				into := &inventory.Collector{}
				if err := manifest.Bytes(manifest.Config{Parallelism: runtime.GOMAXPROCS(0)}, "a.yaml", data).Collect(context.Background(), nil, into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkYAMLToJSON is what BenchmarkCollect is measured against: the loader is to cost at most 1.3 times as much.
func BenchmarkYAMLToJSON(b *testing.B) {
	for _, n := range sizes {
		data := generate(n)
		var docs [][]byte
		for d := range yamlx.Split(data) {
			docs = append(docs, d.Text)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				for _, d := range docs {
					if _, err := sigsyaml.YAMLToJSON(d); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
