// Command place prints on which nodes the workloads in manifests can land, by the rules of the scheduler, the kubelet and
// what admission is known to add.
//
//	place [-o text|json] PATH...
//	place -explain "POD NODE" PATH...    the first predicate that refuses, in the scheduler's words
//	place -grid text|markdown|json|svg PATH...    nodes by sensitivity levels
//	place -suggest PATH...               patches and policies that keep the levels apart, with a proof; never applied
//
// A POD is a pod or workload, namespace/name or Kind/namespace/name. Pools that make nodes (Karpenter, Cluster API, eksctl,
// kops) are named Kind/name. With -kubeconfig, -context or -live the workloads and nodes are those of a cluster. The exit status is 3 where a flag or an input could not be read; what could be read is
// answered all the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/examples/internal/input"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/placement"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := place(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const malfunction = 3

func place(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("place", flag.ContinueOnError)
	flags.SetOutput(stderr)
	format := flags.String("o", "text", "`format`: text or json")
	question := flags.String("explain", "", "`\"POD NODE\"`: why the pod can or cannot land on the node")
	suggestion := flags.Bool("suggest", false, "print patches and policies that keep the sensitivity levels on nodes of their own, with the proof")
	grid := flags.String("grid", "", "print nodes by sensitivity levels, in a `format`: "+strings.Join(placement.GridFormats, ", "))
	now := flags.Bool("now", false, "judge nodes as they are at this moment: cordons and taints that pass count")
	in := input.Add(flags)
	config := flags.String("config", "", "configuration `file`, for the sensitivity scheme")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil { // the flag package has said what is wrong
		return malfunction
	}
	status := 0
	failed := func(err error) {
		if err != nil {
			fmt.Fprintln(stderr, "place:", err)
			status = malfunction
		}
	}
	cfg := &catalog.Config{}
	var err error
	switch {
	case *format != "text" && *format != "json":
		err = fmt.Errorf("-o %s: it is text or json", *format)
	case flags.NArg() == 0 && !in.Live():
		err = input.ErrNothing
	case *config != "":
		cfg, err = catalog.LoadFile(*config)
	}
	if err != nil {
		failed(err)
		return status
	}
	settings := append(cfg.Runner().Settings, placement.ControlPlane.Set(placement.Profile{Now: *now}))
	source, err := in.Source(manifest.Config{World: cfg.World.Manifest()}, flags.Args()...)
	if err != nil {
		failed(err)
		return status
	}
	inv, err := inventory.Collect(ctx, in.Needs(nist190.Needs(placement.Checks()...)), source, settings...)
	failed(err)
	for _, p := range inv.Problems() {
		fmt.Fprintf(stderr, "%s: %s\n", p.Origin, p.Message)
	}
	if unseen := placement.NodesUnseen(inv); unseen != "" {
		fmt.Fprintln(stderr, "place:", unseen)
	}
	s, err := placement.SeparationOf(ctx, inv)
	if err != nil {
		failed(err)
		return status
	}
	switch {
	case *suggestion:
		proposal, err := placement.Suggest(ctx, inv)
		if err == nil {
			err = proposal.WriteYAML(stdout)
		}
		failed(err)
	case *question != "":
		e, err := s.Feasibility.Answer(*question)
		if err == nil {
			_, err = fmt.Fprintln(stdout, &e)
		}
		failed(err)
	case *grid != "":
		failed(s.Grid(inv).Write(stdout, *grid))
	case *format == "json":
		failed(s.WriteJSON(stdout))
	default:
		failed(s.WriteText(stdout))
	}
	return status
}
