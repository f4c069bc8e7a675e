package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

func encryptionChecks() []nist190.Check {
	return []nist190.Check{
		nist190.NewCheck(meshMTLS, checkMeshMTLS),
		nist190.NewCheck(wireEncryption, checkWireEncryption),
		nist190.NewCheck(flowVisibility, checkFlowVisibility),
	}
}

var meshMTLS = nist190.Metadata{
	ID: "network-mesh-mtls", Title: "Workload of a mesh that accepts plain text", Risk: nist190.PoorlySeparatedTraffic,
	Doc: `A workload is in a service mesh, and its proxy also accepts connections without mutual TLS. SP 800-190 asks for end-to-end
encryption of the traffic within the cluster. Both Istio and Linkerd take plain text until they are told otherwise: who
connects without a proxy is neither encrypted nor known by a certificate.

The mode of Istio is that of the workload's PeerAuthentication, else of its namespace's, else of the mesh's; a port can
have its own. That of Linkerd is the default inbound policy. A pod that has no proxy, of a workload whose others have one,
accepts plain text. Failures of workloads of the highest sensitivity level are of severity high.

Before:

    kind: PeerAuthentication
    metadata: {name: default, namespace: istio-system}
    spec: {mtls: {mode: PERMISSIVE}}

After:

    kind: PeerAuthentication
    metadata: {name: default, namespace: istio-system}
    spec: {mtls: {mode: STRICT}}`,
	Claims: nist190.Claims("5f", "5g"), Controls: []string{"SC-8", "SC-8(1)", "SC-23", "IA-9"},
	Severity: nist190.SeverityMedium,
	Remediation: `Bring every client into the mesh, look at the proxies' metrics for connections without TLS, then set mode STRICT for the
mesh; for Linkerd, the default inbound policy all-authenticated. Remove exceptions of ports and DestinationRules with mode
DISABLE.`,
	Subjects: inventory.WorkloadKinds(),
	Needs: slices.Concat(meshNeeds(), []inventory.Need{
		// These tell what clients do: they are named in the message, and decide nothing.
		{Group: destinationRuleKind.Group, Kind: destinationRuleKind.Kind, Resource: "destinationrules", Bias: inventory.SeverityOnly},
		inventory.NeedOf[corev1.Service](inventory.SeverityOnly).InSubjectNamespace(),
	}),
	Since: "v0.1.0",
	Limits: `Encryption by the application itself is not seen. The root namespace of Istio is taken to be istio-system. What Linkerd
was installed with is seen in running pods only. Servers of Linkerd are not evaluated: what they select is not assessed.
Gateways, waypoints and ztunnel are no subjects.`,
}

func checkMeshMTLS(ctx context.Context, e *nist190.Eval) error {
	all, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	modes, err := meshModes.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if len(modes) == 0 {
		e.NotApplicable(inventory.Cluster, "no workload is in a service mesh")
		return nil
	}
	highest := sensitivity.Level(len(levels.Names()))
	rules := clearRules(e.Inventory)
	for _, w := range all {
		m, ok := modes[w.Ref().Identity()]
		if !ok {
			continue
		}
		out := nist190.Outcome{Subject: w.Ref(), Evidence: m.evidence}
		if len(out.Evidence) == 0 {
			out.Evidence = []nist190.Evidence{nist190.At(w.Object, "metadata", "name")}
		}
		switch m.mode {
		case tlsStrict:
			out.Status = nist190.Pass
		case tlsUnknown:
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = fmt.Sprintf("it is in the mesh (%s), and whether it accepts plain text is not known: %s", m.mesh, m.why)
		default:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("it is in the mesh (%s) and accepts plain text: %s", m.mesh, m.why)
			if class := levels.Workload(w.Ref()); max(class.Level, class.Floor) == highest {
				out.Severity = nist190.SeverityHigh
			}
			var plain []string
			for _, o := range plainClients(e.Inventory, w, rules) {
				plain = append(plain, fmt.Sprintf("DestinationRule %q of namespace %q", o.Name(), o.Namespace()))
				out.Evidence = append(out.Evidence, nist190.At(o, "spec"))
			}
			if len(plain) > 0 {
				out.Message += "; clients are told not to use TLS by " + phrase.Shorten(plain)
			}
		}
		e.Report(out)
	}
	return ctx.Err()
}

var wireEncryption = nist190.Metadata{
	ID: "network-wire-encryption", Title: "Traffic between nodes that is not encrypted", Risk: nist190.PoorlySeparatedTraffic,
	Doc: `Pods on different nodes talk over a network that the cluster does not control, and the network plugin does not encrypt what
they say. SP 800-190 asks for end-to-end encryption of the traffic within the cluster, also where it crosses networks of
others.

The configuration of the plugin tells: WireGuard or IPsec of Cilium, Calico, Antrea and OVN-Kubernetes. A mesh does as well
where every workload accepts nothing but mutual TLS, or is in Istio's ambient mesh and ztunnel is there; namespaces that the sensitivity scheme
calls infrastructure are left out of that. Where no configuration is found the answer is not assessed.

Before:

    kind: ConfigMap
    metadata: {name: cilium-config, namespace: kube-system}
    data: {enable-wireguard: "false"}

After:

    kind: ConfigMap
    metadata: {name: cilium-config, namespace: kube-system}
    data: {enable-wireguard: "true"}`,
	Claims: nist190.Claims("5g"), Controls: []string{"SC-8", "SC-8(1)"},
	Severity: nist190.SeverityMedium,
	Remediation: `Turn on WireGuard or IPsec of the network plugin (enable-wireguard of Cilium, wireguardEnabled of Calico,
trafficEncryptionMode of Antrea, ipsecConfig.mode Full of OVN-Kubernetes), or bring every workload into a mesh with strict
mutual TLS. Where the provider of the network encrypts between hosts, attest that.`,
	Needs: slices.Concat(meshNeeds(),
		// The configuration for one node takes back that for all.
		configNeeds(inventory.Either),
		// That there is a single one turns a failure away, and nothing else.
		[]inventory.Need{inventory.NeedOf[corev1.Node](inventory.Exonerating)}),
	Since: "v0.1.0",
	Limits: `Encryption by the provider of the network, and of pods on the network of their host, is not seen. Overrides per node of
Cilium and in the environment of agents are not read. Of clusters with two address families, one that is encrypted is
enough.`,
}

func checkWireEncryption(ctx context.Context, e *nist190.Eval) error {
	a, left, meshed, err := wireOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	out := nist190.Outcome{Subject: inventory.Cluster, Message: a.why, Evidence: a.evidence}
	switch {
	case a.is == Yes:
		out.Status = nist190.Pass
	case single(e.Inventory):
		out.Status, out.Message = nist190.NotApplicable, "the cluster has a single node"
	case a.is == No:
		out.Status, out.Message = nist190.Fail, "traffic between nodes is not encrypted: "+a.why
	default:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
	}
	if meshed && len(left) > 0 && (out.Status == nist190.Fail || out.Status == nist190.NotAssessed) {
		out.Message += fmt.Sprintf("; the mesh leaves out %s", phrase.Workloads(left))
	}
	e.Report(out)
	return nil
}

// wireOf is what the network plugin does, else the mesh where it leaves out no workload. meshed: there is one.
func wireOf(ctx context.Context, inv *inventory.Inventory) (a pluginAnswer, left []*inventory.Workload, meshed bool, err error) {
	all, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return a, nil, false, err
	}
	modes, err := meshModes.Get(ctx, inv)
	if err != nil {
		return a, nil, false, err
	}
	levels, err := sensitivity.DeclaredOf(ctx, inv)
	if err != nil {
		return a, nil, false, err
	}
	a = ask(inv, profileOf(inv, all).Plugin, func(c pluginConfig) func(*inventory.Inventory) (pluginAnswer, bool) { return c.wire })
	mesh, left := meshCovers(all, modes, levels)
	if a.is != Yes && mesh != nil && len(left) == 0 {
		a = pluginAnswer{Yes, "every workload is in a mesh that encrypts", mesh}
	}
	return a, left, len(modes) > 0, nil
}

// meshCovers lists the workloads whose traffic a mesh may leave plain. mesh is nil where there is none. Between pods of
// the ambient mesh ztunnel always encrypts (https://istio.io/latest/docs/ambient/architecture/data-plane/), where it
// runs; a sidecar does where both ends have one, for which strictness answers.
func meshCovers(all []*inventory.Workload, modes map[inventory.Ref]meshMode, levels *sensitivity.Levels) (mesh []nist190.Evidence, left []*inventory.Workload) {
	ztunnel := slices.ContainsFunc(all, isZtunnel)
	for _, w := range all {
		if levels.Namespace(w.Namespace()).Level == sensitivity.Infra || isMeshItself(w) {
			continue
		}
		m := modes[w.Ref().Identity()]
		if m.mesh == istioAmbient && (!ztunnel || m.mode == tlsNone) || m.mesh != istioAmbient && m.mode != tlsStrict {
			left = append(left, w)
		} else if len(mesh) < maxEvidence {
			mesh = append(mesh, nist190.At(w.Object, "metadata", "name"))
		}
	}
	return mesh, left
}

func isZtunnel(w *inventory.Workload) bool {
	return w.Object.GroupKind().Kind == "DaemonSet" && slices.ContainsFunc(w.Template.Spec.Containers, func(c corev1.Container) bool { return imageName(c.Image) == "ztunnel" })
}

// isMeshItself: what only runs a proxy, and the control planes.
func isMeshItself(w *inventory.Workload) bool {
	return w.Namespace() == istioRoot || w.Namespace() == "linkerd" ||
		!slices.ContainsFunc(w.Template.Spec.Containers, func(c corev1.Container) bool { return proxyOf(&c) == "" })
}

// single is sure of it: that there are no further nodes must have been seen.
func single(inv *inventory.Inventory) bool {
	n := 0
	for range inventory.Typed[corev1.Node](inv) {
		n++
	}
	return n == 1 && inv.Coverage(inventory.NeedOf[corev1.Node](inventory.Either).GroupKind(), "").State.Complete()
}

var flowVisibility = nist190.Metadata{
	ID: "network-flow-visibility", Title: "Network whose flows no tool sees", Risk: nist190.PoorlySeparatedTraffic,
	Doc: `Nothing records which pods talk to each other. SP 800-190 warns that traffic on virtual overlay networks is opaque to the
security tools of the physical network, the more where it is encrypted. Somebody within the cluster has to look.

What counts: Hubble of Cilium, flow logs of Calico, flows that Antrea or OVN-Kubernetes export, access logs of every proxy
of Istio, Kiali, and agents that record connections, known by their images. The check fails where the configuration of the
plugin says that it records none, and no other source is there.

Before:

    kind: ConfigMap
    metadata: {name: cilium-config, namespace: kube-system}
    data: {enable-hubble: "false"}

After:

    kind: ConfigMap
    metadata: {name: cilium-config, namespace: kube-system}
    data: {enable-hubble: "true"}`,
	Claims: nist190.Claims("3d"), Controls: []string{"SI-4", "SI-4(10)", "AU-12"},
	Severity: nist190.SeverityLow,
	Remediation: `Turn on what the plugin offers (hubble.enabled of Cilium's chart, Goldmane of Calico, FlowExporter of Antrea,
exportNetworkFlows of OVN-Kubernetes) and send it to where people look, or run an agent that records connections.`,
	Needs: slices.Concat(
		// Any further source of flows settles it.
		configNeeds(inventory.Exonerating),
		[]inventory.Need{{Group: telemetryKind.Group, Kind: telemetryKind.Kind, Resource: "telemetries", Bias: inventory.Exonerating}},
		// An agent is a source; a plugin, once known, shows configuration of another to be a relic.
		inventory.WorkloadNeeds(inventory.Either)),
	Since: "v0.1.0",
	Limits: `Flow logs of the provider's network are not seen. Neither is what an agent is configured to record, whether anybody looks,
and whether the proxies of a mesh see all of its traffic.`,
}

func checkFlowVisibility(ctx context.Context, e *nist190.Eval) error {
	all, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	a := ask(e.Inventory, profileOf(e.Inventory, all).Plugin, func(c pluginConfig) func(*inventory.Inventory) (pluginAnswer, bool) { return c.flows })
	names, at := sensorsOf(all)
	if logs := accessLogs(e.Inventory); len(logs) > 0 {
		names, at = append(names, "access logs of Istio"), append(at, logs...)
	}
	out := nist190.Outcome{Subject: inventory.Cluster, Message: a.why, Evidence: a.evidence}
	switch {
	case a.is == Yes:
		out.Status, out.Evidence = nist190.Pass, append(slices.Clone(a.evidence), at...)
		out.Message = strings.Join(append([]string{a.why}, names...), ", ")
	case len(names) > 0:
		out.Status, out.Message, out.Evidence = nist190.Pass, "flows are seen by "+phrase.Shorten(names), at
	case a.is == No:
		out.Status, out.Message = nist190.Fail, "nothing records who talks to whom: "+a.why
	default:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
	}
	e.Report(out)
	return nil
}

// WireEncryption tells whether what pods on different nodes say to each other is encrypted, as far as objects tell: by the
// network plugin, or since every workload is in a mesh that does. why says what tells. See [WireEncryptionNeeds].
func WireEncryption(ctx context.Context, inv *inventory.Inventory) (is Answer, why string, at []nist190.Evidence, err error) {
	a, _, _, err := wireOf(ctx, inv)
	if err != nil {
		return Unknown, "", nil, err
	}
	return a.is, a.why, a.evidence, nil
}

// WireEncryptionNeeds are what [WireEncryption] reads.
func WireEncryptionNeeds() []inventory.Need {
	return slices.Concat(meshNeeds(), configNeeds(inventory.Either))
}
