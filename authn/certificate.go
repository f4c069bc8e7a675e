package authn

import (
	"context"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// certificateChecks are about what people carry: certificates and the files that they are in.
func certificateChecks() []nist190.Check {
	return []nist190.Check{MastersIdentity(), AdminKubeconfig(), KubeconfigCredential(), KubeconfigTransport(), ClientCertificates()}
}

// onKubeconfigs makes a check that looks at every kubeconfig.
func onKubeconfigs(md nist190.Metadata, find func(*nist190.Eval, *kubeconfig)) nist190.Check {
	md.Needs = []inventory.Need{kubeconfigNeed}
	return making(md, func(ctx context.Context, e *nist190.Eval) error {
		list, err := kubeconfigs.Get(ctx, e.Inventory)
		if err != nil {
			return err
		}
		for _, k := range list {
			find(e, k)
		}
		if len(list) == 0 {
			e.NotApplicable(inventory.Cluster, "no kubeconfig was scanned")
		}
		return nil
	})
}

var adminKubeconfig = nist190.Metadata{
	ID: "authn-admin-kubeconfig", Title: "Kubeconfig of an administrator, with its key",
	Doc: `A file that lets whoever reads it administer the cluster lies among what was scanned.

Nothing asks for a second factor, nobody sees who used it, and its certificate cannot be withdrawn before it expires. Known are
kubeadm's admin.conf and super-admin.conf, the files of k3s and RKE2, and certificates of the groups kubeadm:cluster-admins and
system:masters, whatever the file is called. Nothing of the key is kept or printed.

Before: admin.conf in the repository, or left on a node.

After: no such file; super-admin.conf, sealed and offline, for the day on which nothing else works.`,
	Claims: nist190.Claims("2a", "2b"), Controls: []string{"AC-6", "IA-5(7)"}, CIS: []string{"1.1.13"}, Severity: nist190.SeverityCritical,
	Remediation: `Delete the file from the repository and its history, and from nodes once nobody needs it there. Treat the key as known: a certificate of
kubeadm:cluster-admins loses its rights with the ClusterRoleBinding of that name, one of system:masters only with a new CA.`,
	Limits: "Only files that were scanned are seen. A key in a file beside the kubeconfig is not.",
}

// AdminKubeconfig finds administrators' files by their name and content.
func AdminKubeconfig() nist190.Check {
	return onKubeconfigs(adminKubeconfig, func(e *nist190.Eval, k *kubeconfig) {
		bad := false
		for _, u := range k.users {
			why, field := k.administrator(u), u.credential()
			if why == "" || field == "" {
				continue
			}
			bad = true
			e.Report(nist190.Outcome{Status: nist190.Fail, Subject: k.object.Ref(), Key: u.Name, Evidence: []nist190.Evidence{k.at(u, field)},
				Message: fmt.Sprintf("whoever reads it administers the cluster: %s, and it holds %s", why, words[field])})
		}
		if !bad {
			e.Pass(k.object.Ref(), nist190.At(k.object))
		}
	})
}

// words name credentials without showing them.
var words = map[string]string{"client-key-data": "the private key", "token": "a token", "password": "a password", "auth-provider": "tokens of a provider", "exec": "a secret for its plugin"}

var kubeconfigCredential = nist190.Metadata{
	ID: "authn-kubeconfig-credential", Title: "Kubeconfig with a key, token or password",
	Doc: `A kubeconfig among what was scanned holds a credential.

Who reads the repository, or the disk, is that user. A plugin (exec) gets a short token from the directory when it is needed, and the
file holds nothing. Files of administrators are reported by authn-admin-kubeconfig. Nothing of the credential is kept or printed.

Before:

    users: [{name: ci, user: {token: ...}}]

After:

    users: [{name: ci, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: kubelogin, ...}}}]`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5(7)", "IA-5(1)"}, Severity: nist190.SeverityHigh,
	Remediation: "Withdraw the credential, delete the file from the repository and its history, and let users log in by a plugin of the identity provider.",
	Limits:      "Files that the kubeconfig names are not read.",
}

// KubeconfigCredential finds credentials of others than administrators.
func KubeconfigCredential() nist190.Check {
	return onKubeconfigs(kubeconfigCredential, func(e *nist190.Eval, k *kubeconfig) {
		bad := false
		for _, u := range k.users {
			field := u.credential()
			if field == "" || k.administrator(u) != "" {
				continue
			}
			bad = true
			e.Fail(k.object.Ref(), u.Name, fmt.Sprintf("whoever reads it is user %q of it: it holds %s", u.Name, words[field]), k.at(u, field))
		}
		if !bad {
			e.Pass(k.object.Ref(), nist190.At(k.object))
		}
	})
}

var kubeconfigTransport = nist190.Metadata{
	ID: "authn-kubeconfig-transport", Title: "Kubeconfig that does not check the API server",
	Doc: `The client does not check whom it sends its credentials to.

With insecure-skip-tls-verify, or a server without https, whoever sits between an administrator and the API server gets the token and
can change what is sent.

Before:

    clusters: [{name: prod, cluster: {server: "https://10.0.0.1:6443", insecure-skip-tls-verify: true}}]

After:

    clusters: [{name: prod, cluster: {server: "https://10.0.0.1:6443", certificate-authority: ca.crt}}]`,
	Claims: nist190.Claims("2b", "5i"), Controls: []string{"SC-8", "IA-9"}, Severity: nist190.SeverityMedium,
	Remediation: "Name the cluster's CA in certificate-authority or certificate-authority-data.",
	Limits:      "Flags of kubectl that do the same are not seen.",
}

// KubeconfigTransport finds clients that trust any server.
func KubeconfigTransport() nist190.Check {
	return onKubeconfigs(kubeconfigTransport, func(e *nist190.Eval, k *kubeconfig) {
		bad := false
		for i := range k.Clusters {
			c := &k.Clusters[i]
			switch {
			case c.Cluster.InsecureSkipTLSVerify:
				bad = true
				e.Fail(k.object.Ref(), c.Name, fmt.Sprintf("cluster %q: the certificate of the API server is not checked", c.Name), nist190.At(k.object, "clusters", i, "cluster", "insecure-skip-tls-verify"))
			case len(c.Cluster.Server) >= 7 && c.Cluster.Server[:7] == "http://":
				bad = true
				e.Fail(k.object.Ref(), c.Name, fmt.Sprintf("cluster %q: the API server is asked without TLS", c.Name), nist190.At(k.object, "clusters", i, "cluster", "server"))
			}
		}
		if !bad {
			e.Pass(k.object.Ref(), nist190.At(k.object))
		}
	})
}

var clientCertificates = nist190.Metadata{
	ID: "authn-client-certificate", Title: "Person who logs in with a certificate of the cluster's CA",
	Doc: `The cluster signed a certificate with which a person logs in.

Kubernetes has no list of withdrawn certificates: it is good until it expires, whoever has it and whoever left. No second factor is
asked for. Certificates of nodes and of the control plane are as they should be, and are not counted.

Before:

    kind: CertificateSigningRequest
    spec: {signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], ...}

After: a login by the identity provider.`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5(2)", "AC-2(3)"}, CIS: []string{"3.1.1"}, Severity: nist190.SeverityMedium,
	Remediation: `Let the person log in through the identity provider, delete the bindings of the certificate's user and groups, and set
spec.expirationSeconds to hours where a certificate is needed for once.`,
	Limits: `Requests are deleted an hour after they were approved (pkg/controller/certificates/cleaner), and certificates that were signed elsewhere
with the CA's key are in no object: none found does not mean that there are none.`,
	Subjects: []schema.GroupKind{{Group: "certificates.k8s.io", Kind: "CertificateSigningRequest"}},
}

// ClientCertificates finds certificates of people, in requests and in kubeconfigs of others than administrators.
func ClientCertificates() nist190.Check {
	md := clientCertificates
	md.Needs = []inventory.Need{inventory.NeedOf[certificatesv1.CertificateSigningRequest](inventory.Incriminating), kubeconfigNeed}
	return making(md, func(ctx context.Context, e *nist190.Eval) error {
		for o, csr := range inventory.Typed[certificatesv1.CertificateSigningRequest](e.Inventory) {
			id := requested(csr)
			switch {
			case csr.Spec.SignerName != certificatesv1.KubeAPIServerClientSignerName:
				e.NotApplicable(o.Ref(), "its signer gives no certificates to people")
			case has(csr, certificatesv1.CertificateDenied) || has(csr, certificatesv1.CertificateFailed):
				e.Pass(o.Ref(), nist190.At(o, "status"))
			case !has(csr, certificatesv1.CertificateApproved):
				e.Pass(o.Ref(), nist190.At(o, "spec", "signerName").Because("it was not approved"))
			case id.user == "":
				e.NotAssessed(o.Ref(), nist190.ReasonUnknown, "whom the certificate is for cannot be read", nist190.At(o, "spec", "request"))
			case id.component():
				e.Pass(o.Ref(), nist190.At(o, "spec", "signerName"))
			default:
				e.Fail(o.Ref(), "", fmt.Sprintf("user %q got a client certificate, which cannot be withdrawn%s", id.user, groupText(id.groups)), nist190.At(o, "spec", "request"))
			}
		}
		list, err := kubeconfigs.Get(ctx, e.Inventory)
		if err != nil {
			return err
		}
		for _, k := range list {
			for _, u := range k.users {
				if u.certificate.user == "" || u.certificate.component() || u.credential() != "" {
					continue // what holds a key is the matter of another check
				}
				e.Fail(k.object.Ref(), u.Name, fmt.Sprintf("user %q logs in with a client certificate, which cannot be withdrawn before %s%s", u.certificate.user,
					u.certificate.expires.Format("2006-01-02"), groupText(u.certificate.groups)), k.at(u, "client-certificate-data"))
			}
		}
		return nil
	})
}

func has(csr *certificatesv1.CertificateSigningRequest, t certificatesv1.RequestConditionType) bool {
	return slices.ContainsFunc(csr.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool {
		return c.Type == t && c.Status != corev1.ConditionFalse
	})
}

func groupText(groups []string) string {
	if len(groups) == 0 {
		return ""
	}
	return fmt.Sprintf("; its groups are %q", groups)
}

var mastersIdentity = nist190.Metadata{
	ID: "authn-masters-identity", Title: "Login as system:masters",
	Doc: `Somebody can log in as a member of system:masters.

The API server lets the group pass before any authorizer is asked: no binding, webhook or policy of authorization holds it back, and
taking bindings away changes nothing. It is meant for the moment in which authorization is broken. aws-auth, access entries, issuers
with an expression that gives it, and certificates are looked at. Files with the key are reported by authn-admin-kubeconfig, what a
cloud hands out by authn-local-account, bindings that name the group by rbac-masters-group.

Before, in aws-auth:

    - {rolearn: "arn:aws:iam::111122223333:role/Platform", groups: ["system:masters"]}

After: an access entry with a policy that can be taken back, or a group of your own that RBAC binds.

    - {rolearn: "arn:aws:iam::111122223333:role/Platform", groups: [platform-admins]}`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-2(7)", "AC-6(5)"}, CIS: []string{"5.1.7"}, Severity: nist190.SeverityCritical,
	Remediation: `Map the principal to a group of your own and bind that to what it needs. On EKS use access entries; EKS refuses system:masters in them.
Keep one credential of system:masters offline.`,
	Limits: "Certificates that were signed outside of the cluster's objects are not seen.",
}

// MastersIdentity finds the ways to log in as a member of system:masters.
func MastersIdentity() nist190.Check {
	needs := inventory.JoinNeeds(wayNeeds(), []inventory.Need{kubeconfigNeed})
	needs = append(needs, inventory.Need{Group: "certificates.k8s.io", Kind: "CertificateSigningRequest", Resource: "certificatesigningrequests", Bias: inventory.Alternative})
	return ofControlPlane(mastersIdentity, checkMasters, needs...)
}

func checkMasters(l *login) error {
	w, err := waysOf(l.ctx, l.Inventory)
	if err != nil {
		return err
	}
	found := false
	fail := func(out nist190.Outcome) {
		found = true
		l.Report(out)
	}
	for _, a := range w.Ways {
		if a.Kind == LocalAccount || !a.gives(masters) { // local accounts are those of authn-local-account
			continue
		}
		out := a.found(nist190.Fail, fmt.Sprintf("%s logs in as system:masters", a))
		if a.Kind == CloudPrincipal && len(out.Evidence) > 0 {
			out.Subject = out.Evidence[0].Ref
		}
		fail(out)
	}
	list, err := kubeconfigs.Get(l.ctx, l.Inventory)
	if err != nil {
		return err
	}
	for _, k := range list {
		for _, u := range k.users {
			if u.certificate.in(masters) && u.credential() == "" {
				fail(nist190.Outcome{Status: nist190.Fail, Subject: k.object.Ref(), Key: u.Name, Evidence: []nist190.Evidence{k.at(u, "client-certificate-data")},
					Message: fmt.Sprintf("user %q has a certificate of system:masters, which is good until %s", u.certificate.user, u.certificate.expires.Format("2006-01-02"))})
			}
		}
	}
	for o, csr := range inventory.Typed[certificatesv1.CertificateSigningRequest](l.Inventory) {
		if id := requested(csr); id.in(masters) && has(csr, certificatesv1.CertificateApproved) {
			fail(nist190.Outcome{Status: nist190.Fail, Subject: o.Ref(), Evidence: []nist190.Evidence{nist190.At(o, "spec", "request")},
				Message: fmt.Sprintf("signer %q gave user %q a certificate of system:masters", csr.Spec.SignerName, id.user)})
		}
	}
	switch {
	case found:
	case w.managed.Vendor == "" && l.hiddenWays(w, TokenOfIssuer): // whose expressions could give it
	case slices.ContainsFunc(w.Ways, func(a *Authenticator) bool { return a.Kind == LocalAccount && a.gives(masters) }):
		l.NotApplicable(inventory.Cluster, "the vendor hands a certificate of the group out, which authn-local-account reports")
	default:
		l.Pass(inventory.Cluster)
	}
	return nil
}

// gives reports that a way in names the group itself, and not just any.
func (a *Authenticator) gives(group string) bool {
	return a.Groups.Can(group) == Certain && slices.ContainsFunc(a.Groups.patterns, func(p pattern) bool { return p.text == group && !p.open })
}
