package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nist190/nist190/internal/rawjson"
)

// maxListDepth bounds lists within lists.
const maxListDepth = 8

// entry is a JSON object of a document, and where in the document it stands.
type entry struct {
	header header
	json   []byte
	text   *text
	path   []any // in text
	depth  int
}

// isList reports a List, a typed list such as PodList, or what the API calls one: a kind that ends so, with items, and
// without a name of its own.
func (h header) isList() bool {
	return h.kind == "List" || strings.HasSuffix(h.kind, "List") && h.items != nil && !h.hasName
}

// expand adds the object, or the objects of the list.
func (d *document) expand(e entry) {
	if !e.header.isList() {
		d.object(e)
		return
	}
	if e.depth == maxListDepth {
		d.invalid(d.begin(), fmt.Errorf("lists are nested more than %d levels deep", maxListDepth))
		return
	}
	items := e.header.items
	if len(items) > 0 && items[0] != '[' && string(items) != "null" {
		d.invalid(d.begin(), fmt.Errorf("items of the list is no list"))
		return
	}
	var raws [][]byte
	for _, raw := range rawjson.Elements(items) {
		raws = append(raws, raw)
	}
	texts := d.itemTexts(e, len(raws))
	for i, raw := range raws {
		// A copy, since the list may hold a payload beside it.
		item := entry{json: bytes.Clone(raw), text: e.text, path: append(e.path[:len(e.path):len(e.path)], "items", i), depth: e.depth + 1}
		if texts != nil {
			item.text, item.path = texts[i].text, texts[i].path
		}
		item.header = readHeader(item.json)
		inferKind(e.header, &item)
		switch {
		case !item.header.isMap:
			d.invalid(d.placeOf(item), fmt.Errorf("items[%d] of the list is no object", i))
		case !item.header.isObject():
			d.invalid(d.placeOf(item), fmt.Errorf("items[%d] of the list: %s", i, item.header.lacks()))
		default:
			d.expand(item)
		}
	}
}

// inferKind gives the items of a typed list the kind and apiVersion that API servers leave out of them.
func inferKind(list header, item *entry) {
	h := &item.header
	kind := strings.TrimSuffix(list.kind, "List")
	if !h.isMap || kind == "" || h.hasKind && h.hasVersion || h.hasKind && h.kind != kind {
		return
	}
	var add []byte
	if !h.hasKind {
		h.kind = kind
		add = appendMember(add, "kind", kind)
	}
	if !h.hasVersion {
		h.apiVersion = list.apiVersion
		add = appendMember(add, "apiVersion", list.apiVersion)
	}
	rest := bytes.TrimLeft(item.json[1:], " \t\r\n")
	if len(rest) > 0 && rest[0] == '}' {
		add = add[:len(add)-1] // no comma before the end
	}
	item.json = append(append([]byte{'{'}, add...), rest...)
}

func appendMember(b []byte, key, value string) []byte {
	v, _ := json.Marshal(value)
	return append(append(append(b, '"'), key...), append(append([]byte(`":`), v...), ',')...)
}
