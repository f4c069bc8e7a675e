package rbac

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// accountUse is a workload that runs as a service account.
type accountUse struct {
	workload *inventory.Workload
	at       nist190.Evidence // where it says so
	mounts   bool             // a token for the API server
}

var accountUsers = inventory.NewFact("workloads by service account", func(ctx context.Context, inv *inventory.Inventory) (map[Subject][]accountUse, error) {
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	uses, err := accountsInUse.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	out := map[Subject][]accountUse{}
	for _, w := range workloads {
		for at, spec := range w.PodSpecs() {
			// The kubelet runs static pods itself, without a token; what the API server shows is a mirror.
			if at.Object.Annotations()[corev1.MirrorPodAnnotationKey] != "" {
				continue
			}
			s := ServiceAccount(w.Namespace(), orElse(spec.ServiceAccountName, "default"))
			if slices.ContainsFunc(out[s], func(u accountUse) bool { return u.workload == w }) {
				continue
			}
			place := nist190.At(w.Object, "metadata", "name")
			if spec.ServiceAccountName != "" && spec.ServiceAccountName != "default" {
				place = nist190.Place(at, "serviceAccountName").Showing(spec.ServiceAccountName)
			}
			out[s] = append(out[s], accountUse{w, place, slices.Contains(uses[s], w)})
		}
	}
	return out, nil
})

var accountKind = schema.GroupKind{Kind: "ServiceAccount"}

var defaultAccountUse = nist190.Metadata{
	ID: "rbac-default-account-use", Title: "Workloads on the default service account",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `Workloads name no service account, so that they run as default: all of them are one identity. What one of them is given
every other one has, audit logs do not tell them apart, and nothing can be taken from one alone. Workloads are counted by
what owns them, once for each namespace.

Before:

    kind: Deployment
    spec: {template: {spec: {containers: [{name: api, image: api}]}}}

After:

    kind: Deployment
    spec: {template: {spec: {serviceAccountName: api, containers: [{name: api, image: api}]}}}`,
	Claims:   []nist190.Claim{{Sentence: "1e", Conclusive: true}, {Sentence: "1a"}},
	Controls: []string{"AC-6", "IA-2", "AU-10"}, CIS: []string{"5.1.5"},
	Severity: nist190.SeverityLow,
	Remediation: `Create a service account for each application and name it in its Pods. Set automountServiceAccountToken: false on the
account default.`,
	Subjects: []schema.GroupKind{accountKind},
	Needs:    append(inventory.WorkloadNeeds(inventory.Incriminating), inventory.NeedOf[corev1.ServiceAccount](inventory.SeverityOnly)),
	Since:    "v0.1.0",
	Limits:   "Static Pods run without a service account and are left out.",
}

func checkDefaultAccountUse(ctx context.Context, e *nist190.Eval) error {
	users, err := accountUsers.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	found := false
	for _, s := range sortedSubjects(users) {
		if s.Name != "default" {
			continue
		}
		found = true
		out := nist190.Outcome{Status: nist190.Fail, Subject: s.Ref()}
		mounting := 0
		for _, u := range users[s] {
			if u.mounts {
				mounting++
			}
			if len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, u.at)
			}
		}
		out.Message = fmt.Sprintf("%s run as it, %d with its token: %s", phrase.Count(len(users[s]), "workload"), mounting, owners(users[s]))
		e.Report(out)
	}
	if !found {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: "no workload runs as default"})
	}
	return nil
}

func owners(uses []accountUse) string {
	var ws []*inventory.Workload
	for _, u := range uses {
		ws = append(ws, u.workload)
	}
	return phrase.Workloads(ws)
}

func sortedSubjects[V any](m map[Subject]V) []Subject {
	out := make([]Subject, 0, len(m))
	for s := range m {
		out = append(out, s)
	}
	slices.SortFunc(out, Subject.Compare)
	return out
}

var sharedAccount = nist190.Metadata{
	ID: "rbac-shared-account", Title: "Service account of several applications",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `Workloads of several applications run as one service account: what one needs the others have. Applications are told apart by
the label app.kubernetes.io/instance, else app.kubernetes.io/part-of, of the workload; components of one may share.

Before:

    metadata: {name: api, labels: {app.kubernetes.io/instance: shop}}
    spec: {template: {spec: {serviceAccountName: apps}}}
    ---
    metadata: {name: mailer, labels: {app.kubernetes.io/instance: crm}}
    spec: {template: {spec: {serviceAccountName: apps}}}

After: an account for each.`,
	Claims:      []nist190.Claim{{Sentence: "1e", Conclusive: true}},
	Controls:    []string{"AC-6", "IA-2"},
	Severity:    nist190.SeverityLow,
	Remediation: "Give each application a service account of its own, with the rights that it uses.",
	Subjects:    []schema.GroupKind{accountKind},
	Needs:       append(inventory.WorkloadNeeds(inventory.Incriminating), inventory.NeedOf[corev1.ServiceAccount](inventory.SeverityOnly)),
	Since:       "v0.1.0",
	Limits:      "Workloads without these labels are not told apart. The account default is judged by rbac-default-account-use.",
}

func checkSharedAccount(ctx context.Context, e *nist190.Eval) error {
	users, err := accountUsers.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	found := false
	for _, s := range sortedSubjects(users) {
		if s.Name == "default" {
			continue
		}
		first := map[string]accountUse{}
		for _, u := range users[s] {
			labels := u.workload.Object.Labels()
			if app := orElse(labels["app.kubernetes.io/instance"], labels["app.kubernetes.io/part-of"]); app != "" {
				if _, ok := first[app]; !ok {
					first[app] = u
				}
			}
		}
		if len(first) < 2 {
			continue
		}
		found = true
		out := nist190.Outcome{Status: nist190.Fail, Subject: s.Ref()}
		var apps []string
		for _, app := range namespacesOf(first) {
			apps = append(apps, fmt.Sprintf("%q", app))
			out.Evidence = append(out.Evidence, first[app].at)
		}
		out.Evidence = out.Evidence[:min(len(out.Evidence), maxEvidence)]
		out.Message = fmt.Sprintf("%s run as it: %s", phrase.Count(len(apps), "application"), phrase.Shorten(apps))
		e.Report(out)
	}
	if !found {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: "no two applications are known to run as one account"})
	}
	return nil
}

var unneededToken = nist190.Metadata{
	ID: "rbac-unneeded-token", Title: "Service account token that gives nothing",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `Pods mount a token of a service account that no binding gives anything beyond what everybody has. The application does not
call the API server with it; who takes the container does: the token opens whatever is bound to the account, or to all
accounts, later.

Before:

    kind: ServiceAccount
    metadata: {name: web, namespace: shop}

After:

    kind: ServiceAccount
    metadata: {name: web, namespace: shop}
    automountServiceAccountToken: false`,
	Claims:   nist190.Claims("1a", "1e"),
	Controls: []string{"AC-6", "CM-7"}, CIS: []string{"5.1.6"},
	Severity:    nist190.SeverityLow,
	Remediation: "Set automountServiceAccountToken: false on the account, or in the Pod where others of the account need it.",
	Subjects:    []schema.GroupKind{accountKind},
	Needs: slices.Concat(unusedNeeds(), inventory.WorkloadNeeds(inventory.Incriminating),
		[]inventory.Need{inventory.NeedOf[corev1.ServiceAccount](inventory.Either)}),
	Since: "v0.1.0",
	Limits: `A token that is meant for something else than the API server, such as a secret store that reviews it, looks unneeded; those
are better projected with an audience of their own. A volume that projects one counts as needed. The account default is judged by rbac-default-account-use. Authorizers other than
RBAC are not asked.`,
}

func checkUnneededToken(ctx context.Context, e *nist190.Eval) error {
	users, err := accountUsers.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	d, err := detections.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	unresolved := d.access.unresolved()
	found := false
	for _, s := range sortedSubjects(users) {
		if s.Name == "default" || d.hasOwn(s, unresolved) { // rbac-default-account-use says so of default
			continue
		}
		var idle []accountUse
		for _, u := range users[s] {
			if u.mounts && !slices.ContainsFunc(u.workload.Template.Spec.Volumes, projectsToken) {
				idle = append(idle, u)
			}
		}
		if len(idle) == 0 {
			continue
		}
		found = true
		out := nist190.Outcome{Status: nist190.Fail, Subject: s.Ref(), Message: fmt.Sprintf("nothing is bound to it, and its token is mounted by %s", owners(idle))}
		for _, u := range idle[:min(len(idle), maxEvidence)] {
			out.Evidence = append(out.Evidence, u.at)
		}
		e.Report(out)
	}
	if !found {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: "every token that is mounted gives something"})
	}
	return nil
}

// hasOwn reports whether a binding gives an account more than everybody has. Roles that were not given could.
func (d *detector) hasOwn(s Subject, unresolved map[Subject]bool) bool {
	id := s.Identity()
	if unresolved[s] || slices.ContainsFunc(id.Groups, func(g string) bool { return g != allAuthenticated && unresolved[Group(g)] }) {
		return true
	}
	return slices.ContainsFunc(d.access.AllBindingsOf(s), func(b *Binding) bool {
		i, via := b.matches(id)
		to, ok := b.Subject(i)
		return ok && via != allAuthenticated && len(b.Role.Rules) > 0 && (to == s || !d.known.knows(b, to))
	})
}

// unresolved are the subjects of bindings whose role was not collected.
func (a *Access) unresolved() map[Subject]bool {
	out := map[Subject]bool{}
	for _, b := range a.bindings {
		if b.Role != nil || b.inert() != "" {
			continue
		}
		for i := range b.Subjects {
			if s, ok := b.Subject(i); ok {
				out[s] = true
			}
		}
	}
	return out
}
