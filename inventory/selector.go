package inventory

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Selector is the one way to pick objects: in suppressions, sensitivity rules, attestations and admission rules. Fields
// that are set must all match; within a field one entry must. The zero Selector matches everything. Names, namespaces,
// accounts and nodes are globs as of path.Match ("team-*"); images are globs over the normalised reference, of which the
// registry host is matched whole (see [MatchImage]).
type Selector struct {
	Kinds           []string              `json:"kinds,omitempty"` // "Deployment" or "Deployment.apps"
	Namespaces      []string              `json:"namespaces,omitempty"`
	Names           []string              `json:"names,omitempty"`
	Labels          *metav1.LabelSelector `json:"labels,omitempty"`          // of the object
	PodLabels       *metav1.LabelSelector `json:"podLabels,omitempty"`       // of the pod or pod template
	NamespaceLabels *metav1.LabelSelector `json:"namespaceLabels,omitempty"` // of the object's namespace
	Images          []string              `json:"images,omitempty"`
	Containers      []string              `json:"containers,omitempty"`
	ServiceAccounts []string              `json:"serviceAccounts,omitempty"` // of the pods, or the object itself: "ns/name" or "name"
	Users           []string              `json:"users,omitempty"`
	Groups          []string              `json:"groups,omitempty"`
	Nodes           []string              `json:"nodes,omitempty"` // node objects, or spec.nodeName
}

// Matcher is a compiled Selector. Safe for concurrent use.
type Matcher struct {
	s                                  Selector
	labels, podLabels, namespaceLabels labels.Selector
}

// Compile checks the selector's globs and label selectors.
func (s Selector) Compile() (*Matcher, error) {
	var errs []error
	for _, field := range []struct {
		name  string
		globs []string
	}{
		{"kinds", s.Kinds}, {"namespaces", s.Namespaces}, {"names", s.Names}, {"containers", s.Containers},
		{"serviceAccounts", s.ServiceAccounts}, {"users", s.Users}, {"groups", s.Groups}, {"nodes", s.Nodes}, {"images", s.Images},
	} {
		for _, g := range field.globs {
			if _, err := path.Match(g, ""); err != nil || g == "" {
				errs = append(errs, fmt.Errorf("%s: %q is not a valid pattern", field.name, g))
			}
		}
	}
	m := &Matcher{s: s}
	for _, f := range []struct {
		name string
		in   *metav1.LabelSelector
		out  *labels.Selector
	}{{"labels", s.Labels, &m.labels}, {"podLabels", s.PodLabels, &m.podLabels}, {"namespaceLabels", s.NamespaceLabels, &m.namespaceLabels}} {
		if f.in == nil {
			continue
		}
		sel, err := metav1.LabelSelectorAsSelector(f.in)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
			continue
		}
		*f.out = sel
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

// MatchRef reports whether the selector picks what r names. Labels, images and the like are those of the object in inv;
// where it was not collected, fields that ask for them do not match.
func (m *Matcher) MatchRef(inv *Inventory, r Ref) bool {
	s := &m.s
	if !anyGlob(s.Kinds, r.Kind, r.GroupKind().String()) || !anyGlob(s.Names, r.Name) {
		return false
	}
	if len(s.Namespaces) > 0 {
		ns := r.Namespace
		if r.Kind == "Namespace" && r.Group == "" {
			ns = r.Name
		}
		if ns == "" || !anyGlob(s.Namespaces, ns) {
			return false
		}
	}
	if len(s.Users) > 0 && (r.Kind != "User" || !anyGlob(s.Users, r.Name)) ||
		len(s.Groups) > 0 && (r.Kind != "Group" || !anyGlob(s.Groups, r.Name)) {
		return false
	}
	if m.labels == nil && m.podLabels == nil && m.namespaceLabels == nil &&
		len(s.Images)+len(s.Containers)+len(s.ServiceAccounts)+len(s.Nodes) == 0 {
		return true
	}
	o, _ := inv.Get(r.GroupKind(), r.Namespace, r.Name)
	if m.labels != nil && (o == nil || !m.labels.Matches(labels.Set(o.Labels()))) {
		return false
	}
	if m.namespaceLabels != nil && !m.namespaceLabels.Matches(inv.namespaceLabels(r)) {
		return false
	}
	return m.matchPods(inv, r, o)
}

func (m *Matcher) matchPods(inv *Inventory, r Ref, o *Object) bool {
	s := &m.s
	if len(s.Nodes) > 0 && r.Kind == "Node" && anyGlob(s.Nodes, r.Name) {
		s = &Selector{Images: s.Images, Containers: s.Containers, ServiceAccounts: s.ServiceAccounts}
	}
	if len(s.ServiceAccounts) > 0 && r.Kind == "ServiceAccount" && r.Group == "" {
		if !anyGlob(s.ServiceAccounts, r.Name, r.Namespace+"/"+r.Name) {
			return false
		}
		s = &Selector{Images: s.Images, Containers: s.Containers, Nodes: s.Nodes}
	}
	if m.podLabels == nil && len(s.Images)+len(s.Containers)+len(s.ServiceAccounts)+len(s.Nodes) == 0 {
		return true
	}
	t, ok := podTemplateOf(inv, o)
	if !ok {
		return false
	}
	if m.podLabels != nil && !m.podLabels.Matches(labels.Set(t.Labels)) {
		return false
	}
	if !anyGlob(s.ServiceAccounts, t.Spec.ServiceAccountName, r.Namespace+"/"+t.Spec.ServiceAccountName) ||
		len(s.Nodes) > 0 && (t.Spec.NodeName == "" || !anyGlob(s.Nodes, t.Spec.NodeName)) {
		return false
	}
	if len(s.Images)+len(s.Containers) == 0 {
		return true
	}
	for _, c := range slices.Concat(t.Spec.InitContainers, t.Spec.Containers) {
		if !anyGlob(s.Containers, c.Name) {
			continue
		}
		if len(s.Images) == 0 || slices.ContainsFunc(s.Images, func(p string) bool { return MatchImage(p, c.Image) }) {
			return true
		}
	}
	return false
}

func podTemplateOf(inv *Inventory, o *Object) (*corev1.PodTemplateSpec, bool) {
	if o == nil || !slices.Contains(workloadKinds, o.GroupKind()) {
		return nil, false
	}
	all, err := WorkloadsOf(context.Background(), inv)
	if err != nil {
		return nil, false
	}
	i, ok := slices.BinarySearchFunc(all, o.ref, func(w *Workload, r Ref) int { return w.Ref().Compare(r) })
	if !ok {
		return nil, false
	}
	return &all[i].Template, true
}

func (inv *Inventory) namespaceLabels(r Ref) labels.Set {
	name := r.Namespace
	if r.Kind == "Namespace" && r.Group == "" {
		name = r.Name
	}
	if name == "" {
		return nil
	}
	set := labels.Set{corev1.LabelMetadataName: name}
	if o, ok := inv.Get(NamespaceRef(name).GroupKind(), "", name); ok {
		for k, v := range o.Labels() {
			set[k] = v
		}
		set[corev1.LabelMetadataName] = name
	}
	return set
}

// anyGlob: no patterns match everything.
func anyGlob(patterns []string, values ...string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		for _, v := range values {
			if ok, _ := path.Match(p, v); ok {
				return true
			}
		}
	}
	return false
}
