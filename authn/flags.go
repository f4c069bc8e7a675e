package authn

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/inventory"
)

// flagChecks each ask the API server one thing.
func flagChecks() []nist190.Check {
	return []nist190.Check{
		ofControlPlane(staticToken, checkStaticToken), ofControlPlane(authorization, checkAuthorization), ofControlPlane(authorizerFailOpen, checkFailOpen),
		ofControlPlane(frontProxy, checkFrontProxy), ofControlPlane(tokenWebhook, checkTokenWebhook), ofControlPlane(tokenExtension, checkTokenExtension),
		ofControlPlane(tokenLookup, checkTokenLookup), ofControlPlane(tokenIssuer, checkTokenIssuer),
	}
}

var staticToken = nist190.Metadata{
	ID: "authn-static-credential", Title: "Static tokens or passwords in a file of the API server",
	Doc: `The API server takes tokens, or before Kubernetes 1.19 passwords, from a file.

They are stored in plain text on every control-plane node, never expire, and are only withdrawn by a restart. Nothing ties them to
a person who left.

Before:

    kube-apiserver --token-auth-file=/etc/kubernetes/tokens.csv

After: no such flag; people log in through an issuer of the AuthenticationConfiguration.`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5", "IA-5(1)"}, CIS: []string{"1.2.2"}, Severity: nist190.SeverityCritical,
	Remediation: `Give those who use a token of the file another way in, remove --token-auth-file and --basic-auth-file, and delete the file on every
control-plane node.`,
	Limits: "Who uses the file is not seen.",
}

func checkStaticToken(l *login) error {
	tokens := judge.Outcome(inventory.Cluster, "", l.api.TokenAuthFile(), func(file string) string {
		if file == "" {
			return ""
		}
		return fmt.Sprintf("static tokens of %q let in whoever has one, with the groups that the file says", file)
	})
	passwords := judge.Outcome(inventory.Cluster, "", l.api.BasicAuthFile(), func(file string) string {
		if file == "" {
			return ""
		}
		return fmt.Sprintf("static passwords of %q let in whoever has one", file)
	})
	if tokens.Status != nist190.Fail && passwords.Status == nist190.Fail {
		tokens = passwords
	}
	l.Report(l.honest(tokens))
	return nil
}

var authorization = nist190.Metadata{
	ID: "authn-authorization-mode", Title: "Authorization that allows everything, or without RBAC",
	Doc: `The API server authorizes every request, or decides by a file instead of RBAC.

Without --authorization-mode and --authorization-config it allows everything to everybody who is let in (the default of the binary,
not of installers). ABAC decides by a file that only a restart changes and that no review sees. On GKE, legacy ABAC lets every
service account administer the cluster. AuthorizationConfiguration (KEP-3221) is read as the flags are.

Before:

    kube-apiserver --authorization-mode=AlwaysAllow

After:

    kube-apiserver --authorization-mode=Node,RBAC`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-3", "AC-6"}, CIS: []string{"1.2.6", "1.2.8"}, Severity: nist190.SeverityCritical,
	Remediation: "Set --authorization-mode=Node,RBAC, or authorizers of these types in AuthorizationConfiguration. On GKE turn legacy authorization off.",
	Limits:      "What a webhook allows is not seen.",
}

func checkAuthorization(l *login) error {
	v := l.api.AuthorizationModes()
	if m, ok := l.view.Managed(); ok && !l.view.Visible(process.KubeAPIServer) {
		if c, one := m.Cluster(); one && c.Vendor == cloud.GKE {
			valued(l, "", c.LegacyABAC, func(on bool) string {
				if on {
					return "legacy ABAC is on: every service account administers the cluster"
				}
				return ""
			})
			return nil
		}
		out := judge.Outcome(inventory.Cluster, "", v, noProblem[[]string])
		if rbacOn := l.api.AuthorizationMode("RBAC"); rbacOn.OK() {
			out = judge.Outcome(inventory.Cluster, "", rbacOn, func(on bool) string {
				if on {
					return ""
				}
				return "RBAC does not decide"
			})
		}
		l.Report(l.honest(out))
		return nil
	}
	out := judge.Outcome(inventory.Cluster, "", v, func(modes []string) string {
		switch {
		case slices.Contains(modes, "AlwaysAllow"):
			return "every request is allowed"
		case slices.Contains(modes, "ABAC"):
			return "a file of ABAC decides beside what RBAC shows"
		case !slices.Contains(modes, "RBAC") && !slices.Contains(modes, "Webhook"):
			return fmt.Sprintf("RBAC does not decide; the modes are %s", strings.Join(modes, ", "))
		}
		return ""
	})
	if out.Status == nist190.Fail && !strings.HasPrefix(out.Message, "every") {
		out.Severity = nist190.SeverityHigh
	}
	l.Report(out)
	return nil
}

func noProblem[T any](T) string { return "" }

var authorizerFailOpen = nist190.Metadata{
	ID: "authn-authorizer-fail-open", Title: "Authorization webhook that is passed over when it cannot be reached",
	Doc: `A webhook decides before another authorizer, and where it cannot be reached the other one decides alone.

What the webhook would have denied is then allowed. A webhook of --authorization-mode always has no opinion when it fails;
AuthorizationConfiguration says it with failurePolicy. One that comes last only ever adds rights, and passes.

Before:

    authorizers: [{type: Webhook, name: guard, webhook: {failurePolicy: NoOpinion, ...}}, {type: RBAC, name: rbac}]

After:

    authorizers: [{type: Webhook, name: guard, webhook: {failurePolicy: Deny, ...}}, {type: RBAC, name: rbac}]`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-3"}, Severity: nist190.SeverityLow,
	Remediation: "Set failurePolicy: Deny for a webhook that is there to refuse, and run it in more than one replica; or put it last.",
	Limits:      "Whether the webhook ever denies is not seen.",
}

func checkFailOpen(l *login) error {
	judged(l, l.api.Authorizers(), func(list []controlplane.Authorizer) string {
		for i, a := range list {
			if a.Type != "Webhook" || i == len(list)-1 || a.Webhook != nil && a.Webhook.FailurePolicy == "Deny" {
				continue
			}
			if !slices.ContainsFunc(list[i+1:], func(b controlplane.Authorizer) bool { return b.Type != "AlwaysDeny" && b.Type != "Webhook" }) {
				continue
			}
			name := "the webhook"
			if a.Name != "" {
				name = fmt.Sprintf("the webhook %q", a.Name)
			}
			return name + " is passed over where it cannot be reached, and what comes after it allows by itself"
		}
		return ""
	})
	return nil
}

var frontProxy = nist190.Metadata{
	ID: "authn-front-proxy", Title: "Every client certificate can speak for any user",
	Doc: `Whoever has a certificate of the front proxy's CA names the user and groups in headers, and every client has one.

--requestheader-allowed-names limits who may do so. Where it is empty and the CA is that of client certificates, each kubelet,
controller and person with a certificate can be system:masters by a header. Since Kubernetes 1.37 the API server refuses to
start so.

Before:

    kube-apiserver --client-ca-file=ca.crt --requestheader-client-ca-file=ca.crt

After:

    kube-apiserver --client-ca-file=ca.crt --requestheader-client-ca-file=front-proxy-ca.crt --requestheader-allowed-names=front-proxy-client`,
	Claims: nist190.Claims("2a", "2b"), Controls: []string{"IA-9", "AC-6"}, Severity: nist190.SeverityHigh,
	Remediation: "Give the aggregation layer a CA of its own, and name its client in --requestheader-allowed-names.",
	Limits:      "Files are compared by their path: one CA under two names is not seen.",
}

func checkFrontProxy(l *login) error {
	judged(l, l.api.RequestHeader(), func(h *controlplane.RequestHeader) string {
		if h != nil && h.SharesClientCA && len(h.AllowedNames) == 0 { // a CA of its own, or names: one of both is enough
			return "every client certificate can speak for any user: the front proxy has the same CA and no names are demanded"
		}
		return ""
	})
	return nil
}

var tokenWebhook = nist190.Metadata{
	ID: "authn-token-webhook", Title: "Token webhook without TLS or with a long memory",
	Doc: `The server that says whom a token belongs to is not authenticated, or its answers are kept for long.

Whoever can answer in its place makes anybody an administrator. Answers are kept for two minutes by default; for as long as they
are, somebody who was locked out stays in.

Before, in the file of --authentication-token-webhook-config-file:

    clusters: [{name: sso, cluster: {server: "http://sso.example.com/authenticate"}}]

After:

    clusters: [{name: sso, cluster: {server: "https://sso.example.com/authenticate", certificate-authority: /etc/kubernetes/sso-ca.crt}}]`,
	Claims: nist190.Claims("2b", "5i"), Controls: []string{"IA-2", "SC-8"}, Severity: nist190.SeverityMedium,
	Remediation: "Use https and a CA for the webhook, and leave --authentication-token-webhook-cache-ttl at 2m or below.",
	Limits:      "What the webhook does is not seen.",
}

const longMemory = 2 * time.Minute

func checkTokenWebhook(l *login) error {
	v := l.api.TokenWebhook()
	out := judge.Outcome(inventory.Cluster, "", v, func(h *controlplane.TokenWebhook) string {
		switch {
		case h == nil:
			return ""
		case h.CacheTTL > longMemory:
			return fmt.Sprintf("answers of the token webhook are kept for %s", h.CacheTTL)
		case h.Server != nil:
			for _, c := range h.Server.Clusters {
				switch {
				case strings.HasPrefix(c.Cluster.Server, "http://"):
					return "the token webhook is asked without TLS"
				case c.Cluster.InsecureSkipTLSVerify:
					return "the certificate of the token webhook is not checked"
				}
			}
		}
		return ""
	})
	if hidden := v.Find(func(h *controlplane.TokenWebhook) bool { return h != nil && h.Server == nil }); out.Status == nist190.Pass && len(hidden) > 0 {
		h := hidden[0].Value
		out.Status, out.Reason, out.Message = nist190.NotAssessed, nist190.ReasonMissingEvidence, h.Hidden
		out.Missing = []nist190.Missing{{Evidence: h.Kubeconfig, State: inventory.NotCollected, Reason: h.Hidden}}
	}
	l.Report(l.honest(out))
	return nil
}

var tokenExtension = nist190.Metadata{
	ID: "authn-token-extension", Title: "Tokens of pods that are valid for a year",
	Doc: `Tokens that the kubelet asks for with a life of an hour are signed for a year.

--service-account-extend-token-expiration is true by default, for clients of Kubernetes before 1.21 that read their token once. A
token that leaks from a pod then stays good until the pod is gone, a year at most.

Before: no flag.

After:

    kube-apiserver --service-account-extend-token-expiration=false`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5(13)", "AC-12"}, CIS: []string{"1.2.30"}, Severity: nist190.SeverityMedium,
	Remediation: `See in the metric serviceaccount_stale_tokens_total, and in audit annotations authentication.k8s.io/stale-token, who still reads an
old token; update those clients. Then set --service-account-extend-token-expiration=false.`,
	Limits: "Only tokens for the API server's own audience, asked for with the default life, are extended.",
}

func checkTokenExtension(l *login) error {
	judged(l, l.api.ServiceAccounts(), func(sa controlplane.ServiceAccounts) string {
		if sa.ExtendExpiration {
			return "tokens of pods are valid for a year instead of an hour"
		}
		return ""
	})
	return nil
}

var tokenLookup = nist190.Metadata{
	ID: "authn-token-lookup", Title: "Tokens that outlive their service account",
	Doc: `The API server takes a token of a service account without asking whether the account, Secret or pod still exists.

Deleting them is how a leaked token is withdrawn; with --service-account-lookup=false that does nothing.

Before:

    kube-apiserver --service-account-lookup=false

After: no flag; the default is true.`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5", "AC-2(3)"}, CIS: []string{"1.2.20"}, Severity: nist190.SeverityHigh,
	Remediation: "Remove --service-account-lookup=false.",
	Limits:      "Tokens that were signed while lookup was off are looked up like all others once it is on.",
}

func checkTokenLookup(l *login) error {
	judged(l, l.api.ServiceAccounts(), func(sa controlplane.ServiceAccounts) string {
		if !sa.Lookup {
			return "tokens stay valid when their service account, Secret or pod is deleted"
		}
		return ""
	})
	return nil
}

var tokenIssuer = nist190.Metadata{
	ID: "authn-token-issuer", Title: "Service account issuer that nobody can check",
	Doc: `The issuer of service account tokens is no https URL, or clusters share one.

Others that trust tokens of the cluster, a cloud for one, find its keys by the URL. A name such as kubernetes/serviceaccount or api
is the same in every cluster: a token is told apart by its key alone. Further issuers are those of a rotation and pass.

Before:

    kube-apiserver --service-account-issuer=kubernetes/serviceaccount

After:

    kube-apiserver --service-account-issuer=https://kubernetes.default.svc.cluster.local`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5", "SC-12"}, CIS: []string{"1.2.21"}, Severity: nist190.SeverityLow,
	Remediation: `Put the new issuer first in a further --service-account-issuer flag, wait until all tokens of the old one have expired, and remove
the old one.`,
	Limits: "The keys are in files that are not read.",
}

func checkTokenIssuer(l *login) error {
	judged(l, l.api.ServiceAccounts(), func(sa controlplane.ServiceAccounts) string {
		if len(sa.Issuers) > 0 && !strings.HasPrefix(sa.Issuers[0], "https://") {
			return fmt.Sprintf("the issuer of service account tokens is %q, no https URL", redact.URL(sa.Issuers[0]))
		}
		return ""
	})
	return nil
}
