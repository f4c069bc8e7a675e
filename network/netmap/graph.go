package netmap

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/nist190/nist190/network"
)

// groups arranges places by zone where there are zones, else by namespace.
func (d *drawing) groups(level network.Level) (names []string, of map[string][]network.Place) {
	of = map[string][]network.Place{}
	zoned := false
	for _, p := range d.places {
		zoned = zoned || p.Zone != "" && p.Zone != "unclassified"
	}
	for _, p := range d.places {
		name := ""
		switch {
		case apart(p) || level == network.LevelZone || level == network.LevelNode:
		case zoned:
			name = "zone " + p.Zone
		case p.Namespace != "":
			name = "namespace " + p.Namespace
		}
		if _, ok := of[name]; !ok {
			names = append(names, name)
		}
		of[name] = append(of[name], p)
	}
	return names, of
}

// DOT writes a graph for Graphviz: dashed edges are not certain, red ones were seen though they are denied.
func (m *Map) DOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	d := m.draw()
	fmt.Fprintln(b, "digraph network {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];")
	if n := d.note(); n != "" {
		fmt.Fprintf(b, "  label=%s;\n", dotQuote(n))
	}
	names, of := d.groups(m.Level)
	for i, name := range names {
		indent := "  "
		if name != "" {
			fmt.Fprintf(b, "  subgraph cluster_%d {\n    label=%s;\n", i, dotQuote(name))
			indent = "    "
		}
		for _, p := range of[name] {
			shape := ""
			if apart(p) {
				shape = ", shape=ellipse"
			}
			fmt.Fprintf(b, "%s%s [label=%s%s];\n", indent, dotQuote(p.Key()), dotQuote(label(p)), shape)
		}
		if name != "" {
			fmt.Fprintln(b, "  }")
		}
	}
	for _, e := range d.edges {
		style := ""
		if !e.certain {
			style = ", style=dashed"
		}
		switch e.seen {
		case Refused:
			style += ", color=red"
		case Unused:
			style += ", color=gray"
		}
		fmt.Fprintf(b, "  %s -> %s [label=%s%s];\n", dotQuote(e.from), dotQuote(e.to), dotQuote(e.label), style)
	}
	fmt.Fprintln(b, "}")
	return b.Flush()
}

// label is a place's name and kind on two lines.
func label(p network.Place) string {
	if apart(p) || p.Kind == "Zone" || p.Kind == "Namespace" || p.Kind == "Node" {
		return title(p)
	}
	return title(p) + "\n" + p.Kind
}

func dotQuote(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(plain(l))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// maxMermaid are the places that a Mermaid picture stays readable with.
const maxMermaid = 60

// Mermaid writes a flowchart, as GitHub and GitLab draw them. Dotted arrows are not certain. A map of more than 60 places is
// not drawn but refused: the levels above have fewer.
func (m *Map) Mermaid(w io.Writer) error {
	b := bufio.NewWriter(w)
	d := m.draw()
	fmt.Fprintln(b, "flowchart LR")
	if len(d.places) > maxMermaid {
		fmt.Fprintf(b, "  n0[\"%d places are too many for a picture: choose the level namespace or zone\"]\n", len(d.places))
		return b.Flush()
	}
	ids := map[string]string{}
	names, of := d.groups(m.Level)
	for i, name := range names {
		indent := "  "
		if name != "" {
			fmt.Fprintf(b, "  subgraph g%d [\"%s\"]\n", i, mermaidText(name))
			indent = "    "
		}
		for _, p := range of[name] {
			id := fmt.Sprintf("n%d", len(ids))
			ids[p.Key()] = id
			open, end := "[", "]"
			if apart(p) {
				open, end = "([", "])"
			}
			fmt.Fprintf(b, "%s%s%s\"%s\"%s\n", indent, id, open, mermaidText(label(p)), end)
		}
		if name != "" {
			fmt.Fprintln(b, "  end")
		}
	}
	var red []string
	for i, e := range d.edges {
		arrow := "-->"
		if !e.certain {
			arrow = "-.->"
		}
		fmt.Fprintf(b, "  %s %s|\"%s\"| %s\n", ids[e.from], arrow, mermaidText(e.label), ids[e.to])
		if e.seen == Refused {
			red = append(red, fmt.Sprint(i))
		}
	}
	if len(red) > 0 {
		fmt.Fprintf(b, "  linkStyle %s stroke:#c00\n", strings.Join(red, ","))
	}
	if n := d.note(); n != "" {
		fmt.Fprintf(b, "  note[\"%s\"]:::note\n  classDef note fill:none,stroke:none\n", mermaidText(n))
	}
	return b.Flush()
}

// mermaidText writes what could end a label, or be read as markup, as a character that looks like it: entities are not
// decoded in every kind of label.
func mermaidText(s string) string {
	return mermaidSafe.Replace(plain(strings.ReplaceAll(s, "\n", "<br/>")))
}

var mermaidSafe = strings.NewReplacer("<br/>", "<br/>", `"`, "'", "`", "'", "<", "‹", ">", "›", "&", "＆", "#", "＃", ";", "；", `\`, "＼")
