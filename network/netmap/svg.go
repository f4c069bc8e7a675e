package netmap

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/nist190/nist190/network"
)

// maxLayered are the places up to which the picture is a graph; from there on, and for namespaces, nodes and zones, it is
// the matrix.
const maxLayered = 60

// maxMatrix is the side of the largest matrix that is drawn.
const maxMatrix = 120

const svgStyle = `<style>
text{font:12px sans-serif;fill:#1b1f24}.small{font-size:10px;fill:#57606a;paint-order:stroke;stroke:#fff;stroke-width:3px}.none~.small,.open~.small,.some~.small,.unknown~.small{stroke:none}
.box{fill:#f6f8fa;stroke:#8c959f}.zone{fill:none;stroke:#8c959f;stroke-dasharray:3 3}
.edge{fill:none;stroke:#57606a}.maybe{stroke-dasharray:4 3}.refused{stroke:#cf222e}.unused{stroke:#afb8c1}
.open{fill:#ffcecb}.some{fill:#fff8c5}.none{fill:#dafbe1}.unknown{fill:#eaeef2}.void{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1;stroke:#0d1117}.box{fill:#161b22;stroke:#6e7681}.edge{stroke:#9198a1}
.open{fill:#8e1519}.some{fill:#5d4411}.none{fill:#0f5323}.unknown{fill:#30363d}.void{fill:#0d1117}}
</style>
`

// SVG draws the matrix of zones, namespaces or nodes, and workloads or pods as a graph with a column for each zone.
func (m *Map) SVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	d := m.draw()
	if m.Level != network.LevelWorkload && m.Level != network.LevelPod || len(d.places) > maxLayered {
		m.matrix().svg(b)
	} else {
		d.svg(b, m.Level)
	}
	return b.Flush()
}

func svgText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(plain(s))
}

func svgOpen(w io.Writer, width, height int, name string) {
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", width, height, width, height, svgText(name))
	fmt.Fprint(w, svgStyle)
}

// clip shortens a text to what fits into a width of so many pixels; titles have it whole.
func clip(s string, pixels int) string {
	r := []rune(s)
	n := max(pixels/7, 1)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

func (x *matrix) svg(w io.Writer) {
	const side, left, top = 96, 190, 130
	rows, cols := x.rows[:min(len(x.rows), maxMatrix)], x.cols[:min(len(x.cols), maxMatrix)]
	side2 := side
	if len(cols) > 16 {
		side2 = 24
	}
	rowHeight := 34
	if len(rows) > 30 {
		rowHeight = 18
	}
	svgOpen(w, max(left+len(cols)*side2+60, 560), top+len(rows)*rowHeight+40, "what can reach what, by "+x.level)
	for i, c := range cols {
		fmt.Fprintf(w, `<text transform="translate(%d %d) rotate(-40)"><title>%s</title>%s</text>`+"\n", left+i*side2+side2/2, top-8, svgText(title(c)), svgText(clip(title(c), 160)))
	}
	for j, r := range rows {
		y := top + j*rowHeight
		fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end"><title>%s</title>%s</text>`+"\n", left-8, y+rowHeight/2+4, svgText(title(r)), svgText(clip(title(r), left-20)))
		for i, c := range cols {
			text, class := x.cell(r, c)
			fmt.Fprintf(w, `<g><title>%s to %s: %s</title><rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`, svgText(title(r)), svgText(title(c)), svgText(text), class, left+i*side2+1, y+1, side2-2, rowHeight-2)
			if side2 == side && rowHeight > 20 {
				fmt.Fprintf(w, `<text class="small" x="%d" y="%d" text-anchor="middle">%s</text>`, left+i*side2+side2/2, y+rowHeight/2+4, svgText(clip(text, side2)))
			}
			fmt.Fprintln(w, "</g>")
		}
	}
	note := "rows may connect to columns: red is everything, yellow some ports, green nothing, grey not known"
	if n := len(x.rows) - len(rows) + len(x.cols) - len(cols); n > 0 {
		note += fmt.Sprintf("; %d rows and columns are left out", n)
	}
	fmt.Fprintf(w, `<text class="small" x="10" y="%d">%s</text>`+"\n</svg>\n", top+len(rows)*rowHeight+24, note)
}

// svg draws a column for each group, with what is outside on the left.
func (d *drawing) svg(w io.Writer, level network.Level) {
	const width, gap, height, rowGap, top = 190, 150, 38, 16, 46
	names, of := d.groups(level)
	var columns [][]network.Place
	var heads []string
	// What is outside stands on the right, unless something comes from there.
	var sources, targets []network.Place
	for _, p := range of[""] {
		if d.isSource(p) {
			sources = append(sources, p)
		} else {
			targets = append(targets, p)
		}
	}
	if len(sources) > 0 {
		columns, heads = append(columns, sources), append(heads, "")
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		// A long column becomes several.
		for list := of[name]; len(list) > 0; {
			n := min(len(list), 12)
			columns, heads = append(columns, list[:n]), append(heads, name)
			list = list[n:]
		}
	}
	if len(targets) > 0 {
		columns, heads = append(columns, targets), append(heads, "")
	}
	tallest := 0
	at := map[string][2]int{}
	for c, places := range columns {
		tallest = max(tallest, len(places))
		for r, p := range places {
			at[p.Key()] = [2]int{20 + c*(width+gap), top + r*(height+rowGap)}
		}
	}
	total := 20 + len(columns)*(width+gap)
	svgOpen(w, total, top+tallest*(height+rowGap)+60, "what can reach what, by "+level.String())
	fmt.Fprintln(w, `<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>`)
	for c, head := range heads {
		x := 20 + c*(width+gap)
		if head != "" {
			fmt.Fprintf(w, `<rect class="zone" x="%d" y="10" width="%d" height="%d" rx="6"/><text class="small" x="%d" y="26">%s</text>`+"\n", x-10, width+20, top+len(columns[c])*(height+rowGap)-10, x, svgText(clip(head, width)))
		}
	}
	labels := map[[2]int][]string{}
	dashed := false
	for _, e := range d.edges {
		dashed = dashed || !e.certain
		d.arrow(w, e, at[e.from], at[e.to], width, height, labels)
	}
	for c, places := range columns {
		for _, p := range places {
			xy := at[p.Key()]
			rx := 4
			if apart(p) {
				rx = height / 2
			}
			fmt.Fprintf(w, `<g><title>%s</title><rect class="box" x="%d" y="%d" width="%d" height="%d" rx="%d"/>`, svgText(p.Key()), xy[0], xy[1], width, height, rx)
			name := title(p)
			if p.Namespace != "" && (len(name) > width/7 || strings.HasPrefix(heads[c], "namespace ")) {
				name = p.Name // the box has the namespace
			}
			fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="middle">%s</text><text class="small" x="%d" y="%d" text-anchor="middle">%s</text></g>`+"\n",
				xy[0]+width/2, xy[1]+16, svgText(clip(name, width-8)), xy[0]+width/2, xy[1]+30, svgText(kindLine(p)))
		}
	}
	note := d.note()
	if dashed {
		note = strings.TrimSuffix("dashed: not certain; "+note, "; ")
	}
	fmt.Fprintf(w, `<text class="small" x="20" y="%d">%s</text>`+"\n</svg>\n", top+tallest*(height+rowGap)+40, svgText(note))
}

func (d *drawing) isSource(p network.Place) bool {
	return slices.ContainsFunc(d.edges, func(e drawn) bool { return e.from == p.Key() })
}

func kindLine(p network.Place) string {
	switch {
	case p.Addresses != nil:
		return "outside the cluster"
	case p.Kind == "Everywhere":
		return "every pod and address"
	case p.Named != nil && p.Kind == "Knative":
		return "Service of Knative"
	case p.Named != nil:
		return "known by its name"
	case p.Host:
		return p.Kind + ", host network"
	}
	return p.Kind
}

func (d *drawing) arrow(w io.Writer, e drawn, from, to [2]int, width, height int, labels map[[2]int][]string) {
	class := "edge"
	if !e.certain {
		class += " maybe"
	}
	switch e.seen {
	case Refused:
		class += " refused"
	case Unused:
		class += " unused"
	}
	x1, y1, x2, y2 := from[0]+width, from[1]+height/2, to[0], to[1]+height/2
	bend := 60
	var path string
	switch {
	case from == to:
		path = fmt.Sprintf("M%d %dc40 -30 40 30 0 %d", x1, y1-8, 16)
	case to[0] > from[0]:
		path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)
	case to[0] == from[0]:
		x2 = to[0] + width
		out := 24 + int(math.Abs(float64(y2-y1)))/6
		path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1+out, y1, x2+out, y2, x2, y2)
	default:
		x1, x2 = from[0], to[0]+width
		path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1-bend, y1, x2+bend, y2, x2, y2)
	}
	fmt.Fprintf(w, `<g><title>%s to %s: %s</title><path class="%s" d="%s" marker-end="url(#a)"/>`, svgText(e.from), svgText(e.to), svgText(e.label), class, path)
	// The label stands at the head, where edges to one port run together.
	spot := [2]int{x2, y2}
	if n := len(labels[spot]); n < 2 && from != to && !slices.Contains(labels[spot], e.label) {
		labels[spot] = append(labels[spot], e.label)
		x, anchor := x2-10, "end"
		if to[0] <= from[0] {
			x, anchor = x2+10, "start"
		}
		fmt.Fprintf(w, `<text class="small" x="%d" y="%d" text-anchor="%s">%s</text>`, x, y2-4+n*12, anchor, svgText(clip(e.label, 130)))
	}
	fmt.Fprintln(w, "</g>")
}
