package cluster

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/inventory"
)

var (
	namespaceKind     = schema.GroupKind{Kind: "Namespace"}
	namespaceResource = resource{schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "Namespace", false, false}
)

// objectsOf makes objects of the items of a list.
func objectsOf(l *list, namespace string, items [][]byte, secretType string) ([]*inventory.Object, []inventory.Problem) {
	size := 0
	for _, it := range items {
		size += len(it) + 128
	}
	w := writer{buf: make([]byte, 0, size), resource: l.resource, metadataOnly: l.metadataOnly || l.secrets, secretType: secretType}
	objects := make([]*inventory.Object, 0, len(items))
	var problems []inventory.Problem
	for n, it := range items {
		at := len(w.buf)
		w.object(it)
		raw := w.buf[at:len(w.buf):len(w.buf)]
		path := fmt.Sprintf("%s#%d", l.resource.path(namespace), n)
		if w.name != "" {
			path = l.resource.path(w.namespace) + "/" + w.name
		}
		o, err := inventory.NewObject(inventory.Item{JSON: raw, Origin: inventory.Origin{URI: path}, Strength: inventory.Observed})
		if err != nil {
			problems = append(problems, inventory.Problem{Code: inventory.ProblemInvalid, Origin: inventory.Origin{URI: path},
				Ref: inventory.Ref{Group: l.resource.Group, Version: l.resource.Version, Kind: l.resource.kind}, Message: err.Error()})
			continue
		}
		objects = append(objects, o)
	}
	return objects, problems
}

// writer writes the items of one page as objects, into one buffer. Items of built-in kinds have no apiVersion and kind, and
// those of metadata have another kind: both are written in. What servers keep for themselves, managedFields, and the copy that
// kubectl apply leaves are dropped, which together are half of a small object. Where metadata is all that is wanted, nothing
// else is kept.
type writer struct {
	buf          []byte
	resource     resource
	metadataOnly bool
	secretType   string

	namespace, name string // of the last object
}

func (w *writer) object(item []byte) {
	w.namespace, w.name = "", ""
	w.buf = append(w.buf, `{"apiVersion":`...)
	w.str(w.resource.apiVersion())
	w.buf = append(w.buf, `,"kind":`...)
	w.str(w.resource.kind)
	for k, v := range rawjson.Members(item) {
		switch {
		case k == "apiVersion", k == "kind":
		case k == "metadata":
			w.key("metadata")
			w.members(v, w.metadata)
		case !w.metadataOnly:
			w.key(k)
			w.buf = append(w.buf, v...)
		}
	}
	if w.secretType != "" {
		w.key("type")
		w.str(w.secretType)
	}
	w.buf = append(w.buf, '}')
}

// metadata reports whether a member of it is written, after it has written those that it changes.
func (w *writer) metadata(k string, v []byte) bool {
	switch k {
	case "managedFields":
		return false
	case "name":
		w.name = rawjson.String(v)
	case "namespace":
		w.namespace = rawjson.String(v)
	case "annotations":
		if len(v) == 0 || v[0] != '{' {
			return true
		}
		w.key("annotations")
		w.members(v, func(k string, _ []byte) bool { return k != "kubectl.kubernetes.io/last-applied-configuration" })
		return false
	}
	return true
}

// members writes the members of an object that keep lets pass; other values as they are.
func (w *writer) members(obj []byte, keep func(string, []byte) bool) {
	if len(obj) == 0 || obj[0] != '{' {
		w.buf = append(w.buf, obj...)
		return
	}
	w.buf = append(w.buf, '{')
	for k, v := range rawjson.Members(obj) {
		if keep(k, v) {
			w.key(k)
			w.buf = append(w.buf, v...)
		}
	}
	w.buf = append(w.buf, '}')
}

// key writes a key behind what is there.
func (w *writer) key(k string) {
	if w.buf[len(w.buf)-1] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.str(k)
	w.buf = append(w.buf, ':')
}

func (w *writer) str(s string) {
	b, _ := json.Marshal(s) // a string has no error
	w.buf = append(w.buf, b...)
}
