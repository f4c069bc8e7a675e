package yamlx

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

// Texts reads a list of scalars as they are written, which is how YAML parsers decode numbers into texts: the account
// 012345678901 keeps its zero, where JSON would make another number of it. Empty text is no list. The error is an [*Error].
func Texts(data []byte) (out []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, &Error{Msg: "the YAML parser failed on this text"}
		}
	}()
	text, err := Text(data)
	if err != nil {
		return nil, &Error{Msg: err.Error(), err: err}
	}
	var list []yaml.Node
	if err := yaml.Unmarshal(text, &list); err != nil {
		var wrong *yaml.TypeError
		if errors.As(err, &wrong) {
			return nil, &Error{Line: 1, Msg: "something else than a list"}
		}
		return nil, &Error{Msg: "no YAML"}
	}
	for i := range list {
		n := &list[i]
		for n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n.Kind != yaml.ScalarNode {
			return nil, &Error{Line: list[i].Line, Column: list[i].Column, Msg: "a mapping or a list where a text is wanted"}
		}
		out = append(out, n.Value)
	}
	return out, nil
}
