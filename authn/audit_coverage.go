package authn

import (
	"context"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

var auditCoverage = nist190.Metadata{
	ID: "authn-audit-coverage", Title: "Access that leaves no trace in the audit log", Risk: nist190.UnauthorizedAccess,
	Doc: `The API server does not record a kind of request that every investigation asks for: who read a Secret, who changed a
role, who opened a shell in a container, who made a token, who approved a certificate.

SP 800-190 values single sign-on because it centralizes auditing of access, so that anomalies are found. Without an audit
policy the API server records nothing at all. The first rule of the policy that matches a request decides: a rule of level
None, written to keep noise out, is often wider than it looks. The check asks the policy about each action for somebody whom
it does not name, and for everybody and everything that its rules name; stages that are omitted count.

Before:

    rules:
    - level: None
      resources: [{group: "", resources: ["*"]}]
    - level: Metadata

After:

    rules:
    - level: None
      users: ["system:kube-proxy"]
      verbs: ["watch"]
      resources: [{group: "", resources: ["endpoints", "services"]}]
    - level: Metadata

Requests of Kubernetes' own components may be left out. Failures are of severity high for reading Secrets, changing rights,
shells, tokens and certificates, else medium.`,
	Claims:   []nist190.Claim{{Sentence: "2f", Conclusive: true}},
	Controls: []string{"AU-2", "AU-3", "AU-12", "AC-6(9)"}, CIS: []string{"3.2.1", "3.2.2"}, Severity: nist190.SeverityHigh,
	Remediation: `Give the API server --audit-policy-file and a backend, and end the policy with a rule of level Metadata
without conditions. Move exceptions behind the rules for Secrets, RBAC, subresources of pods and tokens, and name in them
users, verbs and resources together. On EKS turn on the log type audit, on GKE the Data Access logs, on AKS the category
kube-audit in the diagnostic settings.`,
	Needs: AuditNeeds(), Since: "v0.1.0",
	Limits: `Whether events arrive is authn-audit-shipping's. What a managed control plane records beyond what its vendor
documents is not seen: of EKS that the log is on counts. An API server behind the aggregation layer records its own requests
by its own policy.`,
}

// AuditCoverage finds sensitive requests that are not recorded.
func AuditCoverage() nist190.Check { return nist190.NewCheck(auditCoverage, checkAuditCoverage) }

func checkAuditCoverage(ctx context.Context, e *nist190.Eval) error {
	a, err := AuditOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if len(a.value.Replicas) == 0 {
		e.Report(managedAudit(view, a.value.Basis))
		return nil
	}
	any := judge.Outcome(inventory.Cluster, "", a.value, func(x controlplane.Audit) string {
		switch {
		case x.Policy == nil:
			return "nothing that users do at the API server is recorded: there is no audit policy"
		case !x.Recorded():
			return "nothing that users do at the API server is recorded: the audit policy has no backend"
		}
		return ""
	})
	if any.Status != nist190.Pass {
		e.Report(any)
		return nil
	}
	for _, action := range auditActions() {
		e.Report(action.judge(&a.value))
	}
	return nil
}

func (a *auditAction) judge(v *controlplane.Value[controlplane.Audit]) nist190.Outcome {
	spot := func(x controlplane.Audit) (blind, bool) { return (&AuditPolicy{x.Policy}).blindSpot(a) }
	isBlind := func(x controlplane.Audit) bool { _, ok := spot(x); return ok }
	out := judge.Outcome(inventory.Cluster, a.key, *v, func(x controlplane.Audit) string {
		if isBlind(x) {
			return a.what + " leaves no trace"
		}
		return ""
	})
	if out.Status != nist190.Fail {
		return out
	}
	bad := v.Find(isBlind)[0]
	b, _ := spot(bad.Value)
	out.Severity = a.severity
	out.Message = fmt.Sprintf("%s leaves no trace: %s", a.what, b.because(bad.Value.Policy))
	if bad.Replica != "" && len(v.Replicas) > 1 {
		out.Message += ", on " + bad.Replica
	}
	if at, ok := ruleOf(bad.Basis, b.rule); ok {
		out.Evidence = append([]nist190.Evidence{at}, out.Evidence...)
	}
	return out
}

// because says which rule decides, for whom.
func (b *blind) because(p *config.AuditPolicy) string {
	what := b.request.Verb + " " + b.request.Resource
	if b.request.Subresource != "" {
		what += "/" + b.request.Subresource
	}
	switch {
	case b.rule < 0:
		return fmt.Sprintf("no rule of the audit policy matches %s", what)
	case p.Rules[b.rule].Level != "None":
		return fmt.Sprintf("rule %d of the audit policy matches %s and omits its stages", b.rule, what)
	}
	return fmt.Sprintf("rule %d of the audit policy, of level None, matches %s%s", b.rule, what, b.whose)
}

// ruleOf is the place of a rule in the policy that an answer rests on.
func ruleOf(b controlplane.Basis, rule int) (nist190.Evidence, bool) {
	if len(b.Places) == 0 || b.Places[0].Object == nil || rule < 0 {
		return nist190.Evidence{}, false
	}
	at := b.Places[0]
	if len(at.Path) == 0 { // a text in a field has no places of its own
		at = at.Field("rules", rule)
	}
	return placeOf(at), true
}

func placeOf(p process.Place) nist190.Evidence { return nist190.At(p.Object, p.Path...) }

// managedAudit is what is known of the records of a control plane that a vendor runs.
func managedAudit(view *controlplane.View, hidden controlplane.Basis) nist190.Outcome {
	m, _ := view.Managed()
	c, ok := m.Cluster()
	if !ok {
		return judge.NotAssessed(inventory.Cluster, "", hidden)
	}
	switch on := c.AuditLog; {
	case on.Known && !on.V:
		return nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Evidence: []nist190.Evidence{placeOf(on.Place)},
			Message: fmt.Sprintf("nothing that users do at the API server is recorded: the audit log of %s is off", m.Vendor)}
	case on.Known:
		return nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Evidence: []nist190.Evidence{placeOf(on.Place)}}
	default:
		out := judge.NotAssessed(inventory.Cluster, "", controlplane.Basis{Reason: on.Why, Wanted: []string{auditSettings[m.Vendor]}})
		if s, ok := m.Asserted(cloud.WritesAudited); ok {
			out.Message = fmt.Sprintf("changes are recorded (%s: %s, %s); whether reading Secrets is depends on settings that no description of the cluster has", m.Vendor, s.Statement, s.Document)
		}
		out.Evidence = append(out.Evidence, placeOf(c.Place))
		return out
	}
}

// auditSettings hold what is recorded of a vendor's control plane, outside of the cluster's description.
var auditSettings = map[cloud.Vendor]string{
	cloud.EKS: "aws eks describe-cluster", cloud.GKE: "the audit configuration of the project's IAM policy",
	cloud.AKS: "the diagnostic settings of the cluster",
}
