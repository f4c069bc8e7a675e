package network

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// peers reads one kind of peers; some tells whether its list has any.
func (r *ciliumReader) peers(member string, raw json.RawMessage, at []any) (out []peer, some, known bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || member == "" {
		return nil, true, false
	}
	var entities []string
	for i, item := range list {
		path := append(slices.Clone(at), i)
		switch member {
		case "Endpoints":
			out = append(out, r.endpoints(item, path)...)
		case "CIDR":
			var cidr string
			if json.Unmarshal(item, &cidr) != nil {
				return nil, true, false
			}
			out = append(out, r.block(cidr, nil, path)...)
		case "CIDRSet":
			var set struct {
				CIDR              string
				Except            []string
				CIDRGroupRef      string
				CIDRGroupSelector json.RawMessage
			}
			switch {
			case json.Unmarshal(item, &set) != nil:
				return nil, true, false
			case set.CIDR == "":
				out = append(out, r.outside(r.note(r.object, path, "groups of addresses are not evaluated"))...)
			default:
				out = append(out, r.block(set.CIDR, set.Except, path)...)
			}
		case "Entities":
			var name string
			if json.Unmarshal(item, &name) != nil {
				return nil, true, false
			}
			out = append(out, r.entity(name, path)...)
			entities = append(entities, name)
		case "Nodes":
			out = append(out, r.hosts(r.note(r.object, path, "which nodes a policy selects is not evaluated"))...)
		case "FQDNs":
			var f struct{ MatchName, MatchPattern string }
			if json.Unmarshal(item, &f) != nil {
				return nil, true, false
			}
			out = append(out, r.byName(r.object, r.outside(r.note(r.object, path, "what domain names resolve to is not known")), ciliumNames(f.MatchName, f.MatchPattern)...)...)
		case "Groups":
			out = append(out, r.outside(r.note(r.object, path, "groups of cloud providers are not evaluated"))...)
		case "Services":
			out = append(out, peer{everybody: true, doubt: r.note(r.object, path, "peers by service are not evaluated")})
		default:
			return nil, true, false
		}
	}
	if slices.Contains(entities, "host") && slices.Contains(entities, "remote-node") {
		// Whichever node it is, a pod on its network is one of the two.
		out = append(out, peer{pods: func(c *class) truth { return truthOf(c.Host()) }, key: "cilium nodes"})
	}
	return out, len(list) > 0, true
}

// block never matches pods, which have an identity of their own (https://github.com/cilium/cilium/issues/9209).
func (r *ciliumReader) block(cidr string, except []string, at []any) []peer {
	cidr = withLength(cidr)
	if _, ok := rangeOf(cidr); !ok {
		r.refused = fmt.Sprintf("%q is no CIDR", cidr)
		return r.outside(r.note(r.object, at, "%s", r.refused))
	}
	for _, e := range except {
		if _, ok := rangeOf(withLength(e)); !ok {
			r.refused = fmt.Sprintf("%q is no CIDR", e)
		}
	}
	block := blockOf(&networkingv1.IPBlock{CIDR: cidr, Except: each(except, withLength)})
	r.blocks.id(block)
	return []peer{{block: block, podless: true}}
}

// ciliumNames reads one of toFQDNs (pkg/policy/api/fqdn.go): stars stand for characters of one label, and "**." in front for
// labels. That a rule for DNS lets the agent learn the addresses is taken for granted.
func ciliumNames(name, pattern string) []namePattern {
	if name != "" {
		return []namePattern{{text: name}}
	}
	if rest, ok := strings.CutPrefix(pattern, "**."); ok && !strings.Contains(rest, "*") {
		return []namePattern{{text: "*." + rest, deep: true}}
	}
	return []namePattern{{text: pattern}}
}

// withLength makes an address the block of itself.
func withLength(cidr string) string {
	cidr = strings.TrimSpace(cidr)
	if a, ok := parseAddr(cidr); ok {
		return cidr + "/" + strconv.Itoa(a.BitLen())
	}
	return cidr
}

func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

// outside is every address beyond the cluster.
func (b *builder) outside(doubt string) []peer {
	return each(families, func(f addressRange) peer {
		block := prefixes{f}
		b.blocks.id(block)
		return peer{block: block, podless: true, doubt: doubt}
	})
}

// beyond is what is outside without doubt: nodes have identities of their own.
func (r *ciliumReader) beyond() []peer {
	out := r.outside("")
	for i := range out {
		out[i].hostless = true
	}
	return out
}

// hosts are nodes: pods on their network, which are the node to Cilium, and addresses, which are taken to be private ones.
// Whether it is the own one, or one of those selected, is not known.
func (r *ciliumReader) hosts(doubt string) []peer {
	pods := peer{pods: func(c *class) truth { return min(maybe, truthOf(c.Host())) }, key: "cilium hosts", doubt: doubt}
	block := each(privateCIDRs, func(p netip.Prefix) addressRange { return addressRange{p.Addr(), lastOf(p)} })
	r.blocks.id(block)
	return []peer{pods, {block: block, podless: true, doubt: doubt}}
}

// entity is pkg/policy/api/entity.go.
func (r *ciliumReader) entity(name string, at []any) []peer {
	unknown := func() string { return r.note(r.object, at, "what %s is cannot be told from manifests", name) }
	switch name {
	case "all":
		return world
	case "world":
		return r.beyond()
	case "world-ipv4":
		return r.beyond()[:1]
	case "world-ipv6":
		return r.beyond()[1:]
	case "cluster":
		return []peer{{pods: func(*class) truth { return yes }, key: "cilium cluster"}}
	case "host", "remote-node", "ingress":
		return r.hosts(unknown())
	case "kube-apiserver":
		return r.outside(unknown()) // a node or an address elsewhere
	case "init", "unmanaged":
		return []peer{{pods: r.asPeer(anyPod, true), key: "cilium unlabelled", doubt: unknown()}}
	case "none", "health":
		return nil // never a pod
	}
	return []peer{{everybody: true, doubt: unknown()}}
}

// endpoints is one selector of peers. Unless it says which namespaces, a policy of a namespace finds its own pods only
// (pkg/k8s/apis/cilium.io/utils, getEndpointSelector).
func (r *ciliumReader) endpoints(raw json.RawMessage, at []any) []peer {
	var s metav1.LabelSelector
	if json.Unmarshal(raw, &s) != nil {
		return []peer{{everybody: true, doubt: r.note(r.object, at, "a selector cannot be read")}}
	}
	sel, why := r.selector(&s)
	switch {
	case why != "":
		r.refused = why
		return []peer{{everybody: true, doubt: r.note(r.object, at, "%s", why)}}
	case sel.reserved:
		return []peer{{everybody: true, doubt: r.note(r.object, at, "reserved labels are not evaluated")}}
	}
	out := peer{pods: r.asPeer(sel.matches, true), key: "cilium " + sel.key}
	if !sel.namespaced {
		out.namespace = r.scope
	}
	if (sel.named || sel.namespaced && r.scope != "") && sel.excepts() {
		// No namespace is added, and what has no labels of pods lacks all that is excepted.
		doubt := r.note(r.object, at, "whether a selector that only excepts finds nodes and what is outside of the cluster is not certain")
		return append(append([]peer{out}, r.hosts(doubt)...), r.outside(doubt)...)
	}
	return []peer{out}
}
