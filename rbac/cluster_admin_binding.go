package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var clusterAdminBinding = nist190.Metadata{
	ID:    "rbac-cluster-admin-binding",
	Title: "Binding that grants every right",
	Risk:  nist190.UnboundedAdministrativeAccess,
	Doc: `A binding gives somebody every verb on every resource of every API group: the role cluster-admin, or any role
whose rules come to the same.

Whoever holds it can read every Secret, run a container on every node and change what others may do. SP 800-190 asks
that users may only perform the actions that their job requires, and that access to cluster-wide administrative accounts
is tightly controlled. Roles are judged by their rules, so that neither a copy under another name nor several rules that
share the verbs escape, and a role that is only named like an administrator's does not fail. In a RoleBinding the same
role rules one namespace.

Before:

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
    subjects: [{kind: ServiceAccount, name: ci, namespace: build}]

After: a Role with what the pipeline deploys, bound in the namespaces that it deploys to.

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
    subjects: [{kind: ServiceAccount, name: ci, namespace: build}]

A binding of the group system:masters alone passes, whatever it is called: that group passes before RBAC is asked. So does
the group that kubeadm makes for the cluster's administrators.`,
	Claims:   nist190.Claims("1a", "2a"),
	Controls: []string{"AC-3", "AC-6", "AC-6(5)"},
	CIS:      []string{"5.1.1"},
	Severity: nist190.SeverityHigh,
	Remediation: `List what the subject does (its audit events, or the verbs of its client), grant that in a Role, bind it in the namespaces
where it is done, and delete this binding. Where the subject is an administrator, bind a group of the directory that is
reviewed and suppress this finding with the reason and an expiry.`,
	Subjects: []schema.GroupKind{{Group: rbacv1.GroupName, Kind: "ClusterRoleBinding"}, {Group: rbacv1.GroupName, Kind: "RoleBinding"}},
	Needs: append([]inventory.Need{
		// A binding answers for itself: unseen ones can only add failures.
		inventory.NeedOf[rbacv1.ClusterRoleBinding](inventory.Incriminating),
		inventory.NeedOf[rbacv1.RoleBinding](inventory.Incriminating),
		// Unseen cluster roles can add to an aggregated one, and can be a cluster-admin that was narrowed.
		inventory.NeedOf[rbacv1.ClusterRole](inventory.Either),
		// A role is one object: seen, it is decided.
		inventory.NeedOf[rbacv1.Role](inventory.Incriminating).InSubjectNamespace(),
		// Which service accounts pods can use only raises the severity.
		inventory.NeedOf[corev1.ServiceAccount](inventory.SeverityOnly),
	}, inventory.WorkloadNeeds(inventory.SeverityOnly)...),
	Since: "v0.1.0",
	Limits: `Who is in a group, and what webhook authorizers allow, is not seen. Rights that only lead to all others (escalate, bind,
impersonate, creating pods beside privileged service accounts) are not counted here.`,
}

// ClusterAdminBinding finds bindings to cluster-admin and to roles with the same rules.
func ClusterAdminBinding() nist190.Check {
	return nist190.NewCheck(clusterAdminBinding, checkClusterAdmin)
}

func checkClusterAdmin(ctx context.Context, e *nist190.Eval) error {
	a, err := AccessOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	users, err := accountsInUse.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	grants := map[*Binding]*AdminGrant{}
	for _, g := range a.AdminGrants() {
		grants[g.Binding] = g
	}
	for _, b := range a.Bindings() {
		subject, grant := b.Object.Ref(), grants[b]
		roleRef := nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name)
		switch {
		case b.Object.Strength() == inventory.Inferred && grant == nil:
			// Kubernetes' own bindings, which nobody wrote, are worth a line only where they fail.
		case b.inert() != "":
			e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: subject, Message: "it grants nothing: " + b.inert(), Evidence: []nist190.Evidence{roleRef}})
		case b.Role == nil && b.Object.Strength() == inventory.Observed:
			// The cluster that has the binding has no such role.
			e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: subject, Message: fmt.Sprintf("it grants nothing: there is no %s %q", b.RoleRef.Kind, b.RoleRef.Name), Evidence: []nist190.Evidence{roleRef}})
		case b.Role == nil:
			e.Report(b.roleMissing(roleRef))
		case b.mastersOnly():
			e.Pass(subject, roleRef.Because("system:masters has every right without it"))
		case grant == nil:
			e.Pass(subject, roleRef, nist190.At(b.Role.Object))
		case b.ofInstaller():
			e.Pass(subject, roleRef.Because("the group that kubeadm makes for the administrators of the cluster"))
		default:
			e.Report(grant.failure(users))
		}
	}
	return nil
}

// inert says why a binding that can be read gives nobody anything.
func (b *Binding) inert() string {
	switch {
	case b.Refused != "":
		return "the API server refuses it: " + b.Refused
	case len(b.Subjects) == 0:
		return "it names no subject"
	case !slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { _, ok := subjectOf(&s, b.Namespace); return ok }):
		return "none of its subjects can be anybody"
	case b.Role != nil && b.Role.Refused != "":
		return fmt.Sprintf("the API server refuses %s: %s", b.Role, b.Role.Refused)
	}
	return ""
}

// mastersOnly: a binding of system:masters alone gives nothing, since its members pass before RBAC is asked. The
// bootstrap binding cluster-admin is of this kind, whatever it is called.
func (b *Binding) mastersOnly() bool {
	return len(b.Subjects) > 0 && !slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { return s.Kind != rbacv1.GroupKind || s.Name != masters })
}

// ofInstaller recognises by content what an installer makes. kubeadm:cluster-admins is the group of the certificate in
// admin.conf since 1.29 (cmd/kubeadm/app/constants): holding it is what administering the cluster means there, and no
// authenticator but the cluster's own CA can give it unless it was set up to.
func (b *Binding) ofInstaller() bool {
	return b.Namespace == "" && b.RoleRef.Name == clusterAdmin && len(b.Subjects) == 1 &&
		b.Subjects[0].Kind == rbacv1.GroupKind && b.Subjects[0].Name == "kubeadm:cluster-admins"
}

func (b *Binding) roleMissing(at nist190.Evidence) nist190.Outcome {
	need, ns := inventory.NeedOf[rbacv1.ClusterRole](inventory.Either), ""
	if b.RoleRef.Kind == "Role" {
		need, ns = inventory.NeedOf[rbacv1.Role](inventory.Either), b.Namespace
	}
	return nist190.Outcome{
		Status: nist190.NotAssessed, Subject: b.Object.Ref(), Reason: nist190.ReasonMissingEvidence,
		Message:  fmt.Sprintf("%s %q, which it grants, is not among the manifests", b.RoleRef.Kind, b.RoleRef.Name),
		Missing:  []nist190.Missing{{Evidence: need.String(), Namespace: ns, State: inventory.Partial, Reason: fmt.Sprintf("%s %q was not given", b.RoleRef.Kind, b.RoleRef.Name)}},
		Evidence: []nist190.Evidence{at},
	}
}

// failure is the finding about a grant, as severe as the subject that it is worst for.
func (g *AdminGrant) failure(users accountUses) nist190.Outcome {
	type ranked struct {
		IndexedSubject
		severity nist190.Severity
		because  string
	}
	var subjects []ranked
	for _, s := range g.Subjects() {
		r := ranked{IndexedSubject: s}
		r.severity, r.because = g.severity(s.Subject, users)
		subjects = append(subjects, r)
	}
	slices.SortStableFunc(subjects, func(a, b ranked) int { return int(b.severity) - int(a.severity) })

	where := "in the cluster"
	if g.Binding.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", g.Binding.Namespace)
	}
	worst := subjects[0]
	out := nist190.Outcome{Status: nist190.Fail, Subject: g.Binding.Object.Ref(), Severity: worst.severity}
	out.Message = fmt.Sprintf("%s may do everything %s through %s %q", worst, where, g.Binding.RoleRef.Kind, g.Binding.RoleRef.Name)
	if worst.because != "" {
		out.Message += "; " + worst.because
	}
	if n := len(subjects) - 1; n > 0 {
		names := make([]string, 0, n)
		for _, s := range subjects[1:] {
			names = append(names, s.String())
		}
		if n > 3 {
			names = append(names[:3], fmt.Sprintf("%d more", n-3))
		}
		out.Message += "; so may " + strings.Join(names, ", ")
	}
	for _, s := range subjects {
		if s.Kind == rbacv1.ServiceAccountKind {
			// A pod that was not seen may use it.
			out.MaxSeverity = max(out.MaxSeverity, g.most())
		}
	}
	out.Evidence = append(out.Evidence, nist190.At(g.Binding.Object, "roleRef", "name").Showing(g.Binding.RoleRef.Name))
	for _, s := range subjects {
		out.Evidence = append(out.Evidence, nist190.At(g.Binding.Object, "subjects", s.Index, "name").Showing(s.Subject.String()))
	}
	out.Path = []string{worst.String(), fmt.Sprintf("%s %q", g.Binding.Object.Ref().Kind, g.Binding.Object.Name()), fmt.Sprintf("%s %q", g.Binding.RoleRef.Kind, g.Binding.RoleRef.Name)}
	role := g.Binding.Role
	if role.Aggregated() {
		out.Evidence = append(out.Evidence, nist190.At(role.Object, "aggregationRule"))
	}
	for _, i := range g.Rules {
		src := role.Source(i)
		if src.Role != role {
			out.Path = append(out.Path, "aggregated from "+src.Role.String())
		}
		out.Evidence = append(out.Evidence, nist190.At(src.Role.Object, "rules", src.Index))
		out.Path = append(out.Path, fmt.Sprintf("rule %d: every resource of every group", src.Index))
	}
	out.Evidence = append(out.Evidence, useEvidence(worst.Subject, users)...)
	return out
}

// most is the severity of the grant for a subject that anybody can be.
func (g *AdminGrant) most() nist190.Severity {
	if g.Binding.Namespace == "" || g.Binding.Namespace == metav1.NamespaceSystem {
		// Whoever rules kube-system has the credentials of the controllers in it.
		return nist190.SeverityCritical
	}
	return nist190.SeverityHigh
}

// severity: what everybody, every pod of a namespace or a running pod can use is one step worse than an account that
// somebody has to come by.
func (g *AdminGrant) severity(s Subject, uses accountUses) (nist190.Severity, string) {
	if why := exposure(s, uses); why != "" {
		return g.most(), why
	}
	return g.most() - 1, ""
}
