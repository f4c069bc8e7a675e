// Package distro reads the configuration files of installers and distributions, k3s, RKE2, Cluster API and kops, into the
// processes that they start: what each passes to a component by itself, and what its file changes.
package distro

import (
	"sort"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/inventory"
)

// Sources are one per installer.
func Sources() []process.Source {
	return []process.Source{
		{Name: k3s.name, Needs: []inventory.Need{{Format: format.K3sConfig, Bias: inventory.Alternative}},
			Find: k3s.find},
		{Name: rke2.name, Needs: []inventory.Need{{Format: format.RKE2Config, Bias: inventory.Alternative}},
			Find: rke2.find},
		{Name: "Cluster API", Needs: clusterAPINeeds(), Find: clusterAPI},
		{Name: "kops", Needs: kopsNeeds(), Find: kops},
	}
}

// text is a value of a file, and where it was written.
type text struct {
	s       string
	payload process.Payload // where the text was removed
	doubt   string
	own     bool // it is the installer's, not the user's
	process.Place
}

// pair is a flag that an installer passes by itself.
type pair struct {
	name, value, doubt string
	at                 process.Place // of the setting that it follows from; zero where none does
}

// lay gives the flags of a component: what the installer passes by itself, replaced by the extra arguments of the same
// name. An argument that ends in "+" or "-" is put behind or before what there is. It follows GetArgs of k3s
// (pkg/util/args.go), which sorts by name.
func lay(base []pair, extra []text, at process.Place) []process.Flag {
	own := map[string]process.Flag{}
	for _, p := range base {
		f := process.Flag{Name: p.name, Value: p.value, Doubt: p.doubt, Default: p.at.IsZero(), Place: at}
		if !p.at.IsZero() {
			f.Place = p.at
		}
		own[p.name] = f
	}
	flags := map[string][]process.Flag{}
	for _, e := range extra {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(e.s, "--"), "=")
		if !hasValue {
			value = "true"
		}
		clean := strings.TrimRight(name, "-+")
		if clean == "" {
			continue
		}
		f := process.Flag{Name: strings.ReplaceAll(clean, "_", "-"), Value: value, Doubt: e.doubt, Default: e.own,
			Place: e.Place}
		var before []process.Flag
		if initial, ok := own[clean]; ok && clean != name {
			before = append(before, initial)
		}
		before = append(before, flags[clean]...)
		if strings.HasSuffix(name, "-") {
			flags[clean] = append([]process.Flag{f}, before...)
		} else {
			flags[clean] = append(before[:len(before):len(before)], f)
		}
		delete(own, clean)
	}
	for name, f := range own {
		flags[name] = []process.Flag{f}
	}
	names := make([]string, 0, len(flags))
	for name := range flags {
		names = append(names, name)
	}
	sort.Strings(names)
	var out []process.Flag
	for _, name := range names {
		out = append(out, flags[name]...)
	}
	return out
}

// described reads what was put in the place of a credential.
func described(v any) (process.Payload, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return process.Payload{}, false
	}
	class, _ := m["class"].(string)
	length, isLength := m["length"].(int64)
	return process.Payload{Class: redact.Class(class), Length: length}, class != "" && isLength
}

// mapping is the mapping at a path of an object, nil where there is none.
func mapping(v any, path ...string) map[string]any {
	for _, k := range path {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	m, _ := v.(map[string]any)
	return m
}

func str(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func problem(at process.Place, msg string) inventory.Problem {
	return inventory.Problem{Code: inventory.ProblemUndecodable, Origin: at.Origin(), Ref: at.Object.Ref(),
		Message: inventory.PathString(at.Path...) + ": " + msg}
}
