// Package judge turns what the components of a cluster answer into outcomes of checks, alike for every check that asks
// them: one bad replica fails, what is not known is not assessed and names what would tell, and every outcome cites where
// its value was written and how it is known.
package judge

import (
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
)

// Rule says what is wrong with a value, in words that end before how the value is known; empty where nothing is.
type Rule[T any] func(T) string

// Outcome judges the answer of a component. The first replica with something wrong decides what is said, and all of them
// are evidence. Where every replica is known and none is wrong it passes, although they may differ.
func Outcome[T any](subject inventory.Ref, key string, v controlplane.Value[T], wrong Rule[T]) nist190.Outcome {
	out := nist190.Outcome{Subject: subject, Key: key}
	if bad := v.Find(func(x T) bool { return wrong(x) != "" }); len(bad) > 0 {
		out.Status = nist190.Fail
		out.Message = wrong(bad[0].Value) + Said(bad[0].Basis)
		for i := range bad {
			Rest(&out, bad[i].Basis)
		}
		return out
	}
	for i := range v.Replicas {
		if !v.Replicas[i].OK() {
			return unknown(out, v.Replicas[i].Basis)
		}
	}
	if len(v.Replicas) == 0 && !v.OK() {
		return unknown(out, v.Basis)
	}
	out.Status = nist190.Pass
	for i := range v.Replicas {
		Rest(&out, v.Replicas[i].Basis)
	}
	if len(v.Replicas) == 0 {
		Rest(&out, v.Basis)
	}
	return out
}

// Report reports the [Outcome] of an answer.
func Report[T any](e *nist190.Eval, subject inventory.Ref, key string, v controlplane.Value[T], wrong Rule[T]) {
	e.Report(Outcome(subject, key, v, wrong))
}

// NotAssessed is the outcome where an answer is not known, whatever a check would make of it.
func NotAssessed(subject inventory.Ref, key string, b controlplane.Basis) nist190.Outcome {
	return unknown(nist190.Outcome{Subject: subject, Key: key}, b)
}

// unknown names the evidence that would tell, one entry for all of it: any would do, and reports group by it.
func unknown(out nist190.Outcome, b controlplane.Basis) nist190.Outcome {
	out.Status, out.Message, out.Reason = nist190.NotAssessed, b.Reason, nist190.ReasonUnknown
	if b.Replica != "" {
		out.Message = b.Replica + ": " + b.Reason
	}
	if len(b.Wanted) > 0 {
		out.Reason = nist190.ReasonMissingEvidence
		out.Missing = []nist190.Missing{{Evidence: oneOf(b.Wanted), State: inventory.NotCollected, Reason: b.Reason}}
	}
	cite(&out, b)
	return out
}

func oneOf(wanted []string) string {
	last := len(wanted) - 1
	if last == 0 {
		return wanted[0]
	}
	return strings.Join(wanted[:last], ", ") + " or " + wanted[last]
}

// Said ends a sentence about a value: whose it is and how it is known.
func Said(b controlplane.Basis) string {
	var s strings.Builder
	if b.Replica != "" {
		s.WriteString(" on " + b.Replica)
	}
	if how := b.How(); how != "" {
		s.WriteString(", " + how)
	}
	return s.String()
}

// Rest makes an outcome rest on an answer as well: it cites its first place and is no stronger than it is.
func Rest(out *nist190.Outcome, b controlplane.Basis) {
	cite(out, b)
	if s := b.Strength; s != inventory.StrengthUnset && (out.Strength == inventory.StrengthUnset || s < out.Strength) {
		out.Strength = s
	}
}

func cite(out *nist190.Outcome, b controlplane.Basis) {
	if len(b.Places) == 0 || b.Places[0].Object == nil {
		return
	}
	ev := nist190.At(b.Places[0].Object, b.Places[0].Path...)
	for i := range out.Evidence {
		if out.Evidence[i].Ref == ev.Ref && out.Evidence[i].Path == ev.Path {
			return
		}
	}
	out.Evidence = append(out.Evidence, ev)
}
