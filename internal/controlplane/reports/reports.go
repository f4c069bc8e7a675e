// Package reports reads what components say of themselves: /configz of kubelets, /flagz of any component, and the few
// families of an API server's /metrics that tell what it runs with. They are what runs, and rank above every manifest.
package reports

import (
	"encoding/json"
	"errors"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

var structuredFlagz = schema.GroupKind{Group: "config.k8s.io", Kind: "Flagz"}

// Needs are the formats that [Find] reads.
func Needs() []inventory.Need {
	out := []inventory.Need{
		{Group: structuredFlagz.Group, Kind: structuredFlagz.Kind, Resource: "flagzs", Bias: inventory.Alternative},
		inventory.NeedOf[corev1.Node](inventory.Alternative),
	}
	for _, f := range [...]string{format.KubeletConfigz, format.Flagz, format.Metrics} {
		out = append(out, inventory.Need{Format: f, Bias: inventory.Alternative})
	}
	return out
}

// Find reads the reports.
func Find(inv *inventory.Inventory) process.Found {
	var out process.Found
	nodes := map[string]bool{}
	for o := range inventory.Typed[corev1.Node](inv) {
		nodes[o.Name()] = true
	}
	add := func(o *inventory.Object, p process.Process, err error) {
		if err != nil {
			out.Problems = append(out.Problems, inventory.Problem{Code: inventory.ProblemUndecodable, Origin: o.Origin(), Ref: o.Ref(), Message: err.Error()})
			return
		}
		p.Name, p.Rank, p.Strength, p.Place = nodeOf(o, nodes), process.Report, inventory.Observed, process.At(o)
		out.Processes = append(out.Processes, p)
	}
	for o := range inv.ByKind(kind(format.KubeletConfigz)) {
		p, err := configz(o)
		add(o, p, err)
	}
	for o := range inv.ByKind(kind(format.Flagz)) {
		text, err := textOf(o)
		if err == nil {
			var p process.Process
			p, err = Flagz(text, process.At(o, format.TextField))
			add(o, p, err)
			continue
		}
		add(o, process.Process{}, err)
	}
	for o := range inv.ByKind(structuredFlagz) {
		p, err := structured(o)
		add(o, p, err)
	}
	out.Processes = joinKubelets(out.Processes)
	for o := range inv.ByKind(kind(format.Metrics)) {
		text, err := textOf(o)
		add(o, Metrics(text, process.At(o, format.TextField)), err)
	}
	return out
}

// joinKubelets makes one process of /configz and /flagz of one node. /flagz of a kubelet tells of the flags that are no part of
// its configuration: of the others it prints what the command line says, or the old defaults, and not what the file of
// --config made of them (cmd/kubelet/app/server.go: the file is read into a new object, after the flags were bound).
func joinKubelets(all []process.Process) []process.Process {
	flags := map[string][]process.Flag{}
	configured := map[string]bool{}
	for _, p := range all {
		switch {
		case p.Component != process.Kubelet:
		case len(p.Files) > 0:
			configured[p.Name] = true
		default:
			flags[p.Name] = append(flags[p.Name], ownFlags(p.Flags)...)
		}
	}
	out := all[:0:0]
	for _, p := range all {
		switch {
		case p.Component != process.Kubelet:
		case len(p.Files) > 0:
			if own, ok := flags[p.Name]; ok {
				p.Flags, p.Complete = append(p.Flags, own...), true
			}
		case configured[p.Name]:
			continue
		default:
			p.Flags, p.Partial, p.Complete, p.Effective = ownFlags(p.Flags), true, false, false
			p.Incomplete = "/flagz of a kubelet does not tell what its configuration came to"
		}
		out = append(out, p)
	}
	return out
}

func ownFlags(flags []process.Flag) []process.Flag {
	var out []process.Flag
	for _, f := range flags {
		switch f.Name {
		case "hostname-override", "node-labels", "node-ip", "cert-dir", "bootstrap-kubeconfig", "kubeconfig", "root-dir", "cloud-provider",
			"image-credential-provider-config", "image-credential-provider-bin-dir":
			out = append(out, f)
		}
	}
	return out
}

func kind(f string) schema.GroupKind { return inventory.Need{Format: f}.GroupKind() }

func textOf(o *inventory.Object) (string, error) {
	var v struct {
		Text *string `json:"text"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(o.JSON(), &v); err != nil || v.Text == nil {
		return "", errors.New("the report has no text")
	}
	return *v.Text, nil
}

// configz: the kubelet prints its configuration after defaults, drop-ins and flags (cmd/kubelet/app/server.go,
// initConfigz); component-base/configz writes {"kubeletconfig": ...} without kind and version.
func configz(o *inventory.Object) (process.Process, error) {
	var v struct {
		Config map[string]any `json:"kubeletconfig"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(o.JSON(), &v); err != nil || v.Config == nil {
		return process.Process{}, errors.New("kubeletconfig is not a mapping")
	}
	v.Config["apiVersion"], v.Config["kind"] = "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"
	text, err := json.Marshal(v.Config)
	if err != nil {
		return process.Process{}, errors.New("kubeletconfig cannot be written as JSON")
	}
	at := process.At(o, "kubeletconfig")
	const file = "/configz"
	return process.Process{
		Component: process.Kubelet, Effective: true, Source: "configz of the kubelet", Incomplete: "/configz does not tell flags that are no part of the configuration",
		Flags: []process.Flag{{Name: "config", Value: file, Place: at}},
		Files: []process.File{{Path: file, Text: text, Place: at}},
	}, nil
}

// nodeOf is the node that a file speaks of by its name: that of a Node where they are known, else what is left of the
// file's name without the words that say what it is.
func nodeOf(o *inventory.Object, nodes map[string]bool) string {
	if o.Name() != o.Origin().URI && !strings.HasPrefix(o.Name(), o.Origin().URI+"#") {
		return o.Name()
	}
	uri := strings.ReplaceAll(o.Origin().URI, "\\", "/")
	if known := process.NodeIn(uri, nodes); known != "" {
		return known
	}
	base := path.Base(uri)
	for _, ext := range [...]string{".json", ".yaml", ".yml", ".txt", ".prom"} {
		base = strings.TrimSuffix(base, ext)
	}
	if name := withoutWords(base); name != "" {
		return name
	}
	if dir := path.Base(path.Dir(uri)); dir != "." && dir != "/" && len(nodes) == 0 && withoutWords(dir) == dir {
		return dir
	}
	return ""
}

// withoutWords takes the words off both ends that say what a report is.
func withoutWords(s string) string {
	words := [...]string{"configz", "flagz", "metrics", "kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "apiserver"}
	for changed := true; changed; {
		changed = false
		for _, w := range words {
			for _, t := range [...]string{strings.TrimSuffix(s, w), strings.TrimPrefix(s, w)} {
				if t != s {
					s, changed = strings.Trim(t, "-_."), true
				}
			}
		}
	}
	return s
}
