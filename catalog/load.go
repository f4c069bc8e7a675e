package catalog

import (
	"errors"
	"os"
	"reflect"

	"sigs.k8s.io/json"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// limits of a configuration file; nothing that a person writes comes near them.
var limits = yamlx.Limits{Depth: 100, Expansion: 4 << 20}

// LoadFile reads a configuration file. Own checks become part of the catalog that it selects from. The error is that of
// reading the file, or joins an [Error] for every mistake in it.
func LoadFile(path string, own ...nist190.Check) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return LoadConfig(path, data, own...)
}

// LoadConfig is LoadFile for what was read from elsewhere; errors, suppressions and attestations call it by name.
func LoadConfig(name string, data []byte, own ...nist190.Check) (*Config, error) {
	doc, err := onlyDocument(name, data)
	if err != nil {
		return nil, err
	}
	value, err := doc.Decode(limits)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	positions, err := doc.Positions()
	if err != nil {
		return nil, syntaxError(name, err)
	}
	at := locator(func(path ...any) inventory.Origin {
		line, column, _ := positions.At(path...)
		return inventory.Origin{URI: name, Line: line, Column: column}
	})
	var content any
	if err := json.UnmarshalCaseSensitivePreserveInts(value.JSON, &content); err != nil {
		return nil, syntaxError(name, err)
	}
	// A file of something else is told in one line, and nothing of it is quoted.
	if strange := header(content); len(strange) > 0 {
		return nil, join(strange.place(at))
	}
	var all []*Error
	for _, n := range value.Notes {
		all = append(all, &Error{Origin: inventory.Origin{URI: name, Line: n.Line, Column: n.Column}, Msg: n.Msg})
	}
	c := &Config{Own: own}
	var b binder
	b.bind(reflect.ValueOf(c).Elem(), content, nil)
	all = append(all, b.mistakes.place(at)...)
	for _, m := range c.mistakes() {
		// What follows from a value that could not be read is no mistake of its own.
		if !b.mistakes.touch(m.path) {
			all = append(all, mistakes{m}.place(at)...)
		}
	}
	if len(all) > 0 {
		return nil, join(all)
	}
	for i := range c.Suppressions {
		c.Suppressions[i].Origin = at("suppressions", i)
	}
	for i := range c.Attestations {
		c.Attestations[i].Origin = at("attestations", i)
	}
	return c, nil
}

func onlyDocument(name string, data []byte) (yamlx.Document, error) {
	text, err := yamlx.Text(data)
	if err != nil {
		return yamlx.Document{}, syntaxError(name, err)
	}
	var only *yamlx.Document
	for d := range yamlx.Split(text) {
		if only != nil {
			return d, join([]*Error{{Origin: inventory.Origin{URI: name, Line: d.Line, Column: d.Column}, Msg: "a second document; a configuration is one"}})
		}
		only = &d
	}
	if only == nil {
		return yamlx.Document{}, join([]*Error{{Origin: inventory.Origin{URI: name, Line: 1, Column: 1},
			Msg: "the file is empty; it begins with apiVersion: " + APIVersion + " and kind: " + Kind}})
	}
	return *only, nil
}

func syntaxError(name string, err error) error {
	e := &Error{Origin: inventory.Origin{URI: name, Line: 1, Column: 1}, Msg: err.Error()}
	var at *yamlx.Error
	if errors.As(err, &at) {
		e.Origin.Line, e.Origin.Column, e.Path, e.Msg = at.Line, at.Column, at.Path, at.Msg
	}
	return join([]*Error{e})
}

// header reports a file that is no configuration of this version.
func header(content any) (m mistakes) {
	object, ok := content.(map[string]any)
	if !ok {
		m.add(nil, "the file is no mapping; it begins with apiVersion: %s and kind: %s", APIVersion, Kind)
		return m
	}
	for _, f := range []struct{ name, want string }{{"apiVersion", APIVersion}, {"kind", Kind}} {
		if object[f.name] != f.want {
			m.add([]any{f.name}, "must be %s", f.want)
		}
	}
	return m
}
