package nodetrust

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/nist190/nist190/sensitivity"
)

// RadiusRow is what one node gives away, as it is printed: what it reads by the node authorizer's rules, and what follows.
type RadiusRow struct {
	Node            string   `json:"node"`
	ControlPlane    bool     `json:"controlPlane,omitempty"`
	Secrets         []string `json:"secrets"`
	ConfigMaps      []string `json:"configMaps"`
	ServiceAccounts []string `json:"serviceAccounts"`
	// Identities are what the accounts are in the cloud.
	Identities []string `json:"identities,omitempty"`
	Admin      bool     `json:"admin"`
	Reaches    []string `json:"reaches"`
	Level      string   `json:"level,omitempty"`
	// Path is a shortest way to all rights.
	Path []string `json:"path,omitempty"`
	// TotalSecrets of AllSecrets follow from the node.
	TotalSecrets int `json:"totalSecrets"`
	AllSecrets   int `json:"allSecrets"`
}

// Row is what is printed of a node.
func (b *BlastRadius) Row(r *Radius) RadiusRow {
	row := RadiusRow{
		Node: r.Node, ControlPlane: r.ControlPlane, Secrets: []string{}, ConfigMaps: []string{}, ServiceAccounts: []string{}, Reaches: []string{}, Admin: r.Admin,
	}
	for t := range b.Reads(r) {
		switch t.Kind {
		case Secret:
			row.Secrets = append(row.Secrets, t.ID())
		case ConfigMap:
			row.ConfigMaps = append(row.ConfigMaps, t.ID())
		case ServiceAccount:
			row.ServiceAccounts = append(row.ServiceAccounts, t.ID())
		}
	}
	for _, a := range r.Accounts {
		if a.CloudIdentity != "" {
			row.Identities = append(row.Identities, a.CloudIdentity)
		}
	}
	row.Reaches = append(row.Reaches, b.Reaches(r)...)
	if r.Level != sensitivity.Unclassified {
		row.Level = b.LevelName(r.Level)
	}
	for _, s := range b.Way(r) {
		row.Path = append(row.Path, s.Text)
	}
	_, row.TotalSecrets, row.AllSecrets = b.Secrets(r)
	return row
}

// WriteJSON writes every node as a JSON array of [RadiusRow], one at a time.
func (b *BlastRadius) WriteJSON(ctx context.Context, w io.Writer) error {
	rows := []RadiusRow{}
	for r := range b.Nodes() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows = append(rows, b.Row(r))
	}
	return writeJSON(w, rows)
}

// WriteText writes a table for people.
func (b *BlastRadius) WriteText(ctx context.Context, w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NODE\tSECRETS\tACCOUNTS\tREACHES\tLEVEL\tALL RIGHTS BY")
	for r := range b.Nodes() {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := b.Row(r)
		way := "-"
		switch {
		case r.ControlPlane:
			way = "it runs the control plane"
		case r.Admin && len(r.Accounts) > 0 && len(row.Path) > 2:
			way = strings.Join(row.Path[1:min(len(row.Path), 4)], " > ")
		case r.Admin:
			way = strings.Join(row.Path[1:], " > ")
		}
		level := row.Level
		if level == "" {
			level = "-"
		}
		fmt.Fprintf(tw, "%s\t%d of %d\t%d\t%d of %d nodes\t%s\t%s\n", printable(row.Node), row.TotalSecrets, row.AllSecrets,
			len(row.ServiceAccounts), len(row.Reaches), len(b.radii)-1, level, printable(way))
	}
	return tw.Flush()
}

// WriteMermaid draws what follows from one node as a Mermaid flowchart: what it reads, its accounts that lead somewhere, and
// the nodes, accounts and rights behind them. Things that nothing follows from are counted. Cost: linear in what follows.
func (b *BlastRadius) WriteMermaid(w io.Writer, r *Radius) error {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	row := b.Row(r)
	fmt.Fprintf(&out, "  v%d[%s]\n", r.vertex, quoted(fmt.Sprintf("%s: %d Secrets, %d ConfigMaps, %d accounts", r, len(row.Secrets), len(row.ConfigMaps), len(row.ServiceAccounts))))
	const most = 200
	shown := map[int32]bool{r.vertex: true}
	var order []int32
	b.web.walk(r.vertex, func(v int32) bool {
		if v != r.vertex && len(order) < most {
			shown[v] = true
			order = append(order, v)
		}
		return v != everything && len(order) < most
	})
	for _, v := range order {
		shape := [2]string{"(", ")"}
		switch b.web.vertices[v].kind {
		case vNode:
			shape = [2]string{"[", "]"}
		case vEverything:
			shape = [2]string{"{{", "}}"}
		}
		fmt.Fprintf(&out, "  v%d%s%s%s\n", v, shape[0], quoted(b.web.name(v)), shape[1])
	}
	for _, v := range append([]int32{r.vertex}, order...) {
		if v == everything {
			continue
		}
		for i := range b.web.edges[v] {
			if e := &b.web.edges[v][i]; shown[e.to] {
				fmt.Fprintf(&out, "  v%d -- %s --> v%d\n", v, quoted(b.web.label(e)), e.to)
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// quoted is text in Mermaid: between quotes, what would end them is written as an entity.
func quoted(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;").Replace(printable(s)) + `"`
}

// name is what a vertex stands for.
func (w *web) name(v int32) string {
	x := &w.vertices[v]
	in := fmt.Sprintf(" in namespace %q", x.namespace)
	if x.namespace == "" {
		in = " in every namespace"
	}
	switch x.kind {
	case vEverything:
		return "all rights in the cluster"
	case vAllNodes:
		return "every node"
	case vNode:
		return w.b.radii[x.node].String()
	case vAccount:
		return x.account.String()
	case vAccounts:
		return "every account" + in
	case vSecrets:
		return "every Secret" + in
	case vNewPods:
		return "new pods" + in
	}
	return "running pods" + in
}

// label is what an edge says in few words.
func (w *web) label(e *edge) string {
	switch e.kind {
	case eToken:
		return "token, by " + e.pod.String()
	case eSecret:
		return "token in " + e.why
	case eKubelet:
		return "the kubelet's own rights"
	case eLead:
		return e.lead.Hop(w.b.esc).May
	case ePlane:
		return "control plane"
	case eAdmission:
		return "pods of any account"
	case eNewPod:
		return "root on the node"
	case ePivot:
		return e.pod.String() + ", " + e.why
	}
	return "among them"
}
