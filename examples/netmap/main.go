// Command netmap prints what the network policies in manifests let through: a map at any level, or answers to questions.
//
//	netmap [-o text|json|csv|markdown|dot|mermaid|svg] [-level pod|workload|namespace|node|zone] PATH...
//	netmap [-flows FILE] PATH...    marks edges as observed, not observed, or observed though denied
//	netmap -flows FILE -judge PATH... the policies' verdict on each connection that was observed
//	netmap -suggest workload PATH...  policies for what workloads refer to, with a proof; never applied
//	netmap -diff PATH PATH...       what changed since the manifests at the first path
//	netmap -queries FILE PATH...
//
// A file of queries has lines {"src":"ns/pod","dst":"ns/pod","protocol":"TCP","port":80}, of which either end may be a
// pod, a workload, an address or the name of a host, and the destination a Service; "-" is standard input. The exit status is 3 where a flag, an
// input or a query could not be read; what could be read is answered all the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/network/netmap"
)

func main() {
	debug.SetGCPercent(400) // it ends soon: memory is cheaper than time
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const malfunction = 3

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("netmap", flag.ContinueOnError)
	flags.SetOutput(stderr)
	format := flags.String("o", "text", "`format`: "+strings.Join(netmap.Formats, ", "))
	levelName := flags.String("level", "workload", "what is one place: pod, workload, namespace, node or zone")
	queries := flags.String("queries", "", "`file` of questions, a JSON object a line")
	blocks := flags.String("ip-block-matches-pods", "yes", "whether the network plugin matches ipBlock with addresses of pods: yes, no or unknown")
	flows := flags.String("flows", "", "`file` of observed connections, Hubble's JSON lines or CSV: edges say what was seen")
	against := flags.String("diff", "", "manifests of an earlier state (a `path`): print what changed since")
	judge := flags.Bool("judge", false, "write each connection of -flows on a line, with the policies' verdict and what is odd about it")
	suggestion := flags.String("suggest", "", "print policies for what workloads refer to, and what -flows shows: one for each `workload|namespace`")
	config := flags.String("config", "", "configuration `file`, for the sensitivity scheme")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil { // the flag package has said what is wrong
		return malfunction
	}
	level, err := network.ParseLevel(*levelName)
	matches, err2 := network.ParseAnswer(*blocks)
	if err == nil {
		err = err2
	}
	if err == nil && flags.NArg() == 0 {
		err = fmt.Errorf("no manifests: name a file or a directory")
	}
	if err != nil {
		fmt.Fprintln(stderr, "netmap:", err)
		return malfunction
	}
	status := 0
	failed := func(err error) {
		if err != nil {
			fmt.Fprintln(stderr, "netmap:", err)
			status = malfunction
		}
	}
	cfg := &catalog.Config{}
	if *config != "" {
		if cfg, err = catalog.LoadFile(*config); err != nil {
			failed(err)
			return status
		}
	}
	settings := append(cfg.Runner().Settings, network.PluginProfile.Set(network.Profile{IPBlockMatchesPods: matches}))
	inv, err := inventory.Collect(ctx, nil, manifest.Paths(manifest.Config{World: cfg.World.Manifest()}, flags.Args()...), settings...)
	failed(err)
	for _, p := range inv.Problems() {
		fmt.Fprintf(stderr, "%s: %s\n", p.Origin, p.Message)
	}
	z, err := network.ZonesOf(ctx, inv)
	if err != nil {
		failed(err)
		return status
	}
	var seen []network.Observation
	if *flows != "" {
		seen, err = readFlows(*flows)
		failed(err)
	}
	switch {
	case *suggestion != "":
		each, err := network.ParseLevel(*suggestion)
		if err == nil {
			err = suggest(ctx, stdout, inv, z, seen, each)
		}
		failed(err)
		return status
	case *judge:
		failed(netmap.Judge(stdout, seen, z.Connectivity))
		return status
	case *against != "":
		before, err := zones(ctx, *against, cfg, settings)
		failed(err)
		if before != nil {
			failed(netmap.WriteDiff(stdout, netmap.Diff(netmap.New(before, level), netmap.New(z, level))))
		}
		return status
	case *queries == "":
		m := netmap.New(z, level)
		if *flows != "" {
			failed(m.Mark(z, seen))
		}
		failed(m.Write(stdout, *format))
		return status
	}
	in := stdin
	if *queries != "-" {
		f, err := os.Open(*queries)
		if err != nil {
			failed(err)
			return status
		}
		defer f.Close()
		in = f
	}
	failed(netmap.Answer(stdout, in, z.Connectivity))
	return status
}

func zones(ctx context.Context, path string, cfg *catalog.Config, settings []inventory.Value) (*network.Zones, error) {
	inv, err := inventory.Collect(ctx, nil, manifest.Paths(manifest.Config{World: cfg.World.Manifest()}, path), settings...)
	if err != nil {
		return nil, err
	}
	return network.ZonesOf(ctx, inv)
}

func readFlows(path string) ([]network.Observation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return network.ReadFlows(f)
}
