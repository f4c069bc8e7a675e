package nodetrust

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// NodeRow is a node as the inventory prints it.
type NodeRow struct {
	Name         string            `json:"name"`
	ControlPlane bool              `json:"controlPlane,omitempty"`
	Pool         string            `json:"pool,omitempty"`
	Zone         string            `json:"zone,omitempty"`
	Ready        string            `json:"ready"` // True, False, Unknown, or empty
	Since        string            `json:"since,omitempty"`
	Heartbeat    string            `json:"heartbeat,omitempty"`
	ProviderID   string            `json:"providerID,omitempty"`
	SystemUUID   string            `json:"systemUUID,omitempty"`
	MachineID    string            `json:"machineID,omitempty"`
	BootID       string            `json:"bootID,omitempty"`
	Machine      string            `json:"machine,omitempty"`
	Addresses    map[string]string `json:"addresses,omitempty"`
	Kubelet      string            `json:"kubelet,omitempty"`
	Runtime      string            `json:"runtime,omitempty"`
	Kernel       string            `json:"kernel,omitempty"`
	OS           string            `json:"os,omitempty"`
	Arch         string            `json:"arch,omitempty"`
	Taints       []string          `json:"taints,omitempty"`
	Cordoned     bool              `json:"cordoned,omitempty"`
	Handlers     []string          `json:"handlers,omitempty"`
	Drivers      []string          `json:"drivers,omitempty"`
	Agents       map[string]string `json:"agents,omitempty"` // by role
}

// Rows is the inventory of nodes with the agents that serve them, by name: what SP 800-190 asks an orchestrator to keep. It
// reads what [NodesOf] and [CoverageOf] do.
func Rows(ctx context.Context, inv *inventory.Inventory) ([]NodeRow, error) {
	n, err := NodesOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	c, err := CoverageOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	out := make([]NodeRow, 0, n.Len())
	for r := range n.All() {
		i := &r.Node.Status.NodeInfo
		row := NodeRow{
			Name: r.Name, ControlPlane: r.ControlPlane, Pool: r.Pool, Zone: r.Zone, Ready: string(r.Ready), Since: stamp(r.Since), Heartbeat: stamp(r.Heartbeat),
			ProviderID: r.Node.Spec.ProviderID, SystemUUID: i.SystemUUID, MachineID: i.MachineID, BootID: i.BootID, Machine: r.Machine,
			Kubelet: i.KubeletVersion, Runtime: i.ContainerRuntimeVersion, Kernel: i.KernelVersion, OS: i.OSImage, Arch: i.Architecture,
			Cordoned: r.Node.Spec.Unschedulable, Drivers: r.Drivers, Addresses: map[string]string{}, Agents: map[string]string{},
		}
		for _, a := range r.Node.Status.Addresses {
			row.Addresses[string(a.Type)] = a.Address
		}
		for _, t := range r.Node.Spec.Taints {
			row.Taints = append(row.Taints, taintText(t))
		}
		for _, h := range r.Node.Status.RuntimeHandlers {
			if h.Name != "" {
				row.Handlers = append(row.Handlers, h.Name)
			}
		}
		for _, a := range c.On(r.Name) {
			row.Agents[a.Role.String()] = a.Workload.Namespace() + "/" + a.Workload.Object.Name()
		}
		out = append(out, row)
	}
	return out, nil
}

func taintText(t corev1.Taint) string {
	if t.Value == "" {
		return t.Key + ":" + string(t.Effect)
	}
	return t.Key + "=" + t.Value + ":" + string(t.Effect)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// WriteRows writes the inventory as a table for people.
func WriteRows(w io.Writer, rows []NodeRow) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NODE\tREADY\tPOOL\tIDENTITY\tKUBELET\tRUNTIME\tKERNEL\tOS\tTAINTS\tAGENTS")
	for _, r := range rows {
		identity := r.ProviderID
		if identity == "" {
			identity = r.SystemUUID
		}
		ready := r.Ready
		if r.Cordoned {
			ready += ", cordoned"
		}
		var agents []string
		for _, role := range sortedKeys(r.Agents) {
			agents = append(agents, r.Agents[role])
		}
		cells := []string{r.Name, ready, r.Pool, identity, r.Kubelet, r.Runtime, r.Kernel, r.OS, strings.Join(r.Taints, " "), strings.Join(agents, " ")}
		for i, c := range cells {
			if c == "" {
				c = "-"
			}
			cells[i] = printable(c)
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// WriteRowsJSON writes the inventory as a JSON array.
func WriteRowsJSON(w io.Writer, rows []NodeRow) error {
	return writeJSON(w, rows)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printable replaces what a terminal would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
