package rbac

import (
	"github.com/nist190/nist190"
)

const certificatesGroup = "certificates.k8s.io"

// clientSigners are the signers whose certificates the API server takes for a login. A rule may name a signer or, with
// "/*" in place of its path, its domain (plugin/pkg/admission/certificates/util.go); "*" alone is no wildcard.
var clientSigners = []string{"kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/*"}

// credentialsPowers are rights to read credentials, and to make them.
var credentialsPowers = []power{
	{
		id: "rbac-secret-read", title: "Right to read every Secret",
		doc: `A role allows to get, list or watch Secrets without naming them; list and watch give the content as get does. Secrets hold
passwords, keys, the tokens of service accounts and of joining nodes, and the releases of Helm.

Before:

    rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list, watch]}]

After: the Secrets that are read. A watch of one is allowed by its name too.

    rules: [{apiGroups: [""], resources: [secrets], verbs: [get, watch], resourceNames: [shop-db]}]`,
		remediation: `List in resourceNames the Secrets that are read, in a Role of their namespace; better, mount them into the Pods that need
them. An operator that must read Secrets of users is best given a RoleBinding in each namespace that uses it.`,
		cis: []string{"5.1.2"}, controls: []string{"AC-3", "AC-6", "SC-28"},
		may:     "read every Secret",
		clauses: [][]ask{{{group: "", resources: []string{"secrets"}, verbs: []string{"get", "list", "watch"}}}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-read", "rbac-token-secret-mint"}, readsSecrets: true,
		limits: "A right to read Secrets by name passes: it is what the check recommends.",
	},
	{
		id: "rbac-token-secret-mint", title: "Right to make tokens of service accounts by Secrets",
		doc: `Whoever can create a Secret of type kubernetes.io/service-account-token and read it, or change a Secret and read it, gets
a token of any service account of the namespace that does not expire: the token controller fills it in
(pkg/controller/serviceaccount/tokens_controller.go).

Before:

    rules: [{apiGroups: [""], resources: [secrets], verbs: [create, get]}]

After: one of the two, or by name.

    rules: [{apiGroups: [""], resources: [secrets], verbs: [get, update], resourceNames: [shop-tls]}]`,
		remediation: `Separate who writes Secrets from who reads them, and grant both by name. An admission policy that refuses Secrets of that
type closes the way for everybody.`,
		cis: []string{"5.1.2", "5.1.13"}, controls: []string{"AC-3", "AC-6", "IA-5"},
		may: "read every Secret and make a token of every service account",
		clauses: [][]ask{
			{{group: "", resources: []string{"secrets"}, verbs: []string{"create"}}},
			{{group: "", resources: []string{"secrets"}, verbs: []string{"get", "list", "watch"}}},
		},
		cluster: nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"}, leads: toAccounts, readsSecrets: true,
	},
	{
		id: "rbac-token-request", title: "Right to request tokens of service accounts",
		doc: `create on serviceaccounts/token (TokenRequest) gives a token of any service account of the namespace, for as long as the
API server allows. The roles edit and admin have it by design.

Before:

    rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}]

After: the account that is needed. The request carries its name.

    rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], resourceNames: [backup]}]`,
		remediation: "List in resourceNames the accounts whose tokens are needed, in a Role of their namespace.",
		cis:         []string{"5.1.13"}, controls: []string{"AC-3", "AC-6", "IA-5"},
		may:     "get a token of every service account",
		clauses: [][]ask{{{group: "", resources: []string{"serviceaccounts/token"}, verbs: []string{"create"}}}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"}, leads: toAccounts,
	},
	{
		id: "rbac-csr-approve", title: "Right to approve one's own client certificate",
		doc: `Whoever can create a CertificateSigningRequest, approve it and has the verb approve on the signer of client certificates
gets a certificate for any user and any group but system:masters, which cannot be withdrawn before it expires. Signers
are named exactly or by "domain/*".

Before:

    rules:
    - {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create, get]}
    - {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}
    - {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [approve]}

After: the signer that is meant.

    - {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [approve], resourceNames: [kubernetes.io/kubelet-serving]}`,
		remediation: "List in resourceNames the signers that are approved for, and let nobody approve who also creates requests.",
		claims:      []string{"1a", "2a", "5a"}, controls: []string{"AC-3", "AC-6", "IA-5", "SC-17"}, cis: []string{"5.1.11"},
		may: "get a certificate for any user",
		clauses: [][]ask{
			{{group: certificatesGroup, resources: []string{"certificatesigningrequests"}, verbs: []string{"create"}}},
			{{group: certificatesGroup, resources: []string{"certificatesigningrequests/approval"}, verbs: []string{"update", "patch"}}},
			{{group: certificatesGroup, resources: []string{"signers"}, verbs: []string{"approve"}, names: clientSigners}},
		},
		clusterOnly: true, cluster: nist190.SeverityHigh, leads: toAdmin,
		saidBy: []string{"rbac-wildcard-write"},
	},
	{
		id: "rbac-csr-sign", title: "Right to sign client certificates",
		doc: `The verb sign on the signer of client certificates, with a right to write the status of requests, lets its holder put a
certificate into any approved request. In Kubernetes only the certificate controller does.

Before:

    rules:
    - {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/status], verbs: [update]}
    - {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [sign]}

After: a signer of your own.

    - {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [sign], resourceNames: [example.com/*]}`,
		remediation: "List in resourceNames the signers of your own that the subject signs for; leave those of kubernetes.io to the controller manager.",
		claims:      []string{"1a", "2a", "5a"}, controls: []string{"AC-3", "AC-6", "IA-5", "SC-17"},
		may: "sign client certificates",
		clauses: [][]ask{
			{{group: certificatesGroup, resources: []string{"certificatesigningrequests/status", "podcertificaterequests/status"}, verbs: []string{"update", "patch"}}},
			{{group: certificatesGroup, resources: []string{"signers"}, verbs: []string{"sign"}, names: append([]string{"kubernetes.io/kube-apiserver-client-pod"}, clientSigners...)}},
		},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write", "rbac-csr-approve"},
		limits: "A certificate is only taken for a login if a CA that the API server trusts made it: the subject needs that CA's key as well.",
	},
	{
		id: "rbac-legacy-signer", title: "Right to approve for the signer legacy-unknown",
		doc: `kubernetes.io/legacy-unknown is the one signer for which the API server refuses no subject: with a controller that signs
for it, an approved request can be for system:masters.

Before:

    rules: [{apiGroups: [certificates.k8s.io], resources: [signers], verbs: [approve], resourceNames: [kubernetes.io/legacy-unknown]}]

After: no such rule.`,
		remediation: "Drop the rule; use kubernetes.io/kube-apiserver-client or a signer of your own.",
		controls:    []string{"AC-6", "IA-5", "SC-17"},
		may:         "approve certificates for any group by the signer legacy-unknown",
		clauses:     [][]ask{{{group: certificatesGroup, resources: []string{"signers"}, verbs: []string{"approve", "sign"}, names: []string{"kubernetes.io/legacy-unknown", "kubernetes.io/*"}}}},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write", "rbac-csr-approve", "rbac-csr-sign"},
	},
	{
		id: "rbac-trust-bundle", title: "Right to change the roots of trust of Pods",
		doc: `A ClusterTrustBundle holds the certificate authorities that Pods mount to verify others by. The verb attest on its signer
and a right to write the object let its holder add one of their own.

Before:

    rules:
    - {apiGroups: [certificates.k8s.io], resources: [clustertrustbundles], verbs: [create, update]}
    - {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [attest]}

After: the signer whose roots the subject publishes.

    - {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [attest], resourceNames: [example.com/mesh]}`,
		remediation: "List the signer in resourceNames.",
		controls:    []string{"AC-6", "SC-17"},
		may:         "change the roots of trust of Pods",
		clauses: [][]ask{
			{{group: certificatesGroup, resources: []string{"clustertrustbundles"}, verbs: write}},
			{{group: certificatesGroup, resources: []string{"signers"}, verbs: []string{"attest"}}},
		},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write"},
	},
	{
		id: "rbac-bootstrap-token-write", title: "Right to make tokens with which nodes join",
		doc: `A Secret of type bootstrap.kubernetes.io/token in kube-system is a credential: whoever has it registers a node, gets a
certificate for it and receives Pods with their Secrets.

Before:

    kind: Role
    metadata: {name: installer, namespace: kube-system}
    rules: [{apiGroups: [""], resources: [secrets], verbs: [create]}]

After: a namespace of its own for the installer's Secrets.`,
		remediation: "Let the subject write its Secrets in a namespace of its own, by name where they exist.",
		claims:      []string{"1a", "5a"}, controls: []string{"AC-6", "IA-3", "IA-5"},
		may:     "make tokens with which nodes join",
		clauses: [][]ask{{{group: "", resources: []string{"secrets"}, verbs: []string{"create"}}}},
		in:      []string{"kube-system"},
		cluster: nist190.SeverityMedium, local: nist190.SeverityMedium, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-token-secret-mint"},
	},
	{
		id: "rbac-service-account-write", title: "Right to change service accounts of all namespaces",
		doc: `On EKS, GKE and AKS an annotation of a service account says which identity of the cloud its Pods have. Whoever can create
or change service accounts gives a Pod of theirs any identity whose trust policy names the account, and any image pull
Secret.

Before:

    rules: [{apiGroups: [""], resources: [serviceaccounts], verbs: [create, update, patch]}]

After: the namespaces of the application.

    kind: Role
    rules: [{apiGroups: [""], resources: [serviceaccounts], verbs: [create, update, patch]}]`,
		remediation: "Bind the role in the namespaces that the subject manages, and name namespace and account exactly in the cloud's trust policies.",
		controls:    []string{"AC-6", "IA-5"},
		may:         "change service accounts",
		clauses:     [][]ask{{{group: "", resources: []string{"serviceaccounts"}, verbs: write}}},
		cluster:     nist190.SeverityLow,
		saidBy:      []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-impersonate-service-accounts", "rbac-token-request", "rbac-token-secret-mint", "rbac-workload-write"},
	},
	{
		id: "rbac-pod-logs", title: "Right to read the logs of every Pod",
		doc: `A role allows to read the logs of every Pod of the cluster. Logs hold personal data, and tokens of software that prints
them.

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [""], resources: [pods/log], verbs: [get]}]

After: a RoleBinding in the namespaces of the team.`,
		remediation: "Bind the role in the namespaces whose logs the subject may see.",
		claims:      []string{"1a", "1d"},
		may:         "read the logs of every Pod",
		clauses:     [][]ask{{{group: "", resources: []string{"pods/log"}, verbs: []string{"get"}}}},
		cluster:     nist190.SeverityLow,
		saidBy:      []string{"rbac-core-admin", "rbac-wildcard-read", "rbac-wildcard", "rbac-workload-write", "rbac-pod-exec"},
	},
}
