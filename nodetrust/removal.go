package nodetrust

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// RemovalImpact tells what a cluster loses with a node that is isolated and removed, and what stands in the way of it.
//
// A workload has a place elsewhere where a pod of it can land on another node, or on one that a pool can make, by every rule
// that does not depend on other pods and free resources ([placement.Feasibility]): "no place" is a proof, a place is none.
// Volumes that are on a node are among these rules. It is immutable and safe for concurrent use. Cost: linear in pods; for
// each workload as many nodes as it takes to find two.
type RemovalImpact struct {
	impacts []*Impact
	byNode  map[string]*Impact
}

// Impact is what goes with one node.
type Impact struct {
	Node         string
	ControlPlane bool
	// Homeless workloads can land nowhere else.
	Homeless []*inventory.Workload
	// Gathered workloads have two or more pods, all of them on the node; Single ones have one, on the node. Both can go elsewhere.
	Gathered, Single []*inventory.Workload
	// Bare pods belong to nothing that would make them anew.
	Bare []*inventory.Object
	// Budgets let no pod go that is on the node.
	Budgets []*Budget
	// Webhooks fail closed, and every pod that serves them is on the node.
	Webhooks []*Webhook
	// Members are the static pods of etcd on the node.
	Members []*inventory.Object
}

// Empty reports whether the node can go without a loss. Workloads of one pod are down until the pod runs elsewhere.
func (i *Impact) Empty() bool {
	return len(i.Homeless)+len(i.Gathered)+len(i.Bare)+len(i.Budgets)+len(i.Webhooks)+len(i.Members) == 0
}

// Budget is a PodDisruptionBudget with what it protects.
type Budget struct {
	Object    *inventory.Object
	Spec      *policyv1.PodDisruptionBudgetSpec
	Workloads []*inventory.Workload
	// Blocks is why it lets no pod go, ever; empty where it does.
	Blocks string
}

// Webhook is an admission webhook with the pods that serve it.
type Webhook struct {
	Object *inventory.Object
	Path   []any // of the webhook in it
	Name   string
	// Service and Workloads serve it; Service is empty for a URL, Workloads are none where nothing that was seen does.
	Service   string
	Workloads []*inventory.Workload
	// Nodes on which the pods run.
	Nodes []string
	// Pods that there are, or shall be.
	Pods int
}

// RemovalNeeds are the needs of [RemovalImpactOf]: whatever is not seen can be a place, or need one.
func RemovalNeeds() []inventory.Need {
	needs := slices.Clone(placement.Needs())
	for i := range needs {
		if needs[i].Bias == inventory.Incriminating {
			needs[i].Bias = inventory.Either
		}
	}
	return append(needs,
		inventory.NeedOf[policyv1.PodDisruptionBudget](inventory.Either), inventory.NeedOf[corev1.Service](inventory.Either),
		inventory.NeedOf[admissionregistrationv1.ValidatingWebhookConfiguration](inventory.Either))
}

// RemovalImpactOf computes it once per inventory; see [RemovalNeeds].
func RemovalImpactOf(ctx context.Context, inv *inventory.Inventory) (*RemovalImpact, error) {
	return removal.Get(ctx, inv)
}

var removal = inventory.NewFact("nodetrust removal", func(ctx context.Context, inv *inventory.Inventory) (*RemovalImpact, error) {
	f, err := placement.FeasibilityOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	budgets, err := budgetsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	webhooks, err := webhooksOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	r := &RemovalImpact{byNode: map[string]*Impact{}}
	for _, n := range f.Nodes() {
		if !n.Pool {
			i := &Impact{Node: n.Name, ControlPlane: n.Object != nil && controlPlaneNode(n.Object)}
			r.impacts, r.byNode[n.Name] = append(r.impacts, i), i
		}
	}
	for _, p := range f.Placements() {
		r.place(f, p)
	}
	for _, b := range budgets {
		if b.Blocks == "" {
			continue
		}
		for _, node := range nodesOf(b.Workloads) {
			if i := r.byNode[node]; i != nil {
				i.Budgets = append(i.Budgets, b)
			}
		}
	}
	for _, w := range webhooks {
		if len(w.Nodes) == 1 {
			if i := r.byNode[w.Nodes[0]]; i != nil {
				i.Webhooks = append(i.Webhooks, w)
			}
		}
	}
	return r, ctx.Err()
})

func (r *RemovalImpact) place(f *placement.Feasibility, p *placement.Placement) {
	w := p.Workload
	kind := w.Ref().Kind
	if kind == "DaemonSet" {
		return
	}
	if _, isControlPlane := controlPlane(w); isControlPlane {
		for _, x := range w.Pods {
			if i := r.byNode[x.Pod.Spec.NodeName]; i != nil && slices.ContainsFunc(x.Pod.Spec.Containers, func(c corev1.Container) bool { return runs(c, "etcd") }) {
				i.Members = append(i.Members, x.Object)
			}
		}
		return
	}
	on := nodesOf([]*inventory.Workload{w})
	if kind == "Pod" {
		for _, node := range on {
			if i := r.byNode[node]; i != nil {
				i.Bare = append(i.Bare, w.Object)
			}
		}
		return
	}
	places := 0
	var only *placement.Node
	for n, answer := range p.Nodes(f) {
		if answer != placement.Cannot {
			if places++; places > 1 || n.Pool {
				places = 2
				break
			}
			only = n
		}
	}
	if places == 1 {
		if i := r.byNode[only.Name]; i != nil {
			i.Homeless = append(i.Homeless, w)
		}
		return
	}
	if kind == "Job" || kind == "CronJob" || len(on) != 1 {
		return
	}
	if i := r.byNode[on[0]]; i != nil {
		if running(w) > 1 {
			i.Gathered = append(i.Gathered, w)
		} else {
			i.Single = append(i.Single, w)
		}
	}
}

// nodesOf lists, in order, the nodes on which pods of the workloads run.
func nodesOf(ws []*inventory.Workload) []string {
	var out []string
	for _, w := range ws {
		for _, p := range w.Pods {
			if node := p.Pod.Spec.NodeName; node != "" && !inventory.Terminal(p.Pod) && !slices.Contains(out, node) {
				out = append(out, node)
			}
		}
	}
	slices.Sort(out)
	return out
}

func running(w *inventory.Workload) int {
	n := 0
	for _, p := range w.Pods {
		if p.Pod.Spec.NodeName != "" && !inventory.Terminal(p.Pod) {
			n++
		}
	}
	return n
}

// Nodes iterates over the nodes by name.
func (r *RemovalImpact) Nodes() iter.Seq[*Impact] { return slices.Values(r.impacts) }

// Of is what goes with a node; nil where it was not seen.
func (r *RemovalImpact) Of(node string) *Impact { return r.byNode[node] }

// budgetsOf lists the budgets with what they protect.
func budgetsOf(ctx context.Context, inv *inventory.Inventory) ([]*Budget, error) {
	workloads, err := byNamespace(ctx, inv)
	if err != nil {
		return nil, err
	}
	var out []*Budget
	for o, b := range inventory.Typed[policyv1.PodDisruptionBudget](inv) {
		x := &Budget{Object: o, Spec: &b.Spec}
		if b.Spec.Selector != nil { // none selects nothing
			selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
			if err != nil {
				continue
			}
			x.Workloads = selected(workloads[o.Namespace()], selector)
		}
		x.Blocks = blocks(x)
		out = append(out, x)
	}
	return out, nil
}

// blocks is the arithmetic of getExpectedPodCount (pkg/controller/disruption): percentages are rounded up, of the pods that
// the controllers ask for.
func blocks(b *Budget) string {
	pods := 0
	for _, w := range b.Workloads {
		if w.Ref().Kind == "DaemonSet" || w.Replicas < 0 {
			return "" // drains leave DaemonSets alone
		}
		pods += int(w.Replicas)
	}
	if pods == 0 {
		return ""
	}
	switch {
	case b.Spec.MaxUnavailable != nil:
		if n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MaxUnavailable, pods, true); err == nil && n <= 0 {
			return "maxUnavailable " + b.Spec.MaxUnavailable.String() + " lets none go"
		}
	case b.Spec.MinAvailable != nil:
		if n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MinAvailable, pods, true); err == nil && n >= pods {
			return "minAvailable " + b.Spec.MinAvailable.String() + " is as many as there are"
		}
	}
	return ""
}

func byNamespace(ctx context.Context, inv *inventory.Inventory) (map[string][]*inventory.Workload, error) {
	ws, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	out := map[string][]*inventory.Workload{}
	for _, w := range ws {
		out[w.Namespace()] = append(out[w.Namespace()], w)
	}
	return out, nil
}

func selected(ws []*inventory.Workload, selector labels.Selector) []*inventory.Workload {
	var out []*inventory.Workload
	for _, w := range ws {
		if selector.Matches(labels.Set(w.Template.Labels)) {
			out = append(out, w)
		}
	}
	return out
}

// webhooksOf lists the webhooks that fail closed for pods, nodes or evictions, which is what isolating a node takes.
func webhooksOf(ctx context.Context, inv *inventory.Inventory) ([]*Webhook, error) {
	workloads, err := byNamespace(ctx, inv)
	if err != nil {
		return nil, err
	}
	services := map[[2]string]*corev1.Service{}
	for o, s := range inventory.Typed[corev1.Service](inv) {
		services[[2]string{o.Namespace(), o.Name()}] = s
	}
	var out []*Webhook
	add := func(o *inventory.Object, i int, name string, policy *admissionregistrationv1.FailurePolicyType,
		client *admissionregistrationv1.WebhookClientConfig, rules []admissionregistrationv1.RuleWithOperations) {
		if policy != nil && *policy == admissionregistrationv1.Ignore || !slices.ContainsFunc(rules, needed) {
			return
		}
		w := &Webhook{Object: o, Path: []any{"webhooks", i}, Name: name}
		if ref := client.Service; ref != nil {
			w.Service = ref.Namespace + "/" + ref.Name
			if s := services[[2]string{ref.Namespace, ref.Name}]; s != nil && len(s.Spec.Selector) > 0 {
				w.Workloads = selected(workloads[ref.Namespace], labels.SelectorFromSet(s.Spec.Selector))
			}
		}
		for _, x := range w.Workloads {
			w.Pods += max(running(x), int(x.Replicas))
		}
		w.Nodes = nodesOf(w.Workloads)
		out = append(out, w)
	}
	for o, c := range inventory.Typed[admissionregistrationv1.MutatingWebhookConfiguration](inv) {
		for i := range c.Webhooks {
			x := &c.Webhooks[i]
			add(o, i, x.Name, x.FailurePolicy, &x.ClientConfig, x.Rules)
		}
	}
	for o, c := range inventory.Typed[admissionregistrationv1.ValidatingWebhookConfiguration](inv) {
		for i := range c.Webhooks {
			x := &c.Webhooks[i]
			add(o, i, x.Name, x.FailurePolicy, &x.ClientConfig, x.Rules)
		}
	}
	slices.SortStableFunc(out, func(a, b *Webhook) int {
		return cmp.Or(a.Object.Ref().Compare(b.Object.Ref()), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

// needed: to isolate a node it is changed, its pods are evicted or deleted, and made anew elsewhere.
func needed(r admissionregistrationv1.RuleWithOperations) bool {
	core := slices.Contains(r.APIGroups, "") || slices.Contains(r.APIGroups, "*")
	return core && slices.ContainsFunc(r.Resources, func(s string) bool {
		resource, sub, _ := strings.Cut(s, "/")
		return slices.Contains([]string{"*", "pods", "nodes"}, resource) && slices.Contains([]string{"", "*", "eviction"}, sub)
	})
}
