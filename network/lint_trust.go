package network

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var labelTrust = nist190.Metadata{
	ID: "network-label-trust", Title: "Interface to a sensitive workload that opens to labels anybody may set",
	Doc: `A rule lets pods of other namespaces into a workload above the least sensitivity level, and which pods these are is told
by labels that do not prove it: labels of pods in any namespace, which everybody sets who may create pods anywhere, or
labels of namespaces, which everybody sets who may create or change one. The label kubernetes.io/metadata.name is
different: the API server sets it to the namespace's name, so that nobody can borrow it.

Before:

    from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: storefront}}}]

After:

    from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop-web}}
      podSelector: {matchLabels: {app: storefront}}`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "AC-16", "SC-7"},
	Severity: nist190.SeverityMedium,
	Remediation: `Name the namespaces by kubernetes.io/metadata.name. Where labels of namespaces are meant, leave it to administrators to
create and label namespaces, or enforce the label by admission.`,
	Subjects: policyKind,
	Limits: `Who may write pods and namespaces is for the checks of rbac. Policies other than NetworkPolicy are not looked at, and neither
are workloads without a level, of which another check speaks.`,
}

func findLabelTrust(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := false
	selected := map[*policy][2][]*inventory.Workload{}
	for r := range z.m.lintRules() {
		if r.d != Ingress {
			continue
		}
		for j := range r.flow.peers {
			told := borrowed(&r.flow.peers[j])
			if told == "" {
				continue
			}
			into, ok := selected[r.policy]
			if !ok {
				into = z.sensitive(r.policy)
				selected[r.policy] = into
			}
			at := r.peerAt(j)
			out := nist190.Outcome{Subject: r.object.Ref(), Key: inventory.PathString(at...), Evidence: []nist190.Evidence{nist190.At(r.object, at...)}}
			switch sure, perhaps := into[0], into[1]; {
			case len(sure) > 0:
				out.Status = nist190.Fail
				out.Message = fmt.Sprintf("%s lets pods of other namespaces into %s by %s", inventory.PathString(r.path...), z.withLevels(sure), told)
			case len(perhaps) > 0:
				out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
				out.Message = fmt.Sprintf("whether %s lets pods of other namespaces into %s by %s depends on labels that controllers give to pods", inventory.PathString(r.path...), z.withLevels(perhaps), told)
			default:
				continue
			}
			found = true
			e.Report(out)
		}
	}
	return found, nil
}

// borrowed words the labels by which a peer tells pods of other namespaces, where others can set them too.
func borrowed(p *networkingv1.NetworkPolicyPeer) string {
	switch {
	case p.NamespaceSelector == nil:
		return ""
	case emptySelector(p.NamespaceSelector) && (p.PodSelector == nil || emptySelector(p.PodSelector)):
		return "" // everybody: that is no matter of labels, and other checks speak of it
	case emptySelector(p.NamespaceSelector):
		return fmt.Sprintf("the labels %s of pods in any namespace", metav1.FormatLabelSelector(p.PodSelector))
	}
	sel, _ := selectorOf(p.NamespaceSelector)
	reqs, _ := sel.Requirements()
	if namesNamespaces(reqs) {
		return ""
	}
	return fmt.Sprintf("the labels %s of namespaces", metav1.FormatLabelSelector(p.NamespaceSelector))
}

// namesNamespaces tells whether a selector names the namespaces that it is about.
func namesNamespaces(reqs labels.Requirements) bool {
	return slices.ContainsFunc(reqs, func(q labels.Requirement) bool {
		return q.Key() == corev1.LabelMetadataName && slices.Contains([]selection.Operator{selection.In, selection.Equals, selection.DoubleEquals}, q.Operator())
	})
}

// sensitive lists the workloads above the least level that a policy selects, for certain and possibly.
func (z *Zones) sensitive(p *policy) (out [2][]*inventory.Workload) {
	own := z.m.inCluster[string(p.namespace)]
	for _, c := range z.m.classes[own[0]:own[1]] {
		is := no
		if !c.newcomer {
			is = p.selects(c)
		}
		if is == no {
			continue
		}
		for _, pod := range c.pods {
			if z.Zone(pod) > 1 {
				out[yes-is] = appendOnce(out[yes-is], pod.Workload)
			}
		}
	}
	return out
}

func (z *Zones) withLevels(ws []*inventory.Workload) string {
	names := make([]string, len(ws))
	for i, w := range ws {
		names[i] = fmt.Sprintf("%s %q, which is %s", w.Ref().Kind, w.Object.Name(), z.ZoneName(z.levels.Workload(w.Ref()).Level))
	}
	return phrase.Shorten(names)
}
