package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var schedulerName = nist190.Metadata{
	ID: "placement-scheduler-name", Title: "Workload whose scheduler need not ask for taints",
	Doc: `A workload names a scheduler that nothing is known of, or one whose profile leaves out the filter plugins for taints or node
affinity.

Anybody can write spec.schedulerName, and any program with the right to bind pods can be that scheduler. What is left is
what the kubelet checks: node selector, required affinity, and taints of effect NoExecute. Taints of effect NoSchedule,
volumes and topology keys are the scheduler's alone.

Before:

    schedulerName: fast

After: the default scheduler, or a profile that is known (KubeSchedulerConfiguration) and runs its filter plugins.`,
	Claims: nist190.Claims("4b"), Controls: []string{"CM-6"}, Severity: nist190.SeverityMedium, Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0",
	Subjects: inventory.WorkloadKinds(),
	// A scheduler whose pod was not seen can be the one that a workload names, and ask for all that it should.
	Needs: inventory.JoinNeeds(sensitivity.Needs(), inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Incriminating)),
		[]inventory.Need{inventory.NeedOf[corev1.Pod](inventory.Either)}, ControlPlaneNeeds()),
	Remediation: `Leave schedulerName out, or show the scheduler's configuration. Let admission allow the names that are known.`,
	Limits:      "Workloads without a level are left out. Which schedulers run is not seen by itself; the host of the scan says so.",
}

// SchedulerName finds workloads that the rules of the default scheduler do not hold for.
func SchedulerName() nist190.Check { return nist190.NewCheck(schedulerName, checkSchedulerName) }

func checkSchedulerName(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.LevelsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	p, err := ProfileOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		if !levels.Workload(w.Ref()).Known() {
			continue
		}
		out := passing(w)
		name := w.Template.Spec.SchedulerName
		scheduler, known := p.scheduler(name)
		off := slices.DeleteFunc(slices.Clone(scheduler.Disabled), func(s string) bool { return s != "TaintToleration" && s != "NodeAffinity" })
		switch {
		case !known:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("its scheduler %q is not known to ask for taints of effect NoSchedule", name)
		case len(off) > 0:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("its scheduler %q runs without %s", scheduler.Name, strings.Join(off, " and "))
		}
		if out.Status == nist190.Fail && name != "" {
			out.Evidence = []nist190.Evidence{nist190.Place(specOf(w, "schedulerName")).Showing(name)}
		}
		e.Report(out)
	}
	return nil
}
