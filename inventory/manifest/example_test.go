package manifest_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func ExampleFS() {
	fsys := fstest.MapFS{
		"app/pod.yaml":    {Data: []byte("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  hostNetwork: yes\n")},
		"app/broken.yaml": {Data: []byte("apiVersion: v1\nkind: Service\nmetadata: name: web\n")},
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{NoBootstrap: true}, fsys, "app"))
	for o := range inv.All() {
		fmt.Println(o.Ref(), "at", o.Origin("spec", "hostNetwork"))
	}
	for _, p := range inv.Problems() {
		fmt.Println(p.Code, p)
	}
	fmt.Println("error:", err)
	// Output:
	// Pod default/web at app/pod.yaml:6
	// Syntax app/broken.yaml:3: mapping values are not allowed in this context
	// Divergent app/pod.yaml:6: spec.hostNetwork: plain yes is the boolean true to kubectl and a string to readers of YAML 1.2; quote it or write true
	// error: <nil>
}

func ExamplePaths() {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Paths(manifest.Config{}, "no/such/file.yaml"))
	var input *manifest.InputError
	if errors.As(err, &input) {
		fmt.Println(input, "- and still an inventory:", inv != nil)
	}
	// Output: no/such/file.yaml: no such file or directory - and still an inventory: true
}
