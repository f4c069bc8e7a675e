package inventory

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// State says whether the objects seen of a kind are all there are.
type State uint8

const (
	// NotCollected is the zero value: nobody looked.
	NotCollected State = iota
	// Complete: everything that exists was seen.
	Complete
	// NotServed: the API does not exist in the cluster, so that absence is complete.
	NotServed
	// Partial: some objects were seen, others may exist.
	Partial
	// Forbidden: the source may not list them.
	Forbidden
	// Failed: listing them failed for another reason.
	Failed
)

var stateNames = [...]string{"NotCollected", "Complete", "NotServed", "Partial", "Forbidden", "Failed"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText writes the name of the state.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a state.
func (s *State) UnmarshalText(b []byte) error {
	i := slices.Index(stateNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown coverage state %q", b)
	}
	*s = State(i)
	return nil
}

// Complete reports whether absence proves absence.
func (s State) Complete() bool { return s == Complete || s == NotServed }

// rank orders states by how little they prove. NotCollected ranks lowest: a source that did not look says nothing
// against one that did.
func (s State) rank() int {
	if s == NotCollected {
		return -1
	}
	return int(s)
}

// Coverage is what is known of the completeness of one kind in one namespace (or of the cluster-wide whole).
type Coverage struct {
	State  State
	Reason string // why it is not complete, or on what the completeness rests
}

// CoverageEntry is a row of [Inventory.CoverageEntries]. An empty Namespace speaks of the namespaces that have no row of
// their own.
type CoverageEntry struct {
	Group, Kind, Namespace string
	Coverage
}

// GroupKind is the kind that the entry speaks of.
func (e CoverageEntry) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: e.Group, Kind: e.Kind}
}

// coverage is the table behind Inventory.Coverage. It is filled by a Collector and not changed afterwards.
type coverage struct {
	entries map[schema.GroupKind]map[string]Coverage
	rest    Coverage
}

func (c *coverage) set(e CoverageEntry) {
	gk := CanonicalGroupKind(e.GroupKind())
	if c.entries == nil {
		c.entries = map[schema.GroupKind]map[string]Coverage{}
	}
	if c.entries[gk] == nil {
		c.entries[gk] = map[string]Coverage{}
	}
	if old, ok := c.entries[gk][e.Namespace]; ok {
		e.Coverage = worse(old, e.Coverage)
	}
	c.entries[gk][e.Namespace] = e.Coverage
}

// worse merges what two statements prove together.
func worse(a, b Coverage) Coverage {
	if b.State.rank() > a.State.rank() {
		return b
	}
	return a
}

func (c *coverage) lookup(gk schema.GroupKind, ns string) Coverage {
	byNS := c.entries[gk]
	whole, ok := byNS[""]
	if !ok && !isSynthetic(gk) {
		whole = c.rest
	}
	if ns != "" {
		if e, ok := byNS[ns]; ok {
			return e
		}
		return whole
	}
	for _, n := range sortedKeys(byNS) {
		if e := byNS[n]; n != "" && lacksMore(e, whole) {
			whole = e
			whole.Reason = fmt.Sprintf("namespace %q: %s", n, e.Reason)
		}
	}
	return whole
}

// isSynthetic: URLs and file formats are no kinds, so that what is said of the rest of the kinds is not said of them.
func isSynthetic(gk schema.GroupKind) bool { return gk.Group == urlGroup || gk.Group == formatGroup }

// lacksMore compares the parts of one kind, where a part that nobody looked at is a hole like any other.
func lacksMore(part, whole Coverage) bool {
	if part.State.Complete() {
		return false
	}
	return whole.State.Complete() || part.State.rank() > whole.State.rank() && whole.State != NotCollected
}

func (c *coverage) clone() coverage {
	n := coverage{rest: c.rest, entries: make(map[schema.GroupKind]map[string]Coverage, len(c.entries))}
	for gk, byNS := range c.entries {
		m := make(map[string]Coverage, len(byNS))
		for ns, e := range byNS {
			m[ns] = e
		}
		n.entries[gk] = m
	}
	return n
}

func (c *coverage) list() []CoverageEntry {
	var out []CoverageEntry
	for gk, byNS := range c.entries {
		for ns, e := range byNS {
			out = append(out, CoverageEntry{Group: gk.Group, Kind: gk.Kind, Namespace: ns, Coverage: e})
		}
	}
	slices.SortFunc(out, func(a, b CoverageEntry) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace))
	})
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
