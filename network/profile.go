package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// Answer is a property of the network plugin.
type Answer uint8

const (
	// Detect finds it out from the inventory; where that does not tell, plugins are taken to conform to Kubernetes' tests.
	Detect Answer = iota
	Yes
	No
	Unknown
)

var answers = [...]string{"detect", "yes", "no", "unknown"}

func (a Answer) String() string { return answers[a] }

// MarshalText writes the answer as ParseAnswer reads it.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// ParseAnswer reads "detect", "yes", "no" or "unknown".
func ParseAnswer(s string) (Answer, error) {
	for i, name := range answers {
		if s == name {
			return Answer(i), nil
		}
	}
	return Detect, fmt.Errorf("%q: want %s", s, strings.Join(answers[:], ", "))
}

// HostNetworkMode is what a plugin does with pods on the host's network.
type HostNetworkMode uint8

const (
	// Ignored: policies neither govern nor select them, and their traffic is the node's. So do all plugins that are known.
	Ignored HostNetworkMode = iota
	Enforced
	Undetermined
)

var hostNetworkModes = [...]string{"ignored", "enforced", "unknown"}

func (m HostNetworkMode) String() string { return hostNetworkModes[m] }

// MarshalText writes the mode as ParseHostNetworkMode reads it.
func (m HostNetworkMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// ParseHostNetworkMode reads "ignored", "enforced" or "unknown".
func ParseHostNetworkMode(s string) (HostNetworkMode, error) {
	for i, name := range hostNetworkModes {
		if s == name {
			return HostNetworkMode(i), nil
		}
	}
	return Ignored, fmt.Errorf("%q: want %s", s, strings.Join(hostNetworkModes[:], ", "))
}

// Profile is what the network plugin does where the API leaves it open. The zero value finds out.
type Profile struct {
	// Plugin is its name, such as "cilium"; empty where it was not recognised.
	Plugin string
	// Enforces tells whether it enforces NetworkPolicy at all.
	Enforces Answer
	// IPBlockMatchesPods: whether an ipBlock matches the addresses of pods. Kubernetes' tests demand it; Cilium knows pods
	// by their identity alone (https://github.com/cilium/cilium/issues/9209).
	IPBlockMatchesPods Answer
	HostNetwork        HostNetworkMode
	// PodCIDRs are the addresses that pods can have whose own are not known; by default the private ones (RFC 1918, RFC
	// 6598, RFC 4193).
	PodCIDRs []netip.Prefix
	// NodeCIDRs are the addresses of nodes, for checks of manifests without Nodes.
	NodeCIDRs []netip.Prefix
}

// PluginProfile attaches a profile to an inventory; what it leaves open is detected.
var PluginProfile = inventory.NewSetting("networkPlugin", Profile{})

func (p Profile) String() string {
	name := p.Plugin
	if name == "" {
		name = "unknown plugin"
	}
	out := fmt.Sprintf("%s, enforces policies: %s, address blocks match pods: %s", name, p.Enforces, p.IPBlockMatchesPods)
	if p.HostNetwork != Ignored {
		out += fmt.Sprintf(", policies over pods on the host's network: %s", p.HostNetwork)
	}
	for _, x := range []struct {
		what  string
		cidrs []netip.Prefix
	}{{"pods", p.PodCIDRs}, {"nodes", p.NodeCIDRs}} {
		if len(x.cidrs) > 0 {
			out += fmt.Sprintf(", %s in %s", x.what, strings.Join(each(x.cidrs, netip.Prefix.String), " "))
		}
	}
	return out
}

var privateCIDRs = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7"),
}

// pluginTraits are what a plugin does by default; it is recognised by the image of its agents, the last part of the name.
type pluginTraits struct {
	image, name   string
	enforces      Answer
	blocksHitPods Answer
}

var plugins = []pluginTraits{
	{"cilium", "cilium", Yes, No},
	{"cilium-agent", "cilium", Yes, No},
	{"calico-node", "calico", Yes, Yes},
	{"node", "calico", Yes, Yes}, // docker.io/calico/node
	{"antrea-agent-ubuntu", "antrea", Yes, Yes},
	{"antrea-ubuntu", "antrea", Yes, Yes},
	{"ovn-kubernetes", "ovn-kubernetes", Yes, Yes},
	{"ovnkube", "ovn-kubernetes", Yes, Yes},
	{"kube-router", "kube-router", Yes, Yes},
	{"weave-kube", "weave", Yes, Yes},
	{"kindnetd", "kindnet", Yes, Yes},
	{"azure-npm", "azure-npm", Yes, Yes},
	{"aws-network-policy-agent", "amazon-vpc-cni", Yes, Yes},
	{"flannel", "flannel", No, Yes},
}

// Plugins are the names of the plugins of which the properties are known.
func Plugins() []string {
	var out []string
	for _, x := range plugins {
		if !slices.Contains(out, x.name) {
			out = append(out, x.name)
		}
	}
	return out
}

// profileOf completes what is configured by what is known of the plugin that is named, else by what the DaemonSets show.
// Flannel by itself enforces nothing; with another plugin beside it that one counts (Canal).
func profileOf(inv *inventory.Inventory, workloads []*inventory.Workload) Profile {
	p := PluginProfile.Get(inv)
	found := Profile{Enforces: Unknown, IPBlockMatchesPods: Yes}
	if i := slices.IndexFunc(plugins, func(x pluginTraits) bool { return x.name == p.Plugin }); i >= 0 {
		found.Enforces, found.IPBlockMatchesPods = plugins[i].enforces, plugins[i].blocksHitPods
		workloads = nil // they would be asked for what is known
	}
	for _, w := range workloads {
		if w.Object.GroupKind().Kind != "DaemonSet" {
			continue
		}
		for i := range w.Template.Spec.Containers {
			name := imageName(w.Template.Spec.Containers[i].Image)
			for _, x := range plugins {
				if x.image != name || x.name == "calico" && name == "node" && !strings.Contains(w.Template.Spec.Containers[i].Image, "calico/") {
					continue
				}
				if found.Plugin == "" || found.Enforces == No {
					found.Plugin, found.Enforces, found.IPBlockMatchesPods = x.name, x.enforces, x.blocksHitPods
				}
			}
		}
	}
	if p.Plugin == "" {
		p.Plugin = found.Plugin
	}
	if p.Enforces == Detect {
		p.Enforces = found.Enforces
	}
	if p.IPBlockMatchesPods == Detect {
		p.IPBlockMatchesPods = found.IPBlockMatchesPods
	}
	if len(p.PodCIDRs) == 0 {
		p.PodCIDRs = privateCIDRs
	}
	return p
}

// imageName is the last part of an image's repository.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}
