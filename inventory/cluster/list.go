package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"

	"github.com/nist190/nist190/inventory"
)

// list is one kind and what came of listing it.
type list struct {
	need         inventory.Need
	resource     resource
	metadataOnly bool
	secrets      bool

	objects  []*inventory.Object
	problems []inventory.Problem
	whole    inventory.Coverage            // of namespaces that parts does not name
	parts    map[string]inventory.Coverage // by namespace
}

func (l *list) problem(path, message string) {
	l.problems = append(l.problems, inventory.Problem{Code: inventory.ProblemIncomplete, Origin: inventory.Origin{URI: path},
		Ref: inventory.Ref{Group: l.resource.Group, Version: l.resource.Version, Kind: l.resource.kind}, Message: message})
}

// outcome is what one list of a namespace, or of the whole, came to.
type outcome struct {
	objects  []*inventory.Object
	problems []inventory.Problem
	cover    inventory.Coverage
	err      error // that ended it
}

// list lists a kind in the whole cluster, and where that is not allowed, in each namespace where it is.
func (c *collection) list(ctx context.Context, l *list) {
	o := c.listIn(ctx, l, "")
	l.take(&o, "")
	l.whole = o.cover
	if o.cover.State != inventory.Forbidden {
		return
	}
	switch {
	case l.resource.namespaced:
		c.listNamespaces(ctx, l)
	case l.resource.groupKind() == namespaceKind:
		c.getNamespaces(ctx, l)
	}
}

func (l *list) take(o *outcome, namespace string) {
	l.objects = append(l.objects, o.objects...)
	l.problems = append(l.problems, o.problems...)
	if o.err != nil {
		l.problem(l.resource.path(namespace), o.cover.Reason)
	}
}

// listNamespaces lists a kind in each namespace that the caller named or may list. What it may not see there is covered by what
// is said of the whole.
func (c *collection) listNamespaces(ctx context.Context, l *list) {
	for _, ns := range c.namespaces(ctx) {
		if ctx.Err() != nil {
			return
		}
		o := c.listIn(ctx, l, ns)
		if o.cover.State == inventory.Forbidden {
			continue
		}
		l.take(&o, ns)
		if l.parts == nil {
			l.parts = map[string]inventory.Coverage{}
		}
		l.parts[ns] = o.cover
	}
	if len(l.parts) > 0 {
		l.whole.Reason += "; it was listed in " + counted(len(l.parts), "namespace")
	}
}

// getNamespaces reads the Namespace objects of the namespaces that the caller named: who holds a role in a namespace may often get
// it, since the request counts as one in that namespace (apiserver, pkg/endpoints/request/requestinfo.go), and never list them.
func (c *collection) getNamespaces(ctx context.Context, l *list) {
	for _, ns := range c.cfg.Namespaces {
		var raw []byte
		err := c.attempt(ctx, func(ctx context.Context) (err error) {
			raw, err = c.api.object(ctx, l.resource, "", ns)
			return err
		})
		if err != nil {
			continue // what is said of the whole holds for it
		}
		objects, problems := objectsOf(l, "", [][]byte{raw}, "")
		if len(problems) > 0 || objects[0].Name() != ns {
			continue
		}
		l.objects = append(l.objects, objects...)
		if l.parts == nil {
			l.parts = map[string]inventory.Coverage{}
		}
		l.parts[ns] = inventory.Coverage{State: inventory.Complete}
	}
}

// namespaces are those to fall back on, by name.
func (c *collection) namespaces(ctx context.Context) []string {
	if len(c.cfg.Namespaces) > 0 {
		out := slices.Clone(c.cfg.Namespaces)
		slices.Sort(out)
		return slices.Compact(out)
	}
	c.namespacesOnce.Do(func() {
		o := c.listIn(ctx, &list{resource: namespaceResource, metadataOnly: true}, "")
		for _, ns := range o.objects {
			c.seenNamespaces = append(c.seenNamespaces, ns.Name())
		}
		slices.Sort(c.seenNamespaces)
		c.seenNamespaces = c.seenNamespaces[:min(len(c.seenNamespaces), c.cfg.MaxNamespaces)]
	})
	return c.seenNamespaces
}

// secretTypes are those that k8s.io/api names. A field selector tells them apart without reading a Secret; what is of none of
// them is listed last and keeps no type.
var secretTypes = []string{
	"Opaque", "kubernetes.io/service-account-token", "kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson",
	"kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls", "bootstrap.kubernetes.io/token",
}

// listIn lists a kind in a namespace, or in the whole cluster where namespace is empty.
func (c *collection) listIn(ctx context.Context, l *list, namespace string) outcome {
	if !l.secrets {
		return c.pages(ctx, l, namespace, listOptions{metadataOnly: l.metadataOnly}, "")
	}
	var all outcome
	others := make([]fields.Selector, 0, len(secretTypes))
	for _, t := range append(slices.Clone(secretTypes), "") {
		selector := fields.OneTermEqualSelector("type", t)
		if t == "" {
			selector = fields.AndSelectors(others...)
		} else {
			others = append(others, fields.OneTermNotEqualSelector("type", t))
		}
		o := c.pages(ctx, l, namespace, listOptions{metadataOnly: true, fields: selector.String()}, t)
		all.objects = append(all.objects, o.objects...)
		all.problems = append(all.problems, o.problems...)
		all.cover, all.err = o.cover, o.err
		if o.err != nil {
			break
		}
	}
	if all.err != nil && len(all.objects) > 0 {
		all.cover.State = inventory.Partial
	}
	return all
}

// pages lists one kind page by page. A list that expires (410, the server has forgotten the state that it was reading) is
// started again once; when it expires again it is continued in the state of now, as the server offers, and is then Partial: an
// object that was replaced by one of another name meanwhile may have been missed.
func (c *collection) pages(ctx context.Context, l *list, namespace string, o listOptions, secretType string) outcome {
	var out outcome
	o.limit = c.cfg.PageSize
	restarted, mixed, undecodable := false, false, 0
	for {
		p, err := c.page(ctx, l.resource, namespace, &o)
		if err != nil {
			next := continueToken(err)
			switch {
			case o.cont != "" && isExpired(err) && !restarted:
				restarted, o.cont, out = true, "", outcome{}
				undecodable = 0
				continue
			case o.cont != "" && isExpired(err) && next != "" && next != o.cont:
				mixed, o.cont = true, next
				continue
			}
			out.fail(l.resource, err)
			break
		}
		objects, problems := objectsOf(l, namespace, p.items, secretType)
		undecodable += len(problems)
		out.objects = append(out.objects, objects...)
		out.problems = append(out.problems, problems...)
		if p.cont == "" {
			out.cover = inventory.Coverage{State: inventory.Complete}
			break
		}
		if p.cont == o.cont {
			out.fail(l.resource, errors.New("the server repeats a page"))
			break
		}
		o.cont = p.cont
	}
	switch {
	case out.err != nil:
	case mixed:
		out.err = errors.New("the list expired twice")
		out.cover = inventory.Coverage{State: inventory.Partial,
			Reason: "the list expired twice and was continued from a later state: what was replaced meanwhile may be missing"}
	case undecodable > 0:
		out.cover = inventory.Coverage{State: inventory.Partial, Reason: counted(undecodable, "item") + " of the list could not be read"}
	}
	return out
}

// fail ends a list.
func (o *outcome) fail(r resource, err error) {
	o.err = err
	o.cover = inventory.Coverage{State: stateOf(err), Reason: describe(err)}
	switch {
	case isForbidden(err):
		o.cover.Reason = fmt.Sprintf("the server refuses to list it: the right to list %s is missing", r)
	case r.assumed:
		o.cover.Reason = "discovery failed, and listing it at " + r.apiVersion() + " did: " + o.cover.Reason
	}
	if len(o.objects) > 0 {
		o.cover.State = inventory.Partial
		o.cover.Reason = fmt.Sprintf("the list broke off after %s: %s", counted(len(o.objects), "object"), o.cover.Reason)
	}
}

// page asks for one page, several times where that may help. Pages that are cut off or do not come in time are asked for in a
// smaller size.
func (c *collection) page(ctx context.Context, r resource, namespace string, o *listOptions) (page, error) {
	var p page
	err := c.attempt(ctx, func(ctx context.Context) error {
		var err error
		p, err = c.api.page(ctx, r, namespace, *o)
		var broken *brokenBody
		if errors.As(err, &broken) || errors.Is(err, errPageTimeout) || errors.Is(err, context.DeadlineExceeded) {
			o.limit = max(o.limit/4, 10)
		}
		return err
	})
	if isUnauthorized(err) {
		c.stop(fmt.Errorf("cluster: %w", ErrUnauthorized))
	}
	if err != nil && isNotFound(err) && !r.assumed {
		err = c.gone(ctx, r, err)
	}
	return p, err
}

// errGone: a kind that was served when the collection began and is not any more.
var errGone = errors.New("the cluster has ceased to serve it")

// gone looks whether a kind that is not found has been removed since discovery.
func (c *collection) gone(ctx context.Context, r resource, err error) error {
	now := c.discover(ctx, map[string]bool{r.Group: true})
	if ctx.Err() == nil && now.why(r.Group) == nil && !now.known[r.groupKind()] {
		return errGone
	}
	return err
}

// one reads an object by its name, with the right to list and without that to get.
func (c *collection) one(ctx context.Context, l *list, namespace, name string) ([]*inventory.Object, error) {
	o := listOptions{limit: c.cfg.PageSize, fields: fields.OneTermEqualSelector("metadata.name", name).String(), metadataOnly: l.metadataOnly}
	p, err := c.page(ctx, l.resource, namespace, &o)
	if err != nil {
		return nil, err
	}
	objects, problems := objectsOf(l, namespace, p.items, "")
	if len(problems) > 0 {
		return nil, errors.New(problems[0].Message)
	}
	return slices.DeleteFunc(objects, func(o *inventory.Object) bool { return o.Name() != name }), nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "y") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	}
	return fmt.Sprintf("%d %ss", n, what)
}
