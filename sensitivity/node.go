package sensitivity

import (
	"slices"

	"github.com/nist190/nist190/inventory"
)

// controlPlaneLabels mark the nodes of the control plane. Kubelets cannot set them on themselves where NodeRestriction
// is on (plugin/pkg/admission/noderestriction).
var controlPlaneLabels = []string{"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}

// Node classifies a node by its labels and the rules. It reads nothing from inv but what rules select by; the caller has
// read the node. Nodes are no part of [LevelsOf], since manifests rarely hold any.
func (l *Levels) Node(inv *inventory.Inventory, node *inventory.Object) Class {
	sources := l.scheme.label(NodeLabel, node.Ref(), node.Labels(), inventory.At{Object: node, Path: []any{"metadata", "labels"}})
	sources = append(sources, l.scheme.matching(inv, node.Ref())...)
	for _, key := range controlPlaneLabels {
		if _, ok := node.Labels()[key]; ok {
			sources = append(sources, Source{Kind: ControlPlaneNode, Level: Infra, Of: node.Ref()})
			break
		}
	}
	return merge(sources)
}

// NodesWith is the level that every node has whose labels take one of the allowed values, per key; Unclassified where
// they need not have one level. It looks at labels and at rules that select nodes by matchLabels, which is all that a
// node selector can promise of nodes that do not exist yet.
func (l *Levels) NodesWith(allowed map[string][]string) Level {
	for _, key := range l.scheme.NodeKeys {
		values, ok := allowed[key]
		if !ok || len(values) == 0 {
			continue
		}
		first, ok := l.Parse(values[0])
		if !ok {
			continue
		}
		if !slices.ContainsFunc(values, func(v string) bool { got, ok := l.Parse(v); return !ok || got != first }) {
			return first
		}
	}
	highest := Unclassified
	for _, r := range l.scheme.rules {
		if r.level > highest && r.matcher != nil && nodesByLabel(r.Selector) && promised(r.Selector.Labels.MatchLabels, allowed) {
			highest = r.level
		}
	}
	return highest
}

// nodesByLabel: rules of nodes that look at their labels alone.
func nodesByLabel(s inventory.Selector) bool {
	if s.Labels == nil || len(s.Labels.MatchLabels) == 0 || len(s.Labels.MatchExpressions) > 0 || !slices.Equal(s.Kinds, []string{"Node"}) {
		return false
	}
	return len(s.Namespaces)+len(s.Names)+len(s.Images)+len(s.Containers)+len(s.ServiceAccounts)+len(s.Users)+len(s.Groups)+len(s.Nodes) == 0 &&
		s.PodLabels == nil && s.NamespaceLabels == nil
}

func promised(want map[string]string, allowed map[string][]string) bool {
	for k, v := range want {
		if !slices.Equal(allowed[k], []string{v}) {
			return false
		}
	}
	return true
}
