package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var mastersGroup = nist190.Metadata{
	ID: "rbac-masters-group", Title: "Binding that names system:masters",
	Doc: `A binding names the group system:masters beside the one that Kubernetes makes. Its members have every right without it:
the API server lets them pass before RBAC is asked, and no binding, audit of bindings or admission policy holds them
back. The binding adds nothing and shows that certificates with the group are in use, which cannot be withdrawn before
they expire.

Before:

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:masters"}]

After: a group of your directory.

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: platform-admins}]`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-6(5)", "AC-2"}, CIS: []string{"5.1.7"},
	Severity: nist190.SeverityMedium,
	Remediation: `Replace the group by one that your identity provider manages, and keep credentials of system:masters, offline, for the
day on which it cannot be reached.`,
	Limits: "Who has a certificate with the group is in no object.",
}

func checkMastersGroup(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, b := range d.access.bindings {
		if b.Refused != "" || b.RoleRef.Name == clusterAdmin && b.Namespace == "" && len(b.Subjects) == 1 {
			continue // Kubernetes' own, or a copy
		}
		for i := range b.Subjects {
			if s, _ := b.Subject(i); s == Group(masters) {
				failed = true
				e.Fail(b.Object.Ref(), "", fmt.Sprintf("it names the group system:masters, which has every right without %s %q", b.RoleRef.Kind, b.RoleRef.Name), subjectEvidence(b, i))
			}
		}
	}
	return failed, nil
}

// maxAdministrators is how many people and groups may have every right. SP 800-190 gives no number; five is a team of
// administrators, a break-glass account and what an installer needs.
const maxAdministrators = 5

// sharedNames are accounts that are nobody's own: by custom, and those that kubeadm before 1.29, minikube and others make.
var sharedNames = []string{"admin", "administrator", "root", "superuser", "kubernetes-admin", "kube-admin", "cluster-admin", "minikube-user"}

var administrators = nist190.Metadata{
	ID: "rbac-administrators", Title: "Many or shared administrators",
	Doc: fmt.Sprintf(`More than %d users and groups are bound to every right in the cluster, or one of them is a shared account: admin, kubernetes-admin,
administrator, root or superuser. SP 800-190 asks that access to cluster-wide administrative accounts is tightly
controlled; nobody can say who used a shared one. Service accounts are not counted: each is a finding of
rbac-cluster-admin-binding. Nor is what Kubernetes and kubeadm bind themselves.

Before:

    subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: admin}]

After: one group, whose members the directory lists.

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: platform-admins}]`, maxAdministrators),
	Claims: nist190.Claims("2a"), Controls: []string{"AC-2", "AC-6(5)", "IA-2"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Bind one group of the directory, and give the others the rights that their work needs.",
	Limits:      "Who is in a group is not seen.",
}

func checkAdministrators(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	var people []Subject
	var evidence, sharedEvidence []nist190.Evidence
	var shared []string
	seen := map[Subject]bool{}
	for _, g := range d.access.AdminGrants() {
		if g.Binding.Namespace != "" {
			continue
		}
		for _, s := range g.Subjects() {
			if s.Kind == rbacv1.ServiceAccountKind || seen[s.Subject] || d.known.knows(g.Binding, s.Subject) {
				continue
			}
			seen[s.Subject] = true
			people = append(people, s.Subject)
			at := subjectEvidence(g.Binding, s.Index)
			evidence = append(evidence, at)
			if slices.Contains(sharedNames, strings.ToLower(s.Name)) && s.Kind == rbacv1.UserKind {
				shared = append(shared, s.String())
				sharedEvidence = append(sharedEvidence, at)
			}
		}
	}
	if len(people) > maxAdministrators {
		names := make([]string, len(people))
		for i, s := range people {
			names[i] = s.String()
		}
		e.Fail(inventory.Cluster, "many", fmt.Sprintf("%d users and groups have every right: %s", len(people), phrase.Shorten(names)), evidence[:min(len(evidence), maxEvidence)]...)
	}
	if len(shared) > 0 {
		e.Fail(inventory.Cluster, "shared", fmt.Sprintf("a shared account has every right: %s", phrase.Shorten(shared)), sharedEvidence...)
	}
	return len(people) > maxAdministrators || len(shared) > 0, nil
}
