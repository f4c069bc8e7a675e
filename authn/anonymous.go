package authn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

var anonymousRequests = nist190.Metadata{
	ID: "authn-anonymous-requests", Title: "Requests without credentials that reach more than public information",
	Doc: `The API server answers requests without credentials, and they reach more than Kubernetes makes public.

Anonymous requests are on by default, and kubeadm, load balancers and joining nodes use them. What matters is what they reach:
by default health and version, and the ConfigMap cluster-info where kubeadm puts it. That passes, with the flag on. A binding
of system:anonymous or system:unauthenticated, or an authorizer that allows everything, opens the cluster to whoever reaches
its address. Conditions on paths (KEP-4633) limit them whatever bindings say.

Before:

    kube-apiserver --anonymous-auth=true      # and a binding of view to system:unauthenticated

After, in AuthenticationConfiguration:

    anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]}`,
	Claims: nist190.Claims("2b", "2a"), Controls: []string{"AC-14", "IA-2"}, CIS: []string{"1.2.1"}, Severity: nist190.SeverityHigh,
	Remediation: `Delete the bindings that the path names. Then limit anonymous requests to the health endpoints in
AuthenticationConfiguration, or turn them off with --anonymous-auth=false where nothing probes without credentials.`,
	Limits: `What a webhook or ABAC file allows is not seen. Where a vendor hides the flag, requests are taken to be let in, and are judged by
what RBAC gives them.`,
}

func checkAnonymous(l *login) error {
	v := l.api.AnonymousAuth()
	on := v.Find(func(a controlplane.Anonymous) bool {
		return a.Enabled && (len(a.Paths) == 0 || len(harmful(a.Paths)) > 0)
	})
	m, managed := l.view.Managed()
	hidden := managed && !l.view.Visible(process.KubeAPIServer)
	if len(on) == 0 && !hidden {
		judged(l, v, func(controlplane.Anonymous) string { return "" })
		return nil
	}
	grants, err := rbac.UnusualBindings(l.ctx, l.Inventory, rbac.User("system:anonymous"))
	if err != nil {
		return err
	}
	if hidden {
		out := nist190.Outcome{Subject: inventory.Cluster, Status: nist190.Pass, Strength: inventory.Inferred}
		if len(grants) > 0 {
			out = anonymousFailure(grants, fmt.Sprintf("; %s hides whether its API server lets them in, and by default it does", m.Vendor))
		}
		l.Report(out)
		return nil
	}
	authorizers := l.api.Authorizers()
	if all := authorizers.Find(func(list []controlplane.Authorizer) bool { return hasType(list, "AlwaysAllow") }); len(all) > 0 {
		out := nist190.Outcome{Subject: inventory.Cluster, Status: nist190.Fail, Severity: nist190.SeverityCritical,
			Message: "requests without credentials may do everything" + judge.Said(all[0].Basis)}
		judge.Rest(&out, all[0].Basis)
		l.Report(out)
		return nil
	}
	if reached := reach(grants, on[0].Value.Paths); len(reached) > 0 {
		out := anonymousFailure(reached, judge.Said(on[0].Basis))
		judge.Rest(&out, on[0].Basis)
		l.Report(out)
		return nil
	}
	out := judge.Outcome(inventory.Cluster, "", authorizers, func([]controlplane.Authorizer) string { return "" })
	if out.Status == nist190.Pass {
		out = judge.Outcome(inventory.Cluster, "", v, func(controlplane.Anonymous) string { return "" })
	}
	if others := authorizers.Find(func(list []controlplane.Authorizer) bool { return hasType(list, "Webhook") || hasType(list, "ABAC") }); out.Status == nist190.Pass && len(others) > 0 {
		out = nist190.Outcome{Subject: inventory.Cluster, Status: nist190.NotAssessed, Reason: nist190.ReasonUnknown,
			Message: "requests without credentials are let in, and an authorizer other than RBAC decides what they may do" + judge.Said(others[0].Basis)}
		judge.Rest(&out, others[0].Basis)
	}
	l.Report(out)
	return nil
}

func hasType(list []controlplane.Authorizer, t string) bool {
	return slices.ContainsFunc(list, func(a controlplane.Authorizer) bool { return a.Type == t })
}

// harmful are the paths of conditions that are no health endpoints.
func harmful(paths []string) []string {
	var out []string
	for _, p := range paths {
		if !slices.Contains([]string{"/livez", "/readyz", "/healthz", "/version", "/version/"}, p) && !strings.HasPrefix(p, "/livez/") && !strings.HasPrefix(p, "/readyz/") && !strings.HasPrefix(p, "/healthz/") {
			out = append(out, p)
		}
	}
	return out
}

// reach are the grants that requests can use: a condition is met by the very path alone (apiserver/pkg/authentication/request/
// anonymous).
func reach(grants []rbac.Grant, paths []string) []rbac.Grant {
	if len(paths) == 0 {
		return grants
	}
	var out []rbac.Grant
	for _, g := range grants {
		for _, p := range harmful(paths) {
			if touches(g, p) {
				out = append(out, g)
				break
			}
		}
	}
	return out
}

// touches: a path of resources is compared by the resource's name, which errs towards a finding.
func touches(g rbac.Grant, path string) bool {
	for i := range g.Binding.Role.Rules {
		rule := &g.Binding.Role.Rules[i]
		if rbac.RuleAllows(rule, rbac.Request{Verb: "get", URL: path}) {
			return true
		}
		if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/apis/") {
			continue
		}
		for _, r := range rule.Resources {
			if name, _, _ := strings.Cut(r, "/"); r == "*" || slices.Contains(strings.Split(path, "/"), name) {
				return true
			}
		}
	}
	return false
}

func anonymousFailure(grants []rbac.Grant, how string) nist190.Outcome {
	g := grants[0]
	where := "in the cluster"
	if g.Binding.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", g.Binding.Namespace)
	}
	return nist190.Outcome{Subject: inventory.Cluster, Status: nist190.Fail, Path: g.Steps(),
		Message:  fmt.Sprintf("requests without credentials have %s %s%s", g.Binding.Role, where, how),
		Evidence: []nist190.Evidence{nist190.At(g.Binding.Object, "subjects", g.Subject, "name").Showing(g.Binding.Subjects[g.Subject].Name)}}
}

// AnonymousRequests judges requests without credentials by what they reach.
func AnonymousRequests() nist190.Check {
	needs := rbac.AccessNeeds()
	for i := range needs {
		needs[i] = needs[i].IfRead()
	}
	return ofControlPlane(anonymousRequests, checkAnonymous, needs...)
}
