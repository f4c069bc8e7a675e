package process

import "github.com/nist190/nist190/inventory"

// Source finds the descriptions of one kind that an inventory holds. The order of processes is that of the inventory.
type Source struct {
	// Name is the kind of description, for people.
	Name string
	// Needs are the kinds that Find reads.
	Needs []inventory.Need
	// Find must not keep the inventory. What cannot be read becomes a problem and costs only itself.
	Find func(inv *inventory.Inventory) Found
}

// Found is what a source came to.
type Found struct {
	Processes []Process
	Joins     []Join
	Tokens    []Token
	Problems  []inventory.Problem
}

// Merge adds what another search found.
func (f *Found) Merge(o Found) {
	f.Processes = append(f.Processes, o.Processes...)
	f.Joins = append(f.Joins, o.Joins...)
	f.Tokens = append(f.Tokens, o.Tokens...)
	f.Problems = append(f.Problems, o.Problems...)
}
