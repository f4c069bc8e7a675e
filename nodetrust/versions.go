package nodetrust

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

func versionChecks() []nist190.Check {
	return []nist190.Check{
		asking(versionSkew, checkSkew), asking(versionSupport, checkVersionSupport), asking(runtimeSupport, checkRuntimeSupport),
	}
}

var versionSkew = nist190.Metadata{
	ID: "nodetrust-version-skew", Title: "Components whose versions are too far apart",
	Doc: `A kubelet or another component is newer than the API server, or older than Kubernetes supports. Between such versions nobody
tests what a component does not understand, fields that restrict pods among it.

A kubelet and kube-proxy may be three minors behind the API server, two where they are older than 1.25; controller manager and
scheduler one; replicas of the API server one apart (https://kubernetes.io/releases/version-skew-policy).

Before:

    kubeletVersion: v1.32.1 # the API server is 1.37

After:

    kubeletVersion: v1.35.4`,
	Claims: nist190.Claims("5h"), Controls: []string{"CM-6", "SA-22"}, Severity: nist190.SeverityMedium,
	Remediation: "Upgrade the API servers first, then controller manager and scheduler, then the nodes.",
	Needs:       []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Alternative)},
}

func checkSkew(e *nist190.Eval, v *controlplane.View) {
	api := v.Version()
	if !api.OK() {
		e.Report(judge.NotAssessed(inventory.Cluster, "versions", api.Basis))
		return
	}
	if clusters := controlPlanesOf(v); len(clusters) > 1 {
		e.NotAssessed(inventory.Cluster, nist190.ReasonUnknown, "the components of several clusters are described: "+phrase.Shorten(clusters))
		return
	}
	report := func(key, what string, all []versioned, wrong func(inventory.Version) string) {
		if len(all) == 0 {
			return
		}
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: key}
		var names []string
		why := ""
		for _, x := range all {
			text := wrong(x.Version)
			if text != "" {
				names = append(names, fmt.Sprintf("%s (%s)", x.Name, x.Version))
				why = text
			}
			if len(out.Evidence) < mostPlaces && (text != "" || len(names) == 0) && x.at.Object != nil {
				if text != "" && out.Status == nist190.Pass {
					out.Evidence = nil
				}
				out.Evidence = append(out.Evidence, nist190.At(x.at.Object, x.at.Path...))
			}
			if text != "" {
				out.Status = nist190.Fail
			}
		}
		if out.Status == nist190.Fail {
			out.Message = fmt.Sprintf("%s %s: %s", what, why, phrase.Shorten(names))
		}
		e.Report(out)
	}
	kubelets := kubeletsOf(e.Inventory, v)
	if len(kubelets) == 0 {
		notSeen(e, "no version of a kubelet was seen", "nodes", "the versions of machines")
	}
	report("kubelets", "kubelets", kubelets, func(k inventory.Version) string { return behind(k, api.Value, 3) })
	for _, c := range [...]struct {
		process.Component
		most int
	}{{process.KubeProxy, 3}, {process.KubeControllerManager, 1}, {process.KubeScheduler, 1}} {
		report(string(c.Component), string(c.Component), versionsOf(v, c.Component), func(x inventory.Version) string { return behind(x, api.Value, c.most) })
	}
	replicas := versionsOf(v, process.KubeAPIServer)
	newest := api.Value
	for _, r := range replicas {
		if r.Version.Minor > newest.Minor {
			newest = r.Version
		}
	}
	report("kube-apiserver", "replicas of the API server", replicas, func(x inventory.Version) string {
		return said(newest.Minor-x.Minor > 1, "are more than one minor behind "+newest.String())
	})
}

// controlPlanesOf are the control planes that Cluster API is asked for, each of a cluster of its own.
func controlPlanesOf(v *controlplane.View) []string {
	found := map[string]bool{}
	for _, a := range v.Releases(process.KubeAPIServer) {
		if name, ok := strings.CutPrefix(a.Replica, "KubeadmControlPlane "); ok {
			name, _, _ = strings.Cut(name, " ")
			found[name] = true
		}
	}
	return sortedNames(found)
}

// versioned is a replica or node with the version that it runs.
type versioned struct {
	Name string
	inventory.Version
	at process.Place
}

const mostPlaces = 5

func behind(x, api inventory.Version, most int) string {
	if x.Minor < 25 && most == 3 {
		most = 2
	}
	switch {
	case x.Minor > api.Minor:
		return fmt.Sprintf("are newer than the API server (%s)", api)
	case api.Minor-x.Minor > most:
		return fmt.Sprintf("are more than %s behind the API server (%s)", phrase.Count(most, "minor"), api)
	}
	return ""
}

// kubeletsOf are those of the nodes that say their version, else those of descriptions.
func kubeletsOf(inv *inventory.Inventory, v *controlplane.View) []versioned {
	var out []versioned
	for o, n := range inventory.Typed[corev1.Node](inv) {
		if at, err := inventory.ParseVersion(n.Status.NodeInfo.KubeletVersion); err == nil {
			out = append(out, versioned{o.Name(), at, process.At(o, "status", "nodeInfo", "kubeletVersion")})
		}
	}
	if len(out) == 0 {
		return versionsOf(v, process.Kubelet)
	}
	return out
}

func versionsOf(v *controlplane.View, c process.Component) []versioned {
	var out []versioned
	for _, a := range v.Releases(c) {
		if at, err := inventory.ParseVersion(a.Value); err == nil {
			out = append(out, versioned{nameOf(a.Basis), at, a.Places[0]})
		}
	}
	return out
}

// nameOf is the replica, or the description that speaks for all.
func nameOf(b controlplane.Basis) string {
	if b.Replica == "" {
		return b.Source
	}
	return b.Replica
}

var versionSupport = nist190.Metadata{
	ID: "nodetrust-version-support", Title: "Version of Kubernetes without security fixes",
	Doc: `The API server or a kubelet is of a minor that nobody fixes any more. What is found in it from then on stays open.

The end is that of the Kubernetes project; for Amazon EKS that of extended support, and for Google GKE that of standard
support. A version that is newer than the table is not assessed, and so is one of a vendor of whom the table does not know
the end, once the project's has come. SupportTable attaches another table.

Before:

    kubernetesVersion: v1.28.15

After:

    kubernetesVersion: v1.37.2`,
	Claims: nist190.Claims("5h"), Controls: []string{"SA-22", "SI-2"}, Severity: nist190.SeverityHigh,
	Remediation: "Upgrade to a minor that is supported, one at a time.",
	Needs:       []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Alternative)},
	Limits:      "Whether the newest patch of a supported minor runs is not judged here; nodetrust-advisories does where advisories are given.",
}

func checkVersionSupport(e *nist190.Eval, v *controlplane.View) {
	table, now := supportOf(e.Inventory), inventory.Now(e.Inventory)
	managed, _ := v.Managed()
	api := v.Version()
	if api.OK() {
		status, why := table.of("kubernetes", string(managed.Vendor), api.Value.String(), now)
		out := supportOutcome("kube-apiserver", fmt.Sprintf("Kubernetes %s: %s", api.Value, why), status)
		judge.Rest(&out, api.Basis)
		e.Report(out)
	} else {
		e.Report(judge.NotAssessed(inventory.Cluster, "kube-apiserver", api.Basis))
	}
	reportSupport(e, "kubelets", "kubelets", nodesBy(e.Inventory, func(n *corev1.Node) (string, string, []any) {
		at, err := inventory.ParseVersion(n.Status.NodeInfo.KubeletVersion)
		if err != nil {
			return "", "", nil
		}
		return at.String(), vendorOf(n.Status.NodeInfo.KubeletVersion, string(managed.Vendor)), []any{"status", "nodeInfo", "kubeletVersion"}
	}), func(c nodeClass) (verdict, string) { return table.of("kubernetes", c.also, c.version, now) })
}

// vendorOf tells who builds a kubelet by what is appended to its version.
func vendorOf(version, cluster string) string {
	_, build, built := strings.Cut(version, "+")
	switch {
	case strings.Contains(version, "-eks-"):
		return "Amazon EKS"
	case strings.Contains(version, "-gke."):
		return "Google GKE"
	case cluster != "":
		return cluster
	case built && !strings.HasPrefix(build, "k3s") && !strings.HasPrefix(build, "rke2"):
		return "the vendor of +" + strings.SplitN(build, ".", 2)[0] // such as OpenShift, which supports for longer
	}
	return ""
}

// nodeClass is what nodes with one version have in common; also is what else its support depends on.
type nodeClass struct {
	version, also string
	nodes         []string
	at            nist190.Evidence
}

// nodesBy groups nodes by a version, which is empty where a node says none.
func nodesBy(inv *inventory.Inventory, of func(*corev1.Node) (version, also string, path []any)) []nodeClass {
	at := map[[2]string]int{}
	var out []nodeClass
	for o, n := range inventory.Typed[corev1.Node](inv) {
		version, also, path := of(n)
		if version == "" {
			continue
		}
		k := [2]string{version, also}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nodeClass{version: version, also: also, at: nist190.At(o, path...).Showing(version)})
		}
		out[i].nodes = append(out[i].nodes, o.Name())
	}
	slices.SortFunc(out, func(a, b nodeClass) int { return strings.Compare(a.version+a.also, b.version+b.also) })
	return out
}

// reportSupport reports all nodes as one: the worst of them decides.
func reportSupport(e *nist190.Eval, key, what string, classes []nodeClass, judge func(nodeClass) (verdict, string)) {
	if len(classes) == 0 {
		return
	}
	worst := supported
	var texts []string
	var evidence []nist190.Evidence
	for _, c := range classes {
		v, why := judge(c)
		switch {
		case v == worst && v == supported:
		case v == unsupported && worst != unsupported, v == supportUnknown && worst == supported:
			worst, texts, evidence = v, nil, nil
		case v != worst:
			continue
		}
		texts = append(texts, fmt.Sprintf("%s on %s (%s), %s", c.version, phrase.Count(len(c.nodes), "node"), phrase.Shorten(c.nodes), why))
		if len(evidence) < mostPlaces {
			evidence = append(evidence, c.at)
		}
	}
	out := supportOutcome(key, what+" "+strings.Join(texts, "; "), worst)
	out.Evidence = evidence
	e.Report(out)
}

func supportOutcome(key, message string, v verdict) nist190.Outcome {
	out := nist190.Outcome{Subject: inventory.Cluster, Key: key, Message: message}
	switch v {
	case supported:
		out.Status = nist190.Pass
	case unsupported:
		out.Status = nist190.Fail
	default:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
	}
	return out
}

var runtimeSupport = nist190.Metadata{
	ID: "nodetrust-runtime-support", Title: "Container runtime without security fixes",
	Doc: `Nodes run a minor of containerd that nobody fixes any more, a minor of CRI-O that is not that of their kubelet or newer, or
Docker through the shim that Kubernetes removed in 1.24. A flaw of the runtime is a way out of every container of the node.

Nodes of a managed cluster run what their vendor patches, and are not judged.

Before:

    containerRuntimeVersion: containerd://1.6.39

After:

    containerRuntimeVersion: containerd://2.3.1`,
	Claims: nist190.Claims("5c", "5h"), Controls: []string{"SA-22", "SI-2"}, Severity: nist190.SeverityMedium,
	Remediation: "Upgrade the runtime with the image of the nodes.",
	Needs:       []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Incriminating)},
	Limits:      "Distributions backport fixes to minors that the project has left, which the version does not tell. Docker Engine by cri-dockerd is not in the table.",
}

func checkRuntimeSupport(e *nist190.Eval, v *controlplane.View) {
	if m, ok := v.Managed(); ok {
		e.NotApplicable(inventory.Cluster, "the runtime of nodes is part of what "+string(m.Vendor)+" patches")
		return
	}
	table, now := supportOf(e.Inventory), inventory.Now(e.Inventory)
	reportSupport(e, "runtimes", "nodes run", nodesBy(e.Inventory, func(n *corev1.Node) (string, string, []any) {
		return n.Status.NodeInfo.ContainerRuntimeVersion, n.Status.NodeInfo.KubeletVersion, []any{"status", "nodeInfo", "containerRuntimeVersion"}
	}), func(c nodeClass) (verdict, string) {
		name, version, _ := strings.Cut(c.version, "://")
		minor := minorOf(version)
		kubelet, err := inventory.ParseVersion(c.also) // the version of the kubelet
		switch {
		case minor == "":
			return supportUnknown, "its version cannot be read"
		case name == "containerd":
			return table.of("containerd", "", minor, now)
		case name == "cri-o" && err == nil:
			if minorLess(minor, kubelet.String()) {
				return unsupported, fmt.Sprintf("older than the kubelet (%s), which CRI-O follows", kubelet)
			}
			return table.of("kubernetes", "", minor, now)
		case name == "docker" && err == nil && !kubelet.AtLeast(1, 24):
			return unsupported, "by the shim that Kubernetes 1.24 removed"
		}
		return supportUnknown, "the table does not have " + name
	})
}

// minorOf is "2.2" of "2.2.0-rc.1"; empty where there is none.
func minorOf(version string) string {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n != 2 {
		return ""
	}
	return fmt.Sprintf("%d.%d", major, minor)
}
