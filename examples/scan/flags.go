package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/examples/internal/input"
	"github.com/nist190/nist190/report"
)

type options struct {
	outputs                            []output
	config, baseline, groupBy, explain string
	world, failOn                      string
	requireEvidence, verbose           bool
	input                              *input.Flags
	paths                              []string
	delta                              *nist190.Delta // from the baseline
}

func parseFlags(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("scan", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: scan [flags] [PATH...]\n\nPATH is a file, a directory, or - for standard input. With -kubeconfig, -context or -live a cluster is scanned.")
		fs.PrintDefaults()
	}
	fs.Func("o", "`FORMAT[=FILE]`, may be repeated: "+formatNames()+" (default text)", o.addOutput)
	fs.StringVar(&o.config, "config", "", "configuration `FILE`")
	fs.StringVar(&o.baseline, "baseline", "", "JSON report `FILE`: only findings that it does not hold decide the exit status")
	fs.StringVar(&o.groupBy, "group-by", "risk", "`KEY` to group findings by: "+fmt.Sprint(report.GroupKeys()))
	fs.StringVar(&o.explain, "explain", "", "print the documentation of a `CHECK` and exit")
	fs.StringVar(&o.world, "world", "", "`closed`: what is not in the manifests does not exist; or open (default closed)")
	fs.StringVar(&o.failOn, "fail-on", "", "least `SEVERITY` that decides the exit status (default low)")
	fs.BoolVar(&o.requireEvidence, "require-evidence", false, "exit with 2 for anything that could not be assessed, manual reviews aside")
	o.input = input.Add(fs)
	fs.BoolVar(&o.verbose, "v", false, "print every row of a long list")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	o.paths = fs.Args()
	if len(o.paths) == 0 && !o.input.Live() && o.explain == "" {
		fs.Usage()
		return nil, errors.New("no PATH")
	}
	if len(o.outputs) == 0 {
		o.outputs = []output{{format: "text"}}
	}
	return o, nil
}

// configuration is the configuration file with what the flags override.
func (o *options) configuration() (*catalog.Config, error) {
	cfg := &catalog.Config{}
	if o.config != "" {
		var err error
		if cfg, err = catalog.LoadFile(o.config); err != nil {
			return nil, err
		}
	}
	if o.world != "" {
		if err := cfg.World.UnmarshalText([]byte(o.world)); err != nil {
			return nil, fmt.Errorf("-world: %w", err)
		}
	}
	if o.failOn != "" {
		s, err := nist190.ParseSeverity(o.failOn)
		if err != nil {
			return nil, fmt.Errorf("-fail-on: %w", err)
		}
		cfg.Thresholds.FailOn = s
	}
	cfg.Thresholds.RequireEvidence = cfg.Thresholds.RequireEvidence || o.requireEvidence
	return cfg, nil
}

func (o *options) readBaseline() (*nist190.Report, error) {
	if o.baseline == "" {
		return nil, nil
	}
	f, err := os.Open(o.baseline)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	base, err := report.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.baseline, err)
	}
	return base, nil
}
