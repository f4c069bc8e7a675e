package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// Objects takes API objects of Go types, as unit tests have them. They are marshalled at once: what the caller does to
// them afterwards does not matter. An object without kind and apiVersion gets those of its type. The world is closed; use
// [ObjectsIn] for another configuration.
func Objects(objs ...runtime.Object) inventory.Source { return ObjectsIn(Config{}, objs...) }

// ObjectsIn is [Objects] with a configuration. Limits do not apply.
func ObjectsIn(cfg Config, objs ...runtime.Object) inventory.Source {
	parts := make([]document, len(objs))
	for i, o := range objs {
		parts[i] = document{in: &input{uri: "objects", named: true}, cfg: cfg, doc: yamlx.Document{Index: i, JSON: true}}
		raw, err := marshal(o)
		if err != nil {
			at := inventory.Origin{URI: "objects", Doc: i}
			parts[i].result = failure(at, true, inventory.ProblemInvalid, fmt.Errorf("object %d (%T): %w", i, o, err))
			continue
		}
		parts[i].doc.Text = raw
	}
	return inventory.SourceFunc(func(_ context.Context, needs []inventory.Need, into *inventory.Collector) error {
		t := newTally(cfg, into)
		for i := range parts {
			p := parts[i] // parsed anew for every collection
			if p.doc.Text != nil {
				p.parseObject()
			}
			t.take(&p.result)
		}
		t.cover(needs)
		return errors.Join(t.errs...)
	})
}

// parseObject is parse for an object without a text to point into.
func (d *document) parseObject() {
	h := readHeader(d.doc.Text)
	whole := &text{}
	d.texts = []*text{whole}
	before := len(d.problems)
	d.expand(entry{header: h, json: d.doc.Text, text: whole})
	for _, p := range d.problems[before:] { // the caller named this object
		d.errs = append(d.errs, &InputError{Origin: p.Origin, Err: errors.New(p.Message)})
	}
}

func marshal(o runtime.Object) ([]byte, error) {
	if v := reflect.ValueOf(o); o == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("nil")
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, errors.New("it cannot be written as JSON")
	}
	h := readHeader(raw)
	if h.isObject() {
		return raw, nil
	}
	gvk, ok := kindOf(o)
	if !ok {
		return nil, errors.New("it has no kind and apiVersion, and its type is not built in")
	}
	e := entry{header: h, json: raw}
	inferKind(header{kind: gvk.Kind + "List", apiVersion: gvk.GroupVersion().String()}, &e)
	return e.json, nil
}

// kindOf is the kind of a built-in type, or of a list of one such as *corev1.PodList.
func kindOf(o runtime.Object) (schema.GroupVersionKind, bool) {
	if gvk, ok := inventory.KindOf(o); ok {
		return gvk, true
	}
	t := reflect.TypeOf(o)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return schema.GroupVersionKind{}, false
	}
	items, ok := t.Elem().FieldByName("Items")
	if !ok || items.Type.Kind() != reflect.Slice {
		return schema.GroupVersionKind{}, false
	}
	gvk, ok := inventory.KindOf(reflect.New(items.Type.Elem()).Interface())
	gvk.Kind += "List"
	return gvk, ok
}
