package nodetrust

import (
	"path"
	"strings"

	"github.com/nist190/nist190"
)

// hostPath is the place of the node that a mount shows: the volume's path, then the mount's subPath below it, as the
// node resolves them. /var/run is a link to /run on every distribution that Kubernetes supports. A mount of /var does not
// bring /run with it: a link within a mount is resolved in the container, where it leads elsewhere. What a subPathExpr
// expands to is not known, so that the mount may show anything below its fixed beginning. A subPath cannot step out of
// its volume (pkg/apis/core/validation refuses "..").
func hostPath(volume, subPath string) string {
	if fixed, _, expanded := strings.Cut(subPath, "$("); expanded {
		subPath = fixed[:strings.LastIndexByte(fixed, '/')+1]
	}
	p := path.Join("/", volume, path.Clean("/"+subPath))
	if p == "/var/run" || strings.HasPrefix(p, "/var/run/") {
		p = strings.TrimPrefix(p, "/var")
	}
	return p
}

// within reports whether p is dir or below it.
func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// trusted is a place that the authority of the node or the control plane rests on.
type trusted struct {
	path         string // as hostPath writes it
	what         string
	severity     nist190.Severity
	socket       bool // connecting is enough: read-only does not protect it
	controlPlane bool // the control plane's own pods mount it
	plugin       bool // what the kubelet gives to device plugins and CSI drivers
}

const (
	kubeletRoot = "/var/lib/kubelet"
	kubeletPods = "/var/lib/kubelet/pods"
	high        = nist190.SeverityHigh
)

// nodePaths are the places by default: of the runtimes' documentation, kubeadm, k3s and RKE2, and k0s.
var nodePaths = []trusted{
	{path: "/run/docker.sock", what: "the Docker socket", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/containerd/containerd.sock", what: "the containerd socket", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/crio/crio.sock", what: "the CRI-O socket", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/cri-dockerd.sock", what: "the cri-dockerd socket", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/docker/containerd/containerd.sock", what: "the socket of Docker's containerd", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/k3s/containerd/containerd.sock", what: "the containerd socket of k3s", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/k0s/containerd.sock", what: "the containerd socket of k0s", severity: nist190.SeverityCritical, socket: true},
	{path: "/run/podman/podman.sock", what: "the Podman socket", severity: nist190.SeverityCritical, socket: true},
	{path: "/etc/kubernetes", what: "credentials and static pods of the control plane", severity: high, controlPlane: true},
	{path: "/etc/rancher", what: "the administrator's credentials of k3s or RKE2", severity: high, controlPlane: true},
	{path: "/var/lib/etcd", what: "the data of etcd", severity: high, controlPlane: true},
	{path: kubeletRoot, what: "the kubelet's credentials and the volumes of every pod on the node", severity: high},
	{path: "/var/lib/rancher", what: "credentials and data of k3s or RKE2", severity: high, controlPlane: true},
	{path: "/var/lib/k0s", what: "credentials and data of k0s", severity: high, controlPlane: true},
}

// pluginPaths are parts of the kubelet's directory that it gives to plugins and that hold no credentials.
var pluginPaths = []string{
	"/var/lib/kubelet/device-plugins", "/var/lib/kubelet/plugins", "/var/lib/kubelet/plugins_registry", "/var/lib/kubelet/pod-resources",
}

// exposes lists the places of which a mount of p shows the whole or a part. Certificates are public.
func exposes(p string) []trusted {
	var out []trusted
	for _, t := range nodePaths {
		switch {
		case within(t.path, p):
			out = append(out, t)
		case t.socket || !within(p, t.path) || strings.HasSuffix(p, ".crt") || strings.HasSuffix(p, ".pub"):
		default:
			t.what = "part of " + t.what
			for _, dir := range pluginPaths {
				if within(p, dir) {
					t.what, t.plugin, t.severity = "what the kubelet gives to plugins", true, nist190.SeverityMedium
				}
			}
			out = append(out, t)
		}
	}
	return out
}
