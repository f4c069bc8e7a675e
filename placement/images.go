package placement

import (
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// ImageRules say what images workloads of a level may run. The zero value trusts nobody in particular and asks for digests
// and signatures at the highest level.
type ImageRules struct {
	Trusted    []TrustedRegistries `json:"trusted,omitempty"`
	DigestFrom string              `json:"digestFrom,omitempty"` // the lowest level whose images are pinned by digest
	SignedFrom string              `json:"signedFrom,omitempty"` // the lowest level whose images are verified at admission
}

// TrustedRegistries is where images of some levels come from. A level that no entry names is free.
type TrustedRegistries struct {
	Levels     []string   `json:"levels,omitempty"` // none means every level
	Registries []Registry `json:"registries"`
}

// Images attaches image rules to an inventory.
var Images = inventory.NewSetting("images", ImageRules{})

// Registry is a registry or what lies below a path in it: "registry.example.com:5000", "ghcr.io/acme",
// "docker.io/library/nginx". The host is compared whole, and so is each component of the path, which may be a glob; what
// follows the components that are given is free. Hosts are written out, docker.io too.
type Registry string

// UnmarshalText reads a registry, strictly.
func (r *Registry) UnmarshalText(b []byte) error {
	*r = Registry(b)
	return r.Validate()
}

// Validate tells what is wrong with a registry that was made in Go.
func (r Registry) Validate() error {
	host, rest, below := strings.Cut(string(r), "/")
	switch {
	case host == "":
		return fmt.Errorf("%q names no registry", string(r))
	case strings.ContainsAny(host, `*?[\`):
		return fmt.Errorf("%q has a pattern for a host: a registry is trusted by its whole name", string(r))
	case strings.Contains(string(r), "://"):
		return fmt.Errorf("%q is a URL; a registry is written as images are, without a scheme", string(r))
	case host != "localhost" && !strings.ContainsAny(host, ".:"):
		return fmt.Errorf("%q does not begin with a host; images without one come from docker.io: write docker.io/library/nginx, docker.io/acme", string(r))
	case strings.ContainsAny(rest, "@:"):
		return fmt.Errorf("%q has a tag or a digest; a registry has none", string(r))
	}
	if !below {
		return nil
	}
	for _, c := range strings.Split(rest, "/") {
		if _, err := path.Match(c, ""); err != nil || c == "" {
			return fmt.Errorf("%q has a component of its path that is empty or no valid pattern", string(r))
		}
		if strings.Contains(c, "**") {
			return fmt.Errorf("%q: what lies below a path is trusted with it, ** is not needed", string(r))
		}
	}
	return nil
}

// Has reports whether an image comes from the registry. The image is normalised as container runtimes do it
// (github.com/distribution/reference).
func (r Registry) Has(image string) bool {
	host, rest, _ := strings.Cut(string(r), "/")
	if host == "index.docker.io" {
		host = "docker.io"
	}
	im := inventory.ParseImage(image)
	if host != im.Host {
		return false
	}
	if rest == "" {
		return true
	}
	want, have := strings.Split(rest, "/"), strings.Split(im.Path, "/")
	if len(want) > len(have) {
		return false
	}
	for i, c := range want {
		if ok, _ := path.Match(c, have[i]); !ok {
			return false
		}
	}
	return true
}

func (r ImageRules) String() string {
	var out []string
	for _, t := range r.Trusted {
		var names []string
		for _, x := range t.Registries {
			names = append(names, string(x))
		}
		of := "every level"
		if len(t.Levels) > 0 {
			of = strings.Join(t.Levels, " and ")
		}
		out = append(out, "of "+of+" from "+strings.Join(names, " "))
	}
	for _, f := range []struct{ what, from string }{{"pinned by digest from ", r.DigestFrom}, {"verified from ", r.SignedFrom}} {
		if f.from != "" {
			out = append(out, f.what+f.from)
		}
	}
	if len(out) == 0 {
		return "of any registry"
	}
	return strings.Join(out, ", ")
}

// registries are those that a level's images may come from; free where nobody says.
func (r ImageRules) registries(levels *sensitivity.Levels, level sensitivity.Level) (out []Registry, free bool) {
	free = true
	for _, t := range r.Trusted {
		of := func(name string) bool { l, ok := levels.Parse(name); return ok && l == level }
		if len(t.Levels) == 0 || slices.ContainsFunc(t.Levels, of) {
			out, free = append(out, t.Registries...), false
		}
	}
	return out, free
}

// from is the level that a rule begins at: the highest where the name is empty or none.
func from(levels *sensitivity.Levels, name string) sensitivity.Level {
	if l, ok := levels.Parse(name); ok && l > 0 {
		return l
	}
	return sensitivity.Level(len(levels.Names()))
}

// imageChecks look at whose images run.
func imageChecks() []nist190.Check {
	return []nist190.Check{UntrustedRegistry(), ImageDigest(), ImageSignature()}
}

// imageUse is an image that a workload runs or mounts.
type imageUse struct {
	ref   string
	name  string // of the container or volume
	spec  inventory.At
	field string
	index int
}

// at is the field that names the image.
func (u *imageUse) at() inventory.At {
	if u.field == "volumes" {
		return u.spec.Field(u.field, u.index, "image", "reference")
	}
	return u.spec.Field(u.field, u.index, "image")
}

// imagesOf are the images of the containers of a pod, of every kind, and of its image volumes (KEP-4639).
func imagesOf(at inventory.At, spec *corev1.PodSpec) iter.Seq[imageUse] {
	return func(yield func(imageUse) bool) {
		use := func(ref, name, field string, i int) bool {
			return ref == "" || yield(imageUse{ref, name, at, field, i})
		}
		for i := range spec.InitContainers {
			if c := &spec.InitContainers[i]; !use(c.Image, c.Name, "initContainers", i) {
				return
			}
		}
		for i := range spec.Containers {
			if c := &spec.Containers[i]; !use(c.Image, c.Name, "containers", i) {
				return
			}
		}
		for i := range spec.EphemeralContainers {
			if c := &spec.EphemeralContainers[i]; !use(c.Image, c.Name, "ephemeralContainers", i) {
				return
			}
		}
		for i := range spec.Volumes {
			if v := &spec.Volumes[i]; v.Image != nil && !use(v.Image.Reference, v.Name, "volumes", i) {
				return
			}
		}
	}
}

// distinctImages are the images of a workload, those of its template before those that its pods have in addition.
func distinctImages(w *inventory.Workload) []imageUse {
	var out []imageUse
	for at, spec := range w.PodSpecs() {
		for u := range imagesOf(at, spec) {
			if !slices.ContainsFunc(out, func(x imageUse) bool { return x.ref == u.ref }) {
				out = append(out, u)
			}
		}
	}
	return out
}
