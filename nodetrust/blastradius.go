package nodetrust

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
	"github.com/nist190/nist190/sensitivity"
)

// BlastRadius tells what is lost with each node: whoever is root there is the kubelet's user, reads what the node
// authorizer gives it ([Graph]), has the tokens of the service accounts of its pods, and goes on from there.
//
// What follows is a graph of nodes, accounts and namespaces. A node leads to the accounts whose token for the API server
// it has or can request, to those of which it reads a token in a Secret, and to what the group system:nodes has beyond the
// node authorizer. An account leads where its rights do ([rbac.Escalations.Leads]): to all rights, to every node by
// nodes/proxy or volumes, to the accounts or Secrets of a namespace, to one account by name, to new pods in a namespace, to
// the running ones. New pods lead to every node unless Pod Security keeps the namespace from pods that can be root on one,
// or PodNodeSelector keeps them off; running pods lead to the nodes on which one of the namespace can act as its node. A
// node of the control plane is the cluster.
//
// A token is bound to a pod of the node and, from Kubernetes 1.33 on (ServiceAccountNodeAudienceRestriction), has an audience
// that the pod asks for: an account whose pods mount no token for the API server then gives nothing
// (plugin/pkg/admission/noderestriction).
//
// Where no pod is bound to a node, what can land there counts instead ([PotentialGraphOf]). Cost: building it is linear in
// pods, what they name and bindings; a set of nodes is bits, one for each set of nodes that somebody reaches. It is
// immutable and safe for concurrent use.
type BlastRadius struct {
	// Graph is what the nodes read.
	Graph *Graph
	// Assumed is set where no pod is bound, so that what can land on a node counts as being there.
	Assumed bool
	// AudienceRestricted is set where a node gets tokens only for audiences that its pods ask for.
	AudienceRestricted bool

	radii    []*Radius // by name
	byName   map[string]*Radius
	web      *web
	levels   *sensitivity.Levels
	secrets  map[string][]Thing // by namespace, of all that are known
	allKnown int
	esc      *rbac.Escalations
}

// Radius is what one node gives away.
type Radius struct {
	Node   string
	Object *inventory.Object // nil where pods name a node that was not collected
	// ControlPlane: the node runs the control plane, so that its loss is the cluster's.
	ControlPlane bool
	// Admin: all rights in the cluster can be had from the node.
	Admin bool
	// Level is the highest level of what is reached.
	Level sensitivity.Level
	// Own is the level of the node, and of what runs there.
	Own sensitivity.Level
	// Accounts are those of its pods.
	Accounts []NodeAccount

	vertex int32
	own    *nodeReads
}

// NodeAccount is a service account of a pod on a node.
type NodeAccount struct {
	Account rbac.Subject
	// Token: a token for the API server can be had. Otherwise the account's pods are given none, and the node cannot ask
	// for one.
	Token bool
	// CloudIdentity is what the account is outside the cluster, by its annotation.
	CloudIdentity string

	pod   *boundPod
	leads int32 // vertex, or -1
}

var tokenSecretType = corev1.SecretTypeServiceAccountToken

// BlastRadiusNeeds are the needs of [BlastRadiusOf]. What is not seen of pods, volumes and Secrets can only add to what is
// lost. A node that was not seen may be one of the control plane; labels of namespaces and settings of accounts turn it
// either way as well.
func BlastRadiusNeeds() []inventory.Need {
	return inventory.JoinNeeds(
		GraphNeeds(), rbac.AccessNeeds(), inventory.WorkloadNeeds(inventory.Incriminating), sensitivity.DeclaredNeeds(), placement.ControlPlaneNeeds(),
		[]inventory.Need{
			inventory.NeedOf[corev1.Node](inventory.Either), inventory.NeedOf[corev1.Secret](inventory.Incriminating),
			inventory.NeedOf[corev1.ServiceAccount](inventory.Either), inventory.NeedOf[corev1.Namespace](inventory.Either),
		})
}

// BlastRadiusOf computes it once per inventory; see [BlastRadiusNeeds].
func BlastRadiusOf(ctx context.Context, inv *inventory.Inventory) (*BlastRadius, error) {
	return blastRadius.Get(ctx, inv)
}

var blastRadius = inventory.NewFact("nodetrust blast radius", newBlastRadius)

// settings of a service account that count.
type accountSettings struct {
	automount *bool
	identity  string
}

// cloudAnnotations name the identity that a cloud gives the pods of an account.
var cloudAnnotations = []string{"eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"}

func newBlastRadius(ctx context.Context, inv *inventory.Inventory) (*BlastRadius, error) {
	g, err := GraphOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	b := &BlastRadius{Graph: g, byName: map[string]*Radius{}, secrets: map[string][]Thing{}}
	if len(g.Nodes()) == 0 {
		if b.Graph, err = PotentialGraphOf(ctx, inv); err != nil {
			return nil, err
		}
		b.Assumed = true
	}
	if b.levels, err = sensitivity.DeclaredOf(ctx, inv); err != nil {
		return nil, err
	}
	if b.esc, err = rbac.EscalationsOf(ctx, inv); err != nil {
		return nil, err
	}
	access, err := rbac.AccessOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	profile, err := placement.ProfileOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	if b.AudienceRestricted, err = audienceRestricted(ctx, inv, profile); err != nil {
		return nil, err
	}
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	accounts := map[Thing]accountSettings{}
	for o, sa := range inventory.Typed[corev1.ServiceAccount](inv) {
		s := accountSettings{automount: sa.AutomountServiceAccountToken}
		for _, key := range cloudAnnotations {
			s.identity = cmp.Or(s.identity, sa.Annotations[key])
		}
		accounts[Thing{ServiceAccount, o.Namespace(), o.Name()}] = s
	}
	tokens := map[Thing]rbac.Subject{}
	known := map[Thing]bool{}
	for o, s := range inventory.Typed[corev1.Secret](inv) {
		t := Thing{Secret, o.Namespace(), o.Name()}
		known[t] = true
		if account := s.Annotations[corev1.ServiceAccountNameKey]; s.Type == tokenSecretType && account != "" {
			tokens[t] = rbac.ServiceAccount(t.Namespace, account)
		}
	}
	for _, t := range b.Graph.things {
		if t.Kind == Secret {
			known[t] = true
		}
	}
	for t := range known {
		b.secrets[t.Namespace] = append(b.secrets[t.Namespace], t)
	}
	b.allKnown = len(known)
	for _, list := range b.secrets {
		slices.SortFunc(list, Thing.Compare)
	}
	levelOf, ofPod := b.podLevels(workloads)
	for _, name := range b.Graph.Nodes() {
		b.byName[name] = &Radius{Node: name}
	}
	for o := range inventory.Typed[corev1.Node](inv) {
		if b.byName[o.Name()] == nil {
			b.byName[o.Name()] = &Radius{Node: o.Name()}
		}
		r := b.byName[o.Name()]
		r.Object, r.ControlPlane = o, controlPlaneNode(o)
		r.Own = max(r.Own, b.levels.Node(inv, o).Level)
	}
	for name, r := range b.byName {
		b.radii = append(b.radii, r)
		if r.own = b.Graph.nodes[name]; r.own == nil {
			r.own = &nodeReads{}
		}
		r.ControlPlane = r.ControlPlane || strings.HasPrefix(name, "KubeadmControlPlane/") || slices.ContainsFunc(r.own.pods, componentPod)
		for _, p := range r.own.pods {
			r.Own = max(r.Own, levelOf(p))
		}
	}
	slices.SortFunc(b.radii, func(x, y *Radius) int { return strings.Compare(x.Node, y.Node) })
	w := &weaver{b: b, access: access, accounts: accounts, tokens: tokens, inv: inv, profile: profile, workloads: workloads, ofPod: ofPod}
	if b.web, err = w.weave(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// podLevels gives the level of what runs in a pod, and the workload that it belongs to.
func (b *BlastRadius) podLevels(workloads []*inventory.Workload) (level func(*boundPod) sensitivity.Level, of func(*boundPod) *inventory.Workload) {
	byPod := map[*inventory.Object]*inventory.Workload{}
	levels := make(map[*inventory.Workload]sensitivity.Level, len(workloads))
	for _, w := range workloads {
		levels[w] = b.levels.Workload(w.Ref()).Level
		for _, p := range w.Pods {
			byPod[p.Object] = w
		}
	}
	of = func(p *boundPod) *inventory.Workload {
		if p.workload != nil {
			return p.workload
		}
		return byPod[p.object]
	}
	return func(p *boundPod) sensitivity.Level { return levels[of(p)] }, of
}

// controlPlaneNode: the labels of kubeadm, which NodeRestriction keeps kubelets from setting.
func controlPlaneNode(o *inventory.Object) bool {
	for _, key := range []string{"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/controlplane"} {
		if _, ok := o.Labels()[key]; ok {
			return true
		}
	}
	return false
}

// controlPlanePrograms are what makes a node one of the control plane.
var controlPlanePrograms = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// componentPod recognises a static pod of the control plane by its command; see controlPlane.
func componentPod(p *boundPod) bool {
	if p.namespace != "kube-system" || !p.spec.HostNetwork || p.workload != nil && p.workload.Ref().Kind != "Pod" {
		return false
	}
	return slices.ContainsFunc(p.spec.Containers, func(c corev1.Container) bool {
		return len(c.Command) > 0 && slices.Contains(controlPlanePrograms, path.Base(c.Command[0]))
	})
}

// audienceRestricted: the gate is on by default from 1.33 on, and it is NodeRestriction that enforces it. Where neither is
// seen the default of the version holds: whether NodeRestriction is on is a question of its own.
func audienceRestricted(ctx context.Context, inv *inventory.Inventory, profile placement.Profile) (bool, error) {
	view, err := controlplane.Of(ctx, inv)
	if err != nil {
		return false, err
	}
	if profile.NodeRestriction == placement.Off {
		return false, nil
	}
	if gate := view.FeatureGate(process.KubeAPIServer, "ServiceAccountNodeAudienceRestriction"); gate.OK() {
		return gate.Value, nil
	}
	return inv.Version().AtLeast(1, 33), nil
}

// hasToken reports whether the pod is given a token for the API server. A pod of a cluster says so in its volumes, which
// the admission plugin ServiceAccount adds; one of a manifest will be given one unless it or its account refuses
// (plugin/pkg/admission/serviceaccount).
func (p *boundPod) hasToken(account accountSettings) bool {
	for i := range p.spec.Volumes {
		if v := p.spec.Volumes[i].Projected; v != nil {
			for j := range v.Sources {
				if t := v.Sources[j].ServiceAccountToken; t != nil && t.Audience == "" {
					return true
				}
			}
		}
	}
	switch {
	case p.workload == nil && p.object.Strength() >= inventory.Observed:
		return false
	case p.spec.AutomountServiceAccountToken != nil:
		return *p.spec.AutomountServiceAccountToken
	case account.automount != nil:
		return *account.automount
	}
	return true
}

// Nodes iterates over the nodes by name.
func (b *BlastRadius) Nodes() iter.Seq[*Radius] { return slices.Values(b.radii) }

// Of is what a node gives away; nil for one that was not seen.
func (b *BlastRadius) Of(node string) *Radius { return b.byName[node] }

// LevelName is the name of a level.
func (b *BlastRadius) LevelName(l sensitivity.Level) string { return b.levels.Name(l) }

// Reads iterates over what the node reads directly, in order.
func (b *BlastRadius) Reads(r *Radius) iter.Seq[Thing] {
	return func(yield func(Thing) bool) {
		for _, t := range r.own.things {
			if !yield(b.Graph.things[t]) {
				return
			}
		}
	}
}

// Reaches lists the other nodes that can be had from one, in order.
func (b *BlastRadius) Reaches(r *Radius) []string {
	var out []string
	set := b.web.reached(r.vertex)
	for i, other := range b.radii {
		if other != r && set.has(i) {
			out = append(out, other.Node)
		}
	}
	return out
}

// ReachedShare is the part of all nodes, itself included, that can be had from one.
func (b *BlastRadius) ReachedShare(r *Radius) float64 {
	n := 1
	set := b.web.reached(r.vertex)
	for i, other := range b.radii {
		if other != r && set.has(i) {
			n++
		}
	}
	return float64(n) / float64(len(b.radii))
}

// Secrets tells how many Secrets can be had from the node directly, and with everything that follows, and how many there
// are: those that were collected and those that pods name. Cost: linear in what is reached.
func (b *BlastRadius) Secrets(r *Radius) (direct, total, all int) {
	set := map[Thing]bool{}
	add := func(reads *nodeReads) {
		for _, t := range reads.things {
			if thing := b.Graph.things[t]; thing.Kind == Secret {
				set[thing] = true
			}
		}
	}
	add(r.own)
	direct = len(set)
	if r.Admin || r.ControlPlane {
		return direct, b.allKnown, b.allKnown
	}
	reached := b.web.reached(r.vertex)
	for i, other := range b.radii {
		if reached.has(i) {
			add(other.own)
		}
	}
	for _, ns := range b.web.secretsFrom(r.vertex) {
		for namespace, list := range b.secrets {
			if ns == "" || ns == namespace {
				for _, t := range list {
					set[t] = true
				}
			}
		}
	}
	return direct, len(set), b.allKnown
}

// Way is the shortest way from a node to all rights in the cluster; nil where there is none.
func (b *BlastRadius) Way(r *Radius) []Step { return b.web.way(r.vertex, everything) }

// WayTo is the shortest way from a node to another; nil where there is none.
func (b *BlastRadius) WayTo(r, other *Radius) []Step { return b.web.way(r.vertex, other.vertex) }

// Explain answers for a node and a thing, with the words of [Graph.Explain]. Where the node does not read it by itself, the
// answer is the way to a node that does, and from there.
func (b *BlastRadius) Explain(r *Radius, t Thing) []Step {
	if steps := b.Graph.Explain(r.Node, t); steps != nil {
		return steps
	}
	set := b.web.reached(r.vertex)
	for i, other := range b.radii {
		if set.has(i) && b.Graph.Reads(other.Node, t) {
			if way := b.WayTo(r, other); way != nil {
				return append(way, b.Graph.Explain(other.Node, t)[1:]...)
			}
		}
	}
	return nil
}

var nodeKind = schema.GroupKind{Kind: "Node"}

// Ref names the node as findings do.
func (r *Radius) Ref() inventory.Ref {
	if r.Object != nil {
		return r.Object.Ref()
	}
	return inventory.Ref{Version: "v1", Kind: nodeKind.Kind, Name: r.Node}
}

func (r *Radius) String() string { return fmt.Sprintf("Node %q", r.Node) }

// evidence of the node itself.
func (r *Radius) evidence() []nist190.Evidence {
	if r.Object == nil {
		return nil
	}
	return []nist190.Evidence{nist190.At(r.Object)}
}
