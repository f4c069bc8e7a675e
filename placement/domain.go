package placement

import (
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// domain is a set of values that a label may have, of which one may be that the label is absent. Requirements of node
// selectors are such sets, and so is what is known of a label of nodes that do not exist yet; intersection is closed.
type domain struct {
	absent  bool     // the set holds nodes without the label
	present bool     // and nodes with it, whose value is
	listed  bool     // one of values, ascending; or else
	values  []string // any but these,
	ranged  bool     // which reads as a number
	lo, hi  int64    // from lo to hi, both included.
}

var (
	anything = domain{absent: true, present: true}
	nothing  = domain{}
	missing  = domain{absent: true}
	existing = domain{present: true}
)

// exactly is the set of these values.
func exactly(values ...string) domain {
	values = slices.Clone(values)
	slices.Sort(values)
	return domain{present: len(values) > 0, listed: true, values: slices.Compact(values)}
}

// domainOf reads a requirement as labels.Requirement.Matches does: NotIn and DoesNotExist hold where the label is absent,
// Gt and Lt only where the value is a whole number. ok is false where upstream cannot parse the requirement.
func domainOf(r *corev1.NodeSelectorRequirement) (d domain, ok bool) {
	op, ok := selectionOperators[r.Operator]
	if !ok {
		return nothing, false
	}
	if _, err := labels.NewRequirement(r.Key, op, r.Values); err != nil {
		return nothing, false
	}
	switch r.Operator {
	case corev1.NodeSelectorOpIn:
		return exactly(r.Values...), true
	case corev1.NodeSelectorOpNotIn:
		d = exactly(r.Values...)
		return domain{absent: true, present: true, values: d.values}, true
	case corev1.NodeSelectorOpExists:
		return existing, true
	case corev1.NodeSelectorOpDoesNotExist:
		return missing, true
	}
	n, err := strconv.ParseInt(r.Values[0], 10, 64) // NewRequirement has checked that there is one
	if err != nil {
		return nothing, true
	}
	d = domain{present: true, ranged: true, lo: math.MinInt64, hi: math.MaxInt64}
	switch {
	case r.Operator == corev1.NodeSelectorOpGt && n == math.MaxInt64, r.Operator == corev1.NodeSelectorOpLt && n == math.MinInt64:
		return nothing, true
	case r.Operator == corev1.NodeSelectorOpGt:
		d.lo = n + 1
	default:
		d.hi = n - 1
	}
	return d, true
}

var selectionOperators = map[corev1.NodeSelectorOperator]selection.Operator{
	corev1.NodeSelectorOpIn: selection.In, corev1.NodeSelectorOpNotIn: selection.NotIn, corev1.NodeSelectorOpExists: selection.Exists,
	corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist, corev1.NodeSelectorOpGt: selection.GreaterThan, corev1.NodeSelectorOpLt: selection.LessThan,
}

// holds tells whether the set has the value; present is false for a node without the label.
func (d *domain) holds(value string, present bool) bool {
	if !present {
		return d.absent
	}
	if !d.present || slices.Contains(d.values, value) != d.listed {
		return false
	}
	return !d.ranged || inRange(value, d.lo, d.hi)
}

func inRange(value string, lo, hi int64) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && lo <= n && n <= hi
}

func (d *domain) empty() bool { return !d.absent && !d.present }

// and is the intersection.
func (d domain) and(o domain) domain {
	out := domain{absent: d.absent && o.absent, present: d.present && o.present}
	if !out.present {
		return out
	}
	out.ranged = d.ranged || o.ranged
	if out.ranged {
		out.lo, out.hi = math.MinInt64, math.MaxInt64
		for _, x := range []*domain{&d, &o} {
			if x.ranged {
				out.lo, out.hi = max(out.lo, x.lo), min(out.hi, x.hi)
			}
		}
	}
	switch {
	case d.listed || o.listed:
		from, other := &d, &o
		if !d.listed {
			from, other = &o, &d
		}
		out.listed = true
		for _, v := range from.values {
			if slices.Contains(other.values, v) == other.listed && (!out.ranged || inRange(v, out.lo, out.hi)) {
				out.values = append(out.values, v)
			}
		}
		out.present, out.ranged = len(out.values) > 0, false
	default:
		out.values = slices.Concat(d.values, o.values)
		slices.Sort(out.values)
		out.values = slices.Compact(out.values)
		// A number has endlessly many spellings (5, 05, 005), so that leaving some out empties no range.
		out.present = !out.ranged || out.lo <= out.hi
	}
	if !out.present {
		return domain{absent: out.absent}
	}
	return out
}
