package cluster

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/nist190/nist190/inventory"
)

// Access is what a collection will meet at one kind or URL.
type Access struct {
	Evidence  string // as inventory.Need prints it: "networkpolicies.networking.k8s.io", "/metrics"
	Namespace string // where the answer holds; empty for the whole cluster
	// State is Complete where it may be listed, Forbidden where not, NotServed where there is nothing to list, NotCollected where
	// the source does not ask, and Failed where discovery or the question failed.
	State  inventory.State
	Reason string // why it is not Complete; the authorizer's, where it gives one
}

// Preflight asks what the caller may read of what needs ask for, without reading it: one SelfSubjectAccessReview for each kind
// that is served, and where that is refused one for each of Config.Namespaces. The order is that of needs. A review is the one
// request of this package that is not a read; it leaves nothing behind, and every authenticated user may make it.
func (s *Source) Preflight(ctx context.Context, needs []inventory.Need) ([]Access, error) {
	defer s.api.close()
	c := &collection{Source: s, stop: func(error) {}}
	c.served = c.discover(ctx, nil)
	if err := c.served.err(); err != nil && !isForbidden(err) {
		if isUnauthorized(err) {
			return nil, fmt.Errorf("cluster: %w: %w", ErrUnauthorized, err)
		}
		return nil, fmt.Errorf("cluster: %w: %w", ErrUnreachable, err)
	}
	kinds := kindsOf(needs)
	answers := make([][]Access, len(kinds))
	var g errgroup.Group
	g.SetLimit(s.cfg.Parallelism)
	for i, n := range kinds {
		g.Go(func() error {
			answers[i] = c.access(ctx, n)
			return nil
		})
	}
	_ = g.Wait()
	var out []Access
	for _, a := range answers {
		out = append(out, a...)
	}
	for _, r := range s.cfg.wantedReports() {
		out = append(out, c.mayGet(ctx, r.path))
	}
	return out, ctx.Err()
}

func (c *collection) access(ctx context.Context, n inventory.Need) []Access {
	state, reason, r := c.decide(n)
	if state != inventory.Complete {
		return []Access{{Evidence: n.String(), State: state, Reason: reason}}
	}
	whole := c.mayList(ctx, n, r, "")
	out := []Access{whole}
	if whole.State == inventory.Forbidden && r.namespaced {
		for _, ns := range c.cfg.Namespaces {
			out = append(out, c.mayList(ctx, n, r, ns))
		}
	}
	return out
}

func (c *collection) mayList(ctx context.Context, n inventory.Need, r resource, namespace string) Access {
	a := c.ask(ctx, authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
		Namespace: namespace, Verb: "list", Group: r.Group, Version: r.Version, Resource: r.Resource}})
	a.Evidence, a.Namespace = n.String(), namespace
	return a
}

func (c *collection) mayGet(ctx context.Context, path string) Access {
	a := c.ask(ctx, authorizationv1.SelfSubjectAccessReviewSpec{NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"}})
	a.Evidence = path
	return a
}

func (c *collection) ask(ctx context.Context, spec authorizationv1.SelfSubjectAccessReviewSpec) Access {
	r := &authorizationv1.SelfSubjectAccessReview{}
	err := c.attempt(ctx, func(ctx context.Context) error {
		*r = authorizationv1.SelfSubjectAccessReview{Spec: spec}
		return c.api.review(ctx, r)
	})
	switch {
	case err != nil:
		return Access{State: inventory.Failed, Reason: describe(err)}
	case r.Status.Allowed:
		return Access{State: inventory.Complete}
	case r.Status.EvaluationError != "":
		return Access{State: inventory.Failed, Reason: r.Status.EvaluationError}
	}
	return Access{State: inventory.Forbidden, Reason: r.Status.Reason}
}
