package controlplane

import (
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/defaults"
	"github.com/nist190/nist190/internal/controlplane/process"
)

// APIServer is the API server, in all of its replicas.
type APIServer struct{ view *View }

// APIServer asks about kube-apiserver.
func (v *View) APIServer() APIServer { return APIServer{v} }

func askAPI[T any](s APIServer, question func(*replica) Answer[T]) Value[T] {
	return ask(s.view, process.KubeAPIServer, question)
}

// AuthorizationModes are the authorizers by type, in their order.
func (s APIServer) AuthorizationModes() Value[[]string] {
	return askAPI(s, func(r *replica) Answer[[]string] {
		return from(r.authorizers(), func(list []Authorizer) []string {
			var out []string
			for _, a := range list {
				out = append(out, a.Type)
			}
			return out
		})
	})
}

// AuthorizationMode reports whether there is an authorizer of a type. The counters of a running API server prove that
// there is one, where its flags cannot be seen.
func (s APIServer) AuthorizationMode(mode string) Value[bool] {
	return askAPI(s, func(r *replica) Answer[bool] {
		if a, ok := r.seen("authorization-mode", mode); ok {
			return a
		}
		return from(r.authorizers(), func(list []Authorizer) bool {
			return slices.ContainsFunc(list, func(a Authorizer) bool { return a.Type == mode })
		})
	})
}

// Authorizer is one of the chain. The first that has an opinion decides.
type Authorizer struct {
	Type, Name string
	// Webhook is the configuration of a webhook from AuthorizationConfiguration; of one from flags only the file is known.
	Webhook    *config.WebhookConfiguration
	Kubeconfig string // of a webhook
	PolicyFile string // of ABAC
}

// Authorizers are the authorizers in their order.
func (s APIServer) Authorizers() Value[[]Authorizer] {
	return askAPI(s, (*replica).authorizers)
}

// authorizers: --authorization-config excludes the flags of modes; without either everything is allowed
// (pkg/kubeapiserver/options/authorization.go, Complete).
func (r *replica) authorizers() Answer[[]Authorizer] {
	doc := file[*config.AuthorizationConfiguration](r, "authorization-config")
	if !doc.OK() {
		return Answer[[]Authorizer]{Basis: doc.Basis}
	}
	if c := doc.Value.Document; c != nil {
		for _, flag := range []string{"authorization-mode", "authorization-webhook-config-file", "authorization-policy-file"} {
			if r.isSet(flag) && !r.Effective {
				return Answer[[]Authorizer]{Basis: Basis{Places: doc.Places}.refused(r.Component, "--authorization-config and --"+flag+" exclude each other")}
			}
		}
		return from(doc, func(document[*config.AuthorizationConfiguration]) []Authorizer {
			var out []Authorizer
			for i := range c.Authorizers {
				a := Authorizer{Type: c.Authorizers[i].Type, Name: c.Authorizers[i].Name, Webhook: c.Authorizers[i].Webhook}
				if a.Webhook != nil && a.Webhook.ConnectionInfo.KubeConfigFile != nil {
					a.Kubeconfig = *a.Webhook.ConnectionInfo.KubeConfigFile
				}
				out = append(out, a)
			}
			return out
		})
	}
	modes := r.list("authorization-mode")
	if !modes.OK() {
		return Answer[[]Authorizer]{Basis: modes.Basis}
	}
	if len(modes.Value) == 0 {
		a := Answer[[]Authorizer]{[]Authorizer{{Type: "AlwaysAllow"}}, modes.Basis}
		a.Known, a.Version = Default, r.version.Value
		return a
	}
	seen := map[string]bool{}
	var out []Authorizer
	for _, m := range modes.Value {
		switch m {
		case "AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node":
		default:
			return Answer[[]Authorizer]{Basis: Basis{Places: modes.Places}.refused(r.Component, "--authorization-mode has a mode that there is not")}
		}
		if seen[m] {
			return Answer[[]Authorizer]{Basis: Basis{Places: modes.Places}.refused(r.Component, "--authorization-mode has a mode twice")}
		}
		seen[m] = true
		a := Authorizer{Type: m}
		switch m {
		case "Webhook":
			f := r.text("authorization-webhook-config-file")
			a.Kubeconfig = f.Value
		case "ABAC":
			a.PolicyFile = r.text("authorization-policy-file").Value
		}
		out = append(out, a)
	}
	return Answer[[]Authorizer]{out, modes.Basis}
}

// AdmissionPlugins are the admission plugins that are on, in the order in which they are called.
func (s APIServer) AdmissionPlugins() Value[[]string] { return askAPI(s, (*replica).admissionPlugins) }

// AdmissionPlugin reports whether a plugin is on. The metrics of a running API server prove it where its flags cannot be
// seen.
func (s APIServer) AdmissionPlugin(name string) Value[bool] {
	v := askAPI(s, func(r *replica) Answer[bool] {
		if a, ok := r.seen("enable-admission-plugins", name); ok {
			return a
		}
		if r.Partial {
			return Answer[bool]{Basis: unknown(r.Incomplete)}
		}
		// What the flags name needs no table of the version.
		on, off := r.list("enable-admission-plugins"), r.list("disable-admission-plugins")
		if !r.isSet("admission-control") && on.OK() && slices.Contains(on.Value, name) {
			return Answer[bool]{true, on.Basis}
		}
		if !r.isSet("admission-control") && on.OK() && off.OK() && slices.Contains(off.Value, name) {
			return Answer[bool]{false, off.Basis}
		}
		plugins := r.admissionPlugins()
		return from(plugins, func(list []string) bool { return slices.Contains(list, name) })
	})
	if b, ok := s.view.asserted(cloud.NodeRestrictionOn); ok && !v.OK() && name == "NodeRestriction" {
		return Value[bool]{Answer: Answer[bool]{true, b}}
	}
	return v
}

// admissionPlugins is enabledPluginNames of apiserver/pkg/server/options/admission.go: off are those that are off by default
// or disabled, but for those that are enabled. The old flag names all of them.
func (r *replica) admissionPlugins() Answer[[]string] {
	if r.Partial {
		return Answer[[]string]{Basis: unknown(r.Incomplete)}
	}
	on, off := r.list("enable-admission-plugins"), r.list("disable-admission-plugins")
	if r.isSet("admission-control") {
		if r.isSet("enable-admission-plugins") || r.isSet("disable-admission-plugins") {
			return Answer[[]string]{Basis: Basis{}.refused(r.Component, "--admission-control excludes --enable-admission-plugins and --disable-admission-plugins")}
		}
		return r.list("admission-control")
	}
	for _, flag := range []Answer[[]string]{on, off} {
		if !flag.OK() {
			return flag
		}
	}
	if name, ok := noPlugin(append(slices.Clone(on.Value), off.Value...)); ok {
		return Answer[[]string]{Basis: on.refused(r.Component, "there is no admission plugin "+strconv.Quote(name))}
	}
	a := agreed(r, "a list of all admission plugins", func(minor int) ([]string, bool) {
		byDefault := defaults.AdmissionPlugins(minor)
		var out []string
		for _, name := range defaults.AllAdmissionPlugins(minor) {
			isOff := slices.Contains(off.Value, name) || !slices.Contains(byDefault, name)
			if !isOff || slices.Contains(on.Value, name) {
				out = append(out, name)
			}
		}
		return out, byDefault != nil
	})
	if !a.OK() {
		return a
	}
	for _, flag := range []Answer[[]string]{on, off} {
		if flag.Known != Default {
			a.Places = append(flag.Places[:len(flag.Places):len(flag.Places)], a.Places...)
		}
	}
	return a
}

// noPlugin finds a name that no supported version knows.
func noPlugin(names []string) (string, bool) {
	for _, name := range names {
		known := false
		for m := range defaults.Minors() {
			known = known || slices.Contains(defaults.AllAdmissionPlugins(m), name)
		}
		if !known {
			return name, true
		}
	}
	return "", false
}

// Encryption is how a resource is stored in etcd.
type Encryption struct {
	// Providers in their order: the first writes, all read. None, or identity first, is plain text.
	Providers []Provider
	// Configured: there is an EncryptionConfiguration, whether or not it names the resource.
	Configured bool
	// Reload: changes of the file are taken without a restart.
	Reload bool
	// OnlyWriter: the process was seen to write by the first of Providers, and nothing is known of others.
	OnlyWriter bool
}

// same compares what two replicas say. Of one of which only the writer is known that alone counts.
func (e Encryption) same(other any) bool {
	o := other.(Encryption)
	if !e.OnlyWriter && !o.OnlyWriter {
		return reflect.DeepEqual(e, o)
	}
	return e.writer() == o.writer()
}

func (e Encryption) writer() string {
	if !e.Encrypted() {
		return "identity"
	}
	return e.Providers[0].Type + e.Providers[0].Version
}

// Encrypted reports whether what is written is encrypted.
func (e Encryption) Encrypted() bool {
	return len(e.Providers) > 0 && e.Providers[0].Type != "identity"
}

// Provider is one provider of an EncryptionConfiguration.
type Provider struct {
	Type string // aesgcm, aescbc, secretbox, identity, kms
	Name string // of a KMS plugin
	// Version of the protocol of a KMS plugin: v1 or v2.
	Version string
	Keys    []config.Key // what is known of literal keys
}

// EncryptionFor is how a resource is stored, by the order in which the API server looks for its providers.
func (s APIServer) EncryptionFor(resource schema.GroupResource) Value[Encryption] {
	v := askAPI(s, func(r *replica) Answer[Encryption] {
		if a, ok := r.writtenBy(resource); ok {
			return a
		}
		if _, ok := r.seen("encryption-provider-config", ""); ok {
			return Answer[Encryption]{Basis: unknown("the API server has loaded an EncryptionConfiguration, whose content /metrics does not tell", "the file of --encryption-provider-config")}
		}
		doc := file[*config.EncryptionConfiguration](r, "encryption-provider-config")
		if !doc.OK() {
			return Answer[Encryption]{Basis: doc.Basis}
		}
		c := doc.Value.Document
		if c == nil {
			return Answer[Encryption]{Basis: doc.Basis}
		}
		reload := r.boolean("encryption-provider-config-automatic-reload")
		a := from(doc, func(d document[*config.EncryptionConfiguration]) Encryption {
			return Encryption{Providers: providers(c.Providers(resource)), Configured: true, Reload: reload.Value}
		})
		if i := firstEntry(c, resource); i >= 0 {
			a.Places = append([]process.Place{doc.Value.field("resources", i, "providers", 0)}, a.Places...)
		}
		return a
	})
	if !v.OK() {
		if a, ok := s.view.managedEncryption(resource); ok {
			return Value[Encryption]{Answer: a}
		}
	}
	return v
}

// writtenBy is what the counters of a running API server show of how it stores a resource (apiserver/pkg/storage/value, prefixes of
// pkg/server/options/encryptionconfig/config.go). Where it was seen to write in two ways, its configuration was changed since it started,
// and which one counts now is not known.
func (r *replica) writtenBy(resource schema.GroupResource) (Answer[Encryption], bool) {
	if !r.Partial {
		return Answer[Encryption]{}, false
	}
	var found []process.Seen
	prefix := ""
	for _, seen := range r.Seen {
		if of, p, ok := strings.Cut(seen.Item, " "); ok && seen.Flag == process.WrittenBy && of == resource.String() {
			found = append(found, seen)
			prefix = p
		}
	}
	switch len(found) {
	case 0:
		return Answer[Encryption]{}, false
	case 1:
	default:
		return Answer[Encryption]{Basis: unknown("the API server has stored " + resource.String() + " in more than one way since it started")}, true
	}
	e := Encryption{OnlyWriter: true, Configured: true, Providers: []Provider{{Type: "identity"}}}
	parts := strings.Split(strings.TrimPrefix(prefix, "k8s:enc:"), ":")
	if prefix != "" {
		e.Providers[0].Type = parts[0]
		if parts[0] == "kms" && len(parts) > 1 {
			e.Providers[0].Version = parts[1]
		}
	}
	return Answer[Encryption]{e, r.explicit(found[0].Place)}, true
}

// ReadPlain: a running API server was seen to read an object of a resource from etcd that was not encrypted, although it has an
// EncryptionConfiguration.
func (s APIServer) ReadPlain(resource schema.GroupResource) (Basis, bool) {
	for _, r := range s.view.components[process.KubeAPIServer] {
		if a, ok := r.seen(process.ReadPlain, resource.String()); ok {
			return a.Basis, true
		}
	}
	return Basis{}, false
}

// firstEntry is the index of the entry whose providers count.
func firstEntry(c *config.EncryptionConfiguration, resource schema.GroupResource) int {
	for _, of := range []schema.GroupResource{resource, {Group: resource.Group, Resource: "*"}, {Group: "*", Resource: "*"}} {
		for i, r := range c.Resources {
			for _, name := range r.Resources {
				if schema.ParseGroupResource(name) == of {
					return i
				}
			}
		}
	}
	return -1
}

func providers(list []config.ProviderConfiguration) []Provider {
	var out []Provider
	for _, p := range list {
		switch {
		case p.AESGCM != nil:
			out = append(out, Provider{Type: "aesgcm", Keys: p.AESGCM.Keys})
		case p.AESCBC != nil:
			out = append(out, Provider{Type: "aescbc", Keys: p.AESCBC.Keys})
		case p.Secretbox != nil:
			out = append(out, Provider{Type: "secretbox", Keys: p.Secretbox.Keys})
		case p.KMS != nil:
			version := p.KMS.APIVersion
			if version == "" {
				version = "v1"
			}
			out = append(out, Provider{Type: "kms", Name: p.KMS.Name, Version: version})
		case p.Identity != nil:
			out = append(out, Provider{Type: "identity"})
		}
	}
	return out
}

// Audit is what the API server records.
type Audit struct {
	// Policy is nil where none is configured: nothing is recorded then.
	Policy *config.AuditPolicy
	// LogPath is the file of the log backend, "-" for the standard output; empty, there is none.
	LogPath string
	// HostPath is where the node keeps that file. It is empty where the file is in the container's own layer and lost with it.
	HostPath string
	// Webhook is the kubeconfig of the webhook backend; empty, there is none.
	Webhook string
	// MaxAge is in days; see [APIServer.AuditLogLimit].
	MaxAge, MaxBackup, MaxSize int
	// Truncates: events over a size lose their bodies.
	Truncates bool
}

// Recorded reports whether events reach a backend at all.
func (a Audit) Recorded() bool { return a.Policy != nil && (a.LogPath != "" || a.Webhook != "") }

// Audit is the policy and its backends (apiserver/pkg/server/options/audit.go).
func (s APIServer) Audit() Value[Audit] {
	return askAPI(s, func(r *replica) Answer[Audit] {
		doc := file[*config.AuditPolicy](r, "audit-policy-file")
		x := reading{r: r}
		x.add(doc.Basis)
		a := Audit{Policy: doc.Value.Document, LogPath: x.text("audit-log-path"), Webhook: x.text("audit-webhook-config-file")}
		a.MaxAge, a.MaxBackup, a.MaxSize = r.number("audit-log-maxage").Value, r.number("audit-log-maxbackup").Value, r.number("audit-log-maxsize").Value
		if a.LogPath != "" && a.LogPath != "-" {
			a.HostPath = r.onHost(a.LogPath)
		}
		a.Truncates = r.boolean("audit-log-truncate-enabled").Value
		return Answer[Audit]{a, x.basis}
	})
}

// AuditLogLimit is one of the limits by which old files of the audit log are deleted: days, files, or megabytes of one file. Zero is no
// limit, and of megabytes the 100 of the library that writes them.
func (s APIServer) AuditLogLimit(of AuditLimit) Value[int] {
	return askAPI(s, func(r *replica) Answer[int] {
		switch of {
		case AuditFiles:
			return r.number("audit-log-maxbackup")
		case AuditMegabytes:
			return r.number("audit-log-maxsize")
		}
		return r.number("audit-log-maxage")
	})
}

// AuditLimit names a limit of the audit log.
type AuditLimit uint8

const (
	AuditDays AuditLimit = iota
	AuditFiles
	AuditMegabytes
)

// onHost is where the node keeps what the process writes to a path.
func (r *replica) onHost(name string) string {
	if r.Container && !slices.ContainsFunc(r.Mounts, func(m process.Mount) bool {
		dir := strings.TrimSuffix(path.Clean(m.Path), "/")
		return path.Clean(name) == dir || strings.HasPrefix(path.Clean(name), dir+"/")
	}) {
		return ""
	}
	return r.HostPath(name)
}

// TLS is how a component serves.
type TLS struct {
	CertFile, KeyFile string // empty: a self-signed certificate
	SNI               []string
	MinVersion        string   // VersionTLS10 to 13; empty is that of Go, 1.2
	CipherSuites      []string // none stands for those of Go
	BindAddress       string
	Port              int
}

func (r *replica) serving() Answer[TLS] {
	x := reading{r: r}
	t := TLS{CertFile: x.text("tls-cert-file"), KeyFile: x.text("tls-private-key-file"), SNI: x.lines("tls-sni-cert-key"), MinVersion: x.text("tls-min-version"),
		CipherSuites: x.list("tls-cipher-suites"), BindAddress: x.text("bind-address"), Port: x.number("secure-port")}
	return Answer[TLS]{t, x.basis}
}

// TLS is how the API server serves.
func (s APIServer) TLS() Value[TLS] { return askAPI(s, (*replica).serving) }

// Client is how a component proves itself to another.
type Client struct {
	Servers           []string
	CAFile            string // empty: the certificate of the server is not checked
	CertFile, KeyFile string
}

// Etcd is how the API server reaches etcd.
func (s APIServer) Etcd() Value[Client] {
	return askAPI(s, func(r *replica) Answer[Client] {
		x := reading{r: r}
		c := Client{Servers: x.list("etcd-servers"), CAFile: x.text("etcd-cafile"), CertFile: x.text("etcd-certfile"), KeyFile: x.text("etcd-keyfile")}
		return Answer[Client]{c, x.basis}
	})
}

// KubeletClient is how the API server proves itself to kubelets, and whether it checks them: without CAFile it does not.
func (s APIServer) KubeletClient() Value[Client] {
	return askAPI(s, func(r *replica) Answer[Client] {
		x := reading{r: r}
		c := Client{CAFile: x.text("kubelet-certificate-authority"), CertFile: x.text("kubelet-client-certificate"), KeyFile: x.text("kubelet-client-key")}
		return Answer[Client]{c, x.basis}
	})
}

// Profiling: /debug/pprof is served.
func (s APIServer) Profiling() Value[bool] {
	return askAPI(s, func(r *replica) Answer[bool] { return r.boolean("profiling") })
}

// RequestTimeout ends long requests.
func (s APIServer) RequestTimeout() Value[time.Duration] {
	return askAPI(s, func(r *replica) Answer[time.Duration] { return r.duration("request-timeout") })
}

// FeatureGate is a gate of the API server.
func (s APIServer) FeatureGate(name string) Value[bool] {
	return s.view.FeatureGate(process.KubeAPIServer, name)
}

// AdmissionConfiguration is the file of --admission-control-config-file; nil where there is none.
func (s APIServer) AdmissionConfiguration() Value[*config.AdmissionConfiguration] {
	return askAPI(s, func(r *replica) Answer[*config.AdmissionConfiguration] {
		doc := file[*config.AdmissionConfiguration](r, "admission-control-config-file")
		return from(doc, func(d document[*config.AdmissionConfiguration]) *config.AdmissionConfiguration { return d.Document })
	})
}

// AllowPrivileged: pods may ask to be privileged, as far as the API server is concerned.
func (s APIServer) AllowPrivileged() Value[bool] {
	return askAPI(s, func(r *replica) Answer[bool] { return r.boolean("allow-privileged") })
}
