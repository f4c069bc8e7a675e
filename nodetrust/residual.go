package nodetrust

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var residualAccess = nist190.Metadata{
	ID: "nodetrust-residual-access", Title: "Ended pods that still let a node read Secrets",
	Doc: `Pods that have ended are still bound to a node, which may read their Secrets and request tokens of their accounts although no
pod that runs there needs them.

The node authorizer looks at no phase: a Job of last month gives its node the Secrets that it used for as long as the Pod
object is there. By default that is until 12500 of them are there (terminated-pod-gc-threshold) or their owner goes.

Before:

    kind: Job
    spec: {template: {...}}

After:

    spec: {ttlSecondsAfterFinished: 3600, template: {...}}`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-6", "SC-4"}, CIS: []string{"1.3.1"}, Severity: nist190.SeverityLow,
	Remediation: "Set ttlSecondsAfterFinished on Jobs and small history limits on CronJobs, delete pods that were evicted, and lower terminated-pod-gc-threshold.",
	Limits:      "Manifests hold no pods that have ended. What a node read before it keeps.",
}

// ResidualAccess finds what nodes read for pods that have ended.
func ResidualAccess() nist190.Check {
	md := residualAccess
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	md.Needs = inventory.JoinNeeds(GraphNeeds(), inventory.WorkloadNeeds(inventory.Either))
	for i := range md.Needs {
		md.Needs[i].Bias = inventory.Either // another pod may need the same
	}
	md.Subjects = append([]schema.GroupKind{}, inventory.WorkloadKinds()...)
	return nist190.NewCheck(md, checkResidualAccess)
}

// residue is what one owner's ended pods leave.
type residue struct {
	object   *inventory.Object
	pods     int
	nodes    []string
	secrets  map[Thing]bool
	accounts map[Thing]bool
	evidence []nist190.Evidence
}

func checkResidualAccess(ctx context.Context, e *nist190.Eval) error {
	g, err := GraphOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	owner := map[*inventory.Object]*inventory.Object{}
	for _, w := range workloads {
		for _, p := range w.Pods {
			owner[p.Object] = w.Object
		}
	}
	left := map[*inventory.Object]*residue{}
	var order []*residue
	for _, name := range g.names {
		n := g.nodes[name]
		if !slices.ContainsFunc(n.pods, ended) {
			continue
		}
		needed := map[int32]bool{}
		for _, p := range n.pods {
			if !ended(p) {
				for _, t := range g.all(p) {
					needed[t] = true
				}
			}
		}
		for _, p := range n.pods {
			if !ended(p) {
				continue
			}
			var extra []Thing
			for _, t := range g.all(p) {
				if thing := g.things[t]; !needed[t] && (thing.Kind == Secret || thing.Kind == ServiceAccount && thing.Name != "default") {
					extra = append(extra, thing)
				}
			}
			if len(extra) == 0 {
				continue
			}
			o := owner[p.object]
			if o == nil {
				o = p.object
			}
			x := left[o]
			if x == nil {
				x = &residue{object: o, secrets: map[Thing]bool{}, accounts: map[Thing]bool{}, evidence: []nist190.Evidence{nist190.At(o)}}
				left[o] = x
				order = append(order, x)
			}
			x.pods++
			if !slices.Contains(x.nodes, name) {
				x.nodes = append(x.nodes, name)
			}
			if len(x.evidence) < maxEvidence {
				x.evidence = append(x.evidence, nist190.At(p.object, "status", "phase"))
			}
			for _, t := range extra {
				if t.Kind == Secret {
					x.secrets[t] = true
				} else {
					x.accounts[t] = true
				}
			}
		}
	}
	for _, x := range order {
		e.Fail(x.object.Ref(), "", x.message(), x.evidence...)
	}
	if len(order) == 0 {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster,
			Message: fmt.Sprintf("on %s, no pod that has ended gives its node anything that one that runs does not", phrase.Count(len(g.names), "node"))})
	}
	return nil
}

func (x *residue) message() string {
	what := phrase.Count(len(x.secrets), "Secret")
	if len(x.secrets) == 0 {
		what = "tokens of " + phrase.Count(len(x.accounts), "account")
	} else if len(x.accounts) > 0 {
		what += " and get tokens of " + phrase.Count(len(x.accounts), "account")
	}
	verb := "read"
	if len(x.secrets) == 0 {
		verb = "get"
	}
	return fmt.Sprintf("%s let %s (%s) still %s %s", phrase.Count(x.pods, "pod")+" that ended", phrase.Count(len(x.nodes), "node"), phrase.Shorten(x.nodes), verb, what)
}

// all lists what a pod leads to, what is behind its claims included.
func (g *Graph) all(p *boundPod) []int32 {
	var out []int32
	p.visit(func(r reference) bool {
		n := g.number[r.thing]
		out = append(append(out, n), g.behind(n)...)
		return true
	})
	return out
}
