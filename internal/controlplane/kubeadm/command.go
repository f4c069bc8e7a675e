package kubeadm

import (
	"net"
	"path"
	"slices"
	"sort"
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
	base = slices.Clone(base)
	sort.SliceStable(base, func(i, j int) bool { return base[i].name < base[j].name })
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
		sort.SliceStable(over, func(i, j int) bool { return over[i].name+"\x00"+over[i].value < over[j].name+"\x00"+over[j].value })
	}
	for _, o := range over {
		if o.merge == "" && o.name != "" { // "--=value" is none
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

func (d *defaulted) cert(name string) string { return path.Join(d.certificates, name) }

func (d *defaulted) loopback() string {
	if ip := net.ParseIP(d.address); ip != nil && ip.To4() == nil {
		return "::1"
	}
	return "127.0.0.1"
}

// host is an address as a URL has it.
func host(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

// url of a port on the address that the node advertises; where the node decides on that, a word stands for it.
func (d *defaulted) url(name string, port int) argument {
	address := d.address
	if address == "" {
		address = "ADDRESS"
	}
	return argument{name: name, value: "https://" + net.JoinHostPort(address, strconv.Itoa(port))}
}

// table is what a component is passed: names and values. What stands in braces is filled in.
type table [][2]string

func (d *defaulted) fill(t table) []argument {
	r := strings.NewReplacer("{pki}", path.Clean(d.certificates), "{domain}", d.domain, "{services}", d.services, "{cluster}", d.cluster,
		"{data}", d.data, "{pods}", d.Networking.PodSubnet, "{port}", strconv.Itoa(int(d.port)), "{loopback}", host(d.loopback()))
	out := make([]argument, len(t))
	for i, row := range t {
		out[i] = argument{name: row[0], value: r.Replace(row[1])}
	}
	return out
}

// apiServerTable is the constant part of getAPIServerCommand of cmd/kubeadm/app/phases/controlplane/manifests.go.
var apiServerTable = table{
	{"allow-privileged", "true"},
	{"client-ca-file", "{pki}/ca.crt"},
	{"enable-admission-plugins", "NodeRestriction"},
	{"enable-bootstrap-token-auth", "true"},
	{"kubelet-client-certificate", "{pki}/apiserver-kubelet-client.crt"},
	{"kubelet-client-key", "{pki}/apiserver-kubelet-client.key"},
	{"kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"},
	{"proxy-client-cert-file", "{pki}/front-proxy-client.crt"},
	{"proxy-client-key-file", "{pki}/front-proxy-client.key"},
	{"requestheader-allowed-names", "front-proxy-client"},
	{"requestheader-client-ca-file", "{pki}/front-proxy-ca.crt"},
	{"requestheader-extra-headers-prefix", "X-Remote-Extra-"},
	{"requestheader-group-headers", "X-Remote-Group"},
	{"requestheader-username-headers", "X-Remote-User"},
	{"secure-port", "{port}"},
	{"service-account-issuer", "https://kubernetes.default.svc.{domain}"},
	{"service-account-key-file", "{pki}/sa.pub"},
	{"service-account-signing-key-file", "{pki}/sa.key"},
	{"service-cluster-ip-range", "{services}"},
	{"tls-cert-file", "{pki}/apiserver.crt"},
	{"tls-private-key-file", "{pki}/apiserver.key"},
}

func (d *defaulted) apiServer(extra, etcd []argument) []argument {
	args := append(d.fill(apiServerTable), d.etcdClient(etcd)...)
	address := argument{name: "advertise-address", value: d.address}
	if d.address == "" {
		address.doubt = depends
	}
	args = append(args, address)
	if _, structured := find(extra, "authorization-config"); !structured {
		args = append(args, argument{name: "authorization-mode", value: "Node,RBAC"})
	}
	return args
}

func (d *defaulted) etcdClient(etcd []argument) []argument {
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
	return append(d.fill(etcdClientTable), argument{name: "etcd-servers", value: servers})
}

var etcdClientTable = table{
	{"etcd-cafile", "{pki}/etcd/ca.crt"},
	{"etcd-certfile", "{pki}/apiserver-etcd-client.crt"},
	{"etcd-keyfile", "{pki}/apiserver-etcd-client.key"},
}

// managerTable is getControllerManagerCommand. With an external CA, of which only the node knows, the two flags of the
// signer are empty.
var managerTable = table{
	{"authentication-kubeconfig", "/etc/kubernetes/controller-manager.conf"},
	{"authorization-kubeconfig", "/etc/kubernetes/controller-manager.conf"},
	{"bind-address", "127.0.0.1"},
	{"client-ca-file", "{pki}/ca.crt"},
	{"cluster-name", "{cluster}"},
	{"cluster-signing-cert-file", "{pki}/ca.crt"},
	{"cluster-signing-key-file", "{pki}/ca.key"},
	{"controllers", "*,bootstrapsigner,tokencleaner"},
	{"kubeconfig", "/etc/kubernetes/controller-manager.conf"},
	{"leader-elect", "true"},
	{"requestheader-client-ca-file", "{pki}/front-proxy-ca.crt"},
	{"root-ca-file", "{pki}/ca.crt"},
	{"service-account-private-key-file", "{pki}/sa.key"},
	{"use-service-account-credentials", "true"},
}

var podSubnetTable = table{{"allocate-node-cidrs", "true"}, {"cluster-cidr", "{pods}"}, {"service-cluster-ip-range", "{services}"}}

func (d *defaulted) controllerManager() []argument {
	args := d.fill(managerTable)
	if d.Networking.PodSubnet != "" {
		args = append(args, d.fill(podSubnetTable)...)
	}
	return args
}

// schedulerTable is getSchedulerCommand.
var schedulerTable = table{
	{"authentication-kubeconfig", "/etc/kubernetes/scheduler.conf"},
	{"authorization-kubeconfig", "/etc/kubernetes/scheduler.conf"},
	{"bind-address", "127.0.0.1"},
	{"kubeconfig", "/etc/kubernetes/scheduler.conf"},
	{"leader-elect", "true"},
}

// etcdTable is getEtcdCommand of cmd/kubeadm/app/phases/etcd/local.go. What differs between the minors (the checks for
// corruption, which moved to a feature gate) is left out.
var etcdTable = table{
	{"cert-file", "{pki}/etcd/server.crt"},
	{"client-cert-auth", "true"},
	{"data-dir", "{data}"},
	{"key-file", "{pki}/etcd/server.key"},
	{"listen-metrics-urls", "http://{loopback}:2381"},
	{"peer-cert-file", "{pki}/etcd/peer.crt"},
	{"peer-client-cert-auth", "true"},
	{"peer-key-file", "{pki}/etcd/peer.key"},
	{"peer-trusted-ca-file", "{pki}/etcd/ca.crt"},
	{"snapshot-count", "10000"},
	{"trusted-ca-file", "{pki}/etcd/ca.crt"},
}

func (d *defaulted) etcd(node string) []argument {
	client := d.url("listen-client-urls", 2379)
	client.value = "https://" + net.JoinHostPort(d.loopback(), "2379") + "," + client.value
	name := argument{name: "name", value: node}
	if node == "" {
		name.doubt = depends
	}
	return append(d.fill(etcdTable), client, name, d.url("advertise-client-urls", 2379), d.url("initial-advertise-peer-urls", 2380),
		d.url("listen-peer-urls", 2380), argument{name: "initial-cluster", doubt: depends})
}
