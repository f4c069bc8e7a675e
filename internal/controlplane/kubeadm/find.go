package kubeadm

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

const group = "kubeadm.k8s.io"

// Needs are the kinds that [Find] reads.
func Needs() []inventory.Need {
	need := func(group, kind, resource string) inventory.Need {
		return inventory.Need{Group: group, Kind: kind, Resource: resource, Bias: inventory.Alternative}
	}
	return []inventory.Need{
		need(group, "ClusterConfiguration", "clusterconfigurations"),
		need(group, "InitConfiguration", "initconfigurations"),
		need(group, "JoinConfiguration", "joinconfigurations"),
		need("kubelet.config.k8s.io", "KubeletConfiguration", "kubeletconfigurations"),
		need("", "ConfigMap", "configmaps"),
	}
}

// documents of one file or ConfigMap: kubeadm reads them as one.
type documents struct {
	Input
	live bool
}

// Find reads kubeadm's configuration files, one cluster per file, and the ConfigMaps that kubeadm keeps in the cluster.
// Nodes that join get the KubeletConfiguration of the cluster.
func Find(inv *inventory.Inventory) process.Found {
	var out process.Found
	var order []string
	files := map[string]*documents{}
	in := func(uri string) *documents {
		if files[uri] == nil {
			files[uri] = &documents{}
			order = append(order, uri)
		}
		return files[uri]
	}
	var joins []*documents
	for _, kind := range [...]string{"ClusterConfiguration", "InitConfiguration", "JoinConfiguration"} {
		for o := range inv.ByKind(schema.GroupKind{Group: group, Kind: kind}) {
			doc, warnings, err := config.Decode(o.JSON())
			out.Problems = append(out.Problems, problems(o, err, warnings)...)
			if err != nil {
				continue
			}
			d := in(o.Origin().URI)
			switch doc := doc.(type) {
			case *config.ClusterConfiguration:
				d.Cluster, d.ClusterAt = doc, process.At(o)
			case *config.InitConfiguration:
				d.Init, d.InitAt = doc, process.At(o)
				out.Tokens = append(out.Tokens, Tokens(doc, process.At(o))...)
			case *config.JoinConfiguration:
				j := &documents{Input: Input{Join: doc, JoinAt: process.At(o), Source: "kubeadm JoinConfiguration"}}
				joins = append(joins, j)
				out.Joins = append(out.Joins, Joins(doc, process.At(o)))
			}
		}
	}
	for o := range inv.ByKind(schema.GroupKind{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"}) {
		if d := files[o.Origin().URI]; d != nil {
			d.Kubelet = &process.File{Place: process.At(o)}
		}
	}
	live := fromConfigMaps(inv, &out)
	var clusters []*documents
	for _, uri := range order {
		d := files[uri]
		if d.Cluster == nil && d.Init == nil {
			continue
		}
		d.Source = "kubeadm ClusterConfiguration"
		if d.Cluster == nil { // kubeadm takes the defaults
			d.Cluster, d.ClusterAt, d.Source = &config.ClusterConfiguration{}, d.InitAt, "kubeadm InitConfiguration"
		}
		clusters = append(clusters, d)
	}
	if live != nil {
		clusters = append(clusters, live)
	}
	for _, d := range clusters {
		out.Processes = append(out.Processes, ControlPlane(d.Input)...)
		if d.live && d.Kubelet == nil {
			continue // what the nodes have is in a ConfigMap that was not given
		}
		out.Processes = append(out.Processes, Kubelet(d.Input))
	}
	for _, j := range joins {
		if len(clusters) == 1 {
			c := clusters[0]
			j.Cluster, j.ClusterAt, j.Kubelet = c.Cluster, c.ClusterAt, c.Kubelet
			if j.Join.ControlPlane != nil && c.node() != "" {
				out.Processes = append(out.Processes, ControlPlane(j.Input)...)
			}
		}
		out.Processes = append(out.Processes, Kubelet(j.Input))
	}
	return out
}

// IsBeside reports whether kubeadm reads a KubeletConfiguration together with configuration of its own.
func IsBeside(inv *inventory.Inventory, o *inventory.Object) bool {
	for _, kind := range [...]string{"ClusterConfiguration", "InitConfiguration"} {
		for k := range inv.ByKind(schema.GroupKind{Group: group, Kind: kind}) {
			if k.Origin().URI == o.Origin().URI {
				return true
			}
		}
	}
	return false
}

// fromConfigMaps reads kube-system/kubeadm-config and kubelet-config.
func fromConfigMaps(inv *inventory.Inventory, out *process.Found) *documents {
	d := &documents{live: true, Input: Input{Source: "ConfigMap kube-system/kubeadm-config"}}
	if o, cm, ok := process.ConfigMap(inv, "kube-system", "kubeadm-config"); ok {
		at := process.At(o, "data", "ClusterConfiguration")
		for part := range config.Text([]byte(cm.Data["ClusterConfiguration"])) {
			out.Problems = append(out.Problems, textProblems(at, part)...)
			if c, ok := part.Document.(*config.ClusterConfiguration); ok {
				d.Cluster, d.ClusterAt = c, at
			}
		}
	}
	if o, cm, ok := process.ConfigMap(inv, "kube-system", "kubelet-config"); ok && cm.Data["kubelet"] != "" {
		d.Kubelet = &process.File{Text: []byte(cm.Data["kubelet"]), Place: process.At(o, "data", "kubelet")}
		if d.Cluster == nil {
			d.ClusterAt, d.Source = d.Kubelet.Place, "ConfigMap kube-system/kubelet-config"
		}
	}
	if d.Cluster == nil && d.Kubelet == nil {
		return nil
	}
	return d
}

func problems(o *inventory.Object, err error, warnings []*config.Fault) []inventory.Problem {
	var out []inventory.Problem
	faults := config.Faults(err)
	for _, f := range faults {
		out = append(out, inventory.Problem{Code: inventory.ProblemUndecodable, Origin: o.Origin(f.Path...), Ref: o.Ref(), Message: message(f)})
	}
	if err != nil && len(faults) == 0 {
		code := inventory.ProblemUndecodable
		if errors.Is(err, config.ErrKind) {
			code = inventory.ProblemSkipped
		}
		out = append(out, inventory.Problem{Code: code, Origin: o.Origin(), Ref: o.Ref(), Message: err.Error()})
	}
	for _, f := range warnings {
		out = append(out, inventory.Problem{Code: inventory.ProblemUnknownField, Level: inventory.ProblemNotice, Origin: o.Origin(f.Path...), Ref: o.Ref(), Message: message(f)})
	}
	return out
}

func message(f *config.Fault) string {
	if len(f.Path) == 0 {
		return f.Msg
	}
	return f.Field() + ": " + f.Msg
}

func textProblems(at process.Place, part config.Part) []inventory.Problem {
	if part.Err == nil {
		return nil
	}
	return []inventory.Problem{{Code: inventory.ProblemUndecodable, Origin: at.Origin(), Ref: at.Object.Ref(),
		Message: fmt.Sprintf("%s: %v", inventory.PathString(at.Path...), part.Err)}}
}

// Joins is how a node joins by kubeadm.
func Joins(j *config.JoinConfiguration, at process.Place) process.Join {
	out := process.Join{Node: j.NodeRegistration.Name, ControlPlane: j.ControlPlane != nil, Source: "kubeadm JoinConfiguration", Place: at.Field("discovery")}
	d := j.Discovery
	out.Token = process.Payload(d.TLSBootstrapToken)
	if b := d.BootstrapToken; b != nil {
		out.Endpoint, out.CAHashes, out.SkipCA = b.APIServerEndpoint, b.CACertHashes, b.UnsafeSkipCAVerification
		if b.Token.Set() {
			out.Token = process.Payload(b.Token)
		}
	}
	if d.File != nil {
		out.Method, out.File = process.ByFile, d.File.KubeConfigPath
	}
	return out
}

// Tokens are the bootstrap tokens that "kubeadm init" creates.
func Tokens(i *config.InitConfiguration, at process.Place) []process.Token {
	var out []process.Token
	for n, t := range i.BootstrapTokens {
		token := process.Token{Usages: t.Usages, Groups: t.Groups, Source: "kubeadm InitConfiguration", Place: at.Field("bootstrapTokens", n)}
		if t.Token != nil {
			token.Payload = process.Payload(*t.Token)
		}
		if t.TTL != nil {
			token.TTL = &t.TTL.Duration.Duration
		}
		if t.Expires != nil {
			token.Expires = &t.Expires.Time
		}
		out = append(out, token)
	}
	if i.CertificateKey.Set() {
		out = append(out, process.Token{Certificates: true, Payload: process.Payload(i.CertificateKey), Source: "kubeadm InitConfiguration", Place: at.Field("certificateKey")})
	}
	return out
}
