package network

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// sensor is a program that records who talks to whom, known by the end of its image's path. Where container is set, only
// a container of that name does.
type sensor struct {
	name, kind, image, container string
}

var sensors = []sensor{
	{name: "Calico Goldmane", kind: "Deployment", image: "calico/goldmane"},
	{name: "Calico Goldmane", kind: "Deployment", image: "goldmane"},
	{name: "Calico Whisker", kind: "Deployment", image: "calico/whisker"},
	{name: "Kiali", kind: "Deployment", image: "kiali"},
	{name: "Retina", kind: "DaemonSet", image: "retina-agent"},
	{name: "Pixie", kind: "DaemonSet", image: "vizier-pem_image"},
	{name: "Pixie", kind: "DaemonSet", image: "vizier/pem_image"},
	{name: "NetObserv", kind: "DaemonSet", image: "netobserv-ebpf-agent"},
	{name: "Falco", kind: "DaemonSet", image: "falco"},
	{name: "Falco", kind: "DaemonSet", image: "falco-no-driver"},
	{name: "Tetragon", kind: "DaemonSet", image: "tetragon"},
	{name: "Sysdig agent", kind: "DaemonSet", image: "sysdig/agent"},
	{name: "Sysdig agent", kind: "DaemonSet", image: "sysdig/agent-slim"},
	// Only its system probe sees connections, which is not on by default.
	{name: "Datadog agent", kind: "DaemonSet", image: "datadog/agent", container: "system-probe"},
	{name: "Datadog agent", kind: "DaemonSet", image: "datadoghq/agent", container: "system-probe"},
	{name: "NeuVector enforcer", kind: "DaemonSet", image: "neuvector/enforcer"},
	{name: "StackRox collector", kind: "DaemonSet", image: "stackrox-io/collector"},
	{name: "StackRox collector", kind: "DaemonSet", image: "stackrox/collector"},
	{name: "StackRox collector", kind: "DaemonSet", image: "rhacs-collector-rhel8"},
	{name: "Aqua enforcer", kind: "DaemonSet", image: "aquasec/enforcer"},
	{name: "Aqua enforcer", kind: "DaemonSet", image: "aqua/enforcer"},
	{name: "Prisma Cloud defender", kind: "DaemonSet", image: "twistlock/defender"},
}

// sensorsOf lists the sensors that run, one place for each workload.
func sensorsOf(workloads []*inventory.Workload) (names []string, at []nist190.Evidence) {
	for _, w := range workloads {
		if s, i, ok := sensorOf(w); ok && len(at) < maxEvidence {
			names = append(names, s.name)
			at = append(at, nist190.Place(inventory.At{Object: w.Object, Path: w.TemplatePath}, "spec", "containers", i, "image").Because(s.name))
		}
	}
	return names, at
}

func sensorOf(w *inventory.Workload) (sensor, int, bool) {
	for i := range w.Template.Spec.Containers {
		c := &w.Template.Spec.Containers[i]
		path := "/" + inventory.ParseImage(c.Image).Path
		for _, s := range sensors {
			if s.kind == w.Object.GroupKind().Kind && strings.HasSuffix(path, "/"+s.image) && (s.container == "" || s.container == c.Name) {
				return s, i, true
			}
		}
	}
	return sensor{}, 0, false
}

var telemetryKind = schema.GroupKind{Group: "telemetry.istio.io", Kind: "Telemetry"}

// accessLogs finds what makes every proxy of the mesh log its connections: a Telemetry of the root namespace without a
// selector (https://istio.io/latest/docs/reference/config/telemetry).
func accessLogs(inv *inventory.Inventory) []nist190.Evidence {
	var out []nist190.Evidence
	for o := range inv.InNamespace(telemetryKind, istioRoot) {
		var x struct {
			Spec struct {
				Selector, TargetRef json.RawMessage
				TargetRefs          []json.RawMessage
				AccessLogging       []struct {
					Disabled bool
					Match    json.RawMessage
				}
			}
		}
		if json.Unmarshal(o.JSON(), &x) != nil || x.Spec.Selector != nil || x.Spec.TargetRef != nil || len(x.Spec.TargetRefs) > 0 {
			continue
		}
		for _, l := range x.Spec.AccessLogging {
			if !l.Disabled {
				out = append(out, nist190.At(o, "spec", "accessLogging"))
				break
			}
		}
	}
	return out
}

// ciliumFlows: what an agent does that is not told depends on its release
// (https://docs.cilium.io/en/stable/observability/hubble/).
func ciliumFlows(inv *inventory.Inventory) (pluginAnswer, bool) {
	const key = "enable-hubble"
	o, m, ok := inventory.TypedGet[corev1.ConfigMap](inv, "kube-system", "cilium-config")
	if !ok {
		return pluginAnswer{}, false
	}
	on, said := boolOf(m, key)
	at := []nist190.Evidence{nist190.At(o, "data", key).Showing(m.Data[key])}
	switch {
	case !said:
		return pluginAnswer{Unknown, fmt.Sprintf("ConfigMap %q does not say %s, whose default depends on the version of Cilium", o.Name(), key), at}, true
	case on:
		return pluginAnswer{Yes, "Hubble of Cilium is on", at}, true
	}
	return pluginAnswer{No, "Hubble of Cilium is off", at}, true
}

// calicoFlows: flow logs in files, or sent to Goldmane. Both are off by default.
func calicoFlows(inv *inventory.Inventory) (pluginAnswer, bool) {
	f, _ := felixes(inv)
	switch {
	case f == nil:
		return pluginAnswer{}, false
	case f.broken:
		return pluginAnswer{Unknown, `FelixConfiguration "default" cannot be read`, []nist190.Evidence{nist190.At(f.object)}}, true
	case isSet(f.Spec.FlowLogsFileEnabled, true):
		return pluginAnswer{Yes, "Calico writes flow logs", []nist190.Evidence{nist190.At(f.object, "spec", "flowLogsFileEnabled").Showing("true")}}, true
	case f.Spec.FlowLogsGoldmaneServer != nil && *f.Spec.FlowLogsGoldmaneServer != "":
		return pluginAnswer{Yes, "Calico sends flow logs to Goldmane", []nist190.Evidence{nist190.At(f.object, "spec", "flowLogsGoldmaneServer").Showing(*f.Spec.FlowLogsGoldmaneServer)}}, true
	}
	return pluginAnswer{No, "Calico records no flow logs", []nist190.Evidence{nist190.At(f.object, "spec")}}, true
}

// antreaFlows: the gate opens the feature; later releases also want it switched on.
func antreaFlows(inv *inventory.Inventory) (pluginAnswer, bool) {
	return antreaConfig(inv, func(a *antreaAgent) (Answer, string) {
		switch {
		case !a.FeatureGates["FlowExporter"]:
			return No, "the feature gate FlowExporter of Antrea is off"
		case a.FlowExporter != nil && !a.FlowExporter.Enable:
			return No, "flowExporter.enable of Antrea is off"
		}
		return Yes, "Antrea exports flows"
	})
}

func ovnFlows(inv *inventory.Inventory) (pluginAnswer, bool) {
	o, n, found, broken := readOperatorNetwork(inv)
	if !found {
		return pluginAnswer{}, false
	}
	at := []nist190.Evidence{nist190.At(o, "spec", "exportNetworkFlows")}
	flows := n.Spec.ExportNetworkFlows
	switch {
	case broken:
		return pluginAnswer{Unknown, unreadableNetwork, at}, true
	case len(flows.NetFlow.Collectors)+len(flows.SFlow.Collectors)+len(flows.IPFIX.Collectors) > 0:
		return pluginAnswer{Yes, "OVN-Kubernetes exports flows", at}, true
	}
	return pluginAnswer{No, "OVN-Kubernetes has no exportNetworkFlows", at}, true
}
