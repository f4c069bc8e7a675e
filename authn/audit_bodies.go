package authn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

var auditSecretBodies = nist190.Metadata{
	ID: "authn-audit-secret-bodies", Title: "Audit log that holds Secrets or tokens", Risk: nist190.UnauthorizedAccess,
	Doc: `The audit policy records requests or answers that contain credentials.

At level Request the body of a request is in the event, at RequestResponse that of the answer too. Of a Secret that is its
content, in plain text, past the encryption of etcd; of a TokenRequest the token; of a TokenReview the token of whoever is
being authenticated. Whoever reads the log, and the systems that it is shipped to, has them all.

Before:

    rules:
    - level: RequestResponse

After:

    rules:
    - level: Metadata
      resources:
      - {group: "", resources: ["secrets", "configmaps", "serviceaccounts/token"]}
      - {group: "authentication.k8s.io", resources: ["tokenreviews"]}
    - level: RequestResponse`,
	Claims: nist190.Claims("2d", "2f"), Controls: []string{"AU-9", "IA-5(7)", "SC-28"}, CIS: []string{"3.2.2"}, Severity: nist190.SeverityHigh,
	Remediation: `Put a rule of level Metadata for secrets, serviceaccounts/token and tokenreviews before the rules that record
bodies. What was recorded until then is compromised as far as the log goes: rotate it.`,
	Needs: AuditNeeds(), Since: "v0.1.0",
	Limits: `Credentials that applications keep in ConfigMaps or custom resources are not looked for. Headers are never recorded.`,
}

// AuditSecretBodies finds audit policies that record credentials.
func AuditSecretBodies() nist190.Check { return nist190.NewCheck(auditSecretBodies, checkAuditBodies) }

func checkAuditBodies(ctx context.Context, e *nist190.Eval) error {
	a, err := AuditOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if managed, err := vendorsPolicy(ctx, e); managed || err != nil {
		return err
	}
	if len(a.value.Replicas) > 0 && !slices.ContainsFunc(a.value.Replicas, func(r controlplane.Answer[controlplane.Audit]) bool { return !r.OK() || r.Value.Recorded() }) {
		e.NotApplicable(inventory.Cluster, "there is no audit log")
		return nil
	}
	leaks := func(x controlplane.Audit) []auditLeak {
		if !x.Recorded() {
			return nil
		}
		return (&AuditPolicy{x.Policy}).leaks()
	}
	out := judge.Outcome(inventory.Cluster, "", a.value, func(x controlplane.Audit) string {
		var what []string
		for _, l := range leaks(x) {
			what = append(what, fmt.Sprintf("%s (rule %d)", l.what, l.rule))
		}
		if len(what) == 0 {
			return ""
		}
		return "the audit log holds " + strings.Join(what, ", ")
	})
	if out.Status == nist190.Fail {
		for _, r := range a.value.Find(func(x controlplane.Audit) bool { return len(leaks(x)) > 0 }) {
			for _, l := range leaks(r.Value) {
				if at, ok := ruleOf(r.Basis, l.rule); ok {
					out.Evidence = append([]nist190.Evidence{at}, out.Evidence...)
				}
			}
		}
	}
	e.Report(out)
	return nil
}
