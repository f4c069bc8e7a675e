package checktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// rounds is how many random sub-inventories Sound tries beside the systematic ones.
const rounds = 40

// Sound proves on one inventory that the check is honest about missing evidence: it reads no kind that it does not
// declare, and for every sub-inventory with honest coverage each verdict is NotAssessed or equals the verdict on the
// whole. Every kind and every namespace of a kind is taken away in turn, then random parts of several. That nobody looked
// for an alternative ([inventory.Alternative]) is not tried: then another source answers, and may answer otherwise. Cost: the
// check runs about fifty times.
func Sound(t T, check nist190.Check, inv *inventory.Inventory) {
	t.Helper()
	for _, gk := range UndeclaredReads(check, inv) {
		t.Errorf("%s reads %s and does not declare a need for it", check.Metadata().ID, gk)
	}
	s := soundness{t: t, check: check, inv: inv}
	s.full = s.run(inv)
	if s.full == nil {
		return
	}
	s.decided = map[verdictKey]nist190.Status{}
	for f := range s.full.Findings() {
		s.decided[keyOf(f)] = f.Status
	}
	s.systematic()
	s.random()
}

// UndeclaredReads lists the kinds that the check, or a fact on its behalf, reads over inv without declaring them.
func UndeclaredReads(check nist190.Check, inv *inventory.Inventory) []schema.GroupKind {
	view, reads := inv.Record()
	_ = check.Run(context.Background(), &nist190.Eval{Inventory: view}) // an error is judged where the check is run for its verdict
	declared := map[schema.GroupKind]bool{}
	for _, n := range check.Metadata().Needs {
		declared[inventory.CanonicalGroupKind(n.GroupKind())] = true
	}
	return slices.DeleteFunc(reads.Kinds(), func(gk schema.GroupKind) bool { return declared[gk] })
}

type verdictKey struct {
	subject inventory.Ref
	key     string
}

func keyOf(f *nist190.Finding) verdictKey { return verdictKey{f.Subject.Identity(), f.Key} }

// keyInWhole: with its owner hidden, a ReplicaSet or Pod speaks for itself; the whole answers for it under the owner.
func (s *soundness) keyInWhole(f *nist190.Finding) verdictKey {
	k := keyOf(f)
	if _, known := s.decided[k]; known {
		return k
	}
	if o, ok := s.inv.Lookup(f.Subject); ok {
		if chain := s.inv.OwnerChain(o); len(chain) > 0 {
			k.subject = chain[len(chain)-1].Ref().Identity()
		}
	}
	return k
}

type soundness struct {
	t       T
	check   nist190.Check
	inv     *inventory.Inventory
	full    *nist190.Report
	decided map[verdictKey]nist190.Status
}

func (s *soundness) run(inv *inventory.Inventory) *nist190.Report {
	s.t.Helper()
	report, err := nist190.Run(context.Background(), inv, s.check)
	if err != nil {
		s.t.Errorf("%v", err)
		return nil
	}
	return report
}

// kinds are those the check declares, and those that it could read without.
func (s *soundness) kinds() []schema.GroupKind {
	var out []schema.GroupKind
	for _, n := range s.check.Metadata().Needs {
		if gk := inventory.CanonicalGroupKind(n.GroupKind()); !slices.Contains(out, gk) {
			out = append(out, gk)
		}
	}
	for _, gk := range s.inv.Kinds() {
		if !slices.Contains(out, gk) {
			out = append(out, gk)
		}
	}
	return out
}

func (s *soundness) systematic() {
	s.t.Helper()
	for _, gk := range s.kinds() {
		for _, state := range []inventory.State{inventory.Forbidden, inventory.NotCollected} {
			if state == inventory.NotCollected && s.isAlternative(gk) {
				continue
			}
			s.try(fmt.Sprintf("%s is %s", gk, state), nil, entry(gk, "", state))
		}
		for _, ns := range s.namespaces(gk) {
			s.try(fmt.Sprintf("%s in namespace %s is Forbidden", gk, ns), nil, entry(gk, ns, inventory.Forbidden))
		}
	}
}

func (s *soundness) isAlternative(gk schema.GroupKind) bool {
	return slices.ContainsFunc(s.check.Metadata().Needs, func(n inventory.Need) bool {
		return n.Bias == inventory.Alternative && inventory.CanonicalGroupKind(n.GroupKind()) == gk
	})
}

func entry(gk schema.GroupKind, ns string, state inventory.State) inventory.CoverageEntry {
	return inventory.CoverageEntry{Group: gk.Group, Kind: gk.Kind, Namespace: ns, Coverage: inventory.Coverage{State: state, Reason: "taken away"}}
}

func (s *soundness) namespaces(gk schema.GroupKind) []string {
	var out []string
	for o := range s.inv.ByKind(gk) {
		if ns := o.Namespace(); ns != "" && !slices.Contains(out, ns) {
			out = append(out, ns)
		}
	}
	return out
}

// random hides random objects of random kinds, and states Partial for each kind in which it hid one.
func (s *soundness) random() {
	s.t.Helper()
	kinds := s.kinds()
	if len(kinds) == 0 {
		return
	}
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 190))
		hidden := map[inventory.Ref]bool{}
		var entries []inventory.CoverageEntry
		for range 1 + rng.IntN(3) {
			gk := kinds[rng.IntN(len(kinds))]
			touched := false
			for o := range s.inv.ByKind(gk) {
				if rng.IntN(2) == 0 {
					hidden[o.Ref()] = true
					touched = true
				}
			}
			if touched {
				entries = append(entries, entry(gk, "", inventory.Partial))
			}
		}
		s.try(fmt.Sprintf("random part %d is hidden (%v)", seed, entries), func(o *inventory.Object) bool { return hidden[o.Ref()] }, entries...)
	}
}

func (s *soundness) try(what string, hide func(*inventory.Object) bool, entries ...inventory.CoverageEntry) {
	s.t.Helper()
	part := s.run(s.inv.Mask(hide, entries...))
	if part == nil {
		return
	}
	id := s.check.Metadata().ID
	for f := range part.Findings() {
		if f.Status == nist190.NotAssessed || f.Status == nist190.Error {
			continue
		}
		whole, known := s.decided[s.keyInWhole(f)]
		if !known {
			s.t.Errorf("%s: when %s, it says %s of %s %q (%s), of which it says nothing on complete evidence", id, what, f.Status, f.Subject, f.Key, f.Message)
		} else if whole != f.Status && whole != nist190.NotAssessed {
			s.t.Errorf("%s: when %s, it says %s of %s %q (%s), and %s on complete evidence", id, what, f.Status, f.Subject, f.Key, f.Message, whole)
		}
	}
	was, is := s.full.Checks[0].Status, part.Checks[0].Status
	if was == nist190.Fail && (is == nist190.Pass || is == nist190.NotApplicable) {
		s.t.Errorf("%s: when %s, the check says %s, and Fail on complete evidence", id, what, is)
	}
}
