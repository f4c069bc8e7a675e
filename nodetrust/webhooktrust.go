package nodetrust

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

func webhookTrustChecks() []nist190.Check {
	return []nist190.Check{CalledServers(), asking(webhookKubeconfig, checkWebhookKubeconfigs)}
}

var (
	apiServiceKind = schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}
	crdKind        = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	mutatingKind   = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}
	validatingKind = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}
)

var calledServers = nist190.Metadata{
	ID: "nodetrust-called-servers", Title: "Server that the API server calls without verifying it", Risk: nist190.NodeTrust,
	Doc: `The API server hands requests to servers within the cluster: to aggregated APIs, admission webhooks and conversion webhooks.
An APIService that skips verification lets whoever answers at the Service's address read the requests, with the user and
groups in their headers, and answer them.

A webhook of a Service without a CA bundle is called with the CAs of the API server's host, none of which vouches for a
Service: every call fails, and where failures are ignored nothing is admitted by it and nobody notices. In a manifest the
bundle may be filled in later, by an annotation for cert-manager or by the operator itself; that is not assessed.

Before:

    kind: APIService
    spec: {insecureSkipTLSVerify: true}

After:

    kind: APIService
    spec: {caBundle: LS0tLS1CRUdJTi...}`,
	Claims: nist190.Claims("5f"), Controls: []string{"SC-8", "SC-17"}, Severity: nist190.SeverityMedium,
	Remediation: "Give the CA that signed the server's certificate in caBundle; cert-manager's cainjector fills it in by annotation. For metrics-server set --tls-cert-file, or let its chart do so.",
	Subjects:    []schema.GroupKind{apiServiceKind, crdKind, mutatingKind, validatingKind},
	// Each object answers for itself.
	Needs: []inventory.Need{
		{Group: apiServiceKind.Group, Kind: apiServiceKind.Kind, Resource: "apiservices", Bias: inventory.Incriminating},
		{Group: crdKind.Group, Kind: crdKind.Kind, Resource: "customresourcedefinitions", Bias: inventory.Incriminating},
		inventory.NeedOf[admissionregistrationv1.MutatingWebhookConfiguration](inventory.Incriminating),
		inventory.NeedOf[admissionregistrationv1.ValidatingWebhookConfiguration](inventory.Incriminating),
	},
	Since:  "v0.1.0",
	Limits: "Whether the certificate behind a bundle is the server's own is not tried.",
}

// CalledServers judges how the API server verifies the servers that it calls.
func CalledServers() nist190.Check { return nist190.NewCheck(calledServers, checkCalledServers) }

// called is how a server is reached (admissionregistration/v1 WebhookClientConfig, and its twins).
type called struct {
	URL      *string
	CABundle string
	Service  *struct{ Namespace, Name string }
}

func checkCalledServers(ctx context.Context, e *nist190.Eval) error {
	for o := range e.Inventory.ByKind(apiServiceKind) {
		var x struct {
			Spec struct {
				called
				InsecureSkipTLSVerify bool
			}
		}
		if json.Unmarshal(o.JSON(), &x) != nil || x.Spec.Service == nil {
			continue // served by the API server itself
		}
		if x.Spec.InsecureSkipTLSVerify {
			e.Fail(o.Ref(), "", fmt.Sprintf("the API server does not verify the Service %q that it hands requests to", x.Spec.Service.Namespace+"/"+x.Spec.Service.Name),
				nist190.At(o, "spec", "insecureSkipTLSVerify"))
			continue
		}
		judgeCalled(e, o, "", x.Spec.called, false, "spec")
	}
	for o := range e.Inventory.ByKind(crdKind) {
		var x struct {
			Spec struct {
				Conversion struct {
					Webhook struct{ ClientConfig *called }
				}
			}
		}
		if json.Unmarshal(o.JSON(), &x) != nil || x.Spec.Conversion.Webhook.ClientConfig == nil {
			continue
		}
		judgeCalled(e, o, "", *x.Spec.Conversion.Webhook.ClientConfig, false, "spec", "conversion", "webhook", "clientConfig")
	}
	for _, gk := range [...]schema.GroupKind{mutatingKind, validatingKind} {
		for o := range e.Inventory.ByKind(gk) {
			var x struct {
				Webhooks []struct {
					Name          string
					FailurePolicy string
					ClientConfig  called
				}
			}
			if json.Unmarshal(o.JSON(), &x) != nil {
				continue
			}
			for i, w := range x.Webhooks {
				judgeCalled(e, o, w.Name, w.ClientConfig, w.FailurePolicy == "Ignore", "webhooks", i, "clientConfig")
			}
		}
	}
	return ctx.Err()
}

// injectors are annotations by which a controller fills in the bundle, by their prefix.
var injectors = []string{"cert-manager.io/inject-", "certmanager.k8s.io/inject-", "service.beta.openshift.io/inject-cabundle", "istio.io/", "operator.tekton.dev/"}

func judgeCalled(e *nist190.Eval, o *inventory.Object, key string, c called, ignored bool, path ...any) {
	out := nist190.Outcome{Status: nist190.Pass, Subject: o.Ref(), Key: key, Evidence: []nist190.Evidence{nist190.At(o, path...)}}
	switch {
	case c.URL != nil && !strings.HasPrefix(*c.URL, "https://"):
		out.Status, out.Message = nist190.NotApplicable, "the API server refuses a URL without TLS"
	case c.CABundle != "" || c.Service == nil:
	case injected(o), o.Strength() < inventory.Observed:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = "the CA that the server is verified by is filled in later: the object in the cluster has it"
	default:
		out.Status, out.Severity = nist190.Fail, nist190.SeverityLow
		out.Message = fmt.Sprintf("the Service %q is called without a CA bundle, and every call fails", c.Service.Namespace+"/"+c.Service.Name)
		if ignored {
			out.Severity, out.Message = nist190.SeverityMedium, out.Message+"; failures are ignored"
		}
	}
	e.Report(out)
}

func injected(o *inventory.Object) bool {
	for k := range o.Annotations() {
		for _, prefix := range injectors {
			if strings.HasPrefix(k, prefix) {
				return true
			}
		}
	}
	return false
}

var webhookKubeconfig = nist190.Metadata{
	ID: "nodetrust-webhook-kubeconfig", Title: "Server of tokens, rights or audit events that is not verified",
	Doc: `The API server asks another server who somebody is or what he may do, or sends it the audit log, and does not verify it.
Who answers in its place decides who is an administrator, or reads every request.

The file of --authentication-token-webhook-config-file, --authorization-webhook-config-file or
--audit-webhook-config-file skips verification or has a URL without TLS.

Before:

    clusters: [{name: authn, cluster: {server: "https://authn.example.com", insecure-skip-tls-verify: true}}]

After:

    clusters: [{name: authn, cluster: {server: "https://authn.example.com", certificate-authority: /etc/authn/ca.crt}}]`,
	Claims: nist190.Claims("5f"), Controls: []string{"SC-8", "IA-9"}, Severity: nist190.SeverityHigh,
	Remediation: "Give the server's CA in certificate-authority, and an https URL.",
	Limits:      "Webhooks of an AuthorizationConfiguration name files of their own, which are not followed.",
}

func checkWebhookKubeconfigs(e *nist190.Eval, v *controlplane.View) {
	api := v.APIServer()
	if !v.Visible(process.KubeAPIServer) {
		e.Report(judge.NotAssessed(inventory.Cluster, "", api.AuditWebhookKubeconfig().Basis))
		return
	}
	for _, hook := range [...]struct {
		key, what string
		value     controlplane.Value[*config.Kubeconfig]
	}{
		{"authentication", "the server that tells who a token belongs to", api.TokenWebhookKubeconfig()},
		{"authorization", "the server that authorizes", api.AuthorizationWebhookKubeconfig()},
		{"audit", "the server that audit events are sent to", api.AuditWebhookKubeconfig()},
	} {
		if none := hook.value.Find(func(k *config.Kubeconfig) bool { return k != nil }); hook.value.OK() && len(none) == 0 {
			continue
		}
		judge.Report(e, inventory.Cluster, hook.key, hook.value, func(k *config.Kubeconfig) string {
			if k == nil {
				return ""
			}
			c, ok := currentCluster(k)
			switch {
			case !ok:
				return ""
			case strings.HasPrefix(c.Server, "http://"):
				return hook.what + " is reached without TLS"
			case c.InsecureSkipTLSVerify:
				return hook.what + " is not verified"
			}
			return ""
		})
	}
}

// currentCluster is the cluster of the current context, else the only one.
func currentCluster(k *config.Kubeconfig) (config.Cluster, bool) {
	name := ""
	for _, c := range k.Contexts {
		if c.Name == k.CurrentContext {
			name = c.Context.Cluster
		}
	}
	for _, c := range k.Clusters {
		if c.Name == name || name == "" && len(k.Clusters) == 1 {
			return c.Cluster, true
		}
	}
	return config.Cluster{}, false
}
