package network

import (
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// namePattern is hosts that a policy admits by name.
type namePattern struct {
	text string
	// deep patterns have stars that stand for several labels; others stand for a part of one.
	deep bool
}

// admits tells whether the pattern surely holds a host, or all hosts of another pattern.
func (p namePattern) admits(host string) bool {
	pattern := hostName(p.text)
	switch {
	case pattern == host || pattern == "*":
		return true
	case p.deep:
		return hostWithin(host, pattern)
	case strings.Contains(host, "*"):
		return false
	}
	want, have := strings.Split(pattern, "."), strings.Split(host, ".")
	return len(want) == len(have) && !slices.ContainsFunc(want, func(w string) bool {
		h := have[0]
		have = have[1:]
		return !glob(w, h)
	})
}

// glob matches a label with stars, each of which stands for any characters.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	s, ok := strings.CutPrefix(s, head)
	if !ok || !star {
		return ok && s == ""
	}
	for i := 0; i <= len(s); i++ {
		if glob(rest, s[i:]) {
			return true
		}
	}
	return false
}

// named makes peers of what policies admit by name. Everything else they may be as well, since names share addresses.
func (b *builder) byName(o *inventory.Object, peers []peer, patterns ...namePattern) []peer {
	for _, p := range patterns {
		if isHost(p.text) {
			b.host(p.text, o)
		}
	}
	for i := range peers {
		peers[i].names = patterns
	}
	return peers
}

// as is policies as they are for a host: rules that admit it by name surely match it, whatever its address. done forgets
// the copies.
func (m *model) as(host string, policies []governed, d Direction) (out []governed, done func()) {
	var copies []*rule
	for i, p := range policies {
		rules := p.dirs[d].rules
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.admits(host) }) {
			continue
		}
		if out == nil {
			out = slices.Clone(policies)
		}
		own := *p.policy
		own.dirs[d].rules = slices.Clone(rules)
		for j := range own.dirs[d].rules {
			r := &own.dirs[d].rules[j]
			copies = append(copies, r)
			if !r.admits(host) {
				continue
			}
			r.peers = slices.Clone(r.peers)
			for k := range r.peers {
				if r.peers[k].admits(host) {
					r.peers[k] = peer{everybody: true}
				}
			}
		}
		out[i].policy = &own
	}
	if out == nil {
		return policies, func() {}
	}
	return out, func() {
		for _, r := range copies {
			delete(m.ofRule, r)
			delete(m.withPorts, r)
		}
	}
}

func (r *rule) admits(host string) bool {
	return r.action == allow && slices.ContainsFunc(r.peers, func(p peer) bool { return p.admits(host) })
}

func (p *peer) admits(host string) bool {
	return slices.ContainsFunc(p.names, func(n namePattern) bool { return n.admits(host) })
}

// admits tells whether a policy of the group admits a host by its name.
func (g *group) admits(host string) bool {
	return slices.ContainsFunc(g.policies, func(p governed) bool {
		return slices.ContainsFunc(p.dirs[Egress].rules, func(r rule) bool { return r.admits(host) })
	})
}
