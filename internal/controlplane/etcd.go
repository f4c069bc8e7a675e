package controlplane

import (
	"reflect"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/process"
)

// Etcd is etcd, in all of its members.
type Etcd struct{ view *View }

// Etcd asks about etcd.
func (v *View) Etcd() Etcd { return Etcd{v} }

func askEtcd[T any](e Etcd, question func(*replica) Answer[T]) Value[T] {
	return ask(e.view, process.Etcd, question)
}

// etcdDefaults: server/embed/config.go of etcd 3.4 to 3.6, for what is asked here.
var etcdDefaults = map[string]string{
	"client-cert-auth": "false", "peer-client-cert-auth": "false", "auto-tls": "false", "peer-auto-tls": "false",
	"listen-client-urls": "http://localhost:2379", "listen-peer-urls": "http://localhost:2380",
	"advertise-client-urls": "http://localhost:2379", "initial-advertise-peer-urls": "http://localhost:2380",
}

// Transport is one of etcd's two sides.
type Transport struct {
	CertFile, KeyFile, TrustedCAFile string
	// ClientCertAuth: who connects must show a certificate of the CA.
	ClientCertAuth bool
	// AutoTLS: certificates are made up at start and prove nothing.
	AutoTLS    bool
	ListenURLs []string
	MinVersion string
	// AllowedCN and AllowedHostname narrow the certificates that are taken.
	AllowedCN, AllowedHostname string
}

// Mutual reports whether both ends prove themselves on every address.
func (t Transport) Mutual() bool {
	return t.CertFile != "" && t.KeyFile != "" && t.TrustedCAFile != "" && t.ClientCertAuth && !t.AutoTLS && len(t.Plain()) == 0
}

// same compares two members, each of which has addresses of its own.
func (t Transport) same(other any) bool {
	o := other.(Transport)
	plain, others := len(t.Plain()) > 0, len(o.Plain()) > 0
	t.ListenURLs, o.ListenURLs = nil, nil
	return reflect.DeepEqual(t, o) && plain == others
}

// Plain are the addresses without TLS.
func (t Transport) Plain() []string {
	var out []string
	for _, u := range t.ListenURLs {
		if !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "unixs://") {
			out = append(out, u)
		}
	}
	return out
}

// Client is the side of clients, such as the API server.
func (e Etcd) Client() Value[Transport] {
	return askEtcd(e, func(r *replica) Answer[Transport] { return r.transport("", "client-transport-security") })
}

// Peer is the side of other members.
func (e Etcd) Peer() Value[Transport] {
	return askEtcd(e, func(r *replica) Answer[Transport] { return r.transport("peer-", "peer-transport-security") })
}

func (r *replica) transport(prefix, section string) Answer[Transport] {
	x := reading{r: r}
	text := func(name string, path ...string) string {
		a := r.etcdText(name, path...)
		x.add(a.Basis)
		return a.Value
	}
	boolean := func(name string, path ...string) bool {
		a := parsed(r.etcdText(name, path...), process.Etcd, name, parseBool)
		x.add(a.Basis)
		return a.Value
	}
	t := Transport{
		CertFile: text(prefix+"cert-file", section, "cert-file"), KeyFile: text(prefix+"key-file", section, "key-file"),
		TrustedCAFile: text(prefix+"trusted-ca-file", section, "trusted-ca-file"), ClientCertAuth: boolean(prefix+"client-cert-auth", section, "client-cert-auth"),
		AutoTLS: boolean(prefix+"auto-tls", section, "auto-tls"), MinVersion: text("tls-min-version", "tls-min-version"),
	}
	listen := "listen-peer-urls"
	if prefix == "" {
		listen = "listen-client-urls"
		t.AllowedHostname = text("client-cert-allowed-hostname", section, "allowed-hostname")
	} else {
		t.AllowedHostname = text("peer-cert-allowed-hostname", section, "allowed-hostname")
		t.AllowedCN = text("peer-cert-allowed-cn", section, "allowed-cn")
	}
	for _, u := range strings.Split(text(listen, listen), ",") {
		if u = strings.TrimSpace(u); u != "" {
			t.ListenURLs = append(t.ListenURLs, u)
		}
	}
	return Answer[Transport]{t, x.basis}
}

// DataDir is where etcd keeps its data.
func (e Etcd) DataDir() Value[string] {
	return askEtcd(e, func(r *replica) Answer[string] { return r.etcdText("data-dir", "data-dir") })
}

// Members are the members that the replicas are started with, as name=URL: each knows those that were there before it.
func (e Etcd) Members() Answer[[]string] {
	v := askEtcd(e, func(r *replica) Answer[[]string] {
		return from(r.etcdText("initial-cluster", "initial-cluster"), separated)
	})
	known := v.Find(func([]string) bool { return true })
	if len(known) == 0 || len(known) < len(v.Replicas) {
		return v.Answer
	}
	out := known[0]
	for _, a := range known[1:] {
		out.Value = append(out.Value[:len(out.Value):len(out.Value)], a.Value...)
		out.Places = append(out.Places[:len(out.Places):len(out.Places)], a.Places...)
	}
	slices.Sort(out.Value)
	out.Value, out.Replica = slices.Compact(out.Value), ""
	return out
}

// MetricsURLs serve metrics and health, often without TLS.
func (e Etcd) MetricsURLs() Value[[]string] {
	return askEtcd(e, func(r *replica) Answer[[]string] {
		return from(r.etcdText("listen-metrics-urls", "listen-metrics-urls"), separated)
	})
}

// separated splits at commas; nothing has no parts.
func separated(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "", "false", "0", "f":
		return false, nil
	case "true", "1", "t":
		return true, nil
	}
	return false, errNoBool
}

// etcdText is a flag, a variable of the environment, or with --config-file a field of that file alone: etcd then hears no
// other flag (server/etcdmain/config.go, configFromFile).
func (r *replica) etcdText(flag string, path ...string) Answer[string] {
	name := r.text("config-file")
	if !name.OK() {
		return name
	}
	if name.Value == "" {
		return r.text(flag)
	}
	f, ok := r.File(name.Value)
	switch {
	case !ok:
		return Answer[string]{Basis: unknown("--config-file names "+name.Value+", which is not among the evidence", name.Value)}
	case f.Missing != "":
		return Answer[string]{Basis: unknown("the content of "+name.Value+" is not known: "+f.Missing, name.Value)}
	}
	m, err := mappingOf(f)
	if err != nil {
		return Answer[string]{Basis: unknown(f.Origin().String() + " cannot be read: " + err.Error())}
	}
	a := Answer[string]{etcdDefaults[flag], r.explicit(f.Place)}
	a.Known = Default
	if v, ok, _ := descend(m, path); v != nil && ok {
		a.Known = Explicit
		a.Value = scalar(v)
	}
	return a
}
