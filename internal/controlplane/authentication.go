package controlplane

import (
	"slices"
	"sort"
	"time"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
)

// Anonymous is what becomes of requests without credentials.
type Anonymous struct {
	Enabled bool
	// Paths limit it where there are any: AuthenticationConfiguration anonymous.conditions.
	Paths []string
}

// AnonymousAuth: the field of AuthenticationConfiguration replaces the flag, with which it excludes itself; the flag is
// forced off where --authorization-mode has AlwaysAllow (pkg/kubeapiserver/options/authentication.go,
// ToAuthenticationConfig and ApplyAuthorization).
func (s APIServer) AnonymousAuth() Value[Anonymous] { return askAPI(s, (*replica).anonymous) }

func (r *replica) anonymous() Answer[Anonymous] {
	doc := file[*config.AuthenticationConfiguration](r, "authentication-config")
	if !doc.OK() {
		return Answer[Anonymous]{Basis: doc.Basis}
	}
	if c := doc.Value.Document; c != nil && c.Anonymous != nil {
		if r.isSet("anonymous-auth") && !r.Effective {
			return Answer[Anonymous]{Basis: Basis{Places: doc.Places}.refused(r.Component, "--anonymous-auth and the field anonymous of --authentication-config exclude each other")}
		}
		a := from(doc, func(document[*config.AuthenticationConfiguration]) Anonymous {
			out := Anonymous{Enabled: c.Anonymous.Enabled}
			for _, p := range c.Anonymous.Conditions {
				out.Paths = append(out.Paths, p.Path)
			}
			return out
		})
		a.Places = append([]process.Place{doc.Value.field("anonymous")}, a.Places...)
		return a
	}
	flag := r.boolean("anonymous-auth")
	if !flag.OK() || !flag.Value {
		return from(flag, func(on bool) Anonymous { return Anonymous{Enabled: on} })
	}
	if mode := r.text("authorization-config"); mode.OK() && mode.Value != "" {
		return from(flag, func(on bool) Anonymous { return Anonymous{Enabled: on} })
	}
	authorizers := r.authorizers()
	if !authorizers.OK() {
		return Answer[Anonymous]{Basis: authorizers.Basis}
	}
	if slices.ContainsFunc(authorizers.Value, func(a Authorizer) bool { return a.Type == "AlwaysAllow" }) {
		out := Answer[Anonymous]{Basis: authorizers.Basis}
		out.Reason = "the authorizer AlwaysAllow forces it off"
		return out
	}
	return Answer[Anonymous]{Anonymous{Enabled: true}, flag.Basis}
}

// Authentication is every way in that the API server is configured with.
type Authentication struct {
	ClientCAFile  string // of client certificates; empty, none are taken
	TokenFile     string // static tokens
	BasicAuthFile string // static passwords, before 1.19
	// BootstrapTokens are taken from Secrets in kube-system.
	BootstrapTokens bool
	ServiceAccounts ServiceAccounts
	JWT             []JWT
	Webhook         *TokenWebhook
	RequestHeader   *RequestHeader
	Anonymous       Anonymous
}

// JWT is one authenticator of tokens that somebody else signs.
type JWT struct {
	config.JWTAuthenticator
	// Flags: it is made of --oidc-* flags, which take one signing algorithm by default and have no rules for users.
	Flags bool
	At    process.Place
}

// ServiceAccounts are the API server's own tokens.
type ServiceAccounts struct {
	Issuers          []string // the first signs
	KeyFiles         []string
	SigningKeyFile   string
	SigningEndpoint  string // of an external signer
	Audiences        []string
	Lookup           bool // a token ends with its Secret or Pod
	ExtendExpiration bool // tokens of pods live a year where the kubelet asked for an hour
	MaxExpiration    time.Duration
}

// TokenWebhook asks another server whom a token belongs to.
type TokenWebhook struct {
	Kubeconfig string
	Version    string
	CacheTTL   time.Duration
	// Server is the kubeconfig; nil where it is not among the evidence or cannot be read, of which Hidden says why.
	Server *config.Kubeconfig
	Hidden string
}

// RequestHeader takes the user from headers of whoever has a certificate of a CA.
type RequestHeader struct {
	ClientCAFile    string
	AllowedNames    []string // common names; none allows every certificate of the CA
	UsernameHeaders []string
	GroupHeaders    []string
	// SharesClientCA: the CA is that of client certificates too, so that every client has a certificate of it.
	SharesClientCA bool
}

// Authentication is known only as a whole: where one flag or file is not, neither is the answer. Ask for the parts that
// matter by themselves.
func (s APIServer) Authentication() Value[Authentication] {
	return askAPI(s, func(r *replica) Answer[Authentication] {
		x := reading{r: r}
		a := Authentication{ClientCAFile: x.text("client-ca-file"), TokenFile: x.text("token-auth-file"), BasicAuthFile: x.text("basic-auth-file"),
			BootstrapTokens: x.boolean("enable-bootstrap-token-auth")}
		sa, jwt, hook, header, anonymous := r.serviceAccounts(), r.jwt(), r.tokenWebhook(), r.requestHeader(), r.anonymous()
		for _, b := range []Basis{sa.Basis, jwt.Basis, hook.Basis, header.Basis, anonymous.Basis} {
			x.add(b)
		}
		a.ServiceAccounts, a.JWT, a.Webhook, a.RequestHeader, a.Anonymous = sa.Value, jwt.Value, hook.Value, header.Value, anonymous.Value
		return Answer[Authentication]{a, x.basis}
	})
}

// ClientCAFile is the CA of client certificates.
func (s APIServer) ClientCAFile() Value[string] {
	return askAPI(s, func(r *replica) Answer[string] { return r.text("client-ca-file") })
}

// TokenAuthFile is the file of static tokens.
func (s APIServer) TokenAuthFile() Value[string] {
	return askAPI(s, func(r *replica) Answer[string] { return r.text("token-auth-file") })
}

// BasicAuthFile is the file of static passwords, which 1.19 removed.
func (s APIServer) BasicAuthFile() Value[string] {
	return askAPI(s, func(r *replica) Answer[string] { return r.text("basic-auth-file") })
}

// BootstrapTokens: Secrets of type bootstrap.kubernetes.io/token let nodes in.
func (s APIServer) BootstrapTokens() Value[bool] {
	return askAPI(s, func(r *replica) Answer[bool] { return r.boolean("enable-bootstrap-token-auth") })
}

// JWT are the authenticators of AuthenticationConfiguration, or the one of the --oidc-* flags.
func (s APIServer) JWT() Value[[]JWT] { return askAPI(s, (*replica).jwt) }

func (r *replica) jwt() Answer[[]JWT] {
	doc := file[*config.AuthenticationConfiguration](r, "authentication-config")
	if !doc.OK() {
		return Answer[[]JWT]{Basis: doc.Basis}
	}
	if c := doc.Value.Document; c != nil {
		if issuer := r.text("oidc-issuer-url"); issuer.OK() && issuer.Value != "" {
			return Answer[[]JWT]{Basis: Basis{Places: doc.Places}.refused(r.Component, "--authentication-config and --oidc-issuer-url exclude each other")}
		}
		if sa := r.lines("service-account-issuer"); sa.OK() && len(c.OwnIssuers(sa.Value...)) > 0 {
			return Answer[[]JWT]{Basis: Basis{Places: doc.Places}.refused(r.Component, "--authentication-config has an issuer of --service-account-issuer")}
		}
		return from(doc, func(d document[*config.AuthenticationConfiguration]) []JWT {
			var out []JWT
			for i, j := range c.JWT {
				out = append(out, JWT{JWTAuthenticator: j, At: d.field("jwt", i)})
			}
			return out
		})
	}
	return r.oidc()
}

// oidc is what the flags come to: names are prefixed with the issuer but for the claim email, groups are not.
func (r *replica) oidc() Answer[[]JWT] {
	x := reading{r: r}
	issuer, client := x.text("oidc-issuer-url"), x.text("oidc-client-id")
	if issuer == "" || client == "" {
		return Answer[[]JWT]{Basis: x.basis}
	}
	claim, name := x.text("oidc-username-claim"), x.text("oidc-username-prefix")
	switch {
	case name == "-":
		name = ""
	case name == "" && claim != "email":
		name = issuer + "#"
	}
	j := JWT{Flags: true, JWTAuthenticator: config.JWTAuthenticator{
		Issuer:        config.Issuer{URL: issuer, Audiences: []string{client}},
		ClaimMappings: config.ClaimMappings{Username: config.PrefixedClaimOrExpression{Claim: claim, Prefix: &name}},
	}}
	if groups, prefix := x.text("oidc-groups-claim"), x.text("oidc-groups-prefix"); groups != "" {
		j.ClaimMappings.Groups = config.PrefixedClaimOrExpression{Claim: groups, Prefix: &prefix}
	}
	required := pairs(r.lines("oidc-required-claim")) // one in each occurrence
	x.add(required.Basis)
	claims := make([]string, 0, len(required.Value))
	for c := range required.Value {
		claims = append(claims, c)
	}
	sort.Strings(claims)
	for _, c := range claims {
		j.ClaimValidationRules = append(j.ClaimValidationRules, config.ClaimValidationRule{Claim: c, RequiredValue: required.Value[c]})
	}
	if len(x.basis.Places) > 0 {
		j.At = x.basis.Places[0]
	}
	return Answer[[]JWT]{[]JWT{j}, x.basis}
}

// ServiceAccounts is how the API server signs and checks its own tokens.
func (s APIServer) ServiceAccounts() Value[ServiceAccounts] {
	return askAPI(s, (*replica).serviceAccounts)
}

func (r *replica) serviceAccounts() Answer[ServiceAccounts] {
	x := reading{r: r}
	a := ServiceAccounts{
		Issuers: x.lines("service-account-issuer"), KeyFiles: x.lines("service-account-key-file"), SigningKeyFile: x.text("service-account-signing-key-file"),
		SigningEndpoint: x.text("service-account-signing-endpoint"), Audiences: x.list("api-audiences"), Lookup: x.boolean("service-account-lookup"),
		ExtendExpiration: x.boolean("service-account-extend-token-expiration"), MaxExpiration: x.duration("service-account-max-token-expiration"),
	}
	if len(a.Audiences) == 0 {
		a.Audiences = a.Issuers
	}
	return Answer[ServiceAccounts]{a, x.basis}
}

// TokenWebhook is the server that is asked about tokens; nil where there is none.
func (s APIServer) TokenWebhook() Value[*TokenWebhook] { return askAPI(s, (*replica).tokenWebhook) }

func (r *replica) tokenWebhook() Answer[*TokenWebhook] {
	x := reading{r: r}
	hook := &TokenWebhook{Kubeconfig: x.text("authentication-token-webhook-config-file")}
	if hook.Kubeconfig == "" {
		return Answer[*TokenWebhook]{Basis: x.basis}
	}
	hook.Version, hook.CacheTTL = x.text("authentication-token-webhook-version"), x.duration("authentication-token-webhook-cache-ttl")
	server := file[*config.Kubeconfig](r, "authentication-token-webhook-config-file")
	hook.Server, hook.Hidden = server.Value.Document, server.Reason
	if server.OK() {
		hook.Hidden = ""
		x.basis.Places = append(slices.Clone(server.Places), x.basis.Places...)
	}
	return Answer[*TokenWebhook]{hook, x.basis}
}

// RequestHeader is the front proxy that is trusted; nil where there is none.
func (s APIServer) RequestHeader() Value[*RequestHeader] { return askAPI(s, (*replica).requestHeader) }

func (r *replica) requestHeader() Answer[*RequestHeader] {
	x := reading{r: r}
	header := &RequestHeader{ClientCAFile: x.text("requestheader-client-ca-file")}
	if header.ClientCAFile == "" {
		return Answer[*RequestHeader]{Basis: x.basis}
	}
	header.AllowedNames, header.UsernameHeaders = x.list("requestheader-allowed-names"), x.list("requestheader-username-headers")
	header.GroupHeaders = x.list("requestheader-group-headers")
	header.SharesClientCA = x.text("client-ca-file") == header.ClientCAFile
	return Answer[*RequestHeader]{header, x.basis}
}
