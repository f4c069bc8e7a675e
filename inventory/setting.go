package inventory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Setting is a piece of configuration that facts depend on: sensitivity levels, the CNI's properties, the Kubernetes
// version. It is attached to an inventory, so that an engine asked by hand and a check of a catalog answer alike, and is
// printed in reports as an assumption. Declare it as a package-level variable; its address is its identity.
type Setting[T any] struct {
	name string
	zero T
}

// NewSetting names a setting and its default.
func NewSetting[T any](name string, byDefault T) *Setting[T] {
	return &Setting[T]{name: name, zero: byDefault}
}

// Name is the name given to NewSetting.
func (s *Setting[T]) Name() string { return s.name }

// Value is a setting with the value to attach.
type Value struct {
	key     any
	setting settingValue
}

type settingValue struct {
	name  string
	value any
}

// Set gives the setting a value; pass it to [Collect] or [Inventory.Configure].
func (s *Setting[T]) Set(v T) Value { return Value{key: s, setting: settingValue{s.name, v}} }

// Get returns the value attached to inv, or the default, and records the read.
func (s *Setting[T]) Get(inv *Inventory) T {
	inv.reads.setting(s)
	if v, ok := inv.core.settings[s]; ok {
		return v.value.(T)
	}
	return s.zero
}

// Attached is Get without the default: false where nobody gave a value.
func (s *Setting[T]) Attached(inv *Inventory) (T, bool) {
	inv.reads.setting(s)
	v, ok := inv.core.settings[s]
	if !ok {
		return s.zero, false
	}
	return v.value.(T), true
}

func (s *Setting[T]) assumption() Assumption { return Assumption{s.name, describe(s.zero), false} }

// Assumption is a setting as a report prints it.
type Assumption struct {
	Name       string `json:"name"`
	Value      string `json:"value"`
	Configured bool   `json:"configured"` // false for a default
}

// Assumptions lists, by name, the settings attached to inv and the defaults among those that were read.
func (inv *Inventory) Assumptions(read ...*Reads) []Assumption {
	byName := map[string]Assumption{}
	for _, r := range read {
		r.settings.Range(func(k, _ any) bool {
			a := k.(interface{ assumption() Assumption }).assumption()
			byName[a.Name] = a
			return true
		})
	}
	for _, v := range inv.core.settings {
		byName[v.name] = Assumption{v.name, describe(v.value), true}
	}
	out := make([]Assumption, 0, len(byName))
	for _, a := range byName {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Assumption) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func describe(v any) string {
	if s, ok := v.(fmt.Stringer); ok {
		return s.String()
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// Configure returns inv with other settings. Facts that read none of those that change are shared.
func (inv *Inventory) Configure(values ...Value) *Inventory {
	values = slices.DeleteFunc(slices.Clone(values), func(v Value) bool {
		old, set := inv.core.settings[v.key]
		return set && reflect.DeepEqual(old, v.setting)
	})
	if len(values) == 0 {
		return inv
	}
	settings, changed := withValues(inv.core.settings, values)
	c := &core{objects: inv.core.objects, kinds: inv.core.kinds, cover: inv.core.cover, problems: inv.core.problems, settings: settings}
	c.facts.inherit(&inv.core.facts, func(r *Reads) bool {
		for key := range changed {
			if _, ok := r.settings.Load(key); ok {
				return true
			}
		}
		return false
	})
	return &Inventory{core: c, reads: inv.reads}
}

func withValues(old map[any]settingValue, values []Value) (settings map[any]settingValue, changed map[any]bool) {
	settings, changed = make(map[any]settingValue, len(old)+len(values)), map[any]bool{}
	for k, v := range old {
		settings[k] = v
	}
	for _, v := range values {
		settings[v.key] = v.setting
		changed[v.key] = true
	}
	return settings, changed
}
