package reports

import (
	"errors"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

var errNoComponent = errors.New("the report does not say of which component it is")

// Flagz reads the text of /flagz. The API server draws the separator of name and value by lot, so that nobody parses it
// (apiserver, pkg/server/flagz/textserializer.go): it is the one of the four that every line has.
func Flagz(text string, at process.Place) (process.Process, error) {
	title, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	name, _, _ := strings.Cut(strings.TrimSpace(title), " ")
	component, ok := process.ComponentOf(name)
	if !ok {
		return process.Process{}, errNoComponent
	}
	p := process.Process{Component: component, Effective: true, Complete: true, Source: "flagz"}
	lines := strings.Split(text, "\n")
	separator := separatorOf(lines)
	for n, line := range lines {
		name, value, ok := split(strings.TrimRight(line, "\r"), separator)
		if !ok {
			continue
		}
		p.Flags = append(p.Flags, flag(name, value, at.Field(n)))
	}
	return p, nil
}

// structured reads the Flagz object of config.k8s.io, whose name is that of the component.
func structured(o *inventory.Object) (process.Process, error) {
	var v struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Flags map[string]string `json:"flags"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(o.JSON(), &v); err != nil {
		return process.Process{}, errors.New("flags is not a mapping of texts")
	}
	component, ok := process.ComponentOf(v.Metadata.Name)
	if !ok {
		return process.Process{}, errNoComponent
	}
	p := process.Process{Component: component, Effective: true, Complete: true, Source: "flagz"}
	for _, name := range sorted(v.Flags) {
		p.Flags = append(p.Flags, flag(name, v.Flags[name], process.At(o, "flags", name)))
	}
	return p, nil
}

// flag takes the brackets off a list: values are written by pflag.
func flag(name, value string, at process.Place) process.Flag {
	f := process.Flag{Name: strings.ReplaceAll(name, "_", "-"), Value: value, Place: at}
	if inner, ok := strings.CutPrefix(value, "["); ok && strings.HasSuffix(inner, "]") {
		f.Value = strings.TrimSuffix(inner, "]")
	}
	if value == "CLASSIFIED" {
		f.Value, f.Doubt = "", "/flagz does not tell it"
	}
	return f
}

var separators = [...]string{": ", "=", ":", " "}

func separatorOf(lines []string) string {
	for _, s := range separators {
		fits, seen := true, false
		for _, l := range lines {
			l = strings.TrimRight(l, "\r")
			n := nameLength(l)
			if n == 0 || n == len(l) && s != ": " && s != " " {
				continue
			}
			if n < len(l) && !strings.HasPrefix(l[n:], s) && l[n:] != strings.TrimRight(s, " ") {
				if isProse(l) {
					continue
				}
				fits = false
				break
			}
			seen = seen || n < len(l)
		}
		if fits && seen {
			return s
		}
	}
	return ""
}

// isProse: the title and the warning.
func isProse(l string) bool {
	return strings.HasSuffix(l, " flagz") || strings.HasSuffix(l, " flags") || strings.HasPrefix(l, "Warning: ")
}

func split(line, separator string) (name, value string, ok bool) {
	n := nameLength(line)
	if separator == "" || n == 0 || isProse(line) {
		return "", "", false
	}
	rest := line[n:]
	if value, ok = strings.CutPrefix(rest, separator); ok {
		return line[:n], value, true
	}
	// An empty value, of which an editor took the blank away.
	return line[:n], "", rest == strings.TrimRight(separator, " ")
}

func nameLength(line string) int {
	n := 0
	for n < len(line) && (line[n] >= 'a' && line[n] <= 'z' || line[n] >= '0' && line[n] <= '9' || line[n] == '-' || line[n] == '_') {
		n++
	}
	return n
}
