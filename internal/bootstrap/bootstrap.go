// Package bootstrap holds the RBAC objects that Kubernetes creates by itself: the cluster roles, roles and bindings
// that the API server ensures at start (rbac/bootstrap-roles), which manifests refer to and do not carry.
//
// The data is generated from k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy with the default feature
// gates of each minor; aggregated roles have the rules that the aggregation controller computes from the bootstrap roles alone.
// "go generate ./internal/bootstrap" writes it anew and the tests of test/upstream fail while that of the newest is stale.
package bootstrap

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

//go:generate go -C ../../test/upstream run ./cmd/bootstrap -o ../../internal/bootstrap/policy.jsonl

// The policies of Kubernetes 1.Oldest to 1.Newest are here.
const Oldest, Newest = 30, 37

// policy has one object in a line, after the first and the last minor that have it.
//
//go:embed policy.jsonl
var policy string

// Objects returns the objects of a minor as JSON, each with apiVersion and kind: ClusterRoles, ClusterRoleBindings, Roles
// and RoleBindings of rbac.authorization.k8s.io/v1, each kind by namespace and name. The caller owns what it is given. The
// nearest minor that is here stands for one that is not.
func Objects(minor int) iter.Seq[json.RawMessage] {
	minor = Nearest(minor)
	return func(yield func(json.RawMessage) bool) {
		for line := range strings.SplitSeq(strings.TrimSuffix(policy, "\n"), "\n") {
			var first, last int
			if _, err := fmt.Sscanf(line, "%d %d ", &first, &last); err != nil {
				panic(err) // the data is the module's own and tested
			}
			if first <= minor && minor <= last && !yield(json.RawMessage(line[strings.IndexByte(line, '{'):])) {
				return
			}
		}
	}
}

// Nearest is the minor whose policy stands for that of another.
func Nearest(minor int) int { return min(max(minor, Oldest), Newest) }
