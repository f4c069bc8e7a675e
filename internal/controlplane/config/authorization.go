package config

import (
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// AuthorizationConfiguration is the file of --authorization-config, apiserver.config.k8s.io v1, v1beta1 and v1alpha1: the three
// have the same fields. It replaces --authorization-mode and the flags of its webhook (KEP-3221).
type AuthorizationConfiguration struct {
	metav1.TypeMeta
	Authorizers []AuthorizerConfiguration `json:"authorizers"`
}

type AuthorizerConfiguration struct {
	Type    string                `json:"type"`
	Name    string                `json:"name"`
	Webhook *WebhookConfiguration `json:"webhook,omitempty"`
}

type WebhookConfiguration struct {
	AuthorizedTTL                            Duration                `json:"authorizedTTL"`
	CacheAuthorizedRequests                  *bool                   `json:"cacheAuthorizedRequests,omitempty"`
	UnauthorizedTTL                          Duration                `json:"unauthorizedTTL"`
	CacheUnauthorizedRequests                *bool                   `json:"cacheUnauthorizedRequests,omitempty"`
	Timeout                                  Duration                `json:"timeout"`
	SubjectAccessReviewVersion               string                  `json:"subjectAccessReviewVersion"`
	MatchConditionSubjectAccessReviewVersion string                  `json:"matchConditionSubjectAccessReviewVersion"`
	FailurePolicy                            string                  `json:"failurePolicy"`
	ConnectionInfo                           WebhookConnectionInfo   `json:"connectionInfo"`
	MatchConditions                          []WebhookMatchCondition `json:"matchConditions"`
}

type WebhookConnectionInfo struct {
	Type           string  `json:"type"`
	KubeConfigFile *string `json:"kubeConfigFile"`
}

type WebhookMatchCondition struct {
	Expression string `json:"expression"`
}

// authorizerNames are the names that kube-apiserver demands of authorizers that are no webhooks
// (pkg/kubeapiserver/authorizer/config.go, GetNameForAuthorizerMode).
var authorizerNames = map[string]string{
	"AlwaysAllow": "alwaysallow", "AlwaysDeny": "alwaysdeny", "ABAC": "abac", "RBAC": "rbac", "Node": "node",
}

// Problems are those of pkg/apis/apiserver/validation (ValidateAuthorizationConfiguration) and of
// pkg/kubeapiserver/authorizer/config.go. CEL expressions are not compiled, and kubeconfigs of webhooks not looked for.
func (c *AuthorizationConfiguration) Problems() []*Fault {
	var p problems
	if len(c.Authorizers) == 0 {
		p.add("at least one is required", "authorizers")
	}
	types, names := map[string]bool{}, map[string]bool{}
	for i := range c.Authorizers {
		a, path := &c.Authorizers[i], []any{"authorizers", i}
		name, known := authorizerNames[a.Type]
		switch {
		case a.Type == "":
			p.add("required", at(path, "type")...)
			continue
		case !known && a.Type != "Webhook":
			p.add("must be Webhook, Node, RBAC, ABAC, AlwaysAllow or AlwaysDeny", at(path, "type")...)
			continue
		case types[a.Type] && known:
			p.add("a type twice", at(path, "type")...)
			continue
		}
		types[a.Type] = true
		switch {
		case a.Name == "":
			p.add("required", at(path, "name")...)
		case names[a.Name]:
			p.add("a name twice", at(path, "name")...)
		case len(validation.IsDNS1123Subdomain(a.Name)) > 0:
			p.add("no DNS subdomain", at(path, "name")...)
		case known && a.Name != name:
			p.add("must be "+name, at(path, "name")...)
		}
		names[a.Name] = true
		switch {
		case a.Type != "Webhook" && a.Webhook != nil:
			p.add("only with type Webhook", at(path, "webhook")...)
		case a.Type == "Webhook" && a.Webhook == nil:
			p.add("required", at(path, "webhook")...)
		case a.Webhook != nil:
			p.webhook(a.Webhook, path...)
		}
	}
	return p
}

// webhook has the paths of upstream, which leave "webhook" out of them, put right.
func (p *problems) webhook(w *WebhookConfiguration, path ...any) {
	path = at(path, "webhook")
	switch d := w.Timeout.Duration.Duration; {
	case d == 0:
		p.add("required", at(path, "timeout")...)
	case d < 0 || d > 30*time.Second:
		p.add("must be positive and at most 30s", at(path, "timeout")...)
	}
	if w.AuthorizedTTL.Duration.Duration < 0 { // 0 is the default
		p.add("must be positive", at(path, "authorizedTTL")...)
	}
	if w.UnauthorizedTTL.Duration.Duration < 0 {
		p.add("must be positive", at(path, "unauthorizedTTL")...)
	}
	switch w.SubjectAccessReviewVersion {
	case "v1", "v1beta1":
	default:
		p.add("must be v1 or v1beta1", at(path, "subjectAccessReviewVersion")...)
	}
	switch v := w.MatchConditionSubjectAccessReviewVersion; {
	case v == "v1", v == "" && len(w.MatchConditions) == 0:
	default:
		p.add("must be v1", at(path, "matchConditionSubjectAccessReviewVersion")...)
	}
	switch w.FailurePolicy {
	case "NoOpinion", "Deny":
	default:
		p.add("must be NoOpinion or Deny", at(path, "failurePolicy")...)
	}
	file := w.ConnectionInfo.KubeConfigFile
	switch w.ConnectionInfo.Type {
	case "InClusterConfig":
		if file != nil {
			p.add("only with type KubeConfigFile", at(path, "connectionInfo", "kubeConfigFile")...)
		}
	case "KubeConfigFile":
		if file == nil || !filepath.IsAbs(*file) {
			p.add("must be an absolute path", at(path, "connectionInfo", "kubeConfigFile")...)
		}
	default:
		p.add("must be InClusterConfig or KubeConfigFile", at(path, "connectionInfo", "type")...)
	}
	p.conditions(w.MatchConditions, at(path, "matchConditions")...)
}

func (p *problems) conditions(conditions []WebhookMatchCondition, path ...any) {
	if len(conditions) > 64 {
		p.add("more than 64", path...)
		return
	}
	seen := map[string]bool{}
	for i, c := range conditions {
		switch {
		case strings.TrimSpace(c.Expression) == "":
			p.add("required", at(path, i, "expression")...)
		case seen[c.Expression]:
			p.add("an expression twice", at(path, i, "expression")...)
		}
		seen[c.Expression] = true
	}
}
