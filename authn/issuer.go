package authn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// issuerChecks are about the ways in by which people come.
func issuerChecks() []nist190.Check {
	return []nist190.Check{
		onWays(singleSignOn, checkSingleSignOn), IdentityCollision(), onWays(sharedIssuer, checkSharedIssuer),
		onWays(issuerAudience, checkIssuerAudience), onWays(multiFactor, checkMultiFactor), onWays(approvedDirectory, checkApprovedDirectory),
		onWays(localPasswords, checkLocalPasswords),
	}
}

// onWays makes a check that looks at the ways in.
func onWays(md nist190.Metadata, find func(*login, *Authenticators) error) nist190.Check {
	return ofControlPlane(md, func(l *login) error {
		w, err := waysOf(l.ctx, l.Inventory)
		if err != nil {
			return err
		}
		return find(l, w)
	}, wayNeeds()...)
}

// hiddenWays reports that it is not known whether there is a way of a kind; false where it is known.
func (l *login) hiddenWays(w *Authenticators, kind Kind) bool {
	for _, h := range w.Hidden {
		if h.Kind == kind {
			l.Report(l.honest(judge.NotAssessed(inventory.Cluster, "", controlplane.Basis{Reason: h.Reason, Wanted: h.Wanted})))
			return true
		}
	}
	return false
}

// found is an outcome about a way in.
func (a *Authenticator) found(status nist190.Status, message string) nist190.Outcome {
	out := nist190.Outcome{Status: status, Subject: inventory.Cluster, Key: a.String(), Message: message, Strength: a.Strength}
	if a.Evidence.Ref.Kind != "" {
		out.Evidence = []nist190.Evidence{a.Evidence}
	}
	return out
}

var singleSignOn = nist190.Metadata{
	ID: "authn-single-sign-on", Title: "Cluster without single sign-on",
	Doc: `Nothing lets people log in with the account that they have in a directory of the organization.

What is left is certificates, static tokens and tokens of service accounts: accounts of the cluster's own, which nobody closes when a
person leaves. Counted are issuers of OpenID Connect (flags, AuthenticationConfiguration, identity providers of EKS), a token
webhook, the directory of a managed cluster, OpenShift's OAuth server with a provider, and Pinniped. An issuer of a pipeline is for
machines and does not count, nor does the front proxy of the aggregation layer.

Before: a kubeconfig with a certificate for each person.

After, in AuthenticationConfiguration:

    jwt:
    - issuer: {url: "https://login.example.com", audiences: [kubernetes]}
      claimMappings:
        username: {claim: email, prefix: "sso:"}
        groups: {claim: groups, prefix: "sso:"}`,
	Claims: nist190.Claims("2c"), Controls: []string{"IA-2", "IA-8", "AC-2(1)"}, CIS: []string{"3.1.1"}, Severity: nist190.SeverityHigh,
	Remediation: "Register the cluster with your identity provider, configure its issuer, bind its groups, and withdraw the certificates.",
	Limits:      "A proxy in front of the API server that logs people in and impersonates them is not recognized, unless it is Pinniped.",
}

func checkSingleSignOn(l *login, w *Authenticators) error {
	var best *Authenticator
	for _, a := range w.people() {
		switch a.Kind {
		case TokenOfIssuer, TokenWebhook, CloudDirectory, Broker:
			if a.Kind == Broker && len(a.Directory.Connectors) == 0 {
				continue
			}
			if best == nil || a.Strength > best.Strength {
				best = a
			}
		}
	}
	if best != nil {
		out := best.found(nist190.Pass, "")
		out.Key = ""
		l.Report(out)
		return nil
	}
	const none = "people have no way in by a directory"
	if c, one := w.managed.Cluster(); one && c.Directory.Known { // AKS without Entra ID
		l.Fail(inventory.Cluster, "", none+fmt.Sprintf(": the cluster is not connected to one, and %s has no other by default", c.Vendor), nist190.At(c.Directory.Object, c.Directory.Path...))
		return nil
	}
	if l.hiddenWays(w, CloudDirectory) || l.hiddenWays(w, TokenOfIssuer) || l.hiddenWays(w, TokenWebhook) {
		return nil
	}
	l.Report(judge.Outcome(inventory.Cluster, "", l.api.JWT(), func([]controlplane.JWT) string {
		return none + ": no issuer, token webhook or identity broker is configured"
	}))
	return nil
}

var identityCollision = nist190.Metadata{
	ID: "authn-identity-collision", Title: "Issuer that can make somebody a user or group of Kubernetes' own",
	Doc: `A token of the issuer can carry a name that begins with system:, such as the group system:masters.

Who can name groups in the directory, or choose an account name there, then administers the cluster past RBAC. Prefixes keep names of
the issuer apart. The flags prefix usernames with the issuer, unless the claim is email or --oidc-username-prefix is "-", and
never prefix groups by themselves. In AuthenticationConfiguration rules can refuse such names instead.

Before:

    kube-apiserver --oidc-groups-claim=groups

After:

    kube-apiserver --oidc-groups-claim=groups --oidc-groups-prefix=sso:

or, in AuthenticationConfiguration:

    userValidationRules:
    - {expression: "!user.username.startsWith('system:')", message: reserved}
    - {expression: "user.groups.all(group, !group.startsWith('system:'))", message: reserved}`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-6", "IA-4"}, Severity: nist190.SeverityHigh,
	Remediation: "Set prefixes for usernames and groups, bind the prefixed names first, and then let logins use them.",
	Limits:      "CEL expressions are read by their form; one that is not understood is not assessed. Which names the directory can hold is not seen.",
}

// IdentityCollision finds issuers whose tokens can carry names that Kubernetes keeps for itself.
func IdentityCollision() nist190.Check {
	needs := rbac.AccessNeeds()
	for i := range needs {
		needs[i].Bias = inventory.SeverityOnly
	}
	return ofControlPlane(identityCollision, func(l *login) error {
		w, err := AuthenticatorsOf(l.ctx, l.Inventory)
		if err != nil {
			return err
		}
		return checkCollision(l, w)
	}, inventory.JoinNeeds(wayNeeds(), needs)...)
}

func checkCollision(l *login, w *Authenticators) error {
	seen := false
	for _, a := range w.Ways {
		if a.Kind != TokenOfIssuer {
			continue
		}
		seen = true
		users, groups := a.Users.CanCollide(), a.Groups.CanCollide()
		what := "usernames"
		if groups > users {
			what = "groups"
		} else if groups == users {
			what = "usernames and groups"
		}
		switch max(users, groups) {
		case Impossible:
			l.Report(a.found(nist190.Pass, ""))
		case Perhaps:
			out := a.found(nist190.NotAssessed, fmt.Sprintf("whether %s of issuer %q can begin with system: depends on an expression", what, a.Name))
			out.Reason = nist190.ReasonUnknown
			l.Report(out)
		default:
			out := a.found(nist190.Fail, fmt.Sprintf("%s of issuer %q have no prefix and can be those of Kubernetes%s", what, a.Name, reaches(a)))
			if a.Groups.Can(masters) == Certain {
				out.Severity = nist190.SeverityCritical
			}
			l.Report(out)
		}
	}
	if !seen && !l.hiddenWays(w, TokenOfIssuer) {
		l.NotApplicable(inventory.Cluster, "the API server takes no tokens of issuers")
	}
	return nil
}

// reaches names who is worst of those whom a way in can make of somebody.
func reaches(a *Authenticator) string {
	for _, s := range a.Administers {
		if s.Possible == Certain && strings.HasPrefix(s.Name, "system:") {
			return fmt.Sprintf(", %s among them", s.Subject)
		}
	}
	return ""
}

var sharedIssuer = nist190.Metadata{
	ID: "authn-shared-issuer", Title: "Issuer that serves everybody, without a rule who of them may log in",
	Doc: `The issuer signs tokens for any customer of a public service, and no rule asks for the organization's own.

Google signs for every account, Entra's common endpoint for every tenant, GitHub Actions for every repository that asks for the
audience. Whoever gets a token with the audience of the cluster is authenticated, with the rights of system:authenticated, and with
the name that the token says.

Before:

    jwt:
    - issuer: {url: "https://token.actions.githubusercontent.com", audiences: [kubernetes]}

After:

    jwt:
    - issuer: {url: "https://token.actions.githubusercontent.com", audiences: [kubernetes]}
      claimValidationRules:
      - {claim: repository_owner_id, requiredValue: "123456"}`,
	Claims: nist190.Claims("2b", "2c"), Controls: []string{"IA-5(2)", "IA-8(2)"}, Severity: nist190.SeverityHigh,
	Remediation: `Require a claim that only tokens of your organization have: hd of Google, tid of Entra, repository_owner_id or enterprise of
GitHub, namespace_id of GitLab. Or use the issuer of your own tenant.`,
	Limits: "A rule is taken to ask for what its claims say; whether the value is yours is not known.",
}

// ownerClaims tell whose token it is.
var ownerClaims = []string{"hd", "tid", "iss", "repository_owner", "repository_owner_id", "repository", "repository_id", "enterprise", "enterprise_id", "sub", "job_workflow_ref",
	"namespace_path", "namespace_id", "project_path", "project_id", "organization_id", "organization_slug", "pipeline_slug", "terraform_organization_id", "terraform_organization_name", "email", "groups"}

func checkSharedIssuer(l *login, w *Authenticators) error {
	seen := false
	for _, a := range w.Ways {
		if a.Kind != TokenOfIssuer {
			continue
		}
		seen = true
		switch {
		case !a.Directory.Shared:
			l.Report(a.found(nist190.Pass, ""))
		case a.jwt != nil && asksOwner(a.jwt):
			l.Report(a.found(nist190.Pass, ""))
		default:
			l.Report(a.found(nist190.Fail, fmt.Sprintf("%s issues tokens to everybody, and no rule asks whose one of %q is", a.Directory.Name, a.Name)))
		}
	}
	if !seen && !l.hiddenWays(w, TokenOfIssuer) {
		l.NotApplicable(inventory.Cluster, "the API server takes no tokens of issuers")
	}
	return nil
}

func asksOwner(j *controlplane.JWT) bool {
	for _, r := range j.ClaimValidationRules {
		if slices.Contains(ownerClaims, r.Claim) {
			return true
		}
		for _, claim := range claimsIn(hasCall.ReplaceAllString(compact(r.Expression), "")) {
			if slices.Contains(ownerClaims, claim) {
				return true
			}
		}
	}
	return false
}

var issuerAudience = nist190.Metadata{
	ID: "authn-issuer-audience", Title: "Issuer with the audience of other applications",
	Doc: `Tokens of the issuer are taken that were made for something else than the cluster.

A token is sent to the application that it is made for, and that application, or whoever breaks into it, could use it at the API
server. An audience that is the API server's own, or that every application of the issuer shares, tells nothing apart.

Before:

    issuer: {url: "https://login.example.com", audiences: [account, kubernetes], audienceMatchPolicy: MatchAny}

After:

    issuer: {url: "https://login.example.com", audiences: [kubernetes-production]}`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5(2)"}, Severity: nist190.SeverityMedium,
	Remediation: "Register the cluster as a client of its own, and name that client as the only audience.",
	Limits:      "Audiences that are known to be shared are found: account of Keycloak, those of Microsoft's and Google's own interfaces, and the URL of the issuer.",
}

// sharedAudiences are those that tokens carry whatever they were made for.
var sharedAudiences = []string{"account", "*", "api://AzureADTokenExchange", "00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", "https://management.azure.com", "https://management.core.windows.net/",
	"https://www.googleapis.com", "32555940559.apps.googleusercontent.com", "https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local", "sts.amazonaws.com"}

func checkIssuerAudience(l *login, w *Authenticators) error {
	seen := false
	own := map[string]bool{}
	for _, a := range l.api.ServiceAccounts().Find(func(controlplane.ServiceAccounts) bool { return true }) {
		for _, audience := range a.Value.Audiences {
			own[audience] = true
		}
	}
	for _, a := range w.Ways {
		if a.Kind != TokenOfIssuer || a.jwt == nil {
			continue
		}
		seen = true
		wrong := ""
		for _, audience := range a.jwt.Issuer.Audiences {
			switch {
			case own[audience]:
				wrong = fmt.Sprintf("the audience %q is that of service account tokens", redact.URL(audience))
			case slices.Contains(sharedAudiences, audience), strings.TrimRight(audience, "/") == strings.TrimRight(a.Name, "/"):
				wrong = fmt.Sprintf("the audience %q is not the cluster's own: tokens for other applications of %q let in", redact.URL(audience), a.Name)
			}
		}
		if wrong == "" {
			l.Report(a.found(nist190.Pass, ""))
		} else {
			l.Report(a.found(nist190.Fail, wrong))
		}
	}
	if !seen && !l.hiddenWays(w, TokenOfIssuer) {
		l.NotApplicable(inventory.Cluster, "no audience is configured")
	}
	return nil
}

var multiFactor = nist190.Metadata{
	ID: "authn-multi-factor", Title: "Login that does not show several factors",
	Doc: `Nothing shows that people need more than a password, or a file, to log in.

Factors are asked for by the identity provider. The API server can demand that a token says so: by a rule over acr, amr, or the
authentication context of Entra. Each issuer for people that has such a rule passes; the others, and certificates, are for a person
to attest. A required value cannot match amr, which is a list, so that such a rule refuses everybody and is no evidence.

Before:

    jwt:
    - issuer: {url: "https://login.example.com", audiences: [kubernetes]}

After:

    jwt:
    - issuer: {url: "https://login.example.com", audiences: [kubernetes]}
      claimValidationRules:
      - {expression: "'mfa' in claims.amr", message: log in with a second factor}`,
	Claims: []nist190.Claim{{Sentence: "2b", Conclusive: true}}, Controls: []string{"IA-2(1)", "IA-2(2)"}, Severity: nist190.SeverityMedium,
	Remediation: `Require several factors in the identity provider for the cluster's client, and demand it of tokens. For client certificates, issue
them to smart cards only (authn.smartCards of the configuration file), or have people use none.`,
	Limits: "Whether the provider tells the truth in acr and amr is not seen.",
}

func checkMultiFactor(l *login, w *Authenticators) error {
	profile := LoginProfile.Get(l.Inventory)
	var open []*Authenticator
	for _, a := range w.people() {
		switch {
		case a.Factors != "":
			out := a.found(nist190.Pass, "")
			if len(out.Evidence) > 0 {
				out.Evidence[0] = out.Evidence[0].Because("a rule demands it: " + a.Factors)
			}
			l.Report(out)
		case a.Kind == ClientCertificate && profile.SmartCards:
			out := a.found(nist190.Pass, "")
			out.Strength = inventory.Attested
			l.Report(out)
		default:
			open = append(open, a)
		}
	}
	if len(w.people()) == 0 && len(w.Hidden) > 0 && !w.visible && w.managed.Vendor == "" {
		l.hiddenWays(w, ClientCertificate)
		return nil
	}
	if len(open) == 0 {
		return nil
	}
	var evidence []nist190.Evidence
	for _, a := range open {
		if a.Evidence.Ref.Kind != "" && len(evidence) < 5 {
			evidence = append(evidence, a.Evidence)
		}
	}
	message := "several factors are asked for by whoever vouches for people, and not shown here: " + summary(open)
	if refused(open) {
		message += "; a rule that wants text of amr refuses every token"
	}
	l.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, message, evidence...)
	return nil
}

// summary names the ways, principals of the cloud as one.
func summary(list []*Authenticator) string {
	var names []string
	principals := 0
	for _, a := range list {
		if a.Kind == CloudPrincipal {
			principals++
			continue
		}
		names = append(names, a.String())
	}
	if principals > 0 {
		names = append(names, fmt.Sprintf("%d principals of the cloud", principals))
	}
	return strings.Join(names, ", ")
}

func refused(list []*Authenticator) bool {
	return slices.ContainsFunc(list, func(a *Authenticator) bool {
		if a.jwt == nil {
			return false
		}
		_, never := factorRule(a.jwt.ClaimValidationRules)
		return len(never) > 0
	})
}

var approvedDirectory = nist190.Metadata{
	ID: "authn-approved-directory", Title: "Login by a directory that is not approved",
	Doc: `People can log in with an account that is kept somewhere else than in the directories of the organization.

Which those are only the organization knows: the configuration file lists them (authn.directories), by the URL of an issuer or by
the name of the provider or connector. Then every way in for people is held against it: issuers, connectors of Dex, providers of
OpenShift, the directory of a cloud. Without a list a person reviews the ones that are there.

Before:

    connectors: [{type: github, id: github, name: GitHub}, {type: ldap, id: corp, name: Corporate}]

After:

    connectors: [{type: ldap, id: corp, name: Corporate}]`,
	Claims: []nist190.Claim{{Sentence: "2c", Conclusive: true}}, Controls: []string{"IA-2", "IA-8(2)", "AC-2(1)"}, Severity: nist190.SeverityMedium,
	Remediation: "Remove the issuer or connector, or add it to authn.directories where it is the organization's own.",
	Limits:      "Certificates and static files have no directory; other checks find them. What stands behind a token webhook is not seen.",
}

func checkApprovedDirectory(l *login, w *Authenticators) error {
	profile := LoginProfile.Get(l.Inventory)
	var open []string
	seen := false
	for _, a := range w.people() {
		switch a.Kind {
		case TokenOfIssuer, CloudDirectory, Broker, TokenWebhook:
		default:
			continue
		}
		seen = true
		if len(profile.Directories) == 0 {
			open = append(open, fmt.Sprintf("%s with directory %s", a, a.Directory))
			continue
		}
		if len(a.Directory.Connectors) == 0 {
			if profile.approves(a.Name, a.Directory.Name, a.Directory.String()) {
				l.Report(a.found(nist190.Pass, ""))
			} else {
				l.Report(a.found(nist190.Fail, fmt.Sprintf("%s (%s) is not among the approved directories", a, a.Directory)))
			}
			continue
		}
		for _, c := range a.Directory.Connectors {
			out := a.found(nist190.Pass, "")
			out.Key, out.Evidence = c.String(), []nist190.Evidence{c.At}
			if !profile.approves(c.Name, c.Broker+" "+c.Type, c.Type+" "+c.Name) {
				out.Status, out.Message = nist190.Fail, fmt.Sprintf("%s is not among the approved directories", c)
			}
			l.Report(out)
		}
	}
	if len(open) > 0 {
		l.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, "whether these are directories of the organization: "+strings.Join(open, "; "))
		return nil
	}
	if !seen && !l.hiddenWays(w, TokenOfIssuer) && !l.hiddenWays(w, CloudDirectory) {
		l.NotApplicable(inventory.Cluster, "people have no way in by a directory")
	}
	return nil
}

var localPasswords = nist190.Metadata{
	ID: "authn-local-password", Title: "Identity broker with passwords of its own",
	Doc: `The broker that the cluster trusts keeps accounts itself, or lets in without asking.

Passwords of Dex (staticPasswords, enablePasswordDB) and of OpenShift's HTPasswd and BasicAuth are accounts that no directory
knows: no second factor, no lock-out when a person leaves. Dex's mockCallback, meant for tests, lets in whoever asks.

Before:

    enablePasswordDB: true
    staticPasswords: [{email: admin@example.com, ...}]

After:

    connectors: [{type: oidc, id: corp, name: Corporate, config: {issuer: "https://login.example.com", ...}}]`,
	Claims: nist190.Claims("2b", "2c"), Controls: []string{"IA-2(1)", "IA-5(1)"}, Severity: nist190.SeverityHigh,
	Remediation: "Connect the broker to the directory, move its people there, and remove its own passwords.",
	Limits:      "A configuration of Dex in a Secret is not read. One in a ConfigMap counts where the API server trusts its issuer, or where its flags are not seen.",
}

func checkLocalPasswords(l *login, w *Authenticators) error {
	all, err := brokers.Get(l.ctx, l.Inventory)
	if err != nil {
		return err
	}
	for _, b := range all {
		subject := b.at.Object.Ref()
		if b.name == "Dex" && w.visible && !slices.ContainsFunc(w.Ways, func(a *Authenticator) bool {
			return strings.TrimRight(a.Name, "/") == strings.TrimRight(b.issuer, "/")
		}) {
			l.NotApplicable(subject, "the API server does not trust its issuer")
			continue
		}
		bad := false
		for _, c := range b.list {
			switch {
			case c.Open:
				bad = true
				l.Report(nist190.Outcome{Status: nist190.Fail, Severity: nist190.SeverityCritical, Subject: subject, Key: c.String(), Message: c.String() + " lets in whoever asks", Evidence: []nist190.Evidence{c.At}})
			case c.Local:
				bad = true
				l.Fail(subject, c.String(), c.String()+" keeps accounts with passwords that no directory knows", c.At)
			}
		}
		if !bad {
			l.Pass(subject, nist190.At(b.at.Object, b.at.Path...))
		}
	}
	return nil
}
