package redact

import (
	"encoding/base64"
	"strings"
)

// Class says what kind of text a removed payload was.
type Class string

const (
	Empty       Class = "empty"       // nothing was there
	Placeholder Class = "placeholder" // a text that somebody has to replace: ${KEY}, <BASE 64 ENCODED SECRET>
	Base64      Class = "base64"      // the length is that of the decoded bytes
	Repeated    Class = "repeated"    // base64 of one byte over and over, such as a key of zeros
	Text        Class = "text"        // the length is in bytes
	Other       Class = "other"       // no text at all
)

// describe is what is kept of a payload: {"class": Class, "length": bytes}. What is a description already stays one.
func describe(v any) map[string]any {
	if m, ok := v.(map[string]any); ok && len(m) == 2 && isDescription(m) {
		return m
	}
	class, n := classify(v)
	return map[string]any{"class": string(class), "length": int64(n)}
}

func classify(v any) (Class, int) {
	s, ok := v.(string)
	switch {
	case v == nil, ok && s == "":
		return Empty, 0
	case !ok:
		return Other, 0
	case strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">"), strings.HasPrefix(s, "$"), strings.Contains(s, "{{"):
		return Placeholder, len(s)
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) == 0 {
		return Text, len(s)
	}
	for _, c := range b {
		if c != b[0] {
			return Base64, len(b)
		}
	}
	return Repeated, len(b)
}

func isDescription(m map[string]any) bool {
	class, _ := m["class"].(string)
	_, isLength := m["length"].(int64)
	switch Class(class) {
	case Empty, Placeholder, Base64, Repeated, Text, Other:
		return isLength
	}
	return false
}
