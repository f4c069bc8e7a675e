package config

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// AuthenticationConfiguration is the file of --authentication-config, apiserver.config.k8s.io v1, v1beta1 and v1alpha1: the
// three have the same fields (apis/apiserver/v1*/types.go).
type AuthenticationConfiguration struct {
	metav1.TypeMeta
	JWT       []JWTAuthenticator   `json:"jwt"`
	Anonymous *AnonymousAuthConfig `json:"anonymous,omitempty"`
}

// AnonymousAuthConfig replaces --anonymous-auth, which must not be set beside it (KEP-4633).
type AnonymousAuthConfig struct {
	Enabled    bool                     `json:"enabled"`
	Conditions []AnonymousAuthCondition `json:"conditions,omitempty"`
}

type AnonymousAuthCondition struct {
	Path string `json:"path"`
}

type JWTAuthenticator struct {
	Issuer               Issuer                `json:"issuer"`
	ClaimValidationRules []ClaimValidationRule `json:"claimValidationRules,omitempty"`
	ClaimMappings        ClaimMappings         `json:"claimMappings"`
	UserValidationRules  []UserValidationRule  `json:"userValidationRules,omitempty"`
}

type Issuer struct {
	URL                  string   `json:"url"`
	DiscoveryURL         *string  `json:"discoveryURL,omitempty"`
	CertificateAuthority string   `json:"certificateAuthority,omitempty"`
	Audiences            []string `json:"audiences"`
	AudienceMatchPolicy  string   `json:"audienceMatchPolicy,omitempty"`
	EgressSelectorType   string   `json:"egressSelectorType,omitempty"`
}

type ClaimValidationRule struct {
	Claim         string `json:"claim,omitempty"`
	RequiredValue string `json:"requiredValue,omitempty"`
	Expression    string `json:"expression,omitempty"`
	Message       string `json:"message,omitempty"`
}

type ClaimMappings struct {
	Username PrefixedClaimOrExpression `json:"username"`
	Groups   PrefixedClaimOrExpression `json:"groups,omitempty"`
	UID      ClaimOrExpression         `json:"uid"`
	Extra    []ExtraMapping            `json:"extra,omitempty"`
}

type PrefixedClaimOrExpression struct {
	Claim      string  `json:"claim,omitempty"`
	Prefix     *string `json:"prefix,omitempty"`
	Expression string  `json:"expression,omitempty"`
}

type ClaimOrExpression struct {
	Claim      string `json:"claim,omitempty"`
	Expression string `json:"expression,omitempty"`
}

type ExtraMapping struct {
	Key             string `json:"key"`
	ValueExpression string `json:"valueExpression"`
}

type UserValidationRule struct {
	Expression string `json:"expression"`
	Message    string `json:"message,omitempty"`
}

// Problems are those of pkg/apis/apiserver/validation (ValidateAuthenticationConfiguration) but for CEL expressions, which are
// not compiled, and for issuers that are the API server's own, see [AuthenticationConfiguration.OwnIssuers].
func (c *AuthenticationConfiguration) Problems() []*Fault {
	var p problems
	if len(c.JWT) > 64 {
		p.add("more than 64 authenticators", "jwt")
		return p
	}
	issuers, discoveries := map[string]bool{}, map[string]bool{}
	for i := range c.JWT {
		a, path := &c.JWT[i], []any{"jwt", i}
		p.issuer(&a.Issuer, at(path, "issuer")...)
		p.claimRules(a.ClaimValidationRules, at(path, "claimValidationRules")...)
		p.mappings(&a.ClaimMappings, at(path, "claimMappings")...)
		p.userRules(a.UserValidationRules, at(path, "userValidationRules")...)
		if issuers[a.Issuer.URL] {
			p.add("an issuer twice", at(path, "issuer", "url")...)
		}
		issuers[a.Issuer.URL] = true
		if d := a.Issuer.DiscoveryURL; d != nil && *d != "" {
			if discoveries[*d] {
				p.add("a discovery URL twice", at(path, "issuer", "discoveryURL")...)
			}
			discoveries[*d] = true
		}
	}
	if c.Anonymous != nil && !c.Anonymous.Enabled && len(c.Anonymous.Conditions) > 0 {
		p.add("conditions need enabled: true", "anonymous", "conditions")
	}
	return p
}

// OwnIssuers are authenticators of an issuer that signs the API server's own tokens, for which it refuses the file:
// --service-account-issuer.
func (c *AuthenticationConfiguration) OwnIssuers(serviceAccountIssuers ...string) []*Fault {
	var p problems
	for i := range c.JWT {
		if slices.Contains(serviceAccountIssuers, c.JWT[i].Issuer.URL) {
			p.add("an issuer of the service account tokens", "jwt", i, "issuer", "url")
		}
	}
	return p
}

func (p *problems) issuer(is *Issuer, path ...any) {
	if is.URL == "" {
		p.add("required", at(path, "url")...)
	} else {
		p.issuerURL(is.URL, at(path, "url")...)
	}
	if d := is.DiscoveryURL; d != nil && *d != "" {
		if is.URL != "" && strings.TrimRight(is.URL, "/") == strings.TrimRight(*d, "/") {
			p.add("must differ from url", at(path, "discoveryURL")...)
		}
		p.issuerURL(*d, at(path, "discoveryURL")...)
	}
	p.audiences(is, path...)
	if is.CertificateAuthority != "" && !hasCertificate(is.CertificateAuthority) {
		p.add("no PEM of a certificate", at(path, "certificateAuthority")...)
	}
	switch is.EgressSelectorType {
	case "", "controlplane", "cluster":
	default:
		p.add("must be controlplane or cluster", at(path, "egressSelectorType")...)
	}
}

func (p *problems) audiences(is *Issuer, path ...any) {
	if len(is.Audiences) == 0 {
		p.add("at least one is required", at(path, "audiences")...)
		return
	}
	seen := map[string]bool{}
	for i, a := range is.Audiences {
		if a == "" {
			p.add("required", at(path, "audiences", i)...)
		}
		if seen[a] {
			p.add("an audience twice", at(path, "audiences", i)...)
		}
		seen[a] = true
	}
	switch {
	case is.AudienceMatchPolicy == "MatchAny":
	case len(is.Audiences) > 1:
		p.add("must be MatchAny for several audiences", at(path, "audienceMatchPolicy")...)
	case is.AudienceMatchPolicy != "":
		p.add("must be empty or MatchAny", at(path, "audienceMatchPolicy")...)
	}
}

func (p *problems) issuerURL(s string, path ...any) {
	u, err := url.Parse(s)
	if err != nil {
		p.add("no URL", path...)
		return
	}
	if u.Scheme != "https" {
		p.add("the scheme must be https", path...)
	}
	if u.User != nil {
		p.add("must not hold a user or a password", path...)
	}
	if u.RawQuery != "" {
		p.add("must not hold a query", path...)
	}
	if u.Fragment != "" {
		p.add("must not hold a fragment", path...)
	}
}

// hasCertificate is client-go's cert.NewPoolFromBytes: the first CERTIFICATE block without headers counts, and all of them
// must parse.
func hasCertificate(text string) bool {
	found := false
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if _, err := x509.ParseCertificates(block.Bytes); err != nil {
			return false
		}
		found = true
	}
}

func (p *problems) claimRules(rules []ClaimValidationRule, path ...any) {
	claims, expressions := map[string]bool{}, map[string]bool{}
	for i, r := range rules {
		path := at(path, i)
		switch {
		case r.Claim != "" && r.Expression != "":
			p.add("claim and expression exclude each other", path...)
		case r.Claim == "" && r.Expression == "":
			p.add("claim or expression is required", path...)
		case r.Claim != "":
			if r.Message != "" {
				p.add("not with claim", at(path, "message")...)
			}
			if claims[r.Claim] {
				p.add("a claim twice", at(path, "claim")...)
			}
			claims[r.Claim] = true
		default:
			if r.RequiredValue != "" {
				p.add("not with expression", at(path, "requiredValue")...)
			}
			if expressions[r.Expression] {
				p.add("an expression twice", at(path, "expression")...)
			}
			expressions[r.Expression] = true
		}
	}
}

func (p *problems) mappings(m *ClaimMappings, path ...any) {
	p.prefixed(&m.Username, true, at(path, "username")...)
	p.prefixed(&m.Groups, false, at(path, "groups")...)
	if m.UID.Claim != "" && m.UID.Expression != "" {
		p.add("claim and expression exclude each other", at(path, "uid")...)
	}
	seen := map[string]bool{}
	for i, e := range m.Extra {
		path := at(path, "extra", i)
		if len(validation.IsDomainPrefixedPath(nil, e.Key)) > 0 {
			p.add("must be a path behind a domain", at(path, "key")...)
		}
		if e.Key != strings.ToLower(e.Key) {
			p.add("must be in lower case", at(path, "key")...)
		}
		domain, _, _ := strings.Cut(e.Key, "/")
		if strings.Contains(e.Key, "/") && (within(domain, "k8s.io") || within(domain, "kubernetes.io")) {
			p.add("k8s.io and kubernetes.io are Kubernetes' own", at(path, "key")...)
		}
		switch {
		case seen[e.Key]:
			p.add("a key twice", at(path, "key")...)
		case e.ValueExpression == "":
			p.add("required", at(path, "valueExpression")...)
		}
		seen[e.Key] = true
	}
}

func within(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}

func (p *problems) prefixed(m *PrefixedClaimOrExpression, required bool, path ...any) {
	switch {
	case m.Expression != "" && m.Claim != "":
		p.add("claim and expression exclude each other", path...)
	case m.Expression == "" && m.Claim == "" && required:
		p.add("claim or expression is required", path...)
	case m.Expression != "" && m.Prefix != nil:
		p.add("not with expression", at(path, "prefix")...)
	case m.Claim != "" && m.Prefix == nil:
		p.add("required with claim; empty for none", at(path, "prefix")...)
	}
}

func (p *problems) userRules(rules []UserValidationRule, path ...any) {
	seen := map[string]bool{}
	for i, r := range rules {
		switch {
		case r.Expression == "":
			p.add("required", at(path, i, "expression")...)
		case seen[r.Expression]:
			p.add("an expression twice", at(path, i, "expression")...)
		}
		seen[r.Expression] = true
	}
}
