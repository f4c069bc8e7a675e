package placement

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// Grid is nodes by levels: which workloads of which level can land where, and do. Nodes that look the same are one row.
type Grid struct {
	Levels []string  `json:"levels"` // the columns, the least sensitive first; then infra and unclassified
	Rows   []GridRow `json:"rows"`
}

// GridRow are nodes, or pools, of one level that the same workloads can land on.
type GridRow struct {
	Nodes []string   `json:"nodes"`
	Level string     `json:"level"`
	Cells []GridCell `json:"cells"`
	// Mixed is set where workloads of two levels or more can land on one of the nodes.
	Mixed bool `json:"mixed"`
}

// GridCell counts workloads of a level.
type GridCell struct {
	Can     int `json:"can"`
	Unknown int `json:"unknown,omitempty"`
	Runs    int `json:"runs,omitempty"` // pods that are on the nodes at this moment
}

// Grid makes the grid; inv is the inventory that s was made from.
func (s *Separation) Grid(inv *inventory.Inventory) *Grid {
	columns := []sensitivity.Level{}
	for i := range s.Levels.Names() {
		columns = append(columns, sensitivity.Level(i+1))
	}
	columns = append(columns, sensitivity.Infra, sensitivity.Unclassified)
	g := &Grid{}
	for _, l := range columns {
		g.Levels = append(g.Levels, s.Levels.Name(l))
	}
	by := make([][]*Placement, len(columns))
	runs := map[string][]int{}
	for _, p := range s.Feasibility.placements {
		c := slices.Index(columns, s.Levels.Workload(p.Workload.Ref()).Level)
		by[c] = append(by[c], p)
		for _, x := range p.Workload.Pods {
			if n := x.Pod.Spec.NodeName; n != "" && !inventory.Terminal(x.Pod) {
				if runs[n] == nil {
					runs[n] = make([]int, len(columns))
				}
				runs[n][c]++
			}
		}
	}
	rows := map[string]int{}
	for _, n := range s.Feasibility.nodes {
		row := GridRow{Level: s.Levels.Name(nodeLevel(inv, s.Levels, n)), Cells: make([]GridCell, len(columns))}
		levels := 0
		for c := range columns {
			for _, p := range by[c] {
				switch p.On(n) {
				case Can:
					row.Cells[c].Can++
				case Undetermined:
					row.Cells[c].Unknown++
				}
			}
			if columns[c] > 0 && row.Cells[c].Can > 0 {
				levels++
			}
		}
		row.Mixed = levels > 1 && !n.OwnKernels
		key := fmt.Sprint(row.Level, row.Cells, row.Mixed)
		i, ok := rows[key]
		if !ok {
			i = len(g.Rows)
			rows[key] = i
			g.Rows = append(g.Rows, row)
		}
		g.Rows[i].Nodes = append(g.Rows[i].Nodes, n.Name)
		if on := runs[n.Name]; on != nil {
			for c := range columns {
				g.Rows[i].Cells[c].Runs += on[c]
			}
		}
	}
	return g
}

// GridFormats are the names that [Grid.Write] knows.
var GridFormats = []string{"text", "markdown", "json", "svg"}

// Write writes the grid in a format.
func (g *Grid) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return g.text(w)
	case "markdown":
		return g.markdown(w)
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(g)
	case "svg":
		return g.svg(w)
	}
	return fmt.Errorf("unknown format %q: want %s", format, strings.Join(GridFormats, ", "))
}

func (c GridCell) String() string {
	if c == (GridCell{}) {
		return "-"
	}
	out := fmt.Sprint(c.Can)
	if c.Unknown > 0 {
		out += fmt.Sprintf("+%d?", c.Unknown)
	}
	if c.Runs > 0 {
		out += fmt.Sprintf(" (%d run)", c.Runs)
	}
	return out
}

// name is the first node and how many more there are.
func (r *GridRow) name() string {
	if n := len(r.Nodes); n > 1 {
		return fmt.Sprintf("%s and %d more", printable(r.Nodes[0]), n-1)
	}
	return printable(r.Nodes[0])
}

func (r *GridRow) verdict() string {
	if r.Mixed {
		return "levels meet"
	}
	return ""
}

func (g *Grid) table(each func(cells []string)) {
	each(slices.Concat([]string{"nodes", "level"}, g.Levels, []string{""}))
	for i := range g.Rows {
		r := &g.Rows[i]
		cells := []string{r.name(), r.Level}
		for _, c := range r.Cells {
			cells = append(cells, c.String())
		}
		each(append(cells, r.verdict()))
	}
}

func (g *Grid) text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	first := true
	g.table(func(cells []string) {
		line := strings.Join(cells, "\t")
		if first {
			line, first = strings.ToUpper(line), false
		}
		fmt.Fprintln(tw, line)
	})
	return tw.Flush()
}

func (g *Grid) markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	first := true
	g.table(func(cells []string) {
		for i, c := range cells {
			cells[i] = strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'").Replace(c)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
		if first {
			fmt.Fprintf(b, "|%s\n", strings.Repeat("---|", len(cells)))
			first = false
		}
	})
	return b.Flush()
}

const gridStyle = `<style>
text{font:12px sans-serif;fill:#1b1f24}rect{stroke:#8c959f}.none{fill:#fff}.own{fill:#dafbe1}.some{fill:#fff8c5}.mixed{fill:#ffcecb}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{stroke:#6e7681}.none{fill:#0d1117}.own{fill:#0f5323}.some{fill:#5d4411}.mixed{fill:#8e1519}}
</style>
`

// svg draws a cell for each row and level: green for the nodes' own level, red where levels meet.
func (g *Grid) svg(w io.Writer) error {
	const left, wide, high = 260, 110, 24
	b := bufio.NewWriter(w)
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
	width, height := left+wide*len(g.Levels)+10, high*(len(g.Rows)+1)+10
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"`, width, height, width, height)
	fmt.Fprintf(b, ` role="img" aria-label="nodes by sensitivity levels">`+"\n%s", gridStyle)
	for c, l := range g.Levels {
		fmt.Fprintf(b, `<text x="%d" y="16">%s</text>`+"\n", left+wide*c+4, escape.Replace(l))
	}
	for i := range g.Rows {
		r := &g.Rows[i]
		y := high * (i + 1)
		name := []rune(r.name() + " (" + r.Level + ")")
		if len(name) > 36 {
			name = append(name[:35], '…')
		}
		fmt.Fprintf(b, `<text x="4" y="%d">%s<title>%s</title></text>`+"\n", y+16, escape.Replace(string(name)), escape.Replace(printable(strings.Join(r.Nodes, " "))))
		for c, cell := range r.Cells {
			class := "none"
			switch {
			case cell == (GridCell{}):
			case r.Mixed && c < len(g.Levels)-2:
				class = "mixed"
			case g.Levels[c] == r.Level:
				class = "own"
			default:
				class = "some"
			}
			fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`, class, left+wide*c, y, wide, high)
			fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", left+wide*c+4, y+16, escape.Replace(cell.String()))
		}
	}
	fmt.Fprintln(b, "</svg>")
	return b.Flush()
}
