package network

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// peers are the other side of a rule. Addresses and selectors together are an intersection, of which the selectors are
// evaluated.
func (r *calicoReader) peers(e *calicoEntity, at []any, doubt func(string, ...any)) ([]peer, error) {
	if len(e.Domains) > 0 {
		if len(e.Nets)+len(e.NotNets) > 0 || e.selects() {
			doubt("domain names beside other peers are not evaluated")
			return world, nil
		}
		why := r.note(r.object, at, "what domain names resolve to is not known")
		return r.byName(r.object, r.outside(why), calicoNames(e.Domains)...), nil
	}
	nets, err := r.nets(e)
	if err != nil || !e.selects() {
		return nets, err
	}
	names, accounts := []string(nil), ""
	if e.ServiceAccounts != nil {
		names, accounts = e.ServiceAccounts.Names, e.ServiceAccounts.Selector
	}
	in, err := r.endpoints(e.NamespaceSelector, e.Selector, names, accounts)
	if err != nil {
		return nil, err
	}
	if len(e.Nets)+len(e.NotNets) > 0 {
		doubt("addresses that selectors are limited to are not evaluated")
	}
	if e.NotSelector == "" {
		return append(r.setsOf(in, nil), in.peer()), nil
	}
	except, err := r.endpoints("all()||global()", e.NotSelector, nil, "")
	if err != nil {
		return nil, err
	}
	if r.scope == "" && e.Selector+e.NamespaceSelector == "" && !e.byAccount() {
		// Everything else, addresses of no set included.
		doubt("all but what a selector finds is not evaluated")
		return world, nil
	}
	both := *in
	both.pods = func(c *class) truth { return min(in.pods(c), not(except.pods(c))) }
	both.key += " not " + except.key
	// What is excepted is left out of what is found, one by one: an address of two sets of which one is excepted is still
	// found (felix/calc/rule_scanner.go, combineMatchesIfPossible).
	return append(r.setsOf(in, except), both.peer()), nil
}

// calicoNames reads domain names, in which a star stands for characters of one label
// (https://docs.tigera.io/calico-enterprise/latest/reference/resources/globalnetworkpolicy#exact-and-wildcard-domain-names).
func calicoNames(domains []string) []namePattern {
	return each(domains, func(d string) namePattern { return namePattern{text: d} })
}

// nets are the blocks of a rule, without those that it excepts; no blocks are every address. A rule that excepts addresses
// of one family alone is one of that family (felix/rules/policy.go, FilterRuleToIPVersion).
func (r *calicoReader) nets(e *calicoEntity) ([]peer, error) {
	var excepts [2]bool // IPv4, IPv6
	for i, n := range slices.Concat(e.NotNets, e.Nets) {
		of, ok := rangeOf(withLength(n))
		if !ok {
			return nil, fmt.Errorf("%q is no CIDR", n)
		}
		if i < len(e.NotNets) {
			excepts[b2i(of.first.Is6())] = true
		}
	}
	if len(e.Nets)+len(e.NotNets) == 0 {
		return world, nil
	}
	blocks := each(e.Nets, withLength)
	if len(blocks) == 0 {
		blocks = []string{"0.0.0.0/0", "::/0"}
	}
	if len(e.NotNets) > 0 {
		blocks = slices.DeleteFunc(blocks, func(cidr string) bool { return !excepts[b2i(strings.Contains(cidr, ":"))] })
	}
	return each(blocks, func(cidr string) peer { return r.addresses(cidr, e.NotNets) }), nil
}

func (r *calicoReader) addresses(cidr string, except []string) peer {
	block := blockOf(&networkingv1.IPBlock{CIDR: cidr, Except: each(except, withLength)})
	r.blocks.id(block)
	return r.blockPeer(block)
}

// setsOf are the addresses of the sets that selectors find.
func (r *calicoReader) setsOf(in, except *calicoEndpoints) []peer {
	var out []peer
	for i := range r.sets {
		s := &r.sets[i]
		t := in.set(s)
		if except != nil {
			t = min(t, not(except.set(s)))
		}
		if t == no {
			continue
		}
		doubt := s.doubt
		if t == maybe && doubt == "" {
			doubt = "whether a set of addresses is selected is not known"
		}
		for _, n := range s.nets {
			if _, ok := rangeOf(withLength(n)); ok {
				p := r.addresses(withLength(n), nil)
				p.doubt = cmp.Or(doubt, p.doubt)
				out = append(out, p)
			}
		}
		if s.doubt != "" {
			unknown := r.outside(s.doubt)
			if len(s.domains) > 0 && t == yes {
				unknown = r.byName(s.object, unknown, calicoNames(s.domains)...)
			}
			out = append(out, unknown...)
		}
	}
	if r.unseen {
		out = append(out, r.outside("not every set of addresses could be seen")...)
	}
	return out
}

// calicoEndpoints is what selectors find.
type calicoEndpoints struct {
	scope namespace
	pods  func(*class) truth
	set   func(*calicoSet) truth
	key   string
	hosts truth // whether they could find endpoints of nodes
}

// peer is the pods. Whether a node has an endpoint, and its labels, are not known.
func (e *calicoEndpoints) peer() peer {
	return peer{namespace: e.scope, key: "calico " + e.key, pods: func(c *class) truth {
		if c.Host() {
			return min(e.hosts, maybe)
		}
		return e.pods(c)
	}}
}

// endpoints reads the selectors of a policy, or of one side of a rule. Without one for namespaces, a policy of a namespace
// is about that one (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go).
func (r *calicoReader) endpoints(namespaces, endpoints string, accounts []string, accountSelector string) (*calicoEndpoints, error) {
	of, err1 := parseCalico(namespaces, true)
	is, err2 := parseCalico(endpoints, false)
	runs, err3 := parseCalico(accountSelector, false)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return nil, err
	}
	for _, key := range is.keys {
		r.uses.labels[key] = true
	}
	usesAccounts := len(accounts) > 0 || accountSelector != "" || slices.ContainsFunc(is.keys, func(k string) bool { return k == calicoAccountLabel || strings.HasPrefix(k, calicoAccountPrefix) })
	r.uses.accounts = r.uses.accounts || usesAccounts
	everywhere := namespaces == "" && r.scope == ""
	out := &calicoEndpoints{key: fmt.Sprintf("%q %q %q %q", namespaces, endpoints, accounts, accountSelector)}
	if namespaces == "" {
		out.scope = r.scope
	}
	scope := out.scope
	inScope := func(n *namespaceInfo) truth {
		switch {
		case everywhere:
			return yes
		case namespaces != "":
			return of.matches(namespaceThing(n))
		case n == nil:
			return no
		}
		return truthOf(namespace(n.name) == scope)
	}
	out.hosts = inScope(nil)
	out.pods = func(c *class) truth {
		t := min(inScope(c.in), is.matches(calicoThing{label: c.calicoLabel}))
		if t == no || accounts == nil && accountSelector == "" {
			return t
		}
		name, has := c.account()
		if len(accounts) > 0 && has == yes && !slices.Contains(accounts, name) {
			return no
		}
		if len(accounts) > 0 {
			t = min(t, has)
		}
		return min(t, runs.matches(calicoThing{label: c.accountLabel}))
	}
	out.set = func(s *calicoSet) truth {
		if len(accounts) > 0 {
			return no
		}
		t := min(inScope(s.namespace), is.matches(calicoThing{label: s.label}))
		return min(t, runs.matches(calicoThing{label: noLabel}))
	}
	return out, nil
}
