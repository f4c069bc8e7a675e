package network

import (
	"fmt"
	"slices"
)

// cell is peers that a pod's policies treat alike, and the ports on which connections are certainly, and possibly,
// allowed in one direction.
type cell struct {
	peers bitset
	verdict
}

// verdict is a lower and an upper bound.
type verdict struct{ must, may portID }

var (
	open   = verdict{allPorts, allPorts}
	closed = verdict{noPorts, noPorts}
)

// state is how far peers of a cell have come on their way through the tiers.
type state struct {
	verdict              // decided: allowed
	left, perhaps portID // undecided: certainly, possibly
	passed, maybe portID // left to the next tier: certainly, possibly
}

// governed is a policy that selects a pod, or may.
type governed struct {
	*policy
	sure truth
}

// peersOf is the peers that a rule speaks of.
type peersOf struct{ sure, maybe bitset } // maybe holds sure as well

// fold takes every peer of a universe through the policies of one pod. Peers that come to the same state are joined, so
// that the work follows the number of distinct answers. note, if any, is told each step of the way.
func (m *model) fold(c *class, d Direction, universe bitset, policies []governed, note func(Step)) []cell {
	cells := map[state]bitset{{verdict: closed, left: allPorts, perhaps: allPorts}: universe}
	for i := 0; i < len(policies); {
		j := i
		isolated, any := no, false
		for ; j < len(policies) && policies[j].tier == policies[i].tier; j++ {
			isolated = max(isolated, min(policies[j].sure, policies[j].dirs[d].isolates))
			any = any || len(policies[j].dirs[d].rules) > 0 || policies[j].dirs[d].isolates != no
		}
		if any {
			for k := i; k < j; {
				// Policies of equal order may come in any order; those that only allow do not mind.
				n := k + 1
				for n < j && policies[n].order == policies[k].order {
					n++
				}
				if onlyAllow(policies[k:n], d) {
					for _, p := range policies[k:n] {
						cells = m.apply(cells, c, d, p, note)
					}
				} else {
					cells = m.applyUnordered(cells, c, d, policies[k:n], note)
				}
				k = n
			}
			cells = m.endTier(cells, policies[i].tier, isolated)
			if note != nil && isolated != no {
				note(isolation(policies[i:j], d, isolated))
			}
		}
		i = j
	}
	out := make([]cell, 0, len(cells))
	merged := map[verdict]bitset{}
	for s, peers := range cells {
		v := verdict{m.ports.or(s.must, s.left), m.ports.or(s.may, s.perhaps)}
		merged[v] = merged[v].or(peers)
	}
	for v, peers := range merged {
		out = append(out, cell{peers, v})
	}
	slices.SortFunc(out, func(a, b cell) int {
		if a.may != b.may {
			return int(a.may) - int(b.may)
		}
		return int(a.must) - int(b.must)
	})
	return out
}

func onlyAllow(ps []governed, d Direction) bool {
	if len(ps) == 1 {
		return true
	}
	for _, p := range ps {
		for i := range p.dirs[d].rules {
			if p.dirs[d].rules[i].action != allow {
				return false
			}
		}
	}
	return true
}

// apply takes every cell through the rules of a policy.
func (m *model) apply(cells map[state]bitset, c *class, d Direction, p governed, note func(Step)) map[state]bitset {
	for i := range p.dirs[d].rules {
		r := &p.dirs[d].rules[i]
		sure := p.sure
		if r.doubt != "" || p.doubt != "" {
			sure = min(sure, maybe)
		}
		for _, part := range m.partsOf(r, c, d) {
			cells = m.hit(cells, part, sure, r.action, func(t truth) {
				if note != nil {
					note(stepOf(p.policy, r, d, t, m.ports.sets[part.ports]))
				}
			})
		}
	}
	return cells
}

// part is peers for which a rule means the same ports.
type part struct {
	peersOf
	ports portID
}

// partsOf resolves named ports: those of the pod itself where it is connected to, those of each peer where it connects.
func (m *model) partsOf(r *rule, c *class, d Direction) []part {
	peers := m.peersOf(r)
	if len(r.ports.named) == 0 {
		return []part{{peers, m.ports.id(r.ports.ports)}}
	}
	if d == Ingress {
		return []part{{peers, m.ports.id(r.ports.ports.Union(c.resolve(r.ports.named)))}}
	}
	byPorts := map[portID]bitset{}
	rest := peers.maybe
	for i := range peers.maybe.and(m.naming(r)).each() {
		id := m.ports.id(r.ports.ports.Union(m.classes[i].resolve(r.ports.named)))
		b := byPorts[id]
		b.set(i)
		byPorts[id] = b
	}
	var ids []portID
	for id, b := range byPorts {
		ids = append(ids, id)
		rest = rest.minus(b)
	}
	slices.Sort(ids)
	out := []part{{peersOf{peers.sure.and(rest), rest}, m.ports.id(r.ports.ports)}}
	for _, id := range ids {
		out = append(out, part{peersOf{peers.sure.and(byPorts[id]), byPorts[id]}, id})
	}
	return out
}

// naming is the classes of which pods have a port that the rule names.
func (m *model) naming(r *rule) bitset {
	if len(r.ports.named) == 0 {
		return nil
	}
	out, ok := m.withPorts[r]
	if !ok {
		for i, c := range m.classes {
			if !c.resolve(r.ports.named).Empty() {
				out.set(i)
			}
		}
		m.withPorts[r] = out
	}
	return out
}

// hit takes every cell through a rule.
func (m *model) hit(cells map[state]bitset, p part, sure truth, a action, met func(truth)) map[state]bitset {
	if p.maybe.empty() {
		return cells
	}
	out := make(map[state]bitset, len(cells)+2)
	put := func(s state, b bitset) {
		if !b.empty() {
			out[s] = out[s].or(b)
		}
	}
	for s, peers := range cells {
		if !peers.meets(p.maybe) {
			put(s, peers)
			continue
		}
		var certain bitset
		if sure == yes {
			certain = peers.and(p.sure)
		}
		touched := peers.and(p.maybe)
		put(s, peers.minus(touched))
		if !certain.empty() {
			put(m.after(s, p.ports, yes, a), certain)
			met(yes)
		}
		if rest := touched.minus(certain); !rest.empty() {
			put(m.after(s, p.ports, maybe, a), rest)
			met(maybe)
		}
	}
	return out
}

// after is a state once a rule matched, or may have.
func (m *model) after(s state, ports portID, t truth, a action) state {
	hit, perhaps := noPorts, m.ports.and(s.perhaps, ports)
	if t == yes {
		hit = m.ports.and(s.left, ports)
	}
	switch a {
	case allow:
		s.must, s.may = m.ports.or(s.must, hit), m.ports.or(s.may, perhaps)
	case pass:
		s.passed, s.maybe = m.ports.or(s.passed, hit), m.ports.or(s.maybe, perhaps)
	}
	// What may be allowed here is allowed for certain where it would be later on: that world differs in nothing else.
	if t == yes || a != allow {
		s.left = m.ports.sub(s.left, perhaps)
	}
	if t == yes {
		// What a rule surely decides is not open any more, whether it was open before or only perhaps.
		s.perhaps = m.ports.sub(s.perhaps, ports)
	}
	return s
}

// applyUnordered: of policies with one priority the plugin may take any first. Where all that match decide alike that is
// the decision; elsewhere it is open.
func (m *model) applyUnordered(cells map[state]bitset, c *class, d Direction, ps []governed, note func(Step)) map[state]bitset {
	out := map[state]bitset{}
	for s, peers := range cells {
		fresh := state{verdict: closed, left: s.left, perhaps: s.perhaps}
		rest := map[state]bitset{}
		// Each policy by itself, over peers that all of them treat alike.
		parts := []struct {
			peers  bitset
			states []state
		}{{peers: peers}}
		for _, p := range ps {
			alone := m.apply(map[state]bitset{fresh: peers}, c, d, p, note)
			next := parts[:0:0]
			for _, x := range parts {
				for st, b := range alone {
					if meet := x.peers.and(b); !meet.empty() {
						next = append(next, struct {
							peers  bitset
							states []state
						}{meet, append(slices.Clone(x.states), st)})
					}
				}
			}
			parts = next
		}
		for _, x := range parts {
			after := m.join(s, fresh, x.states)
			rest[after] = rest[after].or(x.peers)
		}
		for st, b := range rest {
			out[st] = out[st].or(b)
		}
	}
	return out
}

// join is the state after policies of one order, of which each alone would lead to one of the states.
func (m *model) join(before, fresh state, states []state) state {
	t := m.ports
	passed, denied := make([]portID, len(states)), make([]portID, len(states))
	out := before
	out.left, out.perhaps = before.left, before.perhaps
	anyMust, anyMay := noPorts, noPorts
	for i, s := range states {
		// What it may decide, and what it may deny.
		decides := t.sub(fresh.perhaps, s.left)
		surely := t.sub(fresh.left, s.perhaps)
		passed[i] = s.maybe
		denied[i] = t.sub(decides, t.or(s.must, s.passed))
		anyMust, anyMay = t.or(anyMust, surely), t.or(anyMay, decides)
	}
	for i, s := range states {
		against, refused := noPorts, noPorts
		for j := range states {
			if i != j {
				against, refused = t.or(against, t.or(passed[j], denied[j])), t.or(refused, denied[j])
			}
		}
		out.must = t.or(out.must, t.sub(s.must, against))
		out.may = t.or(out.may, s.may)
		// What one allows and another passes on is allowed for certain where later tiers do.
		out.passed = t.or(out.passed, t.sub(t.or(s.must, s.passed), refused))
		out.maybe = t.or(out.maybe, s.maybe)
	}
	out.left = t.sub(before.left, anyMay)
	out.perhaps = t.sub(before.perhaps, anyMust)
	return out
}

// endTier: what is left is denied where a policy of the tier isolates the pod, and goes on to the next tier else.
// NetworkPolicy speaks of TCP, UDP and SCTP; what becomes of the rest where a pod is isolated is the plugin's choice.
func (m *model) endTier(cells map[state]bitset, t tier, isolated truth) map[state]bitset {
	out := make(map[state]bitset, len(cells))
	for s, peers := range cells {
		next := state{verdict: s.verdict}
		switch isolated {
		case yes:
			next.left, next.perhaps = s.passed, s.maybe
		case maybe:
			next.left, next.perhaps = s.passed, m.ports.or(s.perhaps, s.maybe)
		default:
			next.left, next.perhaps = m.ports.or(s.left, s.passed), m.ports.or(s.perhaps, s.maybe)
		}
		if t == policyTier && isolated != no {
			next.may = m.ports.or(next.may, m.ports.and(s.perhaps, m.otherPorts))
		}
		out[next] = out[next].or(peers)
	}
	return out
}

// Step is one rule or policy that had a say in a verdict.
type Step struct {
	Direction Direction
	// Tier is "admin", "policy", "baseline" or the name of another engine's.
	Tier   string
	Policy string
	Rule   int // -1 for the policy as a whole
	// Decision is what it did: "allow", "deny", "pass" or "isolate"; Sure is false where it only may have.
	Decision string
	Sure     bool
	Ports    string
	// Why says why it may not have, where that is known.
	Why string

	covers *Ports // nil for a policy as a whole
}

func (s *Step) speaksOf(p Protocol, port uint16) bool {
	return s.covers == nil || s.covers.Has(p, port)
}

func (s Step) String() string {
	text := fmt.Sprintf("%s: %s", s.Direction, s.Policy)
	if s.Rule >= 0 {
		text += fmt.Sprintf(" rule %d", s.Rule)
	}
	if !s.Sure {
		text += " may"
	}
	text += " " + s.Decision
	if s.Ports != "" {
		text += " " + s.Ports
	}
	if s.Why != "" {
		text += " (" + s.Why + ")"
	}
	return text
}

func stepOf(p *policy, r *rule, d Direction, t truth, ports Ports) Step {
	out := Step{Direction: d, Tier: p.tierName(), Policy: p.String(), Decision: r.action.String(), Sure: t == yes, Ports: ports.String(), covers: &ports, Why: r.doubt, Rule: -1}
	if n := len(r.path); n > 0 {
		if i, ok := r.path[n-1].(int); ok {
			out.Rule = i
		}
	}
	if out.Why == "" {
		out.Why = p.doubt
	}
	if out.Why == "" && t == maybe {
		if i := slices.IndexFunc(r.peers, func(p peer) bool { return p.doubt != "" }); i >= 0 {
			out.Why = r.peers[i].doubt
		}
	}
	return out
}

func isolation(ps []governed, d Direction, t truth) Step {
	out := Step{Direction: d, Rule: -1, Decision: "isolate the pod", Sure: t == yes}
	for _, p := range ps {
		if min(p.sure, p.dirs[d].isolates) == t {
			out.Tier, out.Policy, out.Why = p.tierName(), p.String(), p.doubt
			break
		}
	}
	return out
}

func (p *policy) String() string {
	if p.object == nil {
		return p.name
	}
	r := p.object.Ref()
	if r.Namespace == "" {
		return fmt.Sprintf("%s %q", r.Kind, r.Name)
	}
	return fmt.Sprintf("%s %q", r.Kind, r.Namespace+"/"+r.Name)
}

func (p *policy) tierName() string {
	switch p.tier {
	case adminTier:
		return "admin"
	case policyTier:
		return "policy"
	case baselineTier:
		return "baseline"
	case denyTier:
		return "deny"
	}
	return fmt.Sprintf("tier %v", float64(p.tier))
}
