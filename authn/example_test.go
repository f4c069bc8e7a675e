package authn_test

import (
	"context"
	"fmt"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

// Who comes in by the issuer of a cluster whose groups have no prefix.
func ExampleAuthenticatorsOf() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "cluster.yaml", []byte(`
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp-1, namespace: kube-system, labels: {component: kube-apiserver}}
spec:
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.37.2
    command:
    - kube-apiserver
    - --authorization-mode=Node,RBAC
    - --oidc-issuer-url=https://corp.okta.com
    - --oidc-client-id=kubernetes
    - --oidc-groups-claim=groups
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: platform}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: platform}]
`)))
	if err != nil {
		fmt.Println(err)
		return
	}
	ways, err := authn.AuthenticatorsOf(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range ways.Ways {
		if w.Kind != authn.TokenOfIssuer {
			continue
		}
		fmt.Println(w, "of", w.Directory)
		fmt.Println("users", w.Users, "groups", w.Groups)
		fmt.Println("alice:", w.Can(rbac.User("alice")), "system:masters:", w.Can(rbac.Group("system:masters")))
		for _, a := range w.Administers {
			fmt.Println(a.Subject, a.Steps)
		}
	}
	// Output:
	// token of an issuer "https://corp.okta.com" of Okta (corp.okta.com)
	// users https://corp.okta.com#* groups *
	// alice: no system:masters: yes
	// Group "system:masters" 0
	// Group "platform" 1
}
