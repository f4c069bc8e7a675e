package nodetrust

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
	"github.com/nist190/nist190/sensitivity"
)

// web is the graph of what leads to what. Vertices stand for nodes, accounts that lead somewhere, and what rights lead to;
// accounts from which nothing follows have none, so that it stays small.
type web struct {
	b        *BlastRadius
	vertices []vertex
	edges    [][]edge
	// Of each strongly connected component, in an order in which what it leads to comes before it: whether all rights
	// follow, or every Secret, the highest level, and the nodes. A set is shared where a component adds nothing.
	component []int32
	admin     []bool
	secrets   []bool // every Secret can be read
	level     []sensitivity.Level
	nodes     []bitset
	ofPod     func(*boundPod) *inventory.Workload
}

type vertexKind uint8

const (
	vEverything vertexKind = iota
	vAllNodes
	vNode
	vAccount     // one account
	vAccounts    // those of a namespace
	vSecrets     // those of a namespace, or all
	vNewPods     // in a namespace
	vRunningPods // in a namespace
)

// everything and allNodes are always there.
const everything, allNodes = int32(0), int32(1)

type vertex struct {
	kind      vertexKind
	namespace string
	account   rbac.Subject
	node      int // in the radii
}

type edgeKind uint8

const (
	eToken     edgeKind = iota // of a pod's account
	eSecret                    // a token in a Secret
	eKubelet                   // what the kubelet's own user and group may do
	eLead                      // a right
	eMember                    // an account of the namespace
	eContained                 // every node of all, all of everything
	ePlane                     // the node runs the control plane
	eAdmission                 // NodeRestriction is off
	eNewPod                    // a pod that is root on the node
	ePivot                     // a running pod that can act as its node
)

type edge struct {
	to   int32
	kind edgeKind
	pod  *boundPod // of eToken, ePivot
	lead *rbac.Lead
	why  string // of ePivot: how; of eSecret: the Secret
}

type bitset []uint64

func (s bitset) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

func (s bitset) add(i int) { s[i/64] |= 1 << (i % 64) }

// within reports whether everything of s is in t.
func (s bitset) within(t bitset) bool {
	for i, w := range s {
		if i >= len(t) && w != 0 || i < len(t) && w&^t[i] != 0 {
			return false
		}
	}
	return true
}

// reached are the nodes that follow from a vertex.
func (w *web) reached(v int32) bitset { return w.nodes[w.component[v]] }

// settle computes the components by Tarjan's algorithm, without recursion, and joins what follows from each. Cost: linear
// in edges, plus a set of nodes for each component that adds to what it leads to.
func (w *web) settle(ctx context.Context) error {
	n := len(w.vertices)
	index, low := make([]int32, n), make([]int32, n)
	onStack := make([]bool, n)
	w.component = make([]int32, n)
	var stack []int32
	type frame struct {
		v    int32
		next int
	}
	next := int32(1)
	for root := range int32(n) {
		if index[root] != 0 {
			continue
		}
		calls := []frame{{v: root}}
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			if f.next == 0 {
				index[f.v], low[f.v] = next, next
				next++
				stack = append(stack, f.v)
				onStack[f.v] = true
			}
			if f.next < len(w.edges[f.v]) {
				to := w.edges[f.v][f.next].to
				f.next++
				if index[to] == 0 {
					calls = append(calls, frame{v: to})
				} else if onStack[to] {
					low[f.v] = min(low[f.v], index[to])
				}
				continue
			}
			v := f.v
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				p := calls[len(calls)-1].v
				low[p] = min(low[p], low[v])
			}
			if low[v] != index[v] {
				continue
			}
			at := len(stack) - 1
			for stack[at] != v {
				at--
			}
			members := stack[at:]
			stack = stack[:at]
			for _, m := range members {
				onStack[m] = false
				w.component[m] = int32(len(w.admin))
			}
			if err := w.join(ctx, members); err != nil {
				return err
			}
		}
	}
	return nil
}

// join computes what follows from a component, of which everything that it leads to is done.
func (w *web) join(ctx context.Context, members []int32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	own := int32(len(w.admin))
	admin, secrets, level := false, false, sensitivity.Unclassified
	var set bitset
	shared := true // set is that of another component
	extend := func() {
		if shared || len(set) == 0 {
			fresh := make(bitset, (len(w.b.radii)+63)/64)
			copy(fresh, set)
			set, shared = fresh, false
		}
	}
	for _, m := range members {
		v := &w.vertices[m]
		switch v.kind {
		case vEverything:
			admin = true
		case vNode:
			if !set.has(v.node) {
				extend()
				set.add(v.node)
			}
			level = max(level, w.b.radii[v.node].Own)
		case vAccounts, vSecrets, vNewPods, vRunningPods:
			secrets = secrets || v.kind == vSecrets && v.namespace == ""
			if v.namespace != "" {
				level = max(level, w.b.levels.Namespace(v.namespace).Level)
			}
		case vAccount:
			if v.account.Namespace != "" {
				level = max(level, w.b.levels.Namespace(v.account.Namespace).Level)
			}
		}
		for _, e := range w.edges[m] {
			c := w.component[e.to]
			if c == own {
				continue
			}
			admin, secrets, level = admin || w.admin[c], secrets || w.secrets[c], max(level, w.level[c])
			switch other := w.nodes[c]; {
			case other.within(set):
			case shared && set.within(other):
				set = other
			default:
				extend()
				for i, word := range other {
					set[i] |= word
				}
			}
		}
	}
	w.admin, w.secrets, w.level, w.nodes = append(w.admin, admin), append(w.secrets, secrets), append(w.level, level), append(w.nodes, set)
	return nil
}

// secretsFrom lists the namespaces whose Secrets follow from a vertex; "" for all.
func (w *web) secretsFrom(from int32) []string {
	var out []string
	w.walk(from, func(v int32) bool {
		if x := &w.vertices[v]; (x.kind == vSecrets || x.kind == vNewPods) && !slices.Contains(out, x.namespace) {
			out = append(out, x.namespace)
		}
		return true
	})
	return out
}

// walk visits everything that follows, the nearest first, until visit returns false.
func (w *web) walk(from int32, visit func(v int32) bool) (came map[int32]int32) {
	came = map[int32]int32{from: -1}
	for todo := []int32{from}; len(todo) > 0; todo = todo[1:] {
		if !visit(todo[0]) {
			return came
		}
		for _, e := range w.edges[todo[0]] {
			if _, seen := came[e.to]; !seen {
				came[e.to] = todo[0]
				todo = append(todo, e.to)
			}
		}
	}
	return came
}

// route is a shortest way from a node, by one of its accounts where that is given, to what goal accepts.
func (w *web) route(from int32, by *NodeAccount, goal func(v int32) bool) []edge {
	start := from
	var out []edge
	if by != nil {
		at := slices.IndexFunc(w.edges[from], func(e edge) bool { return e.to == by.leads && e.kind == eToken })
		if at < 0 { // a Secret leads to it as well
			at = slices.IndexFunc(w.edges[from], func(e edge) bool { return e.to == by.leads })
		}
		if at >= 0 {
			out, start = append(out, w.edges[from][at]), by.leads
		}
	}
	end := int32(-1)
	came := w.walk(start, func(v int32) bool {
		if goal(v) && v != from {
			end = v
		}
		return end < 0
	})
	if end < 0 {
		return nil
	}
	var back []int32
	for v := end; v >= 0; v = came[v] {
		back = append(back, v)
	}
	slices.Reverse(back)
	for i, v := range back[1:] {
		at := slices.IndexFunc(w.edges[back[i]], func(e edge) bool { return e.to == v })
		out = append(out, w.edges[back[i]][at])
	}
	return out
}

// way is a shortest way in words; nil where there is none or it has no step.
func (w *web) way(from, to int32) []Step {
	return w.words(from, w.route(from, nil, func(v int32) bool { return v == to }))
}

// words are the steps of a route that begins at a node.
func (w *web) words(from int32, route []edge) []Step {
	if len(route) == 0 {
		return nil
	}
	r := w.b.radii[w.vertices[from].node]
	out := []Step{{Text: r.String()}}
	if ev := r.evidence(); ev != nil {
		out[0].Evidence = ev[0]
	}
	for i := range route {
		out = append(out, w.steps(from, &route[i])...)
		from = route[i].to
	}
	return out
}

// steps are what an edge is in words.
func (w *web) steps(from int32, e *edge) []Step {
	to, of := &w.vertices[e.to], &w.vertices[from]
	switch e.kind {
	case eToken:
		return []Step{{e.pod.String(), e.pod.bound(w.b.radii[of.node].Node)}, {Text: "the token of " + to.account.String()}}
	case eSecret:
		return []Step{{Text: fmt.Sprintf("the token of %s in %s", to.account, e.why)}}
	case eKubelet:
		return []Step{{Text: "what the kubelet itself may do as " + to.account.String()}}
	case eLead:
		hop := e.lead.Hop(w.b.esc)
		out := []Step{{Text: hop.String()}}
		for i, g := range hop.Grants {
			if i > 0 && hop.Grants[i-1].Binding == g.Binding {
				continue
			}
			out = append(out, Step{g.Binding.String() + ", " + g.Binding.Role.String(), nist190.At(g.Binding.Object, "roleRef", "name").Showing(g.Binding.RoleRef.Name)})
		}
		return out
	case eMember:
		return []Step{{Text: to.account.String() + " of the namespace"}}
	case eContained:
		if to.kind == vNode {
			return []Step{{Text: w.b.radii[to.node].String()}}
		}
		return []Step{{Text: "every node"}}
	case ePlane:
		return []Step{{Text: "the control plane, which runs there"}}
	case eAdmission:
		return []Step{{Text: "pods of any account, which the node authorizer lets kubelets create and NodeRestriction, which is off, does not keep them from"}}
	case eNewPod:
		return []Step{{Text: fmt.Sprintf("a new pod that is root on its node, which Pod Security does not refuse in namespace %q", of.namespace)}}
	case ePivot:
		s := Step{Text: fmt.Sprintf("%s, %s", e.pod, e.why)}
		if to.kind == vNode {
			s.Text += ", on " + w.b.radii[to.node].String()
			s.Evidence = e.pod.bound(w.b.radii[to.node].Node)
		}
		return []Step{s}
	}
	return nil
}

// weaver builds a web.
type weaver struct {
	b         *BlastRadius
	inv       *inventory.Inventory
	access    *rbac.Access
	profile   placement.Profile
	accounts  map[Thing]accountSettings
	tokens    map[Thing]rbac.Subject
	workloads []*inventory.Workload
	ofPod     func(*boundPod) *inventory.Workload

	w        *web
	number   map[vertex]int32
	known    map[rbac.Subject]int32 // accounts; -1 for those from which nothing follows
	members  map[string][]rbac.Subject
	pivoting map[string][]pivotAt
	on       map[*nodeReads][]NodeAccount // what was found of the accounts on nodes
}

// pivotAt is a running pod through which its node can be had.
type pivotAt struct {
	node int
	pod  *boundPod
	why  string
}

func (x *weaver) weave(ctx context.Context) (*web, error) {
	x.w, x.number, x.known = &web{b: x.b, ofPod: x.ofPod}, map[vertex]int32{}, map[rbac.Subject]int32{}
	x.on = map[*nodeReads][]NodeAccount{}
	x.vertex(vertex{kind: vEverything})
	x.vertex(vertex{kind: vAllNodes})
	x.link(everything, edge{to: allNodes, kind: eContained})
	for i, r := range x.b.radii {
		r.vertex = x.vertex(vertex{kind: vNode, node: i})
		x.link(allNodes, edge{to: r.vertex, kind: eContained})
	}
	x.members = map[string][]rbac.Subject{}
	for _, s := range x.access.Subjects() {
		if s.Kind == "ServiceAccount" {
			x.members[s.Namespace] = append(x.members[s.Namespace], s)
		}
	}
	x.findPivots()
	for i, r := range x.b.radii {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x.linkNode(r)
	}
	if err := x.w.settle(ctx); err != nil {
		return nil, err
	}
	for _, r := range x.b.radii {
		c := x.w.component[r.vertex]
		r.Admin, r.Level = x.w.admin[c], x.w.level[c]
		r.Level = max(r.Level, r.Own)
	}
	return x.w, nil
}

// vertex is the number of a vertex, which is new where it was not there.
func (x *weaver) vertex(v vertex) int32 {
	n, ok := x.number[v]
	if !ok {
		n = int32(len(x.w.vertices))
		x.number[v] = n
		x.w.vertices = append(x.w.vertices, v)
		x.w.edges = append(x.w.edges, nil)
	}
	return n
}

// link adds an edge. A second one to the same end says nothing new, and is looked for where that costs little.
func (x *weaver) link(from int32, e edge) {
	edges := x.w.edges[from]
	if from == e.to || len(edges) < 32 && slices.ContainsFunc(edges, func(o edge) bool { return o.to == e.to }) {
		return
	}
	x.w.edges[from] = append(edges, e)
}

// account is the vertex of an account, or -1 where nothing follows from it.
func (x *weaver) account(s rbac.Subject) int32 {
	if v, ok := x.known[s]; ok {
		return v
	}
	same := s
	if s.Kind == "ServiceAccount" && len(x.access.BindingsOf(s)) == 0 {
		same = rbac.Group("system:serviceaccounts:" + s.Namespace) // what it has, every account of its namespace has
		if v, ok := x.known[same]; ok {
			x.known[s] = v
			return v
		}
	}
	leads := x.b.esc.Leads(same)
	if len(leads) == 0 {
		x.known[s], x.known[same] = -1, -1
		return -1
	}
	v := x.vertex(vertex{kind: vAccount, account: same})
	x.known[s], x.known[same] = v, v
	for i := range leads {
		x.follow(v, &leads[i])
	}
	return v
}

// follow links an account to what one of its rights leads to.
func (x *weaver) follow(from int32, l *rbac.Lead) {
	e := edge{kind: eLead, lead: l}
	switch l.To {
	case rbac.Everything:
		e.to = everything
	case rbac.Nodes:
		e.to = allNodes
	case rbac.Accounts:
		e.to = x.accountsOf(l.Namespace)
	case rbac.Secrets:
		e.to = x.secretsOf(l.Namespace)
	case rbac.NewPods:
		e.to = x.newPodsIn(l.Namespace)
	case rbac.RunningPods:
		e.to = x.runningPodsIn(l.Namespace)
	case rbac.Account:
		if e.to = x.account(l.Account); e.to < 0 {
			return
		}
	default:
		return
	}
	x.link(from, e)
}

// added is a vertex, and whether it is new.
func (x *weaver) added(v vertex) (int32, bool) {
	_, there := x.number[v]
	return x.vertex(v), !there
}

func (x *weaver) accountsOf(namespace string) int32 {
	v, fresh := x.added(vertex{kind: vAccounts, namespace: namespace})
	if fresh {
		for _, s := range append(slices.Clone(x.members[namespace]), rbac.Group("system:serviceaccounts:"+namespace)) {
			if to := x.account(s); to >= 0 {
				x.link(v, edge{to: to, kind: eMember})
			}
		}
	}
	return v
}

// secretsOf leads to the accounts of which a token is in a Secret.
func (x *weaver) secretsOf(namespace string) int32 {
	v, fresh := x.added(vertex{kind: vSecrets, namespace: namespace})
	if fresh {
		for _, ns := range sortedKeys(x.b.secrets) {
			if namespace != "" && ns != namespace {
				continue
			}
			for _, t := range x.b.secrets[ns] {
				x.linkToken(v, t)
			}
		}
	}
	return v
}

func (x *weaver) linkToken(from int32, t Thing) {
	s, ok := x.tokens[t]
	if !ok {
		return
	}
	if to := x.account(s); to >= 0 {
		x.link(from, edge{to: to, kind: eSecret, why: t.String()})
	}
}

// newPodsIn: who may create pods names the node in them, which no taint keeps off; only admission does.
func (x *weaver) newPodsIn(namespace string) int32 {
	v, fresh := x.added(vertex{kind: vNewPods, namespace: namespace})
	if !fresh || podSecurity(x.inv, namespace) {
		return v
	}
	selector := x.nodeSelector(namespace)
	if len(selector) == 0 {
		x.link(v, edge{to: allNodes, kind: eNewPod})
		return v
	}
	for _, r := range x.b.radii {
		if r.Object == nil || matches(selector, r.Object.Labels()) {
			x.link(v, edge{to: r.vertex, kind: eNewPod})
		}
	}
	return v
}

// nodeSelector is what PodNodeSelector holds the pods of a namespace to (plugin/pkg/admission/podnodeselector).
func (x *weaver) nodeSelector(namespace string) map[string]string {
	if x.profile.PodNodeSelector != placement.On {
		return nil
	}
	if o, ok := x.inv.Get(namespaceKind, "", namespace); ok {
		if set, ok := o.Annotations()["scheduler.alpha.kubernetes.io/node-selector"]; ok {
			return parseSelector(set)
		}
	}
	return x.profile.ClusterNodeSelector
}

func (x *weaver) runningPodsIn(namespace string) int32 {
	v, fresh := x.added(vertex{kind: vRunningPods, namespace: namespace})
	if fresh {
		for _, p := range x.pivoting[namespace] {
			x.link(v, edge{to: x.b.radii[p.node].vertex, kind: ePivot, pod: p.pod, why: p.why})
		}
	}
	return v
}

// findPivots finds, by namespace, the pods that can act as their node, one for each workload and node.
func (x *weaver) findPivots() {
	x.pivoting = map[string][]pivotAt{}
	ways := map[*inventory.Workload]string{}
	for i, r := range x.b.radii {
		done := map[*inventory.Workload]bool{}
		for _, p := range r.own.pods {
			w := x.ofPod(p)
			if w == nil || p.mirror || done[w] || ended(p) {
				continue
			}
			why, ok := ways[w]
			if !ok {
				why = asNode(w)
				ways[w] = why
			}
			if done[w] = true; why != "" {
				x.pivoting[p.namespace] = append(x.pivoting[p.namespace], pivotAt{i, p, why})
			}
		}
	}
}

// linkNode links a node to what is on it.
func (x *weaver) linkNode(r *Radius) {
	if r.ControlPlane {
		x.link(r.vertex, edge{to: everything, kind: ePlane})
	}
	if x.profile.NodeRestriction == placement.Off {
		x.link(r.vertex, edge{to: everything, kind: eAdmission})
	}
	if to := x.account(rbac.Group("system:nodes")); to >= 0 {
		x.link(r.vertex, edge{to: to, kind: eKubelet})
	}
	if s := rbac.User("system:node:" + r.Node); len(x.access.BindingsOf(s)) > 0 {
		if to := x.account(s); to >= 0 {
			x.link(r.vertex, edge{to: to, kind: eKubelet})
		}
	}
	r.Accounts = x.accountsOn(r.own)
	for i := range r.Accounts {
		if a := &r.Accounts[i]; a.leads >= 0 {
			x.link(r.vertex, edge{to: a.leads, kind: eToken, pod: a.pod})
		}
	}
	for _, t := range r.own.things {
		if thing := x.b.Graph.things[t]; thing.Kind == Secret {
			x.linkToken(r.vertex, thing)
		}
	}
}

// accountsOn are the accounts of pods, in order. Nodes on which the same can land share them.
func (x *weaver) accountsOn(own *nodeReads) []NodeAccount {
	if out, ok := x.on[own]; ok {
		return out
	}
	var out []NodeAccount
	at := map[rbac.Subject]int{}
	for _, p := range own.pods {
		if p.mirror || p.spec.ServiceAccountName == "" {
			continue
		}
		s := rbac.ServiceAccount(p.namespace, p.spec.ServiceAccountName)
		i, seen := at[s]
		if seen && out[i].Token {
			continue
		}
		settings := x.accounts[Thing{ServiceAccount, s.Namespace, s.Name}]
		token := !x.b.AudienceRestricted || p.hasToken(settings)
		if !seen {
			i = len(out)
			at[s] = i
			out = append(out, NodeAccount{Account: s, CloudIdentity: settings.identity, pod: p, leads: -1})
		}
		if !token {
			continue
		}
		a := &out[i]
		a.Token, a.pod, a.leads = true, p, x.account(s)
	}
	slices.SortFunc(out, func(a, b NodeAccount) int { return a.Account.Compare(b.Account) })
	x.on[own] = out
	return out
}
