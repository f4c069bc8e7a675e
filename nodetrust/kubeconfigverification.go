package nodetrust

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/inventory"
)

var kubeconfigVerification = nist190.Metadata{
	ID: "nodetrust-kubeconfig-verification", Title: "Kubeconfig that does not verify the API server",
	Doc: `A kubeconfig of a node or a person skips the verification of the API server, or reaches it without TLS. Who answers in its
place gets the token or takes over the session, and gives a node any pod to run.

Before:

    clusters: [{name: shop, cluster: {server: "https://10.0.0.1:6443", insecure-skip-tls-verify: true}}]

After:

    clusters: [{name: shop, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: LS0tLS1CRUdJTi...}}]`,
	Claims: nist190.Claims("5f", "5i"), Controls: []string{"SC-8", "IA-9", "AC-17"}, Severity: nist190.SeverityHigh,
	Remediation: "Give the cluster's CA in certificate-authority-data, and an https address.",
	// Each file answers for itself, and manifests seldom hold any.
	Needs:  []inventory.Need{{Kind: "Config", Resource: "configs", Bias: inventory.Alternative}},
	Limits: "Kubeconfigs of webhooks are nodetrust-webhook-kubeconfig's. Those on machines that were not given, and an --insecure-skip-tls-verify on a command line, are not seen.",
}

func checkKubeconfigs(e *nist190.Eval, v *controlplane.View) {
	hooks := map[*inventory.Object]bool{}
	api := v.APIServer()
	for _, hook := range [...]controlplane.Value[*config.Kubeconfig]{api.TokenWebhookKubeconfig(), api.AuthorizationWebhookKubeconfig(), api.AuditWebhookKubeconfig()} {
		for _, a := range hook.Replicas {
			for _, p := range a.Places {
				hooks[p.Object] = true
			}
		}
	}
	found := false
	for o := range e.Inventory.ByKind(kubeconfigKind) {
		var k config.Kubeconfig
		if hooks[o] || json.Unmarshal(o.JSON(), &k) != nil {
			continue
		}
		for i, c := range k.Clusters {
			found = true
			out := nist190.Outcome{Status: nist190.Pass, Subject: o.Ref(), Key: c.Name, Evidence: []nist190.Evidence{nist190.At(o, "clusters", i, "cluster")}}
			switch {
			case c.Cluster.InsecureSkipTLSVerify:
				out.Status, out.Message = nist190.Fail, fmt.Sprintf("the API server of cluster %q is not verified", c.Name)
				out.Evidence = []nist190.Evidence{nist190.At(o, "clusters", i, "cluster", "insecure-skip-tls-verify")}
			case strings.HasPrefix(c.Cluster.Server, "http://"):
				out.Status, out.Message = nist190.Fail, fmt.Sprintf("the API server of cluster %q is reached without TLS", c.Name)
				out.Evidence = []nist190.Evidence{nist190.At(o, "clusters", i, "cluster", "server")}
			}
			e.Report(out)
		}
	}
	if !found {
		// That a node knows its cluster from the start is nodetrust-join-verification's to say.
		e.NotApplicable(inventory.Cluster, "no kubeconfig of a node or a person was given")
	}
}
