package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// pluginAnswer is what the configuration of a network plugin says: of the wire whether it is encrypted, of flows whether
// they can be seen. Unknown has a reason; a plugin whose configuration is not there has no answer at all.
type pluginAnswer struct {
	is       Answer
	why      string
	evidence []nist190.Evidence
}

// pluginConfig tells where a plugin keeps its configuration, and reads it.
type pluginConfig struct {
	plugin, where string
	wire, flows   func(*inventory.Inventory) (pluginAnswer, bool)
}

var pluginConfigs = []pluginConfig{
	{"cilium", `ConfigMap "cilium-config" of namespace "kube-system"`, ciliumWire, ciliumFlows},
	{"calico", `FelixConfiguration "default"`, calicoWire, calicoFlows},
	{"antrea", `ConfigMap "antrea-config" of namespace "kube-system"`, antreaWire, antreaFlows},
	{"ovn-kubernetes", `Network "cluster" of operator.openshift.io`, ovnWire, ovnFlows},
}

var operatorNetworkKind = schema.GroupKind{Group: "operator.openshift.io", Kind: "Network"}

// configNeeds are the kinds that pluginConfigs read.
func configNeeds(felix inventory.Bias) []inventory.Need {
	out := []inventory.Need{
		// One more plugin that says yes settles it; none takes a yes back.
		inventory.NeedOf[corev1.ConfigMap](inventory.Exonerating),
		{Group: operatorNetworkKind.Group, Kind: operatorNetworkKind.Kind, Resource: "networks", Bias: inventory.Exonerating},
	}
	for _, group := range calicoGroups {
		out = append(out, inventory.Need{Group: group, Kind: "FelixConfiguration", Resource: "felixconfigurations", Bias: felix})
	}
	return out
}

// ask collects the answers of the plugin, or where it was not recognised of every one. Configuration of another plugin is
// what a former installation left.
func ask(inv *inventory.Inventory, plugin string, question func(pluginConfig) func(*inventory.Inventory) (pluginAnswer, bool)) pluginAnswer {
	var out []pluginAnswer
	for _, c := range pluginConfigs {
		if plugin != "" && plugin != c.plugin {
			continue
		}
		if a, ok := question(c)(inv); ok {
			out = append(out, a)
		}
	}
	for _, is := range []Answer{Yes, Unknown, No} {
		if i := slices.IndexFunc(out, func(a pluginAnswer) bool { return a.is == is }); i >= 0 {
			return out[i]
		}
	}
	return pluginAnswer{is: Unknown, why: whoWouldTell(plugin)}
}

func whoWouldTell(plugin string) string {
	var all []string
	for _, c := range pluginConfigs {
		if c.plugin == plugin {
			return fmt.Sprintf("the network plugin is %s, and its configuration was not found: %s would tell", plugin, c.where)
		}
		all = append(all, c.where)
	}
	if plugin != "" {
		return fmt.Sprintf("the network plugin is %s, whose configuration is not evaluated", plugin)
	}
	return "no configuration of a network plugin was found: one of these would tell: " + strings.Join(all, "; ")
}

// boolOf reads a boolean of a ConfigMap as the agents do.
func boolOf(m *corev1.ConfigMap, key string) (on, said bool) {
	on, err := strconv.ParseBool(strings.TrimSpace(m.Data[key]))
	return on, err == nil
}

// ciliumWire: https://docs.cilium.io/en/stable/security/network/encryption/. Neither way is on by default.
func ciliumWire(inv *inventory.Inventory) (pluginAnswer, bool) {
	o, m, ok := inventory.TypedGet[corev1.ConfigMap](inv, "kube-system", "cilium-config")
	if !ok {
		return pluginAnswer{}, false
	}
	for _, key := range []string{"enable-wireguard", "enable-ipsec"} {
		if on, _ := boolOf(m, key); on {
			return pluginAnswer{is: Yes, evidence: []nist190.Evidence{nist190.At(o, "data", key).Showing(m.Data[key])}}, true
		}
	}
	return pluginAnswer{No, "Cilium has neither enable-wireguard nor enable-ipsec on", []nist190.Evidence{nist190.At(o, "data")}}, true
}

// felixConfiguration is the part of Calico's that matters here
// (https://docs.tigera.io/calico/latest/reference/resources/felixconfig).
type felixConfiguration struct {
	object *inventory.Object
	broken bool
	Spec   struct {
		WireguardEnabled, WireguardEnabledV6, FlowLogsFileEnabled *bool
		FlowLogsGoldmaneServer                                    *string
	}
}

// felixes lists the configurations; "default" is for every node, "node.NAME" for one.
func felixes(inv *inventory.Inventory) (whole *felixConfiguration, nodes []felixConfiguration) {
	for _, group := range calicoGroups {
		for o := range inv.ByKind(calicoKind(group, "FelixConfiguration")) {
			f := felixConfiguration{object: o}
			f.broken = json.Unmarshal(o.JSON(), &f) != nil
			if o.Name() == "default" && whole == nil {
				whole = &f
			} else if strings.HasPrefix(o.Name(), "node.") {
				nodes = append(nodes, f)
			}
		}
	}
	return whole, nodes
}

func isSet(b *bool, want bool) bool { return b != nil && *b == want }

// calicoWire: https://docs.tigera.io/calico/latest/network-policy/encrypt-cluster-pod-traffic. Both ends must take part,
// so that one node that does not leaves its connections plain.
func calicoWire(inv *inventory.Inventory) (pluginAnswer, bool) {
	f, nodes := felixes(inv)
	if f == nil {
		return pluginAnswer{}, false
	}
	if f.broken {
		return pluginAnswer{Unknown, `FelixConfiguration "default" cannot be read`, []nist190.Evidence{nist190.At(f.object)}}, true
	}
	four, six := isSet(f.Spec.WireguardEnabled, true), isSet(f.Spec.WireguardEnabledV6, true)
	if !four && !six {
		return pluginAnswer{No, "Calico has neither wireguardEnabled nor wireguardEnabledV6 on", []nist190.Evidence{nist190.At(f.object, "spec")}}, true
	}
	for _, n := range nodes {
		at := []nist190.Evidence{nist190.At(n.object, "spec")}
		if n.broken {
			return pluginAnswer{Unknown, fmt.Sprintf("FelixConfiguration %q cannot be read", n.object.Name()), at}, true
		}
		if four && isSet(n.Spec.WireguardEnabled, false) || six && isSet(n.Spec.WireguardEnabledV6, false) {
			return pluginAnswer{No, fmt.Sprintf("FelixConfiguration %q turns the encryption off for a node", n.object.Name()), at}, true
		}
	}
	key := "wireguardEnabled"
	if !four {
		key = "wireguardEnabledV6"
	}
	return pluginAnswer{is: Yes, evidence: []nist190.Evidence{nist190.At(f.object, "spec", key).Showing("true")}}, true
}

// antreaAgent is the part of antrea-agent.conf that matters here
// (https://antrea.io/docs/main/docs/traffic-encryption/, https://antrea.io/docs/main/docs/network-flow-visibility/).
type antreaAgent struct {
	TrafficEncryptionMode string          `json:"trafficEncryptionMode"`
	FeatureGates          map[string]bool `json:"featureGates"`
	FlowExporter          *struct {
		Enable bool `json:"enable"`
	} `json:"flowExporter"`
}

// read takes what it knows of the file and leaves the rest.
func (a *antreaAgent) read(text string) bool {
	for d := range yamlx.Split([]byte(text)) {
		v, err := d.Decode(yamlx.Limits{})
		if err != nil || json.Unmarshal(v.JSON, a) != nil {
			return false
		}
	}
	return true
}

// antreaConfig reads the ConfigMap, which former releases named with a hash at the end.
func antreaConfig(inv *inventory.Inventory, read func(*antreaAgent) (Answer, string)) (out pluginAnswer, found bool) {
	const key = "antrea-agent.conf"
	for o, m := range inventory.TypedIn[corev1.ConfigMap](inv, "kube-system") {
		text, ok := m.Data[key]
		if !ok || o.Name() != "antrea-config" && !strings.HasPrefix(o.Name(), "antrea-config-") {
			continue
		}
		a := pluginAnswer{evidence: []nist190.Evidence{nist190.At(o, "data", key)}}
		var agent antreaAgent
		if !agent.read(text) {
			a.is, a.why = Unknown, fmt.Sprintf("%s of ConfigMap %q cannot be read", key, o.Name())
		} else {
			a.is, a.why = read(&agent)
		}
		if found && a.is != out.is {
			a.is, a.why = Unknown, fmt.Sprintf("ConfigMap %q and another one of Antrea disagree", o.Name())
		}
		out, found = a, true
	}
	return out, found
}

func antreaWire(inv *inventory.Inventory) (pluginAnswer, bool) {
	return antreaConfig(inv, func(a *antreaAgent) (Answer, string) {
		switch strings.ToLower(a.TrafficEncryptionMode) {
		case "wireguard", "ipsec":
			return Yes, ""
		case "", "none":
			return No, "Antrea's trafficEncryptionMode is none"
		}
		return Unknown, fmt.Sprintf("Antrea's trafficEncryptionMode is %q, which is not known", a.TrafficEncryptionMode)
	})
}

// operatorNetwork is the part of OpenShift's that matters here (github.com/openshift/api, operator/v1/types_network.go).
type operatorNetwork struct {
	Spec struct {
		DefaultNetwork struct {
			Type                string
			OVNKubernetesConfig struct {
				IPsecConfig *struct{ Mode string }
			}
		}
		ExportNetworkFlows struct {
			NetFlow, SFlow, IPFIX struct{ Collectors []string }
		}
	}
}

func readOperatorNetwork(inv *inventory.Inventory) (o *inventory.Object, n operatorNetwork, found, broken bool) {
	o, found = inv.Get(operatorNetworkKind, "", "cluster")
	if !found {
		return nil, n, false, false
	}
	broken = json.Unmarshal(o.JSON(), &n) != nil
	return o, n, broken || n.Spec.DefaultNetwork.Type == "OVNKubernetes", broken
}

var unreadableNetwork = `Network "cluster" of operator.openshift.io cannot be read`

// ovnWire: External encrypts what leaves the cluster and nothing between its nodes. An object without a mode meant
// encryption before there were modes, and not any more.
func ovnWire(inv *inventory.Inventory) (pluginAnswer, bool) {
	o, n, found, broken := readOperatorNetwork(inv)
	if !found {
		return pluginAnswer{}, false
	}
	path := []any{"spec", "defaultNetwork", "ovnKubernetesConfig", "ipsecConfig"}
	at := []nist190.Evidence{nist190.At(o, path...)}
	c := n.Spec.DefaultNetwork.OVNKubernetesConfig.IPsecConfig
	switch {
	case broken:
		return pluginAnswer{Unknown, unreadableNetwork, at}, true
	case c == nil:
		return pluginAnswer{No, "OVN-Kubernetes has no ipsecConfig", at}, true
	case c.Mode == "Full":
		return pluginAnswer{is: Yes, evidence: []nist190.Evidence{nist190.At(o, append(path, "mode")...).Showing(c.Mode)}}, true
	case c.Mode == "Disabled" || c.Mode == "External":
		return pluginAnswer{No, "the ipsecConfig of OVN-Kubernetes has mode " + c.Mode, []nist190.Evidence{nist190.At(o, append(path, "mode")...).Showing(c.Mode)}}, true
	}
	return pluginAnswer{Unknown, "what the ipsecConfig of OVN-Kubernetes means without a known mode depends on its version", at}, true
}
