package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/bootstrap"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var ineffectiveRule = nist190.Metadata{
	ID: "rbac-ineffective-rule", Title: "Rule that allows nothing of what it says", Advisory: true,
	Doc: `A rule can match no request, or not all that it lists: pods/* (there is no such subresource), the API group core or
apps/v1 (groups have no version, and the core group is ""), a kind or singular in place of the plural, a verb with a
wildcard in it, names for a right to create or list, resources without a namespace in a Role. Somebody believes that a
right is given, and will widen the role until it works.

Before:

    rules: [{apiGroups: [core], resources: [Pod, "pods/*"], verbs: [get]}]

After:

    rules: [{apiGroups: [""], resources: [pods, pods/log], verbs: [get]}]`,
	Severity:    nist190.SeverityLow,
	Remediation: "Correct the rule, or drop what allows nothing; kubectl api-resources lists groups, plurals and what has a namespace.",
	Needs:       AccessNeeds(),
	Limits:      "Resources of API groups that Kubernetes does not serve itself are not known, and are not judged.",
}

func checkIneffectiveRule(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, r := range d.access.roles {
		if r.Aggregated() || r.Object.Strength() == inventory.Inferred {
			continue
		}
		var why []string
		var evidence []nist190.Evidence
		for i := range r.Rules {
			if found := ineffective(&r.Rules[i], r); len(found) > 0 {
				why = append(why, found...)
				evidence = append(evidence, nist190.At(r.Object, "rules", i).Showing(describeRule(&r.Rules[i])))
			}
		}
		if len(why) > 0 {
			failed = true
			e.Fail(r.Object.Ref(), "", phrase.Shorten(why), evidence[:min(len(evidence), maxEvidence)]...)
		}
	}
	return failed, nil
}

func ineffective(r *rbacv1.PolicyRule, role *Role) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	namespaced := role.Object.Namespace() != ""
	for _, g := range r.APIGroups {
		switch {
		case g == "core" || g == "v1":
			add("there is no API group %q: that of Pods and Secrets is \"\"", g)
		case strings.Contains(g, "/"):
			add("API group %q has a version in it", g)
		case g != "*" && strings.Contains(g, "*"):
			add("%q is no API group: \"*\" is only a wildcard alone", g)
		}
	}
	for _, v := range r.Verbs {
		if v != "*" && strings.Contains(v, "*") {
			add("%q is no verb: \"*\" is only a wildcard alone", v)
		}
	}
	for _, res := range r.Resources {
		name, sub, _ := strings.Cut(res, "/")
		// Constrained impersonation asks for userextras/* literally.
		if sub == "*" && name != "userextras" {
			add("%q matches no request: %q is its resource, %q would be a subresource of every one", res, name, "*/log")
		}
		if name == "*" || !slices.ContainsFunc(r.APIGroups, builtInGroup) {
			continue
		}
		if plural := pluralOf(name, r.APIGroups); plural != "" {
			add("%q is no resource, %q is", res, plural)
		}
		// A namespace object counts as being in itself (staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go).
		if namespaced && name != "namespaces" && clusterScoped(name, r.APIGroups) {
			add("%q has no namespace, so that a Role gives nothing of it", res)
		}
	}
	if names := r.ResourceNames; len(names) > 0 {
		// Unlike create, which server-side apply sends with a name, it never has one.
		if slices.Contains(r.Verbs, "deletecollection") && !slices.Contains(names, "") {
			add("deletecollection cannot be limited to names")
		}
		// Impersonation and the DRA checks of nodes ask for it literally.
		if slices.Contains(names, "*") && !slices.ContainsFunc(r.Verbs, func(v string) bool { return v == "*" || strings.Contains(v, ":") || v == "impersonate" }) {
			add("the name \"*\" is that of an object, and no wildcard")
		}
	}
	return out
}

// pluralOf finds the resource that somebody meant who wrote its kind or its singular.
func pluralOf(name string, groups []string) string {
	for _, g := range groups {
		gk, ok := inventory.KindOfResource(qualified(name, g))
		if ok && gk.Kind != "" {
			return "" // a resource
		}
	}
	for _, g := range groups {
		for _, try := range []string{strings.ToLower(name) + "s", strings.ToLower(name) + "es", strings.TrimSuffix(strings.ToLower(name), "y") + "ies", strings.ToLower(name)} {
			if _, ok := inventory.KindOfResource(qualified(try, g)); ok && try != name {
				return try
			}
		}
	}
	return ""
}

func qualified(resource, group string) string {
	if group == "" {
		return resource
	}
	return resource + "." + group
}

func clusterScoped(resource string, groups []string) bool {
	for _, g := range groups {
		if gk, ok := inventory.KindOfResource(qualified(resource, g)); ok {
			namespaced, known := inventory.Namespaced(gk)
			return known && !namespaced
		}
	}
	return false
}

var bootstrapDrift = nist190.Metadata{
	ID: "rbac-bootstrap-drift", Title: "Role of Kubernetes with more rules than Kubernetes gives it",
	Doc: `A role has the name of one that Kubernetes creates by itself and gives more than that one does in this version. Whoever
is bound to it, controllers and components included, has what was added; reviews that know the name do not look inside.

The same holds for an aggregated role, of Kubernetes or of your own, that has rules which the controller does not write.
What somebody adds to admin, edit and view by aggregation is no drift. Rules that are missing are none either: the API
server restores them at its next start, unless the annotation rbac.authorization.kubernetes.io/autoupdate says "false".

Before:

    kind: ClusterRole
    metadata: {name: "system:node-proxier"}
    rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]

After: Kubernetes' own rules, and a role of another name for what somebody else needs.`,
	Claims: nist190.Claims("1a", "2a"), Controls: []string{"AC-6", "CM-6", "SI-7"},
	Severity:    nist190.SeverityHigh,
	Remediation: "Take the rules out of the role. Put them into a role of another name, and bind that.",
	// A role speaks for itself, but for what an aggregated one is compared with: that a source of it was not seen would look
	// like drift.
	Needs:  inventory.JoinNeeds(GrantNeeds(inventory.Incriminating), []inventory.Need{inventory.NeedOf[rbacv1.ClusterRole](inventory.Exonerating)}),
	Limits: "Rules are compared with those of the Kubernetes minor that is evaluated for, with its default feature gates.",
}

func checkBootstrapDrift(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, r := range d.access.roles {
		if drift := r.Drift(); drift != nil && len(drift.Extra) > 0 {
			failed = true
			e.Fail(r.Object.Ref(), "aggregation", fmt.Sprintf("the aggregation controller does not give it: %s", phrase.Shorten(describeRules(drift.Extra))), nist190.At(r.Object, "rules"))
			continue
		}
		own, ok := d.known.ownRules(r)
		if !ok || r.Object.Strength() == inventory.Inferred {
			continue
		}
		rules := r.Rules
		if r.Aggregated() {
			rules = nil // each of the roles that it comes from speaks for itself
		} else if userFacing(r.Object.Name()) && r.Object.Strength() >= inventory.Observed {
			rules = nil // what the controller wrote, as was compared above
		}
		ok, more := Covers(own, rules)
		if ok {
			continue
		}
		failed = true
		if minor := d.access.minor; minor != bootstrap.Nearest(minor) {
			e.NotAssessed(r.Object.Ref(), nist190.ReasonUnknown, fmt.Sprintf("it gives more than in Kubernetes 1.%d; what 1.%d gives it is not known here", bootstrap.Nearest(minor), minor), nist190.At(r.Object, "rules"))
			continue
		}
		evidence := []nist190.Evidence{nist190.At(r.Object, "rules")}
		if v := r.Object.Annotations()[rbacv1.AutoUpdateAnnotationKey]; v != "" {
			evidence = append(evidence, nist190.At(r.Object, "metadata", "annotations", rbacv1.AutoUpdateAnnotationKey).Showing(v))
		}
		e.Fail(r.Object.Ref(), "", fmt.Sprintf("Kubernetes does not give it: %s", phrase.Shorten(describeRules(more))), evidence...)
	}
	return failed, nil
}

func describeRules(rules []rbacv1.PolicyRule) []string {
	out := make([]string, len(rules))
	for i := range rules {
		out[i] = describeRule(&rules[i])
	}
	return out
}
