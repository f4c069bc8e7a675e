package inventory

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names an object, an RBAC subject (group rbac.authorization.k8s.io, kind User or Group), a namespace or, as
// [Cluster], the cluster itself. Version is how the object was written and is no part of its identity.
type Ref struct {
	Group, Version, Kind, Namespace, Name string
}

// Cluster is the subject of outcomes that concern no single object.
var Cluster = Ref{Kind: "Cluster"}

// NamespaceRef names a namespace, whether or not its object was collected.
func NamespaceRef(name string) Ref { return Ref{Version: "v1", Kind: "Namespace", Name: name} }

// GroupKind is the kind the Ref is indexed under.
func (r Ref) GroupKind() schema.GroupKind { return schema.GroupKind{Group: r.Group, Kind: r.Kind} }

// APIVersion is "group/version", or the version alone in the core group; empty where no version is known.
func (r Ref) APIVersion() string {
	if r.Version == "" {
		return ""
	}
	return schema.GroupVersion{Group: r.Group, Version: r.Version}.String()
}

// Identity is r without the version: equal for every way to write the same object.
func (r Ref) Identity() Ref {
	r.Version = ""
	return r
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// String is "Kind.group namespace/name", with what is empty left out.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(r.GroupKind().String())
	if r.Name != "" || r.Namespace != "" {
		b.WriteByte(' ')
	}
	if r.Namespace != "" {
		b.WriteString(r.Namespace)
		b.WriteByte('/')
	}
	b.WriteString(r.Name)
	return b.String()
}

// Compare orders by namespace, kind, name, group: the order of every list in this module.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(
		cmp.Compare(r.Namespace, o.Namespace),
		cmp.Compare(r.Kind, o.Kind),
		cmp.Compare(r.Name, o.Name),
		cmp.Compare(r.Group, o.Group),
	)
}

// Origin is where an object or field was written. A live object's URI is its API path and its Line is 0.
type Origin struct {
	URI      string // file path as given, or API path
	Doc      int    // document within the file, from 0
	Line     int    // from 1; 0 when there is no text
	Column   int    // from 1; 0 when there is no text
	Template string // the template or kustomize resource that rendered it, when the text says so
}

// IsZero reports whether nothing is known of the place.
func (o Origin) IsZero() bool { return o == Origin{} }

// String is "uri:line", the form that editors and terminals link.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.URI
	}
	return fmt.Sprintf("%s:%d", o.URI, o.Line)
}

// Compare orders by URI, document, line and column.
func (o Origin) Compare(p Origin) int {
	return cmp.Or(cmp.Compare(o.URI, p.URI), cmp.Compare(o.Doc, p.Doc), cmp.Compare(o.Line, p.Line), cmp.Compare(o.Column, p.Column))
}
