package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Source reads a live cluster. It is safe for concurrent use and may be collected many times, each time anew.
type Source struct {
	cfg Config
	api api
}

// New makes a source. It sends nothing.
func New(cfg Config) (*Source, error) {
	client, err := cfg.client()
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return &Source{cfg.withDefaults(), client}, nil
}

var (
	// ErrUnauthorized says that the server does not know who asks: credentials are missing, wrong or expired.
	ErrUnauthorized = errors.New("the API server does not accept the credentials")
	// ErrUnreachable is wrapped where nothing could be asked of the server.
	ErrUnreachable = errors.New("the API server cannot be asked what it serves")
)

// Collect implements [inventory.Source]. It lists what the needs ask for, or everything but Secrets where there are none. The
// error is that of ctx, or says that nothing at all could be read: everything else is coverage and a Problem. When ctx ends it
// returns within a few milliseconds, and what was read until then is added.
func (s *Source) Collect(ctx context.Context, needs []inventory.Need, into *inventory.Collector) error {
	defer s.api.close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	c := &collection{Source: s, into: into, stop: stop}
	err := c.run(ctx, needs)
	c.settle(needs, len(needs) == 0)
	if cause := context.Cause(ctx); cause != nil && err == nil {
		err = cause
	}
	return err
}

// collection is one run of a source.
type collection struct {
	*Source
	into *inventory.Collector
	stop context.CancelCauseFunc // ends the collection: there is no sense in asking on

	served *served
	lists  []*list

	mu   sync.Mutex
	done int // lists

	namespacesOnce sync.Once
	seenNamespaces []string // that can be listed; where the caller named none
}

func (c *collection) run(ctx context.Context, needs []inventory.Need) error {
	var groups map[string]bool
	if len(needs) > 0 {
		groups = map[string]bool{}
		for _, n := range needs {
			if n.Kind != "" {
				groups[n.Group] = true
			}
		}
	}
	c.served = c.discover(ctx, groups)
	if err := c.served.err(); err != nil && !isForbidden(err) {
		if isUnauthorized(err) {
			return fmt.Errorf("cluster: %w: %w", ErrUnauthorized, err)
		}
		return fmt.Errorf("cluster: %w: %w", ErrUnreachable, err)
	}
	c.version(ctx)
	c.reports(ctx)
	if len(needs) == 0 {
		needs = c.served.all()
	}
	for _, n := range kindsOf(needs) {
		c.plan(n)
	}
	c.listAll(ctx)
	c.readAgain(ctx)
	return nil
}

// discover asks what is served, again where the answer is an error that may pass.
func (c *collection) discover(ctx context.Context, groups map[string]bool) *served {
	var s *served
	_ = c.attempt(ctx, func(ctx context.Context) error {
		s = c.api.discover(ctx, groups)
		return errors.Join(s.coreErr, s.groupsErr)
	})
	return s
}

// kindsOf lists each API kind that needs ask for once. Only metadata is read where no need asks for more.
func kindsOf(needs []inventory.Need) []inventory.Need {
	var out []inventory.Need
	at := map[schema.GroupKind]int{}
	for _, n := range needs {
		if n.Kind == "" || n.Subresource != "" {
			continue
		}
		gk := inventory.CanonicalGroupKind(n.GroupKind())
		i, ok := at[gk]
		if !ok {
			at[gk] = len(out)
			out = append(out, n)
			continue
		}
		out[i].MetadataOnly = out[i].MetadataOnly && n.MetadataOnly
	}
	return out
}

// plan decides what to do about one kind.
func (c *collection) plan(n inventory.Need) {
	gk := n.GroupKind()
	state, reason, r := c.decide(n)
	if state != inventory.Complete {
		c.cover(gk, state, reason)
		return
	}
	c.lists = append(c.lists, &list{need: n, resource: r, secrets: gk == secretKind, metadataOnly: n.MetadataOnly})
}

// decide tells where a kind is listed, with the state Complete, or why it is not.
func (c *collection) decide(n inventory.Need) (inventory.State, string, resource) {
	gk := n.GroupKind()
	r, ok := c.served.find(n)
	switch {
	case gk == secretKind && !c.cfg.SecretMetadata:
		return inventory.NotCollected, "Secrets are not read; where Config.SecretMetadata says so, their metadata is", r
	case ok:
		return inventory.Complete, "", r
	case isFile(gk):
		return inventory.NotCollected, "a file on a host: the API does not serve it", r
	case c.served.why(gk.Group) != nil:
		err := c.served.why(gk.Group)
		return stateOf(err), "discovery of the group failed: " + describe(err), r
	case c.served.known[gk]:
		return inventory.NotCollected, "the cluster serves it and cannot list it", r
	}
	return inventory.NotServed, "the cluster does not serve it", r
}

// listAll lists what was planned, a few kinds at a time.
func (c *collection) listAll(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(c.cfg.Parallelism)
	for _, l := range c.lists {
		g.Go(func() error {
			c.list(ctx, l)
			c.progress(l)
			return nil
		})
	}
	_ = g.Wait()
}

func (c *collection) progress(l *list) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.cfg.OnProgress != nil {
		c.cfg.OnProgress(Progress{Resource: l.resource.String(), Objects: len(l.objects), Done: c.done, Total: len(c.lists)})
	}
}

// settle hands over what was listed, and says what was not.
func (c *collection) settle(needs []inventory.Need, everything bool) {
	for _, l := range c.lists {
		for _, o := range l.objects {
			c.into.Add(o)
		}
		for _, p := range l.problems {
			c.into.Problem(p)
		}
		gk := l.resource.groupKind()
		c.cover(gk, l.whole.State, l.whole.Reason)
		for ns, cov := range l.parts {
			c.into.Cover(inventory.CoverageEntry{Group: gk.Group, Kind: gk.Kind, Namespace: ns, Coverage: cov})
		}
	}
	for _, n := range needs {
		if n.Format != "" || n.URL != "" || n.Subresource != "" {
			gk := n.GroupKind()
			c.cover(gk, inventory.NotCollected, "the API does not tell it: a file from the cluster would")
		}
	}
	if !everything {
		c.into.CoverRest(inventory.NotCollected, "no check asked for it")
		return
	}
	for gk := range files {
		if c.served == nil || len(c.served.kinds[gk]) == 0 {
			c.cover(gk, inventory.NotCollected, "a file on a host: the API does not serve it")
		}
	}
	if c.served == nil || c.served.coreErr != nil || c.served.groupsErr != nil || len(c.served.failed) > 0 {
		c.into.CoverRest(inventory.Failed, "discovery did not tell all that the cluster serves")
		return
	}
	c.into.CoverRest(inventory.NotServed, "the cluster does not serve it")
}

func (c *collection) cover(gk schema.GroupKind, s inventory.State, reason string) {
	c.into.Cover(inventory.CoverageEntry{Group: gk.Group, Kind: gk.Kind, Coverage: inventory.Coverage{State: s, Reason: reason}})
}

var secretKind = schema.GroupKind{Kind: "Secret"}

// files are kinds that components read from files. Their groups are served by no cluster, and that one of them is absent from
// the API says nothing of the files.
var files = func() map[schema.GroupKind]bool {
	out := map[schema.GroupKind]bool{}
	for group, kinds := range map[string][]string{
		"": {"Config", "EncryptionConfig"},
		"apiserver.config.k8s.io": {"AdmissionConfiguration", "AuthenticationConfiguration", "AuthorizationConfiguration",
			"EgressSelectorConfiguration", "EncryptionConfiguration", "TracingConfiguration"},
		"apiserver.k8s.io":                     {"AdmissionConfiguration", "EgressSelectorConfiguration"},
		"audit.k8s.io":                         {"Policy"},
		"config.k8s.io":                        {"Flagz"},
		"kubeadm.k8s.io":                       {"ClusterConfiguration", "InitConfiguration", "JoinConfiguration", "ResetConfiguration"},
		"kubelet.config.k8s.io":                {"CredentialProviderConfig", "KubeletConfiguration"},
		"kubeproxy.config.k8s.io":              {"KubeProxyConfiguration"},
		"kubescheduler.config.k8s.io":          {"KubeSchedulerConfiguration"},
		"pod-security.admission.config.k8s.io": {"PodSecurityConfiguration"},
	} {
		for _, k := range kinds {
			out[schema.GroupKind{Group: group, Kind: k}] = true
		}
	}
	return out
}()

func isFile(gk schema.GroupKind) bool { return files[gk] }
