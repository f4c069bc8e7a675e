// Package vendors holds the RBAC objects of well-known add-ons as their vendors publish them: which service account gets
// which rules. A binding within them is as its vendor means it to be.
//
// Each file of data begins with a line that names the vendor, the version, where it is published and the day on which it
// was read; one object follows on each line. Only roles that are bound to a service account are kept, with nothing but
// their names, rules and what aggregation needs.
package vendors

import (
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
)

//go:embed data/*.jsonl
var data embed.FS

// Source says where the objects of a vendor were read.
type Source struct {
	Vendor  string `json:"vendor"`
	Version string `json:"version"`
	URL     string `json:"source"`
	Date    string `json:"date"` // of reading, as 2006-01-02
}

// Policy is what one vendor publishes: objects of rbac.authorization.k8s.io/v1 as JSON, by kind, namespace and name.
type Policy struct {
	Source
	Objects []json.RawMessage
}

// All reads every policy, in the order of the vendors' names.
func All() ([]Policy, error) {
	names, err := fs.Glob(data, "data/*.jsonl")
	if err != nil {
		return nil, err
	}
	out := make([]Policy, 0, len(names))
	for _, name := range names {
		text, err := data.ReadFile(name)
		if err != nil {
			return nil, err
		}
		head, rest, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		var p Policy
		if err := json.Unmarshal([]byte(head), &p.Source); err != nil {
			return nil, err
		}
		for line := range strings.SplitSeq(rest, "\n") {
			p.Objects = append(p.Objects, json.RawMessage(line))
		}
		out = append(out, p)
	}
	return out, nil
}
