package rbac

import (
	"context"
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// audience is a check of bindings that reach a kind of subject beyond what Kubernetes and its installers give it.
type audience struct {
	id, title, doc, remediation string
	cis                         []string
	claims                      []string
	severity                    nist190.Severity
	is                          func(Subject) bool
}

var audiences = []audience{
	{
		id: "rbac-anonymous-binding", title: "Rights for requests without credentials",
		doc: `A binding names the user system:anonymous or the group system:unauthenticated: whoever reaches the API server has its
role, without logging in. What Kubernetes itself gives them passes: version and health by system:public-info-viewer, and
the ConfigMap cluster-info by kubeadm.

Before:

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:unauthenticated"}]

After: a subject that logs in.

    subjects: [{kind: ServiceAccount, namespace: monitoring, name: probe}]`,
		remediation: `Delete the binding and give its role to the account of whoever uses it. Set anonymous.enabled: false, or conditions on
paths, in the AuthenticationConfiguration of the API server.`,
		cis: []string{"5.1.1"}, severity: nist190.SeverityHigh, claims: []string{"1a", "2a"},
		is: func(s Subject) bool { return s == User(anonymous) || s == Group(allUnauthenticated) },
	},
	{
		id: "rbac-authenticated-binding", title: "Rights for everybody who is logged in",
		doc: `A binding names the group system:authenticated: every user and every Pod of the cluster has its role. On some managed
clusters everybody with an account of that cloud is in the group, whatever organization they belong to. What Kubernetes
itself gives the group passes: discovery, and reviews of one's own rights.

Before:

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:authenticated"}]

After: the group that needs it.

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: platform-team}]`,
		remediation: "Bind the role to the groups and accounts that use it.",
		severity:    nist190.SeverityHigh, claims: []string{"1a", "2a"},
		is: func(s Subject) bool { return s == Group(allAuthenticated) },
	},
	{
		id: "rbac-service-accounts-binding", title: "Rights for every service account",
		doc: `A binding names the group of all service accounts, or of all those of a namespace: every Pod there has its role, those
that are created later included, and no account can be taken out.

Before:

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:shop"}]

After:

    subjects: [{kind: ServiceAccount, namespace: shop, name: api}]`,
		remediation: "Bind the role to the service accounts that use it; each workload has one of its own.",
		severity:    nist190.SeverityMedium, claims: []string{"1a", "2a"},
		is: func(s Subject) bool {
			_, ok := s.accountsOf()
			return ok || s == Group(allServiceAccounts)
		},
	},
	{
		id: "rbac-default-account-binding", title: "Rights for the default service account",
		doc: `A binding names the service account default: every Pod of the namespace that names no account has its role, those of
other applications included.

Before:

    subjects: [{kind: ServiceAccount, namespace: shop, name: default}]

After: an account for the application.

    subjects: [{kind: ServiceAccount, namespace: shop, name: api}]`,
		remediation: `Create a service account for the application, name it in serviceAccountName of its Pods and in the binding, and set
automountServiceAccountToken: false on the account default.`,
		cis: []string{"5.1.5"}, severity: nist190.SeverityMedium, claims: []string{"1a", "1e"},
		is: func(s Subject) bool { return s.Kind == rbacv1.ServiceAccountKind && s.Name == "default" },
	},
	{
		id: "rbac-reserved-subject", title: "Rights for a user or group that Kubernetes reserves",
		doc: `A binding names a user or group with the prefix system:, which Kubernetes reserves for itself, and gives more than
Kubernetes or its installers do. Binding the group system:nodes to the role system:node, for one, lets each node read
what the Node authorizer keeps to the nodes that run it.

Before:

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:node"}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:nodes"}]

After: no such binding. The Node authorizer gives nodes what they need.`,
		remediation: "Delete the binding, or bind a subject of your own that the component then authenticates as.",
		severity:    nist190.SeverityHigh, claims: []string{"1a", "2a", "5d"},
		is: func(s Subject) bool {
			if s.Kind == rbacv1.ServiceAccountKind || !strings.HasPrefix(s.Name, "system:") {
				return false
			}
			_, accounts := s.accountsOf()
			switch s {
			case User(anonymous), Group(allUnauthenticated), Group(allAuthenticated), Group(allServiceAccounts), Group(masters):
				return false
			}
			return !accounts
		},
	},
}

func audienceChecks() []nist190.Check {
	var out []nist190.Check
	for i := range audiences {
		a := &audiences[i]
		md := nist190.Metadata{
			ID: a.id, Title: a.title, Doc: a.doc, Remediation: a.remediation, CIS: a.cis, Severity: a.severity,
			Limits: "Who is in a group, and who has an account with the cluster's identity provider, is not seen.",
		}
		if a.claims != nil {
			md.Claims = nist190.Claims(a.claims...)
		}
		out = append(out, hygieneCheck(md, a.find))
	}
	return out
}

func (a *audience) find(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, b := range d.access.bindings {
		if !b.InEffect() || len(b.Role.Rules) == 0 {
			continue
		}
		if _, all := d.has(b, d.number[unlimited]); all {
			continue // rbac-cluster-admin-binding says more
		}
		for i := range b.Subjects {
			s, ok := b.Subject(i)
			if !ok || !a.is(s) || d.known.knows(b, s) {
				continue
			}
			failed = true
			where := "in the cluster"
			if b.Namespace != "" {
				where = fmt.Sprintf("in namespace %q", b.Namespace)
			}
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Subject: b.Object.Ref(), Key: s.String(),
				Message: fmt.Sprintf("%s has %s %s; %s", s, b.Role, where, orElse(exposure(s, nil), "Kubernetes reserves the name")),
				Path:    Grant{Binding: b, Subject: i}.Steps(),
				Evidence: []nist190.Evidence{
					subjectEvidence(b, i), nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name), nist190.At(b.Role.Object),
				},
			})
		}
	}
	return failed, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// UnusualBindings lists the bindings in effect that give a subject, itself or through the groups that Kubernetes puts it into,
// more than Kubernetes and its known installers do. A check that uses it declares [AccessNeeds].
func UnusualBindings(ctx context.Context, inv *inventory.Inventory, s Subject) ([]Grant, error) {
	d, err := detections.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	var out []Grant
	for _, g := range d.access.GrantsOf(s) {
		subject, _ := g.Binding.Subject(g.Subject)
		if len(g.Binding.Role.Rules) > 0 && !d.known.knows(g.Binding, subject) {
			out = append(out, g)
		}
	}
	return out, nil
}
