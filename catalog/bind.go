package catalog

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// binder puts decoded JSON into Go values and collects every mistake on the way, each with its path: encoding/json stops
// at the first one that a type reports of itself, and says of none in which item of a list it is.
type binder struct{ mistakes mistakes }

func (b *binder) bad(path []any, format string, args ...any) { b.mistakes.add(path, format, args...) }

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

func (b *binder) bind(into reflect.Value, from any, path []any) {
	if from == nil {
		b.bad(path, "has no value; give it one or remove it")
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		b.bind(into.Elem(), from, path)
		return
	}
	switch p := into.Addr(); {
	case p.Type().Implements(textUnmarshaler):
		text, ok := from.(string)
		if !ok {
			b.wrongType(path, from, "text")
		} else if text == "" {
			b.bad(path, "must not be empty")
		} else if err := p.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			b.bad(path, "%v", err)
		}
		return
	case p.Type().Implements(jsonUnmarshaler):
		raw, err := json.Marshal(from)
		if err == nil {
			err = p.Interface().(json.Unmarshaler).UnmarshalJSON(raw)
		}
		if err != nil {
			want := "a number or text"
			if w, ok := p.Interface().(interface{ wanted() string }); ok {
				want = w.wanted()
			}
			b.wrongType(path, from, want)
		}
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		b.object(into, from, path)
	case reflect.Slice:
		items, ok := from.([]any)
		if !ok {
			b.wrongType(path, from, "a list")
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
		for i, item := range items {
			b.bind(into.Index(i), item, below(path, i))
		}
	case reflect.Map:
		fields, ok := from.(map[string]any)
		if !ok {
			b.wrongType(path, from, "a mapping")
			return
		}
		into.Set(reflect.MakeMapWithSize(into.Type(), len(fields)))
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			value := reflect.New(into.Type().Elem()).Elem()
			b.bind(value, fields[key], below(path, key))
			into.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), value)
		}
	default:
		b.scalar(into, from, path)
	}
}

func (b *binder) scalar(into reflect.Value, from any, path []any) {
	switch into.Kind() {
	case reflect.String:
		if s, ok := from.(string); ok {
			into.SetString(s)
			return
		}
		b.wrongType(path, from, "text")
	case reflect.Bool:
		if v, ok := from.(bool); ok {
			into.SetBool(v)
			return
		}
		b.wrongType(path, from, "true or false")
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, ok := from.(int64)
		if ok && !into.OverflowInt(n) {
			into.SetInt(n)
			return
		}
		b.wrongType(path, from, "a whole number")
	default:
		b.bad(path, "cannot be configured") // a test walks the types, so that none of them comes here
	}
}

func (b *binder) object(into reflect.Value, from any, path []any) {
	object, ok := from.(map[string]any)
	if !ok {
		b.wrongType(path, from, "a mapping")
		return
	}
	known := fieldsOf(into.Type())
	for _, name := range slices.Sorted(maps.Keys(object)) {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		if i < 0 {
			b.bad(below(path, name), "unknown field; known are %s", names(known))
			continue
		}
		// Items of lists may be empty: "" is a name of the core API group and a value of labels.
		if object[name] == "" && known[i].typ.Kind() == reflect.String {
			b.bad(below(path, name), "must not be empty")
			continue
		}
		b.bind(into.FieldByIndex(known[i].index), object[name], below(path, name))
	}
}

func (b *binder) wrongType(path []any, from any, want string) {
	got := fmt.Sprintf("a %T", from)
	switch from.(type) {
	case string:
		got = "text"
	case bool:
		got = "true or false"
	case int64, float64:
		got = "a number"
	case []any:
		got = "a list"
	case map[string]any:
		got = "a mapping"
	}
	hint := ""
	if want == "text" && (got == "a number" || got == "true or false") {
		hint = "; put it in quotes"
	}
	b.bad(path, "%s where %s is wanted%s", got, want, hint)
}

// field is a field of a struct as files spell it.
type field struct {
	name  string
	index []int
	typ   reflect.Type
}

// fieldsOf lists the fields of a struct in their order; those of embedded structs are its own.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			for _, in := range fieldsOf(f.Type) {
				out = append(out, field{in.name, append([]int{i}, in.index...), in.typ})
			}
		default:
			if name == "" {
				name = f.Name
			}
			out = append(out, field{name, []int{i}, f.Type})
		}
	}
	return out
}

func names(fields []field) string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	return strings.Join(out, ", ")
}
