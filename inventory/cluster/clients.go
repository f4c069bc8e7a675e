package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
)

// clients speak through what the host has: its caches, its limits, its fakes. A page is decoded by them and written again,
// which costs about as much as all the rest.
type clients struct {
	dynamic   dynamic.Interface
	metadata  metadata.Interface // may be nil
	discovery Discovery
}

// clientPanic: fake clients panic on kinds that nobody registered (client-go, dynamic/fake).
type clientPanic struct{ value any }

func (e *clientPanic) Error() string { return fmt.Sprintf("the client panicked: %v", e.value) }

func guard(err *error) {
	if r := recover(); r != nil {
		*err = &clientPanic{r}
	}
}

// wait calls f, which may take no context, and does not wait for it longer than ctx lasts.
func wait[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		v   T
		err error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() { done <- a }()
		defer guard(&a.err)
		a.v, a.err = f()
	}()
	select {
	case a := <-done:
		return a.v, a.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

func (c *clients) resources(ctx context.Context) ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	type both struct {
		groups []*metav1.APIGroup
		lists  []*metav1.APIResourceList
		err    error
	}
	b, err := wait(ctx, func() (b both, err error) {
		b.groups, b.lists, b.err = c.discovery.ServerGroupsAndResources()
		return b, nil
	})
	if err == nil {
		err = b.err
	}
	return b.groups, b.lists, err
}

func (c *clients) page(ctx context.Context, r resource, namespace string, o listOptions) (p page, err error) {
	defer guard(&err)
	opts := metav1.ListOptions{Limit: o.limit, Continue: o.cont, FieldSelector: o.fields}
	if o.metadataOnly && c.metadata != nil {
		l, err := c.metadata.Resource(r.GroupVersionResource).Namespace(namespace).List(ctx, opts)
		if err != nil {
			return page{}, err
		}
		p.cont = l.Continue
		for i := range l.Items {
			raw, err := json.Marshal(&l.Items[i])
			if err != nil {
				return page{}, err
			}
			p.items = append(p.items, raw)
		}
		return p, nil
	}
	l, err := c.dynamic.Resource(r.GroupVersionResource).Namespace(namespace).List(ctx, opts)
	if err != nil {
		return page{}, err
	}
	p.cont = l.GetContinue()
	for i := range l.Items {
		raw, err := json.Marshal(l.Items[i].Object)
		if err != nil {
			return page{}, err
		}
		p.items = append(p.items, raw)
	}
	return p, nil
}

func (c *clients) object(ctx context.Context, r resource, namespace, name string) (raw []byte, err error) {
	defer guard(&err)
	o, err := c.dynamic.Resource(r.GroupVersionResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return json.Marshal(o.Object)
}

// get answers for /version alone, where the discovery client tells it.
func (c *clients) get(ctx context.Context, path string) ([]byte, error) {
	v, ok := c.discovery.(interface{ ServerVersion() (*version.Info, error) })
	if path != versionURL || !ok {
		return nil, errNoURLs
	}
	info, err := wait(ctx, v.ServerVersion)
	if err != nil {
		return nil, err
	}
	return json.Marshal(info)
}

func (c *clients) review(ctx context.Context, r *authorizationv1.SelfSubjectAccessReview) (err error) {
	defer guard(&err)
	r.APIVersion, r.Kind = "authorization.k8s.io/v1", "SelfSubjectAccessReview"
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r)
	if err != nil {
		return err
	}
	gvr := schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}
	out, err := c.dynamic.Resource(gvr).Create(ctx, &unstructured.Unstructured{Object: m}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(out.Object, r)
}

func (c *clients) close() {}
