package rbac

import (
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var levelCrossing = nist190.Metadata{
	ID:    "rbac-level-crossing",
	Title: "Service account that comes to Secrets of a higher level",
	Risk:  nist190.UnboundedAdministrativeAccess,
	Doc: `A service account of a namespace can read the Secrets of a namespace of a higher sensitivity level, or become an account
there, by itself or as an account that it can become: whoever takes a Pod of the lower level has the data of the higher.

Rights in all namespaces are left to the checks of those rights. Levels are those that namespaces are labelled with.

Before, with namespace web labelled sensitivity=public and payments sensitivity=restricted:

    kind: RoleBinding
    metadata: {name: read-config, namespace: payments}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: secret-reader}
    subjects: [{kind: ServiceAccount, namespace: web, name: frontend}]

After: no such binding; frontend asks an API of payments for what it needs.`,
	Claims:   nist190.Claims("1a", "1d"),
	Controls: []string{"AC-4", "AC-6"},
	Severity: nist190.SeverityHigh,
	Remediation: `Delete the binding that the path names first, or limit its role to objects by name. What the lower level needs of the
higher should pass through an interface of the application, not through its Secrets.`,
	Subjects: bindingKinds,
	// Workloads are classified along with namespaces and do not count here.
	Needs:  slices.Concat(AccessNeeds(), sensitivity.DeclaredNeeds(), inventory.WorkloadNeeds(inventory.SeverityOnly)),
	Since:  "v0.1.0",
	Limits: "Users and groups have no level. Nodes that Pods of both levels share are the question of placement and nodetrust.",
}

// checkLevelCrossing asks for each level who of the lower ones comes to it: the highest level first, so that each account
// is reported with the worst.
func checkLevelCrossing(ctx context.Context, e *nist190.Eval) error {
	escalations, err := EscalationsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	d := escalations.d
	byLevel := map[sensitivity.Level][]string{}
	for _, ns := range d.namespaces() {
		if c := levels.Namespace(ns); c.Known() {
			byLevel[c.Level] = append(byLevel[c.Level], ns)
		}
	}
	if len(byLevel) == 0 {
		e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonUnclassified,
			Message: "no namespace with a binding has a sensitivity level"})
		return nil
	}
	failed := map[Subject]bool{}
	for level := sensitivity.Level(len(levels.Names())); level > 0; level-- {
		if len(byLevel[level]) == 0 {
			continue
		}
		ways := escalations.ToSecrets(byLevel[level]...)
		for _, s := range d.access.subjects {
			from := levels.Namespace(s.Namespace)
			if s.Kind != rbacv1.ServiceAccountKind || failed[s] || from.Level == sensitivity.Infra || from.Known() && from.Level >= level {
				continue
			}
			way := ways.From(s)
			if len(way) == 0 || way[0].Namespace == "" || d.allKnownHop(way[0]) {
				continue
			}
			failed[s] = true
			e.Report(crossing(s, way, from, level, levels))
		}
	}
	if len(failed) == 0 {
		e.Report(d.rest())
	}
	return nil
}

func crossing(s Subject, way []Hop, from sensitivity.Class, level sensitivity.Level, levels *sensitivity.Levels) nist190.Outcome {
	last := way[len(way)-1]
	out := nist190.Outcome{
		Status: nist190.Fail, Subject: s.Ref(),
		Message: fmt.Sprintf("%s of level %s can come to the Secrets of namespace %q, which is %s", s, levels.Name(from.Level), last.Namespace, levels.Name(level)),
	}
	if !from.Known() {
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnclassified
		out.Message = fmt.Sprintf("%s can come to the Secrets of namespace %q, which is %s, and its own namespace has no level", s, last.Namespace, levels.Name(level))
	}
	for _, h := range way {
		out.Path = append(out.Path, h.String())
		for _, g := range h.Grants {
			out.Evidence = append(out.Evidence, nist190.At(g.Binding.Object, "roleRef", "name").Showing(g.Binding.RoleRef.Name))
		}
	}
	return out
}

// allKnownHop reports whether the right of a hop is its holder's by design.
func (d *detector) allKnownHop(h Hop) bool {
	c := d.powers[d.number[h.Check]]
	return !slices.ContainsFunc(h.Grants, func(g Grant) bool {
		_, known := d.known.known(g.Binding, h.Subject, d.parts(g.Binding.Role.Rules, c))
		return !known
	})
}

// namespaces lists those that a binding is in.
func (d *detector) namespaces() []string {
	var out []string
	for _, b := range d.access.bindings {
		if b.Namespace != "" {
			out = append(out, b.Namespace)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
