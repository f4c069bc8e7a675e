package placement

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// TeamNode is the check that workloads of a team land on the team's nodes only.
func TeamNode() nist190.Check {
	return nist190.NewCheck(nist190.Metadata{
		ID: "placement-team-node", Title: "Workload of a team that can land on another's node", Risk: nist190.MixedSensitivityLevels,
		Doc: `A workload in a namespace of a team can land on a node that is not one of the team's. SP 800-190 gives a test team the hosts
of testing alone: who breaks out of a container under test is then on no host of production.

Before, with a team test of the nodes labelled stage=test:

    metadata: {name: load, namespace: test-shop}
    spec: {containers: [{name: load, image: "registry.example.com/test/load"}]}

After:

    spec:
      nodeSelector: {stage: test}
      containers: [{name: load, image: "registry.example.com/test/load"}]`,
		Claims:   []nist190.Claim{{Sentence: "1b", Conclusive: true}, {Sentence: "4c"}},
		Controls: []string{"AC-3", "AC-6", "SC-7", "SC-39"},
		Severity: nist190.SeverityMedium,
		Remediation: `Give the pods a node selector that only the team's nodes match, or taint the nodes of others. The annotation
scheduler.alpha.kubernetes.io/node-selector of the namespace does so for every pod where the admission plugin PodNodeSelector is
on.`,
		Subjects: inventory.WorkloadKinds(),
		Needs:    biased(Needs(), inventory.Incriminating, inventory.WorkloadNeeds(inventory.Incriminating)),
		Since:    "v0.1.0",
		Limits: `It judges the workloads that are there; where an author of the team could send a pod is the question of placement-enforcement,
by level. Free resources and rules that depend on other pods are left out.`,
	}, checkTeamNode)
}

// teamNodes decides which nodes are a team's.
type teamNodes struct {
	*rbac.Team
	match  *inventory.Matcher
	labels labels.Selector // of the selector, where it has nothing else
}

func teamNodesOf(t *rbac.Team) (*teamNodes, error) {
	m, err := t.Nodes.Compile()
	if err != nil {
		return nil, fmt.Errorf("nodes of team %q: %w", t.Name, err)
	}
	out := &teamNodes{Team: t, match: m}
	if only := (inventory.Selector{Labels: t.Nodes.Labels}); t.Nodes.Labels != nil && reflect.DeepEqual(only, t.Nodes) {
		out.labels, err = metav1.LabelSelectorAsSelector(t.Nodes.Labels)
	}
	return out, err
}

// has reports whether a node is the team's; known is false of nodes that do not exist yet, whose names and other labels can
// be anything.
func (t *teamNodes) has(inv *inventory.Inventory, n *Node) (has, known bool) {
	if !n.Pool {
		return t.match.MatchRef(inv, n.Object.Ref()), true
	}
	own := t.labels != nil && t.labels.Matches(labels.Set(n.Labels))
	return own, own
}

func checkTeamNode(ctx context.Context, e *nist190.Eval) error {
	list := rbac.Teams.Get(e.Inventory)
	var teams []*teamNodes
	for i := range list {
		if reflect.ValueOf(list[i].Nodes).IsZero() {
			e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: "team " + list[i].Name, Reason: nist190.ReasonManualReview,
				Message: fmt.Sprintf("team %q has no nodes in the configuration", list[i].Name)})
			continue
		}
		t, err := teamNodesOf(&list[i])
		if err != nil {
			return err
		}
		teams = append(teams, t)
	}
	if len(teams) == 0 {
		if len(list) == 0 {
			e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, "no teams are configured: which nodes are whose is in no object")
		}
		return nil
	}
	f, err := FeasibilityOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, p := range f.placements {
		// Nodes of teams that share a namespace are those of each of them.
		owners := slices.DeleteFunc(slices.Clone(teams), func(t *teamNodes) bool { return !t.Owns(p.Workload.Namespace()) })
		if len(owners) > 0 && len(list.Owners(p.Workload.Namespace())) == len(owners) {
			e.Report(landing(e.Inventory, f, p, owners))
		}
	}
	return nil
}

// landing judges where one workload of some teams lands.
func landing(inv *inventory.Inventory, f *Feasibility, p *Placement, owners []*teamNodes) nist190.Outcome {
	out := passing(p.Workload)
	var names, foreign, open []string
	for _, t := range owners {
		names = append(names, fmt.Sprintf("%q", t.Name))
	}
	for n, answer := range p.Nodes(f) {
		own, known := false, true
		for _, t := range owners {
			has, sure := t.has(inv, n)
			own, known = own || has, known && sure
		}
		switch {
		case own:
		case answer == Can && known:
			if foreign = append(foreign, n.String()); len(foreign) == 1 {
				out.Evidence = append(whereFrom(p.Workload), n.evidence())
			}
		default:
			if open = append(open, n.String()); len(open) == 1 && len(foreign) == 0 {
				out.Evidence = append(whereFrom(p.Workload), n.evidence())
			}
		}
	}
	team := strings.Join(names, ", ")
	switch {
	case len(foreign) > 0:
		out.Status, out.Message = nist190.Fail, fmt.Sprintf("it is of team %s and can land on %s, which is not the team's", team, phrase.Shorten(foreign))
		if len(foreign) > 1 {
			out.Message = fmt.Sprintf("it is of team %s and can land on %s, which are not the team's", team, phrase.Shorten(foreign))
		}
	case len(open) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("it is of team %s and may land on %s, of which it is not known whether they are the team's or take it", team, phrase.Shorten(open))
		out.Path = p.Doubts
	}
	return out
}
