// Package pods finds the components of a control plane that run as pods: static pods, the mirror pods that a kubelet
// shows of them, and pods of kube-system in self-hosted clusters. A component is told by the binary that a container
// starts, never by the name of the pod.
package pods

import (
	"path"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Needs are the kinds that [Find] reads.
func Needs() []inventory.Need {
	return []inventory.Need{
		inventory.NeedOf[corev1.Pod](inventory.Alternative),
		inventory.NeedOf[corev1.ConfigMap](inventory.Alternative),
	}
}

const system = "kube-system"

// Find reads the pods. Pods of other namespaces are control planes of other clusters, unless they are mirrors.
func Find(inv *inventory.Inventory) process.Found {
	var out process.Found
	for o := range inv.ByKind(schema.GroupKind{Kind: "Pod"}) {
		if o.Namespace() != system && !isMirror(o) && !isManifest(o) {
			continue
		}
		p, err := inventory.As[corev1.Pod](o) // alone: other pods are many
		if err != nil || inventory.Terminal(p) {
			continue // a problem of the inventory
		}
		for i := range p.Spec.Containers {
			if found, ok := container(inv, o, p, i); ok {
				out.Processes = append(out.Processes, found)
			}
		}
	}
	return out
}

// isMirror: only a kubelet may create such a pod (plugin/pkg/admission/noderestriction).
func isMirror(o *inventory.Object) bool { return o.Annotations()[corev1.MirrorPodAnnotationKey] != "" }

// isManifest: the file lies where kubelets look for static pods.
func isManifest(o *inventory.Object) bool {
	dir := path.Dir(strings.ReplaceAll(o.Origin().URI, "\\", "/"))
	return strings.HasSuffix("/"+dir, "/kubernetes/manifests") || strings.HasSuffix("/"+dir, "/agent/pod-manifests")
}

func container(inv *inventory.Inventory, o *inventory.Object, p *corev1.Pod, i int) (process.Process, bool) {
	c := &p.Spec.Containers[i]
	at := process.At(o, "spec", "containers", i)
	env := environment(c, at)
	argv := append(process.Args(c.Command, at.Field("command")), process.Args(c.Args, at.Field("args"))...)
	for i := range argv {
		argv[i].Text, argv[i].Doubt = expand(argv[i].Text, env)
	}
	component, flags, open, ok := process.Command(argv)
	if !ok && len(c.Command) == 0 { // the entry point of an image that is named like its binary
		if component, ok = process.ComponentOf(repository(c.Image)); ok {
			flags, open = process.Flags(component, argv)
		}
	}
	if !ok || !isControlPlane(component, o, p) {
		return process.Process{}, false
	}
	out := process.Process{
		Component: component, Name: p.Spec.NodeName, Flags: flags, Environment: env, Complete: open == "", Incomplete: open,
		Rank: process.Manifest, Source: "static pod", Place: at,
	}
	if component != process.Etcd || looksLikeVersion(tag(c.Image)) {
		out.Version = tag(c.Image)
	}
	switch {
	case isMirror(o):
		out.Source = "mirror pod"
	case len(o.Owners()) > 0 || p.Spec.NodeName != "":
		out.Source = "pod"
	}
	if out.Name == "" && len(o.Owners()) > 0 {
		out.Name = p.Name
	}
	if len(c.EnvFrom) > 0 && component == process.Etcd {
		out.Complete, out.Incomplete = false, "its environment comes from elsewhere (envFrom)"
	}
	mounts(inv, p, c, &out)
	return out, true
}

// isControlPlane: etcd also serves others (Calico, Cilium, vcluster). What a controller runs is not the cluster's own.
func isControlPlane(c process.Component, o *inventory.Object, p *corev1.Pod) bool {
	switch c {
	case process.KubeProxy:
		return false
	case process.Etcd:
		return isMirror(o) || len(o.Owners()) == 0 || p.Labels["tier"] == "control-plane"
	}
	return true
}

func environment(c *corev1.Container, at process.Place) []process.Variable {
	var out []process.Variable
	for i, e := range c.Env {
		v := process.Variable{Name: e.Name, Place: at.Field("env", i)}
		v.Value, v.Doubt = expand(e.Value, out)
		if e.ValueFrom != nil {
			v.Value, v.Doubt = "", "the value of the variable "+e.Name+" comes from elsewhere"
		}
		out = append(out, v)
	}
	return out
}

// expand replaces $(NAME) as the kubelet does (third_party/forked/golang/expansion): a name that is not defined stays as
// it is, $$ is a dollar sign.
func expand(s string, env []process.Variable) (text, doubt string) {
	if !strings.Contains(s, "$") {
		return s, ""
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		end := -1
		if s[i+1] == '(' {
			end = strings.IndexByte(s[i:], ')')
		}
		switch {
		case s[i+1] == '$':
			b.WriteByte('$')
			i++
		case end < 0:
			b.WriteByte('$')
		default:
			ref := s[i : i+end+1]
			if v, ok := lookup(env, ref[2:len(ref)-1]); ok {
				ref = v.Value
				if v.Doubt != "" {
					ref, doubt = s[i:i+end+1], v.Doubt
				}
			}
			b.WriteString(ref)
			i += end
		}
	}
	return b.String(), doubt
}

func lookup(env []process.Variable, name string) (process.Variable, bool) {
	for i := len(env) - 1; i >= 0; i-- {
		if env[i].Name == name {
			return env[i], true
		}
	}
	return process.Variable{}, false
}

// mounts adds the directories of the node, and the files that come from ConfigMaps.
func mounts(inv *inventory.Inventory, p *corev1.Pod, c *corev1.Container, out *process.Process) {
	volumes := map[string]*corev1.Volume{}
	for i := range p.Spec.Volumes {
		volumes[p.Spec.Volumes[i].Name] = &p.Spec.Volumes[i]
	}
	for _, m := range c.VolumeMounts {
		v := volumes[m.Name]
		switch {
		case v == nil:
		case v.HostPath != nil:
			out.Mounts = append(out.Mounts, process.Mount{Path: m.MountPath, Host: path.Join(v.HostPath.Path, m.SubPath)})
		case v.ConfigMap != nil:
			configMap(inv, p.Namespace, v.ConfigMap, m, out)
		}
	}
}

func configMap(inv *inventory.Inventory, namespace string, src *corev1.ConfigMapVolumeSource, m corev1.VolumeMount, out *process.Process) {
	o, cm, ok := process.ConfigMap(inv, namespace, src.Name)
	if !ok {
		return // a file of it is looked for in vain, and named
	}
	paths := map[string]string{}
	for k := range cm.Data {
		paths[k] = k
	}
	if len(src.Items) > 0 {
		clear(paths)
		for _, i := range src.Items {
			paths[i.Key] = i.Path
		}
	}
	for key, name := range paths {
		text, ok := cm.Data[key]
		if !ok {
			continue
		}
		file := process.File{Path: path.Join(m.MountPath, name), Text: []byte(text), Place: process.At(o, "data", key)}
		switch {
		case m.SubPathExpr != "":
			file.Missing = "its path depends on the environment"
		case m.SubPath == "":
		case m.SubPath == name:
			file.Path = m.MountPath
		case strings.HasPrefix(name, m.SubPath+"/"):
			file.Path = path.Join(m.MountPath, strings.TrimPrefix(name, m.SubPath))
		default:
			continue
		}
		out.Files = append(out.Files, file)
	}
	sort.SliceStable(out.Files, func(i, j int) bool { return out.Files[i].Path < out.Files[j].Path })
}

func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return path.Base(image)
}

func tag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[i+1:]
	}
	return ""
}

func looksLikeVersion(s string) bool {
	s = strings.TrimPrefix(s, "v")
	return len(s) > 2 && s[0] >= '0' && s[0] <= '9' && strings.Contains(s, ".")
}
