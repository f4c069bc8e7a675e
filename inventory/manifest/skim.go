package manifest

import (
	"bytes"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// skim reads the kind of a document off its lines, without parsing it. It answers for documents of the common form only:
// a mapping in block style that begins at the margin, where there are nothing but plain keys, items of sequences and
// comments, and which says kind and apiVersion once. Such a document cannot turn out to be of another kind: the mapping
// has its keys at the margin, and what a scalar of several lines smuggles there would be a second one.
func skim(text []byte) (schema.GroupKind, bool) {
	if hasOddBreak(text) {
		return schema.GroupKind{}, false
	}
	var apiVersion, kind string
	begun := false
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		switch {
		case len(line) == 0, line[0] == ' ' && begun, line[0] == '#', line[0] == '\r', isSeparator(line) && !begun:
			continue
		case line[0] == '-' && begun && (len(line) == 1 || isSpace(line[1])):
			continue
		case !isLetter(line[0]):
			return schema.GroupKind{}, false
		}
		begun = true
		key, value, found := bytes.Cut(line, []byte(":"))
		if !found || !isWord(string(key)) || len(value) > 0 && !isSpace(value[0]) {
			return schema.GroupKind{}, false
		}
		var into *string
		switch {
		case string(key) == "kind":
			into = &kind
		case string(key) == "apiVersion":
			into = &apiVersion
		default:
			continue
		}
		word := unquote(string(bytes.TrimSpace(value)))
		if *into != "" || !isWord(word) {
			return schema.GroupKind{}, false
		}
		*into = word
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil || kind == "" || apiVersion == "" || strings.HasSuffix(kind, "List") {
		return schema.GroupKind{}, false
	}
	return inventory.CanonicalGroupKind(gv.WithKind(kind).GroupKind()), true
}

func unquote(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}

// hasOddBreak reports breaks between lines that are no line feed: a lone carriage return, NEL, LS and PS (YAML 1.1,
// section 4.2).
func hasOddBreak(text []byte) bool {
	for rest := text; ; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			break
		}
		if i+1 == len(rest) || rest[i+1] != '\n' {
			return true
		}
		rest = rest[i+1:]
	}
	return bytes.Contains(text, []byte("\u0085")) || bytes.Contains(text, []byte("\u2028")) || bytes.Contains(text, []byte("\u2029"))
}

func isSeparator(line []byte) bool { return string(bytes.TrimRight(line, " \t\r")) == "---" }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
