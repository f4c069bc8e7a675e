package network

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/inventory"
)

// Requirement is a connection that has to be possible, and why. The zero End is anybody.
type Requirement struct {
	From, To End
	Ports    Ports
	Why      string
}

// Suggestion is NetworkPolicies that let what is required pass and little else, with the proof. Nothing is applied.
type Suggestion struct {
	// Policies are a default deny for each namespace, with DNS, and what lets the required connections pass. What is there
	// already, under the same name and with the same content, is left out.
	Policies []*networkingv1.NetworkPolicy
	// Lost are requirements that do not pass once the policies are added to those that there are: policies of other kinds
	// deny them, or pods cannot be told apart by labels.
	Lost []Requirement
	// Excess is what then may pass beyond what is required. At LevelZone what stays within a zone is meant to pass. What
	// nothing here governs, infrastructure and pods on the host's network among themselves, is not listed.
	Excess []Edge
	// Removed counts the pairs of a workload and another one between which something may pass today and nothing would any
	// more, Narrowed those between which less would.
	Removed, Narrowed int
	// Skipped says what could not be written as a policy.
	Skipped []string
}

// Suggest writes policies for requirements. At [LevelWorkload] there is a policy for each workload. At [LevelNamespace] there
// is one for each namespace, which are fewer and let more pass. At [LevelZone] there is one for each zone of a namespace,
// which lets everything pass within the zone, wherever its pods are, and one for each workload that a requirement leads to
// from another zone: that is the separation by sensitivity level that SP 800-190 asks for, with the fewest policies. A zone
// that shares a namespace with others is told by a label that its workloads have in common, or workload by workload.
//
// Namespaces of infrastructure are left alone. The proof evaluates the inventory anew with the policies in it, beside those
// that are there: those are a union, so that what they allow today stays allowed and shows as excess.
func Suggest(ctx context.Context, inv *inventory.Inventory, required []Requirement, level Level) (*Suggestion, error) {
	if level != LevelWorkload && level != LevelNamespace && level != LevelZone {
		return nil, fmt.Errorf("level %s: want workload, namespace or zone", level)
	}
	z, err := ZonesOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	w := newPolicyWriter(z, inv, level)
	for _, p := range z.m.pods {
		w.namespace(p)
	}
	if level == LevelZone {
		w.zones()
	}
	for _, r := range required {
		w.require(r)
	}
	w.out.Policies = w.named()
	return w.out, w.prove(ctx, required)
}

// prove evaluates the inventory with the policies in it.
func (w *policyWriter) prove(ctx context.Context, required []Requirement) error {
	s := w.out
	var set []*inventory.Object
	for _, p := range s.Policies {
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		o, err := inventory.NewObject(inventory.Item{JSON: raw, Strength: inventory.Inferred})
		if err != nil {
			return err
		}
		set = append(set, o)
	}
	z, err := ZonesOf(ctx, w.inv.With(inventory.Change{Set: set}))
	if err != nil {
		return err
	}
	need := &needed{between: map[[2]string]Ports{}, byAnybody: map[string]Ports{}, outside: map[outsideNeed]Ports{}}
	there := z.byRef()
	for _, r := range required {
		from, err := there.same(r.From)
		if err != nil {
			return err
		}
		to, err := there.same(r.To)
		if err != nil {
			return err
		}
		must := Ports{}
		if r.From == (End{}) {
			must = z.fromAnybody(to.Pod)
		} else {
			must, _ = z.between(from, to)
		}
		if !r.Ports.Within(must) {
			s.Lost = append(s.Lost, r)
		}
		need.add(z, from, to, r.Ports)
	}
	for _, d := range w.dns {
		if d.cache {
			need.cache = dnsPorts([]dnsTarget{d})
			continue
		}
		for _, p := range z.m.pods {
			if p.Namespace == d.namespace && labels.SelectorFromSet(d.selector).Matches(p.Labels) {
				k := z.keyOf(End{Pod: p})
				need.dns = append(need.dns, k)
			}
		}
	}
	after := map[[2]string]Ports{}
	for e := range z.Edges(LevelWorkload) {
		from, to := e.From.Key(), e.To.Key()
		if e.From.Addresses == nil && e.To.Addresses == nil {
			after[[2]string{from, to}] = e.May
		}
		if e.From.Named != nil || e.To.Named != nil {
			continue // what passes to a name passes to addresses
		}
		if w.ungoverned(*e.From) && w.ungoverned(*e.To) || e.From.Host || w.level == LevelZone && e.From.Zone == e.To.Zone && e.From.Zone != "" {
			continue
		}
		rest := need.beyond(&e).Minus(PortRange(Other, 0, 0))
		if slices.Contains(need.dns, to) {
			rest = rest.Minus(dnsPorts(w.dns))
		}
		if !rest.Empty() {
			s.Excess = append(s.Excess, Edge{e.From, e.To, e.Must.Intersect(rest), rest})
		}
	}
	for e := range w.z.Edges(LevelWorkload) {
		if e.From.Addresses != nil || e.To.Addresses != nil {
			continue
		}
		switch now := after[[2]string{e.From.Key(), e.To.Key()}]; {
		case now.Minus(PortRange(Other, 0, 0)).Empty():
			s.Removed++
		case !e.May.Equal(now):
			s.Narrowed++
		}
	}
	return nil
}

// needed is what requirements come to, by places.
type needed struct {
	between   map[[2]string]Ports
	byAnybody map[string]Ports
	outside   map[outsideNeed]Ports
	dns       []string // places that resolve names
	cache     Ports    // what the cache of names on every node is asked on
}

// outsideNeed is a place within the cluster and an address.
type outsideNeed struct {
	place   string
	address netip.Addr
	out     bool // the place connects
}

func (n *needed) add(z *Zones, from, to End, ports Ports) {
	switch {
	case from == (End{}):
		k := z.keyOf(to)
		n.byAnybody[k] = n.byAnybody[k].Union(ports)
	case from.Pod == nil:
		k := outsideNeed{z.keyOf(to), from.Addr, false}
		n.outside[k] = n.outside[k].Union(ports)
	case to.Pod == nil:
		k := outsideNeed{z.keyOf(from), to.Addr, true}
		n.outside[k] = n.outside[k].Union(ports)
	default:
		k := [2]string{z.keyOf(from), z.keyOf(to)}
		n.between[k] = n.between[k].Union(ports)
	}
}

// maxAsked is how many addresses of a block are looked at one by one: a block that is larger was not required.
const maxAsked = 256

// beyond is what of an edge nothing requires.
func (n *needed) beyond(e *Edge) Ports {
	rest := e.May.Minus(n.byAnybody[e.To.Key()])
	a, k := e.From.Addresses, outsideNeed{place: e.To.Key()}
	if e.To.Addresses != nil {
		a, k = e.To.Addresses, outsideNeed{place: e.From.Key(), out: true}
	}
	if a == nil {
		return rest.Minus(n.between[[2]string{e.From.Key(), e.To.Key()}])
	}
	needless := Ports{}
	for _, r := range a.ranges {
		address := r.first
		for range maxAsked {
			k.address = address
			more := rest.Minus(n.outside[k])
			if k.out && address == nodeLocalDNS {
				more = more.Minus(n.cache)
			}
			needless = needless.Union(more)
			if address == r.last {
				break
			}
			address = address.Next()
		}
	}
	return needless
}

// fromAnybody is what a pod certainly lets in whoever it is.
func (z *Zones) fromAnybody(p *Pod) Ports {
	z.m.mu.Lock()
	defer z.m.mu.Unlock()
	return z.m.ports.sets[z.m.in[Ingress][p.class].rest.must]
}

// EntryRequirements are the ways from outside that Services, Ingresses, Gateways and Routes open: from the controllers that
// proxy for clients where they are known, else from anybody.
func (z *Zones) EntryRequirements(inv *inventory.Inventory) []Requirement {
	var out []Requirement
	entries := z.Entries(inv)
	for i := range entries {
		e := &entries[i]
		var ways [][]*Pod
		if e.Proxied && !fromCloud(e.class) {
			ways = z.m.waysTo(e)
		}
		if len(ways) == 0 {
			out = append(out, Requirement{End{}, End{Pod: e.Pod}, e.Ports, e.String()})
		}
		for _, pods := range ways {
			for _, p := range pods {
				out = append(out, Requirement{End{Pod: p}, End{Pod: e.Pod}, e.Ports, e.String()})
			}
		}
	}
	return out
}

// byRef finds the pods of another inventory: these are others, and are told by what they are called, kind included.
type byRef map[inventory.Ref]*Pod

func (z *Zones) byRef() byRef {
	out := byRef{}
	for _, p := range z.m.pods {
		out[p.Ref().Identity()] = p
	}
	return out
}

func (x byRef) same(e End) (End, error) {
	if e.Pod == nil {
		return e, nil
	}
	p := x[e.Pod.Ref().Identity()]
	if p == nil {
		return End{}, fmt.Errorf("%s is not in the inventory", e.Pod.Ref())
	}
	return End{Pod: p}, nil
}

func (z *Zones) keyOf(e End) string {
	if e.Named != nil {
		return e.Named.String()
	}
	if e.Pod == nil {
		return e.Addr.String()
	}
	return z.placeOf(e.Pod, LevelWorkload).Key()
}

// InterfaceRequirements are the connections that declared interfaces stand for: from every workload of the one level to
// those of the other that the interface leads to.
func (z *Zones) InterfaceRequirements(inv *inventory.Inventory) ([]Requirement, error) {
	declared, err := z.declared(inv)
	if err != nil {
		return nil, err
	}
	// Pods of a workload that no policy tells apart speak once.
	type speaker struct {
		workload *inventory.Workload
		class    int
	}
	seen := map[speaker]bool{}
	var pods []*Pod
	for _, p := range z.m.pods {
		if k := (speaker{p.Workload, p.class}); !seen[k] {
			seen[k] = true
			pods = append(pods, p)
		}
	}
	var out []Requirement
	for i, x := range declared {
		why := fmt.Sprintf("interface %q", Interfaces.Get(inv)[i].Name)
		for _, to := range pods {
			if z.Zone(to) != x.to || !x.where.MatchRef(inv, to.Workload.Ref()) {
				continue
			}
			ports := x.ports.ports.Union((&class{Pod: to}).resolve(x.ports.named)).Minus(PortRange(Other, 0, 0))
			if ports.Empty() {
				continue
			}
			for _, from := range pods {
				if z.Zone(from) == x.from && from.Workload != to.Workload {
					out = append(out, Requirement{End{Pod: from}, End{Pod: to}, ports, why})
				}
			}
		}
	}
	return out, nil
}
