package inventory

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/redact"
)

// Item is what a [Source] knows of one object.
type Item struct {
	// JSON is the object, valid JSON, owned by the inventory from now on. Payloads of Secrets and keys are dropped from it.
	JSON []byte
	// Origin is where the object begins.
	Origin Origin
	// Locate tells where a field of the object was written: path elements are strings and ints, the nearest ancestor
	// that exists answers for a path that does not. Nil means that there is no text; Origin then answers for all.
	// It must be safe for concurrent use.
	Locate func(path ...any) Origin
	// Strength is what the object proves; zero means Configured.
	Strength Strength
	// DefaultNamespace is where an object of a namespaced kind without a namespace goes; zero means "default".
	DefaultNamespace string
	// Configuration marks a document that has a kind but need not have a name, such as a KubeletConfiguration.
	Configuration bool
	// NamedByOrigin marks a report of a process, whose name is that of its program: the object is named after its file, so
	// that those of several nodes are several objects.
	NamedByOrigin bool
}

// Object is one collected object. It is immutable and safe for concurrent use; so is everything reached through it.
type Object struct {
	ref      Ref
	meta     header
	json     []byte
	origin   Origin
	locate   func(path ...any) Origin
	strength Strength

	unstructuredOnce sync.Once
	unstructured     *unstructured.Unstructured

	typedOnce sync.Once
	typed     any
	typedErr  error
	unknown   []string // fields outside the schema
}

// header is what every object has.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name            string                  `json:"name"`
		GenerateName    string                  `json:"generateName"`
		Namespace       string                  `json:"namespace"`
		UID             types.UID               `json:"uid"`
		Labels          map[string]string       `json:"labels"`
		Annotations     map[string]string       `json:"annotations"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
}

// read decodes the header alone: a pass over the text finds its three members, of which the last counts.
func (h *header) read(object []byte) error {
	var parts struct{ apiVersion, kind, metadata []byte }
	for key, value := range rawjson.Members(object) {
		switch key {
		case "apiVersion":
			parts.apiVersion = value
		case "kind":
			parts.kind = value
		case "metadata":
			parts.metadata = value
		}
	}
	for _, m := range []struct {
		name string
		raw  []byte
		into any
	}{{"apiVersion", parts.apiVersion, &h.APIVersion}, {"kind", parts.kind, &h.Kind},
		{"metadata", parts.metadata, &h.Metadata}} {
		if m.raw == nil {
			continue
		}
		if err := json.UnmarshalCaseSensitivePreserveInts(m.raw, m.into); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// ErrNotAnObject is wrapped by the errors of [NewObject].
var ErrNotAnObject = errors.New("not an API object")

// NewObject reads one API object. It is pure and safe to call concurrently; it does not check the object's fields
// beyond apiVersion, kind and metadata, which is what an API server cannot do without.
func NewObject(it Item) (*Object, error) {
	o := &Object{json: it.JSON, origin: it.Origin, locate: it.Locate, strength: it.Strength}
	if err := o.meta.read(it.JSON); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAnObject, err)
	}
	if o.meta.Kind == "" || o.meta.APIVersion == "" {
		return nil, fmt.Errorf("%w: apiVersion and kind must be set", ErrNotAnObject)
	}
	gv, err := schema.ParseGroupVersion(o.meta.APIVersion)
	if err != nil {
		return nil, fmt.Errorf("%w: apiVersion %q has more than one slash", ErrNotAnObject, o.meta.APIVersion)
	}
	if o.strength == StrengthUnset {
		o.strength = Configured
	}
	gk := CanonicalGroupKind(gv.WithKind(o.meta.Kind).GroupKind())
	o.ref = Ref{Group: gk.Group, Version: gv.Version, Kind: gk.Kind, Namespace: o.meta.Metadata.Namespace,
		Name: o.meta.Metadata.Name}
	if err := o.resolveName(it); err != nil {
		return nil, err
	}
	if redact.Sensitive(o.meta.APIVersion, o.meta.Kind) {
		clean, _, err := redact.JSON(o.meta.APIVersion, o.meta.Kind, it.JSON)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNotAnObject, o.ref, err)
		}
		o.json = clean
		maps.DeleteFunc(o.meta.Metadata.Annotations, func(k, _ string) bool { return redact.Annotation(k) })
	}
	return o, nil
}

func (o *Object) resolveName(it Item) error {
	if isNamespaced, known := Namespaced(o.ref.GroupKind()); known {
		switch {
		case !isNamespaced:
			o.ref.Namespace = ""
		case o.ref.Namespace == "" && it.DefaultNamespace != "":
			o.ref.Namespace = it.DefaultNamespace
		case o.ref.Namespace == "":
			o.ref.Namespace = "default"
		}
	}
	if o.ref.Name != "" && !it.NamedByOrigin {
		return nil
	}
	switch {
	case it.Configuration, it.NamedByOrigin:
		o.ref.Name = it.Origin.URI
		if it.Origin.Doc > 0 {
			o.ref.Name = fmt.Sprintf("%s#%d", it.Origin.URI, it.Origin.Doc)
		}
	case o.meta.Metadata.GenerateName == "":
		return fmt.Errorf("%w: %s: metadata.name is required", ErrNotAnObject, o.ref)
	}
	return nil // a generated name is numbered by the Collector
}

// Ref names the object. An object with generateName is named "generateName#n" in the order of collection.
func (o *Object) Ref() Ref { return o.ref }

// GroupKind is the kind that the object is indexed under.
func (o *Object) GroupKind() schema.GroupKind { return o.ref.GroupKind() }

// APIVersion is the apiVersion as written; Ref has the canonical group.
func (o *Object) APIVersion() string { return o.meta.APIVersion }

// Namespace and Name are those of the Ref.
func (o *Object) Namespace() string { return o.ref.Namespace }

// Name is the object's name; see Ref for objects with generateName.
func (o *Object) Name() string { return o.ref.Name }

// UID is the object's UID; empty in most manifests.
func (o *Object) UID() types.UID { return o.meta.Metadata.UID }

// Labels returns the object's labels, which must not be modified.
func (o *Object) Labels() map[string]string { return o.meta.Metadata.Labels }

// Annotations returns the object's annotations, which must not be modified.
func (o *Object) Annotations() map[string]string { return o.meta.Metadata.Annotations }

// Owners returns the object's owner references, which must not be modified.
func (o *Object) Owners() []metav1.OwnerReference { return o.meta.Metadata.OwnerReferences }

// Controller returns the owner reference that is marked as the managing controller.
func (o *Object) Controller() (metav1.OwnerReference, bool) {
	for _, r := range o.meta.Metadata.OwnerReferences {
		if r.Controller != nil && *r.Controller {
			return r, true
		}
	}
	return metav1.OwnerReference{}, false
}

// Strength is what the object proves of the running cluster.
func (o *Object) Strength() Strength { return o.strength }

// JSON returns the object without Secret payloads. It must not be modified.
func (o *Object) JSON() []byte { return o.json }

// Origin tells where the object, or with a path one of its fields, was written. Path elements are field names and list
// indices: o.Origin("spec", "containers", 0, "image"). Without a path it is a field access; with one it parses the
// object's document again, so ask it for what is printed and not for every object.
func (o *Object) Origin(path ...any) Origin {
	if len(path) == 0 || o.locate == nil {
		return o.origin
	}
	at := o.locate(path...)
	if at.IsZero() {
		return o.origin
	}
	return at
}

// Unstructured returns the object as nested maps, decoded on first use and shared: it must not be modified.
func (o *Object) Unstructured() *unstructured.Unstructured {
	o.unstructuredOnce.Do(func() { o.unstructured = decodeUnstructured(o.json) })
	return o.unstructured
}

func decodeUnstructured(raw []byte) *unstructured.Unstructured {
	var m map[string]any
	// The bytes were parsed once by NewObject, so that an error cannot come from syntax; what is left is depth, which
	// the same decoder limits.
	if err := json.UnmarshalCaseSensitivePreserveInts(raw, &m); err != nil || m == nil {
		m = map[string]any{}
	}
	return &unstructured.Unstructured{Object: m}
}

// PathString writes a path as Kubernetes field paths are written: spec.containers[0].image.
func PathString(path ...any) string {
	var b strings.Builder
	for _, p := range path {
		if i, ok := p.(int); ok {
			fmt.Fprintf(&b, "[%d]", i)
			continue
		}
		s := fmt.Sprint(p)
		if strings.ContainsAny(s, ".[]/") {
			fmt.Fprintf(&b, "[%q]", s)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s)
	}
	return b.String()
}
