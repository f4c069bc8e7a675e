package distro

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/kubeadm"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

const (
	controlPlaneGroup = "controlplane.cluster.x-k8s.io"
	bootstrapGroup    = "bootstrap.cluster.x-k8s.io"
	clusterGroup      = "cluster.x-k8s.io"
)

func clusterAPINeeds() []inventory.Need {
	need := func(group, kind, resource string) inventory.Need {
		return inventory.Need{Group: group, Kind: kind, Resource: resource, Bias: inventory.Alternative}
	}
	return []inventory.Need{
		need(controlPlaneGroup, "KubeadmControlPlane", "kubeadmcontrolplanes"),
		need(controlPlaneGroup, "KubeadmControlPlaneTemplate", "kubeadmcontrolplanetemplates"),
		need(controlPlaneGroup, "RKE2ControlPlane", "rke2controlplanes"),
		need(bootstrapGroup, "KubeadmConfig", "kubeadmconfigs"),
		need(bootstrapGroup, "KubeadmConfigTemplate", "kubeadmconfigtemplates"),
		need(clusterGroup, "Cluster", "clusters"),
		need(clusterGroup, "MachineDeployment", "machinedeployments"),
		need(clusterGroup, "MachinePool", "machinepools"),
	}
}

// clusterAPI reads what Cluster API gives kubeadm on the machines that it makes. The configuration stands in its objects as
// kubeadm reads it: with arguments as mappings up to v1beta1, as lists from v1beta2 on.
func clusterAPI(inv *inventory.Inventory) process.Found {
	f := &capi{inv: inv}
	kind := func(group, kind string) []*inventory.Object {
		var out []*inventory.Object
		for o := range inv.ByKind(schema.GroupKind{Group: group, Kind: kind}) {
			out = append(out, o)
		}
		return out
	}
	planes := kind(controlPlaneGroup, "KubeadmControlPlane")
	clusters := kind(clusterGroup, "Cluster")
	for _, o := range planes {
		f.planes = append(f.planes, plane{object: o, cluster: clusterOf(o, clusters)})
		f.controlPlane(o, len(planes) > 1, str(mapping(o.Unstructured().Object, "spec"), "version"), "spec",
			"kubeadmConfigSpec")
	}
	for _, o := range kind(controlPlaneGroup, "KubeadmControlPlaneTemplate") {
		f.controlPlane(o, true, "", "spec", "template", "spec", "kubeadmConfigSpec")
	}
	for _, o := range kind(controlPlaneGroup, "RKE2ControlPlane") {
		f.rke2(o)
	}
	used := map[*inventory.Object]bool{}
	for _, k := range [...]string{"MachineDeployment", "MachinePool"} {
		for _, o := range kind(clusterGroup, k) {
			f.machines(o, used)
		}
	}
	for _, o := range kind(bootstrapGroup, "KubeadmConfigTemplate") {
		if !used[o] {
			f.worker(o, o.Ref().Kind+" "+o.Name(), "", o.Labels()[clusterLabel], "spec", "template", "spec")
		}
	}
	for _, o := range kind(bootstrapGroup, "KubeadmConfig") {
		// Those that Cluster API made for a machine have an owner, whose own object speaks for them.
		if len(o.Owners()) == 0 && !used[o] {
			f.worker(o, o.Ref().Kind+" "+o.Name(), "", o.Labels()[clusterLabel], "spec")
		}
	}
	return f.out
}

type capi struct {
	inv *inventory.Inventory
	out process.Found
	bad bool // a part of the configuration at hand cannot be read
	// commands of the configuration at hand, which run before and after kubeadm
	commands []string

	planes []plane
}

// changed reports whether a command names the files of a component.
func (f *capi) changed(c process.Component) bool {
	of := []string{"/etc/kubernetes/manifests", string(c)}
	if c == process.Kubelet {
		of = []string{"/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet",
			"kubelet.service"}
	}
	for _, command := range f.commands {
		for _, name := range of {
			if strings.Contains(command, name) {
				return true
			}
		}
	}
	return false
}

// doubt takes back everything that is said of a process.
func doubt(p *process.Process, why string) {
	p.Complete, p.Incomplete = false, why
	for i := range p.Flags {
		if p.Flags[i].Doubt == "" {
			p.Flags[i].Doubt = why
		}
	}
	for i := range p.Files {
		p.Files[i].Text, p.Files[i].Missing = nil, why
	}
}

// plane is a control plane that kubeadm makes, and the name of its cluster, where an object tells.
type plane struct {
	object  *inventory.Object
	cluster string
	input   kubeadm.Input
}

const clusterLabel = "cluster.x-k8s.io/cluster-name"

func clusterOf(controlPlane *inventory.Object, clusters []*inventory.Object) string {
	for _, c := range clusters {
		ref := mapping(c.Unstructured().Object, "spec", "controlPlaneRef")
		if c.Namespace() == controlPlane.Namespace() && str(ref, "kind") == controlPlane.Ref().Kind &&
			str(ref, "name") == controlPlane.Name() {
			return c.Name()
		}
	}
	return controlPlane.Labels()[clusterLabel]
}

// planeOf is the control plane that the machines of a cluster join; with a single one, that.
func (f *capi) planeOf(namespace, cluster string) *plane {
	for i := range f.planes {
		p := &f.planes[i]
		switch {
		case p.object.Namespace() != namespace:
		case len(f.planes) == 1 && (cluster == "" || p.cluster == ""), cluster != "" && p.cluster == cluster:
			return p
		}
	}
	return nil
}

const unreadable = "a part of its configuration cannot be read"

// add takes the processes of a configuration.
func (f *capi) add(processes ...process.Process) {
	for _, p := range processes {
		switch {
		case f.bad: // what cannot be read may say otherwise
			doubt(&p, unreadable)
		case f.changed(p.Component):
			doubt(&p, "commands that run beside kubeadm change its files")
		}
		f.out.Processes = append(f.out.Processes, p)
	}
}

// input reads a KubeadmConfigSpec.
func (f *capi) input(o *inventory.Object, path ...string) kubeadm.Input {
	spec := mapping(o.Unstructured().Object, path...)
	at := process.At(o, anyPath(path)...)
	in := kubeadm.Input{Source: o.Ref().Kind}
	f.bad, f.commands = false, nil
	for _, key := range [...]string{"preKubeadmCommands", "postKubeadmCommands", "bootCommands"} {
		l, _ := spec[key].([]any)
		for _, c := range l {
			s, _ := c.(string)
			f.commands = append(f.commands, s)
		}
	}
	if c, ok := f.decode(o, spec, "ClusterConfiguration", at).(*config.ClusterConfiguration); ok {
		in.Cluster, in.ClusterAt = c, at.Field("clusterConfiguration")
	}
	if c, ok := f.decode(o, spec, "InitConfiguration", at).(*config.InitConfiguration); ok {
		in.Init, in.InitAt = c, at.Field("initConfiguration")
	}
	if c, ok := f.decode(o, spec, "JoinConfiguration", at).(*config.JoinConfiguration); ok {
		in.Join, in.JoinAt = c, at.Field("joinConfiguration")
	}
	files, _ := spec["files"].([]any)
	for i, e := range files {
		m, _ := e.(map[string]any)
		in.Files = append(in.Files, nodeFileOf(m, at.Field("files", i)))
	}
	return in
}

// decode reads a field as the kubeadm document that it becomes. Fields that only Cluster API has are not looked at here.
func (f *capi) decode(o *inventory.Object, spec map[string]any, kind string, at process.Place) config.Document {
	field := strings.ToLower(kind[:1]) + kind[1:]
	m, ok := spec[field].(map[string]any)
	if !ok {
		return nil
	}
	version := "v1beta4"
	switch o.Ref().Version {
	case "v1alpha3", "v1alpha4", "v1beta1":
		version = "v1beta3"
	}
	doc := map[string]any{}
	for k, v := range m {
		doc[k] = v
	}
	doc["apiVersion"], doc["kind"] = "kubeadm.k8s.io/"+version, kind
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil
	}
	d, _, err := config.Decode(raw)
	if err == nil {
		return d
	}
	f.bad = true
	faults := config.Faults(err)
	for _, fault := range faults {
		f.out.Problems = append(f.out.Problems, problem(at.Field(append([]any{field}, fault.Path...)...), fault.Msg))
	}
	if len(faults) == 0 {
		f.out.Problems = append(f.out.Problems, problem(at.Field(field), "it cannot be read"))
	}
	return nil
}

func anyPath(path []string) []any {
	out := make([]any, len(path))
	for i, p := range path {
		out[i] = p
	}
	return out
}

// controlPlane reads the machines of a control plane, which speaks for every replica where it is the only one.
func (f *capi) controlPlane(o *inventory.Object, named bool, version string, path ...string) {
	in := f.input(o, path...)
	in.Version = version
	if named {
		in.Name = o.Ref().Kind + " " + o.Name()
	}
	if in.Cluster == nil { // kubeadm takes the defaults
		in.Cluster, in.ClusterAt = &config.ClusterConfiguration{}, process.At(o, anyPath(path)...)
	}
	if in.Init == nil {
		in.Init, in.InitAt = &config.InitConfiguration{}, process.At(o, anyPath(path)...)
	}
	if n := len(f.planes); n > 0 && f.planes[n-1].object == o && !f.bad {
		f.planes[n-1].input = in
	}
	f.add(kubeadm.ControlPlane(in)...)
	kubelet := in
	kubelet.Name = o.Ref().Kind + " " + o.Name()
	f.add(kubeadm.Kubelet(kubelet))
	if in.Join != nil { // all replicas but the first one join
		join := *in.Join
		if join.ControlPlane == nil {
			join.ControlPlane = &config.JoinControlPlane{}
		}
		kubelet.Init, kubelet.Join = nil, &join
		kubelet.Name += " (joining)"
		f.add(kubeadm.Kubelet(kubelet))
	}
	f.joins(in, true)
}

// worker reads the machines of a bootstrap configuration.
func (f *capi) worker(o *inventory.Object, name, version, cluster string, path ...string) {
	in := f.input(o, path...)
	in.Name, in.Version = name, version
	if in.Cluster != nil && in.Init != nil { // a control plane without KubeadmControlPlane
		f.add(kubeadm.ControlPlane(in)...)
	}
	if in.Join == nil && in.Init == nil {
		in.Join, in.JoinAt = &config.JoinConfiguration{}, process.At(o, anyPath(path)...)
	}
	kubelet := in
	if p := f.planeOf(o.Namespace(), cluster); p != nil && kubelet.Cluster == nil {
		// What kubeadm made of it is in the ConfigMap kubelet-config, which joining nodes get.
		kubelet.Cluster, kubelet.ClusterAt = p.input.Cluster, p.input.ClusterAt
	}
	f.add(kubeadm.Kubelet(kubelet))
	f.joins(in, false)
}

// machines joins a MachineDeployment or MachinePool with its bootstrap configuration, whose version of Kubernetes it has.
func (f *capi) machines(o *inventory.Object, used map[*inventory.Object]bool) {
	spec := mapping(o.Unstructured().Object, "spec", "template", "spec")
	ref := mapping(spec, "bootstrap", "configRef")
	kind, name := str(ref, "kind"), str(ref, "name")
	if kind != "KubeadmConfigTemplate" && kind != "KubeadmConfig" || name == "" {
		return
	}
	c, ok := f.inv.Get(schema.GroupKind{Group: bootstrapGroup, Kind: kind}, o.Namespace(), name)
	if !ok {
		f.out.Problems = append(f.out.Problems, problem(process.At(o, "spec", "template", "spec", "bootstrap",
			"configRef"),
			"the "+kind+" is not given, so that nothing is known of the kubelets of these machines"))
		return
	}
	used[c] = true
	path := []string{"spec", "template", "spec"}
	if kind == "KubeadmConfig" {
		path = path[:1]
	}
	cluster := str(mapping(o.Unstructured().Object, "spec"), "clusterName")
	f.worker(c, o.Ref().Kind+" "+o.Name(), str(spec, "version"), cluster, path...)
}

// joins speaks of what a configuration says of discovery. Where it says nothing, Cluster API makes a token and pins the CA.
func (f *capi) joins(in kubeadm.Input, controlPlane bool) {
	if in.Init != nil {
		f.out.Tokens = append(f.out.Tokens, kubeadm.Tokens(in.Init, in.InitAt)...)
	}
	if in.Join == nil || in.Join.Discovery.BootstrapToken == nil && in.Join.Discovery.File == nil {
		return
	}
	j := kubeadm.Joins(in.Join, in.JoinAt)
	j.ControlPlane, j.Source = controlPlane, in.Source
	if in.Join.Discovery.File != nil {
		o := in.JoinAt.Object
		path := make([]string, 0, len(in.JoinAt.Path))
		for _, e := range in.JoinAt.Path {
			s, _ := e.(string)
			path = append(path, s)
		}
		cluster := mapping(o.Unstructured().Object, append(path, "discovery", "file", "kubeConfig", "cluster")...)
		j.SkipCA, _ = cluster["insecureSkipTLSVerify"].(bool)
	}
	f.out.Joins = append(f.out.Joins, j)
}

const maxNodeFile = 4 << 20

// nodeFileOf is a file that a machine gets, with its content where the object has it in clear.
func nodeFileOf(m map[string]any, at process.Place) process.File {
	file := process.File{Path: str(m, "path"), Place: at.Field("content")}
	content, isText := m["content"].(string)
	_, removed := described(m["content"])
	switch {
	case removed:
		file.Missing = "its content was removed, since it may hold a key"
	case m["contentFrom"] != nil:
		file.Place, file.Missing = at.Field("contentFrom"), "its content is in a Secret"
	case !isText:
		file.Missing = "it has no content"
	case str(m, "encoding") == "":
		file.Text = []byte(content)
	default:
		text, err := decodeContent(content, str(m, "encoding"))
		if err != nil {
			file.Missing = "its content cannot be decoded"
		}
		file.Text = text
	}
	if appends, _ := m["append"].(bool); appends && file.Missing == "" {
		file.Text, file.Missing = nil, "it is appended to what the image has"
	}
	return file
}

// decodeContent: bootstrap/kubeadm/api, Encoding: base64, gzip, gzip+base64.
func decodeContent(content, encoding string) ([]byte, error) {
	data := []byte(content)
	if strings.HasSuffix(encoding, "base64") {
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.TrimSpace(content)); err != nil {
			return nil, errors.New("not base64")
		}
	}
	if !strings.HasPrefix(encoding, "gzip") {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("not gzip")
	}
	data, err = io.ReadAll(io.LimitReader(r, maxNodeFile+1))
	if err != nil || len(data) > maxNodeFile {
		return nil, errors.New("not gzip, or too large")
	}
	return data, nil
}

// rke2 reads an RKE2ControlPlane (controlplane/api of cluster-api-provider-rke2) as the configuration file that it becomes.
// Of its fields those are read that have a flag here.
func (f *capi) rke2(o *inventory.Object) {
	s := settings{rancher: rke2, values: map[string][]text{}, Place: process.At(o, "spec")}
	s.rancher.name = "RKE2ControlPlane"
	list := func(flag string, path ...string) {
		m := mapping(o.Unstructured().Object, path[:len(path)-1]...)
		l, _ := m[path[len(path)-1]].([]any)
		for i, e := range l {
			s.values[flag] = append(s.values[flag], scalar(e, process.At(o, anyPath(path)...).Field(i)))
		}
	}
	one := func(flag string, path ...string) {
		m := mapping(o.Unstructured().Object, path[:len(path)-1]...)
		if v := m[path[len(path)-1]]; v != nil {
			s.values[flag] = []text{scalar(v, process.At(o, anyPath(path)...))}
		}
	}
	list("kube-apiserver-arg", "spec", "serverConfig", "kubeAPIServer", "extraArgs")
	list("kube-controller-manager-arg", "spec", "serverConfig", "kubeControllerManager", "extraArgs")
	list("kube-scheduler-arg", "spec", "serverConfig", "kubeScheduler", "extraArgs")
	list("etcd-arg", "spec", "serverConfig", "etcd", "customConfig", "extraArgs")
	list("kubelet-arg", "spec", "agentConfig", "kubelet", "extraArgs")
	one("profile", "spec", "agentConfig", "cisProfile")
	one("protect-kernel-defaults", "spec", "agentConfig", "protectKernelDefaults")
	one("cni", "spec", "serverConfig", "cni")
	found := s.controlPlane()
	kubelet := s.kubelet()
	kubelet.Name = o.Ref().Kind + " " + o.Name()
	for _, p := range append(found, kubelet) {
		p.Version = str(mapping(o.Unstructured().Object, "spec"), "version")
		p.Complete, p.Incomplete = false, "an RKE2ControlPlane has fields that are not read here"
		f.out.Processes = append(f.out.Processes, p)
	}
}
