package controlplane

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/defaults"
	"github.com/nist190/nist190/internal/controlplane/process"
)

// FeatureGate is a gate of a component. A gate that its version does not have is Unknown: whether the feature is there
// follows from the version alone.
func (v *View) FeatureGate(c process.Component, name string) Value[bool] {
	return ask(v, c, func(r *replica) Answer[bool] { return r.gate(name) })
}

func (r *replica) gate(name string) Answer[bool] {
	if a, ok := r.seen("feature-gates", name); ok {
		return a
	}
	if r.Component == process.Kubelet {
		return r.kubeletGate(name)
	}
	set := r.settings("feature-gates")
	if !set.OK() && (len(set.Places) > 0 || r.Partial || !r.Complete) {
		return Answer[bool]{Basis: set.Basis}
	}
	return r.gateOf(name, set)
}

// gateOf looks a gate up in what is set, then in the table. AllAlpha and AllBeta move the defaults of their stages
// (component-base/featuregate), and a locked gate cannot be moved.
func (r *replica) gateOf(name string, set Answer[map[string]string]) Answer[bool] {
	if text, ok := pick(set.Value, name); ok {
		return parsed(Answer[string]{text, set.Basis}, r.Component, "feature-gates", strconv.ParseBool)
	}
	return r.gateDefault(name, func(all string) (bool, bool) {
		text, ok := pick(set.Value, all)
		on, err := strconv.ParseBool(text)
		return on, ok && err == nil
	})
}

func (r *replica) gateDefault(name string, all func(string) (on, set bool)) Answer[bool] {
	a := agreed(r, "the feature gate "+name, func(minor int) (bool, bool) {
		g, ok := defaults.FeatureGate(name, minor)
		if !ok {
			return false, false
		}
		for stage, group := range map[string]string{"ALPHA": "AllAlpha", "BETA": "AllBeta"} {
			if on, set := all(group); set && g.Stage == stage && !g.Locked {
				return on, true
			}
		}
		return g.On, true
	})
	if !a.OK() && r.version.OK() {
		if first, last := supportedMinors(); r.version.Value.Minor >= first && r.version.Value.Minor <= last {
			a.Reason = fmt.Sprintf("Kubernetes %s has no feature gate %s", r.version.Value, name)
		}
	}
	return a
}

// pick finds a gate; since 1.33 its name may have that of the component before it, "kube:Name".
func pick(set map[string]string, name string) (string, bool) {
	if text, ok := set["kube:"+name]; ok {
		return text, true
	}
	text, ok := set[name]
	return text, ok
}

func (r *replica) kubeletGate(name string) Answer[bool] {
	flags := r.settingsIfGiven("feature-gates")
	if !flags.OK() {
		return Answer[bool]{Basis: flags.Basis}
	}
	if text, ok := pick(flags.Value, name); ok {
		return parsed(Answer[string]{text, flags.Basis}, r.Component, "feature-gates", strconv.ParseBool)
	}
	k := r.files()
	if k.broken != "" {
		return Answer[bool]{Basis: unknown(k.broken, k.wanted...)}
	}
	if f := k.field("featureGates", name); f.set {
		on, ok := f.value.(bool)
		if !ok {
			return Answer[bool]{Basis: unknown("featureGates has a value that is none: the kubelet refuses to start")}
		}
		return Answer[bool]{on, Basis{Known: f.known, Places: []process.Place{f.at}, Strength: r.weakest(k), Source: r.Source}}
	}
	return r.gateDefault(name, func(all string) (bool, bool) {
		if text, ok := pick(flags.Value, all); ok {
			on, err := strconv.ParseBool(text)
			return on, err == nil
		}
		on, ok := k.field("featureGates", all).value.(bool)
		return on, ok
	})
}

// settingsIfGiven is settings where nothing is no default but nothing.
func (r *replica) settingsIfGiven(name string) Answer[map[string]string] {
	if _, ok := r.Last(name); !ok {
		return Answer[map[string]string]{Basis: Basis{Known: Default}}
	}
	return r.settings(name)
}

// MinTLS reports whether a name such as VersionTLS12 is at least TLS 1.2. Empty is the default of Go, which is.
func MinTLS(name string) bool {
	switch strings.TrimPrefix(name, "VersionTLS") {
	case "", "12", "13":
		return true
	}
	return false
}
