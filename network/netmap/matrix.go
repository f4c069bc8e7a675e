package netmap

import (
	"fmt"
	"io"

	"github.com/nist190/nist190/network"
)

// matrix is the map as a table: a row for each source, a column for each destination.
type matrix struct {
	level      string
	rows, cols []network.Place
	cells      map[[2]string]*Edge
	refused    map[[2]string]*Edge // what was seen though it is denied
}

func (m *Map) matrix() *matrix {
	out := &matrix{level: m.Level.String(), rows: append([]network.Place{}, m.Places...), cols: append([]network.Place{}, m.Places...), cells: map[[2]string]*Edge{}, refused: map[[2]string]*Edge{}}
	out.cols = append(out.cols, m.Names...)
	from, to := map[string]bool{}, map[string]bool{}
	for _, n := range m.Names {
		to[n.Key()] = true
	}
	for _, e := range m.relevant() {
		if e.From.Outside() && !from[e.From.Key()] {
			from[e.From.Key()] = true
			out.rows = append(out.rows, *e.From)
		}
		if e.To.Outside() && !to[e.To.Key()] {
			to[e.To.Key()] = true
			out.cols = append(out.cols, *e.To)
		}
		k := [2]string{e.From.Key(), e.To.Key()}
		if e.Seen == Refused {
			out.refused[k] = e
		} else {
			out.cells[k] = e
		}
	}
	return out
}

func (x *matrix) cell(from, to network.Place) (text, class string) {
	text, class = x.allowed(from, to)
	if e := x.refused[[2]string{from.Key(), to.Key()}]; e != nil {
		text, class = text+"; "+words(e.Refused)+seen(e), class+" refused"
	}
	return text, class
}

// allowed is what policies say of a cell.
func (x *matrix) allowed(from, to network.Place) (text, class string) {
	e := x.cells[[2]string{from.Key(), to.Key()}]
	switch {
	case e == nil && from.Outside() && to.Outside():
		return "", "void"
	case e == nil:
		return "none", "none"
	case e.Must.All():
		return "open" + seen(e), "open"
	case !certain(e):
		return conn(e) + seen(e), "unknown"
	}
	return conn(e) + seen(e), "some"
}

func (x *matrix) markdown(w io.Writer) {
	fmt.Fprintf(w, "| from \\ to |")
	for _, c := range x.cols {
		fmt.Fprintf(w, " %s |", escape(title(c)))
	}
	fmt.Fprint(w, "\n|---|")
	for range x.cols {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for _, r := range x.rows {
		fmt.Fprintf(w, "| **%s** |", escape(title(r)))
		for _, c := range x.cols {
			text, _ := x.cell(r, c)
			fmt.Fprintf(w, " %s |", escape(text))
		}
		fmt.Fprintln(w)
	}
}

// title is a place's name in a heading.
func title(p network.Place) string {
	name := p.Name
	if p.Namespace != "" {
		name = p.Namespace + "/" + name
	}
	switch {
	case p.Addresses != nil:
		return "outside: " + name
	case p.Named != nil && p.Kind == "Knative":
		return "Knative: " + name
	case p.Named != nil:
		return "name: " + name
	}
	return name
}
