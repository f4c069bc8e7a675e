package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/nist190/nist190/internal/rawjson"
)

// httpAPI speaks to the server with client-go's transport and nothing above it: items of a list stay text until somebody asks
// for a type, nothing is logged, and attempts are counted in one place.
type httpAPI struct {
	client *http.Client
	base   *url.URL
	limit  flowcontrol.RateLimiter // nil: none
}

const (
	defaultQPS   = 50
	defaultBurst = 100
)

func newHTTP(given *rest.Config) (*httpAPI, error) {
	cfg := rest.CopyConfig(given)
	if cfg.UserAgent == "" {
		cfg.UserAgent = "nist190"
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("server address: %w", err)
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	return &httpAPI{client: client, base: base, limit: limiter(cfg)}, nil
}

// limiter follows rest.RESTClientForConfigAndClient: a limiter that was given counts, a negative QPS is no limit.
func limiter(cfg *rest.Config) flowcontrol.RateLimiter {
	switch {
	case cfg.RateLimiter != nil:
		return cfg.RateLimiter
	case cfg.QPS < 0:
		return nil
	case cfg.QPS == 0 && cfg.Burst == 0:
		return flowcontrol.NewTokenBucketRateLimiter(defaultQPS, defaultBurst)
	}
	return flowcontrol.NewTokenBucketRateLimiter(cmp.Or(cfg.QPS, rest.DefaultQPS), cmp.Or(cfg.Burst, rest.DefaultBurst))
}

const (
	acceptJSON       = "application/json"
	acceptMetadata   = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	acceptAggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
		"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)

func (h *httpAPI) page(ctx context.Context, r resource, namespace string, o listOptions) (page, error) {
	q := url.Values{"limit": {strconv.FormatInt(o.limit, 10)}}
	if o.cont != "" {
		q.Set("continue", o.cont)
	}
	if o.fields != "" {
		q.Set("fieldSelector", o.fields)
	}
	accept := acceptJSON
	if o.metadataOnly {
		accept = acceptMetadata
	}
	body, err := h.do(ctx, http.MethodGet, r.path(namespace), q, accept, nil)
	if err != nil {
		return page{}, err
	}
	return readList(body)
}

func (h *httpAPI) object(ctx context.Context, r resource, namespace, name string) ([]byte, error) {
	body, err := h.do(ctx, http.MethodGet, r.path(namespace)+"/"+name, nil, acceptJSON, nil)
	if err == nil && !json.Valid(body) {
		return nil, &brokenBody{"no JSON"}
	}
	return body[rawjson.SkipSpace(body, 0):], err
}

func (h *httpAPI) get(ctx context.Context, path string) ([]byte, error) {
	return h.do(ctx, http.MethodGet, path, nil, "", nil)
}

func (h *httpAPI) review(ctx context.Context, r *authorizationv1.SelfSubjectAccessReview) error {
	r.APIVersion, r.Kind = "authorization.k8s.io/v1", "SelfSubjectAccessReview"
	in, err := json.Marshal(r)
	if err != nil {
		return err
	}
	out, err := h.do(ctx, http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", nil, acceptJSON, in)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, r); err != nil {
		return &brokenBody{"no SelfSubjectAccessReview"}
	}
	return nil
}

// close closes idle connections: their goroutines would outlive the collection.
func (h *httpAPI) close() { utilnet.CloseIdleConnectionsFor(h.client.Transport) }

func (h *httpAPI) do(ctx context.Context, method, path string, q url.Values, accept string, body []byte) ([]byte, error) {
	if h.limit != nil {
		if err := h.limit.Wait(ctx); err != nil {
			return nil, cmp.Or(ctx.Err(), error(context.DeadlineExceeded))
		}
	}
	u := *h.base
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	if body != nil {
		req.Header.Set("Content-Type", acceptJSON)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		var wrapped *url.Error // repeats the address
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil && ctx.Err() == nil {
		err = &brokenBody{"it ends early: " + err.Error()}
	}
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, statusOf(resp, out)
	}
	return out, nil
}

// statusOf reads the Status that an API server sends. What proxies send in its place is not quoted.
func statusOf(resp *http.Response, body []byte) error {
	after := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	var s metav1.Status
	if err := json.Unmarshal(body, &s); err != nil || s.Kind != "Status" {
		return status(resp.StatusCode, "", after)
	}
	e, _ := status(resp.StatusCode, s.Message, after).(*apierrors.StatusError)
	e.ErrStatus.Reason = cmp.Or(s.Reason, e.ErrStatus.Reason)
	e.ErrStatus.ListMeta = s.ListMeta
	if s.Details != nil && after == 0 {
		e.ErrStatus.Details = detailsOf(int(s.Details.RetryAfterSeconds))
	}
	return e
}

// retryAfter: seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) int {
	if n, err := strconv.Atoi(value); err == nil {
		return max(n, 0)
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(int(t.Sub(now)/time.Second)+1, 0)
	}
	return 0
}

func detailsOf(retryAfter int) *metav1.StatusDetails {
	return &metav1.StatusDetails{RetryAfterSeconds: int32(min(retryAfter, 1<<20))}
}

var reasons = map[int]metav1.StatusReason{
	http.StatusUnauthorized:       metav1.StatusReasonUnauthorized,
	http.StatusForbidden:          metav1.StatusReasonForbidden,
	http.StatusNotFound:           metav1.StatusReasonNotFound,
	http.StatusMethodNotAllowed:   metav1.StatusReasonMethodNotAllowed,
	http.StatusGone:               metav1.StatusReasonExpired,
	http.StatusTooManyRequests:    metav1.StatusReasonTooManyRequests,
	http.StatusServiceUnavailable: metav1.StatusReasonServiceUnavailable,
}

// readList finds the items of a list. The body is parsed once, to be sure of its end.
func readList(body []byte) (page, error) {
	if !json.Valid(body) {
		return page{}, &brokenBody{"no JSON"}
	}
	var p page
	var kind string
	found := false
	for k, v := range rawjson.Members(body[rawjson.SkipSpace(body, 0):]) {
		switch k {
		case "kind":
			kind = rawjson.String(v)
		case "metadata":
			for k, v := range rawjson.Members(v) {
				if k == "continue" {
					p.cont = rawjson.String(v)
				}
			}
		case "items":
			found = true
			p.items = nil
			for _, item := range rawjson.Elements(v) {
				p.items = append(p.items, item)
			}
		}
	}
	if !found || !strings.HasSuffix(kind, "List") {
		return page{}, &brokenBody{"no list"}
	}
	return p, nil
}
