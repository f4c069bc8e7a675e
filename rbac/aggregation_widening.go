package rbac

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var aggregationWidening = nist190.Metadata{
	ID: "rbac-aggregation-widening", Title: "Aggregation that makes view, edit or admin dangerous",
	Doc: `A ClusterRole is labelled so that its rules join view, edit or admin of Kubernetes, and gives a right that leads further than
the role was meant to: everybody who is bound to the role has it from then on, in bindings that nobody changed. Rules for
custom resources, which is what the labels are for, pass.

Before:

    kind: ClusterRole
    metadata: {name: support, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
    rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list]}]

After:

    metadata: {name: support, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
    rules: [{apiGroups: [example.com], resources: [widgets], verbs: [get, list]}]`,
	CIS: []string{"5.1.1"}, Severity: nist190.SeverityMedium,
	Remediation: "Remove the label, and bind the role to those who need it.",
	Needs:       GrantNeeds(inventory.Incriminating), // a role speaks for itself
	Limits:      "Roles that are aggregated into a role of your own are judged where that is bound.",
}

func checkAggregationWidening(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, r := range d.access.roles {
		own, isOwn := d.known.ownRules(r)
		if r.Object.Namespace() != "" || r.Refused != "" || r.Aggregated() || isOwn && covers(own, r.Rules) {
			continue
		}
		for _, target := range []string{"view", "edit", "admin"} {
			if r.Object.Labels()[rbacv1.GroupName+"/aggregate-to-"+target] != "true" {
				continue
			}
			more := d.widens(r, target)
			if len(more) == 0 {
				continue
			}
			failed = true
			may := make([]string, len(more))
			var evidence []nist190.Evidence
			for i, c := range more {
				may[i] = c.may
				evidence = append(evidence, ruleEvidence(r, d.parts(r.Rules, c))...)
			}
			out := nist190.Outcome{
				Status: nist190.Fail, Subject: r.Object.Ref(), Key: target, Evidence: evidence[:min(len(evidence), maxEvidence)],
				Message: fmt.Sprintf("whoever is bound to %q may now also %s", target, phrase.Shorten(may)),
			}
			if target == "view" {
				out.Severity = nist190.SeverityHigh
			}
			e.Report(out)
		}
	}
	return failed, nil
}

// widens lists the powers of consequence that a role brings and the role of Kubernetes that it joins does not have.
func (d *detector) widens(r *Role, target string) []*compiled {
	brings, has := d.evaluate(r.Rules), d.evaluate(d.known.roles[target])
	var out []*compiled
	for n, c := range d.powers {
		if brings.saysCluster.has(n) && !has.cluster.has(n) && c.cluster >= nist190.SeverityMedium {
			out = append(out, c)
		}
	}
	return out
}
