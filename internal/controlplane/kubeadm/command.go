package kubeadm

import (
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// argument is what kubeadm passes to a component.
type argument struct {
	name, value string
	merge       string
	doubt       string
	at          process.Place // zero where kubeadm says it of itself
}

// overrides are extraArgs, each with its place.
func overrides(args []config.Arg, at process.Place, oldMap bool) []argument {
	out := make([]argument, len(args))
	for i, a := range args {
		place := at.Field(i, "value")
		if oldMap { // v1beta3
			place = at.Field(a.Name)
		}
		out[i] = argument{name: a.Name, value: a.Value, merge: a.MergeMethod, at: place}
	}
	return out
}

// join lays what was written down over what kubeadm passes by itself (cmd/kubeadm/app/util/arguments.go,
// ArgumentsToCommand). Before v1.32 all arguments were sorted, so that of two with one name the greater value counts.
func join(base, over []argument, v inventory.Version, known bool, p process.Place) []process.Flag {
	last := map[string]argument{}
	for _, o := range over {
		last[o.name] = o
	}
	var out []process.Flag
	for _, b := range base {
		o, ok := last[b.name]
		f := process.Flag{Name: b.name, Value: b.value, Doubt: b.doubt, Default: true, Place: p}
		switch {
		case !ok:
		case o.merge == "":
			continue
		default:
			f.Value, f.Default, f.Place = merge(b.value, o), false, o.at
		}
		out = append(out, f)
	}
	if known && !v.AtLeast(1, 32) {
		over = slices.Clone(over)
		slices.SortStableFunc(over, func(a, b argument) int {
			return strings.Compare(a.name+"\x00"+a.value, b.name+"\x00"+b.value)
		})
	}
	for _, o := range over {
		if o.merge == "" {
			out = append(out, process.Flag{Name: o.name, Value: o.value, Doubt: o.doubt, Place: o.at})
		}
	}
	return out
}

// merge is MergeArgWithBase of cmd/kubeadm/app/apis/kubeadm/argument.go: the comma is the user's.
func merge(base string, o argument) string {
	switch o.merge {
	case "append":
		return base + o.value
	case "prepend":
		return o.value + base
	}
	return o.value
}

func find(args []argument, name string) (argument, bool) {
	for _, a := range slices.Backward(args) {
		if a.name == name {
			return a, true
		}
	}
	return argument{}, false
}

const depends = "kubeadm takes it from the node"

// defaulted are the fields of a ClusterConfiguration that the commands are made of (kubeadm/v1/defaults.go).
type defaulted struct {
	*config.ClusterConfiguration
	certificates, services, domain, cluster, data string
	address                                       string // empty where the node decides
	port                                          int32
}

func withDefaults(c *config.ClusterConfiguration, endpoint config.APIEndpoint) defaulted {
	or := func(s, d string) string {
		if s == "" {
			return d
		}
		return s
	}
	d := defaulted{
		ClusterConfiguration: c,
		certificates:         or(c.CertificatesDir, "/etc/kubernetes/pki"),
		services:             or(c.Networking.ServiceSubnet, "10.96.0.0/12"),
		domain:               or(c.Networking.DNSDomain, "cluster.local"),
		cluster:              or(c.ClusterName, "kubernetes"),
		data:                 "/var/lib/etcd",
		address:              endpoint.AdvertiseAddress,
		port:                 endpoint.BindPort,
	}
	if c.Etcd.Local != nil {
		d.data = or(c.Etcd.Local.DataDir, d.data)
	}
	if d.port == 0 {
		d.port = 6443
	}
	return d
}

func (d defaulted) cert(name string) string { return path.Join(d.certificates, name) }

func (d defaulted) loopback() string {
	if ip := net.ParseIP(d.address); ip != nil && ip.To4() == nil {
		return "::1"
	}
	return "127.0.0.1"
}

// url of a port on the address that the node advertises; where the node decides on that, a word stands for it.
func (d defaulted) url(name string, port int) argument {
	address := d.address
	if address == "" {
		address = "ADDRESS"
	}
	return argument{name: name, value: "https://" + net.JoinHostPort(address, strconv.Itoa(port))}
}

// apiServer is getAPIServerCommand of cmd/kubeadm/app/phases/controlplane/manifests.go.
func (d defaulted) apiServer(extra, etcd []argument) []argument {
	args := []argument{
		{name: "advertise-address", value: d.address},
		{name: "allow-privileged", value: "true"},
		{name: "client-ca-file", value: d.cert("ca.crt")},
		{name: "enable-admission-plugins", value: "NodeRestriction"},
		{name: "enable-bootstrap-token-auth", value: "true"},
		{name: "kubelet-client-certificate", value: d.cert("apiserver-kubelet-client.crt")},
		{name: "kubelet-client-key", value: d.cert("apiserver-kubelet-client.key")},
		{name: "kubelet-preferred-address-types", value: "InternalIP,ExternalIP,Hostname"},
		{name: "proxy-client-cert-file", value: d.cert("front-proxy-client.crt")},
		{name: "proxy-client-key-file", value: d.cert("front-proxy-client.key")},
		{name: "requestheader-allowed-names", value: "front-proxy-client"},
		{name: "requestheader-client-ca-file", value: d.cert("front-proxy-ca.crt")},
		{name: "requestheader-extra-headers-prefix", value: "X-Remote-Extra-"},
		{name: "requestheader-group-headers", value: "X-Remote-Group"},
		{name: "requestheader-username-headers", value: "X-Remote-User"},
		{name: "secure-port", value: strconv.Itoa(int(d.port))},
		{name: "service-account-issuer", value: "https://kubernetes.default.svc." + d.domain},
		{name: "service-account-key-file", value: d.cert("sa.pub")},
		{name: "service-account-signing-key-file", value: d.cert("sa.key")},
		{name: "service-cluster-ip-range", value: d.services},
		{name: "tls-cert-file", value: d.cert("apiserver.crt")},
		{name: "tls-private-key-file", value: d.cert("apiserver.key")},
	}
	if d.address == "" {
		args[0].doubt = depends
	}
	args = append(args, d.etcdClient(etcd)...)
	if _, structured := find(extra, "authorization-config"); !structured {
		args = append(args, argument{name: "authorization-mode", value: "Node,RBAC"})
	}
	return args
}

func (d defaulted) etcdClient(etcd []argument) []argument {
	if e := d.Etcd.External; e != nil {
		args := []argument{{name: "etcd-servers", value: strings.Join(e.Endpoints, ",")}}
		if e.CAFile != "" {
			args = append(args, argument{name: "etcd-cafile", value: e.CAFile})
		}
		if e.CertFile != "" && e.KeyFile != "" {
			args = append(args, argument{name: "etcd-certfile", value: e.CertFile}, argument{name: "etcd-keyfile", value: e.KeyFile})
		}
		return args
	}
	servers := "https://" + net.JoinHostPort(d.loopback(), "2379")
	if a, ok := find(etcd, "advertise-client-urls"); ok {
		servers = merge(servers, a)
	}
	return []argument{
		{name: "etcd-cafile", value: d.cert("etcd/ca.crt")},
		{name: "etcd-certfile", value: d.cert("apiserver-etcd-client.crt")},
		{name: "etcd-keyfile", value: d.cert("apiserver-etcd-client.key")},
		{name: "etcd-servers", value: servers},
	}
}

// controllerManager is getControllerManagerCommand. With an external CA, of which only the node knows, the two flags of
// the signer are empty.
func (d defaulted) controllerManager() []argument {
	const kubeconfig = "/etc/kubernetes/controller-manager.conf"
	args := []argument{
		{name: "authentication-kubeconfig", value: kubeconfig},
		{name: "authorization-kubeconfig", value: kubeconfig},
		{name: "bind-address", value: "127.0.0.1"},
		{name: "client-ca-file", value: d.cert("ca.crt")},
		{name: "cluster-name", value: d.cluster},
		{name: "cluster-signing-cert-file", value: d.cert("ca.crt")},
		{name: "cluster-signing-key-file", value: d.cert("ca.key")},
		{name: "controllers", value: "*,bootstrapsigner,tokencleaner"},
		{name: "kubeconfig", value: kubeconfig},
		{name: "leader-elect", value: "true"},
		{name: "requestheader-client-ca-file", value: d.cert("front-proxy-ca.crt")},
		{name: "root-ca-file", value: d.cert("ca.crt")},
		{name: "service-account-private-key-file", value: d.cert("sa.key")},
		{name: "use-service-account-credentials", value: "true"},
	}
	if d.Networking.PodSubnet != "" {
		args = append(args, argument{name: "allocate-node-cidrs", value: "true"}, argument{name: "cluster-cidr", value: d.Networking.PodSubnet},
			argument{name: "service-cluster-ip-range", value: d.services})
	}
	return args
}

// scheduler is getSchedulerCommand.
func (d defaulted) scheduler() []argument {
	const kubeconfig = "/etc/kubernetes/scheduler.conf"
	return []argument{
		{name: "authentication-kubeconfig", value: kubeconfig},
		{name: "authorization-kubeconfig", value: kubeconfig},
		{name: "bind-address", value: "127.0.0.1"},
		{name: "kubeconfig", value: kubeconfig},
		{name: "leader-elect", value: "true"},
	}
}

// etcd is getEtcdCommand of cmd/kubeadm/app/phases/etcd/local.go. What differs between the minors (the checks for
// corruption, which moved to a feature gate) is left out.
func (d defaulted) etcd(node string) []argument {
	client := d.url("listen-client-urls", 2379)
	client.value = "https://" + net.JoinHostPort(d.loopback(), "2379") + "," + client.value
	name := argument{name: "name", value: node}
	if node == "" {
		name.doubt = depends
	}
	cluster := argument{name: "initial-cluster", doubt: depends}
	return []argument{
		d.url("advertise-client-urls", 2379),
		{name: "cert-file", value: d.cert("etcd/server.crt")},
		{name: "client-cert-auth", value: "true"},
		{name: "data-dir", value: d.data},
		d.url("initial-advertise-peer-urls", 2380),
		cluster,
		{name: "key-file", value: d.cert("etcd/server.key")},
		client,
		{name: "listen-metrics-urls", value: fmt.Sprintf("http://%s", net.JoinHostPort(d.loopback(), "2381"))},
		d.url("listen-peer-urls", 2380),
		name,
		{name: "peer-cert-file", value: d.cert("etcd/peer.crt")},
		{name: "peer-client-cert-auth", value: "true"},
		{name: "peer-key-file", value: d.cert("etcd/peer.key")},
		{name: "peer-trusted-ca-file", value: d.cert("etcd/ca.crt")},
		{name: "snapshot-count", value: "10000"},
		{name: "trusted-ca-file", value: d.cert("etcd/ca.crt")},
	}
}
