package rbac

import (
	"cmp"
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Users and groups that Kubernetes knows by name (staging/src/k8s.io/apiserver/pkg/authentication/user/user.go).
const (
	masters            = "system:masters"
	allAuthenticated   = "system:authenticated"
	allUnauthenticated = "system:unauthenticated"
	allServiceAccounts = "system:serviceaccounts"
	allNodes           = "system:nodes"
	anonymous          = "system:anonymous"
	accountPrefix      = "system:serviceaccount:"
	nodePrefix         = "system:node:"
)

// Subject is whom a binding names: a user, a group or a service account. It is comparable, and there is one Subject for
// each: a user written system:serviceaccount:<namespace>:<name> is that service account.
type Subject struct {
	Kind      string `json:"kind"`                // User, Group or ServiceAccount
	Namespace string `json:"namespace,omitempty"` // of service accounts only
	Name      string `json:"name"`
}

// User is the user of that name, or the service account that it stands for.
func User(name string) Subject {
	if rest, ok := strings.CutPrefix(name, accountPrefix); ok {
		if ns, account, ok := strings.Cut(rest, ":"); ok && ns != "" && account != "" {
			return ServiceAccount(ns, account)
		}
	}
	return Subject{Kind: rbacv1.UserKind, Name: name}
}

// Group is the group of that name.
func Group(name string) Subject { return Subject{Kind: rbacv1.GroupKind, Name: name} }

// ServiceAccount is a service account.
func ServiceAccount(namespace, name string) Subject {
	return Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
}

func (s Subject) String() string {
	if s.Kind == rbacv1.ServiceAccountKind {
		return fmt.Sprintf("%s %q", s.Kind, s.Namespace+"/"+s.Name)
	}
	return fmt.Sprintf("%s %q", s.Kind, s.Name)
}

// Compare orders subjects by kind, namespace and name.
func (s Subject) Compare(t Subject) int {
	return cmp.Or(cmp.Compare(s.Kind, t.Kind), cmp.Compare(s.Namespace, t.Namespace), cmp.Compare(s.Name, t.Name))
}

// UserName is the name that requests of a user or service account carry; empty for a group.
func (s Subject) UserName() string {
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		return accountPrefix + s.Namespace + ":" + s.Name
	case rbacv1.UserKind:
		return s.Name
	}
	return ""
}

// ParseSubject reads "user:NAME", "group:NAME", "serviceaccount:NAMESPACE/NAME" (or "sa:") and the user name that a
// service account has in requests. The name alone is a user.
func ParseSubject(s string) (Subject, error) {
	kind, rest, ok := strings.Cut(s, ":")
	if ok {
		switch strings.ToLower(kind) {
		case "user":
			return User(rest), nil
		case "group":
			return Group(rest), nil
		case "serviceaccount", "sa":
			ns, name, ok := strings.Cut(rest, "/")
			if !ok || ns == "" || name == "" {
				return Subject{}, fmt.Errorf("subject %q: a service account is written NAMESPACE/NAME", s)
			}
			return ServiceAccount(ns, name), nil
		}
	}
	if s == "" {
		return Subject{}, fmt.Errorf("subject is empty")
	}
	return User(s), nil
}

// subjectOf follows appliesToUser of pkg/registry/rbac/validation/rule.go: kinds are case-sensitive, the namespace of
// users and groups is ignored, and a service account lives in the binding's namespace where none is given. ok is false
// for what can be nobody.
func subjectOf(s *rbacv1.Subject, bindingNamespace string) (out Subject, ok bool) {
	switch s.Kind {
	case rbacv1.UserKind:
		return User(s.Name), true
	case rbacv1.GroupKind:
		return Group(s.Name), true
	case rbacv1.ServiceAccountKind:
		out = ServiceAccount(cmp.Or(s.Namespace, bindingNamespace), s.Name)
		return out, out.Namespace != ""
	}
	return out, false
}

// Identity is who sends a request, as the authenticators establish it: the groups are part of the request.
type Identity struct {
	User   string
	Groups []string
}

// Identity is the subject as it authenticates, with the groups that Kubernetes adds (section "Service account tokens" of
// the authentication reference, and staging/src/k8s.io/apiserver/pkg/authentication/group). A group stands for a member
// that has no name and no other group but those that every member must have.
func (s Subject) Identity() Identity {
	switch {
	case s.Kind == rbacv1.ServiceAccountKind:
		return Identity{User: s.UserName(), Groups: []string{allServiceAccounts, allServiceAccounts + ":" + s.Namespace, allAuthenticated}}
	case s.Kind == rbacv1.GroupKind:
		return Identity{Groups: s.groups()}
	case s.Name == anonymous:
		return Identity{User: s.Name, Groups: []string{allUnauthenticated}}
	case strings.HasPrefix(s.Name, nodePrefix):
		return Identity{User: s.Name, Groups: []string{allNodes, allAuthenticated}}
	}
	return Identity{User: s.Name, Groups: []string{allAuthenticated}}
}

// groups of a member of the group s.
func (s Subject) groups() []string {
	switch {
	case s.Name == allAuthenticated, s.Name == allUnauthenticated:
		return []string{s.Name}
	case strings.HasPrefix(s.Name, allServiceAccounts+":"):
		return []string{s.Name, allServiceAccounts, allAuthenticated}
	}
	return []string{s.Name, allAuthenticated}
}
