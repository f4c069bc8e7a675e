package nodetrust

import (
	"fmt"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

// mostLife of a certificate is that which the controller manager takes by default.
const mostLife = 8760 * time.Hour

func controllerChecks() []nist190.Check {
	return []nist190.Check{
		onCluster(certificateLifetime, func(v *controlplane.View) controlplane.Value[controlplane.Signing] {
			return v.ControllerManager().Signing()
		},
			func(s controlplane.Signing) string {
				return said(s.Duration > mostLife, fmt.Sprintf("the controller manager signs certificates for up to %d days", int(s.Duration.Hours()/24)))
			}),
		onCluster(controllerCredentials, func(v *controlplane.View) controlplane.Value[bool] {
			return v.ControllerManager().UseServiceAccountCredentials()
		}, func(on bool) string {
			return said(!on, "all controllers act with the one identity of the controller manager")
		}),
		onCluster(controllerRootCA, func(v *controlplane.View) controlplane.Value[string] { return v.ControllerManager().RootCAFile() },
			func(file string) string {
				return said(file == "", "the controller manager has no CA of the API server to give to pods")
			}),
		asking(controlPlaneListens, func(e *nist190.Eval, v *controlplane.View) {
			judge.Report(e, inventory.Cluster, "kube-controller-manager", v.ControllerManager().TLS(), listens("kube-controller-manager"))
			judge.Report(e, inventory.Cluster, "kube-scheduler", v.Scheduler().TLS(), listens("kube-scheduler"))
		}),
	}
}

func listens(who string) judge.Rule[controlplane.TLS] {
	return func(t controlplane.TLS) string {
		switch {
		case isLoopback(t.BindAddress) || t.Port == 0:
			return ""
		case t.CertFile == "" || t.KeyFile == "":
			return fmt.Sprintf("%s listens on %s with a certificate that it signed itself", who, t.BindAddress)
		}
		return weakTLS(who, t.MinVersion, t.CipherSuites)
	}
}

var certificateLifetime = nist190.Metadata{
	ID: "nodetrust-certificate-lifetime", Title: "Certificates of nodes that live longer than a year",
	Doc: `The controller manager signs certificates of nodes and clients for more than a year. Kubernetes cannot withdraw a
certificate: who steals one from a node has the node's identity until it ends.

The default is a year, and kubelets that rotate ask for a new one before.

Before:

    --cluster-signing-duration=87600h

After:

    --cluster-signing-duration=720h`,
	Claims: nist190.Claims("5a", "5b"), Controls: []string{"SC-12", "SC-17"}, Severity: nist190.SeverityMedium,
	Remediation: "Remove --cluster-signing-duration or lower it, with rotateCertificates on every kubelet.",
}

var controllerCredentials = nist190.Metadata{
	ID: "nodetrust-controller-credentials", Title: "Controllers that share one identity",
	Doc: `Controllers of the controller manager do not act as service accounts of their own. All of them then need what each of them
does, and the audit log cannot tell them apart.

Off by default; kubeadm turns it on.

Before:

    --use-service-account-credentials=false

After:

    --use-service-account-credentials=true`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-6", "IA-9"}, CIS: []string{"1.3.3"}, Severity: nist190.SeverityMedium,
	Remediation: "Set --use-service-account-credentials=true.",
}

var controllerRootCA = nist190.Metadata{
	ID: "nodetrust-root-ca", Title: "Pods that are given no CA of the API server",
	Doc: `The controller manager has no --root-ca-file. Pods then get no CA to verify the API server by, and who answers in its place
gets their tokens.

Before:

    kube-controller-manager

After:

    --root-ca-file=/etc/kubernetes/pki/ca.crt`,
	Claims: nist190.Claims("5f"), Controls: []string{"SC-8", "SC-17"}, CIS: []string{"1.3.5"}, Severity: nist190.SeverityMedium,
	Remediation: "Set --root-ca-file to the CA that signed the API server's serving certificate.",
}

var controlPlaneListens = nist190.Metadata{
	ID: "nodetrust-control-plane-listens", Title: "Controller manager or scheduler that serves beyond its host unverified",
	Doc: `The controller manager or the scheduler listens on other addresses than that of its host, with a certificate that it signed
itself or with weak TLS. Who scrapes their metrics there sends a token to whoever answers.

By default both listen on every address; kubeadm binds them to 127.0.0.1.

Before:

    --bind-address=0.0.0.0

After:

    --bind-address=127.0.0.1`,
	Claims: nist190.Claims("5f", "5h"), Controls: []string{"SC-8", "CM-7"}, CIS: []string{"1.3.7", "1.4.2"}, Severity: nist190.SeverityLow,
	Remediation: "Bind them to 127.0.0.1, or give them a certificate of the cluster's CA (--tls-cert-file, --tls-private-key-file).",
}
