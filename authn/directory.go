package authn

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Directory is where the accounts behind a way in are kept, as far as its issuer or the objects of an identity broker tell.
type Directory struct {
	// Name is that of the provider, such as "Okta"; empty where nothing tells.
	Name string
	// Tenant is the customer's part of it: a domain, a tenant, a realm.
	Tenant string
	// Shared: the provider issues tokens with this issuer to others than the customer.
	Shared bool
	// Machines: it vouches for jobs of a pipeline or for workloads, not for people.
	Machines bool
	// Connectors are the directories behind a broker; none where there is no broker or it is not seen.
	Connectors []Connector
}

// Connector is one directory behind an identity broker.
type Connector struct {
	Broker string // "Dex", "OpenShift OAuth", "Pinniped"
	Type   string // in the broker's words
	Name   string
	// Local: accounts and passwords are kept by the broker itself or in a file, and not by a directory.
	Local bool
	// Open: whoever asks is let in.
	Open bool
	At   nist190.Evidence
}

func (c Connector) String() string {
	return fmt.Sprintf("%s %s %q", c.Broker, c.Type, cmp.Or(c.Name, c.Type))
}

// knownIssuers tell the provider by the host of the issuer (and of Entra, Cognito and others by its path), from the discovery
// documents that the providers publish.
var knownIssuers = []struct {
	host, path       *regexp.Regexp
	name             string
	shared, machines bool
}{
	{host: re(`^(login\.microsoftonline\.(com|us)|sts\.windows\.net|login\.partner\.microsoftonline\.cn)$`), path: re(`^/(common|organizations|consumers)(/|$)`), name: "Microsoft Entra ID", shared: true},
	{host: re(`^(login\.microsoftonline\.(com|us)|sts\.windows\.net|login\.partner\.microsoftonline\.cn)$`), name: "Microsoft Entra ID"},
	{host: re(`^accounts\.google\.com$`), name: "Google", shared: true},
	{host: re(`^token\.actions\.githubusercontent\.com$`), name: "GitHub Actions", shared: true, machines: true},
	{host: re(`^gitlab\.com$`), name: "GitLab", shared: true},
	{host: re(`^(agent\.buildkite\.com|app\.terraform\.io|oidc\.circleci\.com)$`), name: "a pipeline service", shared: true, machines: true},
	{host: re(`^appleid\.apple\.com$`), name: "Apple", shared: true},
	{host: re(`^oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`), name: "an EKS cluster", machines: true},
	{host: re(`^container\.googleapis\.com$`), name: "a GKE cluster", machines: true},
	{host: re(`\.oic\.prod-aks\.azure\.com$`), name: "an AKS cluster", machines: true},
	{host: re(`^cognito-idp\.[a-z0-9-]+\.amazonaws\.com$`), name: "Amazon Cognito"},
	{host: re(`\.(okta|oktapreview|okta-emea)\.com$`), name: "Okta"},
	{host: re(`\.auth0\.com$`), name: "Auth0"},
	{host: re(`\.onelogin\.com$`), name: "OneLogin"},
	{host: re(`(^|\.)(pingone|pingidentity)\.(com|eu|asia|ca)$`), name: "Ping Identity"},
	{host: re(`^oauth\.id\.jumpcloud\.com$`), name: "JumpCloud", shared: true},
	{host: re(`\.ice\.ibmcloud\.com$|\.verify\.ibm\.com$`), name: "IBM Verify"},
	{host: re(`.`), path: re(`^(/auth)?/realms/[^/]+/?$`), name: "Keycloak"},
	{host: re(`^kubernetes\.default\.svc`), name: "a Kubernetes cluster", machines: true},
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// DirectoryOf tells the directory by the URL of an issuer.
func DirectoryOf(issuer string) Directory {
	u, err := url.Parse(issuer)
	if err != nil {
		return Directory{}
	}
	for _, k := range knownIssuers {
		if !k.host.MatchString(u.Hostname()) || k.path != nil && !k.path.MatchString(u.Path) {
			continue
		}
		d := Directory{Name: k.name, Shared: k.shared, Machines: k.machines, Tenant: u.Hostname()}
		p := strings.Split(strings.Trim(u.Path, "/"), "/")
		switch {
		case d.Shared:
			d.Tenant = ""
		case k.name == "Keycloak":
			d.Tenant = p[len(p)-1]
		case k.name == "Microsoft Entra ID" || k.name == "Amazon Cognito":
			d.Tenant = p[0]
		}
		return d
	}
	return Directory{}
}

func (d Directory) String() string {
	s := cmp.Or(d.Name, "unknown")
	if d.Tenant != "" {
		s += " (" + d.Tenant + ")"
	}
	for i, c := range d.Connectors {
		s += []string{": ", ", "}[min(i, 1)] + c.Type
	}
	return s
}

// broker is an identity broker that runs in the cluster.
type broker struct {
	name   string
	issuer string // what it signs as; empty where that is not known
	list   []Connector
	at     process.Place
}

var (
	openShiftOAuth = inventory.Need{Group: "config.openshift.io", Kind: "OAuth", Resource: "oauths", Bias: inventory.Incriminating}
	pinnipedNeeds  = []inventory.Need{
		{Group: "authentication.concierge.pinniped.dev", Kind: "JWTAuthenticator", Resource: "jwtauthenticators", Bias: inventory.Incriminating},
		{Group: "authentication.concierge.pinniped.dev", Kind: "WebhookAuthenticator", Resource: "webhookauthenticators", Bias: inventory.Incriminating},
		{Group: "idp.supervisor.pinniped.dev", Kind: "OIDCIdentityProvider", Resource: "oidcidentityproviders", Bias: inventory.Incriminating},
		{Group: "idp.supervisor.pinniped.dev", Kind: "LDAPIdentityProvider", Resource: "ldapidentityproviders", Bias: inventory.Incriminating},
		{Group: "idp.supervisor.pinniped.dev", Kind: "ActiveDirectoryIdentityProvider", Resource: "activedirectoryidentityproviders", Bias: inventory.Incriminating},
		{Group: "idp.supervisor.pinniped.dev", Kind: "GitHubIdentityProvider", Resource: "githubidentityproviders", Bias: inventory.Incriminating},
	}
)

func brokerNeeds() []inventory.Need {
	return append([]inventory.Need{inventory.NeedOf[corev1.ConfigMap](inventory.Incriminating), openShiftOAuth}, pinnipedNeeds...)
}

var brokers = inventory.NewFact("authn identity brokers", func(_ context.Context, inv *inventory.Inventory) ([]broker, error) {
	var out []broker
	for o := range inv.ByKind(configMapKind) {
		if !bytes.Contains(o.JSON(), []byte("issuer")) {
			continue
		}
		cm, err := inventory.As[corev1.ConfigMap](o)
		if err != nil {
			continue // the API server would refuse it
		}
		for _, key := range []string{"config.yaml", "config.yml", "config-ldap.yaml", "dex.yaml"} {
			if text, ok := cm.Data[key]; ok {
				if b, ok := readDex(text, process.At(o, "data", key)); ok {
					out = append(out, b)
				}
			}
		}
	}
	for o := range inv.ByKind(openShiftOAuth.GroupKind()) {
		out = append(out, readOpenShift(o))
	}
	if b := readPinniped(inv); len(b.list) > 0 {
		out = append(out, b)
	}
	return out, nil
})

// dexConfig is what is read of the configuration of Dex (github.com/dexidp/dex, cmd/dex/config.go); nothing that is secret.
type dexConfig struct {
	Issuer           string `json:"issuer"`
	EnablePasswordDB bool   `json:"enablePasswordDB"`
	StaticPasswords  []struct {
		Username string `json:"username"`
	} `json:"staticPasswords"`
	Storage    *struct{}      `json:"storage"`
	Connectors []dexConnector `json:"connectors"`
}

type dexConnector struct {
	Type string `json:"type"`
	Name string `json:"name"`
	ID   string `json:"id"`
}

// readDex tells Dex's configuration from that of other programs by its issuer and what else only Dex has.
func readDex(text string, place process.Place) (broker, bool) {
	var c dexConfig
	if decodeText(text, &c) != nil || c.Issuer == "" || len(c.Connectors) == 0 && !c.EnablePasswordDB && len(c.StaticPasswords) == 0 && c.Storage == nil {
		return broker{}, false
	}
	b := broker{name: "Dex", issuer: c.Issuer, at: place}
	at := nist190.At(place.Object, place.Path...)
	if c.EnablePasswordDB || len(c.StaticPasswords) > 0 {
		b.list = append(b.list, Connector{Broker: "Dex", Type: "passwords of its own", Local: true, At: at})
	}
	for _, k := range c.Connectors {
		b.list = append(b.list, Connector{Broker: "Dex", Type: k.Type, Name: cmp.Or(k.Name, k.ID), At: at,
			Local: k.Type == "mockPassword", Open: k.Type == "mockCallback"})
	}
	return b, true
}

// readOpenShift reads the providers of config.openshift.io/v1 OAuth (types_oauth.go of openshift/api).
func readOpenShift(o *inventory.Object) broker {
	b := broker{name: "OpenShift OAuth", at: process.At(o)}
	spec, _ := o.Unstructured().Object["spec"].(map[string]any)
	list, _ := spec["identityProviders"].([]any)
	for i, e := range list {
		p, _ := e.(map[string]any)
		name, _ := p["name"].(string)
		kind, _ := p["type"].(string)
		b.list = append(b.list, Connector{Broker: b.name, Type: kind, Name: name, Local: kind == "HTPasswd" || kind == "BasicAuth",
			At: nist190.At(o, "spec", "identityProviders", i, "type").Showing(kind)})
	}
	return b
}

func readPinniped(inv *inventory.Inventory) broker {
	b := broker{name: "Pinniped"}
	for _, n := range pinnipedNeeds {
		for o := range inv.ByKind(n.GroupKind()) {
			b.list = append(b.list, Connector{Broker: b.name, Type: n.Kind, Name: o.Name(), At: nist190.At(o, "spec")})
			if b.at.IsZero() {
				b.at = process.At(o)
			}
		}
	}
	return b
}

// behind fills in the connectors of the broker that signs as an issuer.
func behind(d Directory, issuer string, all []broker) Directory {
	for _, b := range all {
		if b.issuer != "" && strings.TrimRight(b.issuer, "/") == strings.TrimRight(issuer, "/") {
			d.Name, d.Connectors = b.name, b.list
		}
	}
	return d
}

// Profile is what is known of how people log in and no object shows.
type Profile struct {
	// Directories are those that the organization approves: the URL of an issuer, as a glob in which * stands for one part of a
	// path, or the name of a provider or a connector as findings print it, with its tenant where that matters: "Okta",
	// "Microsoft Entra ID (<tenant>)", "Dex ldap". Empty, nobody said.
	Directories []string
	// SmartCards: client certificates of people are only issued to smart cards or other devices that ask for a second factor.
	SmartCards bool
}

func (p Profile) String() string {
	var out []string
	if len(p.Directories) > 0 {
		out = append(out, "directories "+strings.Join(p.Directories, ", "))
	}
	if p.SmartCards {
		out = append(out, "client certificates on smart cards")
	}
	return strings.Join(out, "; ")
}

// LoginProfile is the profile of an inventory.
var LoginProfile = inventory.NewSetting("authn", Profile{})

// approves reports whether any of the names that a directory goes by is on the list.
func (p Profile) approves(names ...string) bool {
	return slices.ContainsFunc(p.Directories, func(want string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			if name == "" {
				return false
			}
			ok, err := path.Match(strings.ToLower(want), strings.ToLower(strings.TrimRight(name, "/")))
			return err == nil && ok || strings.EqualFold(strings.TrimRight(want, "/"), strings.TrimRight(name, "/"))
		})
	})
}
