package rbac

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// Followed step by step, leads come to all rights for exactly those from whom the search finds a way.
func TestLeadsFollowed(t *testing.T) {
	ctx := context.Background()
	ways, vendors := 0, 0
	for seed := range uint64(150) {
		inv := testobj.Inventory(t, escalationWorld(rand.New(rand.NewPCG(seed, 7))))
		a, err := AccessOf(ctx, inv)
		if err != nil {
			t.Fatal(err)
		}
		e, err := EscalationsOf(ctx, inv)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range a.Subjects() {
			if s == Group(masters) {
				continue
			}
			got, seen := false, map[Subject]bool{s: true}
			for todo := []Subject{s}; len(todo) > 0; todo = todo[1:] {
				for _, l := range e.Leads(todo[0]) {
					if h := l.Hop(e); len(h.Grants) == 0 || h.May == "" {
						t.Fatalf("seed %d: %s: a lead without a grant: %+v", seed, s, l)
					}
					if l.Vendor != "" {
						vendors++
					}
					next := []Subject{l.Account}
					switch l.To {
					case Everything:
						got = true
						continue
					case Accounts:
						next = []Subject{Group(allServiceAccounts + ":" + l.Namespace)}
						for _, x := range a.Subjects() {
							if x.Namespace == l.Namespace {
								next = append(next, x)
							}
						}
					case Account:
					default:
						continue
					}
					for _, x := range next {
						if !seen[x] {
							seen[x] = true
							todo = append(todo, x)
						}
					}
				}
			}
			if want := len(e.ToAdmin(s)) > 0; got != want {
				t.Errorf("seed %d: %s: %v, want %v", seed, s, got, want)
			}
			if got {
				ways++
			}
		}
	}
	if ways < 100 || vendors > 0 {
		t.Errorf("%d ways, %d leads of vendors: the worlds say little", ways, vendors)
	}
}
