package nodetrust

import (
	"strconv"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
)

// kubeletLimits is what the evidence of kubelets leaves open.
const kubeletLimits = `What a kubelet runs with is known of the nodes whose configuration or /configz was given, and of those
that an installer's configuration speaks for. A file that was changed on a node after it was installed is not seen.`

func kubeletChecks() []nist190.Check {
	return []nist190.Check{
		onKubelets(kubeletAnonymous, controlplane.Kubelet.AnonymousAuth, func(on bool) string {
			return said(on, "the kubelet takes requests without credentials")
		}),
		onKubelets(kubeletAuthorization, controlplane.Kubelet.AuthorizationMode, func(mode string) string {
			return said(mode != "Webhook", "the kubelet authorizes with mode "+strconv.Quote(mode)+": whoever it knows may do everything")
		}),
		onKubelets(kubeletClientCA, controlplane.Kubelet.ClientCAFile, func(file string) string {
			return said(file == "", "the kubelet has no CA for client certificates, and cannot tell the API server from others")
		}),
		onKubelets(kubeletReadOnlyPort, controlplane.Kubelet.ReadOnlyPort, func(port int) string {
			return said(port != 0, "the kubelet serves pods and metrics without authentication on port "+strconv.Itoa(port))
		}),
		onKubelets(kubeletRotation, controlplane.Kubelet.RotateCertificates, func(on bool) string {
			return said(!on, "the kubelet does not renew its client certificate")
		}),
		onKubelets(kubeletServingCertificate, controlplane.Kubelet.Serving, func(s controlplane.KubeletServing) string {
			return said(s.SelfSigned(), "the kubelet serves with a certificate that it signed itself")
		}),
		onKubelets(kubeletTLS, controlplane.Kubelet.Serving, func(s controlplane.KubeletServing) string {
			return weakTLS("the kubelet", s.MinVersion, s.CipherSuites)
		}),
		onKubelets(kubeletStaticPodURL, controlplane.Kubelet.StaticPodURL, func(url string) string {
			return said(url != "" && !strings.HasPrefix(url, "https://"), "the kubelet runs the pods that it fetches without TLS from a URL")
		}),
		onKubelets(kubeletStreamingTimeout, controlplane.Kubelet.StreamingIdleTimeout, func(d time.Duration) string {
			return said(d == 0, "idle sessions of exec, attach and port-forward never end")
		}),
	}
}

// said is the text where something is wrong.
func said(wrong bool, text string) string {
	if wrong {
		return text
	}
	return ""
}

func onKubelets[T any](md nist190.Metadata, ask func(controlplane.Kubelet) controlplane.Value[T], wrong judge.Rule[T]) nist190.Check {
	md.Limits = strings.TrimSpace(kubeletLimits + " " + md.Limits)
	return asking(md, func(e *nist190.Eval, v *controlplane.View) { judge.ReportKubelets(e, v, ask, wrong) })
}

var kubeletAnonymous = nist190.Metadata{
	ID: "nodetrust-kubelet-anonymous", Title: "Kubelet that takes anonymous requests",
	Doc: `A kubelet takes requests without credentials as those of system:anonymous. With authorization by AlwaysAllow they run
commands in every container of the node; with Webhook they may do what RBAC gives the anonymous.

What counts is the effective value. A kubelet with a configuration file refuses anonymous requests by default; one that is
started by flags alone takes them (cmd/kubelet/app/options).

Before:

    authentication: {anonymous: {enabled: true}}

After:

    authentication: {anonymous: {enabled: false}}`,
	Claims: nist190.Claims("5d", "5f"), Controls: []string{"AC-14", "IA-9"}, CIS: []string{"4.2.1"}, Severity: nist190.SeverityHigh,
	Remediation: "Set authentication.anonymous.enabled to false in the KubeletConfiguration, or --anonymous-auth=false, and restart the kubelet.",
}

var kubeletAuthorization = nist190.Metadata{
	ID: "nodetrust-kubelet-authorization", Title: "Kubelet that allows everything to whom it knows",
	Doc: `A kubelet does not ask the API server what a caller may do. Whoever has any certificate of the cluster's CA, and with
anonymous authentication anybody, runs commands in every container of the node.

A kubelet with a configuration file asks by default; one that is started by flags alone allows everything.

Before:

    authorization: {mode: AlwaysAllow}

After:

    authorization: {mode: Webhook}`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-3"}, CIS: []string{"4.2.2"}, Severity: nist190.SeverityCritical,
	Remediation: "Set authorization.mode to Webhook, or --authorization-mode=Webhook, and restart the kubelet.",
}

var kubeletClientCA = nist190.Metadata{
	ID: "nodetrust-kubelet-client-ca", Title: "Kubelet that cannot tell the API server from others",
	Doc: `A kubelet has no CA for client certificates. The API server proves itself to kubelets with a certificate; without the CA
the kubelet cannot verify it, and the connection is authenticated from one side at most.

The field is empty by default; installers such as kubeadm set it.

Before:

    authentication: {x509: {}}

After:

    authentication: {x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}`,
	Claims: nist190.Claims("5f"), Controls: []string{"IA-9", "SC-8"}, CIS: []string{"4.2.3"}, Severity: nist190.SeverityHigh,
	Remediation: "Set authentication.x509.clientCAFile to the CA that signs the API server's client certificate.",
}

var kubeletReadOnlyPort = nist190.Metadata{
	ID: "nodetrust-kubelet-read-only-port", Title: "Kubelet with a port without authentication",
	Doc: `A kubelet serves its read-only port. Whoever reaches the node reads every pod of it with its environment, and its metrics,
without credentials and without TLS.

A kubelet with a configuration file has no such port by default; one that is started by flags alone has port 10255.

Before:

    readOnlyPort: 10255

After:

    readOnlyPort: 0`,
	Claims: nist190.Claims("5d", "5h"), Controls: []string{"CM-7"}, CIS: []string{"4.2.4"}, Severity: nist190.SeverityHigh,
	Remediation: "Set readOnlyPort to 0, or --read-only-port=0, and let scrapers use port 10250 with a token.",
}

var kubeletRotation = nist190.Metadata{
	ID: "nodetrust-kubelet-rotation", Title: "Kubelet whose identity ends without a successor",
	Doc: `A kubelet does not renew its client certificate before it ends. SP 800-190 asks for a persistent identity throughout a
node's lifecycle: without rotation the node drops out of the cluster on the day its certificate ends, or the certificate
is made to live for many years and a stolen one with it.

The field is false where nothing is said. Benchmarks that count its absence as compliant are wrong: only kubeadm and other
installers turn it on.

Before:

    kind: KubeletConfiguration

After:

    kind: KubeletConfiguration
    rotateCertificates: true`,
	Claims: nist190.Claims("5b"), Controls: []string{"IA-5(2)", "SC-12"}, CIS: []string{"4.2.10"}, Severity: nist190.SeverityMedium,
	Remediation: "Set rotateCertificates to true, and see that the controller manager approves and signs renewals.",
	Limits:      "A node whose certificates another program renews, as the AWS IAM authenticator's tokens make needless, is reported as well.",
}

var kubeletServingCertificate = nist190.Metadata{
	ID: "nodetrust-kubelet-serving-certificate", Title: "Kubelet that serves with a certificate nobody vouches for",
	Doc: `A kubelet signs its serving certificate itself. The API server, and whoever scrapes metrics, cannot know that it talks to
the node that it means: who answers at the node's address reads the logs, commands and tokens that are sent there.

That is the default, of kubeadm too. Two ways lead out of it: a certificate that an administrator gives, or one that the
kubelet asks the cluster for. The feature gate RotateKubeletServerCertificate, which is on since 1.12, does not by itself.

Before:

    kind: KubeletConfiguration

After:

    kind: KubeletConfiguration
    serverTLSBootstrap: true`,
	Claims:   []nist190.Claim{{Sentence: "5f", Conclusive: true}},
	Controls: []string{"SC-8(1)", "SC-17"}, CIS: []string{"4.2.9", "4.2.11"}, Severity: nist190.SeverityMedium,
	Remediation: `Set serverTLSBootstrap to true and run an approver of kubelet-serving requests that compares names and addresses with
the node, then give the API server --kubelet-certificate-authority.`,
}

var kubeletTLS = nist190.Metadata{
	ID: "nodetrust-kubelet-tls", Title: "Kubelet that accepts weak TLS",
	Doc: `A kubelet accepts TLS older than 1.2, or offers suites that Go calls insecure (crypto/tls InsecureCipherSuites).

Where nothing is said, Go's defaults count: TLS 1.2 and no weak suite. The suites of TLS 1.3 cannot be chosen; a list that
names them only is odd and not weak.

Before:

    tlsMinVersion: VersionTLS10

After:

    tlsMinVersion: VersionTLS12`,
	Claims: nist190.Claims("5g"), Controls: []string{"SC-8", "SC-13"}, CIS: []string{"4.2.12"}, Severity: nist190.SeverityLow,
	Remediation: "Remove tlsMinVersion and tlsCipherSuites, or set VersionTLS12 or newer and suites with ECDHE and GCM or ChaCha20.",
}

var kubeletStaticPodURL = nist190.Metadata{
	ID: "nodetrust-kubelet-static-pod-url", Title: "Kubelet that runs pods which it fetches without TLS",
	Doc: `A kubelet fetches static pods from a URL without TLS. Whoever stands between, or answers in its place, runs any pod on
the node with the rights of the node.

Before:

    staticPodURL: http://config.internal/pods

After:

    staticPodPath: /etc/kubernetes/manifests`,
	Claims: nist190.Claims("5d", "5h"), Controls: []string{"CM-7", "SC-8"}, Severity: nist190.SeverityHigh,
	Remediation: "Remove staticPodURL, or make it https and verify what is behind it.",
}

var kubeletStreamingTimeout = nist190.Metadata{
	ID: "nodetrust-kubelet-streaming-timeout", Title: "Kubelet whose idle sessions never end",
	Doc: `Sessions of exec, attach and port-forward that nobody uses stay open for as long as the node runs. The default is four
hours, and only the flag can turn it off.

Before:

    --streaming-connection-idle-timeout=0

After:

    streamingConnectionIdleTimeout: 4h0m0s`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-12", "SC-10"}, CIS: []string{"4.2.5"}, Severity: nist190.SeverityLow,
	Remediation: "Remove --streaming-connection-idle-timeout=0.",
}
