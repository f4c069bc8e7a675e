package rbac

import (
	"slices"
	"testing"

	"github.com/nist190/nist190"
)

// The table of powers holds together.
func TestPowers(t *testing.T) {
	ids := map[string]*power{}
	for i := range powers {
		p := &powers[i]
		if ids[p.id] != nil {
			t.Errorf("%s is there twice", p.id)
		}
		ids[p.id] = p
		if (p.rules == nil) == (len(p.clauses) == 0) {
			t.Errorf("%s is told neither by clauses nor by rules, or by both", p.id)
		}
		if p.clusterOnly && (p.local != nist190.SeverityUnset || p.privileged != nist190.SeverityUnset) {
			t.Errorf("%s has no severity in a namespace", p.id)
		}
		if p.privileged < p.local {
			t.Errorf("%s costs less in a privileged namespace", p.id)
		}
	}
	for id, p := range ids {
		for _, other := range p.saidBy {
			switch {
			case ids[other] == nil:
				t.Errorf("%s is said by %s, which does not exist", id, other)
			case other == id:
				t.Errorf("%s is said by itself", id)
			}
		}
	}
	table := newTable(37)
	if n, most := len(table.atoms.list), len(bits{})*64; n > most || len(powers) > most {
		t.Errorf("%d requests and %d powers are more than %d bits", n, len(powers), most)
	}
	for _, c := range table.powers {
		for i := range c.clauses {
			if c.clauses[i].empty() {
				t.Errorf("%s: clause %d asks for nothing", c.id, i)
			}
		}
	}
	// Of two powers that say each other, neither would be reported.
	for _, c := range table.powers {
		for _, other := range c.power.saidBy {
			if o := table.powers[table.number[other]]; o.saidBy.has(c.number) {
				t.Errorf("%s and %s say each other", c.id, other)
			}
		}
	}
	// Nor of several in a circle.
	var visit func(id string, path []string)
	visit = func(id string, path []string) {
		if slices.Contains(path, id) {
			t.Fatalf("%v say each other", append(path, id))
		}
		for _, other := range ids[id].saidBy {
			visit(other, append(path, id))
		}
	}
	for id := range ids {
		visit(id, nil)
	}
	t.Logf("%d powers, %d requests", len(table.powers), len(table.atoms.list))
}
