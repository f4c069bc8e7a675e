package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var beyondAllowlist = nist190.Metadata{
	ID: "rbac-beyond-allowlist", Title: "Permission that the allowlist does not have",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `The configuration lists the grants that are meant to exist (allowlist), and a binding gives one of its subjects something
else. Nothing is allowed that is not listed; an entry that has expired lists nothing. What Kubernetes and kubeadm give their
own accounts need not be listed; what add-ons are given must.

The first list is generated from what exists; docs/governance.md says how.

Before, with an allowlist without the group:

    kind: RoleBinding
    metadata: {name: debug, namespace: shop}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: contractors}]

After: no such binding, or an entry that somebody approved.

    allowlist:
      - subjects: [{kind: Group, name: contractors}]
        namespaces: [shop]
        rules: [{apiGroups: [""], resources: [pods, pods/log], verbs: [get, list, watch]}]
        reason: CHG-1234
        expires: 2027-01-31`,
	Claims:   nist190.Claims("1a"),
	Controls: []string{"AC-3", "AC-6", "CM-7(5)"},
	Severity: nist190.SeverityMedium,
	Remediation: `Withdraw the permission, or have it approved and add it to the allowlist with a reason. Narrow the role where the entry is
meant to cover it.`,
	Subjects: bindingKinds,
	Needs:    AccessNeeds(),
	Since:    "v0.1.0",
	Limits:   "Permissions are those of RBAC. What other authorizers give, such as access policies of EKS or roles of a cloud, is not compared.",
}

// checkBeyondAllowlist reports each subject of a binding once.
func checkBeyondAllowlist(ctx context.Context, e *nist190.Eval) error {
	list, ok := Allowed.Attached(e.Inventory)
	if !ok {
		e.NotApplicable(inventory.Cluster, "no allowlist is configured")
		return nil
	}
	d, err := detections.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	outside, _ := list.Compare(d.access, time.Now())
	for i := range outside {
		e.Report(outside[i].outcome(list))
	}
	if rest := d.rest(); len(outside) == 0 || rest.Status != nist190.Pass {
		if rest.Status == nist190.Pass {
			rest.Message = fmt.Sprintf("everything that %s give is in the allowlist", phrase.Count(len(d.access.bindings), "binding"))
		}
		e.Report(rest)
	}
	return nil
}

func (x *Excess) outcome(list Allowlist) nist190.Outcome {
	b := x.Binding
	where := "in the cluster"
	if b.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", b.Namespace)
	}
	out := nist190.Outcome{
		Status: nist190.Fail, Subject: b.Object.Ref(), Key: x.To().String(),
		Message:  fmt.Sprintf("the allowlist does not have what %s may do %s: %s", x.To(), where, phrase.Shorten(describeRules(x.Rules))),
		Path:     []string{x.To().String(), b.String(), b.Role.String()},
		Evidence: []nist190.Evidence{subjectEvidence(b, x.Subject), nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name)},
	}
	missing := map[tuple]bool{}
	for i := range x.Rules {
		breakdown(&x.Rules[i], func(t *tuple) { missing[*t] = true })
	}
	for i := range b.Role.Rules {
		rule, gives := &b.Role.Rules[i], false
		breakdown(rule, func(t *tuple) { gives = gives || missing[*t] })
		if gives {
			out.Path = append(out.Path, fmt.Sprintf("rule %d: %s", b.Role.Source(i).Index, describeRule(rule)))
			if len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, ruleEvidence(b.Role, []part{{rule: i}})...)
			}
		}
	}
	for _, i := range x.Expired {
		out.Message += fmt.Sprintf("; entry %d expired on %s", i, list[i].Expires)
	}
	return out
}

var unusedAllowlist = nist190.Metadata{
	ID: "rbac-allowlist-unused", Title: "Allowlist entry that nothing needs", Advisory: true,
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `An entry of the allowlist, or a part of it, matches no permission that exists. Whoever grants it tomorrow will not be asked:
the list should say what is meant to exist, and shrink when something is removed.

Before, without a binding of the account:

    allowlist:
      - subjects: [{kind: ServiceAccount, namespace: ci, name: removed-last-year}]
        rules: [{apiGroups: [apps], resources: [deployments], verbs: [patch]}]

After: no such entry.`,
	Claims:      nist190.Claims("1a"),
	Controls:    []string{"AC-2", "AC-6(7)"},
	Severity:    nist190.SeverityInfo,
	Remediation: "Take the entry, or the subject, namespace or rule of it that is named, out of the list.",
	Needs:       unusedNeeds(),
	Since:       "v0.1.0",
}

// unusedNeeds: more bindings and roles use more of the list; a cluster role that overrides an assumed one can use less.
func unusedNeeds() []inventory.Need {
	needs := GrantNeeds(inventory.Exonerating)
	for i := range needs {
		if needs[i].Kind == "ClusterRole" {
			needs[i].Bias = inventory.Either
		}
	}
	return needs
}

func checkUnusedAllowlist(ctx context.Context, e *nist190.Eval) error {
	list, ok := Allowed.Attached(e.Inventory)
	if !ok {
		e.NotApplicable(inventory.Cluster, "no allowlist is configured")
		return nil
	}
	a, err := AccessOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	_, unused := list.Compare(a, time.Now())
	byEntry := map[int][]string{}
	whole := map[int]bool{}
	for _, u := range unused {
		what := fmt.Sprintf("%s: %s", u.Subject, phrase.Shorten(describeRules(u.Rules)))
		if u.Namespace != "" {
			what = fmt.Sprintf("%s in namespace %q: %s", u.Subject, u.Namespace, phrase.Shorten(describeRules(u.Rules)))
		}
		byEntry[u.Entry] = append(byEntry[u.Entry], what)
		whole[u.Entry] = u.Whole
	}
	for i := range list {
		key := list[i].key()
		switch {
		case len(byEntry[i]) == 0:
		case whole[i] && !list[i].Expires.IsZero() && list[i].Expires.Past(time.Now()):
			e.Fail(inventory.Cluster, key, fmt.Sprintf("entry %d of the allowlist, for %s, expired on %s", i, list[i].whom(), list[i].Expires))
		case whole[i]:
			e.Fail(inventory.Cluster, key, fmt.Sprintf("entry %d of the allowlist, for %s, matches nothing that is granted", i, list[i].whom()))
		default:
			e.Fail(inventory.Cluster, key, fmt.Sprintf("part of entry %d of the allowlist matches nothing that is granted: %s", i, phrase.Shorten(byEntry[i])))
		}
	}
	if len(byEntry) == 0 {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: fmt.Sprintf("every one of %s is used", phrase.Count(len(list), "grant"))})
	}
	return nil
}

// whom names the subjects of an entry.
func (g *AllowedGrant) whom() string {
	var out []string
	for _, s := range g.Subjects {
		out = append(out, s.canonical().String())
	}
	return phrase.Shorten(out)
}

// key tells entries apart wherever they stand in the list.
func (g *AllowedGrant) key() string {
	var subjects []string
	for _, s := range g.Subjects {
		subjects = append(subjects, s.canonical().String())
	}
	slices.Sort(subjects)
	return fmt.Sprintf("%s in %s: %s", strings.Join(subjects, ", "), strings.Join(g.Namespaces, ", "), strings.Join(describeRules(g.Rules), "; "))
}
