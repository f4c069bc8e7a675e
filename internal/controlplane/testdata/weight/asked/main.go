// A program that reads manifests and asks about the control plane.
package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func main() {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Paths(manifest.Config{}, os.Args[1:]...))
	fmt.Println(inv.Len(), err)
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		return
	}
	s, m, e := v.APIServer(), v.ControllerManager(), v.Etcd()
	fmt.Println(s.Authentication(), s.Authorizers(), s.AdmissionPlugins(), s.EncryptionFor(schema.GroupResource{Resource: "secrets"}), s.Audit(), s.TLS(), s.Etcd(), s.KubeletClient())
	fmt.Println(m.Signing(), m.Controller("csrapproving"), m.Delegation(), v.Scheduler().Profiles(), e.Client(), e.Peer(), e.Members(), v.Joins(), v.Tokens())
	for _, k := range v.Kubelets() {
		fmt.Println(k.AnonymousAuth(), k.AuthorizationMode(), k.RotateCertificates(), k.RegisterWithTaints(), k.NodeLabels(), k.FeatureGate("A"))
	}
}
