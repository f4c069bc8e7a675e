package placement

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var trampoline = nist190.Metadata{
	ID: "placement-trampoline", Title: "Workload of a lower level that holds the host on nodes of a higher one",
	Doc: `A workload of a lower sensitivity level, or of none, can run on nodes of a higher one and has the run of its host there.

An agent that somebody deploys on every node is a way from the least protected namespace to the most sensitive data: with a
privileged container, the socket of the container runtime or the kubelet's directory it reads every volume, Secret and
token of the pods beside it. Google's guidance on node isolation names just that as its limit. Such an agent is as
sensitive as the most sensitive node that it runs on.

Before:

    metadata: {name: scanner, namespace: tools}      # labelled internal, tolerates everything, mounts /var/lib/kubelet

After: it is classified infra and guarded like it, or runs on nodes of its level only.`,
	Claims: nist190.Claims("4b", "4e"), Controls: []string{"AC-6", "SC-3"}, Severity: nist190.SeverityHigh, Subjects: inventory.WorkloadKinds(),
	Remediation: `Take its access to the host away, keep it on nodes of its level, or classify it (infra, or the highest level that it runs beside)
and guard its namespace like that.`,
	Limits: `Infrastructure serves every level and is left out: what its rights reach are checks of 4.3.1, and what a lost node gives away of
4.3.5. Access by single capabilities other than SYS_ADMIN, SYS_MODULE, SYS_RAWIO and DAC_READ_SEARCH is not judged.`,
}

func checkTrampoline(e *nist190.Eval, s *Separation) {
	for _, p := range s.Feasibility.placements {
		w := p.Workload
		level := max(s.Levels.Workload(w.Ref()).Level, sensitivity.Unclassified)
		if s.Levels.Workload(w.Ref()).Level == sensitivity.Infra || p.ownKernel {
			continue
		}
		how, at := hostAccess(w)
		if how == nil {
			continue
		}
		out := passing(w)
		c, answer := s.above(p, level)
		switch answer {
		case Can:
			out.Status, out.Severity = nist190.Fail, severity(s.Levels, c.level)
			out.Message = fmt.Sprintf("it %s and can run on %s, where it holds %s workloads such as %s: %s", levelWords(s.Levels, level), c.node, s.Levels.Name(c.level), named(c.with.Workload), phrase.Shorten(how))
		case Undetermined:
			out.Severity = severity(s.Levels, c.level)
			out.Message = fmt.Sprintf("it %s and holds its host (%s)", levelWords(s.Levels, level), phrase.Shorten(how))
			c.undetermined(e, &out)
		}
		if answer != Cannot {
			out.Evidence = append(few(at), nist190.At(c.with.Workload.Object, "metadata", "name"))
			if c.node != nil {
				out.Evidence = append(out.Evidence, c.node.evidence())
			}
		}
		e.Report(out)
	}
}

func levelWords(levels *sensitivity.Levels, l sensitivity.Level) string {
	if l <= 0 {
		return "has no level"
	}
	return "is " + levels.Name(l)
}

// hostAccess tells how the containers of a workload have the run of their host; nil where they have not.
func hostAccess(w *inventory.Workload) (how []string, at []nist190.Evidence) {
	add := func(what string, ev nist190.Evidence) {
		if !slices.Contains(how, what) {
			how, at = append(how, what), append(at, ev)
		}
	}
	for place, spec := range w.PodSpecs() {
		if spec.HostPID {
			add("the processes of the host", nist190.Place(place, "hostPID"))
		}
		for _, list := range []struct {
			field string
			all   []corev1.Container
		}{{"initContainers", spec.InitContainers}, {"containers", spec.Containers}} {
			for i := range list.all {
				c := list.all[i].SecurityContext
				switch {
				case c == nil:
				case c.Privileged != nil && *c.Privileged:
					add(fmt.Sprintf("container %q is privileged", list.all[i].Name), nist190.Place(place, list.field, i, "securityContext", "privileged"))
				case c.Capabilities != nil:
					for _, k := range c.Capabilities.Add {
						if slices.Contains(hostCapabilities, strings.TrimPrefix(string(k), "CAP_")) {
							add("capability "+string(k), nist190.Place(place, list.field, i, "securityContext", "capabilities", "add"))
						}
					}
				}
			}
		}
		for i := range spec.Volumes {
			if h := spec.Volumes[i].HostPath; h != nil && mounted(spec, spec.Volumes[i].Name) && givesHost(h.Path) {
				add(fmt.Sprintf("host path %q", h.Path), nist190.Place(place, "volumes", i, "hostPath", "path").Showing(h.Path))
			}
		}
	}
	return how, at
}

var hostCapabilities = []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH"}

// hostPaths hold what a node is trusted with: credentials, volumes of pods, sockets and stores of container runtimes,
// and what the host runs.
var hostPaths = []string{
	"/boot", "/etc/kubernetes", "/etc/cron.d", "/etc/systemd", "/etc/shadow", "/etc/ssh", "/etc/rancher", "/root",
	"/proc", "/usr/bin", "/usr/local/bin", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/rancher", "/var/lib/docker", "/var/lib/containerd",
	"/var/lib/containers", "/run/containerd", "/run/crio", "/run/docker.sock", "/run/k3s", "/run/cri-dockerd.sock",
}

// givesHost: the path is one of hostPaths, lies below one, or holds one.
func givesHost(p string) bool {
	p = path.Clean(p)
	if rest, ok := strings.CutPrefix(p+"/", "/var/run/"); ok {
		p = path.Clean("/run/" + rest)
	}
	within := func(a, b string) bool { return a == b || b == "/" || strings.HasPrefix(a, b+"/") }
	return slices.ContainsFunc(hostPaths, func(h string) bool { return within(p, h) || within(h, p) })
}

func mounted(spec *corev1.PodSpec, volume string) bool {
	return slices.ContainsFunc(slices.Concat(spec.InitContainers, spec.Containers), func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
	})
}
