package nodetrust_test

import (
	"context"
	"fmt"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/nodetrust"
)

// A contract with a vendor is a table of support, and a scan of last year is repeated with its day.
func ExampleSupport() {
	const nodes = `
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {nodeInfo: {kubeletVersion: v1.31.8}}
`
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "nodes.yaml", []byte(nodes)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, table := range []nodetrust.Support{{}, {Read: "2026-11-25", Rows: []nodetrust.SupportRow{
		{Product: "kubernetes", Minor: "1.31", End: "2028-12-31"},
	}}} {
		runner := nist190.Runner{Checks: nodetrust.Checks(), Settings: []inventory.Value{
			nodetrust.SupportTable.Set(table),
			inventory.Clock.Set(inventory.Instant{Time: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)}),
		}}
		report, err := runner.Run(ctx, inv)
		if err != nil {
			fmt.Println(err)
			return
		}
		for f := range report.Findings() {
			if f.Check.ID == "nodetrust-version-support" && f.Key == "kubelets" {
				fmt.Println(f.Status, f.Message)
			}
		}
	}
	// Output:
	// Fail kubelets 1.31 on 1 node (node-1), support ended on 2025-11-11
	// Pass kubelets 1.31 on 1 node (node-1), supported until 2028-12-31
}
