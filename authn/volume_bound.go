package authn

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var nodeBoundData = nist190.Metadata{
	ID: "authn-node-bound-data", Title: "Data that is bound to one node",
	Doc: `A workload keeps data on a disk of the node that it runs on.

SP 800-190 wants data to be accessible from containers regardless of the node that they run on, and encrypted. A host path, a
local volume or a class that carves volumes out of the node's disk ties both together: the pod cannot move, so that an
administrator cannot take the node away, or it moves and finds the data of somebody else or none. It is encrypted only if
that disk is, and its key is on the same machine.

Before:

    volumes: [{name: data, hostPath: {path: /srv/orders}}]

After:

    volumes: [{name: data, persistentVolumeClaim: {claimName: orders}}]

with a class whose volumes every node reaches. A database that replicates by itself and is on local disks for their speed is
a deliberate exception: suppress the finding with that reason, and have the disks encrypted. Agents of nodes (DaemonSets) and
infrastructure are left out. Severity is high where the workload is of the upper half of the levels.`,
	Claims: nist190.Claims("2d"), Controls: []string{"SC-28", "CP-9", "CP-10"}, CIS: []string{"5.2.11"}, Severity: nist190.SeverityMedium,
	Remediation: "Give the workload a claim of a class whose volumes can be attached to every node, and copy the data.",
	Subjects:    inventory.WorkloadKinds(),
	Limits: `Host paths that are only read, and places of the system such as /var/log, are taken for no data of the workload.
Where volumes of a driver that is not in the table live is not known.`,
}

// NodeBoundData finds workloads whose data is on one node.
func NodeBoundData() nist190.Check {
	return onVolumes(nodeBoundData, inventory.JoinNeeds([]inventory.Need{
		// The default class and the classes of claims decide where volumes live.
		inventory.NeedOf[storagev1.StorageClass](inventory.Either), inventory.NeedOf[corev1.PersistentVolume](inventory.Either),
		inventory.NeedOf[corev1.PersistentVolumeClaim](inventory.Either),
		// A namespace can be infrastructure, and raises the severity.
		inventory.NeedOf[corev1.Namespace](inventory.Either),
	}, inventory.WorkloadNeeds(inventory.Incriminating), EncryptionNeeds()), checkNodeBound)
}

func checkNodeBound(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	all, err := inventory.WorkloadsOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	unknown := map[string][]*inventory.Workload{}
	for _, w := range all {
		class := levels.Workload(w.Ref())
		if w.Object.GroupKind() == daemonSetKind || class.Level == sensitivity.Infra {
			continue
		}
		out, why := e.nodeBound(w)
		switch {
		case why != "":
			unknown[why] = append(unknown[why], w)
			continue
		case out.Status == nist190.NotAssessed: // it keeps no data
			continue
		}
		out.MaxSeverity = nist190.SeverityHigh
		if int(max(class.Level, class.Floor)) > len(levels.Names())/2 {
			out.Severity = nist190.SeverityHigh
		}
		ev.Report(out)
	}
	for why, ws := range unknown { // one finding for all of a kind; why names what was not seen
		ev.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: why, Reason: nist190.ReasonUnknown,
			Evidence: []nist190.Evidence{nist190.At(ws[0].Object, "metadata", "name")},
			Message:  fmt.Sprintf("whether the data of %s is bound to a node is not known: %s", phrase.Workloads(ws), why)})
	}
	return nil
}

// nodeBound judges the volumes of a workload. why says why it is not known where one of them lives, and none is known to be
// bound. The zero outcome is that of a workload that keeps no data in volumes.
func (e *Encryption) nodeBound(w *inventory.Workload) (out nist190.Outcome, why string) {
	out = nist190.Outcome{Subject: w.Ref()}
	var where []string
	var at, free []nist190.Evidence
	encrypted := Protection{}
	for u := range e.Uses(w) {
		d := u.driver()
		switch {
		case u.Kind == "emptyDir" || d != nil && d.where == inMemory:
			continue
		case u.Kind == "hostPath":
			if u.ReadOnly || systemPlace(u.source.HostPath) {
				continue
			}
			where = append(where, fmt.Sprintf("volume %q is %s of the node", u.Name, u.source.HostPath.Path))
			at = append(at, nist190.Place(u.At, "hostPath", "path").Showing(u.source.HostPath.Path))
			encrypted = u.Protection
		case d == nil:
			if why == "" {
				why = u.Why
			}
		case d.where == oneNode:
			where = append(where, fmt.Sprintf("volume %q is on a disk of one node (%s)", u.Name, u.place.String()))
			at = append(at, nist190.Place(u.At))
			at = append(at, u.Evidence...)
			encrypted = u.Protection
		default:
			free = append(free, nist190.Place(u.At))
		}
	}
	switch {
	case len(where) > 0:
		out.Status, out.Evidence = nist190.Fail, at
		out.Message = strings.Join(where, "; ")
		switch encrypted.Encrypted {
		case No:
			out.Message += ", and is not encrypted there: " + encrypted.Why
		case Undecided:
			out.Message += ", and whether that is encrypted is not known"
		}
		return out, ""
	case why != "":
		return out, why
	case len(free) > 0:
		out.Status, out.Evidence = nist190.Pass, free
	}
	return out, ""
}

// String names the class or volume.
func (p place) String() string {
	switch {
	case p.volume != nil:
		return fmt.Sprintf("PersistentVolume %q of driver %s", p.volume.object.Name(), p.volume.driverName)
	case p.class != nil:
		return fmt.Sprintf("StorageClass %q of provisioner %s", p.class.object.Name(), p.class.class.Provisioner)
	}
	return "a class that was not seen"
}

// systemPlaces hold what the system and its agents write, and no data of workloads.
var systemPlaces = []string{"/var/log", "/var/lib/kubelet", "/var/lib/docker", "/var/lib/containerd", "/var/lib/cni", "/etc", "/run", "/var/run", "/proc", "/sys", "/dev",
	"/lib", "/usr", "/opt/cni", "/boot", "/tmp"}

// systemPlace: sockets and devices are no data, and whoever mounts the whole disk is after something else, which
// nodetrust judges.
func systemPlace(h *corev1.HostPathVolumeSource) bool {
	if h.Type != nil && slices.Contains([]corev1.HostPathType{corev1.HostPathSocket, corev1.HostPathCharDev, corev1.HostPathBlockDev}, *h.Type) {
		return true
	}
	p := path.Clean(h.Path)
	return p == "/" || p == "/var" || p == "/var/lib" || slices.ContainsFunc(systemPlaces, func(dir string) bool { return below(p, dir) })
}

var daemonSetKind = inventory.NeedOf[appsv1.DaemonSet](inventory.Either).GroupKind()
