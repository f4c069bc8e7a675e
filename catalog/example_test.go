package catalog_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory/manifest"
)

func Example() {
	config, err := catalog.LoadFile("nist190.yaml")
	if err != nil {
		log.Fatal(err)
	}
	source := manifest.Paths(manifest.Config{World: config.World.Manifest()}, "deploy")
	report, err := config.Runner().Scan(context.Background(), source)
	if err != nil {
		log.Fatal(err)
	}
	for _, q := range report.Requirements {
		fmt.Println(q.Sentence.Key, q.Status, q.Unlock)
	}
	for f := range report.Failures(nist190.SeverityHigh) {
		fmt.Println(f.Origin(), f.Check.ID, f.Message)
	}
}
