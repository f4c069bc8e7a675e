package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var sharedData = nist190.Metadata{
	ID: "placement-shared-data", Title: "Storage or identity that workloads of several levels share",
	Doc: `Workloads of different sensitivity levels use the same claim, the same path of their hosts, or the same service account.

Separate nodes are of no use where the levels meet in a volume: what the public workload writes, the restricted one reads,
and the other way round. Of a service account they share the rights, and of a writable host path whatever another pod left
on the node.

Before:

    volumes: [{name: v, persistentVolumeClaim: {claimName: exchange}}]      # of a public and of a restricted workload

After: a claim for each, and an interface of the application between them.`,
	Claims: nist190.Claims("4b"), Controls: []string{"AC-4", "SC-4"}, Severity: nist190.SeverityMedium, Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0",
	Needs:       slices.Concat(sensitivity.Needs(), inventory.WorkloadNeeds(inventory.Incriminating)),
	Remediation: "Give each level a claim, a directory and a service account of its own.",
	Limits: `A host path counts where both mount the same path, and not where one lies below the other. The account default is left out
where nothing mounts its token. Volumes of a network file system that two claims name are not compared.`,
}

// SharedData finds what levels share although they are on different nodes.
func SharedData() nist190.Check { return nist190.NewCheck(sharedData, checkSharedData) }

// share is one thing that pods use.
type share struct {
	kind, namespace, name string
}

func (s share) String() string {
	if s.namespace == "" {
		return fmt.Sprintf("%s %q", s.kind, s.name)
	}
	return fmt.Sprintf("%s %q of namespace %q", s.kind, s.name, s.namespace)
}

type sharer struct {
	w     *inventory.Workload
	level sensitivity.Level
	at    inventory.At
}

func checkSharedData(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.LevelsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	by := map[share][]sharer{}
	for _, w := range workloads {
		level := levels.Workload(w.Ref()).Level
		if level <= 0 {
			continue
		}
		use := func(s share, path ...any) { by[s] = append(by[s], sharer{w, level, specOf(w, path...)}) }
		spec := &w.Template.Spec
		for i := range spec.Volumes {
			switch v := &spec.Volumes[i]; {
			case v.PersistentVolumeClaim != nil:
				use(share{"PersistentVolumeClaim", w.Namespace(), v.PersistentVolumeClaim.ClaimName}, "volumes", i, "persistentVolumeClaim", "claimName")
			case v.HostPath != nil && !systemPath(v.HostPath.Path):
				use(share{"host path", "", v.HostPath.Path}, "volumes", i, "hostPath", "path")
			}
		}
		if a := spec.ServiceAccountName; a != "" && a != "default" {
			use(share{"ServiceAccount", w.Namespace(), a}, "serviceAccountName")
		}
	}
	keys := make([]share, 0, len(by))
	for s := range by {
		keys = append(keys, s)
	}
	slices.SortFunc(keys, func(a, b share) int { return strings.Compare(a.String(), b.String()) })
	for _, s := range keys {
		users := by[s]
		slices.SortStableFunc(users, func(a, b sharer) int { return int(b.level) - int(a.level) })
		high, low := users[0], users[len(users)-1]
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: s.String(), Severity: min(severity(levels, high.level), nist190.SeverityMedium)}
		if s.namespace != "" {
			out.Subject = inventory.NamespaceRef(s.namespace)
		}
		if high.level != low.level {
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("%s and %s workloads share %s: %s and %s", levels.Name(high.level), levels.Name(low.level), s, named(high.w), named(low.w))
			out.Evidence = []nist190.Evidence{nist190.Place(high.at).Showing(s.name), nist190.Place(low.at).Showing(s.name)}
		}
		e.Report(out)
	}
	return nil
}

// systemPath: files of the host that hold nothing of pods, which many mount to read.
func systemPath(path string) bool {
	return slices.Contains([]string{
		"/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/etc/ssl/certs", "/etc/pki", "/sys", "/proc", "/dev", "/lib/modules",
	}, strings.TrimRight(path, "/"))
}
