package nodetrust

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var runtimeSocket = nist190.Metadata{
	ID:    "nodetrust-runtime-socket",
	Title: "Workload that can act as its node",
	Risk:  nist190.NodeTrust,
	Doc: `A workload mounts the socket of the container runtime, or the directories where kubelet and control plane keep their
credentials, and so goes around the orchestrator: whoever takes over one container takes over the node.

Through the socket a container starts others that no admission saw, on every node that the workload reaches; a read-only
mount does not prevent that, since it does not keep anybody from connecting. From the directories it reads the identity
of the kubelet and what other pods mount. A mount of a parent directory, such as / or /run, has the same effect and is
reported for what it contains. What counts is a mount in a container; a volume that no container mounts is none.

A container that cannot be root and has no capabilities to pass over file permissions sees of these only what every user
of the node may see: it passes, and the report says why. So do device plugins and CSI drivers with the directories that
Kubernetes asks them to mount, and the control plane's own static pods with theirs.

Before:

    volumes:
    - name: docker
      hostPath: {path: /var/run/docker.sock}

After: build images with a builder that needs no daemon; read metrics and logs through the kubelet's API or a narrower
directory such as /var/log/pods.`,
	Claims:   nist190.Claims("5d"),
	Controls: []string{"AC-6", "CM-7", "SC-39"},
	Severity: nist190.SeverityCritical,
	Remediation: `Remove the mount. Use the Kubernetes API or a CRI-free builder in place of the socket, mount the narrowest directory that
serves the purpose, run as a user other than root, and forbid hostPath volumes by admission (Pod Security baseline).`,
	Subjects: inventory.WorkloadKinds(),
	// A workload answers for itself, and what an unseen claim or volume leads to can only be one place more.
	Needs: append(inventory.WorkloadNeeds(inventory.Incriminating),
		inventory.NeedOf[corev1.PersistentVolumeClaim](inventory.Incriminating).InSubjectNamespace(),
		inventory.NeedOf[corev1.PersistentVolume](inventory.Incriminating),
	),
	Since: "v0.1.0",
	Limits: `Links on the node other than /var/run, data directories that were moved from their defaults, claims that are not bound
yet, and pods that a custom controller makes and that were not collected.`,
}

// RuntimeSocket finds workloads that mount a container runtime's socket, or the directories of the kubelet or the control
// plane.
func RuntimeSocket() nist190.Check { return nist190.NewCheck(runtimeSocket, checkRuntimeSocket) }

func checkRuntimeSocket(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	claims := localVolumes(e.Inventory)
	for _, w := range workloads {
		component, isControlPlane := controlPlane(w)
		found := false
		for _, o := range mountsOf(w, claims, isControlPlane) {
			found = true
			e.Report(o)
		}
		switch {
		case found:
		case isControlPlane:
			e.NotApplicable(w.Ref(), component+" is the control plane itself")
		default:
			e.Pass(w.Ref(), nist190.At(w.Object))
		}
	}
	return nil
}

// mount is a part of the node's file system in a container.
type mount struct {
	path        string
	container   string
	readOnly    bool
	user        user
	groups      bool             // the pod adds groups, of which one may be a socket's
	where, what nist190.Evidence // the place of the path, and of the mount
}

// mountsOf judges every mount of a workload that shows a trusted place: its template, and its pods where they differ.
func mountsOf(w *inventory.Workload, claims map[claim]localVolume, isControlPlane bool) []nist190.Outcome {
	var out []nist190.Outcome
	for at, spec := range w.PodSpecs() {
		mounts := hostMounts(w, at, spec, claims)
		plugin := w.Ref().Kind == "DaemonSet" && slices.ContainsFunc(mounts, func(m mount) bool {
			return slices.ContainsFunc(pluginPaths, func(dir string) bool { return within(m.path, dir) })
		})
		for _, m := range mounts {
			shown := exposes(m.path)
			if isControlPlane {
				shown = slices.DeleteFunc(shown, func(t trusted) bool { return t.controlPlane })
			}
			if len(shown) == 0 {
				continue
			}
			// Of a template and pods that differ, the worse is kept.
			severity, argued := m.severity(shown, plugin)
			message := fmt.Sprintf("container %q mounts %q of the node: %s", m.container, m.path, listed(shown))
			if argued != "" {
				message += "; " + argued
			}
			status := nist190.Fail
			if severity == nist190.SeverityUnset {
				status = nist190.Pass
			}
			out = append(out, nist190.Outcome{
				Status: status, Subject: w.Ref(), Key: m.container + " " + m.path, Severity: severity, Message: message,
				Evidence: []nist190.Evidence{m.where, m.what},
				Path:     []string{fmt.Sprintf("%s %q", w.Ref().Kind, w.Object.Name()), fmt.Sprintf("container %q", m.container), m.path + " of the node"},
			})
		}
	}
	return out
}

// listed names the first three.
func listed(shown []trusted) string {
	var names []string
	for _, t := range shown {
		names = append(names, t.what)
	}
	if n := len(names) - 3; n > 0 {
		return fmt.Sprintf("%s, %d more places of authority", strings.Join(names[:3], ", "), n)
	}
	return strings.Join(names, ", ")
}

// severity is that of the worst place, unless something argues for less, which it then says; unset where the mount gives
// nothing of the node's authority, or no more than Kubernetes asks of its plugins. Sockets are of mode 0660 and
// may belong to any group; the credentials of kubelets and control planes are of mode 0600.
func (m *mount) severity(shown []trusted, plugin bool) (nist190.Severity, string) {
	worst := nist190.SeverityUnset
	sockets := false
	for _, t := range shown {
		worst = max(worst, t.severity)
		sockets = sockets || t.socket
	}
	// Who mounts a socket itself, or the directory made for it, means to use it.
	direct := sockets && len(shown) == 1
	switch {
	case m.user.confined() && !direct && !(sockets && m.groups):
		return nist190.SeverityUnset, "without root, which alone may read them"
	case plugin && shown[0].plugin:
		return nist190.SeverityUnset, "as device plugins and CSI drivers do"
	case plugin && within(m.path, kubeletPods):
		return nist190.SeverityUnset, "as device plugins and CSI drivers do"
	case plugin && m.path == kubeletRoot:
		return nist190.SeverityMedium, "as CSI drivers do, which need no more than plugins and pods in it"
	case m.readOnly && sockets:
		return worst, ""
	case m.readOnly:
		return worst, "read-only, which credentials do not gain from"
	}
	return worst, ""
}

// hostMounts lists what the containers of a pod mount of their node. A volume that no container mounts gives nothing.
func hostMounts(w *inventory.Workload, at inventory.At, spec *corev1.PodSpec, claims map[claim]localVolume) []mount {
	volumes := map[string][]localVolume{}
	for i, v := range spec.Volumes {
		switch {
		case v.HostPath != nil:
			volumes[v.Name] = []localVolume{{v.HostPath.Path, nist190.Place(at, "volumes", i, "hostPath", "path").Showing(v.HostPath.Path)}}
		case v.PersistentVolumeClaim != nil:
			if local, ok := claims[claim{w.Namespace(), v.PersistentVolumeClaim.ClaimName}]; ok {
				volumes[v.Name] = []localVolume{local}
			}
		}
	}
	groups := spec.SecurityContext != nil && (len(spec.SecurityContext.SupplementalGroups) > 0 || spec.SecurityContext.FSGroup != nil)
	var out []mount
	add := func(list string, i int, name string, c *corev1.SecurityContext, mounts []corev1.VolumeMount) {
		for j, m := range mounts {
			sources, ok := volumes[m.Name]
			if !ok && at.Object == w.Object {
				sources = templateClaims(w, m.Name, claims)
			}
			sub := m.SubPath
			if m.SubPathExpr != "" {
				sub = m.SubPathExpr
			}
			for _, s := range sources {
				out = append(out, mount{
					path: hostPath(s.path, sub), container: name, readOnly: m.ReadOnly, user: userOf(spec.SecurityContext, c), groups: groups,
					where: s.evidence, what: nist190.Place(at, list, i, "volumeMounts", j),
				})
			}
		}
	}
	for i, c := range spec.InitContainers {
		add("initContainers", i, c.Name, c.SecurityContext, c.VolumeMounts)
	}
	for i, c := range spec.Containers {
		add("containers", i, c.Name, c.SecurityContext, c.VolumeMounts)
	}
	for i, c := range spec.EphemeralContainers {
		add("ephemeralContainers", i, c.Name, c.SecurityContext, c.VolumeMounts)
	}
	return out
}

// mostClaims bounds how many claims of a StatefulSet's template are looked up.
const mostClaims = 100

// templateClaims are the volumes of the claims that a StatefulSet makes for its pods: TEMPLATE-SET-ORDINAL.
func templateClaims(w *inventory.Workload, template string, claims map[claim]localVolume) []localVolume {
	if w.Ref().Kind != "StatefulSet" || len(claims) == 0 {
		return nil
	}
	var out []localVolume
	for i := range min(int(w.Replicas), mostClaims) {
		if local, ok := claims[claim{w.Namespace(), fmt.Sprintf("%s-%s-%d", template, w.Object.Name(), i)}]; ok {
			out = append(out, local)
		}
	}
	return out
}

// controlPlane recognises the static pods of the control plane. The kubelet removes a pod with the mirror annotation that
// has no static pod behind it (pkg/kubelet/pod), so that on a cluster the annotation tells the truth. A static pod's file
// has none: there the command tells, in the namespace that only administrators write to.
func controlPlane(w *inventory.Workload) (component string, ok bool) {
	if w.Ref().Kind != "Pod" || w.Namespace() != metav1.NamespaceSystem {
		return "", false
	}
	if _, mirror := w.Object.Annotations()[corev1.MirrorPodAnnotationKey]; mirror {
		return fmt.Sprintf("static pod %q", w.Object.Name()), true
	}
	for _, c := range w.Template.Spec.Containers {
		if w.Template.Spec.HostNetwork && len(c.Command) > 0 {
			if name := path.Base(c.Command[0]); slices.Contains([]string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}, name) {
				return name, true
			}
		}
	}
	return "", false
}
