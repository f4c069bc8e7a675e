// Command bench measures what a scan spends where, over the manifests below a directory:
//
//	go run . [-runs 5] DIR
//
// It prints medians of CPU seconds, user and system, of every thread: of the loader, of decoding every object into its Go
// type, of every edge between workloads, and of all checks with a report in JSON; each beside sigs.k8s.io/yaml's YAMLToJSON over the documents, run in turn
// with it, and the median of the ratios pair by pair, which holds where the speed of a machine drifts. The last line is
// the peak memory of the whole process, which ran all of them several times; time a scan alone for its own.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/report"
)

func main() {
	runs := flag.Int("runs", 5, "runs of each stage")
	flag.Parse()
	if flag.NArg() != 1 || *runs < 1 {
		log.Fatal("usage: bench [-runs N] DIR")
	}
	if err := measure(context.Background(), os.Stdout, os.DirFS(flag.Arg(0)), *runs); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, w io.Writer, dir fs.FS, runs int) error {
	documents, size, err := readDocuments(dir)
	if err != nil {
		return err
	}
	var inv *inventory.Inventory
	collect := func() error {
		inv, err = inventory.Collect(ctx, nil, manifest.FS(manifest.Config{}, dir, "."))
		return err
	}
	if err := collect(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d documents, %d objects, %.1f MB\n", len(documents), inv.Len(), float64(size)/1e6)
	yaml := func() error {
		return onEveryProcessor(documents, func(d []byte) error {
			_, err := sigsyaml.YAMLToJSON(d)
			return err
		})
	}
	decoded := func() error {
		if err := collect(); err != nil {
			return err
		}
		inv.Problems()
		return nil
	}
	for _, stage := range []struct {
		name    string
		prepare func() error
		run     func() error
	}{
		{"load", func() error { inv = nil; return nil }, collect}, // what is read again is not kept meanwhile
		{"decode", collect, func() error { inv.Problems(); return nil }},
		{"edges", decoded, func() error {
			z, err := network.ZonesOf(ctx, inv)
			if err != nil {
				return err
			}
			for range z.Edges(network.LevelWorkload) {
			}
			return nil
		}},
		{"checks", decoded, func() error {
			rep, err := nist190.Run(ctx, inv, catalog.Checks(nil)...)
			if err != nil {
				return err
			}
			return report.JSON(io.Discard, rep, report.JSONOptions{})
		}},
	} {
		var took, base []time.Duration
		var ratios []float64
		for range runs {
			b, err := spent(yaml)
			if err != nil {
				return fmt.Errorf("YAMLToJSON: %w", err)
			}
			if stage.prepare != nil {
				if err := stage.prepare(); err != nil {
					return fmt.Errorf("%s: %w", stage.name, err)
				}
			}
			t, err := spent(stage.run)
			if err != nil {
				return fmt.Errorf("%s: %w", stage.name, err)
			}
			base, took, ratios = append(base, b), append(took, t), append(ratios, t.Seconds()/b.Seconds())
		}
		slices.Sort(ratios)
		fmt.Fprintf(w, "%-7s %6.2f s CPU; YAMLToJSON %6.2f s; ratio %.2f (%.2f to %.2f)\n", stage.name,
			middle(took).Seconds(), middle(base).Seconds(), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return err
	}
	fmt.Fprintf(w, "peak memory %d MB\n", u.Maxrss/1024)
	return nil
}

func readDocuments(dir fs.FS) (documents [][]byte, size int, err error) {
	err = fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := fs.ReadFile(dir, path)
		size += len(data)
		for d := range yamlx.Split(data) {
			documents = append(documents, bytes.Clone(d.Text))
		}
		return err
	})
	return documents, size, err
}

// onEveryProcessor divides the documents as the loader does, so that the two are compared under the same contention for
// caches and memory.
func onEveryProcessor(documents [][]byte, f func([]byte) error) error {
	errs := make([]error, runtime.GOMAXPROCS(0))
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(documents) && errs[w] == nil; i = next.Add(1) - 1 {
				errs[w] = f(documents[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// spent is the CPU time of a run that begins after a collection of garbage.
func spent(run func() error) (time.Duration, error) {
	runtime.GC()
	before := cpu()
	err := run()
	return cpu() - before, err
}

func middle(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

// cpu is the time that the process has spent on processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
