package placement

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

func placerOver(t *testing.T, scheme sensitivity.Scheme, objects ...string) *placer {
	t.Helper()
	inv := testobj.Inventory(t, objects, sensitivity.Setting.Set(scheme))
	levels, err := sensitivity.LevelsOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return &placer{inv: inv, levels: levels}
}

func req(key, op string, values ...string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOperator(op), Values: values}
}

func term(rs ...corev1.NodeSelectorRequirement) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: rs}
}

func required(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
}

const level = "sensitivity"

func TestHolds(t *testing.T) {
	p := placerOver(t, sensitivity.Scheme{Rules: []sensitivity.Rule{
		{Selector: inventory.Selector{Kinds: []string{"Node"}, Labels: selectorOf("pool", "vault")}, Level: "restricted"},
	}}, `{apiVersion: v1, kind: Node, metadata: {name: vault-1, labels: {pool: vault, kubernetes.io/hostname: vault-1}}}`,
		`{apiVersion: v1, kind: Node, metadata: {name: web-1, labels: {sensitivity: public}}}`,
		`{apiVersion: v1, kind: Node, metadata: {name: bare-1}}`)
	byName := func(op string, names ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{req("metadata.name", op, names...)}}
	}
	for _, tt := range []struct {
		name string
		spec corev1.PodSpec
		want hold
	}{
		{"nothing", corev1.PodSpec{}, loose},
		{"selector", corev1.PodSpec{NodeSelector: map[string]string{level: "restricted"}}, firm},
		{"synonym", corev1.PodSpec{NodeSelector: map[string]string{level: "HIGH"}}, firm},
		{"lower", corev1.PodSpec{NodeSelector: map[string]string{level: "internal"}}, astray},
		{"no level", corev1.PodSpec{NodeSelector: map[string]string{level: "secret"}}, loose},
		{"another key", corev1.PodSpec{NodeSelector: map[string]string{"disk": "restricted"}}, loose},
		{"Pod Security is no level", corev1.PodSpec{NodeSelector: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}, loose},
		{"a pool that a rule classifies", corev1.PodSpec{NodeSelector: map[string]string{"pool": "vault"}}, firm},
		{"In", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted", "high")))}, firm},
		{"In with another level", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted", "public")))}, loose},
		{"In with another level taken out", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted", "public"), req(level, "NotIn", "public")))}, firm},
		{"selector and term narrow each other", corev1.PodSpec{NodeSelector: map[string]string{level: "restricted"}, Affinity: required(term(req("disk", "Exists")))}, firm},
		{"NotIn matches nodes without the label", corev1.PodSpec{Affinity: required(term(req(level, "NotIn", "public", "internal", "confidential")))}, loose},
		{"Exists takes any value", corev1.PodSpec{Affinity: required(term(req(level, "Exists")))}, loose},
		{"DoesNotExist", corev1.PodSpec{Affinity: required(term(req(level, "DoesNotExist")))}, loose},
		{"terms are alternatives", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted")), term(req("disk", "In", "ssd")))}, partial},
		{"an empty term matches nothing", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted")), term())}, firm},
		{"no term matches nothing", corev1.PodSpec{Affinity: required()}, firm},
		{"a term that cannot match", corev1.PodSpec{NodeSelector: map[string]string{level: "public"}, Affinity: required(term(req(level, "In", "internal")))}, firm},
		{"an operator that does not exist is skipped", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted")), term(req(level, "Is", "public")))}, firm},
		{"In without values is skipped", corev1.PodSpec{Affinity: required(term(req(level, "In", "restricted")), term(req("disk", "In")))}, firm},
		{"node by name", corev1.PodSpec{Affinity: required(byName("In", "vault-1"))}, firm},
		{"node by name, of another level", corev1.PodSpec{Affinity: required(byName("In", "web-1"))}, astray},
		{"node by name, not collected", corev1.PodSpec{Affinity: required(byName("In", "gone"))}, unseen},
		{"two names are an error", corev1.PodSpec{Affinity: required(byName("In", "vault-1", "web-1"), term(req(level, "In", "restricted")))}, firm},
		{"not that node", corev1.PodSpec{Affinity: required(byName("NotIn", "web-1"))}, loose},
		{"host name", corev1.PodSpec{NodeSelector: map[string]string{corev1.LabelHostname: "vault-1"}}, firm},
		{"nodeName", corev1.PodSpec{NodeName: "vault-1"}, firm},
		{"nodeName of another level", corev1.PodSpec{NodeName: "web-1"}, astray},
		{"nodeName without level", corev1.PodSpec{NodeName: "bare-1"}, astray},
		{"nodeName, not collected", corev1.PodSpec{NodeName: "gone"}, unseen},
		{"the kubelet checks the selector of a pod with nodeName", corev1.PodSpec{NodeName: "web-1", NodeSelector: map[string]string{level: "restricted"}}, firm},
		{"a toleration holds nobody", corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: level, Value: "restricted"}, {Operator: "Exists"}}}, loose},
	} {
		if got, _, _ := p.holds(&tt.spec, 4); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestHoldsAgainstEveryNode compares with the definition: every node that satisfies the pod has the level. Nodes have
// each combination of the labels that requirements mention and of one value that none does.
func TestHoldsAgainstEveryNode(t *testing.T) {
	p := placerOver(t, sensitivity.Scheme{NodeKeys: []string{level}})
	values := map[string][]string{level: {"", "restricted", "high", "public", "fresh"}, "disk": {"", "ssd", "hdd", "fresh"}}
	var nodes []labels.Set
	for _, l := range values[level] {
		for _, d := range values["disk"] {
			n := labels.Set{}
			if l != "" {
				n[level] = l
			}
			if d != "" {
				n["disk"] = d
			}
			nodes = append(nodes, n)
		}
	}
	satisfies := func(n labels.Set, r corev1.NodeSelectorRequirement) bool {
		v, ok := n[r.Key]
		switch r.Operator {
		case "In":
			return ok && slices.Contains(r.Values, v)
		case "NotIn":
			return !ok || !slices.Contains(r.Values, v)
		case "Exists":
			return ok
		case "DoesNotExist":
			return !ok
		}
		return false
	}
	held := 0
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		key := func() string { return []string{level, level, "disk"}[rng.IntN(3)] }
		some := func(k string) []string {
			var out []string
			for range 1 + rng.IntN(2) {
				out = append(out, values[k][1+rng.IntN(len(values[k])-2)])
			}
			return out
		}
		spec := corev1.PodSpec{}
		if rng.IntN(3) == 0 {
			k := key()
			spec.NodeSelector = map[string]string{k: some(k)[0]}
		}
		if rng.IntN(4) > 0 {
			var terms []corev1.NodeSelectorTerm
			for range rng.IntN(3) {
				var rs []corev1.NodeSelectorRequirement
				for range rng.IntN(4) {
					k := key()
					op := []string{"In", "In", "In", "NotIn", "Exists", "DoesNotExist"}[rng.IntN(6)]
					if op == "In" || op == "NotIn" {
						rs = append(rs, req(k, op, some(k)...))
					} else {
						rs = append(rs, req(k, op))
					}
				}
				terms = append(terms, term(rs...))
			}
			spec.Affinity = required(terms...)
		}
		want := true
		for _, n := range nodes {
			ok := labels.SelectorFromSet(spec.NodeSelector).Matches(n)
			if terms, required := requiredTerms(&spec); ok && required {
				ok = slices.ContainsFunc(terms, func(tm corev1.NodeSelectorTerm) bool {
					return len(tm.MatchExpressions) > 0 && !slices.ContainsFunc(tm.MatchExpressions, func(r corev1.NodeSelectorRequirement) bool { return !satisfies(n, r) })
				})
			}
			if l, known := p.levels.Parse(n[level]); ok && (!known || l != 4) {
				want = false
			}
		}
		got, _, _ := p.holds(&spec, 4)
		if (got == firm) != want {
			t.Fatalf("seed %d: %d, want firm %v: %+v %+v", seed, got, want, spec.NodeSelector, spec.Affinity)
		}
		if want {
			held++
		}
	}
	if held < 200 {
		t.Errorf("only %d are held: the test shows little", held)
	}
}
