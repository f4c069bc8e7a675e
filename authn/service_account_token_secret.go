package authn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

const (
	// Labels of the controller that cleans up legacy tokens (pkg/serviceaccount/legacy.go): the day of the last use, and
	// the day from which the API server refuses the token.
	lastUsedLabel     = "kubernetes.io/legacy-token-last-used"
	invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since"
)

var serviceAccountTokenSecret = nist190.Metadata{
	ID:    "authn-service-account-token-secret",
	Title: "Long-lived service account token",
	Risk:  nist190.UnauthorizedAccess,
	Doc: `A Secret of type kubernetes.io/service-account-token holds a token that never expires.

The token is valid until the Secret is deleted, is bound to no pod, and is what gets copied into pipelines and laptops.
SP 800-190 asks for strong authentication; a password-like credential without expiry, second factor or owner is the
opposite. Since Kubernetes 1.24 nothing makes such Secrets but people. It is worse where the service account has every
right.

Before:

    kind: Secret
    type: kubernetes.io/service-account-token
    metadata: {name: ci-token, annotations: {kubernetes.io/service-account.name: ci}}

After: no Secret. Inside the cluster, a projected token that the kubelet renews; outside, one per run.

    kubectl create token ci --duration=1h

A token that the API server marked as invalid is no credential any more, and passes.`,
	Claims:   nist190.Claims("2b"),
	Controls: []string{"IA-5(1)", "IA-5(6)"},
	CIS:      []string{"3.1.2"},
	Severity: nist190.SeverityHigh,
	Remediation: `Find who uses it (label kubernetes.io/legacy-token-last-used, audit annotation authentication.k8s.io/legacy-token-manual-secret). Inside
the cluster use the projected token of the pod; outside exchange the identity of the caller for a short token
(kubectl create token, or an OIDC issuer that the API server trusts). Then delete the Secret: that revokes the token.`,
	Subjects: []schema.GroupKind{{Kind: "Secret"}},
	Needs: append([]inventory.Need{
		// Each Secret answers for itself. Only its type and metadata are read.
		inventory.NeedOf[corev1.Secret](inventory.Incriminating),
		// Whether a controller made it is told, not judged.
		inventory.NeedOf[corev1.ServiceAccount](inventory.SeverityOnly),
		// What the account may do only raises the severity.
	}, rbac.GrantNeeds(inventory.SeverityOnly)...),
	Since: "v0.1.0",
	Limits: `Tokens that were copied elsewhere, and tokens that kubectl create token gave a long duration, are in no object. Whether a
Secret's token was filled in is not read, since the payload of Secrets never is.`,
}

// ServiceAccountTokenSecret finds Secrets with tokens of service accounts that never expire.
func ServiceAccountTokenSecret() nist190.Check {
	return nist190.NewCheck(serviceAccountTokenSecret, checkTokenSecrets)
}

func checkTokenSecrets(ctx context.Context, e *nist190.Eval) error {
	grants, err := rbac.AdminGrantsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for o, s := range inventory.Typed[corev1.Secret](e.Inventory) {
		if s.Type != corev1.SecretTypeServiceAccountToken {
			continue
		}
		account := s.Annotations[corev1.ServiceAccountNameKey]
		at := nist190.At(o, "metadata", "annotations", corev1.ServiceAccountNameKey).Showing(account)
		switch since := s.Labels[invalidSinceLabel]; {
		case account == "":
			// pkg/apis/core/validation: the annotation is required.
			e.NotApplicable(o.Ref(), "the API server refuses it: it names no service account")
		case since != "":
			e.Pass(o.Ref(), nist190.At(o, "metadata", "labels", invalidSinceLabel).Showing(since).Because("the API server refuses the token"))
		default:
			e.Report(tokenFailure(e.Inventory, o, s, account, at, grants))
		}
	}
	return nil
}

func tokenFailure(inv *inventory.Inventory, o *inventory.Object, s *corev1.Secret, account string, at nist190.Evidence, grants []*rbac.AdminGrant) nist190.Outcome {
	out := nist190.Outcome{
		Status: nist190.Fail, Subject: o.Ref(), MaxSeverity: nist190.SeverityCritical,
		Evidence: []nist190.Evidence{at, nist190.At(o, "type").Showing(string(s.Type))},
		Path:     []string{fmt.Sprintf("Secret %q", o.Namespace()+"/"+o.Name()), fmt.Sprintf("ServiceAccount %q", o.Namespace()+"/"+account)},
	}
	message := []string{fmt.Sprintf("it holds a token of service account %q that never expires", account)}
	for _, g := range grants {
		if !g.To(rbac.ServiceAccount(o.Namespace(), account)) {
			continue
		}
		where := "in the cluster"
		if g.Binding.Namespace == "" {
			out.Severity = nist190.SeverityCritical
		} else {
			where = fmt.Sprintf("in namespace %q", g.Binding.Namespace)
		}
		message = append(message, fmt.Sprintf("the account may do everything %s through %s %q", where, g.Binding.Object.Ref().Kind, g.Binding.Object.Name()))
		out.Evidence = append(out.Evidence, nist190.At(g.Binding.Object, "roleRef", "name"))
		out.Path = append(out.Path, fmt.Sprintf("%s %q", g.Binding.Object.Ref().Kind, g.Binding.Object.Name()), fmt.Sprintf("%s %q", g.Binding.RoleRef.Kind, g.Binding.RoleRef.Name))
		break
	}
	if _, sa, ok := inventory.TypedGet[corev1.ServiceAccount](inv, o.Namespace(), account); ok &&
		slices.ContainsFunc(sa.Secrets, func(r corev1.ObjectReference) bool { return r.Name == o.Name() }) {
		message = append(message, "a controller made it before Kubernetes 1.24")
	}
	if day := s.Labels[lastUsedLabel]; day != "" {
		message = append(message, "it was last used on "+day)
	}
	out.Message = strings.Join(message, "; ")
	return out
}
