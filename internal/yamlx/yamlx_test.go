package yamlx

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	for in, want := range map[string][]string{
		"":                             nil,
		"# c\n---\n---\n\n":            nil,
		"a: 1":                         {"0@0:1:1 a: 1"},
		"a: 1\n---\nb: 2\n":            {"0@0:1:1 a: 1\n", "1@9:3:1 b: 2\n"},
		"a: 1\r\n---\r\nb: 2\r\n":      {"0@0:1:1 a: 1\r\n", "1@11:3:1 b: 2\r\n"},
		"a: 1\n--- # c\nb: 2\n---\t\n": {"0@0:1:1 a: 1\n", "1@13:3:1 b: 2\n"},
		"a: 1\n---x\n":                 {"0@0:1:1 a: 1\n---x\n"},
		"%TAG ! x\n---\na: 1\n":        {"0@0:1:1 %TAG ! x\n---\na: 1\n"},
		"%YAML 1.2\n---\na: 1\n":       {"0@0:1:1 #YAML 1.2\n---\na: 1\n"},
		"{\"a\":\n1} {\"b\":2}\n[3]\n": {"0@0:1:1 {\"a\":\n1}", "1@9:2:4 {\"b\":2}", "2@17:3:1 [3]"},
		"{a: 1}\n":                     {"0@0:1:1 {a: 1}\n"},
		"a: 1\n...\n...\nb: 2":         {"0@0:1:1 a: 1\n", "1@13:4:1 b: 2"},
	} {
		var got []string
		for d := range Split([]byte(in)) {
			got = append(got, fmt.Sprintf("%d@%d:%d:%d %s", d.Index, d.Offset, d.Line, d.Column, d.Text))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

func TestPositions(t *testing.T) {
	const text = `# head
base: &base
  x: 1
  y: {z: 2}
on: true
"yes": q
list:
- a: 1
- - b
  - c
copy: *base
merged:
  <<: *base
  x: 3
many:
  <<: [{p: 1}, *base]
1.50: f
self: &self
  again: *self
x: 1
x: 2
`
	p := positions(t, "skipped: 1\n---\n"+text)
	for _, tt := range []struct {
		path []any
		want string
	}{
		{nil, "4:1 true"}, {[]any{"base", "y", "z"}, "6:7 true"}, {[]any{"true"}, "7:1 true"}, {[]any{"on"}, "7:1 true"}, {[]any{"yes"}, "8:1 true"},
		{[]any{"list", 0, "a"}, "10:3 true"}, {[]any{"list", 1, 1}, "12:5 true"}, {[]any{"list", 7}, "9:1 false"}, {[]any{"list", "a"}, "9:1 false"},
		{[]any{"copy"}, "13:1 true"}, {[]any{"copy", "x"}, "5:3 true"}, {[]any{"merged", "x"}, "16:3 true"}, {[]any{"merged", "y", "z"}, "6:7 true"},
		{[]any{"many", "p"}, "18:9 true"}, {[]any{"many", "x"}, "5:3 true"}, {[]any{"many", "q"}, "17:1 false"}, {[]any{"1.5"}, "19:1 true"},
		{[]any{"self", "again", "again", "again"}, "21:3 true"}, {[]any{"x"}, "23:1 true"}, {[]any{"base", "x", "deeper"}, "5:3 false"}, {[]any{3.5}, "4:1 false"},
	} {
		line, column, exact := p.At(tt.path...)
		if got := fmt.Sprintf("%d:%d %v", line, column, exact); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.path, got, tt.want)
		}
	}
}

// positions gives those of the last document.
func positions(t *testing.T, text string) *Positions {
	t.Helper()
	var p *Positions
	for d := range Split([]byte(text)) {
		var err error
		if p, err = d.Positions(); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestHostile: what grows without bounds elsewhere costs little here.
func TestHostile(t *testing.T) {
	merges := "a0: &a0 {x: 1}\n"
	for i := range 40 {
		merges += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d, *a%d]}\n", i+1, i+1, i, i, i)
	}
	n := 200_000
	for name, in := range map[string]string{
		"brackets": strings.Repeat("[", n), "braces": strings.Repeat("{", n), "mappings": strings.Repeat("{a: ", n), "dashes": strings.Repeat("- ", n), "questions": strings.Repeat("? ", n),
		"anchors": strings.Repeat("&a ", n), "tags": strings.Repeat("!a ", n), "quotes": strings.Repeat("\"", n), "separators": strings.Repeat("---\n", n), "json": strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"keys": strings.Repeat("a:\n", n), "json depth": strings.Repeat(`{"a":`, n), "pipes": strings.Repeat("|\n", n), "comments": strings.Repeat("#\n", n) + "a: b", "colons": strings.Repeat(":", n), "merges": merges,
		"self alias": "a: &a {b: *a}", "long string": "a: &a " + strings.Repeat("x", n) + "\nb: [" + strings.Repeat("*a,", n) + "]",
	} {
		start := time.Now()
		for d := range Split([]byte(in)) {
			_, _ = d.Decode(Limits{})
			if p, err := d.Positions(); err == nil {
				p.At("a40", "nothing", "b", "b", 0)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		} else if took > time.Second {
			t.Logf("%s took %v", name, took)
		}
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	for _, in := range []string{"a: *hunter2\n", "a: &hunter2 [*hunter2]\n", "a: !!int hunter2\n", "? {hunter2: x}\n: hunter2\n", "null: hunter2\n", "a: !!binary hunter2!\n", "a: hunter2: hunter2\n", "a: 'hunter2\n", "18446744073709551615: hunter2\n", "hunter2: .inf\n", "<<: hunter2\n"} {
		for d := range Split([]byte(in)) {
			_, err := d.Decode(Limits{})
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q: %v", in, err)
			}
		}
	}
}

type config struct {
	Name  string   `json:"name"`
	Port  int      `json:"port"`
	Rules []rule   `json:"rules"`
	Tags  []string `json:"tags"`
}

type rule struct {
	Match map[string]string `json:"match"`
	On    bool              `json:"on"`
}

func TestUnmarshal(t *testing.T) {
	for in, want := range map[string]string{
		"":                                       "",
		"# nothing\n":                            "",
		"name: x\nport: 1\n":                     "",
		"{\"name\":\"x\"}":                       "",
		"name: 5\n":                              "c.yaml:1:1: name: a number where a string is wanted",
		"name: x\nport: y1\n":                    "c.yaml:2:1: port: a string where a whole number is wanted",
		"port: 1.5\n":                            "c.yaml:1:1: port: a number where a whole number is wanted",
		"rules:\n- match: {a: b}\n- \"on\": x\n": "c.yaml:3:3: rules[1].on: a string where true or false is wanted",
		"rules:\n- on: true\n":                   "c.yaml:2:3: rules[0].true: the plain key on is \"true\" to kubectl and \"on\" to readers of YAML 1.2; quote it",
		"nme: x\nrules:\n- mtch: {}\n":           "c.yaml:1:1: nme: unknown field\nc.yaml:3:3: rules[0].mtch: unknown field",
		"name: x\nname: z\n":                     "c.yaml:2:1: name is set twice, first in line 1: kubectl takes the last value, strict parsers refuse the document",
		"name: x\n---\nname: y\n":                "c.yaml:3:1: a second document; this file must have one",
		"name: [\n":                              "c.yaml:1: did not find expected node content",
		"tags: x\n":                              "c.yaml:1:1: tags: a string where a list is wanted",
		"- x\n":                                  "c.yaml:1:1: a list where a mapping is wanted",
		"Name: x\n":                              "c.yaml:1:1: Name: unknown field",
		"rules:\n- match: {a: {}}\n":             "c.yaml:2:11: rules[0].match.a: a mapping where a string is wanted",
		"\x00":                                   "c.yaml: binary data: it contains NUL bytes",
	} {
		var c config
		err := Unmarshal("c.yaml", []byte(in), &c)
		got := ""
		if err != nil {
			got = err.Error()
			var e *Error
			if !errors.As(err, &e) || e.File != "c.yaml" {
				t.Errorf("%q: %T", in, err)
			}
		}
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, want)
		}
	}
}
