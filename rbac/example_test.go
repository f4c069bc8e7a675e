package rbac_test

import (
	"context"
	"fmt"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

const shop = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: debug, namespace: shop}
rules:
- {apiGroups: [""], resources: [pods/exec], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: debug, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: debug}
subjects:
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: developers}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, namespace: shop, name: operator}
`

// May jane open a shell, and through what?
func ExampleAccess_Allows() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "shop.yaml", []byte(shop)))
	if err != nil {
		fmt.Println(err)
		return
	}
	access, err := rbac.AccessOf(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	jane := rbac.Identity{User: "jane", Groups: []string{"developers", "system:authenticated"}}
	d := access.Allows(jane, rbac.Request{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "shop", Name: "web-0"})
	fmt.Println(d.Allowed, d.Reason())
	for _, step := range d.Grant.Steps() {
		fmt.Println("-", step)
	}
	// Output:
	// true RBAC: allowed by RoleBinding "debug/shop" of Role "debug" to Group "developers"
	// - Group "developers"
	// - RoleBinding "debug"
	// - Role "debug"
	// - rule 0: create pods/exec
}

// Who can open a shell?
func ExampleAccess_WhoCan() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "shop.yaml", []byte(shop)))
	if err != nil {
		fmt.Println(err)
		return
	}
	access, err := rbac.AccessOf(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range access.WhoCan(rbac.Request{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "shop", Name: "web-0"}) {
		fmt.Println(h.Subject)
	}
	// Output:
	// Group "system:masters"
	// Group "developers"
	// ServiceAccount "shop/operator"
}

// What can the developers make of their shell?
func ExampleEscalations_ToAdmin() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "shop.yaml", []byte(shop)))
	if err != nil {
		fmt.Println(err)
		return
	}
	escalations, err := rbac.EscalationsOf(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, hop := range escalations.ToAdmin(rbac.Group("developers")) {
		fmt.Println(hop)
	}
	// Output:
	// Group "developers" may open a shell in every container in namespace "shop" and so be ServiceAccount "shop/operator"
	// ServiceAccount "shop/operator" may do everything in the cluster
}
