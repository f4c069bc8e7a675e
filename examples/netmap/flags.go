package main

import (
	"errors"
	"flag"
	"io"
	"reflect"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/examples/internal/input"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/network/netmap"
)

type options struct {
	format, queries, flows, against, suggestion, config string
	judge, drift                                        bool
	level                                               network.Level
	each                                                network.Level // of suggestions
	blocks                                              network.Answer
	blocksGiven                                         bool
	input                                               *input.Flags
	paths                                               []string
}

func parseFlags(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var level, blocks string
	fs := flag.NewFlagSet("netmap", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.format, "o", "text", "`format`: "+strings.Join(netmap.Formats, ", "))
	fs.StringVar(&level, "level", "workload", "what is one place: pod, workload, namespace, node or zone")
	fs.StringVar(&o.queries, "queries", "", "`file` of questions, a JSON object a line")
	fs.StringVar(&blocks, "ip-block-matches-pods", "yes", "whether the network plugin matches ipBlock with addresses of pods: yes, no or unknown")
	fs.StringVar(&o.flows, "flows", "", "`file` of observed connections, Hubble's JSON lines or CSV, or - for standard input: edges say what was seen")
	fs.StringVar(&o.against, "diff", "", "an earlier state, its manifests or a map that was saved as text or JSON (a `path`): print what changed since")
	fs.BoolVar(&o.judge, "judge", false, "write each connection of -flows on a line, with the policies' verdict and what is odd about it")
	fs.BoolVar(&o.drift, "drift", false, "of the map that -flows marks, only what was not observed, and what was though it is denied")
	fs.StringVar(&o.suggestion, "suggest", "", "print policies for what workloads refer to, interfaces declare and -flows shows: one for each `workload|namespace|zone`")
	fs.StringVar(&o.config, "config", "", "configuration `file`: the sensitivity scheme, interfaces, the network plugin")
	o.input = input.Add(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	fs.Visit(func(f *flag.Flag) { o.blocksGiven = o.blocksGiven || f.Name == "ip-block-matches-pods" })
	o.paths = fs.Args()
	var errs [3]error
	o.level, errs[0] = network.ParseLevel(level)
	o.blocks, errs[1] = network.ParseAnswer(blocks)
	if o.suggestion != "" {
		o.each, errs[2] = network.ParseLevel(o.suggestion)
	}
	switch err := errors.Join(errs[:]...); {
	case err != nil:
		return nil, usage{err}
	case (o.judge || o.drift) && o.flows == "":
		return nil, usage{errors.New("-judge and -drift want -flows")}
	case len(o.paths) == 0 && !o.input.Live():
		return nil, usage{input.ErrNothing}
	}
	return o, nil
}

// usage is a mistake that the flag package has not told of.
type usage struct{ error }

// settings are those of the configuration file. What it says of the plugin holds, unless the flag was given.
func (o *options) settings(cfg *catalog.Config) []inventory.Value {
	var out []inventory.Value
	if o.config != "" {
		out = cfg.Runner().Settings
	}
	profile := cfg.Network.Profile()
	if o.blocksGiven || reflect.ValueOf(cfg.Network).IsZero() {
		profile.IPBlockMatchesPods = o.blocks
	}
	return append(out, network.PluginProfile.Set(profile))
}

// needs are those of a map, where nothing but a map is asked for.
func (o *options) needs() []inventory.Need {
	switch {
	case o.suggestion+o.flows+o.queries == "":
		return network.ZonesNeeds()
	case o.input.Live():
		return inventory.JoinNeeds(network.ZonesNeeds(), nist190.Needs(network.Checks()...))
	}
	return nil
}
