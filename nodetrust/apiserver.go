package nodetrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

const insecureRequests = "AllowInsecureKubeletCertificateSigningRequests"

func apiServerChecks() []nist190.Check {
	return []nist190.Check{
		onCluster(nodeAuthorizer, func(v *controlplane.View) controlplane.Value[bool] { return v.APIServer().AuthorizationMode("Node") },
			func(on bool) string {
				return said(!on, "the API server has no Node authorizer")
			}),
		onCluster(nodeRestriction, func(v *controlplane.View) controlplane.Value[bool] {
			return v.APIServer().AdmissionPlugin("NodeRestriction")
		}, func(on bool) string { return said(!on, "the admission plugin NodeRestriction is off") }),
		asking(csrGate, checkCSRGate),
		onCluster(apiServerKubeletCA, func(v *controlplane.View) controlplane.Value[controlplane.Client] {
			return v.APIServer().KubeletClient()
		},
			func(c controlplane.Client) string {
				return said(c.CAFile == "", "the API server does not verify the certificates of kubelets")
			}),
		onCluster(apiServerKubeletClient, func(v *controlplane.View) controlplane.Value[controlplane.Client] {
			return v.APIServer().KubeletClient()
		},
			func(c controlplane.Client) string {
				return said(c.CertFile == "" || c.KeyFile == "", "the API server shows kubelets no certificate")
			}),
		onCluster(apiServerEtcd, func(v *controlplane.View) controlplane.Value[controlplane.Client] { return v.APIServer().Etcd() }, weakEtcdClient),
		onCluster(apiServerTLS, func(v *controlplane.View) controlplane.Value[controlplane.TLS] { return v.APIServer().TLS() },
			func(t controlplane.TLS) string {
				if t.CertFile == "" || t.KeyFile == "" {
					return "the API server serves with a certificate that it signed itself"
				}
				return weakTLS("the API server", t.MinVersion, t.CipherSuites)
			}),
	}
}

// onCluster is a check of one answer of one component.
func onCluster[T any](md nist190.Metadata, ask func(*controlplane.View) controlplane.Value[T], wrong judge.Rule[T]) nist190.Check {
	return asking(md, func(e *nist190.Eval, v *controlplane.View) { judge.Report(e, inventory.Cluster, "", ask(v), wrong) })
}

func weakEtcdClient(c controlplane.Client) string {
	plain := slices.DeleteFunc(slices.Clone(c.Servers), func(s string) bool {
		return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "unix")
	})
	switch {
	case len(plain) > 0:
		return "the API server talks to etcd without TLS"
	case c.CAFile == "":
		return "the API server verifies etcd against the CAs of its host, and not against etcd's own"
	case c.CertFile == "" || c.KeyFile == "":
		return "the API server shows etcd no certificate"
	}
	return ""
}

// checkCSRGate: before 1.31 there was no gate, and nothing compared what a kubelet asks for with who it is.
func checkCSRGate(e *nist190.Eval, v *controlplane.View) {
	if !v.Visible(process.KubeAPIServer) {
		if _, managed := v.Managed(); !managed {
			judge.Report(e, inventory.Cluster, "", v.APIServer().FeatureGate(insecureRequests), func(bool) string { return "" })
			return
		}
	}
	at := v.Version()
	if at.OK() && !at.Value.AtLeast(1, 31) {
		out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster,
			Message: fmt.Sprintf("Kubernetes %s does not compare the certificate that a kubelet asks for with its name", at.Value)}
		judge.Rest(&out, at.Basis)
		e.Report(out)
		return
	}
	judge.Report(e, inventory.Cluster, "", v.APIServer().FeatureGate(insecureRequests), func(on bool) string {
		return said(on, "the feature gate "+insecureRequests+" is on: kubelets may ask for certificates of other names")
	})
}

var nodeAuthorizer = nist190.Metadata{
	ID: "nodetrust-node-authorizer", Title: "Nodes without the Node authorizer",
	Doc: `The API server has no authorizer of type Node. It is what keeps the rights of a kubelet to the pods of its own node: to
their Secrets, ConfigMaps, volumes and tokens. Without it kubelets have rights by RBAC, which knows no such bounds, and one
lost node reads the Secrets of all.

Both ways to configure authorizers count, flags and the file of --authorization-config; where neither is seen, the counters
of a running API server. Neither turns it on by default; kubeadm and managed clusters do.

Before:

    --authorization-mode=RBAC

After:

    --authorization-mode=Node,RBAC`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-3", "AC-6"}, CIS: []string{"1.2.7"}, Severity: nist190.SeverityHigh,
	Remediation: "Add Node to --authorization-mode in front of RBAC, or an authorizer of type Node to the AuthorizationConfiguration; then remove bindings of system:nodes.",
}

var nodeRestriction = nist190.Metadata{
	ID: "nodetrust-node-restriction", Title: "Nodes that may change other nodes",
	Doc: `The admission plugin NodeRestriction is off. It lets a kubelet change its own Node and the pods bound to it, and nothing
else: without it one lost node relabels and taints others, draws pods to itself, and asks for tokens of pods that it does
not run.

It is off by default, and kubeadm turns it on. What counts is the list of plugins that are on, less those that are off; on
clusters whose flags nobody sees, the metrics of the API server prove it.

Before:

    --enable-admission-plugins=AlwaysPullImages

After:

    --enable-admission-plugins=AlwaysPullImages,NodeRestriction`,
	Claims: nist190.Claims("5b", "5d"), Controls: []string{"AC-3", "IA-3"}, CIS: []string{"1.2.14"}, Severity: nist190.SeverityHigh,
	Remediation: "Add NodeRestriction to --enable-admission-plugins and take it out of --disable-admission-plugins.",
}

var csrGate = nist190.Metadata{
	ID: "nodetrust-csr-gate", Title: "Kubelets that may ask for certificates of other names",
	Doc: `Since Kubernetes 1.31 NodeRestriction refuses a request for a kubelet's certificate whose common name is not that of the
node that asks. Before, and where the feature gate AllowInsecureKubeletCertificateSigningRequests is on, one lost node asks
for the certificate of another.

Before:

    --feature-gates=AllowInsecureKubeletCertificateSigningRequests=true

After: no such gate.`,
	Claims: nist190.Claims("5a", "5b"), Controls: []string{"IA-3", "SC-17"}, Severity: nist190.SeverityHigh,
	Remediation: "Remove the feature gate; upgrade to Kubernetes 1.31 or newer.",
}

var apiServerKubeletCA = nist190.Metadata{
	ID: "nodetrust-api-server-kubelet-ca", Title: "API server that does not verify kubelets",
	Doc: `Without --kubelet-certificate-authority the API server takes any certificate that a kubelet shows. Who answers at the
address of a node gets what is sent to it: commands and their input, and the API server's requests for logs.

Neither Kubernetes nor kubeadm sets the flag. It asks for serving certificates of the cluster's CA on every node first.

Before:

    --kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt

After:

    --kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt`,
	Claims:   []nist190.Claim{{Sentence: "5f", Conclusive: true}},
	Controls: []string{"SC-8(1)", "SC-17"}, CIS: []string{"1.2.5"}, Severity: nist190.SeverityMedium,
	Remediation: "Give every kubelet a serving certificate of the cluster's CA (serverTLSBootstrap), then set --kubelet-certificate-authority to that CA.",
}

var apiServerKubeletClient = nist190.Metadata{
	ID: "nodetrust-api-server-kubelet-client", Title: "API server that does not prove itself to kubelets",
	Doc: `The API server has no client certificate for kubelets. It reaches them as an anonymous caller, so that kubelets either take
anonymous requests or refuse its own.

Before:

    kube-apiserver

After:

    --kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt
    --kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key`,
	Claims: nist190.Claims("5f"), Controls: []string{"IA-9"}, CIS: []string{"1.2.4"}, Severity: nist190.SeverityHigh,
	Remediation: "Set --kubelet-client-certificate and --kubelet-client-key.",
}

var apiServerEtcd = nist190.Metadata{
	ID: "nodetrust-api-server-etcd", Title: "API server that reaches etcd without mutual TLS",
	Doc: `The API server talks to etcd without TLS, does not verify it by a CA of its own, or shows it no certificate. Everything
that the cluster knows passes on this connection, Secrets included.

Before:

    --etcd-servers=http://10.0.0.1:2379

After:

    --etcd-servers=https://10.0.0.1:2379
    --etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt
    --etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt
    --etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key`,
	Claims:   []nist190.Claim{{Sentence: "5f", Conclusive: true}, {Sentence: "5g"}},
	Controls: []string{"SC-8", "SC-8(1)", "IA-9"}, CIS: []string{"1.2.23", "1.2.26"}, Severity: nist190.SeverityHigh,
	Remediation: "Serve etcd by https and set --etcd-cafile, --etcd-certfile and --etcd-keyfile.",
}

var apiServerTLS = nist190.Metadata{
	ID: "nodetrust-api-server-tls", Title: "API server with a certificate of its own making or weak TLS",
	Doc: `The API server serves with a certificate that it signed itself, accepts TLS older than 1.2, or offers suites that Go calls
insecure. Nodes, administrators and pods then cannot know whom they talk to, or others can read along.

Before:

    --tls-min-version=VersionTLS10

After:

    --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
    --tls-private-key-file=/etc/kubernetes/pki/apiserver.key`,
	Claims: nist190.Claims("5f", "5g", "5i"), Controls: []string{"SC-8", "SC-13"}, CIS: []string{"1.2.24", "1.2.29"}, Severity: nist190.SeverityMedium,
	Remediation: "Set --tls-cert-file and --tls-private-key-file, and leave --tls-min-version and --tls-cipher-suites out or set them to VersionTLS12 and strong suites.",
}
