package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// mostPlaces bounds how many places an outcome cites that speaks for many nodes.
const mostPlaces = 3

// Kubelets judges an answer of every kubelet. Those that one document configures, and of those that report by themselves all
// that say alike, are one outcome, whose subject is the document, or the cluster. The kubelets that nothing describes are one
// outcome as well.
func Kubelets[T any](v *controlplane.View, ask func(controlplane.Kubelet) controlplane.Value[T], wrong Rule[T]) []nist190.Outcome {
	var groups grouping
	for _, k := range v.Kubelets() {
		answer := ask(k)
		bad := answer.Find(func(x T) bool { return wrong(x) != "" })
		switch {
		case len(bad) > 0:
			groups.add(k, nist190.Fail, wrong(bad[0].Value), bad[0].Basis)
		case len(answer.Replicas) > 0 && !answer.OK():
			groups.add(k, nist190.NotAssessed, "", unknownOf(answer))
		case !answer.OK():
			groups.add(k, nist190.NotAssessed, "", answer.Basis)
		default:
			groups.add(k, nist190.Pass, "", answer.Basis)
		}
	}
	if len(groups.list) == 0 {
		groups.add(controlplane.Kubelet{}, nist190.NotAssessed, "", unseen)
	}
	return groups.outcomes()
}

// ReportKubelets reports the outcomes of [Kubelets].
func ReportKubelets[T any](e *nist190.Eval, v *controlplane.View, ask func(controlplane.Kubelet) controlplane.Value[T], wrong Rule[T]) {
	for _, o := range Kubelets(v, ask, wrong) {
		e.Report(o)
	}
}

// unseen is the answer where there is neither a node nor a description of a kubelet.
var unseen = controlplane.Basis{Reason: "nothing describes a kubelet", Wanted: []string{"/configz of the kubelet", "its KubeletConfiguration"}}

// unknownOf is why an answer is not known: that of the first description that does not tell, else that they disagree.
func unknownOf[T any](v controlplane.Value[T]) controlplane.Basis {
	for i := range v.Replicas {
		if !v.Replicas[i].OK() {
			return v.Replicas[i].Basis
		}
	}
	return v.Basis
}

// grouping joins what the kubelets of many nodes say.
type grouping struct {
	at   map[groupKey]int
	list []group
}

type groupKey struct {
	subject inventory.Ref
	status  nist190.Status
	text    string
}

type group struct {
	groupKey
	basis  controlplane.Basis // of the first
	nodes  []string
	others []controlplane.Basis // of the next, as far as places are cited
}

func (g *grouping) add(k controlplane.Kubelet, status nist190.Status, text string, b controlplane.Basis) {
	key := groupKey{inventory.Cluster, status, text}
	if o := k.Place().Object; o != nil && !reports(o) {
		key.subject = o.Ref()
	}
	i, ok := g.at[key]
	if !ok {
		if g.at == nil {
			g.at = map[groupKey]int{}
		}
		i = len(g.list)
		g.at[key] = i
		g.list = append(g.list, group{groupKey: key, basis: b})
	} else if len(g.list[i].others) < mostPlaces-1 {
		g.list[i].others = append(g.list[i].others, b)
	}
	if k.Node != "" {
		g.list[i].nodes = append(g.list[i].nodes, k.Node)
	}
}

// reports: every node has one of its own, so that it is no configuration that nodes share.
func reports(o *inventory.Object) bool {
	return o.GroupKind().Group == format.Group && o.GroupKind().Kind == format.KubeletConfigz || o.GroupKind().Kind == "Node"
}

func (g *grouping) outcomes() []nist190.Outcome {
	out := make([]nist190.Outcome, 0, len(g.list))
	for i := range g.list {
		out = append(out, g.list[i].outcome())
	}
	return out
}

func (g *group) outcome() nist190.Outcome {
	out := nist190.Outcome{Status: g.status, Subject: g.subject}
	if g.subject == inventory.Cluster {
		out.Key = "kubelets"
		if g.text != "" {
			out.Key += ": " + g.text
		}
	}
	of := g.on()
	b := g.basis
	b.Replica = ""
	switch g.status {
	case nist190.NotAssessed:
		out = unknown(out, b)
		if len(g.nodes) > 0 {
			out.Message = strings.TrimSuffix(strings.TrimSuffix(b.Reason, " "+g.nodes[0]), " of node") + of
		}
		if g.subject == inventory.Cluster {
			out.Key = "kubelets not seen"
		}
		return out
	case nist190.Fail:
		out.Message = g.text + of + Said(b)
	}
	Rest(&out, b)
	for i := range g.others {
		Rest(&out, g.others[i])
	}
	return out
}

// on says where: on nodes, or of templates that machines are made of, whose names are no nodes'.
func (g *group) on() string {
	slices.Sort(g.nodes)
	switch n := len(g.nodes); {
	case n == 0:
		return ""
	case slices.ContainsFunc(g.nodes, func(name string) bool { return strings.Contains(name, " ") }):
		return " on machines of " + phrase.Shorten(g.nodes)
	case n == 1:
		return fmt.Sprintf(" on node %q", g.nodes[0])
	default:
		return fmt.Sprintf(" on %d nodes (%s)", n, phrase.Shorten(g.nodes))
	}
}
