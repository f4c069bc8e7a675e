package authn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane/config"
)

// auditAction is something that has to be found in the records afterwards: requests that are it.
type auditAction struct {
	key       string
	what      string // as the subject of a sentence
	severity  nist190.Severity
	staysOpen bool
	requests  []AuditQuestion
}

// auditActions are what an investigation starts from: item 3.2.2 of the CIS benchmark, and what gives rights or credentials.
// Somebody else's name is assumed with any request, whose event has both names, so that impersonation is recorded where the
// request is.
func auditActions() []auditAction {
	const rbacGroup, certificates = "rbac.authorization.k8s.io", "certificates.k8s.io"
	writes := []string{"create", "update", "patch", "delete"}
	return []auditAction{
		{key: "secret-read", what: "reading Secrets", severity: nist190.SeverityHigh,
			requests: requests("", "secrets", "", "get", "list", "watch")},
		{key: "secret-write", what: "changing Secrets", severity: nist190.SeverityMedium,
			requests: requests("", "secrets", "", writes...)},
		{key: "rbac-write", what: "changing roles and bindings", severity: nist190.SeverityHigh, requests: slices.Concat(
			requests(rbacGroup, "clusterroles", "", writes...), requests(rbacGroup, "clusterrolebindings", "", writes...),
			requests(rbacGroup, "roles", "", writes...), requests(rbacGroup, "rolebindings", "", writes...))},
		// A client that speaks WebSocket asks with get (apiserver/pkg/endpoints/request/requestinfo.go maps methods to verbs).
		{key: "pod-exec", what: "commands and connections into pods (exec, attach, portforward)", severity: nist190.SeverityHigh,
			staysOpen: true, requests: slices.Concat(requests("", "pods", "exec", "create", "get"), requests("", "pods", "attach", "create", "get"),
				requests("", "pods", "portforward", "create", "get"))},
		{key: "pod-debug", what: "adding ephemeral containers to pods", severity: nist190.SeverityMedium,
			requests: requests("", "pods", "ephemeralcontainers", "update", "patch")},
		{key: "proxy", what: "requests that are passed on to nodes, pods and services (proxy)", severity: nist190.SeverityMedium,
			requests: slices.Concat(requests("", "nodes", "proxy", "get", "create"), requests("", "pods", "proxy", "get", "create"),
				requests("", "services", "proxy", "get", "create"))},
		{key: "token-create", what: "making tokens of service accounts", severity: nist190.SeverityHigh,
			requests: requests("", "serviceaccounts", "token", "create")},
		{key: "certificate-approve", what: "asking for certificates and approving them", severity: nist190.SeverityHigh, requests: slices.Concat(
			requests(certificates, "certificatesigningrequests", "", "create"), requests(certificates, "certificatesigningrequests", "approval", "update", "patch"))},
		{key: "workload-write", what: "creating and changing workloads", severity: nist190.SeverityMedium, requests: slices.Concat(
			requests("", "pods", "", "create", "delete"), requests("apps", "deployments", "", writes...), requests("apps", "daemonsets", "", writes...),
			requests("apps", "statefulsets", "", writes...), requests("batch", "jobs", "", "create", "delete"), requests("batch", "cronjobs", "", writes...))},
		{key: "admission-write", what: "changing admission webhooks and policies", severity: nist190.SeverityMedium, requests: slices.Concat(
			requests("admissionregistration.k8s.io", "validatingwebhookconfigurations", "", writes...),
			requests("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", writes...),
			requests("admissionregistration.k8s.io", "validatingadmissionpolicies", "", writes...))},
	}
}

func requests(group, resource, subresource string, verbs ...string) []AuditQuestion {
	var out []AuditQuestion
	for _, v := range verbs {
		out = append(out, AuditQuestion{Verb: v, Group: group, Resource: resource, Subresource: subresource})
	}
	return out
}

// somebody is no one that a policy names.
const somebody = "somebody"

// clusterScoped are the resources among those of actions that no namespace has.
var clusterScoped = []string{"clusterroles", "clusterrolebindings", "certificatesigningrequests", "nodes",
	"validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies", "tokenreviews"}

// blind is a request that is not recorded, and the rule that decides so; -1 is no rule at all.
type blind struct {
	request AuditQuestion
	rule    int
	whose   string // " of user ...", " in namespace ...": what the rule singles out; empty: it is anybody's
}

// blindSpot finds a request of the action that p does not record. First it asks for somebody whom no rule names, then, for
// every rule that records nothing, for whom and what that rule names. Users and groups of Kubernetes' own components are
// passed over: their own work is noise. Cost: for each request, the rules times what one rule names.
func (p *AuditPolicy) blindSpot(a *auditAction) (blind, bool) {
	for _, b := range anybodys(a.requests) {
		if x := p.Evaluate(&b.request); !x.Recorded(a.staysOpen) {
			return blind{b.request, x.Rule, b.whose}, true
		}
		for i := range p.config.Rules {
			r := &p.config.Rules[i]
			if (AuditAnswer{Level: levelOf(r), Omit: slices.Concat(p.config.OmitStages, r.OmitStages)}).Recorded(a.staysOpen) {
				continue
			}
			for _, w := range singledOut(r, b) {
				if x := p.Evaluate(&w.request); x.Rule == i {
					return blind{w.request, i, w.whose}, true
				}
			}
		}
	}
	return blind{}, false
}

// anybodys are the requests of somebody whom no policy names, in a namespace and of an object that none names, and those of
// nobody, who has not logged in. What is listed is listed in all namespaces too.
func anybodys(requests []AuditQuestion) []blind {
	var out []blind
	add := func(q AuditQuestion) {
		nobody := q
		q.User, q.Groups = somebody, []string{"system:authenticated"}
		nobody.User, nobody.Groups = "system:anonymous", []string{"system:unauthenticated"}
		out = append(out, blind{request: q}, blind{request: nobody, whose: ` of user "system:anonymous"`})
	}
	for _, q := range requests {
		q.Name = somebody
		switch namespaced := !slices.Contains(clusterScoped, q.Resource); {
		case !namespaced:
			add(q)
			continue
		case q.Verb == "list" || q.Verb == "watch":
			all := q
			all.Name = ""
			add(all)
		}
		q.Namespace = somebody
		add(q)
	}
	return out
}

// singledOut are requests like q of those whom a rule names, of the namespaces and of the objects that it names.
func singledOut(r *config.AuditRule, b blind) []blind {
	q := b.request
	callers := []blind{b}
	switch {
	case len(r.Users) > 0:
		callers = nil
		for _, u := range r.Users {
			if !ownComponent(u, "") {
				c := blind{request: q, whose: fmt.Sprintf(" of user %q", u)}
				c.request.User, c.request.Groups = u, groupsOf(u, r.UserGroups)
				callers = append(callers, c)
			}
		}
	case len(r.UserGroups) > 0:
		callers = nil
		for _, g := range r.UserGroups {
			c := blind{request: q, whose: fmt.Sprintf(" of group %q", g)}
			switch c.request.User, c.request.Groups = somebody, []string{g, "system:authenticated"}; {
			case ownComponent("", g):
				continue
			case g == "system:authenticated":
				c.request.Groups, c.whose = []string{g}, ""
			case g == "system:unauthenticated":
				c.request.User, c.request.Groups = "system:anonymous", []string{g}
			}
			callers = append(callers, c)
		}
	}
	if q.Namespace != "" {
		callers = among(callers, r.Namespaces, func(b *blind, ns string) {
			b.request.Namespace = ns
			b.whose += fmt.Sprintf(" in namespace %q", ns)
		})
	}
	for i := range r.Resources {
		callers = append(callers, among(slices.Clone(callers), r.Resources[i].ResourceNames, func(b *blind, name string) {
			b.request.Name = name
			b.whose += fmt.Sprintf(" named %q", name)
		})...)
	}
	return callers
}

// among makes one of each for every value, and leaves them as they are where there is none.
func among(all []blind, values []string, set func(*blind, string)) []blind {
	if len(values) == 0 {
		return all
	}
	var out []blind
	for _, b := range all {
		for _, v := range values {
			if v == "" {
				continue
			}
			next := b
			set(&next, v)
			out = append(out, next)
		}
	}
	return out
}

// groupsOf are the groups that a user of this name has (apiserver/pkg/authentication/serviceaccount/util.go), and those that
// a rule asks for as well.
func groupsOf(name string, more []string) []string {
	if name == "system:anonymous" {
		return []string{"system:unauthenticated"}
	}
	out := append([]string{"system:authenticated"}, more...)
	if rest, ok := strings.CutPrefix(name, "system:serviceaccount:"); ok {
		ns, _, _ := strings.Cut(rest, ":")
		out = append(out, "system:serviceaccounts", "system:serviceaccounts:"+ns)
	}
	return out
}

// ownComponent tells users and groups of Kubernetes itself: nothing but components of the control plane and nodes have them.
func ownComponent(user, group string) bool {
	switch {
	case group == "system:nodes", group == "system:serviceaccounts:kube-system", strings.HasPrefix(user, "system:serviceaccount:kube-system:"),
		strings.HasPrefix(user, "system:node:"), user == "kubelet":
		return true
	}
	return slices.Contains([]string{"system:apiserver", "system:kube-controller-manager", "system:cloud-controller-manager", "system:kube-scheduler",
		"system:kube-proxy", "system:konnectivity-server", "system:kube-apiserver", "cluster-autoscaler"}, user)
}

// auditBody is a request whose body, or the answer to which, holds a credential, and that is recorded with it.
type auditBody struct {
	what    string
	verb    string
	level   AuditLevel // from which on the credential is in the event
	group   string
	request [2]string // resource and subresource
}

// auditBodies are those that hold credentials: a Secret that is written is in the request, one that is read in the answer; a
// TokenReview has the token that is asked about, a TokenRequest is answered with one.
var auditBodies = []auditBody{
	{"the content of Secrets that are written", "create", AuditRequest, "", [2]string{"secrets", ""}},
	{"the content of Secrets that are written", "update", AuditRequest, "", [2]string{"secrets", ""}},
	{"the content of Secrets that are written", "patch", AuditRequest, "", [2]string{"secrets", ""}},
	{"the content of Secrets that are read", "get", AuditRequestResponse, "", [2]string{"secrets", ""}},
	{"the content of Secrets that are read", "list", AuditRequestResponse, "", [2]string{"secrets", ""}},
	{"the tokens of service accounts that are made", "create", AuditRequestResponse, "", [2]string{"serviceaccounts", "token"}},
	{"the tokens of whoever is authenticated by a TokenReview", "create", AuditRequest, "authentication.k8s.io", [2]string{"tokenreviews", ""}},
}

// auditLeak is a kind of body that is recorded, and the rule that decides.
type auditLeak struct {
	what string
	rule int
}

// leaks lists the kinds of bodies with credentials that a policy records, each once.
func (p *AuditPolicy) leaks() []auditLeak {
	var out []auditLeak
	for _, l := range auditBodies {
		questions := anybodys([]AuditQuestion{{Verb: l.verb, Group: l.group, Resource: l.request[0], Subresource: l.request[1]}})
		asked := slices.Clone(questions)
		for i := range p.config.Rules {
			if levelOf(&p.config.Rules[i]) < l.level {
				continue
			}
			for _, b := range questions {
				asked = append(asked, singledOut(&p.config.Rules[i], b)...)
			}
		}
		for i := range asked {
			x := p.Evaluate(&asked[i].request)
			if x.Level >= l.level && !slices.ContainsFunc(out, func(o auditLeak) bool { return o.what == l.what }) {
				out = append(out, auditLeak{l.what, x.Rule})
			}
		}
	}
	return out
}
