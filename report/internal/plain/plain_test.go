package plain

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"plain / text: 100%":       "plain / text: 100%",
		"naïve 日本 ✓":               "naïve 日本 ✓",
		"a\x1b[31mb":               `a\x1b[31mb`,
		"a\nb\r\nc\td":             `a\nb\r\nc\td`,
		"\x00\x07\x7f":             `\x00\x07\x7f`,
		"\u0085\u009b2J":           `\u0085\u009b2J`,
		"a\u202eb\u2066c\u200fd":   `a\u202eb\u2066c\u200fd`,
		"a\u200bb\ufeffc\u2060d":   `a\u200bb\ufeffc\u2060d`,
		"a\u2028b\u2029c":          `a\u2028b\u2029c`,
		"tag\U000e0041":            `tag\U000e0041`,
		"\xff\xc3(":                `\xff\xc3(`,
		"nbsp\u00a0":               `nbsp\u00a0`,
		"a real \ufffd stays":      "a real \ufffd stays",
		strings.Repeat("x", 1<<16): strings.Repeat("x", 1<<16),
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestText(t *testing.T) {
	if got, want := Text("a:\r\n\tb\n\x1b[0m\rc"), "a:\n    b\n\\x1b[0m\\rc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b\u202e\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		for multiline, got := range map[bool]string{false: Line(s), true: Text(s)} {
			if !utf8.ValidString(got) {
				t.Errorf("%q is not UTF-8", got)
			}
			for _, r := range got {
				if !unicode.IsPrint(r) && !(multiline && r == '\n') {
					t.Errorf("%q holds %q", got, r)
				}
			}
			if clean(got, multiline) != got {
				t.Errorf("%q is not stable", got)
			}
		}
	})
}
