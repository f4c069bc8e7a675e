package redact

import (
	"encoding/base64"
	"regexp"
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
	Secure      Class = "secure"      // a text: a token of k3s that begins with the hash of the cluster's CA, K10<hash>::
	Other       Class = "other"       // no text at all
)

// describe is what is kept of a payload: {"class": Class, "length": bytes}. What is a description already stays one.
func describe(v any) map[string]any {
	if m, ok := v.(map[string]any); ok && isDescription(m) {
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
	if hashedToken.MatchString(s) {
		return Secure, len(s)
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

// hashedToken: the form that k3s calls secure (docs.k3s.io/cli/token).
var hashedToken = regexp.MustCompile(`^K10[0-9a-f]{64}::`)

func isDescription(m map[string]any) bool {
	if same, ok := m["same"]; len(m) != 2 && !(len(m) == 3 && ok && same == "token") {
		return false
	}
	class, _ := m["class"].(string)
	_, isLength := m["length"].(int64)
	switch Class(class) {
	case Empty, Placeholder, Base64, Repeated, Text, Secure, Other:
		return isLength
	}
	return false
}
