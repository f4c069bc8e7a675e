package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/internal/apitest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/cluster"
	"github.com/nist190/nist190/inventory/manifest"
)

// shop is a cluster that holds the manifests of the example, with what Kubernetes adds.
func shop(t testing.TB) []*inventory.Object {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), nil, manifest.Paths(manifest.Config{}, "../../examples/manifests/shop"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*inventory.Object
	for o := range inv.All() {
		out = append(out, o)
	}
	return out
}

func needs() []inventory.Need { return nist190.Needs(catalog.All()...) }

func resources() []apitest.Resource {
	return append(apitest.Builtin(needs()), apitest.Resource{Group: "cilium.io", Version: "v2", Kind: "CiliumNetworkPolicy", Plural: "ciliumnetworkpolicies", Namespaced: true})
}

// config is quick about what fails.
func config(s *apitest.Server) cluster.Config {
	return cluster.Config{
		REST:     &rest.Config{Host: s.URL, QPS: -1},
		PageSize: 5, Backoff: time.Millisecond, MaxPause: 5 * time.Millisecond, PageTimeout: 100 * time.Millisecond, Attempts: 3,
	}
}

func source(t testing.TB, cfg cluster.Config) *cluster.Source {
	t.Helper()
	s, err := cluster.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type handler = func(w http.ResponseWriter, r *http.Request) bool

// on limits a fault to the lists of a resource.
func on(plural string, f handler) handler {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return (strings.HasSuffix(r.URL.Path, "/"+plural) || r.URL.Path == plural) && f(w, r)
	}
}

// times limits a fault to the first n requests.
func times(n int32, f handler) handler {
	var seen atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool { return seen.Add(1) <= n && f(w, r) }
}

// later limits a fault to pages after the first.
func later(f handler) handler {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Query().Get("continue") != "" && f(w, r)
	}
}

func refuse(code int, reason metav1.StatusReason, header ...string) handler {
	return func(w http.ResponseWriter, r *http.Request) bool {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		apitest.Refuse(w, code, reason, "refused by the test")
		return true
	}
}

func reset(w http.ResponseWriter, _ *http.Request) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
	return true
}

func truncated(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"kind":"List","items":[`)
	return true
}

func slow(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"kind":"List","items":[`)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
	return true
}

func answer(body string) handler {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
		return true
	}
}

// expired answers every further page with 410 and, if offer is set, with the token to go on in the state of now.
func expired(offer bool) handler {
	return func(w http.ResponseWriter, r *http.Request) bool {
		cont := r.URL.Query().Get("continue")
		if strings.HasPrefix(cont, "fresh") { // the token that was offered
			q := r.URL.Query()
			q.Set("continue", strings.TrimPrefix(cont, "fresh"))
			r.URL.RawQuery = q.Encode()
			return false
		}
		if !offer {
			apitest.Expired(w, "")
			return true
		}
		apitest.Expired(w, "fresh"+cont)
		return true
	}
}

func failed(code int) handler { return refuse(code, metav1.StatusReasonInternalError) }

const policies, roles = "networkpolicies.networking.k8s.io", "roles.rbac.authorization.k8s.io"

// faults and what is expected of the coverage of the kind that each of them hits.
var faults = []struct {
	name     string
	fault    handler
	arrange  func(*apitest.Server)
	resource string
	want     inventory.State
	reason   string // part of it
}{
	{name: "forbidden", resource: policies, want: inventory.Forbidden, reason: "the right to list networkpolicies.networking.k8s.io is missing",
		arrange: func(s *apitest.Server) { s.Allowed = func(r, _ string) bool { return r != policies } }},
	{name: "forbidden but in one namespace", resource: policies, want: inventory.Forbidden, reason: "it was listed in 1 namespace",
		arrange: func(s *apitest.Server) {
			s.Allowed = func(r, ns string) bool { return r != policies || ns == "shop-payments" }
		}},
	{name: "expired once", resource: roles, want: inventory.Complete, fault: on("roles", later(times(1, expired(false))))},
	{name: "expired twice, continued", resource: roles, want: inventory.Partial, reason: "expired twice", fault: on("roles", later(expired(true)))},
	{name: "expired for good", resource: roles, want: inventory.Partial, reason: "the list broke off after 5 objects", fault: on("roles", later(expired(false)))},
	{name: "expired on the first page", resource: roles, want: inventory.Failed, reason: "410", fault: on("roles", expired(false))},
	{name: "too many requests once", resource: policies, want: inventory.Complete,
		fault: on("networkpolicies", times(2, refuse(429, metav1.StatusReasonTooManyRequests, "Retry-After", "1")))},
	{name: "too many requests for good", resource: policies, want: inventory.Failed, reason: "429",
		fault: on("networkpolicies", refuse(429, metav1.StatusReasonTooManyRequests, "Retry-After", "1"))},
	{name: "server error once", resource: policies, want: inventory.Complete, fault: on("networkpolicies", times(1, failed(500)))},
	{name: "server error for good", resource: policies, want: inventory.Failed, reason: "500", fault: on("networkpolicies", failed(500))},
	{name: "server error in the middle", resource: roles, want: inventory.Partial, reason: "broke off after 5 objects", fault: on("roles", later(failed(503)))},
	{name: "reset once", resource: policies, want: inventory.Complete, fault: on("networkpolicies", times(1, reset))},
	{name: "reset for good", resource: policies, want: inventory.Failed, fault: on("networkpolicies", reset)},
	{name: "truncated once", resource: policies, want: inventory.Complete, fault: on("networkpolicies", times(1, truncated))},
	{name: "truncated for good", resource: policies, want: inventory.Failed, reason: "it ends early", fault: on("networkpolicies", truncated)},
	{name: "truncated without a length", resource: policies, want: inventory.Failed, reason: "no JSON",
		fault: on("networkpolicies", answer(`{"kind":"NetworkPolicyList","items":[`))},
	{name: "slow once", resource: policies, want: inventory.Complete, fault: on("networkpolicies", times(1, slow))},
	{name: "slow for good", resource: policies, want: inventory.Failed, reason: "did not come in time", fault: on("networkpolicies", slow)},
	{name: "a login page", resource: policies, want: inventory.Failed, reason: "no JSON", fault: on("networkpolicies", answer(`<html>sign in</html>`))},
	{name: "another document", resource: policies, want: inventory.Failed, reason: "no list", fault: on("networkpolicies", answer(`{"kind":"Status"}`))},
	{name: "a list without items", resource: policies, want: inventory.Failed, reason: "no list", fault: on("networkpolicies", answer(`{"kind":"NetworkPolicyList"}`))},
	{name: "an empty list", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Complete,
		fault: on("ciliumnetworkpolicies", answer(`{"kind":"CiliumNetworkPolicyList","items":null}`))},
	{name: "an item that is no object", resource: policies, want: inventory.Partial, reason: "1 item of the list could not be read",
		fault: on("networkpolicies", answer(`{"kind":"NetworkPolicyList","items":[{"metadata":{}}]}`))},
	{name: "a page for ever", resource: policies, want: inventory.Partial, reason: "repeats a page",
		fault: on("networkpolicies", answer(`{"kind":"NetworkPolicyList","metadata":{"continue":"x"},"items":[{"metadata":{"name":"a","namespace":"b"}}]}`))},
	{name: "not found although served", resource: policies, want: inventory.Failed, reason: "404", fault: on("networkpolicies", refuse(404, metav1.StatusReasonNotFound))},
	{name: "a group whose server is away", resource: policies, want: inventory.Failed, reason: "listing it at networking.k8s.io/v1 did",
		arrange: func(s *apitest.Server) { s.Stale = []string{"networking.k8s.io"} },
		fault:   on("networkpolicies", failed(503))},
	{name: "a custom group whose server is away", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Failed, reason: "does not answer",
		arrange: func(s *apitest.Server) { s.Stale = []string{"cilium.io"} }},
	{name: "groups cannot be discovered, built-in", resource: policies, want: inventory.Complete, fault: on("/apis", failed(500))},
	{name: "groups cannot be discovered, custom", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Failed, reason: "discovery of the group failed",
		fault: on("/apis", failed(500))},
	{name: "groups may not be discovered", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Forbidden, reason: "discovery of the group failed",
		fault: on("/apis", refuse(403, metav1.StatusReasonForbidden))},
	{name: "no group is discovered", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Failed, reason: "names no API",
		fault: on("/apis", answer(`{"kind":"APIGroupDiscoveryList","items":[]}`))},
	{name: "discovery is cut off once", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Complete, fault: on("/apis", times(1, truncated))},
	{name: "discovery of old servers", resource: policies, want: inventory.Complete, arrange: func(s *apitest.Server) { s.Unaggregated = true }},
	{name: "discovery of old servers, one group broken", resource: "ciliumnetworkpolicies.cilium.io", want: inventory.Failed, reason: "cilium.io/v2",
		arrange: func(s *apitest.Server) { s.Unaggregated, s.Stale = true, []string{"cilium.io"} }},
	{name: "credentials are renewed", resource: policies, want: inventory.Complete, fault: on("networkpolicies", times(1, refuse(401, metav1.StatusReasonUnauthorized)))},
	{name: "methods are refused", resource: policies, want: inventory.Failed, reason: "405", fault: on("networkpolicies", refuse(405, metav1.StatusReasonMethodNotAllowed))},
}

// TestFaults: whatever a server does, coverage says it, a Problem names the list, and no verdict of the whole catalog differs from
// that without the fault except that it is not assessed.
func TestFaults(t *testing.T) {
	objects := shop(t)
	clean := scan(t, config(apitest.New(t, resources(), objects...)))
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := apitest.New(t, resources(), objects...)
			s.Fault = f.fault
			if f.arrange != nil {
				f.arrange(s)
			}
			r := scan(t, config(s))
			gk := groupKind(t, f.resource)
			c := r.inv.Coverage(gk, "")
			if c.State != f.want || !strings.Contains(c.Reason, f.reason) {
				t.Errorf("coverage of %s: %s, %q; want %s with %q", f.resource, c.State, c.Reason, f.want, f.reason)
			}
			if named := r.names(f.resource); named == c.State.Complete() && r.asked(s, f.resource) {
				t.Errorf("problems name %s: %v, with coverage %s", f.resource, named, c.State)
			}
			lowered := compare(t, clean, r)
			if c.State.Complete() && lowered > 0 && r.inv.Coverage(schema.GroupKind{Group: "cilium.io", Kind: "CiliumNetworkPolicy"}, "").State.Complete() {
				t.Errorf("%d verdicts were lowered although everything was seen", lowered)
			}
			if !c.State.Complete() && lowered == 0 {
				t.Errorf("no verdict was lowered without %s", f.resource)
			}
		})
	}
}

func groupKind(t *testing.T, resource string) schema.GroupKind {
	t.Helper()
	for _, n := range needs() {
		if n.String() == resource {
			return n.GroupKind()
		}
	}
	t.Fatalf("nothing needs %s", resource)
	return schema.GroupKind{}
}

// scanned is an inventory and the verdicts on it.
type scanned struct {
	inv    *inventory.Inventory
	report *nist190.Report
}

func scan(t *testing.T, cfg cluster.Config) scanned {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), needs(), source(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	return judge(t, inv)
}

func judge(t *testing.T, inv *inventory.Inventory) scanned {
	t.Helper()
	rep, err := nist190.Run(t.Context(), inv, catalog.All()...)
	if err != nil {
		t.Fatal(err)
	}
	return scanned{inv, rep}
}

// names reports whether a problem names a resource by its path.
func (s scanned) names(resource string) bool {
	plural, _, _ := strings.Cut(resource, ".")
	for _, p := range s.inv.Problems() {
		if strings.Contains(p.Origin.URI, "/"+plural) && p.Level != inventory.ProblemNotice {
			return true
		}
	}
	return false
}

// asked: a kind that discovery does not tell of is not listed, and there is no path to name.
func (s scanned) asked(server *apitest.Server, resource string) bool {
	plural, _, _ := strings.Cut(resource, ".")
	for _, r := range server.Requests() {
		if u, err := url.Parse(strings.TrimPrefix(r, "GET ")); err == nil && strings.HasSuffix(u.Path, "/"+plural) {
			return true
		}
	}
	return false
}

type verdictKey struct {
	check       string
	fingerprint string
}

func verdicts(r *nist190.Report) map[verdictKey]nist190.Finding {
	out := map[verdictKey]nist190.Finding{}
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			out[verdictKey{c.Check.ID, f.Fingerprint}] = f
		}
	}
	return out
}

// compare holds a scan with less evidence against one with all of it: no verdict may differ but by being NotAssessed. It returns
// how many of them are.
func compare(t *testing.T, full, less scanned) (lowered int) {
	t.Helper()
	whole := verdicts(full.report)
	for k, f := range verdicts(less.report) {
		want, ok := whole[k]
		switch {
		case f.Status == nist190.NotAssessed:
			if !ok || want.Status != nist190.NotAssessed {
				lowered++
			}
		case !ok:
			t.Errorf("%s: %s on %s is said only with less evidence: %s", k.check, f.Status, f.Subject, f.Message)
		case f.Status != want.Status:
			t.Errorf("%s on %s: %s with less evidence, %s with all: %s", k.check, f.Subject, f.Status, want.Status, f.Message)
		}
	}
	return lowered
}

func TestUnauthorized(t *testing.T) {
	objects := shop(t)
	t.Run("from the start", func(t *testing.T) {
		s := apitest.New(t, resources(), objects...)
		s.Fault = refuse(401, metav1.StatusReasonUnauthorized)
		inv, err := inventory.Collect(t.Context(), needs(), source(t, config(s)))
		if !errors.Is(err, cluster.ErrUnauthorized) {
			t.Errorf("error %v", err)
		}
		if n := inv.Len(); n != 0 {
			t.Errorf("%d objects", n)
		}
		nothingComplete(t, inv)
	})
	t.Run("in the middle", func(t *testing.T) {
		clean := scan(t, config(apitest.New(t, resources(), objects...)))
		s := apitest.New(t, resources(), objects...)
		var seen atomic.Int32
		s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
			return seen.Add(1) > 20 && refuse(401, metav1.StatusReasonUnauthorized)(w, r)
		}
		inv, err := inventory.Collect(t.Context(), needs(), source(t, config(s)))
		if !errors.Is(err, cluster.ErrUnauthorized) {
			t.Errorf("error %v", err)
		}
		if inv.Len() == 0 {
			t.Error("what was read before is lost")
		}
		if n := len(s.Requests()); n > 40 {
			t.Errorf("%d requests: the source goes on asking without credentials", n)
		}
		if compare(t, clean, judge(t, inv)) == 0 {
			t.Error("no verdict was lowered")
		}
	})
}

func TestUnreachable(t *testing.T) {
	for name, f := range map[string]handler{
		"reset": reset, "a login page": answer("<html>"), "an error": failed(503), "nothing": answer(`{"kind":"APIGroupDiscoveryList","items":[]}`),
	} {
		s := apitest.New(t, resources())
		s.Fault = f
		inv, err := inventory.Collect(t.Context(), needs(), source(t, config(s)))
		if !errors.Is(err, cluster.ErrUnreachable) {
			t.Errorf("%s: error %v", name, err)
		}
		nothingComplete(t, inv)
	}
	s := apitest.New(t, nil)
	cfg := config(s)
	s.Close()
	if _, err := inventory.Collect(t.Context(), needs(), source(t, cfg)); !errors.Is(err, cluster.ErrUnreachable) {
		t.Errorf("no server: error %v", err)
	}
}

// nothingComplete: an inventory without anything must not let a check pass.
func nothingComplete(t *testing.T, inv *inventory.Inventory) {
	t.Helper()
	for _, n := range needs() {
		if c := inv.Coverage(n.GroupKind(), ""); c.State.Complete() {
			t.Errorf("%s is %s", n, c.State)
		}
	}
	rep, err := nist190.Run(context.Background(), inv, catalog.All()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rep.Checks {
		if c.Status == nist190.Pass || c.Status == nist190.Fail || c.Status == nist190.NotApplicable && !ofFiles(c.Check) {
			t.Errorf("%s: %s on nothing", c.Check.ID, c.Status)
		}
	}
}

// ofFiles: what the check judges is in files that are given, such as kubeconfigs, and in no object of an API server. Where none
// is given there is nothing to judge, whatever the server says.
func ofFiles(md *nist190.Metadata) bool {
	return !slices.ContainsFunc(md.Needs, func(n inventory.Need) bool { return n.Format == "" && n.Bias != inventory.Alternative })
}

func TestVersionIsNotKnown(t *testing.T) {
	s := apitest.New(t, resources(), shop(t)...)
	s.Fault = on("/version", failed(500))
	r := scan(t, config(s))
	if c := r.inv.Coverage(inventory.Need{Format: "version"}.GroupKind(), ""); c.State != inventory.Failed {
		t.Errorf("coverage %v", c)
	}
	if _, known := inventory.KubernetesVersion.Attached(r.inv); known {
		t.Error("a version was assumed as if it had been read")
	}
}

// TestDeadline: a collection ends within 100 ms of its deadline with what it had, and says of the rest that it has not seen it.
func TestDeadline(t *testing.T) {
	objects := shop(t)
	clean := scan(t, config(apitest.New(t, resources(), objects...)))
	for name, hang := range map[string]handler{
		"a body that does not end":   on("networkpolicies", slow),
		"a pause before another try": on("networkpolicies", refuse(429, metav1.StatusReasonTooManyRequests, "Retry-After", "30")),
		"a second page":              on("roles", later(slow)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apitest.New(t, resources(), objects...)
			s.Fault = hang
			cfg := config(s)
			cfg.PageTimeout, cfg.MaxPause = time.Hour, time.Hour
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			end, _ := ctx.Deadline()
			inv, err := inventory.Collect(ctx, needs(), source(t, cfg))
			if late := time.Since(end); late > 100*time.Millisecond || late < 0 {
				t.Errorf("it returned %v after the deadline", late)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if inv.Len() < 100 {
				t.Errorf("only %d objects of what was read are there", inv.Len())
			}
			if compare(t, clean, judge(t, inv)) == 0 {
				t.Error("no verdict was lowered")
			}
		})
	}
}

func TestKindIsRemovedMeanwhile(t *testing.T) {
	s := apitest.New(t, resources(), shop(t)...)
	removed := s.Resources[:len(s.Resources)-1]
	var gone atomic.Bool
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/ciliumnetworkpolicies") && gone.CompareAndSwap(false, true) {
			s.SetResources(removed)
		}
		return false
	}
	r := scan(t, config(s))
	if c := r.inv.Coverage(groupKind(t, "ciliumnetworkpolicies.cilium.io"), ""); c.State != inventory.NotServed {
		t.Errorf("coverage %v", c)
	}
}

func ExampleSource_Preflight() {
	// An API server that lets the caller list everything but NetworkPolicies.
	s := &apitest.Server{Allowed: func(resource, _ string) bool { return resource != policies }}
	s.Resources = []apitest.Resource{{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy", Plural: "networkpolicies", Namespaced: true},
		{Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true}}
	s.Start()
	defer s.Close()

	src, err := cluster.New(cluster.Config{REST: &rest.Config{Host: s.URL}})
	if err != nil {
		panic(err)
	}
	access, err := src.Preflight(context.Background(), []inventory.Need{
		{Kind: "Pod", Resource: "pods"}, {Group: "networking.k8s.io", Kind: "NetworkPolicy", Resource: "networkpolicies"},
		{Group: "cilium.io", Kind: "CiliumNetworkPolicy", Resource: "ciliumnetworkpolicies"},
	})
	if err != nil {
		panic(err)
	}
	for _, a := range access {
		fmt.Println(a.Evidence, a.State)
	}
	// Output:
	// pods Complete
	// networkpolicies.networking.k8s.io Forbidden
	// ciliumnetworkpolicies.cilium.io NotServed
}
