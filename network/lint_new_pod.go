package network

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var newPodOpen = nist190.Metadata{
	ID: "network-new-pod-open", Title: "Namespace in which the next pod is not isolated",
	Doc: `Policies isolate every workload that the namespace has, but none of them selects all pods: a pod that somebody adds
tomorrow, with labels that no policy names, is open. Separation then rests on everybody remembering to write a policy.
Ingress and egress are judged apart. Namespaces with a workload that is open already are for network-default-deny, and
those that the sensitivity scheme calls infrastructure pass.

Before: one policy for each workload.

    spec: {podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress]}

After: one more, for whatever comes.

    spec: {podSelector: {}, policyTypes: [Ingress, Egress]}`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "SC-7", "SC-7(5)"},
	Severity:    nist190.SeverityLow,
	Remediation: "Add a NetworkPolicy with an empty podSelector and the policy type to the namespace.",
	// An unseen workload may be open, of which another check speaks.
	Needs:    inventory.InSubjectNamespace(everyPod()),
	Subjects: append(inventory.WorkloadKinds(), schema.GroupKind{Kind: "Namespace"}),
	Limits:   "The pod is taken to have no labels. Admission that refuses pods without a policy is not seen.",
}

// residence is what is known of one namespace in one direction.
type residence struct {
	isolated, open, unclear []*inventory.Workload
}

func findNewPodOpen(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	some := false
	for _, c := range m.classes {
		ns := c.Namespace
		if !c.newcomer || ns == elsewhere {
			continue
		}
		some = true
		for _, d := range []Direction{Ingress, Egress} {
			e.Report(z.judgeNewcomer(c, d))
		}
	}
	return some, nil
}

func (z *Zones) judgeNewcomer(c *class, d Direction) nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.NamespaceRef(c.Namespace), Key: string(policyTypes[d])}
	if c.in.object != nil {
		out.Evidence = []nist190.Evidence{nist190.At(c.in.object, "metadata", "name")}
	}
	if class := z.levels.Namespace(c.Namespace); class.Level == sensitivity.Infra {
		out.Message = "it serves every level: " + class.Because()
		return out
	}
	here := z.m.residence(c.Namespace, d)
	if len(here.open) > 0 || len(here.isolated)+len(here.unclear) == 0 {
		return out
	}
	is, by := z.m.openness(c, d)
	if is == no {
		return out
	}
	all := slices.Concat(here.isolated, here.unclear)
	out.Evidence = append(out.Evidence, places(all, func(w *inventory.Workload) nist190.Evidence { return nist190.At(w.Object, "metadata", "name") })...)
	if is == yes && len(here.unclear) == 0 {
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("%s: %s, but no policy selects every pod, so that a new one %s", isolatedIs(all), phrase.Workloads(all), verbs[d][0])
		for _, p := range by {
			out.Message += "; " + p.short() + " opens it"
		}
		return out
	}
	out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
	out.Message = fmt.Sprintf("whether a new pod %s, and the workloads that are there are isolated, is not known", verbs[d][0])
	return out
}

func isolatedIs(ws []*inventory.Workload) string {
	return fmt.Sprintf("%s %s isolated", phrase.Count(len(ws), "workload"), areOrIs(len(ws)))
}

// residence sorts the workloads of a namespace that policies govern; one with an open pod is open.
func (m *model) residence(ns string, d Direction) residence {
	var out residence
	worst := map[*inventory.Workload]truth{}
	var order []*inventory.Workload
	known := m.inCluster[ns]
	for _, c := range m.classes[known[0]:known[1]] {
		if c.newcomer || c.Host() {
			continue
		}
		is, _ := m.openness(c, d)
		for _, p := range c.pods {
			if _, seen := worst[p.Workload]; !seen {
				order = append(order, p.Workload)
			}
			worst[p.Workload] = max(worst[p.Workload], is)
		}
	}
	slices.SortFunc(order, func(a, b *inventory.Workload) int { return a.Ref().Compare(b.Ref()) })
	for _, w := range order {
		switch worst[w] {
		case yes:
			out.open = append(out.open, w)
		case maybe:
			out.unclear = append(out.unclear, w)
		default:
			out.isolated = append(out.isolated, w)
		}
	}
	return out
}
