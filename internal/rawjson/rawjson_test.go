package rawjson

import (
	"encoding/json"
	"testing"
)

var texts = []string{
	`{"a":1,"b":{"c":[1,2,{"d":"}"}]},"e":"x\"y","f":null}`, ` { "a" : [ ] , "b" : { } } `, `{}`, `[]`, `[1,"2",[3],{"4":5}]`,
	`{"\u0061":"\u0062"}`, `{"items":[{"kind":"A"},{"kind":"B"}]}`, `"x"`, `{"a":tru`, `{"a"`, `{"a":`, `[1,`, `{`, ``, `{"a":"\`, `{"a":1 "b":2}`,
}

func FuzzMembers(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := map[string]json.RawMessage{}
		for k, v := range Members(data) {
			got[k] = v
		}
		n := 0
		for range Elements(data) {
			n++
		}
		for part := range ItemsOf(data) {
			if part[0] > part[1] || part[1] > len(data) {
				t.Fatalf("item %v of %q", part, data)
			}
		}
		Deeper(data, 3)
		if !json.Valid(data) {
			return
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) == nil {
			if len(got) != len(object) {
				t.Fatalf("%q: %d members, want %d", data, len(got), len(object))
			}
			for k, v := range object {
				if string(got[k]) != string(v) {
					t.Fatalf("%q: member %q is %q, want %q", data, k, got[k], v)
				}
			}
		}
		var array []json.RawMessage
		if json.Unmarshal(data, &array) == nil && n != len(array) {
			t.Fatalf("%q: %d elements, want %d", data, n, len(array))
		}
	})
}
