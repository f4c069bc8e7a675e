// Package nodeconfig finds kubelets by the files that they read: a KubeletConfiguration and the drop-ins beside it. The
// flags of the kubelet are in the service of its node and are not seen; those that name the files are taken to be all.
package nodeconfig

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/kubeadm"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

var configuration = schema.GroupKind{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"}

// Needs are the kinds that [Find] reads.
func Needs() []inventory.Need {
	out := []inventory.Need{
		{Group: configuration.Group, Kind: configuration.Kind, Resource: "kubeletconfigurations", Bias: inventory.Alternative},
		inventory.NeedOf[corev1.Node](inventory.Alternative),
	}
	return append(out, kubeadm.Needs()...)
}

// Find makes one kubelet of every KubeletConfiguration that is no drop-in and does not stand beside configuration of
// kubeadm. Files *.conf are drop-ins; those of a directory belong to the configuration that shares the most directories
// with it, or to a kubelet of which the file of --config was not given.
func Find(inv *inventory.Inventory) process.Found {
	var bases []*inventory.Object
	dropins := map[string][]*inventory.Object{} // by the directory below which all of them lie
	for o := range inv.ByKind(configuration) {
		switch uri := slashes(o.Origin().URI); {
		case path.Ext(uri) == ".conf":
			dropins[root(uri)] = append(dropins[root(uri)], o)
		case !kubeadm.IsBeside(inv, o):
			bases = append(bases, o)
		}
	}
	nodes := map[string]bool{}
	for o := range inventory.Typed[corev1.Node](inv) {
		nodes[o.Name()] = true
	}
	var out process.Found
	byBase := map[*inventory.Object]*process.Process{}
	for _, o := range bases {
		byBase[o] = kubelet(o, nodes)
	}
	var alone []*process.Process
	for _, dir := range sortedKeys(dropins) {
		owners := process.Nearest(bases, dir)
		var ps []*process.Process
		for _, o := range owners {
			ps = append(ps, byBase[o])
		}
		if len(ps) == 0 {
			p := kubelet(dropins[dir][0], nodes)
			p.Files = []process.File{{Path: baseFile, Missing: "only drop-ins are given", Place: p.Place}}
			ps, alone = append(ps, p), append(alone, p)
		}
		for _, p := range ps {
			p.Flags = append(p.Flags, process.Flag{Name: "config-dir", Value: "/" + dir, Default: true, Place: process.At(dropins[dir][0])})
			for _, d := range dropins[dir] {
				p.Files = append(p.Files, process.File{Path: "/" + slashes(d.Origin().URI), Place: process.At(d)})
			}
		}
	}
	for _, o := range bases {
		out.Processes = append(out.Processes, *byBase[o])
	}
	for _, p := range alone {
		out.Processes = append(out.Processes, *p)
	}
	return out
}

const baseFile = "/config"

func kubelet(o *inventory.Object, nodes map[string]bool) *process.Process {
	return &process.Process{
		Component: process.Kubelet, Name: process.NodeIn(o.Origin().URI, nodes), Complete: true,
		Flags: []process.Flag{{Name: "config", Value: baseFile, Default: true, Place: process.At(o)}},
		Files: []process.File{{Path: baseFile, Place: process.At(o)}},
		Rank:  process.Manifest, Source: "KubeletConfiguration", Place: process.At(o),
	}
}

// root is the directory of a drop-in. The kubelet also reads directories below, whose names say so: *.d or *.conf.d.
func root(uri string) string {
	dir := path.Dir(uri)
	for at := dir; at != "." && at != "/"; at = path.Dir(at) {
		if strings.HasSuffix(at, ".d") {
			return strings.TrimPrefix(at, "/")
		}
	}
	return strings.TrimPrefix(dir, "/")
}

func slashes(s string) string { return strings.ReplaceAll(s, "\\", "/") }

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
