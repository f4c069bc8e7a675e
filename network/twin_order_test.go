package network

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// twinEngine is random worlds of one engine, which can be changed in one way or another.
type twinEngine struct {
	name     string
	settings []inventory.Value
	make     func(t *testing.T, r *rand.Rand) changing
}

// changing is a world that writes itself down, each time as it has become.
type changing struct {
	docs func() []string
	// insert puts a rule that allows, or one that denies, where nothing else changes by it; it reports whether it did.
	insert func(allows bool) bool
	// shuffle changes the order of all that has no order.
	shuffle func()
	// assign makes policies look at a label that controllers give.
	assign func()
	*twinWorld
	decide func(f *twinFlow, c *choices) bool
}

var twinEngines = []twinEngine{
	{"cluster policies", nil, func(t *testing.T, r *rand.Rand) changing {
		w, policies := newEngineWorld(r), newClusterTwins(r)
		return changing{
			twinWorld: w,
			decide:    func(f *twinFlow, c *choices) bool { return w.decideCluster(policies, f, c) },
			docs:      func() []string { return w.clusterDocs(t, policies) },
			assign: func() {
				for _, p := range policies {
					if p.Subject.Pods != nil {
						assign(r, &p.Subject.Pods.PodSelector)
					}
					for _, x := range slices.Concat(p.Rules[Ingress], p.Rules[Egress]) {
						for _, of := range slices.Concat(x.From, x.To) {
							if of.Pods != nil {
								assign(r, &of.Pods.PodSelector)
							}
						}
					}
				}
			},
			insert: func(allows bool) bool {
				p, d := policies[r.IntN(len(policies))], Direction(r.IntN(2))
				rule := p.rule(r, d == Ingress)
				rule.Action = "Deny"
				if allows {
					rule.Action = map[bool]string{true: "Accept", false: "Allow"}[p.Kind == "ClusterNetworkPolicy"]
				}
				before := p.Rules[d]
				p.Rules[d] = slices.Insert(slices.Clone(before), pick(r, 0, 0, len(before)), rule)
				if p.refused() { // with all that it has
					p.Rules[d] = before
					return false
				}
				return true
			},
			shuffle: func() {
				w.shuffle(r)
				shuffle(r, policies)
				for _, p := range policies {
					for _, rules := range p.Rules {
						for _, x := range rules {
							shuffle(r, x.From)
							shuffle(r, x.To)
							shuffle(r, x.Ports)
							shuffle(r, x.Protocols)
						}
					}
				}
			},
		}
	}},
	{"Cilium", []inventory.Value{PluginProfile.Set(Profile{Plugin: "cilium", IPBlockMatchesPods: No})}, func(t *testing.T, r *rand.Rand) changing {
		w := newCiliumTwin(r)
		return changing{
			twinWorld: w.twinWorld,
			decide:    w.decide,
			docs:      func() []string { return w.docs(t) },
			assign: func() {
				for _, p := range w.policies {
					for _, s := range p.specs {
						assign(r, s.selector)
						for _, x := range slices.Concat(s.allow[Ingress], s.allow[Egress], s.deny[Ingress], s.deny[Egress]) {
							for _, of := range x.selectors {
								assign(r, of)
							}
						}
					}
				}
			},
			insert: func(allows bool) bool {
				p := w.policies[r.IntN(len(w.policies))]
				s := &ciliumTwinSpec{selector: ciliumTwinSelector(r), defaultDeny: map[Direction]bool{Ingress: false, Egress: false}}
				d := Direction(r.IntN(2))
				rules := []*ciliumTwinRule{newCiliumTwinRule(r, d, false, allows)}
				if allows {
					s.allow[d] = rules
				} else {
					s.deny[d] = rules
				}
				p.specs = append(p.specs, s)
				return true
			},
			shuffle: func() {
				w.shuffle(r)
				shuffle(r, w.policies)
				for _, p := range w.policies {
					shuffle(r, p.specs)
					for _, s := range p.specs {
						for d := range s.allow {
							shuffle(r, s.allow[d])
							shuffle(r, s.deny[d])
							for _, x := range slices.Concat(s.allow[d], s.deny[d]) {
								shuffle(r, x.selectors)
								shuffle(r, x.blocks)
								shuffle(r, x.entities)
								shuffle(r, x.ports)
							}
						}
					}
				}
			},
		}
	}},
	{"Calico", nil, func(t *testing.T, r *rand.Rand) changing {
		w := newCalicoTwin(r)
		return changing{
			twinWorld: w.twinWorld,
			decide:    w.decide,
			docs:      func() []string { return w.docs(t, r) },
			assign: func() {
				for _, p := range w.policies {
					p.selector = p.selector.assign(r)
					for _, x := range slices.Concat(p.rules[Ingress], p.rules[Egress]) {
						x.source.selector.assign(r)
						x.destination.selector.assign(r)
					}
				}
			},
			insert: func(allows bool) bool {
				p, d := w.policies[r.IntN(len(w.policies))], Direction(r.IntN(2))
				if len(p.types) == 0 && len(p.rules[d]) == 0 {
					return false // it would govern one direction more
				}
				rule := newCalicoTwinRule(r, d)
				rule.action = map[bool]string{true: "Allow", false: "Deny"}[allows]
				p.rules[d] = slices.Insert(p.rules[d], r.IntN(len(p.rules[d])+1), rule)
				return true
			},
			shuffle: func() {
				w.shuffle(r)
				shuffle(r, w.policies)
				shuffle(r, w.tiers)
				shuffle(r, w.sets)
				for _, p := range w.policies {
					shuffle(r, p.types)
					for _, rules := range p.rules {
						for _, x := range rules {
							for _, list := range [][]string{x.source.nets, x.source.notNets, x.source.names, x.destination.nets, x.destination.notNets, x.destination.names, x.destination.ports, x.destination.notPorts} {
								shuffle(r, list)
							}
						}
					}
				}
			},
		}
	}},
}

const assigned = "pod-template-hash"

func assign(r *rand.Rand, s *metav1.LabelSelector) {
	if r.IntN(3) == 0 {
		s.MatchLabels = map[string]string{assigned: pick(r, twinValues...)}
	}
}

// assign makes an expression ask for a label that controllers give.
func (x *calicoExpr) assign(r *rand.Rand) *calicoExpr {
	switch {
	case x == nil:
	case len(x.of) > 0:
		x.of[0].assign(r)
	case x.key == "a" && r.IntN(2) == 0:
		x.key = assigned
	}
	return x
}

func shuffle[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// shuffle changes the order of what NetworkPolicies and pods list.
func (w *twinWorld) shuffle(r *rand.Rand) {
	shuffle(r, w.policies)
	shuffle(r, w.pods)
	for _, p := range w.pods {
		shuffle(r, p.Spec.Containers[0].Ports)
	}
	for _, p := range w.policies {
		shuffle(r, p.Spec.PolicyTypes)
		shuffle(r, p.Spec.Ingress)
		shuffle(r, p.Spec.Egress)
		for _, x := range p.Spec.Ingress {
			shuffle(r, x.From)
			shuffle(r, x.Ports)
		}
		for _, x := range p.Spec.Egress {
			shuffle(r, x.To)
			shuffle(r, x.Ports)
		}
	}
}

// bounds are what passes between any two ends by their names.
func bounds(t *testing.T, docs []string, settings []inventory.Value) map[[2]string][2]Ports {
	t.Helper()
	c, err := Of(context.Background(), testobj.Inventory(t, docs, settings...))
	if err != nil {
		t.Fatal(err)
	}
	ends := map[string]End{}
	for _, p := range c.Pods() {
		ends[p.Ref().String()] = End{Pod: p}
	}
	for _, a := range twinAddrs {
		ends[a] = End{Addr: netip.MustParseAddr(a)}
	}
	out := map[[2]string][2]Ports{}
	for i, from := range ends {
		for j, to := range ends {
			must, may := c.between(from, to)
			out[[2]string{i, j}] = [2]Ports{must, may}
		}
	}
	return out
}

// A rule that allows opens and never closes, whatever else there is; one that denies closes and never opens.
func TestEnginesRulesOnlyOpenOrOnlyClose(t *testing.T) {
	for _, e := range twinEngines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			changed := [2]int{}
			for seed := range 80 + uint64(*worlds)/50 {
				r := rand.New(rand.NewPCG(seed, 440))
				w := e.make(t, r)
				docs := w.docs()
				before := bounds(t, docs, e.settings)
				allows := seed%2 == 0
				if !w.insert(allows) {
					continue
				}
				more := w.docs()
				after := bounds(t, more, e.settings)
				for pair, was := range before {
					is := after[pair]
					for i := range was {
						less, greater := was[i], is[i]
						if !allows {
							less, greater = greater, less
						}
						if !less.Within(greater) {
							t.Fatalf("seed %d, allows %v, %v: must %s, may %s; then %s, %s\n%s\nthen\n%s", seed, allows, pair, was[0], was[1], is[0], is[1], lines(docs), lines(more))
						}
						if !greater.Within(less) {
							changed[b2i(allows)]++
						}
					}
				}
			}
			t.Logf("%d closed, %d opened", changed[0], changed[1])
			if changed[0] == 0 || changed[1] == 0 {
				t.Error("no change")
			}
		})
	}
}

// The order of documents means nothing, nor does that of what they list but for rules that are asked in turn.
func TestEnginesOrderMeansNothing(t *testing.T) {
	for _, e := range twinEngines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for seed := range 30 + uint64(*worlds)/50 {
				r := rand.New(rand.NewPCG(seed, 441))
				w := e.make(t, r)
				docs := w.docs()
				before := bounds(t, docs, e.settings)
				w.shuffle()
				again := w.docs()
				shuffle(r, again)
				after := bounds(t, again, e.settings)
				for pair, was := range before {
					if is := after[pair]; !was[0].Equal(is[0]) || !was[1].Equal(is[1]) {
						t.Fatalf("seed %d, %v: must %s, may %s; then %s, %s\n%s\nthen\n%s", seed, pair, was[0], was[1], is[0], is[1], lines(docs), lines(again))
					}
				}
			}
		})
	}
}
