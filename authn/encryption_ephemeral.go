package authn

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var ephemeralData = nist190.Metadata{
	ID: "authn-ephemeral-data", Title: "Temporary data of the highest level on disks that are not encrypted",
	Doc: `Workloads of the highest sensitivity level write to the disk of whatever node they run on, by an emptyDir or into the
container's own layer, and the disks of nodes are not encrypted.

Temporary files, caches and core dumps hold what the workload works with. They are left on the node when the pod is gone, and
on the disk when the node is.

Before:

    containers: [{name: app}]
    volumes: [{name: tmp, emptyDir: {}}]

After:

    containers: [{name: app, securityContext: {readOnlyRootFilesystem: true}}]
    volumes: [{name: tmp, emptyDir: {medium: Memory, sizeLimit: 64Mi}}]

or nodes whose disks are encrypted.`,
	Claims: nist190.Claims("2d"), Controls: []string{"SC-28", "SC-4"}, Severity: nist190.SeverityMedium,
	Remediation: "Encrypt the disks of the nodes; else write to memory, with readOnlyRootFilesystem and emptyDir of medium Memory.",
	Limits: `What workloads write is not seen, only where they can. Memory that is swapped out is on disk too; nodes with swap
are not looked at. All nodes are taken together, whichever the workloads can land on.`,
}

// EphemeralData finds workloads of the highest level that write to disks that are not encrypted.
func EphemeralData() nist190.Check {
	return onVolumes(ephemeralData, inventory.JoinNeeds(sensitivity.DeclaredNeeds(), inventory.WorkloadNeeds(inventory.Incriminating), diskOnlyNeeds()), checkEphemeral)
}

func checkEphemeral(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	all, err := inventory.WorkloadsOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	top := sensitivity.Level(len(levels.Names()))
	var writers []*inventory.Workload
	var at []nist190.Evidence
	for _, w := range all {
		if c := levels.Workload(w.Ref()); max(c.Level, c.Floor) != top {
			continue
		}
		place, writes := writesToDisk(w)
		if !writes {
			ev.Pass(w.Ref(), nist190.At(w.Object, "metadata", "name"))
			continue
		}
		writers = append(writers, w)
		if len(at) < 3 {
			at = append(at, place)
		}
	}
	if len(writers) == 0 {
		return nil
	}
	nodes := e.nodes
	nodes.Evidence = slices.Concat(at, nodes.Evidence)
	out := nodes.outcome(inventory.Cluster, "", fmt.Sprintf("temporary data of %s workloads (%s) is", levels.Name(top), phrase.Workloads(writers)))
	ev.Report(out)
	return nil
}

// writesToDisk finds where the pods of a workload can leave files on their node.
func writesToDisk(w *inventory.Workload) (at nist190.Evidence, writes bool) {
	spec := &w.Template.Spec
	place := inventory.At{Object: w.Object, Path: w.TemplatePath}
	for i := range spec.Volumes {
		if d := spec.Volumes[i].EmptyDir; d != nil && d.Medium != corev1.StorageMediumMemory {
			return nist190.Place(place, "spec", "volumes", i, "emptyDir"), true
		}
	}
	for i := range spec.Containers {
		if s := spec.Containers[i].SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			return nist190.Place(place, "spec", "containers", i, "name"), true
		}
	}
	return nist190.Evidence{}, false
}
