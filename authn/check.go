package authn

import (
	"context"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// login is what a check of this half works with.
type login struct {
	*nist190.Eval
	ctx  context.Context
	view *controlplane.View
	api  controlplane.APIServer
}

// ofControlPlane makes a check that asks the control plane.
func ofControlPlane(md nist190.Metadata, find func(*login) error, more ...inventory.Need) nist190.Check {
	md.Needs = inventory.JoinNeeds(controlplane.Needs(), more)
	return making(md, func(ctx context.Context, e *nist190.Eval) error {
		view, err := controlplane.Of(ctx, e.Inventory)
		if err != nil {
			return err
		}
		return find(&login{e, ctx, view, view.APIServer()})
	})
}

// making fills in what all checks of this half have in common.
func making(md nist190.Metadata, run func(context.Context, *nist190.Eval) error) nist190.Check {
	md.Risk, md.Since = nist190.UnauthorizedAccess, "v0.1.0"
	return nist190.NewCheck(md, run)
}

// judged reports what an answer comes to.
func judged[T any](l *login, v controlplane.Value[T], wrong judge.Rule[T]) {
	l.Report(l.honest(judge.Outcome(inventory.Cluster, "", v, wrong)))
}

// honest rewords the outcome where nobody but a vendor knows: no evidence would tell, and a person can say what the vendor
// documents.
func (l *login) honest(out nist190.Outcome) nist190.Outcome {
	m, managed := l.view.Managed()
	if out.Status != nist190.NotAssessed || !managed || l.view.Visible(process.KubeAPIServer) {
		return out
	}
	return vendors(out, m.Vendor)
}

// vendors is the outcome where a vendor runs what is asked about and shows nobody how. All of them are one gap.
func vendors(out nist190.Outcome, v cloud.Vendor) nist190.Outcome {
	out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonManualReview
	out.Message = fmt.Sprintf("the API server is that of %s, which shows nobody its flags; attest what its documentation says", v)
	out.Missing = []nist190.Missing{{Evidence: "flags of the API server that " + string(v) + " runs", State: inventory.NotServed,
		Reason: "nobody but the vendor sees them: attest what its documentation says of them"}}
	return out
}

// notDescribed is the outcome where the description of a managed cluster would tell.
func notDescribed(subject inventory.Ref, key string, v cloud.Vendor, what string) nist190.Outcome {
	return nist190.Outcome{Status: nist190.NotAssessed, Subject: subject, Key: key, Reason: nist190.ReasonMissingEvidence,
		Message: what + " is in the description of the cluster, which was not given",
		Missing: []nist190.Missing{{Evidence: describe(v), State: inventory.NotCollected, Reason: "the description of the cluster tells it"}}}
}

// described is the description of a managed cluster. Without one it reports why there is nothing to judge: that no vendor runs
// the control plane, or that the description would tell. Where nothing tells who runs it there may be one.
func (l *login) described(what string, of ...cloud.Vendor) (*cloud.Cluster, bool) {
	m, ok := l.view.Managed()
	if !ok {
		if l.view.Visible(process.KubeAPIServer) {
			l.NotApplicable(inventory.Cluster, "no vendor runs the control plane")
		} else {
			l.Report(judge.NotAssessed(inventory.Cluster, "", l.api.ClientCAFile().Basis))
		}
		return nil, false
	}
	if len(of) > 0 && !containsVendor(of, m.Vendor) {
		l.NotApplicable(inventory.Cluster, fmt.Sprintf("%s has no such thing", m.Vendor))
		return nil, false
	}
	c, one := m.Cluster()
	if !one {
		l.Report(notDescribed(inventory.Cluster, "", m.Vendor, what))
		return nil, false
	}
	return c, true
}

func containsVendor(list []cloud.Vendor, v cloud.Vendor) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// valued reports what a value of a description comes to.
func valued[T any](l *login, key string, v cloud.Value[T], wrong judge.Rule[T]) {
	out := nist190.Outcome{Subject: inventory.Cluster, Key: key}
	if !v.IsZero() {
		out.Evidence = []nist190.Evidence{nist190.At(v.Object, v.Path...)}
	}
	if v.Default {
		out.Strength = inventory.Inferred
	}
	switch {
	case !v.Known:
		out.Status, out.Reason, out.Message = nist190.NotAssessed, nist190.ReasonUnknown, v.Why
	case wrong(v.V) != "":
		out.Status, out.Message = nist190.Fail, wrong(v.V)
		if v.Default {
			out.Message += ", which is the default"
		}
	default:
		out.Status = nist190.Pass
	}
	l.Report(out)
}
