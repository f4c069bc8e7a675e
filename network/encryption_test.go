package network

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func TestEncryptionChecks(t *testing.T) {
	for _, c := range encryptionChecks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) { checktest.Run(t, c, os.DirFS("testdata/"+id)) })
	}
}

func TestMeshSeverity(t *testing.T) {
	for level, want := range map[string]nist190.Severity{"restricted": nist190.SeverityHigh, "internal": nist190.SeverityMedium} {
		inv := asInventory(t, namespaceDoc("istio-injection: enabled, sensitivity: "+level, ""), meshPodDoc("", "", bareContainer, ""))
		report, err := nist190.Run(context.Background(), inv, encryptionChecks()[0])
		if err != nil {
			t.Fatal(err)
		}
		for f := range report.Findings() {
			if f.Status != nist190.Fail || f.Severity != want {
				t.Errorf("%s: %s of severity %s, want a failure of %s", level, f.Status, f.Severity, want)
			}
		}
	}
}

// Without ztunnel nothing encrypts between pods of the ambient mesh.
func TestAmbientWithoutZtunnel(t *testing.T) {
	inv := asInventory(t, meshPodDoc("istio.io/dataplane-mode: ambient", "", bareContainer, ""))
	report, err := nist190.Run(context.Background(), inv, encryptionChecks()[1])
	if err != nil {
		t.Fatal(err)
	}
	for f := range report.Findings() {
		if f.Status != nist190.NotAssessed || !strings.HasSuffix(f.Message, `; the mesh leaves out Pod "api"`) {
			t.Errorf("%s: %s", f.Status, f.Message)
		}
	}
}

// asInventory collects documents.
func asInventory(t *testing.T, docs ...string) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "docs.yaml", []byte(strings.Join(docs, "\n---\n"))))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

const bareContainer = `{name: api, image: api}`

// meshPodDoc is a pod that has not been admitted; a node admits it.
func meshPodDoc(labels, annotations, containers, more string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop, labels: {%s}, annotations: {%s}}, spec: {containers: [%s]%s}}`, labels, annotations, containers, more)
}

func namespaceDoc(labels, annotations string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {%s}, annotations: {%s}}}`, labels, annotations)
}

func peerDoc(name, namespace, created, spec string) string {
	return fmt.Sprintf(`{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: %s, namespace: %s%s}, spec: {%s}}`, name, namespace, created, spec)
}

func modeOf(t *testing.T, docs ...string) meshMode {
	t.Helper()
	modes, err := meshModes.Get(context.Background(), asInventory(t, docs...))
	if err != nil {
		t.Fatal(err)
	}
	return modes[inventory.Ref{Kind: "Pod", Namespace: "shop", Name: "api"}]
}

func TestMeshMembership(t *testing.T) {
	sidecar, proxy := bareContainer+`, {name: istio-proxy, image: auto}`, `{name: istio-proxy, image: auto}`
	for name, tt := range map[string]struct {
		namespace, pod string
		want           string
	}{
		"nothing":               {namespaceDoc("", ""), meshPodDoc("", "", bareContainer, ""), ""},
		"injected":              {namespaceDoc("", ""), meshPodDoc("", "", sidecar, ""), istioSidecar},
		"by image":              {namespaceDoc("", ""), meshPodDoc("", "", bareContainer+`, {name: p, image: "istio/proxyv2:1.27"}`, ""), istioSidecar},
		"native sidecar":        {namespaceDoc("", ""), meshPodDoc("", "", bareContainer, `, initContainers: [{name: istio-proxy, image: auto, restartPolicy: Always}]`), istioSidecar},
		"proxy alone":           {namespaceDoc("istio-injection: enabled", ""), meshPodDoc("", "", proxy, ""), ""},
		"namespace":             {namespaceDoc("istio-injection: enabled", ""), meshPodDoc("", "", bareContainer, ""), istioSidecar},
		"revision":              {namespaceDoc("istio.io/rev: stable", ""), meshPodDoc("", "", bareContainer, ""), istioSidecar},
		"hidden revision":       {namespaceDoc(`istio.io/rev: stable, istio-injection: ""`, ""), meshPodDoc("", "", bareContainer, ""), ""},
		"pod":                   {namespaceDoc("", ""), meshPodDoc(`sidecar.istio.io/inject: "true"`, "", bareContainer, ""), istioSidecar},
		"pod opts out":          {namespaceDoc("istio-injection: enabled", ""), meshPodDoc(`sidecar.istio.io/inject: "false"`, "", bareContainer, ""), ""},
		"annotation opts out":   {namespaceDoc("istio-injection: enabled", ""), meshPodDoc("", `sidecar.istio.io/inject: "false"`, bareContainer, ""), ""},
		"namespace refuses":     {namespaceDoc("istio-injection: disabled", ""), meshPodDoc(`sidecar.istio.io/inject: "true"`, "", bareContainer, ""), ""},
		"host network":          {namespaceDoc("istio-injection: enabled", ""), meshPodDoc("", "", bareContainer, ", hostNetwork: true"), ""},
		"admitted before":       {namespaceDoc("istio-injection: enabled", ""), meshPodDoc("", "", bareContainer, ", nodeName: a"), ""},
		"ambient":               {namespaceDoc("istio.io/dataplane-mode: ambient", ""), meshPodDoc("", "", bareContainer, ", nodeName: a"), istioAmbient},
		"ambient pod":           {namespaceDoc("", ""), meshPodDoc("istio.io/dataplane-mode: ambient", "", bareContainer, ""), istioAmbient},
		"ambient opts out":      {namespaceDoc("istio.io/dataplane-mode: ambient", ""), meshPodDoc("istio.io/dataplane-mode: none", "", bareContainer, ""), ""},
		"sidecar in ambient":    {namespaceDoc("istio.io/dataplane-mode: ambient", ""), meshPodDoc("", "", sidecar, ""), istioSidecar},
		"linkerd":               {namespaceDoc("", "linkerd.io/inject: enabled"), meshPodDoc("", "", bareContainer, ""), linkerdMesh},
		"linkerd opts out":      {namespaceDoc("", "linkerd.io/inject: enabled"), meshPodDoc("", "linkerd.io/inject: disabled", bareContainer, ""), ""},
		"linkerd was injected":  {namespaceDoc("", ""), meshPodDoc("", "", bareContainer+`, {name: linkerd-proxy, image: proxy}`, ", nodeName: a"), linkerdMesh},
		"linkerd on host":       {namespaceDoc("", "linkerd.io/inject: enabled"), meshPodDoc("", "", bareContainer, ", hostNetwork: true"), ""},
		"linkerd without value": {namespaceDoc("", `linkerd.io/inject: ""`), meshPodDoc("", "", bareContainer, ""), ""},
	} {
		if got := modeOf(t, tt.namespace, tt.pod); got.mesh != tt.want {
			t.Errorf("%s: in mesh %q, want %q", name, got.mesh, tt.want)
		}
	}
}

func TestMeshModeOfIstio(t *testing.T) {
	const older, newer = `, creationTimestamp: "2024-01-01T00:00:00Z"`, `, creationTimestamp: "2025-01-01T00:00:00Z"`
	const own, others = `selector: {matchLabels: {app: api}}`, `selector: {matchLabels: {app: web}}`
	strict, permissive, disable, unset := `mtls: {mode: STRICT}`, `mtls: {mode: PERMISSIVE}`, `mtls: {mode: DISABLE}`, `mtls: {mode: UNSET}`
	for name, tt := range map[string]struct {
		policies []string
		sidecar  mutualTLS
		ambient  mutualTLS
	}{
		"default":                  {nil, tlsPermissive, tlsPermissive},
		"mesh":                     {[]string{peerDoc("a", istioRoot, "", strict)}, tlsStrict, tlsStrict},
		"namespace over mesh":      {[]string{peerDoc("a", istioRoot, "", strict), peerDoc("b", "shop", "", permissive)}, tlsPermissive, tlsPermissive},
		"workload over namespace":  {[]string{peerDoc("a", "shop", "", permissive), peerDoc("b", "shop", "", own+", "+strict)}, tlsStrict, tlsStrict},
		"another workload":         {[]string{peerDoc("a", "shop", "", others+", "+strict)}, tlsPermissive, tlsPermissive},
		"another namespace":        {[]string{peerDoc("a", "edge", "", strict)}, tlsPermissive, tlsPermissive},
		"unset inherits":           {[]string{peerDoc("a", istioRoot, "", strict), peerDoc("b", "shop", "", unset), peerDoc("c", "shop", "", own)}, tlsStrict, tlsStrict},
		"unset for all":            {[]string{peerDoc("a", istioRoot, "", unset)}, tlsPermissive, tlsPermissive},
		"selector in the root":     {[]string{peerDoc("a", istioRoot, "", own+", "+strict)}, tlsPermissive, tlsPermissive},
		"empty selector":           {[]string{peerDoc("a", "shop", "", "selector: {}, "+strict)}, tlsStrict, tlsStrict},
		"disable":                  {[]string{peerDoc("a", "shop", "", disable)}, tlsNone, tlsPermissive},
		"port":                     {[]string{peerDoc("a", "shop", "", own+", "+strict+`, portLevelMtls: {"80": {mode: DISABLE}}`)}, tlsNone, tlsPermissive},
		"port inherits":            {[]string{peerDoc("a", "shop", "", own+", "+strict+`, portLevelMtls: {"80": {mode: UNSET}}`)}, tlsStrict, tlsStrict},
		"stricter port":            {[]string{peerDoc("a", "shop", "", own+", "+permissive+`, portLevelMtls: {"80": {mode: STRICT}}`)}, tlsPermissive, tlsPermissive},
		"port without selector":    {[]string{peerDoc("a", "shop", "", strict+`, portLevelMtls: {"80": {mode: DISABLE}}`)}, tlsStrict, tlsStrict},
		"the older one":            {[]string{peerDoc("a", "shop", newer, permissive), peerDoc("b", "shop", older, strict)}, tlsStrict, tlsStrict},
		"of one age by name":       {[]string{peerDoc("b", "shop", older, permissive), peerDoc("a", "shop", older, strict)}, tlsStrict, tlsStrict},
		"ages are not known":       {[]string{peerDoc("a", "shop", "", permissive), peerDoc("b", "shop", "", strict)}, tlsUnknown, tlsUnknown},
		"and do not matter":        {[]string{peerDoc("a", "shop", "", strict), peerDoc("b", "shop", "", strict)}, tlsStrict, tlsStrict},
		"no matter below workload": {[]string{peerDoc("a", "shop", "", permissive), peerDoc("b", "shop", "", strict), peerDoc("c", "shop", "", own+", "+strict)}, tlsStrict, tlsStrict},
		"no such mode":             {[]string{peerDoc("a", "shop", "", "mtls: {mode: MAYBE}")}, tlsUnknown, tlsUnknown},
		"broken":                   {[]string{peerDoc("a", "shop", "", "mtls: 7")}, tlsUnknown, tlsUnknown},
	} {
		for mesh, want := range map[string]mutualTLS{`sidecar.istio.io/inject: "true"`: tt.sidecar, `istio.io/dataplane-mode: ambient`: tt.ambient} {
			got := modeOf(t, append([]string{meshPodDoc("app: api, "+mesh, "", bareContainer, "")}, tt.policies...)...)
			if got.mode != want {
				t.Errorf("%s, %s: %d (%s), want %d", name, mesh, got.mode, got.why, want)
			}
		}
	}
	for annotation, want := range map[string]mutualTLS{
		`traffic.sidecar.istio.io/excludeInboundPorts: "80"`: tlsPermissive, `traffic.sidecar.istio.io/excludeInboundPorts: ""`: tlsStrict,
		`traffic.sidecar.istio.io/includeInboundPorts: "80"`: tlsPermissive, `traffic.sidecar.istio.io/includeInboundPorts: "*"`: tlsStrict,
	} {
		if got := modeOf(t, meshPodDoc(`sidecar.istio.io/inject: "true"`, annotation, bareContainer, ""), peerDoc("a", "shop", "", strict)); got.mode != want {
			t.Errorf("%s: %d (%s), want %d", annotation, got.mode, got.why, want)
		}
	}
}

func TestMeshModeOfLinkerd(t *testing.T) {
	const key = "config.linkerd.io/default-inbound-policy: "
	server := func(selector string) string {
		return fmt.Sprintf(`{apiVersion: policy.linkerd.io/v1beta3, kind: Server, metadata: {name: s, namespace: shop}, spec: {podSelector: {matchLabels: {%s}}}}`, selector)
	}
	proxy := bareContainer + `, {name: linkerd-proxy, image: proxy, env: [{name: LINKERD2_PROXY_INBOUND_DEFAULT_POLICY, value: cluster-authenticated}]}`
	for name, tt := range map[string]struct {
		docs []string
		want mutualTLS
	}{
		"default":          {[]string{meshPodDoc("", "linkerd.io/inject: enabled", bareContainer, "")}, tlsPermissive},
		"authenticated":    {[]string{meshPodDoc("", "linkerd.io/inject: enabled, "+key+"all-authenticated", bareContainer, "")}, tlsStrict},
		"within":           {[]string{meshPodDoc("", "linkerd.io/inject: enabled, "+key+"cluster-authenticated", bareContainer, "")}, tlsStrict},
		"unauthenticated":  {[]string{meshPodDoc("", "linkerd.io/inject: enabled, "+key+"cluster-unauthenticated", bareContainer, "")}, tlsPermissive},
		"deny":             {[]string{meshPodDoc("", "linkerd.io/inject: enabled, "+key+"deny", bareContainer, "")}, tlsStrict},
		"namespace":        {[]string{namespaceDoc("", "linkerd.io/inject: enabled, "+key+"all-authenticated"), meshPodDoc("", "", bareContainer, "")}, tlsStrict},
		"pod over it":      {[]string{namespaceDoc("", "linkerd.io/inject: enabled, "+key+"all-authenticated"), meshPodDoc("", key+"all-unauthenticated", bareContainer, "")}, tlsPermissive},
		"what runs":        {[]string{meshPodDoc("", key+"all-unauthenticated", proxy, ", nodeName: a")}, tlsStrict},
		"server":           {[]string{meshPodDoc("app: api", "linkerd.io/inject: enabled", bareContainer, ""), server("app: api")}, tlsUnknown},
		"server of others": {[]string{meshPodDoc("app: api", "linkerd.io/inject: enabled", bareContainer, ""), server("app: web")}, tlsPermissive},
		"skipped port":     {[]string{meshPodDoc("", `linkerd.io/inject: enabled, config.linkerd.io/skip-inbound-ports: "80", `+key+"all-authenticated", bareContainer, "")}, tlsPermissive},
	} {
		if got := modeOf(t, tt.docs...); got.mode != tt.want {
			t.Errorf("%s: %d (%s), want %d", name, got.mode, got.why, tt.want)
		}
	}
}

func TestDestinationRuleHosts(t *testing.T) {
	inv := asInventory(t, `{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop}}`)
	svc, _ := inv.Lookup(inventory.Ref{Kind: "Service", Namespace: "shop", Name: "api"})
	for host, want := range map[string]bool{
		"api": true, "web": false, "api.shop.svc.cluster.local": true, "api.shop.svc.corp.example": true, "api.edge.svc.cluster.local": false,
		"*": true, "*.local": true, "*.shop.svc.cluster.local": true, "*.edge.svc.cluster.local": false, "api.shop": false, "": false,
	} {
		if got := hostNames(host, "shop", svc); got != want {
			t.Errorf("%q: %t, want %t", host, got, want)
		}
	}
	if hostNames("api", "edge", svc) {
		t.Error("a short name is one of the rule's namespace")
	}
}

func TestPluginAnswers(t *testing.T) {
	felix := func(spec string) string {
		return `{apiVersion: projectcalico.org/v3, kind: FelixConfiguration, metadata: {name: default}, spec: {` + spec + `}}`
	}
	config := func(name, data string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, namespace: kube-system}, data: {%s}}`, name, data)
	}
	openshift := func(spec string) string {
		return `{apiVersion: operator.openshift.io/v1, kind: Network, metadata: {name: cluster}, spec: {` + spec + `}}`
	}
	ovn := func(spec string) string {
		return openshift(`defaultNetwork: {type: OVNKubernetes, ovnKubernetesConfig: {` + spec + `}}`)
	}
	for name, tt := range map[string]struct {
		doc         string
		wire, flows Answer
	}{
		"cilium wireguard":   {config("cilium-config", `enable-wireguard: "true", enable-hubble: "true"`), Yes, Yes},
		"cilium ipsec":       {config("cilium-config", `enable-ipsec: "True"`), Yes, Unknown},
		"calico 6":           {felix("wireguardEnabledV6: true, flowLogsFileEnabled: true"), Yes, Yes},
		"calico":             {felix(`flowLogsGoldmaneServer: "goldmane.calico-system.svc:7443"`), No, Yes},
		"calico broken":      {felix("wireguardEnabled: perhaps"), Unknown, Unknown},
		"antrea":             {config("antrea-config-c2m4h", `antrea-agent.conf: "trafficEncryptionMode: ipSec\nfeatureGates: {FlowExporter: true}"`), Yes, Yes},
		"antrea defaults":    {config("antrea-config", `antrea-agent.conf: "featureGates:\n#  FlowExporter: true\n#trafficEncryptionMode: ipSec"`), No, No},
		"antrea broken":      {config("antrea-config", `antrea-agent.conf: "{"`), Unknown, Unknown},
		"antrea new mode":    {config("antrea-config", `antrea-agent.conf: "trafficEncryptionMode: quic"`), Unknown, No},
		"openshift none":     {ovn(""), No, No},
		"openshift external": {ovn("ipsecConfig: {mode: External}"), No, No},
		"openshift full":     {ovn("ipsecConfig: {mode: Full}"), Yes, No},
		"openshift empty":    {ovn("ipsecConfig: {}"), Unknown, No},
		"openshift exports":  {openshift(`defaultNetwork: {type: OVNKubernetes}, exportNetworkFlows: {ipfix: {collectors: ["192.0.2.1:4739"]}}`), No, Yes},
		"openshift other":    {openshift(`defaultNetwork: {type: Other}`), Unknown, Unknown},
		"nothing":            {config("other", ""), Unknown, Unknown},
	} {
		inv := asInventory(t, tt.doc)
		wire := ask(inv, "", func(c pluginConfig) func(*inventory.Inventory) (pluginAnswer, bool) { return c.wire })
		flows := ask(inv, "", func(c pluginConfig) func(*inventory.Inventory) (pluginAnswer, bool) { return c.flows })
		if wire.is != tt.wire || flows.is != tt.flows {
			t.Errorf("%s: wire %s (%s), flows %s (%s); want %s, %s", name, wire.is, wire.why, flows.is, flows.why, tt.wire, tt.flows)
		}
	}
}
