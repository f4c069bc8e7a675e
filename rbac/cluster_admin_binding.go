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
	all, err := bindings.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	users, err := accountsInUse(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, b := range all {
		subject := b.object.Ref()
		roleRef := nist190.At(b.object, "roleRef", "name").Showing(b.ref.Name)
		switch {
		case b.object.Strength() == inventory.Inferred && (b.grant == nil || b.mastersOnly()):
			// Kubernetes' own bindings, which nobody wrote, are worth a line only where they fail.
		case b.inert != "":
			e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: subject, Message: "it grants nothing: " + b.inert, Evidence: []nist190.Evidence{roleRef}})
		case b.absent && b.object.Strength() == inventory.Observed:
			// The cluster that has the binding has no such role.
			e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: subject, Message: fmt.Sprintf("it grants nothing: there is no %s %q", b.ref.Kind, b.ref.Name), Evidence: []nist190.Evidence{roleRef}})
		case b.absent:
			e.Report(b.roleMissing(roleRef))
		case b.grant == nil:
			e.Pass(subject, roleRef, nist190.At(b.role))
		case b.mastersOnly():
			e.Pass(subject, roleRef.Because("system:masters has every right without it"))
		case b.ofInstaller():
			e.Pass(subject, roleRef.Because("the group that kubeadm makes for the administrators of the cluster"))
		default:
			e.Report(b.grant.failure(users))
		}
	}
	return nil
}

// ofInstaller recognises by content what an installer makes. kubeadm:cluster-admins is the group of the certificate in
// admin.conf since 1.29 (cmd/kubeadm/app/constants): holding it is what administering the cluster means there, and no
// authenticator but the cluster's own CA can give it unless it was set up to.
func (b *resolved) ofInstaller() bool {
	return b.namespace == "" && b.ref.Name == clusterAdmin && len(b.subjects) == 1 &&
		b.subjects[0].Kind == rbacv1.GroupKind && b.subjects[0].Name == "kubeadm:cluster-admins"
}

func (b *resolved) roleMissing(at nist190.Evidence) nist190.Outcome {
	need, ns := inventory.NeedOf[rbacv1.ClusterRole](inventory.Either), ""
	if b.ref.Kind == "Role" {
		need, ns = inventory.NeedOf[rbacv1.Role](inventory.Either), b.namespace
	}
	return nist190.Outcome{
		Status: nist190.NotAssessed, Subject: b.object.Ref(), Reason: nist190.ReasonMissingEvidence,
		Message:  fmt.Sprintf("%s %q, which it grants, is not among the manifests", b.ref.Kind, b.ref.Name),
		Missing:  []nist190.Missing{{Evidence: need.String(), Namespace: ns, State: inventory.Partial, Reason: fmt.Sprintf("%s %q was not given", b.ref.Kind, b.ref.Name)}},
		Evidence: []nist190.Evidence{at},
	}
}

// failure is the finding about a grant, as severe as the subject that it is worst for.
func (g *Grant) failure(users map[account][]*inventory.Workload) nist190.Outcome {
	type ranked struct {
		Subject
		severity nist190.Severity
		because  string
		uses     []*inventory.Workload
	}
	var subjects []ranked
	for _, s := range g.Subjects {
		if s.Kind == rbacv1.GroupKind && s.Name == masters {
			continue
		}
		r := ranked{Subject: s, uses: users[account{s.Namespace, s.Name}]}
		r.severity, r.because = g.severity(s, r.uses)
		subjects = append(subjects, r)
	}
	slices.SortStableFunc(subjects, func(a, b ranked) int { return int(b.severity) - int(a.severity) })

	where := "in the cluster"
	if g.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", g.Namespace)
	}
	worst := subjects[0]
	out := nist190.Outcome{Status: nist190.Fail, Subject: g.Binding.Ref(), Severity: worst.severity}
	out.Message = fmt.Sprintf("%s may do everything %s through %s %q", worst, where, g.RoleRef.Kind, g.RoleRef.Name)
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
	out.Evidence = append(out.Evidence, nist190.At(g.Binding, "roleRef", "name").Showing(g.RoleRef.Name))
	for _, s := range subjects {
		out.Evidence = append(out.Evidence, nist190.At(g.Binding, "subjects", s.Index, "name").Showing(s.Subject.String()))
	}
	out.Path = []string{worst.String(), fmt.Sprintf("%s %q", g.Binding.Ref().Kind, g.Binding.Name()), fmt.Sprintf("%s %q", g.RoleRef.Kind, g.RoleRef.Name)}
	if g.Role == nil {
		out.Path = append(out.Path, "the rules that Kubernetes gives cluster-admin")
	} else {
		for _, i := range g.Rules {
			out.Evidence = append(out.Evidence, nist190.At(g.Role, "rules", i))
		}
		switch len(g.Rules) {
		case 0:
			out.Evidence = append(out.Evidence, nist190.At(g.Role, "aggregationRule"))
			out.Path = append(out.Path, "the rules that are aggregated into it")
		default:
			for _, i := range g.Rules {
				out.Path = append(out.Path, fmt.Sprintf("rule %d: every resource of every group", i))
			}
		}
	}
	for _, w := range worst.uses {
		out.Evidence = append(out.Evidence, nist190.At(w.Object).Because("runs as it"))
		if len(out.Evidence) > maxEvidence {
			break
		}
	}
	return out
}

const maxEvidence = 20

// most is the severity of the grant for a subject that anybody can be.
func (g *Grant) most() nist190.Severity {
	if g.Namespace == "" || g.Namespace == metav1.NamespaceSystem {
		// Whoever rules kube-system has the credentials of the controllers in it.
		return nist190.SeverityCritical
	}
	return nist190.SeverityHigh
}

// severity: what everybody, every pod of a namespace or a running pod can use is one step worse than an account that
// somebody has to come by.
func (g *Grant) severity(s Subject, uses []*inventory.Workload) (nist190.Severity, string) {
	switch {
	case s.Name == anonymous && s.Kind == rbacv1.UserKind, s.Name == allUnauthenticated && s.Kind == rbacv1.GroupKind:
		return g.most(), "requests without credentials have it"
	case s.Kind == rbacv1.GroupKind && s.Name == allAuthenticated:
		return g.most(), "every user and every pod has it"
	case s.Kind == rbacv1.GroupKind && (s.Name == allServiceAccounts || strings.HasPrefix(s.Name, allServiceAccounts+":")):
		return g.most(), "every pod that it covers has it"
	case s.Kind == rbacv1.GroupKind && s.Name == allNodes, s.Kind == rbacv1.UserKind && strings.HasPrefix(s.Name, "system:node:"):
		return g.most(), "whoever takes a node has it"
	case s.Kind == rbacv1.ServiceAccountKind && len(uses) > 0:
		return g.most(), "its token is mounted by " + named(uses)
	case s.Kind == rbacv1.ServiceAccountKind && s.Name == "default":
		return g.most(), fmt.Sprintf("every pod of namespace %q that names no service account has it", s.Namespace)
	}
	return g.most() - 1, ""
}

func named(ws []*inventory.Workload) string {
	first := fmt.Sprintf("%s %q", ws[0].Ref().Kind, ws[0].Namespace()+"/"+ws[0].Object.Name())
	if n := len(ws) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", first, n)
	}
	return first
}

type account struct{ namespace, name string }

// accountsInUse tells which workloads mount a token of which service account: the pod's automountServiceAccountToken
// decides, else the account's, else yes (plugin/pkg/admission/serviceaccount); a projected token counts as well.
func accountsInUse(ctx context.Context, inv *inventory.Inventory) (map[account][]*inventory.Workload, error) {
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	mounts := map[account]bool{}
	for o, sa := range inventory.Typed[corev1.ServiceAccount](inv) {
		mounts[account{o.Namespace(), o.Name()}] = sa.AutomountServiceAccountToken == nil || *sa.AutomountServiceAccountToken
	}
	out := map[account][]*inventory.Workload{}
	for _, w := range workloads {
		for _, spec := range w.PodSpecs() {
			a := account{w.Namespace(), spec.ServiceAccountName}
			mounted, known := mounts[a]
			mounted = mounted || !known
			if spec.AutomountServiceAccountToken != nil {
				mounted = *spec.AutomountServiceAccountToken
			}
			mounted = mounted || slices.ContainsFunc(spec.Volumes, projectsToken)
			if mounted && !slices.Contains(out[a], w) {
				out[a] = append(out[a], w)
			}
		}
	}
	return out, nil
}

func projectsToken(v corev1.Volume) bool {
	return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(p corev1.VolumeProjection) bool { return p.ServiceAccountToken != nil })
}
