package nodetrust

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// runs reports whether a container's command is a program.
func runs(c corev1.Container, program string) bool {
	return len(c.Command) > 0 && path.Base(c.Command[0]) == program
}

var nodeRemoval = nist190.Metadata{
	ID: "nodetrust-node-removal", Title: "Workload that does not survive the removal of one node",
	Doc: `A workload can land on one node alone, or has all of its pods on one: when that node is isolated, the workload stops.

A node that is not trusted any more must be taken out at once, and nobody does that when the shop stops with it. A selector,
a taint or a volume that leaves a single node is the usual reason; the answer rests on every rule of the scheduler that does
not depend on other pods and free resources, so that "nowhere else" is a proof. Two or more pods that happen to be on one
node are low: nothing spreads them. A workload of one pod that can go elsewhere is down for as long as that takes, which
is no finding, but for the cluster's DNS.

Before:

    kind: Deployment
    spec: {template: {spec: {nodeSelector: {kubernetes.io/hostname: node-7}}}}

After: a label that several nodes have, and a spread over them.

    topologySpreadConstraints:
    - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule}`,
	Claims: []nist190.Claim{{Sentence: "5e", Conclusive: true}}, Controls: []string{"CP-2", "CP-10", "IR-4"}, Severity: nist190.SeverityMedium,
	Remediation: `Let the workload select nodes by a label that two or more have, put its data on volumes that are not one node's, and spread its
pods over nodes (topologySpreadConstraints or podAntiAffinity).`,
	Limits: "Whether other nodes have the resources. Whether a pod that is made anew finds its data and comes up.",
}

// NodeRemoval finds workloads that one node's removal stops.
func NodeRemoval() nist190.Check {
	md := nodeRemoval
	md.Risk, md.Since, md.Subjects, md.Needs = nist190.NodeTrust, "v0.1.0", inventory.WorkloadKinds(), RemovalNeeds()
	return nist190.NewCheck(md, checkNodeRemoval)
}

func checkNodeRemoval(ctx context.Context, e *nist190.Eval) error {
	r, err := RemovalImpactOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	f, err := placement.FeasibilityOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	claims := localVolumes(e.Inventory)
	found := map[inventory.Ref]bool{}
	fail := func(w *inventory.Workload, key string, severity nist190.Severity, message string, more ...nist190.Evidence) {
		found[w.Ref()] = true
		e.Report(nist190.Outcome{Status: nist190.Fail, Subject: w.Ref(), Key: key, Severity: severity, Message: message, Evidence: append([]nist190.Evidence{nist190.At(w.Object)}, more...)})
	}
	workers := 0
	for _, n := range f.Nodes() {
		if n.Pool || n.Object == nil || !controlPlaneNode(n.Object) {
			workers++
		}
	}
	for i := range r.Nodes() {
		for _, w := range i.Homeless {
			if workers < 2 {
				fail(w, "one node", nist190.SeverityUnset, fmt.Sprintf("node %q is the only one that it can be on: the cluster has no other worker", i.Node))
				continue
			}
			why := ""
			for _, v := range w.Template.Spec.Volumes {
				if c := v.PersistentVolumeClaim; c != nil {
					if local, ok := claims[claim{w.Namespace(), c.ClaimName}]; ok {
						why = fmt.Sprintf("; its data is in %s there", local.path)
					}
				}
			}
			fail(w, "one node", nist190.SeverityUnset, fmt.Sprintf("node %q is the only one that it can be on%s", i.Node, why))
		}
		for _, w := range i.Gathered {
			fail(w, "gathered", nist190.SeverityLow, fmt.Sprintf("all of its %d pods are on node %q, and nothing spreads them", running(w), i.Node))
		}
	}
	for _, p := range f.Placements() {
		w := p.Workload
		_, isControlPlane := controlPlane(w)
		switch {
		case found[w.Ref()] || isControlPlane:
		case w.Ref().Kind == "DaemonSet" || w.Ref().Kind == "Pod":
			e.NotApplicable(w.Ref(), "it is not made anew elsewhere")
		case dns(w) && w.Replicas == 1:
			fail(w, "dns", nist190.SeverityUnset, "one pod resolves the names of the whole cluster")
		default:
			e.Pass(w.Ref(), nist190.At(w.Object))
		}
	}
	return nil
}

// dns recognises the cluster's name server by its software, in the namespace that administrators own.
func dns(w *inventory.Workload) bool {
	return w.Namespace() == "kube-system" && slices.ContainsFunc(w.Template.Spec.Containers, func(c corev1.Container) bool {
		return strings.HasSuffix(inventory.ParseImage(c.Image).Path, "coredns")
	})
}

var drainBlocker = nist190.Metadata{
	ID: "nodetrust-drain-blocker", Title: "Something that keeps a node from being drained",
	Doc: `A PodDisruptionBudget lets no pod go, ever, or a pod belongs to nothing that would make it anew.

Whoever isolates a node drains it. An eviction that a budget refuses is tried again for ever, and a bare pod is refused by
kubectl drain unless it is forced, and then is gone. Both turn the removal of a node into an outage or an exception. A budget
is judged by its arithmetic over the replicas that are asked for, as the disruption controller does it.

Before:

    kind: PodDisruptionBudget
    spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}

After:

    spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}`,
	Claims: []nist190.Claim{{Sentence: "5e", Conclusive: true}}, Controls: []string{"CP-2", "IR-4"}, Severity: nist190.SeverityMedium,
	Remediation: "Let the budget spare one pod and run one more than it needs. Put what runs as a bare pod into a Deployment, StatefulSet or Job.",
	Limits:      "How many pods are healthy at the moment of the drain. Budgets that several workloads of unknown size share.",
}

// DrainBlocker finds budgets that let no pod go and pods without an owner.
func DrainBlocker() nist190.Check {
	md := drainBlocker
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	md.Subjects = []schema.GroupKind{{Group: "policy", Kind: "PodDisruptionBudget"}, {Kind: "Pod"}}
	md.Needs = append(inventory.WorkloadNeeds(inventory.Either), inventory.NeedOf[policyv1.PodDisruptionBudget](inventory.Either))
	return nist190.NewCheck(md, checkDrainBlocker)
}

func checkDrainBlocker(ctx context.Context, e *nist190.Eval) error {
	budgets, err := budgetsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, b := range budgets {
		switch {
		case b.Blocks != "":
			field := "minAvailable"
			if b.Spec.MaxUnavailable != nil {
				field = "maxUnavailable"
			}
			e.Fail(b.Object.Ref(), "", fmt.Sprintf("%s, and so no node with a pod of %s can be drained", b.Blocks, phrase.Workloads(b.Workloads)), nist190.At(b.Object, "spec", field))
		case len(b.Workloads) == 0:
			e.NotApplicable(b.Object.Ref(), "it protects nothing that was seen")
		default:
			e.Pass(b.Object.Ref(), nist190.At(b.Object))
		}
	}
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		if w.Ref().Kind != "Pod" {
			continue
		}
		_, isControlPlane := controlPlane(w)
		_, mirror := w.Object.Annotations()[corev1.MirrorPodAnnotationKey]
		_, owned := w.Object.Controller()
		switch {
		case isControlPlane || mirror:
			e.NotApplicable(w.Ref(), "the kubelet of its node makes it from a file")
		case owned:
			e.NotApplicable(w.Ref(), "what made it makes it anew")
		case w.Template.Spec.RestartPolicy == corev1.RestartPolicyNever:
			e.NotApplicable(w.Ref(), "it runs once")
		default:
			e.Report(nist190.Outcome{Status: nist190.Fail, Subject: w.Ref(), Severity: nist190.SeverityLow, Evidence: []nist190.Evidence{nist190.At(w.Object)},
				Message: "nothing makes it anew when its node is drained, which kubectl drain refuses unless it is forced"})
		}
	}
	return nil
}

var webhookOnOneNode = nist190.Metadata{
	ID: "nodetrust-webhook-on-one-node", Title: "Admission webhook that one node carries",
	Doc: `A webhook that fails closed for pods, evictions or nodes is served by pods on a single node, or by a single pod.

When that node is lost or isolated the API server refuses what isolating it takes: pods are not evicted, not deleted or not
made anew elsewhere, and nodes are not changed. The pod that would serve the webhook elsewhere may be refused by it as well.

Before:

    kind: ValidatingWebhookConfiguration
    webhooks: [{failurePolicy: Fail, rules: [{apiGroups: [""], resources: [pods], operations: ["*"]}]}]   # one pod serves it

After: two pods on different nodes, and the webhook's own namespace left out by its namespaceSelector.`,
	Claims: []nist190.Claim{{Sentence: "5e", Conclusive: true}}, Controls: []string{"CP-10", "SC-24"}, Severity: nist190.SeverityHigh,
	Remediation: "Run two or more pods of it, spread over nodes, with a budget that spares one; leave out kube-system and its own namespace.",
	Limits:      "Webhooks outside of the cluster (clientConfig.url), selectors and conditions that leave most requests out.",
}

var webhookKinds = []schema.GroupKind{
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}, {Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"},
}

// WebhookOnOneNode finds webhooks that fail closed and depend on one node.
func WebhookOnOneNode() nist190.Check {
	md := webhookOnOneNode
	md.Risk, md.Since, md.Subjects = nist190.NodeTrust, "v0.1.0", webhookKinds
	md.Needs = append(inventory.WorkloadNeeds(inventory.Either), inventory.NeedOf[corev1.Service](inventory.Either))
	for _, k := range webhookKinds {
		md.Needs = append(md.Needs, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: strings.ToLower(k.Kind) + "s"})
	}
	return nist190.NewCheck(md, checkWebhookOnOneNode)
}

func checkWebhookOnOneNode(ctx context.Context, e *nist190.Eval) error {
	webhooks, err := webhooksOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range webhooks {
		out := nist190.Outcome{Status: nist190.Pass, Subject: w.Object.Ref(), Key: w.Name, Evidence: []nist190.Evidence{nist190.At(w.Object, w.Path...)}}
		for _, x := range w.Workloads {
			out.Evidence = append(out.Evidence, nist190.At(x.Object))
		}
		switch {
		case w.Service == "":
			out.Status, out.Message = nist190.NotApplicable, fmt.Sprintf("webhook %q is served from outside of the cluster", w.Name)
		case len(w.Workloads) == 0:
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = fmt.Sprintf("what serves webhook %q (Service %q) was not given", w.Name, w.Service)
		case len(w.Nodes) == 1:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("webhook %q fails closed, and all that serves it (%s) is on node %q", w.Name, phrase.Workloads(w.Workloads), w.Nodes[0])
		case w.Pods < 2 && !slices.ContainsFunc(w.Workloads, func(x *inventory.Workload) bool { return x.Replicas < 0 }):
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("webhook %q fails closed, and one pod serves it (%s)", w.Name, phrase.Workloads(w.Workloads))
		}
		e.Report(out)
	}
	return nil
}
