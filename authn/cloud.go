package authn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// cloudChecks are about managed clusters, by their description and by what maps principals of the cloud.
func cloudChecks() []nist190.Check {
	return []nist190.Check{
		ofControlPlane(clusterCreator, checkCreator), ofControlPlane(awsAuthMode, checkAWSAuthMode), ofControlPlane(publicEndpoint, checkPublicEndpoint),
		ofControlPlane(localAccount, checkLocalAccount), CloudAdministrators(),
		onAWSAuth(awsAuthIneffective, checkIneffective), onAWSAuth(awsAuthAccount, checkAccounts), onAWSAuth(awsAuthSession, checkSessions),
	}
}

var clusterCreator = nist190.Metadata{
	ID: "authn-cluster-creator", Title: "Creator of the cluster who administers it unseen",
	Doc: `Whoever created the EKS cluster administers it for good.

bootstrapClusterCreatorAdminPermissions, true by default, gives the IAM principal of the pipeline or person that created the cluster
an access entry with AmazonEKSClusterAdminPolicy; in clusters that only use aws-auth it is nowhere to be seen.

Before:

    accessConfig: {bootstrapClusterCreatorAdminPermissions: true}

After:

    accessConfig: {authenticationMode: API, bootstrapClusterCreatorAdminPermissions: false}`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-2", "AC-6(5)"}, Severity: nist190.SeverityMedium,
	Remediation: `Set it to false for new clusters and give administrators access entries. On one that exists, change to authentication mode API and
delete the creator's access entry.`,
	Limits: "The description keeps what was asked for at creation; whether the creator's entry was deleted since is in the list of access entries.",
}

func checkCreator(l *login) error {
	if c, ok := l.described("who may administer it since its creation", cloud.EKS); ok {
		v := c.CreatorIsAdmin
		if !v.Known && c.EntriesComplete.Known && c.EntriesComplete.V { // the entry would be in the list
			v = cloud.Value[bool]{Known: true, Place: c.EntriesComplete.Place}
		}
		valued(l, "", v, func(on bool) string {
			if on {
				return "whoever created the cluster administers it"
			}
			return ""
		})
	}
	return nil
}

var awsAuthMode = nist190.Metadata{
	ID: "authn-aws-auth-mode", Title: "EKS cluster that takes identities from a ConfigMap",
	Doc: `The ConfigMap kube-system/aws-auth decides who is who in the cluster.

Whoever may write ConfigMaps of kube-system is an administrator, a mistake in its indentation locks everybody out, and CloudTrail does
not show its changes. Access entries are kept by EKS itself, with IAM deciding who changes them.

Before:

    accessConfig: {authenticationMode: API_AND_CONFIG_MAP}

After:

    accessConfig: {authenticationMode: API}`,
	Claims: nist190.Claims("2a", "2c"), Controls: []string{"AC-2", "AC-3"}, Severity: nist190.SeverityMedium,
	Remediation: "Make an access entry for every mapping of aws-auth, change the mode to API_AND_CONFIG_MAP and, when nothing uses the ConfigMap, to API. There is no way back.",
	Limits:      "The mode is that of the description.",
}

func checkAWSAuthMode(l *login) error {
	if c, ok := l.described("the authentication mode", cloud.EKS); ok {
		valued(l, "", c.ConfigMapAuth, func(on bool) string {
			switch {
			case !on:
				return ""
			case c.DirectoryAuthorizes.Known && !c.DirectoryAuthorizes.V:
				return "the ConfigMap aws-auth alone says who is who"
			}
			return "the ConfigMap aws-auth says who is who, beside access entries"
		})
	}
	return nil
}

var publicEndpoint = nist190.Metadata{
	ID: "authn-public-endpoint", Title: "API server that the whole internet reaches",
	Doc: `The address of the API server is public, and no network is kept out.

A stolen token or kubeconfig then works from anywhere, and so does a weakness of the API server itself. What reaches it can be limited
to the networks of administrators, or the address can be private.

Before:

    resourcesVpcConfig: {endpointPublicAccess: true, publicAccessCidrs: ["0.0.0.0/0"]}

After:

    resourcesVpcConfig: {endpointPublicAccess: false, endpointPrivateAccess: true}`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-17", "SC-7"}, Severity: nist190.SeverityHigh,
	Remediation: "Make the endpoint private, or list the networks that administrators and pipelines come from.",
	Limits:      "Firewalls beside the description are not seen. GKE's endpoint by name stands behind IAM and is not counted.",
}

func checkPublicEndpoint(l *login) error {
	c, ok := l.described("who reaches the API server")
	if !ok {
		return nil
	}
	if public := c.PublicEndpoint; !public.Known || !public.V {
		valued(l, "", public, noProblem[bool])
		return nil
	}
	valued(l, "", c.AllowedNetworks, func(list []string) string {
		if slices.Contains(list, "0.0.0.0/0") || slices.Contains(list, "::/0") {
			return "every address on the internet reaches the API server"
		}
		return ""
	})
	return nil
}

var localAccount = nist190.Metadata{
	ID: "authn-local-account", Title: "Accounts past the directory of a managed cluster",
	Doc: `The vendor hands out certificates or passwords that let in past the directory.

AKS gives whoever may list the cluster's credentials a certificate of system:masters, unless local accounts are disabled: one
credential for all, that Entra ID neither sees nor can withdraw. GKE's client certificates and passwords are older forms of the same.
An AKS cluster without Entra ID has nothing else.

Before:

    "disableLocalAccounts": false

After:

    "aadProfile": {"managed": true, ...}, "disableLocalAccounts": true`,
	Claims: nist190.Claims("2a", "2c"), Controls: []string{"IA-2", "AC-2(9)"}, Severity: nist190.SeverityHigh,
	Remediation: `AKS: az aks update --enable-aad --disable-local-accounts, and rotate certificates, since those that were handed out stay good. GKE: turn off
basic authentication, and do not issue a client certificate.`,
	Limits: "Who has been given such a credential is not seen. EKS has none.",
}

func checkLocalAccount(l *login) error {
	if c, ok := l.described("whether there are local accounts", cloud.AKS, cloud.GKE); ok {
		valued(l, "", c.LocalAccounts, func(on bool) string {
			switch {
			case !on:
				return ""
			case c.Vendor == cloud.AKS:
				return "local accounts are on: a shared certificate of system:masters is handed out past Entra ID"
			}
			return "a client certificate or a password lets in past Google's accounts"
		})
	}
	return nil
}

// maxCloudAdministrators is the bound of rbac-administrators, for principals of the cloud.
const maxCloudAdministrators = 5

var cloudAdministrators = nist190.Metadata{
	ID: "authn-cloud-administrators", Title: "Many administrators by the cloud, or personal and root accounts among them",
	Doc: fmt.Sprintf(`More than %d principals of the cloud administer the cluster, or one is an IAM user or the root of the account.

Access policies of EKS and roles of the clouds give rights that no binding shows. A role that people assume through single sign-on can
be taken back and asks for a second factor; an IAM user has keys of its own, and root is nobody.

Before:

    principalArn: arn:aws:iam::111122223333:user/alice        # AmazonEKSClusterAdminPolicy

After:

    principalArn: arn:aws:iam::111122223333:role/cluster-admins`, maxCloudAdministrators),
	Claims: nist190.Claims("2a", "2c"), Controls: []string{"AC-2", "AC-6(7)"}, Severity: nist190.SeverityHigh,
	Remediation: "Give the access policy to one role that administrators assume, and others the policies that their work needs.",
	Limits:      "Who may assume a role, and who is in a group of Entra ID or Google, is not seen; nor are roles of IAM in Google Cloud and Azure.",
}

// CloudAdministrators bounds who administers the cluster by the cloud.
func CloudAdministrators() nist190.Check {
	return ofControlPlane(cloudAdministrators, checkCloudAdministrators)
}

func checkCloudAdministrators(l *login) error {
	c, ok := l.described("who administers it by the cloud")
	if !ok {
		return nil
	}
	var names []string
	var evidence []nist190.Evidence
	failed := false
	add := func(name string, ev nist190.Evidence) {
		if !slices.Contains(names, name) {
			names = append(names, name)
			evidence = append(evidence, ev)
		}
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		if slices.ContainsFunc(e.Policies, func(p cloud.AccessPolicy) bool { return p.ClusterAdmin() && p.ClusterWide.Known && p.ClusterWide.V }) {
			at := nist190.At(e.Object, e.Path...).Showing(e.Principal)
			add(e.Principal, at)
			if personal := personalPrincipal(e.Principal); personal != "" {
				failed = true
				l.Report(nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Key: e.Principal, Evidence: []nist190.Evidence{at},
					Message: fmt.Sprintf("%s %q administers the cluster", personal, e.Principal)})
			}
		}
	}
	if c.AdminGroups.Known {
		for i, g := range c.AdminGroups.V {
			add(g, nist190.At(c.AdminGroups.Object, append(slices.Clone(c.AdminGroups.Path), i)...))
		}
	}
	if len(names) > maxCloudAdministrators {
		failed = true
		l.Fail(inventory.Cluster, "many", fmt.Sprintf("%d principals of the cloud administer the cluster: %s", len(names), phrase.Shorten(names)), evidence[:min(len(evidence), 5)]...)
	}
	switch {
	case failed:
	case c.EntriesComplete.Known && c.EntriesComplete.V, c.Vendor == cloud.EKS && c.DirectoryAuthorizes.Known && !c.DirectoryAuthorizes.V:
		l.Pass(inventory.Cluster, evidence[:min(len(evidence), 5)]...)
	case c.Vendor == cloud.AKS && c.DirectoryAuthorizes.Known && !c.DirectoryAuthorizes.V:
		l.Pass(inventory.Cluster, evidence[:min(len(evidence), 5)]...) // RBAC alone decides, and rbac counts who is bound
	case c.Vendor == cloud.EKS:
		l.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonMissingEvidence, Message: c.EntriesComplete.Why,
			Missing: []nist190.Missing{{Evidence: "aws eks list-access-entries, with describe-access-entry and list-associated-access-policies for each", State: inventory.NotCollected, Reason: c.EntriesComplete.Why}}})
	default:
		l.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonManualReview,
			Message: "roles of the cloud's IAM administer clusters beside RBAC; attest who holds them",
			Missing: []nist190.Missing{{Evidence: "roles of IAM at the cluster and above", State: inventory.NotServed, Reason: "no object of the cluster shows them: attest who holds them"}}})
	}
	return nil
}

// personalPrincipal words what an ARN stands for where it is no role.
func personalPrincipal(arn string) string {
	switch {
	case strings.HasSuffix(arn, ":root"):
		return "the root of an account"
	case strings.Contains(arn, ":iam::") && strings.Contains(arn, ":user/"):
		return "the IAM user"
	}
	return ""
}

// onAWSAuth makes a check of what maps principals of AWS.
func onAWSAuth(md nist190.Metadata, find func(*nist190.Eval, *mappings) (failed bool)) nist190.Check {
	md.Needs = mappingNeeds()
	return making(md, func(ctx context.Context, e *nist190.Eval) error {
		m, err := awsMappings.Get(ctx, e.Inventory)
		if err != nil {
			return err
		}
		if len(m.entries)+len(m.accounts)+len(m.broken) == 0 {
			e.NotApplicable(inventory.Cluster, "no ConfigMap aws-auth and no IAMIdentityMapping maps anybody")
			return nil
		}
		if !find(e, m) {
			e.Pass(inventory.Cluster)
		}
		return nil
	})
}

var awsAuthIneffective = nist190.Metadata{
	ID: "authn-aws-auth-ineffective", Title: "Mapping of aws-auth that does not do what it seems to",
	Doc: `An entry of aws-auth is dropped, matches nobody, or gives a group that nobody meant.

The authenticator says nothing: keys are mapRoles, mapUsers and mapAccounts to the letter; one mistake in the YAML of a key drops all of
it; an entry without an ARN is dropped alone; a line too far to the right makes two groups one; a role with a path matches nobody.
Administrators find out when they are locked out, or do not find out that a group was never given.

Before:

    groups:
      - system:bootstrappers
        - system:nodes

After:

    groups:
      - system:bootstrappers
      - system:nodes`,
	Claims: nist190.Claims("2a"), Controls: []string{"IA-2", "IA-4"}, Severity: nist190.SeverityMedium,
	Remediation: "Correct the entry; better, make it an access entry, which EKS checks.",
	Limits:      "Whether the principal exists in AWS is not seen.",
}

func checkIneffective(e *nist190.Eval, m *mappings) bool {
	failed := false
	for _, x := range slices.Concat(m.broken, m.entries) {
		if why := x.mistaken(); why != "" {
			failed = true
			e.Fail(x.owner.Ref(), x.key, x.key+": "+why, x.at)
		}
	}
	return failed
}

var awsAuthAccount = nist190.Metadata{
	ID: "authn-aws-auth-account", Title: "Whole AWS account that may log in",
	Doc: `mapAccounts lets in every user and role of an AWS account.

Each has the rights of system:authenticated, and whatever a binding gives a user whose name is its ARN: who may create roles in the
account chooses who that is.

Before:

    mapAccounts: '["111122223333"]'

After: an entry for each role that works with the cluster.`,
	Claims: nist190.Claims("2a"), Controls: []string{"AC-2", "IA-4"}, Severity: nist190.SeverityHigh,
	Remediation: "Remove mapAccounts, and map the roles that need it; better, use access entries.",
	Limits:      "Who is in the account is not seen.",
}

func checkAccounts(e *nist190.Eval, m *mappings) bool {
	for _, x := range m.accounts {
		e.Fail(x.owner.Ref(), x.key, fmt.Sprintf("every principal of AWS account %q is authenticated", x.ARN), x.at)
	}
	return len(m.accounts) > 0
}

var awsAuthSession = nist190.Metadata{
	ID: "authn-aws-auth-session", Title: "Username that the caller chooses",
	Doc: `The name of the session, which whoever assumes the role writes as it likes, is the username or group in the cluster.

Without a prefix that keeps such names apart, somebody who may assume the role calls the session like another user, or like a bound
one, and has those rights. EKS demands a colon before {{SessionName}} in access entries; aws-auth demands nothing.

Before:

    - {rolearn: "arn:aws:iam::111122223333:role/dev", username: "{{SessionName}}"}

After:

    - {rolearn: "arn:aws:iam::111122223333:role/dev", username: "dev:{{SessionName}}"}`,
	Claims: nist190.Claims("2a", "2b"), Controls: []string{"IA-4", "AC-6"}, Severity: nist190.SeverityHigh,
	Remediation: "Put a prefix with a colon before the template, and bind the prefixed names.",
	Limits:      "The role's trust policy may limit names of sessions (sts:RoleSessionName); it is not seen.",
}

func checkSessions(e *nist190.Eval, m *mappings) bool {
	failed := false
	for _, x := range m.entries {
		if name := x.spoofable(); name != "" && !x.forNode() {
			failed = true
			e.Fail(x.owner.Ref(), x.key, fmt.Sprintf("%s: whoever assumes %q chooses the name %q", x.key, x.ARN, name), x.at)
		}
	}
	return failed
}
