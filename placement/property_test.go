package placement

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

var (
	someKeys   = []string{"a", "b", "c"}
	someValues = []string{"x", "y", "5", "7"}
	someOps    = []string{"In", "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"}
)

func one[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func randomRequirement(r *rand.Rand) corev1.NodeSelectorRequirement {
	op := one(r, someOps...)
	switch op {
	case "In", "NotIn":
		return req(one(r, someKeys...), op, one(r, someValues...), one(r, someValues...))
	case "Gt", "Lt":
		return req(one(r, someKeys...), op, one(r, "4", "5", "6"))
	}
	return req(one(r, someKeys...), op)
}

func randomSpec(r *rand.Rand) *corev1.PodSpec {
	s := &corev1.PodSpec{}
	if r.IntN(3) == 0 {
		s.NodeSelector = map[string]string{one(r, someKeys...): one(r, someValues...)}
	}
	if r.IntN(3) > 0 {
		var terms []corev1.NodeSelectorTerm
		for range 1 + r.IntN(2) {
			var rs []corev1.NodeSelectorRequirement
			for range 1 + r.IntN(3) {
				rs = append(rs, randomRequirement(r))
			}
			t := term(rs...)
			if r.IntN(6) == 0 {
				t.MatchFields = []corev1.NodeSelectorRequirement{req(nodeName, one(r, "In", "NotIn"), one(r, "n0", "n1"))}
			}
			terms = append(terms, t)
		}
		s.Affinity = required(terms...)
	}
	if r.IntN(5) == 0 {
		s.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{TopologyKey: one(r, someKeys...), WhenUnsatisfiable: corev1.DoNotSchedule}}
	}
	for range r.IntN(3) {
		s.Tolerations = append(s.Tolerations, randomToleration(r))
	}
	return s
}

func randomToleration(r *rand.Rand) corev1.Toleration {
	return corev1.Toleration{Key: one(r, "a", "b", ""), Operator: one[corev1.TolerationOperator](r, "Exists", "Equal", ""), Value: one(r, someValues...), Effect: one[corev1.TaintEffect](r, "NoSchedule", "NoExecute", "")}
}

func randomTaint(r *rand.Rand) corev1.Taint {
	return corev1.Taint{Key: one(r, "a", "b"), Value: one(r, someValues...), Effect: one[corev1.TaintEffect](r, "NoSchedule", "NoExecute", "PreferNoSchedule")}
}

func randomNode(r *rand.Rand, i int) *Node {
	n := &Node{Name: fmt.Sprintf("n%d", i), Labels: map[string]string{}}
	for range r.IntN(4) {
		n.Labels[one(r, someKeys...)] = one(r, append(someValues, "05", "fresh")...)
	}
	for range r.IntN(3) {
		n.Taints = append(n.Taints, randomTaint(r))
	}
	n.all = n.Taints
	return n
}

func classFor(spec *corev1.PodSpec) *podClass {
	b := &builder{volumes: &volumes{}}
	c := &podClass{demand: b.demandOf(&input{admitted: admitted{selector: spec.NodeSelector, tolerations: spec.Tolerations}, spec: spec, name: spec.NodeName})}
	c.product = c.multiply()
	return c
}

// What is intersected holds what both hold, and is empty only where nothing is in both.
func TestDomains(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 434))
	universe := append([]string{"05", "06", "fresh", "", "4", "6", "-9"}, someValues...)
	for range 20000 {
		q1, q2 := randomRequirement(r), randomRequirement(r)
		a, ok1 := domainOf(&q1)
		b, ok2 := domainOf(&q2)
		if !ok1 || !ok2 {
			t.Fatalf("%v %v", q1, q2)
		}
		both := a.and(b)
		found := both.holds("", false)
		for _, v := range universe {
			if both.holds(v, true) != (a.holds(v, true) && b.holds(v, true)) {
				t.Fatalf("%v and %v: %q", q1, q2, v)
			}
			found = found || both.holds(v, true)
		}
		if both.holds("", false) != (a.holds("", false) && b.holds("", false)) || found && both.empty() {
			t.Fatalf("%v and %v: %+v", q1, q2, both)
		}
		if !found && !both.empty() && !both.ranged {
			t.Fatalf("%v and %v: nothing is in both, and %+v", q1, q2, both)
		}
	}
}

// Pods that are proved to be disjoint share no node, whatever nodes there are.
func TestDisjointPodsShareNoNode(t *testing.T) {
	proved := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 435))
		a, b := classFor(randomSpec(r)), classFor(randomSpec(r))
		if !disjoint(a, b) {
			continue
		}
		proved++
		for i := range 60 {
			n := randomNode(r, i%3)
			if a.refuse(n, true) == nil && b.refuse(n, true) == nil {
				t.Fatalf("seed %d: both land on %v", seed, n.Labels)
			}
		}
	}
	if proved < 300 {
		t.Errorf("only %d pairs are disjoint: the test shows little", proved)
	}
}

// A taint never lets a pod on a node that it could not land on, a toleration never keeps one off, and a label that no pod
// asks for changes nothing.
func TestMonotony(t *testing.T) {
	changed := map[string]int{}
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 436))
		spec, n := randomSpec(r), randomNode(r, 0)
		lands := func(spec *corev1.PodSpec, n *Node) bool { return classFor(spec).refuse(n, true) == nil }
		before := lands(spec, n)

		tainted := *n
		tainted.Taints = append([]corev1.Taint{randomTaint(r)}, n.Taints...)
		if after := lands(spec, &tainted); after && !before {
			t.Fatalf("seed %d: a taint let it in", seed)
		} else if after != before {
			changed["taint"]++
		}
		tolerant := spec.DeepCopy()
		tolerant.Tolerations = append(tolerant.Tolerations, randomToleration(r))
		if after := lands(tolerant, n); !after && before {
			t.Fatalf("seed %d: a toleration kept it off", seed)
		} else if after != before {
			changed["toleration"]++
		}
		relabelled := *n
		relabelled.Labels = maps.Clone(n.Labels)
		relabelled.Labels["other"] = "x"
		if lands(spec, &relabelled) != before {
			t.Fatalf("seed %d: a label that nobody asks for", seed)
		}
		narrowed := *classFor(spec).demand
		narrowed.mayHold = &group{plugin: "NodeAffinity", reason: reasonAffinity, ways: waysOf(map[string]string{"a": "x"}, nil, false)}
		narrowed.mayOpen = []corev1.Toleration{randomToleration(r)}
		if narrowed.refuse(n, true) != nil && narrowed.refuse(n, false) == nil {
			t.Fatalf("seed %d: what is certain is not possible", seed)
		}
	}
	if changed["taint"] < 100 || changed["toleration"] < 100 {
		t.Errorf("the test shows little: %v", changed)
	}
}

// Whatever lands on a node that a pool can make lands on the pool, alone and together.
func TestPoolsHoldTheirNodes(t *testing.T) {
	hits := 0
	for seed := range uint64(9000) {
		r := rand.New(rand.NewPCG(seed, 437))
		pool := &Node{Name: "NodePool/p", Pool: true, Labels: map[string]string{}, domains: map[string]domain{}, names: domain{present: true, values: []string{"n0"}}}
		for _, k := range someKeys {
			pool.domains[k] = anything
		}
		for range r.IntN(3) {
			q := randomRequirement(r)
			d, _ := domainOf(&q)
			pool.domains[q.Key] = pool.domains[q.Key].and(d)
		}
		made := randomNode(r, 1)
		pool.Taints = made.Taints
		fits := true
		for _, k := range someKeys {
			v, ok := made.Labels[k]
			d := pool.label(k)
			fits = fits && d.holds(v, ok)
		}
		if !fits {
			continue
		}
		a, b := classFor(randomSpec(r)), classFor(randomSpec(r))
		onMade := a.refuse(made, true) == nil
		if onMade && a.refuse(pool, true) != nil {
			t.Fatalf("seed %d: it lands on %v and not on the pool", seed, made.Labels)
		}
		if onMade && b.refuse(made, true) == nil {
			hits++
			if !together(a, b, pool) {
				t.Fatalf("seed %d: both land on %v and not on the pool", seed, made.Labels)
			}
		}
	}
	if hits < 100 {
		t.Errorf("only %d pairs meet: the test shows little", hits)
	}
}
