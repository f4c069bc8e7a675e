package nodetrust

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// surface is a program by which people administer the cluster. It is known by the end of its image's path, and where an
// image has several programs by a word of the command.
type surface struct {
	name   string
	images []string
	word   string
	flaws  []flaw
	// signOn tells whether people log in by a directory; nil where the program cannot.
	signOn func(*surfaceUse) (answer, nist190.Evidence)
}

// flaw is a switch that should not be on: a flag, a variable that stands for it, or a key of a ConfigMap that it is read from.
type flaw struct {
	flag, variable, configMap, key string
	severity                       nist190.Severity
	means                          string
}

// answer is yes, no, or not known.
type answer uint8

const (
	notKnown answer = iota
	yes
	no
)

// surfaces: github.com/kubernetes/dashboard v2 (src/app/backend/dashboard.go), argo-cd (docs/operator-manual,
// argocd-cmd-params-cm.yaml and user-management), headlamp (docs/installation/in-cluster), rancher (the chart's templates/deployment.yaml).
var surfaces = []surface{
	{name: "Kubernetes Dashboard", images: []string{"kubernetesui/dashboard", "kubernetes-dashboard-amd64", "kubernetesui/dashboard-amd64"}, flaws: []flaw{
		{flag: "enable-skip-login", severity: nist190.SeverityCritical, means: "lets people in without a login, with the rights of its service account"},
		{flag: "enable-insecure-login", severity: nist190.SeverityHigh, means: "takes tokens over connections without TLS"},
		{flag: "disable-settings-authorizer", severity: nist190.SeverityLow, means: "lets everybody change its settings"},
	}},
	{name: "Argo CD", images: []string{"argoproj/argocd", "argoproj/argo-cd"}, word: "argocd-server", signOn: argoSignOn, flaws: []flaw{
		{flag: "disable-auth", variable: "ARGOCD_SERVER_DISABLE_AUTH", configMap: "argocd-cmd-params-cm", key: "server.disable.auth", severity: nist190.SeverityCritical, means: "lets people in without a login, with the rights of its service account"},
		{flag: "insecure", variable: "ARGOCD_SERVER_INSECURE", configMap: "argocd-cmd-params-cm", key: "server.insecure", severity: nist190.SeverityMedium, means: "serves without TLS"},
		{configMap: "argocd-cm", key: "users.anonymous.enabled", severity: nist190.SeverityHigh, means: "lets people in without a login, with the role by default"},
	}},
	{name: "Headlamp", images: []string{"headlamp-k8s/headlamp", "kinvolk/headlamp"}, signOn: headlampSignOn, flaws: []flaw{
		{flag: "unsafe-use-service-account-token", severity: nist190.SeverityCritical, means: "lets people in without a login, with the rights of its service account"},
		{flag: "insecure-ssl", severity: nist190.SeverityMedium, means: "does not verify the API server"},
	}},
	{name: "Rancher", images: []string{"rancher/rancher"}, signOn: rancherSignOn},
}

// surfaceUse is a workload that runs one.
type surfaceUse struct {
	*surface
	inv       *inventory.Inventory
	w         *inventory.Workload
	container int
}

// surfacesOf lists the workloads that run one.
func surfacesOf(inv *inventory.Inventory, workloads []*inventory.Workload) []surfaceUse {
	var out []surfaceUse
	for _, w := range workloads {
		for i := range w.Template.Spec.Containers {
			c := &w.Template.Spec.Containers[i]
			path := "/" + inventory.ParseImage(c.Image).Path
			for j := range surfaces {
				s := &surfaces[j]
				if slices.ContainsFunc(s.images, func(image string) bool { return strings.HasSuffix(path, "/"+image) }) && (s.word == "" || hasWord(c, s.word)) {
					out = append(out, surfaceUse{s, inv, w, i})
				}
			}
		}
	}
	return out
}

func hasWord(c *corev1.Container, word string) bool {
	return slices.ContainsFunc(slices.Concat(c.Command, c.Args), func(a string) bool {
		return a == word || strings.HasSuffix(a, "/"+word)
	})
}

// flagOf finds a switch among the words of the command, with one dash or two.
func (u *surfaceUse) flagOf(name string) (value string, at nist190.Evidence, ok bool) {
	c := &u.w.Template.Spec.Containers[u.container]
	for _, list := range [...]struct {
		field string
		words []string
	}{{"command", c.Command}, {"args", c.Args}} {
		for i, word := range list.words {
			flag, v, valued := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if flag != name || word == flag {
				continue
			}
			if !valued {
				v = "true"
			}
			value, ok = v, true
			at = nist190.Place(inventory.At{Object: u.w.Object, Path: u.w.TemplatePath}, "spec", "containers", u.container, list.field, i).Showing(word)
		}
	}
	return value, at, ok
}

// on reports whether a switch is on, and where. A flag wins over a variable, and a variable with a value of its own over the
// ConfigMap.
func (u *surfaceUse) on(f flaw) (nist190.Evidence, bool) {
	if f.flag != "" {
		if v, at, ok := u.flagOf(f.flag); ok {
			return at, v == "true" || v == "1"
		}
	}
	for i, e := range u.w.Template.Spec.Containers[u.container].Env {
		if f.variable != "" && e.Name == f.variable && e.ValueFrom == nil {
			at := nist190.Place(inventory.At{Object: u.w.Object, Path: u.w.TemplatePath}, "spec", "containers", u.container, "env", i)
			return at.Showing(e.Value), e.Value == "true" || e.Value == "1"
		}
	}
	if f.configMap != "" {
		if o, cm, ok := inventory.TypedGet[corev1.ConfigMap](u.inv, u.w.Namespace(), f.configMap); ok && strings.TrimSpace(cm.Data[f.key]) == "true" {
			return nist190.At(o, "data", f.key).Showing("true"), true
		}
	}
	return nist190.Evidence{}, false
}

var surfaceNeeds = append(inventory.WorkloadNeeds(inventory.Incriminating),
	// A ConfigMap can say what a flag does not.
	inventory.NeedOf[corev1.ConfigMap](inventory.Incriminating).InSubjectNamespace(),
)

var adminSurface = nist190.Metadata{
	ID: "nodetrust-admin-surface", Title: "Console of administrators without TLS or a login", Risk: nist190.NodeTrust,
	Doc: `A console by which people administer the cluster (Kubernetes Dashboard, Argo CD, Headlamp, Rancher) lets them in without a
login, takes their credentials without TLS, or is behind an Ingress without TLS. SP 800-190 asks that traffic with
administrators is encrypted and authenticated.

Before:

    args: [--enable-skip-login, --enable-insecure-login]

After:

    args: [--auto-generate-certificates]`,
	Claims: nist190.Claims("5i", "2b"), Controls: []string{"SC-8", "IA-2", "AC-17"}, Severity: nist190.SeverityHigh,
	Remediation: "Remove the switch, terminate TLS in the Ingress (spec.tls) and in the console, and let people log in by the directory.",
	Subjects:    inventory.WorkloadKinds(),
	Needs: append(slices.Clone(surfaceNeeds),
		inventory.NeedOf[corev1.Service](inventory.Incriminating).InSubjectNamespace(),
		inventory.NeedOf[networkingv1.Ingress](inventory.Incriminating).InSubjectNamespace(),
	),
	Since:  "v0.1.0",
	Limits: "Consoles are known by their images. TLS that a load balancer or a Gateway terminates is not seen, nor are consoles outside of the cluster.",
}

// AdminSurface finds consoles that let people in without a login or without TLS.
func AdminSurface() nist190.Check { return nist190.NewCheck(adminSurface, checkAdminSurface) }

func checkAdminSurface(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, u := range surfacesOf(e.Inventory, workloads) {
		found := false
		for _, f := range u.flaws {
			at, on := u.on(f)
			if !on {
				continue
			}
			found = true
			e.Report(nist190.Outcome{Status: nist190.Fail, Subject: u.w.Ref(), Key: u.name + " " + f.flag + f.key, Severity: f.severity,
				Message: fmt.Sprintf("%s %s", u.name, f.means), Evidence: []nist190.Evidence{at}})
		}
		for _, o := range u.plainIngresses() {
			found = true
			e.Report(nist190.Outcome{Status: nist190.Fail, Subject: u.w.Ref(), Key: u.name + " Ingress " + o.Name(), Severity: nist190.SeverityHigh,
				Message: fmt.Sprintf("%s is reached without TLS through Ingress %q", u.name, o.Name()), Evidence: []nist190.Evidence{nist190.At(o, "spec")}})
		}
		if !found {
			e.Pass(u.w.Ref(), nist190.Place(inventory.At{Object: u.w.Object, Path: u.w.TemplatePath}, "spec", "containers", u.container, "image"))
		}
	}
	return ctx.Err()
}

// elsewhere are annotations of Ingresses whose TLS ends in a load balancer that takes its certificate from elsewhere.
var elsewhere = []string{
	"alb.ingress.kubernetes.io/certificate-arn", "alb.ingress.kubernetes.io/listen-ports", "ingress.gcp.kubernetes.io/pre-shared-cert", "networking.gke.io/managed-certificates",
	"appgw.ingress.kubernetes.io/appgw-ssl-certificate", "nginx.ingress.kubernetes.io/ssl-passthrough", "traefik.ingress.kubernetes.io/router.tls",
	"haproxy.org/ssl-passthrough",
}

// plainIngresses lead to the console, for a host that no entry of spec.tls names.
func (u *surfaceUse) plainIngresses() []*inventory.Object {
	services := map[string]bool{}
	for o, s := range inventory.TypedIn[corev1.Service](u.inv, u.w.Namespace()) {
		if len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(u.w.Template.Labels)) {
			services[o.Name()] = true
		}
	}
	var out []*inventory.Object
	for o, ing := range inventory.TypedIn[networkingv1.Ingress](u.inv, u.w.Namespace()) {
		if slices.ContainsFunc(elsewhere, func(k string) bool { return ing.Annotations[k] != "" }) {
			continue
		}
		if leadsInPlain(ing, services) {
			out = append(out, o)
		}
	}
	return out
}

func leadsInPlain(ing *networkingv1.Ingress, services map[string]bool) bool {
	// An entry without hosts stands for all (pkg.go.dev/k8s.io/api/networking/v1, IngressTLS).
	covered := func(host string) bool {
		return slices.ContainsFunc(ing.Spec.TLS, func(t networkingv1.IngressTLS) bool {
			return len(t.Hosts) == 0 || slices.ContainsFunc(t.Hosts, func(h string) bool {
				_, domain, _ := strings.Cut(host, ".")
				return h == host || h == "*."+domain
			})
		})
	}
	leads := func(b *networkingv1.IngressBackend) bool {
		return b != nil && b.Service != nil && services[b.Service.Name]
	}
	if leads(ing.Spec.DefaultBackend) && len(ing.Spec.TLS) == 0 {
		return true
	}
	for _, r := range ing.Spec.Rules {
		if r.HTTP == nil || covered(r.Host) {
			continue
		}
		if slices.ContainsFunc(r.HTTP.Paths, func(p networkingv1.HTTPIngressPath) bool { return leads(&p.Backend) }) {
			return true
		}
	}
	return false
}

var authConfigKind = schema.GroupKind{Group: "management.cattle.io", Kind: "AuthConfig"}

var adminSignOn = nist190.Metadata{
	ID: "nodetrust-admin-sign-on", Title: "Console of administrators without single sign-on", Risk: nist190.NodeTrust,
	Doc: `A console by which people administer the cluster knows users of its own, or asks for a token, and not the directory of the
organization. Who leaves the organization keeps the login, nobody asks for a second factor, and the audit trail is spread.

What counts: dex.config or oidc.config of Argo CD, the flags -oidc-* or the environment of Headlamp, an AuthConfig of Rancher
that is enabled beside the local one. The Kubernetes Dashboard has no sign-on of its own.

Before:

    kind: ConfigMap
    metadata: {name: argocd-cm}
    data: {url: "https://argocd.example.com"}

After:

    data:
      oidc.config: |
        name: SSO
        issuer: https://sso.example.com
        clientID: argocd`,
	Claims: nist190.Claims("2c"), Controls: []string{"IA-2", "IA-8"}, Severity: nist190.SeverityLow,
	Remediation: "Connect the console to the directory by OpenID Connect, and switch local users off.",
	Subjects:    inventory.WorkloadKinds(),
	Needs: append(inventory.WorkloadNeeds(inventory.Incriminating),
		// A ConfigMap or an AuthConfig that was not seen may be the sign-on.
		inventory.NeedOf[corev1.ConfigMap](inventory.Exonerating).InSubjectNamespace(),
		inventory.Need{Group: authConfigKind.Group, Kind: authConfigKind.Kind, Resource: "authconfigs", Bias: inventory.Exonerating},
	),
	Since:  "v0.1.0",
	Limits: "A proxy in front of the console that asks for a login is not seen. What is in a Secret is not read.",
}

// AdminSignOn finds consoles whose users are not those of a directory.
func AdminSignOn() nist190.Check { return nist190.NewCheck(adminSignOn, checkAdminSignOn) }

func checkAdminSignOn(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, u := range surfacesOf(e.Inventory, workloads) {
		image := nist190.Place(inventory.At{Object: u.w.Object, Path: u.w.TemplatePath}, "spec", "containers", u.container, "image")
		if u.signOn == nil {
			e.Report(nist190.Outcome{Status: nist190.NotApplicable, Subject: u.w.Ref(), Key: u.name, Message: u.name + " has no sign-on of its own", Evidence: []nist190.Evidence{image}})
			continue
		}
		out := nist190.Outcome{Subject: u.w.Ref(), Key: u.name, Evidence: []nist190.Evidence{image}}
		is, at := u.signOn(&u)
		if at.Path != "" || at.Ref.Kind != "" {
			out.Evidence = []nist190.Evidence{at}
		}
		switch is {
		case yes:
			out.Status = nist190.Pass
		case no:
			out.Status, out.Message = nist190.Fail, u.name+" knows its users by itself, and not by a directory"
		default:
			out.Status, out.Reason, out.Message = nist190.NotAssessed, nist190.ReasonUnknown, "whether "+u.name+" is connected to a directory is not in the objects"
		}
		e.Report(out)
	}
	return ctx.Err()
}

func argoSignOn(u *surfaceUse) (answer, nist190.Evidence) {
	o, cm, ok := inventory.TypedGet[corev1.ConfigMap](u.inv, u.w.Namespace(), "argocd-cm")
	if !ok {
		return notKnown, nist190.Evidence{}
	}
	for _, key := range [...]string{"oidc.config", "dex.config"} {
		if strings.TrimSpace(cm.Data[key]) != "" {
			return yes, nist190.At(o, "data", key)
		}
	}
	return no, nist190.At(o, "metadata", "name")
}

func headlampSignOn(u *surfaceUse) (answer, nist190.Evidence) {
	c := &u.w.Template.Spec.Containers[u.container]
	if _, at, ok := u.flagOf("oidc-idp-issuer-url"); ok {
		return yes, at
	}
	for i, e := range c.Env {
		if strings.Contains(e.Name, "OIDC_ISSUER_URL") || strings.Contains(e.Name, "OIDC_IDP_ISSUER_URL") {
			return yes, nist190.Place(inventory.At{Object: u.w.Object, Path: u.w.TemplatePath}, "spec", "containers", u.container, "env", i)
		}
	}
	if len(c.EnvFrom) > 0 {
		return notKnown, nist190.Evidence{}
	}
	return no, nist190.Evidence{}
}

func rancherSignOn(u *surfaceUse) (answer, nist190.Evidence) {
	seen := false
	for o := range u.inv.ByKind(authConfigKind) {
		seen = true
		var x struct{ Enabled bool }
		if json.Unmarshal(o.JSON(), &x) == nil && x.Enabled && o.Name() != "local" {
			return yes, nist190.At(o, "enabled")
		}
	}
	if !seen {
		return notKnown, nist190.Evidence{}
	}
	return no, nist190.Evidence{}
}
