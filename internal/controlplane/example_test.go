package controlplane_test

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// A cluster with two replicas of the API server, of which one was not changed with the other.
func ExampleOf() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.FS(manifest.Config{}, os.DirFS("testdata/divergent"), "."))
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := controlplane.Of(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	anonymous := v.APIServer().AnonymousAuth()
	fmt.Println(anonymous.Known, anonymous.Reason)
	for _, a := range anonymous.Find(func(a controlplane.Anonymous) bool { return a.Enabled }) {
		fmt.Println(a.Replica, "lets anybody in:", a.How())
	}
	secrets := v.APIServer().EncryptionFor(schema.GroupResource{Resource: "secrets"})
	fmt.Println(secrets.Value.Encrypted(), secrets.Known, secrets.Strength)
	fmt.Println(v.Kubelet("cp-2").AuthorizationMode().Value, v.Kubelet("cp-1").AuthorizationMode().Reason)
	// Output:
	// unknown the replicas disagree: cp-1, set at pods.yaml:45; cp-2, the default of Kubernetes 1.36
	// cp-2 lets anybody in: the default of Kubernetes 1.36
	// false default inferred
	// AlwaysAllow nothing describes the kubelet of node cp-1
}
