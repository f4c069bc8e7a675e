package report

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/view"
)

// Group is the findings that have one value in common.
type Group struct {
	Value    string // empty for findings that have none
	Findings []*nist190.Finding
	Counts   Counts
}

// ErrGroupKey is wrapped by the error for a key that findings cannot be grouped by.
var ErrGroupKey = errors.New("unknown key to group by")

const labelKey = "label:"

var groupKeys = map[string]func(*nist190.Finding) string{
	"risk":      func(f *nist190.Finding) string { return string(f.Check.Risk) },
	"check":     func(f *nist190.Finding) string { return f.Check.ID },
	"severity":  func(f *nist190.Finding) string { return f.Severity.String() },
	"status":    func(f *nist190.Finding) string { return f.Status.String() },
	"namespace": view.Namespace,
	"kind":      func(f *nist190.Finding) string { return f.Subject.GroupKind().String() },
	"owner":     ownerOf,
}

// GroupKeys lists what findings can be grouped by.
func GroupKeys() []string {
	return []string{"risk", "check", "severity", "status", "namespace", "kind", "image", "owner", labelKey + "KEY"}
}

// GroupBy groups all findings of a report by one of [GroupKeys]. Images, owners and labels are those that
// [nist190.Runner].Append put on the findings. A finding with several images is in the group of each; one whose subject
// nothing owns is in that of its subject. Groups come in the order of the report (risk, check), worst first (severity,
// status) or by name, with the empty value last.
func GroupBy(rep *nist190.Report, key string) ([]Group, error) {
	valuesOf := func(f *nist190.Finding) []string { return []string{groupKeys[key](f)} }
	label, isLabel := strings.CutPrefix(key, labelKey)
	switch {
	case isLabel && label != "":
		valuesOf = func(f *nist190.Finding) []string { return []string{f.Labels[label]} }
	case key == "image":
		valuesOf = func(f *nist190.Finding) []string {
			if len(f.Images) == 0 {
				return []string{""}
			}
			return f.Images
		}
	case groupKeys[key] == nil:
		return nil, fmt.Errorf("%w: %q is none of %s", ErrGroupKey, key, strings.Join(GroupKeys(), ", "))
	}
	at := map[string]int{}
	var out []Group
	for f := range rep.Findings() {
		for _, v := range valuesOf(f) {
			i, ok := at[v]
			if !ok {
				i = len(out)
				at[v] = i
				out = append(out, Group{Value: v, Counts: Counts{Open: map[string]int{}}})
			}
			out[i].Findings = append(out[i].Findings, f)
			out[i].Counts.add(f)
		}
	}
	switch key {
	case "risk", "check":
	case "severity":
		slices.SortStableFunc(out, func(a, b Group) int { return cmp.Compare(b.Findings[0].Severity, a.Findings[0].Severity) })
	case "status":
		slices.SortStableFunc(out, func(a, b Group) int {
			return cmp.Compare(statusRank(a.Findings[0].Status), statusRank(b.Findings[0].Status))
		})
	default:
		slices.SortStableFunc(out, func(a, b Group) int {
			if (a.Value == "") != (b.Value == "") {
				return strings.Compare(b.Value, a.Value)
			}
			return strings.Compare(a.Value, b.Value)
		})
	}
	return out, nil
}

// statusRank has what decides a roll-up first.
func statusRank(s nist190.Status) int {
	return slices.Index([]nist190.Status{nist190.Fail, nist190.Error, nist190.NotAssessed, nist190.Pass, nist190.NotApplicable}, s)
}

func ownerOf(f *nist190.Finding) string {
	if f.Owner != nil {
		return view.Short(*f.Owner)
	}
	return view.Short(f.Subject)
}

// byCheck cuts findings in the order of a report into those of one check each.
func byCheck(findings []*nist190.Finding) iter.Seq[[]*nist190.Finding] {
	return func(yield func([]*nist190.Finding) bool) {
		for rest := findings; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Check == rest[0].Check {
				n++
			}
			if !yield(rest[:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}
