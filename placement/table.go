package placement

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190/inventory"
)

// Row is where one workload can land, as it is printed.
type Row struct {
	Workload struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"workload"`
	Level string `json:"level"`
	// Nodes are those that it can land on; pools are "Kind/name".
	Nodes []string `json:"nodes"`
	// Unknown are nodes of which it is not known, for the reasons in Doubts.
	Unknown []string `json:"unknown,omitempty"`
	Doubts  []string `json:"doubts,omitempty"`
}

// Rows lists every workload.
func (s *Separation) Rows() []Row {
	out := make([]Row, 0, len(s.Feasibility.placements))
	for _, p := range s.Feasibility.placements {
		ref := p.Workload.Ref()
		r := Row{Level: s.Levels.Name(s.Levels.Workload(ref).Level), Nodes: []string{}, Doubts: p.Doubts}
		r.Workload.Kind, r.Workload.Namespace, r.Workload.Name = ref.Kind, ref.Namespace, ref.Name
		for n, a := range p.Nodes(s.Feasibility) {
			if a == Can {
				r.Nodes = append(r.Nodes, n.Name)
			} else {
				r.Unknown = append(r.Unknown, n.Name)
			}
		}
		out = append(out, r)
	}
	return out
}

// WriteJSON writes the rows as a list.
func (s *Separation) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s.Rows())
}

// WriteText writes the rows as a table; a node of which it is not known is marked with a question mark.
func (s *Separation) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WORKLOAD\tLEVEL\tNODES")
	for _, r := range s.Rows() {
		nodes := r.Nodes
		for _, n := range r.Unknown {
			nodes = append(nodes, n+"?")
		}
		text := strings.Join(nodes, " ")
		if text == "" {
			text = "none"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", printable(r.Workload.Kind+" "+r.Workload.Namespace+"/"+r.Workload.Name), r.Level, printable(text))
	}
	return tw.Flush()
}

// WriteYAML writes the patches and policies as a stream of YAML documents, with the proof and what is left to people as
// comments before them.
func (s *Suggestion) WriteYAML(w io.Writer) error {
	b := bufio.NewWriter(w)
	comment := func(format string, args ...any) {
		fmt.Fprintf(b, "# %s\n", printable(fmt.Sprintf(format, args...)))
	}
	comment("%d patches (kubectl patch --type strategic) and %d objects for policies. Nothing is applied.", len(s.Patches), len(s.Policies))
	for _, pair := range s.Apart {
		comment("proved: no node can hold both of %s", pair)
	}
	for _, pair := range s.Together {
		comment("NOT proved: a node could hold both of %s", pair)
	}
	comment("findings: %d resolved, %d new", len(s.Resolved), len(s.New))
	for _, f := range s.New {
		comment("new: %s: %s", f.Check.ID, f.Message)
	}
	for _, x := range s.Stranded {
		comment("no node takes %s of namespace %q yet", named(x), x.Namespace())
	}
	for _, text := range s.Skipped {
		comment("left to you: %s", text)
	}
	write := func(o map[string]any) error {
		text, err := yaml.Marshal(o)
		if err == nil {
			_, err = b.Write(text)
		}
		return err
	}
	for _, p := range s.Patches {
		fmt.Fprintf(b, "---\n# a patch: %s\n", printable(p.Why))
		if err := write(p.Merge); err != nil {
			return err
		}
	}
	for _, o := range s.Policies {
		fmt.Fprintf(b, "---\n")
		if err := write(o); err != nil {
			return err
		}
	}
	return b.Flush()
}

// printable takes out of names, which whoever may create objects chooses, what a terminal or another line could make of
// them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// NodesUnseen tells why nodes or what makes them may be missing from inv; empty where all were seen.
func NodesUnseen(inv *inventory.Inventory) string {
	c := inv.Coverage(inventory.NeedOf[corev1.Node](inventory.Either).GroupKind(), "")
	if c.State.Complete() {
		return ""
	}
	return fmt.Sprintf("not every node was seen (%s: %s)", c.State, c.Reason)
}

// Answer explains a question written "POD NODE", where POD is a pod or workload "namespace/name", "Kind/namespace/name"
// or, of the namespace default, "name".
func (f *Feasibility) Answer(question string) (Explanation, error) {
	words := strings.Fields(question)
	if len(words) != 2 {
		return Explanation{}, fmt.Errorf("%q: want \"POD NODE\"", question)
	}
	parts := strings.Split(words[0], "/")
	kind, namespace, name := "", "default", parts[len(parts)-1]
	switch len(parts) {
	case 1:
	case 2:
		namespace = parts[0]
	case 3:
		kind, namespace = parts[0], parts[1]
	default:
		return Explanation{}, fmt.Errorf("%q: want namespace/name or Kind/namespace/name", words[0])
	}
	p, err := f.Find(kind, namespace, name)
	if err != nil {
		return Explanation{}, err
	}
	n := f.Node(words[1])
	if n == nil {
		return Explanation{}, fmt.Errorf("no node or pool %q", words[1])
	}
	return f.Explain(p, n), nil
}
