package rbac

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
)

// power is a right that lets its holder do more than the words of the rule say: one detection of the package, and where
// leads is set an edge of the escalation graph. Powers are data; this file says what the data means.
type power struct {
	// The check that finds who has the power.
	id, title, doc, remediation, limits string
	claims                              []string // sentences; 1a where empty
	controls, cis                       []string // AC-6 where empty

	// may ends the sentence "<subject> may ... in the cluster".
	may string
	// Every clause must be held, each by any of its asks; the rules may come from several roles and bindings.
	clauses [][]ask
	// rules, where set, decides instead of clauses whether the rules of one role have the power; it returns the rules that
	// it rests on. Such a power is not put together from several bindings.
	rules func([]rbacv1.PolicyRule) []int
	// clusterOnly: the requests are for no namespace, so that a RoleBinding gives none of it.
	clusterOnly bool

	// in limits the namespaces in which a RoleBinding gives it; any where empty.
	in []string

	// Severity of the right in all namespaces, in one namespace, and in one that hosts an account from which the whole
	// cluster can be had. A context that makes it easier to come by adds one: a running pod or everybody has it.
	cluster, local, privileged nist190.Severity

	// saidBy lists powers that say as much and more: where the rules of a role have one of them, this one is not reported
	// for the role.
	saidBy []string

	leads target
	// readsSecrets: the content of Secrets is among what is given.
	readsSecrets bool
}

// powers are all of them. Where several lead to the same, the first explains it.
var powers = slices.Concat(adminPowers, rolePowers, credentialsPowers, podsPowers, clusterPowers, destructivePowers)

// Checks of the powers.
func powerChecks() []nist190.Check {
	var out []nist190.Check
	for i := range powers {
		out = append(out, powers[i].check())
	}
	return out
}

// target is what the holder of a power can become.
type target uint8

const (
	nowhere target = iota
	// toAdmin: everything, when held in the cluster; the namespace when held in one.
	toAdmin
	// toAccounts: every service account of the scope.
	toAccounts
	// toNodes: root on nodes.
	toNodes
)

// unlimited says as much as every power.
const unlimited = "rbac-cluster-admin-binding"
