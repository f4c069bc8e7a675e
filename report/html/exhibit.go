package html

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/nist190/nist190/report/internal/view"
)

// exhibit is a table, drawn as what its shape says it is: a graph where its first columns are "from" and "to", a matrix
// where every cell beside the first of a row is short, else a table.
type exhibit struct {
	view.Table
	Graph  *graph
	Matrix bool
}

func exhibitOf(t view.Table) exhibit {
	x := exhibit{Table: t}
	if len(t.Columns) >= 2 && t.Columns[0] == "from" && t.Columns[1] == "to" {
		x.Graph = layout(t.Rows)
	}
	x.Matrix = x.Graph == nil && len(t.Columns) >= 3 && !slices.ContainsFunc(t.Rows, func(row []string) bool {
		return len(row) < 2 || slices.ContainsFunc(row[1:], func(c string) bool { return utf8.RuneCountInString(c) > 10 })
	})
	return x
}

// Heat is how dark a cell of a matrix is: a number by its magnitude, anything else that is not a way to say no a little.
func (x exhibit) Heat(cell string) int {
	if n, err := strconv.Atoi(cell); err == nil {
		return heat(n)
	}
	if slices.Contains([]string{"", "-", "no", "none", "0", "denied"}, cell) {
		return 0
	}
	return 3
}

// graph is a picture in layers: what nothing leads to is on the left.
type graph struct {
	Width, Height int
	Nodes         []node
	Edges         []edge
}

type node struct {
	X, Y int
	Name string
	cut  string
}

// Short is the name as it fits its box; the whole of it is the title.
func (n node) Short() string { return n.cut }

type edge struct {
	X1, Y1, X2, Y2 int
	Label          string
}

// Path is a curve from the right of one box to the left of another.
func (e edge) Path() string {
	middle := (e.X1 + e.X2) / 2
	return fmt.Sprintf("M%d %d C%d %d %d %d %d %d", e.X1, e.Y1, middle, e.Y1, middle, e.Y2, e.X2, e.Y2)
}

// Tip is the head of the arrow: a curve ends level.
func (e edge) Tip() string {
	return fmt.Sprintf("M%d %dl-8 -4v8z", e.X2, e.Y2)
}

const (
	maxNodes = 40
	boxWide  = 190
	boxHigh  = 28
	gapWide  = 70
	gapHigh  = 14
)

// layout places the ends of edges in layers by the longest way that leads to them; an edge that closes a circle counts for
// nothing. It gives up where there is too much to see.
func layout(rows [][]string) *graph {
	index := map[string]int{}
	var names []string
	id := func(name string) int {
		i, ok := index[name]
		if !ok {
			i = len(names)
			index[name] = i
			names = append(names, name)
		}
		return i
	}
	type pair struct{ from, to int }
	var edges []pair
	var labels []string
	for _, r := range rows {
		if len(r) < 2 {
			return nil
		}
		edges = append(edges, pair{id(r[0]), id(r[1])})
		label := ""
		if len(r) > 2 {
			label = r[2]
		}
		labels = append(labels, label)
	}
	if len(names) == 0 || len(names) > maxNodes {
		return nil
	}
	layer := make([]int, len(names))
	for range names { // as often as the longest way may be
		for _, e := range edges {
			if e.from != e.to && layer[e.to] < layer[e.from]+1 && layer[e.from]+1 < len(names) {
				layer[e.to] = layer[e.from] + 1
			}
		}
	}
	// Circles push their nodes to the right; layers that are empty are closed up.
	used := slices.Clone(layer)
	slices.Sort(used)
	used = slices.Compact(used)
	g := &graph{}
	rowsIn := make([]int, len(used))
	for i, n := range names {
		at := slices.Index(used, layer[i])
		g.Nodes = append(g.Nodes, node{X: at * (boxWide + gapWide), Y: rowsIn[at] * (boxHigh + gapHigh), Name: n, cut: cut(n, 27)})
		rowsIn[at]++
	}
	g.Width = len(used)*(boxWide+gapWide) - gapWide + 2
	g.Height = slices.Max(rowsIn)*(boxHigh+gapHigh) - gapHigh + 2
	for i, e := range edges {
		a, b := g.Nodes[e.from], g.Nodes[e.to]
		g.Edges = append(g.Edges, edge{a.X + boxWide, a.Y + boxHigh/2, b.X, b.Y + boxHigh/2, labels[i]})
	}
	return g
}

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	r := []rune(s)
	return string(r[:most-1]) + "…"
}
