package authn

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

var auditRetention = nist190.Metadata{
	ID: "authn-audit-retention", Title: "Audit log that is rotated away early", Risk: nist190.UnauthorizedAccess,
	Doc: `The API server deletes its audit log after less than thirty days, ten files, or files of 100 megabytes.

An intrusion is found weeks later on average. A limit that is not set is none: the API server then keeps every file, so that
absence is no failure here, although the disk has to hold it. Where a webhook takes the events away, the file does not count.

Before:

    --audit-log-path=/var/log/kubernetes/audit.log --audit-log-maxage=7 --audit-log-maxbackup=2

After:

    --audit-log-path=/var/log/kubernetes/audit.log --audit-log-maxage=30 --audit-log-maxbackup=10 --audit-log-maxsize=100`,
	Claims: nist190.Claims("2f"), Controls: []string{"AU-4", "AU-11"}, CIS: []string{"1.2.17", "1.2.18", "1.2.19"}, Severity: nist190.SeverityLow,
	Remediation: "Set --audit-log-maxage=30, --audit-log-maxbackup=10 and --audit-log-maxsize=100, or more, and ship the events.",
	Needs:       AuditNeeds(), Since: "v0.1.0",
	Limits: "How long the place keeps them that events are shipped to is not seen. How fast the log of this cluster grows is not either.",
}

// AuditRetention finds audit logs that are deleted early.
func AuditRetention() nist190.Check { return nist190.NewCheck(auditRetention, checkAuditRetention) }

// vendorsPolicy reports that the audit log of a managed control plane is not the customer's to configure.
func vendorsPolicy(ctx context.Context, e *nist190.Eval) (managed bool, err error) {
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return false, err
	}
	m, managed := view.Managed()
	if managed {
		e.NotApplicable(inventory.Cluster, fmt.Sprintf("policy and files of the audit log are those of %s", m.Vendor))
	}
	return managed, nil
}

// Limits of the CIS benchmark, items 1.2.17 to 1.2.19.
const leastDays, leastFiles, leastMegabytes = 30, 10, 100

func checkAuditRetention(ctx context.Context, e *nist190.Eval) error {
	a, err := AuditOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if managed, err := vendorsPolicy(ctx, e); managed || err != nil {
		return err
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if len(a.value.Replicas) == 0 {
		e.Report(judge.NotAssessed(inventory.Cluster, "", a.value.Basis))
		return nil
	}
	if all := a.value.Replicas; !slices.ContainsFunc(all, func(r controlplane.Answer[controlplane.Audit]) bool { return !r.OK() || isFile(r.Value) }) {
		e.NotApplicable(inventory.Cluster, "no file holds the audit log")
		return nil
	}
	for _, l := range []struct {
		name   string
		limit  controlplane.AuditLimit
		least  int
		phrase string
	}{
		{"maxage", controlplane.AuditDays, leastDays, "the audit log is deleted after %d days"}, {"maxbackup", controlplane.AuditFiles, leastFiles, "of the audit log only %d old files are kept"},
		{"maxsize", controlplane.AuditMegabytes, leastMegabytes, "files of the audit log end at %d megabytes"},
	} {
		e.Report(judge.Outcome(inventory.Cluster, l.name, view.APIServer().AuditLogLimit(l.limit), func(n int) string {
			if n <= 0 || n >= l.least {
				return ""
			}
			return fmt.Sprintf(l.phrase, n)
		}))
	}
	return nil
}

// isFile: events are kept in files and nowhere else. The container runtime rotates what goes to the output.
func isFile(x controlplane.Audit) bool {
	return x.Recorded() && x.Webhook == "" && x.LogPath != "-"
}
