package cluster

import (
	"cmp"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// Config says how to reach a cluster: by REST, or by clients that the host has already. Defaults stand for zero fields.
type Config struct {
	// REST is copied and never changed. Where it leaves both QPS and Burst unset, 50 and 100 stand for client-go's 5 and 10,
	// which would make a scan wait for itself.
	REST *rest.Config

	// Dynamic, Metadata and Discovery are used where REST is nil. Dynamic and Discovery are then required; Metadata reads
	// kinds of which only metadata is needed, and Secrets.
	Dynamic   dynamic.Interface
	Metadata  metadata.Interface
	Discovery Discovery

	// Namespaces are where a kind is listed when the cluster as a whole may not be. With none, the namespaces that can be
	// listed are tried, up to MaxNamespaces of them.
	Namespaces    []string
	MaxNamespaces int // default 100

	// SecretMetadata lists names, labels, owners and types of Secrets: their metadata, once per well-known type, which a field
	// selector tells. RBAC cannot grant that alone: whoever may list Secrets may read them. Without it they are not asked for.
	SecretMetadata bool
	// Metrics and Flagz read /metrics and /flagz of the API server that answers. They tell which options it runs with.
	Metrics, Flagz bool

	PageSize    int64         // objects asked for at a time; default 500
	Parallelism int           // kinds listed at the same time; default 4
	PageTimeout time.Duration // for one page, its body included; default 1 minute
	Attempts    int           // for one page; default 5
	Backoff     time.Duration // pause before the second attempt, doubled for each further one; default 500 ms
	MaxPause    time.Duration // the longest pause between attempts, whatever Retry-After says; default 1 minute

	// OnProgress is told of each kind that was listed, one call at a time.
	OnProgress func(Progress)
}

// Discovery tells what a cluster serves. *discovery.DiscoveryClient of client-go is one. It may have ServerVersion too.
type Discovery interface {
	ServerGroupsAndResources() ([]*metav1.APIGroup, []*metav1.APIResourceList, error)
}

// Progress says how far a collection is.
type Progress struct {
	Resource    string // what was listed last, as "deployments.apps"
	Objects     int    // of it
	Done, Total int    // kinds
}

// ErrNoCluster says that a Config names no cluster.
var ErrNoCluster = errors.New("neither REST nor the clients Dynamic and Discovery are set")

// ErrNoMetadata says that Secrets cannot be listed without reading them.
var ErrNoMetadata = errors.New("SecretMetadata needs the client Metadata")

func (c *Config) withDefaults() Config {
	d := *c
	d.MaxNamespaces = cmp.Or(c.MaxNamespaces, 100)
	d.PageSize = cmp.Or(c.PageSize, 500)
	d.Parallelism = cmp.Or(c.Parallelism, 4)
	d.PageTimeout = cmp.Or(c.PageTimeout, time.Minute)
	d.Attempts = cmp.Or(c.Attempts, 5)
	d.Backoff = cmp.Or(c.Backoff, 500*time.Millisecond)
	d.MaxPause = cmp.Or(c.MaxPause, time.Minute)
	return d
}

func (c *Config) client() (api, error) {
	switch {
	case c.REST != nil:
		return newHTTP(c.REST)
	case c.Dynamic == nil || c.Discovery == nil:
		return nil, ErrNoCluster
	case c.SecretMetadata && c.Metadata == nil:
		return nil, ErrNoMetadata
	}
	return &clients{c.Dynamic, c.Metadata, c.Discovery}, nil
}
