package nodetrust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/sensitivity"
)

var blastRadiusCheck = nist190.Metadata{
	ID: "nodetrust-blast-radius", Title: "Worker node whose loss is the loss of the cluster",
	Doc: `Whoever is root on one worker node comes to all rights in the cluster, to every Secret, or to a higher sensitivity level than
the node has.

Root on a node reads what the node authorizer gives its kubelet and has the tokens of all service accounts of its pods. The
rights of those accounts decide whether the loss ends there: one that may bind roles, run pods where Pod Security lets them
be root, use the kubelets' API or read every Secret makes its node as precious as the control plane. What follows is pursued
over accounts, namespaces and other nodes until nothing is new; the finding names the workload that brings the token to the
nodes, and gives the shortest way.

A worker passes where nothing of the kind follows. Nodes of the control plane are the cluster and are not judged. An account
that has no more than its vendor publishes is a low finding. Without nodes it is the node on which everything without a
node selector meets.

Before:

    kind: Deployment           # on any worker
    spec: {template: {spec: {serviceAccountName: deployer}}}
    ---
    kind: ClusterRoleBinding   # deployer: cluster-admin

After: rights in the namespaces that it deploys to, which enforce Pod Security; or nodes of its own, next to the control plane.`,
	Claims: []nist190.Claim{{Sentence: "5d", Conclusive: true}}, Controls: []string{"AC-6", "SC-3", "SC-7", "IR-4"}, Severity: nist190.SeverityHigh,
	Remediation: `Narrow what the account may do, enforce the Pod Security profile baseline or restricted where it may run pods, give pods that
do not call the API no token (automountServiceAccountToken: false), or run the workload on nodes of its own, with a taint
that keeps everything else off.`,
	Limits: `What the kernel, the network or the cloud gives away beyond the orchestrator: identities of instances are
nodetrust-metadata-service's. Admission policies other than Pod Security and PodNodeSelector are not evaluated. Where nothing
tells whether NodeRestriction is on, its default scope for tokens is taken to hold.`,
}

// BlastRadiusCheck finds workers from which the cluster can be had.
func BlastRadiusCheck() nist190.Check {
	md := blastRadiusCheck
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	md.Needs = radiusNeeds()
	md.Subjects = append([]schema.GroupKind{nodeKind}, inventory.WorkloadKinds()...)
	return nist190.NewCheck(md, checkBlastRadius)
}

// radiusNeeds are the needs of the blast radius and, where no pod is bound, of what can land where.
func radiusNeeds() []inventory.Need {
	needs := BlastRadiusNeeds()
	for _, n := range placement.Needs() {
		if !slices.ContainsFunc(needs, func(o inventory.Need) bool { return o.GroupKind() == n.GroupKind() }) {
			needs = append(needs, n.IfRead())
		}
	}
	return needs
}

// cause is a workload, or what else brings the same to several nodes, through which they lead to one end.
type cause struct {
	subject inventory.Ref
	key     string // what it leads to
	nodes   []*Radius
	account *NodeAccount // of the first; nil where it is not an account's token
	level   sensitivity.Level
}

func checkBlastRadius(ctx context.Context, e *nist190.Eval) error {
	b, err := BlastRadiusOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	causes, workers, failing := b.causes()
	for _, c := range causes {
		e.Report(b.failure(c, workers))
	}
	for r := range b.Nodes() {
		switch {
		case r.ControlPlane:
			e.NotApplicable(r.Ref(), "it runs the control plane: its loss is the cluster's")
		case r.Object == nil && !b.Assumed, failing[r]:
		default:
			e.Report(nist190.Outcome{Status: nist190.Pass, Subject: r.Ref(), Evidence: r.evidence()})
		}
	}
	return nil
}

// causes are what makes workers lose more than themselves, in the order of their subjects.
func (b *BlastRadius) causes() (out []*cause, workers int, failing map[*Radius]bool) {
	by := map[string]*cause{}
	failing = map[*Radius]bool{}
	add := func(r *Radius, c cause) {
		failing[r] = true
		id := c.subject.String() + " " + c.key
		x := by[id]
		if x == nil {
			x = &c
			by[id] = x
			out = append(out, x)
		}
		x.nodes = append(x.nodes, r)
	}
	for _, r := range b.radii {
		if r.ControlPlane {
			continue
		}
		workers++
		explained := false
		for i := range r.Accounts {
			a := &r.Accounts[i]
			if a.leads < 0 {
				continue
			}
			key, to := "", b.web.component[a.leads]
			switch {
			case b.web.admin[to]:
				key = "administrator"
			case b.web.secrets[to]:
				key = "secrets"
			case r.Own > 0 && b.web.level[to] > r.Own:
				key = "level"
			default:
				continue
			}
			explained = explained || key == "administrator"
			add(r, cause{subject: b.web.workload(a.pod), key: key, account: a, level: b.web.level[to]})
		}
		if r.Admin && !explained {
			for _, e := range b.web.edges[r.vertex] {
				if b.web.admin[b.web.component[e.to]] && e.kind != eToken {
					c := cause{subject: inventory.Cluster, key: "administrator"}
					if e.kind == eSecret {
						c.subject, c.key = r.Ref(), "token in a Secret"
					}
					add(r, c)
				}
			}
		}
	}
	slices.SortFunc(out, func(x, y *cause) int {
		return strings.Compare(x.subject.String()+x.key, y.subject.String()+y.key)
	})
	return out, workers, failing
}

func (b *BlastRadius) failure(c *cause, workers int) nist190.Outcome {
	first := c.nodes[0]
	out := nist190.Outcome{Status: nist190.Fail, Subject: c.subject, Key: c.key}
	var way []Step
	vendor, published := "", true
	goal := func(v int32) bool { return v == everything }
	switch c.key {
	case "secrets":
		out.Severity = nist190.SeverityMedium
		goal = func(v int32) bool { return b.web.vertices[v].kind == vSecrets && b.web.vertices[v].namespace == "" }
	case "level":
		out.Severity = nist190.SeverityMedium
		goal = func(v int32) bool { return b.web.levelOf(v) == c.level }
	}
	edges := b.web.route(first.vertex, c.account, goal)
	way = b.web.words(first.vertex, edges)
	for _, e := range edges {
		if e.kind == eLead {
			if vendor = e.lead.Vendor; vendor == "" {
				published = false
				break
			}
		}
	}
	if c.account != nil {
		out.Evidence = append(out.Evidence, b.web.place(c.account.pod))
	}
	for _, s := range way {
		out.Path = append(out.Path, s.Text)
		if s.Evidence.Ref.Kind != "" && len(out.Evidence) < maxEvidence {
			out.Evidence = append(out.Evidence, s.Evidence)
		}
	}
	what := "all rights in the cluster"
	switch c.key {
	case "secrets":
		what = "every Secret of the cluster"
	case "level":
		what = fmt.Sprintf("what is %s, which is above the level of the node,", b.LevelName(c.level))
	}
	where := nodesNamed(c.nodes, workers)
	switch {
	case c.account == nil && c.key == "administrator":
		out.Message = fmt.Sprintf("%s can be had from %s by what every kubelet may do", what, where)
	case c.account == nil:
		out.Message = fmt.Sprintf("%s can be had from it by the token of an account in a Secret that its pods mount", what)
	case b.Assumed:
		out.Message = fmt.Sprintf("%s can be had by the token of %s, from any node on which it can run: %s", what, c.account.Account, where)
	default:
		out.Message = fmt.Sprintf("%s can be had by the token of %s, which is on %s", what, c.account.Account, where)
	}
	if vendor != "" && published {
		out.Severity = nist190.SeverityLow
		out.Message += fmt.Sprintf("; the account has what %s publishes for it", vendor)
		out.Remediation = "Run it on nodes of its own, next to the control plane, with a taint that keeps other workloads off."
	}
	return out
}

const maxEvidence = 8

// nodesNamed names the first three of some nodes.
func nodesNamed(nodes []*Radius, workers int) string {
	if len(nodes) == workers && workers > 1 {
		return fmt.Sprintf("every worker (%d)", workers)
	}
	var names []string
	for _, r := range nodes {
		names = append(names, fmt.Sprintf("%q", r.Node))
	}
	if len(names) == 1 {
		return "node " + names[0]
	}
	return phrase.Count(len(nodes), "node") + ": " + phrase.Shorten(names)
}

// workload is whom a finding about a pod is addressed to.
func (w *web) workload(p *boundPod) inventory.Ref {
	if x := w.ofPod(p); x != nil {
		return x.Ref()
	}
	return p.object.Ref()
}

// place is where a finding about a pod points to.
func (w *web) place(p *boundPod) nist190.Evidence {
	if x := w.ofPod(p); x != nil {
		return nist190.At(x.Object)
	}
	return nist190.At(p.object)
}

// levelOf is the level of a vertex by itself.
func (w *web) levelOf(v int32) sensitivity.Level {
	switch x := &w.vertices[v]; x.kind {
	case vNode:
		return w.b.radii[x.node].Own
	case vAccount:
		return w.b.levels.Namespace(x.account.Namespace).Level
	case vAccounts, vSecrets, vNewPods, vRunningPods:
		return w.b.levels.Namespace(x.namespace).Level
	}
	return sensitivity.Unclassified
}
