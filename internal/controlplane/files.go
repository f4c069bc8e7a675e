package controlplane

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// documents are the configuration files of an inventory, which processes refer to by path.
type documents []*inventory.Object

// documentKinds are the kinds of files that flags refer to.
var documentKinds = []struct {
	schema.GroupKind
	resource string
}{
	{schema.GroupKind{Group: "apiserver.config.k8s.io", Kind: "AuthenticationConfiguration"}, "authenticationconfigurations"},
	{schema.GroupKind{Group: "apiserver.config.k8s.io", Kind: "AuthorizationConfiguration"}, "authorizationconfigurations"},
	{schema.GroupKind{Group: "apiserver.config.k8s.io", Kind: "EncryptionConfiguration"}, "encryptionconfigurations"},
	{schema.GroupKind{Group: "apiserver.config.k8s.io", Kind: "AdmissionConfiguration"}, "admissionconfigurations"},
	{schema.GroupKind{Group: "apiserver.k8s.io", Kind: "AdmissionConfiguration"}, "admissionconfigurations"},
	{schema.GroupKind{Group: "audit.k8s.io", Kind: "Policy"}, "policies"},
	{schema.GroupKind{Group: "kubescheduler.config.k8s.io", Kind: "KubeSchedulerConfiguration"}, "kubeschedulerconfigurations"},
	{schema.GroupKind{Kind: "EncryptionConfig"}, "encryptionconfigs"},
	{schema.GroupKind{Kind: "Config"}, "configs"},
}

func documentNeeds() []inventory.Need {
	var out []inventory.Need
	for _, k := range documentKinds {
		out = append(out, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: k.resource, Bias: inventory.Alternative})
	}
	return out
}

func collectDocuments(inv *inventory.Inventory) documents {
	var out documents
	for _, k := range documentKinds {
		for o := range inv.ByKind(k.GroupKind) {
			out = append(out, o)
		}
	}
	return out
}

// at finds the document that lies at a path of the process's node: one whose own path ends with that path, else the only
// one of that name. Of several the one in the same tree as the process counts. reason says why there is none.
func (d documents) at(names []string, near inventory.Origin, fits func(*inventory.Object) bool) (found *inventory.Object, reason string) {
	var whole, base []*inventory.Object
	for _, o := range d {
		if !fits(o) {
			continue
		}
		uri := "/" + strings.TrimPrefix(strings.ReplaceAll(o.Origin().URI, "\\", "/"), "/")
		switch {
		case slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(uri, "/"+strings.TrimPrefix(n, "/")) }):
			whole = append(whole, o)
		case slices.ContainsFunc(names, func(n string) bool { return path.Base(uri) == path.Base(n) }):
			base = append(base, o)
		}
	}
	candidates := whole
	if len(candidates) == 0 {
		candidates = base
	}
	candidates = process.Nearest(candidates, path.Dir(near.URI))
	switch {
	case len(candidates) == 0:
		return nil, ""
	case len(candidates) > 1:
		for _, o := range candidates[1:] {
			if string(o.JSON()) != string(candidates[0].JSON()) {
				return nil, fmt.Sprintf("%s and %s could both be it", candidates[0].Origin(), o.Origin())
			}
		}
	}
	return candidates[0], ""
}

// document is a configuration file as it was decoded. D is nil where the flag names no file.
type document[D config.Document] struct {
	Document D
	Path     string
	at       process.Place
}

// field is a place in the document.
func (d document[D]) field(path ...any) process.Place {
	if d.at.Object != nil && len(d.at.Path) > 0 { // a text in a field has no places of its own
		return d.at
	}
	return d.at.Field(path...)
}

// file reads the document that a flag names. An empty flag is a known answer without a document.
func file[D config.Document](r *replica, flag string) Answer[document[D]] {
	name := r.text(flag)
	if !name.OK() || name.Value == "" {
		return Answer[document[D]]{Basis: name.Basis}
	}
	return load[D](r, name, "--"+flag)
}

func load[D config.Document](r *replica, name Answer[string], what string) Answer[document[D]] {
	f, fault := r.find(name, what, isKind[D])
	if fault != nil {
		return Answer[document[D]]{Basis: *fault}
	}
	doc, err := decode[D](f)
	if err != nil {
		return Answer[document[D]]{Basis: name.unreadable(f, err)}
	}
	out := Answer[document[D]]{document[D]{Document: doc, Path: name.Value, at: f.Place}, r.explicit(append([]process.Place{f.Place}, name.Places...)...)}
	if f.Object != nil {
		out.Strength = min(out.Strength, f.Object.Strength())
	}
	return out
}

func (b Basis) unreadable(f process.File, err error) Basis {
	u := unknown(fmt.Sprintf("%s cannot be read: %v", cmpOr(f.Origin().String(), f.Path), err))
	u.Places, u.Source = append([]process.Place{f.Place}, b.Places...), b.Source
	return u
}

// find is the file that a flag names, or why it is not there.
func (r *replica) find(name Answer[string], what string, fits func(*inventory.Object) bool) (process.File, *Basis) {
	fail := func(reason string) (process.File, *Basis) {
		u := unknown(fmt.Sprintf("%s names %s, %s", what, name.Value, reason), name.Value)
		u.Places, u.Source = name.Places, name.Source
		return process.File{}, &u
	}
	f, ok := r.File(name.Value)
	if !ok {
		names := []string{path.Clean(name.Value)}
		if host := r.HostPath(name.Value); host != names[0] {
			names = append(names, host)
		}
		o, reason := r.view.documents.at(names, r.Origin(), fits)
		switch {
		case o != nil:
			f = process.File{Path: name.Value, Place: process.At(o)}
		case reason != "":
			return fail("and " + reason)
		default:
			return fail("which is not among the evidence")
		}
	}
	if f.Missing != "" {
		return fail("whose content is not known: " + f.Missing)
	}
	return f, nil
}

func isKind[D config.Document](o *inventory.Object) bool {
	doc, _, err := config.Decode(o.JSON())
	if err != nil {
		// The kind is told by the document even where it cannot be read: then that is the answer.
		var d D
		return !errors.Is(err, config.ErrKind) && strings.Contains(fmt.Sprintf("%T", d), "."+strings.TrimPrefix(o.Ref().Kind, "Kube"))
	}
	_, ok := doc.(D)
	return ok
}

// decode reads a file and asks whether its component would start with it.
func decode[D config.Document](f process.File) (D, error) {
	var zero D
	doc, err := parse[D](f)
	if err != nil {
		return zero, err
	}
	for _, p := range doc.Problems() {
		if !isKey(p) {
			return zero, p
		}
	}
	return doc, nil
}

func parse[D config.Document](f process.File) (D, error) {
	var zero D
	if f.Text == nil {
		doc, _, err := config.Decode(f.Content())
		if err != nil {
			return zero, err
		}
		d, ok := doc.(D)
		if !ok {
			return zero, errors.New("it is of another kind")
		}
		return d, nil
	}
	for part := range config.Text(f.Text) {
		if part.Err != nil {
			return zero, part.Err
		}
		if d, ok := part.Document.(D); ok {
			return d, nil
		}
		return zero, errors.New("it is of another kind")
	}
	return zero, errors.New("it is empty")
}

// isKey: keys of templates are filled in later, and those that are none are found by whoever judges keys.
func isKey(f *config.Fault) bool {
	return len(f.Path) > 0 && f.Path[len(f.Path)-1] == "secret"
}
