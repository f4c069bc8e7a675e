package distro

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/inventory"
)

// rancher is k3s or RKE2, which is built on it.
type rancher struct {
	name, format, dataDir, program string
	rke2                           bool
}

var (
	k3s  = rancher{name: "k3s configuration", format: format.K3sConfig, dataDir: "/var/lib/rancher/k3s", program: "k3s"}
	rke2 = rancher{name: "RKE2 configuration", format: format.RKE2Config, dataDir: "/var/lib/rancher/rke2",
		program: "rke2", rke2: true}
)

// settings are the flags of one node, each with its values.
type settings struct {
	rancher
	values map[string][]text
	node   string // its name; empty where nothing tells
	process.Place
	problems []inventory.Problem
}

// find reads the nodes: a file config.yaml with the drop-ins beside it, or any other file by itself.
func (r rancher) find(inv *inventory.Inventory) process.Found {
	files := map[string][]*inventory.Object{}
	var nodes []string
	for o := range inv.ByKind(inventory.Need{Format: r.format}.GroupKind()) {
		node := nodeFile(o.Origin().URI)
		if files[node] == nil {
			nodes = append(nodes, node)
		}
		files[node] = append(files[node], o)
	}
	slices.Sort(nodes)
	var out process.Found
	for _, node := range nodes {
		s := settings{rancher: r, values: map[string][]text{}, Place: process.At(files[node][0])}
		// config.yaml comes first, then the drop-ins by name (docs.k3s.io/installation/configuration).
		slices.SortFunc(files[node], func(a, b *inventory.Object) int {
			x, y := a.Origin().URI, b.Origin().URI
			switch {
			case x == node && y != node:
				return -1
			case y == node && x != node:
				return 1
			}
			return strings.Compare(x, y)
		})
		for _, o := range files[node] {
			s.read(o)
		}
		s.Place = process.At(files[node][0])
		s.node = s.last("node-name").s
		if s.node == "" && len(nodes) > 1 {
			s.node = node // so that what two files say of their nodes is not taken for one
		}
		out.Merge(s.found())
	}
	return out
}

// nodeFile is the config.yaml that a drop-in belongs to.
func nodeFile(uri string) string {
	dir := path.Dir(uri)
	if path.Base(dir) == "config.yaml.d" {
		return path.Join(path.Dir(dir), "config.yaml")
	}
	return uri
}

var shorthand = map[string]string{"t": "token", "s": "server", "d": "data-dir", "i": "node-ip", "o": "write-kubeconfig"}

// read lays a file over what was read before: a key replaces, one that ends in "+" appends.
func (s *settings) read(o *inventory.Object) {
	for key, v := range o.Unstructured().Object {
		if key == "apiVersion" || key == "kind" || key == "metadata" {
			continue
		}
		name, appends := strings.CutSuffix(key, "+")
		if long, ok := shorthand[name]; ok {
			name = long
		}
		var texts []text
		at := process.At(o, key)
		if l, ok := v.([]any); ok {
			for i, e := range l {
				texts = append(texts, scalar(e, at.Field(i)))
			}
		} else {
			texts = []text{scalar(v, at)}
		}
		if appends {
			texts = append(s.values[name][:len(s.values[name]):len(s.values[name])], texts...)
		}
		s.values[name] = texts
	}
}

func scalar(v any, at process.Place) text {
	if p, ok := described(v); ok {
		return text{payload: p, Place: at}
	}
	if v == nil {
		return text{Place: at}
	}
	return text{s: fmt.Sprint(v), Place: at}
}

func (s *settings) has(name string) bool { return len(s.values[name]) > 0 }

// last is the value that counts for a flag with one.
func (s *settings) last(name string) text {
	if v := s.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return text{}
}

func (s *settings) on(name string) bool { return s.last(name).s == "true" }

// serverFlags are those that an agent does not have (docs.k3s.io/cli/server).
var serverFlags = []string{
	"kube-apiserver-arg", "kube-controller-manager-arg", "kube-scheduler-arg", "etcd-arg",
	"kube-cloud-controller-manager-arg",
	"cluster-init", "secrets-encryption", "agent-token", "agent-token-file", "tls-san", "write-kubeconfig-mode",
	"write-kubeconfig",
	"datastore-endpoint", "cluster-cidr", "service-cidr", "cluster-dns", "cluster-domain", "flannel-backend", "disable",
	"disable-cloud-controller", "disable-network-policy", "disable-helm-controller", "disable-kube-proxy",
	"etcd-expose-metrics",
	"etcd-snapshot-schedule-cron", "etcd-s3", "cni", "embedded-registry", "audit-policy-file",
	"pod-security-admission-config-file",
	"egress-selector-mode", "servicelb-namespace", "ingress-controller", "etcd-disable-snapshots", "bind-address",
	"advertise-address",
}

// isServer: an agent and a server that joins look alike where neither has a flag of its own; without the address of a
// server it can only be one.
func (s *settings) isServer() bool {
	return slices.ContainsFunc(serverFlags, s.has) || !s.has("server") && s.has("token")
}

func (s *settings) found() process.Found {
	out := process.Found{Problems: s.problems}
	if s.isServer() {
		out.Processes = append(out.Processes, s.controlPlane()...)
	}
	out.Processes = append(out.Processes, s.kubelet())
	out.Joins, out.Tokens = s.joins(), s.tokens()
	return out
}

func (s *settings) dir() string {
	if d := s.last("data-dir").s; d != "" {
		return d
	}
	return s.dataDir
}

func (s *settings) tls(file string) string  { return path.Join(s.dir(), "server/tls", file) }
func (s *settings) cred(file string) string { return path.Join(s.dir(), "server/cred", file) }

func (s *settings) process(c process.Component, base []pair, extra string, files ...process.File) process.Process {
	return process.Process{Component: c, Name: s.node, Flags: lay(base, s.values[extra], s.Place), Files: files,
		Complete: true,
		Source:   s.name, Place: s.Place}
}

func (s *settings) controlPlane() []process.Process {
	var out []process.Process
	if !s.on("disable-apiserver") {
		out = append(out, s.apiServer())
	}
	if !s.on("disable-controller-manager") {
		out = append(out, s.controllerManager())
	}
	if !s.on("disable-scheduler") {
		kubeconfig := s.cred("scheduler.kubeconfig")
		out = append(out, s.process(process.KubeScheduler, []pair{
			{name: "kubeconfig", value: kubeconfig},
			{name: "authorization-kubeconfig", value: kubeconfig},
			{name: "authentication-kubeconfig", value: kubeconfig},
			{name: "bind-address", value: "127.0.0.1"},
			{name: "secure-port", value: "10259"},
			{name: "profiling", value: "false"},
		}, "kube-scheduler-arg"))
	}
	if s.embeddedEtcd() {
		out = append(out, s.etcd())
	}
	return out
}

// embeddedEtcd: RKE2 always has it unless a datastore is named, k3s where it is asked for or where a server joins another.
func (s *settings) embeddedEtcd() bool {
	if s.on("disable-etcd") || s.has("datastore-endpoint") {
		return false
	}
	return s.rke2 || s.on("cluster-init") || s.has("server")
}

// apiServer: pkg/daemons/control/server.go of k3s; pkg/podexecutor/staticpod.go and pkg/cli/defaults of RKE2.
func (s *settings) apiServer() process.Process {
	domain := "cluster.local"
	if d := s.last("cluster-domain").s; d != "" {
		domain = d
	}
	issuer := "https://kubernetes.default.svc." + domain
	base := []pair{
		{name: "allow-privileged", value: "true"},
		{name: "enable-bootstrap-token-auth", value: "true"},
		{name: "service-account-signing-key-file", value: s.tls("service.current.key")},
		{name: "service-account-key-file", value: s.tls("service.key")},
		{name: "service-account-issuer", value: issuer},
		{name: "api-audiences", value: issuer + "," + s.program},
		{name: "tls-cert-file", value: s.tls("serving-kube-apiserver.crt")},
		{name: "tls-private-key-file", value: s.tls("serving-kube-apiserver.key")},
		{name: "kubelet-certificate-authority", value: s.tls("server-ca.crt")},
		{name: "kubelet-client-certificate", value: s.tls("client-kube-apiserver.crt")},
		{name: "kubelet-client-key", value: s.tls("client-kube-apiserver.key")},
		{name: "requestheader-client-ca-file", value: s.tls("request-header-ca.crt")},
		{name: "requestheader-allowed-names", value: "system:auth-proxy"},
		{name: "requestheader-extra-headers-prefix", value: "X-Remote-Extra-"},
		{name: "requestheader-group-headers", value: "X-Remote-Group"},
		{name: "requestheader-username-headers", value: "X-Remote-User"},
		{name: "proxy-client-cert-file", value: s.tls("client-auth-proxy.crt")},
		{name: "proxy-client-key-file", value: s.tls("client-auth-proxy.key")},
		{name: "client-ca-file", value: s.tls("client-ca.crt")},
		{name: "enable-admission-plugins", value: "NodeRestriction"},
		{name: "profiling", value: "false"},
		{name: "storage-backend", value: "etcd3"},
	}
	// Both are left out where a file takes their place; the flag and the file exclude each other.
	if !s.argument("kube-apiserver-arg", "authorization-config") {
		base = append(base, pair{name: "authorization-mode", value: "Node,RBAC"})
	}
	if !s.argument("kube-apiserver-arg", "authentication-config") {
		base = append(base, pair{name: "anonymous-auth", value: "false"})
	}
	base = append(base, s.datastore()...)
	var files []process.File
	if s.rke2 || s.on("secrets-encryption") {
		file := s.cred("encryption-config.json")
		base = append(base, pair{name: "encryption-provider-config", value: file, at: s.last("secrets-encryption").Place},
			pair{name: "encryption-provider-config-automatic-reload", value: "true"})
		files = append(files, s.encryption(file))
	}
	extra := s.values["kube-apiserver-arg"]
	if s.rke2 { // RKE2 puts these before the arguments of the user, so that they add up for lists
		extra = append([]text{{s: "enable-admission-plugins=NodeRestriction", own: true, Place: s.Place}}, extra...)
	}
	p := s.process(process.KubeAPIServer, base, "", files...)
	p.Flags = lay(base, extra, s.Place)
	if s.rke2 {
		own, policy := s.rke2APIServer()
		p.Flags = append(own, p.Flags...)
		p.Files = append(p.Files, policy...)
	}
	return p
}

// argument reports whether the user passes a flag to a component.
func (s *settings) argument(component, name string) bool {
	return slices.ContainsFunc(s.values[component], func(t text) bool {
		n, _, _ := strings.Cut(strings.TrimPrefix(t.s, "--"), "=")
		return n == name
	})
}

func (s *settings) datastore() []pair {
	etcd := func(f string) string { return s.tls("etcd/" + f) }
	switch {
	case s.has("datastore-endpoint"):
		const doubt = "the address of the datastore was removed, since it may hold a password"
		return []pair{{name: "etcd-servers", doubt: doubt},
			{name: "etcd-cafile", value: s.last("datastore-cafile").s, doubt: doubt},
			{name: "etcd-certfile", value: s.last("datastore-certfile").s, doubt: doubt},
			{name: "etcd-keyfile", value: s.last("datastore-keyfile").s, doubt: doubt}}
	case s.embeddedEtcd():
		return []pair{{name: "etcd-servers", value: "https://127.0.0.1:2379"},
			{name: "etcd-cafile", value: etcd("server-ca.crt")},
			{name: "etcd-certfile", value: etcd("client.crt")}, {name: "etcd-keyfile", value: etcd("client.key")}}
	}
	return []pair{{name: "etcd-servers", value: "unix://kine.sock"}} // SQLite, in the same process
}

// encryption is the file that k3s writes when it starts for the first time (pkg/secretsencrypt/config.go). A command can
// turn encryption off later.
func (s *settings) encryption(file string) process.File {
	provider, at := "aescbc", s.Place
	if v := s.last("secrets-encryption-provider"); v.s != "" {
		provider, at = v.s, v.Place
	} else if v := s.last("secrets-encryption"); v.s != "" {
		at = v.Place
	}
	type m = map[string]any
	keys := m{"keys": []any{m{"name": provider + "key", "secret": m{"class": string(redact.Base64), "length": 32}}}}
	raw, _ := json.Marshal(m{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
		"resources": []any{m{"resources": []any{"secrets"}, "providers": []any{m{provider: keys}, m{"identity": m{}}}}}})
	return process.File{Path: file, Text: raw, Place: at}
}

// rke2APIServer is what RKE2 puts before all other arguments.
func (s *settings) rke2APIServer() (flags []process.Flag, files []process.File) {
	own := func(name, value string, at text) {
		f := process.Flag{Name: name, Value: value, Default: at.IsZero(), Place: s.Place}
		if !at.IsZero() {
			f.Place = at.Place
		}
		flags = append(flags, f)
	}
	psa := s.last("pod-security-admission-config-file")
	file := psa.s
	if file == "" {
		file = "/etc/rancher/rke2/rke2-pss.yaml"
	}
	own("admission-control-config-file", file, psa)
	files = append(files, process.File{Path: file,
		Missing: "it is a file of the node, which RKE2 writes where there is none", Place: flags[0].Place})
	policy := s.last("audit-policy-file")
	file = policy.s
	if file == "" && s.hardened() {
		file = "/etc/rancher/rke2/audit-policy.yaml"
		policy = s.last("profile")
	}
	if file != "" {
		own("audit-policy-file", file, policy)
		own("audit-log-maxage", "30", text{})
		own("audit-log-maxbackup", "10", text{})
		own("audit-log-maxsize", "100", text{})
		if !s.argument("kube-apiserver-arg", "audit-log-path") {
			own("audit-log-path", path.Join(s.dir(), "server/logs/audit.log"), text{})
		}
		files = append(files, process.File{Path: file,
			Missing: "it is a file of the node; where there is none RKE2 writes a policy that logs nothing",
			Place:   policy.Place})
	}
	return flags, files
}

// hardened: profile cis, or with a version of the benchmark (docs.rke2.io/security/hardening_guide).
func (s *settings) hardened() bool { return strings.HasPrefix(s.last("profile").s, "cis") }

func (s *settings) controllerManager() process.Process {
	kubeconfig := s.cred("controller.kubeconfig")
	base := []pair{
		{name: "kubeconfig", value: kubeconfig},
		{name: "authorization-kubeconfig", value: kubeconfig},
		{name: "authentication-kubeconfig", value: kubeconfig},
		{name: "service-account-private-key-file", value: s.tls("service.current.key")},
		{name: "root-ca-file", value: s.tls("server-ca.crt")},
		{name: "profiling", value: "false"},
		{name: "bind-address", value: "127.0.0.1"},
		{name: "secure-port", value: "10257"},
		{name: "use-service-account-credentials", value: "true"}, {name: "allocate-node-cidrs", value: "true"},
		{name: "cluster-signing-kube-apiserver-client-cert-file", value: s.tls("client-ca.nochain.crt")},
		{name: "cluster-signing-kube-apiserver-client-key-file", value: s.tls("client-ca.key")},
		{name: "cluster-signing-kubelet-client-cert-file", value: s.tls("client-ca.nochain.crt")},
		{name: "cluster-signing-kubelet-client-key-file", value: s.tls("client-ca.key")},
		{name: "cluster-signing-kubelet-serving-cert-file", value: s.tls("server-ca.nochain.crt")},
		{name: "cluster-signing-kubelet-serving-key-file", value: s.tls("server-ca.key")},
		{name: "cluster-signing-legacy-unknown-cert-file", value: s.tls("server-ca.nochain.crt")},
		{name: "cluster-signing-legacy-unknown-key-file", value: s.tls("server-ca.key")},
	}
	if s.rke2 {
		base = append(base, pair{name: "terminated-pod-gc-threshold", value: "1000"})
	}
	return s.process(process.KubeControllerManager, base, "kube-controller-manager-arg")
}

// etcd: pkg/etcd/etcd.go of k3s. It reads a file, whose fields are flags here. Of the addresses that it listens at only that
// of the host itself is known; the others have the same scheme.
func (s *settings) etcd() process.Process {
	tls := func(f string) string { return s.tls("etcd/" + f) }
	metrics := pair{name: "listen-metrics-urls", value: "http://127.0.0.1:2381"}
	if s.on("etcd-expose-metrics") {
		metrics.value += ",http://0.0.0.0:2381" // at the address of the node
	}
	return s.process(process.Etcd, []pair{
		{name: "listen-client-urls", value: "https://127.0.0.1:2379"},
		{name: "listen-peer-urls", value: "https://127.0.0.1:2380"},
		metrics,
		{name: "cert-file", value: tls("server-client.crt")}, {name: "key-file", value: tls("server-client.key")},
		{name: "client-cert-auth", value: "true"}, {name: "trusted-ca-file", value: tls("server-ca.crt")},
		{name: "peer-cert-file", value: tls("peer-server-client.crt")},
		{name: "peer-key-file", value: tls("peer-server-client.key")},
		{name: "peer-client-cert-auth", value: "true"}, {name: "peer-trusted-ca-file", value: tls("peer-ca.crt")},
		{name: "data-dir", value: path.Join(s.dir(), "server/db/etcd")},
	}, "etcd-arg")
}

// kubelet: pkg/daemons/agent of k3s. Before v1.32 it had flags in the place of the file, with the same values.
func (s *settings) kubelet() process.Process {
	agent := func(f string) string { return path.Join(s.dir(), "agent", f) }
	file := process.File{Path: agent("etc/kubelet.conf"), Place: s.Place}
	type m = map[string]any
	protect := s.on("protect-kernel-defaults") || s.rke2 && s.hardened()
	file.Text, _ = json.Marshal(m{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication": m{"anonymous": m{"enabled": false}, "webhook": m{"enabled": true},
			"x509": m{"clientCAFile": agent("client-ca.crt")}},
		"authorization": m{"mode": "Webhook"},
		"tlsCertFile":   agent("serving-kubelet.crt"), "tlsPrivateKeyFile": agent("serving-kubelet.key"),
		"healthzBindAddress": "127.0.0.1", "failSwapOn": false, "protectKernelDefaults": protect,
		"streamingConnectionIdleTimeout": "4h0m0s", "staticPodPath": agent("pod-manifests"),
	})
	if v := s.last("protect-kernel-defaults"); v.s != "" {
		file.Place = v.Place
	}
	name := pair{name: "hostname-override", value: s.last("node-name").s, at: s.last("node-name").Place}
	if name.value == "" {
		name.doubt = "the name of the host"
	}
	base := []pair{{name: "config", value: file.Path}, {name: "kubeconfig", value: agent("kubelet.kubeconfig")},
		{name: "read-only-port", value: "0"}, name}
	for _, list := range [...][2]string{{"node-label", "node-labels"}, {"node-taint", "register-with-taints"}} {
		var values []string
		for _, v := range s.values[list[0]] {
			values = append(values, v.s)
		}
		if len(values) > 0 {
			base = append(base, pair{name: list[1], value: strings.Join(values, ","), at: s.last(list[0]).Place})
		}
	}
	extra := slices.Clone(s.values["kubelet-arg"])
	extra = slices.DeleteFunc(extra, func(t text) bool {
		name, value, _ := strings.Cut(strings.TrimPrefix(t.s, "--"), "=")
		if name != "config" {
			return false
		}
		file.Text, file.Place = nil, t.Place // it is copied over the own one, or laid over it before v1.34
		file.Missing = fmt.Sprintf("it is made of %s, which is not given", value)
		return true
	})
	p := s.process(process.Kubelet, base, "", file)
	p.Flags = lay(base, extra, s.Place)
	return p
}

// joins: docs.k3s.io/cli/token. A token in its short form does not name the cluster's CA, and whoever answers is trusted.
func (s *settings) joins() []process.Join {
	token := s.last("token")
	var out []process.Join
	if server := s.last("server"); server.s != "" {
		j := process.Join{Node: s.last("node-name").s, ControlPlane: s.isServer(), Method: process.ByHash,
			Endpoint: server.s, Token: token.payload,
			SkipCA: token.payload.Literal() && token.payload.Class != redact.Secure, Source: s.name, Place: server.Place}
		if !token.IsZero() {
			j.Place = token.Place
		}
		out = append(out, j)
	}
	if s.isServer() && (!token.IsZero() || s.has("agent-token") ||
		s.has("agent-token-file")) { // how agents join this server
		agent := s.last("agent-token")
		j := process.Join{Method: process.ByHash, Token: agent.payload, Source: s.name, Place: agent.Place}
		switch {
		case !agent.IsZero():
			j.Fallback = s.sameToken(agent)
		case s.has("agent-token-file"):
			j.Place = s.last("agent-token-file").Place
		default:
			j.Token, j.Fallback, j.Place = token.payload, true, token.Place
		}
		out = append(out, j)
	}
	return out
}

// sameToken: the two were found equal when they were removed.
func (s *settings) sameToken(agent text) bool {
	return mapping(agent.Object.Unstructured().Object, fmt.Sprint(agent.Path[0]))["same"] == "token"
}

// tokens of k3s never end.
func (s *settings) tokens() []process.Token {
	var out []process.Token
	for _, name := range [...]string{"token", "agent-token"} {
		if t := s.last(name); t.payload.Class != "" {
			out = append(out, process.Token{Payload: t.payload, TTL: new(time.Duration), Source: s.name, Place: t.Place})
		}
	}
	return out
}
