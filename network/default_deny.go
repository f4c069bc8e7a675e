package network

import (
	"context"
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
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
		// Every further workload must be isolated too.
		inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Incriminating)),
		// A namespace's own labels can say that it is infrastructure.
		inventory.InSubjectNamespace(sensitivity.DeclaredNeeds())),
	Since: "v0.1.0",
	Limits: `Policies of Antrea, OVN-Kubernetes and Istio are recognised and not evaluated, those of Cilium and Calico as far as
manifests tell what they do: where the rest could matter the answer is not assessed. Whether the network plugin enforces
policies is another check.`,
}

// DefaultDeny finds namespaces of which some workload is not isolated, per direction.
func DefaultDeny() nist190.Check { return nist190.NewCheck(defaultDeny, checkDefaultDeny) }

const hostNetworkKey = "hostNetwork"

func checkDefaultDeny(ctx context.Context, e *nist190.Eval) error {
	c, err := asCollected.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	byNamespace := map[string]*residents{}
	for name := range c.m.namespaces {
		if name != elsewhere {
			byNamespace[name] = &residents{name: name, m: c.m}
		}
	}
	for _, p := range c.m.pods {
		n := byNamespace[p.Namespace]
		if p.Host() {
			n.host = appendOnce(n.host, p.Workload)
		} else {
			n.pods = append(n.pods, p)
			n.workloads = appendOnce(n.workloads, p.Workload)
		}
	}
	for ns, n := range byNamespace {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch class := levels.Namespace(ns); {
		case len(n.workloads)+len(n.host) == 0:
			n.notApplicable(e, "it has no workloads")
			continue
		case class.Level == sensitivity.Infra:
			n.notApplicable(e, "it serves every level: "+class.Because())
			continue
		}
		n.reportHost(e)
		if len(n.workloads) == 0 {
			n.notApplicable(e, "every workload of it is on the network of its host")
			continue
		}
		for _, d := range []Direction{Ingress, Egress} {
			e.Report(n.judge(d))
		}
	}
	return nil
}

// residents are the pods of one namespace under evaluation.
type residents struct {
	name            string
	m               *model
	pods            []*Pod // that policies govern
	workloads, host []*inventory.Workload
}

func (n *residents) notApplicable(e *nist190.Eval, why string) {
	for _, d := range []Direction{Ingress, Egress} {
		e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: inventory.NamespaceRef(n.name), Key: string(policyTypes[d]), Message: why})
	}
}

// reportHost: the API leaves open whether NetworkPolicy governs pods on the host's network; network plugins treat their
// traffic as the node's (https://github.com/kubernetes/website/pull/39875).
func (n *residents) reportHost(e *nist190.Eval) {
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

// judge decides one direction for the workloads that policies govern.
func (n *residents) judge(d Direction) nist190.Outcome {
	out := nist190.Outcome{Subject: inventory.NamespaceRef(n.name), Key: string(policyTypes[d])}
	var exposed, unclear []*inventory.Workload
	opened, doubtful, isolating := map[*policy]bool{}, map[*policy]bool{}, map[*policy]bool{}
	bare := 0 // exposed without any policy
	for _, p := range n.pods {
		switch is, by := n.m.openness(n.m.classes[p.class], d); is {
		case yes:
			if len(by) == 0 && !slices.Contains(exposed, p.Workload) {
				bare++
			}
			exposed = appendOnce(exposed, p.Workload)
			mark(opened, by)
		case maybe:
			unclear = appendOnce(unclear, p.Workload)
			mark(doubtful, by)
		default:
			mark(isolating, by)
		}
	}
	where := func(w *inventory.Workload) nist190.Evidence { return nist190.At(w.Object, "metadata", "name") }
	switch {
	case len(exposed) > 0:
		out.Status = nist190.Fail
		if d == Egress {
			out.Severity = nist190.SeverityMedium
		}
		out.Message = n.exposure(d, exposed, opened, bare)
		out.Evidence = append(places(exposed, where), n.evidence(opened, "spec", d.String())...)
		out.Remediation = n.remedy(d, opened)
	case len(unclear) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("whether %s %s is not known: %s", phrase.Workloads(unclear), verbs[d][min(len(unclear), 2)-1], n.doubts(doubtful))
		out.Evidence = append(places(unclear, where), n.evidence(doubtful)...)
	default:
		out.Status = nist190.Pass
		out.Evidence = n.evidence(isolating)
	}
	return out
}

var verbs = [...][2]string{
	Ingress: {"accepts connections from everywhere", "accept connections from everywhere"},
	Egress:  {"may connect to everywhere", "may connect to everywhere"},
}

func mark(set map[*policy]bool, ps []*policy) {
	for _, p := range ps {
		set[p] = true
	}
}

// in lists marked policies in their order.
func (n *residents) in(set map[*policy]bool) []*policy {
	var out []*policy
	for _, p := range n.m.policies {
		if set[p] {
			out = append(out, p)
		}
	}
	return out
}

func (n *residents) evidence(set map[*policy]bool, path ...any) []nist190.Evidence {
	var out []nist190.Evidence
	for _, p := range n.in(set) {
		if p.object != nil && len(out) < maxEvidence {
			out = append(out, nist190.At(p.object, path...))
		}
	}
	return out
}

// doubts names the policies that leave it open, and why.
func (n *residents) doubts(set map[*policy]bool) string {
	var out []string
	for _, p := range n.in(set) {
		why := p.doubt
		if why == "" {
			why = "depends on labels that controllers give to pods"
		}
		if p.object == nil {
			out = append(out, why)
		} else {
			out = append(out, p.short()+" ("+why+")")
		}
	}
	return phrase.Shorten(out)
}

func (n *residents) exposure(d Direction, exposed []*inventory.Workload, opened map[*policy]bool, bare int) string {
	why := "no policy isolates it"
	if len(exposed) > 1 {
		why = "no policy isolates them"
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
	case !slices.ContainsFunc(n.m.policies, func(p *policy) bool { return string(p.namespace) == n.name && p.dirs[d].isolates == yes }):
		why = fmt.Sprintf("namespace %q has no NetworkPolicy for %s", n.name, d)
	}
	return fmt.Sprintf("%d of %s %s: %s; %s", len(exposed), phrase.Count(len(n.workloads), "workload"), verbs[d][min(len(exposed), 2)-1], phrase.Workloads(exposed), why)
}

// quote names policies.
func (n *residents) quote(which map[*policy]bool) string {
	var names []string
	for _, p := range n.in(which) {
		names = append(names, p.short())
	}
	return phrase.Shorten(names)
}

func (n *residents) remedy(d Direction, opened map[*policy]bool) string {
	out := fmt.Sprintf(`Apply, then add a policy for each connection that is needed:

apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny-%s
  namespace: %s
spec:
  podSelector: {}
  policyTypes: [%s]
`, d, n.name, policyTypes[d])
	if d == Egress {
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
