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
//	netmap -kubeconfig FILE [-context NAME]   of a cluster; all others but the first path of -diff take it too
//
// A file of queries has lines {"src":"ns/pod","dst":"ns/pod","protocol":"TCP","port":80}, of which either end may be a
// pod, a workload, an address or the name of a host, and the second a Service; "-" is standard input. The exit status is 3
// where a flag, an input or a query could not be read; what could be read is answered all the same.
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

	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
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
	o, err := parseFlags(args, stderr)
	var told usage
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err == nil:
		err = o.run(ctx, stdin, stdout, stderr)
	case !errors.As(err, &told):
		return malfunction // the flag package has said what is wrong
	}
	if err != nil {
		fmt.Fprintln(stderr, "netmap:", err)
		return malfunction
	}
	return 0
}

// run does what is asked with what could be read; the error says what could not.
func (o *options) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	cfg := &catalog.Config{}
	if o.config != "" {
		var err error
		if cfg, err = catalog.LoadFile(o.config); err != nil {
			return err
		}
	}
	s := &state{options: o, cfg: cfg, settings: o.settings(cfg)}
	source, err := o.input.Source(s.manifests(), o.paths...)
	if err != nil {
		return err
	}
	inv, unread := inventory.Collect(ctx, o.needs(), source, s.settings...)
	for _, p := range inv.Problems() {
		fmt.Fprintf(stderr, "%s: %s\n", p.Origin, p.Message)
	}
	z, err := network.ZonesOf(ctx, inv)
	if err != nil {
		return errors.Join(unread, err)
	}
	s.inv, s.zones = inv, z
	return errors.Join(unread, s.answer(ctx, stdin, stdout))
}

// answer is the one thing that the flags ask for.
func (s *state) answer(ctx context.Context, stdin io.Reader, w io.Writer) error {
	seen, done, err := s.flowsRead(stdin, w)
	switch {
	case done:
		return err
	case s.suggestion != "":
		return errors.Join(err, s.suggest(ctx, w, seen))
	case s.against != "":
		return errors.Join(err, s.diff(ctx, w))
	case s.queries != "":
		return errors.Join(err, s.query(stdin, w))
	}
	m := netmap.New(s.zones, s.level)
	if s.flows != "" {
		err = errors.Join(err, m.Mark(s.zones.Attribution(s.inv), seen))
	}
	if s.drift {
		m = m.Drift()
	}
	return errors.Join(err, m.Write(w, s.format))
}
