package placement

import (
	"context"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// onLevels fills in what checks of levels and nodes have in common.
func onLevels(md nist190.Metadata, needs []inventory.Need, find func(*nist190.Eval, *Separation)) nist190.Check {
	md.Risk, md.Since, md.Needs = nist190.MixedSensitivityLevels, "v0.1.0", needs
	if md.Controls == nil {
		md.Controls = []string{"SC-7", "SC-39"}
	}
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		s, err := SeparationOf(ctx, e.Inventory)
		if err != nil {
			return err
		}
		find(e, s)
		return nil
	})
}

// answeringForThemselves are the needs of checks in which a workload's verdict rests on itself, its level and what its
// level comes from; nodes add failures.
func answeringForThemselves() []inventory.Need {
	return biased(SeparationNeeds(), inventory.Incriminating, inventory.WorkloadNeeds(inventory.Incriminating))
}

// few are the first of a list that evidence names.
func few[T any](all []T) []T { return all[:min(len(all), maxEvidence)] }

func evidenceOf(ws []*inventory.Workload) []nist190.Evidence {
	var out []nist190.Evidence
	for _, w := range few(ws) {
		out = append(out, nist190.At(w.Object, "metadata", "name"))
	}
	return slices.Clip(out)
}

// passing is a workload with nothing to say against it.
func passing(w *inventory.Workload) nist190.Outcome {
	return nist190.Outcome{Status: nist190.Pass, Subject: w.Ref(), Evidence: []nist190.Evidence{nist190.At(w.Object, "metadata", "name")}}
}
