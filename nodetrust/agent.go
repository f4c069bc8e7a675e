package nodetrust

import (
	"context"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// Role is what an agent does for every node.
type Role uint8

const (
	LogAgent Role = iota
	MetricAgent
	NetworkAgent
)

func (r Role) String() string {
	return [...]string{"log agent", "metric agent", "network agent"}[min(r, NetworkAgent)]
}

// Agent is a DaemonSet that serves the nodes on which it runs.
type Agent struct {
	Role     Role
	Workload *inventory.Workload
}

// Coverage is which agents serve which nodes.
type Coverage struct {
	Agents  []Agent
	on      map[*inventory.Workload]*placement.Placement
	running map[*inventory.Workload]map[string]bool
	nodes   *placement.Feasibility
}

// CoverageNeeds are the needs of [CoverageOf]: where agents can run, as placement tells.
func CoverageNeeds() []inventory.Need { return placement.Needs() }

// CoverageOf finds the agents by what they are: software of that name, or a DaemonSet that mounts what only such software
// reads. A node is covered where a pod of the agent runs or, before there are pods, can.
func CoverageOf(ctx context.Context, inv *inventory.Inventory) (*Coverage, error) {
	return coverage.Get(ctx, inv)
}

var coverage = inventory.NewFact("nodetrust agents", func(ctx context.Context, inv *inventory.Inventory) (*Coverage, error) {
	f, err := placement.FeasibilityOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	c := &Coverage{on: map[*inventory.Workload]*placement.Placement{}, running: map[*inventory.Workload]map[string]bool{}, nodes: f}
	for _, p := range f.Placements() {
		for _, role := range rolesOf(p.Workload) {
			c.Agents = append(c.Agents, Agent{role, p.Workload})
			c.on[p.Workload] = p
		}
	}
	for w := range c.on {
		c.running[w] = map[string]bool{}
		for _, p := range w.Pods {
			if !inventory.Terminal(p.Pod) {
				c.running[w][p.Pod.Spec.NodeName] = true
			}
		}
	}
	return c, ctx.Err()
})

// software is known by the last part of its image's name.
var software = map[Role][]string{
	LogAgent: {
		"fluent-bit", "aws-for-fluent-bit", "fluentd", "fluentd-kubernetes-daemonset", "fluentd-elasticsearch", "vector", "promtail", "filebeat", "alloy", "logagent",
		"splunk-otel-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "opentelemetry-collector", "otelcol", "cloudwatch-agent",
		"google-cloud-ops-agent", "gke-fluent-bit", "ama-logs", "ciprod", "datadog-agent", "agent", "elastic-agent", "newrelic-fluentbit-output",
	},
	MetricAgent: {
		"node-exporter", "cloudwatch-agent", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "opentelemetry-collector", "otelcol", "telegraf",
		"metricbeat", "netdata", "datadog-agent", "gke-metrics-agent", "prometheus-engine", "ama-metrics", "cadvisor", "elastic-agent", "alloy", "grafana-agent",
	},
	NetworkAgent: {"cilium", "calico-node", "node", "flannel", "kube-proxy", "amazon-k8s-cni", "antrea-agent-ubuntu", "antrea-ubuntu", "weave-kube", "kube-router", "ovn-kubernetes"},
}

// vague names are those of other software as well: what is mounted decides.
var vague = []string{"agent", "node", "alloy", "vector", "opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "otelcol", "cloudwatch-agent", "elastic-agent"}

func rolesOf(w *inventory.Workload) []Role {
	if w.Ref().Kind != "DaemonSet" {
		return nil
	}
	spec := &w.Template.Spec
	mounted := map[Role]bool{
		LogAgent:     mountsAny(spec, "/var/log", "/var/log/pods", "/var/log/containers", "/var/lib/docker/containers"),
		MetricAgent:  mountsAny(spec, "/proc", "/") && mountsAny(spec, "/sys", "/") || mountsAny(spec, "/var/lib/kubelet/pod-resources"),
		NetworkAgent: mountsAny(spec, "/opt/cni/bin", "/etc/cni/net.d", "/opt/cni", "/etc/cni") || spec.HostNetwork && mountsAny(spec, "/lib/modules", "/run/xtables.lock"),
	}
	var out []Role
	for _, role := range []Role{LogAgent, MetricAgent, NetworkAgent} {
		named := slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool {
			name := strings.ToLower(path.Base(inventory.ParseImage(c.Image).Path))
			return slices.Contains(software[role], name) && (!slices.Contains(vague, name) || mounted[role])
		})
		// Storage drivers and device plugins mount much as well; what reads the logs of pods does nothing else.
		if named || role == LogAgent && mountsAny(spec, "/var/log/pods", "/var/log/containers", "/var/log") && !mountsAny(spec, pluginPaths...) && !mounted[NetworkAgent] ||
			role == NetworkAgent && mounted[role] {
			out = append(out, role)
		}
	}
	return out
}

// mountsAny reports whether the pod has a volume that is one of the places.
func mountsAny(spec *corev1.PodSpec, places ...string) bool {
	return slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool {
		return v.HostPath != nil && slices.Contains(places, hostPath(v.HostPath.Path, ""))
	})
}

// On lists the agents of a node.
func (c *Coverage) On(node string) []Agent {
	var out []Agent
	n := c.nodes.Node(node)
	for _, a := range c.Agents {
		if c.running[a.Workload][node] || len(c.running[a.Workload]) == 0 && n != nil && c.on[a.Workload].On(n) == placement.Can {
			out = append(out, a)
		}
	}
	return out
}

// Uncovered lists, in order, the nodes that no agent of a role serves.
func (c *Coverage) Uncovered(role Role) []*placement.Node {
	var out []*placement.Node
	for _, n := range c.nodes.Nodes() {
		if !n.Pool && !n.OwnKernels && !slices.ContainsFunc(c.On(n.Name), func(a Agent) bool { return a.Role == role }) {
			out = append(out, n)
		}
	}
	return out
}

// Has reports whether there is any agent of a role.
func (c *Coverage) Has(role Role) bool {
	return slices.ContainsFunc(c.Agents, func(a Agent) bool { return a.Role == role })
}
