// Package kubeadm tells which processes kubeadm starts for its configuration: what it passes to each component by itself,
// and what extraArgs change. It follows cmd/kubeadm/app/phases, whose commands are the same from 1.30 to 1.37 but for the
// order of arguments and the checks of etcd for corruption.
package kubeadm

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Input is what kubeadm is given for one kind of node. Pointers may be nil.
type Input struct {
	Cluster *config.ClusterConfiguration
	Init    *config.InitConfiguration
	Join    *config.JoinConfiguration
	// Kubelet is the KubeletConfiguration that stands beside them; without one kubeadm writes its own.
	Kubelet *process.File

	ClusterAt, InitAt, JoinAt process.Place

	// Files are others that are written to the node.
	Files []process.File
	// Name of the node, where it is known better than by nodeRegistration.
	Name     string
	Source   string
	Rank     process.Rank
	Strength inventory.Strength
	// Version of Kubernetes, where it is not that of the ClusterConfiguration.
	Version string
}

// ControlPlane are the processes of a control-plane node.
func ControlPlane(in Input) []process.Process {
	if in.Cluster == nil {
		return nil
	}
	c := in.Cluster
	var endpoint config.APIEndpoint
	if in.Init != nil {
		endpoint = in.Init.LocalAPIEndpoint
	} else if in.Join != nil && in.Join.ControlPlane != nil {
		endpoint = in.Join.ControlPlane.LocalAPIEndpoint
	}
	d := withDefaults(c, endpoint)
	old := strings.HasSuffix(c.APIVersion, "/v1beta3")
	at := in.ClusterAt
	args := func(list []config.Arg, path ...any) []argument {
		return overrides(list, at.Field(append(path, "extraArgs")...), old)
	}
	api, manager, scheduler := args(c.APIServer.ExtraArgs, "apiServer"), args(c.ControllerManager.ExtraArgs, "controllerManager"), args(c.Scheduler.ExtraArgs, "scheduler")
	var member []argument
	if c.Etcd.Local != nil {
		member = args(c.Etcd.Local.ExtraArgs, "etcd", "local")
	}
	out := []process.Process{
		in.process(process.KubeAPIServer, d.apiServer(api, member), api, c.APIServer.ControlPlaneComponent),
		in.process(process.KubeControllerManager, d.controllerManager(), manager, c.ControllerManager),
		in.process(process.KubeScheduler, d.fill(schedulerTable), scheduler, c.Scheduler),
	}
	if c.Etcd.External == nil {
		local := config.ControlPlaneComponent{}
		if c.Etcd.Local != nil {
			local.ExtraEnvs = c.Etcd.Local.ExtraEnvs
		}
		p := in.process(process.Etcd, d.etcd(in.node()), member, local)
		p.Version = ""
		if c.Etcd.Local != nil {
			p.Version = c.Etcd.Local.ImageTag
		}
		out = append(out, p)
	}
	return out
}

func (in *Input) process(c process.Component, base, over []argument, of config.ControlPlaneComponent) process.Process {
	v, err := inventory.ParseVersion(in.version())
	p := process.Process{
		Component: c, Name: in.node(), Version: in.version(), Complete: true, Files: in.Files, Container: true,
		Rank: in.Rank, Strength: in.Strength, Source: in.Source, Place: in.ClusterAt,
	}
	p.Flags = join(base, over, v, err == nil, in.ClusterAt)
	for _, m := range of.ExtraVolumes {
		p.Mounts = append(p.Mounts, process.Mount{Path: m.MountPath, Host: m.HostPath})
	}
	for i, e := range of.ExtraEnvs {
		path := []any{"etcd", "local"}
		if c != process.Etcd {
			path = []any{field[c]}
		}
		v := process.Variable{Name: e.Name, Value: e.Value, Place: in.ClusterAt.Field(append(path, "extraEnvs", i)...)}
		if e.ValueFrom != nil {
			v.Doubt = "its value comes from elsewhere"
		}
		p.Environment = append(p.Environment, v)
	}
	if dir := in.patches(); dir != "" {
		p.Complete, p.Incomplete = false, "kubeadm patches the pod with files of "+dir
		for i := range p.Flags {
			p.Flags[i].Doubt = p.Incomplete
		}
	}
	return p
}

var field = map[process.Component]string{
	process.KubeAPIServer: "apiServer", process.KubeControllerManager: "controllerManager", process.KubeScheduler: "scheduler",
}

func (in *Input) patches() string {
	switch {
	case in.Init != nil && in.Init.Patches != nil:
		return in.Init.Patches.Directory
	case in.Join != nil && in.Join.Patches != nil:
		return in.Join.Patches.Directory
	}
	return ""
}

func (in *Input) node() string {
	switch {
	case in.Name != "":
		return in.Name
	case in.Init != nil:
		return in.Init.NodeRegistration.Name
	case in.Join != nil:
		return in.Join.NodeRegistration.Name
	}
	return ""
}

// version reads the labels of releases, such as "stable-1.33", too.
func (in *Input) version() string {
	if in.Version != "" || in.Cluster == nil {
		return in.Version
	}
	v := in.Cluster.KubernetesVersion
	if i := strings.LastIndexByte(v, '/'); i >= 0 {
		v = v[i+1:]
	}
	for _, label := range [...]string{"stable-", "latest-"} {
		v = strings.TrimPrefix(v, label)
	}
	if strings.Count(v, ".") == 0 {
		return "" // stable-1, latest
	}
	return v
}

// Kubelet is the kubelet of the node: the service of kubeadm's packages passes the kubeconfigs and the file, kubeadm
// writes that file and the flags beside it (cmd/kubeadm/app/phases/kubelet, componentconfigs/kubelet.go).
func Kubelet(in Input) process.Process {
	p := process.Process{
		Component: process.Kubelet, Name: in.node(), Version: in.version(), Complete: true,
		Rank: in.Rank, Strength: in.Strength, Source: in.Source, Place: in.ClusterAt,
	}
	var registration config.NodeRegistrationOptions
	var at process.Place
	version := ""
	switch {
	case in.Init != nil:
		registration, at, version = in.Init.NodeRegistration, in.InitAt, in.Init.APIVersion
	case in.Join != nil:
		registration, at, version = in.Join.NodeRegistration, in.JoinAt, in.Join.APIVersion
	}
	if !at.IsZero() {
		p.Place = at
	}
	base := []argument{
		{name: "bootstrap-kubeconfig", value: "/etc/kubernetes/bootstrap-kubelet.conf"},
		{name: "kubeconfig", value: "/etc/kubernetes/kubelet.conf"},
		{name: "config", value: configFile},
	}
	switch {
	case len(registration.Taints) > 0:
		base = append(base, argument{name: "register-with-taints", value: taints(registration.Taints), at: at.Field("nodeRegistration", "taints")})
	case registration.Taints == nil && (in.Init != nil || in.Join != nil && in.Join.ControlPlane != nil):
		base = append(base, argument{name: "register-with-taints", value: "node-role.kubernetes.io/control-plane=:NoSchedule"})
	}
	p.Flags = join(base, overrides(registration.KubeletExtraArgs, at.Field("nodeRegistration", "kubeletExtraArgs"), strings.HasSuffix(version, "/v1beta3")),
		inventory.Newest, true, p.Place)
	for i, b := range base[3:] {
		if f := &p.Flags[len(base)-1-i]; f.Default && !b.at.IsZero() {
			f.Default, f.Place = false, b.at
		}
	}
	file := process.File{Path: configFile, Place: p.Place, Text: []byte(emptyKubelet)}
	if in.Kubelet != nil {
		file = *in.Kubelet
		file.Path = configFile
	}
	if in.Kubelet != nil || in.Cluster != nil || in.Init != nil {
		file.Defaults, file.Forced = kubeletDefaults(in.Cluster)
	} else {
		file.Text, file.Missing = nil, "a joining node gets it from the ConfigMap kube-system/kubelet-config, which is not given"
	}
	p.Files = append([]process.File{file}, in.Files...)
	if dir := in.patches(); dir != "" {
		p.Files[0].Missing = "kubeadm patches it with files of " + dir
	}
	return p
}

const (
	configFile   = "/var/lib/kubelet/config.yaml"
	emptyKubelet = `{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"KubeletConfiguration"}`
)

func taints(list []corev1.Taint) string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.ToString()
	}
	return strings.Join(out, ",")
}

// kubeletDefaults is what kubeletConfig.Default writes into the file.
func kubeletDefaults(c *config.ClusterConfiguration) (defaults, forced []byte) {
	if c == nil {
		c = &config.ClusterConfiguration{}
	}
	d := withDefaults(c, config.APIEndpoint{})
	type m = map[string]any
	defaults, _ = json.Marshal(m{ // a map of strings and numbers has no error
		"staticPodPath":      "/etc/kubernetes/manifests",
		"clusterDomain":      d.domain,
		"authentication":     m{"x509": m{"clientCAFile": d.cert("ca.crt")}, "anonymous": m{"enabled": false}, "webhook": m{"enabled": true}},
		"authorization":      m{"mode": "Webhook"},
		"healthzBindAddress": "127.0.0.1",
		"healthzPort":        10248,
		"cgroupDriver":       "systemd",
	})
	return defaults, []byte(`{"rotateCertificates":true}`)
}
