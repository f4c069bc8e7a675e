package rbac

import (
	"context"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// hygieneChecks are about bindings, subjects and roles themselves, whatever rights they give.
func hygieneChecks() []nist190.Check {
	return slices.Concat(audienceChecks(), []nist190.Check{
		hygieneCheck(mastersGroup, checkMastersGroup),
		hygieneCheck(administrators, checkAdministrators),
		hygieneCheck(danglingRole, checkDanglingRole),
		hygieneCheck(danglingSubject, checkDanglingSubject),
		hygieneCheck(deadBinding, checkDeadBinding),
		hygieneCheck(crossNamespaceBinding, checkCrossNamespace),
		hygieneCheck(subjectConfusion, checkSubjectConfusion),
		hygieneCheck(ineffectiveRule, checkIneffectiveRule),
		hygieneCheck(defaultNamespace, checkDefaultNamespace),
		hygieneCheck(bootstrapDrift, checkBootstrapDrift),
		hygieneCheck(aggregationWidening, checkAggregationWidening),
		hygieneCheck(namedAdministrator, checkNamedAdministrator),
	})
}

// hygieneCheck fills in what these checks have in common. find reports what is not as it should be; without any the cluster
// passes, since a line for each of thousands of bindings that are in order helps nobody.
func hygieneCheck(md nist190.Metadata, find func(ctx context.Context, e *nist190.Eval, d *detector) (found bool, err error)) nist190.Check {
	md.Risk = nist190.UnboundedAdministrativeAccess
	if md.Claims == nil {
		md.Claims = nist190.Claims("1a")
	}
	if md.Controls == nil {
		md.Controls = []string{"AC-6"}
	}
	if md.Needs == nil {
		md.Needs = AccessNeeds()
	}
	md.Subjects, md.Since = bindingKinds, "v0.1.0"
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		d, err := detections.Get(ctx, e.Inventory)
		if err != nil {
			return err
		}
		found, err := find(ctx, e, d)
		if err == nil && !found {
			e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster})
		}
		return err
	})
}

// subjectEvidence is a subject of a binding as evidence.
func subjectEvidence(b *Binding, i int) nist190.Evidence {
	return nist190.At(b.Object, "subjects", i, "name").Showing(b.Subjects[i].Name)
}

// written tells what somebody wrote from what is assumed.
func (b *Binding) isWritten() bool { return b.Object.Strength() != inventory.Inferred }
