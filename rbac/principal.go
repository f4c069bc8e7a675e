package rbac

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// Class is what a principal comes to in the cluster.
type Class uint8

// The classes, each of which includes those before it. A node is beside them: what it may do follows from the Node authorizer.
const (
	NoAccess Class = iota // beyond what everybody has
	ReadAccess
	WriteAccess
	AdminAccess // every right, or a way to it
	NodeAccess
)

var classes = [...]string{"nothing", "reader", "writer", "administrator", "node"}

func (c Class) String() string { return classes[min(int(c), len(classes)-1)] }

// MarshalText writes the name of the class.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Principal is an identity outside the cluster joined with what it is and may do inside.
type Principal struct {
	Name     string // as its mapping writes it
	Mappings []IdentityMapping
	// Subjects are the user, where its name is not left to the caller, and the groups, in order.
	Subjects []Subject
	// Users are those that bindings name and that the caller can choose to be, by the name of its session.
	Users []Subject
	Class Class
	// Namespaces are where the class is held; none means everywhere.
	Namespaces []string
	// Path explains an administrator.
	Path []string
	// Unknown says what of its rights was not given.
	Unknown string
}

var principals = inventory.NewFact("principals", func(ctx context.Context, inv *inventory.Inventory) ([]Principal, error) {
	mappings, err := identityMappings.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	with := inv
	if extra := policyBindings(mappings); len(extra) > 0 {
		with = inv.With(inventory.Change{Set: extra})
	}
	d, err := detections.Get(ctx, with)
	if err != nil {
		return nil, err
	}
	var out []Principal
	at := map[string]int{}
	for _, m := range mappings {
		if m.Never != "" {
			continue
		}
		key := canonicalPrincipal(m.Principal)
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, Principal{Name: m.Principal})
		}
		out[i].Mappings = append(out[i].Mappings, m)
	}
	for i := range out {
		out[i].join(d)
	}
	slices.SortFunc(out, func(a, b Principal) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
})

// PrincipalsOf lists, by name, the identities of AWS IAM that are mapped into the cluster, with what they may do through the
// objects of RBAC and the access policies of EKS. See [PrincipalNeeds].
func PrincipalsOf(ctx context.Context, inv *inventory.Inventory) ([]Principal, error) {
	return principals.Get(ctx, inv)
}

// PrincipalNeeds are the needs of [PrincipalsOf].
func PrincipalNeeds() []inventory.Need {
	return inventory.JoinNeeds(IdentityMappingNeeds(), AccessNeeds())
}

func (p *Principal) join(d *detector) {
	add := func(s Subject) {
		if !slices.Contains(p.Subjects, s) {
			p.Subjects = append(p.Subjects, s)
		}
	}
	node := false
	for i := range p.Mappings {
		m := &p.Mappings[i]
		if m.Unknown != "" {
			p.Unknown = m.Unknown
		}
		switch {
		case m.Account: // each user and role has its own ARN for a name
			prefix := fmt.Sprintf(":%s:", m.Principal)
			for _, s := range d.access.subjects {
				if s.Kind == rbacv1.UserKind && strings.HasPrefix(s.Name, "arn:") && strings.Contains(s.Name, prefix) {
					p.Users = append(p.Users, s)
				}
			}
		case strings.Contains(m.Username, "{{"):
			p.Users = append(p.Users, m.spoofs(d.access)...)
		case m.Username != "":
			add(User(m.Username))
		}
		for _, g := range m.Groups {
			if !strings.Contains(g, "{{") {
				add(Group(g))
			}
			node = node || g == allNodes
		}
		for _, policy := range m.Policies {
			if _, ok := AccessPolicyRules(policy.Name); !ok {
				p.Unknown = fmt.Sprintf("what the access policy %s gives is not known here", policy.Name)
			}
		}
		if len(m.Policies) > 0 {
			add(Group(policyGroup(m.Principal)))
		}
	}
	p.classify(d)
	if node && p.Class < AdminAccess {
		p.Class, p.Namespaces = NodeAccess, nil
	}
	p.Subjects = slices.DeleteFunc(p.Subjects, func(s Subject) bool { return strings.HasPrefix(s.Name, "access entry ") })
}

// classify takes the most of what the user, the groups and the access policies give.
func (p *Principal) classify(d *detector) {
	all := slices.Concat(p.Subjects, p.Users)
	if slices.Contains(all, Group(masters)) {
		p.Class, p.Path = AdminAccess, []string{"members of system:masters pass before RBAC is asked"}
		return
	}
	for _, s := range all {
		if way := (&Escalations{d}).ToAdmin(s); len(way) > 0 {
			p.Class = AdminAccess
			for _, h := range way {
				p.Path = append(p.Path, strings.ReplaceAll(h.String(), Group(policyGroup(p.Name)).String(), "the principal, by an access policy,"))
			}
			return
		}
	}
	where := map[string]bool{}
	raise := func(c Class, ns string) {
		if c > p.Class {
			p.Class = c
			clear(where)
		}
		if c == p.Class && c > NoAccess {
			where[ns] = true
		}
	}
	for _, s := range all {
		for _, b := range d.access.BindingsOf(s) {
			class := NoAccess
			for _, t := range tuplesOf(b.Role.Rules, b.Namespace) {
				class = max(class, t.class(d.access.minor))
			}
			raise(class, b.Namespace)
		}
	}
	if !where[""] {
		p.Namespaces = namespacesOf(where)
	}
}

// class: whoever reads is a reader, and whoever does anything else a writer.
func (t *tuple) class(minor int) Class {
	switch {
	case t.group == "authorization.k8s.io" || t.group == "authentication.k8s.io":
		return NoAccess
	case t.isURL && slices.Contains([]string{"get", "head", "options"}, t.verb):
		return ReadAccess
	case !t.isURL && slices.Contains([]string{"get", "list", "watch"}, t.verb):
		for doorway, until := range doorways {
			if t.verb == "get" && (until == 0 || minor < until) && (t.group == "" || t.group == "*") && t.resource != "*" && resourceCovers(t.resource, doorway) {
				return WriteAccess
			}
		}
		return ReadAccess
	}
	return WriteAccess
}

// spoofs lists the users that bindings name and that a caller can be, who chooses the name of the session.
func (m *IdentityMapping) spoofs(a *Access) []Subject {
	pattern := m.pattern()
	if pattern == nil {
		return nil
	}
	var out []Subject
	for _, s := range a.subjects {
		if user := s.UserName(); user != "" && pattern.MatchString(user) {
			out = append(out, s)
		}
	}
	return out
}

// pattern is what user names the template can come to; nil where the caller chooses none of it: the name of an instance is not
// its choice. Names of sessions are as of the API of STS, AssumeRole; the authenticator writes "@" as "-" unless told not to.
func (m *IdentityMapping) pattern() *regexp.Regexp {
	if !m.callerNamed() {
		return nil
	}
	account := "[0-9]{12}"
	if a, ok := parseARN(m.Principal); ok && isAccount(a.account) {
		account = a.account
	}
	s := regexp.QuoteMeta(m.Username)
	for template, stands := range map[string]string{
		sessionName: `[\w+=,.-]{2,64}`, sessionNameRaw: `[\w+=,.@-]{2,64}`, "{{AccountID}}": account, "{{AccessKeyID}}": "[A-Z0-9]+", privateDNSName: "[a-z0-9.-]+",
	} {
		s = strings.ReplaceAll(s, regexp.QuoteMeta(template), stands)
	}
	pattern, err := regexp.Compile("^" + s + "$")
	if err != nil {
		return nil
	}
	return pattern
}

// callerNamed reports whether the caller chooses some of its user name.
func (m *IdentityMapping) callerNamed() bool {
	return strings.Contains(m.Username, sessionName) || strings.Contains(m.Username, sessionNameRaw)
}

// Describe is one line for people: the class, where, and what is not known.
func (p *Principal) Describe() string {
	s := p.Class.String()
	if len(p.Namespaces) > 0 {
		s += " in " + phrase.Shorten(p.Namespaces)
	}
	if p.Unknown != "" {
		s += ", at least: " + p.Unknown
	}
	return s
}
