package authn

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// Rights are the class of what an account may do.
type Rights uint8

const (
	NoRights Rights = iota
	Reader
	Writer
	// Escalates: it can come to every right by the rights that it has.
	Escalates
	// Administers: it has every right in the cluster.
	Administers
)

func (r Rights) String() string {
	return [...]string{"none", "reader", "writer", "can become administrator", "administrator"}[min(r, Administers)]
}

// Account is an identity that something in the cluster speaks of: a binding names it, or a way in gives it.
type Account struct {
	rbac.Subject
	// Class is "user", "group", "service account", "node" or "component" of Kubernetes or its vendor.
	Class string
	// Ways are the ways in that can give it, by kind and name; with a question mark where an expression decides.
	Ways []string
	// Directories are those behind the ways.
	Directories []string
	Rights      Rights
	// LastUse is the last request in the audit events that were given; zero where there is none.
	LastUse time.Time
	// Entry is what the directory export says of it; empty where there is no export, or it says nothing of such accounts.
	Entry DirectoryEntry

	named *rbac.Binding // the first binding that names it
	index int
}

// DirectoryEntry is what a directory export says of an account.
type DirectoryEntry string

const (
	Listed   DirectoryEntry = "listed"
	Disabled DirectoryEntry = "disabled"
	Unlisted DirectoryEntry = "not listed"
)

// AccountsOf lists every account, by kind, namespace and name: those that bindings name, and those that a way in gives by name.
// With [Uses] attached it knows their last use, with [DirectoryExport] whether the directory knows them. A check that uses it
// declares [AuthenticatorNeeds].
func AccountsOf(ctx context.Context, inv *inventory.Inventory) ([]*Account, error) {
	return accounts.Get(ctx, inv)
}

var accounts = inventory.NewFact("authn accounts", func(ctx context.Context, inv *inventory.Inventory) ([]*Account, error) {
	w, err := AuthenticatorsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	access, err := rbac.AccessOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	escalations, err := rbac.EscalationsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	steps := map[rbac.Subject]bool{}
	for _, a := range escalations.Administrators() {
		steps[a.Subject] = true
	}
	admins := map[rbac.Subject]bool{rbac.Group(masters): true}
	for _, g := range access.AdminGrants() {
		for _, s := range g.Subjects() {
			if g.Binding.Namespace == "" {
				admins[s.Subject] = true
			}
		}
	}
	export, uses := DirectoryExport.Get(inv), Uses.Get(inv)
	subjects := slices.Clone(access.Subjects())
	for _, a := range w.Ways {
		for _, p := range a.Users.patterns {
			if !p.open {
				subjects = append(subjects, rbac.User(p.text))
			}
		}
		for _, p := range a.Groups.patterns {
			if !p.open {
				subjects = append(subjects, rbac.Group(p.text))
			}
		}
	}
	slices.SortFunc(subjects, rbac.Subject.Compare)
	var out []*Account
	for _, s := range slices.Compact(subjects) {
		a := &Account{Subject: s, Class: classOf(s), LastUse: uses.last(s)}
		for _, way := range w.Ways {
			p := way.Can(s)
			if p == Impossible {
				continue
			}
			a.Ways = append(a.Ways, way.String()+[]string{"", "?", ""}[p])
			if d := way.Directory; d.Name != "" && !slices.Contains(a.Directories, d.String()) {
				a.Directories = append(a.Directories, d.String())
			}
		}
		a.Rights = rightsOf(access, s)
		switch {
		case admins[s]:
			a.Rights = Administers
		case steps[s]:
			a.Rights = Escalates
		}
		if a.Class == "user" || a.Class == "group" {
			a.Entry = export.entry(s, w)
		}
		if bindings := access.BindingsOf(s); len(bindings) > 0 {
			a.named = bindings[0]
			for i := range a.named.Subjects {
				if x, ok := a.named.Subject(i); ok && x == s {
					a.index = i
					break
				}
			}
		}
		out = append(out, a)
	}
	return out, nil
})

// vendorPrefixes begin the names that Kubernetes, kubeadm and the vendors of managed clusters give their own parts.
var vendorPrefixes = []string{"system:", "kubeadm:", "eks:", "aks-", "gke-", "kube-apiserver-", "gcp:", "clusterUser", "clusterAdmin"}

func classOf(s rbac.Subject) string {
	switch {
	case s.Kind == rbacv1.ServiceAccountKind, s.Kind == rbacv1.GroupKind && strings.HasPrefix(s.Name, "system:serviceaccounts"):
		return "service account"
	case strings.HasPrefix(s.Name, "system:node:"), s.Name == "system:nodes", strings.HasPrefix(s.Name, "system:bootstrap"):
		return "node"
	case slices.ContainsFunc(vendorPrefixes, func(p string) bool { return strings.HasPrefix(s.Name, p) }):
		return "component"
	case s.Kind == rbacv1.GroupKind:
		return "group"
	}
	return "user"
}

func rightsOf(access *rbac.Access, s rbac.Subject) Rights {
	out := NoRights
	for _, b := range access.BindingsOf(s) {
		for i := range b.Role.Rules {
			for _, verb := range b.Role.Rules[i].Verbs {
				switch verb {
				case "get", "list", "watch":
					out = max(out, Reader)
				default:
					out = max(out, Writer)
				}
			}
		}
	}
	return out
}

// Exhibit is a table of accounts.
func Exhibit(list []*Account) nist190.Exhibit {
	return nist190.Exhibit{
		Name: "accounts", Title: "Accounts, the ways in that can give them, and what they may do",
		Columns: []string{"account", "class", "rights", "ways in", "directory", "in the export", "last use"},
		Rows: func(yield func([]string) bool) {
			for _, a := range list {
				last := ""
				if !a.LastUse.IsZero() {
					last = a.LastUse.UTC().Format(time.RFC3339)
				}
				if !yield([]string{a.Subject.String(), a.Class, a.Rights.String(), strings.Join(a.Ways, ", "), strings.Join(a.Directories, ", "), string(a.Entry), last}) {
					return
				}
			}
		},
	}
}

var orphanAccount = nist190.Metadata{
	ID: "authn-orphan-account", Title: "Account that the directory does not know",
	Doc: `A binding gives rights to a user or group that the directory does not list, or that it has disabled.

Accounts of people who left, and groups that were renamed, keep their rights in the cluster, and whoever is given the name later has
them. With an export of the directory (CSV or SCIM) each user and group of a binding is looked up, without the prefix of its
issuer. Without one, a person attests that joiners, movers and leavers reach the cluster's bindings. The exhibit lists every account.

Before: a RoleBinding to User "sso:bob@example.com", whose account was closed.

After: no such subject; better, bindings of groups, whose members the directory keeps.`,
	Claims: nist190.Claims("2a", "2c"), Controls: []string{"AC-2", "AC-2(3)"}, Severity: nist190.SeverityMedium,
	Remediation: "Take the subject out of the binding. Bind groups of the directory instead of people.",
	Limits:      "The export counts as it is: how old it is, and whether it lists everybody, is not seen. Names are compared without case.",
}

// OrphanAccount holds the accounts of bindings against a directory export.
func OrphanAccount() nist190.Check {
	md := orphanAccount
	md.Needs = AuthenticatorNeeds()
	return making(md, func(ctx context.Context, e *nist190.Eval) error {
		list, err := AccountsOf(ctx, e.Inventory)
		if err != nil {
			return err
		}
		people := 0
		for _, a := range list {
			if a.named != nil && (a.Class == "user" || a.Class == "group") {
				people++
			}
		}
		if people == 0 {
			e.NotApplicable(inventory.Cluster, "no binding names a user or group of a directory")
			return nil
		}
		if DirectoryExport.Get(e.Inventory) == nil {
			e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonManualReview, Exhibits: []nist190.Exhibit{Exhibit(list)},
				Message: "whether joiners, movers and leavers reach the users and groups that bindings name; an export of the directory would show it"})
			return nil
		}
		bad := false
		for _, a := range list {
			if a.named == nil {
				continue
			}
			out := nist190.Outcome{Status: nist190.Fail, Subject: a.named.Object.Ref(), Key: a.Subject.String(),
				Evidence: []nist190.Evidence{nist190.At(a.named.Object, "subjects", a.index, "name").Showing(a.named.Subjects[a.index].Name)}}
			if a.Rights >= Escalates {
				out.Severity = nist190.SeverityHigh
			}
			switch a.Entry {
			case Unlisted:
				out.Message = fmt.Sprintf("the directory does not list %s, which has rights (%s)", a.Subject, a.Rights)
			case Disabled:
				out.Message = fmt.Sprintf("the directory has disabled %s, which still has rights (%s)", a.Subject, a.Rights)
			default:
				continue
			}
			bad = true
			e.Report(out)
		}
		if !bad {
			e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Exhibits: []nist190.Exhibit{Exhibit(list)}})
		}
		return nil
	})
}

var emergencyAccess = nist190.Metadata{
	ID: "authn-emergency-access", Title: "Access of administrators that nobody has reviewed",
	Doc: `Whether access of administrators is asked for, granted for a time, watched and reviewed is a process, which no object shows.

SP 800-190 wants access to cluster-wide administrative accounts tightly controlled. The checks of this section and of section 4.3.1
find who has it and by what; that there is a break-glass account whose use raises an alarm, that each administrator's need was looked at
in the last months, and that leavers lose theirs, a person attests.

Before: nobody can say who approved the administrators that the report lists.

After, in the configuration file:

    attestations:
    - {check: authn-emergency-access, statement: "reviewed 2026-11-02, ticket SEC-118", owner: platform-security, expires: 2027-02-28}`,
	Claims: []nist190.Claim{{Sentence: "2a", Conclusive: true}}, Controls: []string{"AC-2", "AC-6(7)"}, Severity: nist190.SeverityMedium,
	Remediation: "Review who administers the cluster, put one sealed break-glass credential under alarm, and attest both with a date.",
	Limits:      "It only asks: the answer is an attestation.",
}

// EmergencyAccess asks a person how access of administrators is controlled.
func EmergencyAccess() nist190.Check {
	return making(emergencyAccess, func(_ context.Context, e *nist190.Eval) error {
		e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview,
			"that administrators are reviewed, that a break-glass account is sealed and its use raises an alarm, and that leavers lose access")
		return nil
	})
}

func (e *Export) entry(s rbac.Subject, w *Authenticators) DirectoryEntry {
	if e == nil {
		return ""
	}
	list := e.users
	if s.Kind == rbacv1.GroupKind {
		list = e.groups
	}
	if len(list) == 0 {
		return "" // it says nothing of such accounts
	}
	for _, name := range withoutPrefixes(s, w) {
		if enabled, ok := list[strings.ToLower(name)]; ok {
			if enabled {
				return Listed
			}
			return Disabled
		}
	}
	return Unlisted
}

// withoutPrefixes are the names that an account can have in the directory: its own, and what is left behind the prefix of a way
// in that can give it.
func withoutPrefixes(s rbac.Subject, w *Authenticators) []string {
	out := []string{s.Name}
	for _, a := range w.Ways {
		names := a.Users
		if s.Kind == rbacv1.GroupKind {
			names = a.Groups
		}
		for _, p := range names.patterns {
			if rest, ok := strings.CutPrefix(s.Name, p.text); ok && p.open && rest != "" {
				out = append(out, rest)
			}
		}
	}
	slices.SortFunc(out[1:], func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return slices.Compact(out)
}
