// A program that reads manifests and imports the package, as one does whose checks were left out.
package main

import (
	"context"
	"fmt"
	"os"

	_ "github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func main() {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Paths(manifest.Config{}, os.Args[1:]...))
	fmt.Println(inv.Len(), err)
}
