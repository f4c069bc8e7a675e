package network

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var redundantRule = nist190.Metadata{
	ID: "network-redundant-rule", Title: "Rule that allows nothing more than others do", Advisory: true,
	Doc: `Everything that a rule of a NetworkPolicy allows is allowed by other rules, of policies that select at least the same pods.
Rules are a union: who deletes or narrows this one, to close a way, closes nothing. Of rules that stand for each other one
is left out of the report, so that all that are reported can go together.

Before:

    ingress:
    - from: [{podSelector: {}}]
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 8080}]

After: one of the two, whichever is meant.`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityInfo,
	Remediation: "Delete the rule, or narrow the ones that cover it if they are wider than meant.",
	// A pod that was not seen may be one that only this rule is for.
	Needs: everyPod(), Subjects: policyKind,
	Limits: `What is compared is the pods that exist, and one without labels in each namespace: a rule may be meant for pods to come. Only
NetworkPolicies are compared with each other.`,
}

// candidate is a rule with the policy that it is of.
type candidate struct {
	lintRule
	selects peersOf // classes
}

func findRedundantRule(ctx context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.ends()
	type key struct {
		namespace
		d Direction
	}
	bySide := map[key][]*candidate{}
	var order []key
	selections := map[*policy]peersOf{}
	for r := range m.lintRules() {
		s, ok := selections[r.policy]
		if !ok {
			s = m.selection(r.policy)
			selections[r.policy] = s
		}
		k := key{r.policy.namespace, r.d}
		if bySide[k] == nil {
			order = append(order, k)
		}
		bySide[k] = append(bySide[k], &candidate{r, s})
	}
	found := false
	for _, k := range order {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		rest := bySide[k]
		// The last first: what was written before it stays.
		for i := len(rest) - 1; i >= 0; i-- {
			r := rest[i]
			if !r.selects.maybe.meets(x.there) || r.doubt != "" {
				continue
			}
			by := m.coveredBy(r, rest, x.there)
			if len(by) == 0 {
				continue
			}
			found = true
			rest = slices.Delete(slices.Clone(rest), i, i+1)
			evidence := []nist190.Evidence{nist190.At(r.object, r.path...)}
			var names []string
			for _, o := range by {
				if len(evidence) < maxEvidence {
					evidence = append(evidence, nist190.At(o.object, o.path...))
				}
				names = append(names, fmt.Sprintf("%s of %s", inventory.PathString(o.path...), o.short()))
			}
			e.Fail(r.object.Ref(), inventory.PathString(r.path...), "all that it allows is allowed by "+phrase.Shorten(names), evidence...)
		}
	}
	return found, nil
}

// selection is the classes that a policy selects.
func (m *model) selection(p *policy) peersOf {
	var out peersOf
	own := m.inCluster[string(p.namespace)]
	for i := own[0]; i < own[1]; i++ {
		switch p.selects(m.classes[i]) {
		case yes:
			out.sure.set(i)
			out.maybe.set(i)
		case maybe:
			out.maybe.set(i)
		}
	}
	return out
}

// coveredBy lists the rules that together allow all that r may allow, in order; none where something is left over.
func (m *model) coveredBy(r *candidate, others []*candidate, there bitset) []*candidate {
	var able []*candidate
	for _, o := range others {
		if o.rule != r.rule && o.doubt == "" && r.covers(o) {
			able = append(able, o)
		}
	}
	if len(able) == 0 {
		return nil
	}
	// Ports by name are those of the pod that is connected to.
	perClass := r.d == Ingress && slices.ContainsFunc(append(able, r), func(o *candidate) bool { return len(o.rule.ports.named) > 0 })
	used := map[*candidate]bool{}
	some := false
	for i := range r.selects.maybe.each() {
		c := m.classes[i]
		for _, p := range m.partsOf(r.rule, c, r.d) {
			if p.ports == noPorts || p.maybe.empty() {
				continue
			}
			// A rule that only new pods could use is for the lint of selectors.
			some = some || p.maybe.meets(there) || p.maybe.meets(span(len(m.classes), len(m.classes)+len(m.outside)))
			left := map[portID]bitset{p.ports: p.maybe}
			for _, o := range able {
				for _, q := range m.partsOf(o.rule, c, r.d) {
					sure := q.sure
					if o.names(r.rule.peers) {
						sure = sure.or(p.maybe.and(q.maybe))
					}
					if m.takeAway(left, sure, q.ports) {
						used[o] = true
					}
				}
			}
			if len(left) > 0 {
				return nil
			}
		}
		if !perClass {
			break
		}
	}
	if !some {
		return nil
	}
	return slices.DeleteFunc(able, func(o *candidate) bool { return !used[o] })
}

// covers tells whether another rule's policy selects every pod that this one's may select.
func (r *candidate) covers(o *candidate) bool {
	return o.policy == r.policy || r.selects.maybe.minus(o.selects.sure).empty()
}

// names tells whether a rule has all of some peers, word by word: then it does not matter what they match.
func (r *candidate) names(peers []peer) bool {
	for i := range peers {
		if !slices.ContainsFunc(r.rule.peers, func(p peer) bool { return p.same(&peers[i]) }) {
			return false
		}
	}
	return true
}

func (p *peer) same(q *peer) bool {
	if p.everybody != q.everybody || (p.pods == nil) != (q.pods == nil) || p.namespace != q.namespace || p.key != q.key {
		return false
	}
	return slices.Equal(p.block, q.block)
}

// takeAway removes ports from peers of what is left, and tells whether that changed anything.
func (m *model) takeAway(left map[portID]bitset, peers bitset, ports portID) bool {
	changed := false
	for _, id := range sortedKeys(left) {
		have := left[id]
		hit := have.and(peers)
		less := m.ports.sub(id, ports)
		if hit.empty() || less == id {
			continue
		}
		changed = true
		if stay := have.minus(hit); stay.empty() {
			delete(left, id)
		} else {
			left[id] = stay
		}
		if less != noPorts {
			left[less] = left[less].or(hit)
		}
	}
	return changed
}

func sortedKeys(left map[portID]bitset) []portID {
	var out []portID
	for id := range left {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
