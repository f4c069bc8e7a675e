package nodetrust

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

func csrChecks() []nist190.Check {
	return []nist190.Check{CSRAutoApproval(), CSRState()}
}

const certificates = "certificates.k8s.io"

var csrAutoApproval = nist190.Metadata{
	ID: "nodetrust-csr-auto-approval", Title: "Account whose requests for a node's certificate are approved by themselves", Risk: nist190.NodeTrust,
	Doc: `The controller manager approves the request for a kubelet's certificate where whoever asks may create
certificatesigningrequests/nodeclient, or /selfnodeclient for the certificate that it has already. A binding gives the first
to others than the groups of joining machines, or the second to others than nodes: they get the identity of any node, and
with it the Secrets of its pods, without anybody's word.

Who has every right is not reported here.

Before:

    roleRef: {kind: ClusterRole, name: "system:certificates.k8s.io:certificatesigningrequests:nodeclient"}
    subjects: [{kind: Group, name: "system:authenticated"}]

After:

    subjects: [{kind: Group, name: "system:bootstrappers:kubeadm:default-node-token"}]`,
	Claims: nist190.Claims("5a"), Controls: []string{"IA-3", "AC-6"}, Severity: nist190.SeverityHigh,
	Remediation: "Bind nodeclient to the groups of bootstrap tokens (system:bootstrappers:...) and selfnodeclient to system:nodes only.",
	Needs:       rbac.AccessNeeds(),
	Subjects:    []schema.GroupKind{{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}},
	Since:       "v0.1.0",
	Limits:      "Approvers other than the controller manager ask for other rights, and are found by rbac-csr-approve.",
}

// CSRAutoApproval finds who gets certificates of nodes without anybody's word
// (pkg/controller/certificates/approver/sarapprove.go).
func CSRAutoApproval() nist190.Check { return nist190.NewCheck(csrAutoApproval, checkAutoApproval) }

func checkAutoApproval(ctx context.Context, e *nist190.Eval) error {
	access, err := rbac.AccessOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, r := range [...]struct {
		subresource, what string
		meant             func(rbac.Subject) bool
	}{
		{"nodeclient", "the certificate of any node", func(s rbac.Subject) bool {
			return s.Kind == "Group" && isBootstrapper(s.Name) || s.Kind == "User" && isBootstrapUser(s.Name)
		}},
		{"selfnodeclient", "a further certificate with its own name", func(s rbac.Subject) bool {
			return s == rbac.Group("system:nodes")
		}},
	} {
		holders := access.WhoCan(rbac.Request{Verb: "create", Group: certificates, Resource: "certificatesigningrequests", Subresource: r.subresource})
		for _, h := range holders {
			for _, g := range h.Grants {
				if wildcard(g.PolicyRule().Resources) || wildcard(g.PolicyRule().APIGroups) {
					continue
				}
				at := nist190.At(g.Binding.Object, "subjects", g.Subject)
				out := nist190.Outcome{Status: nist190.Pass, Subject: g.Binding.Object.Ref(), Key: r.subresource + " " + h.Subject.String(), Evidence: []nist190.Evidence{at}, Path: g.Steps()}
				if !r.meant(h.Subject) {
					out.Status, out.Message = nist190.Fail, fmt.Sprintf("%s gets %s without anybody's word", h.Subject, r.what)
				}
				e.Report(out)
			}
		}
	}
	return ctx.Err()
}

func wildcard(list []string) bool { return slices.Contains(list, "*") }

var csrState = nist190.Metadata{
	ID: "nodetrust-csr-state", Title: "Request for a certificate of a node that ought not to be as it is", Risk: nist190.NodeTrust,
	Doc: `A request for a certificate waits for somebody to approve it, was approved for a name or an address that its node does not
have, was made by somebody else than the node, or asks for the group of nodes by the signer of users.

With the serving certificate for another's address a node answers in its place. A kubelet whose request waits serves no TLS
that anybody can verify, or none at all after its certificate ends.

The API server deletes requests within a day, so that none to see is no proof.

Before:

    status: {conditions: [{type: Approved}]} # for DNS name other-node, made by system:node:this-node

After: an approver that compares names and addresses with the Node.`,
	Claims: nist190.Claims("5a", "5b"), Controls: []string{"IA-3", "SC-17"}, Severity: nist190.SeverityHigh,
	Remediation: "Look at the request (kubectl get csr -o yaml), deny what nobody can explain, and let an approver decide that compares names and addresses with the Node.",
	Subjects:    []schema.GroupKind{{Group: certificates, Kind: "CertificateSigningRequest"}},
	Needs: []inventory.Need{
		inventory.NeedOf[certificatesv1.CertificateSigningRequest](inventory.Incriminating),
		// A node has the addresses that a request is compared with.
		inventory.NeedOf[corev1.Node](inventory.Either).IfRead(),
	},
	Since:  "v0.1.0",
	Limits: "Requests that were deleted, and who approved one, are not in the objects. Requests of signers other than those of kubelets and users are not judged.",
}

// CSRState judges requests for certificates that are there.
func CSRState() nist190.Check { return nist190.NewCheck(csrState, checkCSRs) }

func checkCSRs(ctx context.Context, e *nist190.Eval) error {
	found := false
	for o, csr := range inventory.Typed[certificatesv1.CertificateSigningRequest](e.Inventory) {
		switch csr.Spec.SignerName {
		case certificatesv1.KubeletServingSignerName, certificatesv1.KubeAPIServerClientKubeletSignerName, certificatesv1.KubeAPIServerClientSignerName:
			found = true
			judgeCSR(e, o, csr)
		}
	}
	if !found && e.Inventory.Coverage(schema.GroupKind{Group: certificates, Kind: "CertificateSigningRequest"}, "").State.Complete() {
		e.NotApplicable(inventory.Cluster, "there is no request for a certificate of a node or a user")
	}
	return ctx.Err()
}

func judgeCSR(e *nist190.Eval, o *inventory.Object, csr *certificatesv1.CertificateSigningRequest) {
	at := nist190.At(o, "spec", "request")
	request, err := requestOf(csr.Spec.Request)
	if err != nil {
		e.NotAssessed(o.Ref(), nist190.ReasonUnknown, "spec.request is no certificate request", at)
		return
	}
	approved, decided := decision(csr)
	node, isNode := strings.CutPrefix(request.Subject.CommonName, "system:node:")
	fail := func(severity nist190.Severity, format string, args ...any) {
		e.Report(nist190.Outcome{Status: nist190.Fail, Subject: o.Ref(), Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: []nist190.Evidence{at}})
	}
	switch signer := csr.Spec.SignerName; {
	case signer == certificatesv1.KubeAPIServerClientSignerName && slices.Contains(request.Subject.Organization, "system:nodes"):
		fail(nist190.SeverityCritical, "%q asks for the group of nodes by the signer of users", csr.Spec.Username)
		return
	case signer == certificatesv1.KubeAPIServerClientSignerName:
	case !isNode:
		e.NotApplicable(o.Ref(), "the API server refuses it: its name is none of a node") // pkg/apis/certificates/validation
		return
	case signer == certificatesv1.KubeletServingSignerName && csr.Spec.Username != request.Subject.CommonName:
		fail(0, "%q asks for the serving certificate of node %q", csr.Spec.Username, node)
		return
	case signer == certificatesv1.KubeAPIServerClientKubeletSignerName && approved && !joins(csr, request):
		fail(0, "%q, which is no node and holds no token for joining, was approved for the certificate of node %q", csr.Spec.Username, node)
		return
	case signer == certificatesv1.KubeletServingSignerName && approved:
		if judged := foreignNames(e, o, node, request, at); judged {
			return
		}
	case !decided && signer == certificatesv1.KubeletServingSignerName:
		fail(nist190.SeverityLow, "the kubelet of node %q waits for the approval of its serving certificate", node)
		return
	}
	e.Pass(o.Ref(), at)
}

// joins: who asks is the node itself, or holds a bootstrap token or an account that an installer made for joining.
func joins(csr *certificatesv1.CertificateSigningRequest, request *x509.CertificateRequest) bool {
	return csr.Spec.Username == request.Subject.CommonName || isBootstrapUser(csr.Spec.Username) || slices.ContainsFunc(csr.Spec.Groups, isBootstrapper)
}

func isBootstrapper(group string) bool {
	return group == "system:bootstrappers" || strings.HasPrefix(group, "system:bootstrappers:")
}

// isBootstrapUser: users that installers make for machines that join, kubelet of GCE (cluster/gce/addons/rbac/
// kubelet-cert-rotation) and kubelet-bootstrap of the documentation of TLS bootstrapping, and names made of it.
func isBootstrapUser(name string) bool {
	return name == "kubelet" || strings.HasPrefix(name, "kubelet-") && strings.HasSuffix(name, "bootstrap")
}

// foreignNames fails a request that was approved for names that its node does not have.
func foreignNames(e *nist190.Eval, o *inventory.Object, name string, request *x509.CertificateRequest, at nist190.Evidence) bool {
	n, node, ok := inventory.TypedGet[corev1.Node](e.Inventory, "", name)
	if !ok {
		e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: o.Ref(), Message: fmt.Sprintf("there is no node %q", name), Evidence: []nist190.Evidence{at}})
		return true
	}
	has := map[string]bool{name: true}
	for _, a := range node.Status.Addresses {
		has[a.Address] = true
	}
	var more []string
	for _, dns := range request.DNSNames {
		if !has[dns] {
			more = append(more, dns)
		}
	}
	for _, ip := range request.IPAddresses {
		if !has[ip.String()] {
			more = append(more, ip.String())
		}
	}
	if len(more) == 0 {
		return false
	}
	e.Fail(o.Ref(), "", fmt.Sprintf("the kubelet of node %q was approved to serve as %s, which are no addresses of it", name, phrase.Shorten(more)), at, nist190.At(n, "status", "addresses"))
	return true
}

func decision(csr *certificatesv1.CertificateSigningRequest) (approved, decided bool) {
	for _, c := range csr.Status.Conditions {
		switch c.Type {
		case certificatesv1.CertificateApproved:
			approved, decided = true, true
		case certificatesv1.CertificateDenied, certificatesv1.CertificateFailed:
			return false, true
		}
	}
	return approved, decided
}

var errNoRequest = errors.New("no certificate request")

func requestOf(raw []byte) (*x509.CertificateRequest, error) {
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errNoRequest
	}
	return x509.ParseCertificateRequest(block.Bytes)
}
