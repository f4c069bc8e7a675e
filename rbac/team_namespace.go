package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

const noTeams = "no teams are configured: which subjects, namespaces, images and nodes belong together is in no object"

var teamNamespace = nist190.Metadata{
	ID: "rbac-team-namespace", Title: "Team that acts outside its namespaces",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `A binding lets somebody of a team change what runs in a namespace that is not the team's, open a shell or a connection to it,
or read its Secrets. SP 800-190 has the test team manipulate the containers that it created, and have little or no access to
those of production. Reading what is no Secret is left to a team wherever it has it.

Service accounts of a team's namespaces count as the team where a RoleBinding of another namespace names them: who runs Pods
beside them is them.

Before, with a team test of the namespaces test-*:

    kind: RoleBinding
    metadata: {name: debug, namespace: shop-prod}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: testers}]

After: they see it and cannot touch it.

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}`,
	Claims:   []nist190.Claim{{Sentence: "1c", Conclusive: true}, {Sentence: "1d", Conclusive: true}, {Sentence: "1a"}},
	Controls: []string{"AC-3", "AC-5", "AC-6", "CM-5"},
	Severity: nist190.SeverityMedium,
	Remediation: `Bind the role in the team's own namespaces, and view elsewhere if at all. If the namespace is the team's, add it to the
team's namespaces in the configuration.`,
	Subjects: bindingKinds,
	Needs:    AccessNeeds(),
	Since:    "v0.1.0",
	Limits: `Who is in a group is not seen, and neither is what authorizers other than RBAC allow. Groups of everybody, such as
system:authenticated, are left to rbac-authenticated-binding. Logs and other reading are allowed.`,
}

// checkTeamNamespace reports each binding once for each team.
func checkTeamNamespace(ctx context.Context, e *nist190.Eval) error {
	teams := Teams.Get(e.Inventory)
	if len(teams) == 0 {
		e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, noTeams)
		return nil
	}
	d, err := detections.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	failed := false
	for i := range teams {
		if len(teams[i].Namespaces) == 0 {
			e.Report(teams[i].unlimited("namespaces"))
		}
	}
	if out, ok := teams.strangers(d); ok {
		e.Report(out)
	}
	for _, b := range d.access.bindings {
		if !b.InEffect() {
			continue
		}
		var rules []int
		var may []string
		looked := false
		for i := range teams {
			t := &teams[i]
			if len(t.Namespaces) == 0 || b.Namespace != "" && t.Owns(b.Namespace) || b.Namespace == "" && slices.Contains(t.Namespaces, "*") {
				continue
			}
			member := t.memberIn(b)
			if member < 0 {
				continue
			}
			if !looked {
				rules, may = d.access.deedsOf(b)
				looked = true
			}
			if len(rules) == 0 {
				break
			}
			failed = true
			e.Report(teams.trespass(t, Grant{Binding: b, Subject: member, Rule: rules[0]}, rules, may))
		}
	}
	if rest := d.rest(); !failed || rest.Status != nist190.Pass {
		if rest.Status == nist190.Pass {
			rest.Message = fmt.Sprintf("no binding takes any of %s out of its namespaces", phrase.Count(len(teams), "team"))
		}
		e.Report(rest)
	}
	return nil
}

// unlimited says that nobody said what a team is limited to.
func (t *Team) unlimited(to string) nist190.Outcome {
	return nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: "team " + t.Name, Reason: nist190.ReasonManualReview,
		Message: fmt.Sprintf("team %q has no %s in the configuration", t.Name, to)}
}

// strangers are users and groups of no team that act in the namespaces of one. Somebody has to say who they are.
func (l TeamList) strangers(d *detector) (nist190.Outcome, bool) {
	out := nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: "no team", Reason: nist190.ReasonManualReview}
	var who []string
	for _, s := range d.access.subjects {
		if s.Kind == rbacv1.ServiceAccountKind || strings.HasPrefix(s.Name, "system:") || slices.ContainsFunc(l, func(t Team) bool { return t.Has(s) }) {
			continue
		}
		for _, b := range d.access.BindingsOf(s) {
			if b.Namespace != "" && len(l.Owners(b.Namespace)) == 0 || d.known.knows(b, s) {
				continue
			}
			if rules, _ := d.access.deedsOf(b); len(rules) > 0 {
				who = append(who, s.String())
				if i, _ := b.matches(s.Identity()); i >= 0 && len(out.Evidence) < maxEvidence {
					out.Evidence = append(out.Evidence, subjectEvidence(b, i))
				}
				break
			}
		}
	}
	out.Message = fmt.Sprintf("of no team, and able to change what runs in namespaces of teams: %s", phrase.Shorten(who))
	return out, len(who) > 0
}

// memberIn finds the first subject of a binding that is of the team, or an account of its namespaces that the binding of
// another namespace names.
func (t *Team) memberIn(b *Binding) int {
	account := -1
	for i := range b.Subjects {
		s, ok := b.Subject(i)
		switch {
		case !ok:
		case t.Has(s):
			return i
		case s.Kind == rbacv1.ServiceAccountKind && b.Namespace != "" && s.Namespace != b.Namespace && t.Owns(s.Namespace) && account < 0:
			account = i
		}
	}
	return account
}

func (l TeamList) trespass(t *Team, g Grant, rules []int, may []string) nist190.Outcome {
	b := g.Binding
	out := nist190.Outcome{
		Status: nist190.Fail, Subject: b.Object.Ref(), Key: "team " + t.Name, Path: g.Steps(), Severity: nist190.SeverityMedium,
		Evidence: []nist190.Evidence{subjectEvidence(b, g.Subject), nist190.At(b.Object, "roleRef", "name").Showing(b.RoleRef.Name)},
	}
	where := "in every namespace"
	if b.Namespace == "" {
		out.Severity = nist190.SeverityHigh
	} else {
		where = fmt.Sprintf("in namespace %q, which is not its own", b.Namespace)
		if owners := l.Owners(b.Namespace); len(owners) > 0 {
			owner := owners[0]
			where = fmt.Sprintf("in namespace %q of team %q", b.Namespace, owner.Name)
			if owner.Production() && !t.Production() {
				where += ", in production"
				out.Severity = nist190.SeverityHigh
			}
		}
	}
	out.Message = fmt.Sprintf("team %q, as %s, may %s %s", t.Name, g.To(), phrase.Shorten(may), where)
	out.Evidence = append(out.Evidence, ruleEvidence(b.Role, partsOf(rules))...)
	return out
}

func partsOf(rules []int) []part {
	var out []part
	for _, i := range rules {
		out = append(out, part{rule: i})
	}
	return out
}

var sharedNamespace = nist190.Metadata{
	ID: "rbac-team-shared-namespace", Title: "Namespace that two teams can change",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `A namespace is that of two teams, and people or accounts of both may change what runs in it: each manipulates containers that
the other created, and has the Secrets and service accounts of both.

Before:

    teams:
      - {name: web, subjects: [{kind: Group, name: web}], namespaces: [shop]}
      - {name: data, subjects: [{kind: Group, name: data}], namespaces: [shop]}

After: a namespace for each.

    teams:
      - {name: web, subjects: [{kind: Group, name: web}], namespaces: [shop-web]}
      - {name: data, subjects: [{kind: Group, name: data}], namespaces: [shop-data]}`,
	Claims:      []nist190.Claim{{Sentence: "1c"}, {Sentence: "1b"}},
	Controls:    []string{"AC-5", "AC-6", "SC-4"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Give each team a namespace of its own, or make them one team.",
	Subjects:    []schema.GroupKind{{Kind: "Namespace"}},
	Needs:       AccessNeeds(),
	Since:       "v0.1.0",
	Limits:      "Who is in a group is not seen. A namespace of one team that another can change is a finding of rbac-team-namespace.",
}

func checkSharedNamespace(ctx context.Context, e *nist190.Eval) error {
	teams := Teams.Get(e.Inventory)
	if len(teams) < 2 {
		e.NotApplicable(inventory.Cluster, "there are no two teams in the configuration")
		return nil
	}
	d, err := detections.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	failed := false
	for _, ns := range d.namespaces() {
		owners := teams.Owners(ns)
		if len(owners) < 2 {
			continue
		}
		var who []string
		var evidence []nist190.Evidence
		var path []string
		for _, t := range owners {
			g := d.access.writerOf(t, ns)
			if g == nil {
				continue
			}
			who = append(who, fmt.Sprintf("team %q as %s", t.Name, g.To()))
			evidence = append(evidence, subjectEvidence(g.Binding, g.Subject))
			path = append(path, g.Steps()...)
		}
		if len(who) < 2 {
			continue
		}
		failed = true
		e.Report(nist190.Outcome{Status: nist190.Fail, Subject: inventory.NamespaceRef(ns), Evidence: evidence, Path: path,
			Message: fmt.Sprintf("%s may change what runs in it", strings.Join(who, " and "))})
	}
	if rest := d.rest(); !failed || rest.Status != nist190.Pass {
		if rest.Status == nist190.Pass {
			rest.Message = "no namespace can be changed by two teams that own it"
		}
		e.Report(rest)
	}
	return nil
}

// writerOf finds the first binding that lets somebody of a team act in a namespace of it.
func (a *Access) writerOf(t *Team, namespace string) *Grant {
	for _, s := range t.Subjects {
		s = s.canonical()
		for _, b := range a.BindingsOf(s) {
			if b.Namespace != "" && b.Namespace != namespace {
				continue
			}
			if rules, _ := a.deedsOf(b); len(rules) > 0 {
				i, _ := b.matches(s.Identity())
				return &Grant{Binding: b, Subject: i, Rule: rules[0]}
			}
		}
	}
	return nil
}

var teamImage = nist190.Metadata{
	ID: "rbac-team-image", Title: "Workload of a team that runs another's image",
	Risk: nist190.UnboundedAdministrativeAccess,
	Doc: `A workload in a namespace of a team runs an image that is not one of the team's: SP 800-190 gives a test team the images of
testing, and production those of production. Init and ephemeral containers and image volumes count.

Before, with a team test of the images registry.example.com/test/**:

    metadata: {name: api, namespace: test-shop}
    spec: {containers: [{name: api, image: "registry.example.com/prod/api:1.4"}]}

After:

    spec: {containers: [{name: api, image: "registry.example.com/test/api:1.5-rc1"}]}`,
	Claims:   []nist190.Claim{{Sentence: "1b", Conclusive: true}},
	Controls: []string{"AC-3", "AC-6", "CM-7(5)"},
	Severity: nist190.SeverityMedium,
	Remediation: `Run the team's build of the image, or add the repository to the team's images. An admission policy over the team's namespaces
keeps what is here from coming back.`,
	Subjects: inventory.WorkloadKinds(),
	Needs:    inventory.WorkloadNeeds(inventory.Incriminating),
	Since:    "v0.1.0",
	Limits:   "It judges what is deployed; which images admission would let in is not asked. A pattern without a registry is one of docker.io.",
}

func checkTeamImage(ctx context.Context, e *nist190.Eval) error {
	teams := Teams.Get(e.Inventory)
	if !slices.ContainsFunc(teams, func(t Team) bool { return len(t.Images) > 0 }) {
		e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, noTeams)
		return nil
	}
	for i := range teams {
		if len(teams[i].Images) == 0 {
			e.Report(teams[i].unlimited("images"))
		}
	}
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		// The images of teams that share a namespace are those of each of them: that they share it is another finding.
		var allowed []string
		var names []string
		unlimited := false
		for _, t := range teams.Owners(w.Namespace()) {
			allowed, names = append(allowed, t.Images...), append(names, fmt.Sprintf("%q", t.Name))
			unlimited = unlimited || len(t.Images) == 0
		}
		if len(names) == 0 || unlimited {
			continue
		}
		foreign := teams.foreignImages(w, allowed)
		if len(foreign) == 0 {
			e.Pass(w.Ref(), nist190.At(w.Object, "metadata", "name"))
			continue
		}
		var images []string
		out := nist190.Outcome{Status: nist190.Fail, Subject: w.Ref(), Severity: nist190.SeverityMedium}
		for _, f := range foreign {
			images = append(images, fmt.Sprintf("%q%s", f.image, f.of))
			out.Evidence = append(out.Evidence, f.at)
			if f.production && !slices.ContainsFunc(teams.Owners(w.Namespace()), (*Team).Production) {
				out.Severity = nist190.SeverityHigh
			}
		}
		out.Message = fmt.Sprintf("it is of team %s, whose images do not include %s", strings.Join(names, ", "), phrase.Shorten(images))
		e.Report(out)
	}
	return nil
}

// foreignImage is one that a workload runs and may not.
type foreignImage struct {
	image, of  string
	production bool
	at         nist190.Evidence
}

func (l TeamList) foreignImages(w *inventory.Workload, allowed []string) []foreignImage {
	var out []foreignImage
	add := func(image string, at nist190.Evidence) {
		if image == "" || slices.ContainsFunc(allowed, func(p string) bool { return inventory.MatchImage(p, image) }) ||
			slices.ContainsFunc(out, func(f foreignImage) bool { return f.image == image }) {
			return
		}
		f := foreignImage{image: image, at: at.Showing(image)}
		for i := range l {
			if slices.ContainsFunc(l[i].Images, func(p string) bool { return inventory.MatchImage(p, image) }) {
				f.of, f.production = fmt.Sprintf(" of team %q", l[i].Name), l[i].Production()
				break
			}
		}
		out = append(out, f)
	}
	for at, spec := range w.PodSpecs() {
		for i, c := range spec.InitContainers {
			add(c.Image, nist190.Place(at, "initContainers", i, "image"))
		}
		for i, c := range spec.Containers {
			add(c.Image, nist190.Place(at, "containers", i, "image"))
		}
		for i, c := range spec.EphemeralContainers {
			add(c.Image, nist190.Place(at, "ephemeralContainers", i, "image"))
		}
		for i, v := range spec.Volumes {
			if v.Image != nil {
				add(v.Image.Reference, nist190.Place(at, "volumes", i, "image", "reference"))
			}
		}
	}
	return out
}
