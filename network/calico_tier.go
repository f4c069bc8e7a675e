package network

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
)

// orderByName: policies of one order come by name. How those of a namespace compare with global ones differs between
// versions; both together keep their order, which is to say none. So does order 1000, which Kubernetes' policies share.
func orderByName(ps []*policy) {
	type place struct {
		tier  tier
		order float64
	}
	groups := map[place][]*policy{}
	for _, p := range ps {
		if at := (place{p.tier, p.order}); p.tier != denyTier && at != (place{policyTier, 1000}) {
			groups[at] = append(groups[at], p)
		}
	}
	for _, g := range groups {
		global := slices.ContainsFunc(g, func(p *policy) bool { return p.object.Namespace() == "" })
		if global && slices.ContainsFunc(g, func(p *policy) bool { return p.object.Namespace() != "" }) {
			continue
		}
		slices.SortFunc(g, func(a, b *policy) int { return cmp.Compare(calicoName(a.object), calicoName(b.object)) })
		for i, p := range g {
			p.order = above(p.order, i)
		}
	}
}

// above is the n-th number after one; before it, where n is negative.
func above(x float64, n int) float64 {
	for ; n > 0; n-- {
		x = math.Nextafter(x, math.Inf(1))
	}
	for ; n < 0; n++ {
		x = math.Nextafter(x, math.Inf(-1))
	}
	return x
}

// last is the order of what has none: behind every other, with room for more.
const last = 1e300

func orderOf(order *float64) float64 {
	if order == nil {
		return last
	}
	return min(*order, last)
}

// calicoTier is a tier by its place. What none of its policies decides is denied unless it passes.
type calicoTier struct {
	at     tier
	passes bool
}

// calicoTiers orders the tiers, equal ones by name (https://docs.tigera.io/calico/latest/reference/resources/tier), around
// those that Kubernetes' own policies are in. The default tier is always there and always denies.
func (b *builder) calicoTiers() map[string]calicoTier {
	type entry struct {
		name  string
		order float64
		tier  calicoTier
		fixed bool
	}
	list := []entry{
		{"default", float64(policyTier), calicoTier{}, true}, {"adminnetworkpolicy", float64(adminTier), calicoTier{}, true}, {"baselineadminnetworkpolicy", float64(baselineTier), calicoTier{}, true},
	}
	out := map[string]calicoTier{"default": {at: policyTier}}
	for o := range b.calicoObjects("Tier") {
		var t struct {
			Spec struct {
				Order         *float64
				DefaultAction string
			}
		}
		if err := json.Unmarshal(o.JSON(), &t); err != nil || o.Name() == "default" {
			continue // policies of a tier that cannot be read are those of one that is not there
		}
		list = append(list, entry{name: o.Name(), order: orderOf(t.Spec.Order), tier: calicoTier{passes: t.Spec.DefaultAction == "Pass"}})
	}
	slices.SortFunc(list, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.name, y.name), cmp.Compare(b2i(y.fixed), b2i(x.fixed)))
	})
	for i := 0; i < len(list); {
		j, fixed := i, i
		for ; j < len(list) && list[j].order == list[i].order; j++ {
			if list[j].fixed {
				fixed = j
			}
		}
		for k := i; k < j; k++ {
			if !list[k].fixed {
				list[k].tier.at = tier(above(list[k].order, k-fixed))
				out[list[k].name] = list[k].tier
			}
		}
		i = j
	}
	return out
}
