// Package rawjson finds its way in JSON text without decoding it. It is for text that a parser has accepted: over any other
// it stops early or passes over too much, and never panics.
package rawjson

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

// Members iterates over the members of a JSON object in their order; values are parts of obj. It expects valid JSON and
// gives nothing for other values than objects.
func Members(obj []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		EachMember(obj, 0, func(key Span, value int) int {
			end := SkipValue(obj, value)
			if end <= value || !yield(Unquote(obj[key[0]:key[1]]), obj[value:end:end]) {
				return -1
			}
			return end
		})
	}
}

// Elements iterates over the elements of a JSON array with their offsets; they are parts of arr. It expects valid JSON
// and gives nothing for other values than arrays.
func Elements(arr []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		EachElement(arr, 0, func(value int) int {
			end := SkipValue(arr, value)
			if end <= value || !yield(value, arr[value:end:end]) {
				return -1
			}
			return end
		})
	}
}

// ItemsOf iterates over the spans of the elements of the member "items" of a JSON object.
func ItemsOf(obj []byte) iter.Seq[[2]int] {
	return func(yield func([2]int) bool) {
		EachMember(obj, 0, func(key Span, value int) int {
			if string(obj[key[0]:key[1]]) != `"items"` {
				return SkipValue(obj, value)
			}
			return EachElement(obj, value, func(item int) int {
				end := SkipValue(obj, item)
				if !yield([2]int{item, end}) {
					return -1
				}
				return end
			})
		})
	}
}

// Span is where a part begins and the offset behind it.
type Span = [2]int

// EachMember calls f for the members of the object that begins at off, with the span of the key and the offset of the
// value; f returns the offset behind the value, or -1 to stop. It returns the offset behind the object.
func EachMember(data []byte, off int, f func(key Span, value int) int) int {
	i := SkipSpace(data, off)
	if i >= len(data) || data[i] != '{' {
		return i
	}
	for i++; ; i++ { // data[i] is a comma from the second round on
		if i = SkipSpace(data, i); i >= len(data) || data[i] != '"' {
			return min(i+1, len(data))
		}
		key := Span{i, skipString(data, i)}
		i = SkipSpace(data, SkipSpace(data, key[1])+1)
		if i = f(key, i); i < 0 {
			return -1
		}
		if i = SkipSpace(data, i); i >= len(data) || data[i] != ',' {
			return min(i+1, len(data))
		}
	}
}

// EachElement is EachMember for arrays.
func EachElement(data []byte, off int, f func(value int) int) int {
	i := SkipSpace(data, off)
	if i >= len(data) || data[i] != '[' {
		return i
	}
	for i++; ; i++ {
		if i = SkipSpace(data, i); i >= len(data) || data[i] == ']' {
			return min(i+1, len(data))
		}
		if i = f(i); i < 0 {
			return -1
		}
		if i = SkipSpace(data, i); i >= len(data) || data[i] != ',' {
			return min(i+1, len(data))
		}
	}
}

// SkipSpace returns the offset of the first byte from i on that is no white space.
func SkipSpace(data []byte, i int) int {
	for i < len(data) && isSpace(data[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// skipString returns the offset behind the string that begins at i.
func skipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(data)
}

// SkipValue returns the offset behind the value that begins at i; i itself where no value begins.
func SkipValue(data []byte, i int) int {
	if i >= len(data) {
		return i
	}
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		for depth := 0; i < len(data); {
			switch data[i] {
			case '"':
				i = skipString(data, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return i
	}
	for i < len(data) && data[i] != ',' && data[i] != '}' && data[i] != ']' && data[i] != ':' && !isSpace(data[i]) {
		i++
	}
	return i
}

// String is the text of a JSON string; empty for other values.
func String(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	return Unquote(value)
}

// Unquote gives the text of a JSON string.
func Unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 && len(quoted) >= 2 && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return string(quoted)
	}
	return s
}

// Deeper reports whether a JSON value has more than limit levels of nesting.
func Deeper(data []byte, limit int) bool {
	if len(data) < 2*limit { // a level takes two brackets
		return false
	}
	depth, deepest := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = skipString(data, i) - 1
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest > limit
}
