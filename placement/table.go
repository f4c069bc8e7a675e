package placement

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"

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
		fmt.Fprintf(tw, "%s %s/%s\t%s\t%s\n", r.Workload.Kind, r.Workload.Namespace, r.Workload.Name, r.Level, text)
	}
	return tw.Flush()
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
