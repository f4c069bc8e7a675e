// Command netmap prints what the network policies in manifests let through: a map at any level, or answers to questions.
//
//	netmap [-o text|json|csv|markdown|dot|mermaid|svg] [-level pod|workload|namespace|node|zone] PATH...
//	netmap [-flows FILE] PATH...    marks edges as observed, not observed, or observed though denied
//	netmap -flows FILE -drift PATH... only what was not observed, and what was though it is denied
//	netmap -flows FILE -judge PATH... the policies' verdict on each connection that was observed
//	netmap -suggest workload PATH...  policies for what workloads refer to, with a proof; never applied. By zone, what
//	                                  is of one level passes, and between levels what interfaces declare
//	netmap -diff PATH PATH...       what changed since the manifests, or the saved map, at the first path
//	netmap -queries FILE PATH...
//
// A file of queries has lines {"src":"ns/pod","dst":"ns/pod","protocol":"TCP","port":80}, of which either end may be a
// pod, a workload, an address or the name of a host, and the second a Service; "-" is standard input. The exit status is 3 where a flag, an
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
	"reflect"
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
	flows := flags.String("flows", "", "`file` of observed connections, Hubble's JSON lines or CSV, or - for standard input: edges say what was seen")
	against := flags.String("diff", "", "an earlier state, its manifests or a map that was saved as text or JSON (a `path`): print what changed since")
	judge := flags.Bool("judge", false, "write each connection of -flows on a line, with the policies' verdict and what is odd about it")
	drift := flags.Bool("drift", false, "of the map that -flows marks, only what was not observed, and what was though it is denied")
	suggestion := flags.String("suggest", "", "print policies for what workloads refer to, interfaces declare and -flows shows: one for each `workload|namespace|zone`")
	config := flags.String("config", "", "configuration `file`: the sensitivity scheme, interfaces, the network plugin")
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
	if err == nil && (*judge || *drift) && *flows == "" {
		err = fmt.Errorf("-judge and -drift want -flows")
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
	// What the configuration says of the plugin holds, unless the flag was given.
	settings, profile, given := cfg.Runner().Settings, cfg.Network.Profile(), reflect.ValueOf(cfg.Network).IsZero()
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "ip-block-matches-pods" })
	if given {
		profile.IPBlockMatchesPods = matches
	}
	settings = append(settings, network.PluginProfile.Set(profile))
	var needs []inventory.Need
	if *suggestion+*flows+*queries == "" { // a map alone
		needs = network.ZonesNeeds()
	}
	inv, err := collect(ctx, needs, cfg, settings, flags.Args()...)
	failed(err)
	for _, p := range inv.Problems() {
		fmt.Fprintf(stderr, "%s: %s\n", p.Origin, p.Message)
	}
	z, err := network.ZonesOf(ctx, inv)
	if err != nil {
		failed(err)
		return status
	}
	attribution := z.Attribution(inv)
	var seen []network.Observation
	if *flows != "" {
		in, err := open(*flows, stdin)
		if err != nil {
			failed(err)
			return status
		}
		defer in.Close()
		if *judge {
			failed(netmap.Judge(stdout, network.Flows(in), attribution))
			return status
		}
		seen, err = network.ReadFlows(in)
		failed(err)
	}
	switch {
	case *suggestion != "":
		each, err := network.ParseLevel(*suggestion)
		if err == nil {
			err = suggest(ctx, stdout, inv, attribution, seen, each)
		}
		failed(err)
		return status
	case *against != "":
		before, err := earlier(ctx, *against, level, cfg, settings)
		failed(err)
		if before != nil {
			failed(netmap.WriteDiff(stdout, netmap.Diff(before, netmap.New(z, level))))
		}
		return status
	case *queries == "":
		m := netmap.New(z, level)
		if *flows != "" {
			failed(m.Mark(attribution, seen))
		}
		if *drift {
			m = m.Drift()
		}
		failed(m.Write(stdout, *format))
		return status
	}
	in, err := open(*queries, stdin)
	if err != nil {
		failed(err)
		return status
	}
	defer in.Close()
	failed(netmap.Answer(stdout, in, attribution))
	return status
}

// collect reads what the needs name, and everything where there are none.
func collect(ctx context.Context, needs []inventory.Need, cfg *catalog.Config, settings []inventory.Value, paths ...string) (*inventory.Inventory, error) {
	source := manifest.Paths(manifest.Config{World: cfg.World.Manifest(), OnlyNeeds: true}, paths...)
	return inventory.Collect(ctx, needs, source, settings...)
}

// earlier is the map of an earlier state: one that was saved as text or JSON, or that of manifests.
func earlier(ctx context.Context, path string, level network.Level, cfg *catalog.Config, settings []inventory.Value) (*netmap.Map, error) {
	if data, err := os.ReadFile(path); err == nil {
		if m, ok, err := netmap.Read(data, level); ok {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			return m, err
		}
	}
	inv, err := collect(ctx, network.ZonesNeeds(), cfg, settings, path)
	if err != nil {
		return nil, err
	}
	z, err := network.ZonesOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	return netmap.New(z, level), nil
}

// open opens a file; "-" is standard input.
func open(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(stdin), nil
	}
	return os.Open(path)
}
