package cluster

import (
	"context"
	"errors"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// api is the little of an API server that a collection uses. It reads; the one thing that it posts is a question about the
// rights of the caller, which is stored nowhere.
type api interface {
	// discover tells what is served. groups are those that matter; no groups are all.
	discover(ctx context.Context, groups map[string]bool) *served
	// page lists one page.
	page(ctx context.Context, r resource, namespace string, o listOptions) (page, error)
	// object reads one object, with the right to get it.
	object(ctx context.Context, r resource, namespace, name string) ([]byte, error)
	// get reads a URL of the API server.
	get(ctx context.Context, path string) ([]byte, error)
	// review asks whether the caller may do something.
	review(ctx context.Context, r *authorizationv1.SelfSubjectAccessReview) error
	// close lets go of connections that the client opened.
	close()
}

// resource is a kind as a cluster serves it.
type resource struct {
	schema.GroupVersionResource
	kind       string
	namespaced bool
	// assumed: discovery does not tell, and a built-in kind is where Kubernetes has it.
	assumed bool
}

func (r resource) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.Group, Kind: r.kind}
}

func (r resource) apiVersion() string { return r.GroupVersion().String() }

// path is the URL of the list in a namespace, or of the whole.
func (r resource) path(namespace string) string {
	base := "/apis/" + r.Group + "/" + r.Version
	if r.Group == "" {
		base = "/api/" + r.Version
	}
	if namespace != "" {
		base += "/namespaces/" + namespace
	}
	return base + "/" + r.Resource
}

// String is "deployments.apps", as kubectl names it.
func (r resource) String() string { return r.GroupResource().String() }

type listOptions struct {
	limit        int64
	cont         string
	fields       string // field selector
	metadataOnly bool
}

type page struct {
	items [][]byte // JSON, owned by whoever asked
	cont  string
}

// brokenBody is an answer that is none: cut off, or from something else than an API server.
type brokenBody struct{ why string }

func (e *brokenBody) Error() string { return "the answer is broken: " + e.why }

// errNoURLs: clients that were given to the source do not read URLs.
var errNoURLs = errors.New("the clients that were given read no URLs")

// status is an answer that is no success. The message is the server's, cut short.
func status(code int, message string, retryAfter int) error {
	const most = 300
	if len(message) > most {
		message = message[:most] + "..."
	}
	if message == "" {
		message = fmt.Sprintf("HTTP status %d", code)
	}
	e := &apierrors.StatusError{}
	e.ErrStatus.Status = "Failure"
	e.ErrStatus.Code = int32(code)
	e.ErrStatus.Message = message
	e.ErrStatus.Reason = reasons[code]
	e.ErrStatus.Details = detailsOf(retryAfter)
	return e
}
