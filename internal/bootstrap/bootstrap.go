// Package bootstrap holds the RBAC objects that Kubernetes creates by itself: the cluster roles, roles and bindings
// that the API server ensures at start (rbac/bootstrap-roles), which manifests refer to and do not carry.
//
// The data is generated from k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy with the default feature
// gates of that version; aggregated roles have the rules that the aggregation controller computes from the bootstrap roles alone.
// "go generate ./internal/bootstrap" writes it anew and the tests of test/upstream fail while it is stale.
package bootstrap

import (
	_ "embed"
	"encoding/json"
	"iter"
	"strings"
)

//go:generate go -C ../../test/upstream run ./cmd/bootstrap -o ../../internal/bootstrap/policy.jsonl

// Minor is the Kubernetes 1.x version that the policy is of.
const Minor = 37

//go:embed policy.jsonl
var policy string

// Objects returns the objects as JSON, each with apiVersion and kind: ClusterRoles, ClusterRoleBindings, Roles and
// RoleBindings of rbac.authorization.k8s.io/v1, each kind by namespace and name. The caller owns what it is given.
func Objects() iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for object := range strings.SplitSeq(strings.TrimSuffix(policy, "\n"), "\n") {
			if !yield(json.RawMessage(object)) {
				return
			}
		}
	}
}
