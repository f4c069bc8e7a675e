// Package process is the form to which every description of a cluster's components is brought: static and mirror pods,
// kubeadm, k3s, Cluster API and others all come down to programs that run with flags, an environment and files. What
// the flags mean for a version of Kubernetes is asked of package controlplane.
package process

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// Component is a program of a cluster, by the name of its binary.
type Component string

const (
	KubeAPIServer         Component = "kube-apiserver"
	KubeControllerManager Component = "kube-controller-manager"
	KubeScheduler         Component = "kube-scheduler"
	Etcd                  Component = "etcd"
	Kubelet               Component = "kubelet"
	KubeProxy             Component = "kube-proxy"
)

// Components lists them in the order of answers.
func Components() []Component {
	return []Component{KubeAPIServer, KubeControllerManager, KubeScheduler, Etcd, Kubelet, KubeProxy}
}

// Rank says how near a description is to what runs. Of two descriptions of one replica the higher counts.
type Rank uint8

const (
	// Template is the zero value: what an installer was asked for (kubeadm, kops, k3s, Cluster API, a cloud).
	Template Rank = iota
	// Manifest: what the kubelet or systemd starts (a static or mirror pod, a configuration file of a node).
	Manifest
	// Report: what the process itself says of its flags or configuration (/flagz, /configz).
	Report
)

// Process is one description of a component. It is not changed once a source has returned it.
type Process struct {
	Component Component
	// Name tells the replica: the node, or the pod where the node is not known. Empty, it speaks for every replica.
	Name string
	// Version as it was written, such as "v1.37.2": of Kubernetes, for etcd its own. Empty where nothing tells.
	Version string

	Flags       []Flag     // in their order
	Environment []Variable // etcd reads flags from it
	Files       []File
	Mounts      []Mount
	Seen        []Seen

	// Container: it runs in a container, so that what it writes outside of Mounts is lost with that.
	Container bool

	// Complete: a flag that is absent has its default. Otherwise there may be more flags than were seen.
	Complete bool
	// Incomplete says why it is not Complete, for people.
	Incomplete string
	// Effective: the flags, and the fields of files, are all there are with defaults filled in, as /flagz and /configz print
	// them. What is absent is zero.
	Effective bool
	// Partial: it tells of single things, as /metrics does, and says nothing of the rest.
	Partial bool

	Rank     Rank
	Strength inventory.Strength // what the description proves; zero means that of the object
	Source   string             // what kind of description it is, for people: "static pod", "kubeadm ClusterConfiguration"
	Place                       // where the process as a whole is described
}

// Flag is one occurrence of a flag.
type Flag struct {
	Name  string // without dashes, "_" written "-"
	Value string // "true" for a boolean flag without a value
	// Doubt says why the value is not known although the flag is there: a shell variable, a value from elsewhere.
	Doubt string
	// Default: an installer sets it and nobody wrote it down. The place is then that of the process.
	Default bool
	Place
}

// Variable is one variable of the environment.
type Variable struct {
	Name, Value string
	Doubt       string // why the value is not known, such as a reference to a Secret
	Place
}

// File is a file in the world of the process, by its absolute path there.
type File struct {
	Path string
	// Text is the content where a field holds it. Where it is nil, the object at Place is itself the document, and its
	// JSON is the content.
	Text []byte
	// Missing says why the content is not known although the file exists: a redacted or referenced one.
	Missing string
	// Defaults are fields, as JSON, that an installer writes into the file where the content does not have them; Forced
	// are those that it writes whatever the content says.
	Defaults, Forced []byte
	Place
}

// Seen is one thing that a running process shows of itself, without telling the flag that made it so.
type Seen struct {
	Flag string // whose effect it is: "enable-admission-plugins", "authorization-mode", "feature-gates", ...
	Item string // an element of that list, or the name of a gate
	On   bool
	Place
}

// What a process shows of the objects that it stores, in the place of a flag in [Seen]: the resource and the prefix of the provider by
// which it was written, separated by a space; and a resource of which something was read that is not encrypted.
const (
	WrittenBy = "written by"
	ReadPlain = "read in plain text"
)

// Content is the document: JSON of the object, or text.
func (f File) Content() []byte {
	if f.Text != nil || f.Object == nil {
		return f.Text
	}
	return f.Object.JSON()
}

// Mount maps a directory or file of the process's world to the node's.
type Mount struct{ Path, Host string }

// Place is a field of an object; without a path, the object.
type Place struct {
	Object *inventory.Object
	Path   []any
}

// At is a place.
func At(o *inventory.Object, path ...any) Place { return Place{o, path} }

// Field is a place below p.
func (p Place) Field(path ...any) Place {
	return Place{p.Object, slices.Concat(p.Path, path)}
}

// Origin is the file and line, or the API path; zero where nothing is known.
func (p Place) Origin() inventory.Origin {
	if p.Object == nil {
		return inventory.Origin{}
	}
	return p.Object.Origin(p.Path...)
}

// IsZero reports whether p says nothing.
func (p Place) IsZero() bool { return p.Object == nil }

// Strong is what the description proves.
func (p *Process) Strong() inventory.Strength {
	if p.Strength == inventory.StrengthUnset && p.Object != nil {
		return p.Object.Strength()
	}
	return p.Strength
}

// All are the occurrences of a flag in their order; for etcd its variable of the environment, if no flag is given.
func (p *Process) All(name string) []Flag {
	var out []Flag
	for _, f := range p.Flags {
		if f.Name == name {
			out = append(out, f)
		}
	}
	if len(out) > 0 || p.Component != Etcd {
		return out
	}
	// etcd's flags win over its environment (etcd, pkg/flags/flag.go, SetFlagsFromEnv).
	env := "ETCD_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	for _, v := range p.Environment {
		if v.Name == env && (v.Value != "" || v.Doubt != "") {
			out = []Flag{{Name: name, Value: v.Value, Doubt: v.Doubt, Place: v.Place}}
		}
	}
	return out
}

// Last is the occurrence that counts for a flag that holds one value.
func (p *Process) Last(name string) (Flag, bool) {
	all := p.All(name)
	if len(all) == 0 {
		return Flag{}, false
	}
	return all[len(all)-1], true
}

// File finds the file at a path of the process's world.
func (p *Process) File(name string) (File, bool) {
	name = path.Clean(name)
	for _, f := range slices.Backward(p.Files) {
		if path.Clean(f.Path) == name {
			return f, true
		}
	}
	return File{}, false
}

// InDirectory lists the files directly or deeper below a directory, by path.
func (p *Process) InDirectory(dir string) []File {
	prefix := strings.TrimSuffix(path.Clean(dir), "/") + "/"
	var out []File
	for _, f := range p.Files {
		if strings.HasPrefix(path.Clean(f.Path), prefix) {
			out = append(out, f)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return path.Clean(out[i].Path) < path.Clean(out[j].Path) })
	return out
}

// HostPath is where the node keeps a file of the process's world; the same path where it is not mounted from the node.
func (p *Process) HostPath(name string) string {
	name = path.Clean(name)
	best, longest := name, -1
	for _, m := range p.Mounts {
		at := path.Clean(m.Path)
		rest, below := strings.CutPrefix(name, strings.TrimSuffix(at, "/")+"/")
		switch {
		case len(at) <= longest:
		case name == at:
			best, longest = path.Clean(m.Host), len(at)
		case below:
			best, longest = path.Join(m.Host, rest), len(at)
		}
	}
	return best
}
