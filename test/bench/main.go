// Command bench measures what a scan spends where, over the manifests below a directory:
//
//	go run . [-runs 5] DIR
//
// It prints medians of CPU seconds, user and system, of every thread: of sigs.k8s.io/yaml's YAMLToJSON over the documents,
// of the loader, of decoding every object into its Go type, and of all checks with a report in JSON. The last line is the
// peak memory of the whole process, which ran all of them several times; time a scan alone for its own.
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
	yaml, err := median(runs, nil, func() error {
		return onEveryProcessor(documents, func(d []byte) error {
			_, err := sigsyaml.YAMLToJSON(d)
			return err
		})
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "YAMLToJSON  %6.2f s CPU\n", yaml.Seconds())
	for _, stage := range []struct {
		name    string
		prepare func() error
		run     func() error
	}{
		{"load", func() error { inv = nil; return nil }, collect}, // what is read again is not kept meanwhile
		{"decode", collect, func() error { inv.Problems(); return nil }},
		{"checks", func() error {
			if err := collect(); err != nil {
				return err
			}
			inv.Problems()
			return nil
		}, func() error {
			rep, err := nist190.Run(ctx, inv, catalog.Checks(nil)...)
			if err != nil {
				return err
			}
			return report.JSON(io.Discard, rep, report.JSONOptions{})
		}},
	} {
		took, err := median(runs, stage.prepare, stage.run)
		if err != nil {
			return fmt.Errorf("%s: %w", stage.name, err)
		}
		fmt.Fprintf(w, "%-10s  %6.2f s CPU, %.2f of YAMLToJSON\n", stage.name, took.Seconds(), took.Seconds()/yaml.Seconds())
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

// median is the middle CPU time of some runs, each begun after a collection of garbage.
func median(runs int, prepare, run func() error) (time.Duration, error) {
	var took []time.Duration
	for range runs {
		if prepare != nil {
			if err := prepare(); err != nil {
				return 0, err
			}
		}
		runtime.GC()
		before := cpu()
		if err := run(); err != nil {
			return 0, err
		}
		took = append(took, cpu()-before)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// cpu is the time that the process has spent on processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
