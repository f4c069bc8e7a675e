package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var danglingRole = nist190.Metadata{
	ID: "rbac-dangling-role", Title: "Binding of a role that does not exist", Advisory: true,
	Doc: `A binding refers to a role that is not there. It gives nothing now; as soon as somebody creates a role of that name,
its subjects have whatever is in it, and whoever creates the role needs no right to bind it.

Before:

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: removed-last-year}

After: no such binding.`,
	Severity:    nist190.SeverityLow,
	Remediation: "Delete the binding, or add the role to what is deployed with it.",
	Needs: []inventory.Need{
		inventory.NeedOf[rbacv1.ClusterRoleBinding](inventory.Incriminating), inventory.NeedOf[rbacv1.RoleBinding](inventory.Incriminating),
		inventory.NeedOf[rbacv1.ClusterRole](inventory.Exonerating), inventory.NeedOf[rbacv1.Role](inventory.Exonerating),
	},
	Limits: "A role that another repository deploys is not seen in manifests.",
}

func checkDanglingRole(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, b := range d.access.bindings {
		if b.Role != nil || b.inert() != "" {
			continue
		}
		failed = true
		out := nist190.Outcome{
			Status: nist190.Fail, Subject: b.Object.Ref(), Message: fmt.Sprintf("there is no %s %q", b.RoleRef.Kind, b.RoleRef.Name),
			Evidence: []nist190.Evidence{nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name)},
		}
		if b.Object.Strength() >= inventory.Observed {
			out.Severity = nist190.SeverityMedium
		}
		e.Report(out)
	}
	return failed, nil
}

var danglingSubject = nist190.Metadata{
	ID: "rbac-dangling-subject", Title: "Binding of a service account that does not exist",
	Doc: `A binding names a service account that is not there. Whoever may create service accounts and Pods in that namespace
creates it and has its rights.

Before:

    subjects: [{kind: ServiceAccount, namespace: tools, name: old-pipeline}]

After: no such subject.`,
	Severity:    nist190.SeverityLow,
	Remediation: "Remove the subject, or add the service account to what is deployed with it.",
	Needs:       append(AccessNeeds(), inventory.NeedOf[corev1.ServiceAccount](inventory.Exonerating)),
	Limits:      "An account that another repository deploys is not seen in manifests.",
}

func checkDanglingSubject(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	exists := map[Subject]bool{}
	for o := range inventory.Typed[corev1.ServiceAccount](e.Inventory) {
		exists[ServiceAccount(o.Namespace(), o.Name())] = true
	}
	failed := false
	for _, b := range d.access.bindings {
		if !b.InEffect() || !b.isWritten() || len(b.Role.Rules) == 0 {
			continue
		}
		for i := range b.Subjects {
			s, ok := b.Subject(i)
			// The controller makes default in every namespace (pkg/controller/serviceaccount).
			if !ok || s.Kind != rbacv1.ServiceAccountKind || s.Name == "default" || exists[s] || d.known.knows(b, s) {
				continue
			}
			failed = true
			e.Fail(b.Object.Ref(), s.String(), fmt.Sprintf("%s, which has %s, does not exist", s, b.Role), subjectEvidence(b, i))
		}
	}
	return failed, nil
}

var deadBinding = nist190.Metadata{
	ID: "rbac-dead-binding", Title: "Binding that gives nothing", Advisory: true,
	Doc: `A binding names nobody, or gives the same role in the same place to the same subjects as another one. A second copy
keeps rights alive that somebody believes to have withdrawn.

Before:

    kind: RoleBinding
    metadata: {name: view-2, namespace: shop}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects: []

After: no such binding.`,
	Severity:    nist190.SeverityInfo,
	Remediation: "Delete the binding.",
}

func checkDeadBinding(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	first := map[string]*Binding{}
	for _, b := range d.access.bindings {
		if !b.isWritten() || b.Refused != "" {
			continue
		}
		if len(b.Subjects) == 0 {
			// Kubernetes ships this one empty since the Node authorizer replaced it.
			if b.RoleRef.Name != "system:node" || b.Object.Name() != "system:node" {
				failed = true
				e.Fail(b.Object.Ref(), "", "it names no subject", nist190.At(b.Object))
			}
			continue
		}
		var names []string
		for i := range b.Subjects {
			if s, ok := b.Subject(i); ok {
				names = append(names, s.String())
			}
		}
		slices.Sort(names)
		key := strings.Join([]string{b.Namespace, b.RoleRef.Kind, b.RoleRef.Name, strings.Join(slices.Compact(names), "\x00")}, "\x01")
		if other := first[key]; other != nil {
			failed = true
			e.Fail(b.Object.Ref(), "", fmt.Sprintf("it gives what %s gives to the same subjects", other), nist190.At(b.Object, "roleRef", "name"), nist190.At(other.Object, "roleRef", "name"))
			continue
		}
		first[key] = b
	}
	return failed, nil
}

var crossNamespaceBinding = nist190.Metadata{
	ID: "rbac-cross-namespace-binding", Title: "Account of another namespace that others can become",
	Doc: `A RoleBinding gives rights in its namespace to a service account of another one, and there somebody else may run Pods,
open shells or get tokens: they act here as that account, and no binding here names them. An account of a namespace that
only its owner can enter, as a pipeline should have, passes.

Before:

    kind: RoleBinding
    metadata: {name: deploy, namespace: shop}
    subjects: [{kind: ServiceAccount, namespace: scratch, name: ci}]
    ---
    kind: RoleBinding
    metadata: {name: everybody, namespace: scratch}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: employees}]

After: the account in a namespace of its own.

    subjects: [{kind: ServiceAccount, namespace: shop-deploy, name: ci}]`,
	Claims: nist190.Claims("1a", "1d"), Severity: nist190.SeverityMedium,
	Remediation: `Use an account of a namespace that nobody else may run Pods or mint tokens in, or take that right there from those who do
not have the rights here.`,
}

func checkCrossNamespace(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, b := range d.access.bindings {
		if !b.InEffect() || b.Namespace == "" || len(b.Role.Rules) == 0 {
			continue
		}
		for i := range b.Subjects {
			s, ok := b.Subject(i)
			if !ok || s.Kind != rbacv1.ServiceAccountKind || s.Namespace == b.Namespace || d.known.knows(b, s) || readsOnly(b.Role.Rules) {
				continue
			}
			other, ok := d.intruder(b, s.Namespace)
			if !ok {
				continue
			}
			failed = true
			way := d.hop(other.from, other.power, s.Namespace, s)
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Subject: b.Object.Ref(), Key: s.String(),
				Message:  fmt.Sprintf("%s has %s in namespace %q, and %s may %s in namespace %q", s, b.Role, b.Namespace, other.from, way.May, s.Namespace),
				Path:     append([]string{way.String()}, Grant{Binding: b, Subject: i}.Steps()...),
				Evidence: []nist190.Evidence{subjectEvidence(b, i), nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name), nist190.At(way.Grants[0].Binding.Object, "roleRef", "name")},
			})
		}
	}
	return failed, nil
}

// intruder is somebody who can become the accounts of a namespace and is not named by the binding.
func (d *detector) intruder(b *Binding, namespace string) (edge, bool) {
	for _, x := range d.reach.into[namespace] {
		named := slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { t, _ := subjectOf(&s, b.Namespace); return t == x.from })
		if !named && (x.from.Kind != rbacv1.ServiceAccountKind || x.from.Namespace != namespace) {
			return x, true
		}
	}
	return edge{}, false
}

// readsOnly: what a monitoring agent has in many namespaces, Secrets apart.
func readsOnly(rules []rbacv1.PolicyRule) bool {
	return !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Resources, "secrets") || slices.Contains(r.Resources, rbacv1.ResourceAll) ||
			slices.ContainsFunc(r.Verbs, func(v string) bool { return v != "get" && v != "list" && v != "watch" })
	})
}

var defaultNamespace = nist190.Metadata{
	ID: "rbac-default-namespace-role", Title: "Rights in the namespace default", Advisory: true,
	Doc: `A RoleBinding gives rights to change things in the namespace default, where whatever names no namespace ends up, of any
application and any level.

Before:

    metadata: {name: deploy, namespace: default}

After: a namespace for the application.

    metadata: {name: deploy, namespace: shop}`,
	CIS: []string{"5.6.4"}, Severity: nist190.SeverityInfo,
	Remediation: "Move the application to a namespace of its own, with its roles and bindings.",
}

func checkDefaultNamespace(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, b := range d.access.bindings {
		if b.Namespace != metav1.NamespaceDefault || !b.isWritten() || !b.InEffect() || readsOnly(b.Role.Rules) {
			continue
		}
		failed = true
		e.Fail(b.Object.Ref(), "", fmt.Sprintf("it gives %s in the namespace default", b.Role), nist190.At(b.Object, "metadata", "namespace"))
	}
	return failed, nil
}

var subjectConfusion = nist190.Metadata{
	ID: "rbac-subject-confusion", Title: "Subject that is not whom it seems to be",
	Doc: `A subject of a binding has no effect, or another than its author meant: a user called like a group of Kubernetes, a group
called like a user or service account, a kind in the wrong case, a service account without a namespace in a
ClusterRoleBinding, a name with a space at its end. The API server stores most of them without a word.

Before:

    subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "system:authenticated"}]

After:

    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:authenticated"}]`,
	Severity:    nist190.SeverityMedium,
	Remediation: "Write the subject with its kind: User, Group or ServiceAccount, and its exact name; delete it where nothing is missing without it.",
}

func checkSubjectConfusion(_ context.Context, e *nist190.Eval, d *detector) (bool, error) {
	failed := false
	for _, b := range d.access.bindings {
		for i := range b.Subjects {
			if why := confused(&b.Subjects[i], b); why != "" {
				failed = true
				e.Fail(b.Object.Ref(), fmt.Sprintf("%s %s", b.Subjects[i].Kind, b.Subjects[i].Name), why, subjectEvidence(b, i))
			}
		}
	}
	return failed, nil
}

func confused(s *rbacv1.Subject, b *Binding) string {
	isGroup := s.Name == masters || s.Name == allAuthenticated || s.Name == allUnauthenticated || s.Name == allNodes ||
		s.Name == allServiceAccounts || strings.HasPrefix(s.Name, allServiceAccounts+":")
	isUser := s.Name == anonymous || strings.HasPrefix(s.Name, accountPrefix) || strings.HasPrefix(s.Name, nodePrefix)
	known := s.Kind == rbacv1.UserKind || s.Kind == rbacv1.GroupKind || s.Kind == rbacv1.ServiceAccountKind
	switch {
	case !known:
		return fmt.Sprintf("the kind of subject %q is %q; it must be User, Group or ServiceAccount, and the API server refuses the binding", s.Name, s.Kind)
	case s.Name != strings.TrimSpace(s.Name):
		return fmt.Sprintf("the name of %s %q begins or ends with a space, which is part of it", s.Kind, s.Name)
	case s.Kind == rbacv1.UserKind && isGroup:
		return fmt.Sprintf("%q is a group; as a user nobody has that name", s.Name)
	case s.Kind == rbacv1.GroupKind && isUser:
		return fmt.Sprintf("%q is a user name; as a group nobody is in it", s.Name)
	case s.Kind == rbacv1.ServiceAccountKind && s.APIGroup != "":
		return fmt.Sprintf("service account %q has the apiGroup %q, with which the API server refuses the binding", s.Name, s.APIGroup)
	case s.Kind == rbacv1.ServiceAccountKind && s.Namespace == "" && b.Namespace == "":
		return fmt.Sprintf("service account %q has no namespace, without which it is nobody in a ClusterRoleBinding", s.Name)
	case s.Kind == rbacv1.ServiceAccountKind && strings.Contains(s.Name, ":"):
		return fmt.Sprintf("service account %q has a colon in its name, which none has: write its namespace in the field", s.Name)
	}
	return ""
}
