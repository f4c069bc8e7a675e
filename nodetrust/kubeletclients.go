package nodetrust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var kubeletClients = nist190.Metadata{
	ID: "nodetrust-kubelet-clients", Title: "Agent that does not verify the kubelets that it talks to", Risk: nist190.NodeTrust,
	Doc: `An agent asks kubelets for metrics and takes whatever certificate they show. It sends a token with every request, which whoever
answers at the address of a node then has; the token of metrics-server reads the metrics of every node, those of others more.

Manifests do so since kubelets sign their certificates themselves by default: serving certificates of the cluster's CA make
it needless.

Before:

    args: [--kubelet-insecure-tls]

After:

    args: [--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt]`,
	Claims: nist190.Claims("5f"), Controls: []string{"SC-8", "IA-9"}, Severity: nist190.SeverityLow,
	Remediation: "Give kubelets serving certificates of the cluster's CA (serverTLSBootstrap with an approver), and remove the switch.",
	Subjects:    inventory.WorkloadKinds(),
	Needs:       inventory.WorkloadNeeds(inventory.Incriminating),
	Since:       "v0.1.0",
	Limits:      "Known are metrics-server, the Datadog agent and the switches of their manifests. What the configuration of Prometheus or of a collector says is not read.",
}

// unverified are switches by which an agent does not verify kubelets: a flag, or a variable of the environment.
var unverified = []struct {
	image, flag, variable, value string
}{
	{image: "metrics-server", flag: "kubelet-insecure-tls"}, // sigs.k8s.io/metrics-server, cmd/metrics-server/app/options/kubelet_client.go
	{image: "agent", variable: "DD_KUBELET_TLS_VERIFY", value: "false"},
}

// KubeletClients finds agents that do not verify kubelets.
func KubeletClients() nist190.Check { return nist190.NewCheck(kubeletClients, checkKubeletClients) }

func checkKubeletClients(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		known := false
		var bad []nist190.Outcome
		for i := range w.Template.Spec.Containers {
			c := &w.Template.Spec.Containers[i]
			at := inventory.At{Object: w.Object, Path: w.TemplatePath}
			place, isAgent, ok := skipsKubelets(c)
			known = known || isAgent
			if ok {
				bad = append(bad, nist190.Outcome{Status: nist190.Fail, Subject: w.Ref(), Key: c.Name, Evidence: []nist190.Evidence{nist190.Place(at, append([]any{"spec", "containers", i}, place...)...)},
					Message: fmt.Sprintf("container %q does not verify the kubelets that it sends its token to", c.Name)})
			}
		}
		for _, o := range bad {
			e.Report(o)
		}
		if known && len(bad) == 0 {
			e.Pass(w.Ref(), nist190.At(w.Object, "metadata", "name"))
		}
	}
	return ctx.Err()
}

// skipsKubelets finds the switch in a container of a known agent.
func skipsKubelets(c *corev1.Container) (place []any, known, found bool) {
	path := "/" + inventory.ParseImage(c.Image).Path
	for _, u := range unverified {
		if !strings.HasSuffix(path, "/"+u.image) {
			continue
		}
		if u.variable != "" {
			for i, v := range c.Env {
				if v.Name == u.variable {
					known = true
					if strings.EqualFold(v.Value, u.value) {
						return []any{"env", i}, true, true
					}
				}
			}
			continue
		}
		known = true
		for _, list := range [...]string{"command", "args"} {
			words := c.Command
			if list == "args" {
				words = c.Args
			}
			if i := slices.IndexFunc(words, func(word string) bool {
				flag, value, valued := strings.Cut(strings.TrimLeft(word, "-"), "=")
				return word != flag && flag == u.flag && (!valued || value == "true")
			}); i >= 0 {
				return []any{list, i}, true, true
			}
		}
	}
	return nil, known, false
}
