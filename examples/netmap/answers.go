package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/network/netmap"
)

// state is what the answers rest on.
type state struct {
	*options
	cfg      *catalog.Config
	settings []inventory.Value
	inv      *inventory.Inventory
	zones    *network.Zones
}

// manifests are how manifests are read: what the needs name, and everything where there are none.
func (s *state) manifests() manifest.Config {
	return manifest.Config{World: s.cfg.World.Manifest(), OnlyNeeds: true}
}

// flowsRead reads what was observed; with -judge it judges that as it comes, and is done.
func (s *state) flowsRead(stdin io.Reader, w io.Writer) (seen []network.Observation, done bool, err error) {
	if s.flows == "" {
		return nil, false, nil
	}
	in, err := open(s.flows, stdin)
	if err != nil {
		return nil, true, err
	}
	defer in.Close()
	if s.judge {
		return nil, true, netmap.Judge(w, network.Flows(in), s.zones.Attribution(s.inv))
	}
	seen, err = network.ReadFlows(in)
	return seen, false, err
}

// suggest prints policies for the entries that there are, for what the API server calls, for what workloads refer to, for
// what interfaces declare and for what was observed, with the proof as comments.
func (s *state) suggest(ctx context.Context, w io.Writer, seen []network.Observation) error {
	z := s.zones
	declared, err := z.InterfaceRequirements(s.inv)
	if err != nil {
		return err
	}
	required := slices.Concat(z.EntryRequirements(s.inv), z.APIServerRequirements(s.inv), z.References(s.inv), declared, z.Attribution(s.inv).RequiredBy(seen))
	out, err := network.Suggest(ctx, s.inv, required, s.each)
	if err != nil {
		return err
	}
	return netmap.WriteSuggestion(w, out)
}

// diff prints what changed since an earlier state: a map that was saved as text or JSON, or manifests.
func (s *state) diff(ctx context.Context, w io.Writer) error {
	before, err := s.earlier(ctx)
	if err != nil {
		return err
	}
	return netmap.WriteDiff(w, netmap.Diff(before, netmap.New(s.zones, s.level)))
}

func (s *state) earlier(ctx context.Context) (*netmap.Map, error) {
	if data, err := os.ReadFile(s.against); err == nil {
		if m, ok, err := netmap.Read(data, s.level); ok {
			if err != nil {
				err = fmt.Errorf("%s: %w", s.against, err)
			}
			return m, err
		}
	}
	inv, err := inventory.Collect(ctx, network.ZonesNeeds(), manifest.Paths(s.manifests(), s.against), s.settings...)
	if err != nil {
		return nil, err
	}
	z, err := network.ZonesOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	return netmap.New(z, s.level), nil
}

func (s *state) query(stdin io.Reader, w io.Writer) error {
	in, err := open(s.queries, stdin)
	if err != nil {
		return err
	}
	defer in.Close()
	return netmap.Answer(w, in, s.zones.Attribution(s.inv))
}

func open(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(stdin), nil
	}
	return os.Open(path)
}
