package rbac

import (
	"context"
	"fmt"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// mappedChecks judge how identities of a cloud come into the cluster.
func mappedChecks() []nist190.Check {
	return []nist190.Check{
		nist190.NewCheck(complete(mappedAdministrators), checkMappedAdministrators),
		nist190.NewCheck(complete(cloudAuthorizer), checkCloudAuthorizer),
	}
}

func complete(md nist190.Metadata) nist190.Metadata {
	md.Risk, md.Since = nist190.UnboundedAdministrativeAccess, "v0.1.0"
	if md.Needs == nil {
		md.Needs = IdentityMappingNeeds()
	}
	return md
}

var mappedAdministrators = nist190.Metadata{
	ID: "rbac-mapped-administrators", Title: "Many identities of the cloud that administer the cluster",
	Doc: fmt.Sprintf(`More than %d identities of AWS IAM are mapped to every right in the cluster, or to a way to it, by groups that bindings give it
and by access policies of EKS. What each mapped identity is, reader, writer or administrator, is in the table that goes with
the finding.

Before: a role for each administrator.

After: one role that administrators assume, from a single sign-on.

    - rolearn: arn:aws:iam::111122223333:role/cluster-admin
      username: admin:{{SessionName}}
      groups: [platform-admins]`, maxAdministrators),
	Claims: nist190.Claims("2a", "1a"), Controls: []string{"AC-2", "AC-6(5)"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Let administrators assume one role, and give the others the rights that their work needs.",
	Needs:       PrincipalNeeds(),
	Limits: `Who may assume a role is known to IAM alone. The creator of an EKS cluster that was made before access entries administers it and
is in no object.`,
}

func checkMappedAdministrators(ctx context.Context, e *nist190.Eval) error {
	all, err := PrincipalsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		e.NotApplicable(inventory.Cluster, "no identity of AWS IAM is mapped into the cluster")
		return nil
	}
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Exhibits: []nist190.Exhibit{principalTable(all)}}
	var admins, unknown []string
	counts := map[Class]int{}
	for i := range all {
		p := &all[i]
		counts[p.Class]++
		if p.Class == AdminAccess {
			admins = append(admins, fmt.Sprintf("%q", p.Name))
			if len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, p.Mappings[0].At.Because("administrator: "+strings.Join(p.Path, "; ")))
			}
		} else if p.Unknown != "" {
			unknown = append(unknown, fmt.Sprintf("%q (%s)", p.Name, p.Unknown))
		}
	}
	out.Message = fmt.Sprintf("%s, %s, %s of AWS IAM", phrase.Count(counts[ReadAccess], "reader"), phrase.Count(counts[WriteAccess], "writer"),
		phrase.Count(len(admins), "administrator"))
	switch {
	case len(admins) > maxAdministrators:
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("%d identities of AWS IAM have every right or a way to it: %s", len(admins), phrase.Shorten(admins))
	case len(admins)+len(unknown) > maxAdministrators:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("%d identities are administrators, and more may be: %s", len(admins), phrase.Shorten(unknown))
	}
	e.Report(out)
	return nil
}

// principalTable lists who is what.
func principalTable(all []Principal) nist190.Exhibit {
	return nist190.Exhibit{Name: "mapped-principals", Title: "Identities of AWS IAM in the cluster", Columns: PrincipalColumns(),
		Rows: func(yield func([]string) bool) {
			for i := range all {
				if !yield(all[i].Row()) {
					return
				}
			}
		}}
}

// PrincipalColumns are the titles of [Principal.Row].
func PrincipalColumns() []string {
	return []string{"PRINCIPAL", "CLASS", "WHERE", "USER", "GROUPS", "SOURCES"}
}

// Row is a principal as it is printed.
func (p *Principal) Row() []string {
	where := "cluster"
	if p.Class == NoAccess {
		where = ""
	} else if len(p.Namespaces) > 0 {
		where = strings.Join(p.Namespaces, " ")
	}
	var users, groups, sources []string
	for i := range p.Mappings {
		m := &p.Mappings[i]
		source := string(m.Source)
		for _, policy := range m.Policies {
			source += " " + policy.Name
		}
		users, sources, groups = append(users, m.Username), append(sources, source), append(groups, m.Groups...)
	}
	class := p.Class.String()
	if p.Unknown != "" {
		class += "?"
	}
	return []string{p.Name, class, where, strings.Join(users, " "), strings.Join(groups, " "), strings.Join(sources, ", ")}
}

var cloudAuthorizer = nist190.Metadata{
	ID: "rbac-cloud-authorizer", Title: "Wide rights that a cloud gives beside RBAC",
	Doc: `The cloud that runs the cluster decides beside RBAC: IAM on Google GKE, role assignments of Azure on AKS where Azure RBAC for
Kubernetes is on, access policies on Amazon EKS. A request is allowed if either allows it, so that RBAC narrows none of what
the cloud gives. On EKS an access policy that holds in the whole cluster and gives every right, every service account or every
Secret is a finding, as a binding of the same would be. Elsewhere the roles of the cloud have to be looked at.

Before:

    policyArn: arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy
    accessScope: {type: cluster}

After:

    policyArn: arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy
    accessScope: {type: namespace, namespaces: [shop]}`,
	Claims: nist190.Claims("1a", "2a"), Controls: []string{"AC-3", "AC-6"},
	Severity: nist190.SeverityHigh,
	Remediation: `On EKS associate the policy with the namespaces that the principal works in. Review who has roles of the cloud with rights in
clusters: container.admin, container.developer, owner and editor on Google; Azure Kubernetes Service RBAC roles and Contributor on
Azure. Attest the result.`,
	Limits: "What the cloud gives is in none of the objects that are read, but for the access entries of EKS, as aws eks list-access-entries, describe-access-entry and list-associated-access-policies print them.",
}

// unions is how clouds decide beside RBAC, as they document it.
var unions = map[cloud.Vendor]string{
	cloud.GKE: "a request is allowed if IAM or RBAC allows it (https://cloud.google.com/kubernetes-engine/docs/how-to/iam)",
	cloud.AKS: "role assignments of Azure count beside RBAC (https://learn.microsoft.com/azure/aks/manage-azure-rbac)",
	cloud.EKS: "access policies count beside RBAC (https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html)",
}

func checkCloudAuthorizer(ctx context.Context, e *nist190.Eval) error {
	clusters := cloud.Find(e.Inventory).Clusters
	if len(clusters) == 0 {
		e.NotApplicable(inventory.Cluster, "no description of a managed cluster was given")
		return nil
	}
	mappings, err := IdentityMappingsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	t := tableOf(e.Inventory.Version().Minor)
	for i := range mappings {
		for _, p := range mappings[i].Policies {
			if what, severity := t.wide(p); what != "" && mappings[i].Never == "" {
				e.Report(nist190.Outcome{Status: nist190.Fail, Subject: p.At.Ref, Key: canonicalPrincipal(mappings[i].Principal) + " " + p.Name, Severity: severity,
					Message:  fmt.Sprintf("%s gives %q %s in the whole cluster, beside RBAC", p.Name, mappings[i].Principal, what),
					Evidence: []nist190.Evidence{p.At, mappings[i].At}})
			}
		}
	}
	for i := range clusters {
		c := &clusters[i]
		at := evidenceAt(c.Place)
		out := nist190.Outcome{Status: nist190.NotAssessed, Subject: at.Ref, Key: "cluster " + c.Name, Reason: nist190.ReasonManualReview,
			Message: fmt.Sprintf("%s: %s", c.Vendor, unions[c.Vendor]), Evidence: []nist190.Evidence{at}, Strength: inventory.VendorAsserted}
		switch beside := c.DirectoryAuthorizes; {
		case beside.Known && !beside.V:
			out.Status, out.Reason, out.Strength = nist190.Pass, "", 0
			out.Message = fmt.Sprintf("%s does not decide beside RBAC", c.Vendor)
		case c.Vendor == cloud.EKS && c.EntriesComplete.Known && c.EntriesComplete.V:
			out.Status, out.Reason, out.Strength = nist190.Pass, "", 0
			out.Message = "every access entry was given"
		}
		e.Report(out)
	}
	return nil
}

// wide tells what an access policy gives in the whole cluster that a binding would be a finding for.
func (t *table) wide(p AccessPolicy) (string, nist190.Severity) {
	rules, ok := AccessPolicyRules(p.Name)
	if !ok || len(p.Namespaces) > 0 {
		return "", 0
	}
	if len(coversEverything(rules)) > 0 {
		return "every right", nist190.SeverityHigh
	}
	var held bits
	for i := range rules {
		h := t.atoms.heldBy(&rules[i])
		held.add(&h)
	}
	secrets := false
	for _, c := range t.powers {
		if c.rules != nil || !c.satisfied(&held) {
			continue
		}
		if c.leads == toAccounts || c.leads == toAdmin {
			return "every service account, and its rights,", nist190.SeverityHigh
		}
		secrets = secrets || c.readsSecrets
	}
	if secrets {
		return "every Secret", nist190.SeverityMedium
	}
	return "", 0
}
