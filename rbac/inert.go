package rbac

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

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
