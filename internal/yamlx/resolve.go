package yamlx

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

type scalarKind uint8

const (
	str scalarKind = iota
	boolean
	number
	null
)

// scalar is a plain scalar as YAML 1.1 resolves it.
type scalar struct {
	kind  scalarKind
	text  string // what a key of that value is called in JSON
	exact bool   // an integer, whose value is text
	large bool   // an integer that needs 64 bits without a sign, which sigs.k8s.io/yaml refuses as a key
}

var oldTrue = [...]string{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"}
var oldFalse = [...]string{"n", "N", "no", "No", "NO", "off", "Off", "OFF"}

// isOldBool reports a boolean of YAML 1.1 that is a string in YAML 1.2.
func isOldBool(s string) bool { return in(s, oldTrue[:]) || in(s, oldFalse[:]) }

func in(s string, words []string) bool {
	for _, w := range words {
		if s == w {
			return true
		}
	}
	return false
}

// resolve follows resolve.go of go.yaml.in/yaml/v2, which decides what sigs.k8s.io/yaml returns, and the naming of keys
// in convertToJSONableObject there.
func resolve(s string) scalar {
	switch s {
	case "true", "True", "TRUE":
		return scalar{kind: boolean, text: "true"}
	case "false", "False", "FALSE":
		return scalar{kind: boolean, text: "false"}
	case "", "~", "null", "Null", "NULL":
		return scalar{kind: null, text: "null"}
	case ".nan", ".NaN", ".NAN":
		return scalar{kind: number, text: ".nan"}
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return scalar{kind: number, text: ".inf"}
	case "-.inf", "-.Inf", "-.INF":
		return scalar{kind: number, text: "-.inf"}
	}
	switch {
	case in(s, oldTrue[:]):
		return scalar{kind: boolean, text: "true"}
	case in(s, oldFalse[:]):
		return scalar{kind: boolean, text: "false"}
	case !strings.Contains("+-.0123456789", s[:1]):
		return scalar{kind: str, text: s}
	}
	plain := s
	if s[0] != '.' {
		plain = strings.ReplaceAll(s, "_", "")
		if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
			return scalar{kind: number, text: strconv.FormatInt(i, 10), exact: true}
		}
		if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
			return scalar{kind: number, text: strconv.FormatUint(u, 10), exact: true, large: true}
		}
	}
	if strings.ContainsAny(plain, "xXpPnN") { // ParseFloat knows hexadecimal, Inf and NaN; YAML does not
		return scalar{kind: str, text: s}
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil || math.IsInf(f, 0) {
		return scalar{kind: str, text: s}
	}
	return scalar{kind: number, text: strconv.FormatFloat(f, 'g', -1, 32)}
}

// plain reports whether n is an untagged plain scalar, whose value is subject to resolution.
func plain(n *yaml.Node) bool {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	return n.Kind == yaml.ScalarNode && n.Style&quoted == 0
}

// keyText is the name that a key has in JSON; ok is false for keys that JSON cannot have.
func keyText(n *yaml.Node) (text string, kind scalarKind, ok bool) {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		return "", str, false
	}
	if !plain(n) && !(n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str") {
		return n.Value, str, true
	}
	r := resolve(n.Value)
	return r.text, r.kind, r.kind != null && !r.large
}

func isMerge(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!merge" }
