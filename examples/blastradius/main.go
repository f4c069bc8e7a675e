// Command blastradius prints what is lost with each node of a cluster: what it reads by the node authorizer's rules, and
// what follows from the accounts of its pods.
//
//	blastradius [-o text|json] PATH...
//	blastradius -explain "NODE NAMESPACE/SECRET" PATH...    the way from a node to a Secret, or to another node
//	blastradius -graph NODE PATH...      what follows from one node, as a Mermaid flowchart
//	blastradius -inventory text|json PATH...    the nodes themselves: identity, state, versions, agents
//
// Where no pod is bound to a node, what can land there counts. The exit status is 3 where a flag or an input could not be
// read; what could be read is answered all the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/nodetrust"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const malfunction = 3

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("blastradius", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var a answer
	flags.StringVar(&a.format, "o", "text", "`format`: text or json")
	flags.StringVar(&a.question, "explain", "", "`\"NODE NAMESPACE/SECRET\"` or \"NODE NODE\": the way from the node to it")
	flags.StringVar(&a.graph, "graph", "", "draw what follows from a `node`, as a Mermaid flowchart")
	flags.StringVar(&a.inventory, "inventory", "", "print the inventory of nodes in a `format`: text or json")
	config := flags.String("config", "", "configuration `file`, for the sensitivity scheme")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil { // the flag package has said what is wrong
		return malfunction
	}
	status := 0
	failed := func(err error) {
		if err != nil {
			fmt.Fprintln(stderr, "blastradius:", err)
			status = malfunction
		}
	}
	cfg := &catalog.Config{}
	err := a.check()
	switch {
	case err != nil:
	case flags.NArg() == 0:
		err = errors.New("no manifests: name a file or a directory")
	case *config != "":
		cfg, err = catalog.LoadFile(*config)
	}
	if err != nil {
		failed(err)
		return status
	}
	inv, err := inventory.Collect(ctx, nil, manifest.Paths(manifest.Config{World: cfg.World.Manifest()}, flags.Args()...), cfg.Runner().Settings...)
	failed(err)
	for _, p := range inv.Problems() {
		fmt.Fprintf(stderr, "%s: %s\n", p.Origin, p.Message)
	}
	b, err := nodetrust.BlastRadiusOf(ctx, inv)
	if err != nil {
		failed(err)
		return status
	}
	failed(a.write(ctx, stdout, inv, b))
	return status
}
