package controlplane

import (
	"context"
	"slices"
	"sort"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/distro"
	"github.com/nist190/nist190/internal/controlplane/kubeadm"
	"github.com/nist190/nist190/internal/controlplane/nodeconfig"
	"github.com/nist190/nist190/internal/controlplane/pods"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/controlplane/reports"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

// View is what an inventory tells of a cluster's components. It is immutable and safe for concurrent use; build it with
// [Of].
type View struct {
	components map[process.Component][]*replica
	nodes      []string              // names of Node objects, ordered
	kubelets   map[string]string     // versions of kubelets by node
	byNode     map[string][]*replica // kubelets by name
	defaults   sync.Map              // kubeletKey -> map[string]any
	version    Answer[inventory.Version]
	documents  documents
	joins      []process.Join
	tokens     []process.Token
	managed    Managed
	problems   []inventory.Problem
}

// Of builds the view of an inventory, once.
func Of(ctx context.Context, inv *inventory.Inventory) (*View, error) { return view.Get(ctx, inv) }

var view = inventory.NewFact("control plane", build)

// sources of descriptions, in the order of their answers.
func sources() []process.Source {
	return append([]process.Source{
		{Name: "reports", Needs: reports.Needs(), Find: reports.Find},
		{Name: "pods", Needs: pods.Needs(), Find: pods.Find},
		{Name: "files of nodes", Needs: nodeconfig.Needs(), Find: nodeconfig.Find},
		{Name: "kubeadm", Needs: kubeadm.Needs(), Find: kubeadm.Find},
	}, distro.Sources()...)
}

// Needs are the kinds that the view reads. They are alternatives: where one was not looked for the others answer, and
// where none does the answer is Unknown.
func Needs() []inventory.Need {
	var out []inventory.Need
	for _, s := range sources() {
		out = append(out, s.Needs...)
	}
	out = append(out, documentNeeds()...)
	out = append(append(out, cloud.Needs()...), cloud.NodeNeeds()...)
	out = append(out, inventory.Need{Format: format.Version, Bias: inventory.Alternative})
	sort.SliceStable(out, func(i, j int) bool { return inventory.CompareNeeds(out[i], out[j]) < 0 })
	return slices.CompactFunc(out, func(a, b inventory.Need) bool { return a.GroupKind() == b.GroupKind() })
}

func build(ctx context.Context, inv *inventory.Inventory) (*View, error) {
	v := &View{components: map[process.Component][]*replica{}}
	var all process.Found
	for _, s := range sources() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all.Merge(s.Find(inv))
	}
	v.kubelets = map[string]string{}
	for o, n := range inventory.Typed[corev1.Node](inv) {
		v.nodes = append(v.nodes, o.Name())
		v.kubelets[o.Name()] = n.Status.NodeInfo.KubeletVersion
	}
	v.documents = collectDocuments(inv)
	v.joins, v.tokens, v.problems = all.Joins, all.Tokens, all.Problems
	var problems []inventory.Problem
	v.managed, problems = findManaged(inv, all.Processes)
	v.problems = append(v.problems, problems...)
	v.version = clusterVersion(inv, all.Processes, v.managed)
	for i := range all.Processes {
		p := &all.Processes[i]
		v.components[p.Component] = append(v.components[p.Component], &replica{Process: p, view: v, version: v.versionOf(p, p.Name), kubeletOnce: &kubeletOnce{}})
	}
	for c, rs := range v.components {
		v.components[c] = speakers(rs)
	}
	v.byNode = map[string][]*replica{}
	for _, r := range v.components[process.Kubelet] {
		v.byNode[r.Name] = append(v.byNode[r.Name], r)
	}
	return v, nil
}

// speakers leaves out what is described better elsewhere: a template where the pods themselves were seen, a manifest where
// the process reports its flags. What tells of single things only stands beside the others.
func speakers(rs []*replica) []*replica {
	best := map[string]process.Rank{}
	named := false
	for _, r := range rs {
		if r.Partial {
			continue
		}
		best[r.Name] = max(best[r.Name], r.Rank)
		named = named || r.Name != ""
	}
	out := slices.DeleteFunc(rs, func(r *replica) bool {
		switch {
		case r.Partial:
			return false
		case r.Name == "" && r.Component == process.Kubelet: // there may be one for each kind of node
			return false
		case r.Rank < best[r.Name]:
			return true
		}
		// What speaks for all yields to what speaks for one, unless that is a report of a replica without a name.
		return named && r.Name == "" && r.Rank < process.Report
	})
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Problems lists what could not be read of the evidence, beyond the problems of the inventory.
func (v *View) Problems() []inventory.Problem { return v.problems }

// Joins lists how nodes join, where that is written down.
func (v *View) Joins() []process.Join { return v.joins }

// Tokens lists the credentials for joining that are written down.
func (v *View) Tokens() []process.Token { return v.tokens }

// Visible reports whether there is any evidence of a component.
func (v *View) Visible(c process.Component) bool { return len(v.components[c]) > 0 }

// Replicas names the replicas of a component that were seen by name.
func (v *View) Replicas(c process.Component) []string {
	var out []string
	for _, r := range v.components[c] {
		if r.Name != "" && !slices.Contains(out, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}
