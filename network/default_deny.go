package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var defaultDeny = nist190.Metadata{
	ID:    "network-default-deny",
	Title: "Namespace without default deny",
	Risk:  nist190.PoorlySeparatedTraffic,
	Doc: `Workloads of a namespace accept connections from everywhere, or may connect to everywhere.

Kubernetes lets every pod reach every other until a NetworkPolicy selects it; from then on only what its policies allow
gets through, per direction. SP 800-190 asks that traffic is separated into virtual networks by sensitivity level: that
starts with pods that nothing reaches by default. The check computes what the policies of a namespace do to each of its
workloads; that a policy exists proves nothing. A policy that covers other pods, another direction, or has a rule ` + "`- {}`" + `,
does not isolate. Policies are a union, so that rules which together allow everything do not isolate either.

Before: no policy, or one that allows everything.

    spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}

After: nothing gets in, and each way in has a policy of its own.

    spec: {podSelector: {}, policyTypes: [Ingress, Egress]}

Failures of ingress are of severity high, those of egress medium. Namespaces that the sensitivity scheme calls
infrastructure serve every level and do not fail. Pods on the host's network are not governed by NetworkPolicy: they are
never counted as isolated and reported as not assessed.`,
	Claims:   nist190.Claims("3a"),
	Controls: []string{"AC-4", "SC-7", "SC-7(5)"},
	CIS:      []string{"5.3.2"},
	Severity: nist190.SeverityHigh,
	Remediation: `Add a NetworkPolicy with an empty podSelector and the policy type to the namespace, then one policy for each connection
that is needed. For egress, begin with DNS.`,
	// A namespace can be known by its workloads alone.
	Subjects: append(inventory.WorkloadKinds(), schema.GroupKind{Kind: "Namespace"}),
	Needs: slices.Concat([]inventory.Need{
		// Policies isolate and allow: an unseen one can do either.
		inventory.NeedOf[networkingv1.NetworkPolicy](inventory.Either).InSubjectNamespace(),
	}, foreignNeeds(),
		// A namespace's labels can say that it is infrastructure.
		sensitivity.DeclaredNeeds(),
		// Every further workload must be isolated too.
		inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Incriminating)),
	),
	Since: "v0.1.0",
	Limits: `Whether the network plugin enforces NetworkPolicy is not seen. Policies of other engines (Cilium, Calico, Antrea,
AdminNetworkPolicy, ClusterNetworkPolicy, Istio) are recognised and not evaluated: where they could matter the answer is
not assessed. Selectors that together cover every pod without one of them being empty are not noticed.`,
}

// DefaultDeny finds namespaces of which some workload is not isolated, per direction.
func DefaultDeny() nist190.Check { return nist190.NewCheck(defaultDeny, checkDefaultDeny) }

// directions in the order of reports.
var directions = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}

const hostNetworkKey = "hostNetwork"

func checkDefaultDeny(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	foreign := map[int][]*inventory.Object{}
	for i, k := range foreignKinds {
		foreign[i] = slices.Collect(e.Inventory.ByKind(k.GroupKind()))
	}
	byNamespace := map[string][]*inventory.Workload{}
	for o := range inventory.Typed[corev1.Namespace](e.Inventory) {
		byNamespace[o.Name()] = nil
	}
	for _, w := range workloads {
		byNamespace[w.Namespace()] = append(byNamespace[w.Namespace()], w)
	}
	for ns, ws := range byNamespace {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := namespace{name: ns, policies: policiesIn(e.Inventory, ns)}
		switch class := levels.Namespace(ns); {
		case len(ws) == 0:
			n.notApplicable(e, "it has no workloads")
			continue
		case class.Level == sensitivity.Infra:
			n.notApplicable(e, "it serves every level: "+class.Because())
			continue
		}
		for _, w := range ws {
			if w.Template.Spec.HostNetwork {
				n.host = append(n.host, w)
			} else {
				n.workloads = append(n.workloads, w)
			}
		}
		n.reportHost(e)
		if len(n.workloads) == 0 {
			n.notApplicable(e, "every workload of it is on the network of its host")
			continue
		}
		for _, d := range directions {
			e.Report(n.judge(d, foreignIn(foreign, ns, d)))
		}
	}
	return nil
}

// namespace is one namespace under evaluation.
type namespace struct {
	name            string
	policies        []*policy
	workloads, host []*inventory.Workload
}

func (n *namespace) notApplicable(e *nist190.Eval, why string) {
	for _, d := range directions {
		e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: inventory.NamespaceRef(n.name), Key: string(d), Message: why})
	}
}

// reportHost: the API leaves open whether NetworkPolicy governs pods on the host's network; network plugins treat their
// traffic as the node's (https://github.com/kubernetes/website/pull/39875).
func (n *namespace) reportHost(e *nist190.Eval) {
	if len(n.host) == 0 {
		return
	}
	e.Report(nist190.Outcome{
		Status: nist190.NotAssessed, Subject: inventory.NamespaceRef(n.name), Key: hostNetworkKey, Reason: nist190.ReasonUnknown,
		Message: fmt.Sprintf("%s %s on the network of the host, which NetworkPolicy does not govern: %s", phrase.Count(len(n.host), "workload"), areOrIs(len(n.host)), phrase.Workloads(n.host)),
		Evidence: places(n.host, func(w *inventory.Workload) nist190.Evidence {
			return nist190.Place(inventory.At{Object: w.Object, Path: w.TemplatePath}, "spec", "hostNetwork")
		}),
		Remediation: `Leave the host's network where the workload does not need it. Where it does, filter on the node (a host firewall) and
attest that.`,
	})
}

// judge decides one direction for the workloads that NetworkPolicy governs.
func (n *namespace) judge(d networkingv1.PolicyType, foreign []effect) nist190.Outcome {
	out := nist190.Outcome{Subject: inventory.NamespaceRef(n.name), Key: string(d)}
	var exposed, unclear []*inventory.Workload
	opened, doubtful := map[*policy]bool{}, map[*policy]bool{}
	bare := 0 // exposed without any policy
	for _, w := range n.workloads {
		for _, i := range n.isolations(w, d) {
			switch {
			case i.isolated():
			case len(i.unknown) > 0 && len(i.open) == 0:
				unclear = appendOnce(unclear, w)
				for _, p := range i.unknown {
					doubtful[p] = true
				}
			default:
				exposed = appendOnce(exposed, w)
				if len(i.open) == 0 {
					bare++
				}
				for _, p := range i.open {
					opened[p] = true
				}
			}
		}
	}
	where := func(w *inventory.Workload) nist190.Evidence { return nist190.At(w.Object, "metadata", "name") }
	isolating := slices.ContainsFunc(foreign, func(f effect) bool { return f.isolate })
	allowing := slices.DeleteFunc(slices.Clone(foreign), func(f effect) bool { return !f.allow })
	switch {
	case len(exposed) > 0 && !isolating:
		out.Status = nist190.Fail
		if d == networkingv1.PolicyTypeEgress {
			out.Severity = nist190.SeverityMedium
		}
		out.Message = n.exposure(d, exposed, opened, bare)
		out.Evidence = places(exposed, where)
		for _, p := range n.policies {
			if opened[p] {
				out.Evidence = append(out.Evidence, nist190.At(p.object, "spec", strings.ToLower(string(d))))
			}
		}
		out.Remediation = n.remedy(d, opened)
	case len(exposed) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("no NetworkPolicy isolates %s; %s may, and is not evaluated", phrase.Workloads(exposed), effects(foreign))
		out.Evidence = append(places(exposed, where), foreignEvidence(foreign)...)
	case len(unclear) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("whether %s isolates %s depends on labels that controllers give to pods", n.quote(doubtful), phrase.Workloads(unclear))
		out.Evidence = places(unclear, where)
	case len(allowing) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("NetworkPolicies isolate every workload; %s may allow more, and is not evaluated", effects(allowing))
		out.Evidence = foreignEvidence(allowing)
	default:
		out.Status = nist190.Pass
		for _, p := range n.policies {
			if p.governs(d) && len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, nist190.At(p.object))
			}
		}
	}
	return out
}

// isolations judges the template and every running pod of a workload, which may be labelled otherwise.
func (n *namespace) isolations(w *inventory.Workload, d networkingv1.PolicyType) []isolation {
	isTemplate := true
	var out []isolation
	for _, p := range w.Pods {
		if p.Object == w.Object {
			isTemplate = false
			continue
		}
		if !inventory.Terminal(p.Pod) && !p.Pod.Spec.HostNetwork {
			out = append(out, isolationOf(n.policies, labels.Set(p.Pod.Labels), false, d))
		}
	}
	t := isolationOf(n.policies, labels.Set(w.Template.Labels), isTemplate, d)
	if len(out) > 0 && len(t.unknown) > 0 {
		return out // running pods have the labels that the template does not show
	}
	return append(out, t)
}

func (n *namespace) exposure(d networkingv1.PolicyType, exposed []*inventory.Workload, opened map[*policy]bool, bare int) string {
	verb := "accepts connections from everywhere"
	if d == networkingv1.PolicyTypeEgress {
		verb = "may connect to everywhere"
	}
	why := "no NetworkPolicy isolates it"
	if len(exposed) > 1 {
		verb = strings.Replace(verb, "accepts", "accept", 1)
		why = "no NetworkPolicy isolates them"
	}
	switch {
	case len(opened) > 0:
		why = n.quote(opened) + " allow everything"
		if len(opened) == 1 {
			why = n.quote(opened) + " allows everything"
		}
		if bare > 0 {
			why += ", and none isolates the rest"
		}
	case !slices.ContainsFunc(n.policies, func(p *policy) bool { return p.governs(d) }):
		why = fmt.Sprintf("namespace %q has no NetworkPolicy for %s", n.name, strings.ToLower(string(d)))
	}
	return fmt.Sprintf("%d of %s %s: %s; %s", len(exposed), phrase.Count(len(n.workloads), "workload"), verb, phrase.Workloads(exposed), why)
}

// quote names policies.
func (n *namespace) quote(which map[*policy]bool) string {
	var names []string
	for _, p := range n.policies {
		if which[p] {
			names = append(names, fmt.Sprintf("NetworkPolicy %q", p.object.Name()))
		}
	}
	return phrase.Shorten(names)
}

func (n *namespace) remedy(d networkingv1.PolicyType, opened map[*policy]bool) string {
	out := fmt.Sprintf(`Apply, then add a policy for each connection that is needed:

apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny-%s
  namespace: %s
spec:
  podSelector: {}
  policyTypes: [%s]
`, strings.ToLower(string(d)), n.name, d)
	if d == networkingv1.PolicyTypeEgress {
		out += `  egress:
  - to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      podSelector: {matchLabels: {k8s-app: kube-dns}}
    ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
`
	}
	if len(opened) > 0 {
		out += fmt.Sprintf("\nReplace the rules of %s by the peers and ports that are needed: policies are a union, and a deny does not take away what another allows.\n", n.quote(opened))
	}
	return out
}

const maxEvidence = 20

func places(ws []*inventory.Workload, at func(*inventory.Workload) nist190.Evidence) []nist190.Evidence {
	var out []nist190.Evidence
	for _, w := range ws[:min(len(ws), maxEvidence)] {
		out = append(out, at(w))
	}
	return out
}

func foreignEvidence(fs []effect) []nist190.Evidence {
	var out []nist190.Evidence
	for _, f := range fs[:min(len(fs), maxEvidence)] {
		out = append(out, nist190.At(f.object))
	}
	return out
}

func effects(fs []effect) string {
	var names []string
	for _, f := range fs {
		names = append(names, f.String())
	}
	return phrase.Shorten(names)
}

func areOrIs(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func appendOnce(ws []*inventory.Workload, w *inventory.Workload) []*inventory.Workload {
	if slices.Contains(ws, w) {
		return ws
	}
	return append(ws, w)
}
