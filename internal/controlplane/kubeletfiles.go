package controlplane

import (
	"encoding/json"
	"fmt"
	"path"
	"sync"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/defaults"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// kubeletFiles are the layers of a kubelet's configuration: the file of --config, and those of --config-dir in the lexical
// order of their paths, each a JSON merge patch (RFC 7386) on what is before it (cmd/kubelet/app/server.go,
// mergeKubeletConfigurations). Without --config the defaults are those of the old flags, and drop-ins are merged onto them.
type kubeletFiles struct {
	layers []layer
	legacy bool   // no --config
	broken string // why none of it is known
	wanted []string
	places []process.Place
}

// layer is one document, or what an installer adds below or above it.
type layer struct {
	fields map[string]any
	at     process.Place
	text   bool // the place is that of a text, which has no places of its own
	known  Knowledge
	patch  bool // null removes; in a first file it is nothing
}

func (l layer) field(path []string) process.Place {
	if l.text || l.known == Installed {
		return l.at
	}
	elements := make([]any, len(path))
	for i, e := range path {
		elements[i] = e
	}
	return l.at.Field(elements...)
}

// files reads the layers once.
func (r *replica) files() *kubeletFiles {
	r.once.Do(func() { r.kubelet = readKubelet(r) })
	return r.kubelet
}

type kubeletOnce struct {
	once    sync.Once
	kubelet *kubeletFiles
}

func readKubelet(r *replica) *kubeletFiles {
	k := &kubeletFiles{}
	base, dir := k.path(r, "config"), k.path(r, "config-dir")
	switch f, ok := r.File(base); {
	case base == "":
		k.legacy = true
	case !ok:
		k.lack(fmt.Sprintf("--config names %s, which is not among the evidence", base), base)
	default:
		k.add(f, false)
	}
	if dir == "" {
		return k
	}
	n := 0
	for _, f := range r.InDirectory(dir) {
		if path.Ext(f.Path) == ".conf" {
			k.add(f, true)
			n++
		}
	}
	if n == 0 {
		k.lack(fmt.Sprintf("--config-dir names %s, of which no file is among the evidence", dir), dir+"/*.conf")
	}
	k.check()
	return k
}

// check decodes what the drop-ins make of the file: only that is typed, a drop-in by itself is any mapping.
func (k *kubeletFiles) check() {
	if k.broken != "" || len(k.layers) == 0 {
		return
	}
	merged := []byte(`{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"KubeletConfiguration"}`)
	for _, l := range k.layers {
		raw, err := json.Marshal(l.fields)
		if err == nil && l.known == Explicit {
			merged, err = config.MergeKubelet(merged, raw)
		}
		if err != nil { // what was decoded can be encoded
			k.lack("the files of --config-dir cannot be merged")
			return
		}
	}
	if _, err := decode[*config.KubeletConfiguration](process.File{Text: merged}); err != nil {
		last := k.layers[len(k.layers)-1]
		k.lack(fmt.Sprintf("what %s and the files before it make cannot be read: %v", cmpOr(last.at.Origin().String(), "a file"), err))
	}
}

// path is the value of a flag that names files. Where not all flags were seen there may be such a flag.
func (k *kubeletFiles) path(r *replica, flag string) string {
	f, ok := r.Last(flag)
	switch {
	case ok && f.Doubt != "":
		k.lack(fmt.Sprintf("the value of --%s is not known: %s", flag, f.Doubt))
	case !ok && !r.Complete && !r.Effective:
		k.lack(cmpOr(r.Incomplete, "not all flags of the kubelet were seen"))
	}
	return f.Value
}

func (k *kubeletFiles) lack(reason string, wanted ...string) {
	if k.broken == "" {
		k.broken = reason
	}
	k.wanted = append(k.wanted, wanted...)
}

// add reads a file. What the kubelet refuses leaves nothing known.
func (k *kubeletFiles) add(f process.File, patch bool) {
	k.places = append(k.places, f.Place)
	installed := func(raw []byte) {
		var m map[string]any
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &m); err == nil && m != nil {
			k.layers = append(k.layers, layer{fields: m, at: f.Place, known: Installed})
		}
	}
	if f.Missing != "" {
		k.lack(fmt.Sprintf("the content of %s is not known: %s", f.Path, f.Missing), f.Path)
		return
	}
	if _, err := decode[*config.KubeletConfiguration](f); err != nil && !patch {
		k.lack(fmt.Sprintf("%s cannot be read: %v", cmpOr(f.Origin().String(), f.Path), err))
		return
	}
	fields, err := mappingOf(f)
	if err == nil && (fields["apiVersion"] != "kubelet.config.k8s.io/v1beta1" || fields["kind"] != "KubeletConfiguration") {
		err = errNoKubelet
	}
	if err != nil {
		k.lack(fmt.Sprintf("%s cannot be read: %v", cmpOr(f.Origin().String(), f.Path), err))
		return
	}
	if f.Defaults != nil {
		installed(f.Defaults)
	}
	k.layers = append(k.layers, layer{fields: fields, at: f.Place, text: f.Text != nil && f.Object != nil && len(f.Place.Path) > 0 && !isField(f), known: Explicit, patch: patch})
	if f.Forced != nil {
		installed(f.Forced)
	}
}

// isField: the content is a part of the object, so that its fields have places, and no text in one.
func isField(f process.File) bool {
	return len(f.Text) > 0 && f.Text[0] == '{' && f.Place.Path[len(f.Place.Path)-1] == "kubeletconfig"
}

// mappingOf reads the first document of a file as a mapping; an empty file is an empty one.
func mappingOf(f process.File) (map[string]any, error) {
	raw := f.Content()
	if f.Text != nil {
		text, err := yamlx.Text(raw)
		if err != nil {
			return nil, errNoMapping
		}
		raw = []byte("{}")
		for d := range yamlx.Split(text) {
			v, err := d.Decode(yamlx.Limits{})
			if err != nil {
				return nil, errNoMapping
			}
			raw = v.JSON
			break
		}
	}
	var m map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &m); err != nil || m == nil {
		return nil, errNoMapping
	}
	return m, nil
}

// found is a field after all layers.
type found struct {
	value   any
	set     bool
	removed bool // a drop-in set it to null: the defaults of a file count, even where there is no --config
	at      process.Place
	known   Knowledge
}

// field merges the layers at one path.
func (k *kubeletFiles) field(path ...string) found {
	var out found
	for _, l := range k.layers {
		v, hit, cut := descend(l.fields, path)
		switch {
		case cut && l.patch: // null, or a value where a mapping was
			out = found{removed: true, at: l.field(path), known: l.known}
		case !hit:
		case l.known == Installed && out.set && same(out.value, v): // it was written down already
		case isMap(v) && isMap(out.value) && out.set:
			out.value = mergePatch(out.value.(map[string]any), v.(map[string]any))
			out.at, out.known = l.field(path), l.known
		default:
			out = found{value: v, set: true, at: l.field(path), known: l.known}
		}
	}
	return out
}

// descend follows a path. cut: something on the way is null or no mapping.
func descend(m map[string]any, path []string) (v any, hit, cut bool) {
	for i, name := range path {
		v, ok := m[name]
		switch {
		case !ok:
			return nil, false, false
		case v == nil:
			return nil, false, true
		case i == len(path)-1:
			return v, true, false
		}
		inner, ok := v.(map[string]any)
		if !ok {
			return nil, false, true
		}
		m = inner
	}
	return nil, false, false
}

func isMap(v any) bool { _, ok := v.(map[string]any); return ok }

func mergePatch(base, patch map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(patch))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range patch {
		inner, isMapping := v.(map[string]any)
		below, wasMapping := out[k].(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMapping && wasMapping:
			out[k] = mergePatch(below, inner)
		default:
			out[k] = v
		}
	}
	return out
}

type kubeletKey struct {
	minor  int
	legacy bool
}

// kubeletDefault is the default of a field, as JSON gives it; nil where it has none.
func (v *View) kubeletDefault(minor int, legacy bool, path ...string) (any, bool) {
	key := kubeletKey{minor, legacy}
	fields, ok := v.defaults.Load(key)
	if !ok {
		raw := defaults.Kubelet(minor)
		if legacy {
			raw = defaults.KubeletWithoutFile(minor)
		}
		var m map[string]any
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &m); err != nil {
			return nil, false
		}
		fields, _ = v.defaults.LoadOrStore(key, m)
	}
	value, _, _ := descend(fields.(map[string]any), path)
	return value, true
}

// weakest is the least that the files of a kubelet prove. What a report holds is proved as the report is.
func (r *replica) weakest(k *kubeletFiles) inventory.Strength {
	s := r.Strong()
	for _, p := range k.places {
		if p.Object != nil && p.Object != r.Object {
			s = min(s, p.Object.Strength())
		}
	}
	return s
}
