package controlplane

import (
	"errors"
	"fmt"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

// Version is that of the API server: as /version says, as its process or its vendor describes it, or as the caller set it.
func (v *View) Version() Answer[inventory.Version] { return v.version }

func clusterVersion(inv *inventory.Inventory, processes []process.Process, managed Managed) Answer[inventory.Version] {
	for o := range inv.ByKind(inventory.Need{Format: format.Version}.GroupKind()) {
		if at, err := gitVersion(o); err == nil {
			return Answer[inventory.Version]{at, Basis{Known: Explicit, Places: []process.Place{process.At(o, "gitVersion")},
				Strength: inventory.Observed, Source: "/version"}}
		}
	}
	// Of several replicas the oldest counts: a cluster that is being upgraded has the defaults of both.
	var oldest Answer[inventory.Version]
	for i := range processes {
		p := &processes[i]
		at, err := inventory.ParseVersion(p.Version)
		if p.Component != process.KubeAPIServer || err != nil || oldest.OK() && at.AtLeast(oldest.Value.Major, oldest.Value.Minor) {
			continue
		}
		oldest = Answer[inventory.Version]{at, Basis{Known: Explicit, Places: []process.Place{p.Place}, Strength: p.Strong(), Source: p.Source}}
	}
	if oldest.OK() {
		return oldest
	}
	if c, ok := managed.Cluster(); ok && c.Version.Known {
		if at, err := inventory.ParseVersion(c.Version.V); err == nil {
			return Answer[inventory.Version]{at, Basis{Known: Explicit, Places: []process.Place{c.Version.Place}, Strength: c.Object.Strength(), Source: c.Source}}
		}
	}
	if at, ok := inventory.KubernetesVersion.Attached(inv); ok {
		return Answer[inventory.Version]{at, Basis{Known: Explicit, Strength: inventory.Configured, Source: "the configuration of the scan"}}
	}
	return Answer[inventory.Version]{Basis: unknown("no evidence tells the version of Kubernetes", "/version", "the image of a component")}
}

func gitVersion(o *inventory.Object) (inventory.Version, error) {
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(o.JSON(), &v); err != nil {
		return inventory.Version{}, errors.New("gitVersion is not a text")
	}
	return inventory.ParseVersion(v.GitVersion)
}

// versionOf is the minor of one process: its own, for a kubelet that of its node, else the cluster's.
func (v *View) versionOf(p *process.Process, node string) Answer[inventory.Version] {
	own := p.Version
	if p.Component == process.Kubelet && v.kubelets[node] != "" {
		own = v.kubelets[node]
	}
	if p.Component != process.Etcd {
		if at, err := inventory.ParseVersion(own); err == nil {
			return Answer[inventory.Version]{at, Basis{Known: Explicit, Places: []process.Place{p.Place}, Strength: p.Strong(), Source: p.Source}}
		}
	}
	return v.version
}

// minors are those whose defaults count for a process: its own, or all that are supported where it is not known.
func (r *replica) minors() ([]int, error) {
	first, last := supportedMinors()
	if r.version.OK() {
		m := r.version.Value.Minor
		if m < first || m > last {
			return nil, fmt.Errorf("the defaults of Kubernetes %s are not known here, only those of 1.%d to 1.%d", r.version.Value, first, last)
		}
		return []int{m}, nil
	}
	var out []int
	for m := first; m <= last; m++ {
		out = append(out, m)
	}
	return out, nil
}

// agreed looks a default up in each of the minors that count. Where they differ the value depends on a version that is
// not known.
func agreed[T any](r *replica, what string, look func(minor int) (T, bool)) Answer[T] {
	value, basis := r.agree(what, func(minor int) (any, bool) { return look(minor) })
	out := Answer[T]{Basis: basis}
	out.Value, _ = value.(T)
	return out
}

func (r *replica) agree(what string, look func(minor int) (any, bool)) (any, Basis) {
	minors, err := r.minors()
	if err != nil {
		return nil, unknown(fmt.Sprintf("%s is not set, and %v", what, err))
	}
	var value any
	for i, m := range minors {
		v, ok := look(m)
		switch {
		case !ok:
			return nil, unknown(what + " is not set, and its default is not known")
		case i == 0:
			value = v
		case !same(v, value):
			return nil, unknown(what+" is not set, and its default depends on the version of Kubernetes, which is not known", "/version")
		}
	}
	b := Basis{Known: Default, Places: []process.Place{r.Place}, Strength: min(inventory.Inferred, r.Strong()), Source: r.Source}
	if len(minors) == 1 {
		b.Version = r.version.Value
	}
	return value, b
}

// Releases are the versions that the replicas of a component say, as they are written, each with its name and place.
func (v *View) Releases(c process.Component) []Answer[string] {
	var out []Answer[string]
	for _, r := range v.components[c] {
		if r.Version != "" && !r.Partial {
			out = append(out, Answer[string]{r.Version, Basis{Known: Explicit, Replica: r.Name, Places: []process.Place{r.Place}, Strength: r.Strong(), Source: r.Source}})
		}
	}
	return out
}
