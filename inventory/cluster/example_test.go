package cluster_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory/cluster"
	"github.com/nist190/nist190/report"
)

// A scan of the cluster that a kubeconfig names. With an error there is a report of what could be read.
func Example() {
	rc, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		log.Fatal(err)
	}
	source, err := cluster.New(cluster.Config{REST: rc})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	rep, err := nist190.Scan(ctx, source, catalog.All()...)
	if rep != nil {
		if err := report.Text(os.Stdout, rep, report.TextOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
