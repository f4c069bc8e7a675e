package main

import (
	"context"
	"io"
	"slices"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/network/netmap"
)

// suggest prints policies for the entries that there are, for what the API server calls, for what workloads refer to, for what interfaces declare and for
// what was observed, with the proof as comments.
func suggest(ctx context.Context, w io.Writer, inv *inventory.Inventory, a *network.Attribution, seen []network.Observation, level network.Level) error {
	z := a.Zones()
	declared, err := z.InterfaceRequirements(inv)
	if err != nil {
		return err
	}
	s, err := network.Suggest(ctx, inv, slices.Concat(z.EntryRequirements(inv), z.APIServerRequirements(inv), z.References(inv), declared, a.RequiredBy(seen)), level)
	if err != nil {
		return err
	}
	return netmap.WriteSuggestion(w, s)
}
