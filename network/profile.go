package network

import (
	"fmt"
	"net/netip"
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
}

// PluginProfile attaches a profile to an inventory; what it leaves open is detected.
var PluginProfile = inventory.NewSetting("networkPlugin", Profile{})

func (p Profile) String() string {
	name := p.Plugin
	if name == "" {
		name = "unknown plugin"
	}
	return fmt.Sprintf("%s, enforces policies: %s, address blocks match pods: %s", name, p.Enforces, p.IPBlockMatchesPods)
}

var privateCIDRs = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7"),
}

// plugins are recognised by the images of their agents, the last part of the name.
var plugins = []struct {
	image, name   string
	enforces      Answer
	blocksHitPods Answer
}{
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

// profileOf completes what is configured by what the DaemonSets show. Flannel by itself enforces nothing; with another
// plugin beside it that one counts (Canal).
func profileOf(inv *inventory.Inventory, workloads []*inventory.Workload) Profile {
	p := PluginProfile.Get(inv)
	found := Profile{Enforces: Unknown, IPBlockMatchesPods: Yes}
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
