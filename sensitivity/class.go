package sensitivity

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nist190/nist190/inventory"
)

// Class is where something stands, and why.
type Class struct {
	Level Level
	// Floor is the highest level that is known to apply. It differs from Level where a value that is no level hides what
	// else was meant: Level is then Unclassified.
	Floor Level
	// Sources are what was said, the decisive first.
	Sources []Source
}

// Known reports whether there is a level; neither Infra nor Unclassified is one.
func (c Class) Known() bool { return c.Level > 0 }

// Unknown lists the sources whose value is no level.
func (c Class) Unknown() []Source {
	var out []Source
	for _, s := range c.Sources {
		if s.unknown() {
			out = append(out, s)
		}
	}
	return out
}

// Because tells what decided, as a clause: `namespace "shop" is labelled sensitivity=internal`.
func (c Class) Because() string {
	if len(c.Sources) == 0 {
		return "nothing says so"
	}
	return c.Sources[0].String()
}

// SourceKind tells the sources apart.
type SourceKind uint8

const (
	NamespaceLabel SourceKind = iota + 1
	WorkloadLabel             // of the workload's object; its author owns it
	PodLabel                  // of the pod template
	DataLabel                 // of a Secret, ConfigMap or claim that the pods use
	NodeLabel
	RuleMatch // a rule of the scheme
	InfraNamespace
	ControlPlaneNode
)

// Source is one statement about a level.
type Source struct {
	Kind  SourceKind
	Level Level // Unclassified where Value is no level
	// Of is what the statement is about. At is where it was written: the label; without an object for a rule.
	Of         inventory.Ref
	At         inventory.At
	Key, Value string // of a label
	Rule       int    // index of Scheme.Rules, for RuleMatch
	Reason     string // the rule's
}

func (s Source) unknown() bool { return s.Level == Unclassified }

// String is a clause.
func (s Source) String() string {
	what := fmt.Sprintf("%s %q", s.Of.Kind, s.Of.Name)
	if s.Of.Kind == "Namespace" {
		what = fmt.Sprintf("namespace %q", s.Of.Name)
	}
	switch s.Kind {
	case RuleMatch:
		text := fmt.Sprintf("rule %d of the scheme matches %s", s.Rule, what)
		if s.Reason != "" {
			text += " (" + s.Reason + ")"
		}
		return text
	case InfraNamespace:
		return what + " is infrastructure by the scheme"
	case ControlPlaneNode:
		return what + " is of the control plane"
	case PodLabel:
		what = "the pod template of " + what
		if s.Of.Kind == "Pod" {
			what = fmt.Sprintf("Pod %q", s.Of.Name)
		}
	}
	text := fmt.Sprintf("%s is labelled %s=%s", what, s.Key, s.Value)
	switch {
	case s.unknown() && fold(s.Value) == infraWord:
		text += ", which only a namespace, a node or a rule may say"
	case s.unknown():
		text += ", which is no level"
	}
	return text
}

// merge takes the high-water mark. Infrastructure is a statement of administrators (a rule, a namespace's label) and
// ends the matter; a namespace that is infrastructure only by its name yields to every level. A value that is no level
// could have meant any, so that nothing below it holds.
func merge(sources []Source) Class {
	c := Class{Sources: sources}
	unknown, infra, byName := false, false, false
	for _, s := range sources {
		switch {
		case s.Kind == InfraNamespace || s.Kind == ControlPlaneNode:
			byName = true
		case s.Level == Infra:
			infra = true
		case s.unknown():
			unknown = true
		}
		c.Floor = max(c.Floor, s.Level)
	}
	switch {
	case infra:
		c.Level, c.Floor = Infra, Infra
	case unknown:
		c.Level = Unclassified
	case c.Floor > 0:
		c.Level = c.Floor
	case byName:
		c.Level, c.Floor = Infra, Infra
	}
	slices.SortStableFunc(c.Sources, func(a, b Source) int { return cmp.Compare(c.weight(b), c.weight(a)) })
	return c
}

// weight orders sources by how much they decided.
func (c *Class) weight(s Source) int {
	switch {
	case c.Level == Infra && s.Level == Infra && s.Kind != InfraNamespace && s.Kind != ControlPlaneNode:
		return 1000
	case s.unknown():
		return 500
	}
	return int(s.Level)
}
