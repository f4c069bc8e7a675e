package yamlx

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"
)

// seeds are texts that parsers are known to disagree on or to break at.
var seeds = []string{
	"a: 1\n", "kind: A\n---\nkind: B\n", "kind: A\n--- # c\nkind: B\n", "--- {kind: B}\n", "---kind: B\n", "a: 1\n...\nb: 2\n",
	"a: 1\r---\rb: 2\r", "{\"a\":1}{\"b\":2}\n", "%YAML 1.2\n---\na: yes\n", "a: \"\n-----BEGIN\"\n", "\uFEFFa: 1\n---\n\uFEFFb: 2\n",
	"a: &a [1]\n---\nb: *a\n", "t: 2024-01-01\nf: .inf\nnull: 1\n? {a: b}\n: c\n", "a: &a [*a]\n", "on: off\ny: n\n1: 0x1F\n1.0: 1_000\n",
	"b: &x {c: 1}\nd:\n  <<: *x\n  c: 2\n", "a: b: c\n", "\ta: 1\n", "a: |\n  - no\n  # x\nb: >-\n  y\n", "[[[[", "a: !!int \"1\"\nb: ! x\n",
	"a: 08\nb: 0o17\nc: 1e3\nd: +.5\ne: 1__0\nf: 18446744073709551615\ng: -0b11\nh: 1:30\n", "'a': \"\\x6b\\u0001\"\n\"b\\n\": c\n",
	"- - a\n  -\n- ? b\n", "a: 'x\n\n  y'\nb: \"p\\\n  q\"\n", "{a: yes, b: [n, ~], \"c\":on}\n", "a: 1\na: 2\n", "true: 1\n\"true\": 2\n",
	"a:\n- b\n-   c: d\n    e:\n    - - f\n      -\n    -\n# c\ng: |-\n   x\n\n    y \n\nh: {}\ni: [\"a\", b, 1, 'c'] # d\nj:   'k' #l\n\"m.n\": \"o\\n\"\n",
	"a: |\n  b\n   \n  c\n\n\nd: |+\n  e\n\n# f\ng: h\n", "- a: 1\n  b: 2\n- c\n-\n  d: 3\n", "a:\n  b:\n c: d\n", "a: b\n c\n", "a:\n b\n",
	"a:\u0085b: 1\u2028---\u2028c: d\n", "apiVersion: v1\nkind: List\nitems: [{kind: Pod}]\n", "{{ if x }}\na: 1\n{{ end }}\n",
	"&a a: &b !!str yes\n", "a: *b\n", "? a\n? b\n", "a: #x\n  b\n", "-----\n", "--- |\n a\n", "{\"a\":1,\"a\":{\"b\":1,\"b\":2}}", "a: .5\nb: 5.\nc: .\nd: +\n",
}

func FuzzSplit(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := Text(data)
		if err != nil {
			return
		}
		line, index := 0, 0
		for d := range Split(text) {
			if d.Index != index || d.Line < line || d.Column < 1 || d.Offset+len(d.Text) > len(text) && !d.JSON {
				t.Fatalf("document %+v after line %d", d, line)
			}
			line, index = d.Line, index+1
			if d.JSON != json.Valid(d.Text) && d.JSON {
				t.Fatalf("not JSON: %q", d.Text)
			}
			v, err := d.Decode(Limits{Expansion: 1 << 16})
			if err == nil && !json.Valid(v.JSON) {
				t.Fatalf("not JSON: %q", v.JSON)
			}
			if p, err := d.Positions(); err == nil {
				if l, c, _ := p.At("a", 0, "b"); l < d.Line || c < 1 {
					t.Fatalf("position %d:%d before the document in line %d", l, c, d.Line)
				}
			}
		}
	})
}

// FuzzDecode compares values with those of sigs.k8s.io/yaml.
func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("%YAML")) || bytes.IndexByte(data, '*') >= 0 {
			return // changed on purpose, or subject to limits
		}
		compare(t, data)
	})
}

func compare(t *testing.T, data []byte) {
	t.Helper()
	d := Document{Text: data, Line: 1, Column: 1}
	got, err := d.Decode(Limits{Depth: maxDepth})
	want, wantErr := func() (j []byte, err error) {
		defer func() {
			if recover() != nil {
				err = errors.New("panic")
			}
		}()
		return sigsyaml.YAMLToJSON(data)
	}()
	if (err != nil) != (wantErr != nil) {
		if err != nil && strings.Contains(err.Error(), "left to chance") {
			return
		}
		t.Fatalf("%q: error %v, sigs.k8s.io/yaml: %v", data, err, wantErr)
	}
	if err != nil {
		return
	}
	var g, w any
	if json.Unmarshal(got.JSON, &g) != nil || json.Unmarshal(want, &w) != nil || !reflect.DeepEqual(g, w) {
		t.Fatalf("%q:\n got %s\nwant %s", data, got.JSON, want)
	}
}

func TestSeedsAsSigs(t *testing.T) {
	for _, s := range seeds {
		if !strings.Contains(s, "%YAML") {
			compare(t, []byte(s))
		}
	}
}

// TestCorpusAsSigs compares on real manifests, with and without their comments.
func TestCorpusAsSigs(t *testing.T) {
	var files []string
	for _, root := range []string{"../../../shared/corpus", os.Getenv("YAMLX_CORPUS")} {
		if root == "" {
			continue
		}
		_ = filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(p, "ml") {
				files = append(files, p)
			}
			return nil
		})
	}
	if len(files) == 0 {
		t.Skip("no corpus")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for d := range Split(data) {
			compare(t, d.Text)
			var bare []byte
			for line := range bytes.Lines(d.Text) {
				if t := bytes.TrimSpace(line); len(t) == 0 || t[0] != '#' {
					bare = append(bare, line...)
				}
			}
			compare(t, bare)
		}
	}
}
