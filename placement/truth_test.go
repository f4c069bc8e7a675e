package placement

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The corners of node selection, as k8s.io/component-helpers/scheduling/corev1/nodeaffinity answers.
func TestNodeSelectionTruthTable(t *testing.T) {
	expr := func(op string, values ...string) []corev1.NodeSelectorTerm {
		return []corev1.NodeSelectorTerm{term(req("k", op, values...))}
	}
	field := func(op string, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{req(nodeName, op, values...)}}
	}
	no, with := map[string]string{}, func(v string) map[string]string { return map[string]string{"k": v} }
	for _, tt := range []struct {
		name     string
		selector map[string]string
		terms    []corev1.NodeSelectorTerm
		labels   map[string]string
		want     bool
	}{
		{"NotIn on a node without the label", nil, expr("NotIn", "high"), no, true},
		{"NotIn its value", nil, expr("NotIn", "high"), with("high"), false},
		{"DoesNotExist without the label", nil, expr("DoesNotExist"), no, true},
		{"DoesNotExist, empty value", nil, expr("DoesNotExist"), with(""), false},
		{"Exists, empty value", nil, expr("Exists"), with(""), true},
		{"an empty value is not absence", map[string]string{"k": ""}, nil, no, false},
		{"an empty value", map[string]string{"k": ""}, nil, with(""), true},
		{"Gt 5: 6", nil, expr("Gt", "5"), with("6"), true},
		{"Gt 5: 5", nil, expr("Gt", "5"), with("5"), false},
		{"Gt 5: 06", nil, expr("Gt", "5"), with("06"), true},
		{"Gt 5: abc", nil, expr("Gt", "5"), with("abc"), false},
		{"Gt 5: missing", nil, expr("Gt", "5"), no, false},
		{"Lt 5: missing", nil, expr("Lt", "5"), no, false},
		{"Gt of the greatest number", nil, expr("Gt", "9223372036854775807"), with("9223372036854775807"), false},
		{"no term", nil, []corev1.NodeSelectorTerm{}, with("v"), false},
		{"one empty term", nil, []corev1.NodeSelectorTerm{{}}, with("v"), false},
		{"an empty term or one that matches", nil, append([]corev1.NodeSelectorTerm{{}}, expr("Exists")...), with("v"), true},
		{"an operator that does not exist, or a term that matches", nil, append(expr("Is", "v"), expr("In", "v")...), with("v"), true},
		{"an operator that does not exist", nil, expr("Is", "v"), with("v"), false},
		{"In without values", nil, expr("In"), with("v"), false},
		{"the node by name", nil, []corev1.NodeSelectorTerm{field("In", "n")}, no, true},
		{"another node by name", nil, []corev1.NodeSelectorTerm{field("NotIn", "n")}, no, false},
		{"two names", nil, []corev1.NodeSelectorTerm{field("In", "n", "m")}, no, false},
		{"two requirements of one label", nil, []corev1.NodeSelectorTerm{term(req("k", "In", "a", "b"), req("k", "NotIn", "a"))}, with("b"), true},
		{"selector and term", map[string]string{"k": "a"}, expr("In", "b"), with("a"), false},
	} {
		ways := waysOf(tt.selector, tt.terms, tt.terms != nil)
		got := false
		for i := range ways {
			got = got || ways[i].fits(tt.labels, "n")
		}
		if got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The corners of tolerations, as k8s.io/api/core/v1 answers.
func TestTolerationTruthTable(t *testing.T) {
	seconds := int64(0)
	taint := func(value string, effect corev1.TaintEffect) corev1.Taint {
		return corev1.Taint{Key: "k", Value: value, Effect: effect}
	}
	for _, tt := range []struct {
		name       string
		toleration corev1.Toleration
		taint      corev1.Taint
		compare    bool
		want       bool
	}{
		{"everything", corev1.Toleration{Operator: "Exists"}, taint("v", "NoExecute"), false, true},
		{"everything, of one effect", corev1.Toleration{Operator: "Exists", Effect: "NoSchedule"}, taint("v", "NoExecute"), false, false},
		{"Equal without value", corev1.Toleration{Key: "k", Operator: "Equal"}, taint("v", "NoSchedule"), false, false},
		{"no operator is Equal", corev1.Toleration{Key: "k", Value: "v"}, taint("v", "NoSchedule"), false, true},
		{"no key, Equal, same value", corev1.Toleration{Operator: "Equal", Value: "v"}, taint("v", "NoSchedule"), false, true},
		{"Exists with a value", corev1.Toleration{Key: "k", Operator: "Exists", Value: "other"}, taint("v", "NoSchedule"), false, true},
		{"Gt, gate off", corev1.Toleration{Key: "k", Operator: "Gt", Value: "5"}, taint("6", "NoSchedule"), false, false},
		{"Gt, gate on", corev1.Toleration{Key: "k", Operator: "Gt", Value: "5"}, taint("6", "NoSchedule"), true, true},
		{"Gt, equal", corev1.Toleration{Key: "k", Operator: "Gt", Value: "5"}, taint("5", "NoSchedule"), true, false},
		{"Lt, gate on", corev1.Toleration{Key: "k", Operator: "Lt", Value: "5"}, taint("4", "NoSchedule"), true, true},
		{"not canonical", corev1.Toleration{Key: "k", Operator: "Lt", Value: "05"}, taint("4", "NoSchedule"), true, false},
		{"a taint that is not canonical", corev1.Toleration{Key: "k", Operator: "Lt", Value: "5"}, taint("04", "NoSchedule"), true, false},
		{"for no time at all", corev1.Toleration{Key: "k", Operator: "Exists", TolerationSeconds: &seconds}, taint("v", "NoExecute"), false, true},
		{"an operator that does not exist", corev1.Toleration{Key: "k", Operator: "Is", Value: "v"}, taint("v", "NoSchedule"), true, false},
	} {
		if got := tolerates(&tt.toleration, &tt.taint, tt.compare); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
