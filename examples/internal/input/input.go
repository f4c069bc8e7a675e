// Package input is what the examples read: manifests, a cluster, or a cluster and files that say what its API does not.
package input

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/cluster"
	"github.com/nist190/nist190/inventory/manifest"
)

// Flags name a cluster. The zero value names none.
type Flags struct {
	kubeconfig, context, namespace string
	live, secretMetadata, reports  bool
}

// Add adds the flags to a program's.
func Add(fs *flag.FlagSet) *Flags {
	f := &Flags{}
	fs.StringVar(&f.kubeconfig, "kubeconfig", "", "read the cluster that this `FILE` names")
	fs.StringVar(&f.context, "context", "", "read the cluster of this `NAME` in the kubeconfig")
	fs.BoolVar(&f.live, "live", false, "read the cluster of the current context, or the one that this runs in")
	fs.StringVar(&f.namespace, "in-namespace", "", "`NAMESPACE` to list where the cluster as a whole may not be")
	fs.BoolVar(&f.secretMetadata, "secret-metadata", false, "list names, labels and types of Secrets in the cluster; it takes the right to list Secrets")
	fs.BoolVar(&f.reports, "reports", false, "read /metrics and /flagz of the cluster's API server")
	return f
}

// Live reports whether a cluster is read.
func (f *Flags) Live() bool { return f.live || f.kubeconfig != "" || f.context != "" }

// ErrNothing says that the flags name nothing to read.
var ErrNothing = errors.New("nothing to read: name manifests, a file or a directory, or a cluster with -kubeconfig, -context or -live")

// Needs are needs for a cluster, of which only those are listed. Manifests are read as they are.
func (f *Flags) Needs(needs []inventory.Need) []inventory.Need {
	if f.Live() {
		return needs
	}
	return nil
}

// Source is the manifests below the paths, or the cluster. Where both are named, the files say what the API does not, as those
// of the cloud's command line do; of an object that both have the cluster's counts.
func (f *Flags) Source(cfg manifest.Config, paths ...string) (inventory.Source, error) {
	if !f.Live() {
		if len(paths) == 0 {
			return nil, ErrNothing
		}
		return manifest.Paths(cfg, paths...), nil
	}
	rc, err := f.config()
	if err != nil {
		return nil, err
	}
	cc := cluster.Config{REST: rc, SecretMetadata: f.secretMetadata, Metrics: f.reports, Flagz: f.reports}
	if f.namespace != "" {
		cc.Namespaces = []string{f.namespace}
	}
	live, err := cluster.New(cc)
	if err != nil || len(paths) == 0 {
		return live, err
	}
	cfg.NoBootstrap = true // the cluster has them
	return inventory.Sources(manifest.Paths(cfg, paths...), observed(live)), nil
}

// observed: what files add to a cluster does not make it a closed world of manifests.
func observed(live inventory.Source) inventory.Source {
	return inventory.SourceFunc(func(ctx context.Context, needs []inventory.Need, into *inventory.Collector) error {
		err := live.Collect(ctx, needs, into)
		into.Assume(inventory.World.Set(""))
		return err
	})
}

// config is found as by every client of client-go: the file that is named, $KUBECONFIG, ~/.kube/config, and where there is none
// of them, the service account of the pod.
func (f *Flags) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: f.context}
	rc, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return rc, nil
}
