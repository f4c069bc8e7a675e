package rbac

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// doorways are subresources through which a GET is an action: what runs in a container, or answers behind a proxy, is
// reached. Since Kubernetes 1.35 a WebSocket to the first three needs the verb create
// (AuthorizePodWebsocketUpgradeCreatePermission).
var doorways = map[string]int{"pods/exec": 35, "pods/attach": 35, "pods/portforward": 35, "pods/proxy": 0, "services/proxy": 0}

// acts reports whether a tuple lets its holder do something to what runs in a namespace, or read its Secrets: everything
// but reading, and asking for one's own rights.
func (t *tuple) acts(minor int) bool {
	switch {
	case t.isURL:
		return false
	case t.group == "authorization.k8s.io" || t.group == "authentication.k8s.io":
		return false
	case !slices.Contains([]string{"get", "list", "watch"}, t.verb):
		return true
	case t.group != "" && t.group != rbacv1.APIGroupAll:
		return false
	case t.resource == "secrets" || t.resource == rbacv1.ResourceAll:
		return !t.named
	}
	for doorway, until := range doorways {
		if (until == 0 || minor < until) && resourceCovers(t.resource, doorway) && t.verb == "get" {
			return true
		}
	}
	return false
}

// deedsOf finds the rules of a binding that act in its namespace, or in every one.
func (a *Access) deedsOf(b *Binding) (rules []int, may []string) {
	for i := range b.Role.Rules {
		acts := false
		breakdown(&b.Role.Rules[i], func(t *tuple) {
			if !t.effectiveIn(namespaceOr(b.Namespace)) || !t.acts(a.minor) {
				return
			}
			acts = true
			what := t.resource
			if t.group != "" {
				what += "." + t.group
			}
			may = append(may, fmt.Sprintf("%s %s", t.verb, what))
		})
		if acts {
			rules = append(rules, i)
		}
	}
	slices.SortStableFunc(may, func(x, y string) int { return weight(x) - weight(y) })
	return rules, may
}

// namespaceOr: what holds everywhere is judged by what it does in a namespace.
func namespaceOr(namespace string) string {
	if namespace == "" {
		return "any"
	}
	return namespace
}

// weight: what opens containers says more than the rest.
func weight(deed string) int {
	switch deed {
	case "* *", "* *.*":
		return 0
	case "create pods/exec", "get pods/exec", "* pods/exec":
		return 1
	case "create pods", "create deployments.apps", "list secrets", "get secrets":
		return 2
	}
	return 3
}
