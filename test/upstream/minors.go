package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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
