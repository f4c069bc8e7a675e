package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Policy is the bootstrap policy of one minor, an object a line.
type Policy struct {
	Minor   int
	Objects [][]byte
}

// JoinPolicies writes the policies of consecutive minors, ascending, to one text: a line is the first and the last minor
// that have an object, and the object. Lines are ordered by the object as in BootstrapPolicy, then by minor.
func JoinPolicies(all []Policy) ([]byte, error) {
	type line struct {
		key         [3]string
		first, last int
		object      []byte
	}
	var lines []line
	for _, p := range all {
		for _, object := range p.Objects {
			var o struct {
				Kind     string
				Metadata struct{ Namespace, Name string }
			}
			if err := json.Unmarshal(object, &o); err != nil {
				return nil, err
			}
			key := [3]string{o.Kind, o.Metadata.Namespace, o.Metadata.Name}
			i := slices.IndexFunc(lines, func(l line) bool { return l.last == p.Minor-1 && bytes.Equal(l.object, object) })
			if i >= 0 {
				lines[i].last = p.Minor
			} else {
				lines = append(lines, line{key, p.Minor, p.Minor, object})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return slices.Compare(a.key[:], b.key[:]) })
	var out bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&out, "%d %d %s\n", l.first, l.last, l.object)
	}
	return out.Bytes(), nil
}

// MinorDefaults are the lines of Defaults of one minor.
type MinorDefaults struct {
	Minor int
	Lines []string
}

// keys is how many fields of a line say what it is about.
var keys = map[string]int{"flag": 3, "gate": 2, "plugin": 2, "kubelet": 2, "legacy": 2, "scheduler": 2, "kubeadm": 3}

// JoinDefaults writes the defaults of consecutive minors, ascending, to one text: lines of Defaults, ordered, with the first and
// the last minor that have it behind what a line is about.
func JoinDefaults(all []MinorDefaults) ([]byte, error) {
	type line struct {
		key, rest   string
		first, last int
	}
	var lines []line
	open := map[string]int{} // the line of a key and its rest that ends at the minor before
	for _, d := range all {
		for _, text := range d.Lines {
			fields := strings.Split(text, "\t")
			n := keys[fields[0]]
			if n == 0 || len(fields) <= n {
				return nil, fmt.Errorf("line %q", text)
			}
			key, rest := strings.Join(fields[:n], "\t"), strings.Join(fields[n:], "\t")
			if i, ok := open[text]; ok && lines[i].last == d.Minor-1 {
				lines[i].last = d.Minor
				continue
			}
			open[text] = len(lines)
			lines = append(lines, line{key, rest, d.Minor, d.Minor})
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(strings.Compare(a.key, b.key), a.first-b.first) })
	var out bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&out, "%s\t%d-%d\t%s\n", l.key, l.first, l.last, l.rest)
	}
	return out.Bytes(), nil
}
