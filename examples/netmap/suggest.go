package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
)

// suggest prints policies for what workloads refer to and for what was observed, with the proof as comments.
func suggest(ctx context.Context, w io.Writer, inv *inventory.Inventory, z *network.Zones, seen []network.Observation, level network.Level) error {
	required := slices.Concat(z.EntryRequirements(inv), z.References(inv), z.RequiredBy(seen))
	s, err := network.Suggest(ctx, inv, required, level)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# %d policies. Beside the policies that there are: %d required connections do not pass, %d ways are open that nothing requires.\n", len(s.Policies), len(s.Lost), len(s.Excess))
	for _, r := range s.Lost {
		fmt.Fprintf(w, "# does not pass: %s (%s)\n", r.Ports, r.Why)
	}
	for _, e := range s.Excess {
		fmt.Fprintf(w, "# open beyond what is required: %s => %s : %s\n", e.From.Key(), e.To.Key(), e.May)
	}
	for _, text := range s.Skipped {
		fmt.Fprintf(w, "# %s\n", text)
	}
	for _, p := range s.Policies {
		text, err := yaml.Marshal(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "---\n%s", text)
	}
	return nil
}
