package rbac

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var cloudIdentity = nist190.Metadata{
	ID:    "rbac-cloud-identity",
	Title: "Service account that is an administrator of the cloud, or default with a cloud identity",
	Risk:  nist190.UnboundedAdministrativeAccess,
	Doc: `An annotation gives the Pods of a service account an identity of the cloud: a role of AWS, a service account of Google, an
application of Entra. Where that identity is called an administrator's, whoever takes such a Pod has the cluster from
outside, nodes and control plane included; where the account is default, every Pod of the namespace that names no other
has it.

Before:

    kind: ServiceAccount
    metadata:
      name: default
      annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::111122223333:role/AdministratorAccess"}

After: an account of the application, with a role for what it calls.

    metadata:
      name: uploader
      annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::111122223333:role/shop-uploader"}`,
	Claims:   nist190.Claims("1a", "1e"),
	Controls: []string{"AC-6", "IA-2", "IA-8"},
	Severity: nist190.SeverityMedium,
	Remediation: `Give the application an account of its own, and the cloud's identity the rights that it uses; its trust policy names the
namespace and account exactly.`,
	Subjects: []schema.GroupKind{{Kind: "ServiceAccount"}},
	Needs:    []inventory.Need{inventory.NeedOf[corev1.ServiceAccount](inventory.Incriminating)},
	Since:    "v0.1.0",
	Limits:   "What the identity may do is known to the cloud alone; its name is what is judged. Identities that are given to an account outside the cluster, such as EKS Pod Identity, are not seen.",
}

// cloudAnnotations say which identity of a cloud the Pods of an account have.
var cloudAnnotations = []string{"eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"}

var administrative = regexp.MustCompile(`(?i)(^|[^a-z])(admin|administrator|administratoraccess|owner|root|poweruser|poweruseraccess)([^a-z]|$)`)

func checkCloudIdentity(_ context.Context, e *nist190.Eval) error {
	for o, sa := range inventory.Typed[corev1.ServiceAccount](e.Inventory) {
		for _, key := range cloudAnnotations {
			identity := sa.Annotations[key]
			if identity == "" {
				continue
			}
			at := nist190.At(o, "metadata", "annotations", key).Showing(identity)
			name := identity[strings.LastIndexAny(identity, ":/")+1:]
			name, _, _ = strings.Cut(name, "@")
			switch {
			case administrative.MatchString(name):
				e.Report(nist190.Outcome{Status: nist190.Fail, Subject: o.Ref(), Severity: nist190.SeverityHigh, Evidence: []nist190.Evidence{at},
					Message: fmt.Sprintf("its Pods are %q in the cloud, an administrator by its name", name)})
			case o.Name() == "default":
				e.Fail(o.Ref(), "", fmt.Sprintf("every Pod of namespace %q that names no service account is %q in the cloud", o.Namespace(), name), at)
			default:
				e.Pass(o.Ref(), at)
			}
		}
	}
	return nil
}
