package catalog_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/report"
)

func shop(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	dir := os.DirFS("../examples/manifests/shop")
	names, err := os.ReadDir("../examples/manifests/shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		f, err := dir.Open(n.Name())
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		files[n.Name()] = &fstest.MapFile{Data: b.Bytes()}
	}
	return files
}

// TestReportsDoNotDependOnOrder: equal input in another order of files and documents, and with another parallelism, gives
// byte-identical JSON.
func TestReportsDoNotDependOnOrder(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{"shop": shop(t), "fleet": testobj.Fleet(5)} {
		var names []string
		for n := range files {
			names = append(names, n)
		}
		slices.Sort(names)
		render := func(seed uint64, parallelism int) []byte {
			rng := rand.New(rand.NewPCG(seed, 1))
			rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			var sources []inventory.Source
			for _, n := range names {
				sources = append(sources, manifest.Bytes(manifest.Config{Parallelism: parallelism}, n, files[n].Data))
			}
			r := nist190.Runner{Checks: catalog.Checks(nil), Parallelism: parallelism}
			rep, err := r.Scan(t.Context(), inventory.Sources(sources...))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := report.JSON(&b, rep, report.JSONOptions{OmitRun: true}); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		want := render(0, 1)
		for seed := range uint64(8) {
			if got := render(seed, 1+int(seed)*5); !bytes.Equal(got, want) {
				t.Errorf("%s: seed %d gives another report", name, seed)
			}
		}
	}
}

// TestCatalogIsSound: missing evidence never makes a check say what complete evidence would not, over whole applications.
func TestCatalogIsSound(t *testing.T) {
	for _, dir := range []string{"shop", "shop-hardened"} {
		inv, err := inventory.Collect(t.Context(), nil, manifest.Paths(manifest.Config{}, "../examples/manifests/"+dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range catalog.Checks(nil) {
			checktest.Sound(t, c, inv)
		}
	}
}
