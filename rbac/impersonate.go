package rbac

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Impersonation is whom a request asks to be: the headers Impersonate-User, -Uid, -Group and -Extra.
type Impersonation struct {
	User   string
	UID    string
	Groups []string
	Extra  map[string][]string
	// Node is the node that the requester's token is bound to, if it is a service account's.
	Node string
}

const (
	// constrainedSince is the minor in which ConstrainedImpersonation (KEP-5284) is on by default.
	constrainedSince = 36
	// manyChecks is the number of groups or extra values from which one right on all of them, literally "*", is asked
	// for first (manyAuthorizationChecksInLoop).
	manyChecks = 4
)

// MayImpersonate reports whether the API server lets an identity send a request as somebody else, and in which mode of
// k8s.io/apiserver/pkg/endpoints/filters/impersonation: "associated-node", "arbitrary-node", "serviceaccount" or
// "user-info", which need a right for the person and one for the request, or "legacy", which needs only the first.
// The constrained modes exist since Kubernetes 1.36.
func (a *Access) MayImpersonate(id Identity, as Impersonation, request Request) (mode string, ok bool) {
	if a.minor >= constrainedSince {
		for _, m := range []string{"associated-node", "arbitrary-node", "serviceaccount", "user-info"} {
			on := request
			on.Verb = "impersonate-on:" + m + ":" + request.Verb
			if as.fits(m, id) && a.Allows(id, on).Allowed && a.mayBe(id, as, "impersonate:"+m, m) {
				return m, true
			}
		}
	}
	if a.mayBe(id, as, "impersonate", "") {
		return "legacy", true
	}
	return "", false
}

// fits reports whether a mode is for such a person.
func (as *Impersonation) fits(mode string, requester Identity) bool {
	nameOnly := as.UID == "" && len(as.Groups) == 0 && len(as.Extra) == 0
	node, isNode := nodeOf(as.User)
	_, _, isAccount := accountOf(as.User)
	switch mode {
	case "associated-node":
		_, _, ok := accountOf(requester.User)
		return nameOnly && isNode && ok && as.Node == node
	case "arbitrary-node":
		return nameOnly && isNode
	case "serviceaccount":
		return nameOnly && isAccount
	}
	return !isNode && !isAccount
}

// mayBe asks for each part of the person; mode is empty for legacy impersonation.
func (a *Access) mayBe(id Identity, as Impersonation, verb, mode string) bool {
	group := ""
	if mode != "" {
		group = authenticationGroup
	}
	may := func(group, resource, subresource, namespace, name string) bool {
		return a.Allows(id, Request{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name}).Allowed
	}
	resource, namespace, name := "users", "", as.User
	if node, ok := nodeOf(as.User); ok && mode != "" {
		resource, name = "nodes", node
		if mode == "associated-node" {
			name = "*"
		}
	}
	if ns, account, ok := accountOf(as.User); ok {
		resource, namespace, name = "serviceaccounts", ns, account
	}
	if !may(group, resource, "", namespace, name) || as.UID != "" && !may(authenticationGroup, "uids", "", "", as.UID) {
		return false
	}
	if mode != "" && (slices.Contains(as.Groups, "") || slices.Contains(as.Groups, masters) || !validExtra(as.Extra)) {
		return false
	}
	if mode == "" || len(as.Groups) < manyChecks || !may(group, "groups", "", "", "*") {
		if slices.ContainsFunc(as.Groups, func(g string) bool { return !may(group, "groups", "", "", g) }) {
			return false
		}
	}
	if mode != "" && manyExtra(as.Extra) && may(authenticationGroup, "userextras", "*", "", "*") {
		return true
	}
	for key, values := range as.Extra {
		if slices.ContainsFunc(values, func(v string) bool { return !may(authenticationGroup, "userextras", key, "", v) }) {
			return false
		}
	}
	return true
}

func nodeOf(user string) (string, bool) {
	node, ok := strings.CutPrefix(user, nodePrefix)
	return node, ok && len(validation.IsDNS1123Subdomain(node)) == 0
}

// accountOf is SplitUsername of k8s.io/apiserver/pkg/authentication/serviceaccount.
func accountOf(user string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(user, accountPrefix)
	if !ok {
		return "", "", false
	}
	namespace, name, ok = strings.Cut(rest, ":")
	return namespace, name, ok && len(validation.IsDNS1123Label(namespace)) == 0 && len(validation.IsDNS1123Subdomain(name)) == 0
}

func validExtra(extra map[string][]string) bool {
	for key, values := range extra {
		if len(validation.IsDomainPrefixedPath(nil, key)) > 0 || key != strings.ToLower(key) || len(values) == 0 || slices.Contains(values, "") {
			return false
		}
	}
	return true
}

func manyExtra(extra map[string][]string) bool {
	count := 0
	for _, values := range extra {
		count += len(values)
	}
	return len(extra) >= manyChecks || count >= manyChecks
}
