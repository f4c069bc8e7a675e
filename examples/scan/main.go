// Command scan evaluates Kubernetes manifests, or a cluster, against NIST SP 800-190 section 4.3.
//
//	scan [flags] PATH...
//	scan -kubeconfig FILE [-context NAME] [flags] [PATH...]
//
// A PATH is a file, a directory that is walked, or - for standard input. The exit status is the first of these that
// holds: 3 when scan or a check failed or an input could not be read, 1 for open findings at or above the threshold, 2
// for findings that missing evidence could still refute (with -require-evidence: for anything that could not be
// assessed, manual reviews aside), and 0.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := scan(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const malfunction = int(nist190.Malfunction)

func scan(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // the flag package has said what is wrong
		return malfunction
	}
	status, err := o.scan(ctx, stdin, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "scan:", err)
		return malfunction
	}
	return status
}

func (o *options) scan(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	cfg, err := o.configuration()
	if err != nil {
		return 0, err
	}
	if o.explain != "" {
		return 0, explain(stdout, cfg, o.explain)
	}
	base, err := o.readBaseline()
	if err != nil {
		return 0, err
	}
	runner := cfg.Runner()
	runner.OnEvent = progress(stderr)
	source, err := o.input.Source(manifest.Config{World: cfg.World.Manifest(), Stdin: stdin}, o.paths...)
	if err != nil {
		return 0, err
	}
	// An error of the source leaves a report of what could be read: it is written before the error counts.
	rep, scanErr := runner.Scan(ctx, source)
	if rep == nil {
		return 0, scanErr
	}
	threshold := cfg.Threshold()
	if base != nil {
		d := nist190.Compare(base, rep)
		o.delta = &d
		threshold.NewOnly = true
	}
	if err := o.write(rep, stdout); err != nil {
		return 0, err
	}
	if scanErr != nil {
		return 0, scanErr
	}
	return int(threshold.Evaluate(rep).Decision), nil
}

func explain(w io.Writer, cfg *catalog.Config, id string) error {
	for _, c := range catalog.Checks(cfg) {
		if md := c.Metadata(); md.ID == id {
			return report.Explain(w, md)
		}
	}
	return fmt.Errorf("-explain %s: there is no such check, or the configuration turns it off", id)
}
