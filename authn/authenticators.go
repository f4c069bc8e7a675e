package authn

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// Kind is a kind of way into the cluster.
type Kind string

const (
	ClientCertificate   Kind = "client certificate"
	TokenOfIssuer       Kind = "token of an issuer" // OpenID Connect: flags, AuthenticationConfiguration, EKS identity providers
	TokenWebhook        Kind = "token webhook"
	FrontProxy          Kind = "front proxy"
	ServiceAccountToken Kind = "service account token"
	BootstrapToken      Kind = "bootstrap token"
	StaticToken         Kind = "static token file"
	StaticPassword      Kind = "static password file"
	Anonymous           Kind = "no credentials"
	CloudDirectory      Kind = "directory of the cloud" // AWS IAM, Google Cloud, Microsoft Entra ID
	CloudPrincipal      Kind = "principal of the cloud" // of aws-auth, IAMIdentityMapping, EKS access entries
	LocalAccount        Kind = "account of the vendor"  // certificates and passwords that a cloud hands out
	Broker              Kind = "identity broker"        // OpenShift OAuth, Pinniped
)

// Authenticator is one way in: who vouches for somebody, and whom it can make of them.
type Authenticator struct {
	Kind Kind
	Name string // an issuer, a file, a principal; unique within its kind
	// Users and Groups are those that it can give.
	Users, Groups Names
	// People log in by it; otherwise it is meant for workloads, nodes or the control plane.
	People    bool
	Directory Directory
	// Factors says which rule only lets logins with several factors in; empty, nothing shows that.
	Factors string
	// Lifetime says how long what somebody logs in with is good, where flags decide it.
	Lifetime string
	// Paths limit anonymous requests, where there are any.
	Paths []string
	// Administers are those whom it can make somebody, of whom RBAC says that they have every right or can come to it;
	// the group system:masters among them. In order.
	Administers []Administrator

	Evidence nist190.Evidence
	Strength inventory.Strength
	How      string // how it is known, for people

	at  process.Place
	jwt *controlplane.JWT
}

// Administrator is an identity from which every right can be had.
type Administrator struct {
	rbac.Subject
	Steps    int // 0: it has every right; otherwise by how many steps it can come to them
	Possible Possible
}

func (a *Authenticator) String() string { return fmt.Sprintf("%s %q", a.Kind, a.Name) }

// Can reports whether somebody can come in as a subject.
func (a *Authenticator) Can(s rbac.Subject) Possible {
	if s.Kind == rbacv1.GroupKind {
		return a.Groups.Can(s.Name)
	}
	return a.Users.Can(s.UserName())
}

// Authenticators are the ways into a cluster, from flags and configuration of its API server, what its cloud says, the objects
// that map identities, and the identity brokers within. For each it is known which users and groups it can give, by the rules
// by which the API server makes them, and through package rbac which of those administer the cluster.
//
// Of CEL expressions the form is read, not the value: claims, literals and their concatenation, lists, alternatives, map; and
// rules that refuse or demand a prefix. What else they are leaves it open. It is immutable and safe for concurrent use. Cost:
// linear in ways and in subjects that administer the cluster.
type Authenticators struct {
	Ways []*Authenticator // by kind and name
	// Hidden are what could not be seen, with what would tell.
	Hidden []Hidden

	managed controlplane.Managed
	visible bool // flags of the API server, or what an installer was told of them
}

// Hidden is a kind of way of which it is not known whether there is one.
type Hidden struct {
	Kind   Kind
	Reason string
	Wanted []string // evidence of which any would tell
}

// AuthenticatorsOf finds them, once. A check that uses it declares [AuthenticatorNeeds].
func AuthenticatorsOf(ctx context.Context, inv *inventory.Inventory) (*Authenticators, error) {
	return authenticators.Get(ctx, inv)
}

// AuthenticatorNeeds are the needs of [AuthenticatorsOf].
func AuthenticatorNeeds() []inventory.Need {
	return inventory.JoinNeeds(wayNeeds(), rbac.AccessNeeds())
}

var authenticators = inventory.NewFact("authn authenticators", func(ctx context.Context, inv *inventory.Inventory) (*Authenticators, error) {
	w, err := waysOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	escalations, err := rbac.EscalationsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	out := *w
	out.Ways = make([]*Authenticator, len(w.Ways))
	all := append([]rbac.Administrator{{Subject: rbac.Group(masters)}}, escalations.Administrators()...)
	for i, way := range w.Ways {
		a := *way
		a.administers(all)
		out.Ways[i] = &a
	}
	return &out, nil
})

const masters = "system:masters"

// waysOf is AuthenticatorsOf without rights, for checks that do not ask for them.
func waysOf(ctx context.Context, inv *inventory.Inventory) (*Authenticators, error) {
	return ways.Get(ctx, inv)
}

// wayNeeds are the needs of waysOf. A broker that is not seen can add a way, and can show the directory behind another.
func wayNeeds() []inventory.Need {
	needs := inventory.JoinNeeds(controlplane.Needs(), mappingNeeds(), brokerNeeds())
	for i := range needs {
		if needs[i].Bias == inventory.Incriminating {
			needs[i].Bias = inventory.Either
		}
	}
	return needs
}

var ways = inventory.NewFact("authn ways in", func(ctx context.Context, inv *inventory.Inventory) (*Authenticators, error) {
	view, err := controlplane.Of(ctx, inv)
	if err != nil {
		return nil, err
	}
	mapped, err := awsMappings.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	behind, err := brokers.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	f := &finder{Authenticators: &Authenticators{visible: view.Visible(process.KubeAPIServer)}, brokers: behind}
	f.managed, _ = view.Managed()
	f.apiServer(view.APIServer())
	f.cloud()
	f.mapped(mapped)
	f.inCluster()
	slices.SortStableFunc(f.Ways, func(a, b *Authenticator) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return f.Authenticators, nil
})

type finder struct {
	*Authenticators
	brokers []broker
}

// each calls do with every different answer that is known, and notes what is hidden where none is.
func each[T any](f *finder, kind Kind, v controlplane.Value[T], do func(T, controlplane.Basis)) {
	known := v.Find(func(T) bool { return true })
	for _, a := range known {
		do(a.Value, a.Basis)
	}
	if len(known) == 0 {
		f.Hidden = append(f.Hidden, Hidden{kind, v.Reason, v.Wanted})
	}
}

// add takes a way, once.
func (f *finder) add(a Authenticator, b controlplane.Basis) {
	a.Name = redact.URL(a.Name) // flags of pods are kept as they are
	if slices.ContainsFunc(f.Ways, func(x *Authenticator) bool { return x.Kind == a.Kind && x.Name == a.Name }) {
		return
	}
	if a.at.IsZero() && len(b.Places) > 0 {
		a.at = b.Places[0]
	}
	if !a.at.IsZero() {
		a.Evidence = nist190.At(a.at.Object, a.at.Path...)
		a.Strength = a.at.Object.Strength()
	}
	if b.Strength != inventory.StrengthUnset {
		a.Strength = b.Strength
	}
	a.How = cmp.Or(a.How, b.How())
	f.Ways = append(f.Ways, &a)
}

func (f *finder) apiServer(api controlplane.APIServer) {
	each(f, ClientCertificate, api.ClientCAFile(), func(file string, b controlplane.Basis) {
		if file != "" {
			f.add(Authenticator{Kind: ClientCertificate, Name: file, Users: AnyName(), Groups: AnyName(), People: true}, b)
		}
	})
	each(f, StaticToken, api.TokenAuthFile(), func(file string, b controlplane.Basis) {
		if file != "" {
			f.add(Authenticator{Kind: StaticToken, Name: file, Users: AnyName(), Groups: AnyName(), People: true}, b)
		}
	})
	each(f, StaticPassword, api.BasicAuthFile(), func(file string, b controlplane.Basis) {
		if file != "" {
			f.add(Authenticator{Kind: StaticPassword, Name: file, Users: AnyName(), Groups: AnyName(), People: true}, b)
		}
	})
	each(f, TokenOfIssuer, api.JWT(), func(list []controlplane.JWT, b controlplane.Basis) {
		for i := range list {
			f.add(f.token(&list[i]), b)
		}
	})
	each(f, TokenWebhook, api.TokenWebhook(), func(hook *controlplane.TokenWebhook, b controlplane.Basis) {
		if hook != nil {
			f.add(Authenticator{Kind: TokenWebhook, Name: hook.Kubeconfig, Users: AnyName(), Groups: AnyName(), People: true}, b)
		}
	})
	each(f, FrontProxy, api.RequestHeader(), func(header *controlplane.RequestHeader, b controlplane.Basis) {
		if header != nil {
			f.add(Authenticator{Kind: FrontProxy, Name: header.ClientCAFile, Users: AnyName(), Groups: AnyName()}, b)
		}
	})
	each(f, ServiceAccountToken, api.ServiceAccounts(), func(sa controlplane.ServiceAccounts, b controlplane.Basis) {
		f.add(Authenticator{Kind: ServiceAccountToken, Name: strings.Join(sa.Issuers, ", "),
			Users: NamesWith("system:serviceaccount:"), Groups: NamesWith("system:serviceaccounts"), Lifetime: tokenLifetime(sa)}, b)
	})
	each(f, BootstrapToken, api.BootstrapTokens(), func(on bool, b controlplane.Basis) {
		if on { // plugin/pkg/auth/authenticator/token/bootstrap; extra groups match ^system:bootstrappers:
			f.add(Authenticator{Kind: BootstrapToken, Name: "Secrets of kube-system", Users: NamesWith("system:bootstrap:"), Groups: NamesWith("system:bootstrappers")}, b)
		}
	})
	each(f, Anonymous, api.AnonymousAuth(), func(a controlplane.Anonymous, b controlplane.Basis) {
		if a.Enabled {
			f.add(Authenticator{Kind: Anonymous, Name: "anonymous requests", Users: TheseNames("system:anonymous"), Groups: TheseNames("system:unauthenticated"), Paths: a.Paths}, b)
		}
	})
}

// tokenLifetime: what is asked for is bounded by a flag, and the hour of the kubelet is stretched to a year for clients that do
// not read their token anew (pkg/registry/core/serviceaccount/storage/token.go).
func tokenLifetime(sa controlplane.ServiceAccounts) string {
	text := "as asked for"
	if sa.MaxExpiration > 0 {
		text += ", " + sa.MaxExpiration.String() + " at most"
	}
	if sa.ExtendExpiration {
		text += "; tokens of pods a year"
	}
	if !sa.Lookup {
		text += "; whether or not the account still exists"
	}
	return text
}

// token is a way in by tokens of an issuer. Names are made by pkg/apis/apiserver ClaimMappings; rules of users are asked once
// they are made (apiserver/plugin/pkg/authenticator/token/oidc).
func (f *finder) token(j *controlplane.JWT) Authenticator {
	m := &j.ClaimMappings
	a := Authenticator{Kind: TokenOfIssuer, Name: j.Issuer.URL, jwt: j, at: j.At,
		Users:  mapped(m.Username.Claim, m.Username.Expression, m.Username.Prefix),
		Groups: mapped(m.Groups.Claim, m.Groups.Expression, m.Groups.Prefix)}
	for _, r := range j.UserValidationRules {
		a.Users.limit(r.Expression, "user.username")
		a.Groups.limit(r.Expression, "user.groups")
	}
	for _, r := range j.ClaimValidationRules {
		limitClaim(&a.Users, &m.Username, r)
		limitClaim(&a.Groups, &m.Groups, r)
	}
	a.Directory = behind(DirectoryOf(j.Issuer.URL), j.Issuer.URL, f.brokers)
	a.People = !a.Directory.Machines
	if i, _ := factorRule(j.ClaimValidationRules); i >= 0 {
		a.Factors = factorText(j.ClaimValidationRules[i])
	}
	return a
}

// limitClaim: what a rule demands of a claim holds for the name only where the name is the claim.
func limitClaim(n *Names, m *config.PrefixedClaimOrExpression, r config.ClaimValidationRule) {
	if m.Claim != "" && m.Prefix != nil && *m.Prefix == "" && r.Expression != "" {
		n.limit(r.Expression, "claims."+m.Claim)
	}
}

func factorText(r config.ClaimValidationRule) string {
	if r.Claim != "" {
		return fmt.Sprintf("%s must be %q", r.Claim, r.RequiredValue)
	}
	return r.Expression
}

// cloud are the ways that the vendor of a managed cluster adds.
func (f *finder) cloud() {
	m := f.managed
	if m.Vendor == "" {
		return
	}
	c, one := m.Cluster()
	if !one {
		name := map[cloud.Vendor]string{cloud.EKS: "AWS IAM", cloud.GKE: "Google Cloud"}[m.Vendor]
		if name == "" {
			f.Hidden = append(f.Hidden, Hidden{CloudDirectory, "whether the cluster has a directory is in its description", []string{describe(m.Vendor)}})
			return
		}
		f.add(f.directory(m.Vendor, name, m.Place), controlplane.Basis{Strength: inventory.VendorAsserted, Known: controlplane.Asserted, Reason: name + " authenticates everybody in every cluster of " + string(m.Vendor)})
		return
	}
	from := func(p process.Place) controlplane.Basis {
		return controlplane.Basis{Known: controlplane.Explicit, Places: []process.Place{p}, Source: c.Source}
	}
	if d := c.Directory; d.Known && d.V != "" {
		b := from(d.Place)
		if d.Default {
			b.Known, b.Strength, b.Reason = controlplane.Asserted, inventory.VendorAsserted, d.V+" authenticates everybody in every cluster of "+string(c.Vendor)
		}
		f.add(f.directory(c.Vendor, d.V, d.Place), b)
	}
	if l := c.LocalAccounts; l.Known && l.V {
		a := Authenticator{Kind: LocalAccount, Name: string(c.Vendor) + " local accounts", Users: TheseNames("client", "admin"), People: true, at: l.Place}
		if c.Vendor == cloud.AKS { // learn.microsoft.com/azure/aks/manage-local-accounts-managed-azure-ad
			a.Users, a.Groups = TheseNames("masterclient"), TheseNames(masters)
		}
		f.add(a, from(l.Place))
	}
	for i := range c.Providers {
		p := &c.Providers[i]
		if !p.Issuer.Known {
			continue
		}
		a := Authenticator{Kind: TokenOfIssuer, Name: p.Issuer.V, at: p.Place, Users: prefixed(p.UsernamePrefix), Groups: prefixed(p.GroupsPrefix)}
		// EKS refuses prefixes and names that begin with system: (docs.aws.amazon.com/eks/latest/userguide/authenticate-oidc-identity-provider.html).
		a.Users.noSystem, a.Groups.noSystem = true, true
		a.Directory = behind(DirectoryOf(p.Issuer.V), p.Issuer.V, f.brokers)
		a.People = !a.Directory.Machines
		f.add(a, from(p.Place))
	}
	for i := range c.Entries {
		f.entry(&c.Entries[i], from)
	}
}

func prefixed(v cloud.Value[string]) Names {
	n := NamesWith(v.V)
	n.doubt = !v.Known
	return n
}

func (f *finder) directory(v cloud.Vendor, name string, at process.Place) Authenticator {
	d := Directory{Name: name}
	users := AnyName()
	users.noSystem = true
	groups := users
	if v == cloud.EKS { // principals come in by the entries that map them
		users, groups = Names{}, Names{}
	}
	return Authenticator{Kind: CloudDirectory, Name: name, Users: users, Groups: groups, People: true, Directory: d, at: at}
}

// entry is a principal that an access entry, or a planned mapping, lets in.
func (f *finder) entry(e *cloud.AccessEntry, from func(process.Place) controlplane.Basis) {
	m := mapping{ARN: e.Principal, Username: e.Username.V, Groups: e.Groups.V}
	a := Authenticator{Kind: CloudPrincipal, Name: e.Principal, People: !nodeEntry(e.Type.V) && !m.forNode(), Directory: Directory{Name: "AWS IAM"}, at: e.Place}
	a.Users, a.Groups = m.give()
	f.add(a, from(e.Place))
}

// nodeEntry reports the types of entries that are for nodes (docs.aws.amazon.com/eks/latest/APIReference/API_AccessEntry.html).
func nodeEntry(t string) bool { return t != "" && t != "STANDARD" && t != cloud.ConfigMapEntry }

func (f *finder) mapped(m *mappings) {
	for i := range m.entries {
		e := &m.entries[i]
		if e.Fault != "" {
			continue
		}
		a := Authenticator{Kind: CloudPrincipal, Name: e.ARN, People: !e.forNode(), Directory: Directory{Name: "AWS IAM"}, at: process.At(e.owner, e.field...)}
		a.Users, a.Groups = e.give()
		f.add(a, controlplane.Basis{Strength: e.owner.Strength()})
	}
	for i := range m.accounts {
		e := &m.accounts[i]
		f.add(Authenticator{Kind: CloudPrincipal, Name: "every principal of account " + e.ARN, Users: NamesWith("arn:"), People: true,
			Directory: Directory{Name: "AWS IAM"}, at: process.At(e.owner, e.field...)}, controlplane.Basis{Strength: e.owner.Strength()})
	}
}

// inCluster are brokers that let people in beside the flags that were seen: OpenShift's server is part of the platform, and
// Pinniped gives out certificates or impersonates.
func (f *finder) inCluster() {
	for _, b := range f.brokers {
		if b.name == "Dex" || len(b.list) == 0 {
			continue
		}
		f.add(Authenticator{Kind: Broker, Name: b.name, Users: AnyName(), Groups: AnyName(), People: true,
			Directory: Directory{Name: b.name, Connectors: b.list}, at: b.at}, controlplane.Basis{Strength: b.at.Object.Strength()})
	}
}

func (a *Authenticator) administers(all []rbac.Administrator) {
	for _, s := range all {
		if p := a.Can(s.Subject); p != Impossible {
			a.Administers = append(a.Administers, Administrator{s.Subject, s.Steps, p})
		}
	}
	slices.SortFunc(a.Administers, func(x, y Administrator) int {
		return cmp.Or(cmp.Compare(x.Steps, y.Steps), x.Subject.Compare(y.Subject))
	})
}

// people are the ways by which people log in.
func (w *Authenticators) people() []*Authenticator {
	var out []*Authenticator
	for _, a := range w.Ways {
		if a.People {
			out = append(out, a)
		}
	}
	return out
}

// describe is the command that prints a cluster of a vendor.
func describe(v cloud.Vendor) string {
	return map[cloud.Vendor]string{cloud.EKS: "aws eks describe-cluster", cloud.GKE: "gcloud container clusters describe --format json", cloud.AKS: "az aks show"}[v]
}
