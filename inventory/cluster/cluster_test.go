package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/apitest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/cluster"
)

func object(t testing.TB, manifest string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(manifest), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func serve(t testing.TB, manifests ...string) *apitest.Server {
	t.Helper()
	s := apitest.New(t, resources())
	for _, m := range manifests {
		s.Put(object(t, m))
	}
	return s
}

func collect(t testing.TB, cfg cluster.Config, needs ...inventory.Need) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), needs, source(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

var (
	podNeed     = inventory.NeedOf[corev1.Pod](inventory.Either)
	secretNeed  = inventory.NeedOf[corev1.Secret](inventory.Either)
	accountNeed = inventory.NeedOf[corev1.ServiceAccount](inventory.Either)
)

// TestOnlyWhatIsNeeded: the requests of a collection are discovery, the version, and the lists that needs ask for.
func TestOnlyWhatIsNeeded(t *testing.T) {
	s := serve(t, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b","managedFields":[{"manager":"m"}],
		"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","keep":"me"}},"spec":{"containers":[{"name":"c"}]}}`)
	inv := collect(t, config(s), podNeed, secretNeed)
	want := []string{"GET /api", "GET /apis", "GET /version", "GET /api/v1/pods?limit=5"}
	if got := s.Requests(); !reflect.DeepEqual(got, want) {
		t.Errorf("requests %q\nwant %q", got, want)
	}
	o, ok := inv.Get(podNeed.GroupKind(), "b", "a")
	if !ok {
		t.Fatal("the pod is missing")
	}
	if got := string(o.JSON()); strings.Contains(got, "managedFields") || strings.Contains(got, "last-applied") || !strings.Contains(got, `"keep":"me"`) {
		t.Errorf("object %s", got)
	}
	if o.Origin().URI != "/api/v1/namespaces/b/pods/a" || o.Strength() != inventory.Observed || o.APIVersion() != "v1" {
		t.Errorf("origin %v, strength %v, version %s", o.Origin(), o.Strength(), o.APIVersion())
	}
	if c := inv.Coverage(secretNeed.GroupKind(), ""); c.State != inventory.NotCollected {
		t.Errorf("Secrets: %v", c)
	}
	if c := inv.Coverage(accountNeed.GroupKind(), ""); c.State != inventory.NotCollected {
		t.Errorf("what nobody asked for: %v", c)
	}
	if v, ok := inventory.KubernetesVersion.Attached(inv); !ok || v != (inventory.Version{Major: 1, Minor: 37}) {
		t.Errorf("version %v, %v", v, ok)
	}
}

// TestEverything: without needs all that is served is listed, but for Secrets, and what is not served is known not to be.
func TestEverything(t *testing.T) {
	s := serve(t, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"}}`)
	inv := collect(t, config(s))
	for _, r := range s.Requests() {
		if strings.Contains(r, "/secrets") {
			t.Error(r)
		}
	}
	for resource, want := range map[string]inventory.State{
		"pods": inventory.Complete, "ciliumnetworkpolicies.cilium.io": inventory.Complete, "nodepools.karpenter.sh": inventory.NotServed,
		"secrets": inventory.NotCollected, "kubeletconfigurations.kubelet.config.k8s.io": inventory.NotCollected,
	} {
		if c := inv.Coverage(groupKind(t, resource), ""); c.State != want {
			t.Errorf("%s: %v, want %s", resource, c, want)
		}
	}
}

// TestFilesAreNotServed: of what components read from files the API says nothing, whatever discovery says.
func TestFilesAreNotServed(t *testing.T) {
	inv := collect(t, config(serve(t)), needs()...)
	for _, n := range needs() {
		c := inv.Coverage(n.GroupKind(), "")
		file := n.Format != "" && n.Format != "version" || strings.HasSuffix(n.Group, "config.k8s.io") || n.Group == "kubeadm.k8s.io" || n.Group == "audit.k8s.io"
		if file && c.State != inventory.NotCollected {
			t.Errorf("%s: %v", n, c)
		}
		if !file && c.State == inventory.NotCollected && n.Kind != "Secret" && n.Kind != "Config" && n.Kind != "EncryptionConfig" && n.Group != "apiserver.k8s.io" {
			t.Errorf("%s: %v", n, c)
		}
	}
}

func TestSecretMetadata(t *testing.T) {
	const payload = "cGF5bG9hZA=="
	s := serve(t,
		`{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{"name":"cert","namespace":"a","labels":{"l":"v"},
			"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"k\":\"`+payload+`\"}}"}},"data":{"tls.key":"`+payload+`"}}`,
		`{"apiVersion":"v1","kind":"Secret","type":"helm.sh/release.v1","metadata":{"name":"other","namespace":"a"},"data":{"k":"`+payload+`"}}`,
		`{"apiVersion":"v1","kind":"Secret","type":"Opaque","metadata":{"name":"plain","namespace":"b"},"data":{"k":"`+payload+`"}}`)
	s.Fault = on("secrets", func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") {
			t.Errorf("%s asks for whole Secrets", r.URL)
		}
		return false
	})
	cfg := config(s)
	cfg.SecretMetadata = true
	inv := collect(t, cfg, secretNeed)
	types := map[string]string{}
	for o := range inv.ByKind(secretNeed.GroupKind()) {
		if text := string(o.JSON()); strings.Contains(text, payload) || strings.Contains(text, `"data"`) {
			t.Errorf("%s", text)
		}
		kind, _, _ := unstructured.NestedString(o.Unstructured().Object, "type")
		types[o.Name()] = kind
	}
	if want := (map[string]string{"cert": "kubernetes.io/tls", "other": "", "plain": "Opaque"}); !reflect.DeepEqual(types, want) {
		t.Errorf("types %v, want %v", types, want)
	}
	if c := inv.Coverage(secretNeed.GroupKind(), ""); c.State != inventory.Complete {
		t.Errorf("coverage %v", c)
	}
	// One type may not be listed: nothing of the kind is complete.
	s.Fault = on("secrets", func(w http.ResponseWriter, r *http.Request) bool {
		return strings.Contains(r.URL.Query().Get("fieldSelector"), "type=kubernetes.io/tls") && failed(500)(w, r)
	})
	if c := collect(t, cfg, secretNeed).Coverage(secretNeed.GroupKind(), ""); c.State.Complete() {
		t.Errorf("coverage %v", c)
	}
}

// TestMetadataOnly: a kind of which every need reads metadata alone is listed so; one need for more is enough to list it whole.
func TestMetadataOnly(t *testing.T) {
	whole := inventory.NeedOf[corev1.ConfigMap](inventory.Either)
	metadata := whole
	metadata.MetadataOnly = true
	for _, c := range []struct {
		needs []inventory.Need
		data  bool
	}{{[]inventory.Need{metadata}, false}, {[]inventory.Need{metadata, whole}, true}} {
		s := serve(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"a"},"data":{"k":"v"}}`)
		o, ok := collect(t, config(s), c.needs...).Get(whole.GroupKind(), "a", "c")
		if !ok || strings.Contains(string(o.JSON()), `"data"`) != c.data || o.Ref().Kind != "ConfigMap" {
			t.Errorf("%d needs: %v %s", len(c.needs), ok, o.JSON())
		}
	}
}

// TestTenant: who may only list in a namespace of his own, and not even namespaces, gets that, and coverage for it alone.
func TestTenant(t *testing.T) {
	s := apitest.New(t, resources(), shop(t)...)
	s.Allowed = func(resource, ns string) bool { return ns == "shop-payments" }
	full := scan(t, config(apitest.New(t, resources(), shop(t)...)))
	cfg := config(s)
	cfg.Namespaces = []string{"shop-payments"}
	inv := collect(t, cfg, needs()...)
	if c := inv.Coverage(podNeed.GroupKind(), "shop-payments"); c.State != inventory.Complete {
		t.Errorf("own namespace: %v", c)
	}
	for _, ns := range []string{"", "shop-web"} {
		if c := inv.Coverage(podNeed.GroupKind(), ns); c.State != inventory.Forbidden {
			t.Errorf("namespace %q: %v", ns, c)
		}
	}
	for o := range inv.ByKind(groupKind(t, policies)) {
		if o.Namespace() != "shop-payments" {
			t.Errorf("%s was listed", o.Ref())
		}
	}
	r := judge(t, inv)
	if compare(t, full, r) == 0 {
		t.Error("no verdict was lowered")
	}
	decided := 0
	for _, f := range verdicts(r.report) {
		if (f.Subject.Namespace == "shop-payments" || f.Subject.Name == "shop-payments") && f.Status == nist190.Fail {
			decided++
		}
	}
	if decided == 0 {
		t.Error("nothing in the own namespace was decided")
	}
}

// TestPreferredVersion: built-in kinds are read at v1 though the server prefers another, custom ones as it prefers.
func TestPreferredVersion(t *testing.T) {
	s := apitest.New(t, []apitest.Resource{
		{Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true},
		{Group: "networking.k8s.io", Version: "v2beta1", Kind: "NetworkPolicy", Plural: "networkpolicies", Namespaced: true},
		{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy", Plural: "networkpolicies", Namespaced: true},
		{Group: "cilium.io", Version: "v2", Kind: "CiliumNetworkPolicy", Plural: "ciliumnetworkpolicies", Namespaced: true},
		{Group: "cilium.io", Version: "v1", Kind: "CiliumNetworkPolicy", Plural: "ciliumnetworkpolicies", Namespaced: true},
	})
	for _, unaggregated := range []bool{false, true} {
		s.Unaggregated = unaggregated
		before := len(s.Requests())
		collect(t, config(s), needs()...)
		got := strings.Join(s.Requests()[before:], "\n")
		for _, want := range []string{"/apis/networking.k8s.io/v1/networkpolicies?", "/apis/cilium.io/v2/ciliumnetworkpolicies?"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s was not listed:\n%s", want, got)
			}
		}
	}
}

const (
	binding = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"b","namespace":"a"},
		"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"kind":"ServiceAccount","namespace":"a","name":"s"}]}`
	role = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r","namespace":"a"}}`
)

// TestDangling: references that lead nowhere because lists are of different moments are read again.
func TestDangling(t *testing.T) {
	rbac := slices.DeleteFunc(needs(), func(n inventory.Need) bool {
		return n.Kind != "Role" && n.Kind != "RoleBinding" && n.Kind != "ServiceAccount"
	})
	bindings, rolesGK := groupKind(t, "rolebindings.rbac.authorization.k8s.io"), groupKind(t, roles)
	account := `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"s","namespace":"a"}}`

	// after the first list of a resource, f is called.
	after := func(plural string, s *apitest.Server, f func()) handler {
		return on(plural, times(1, func(w http.ResponseWriter, r *http.Request) bool {
			fault := s.Fault
			s.Fault = nil
			s.ServeHTTP(w, r)
			s.Fault = fault
			f()
			return true
		}))
	}
	one := func(cfg cluster.Config) cluster.Config { cfg.Parallelism = 1; return cfg }

	t.Run("the target was created meanwhile", func(t *testing.T) {
		s := serve(t, account)
		s.Fault = on("roles", times(1, answer(`{"kind":"RoleList","items":[]}`)))
		s.Put(object(t, binding))
		s.Put(object(t, role))
		inv := collect(t, one(config(s)), rbac...)
		if _, ok := inv.Get(rolesGK, "a", "r"); !ok {
			t.Error("the role that was there is missing")
		}
		if c := inv.Coverage(rolesGK, ""); c.State != inventory.Complete {
			t.Errorf("coverage %v", c)
		}
	})
	t.Run("both were deleted meanwhile", func(t *testing.T) {
		s := serve(t, account)
		first := `{"kind":"RoleBindingList","items":[` + binding + `]}`
		s.Fault = on("rolebindings", times(1, answer(first)))
		inv := collect(t, one(config(s)), rbac...)
		if _, ok := inv.Get(bindings, "a", "b"); ok {
			t.Error("a binding that is gone is there")
		}
	})
	t.Run("it dangles", func(t *testing.T) {
		s := serve(t, account, binding)
		inv := collect(t, one(config(s)), rbac...)
		if _, ok := inv.Get(bindings, "a", "b"); !ok {
			t.Error("the binding is missing")
		}
		if c := inv.Coverage(rolesGK, ""); c.State != inventory.Complete {
			t.Errorf("coverage %v", c)
		}
		if n := len(s.Requests()); n > 12 {
			t.Errorf("%d requests: %q", n, s.Requests())
		}
	})
	t.Run("many", func(t *testing.T) {
		s := serve(t, account)
		for i := range 200 {
			b := object(t, binding)
			b.SetName(fmt.Sprintf("b%03d", i))
			_ = unstructured.SetNestedField(b.Object, fmt.Sprintf("r%03d", i), "roleRef", "name")
			s.Put(b)
		}
		cfg := one(config(s))
		cfg.PageSize = 500
		inv := collect(t, cfg, rbac...)
		if n := len(s.Requests()); n > 12 {
			t.Errorf("%d requests", n)
		}
		if c := inv.Coverage(rolesGK, ""); c.State != inventory.Complete {
			t.Errorf("coverage %v", c)
		}
	})
	t.Run("it cannot be read again", func(t *testing.T) {
		s := serve(t, account, binding)
		s.Fault = on("roles", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Get("fieldSelector") != "" && failed(500)(w, r)
		})
		inv := collect(t, one(config(s)), rbac...)
		if c := inv.Coverage(rolesGK, ""); c.State != inventory.Partial {
			t.Errorf("coverage %v", c)
		}
	})
	t.Run("created after the first list", func(t *testing.T) {
		s := serve(t, account)
		s.Fault = after("roles", s, func() { s.Put(object(t, role)); s.Put(object(t, binding)) })
		inv := collect(t, one(config(s)), rbac...)
		_, hasBinding := inv.Get(bindings, "a", "b")
		_, hasRole := inv.Get(rolesGK, "a", "r")
		if hasBinding && !hasRole {
			t.Error("a binding without its role")
		}
	})
}

// TestConfigMapsAreRead: most checks want their metadata, and some what the control plane keeps in them.
func TestConfigMapsAreRead(t *testing.T) {
	for _, n := range needs() {
		if n.String() == "configmaps" && n.MetadataOnly {
			t.Error("the union of needs takes ConfigMaps for their metadata alone")
		}
	}
}

func TestPreflight(t *testing.T) {
	s := apitest.New(t, resources())
	s.Allowed = func(resource, ns string) bool { return resource != policies || ns == "a" }
	cfg := config(s)
	cfg.Namespaces, cfg.Metrics = []string{"a", "b"}, true
	access, err := source(t, cfg).Preflight(t.Context(), needs())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]inventory.State{}
	for _, a := range access {
		got[a.Evidence+" "+a.Namespace] = a.State
	}
	for k, want := range map[string]inventory.State{
		"pods ": inventory.Complete, policies + " ": inventory.Forbidden, policies + " a": inventory.Complete, policies + " b": inventory.Forbidden,
		"secrets ": inventory.NotCollected, "nodepools.karpenter.sh ": inventory.NotServed, "/metrics ": inventory.Complete,
		"kubeletconfigurations.kubelet.config.k8s.io ": inventory.NotCollected,
	} {
		if got[k] != want {
			t.Errorf("%s: %s, want %s", k, got[k], want)
		}
	}
	for _, r := range s.Requests() {
		if strings.HasPrefix(r, "POST") && r != "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews" || strings.Contains(r, "limit=") {
			t.Errorf("preflight asked %s", r)
		}
	}
}

// TestRequiredRules: who holds exactly these rights gets all; without any one of them the kind that it is for is Forbidden.
func TestRequiredRules(t *testing.T) {
	rules := cluster.Config{}.RequiredRules(needs())
	var allowed []string
	for _, r := range rules {
		if !reflect.DeepEqual(r.Verbs, []string{"list"}) && len(r.Resources) > 0 {
			t.Errorf("verbs %v", r.Verbs)
		}
		for _, res := range r.Resources {
			name := res
			if r.APIGroups[0] != "" {
				name += "." + r.APIGroups[0]
			}
			if res == "secrets" || strings.ContainsAny(res, "*/") {
				t.Errorf("the role has %s", res)
			}
			allowed = append(allowed, name)
		}
	}
	s := apitest.New(t, resources(), shop(t)...)
	without := ""
	s.Allowed = func(r, _ string) bool { return r != without && slices.Contains(allowed, r) }
	src := source(t, config(s))
	for _, without = range append([]string{""}, allowed...) {
		inv, err := inventory.Collect(t.Context(), needs(), src)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range needs() {
			if n.Kind == "" || n.Kind == "Secret" {
				continue
			}
			c := inv.Coverage(n.GroupKind(), "")
			if served := c.State != inventory.NotServed && c.State != inventory.NotCollected; served && (c.State == inventory.Forbidden) != (n.String() == without) {
				t.Errorf("without %q, %s is %v", without, n, c)
			}
		}
	}
}

// TestCallersConfig: the caller's rest.Config is not changed, and its limits count.
func TestCallersConfig(t *testing.T) {
	s := serve(t)
	for _, given := range []rest.Config{{Host: s.URL}, {Host: s.URL, QPS: 3}, {Host: s.URL, QPS: -1, UserAgent: "me", Timeout: time.Minute}} {
		before := given
		collect(t, cluster.Config{REST: &given}, podNeed)
		if !reflect.DeepEqual(given, before) {
			t.Errorf("%+v became %+v", before, given)
		}
	}
	var agent atomic.Value
	s.Fault = func(_ http.ResponseWriter, r *http.Request) bool { agent.Store(r.UserAgent()); return false }
	collect(t, cluster.Config{REST: &rest.Config{Host: s.URL, UserAgent: "me"}}, podNeed)
	if agent.Load() != "me" {
		t.Errorf("user agent %v", agent.Load())
	}
}

type discovery struct{ *apitest.Server }

func (discovery) ServerVersion() (*version.Info, error) {
	return &version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.0", GitCommit: "c", GoVersion: "g", Platform: "p"}, nil
}

// TestGivenClients: clients of the host give the same inventory as a rest.Config.
func TestGivenClients(t *testing.T) {
	s := apitest.New(t, resources(), shop(t)...)
	rc := &rest.Config{Host: s.URL, QPS: -1}
	dyn, err := dynamic.NewForConfig(rc)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := metadata.NewForConfig(rc)
	if err != nil {
		t.Fatal(err)
	}
	direct := scan(t, config(s))
	given := scan(t, cluster.Config{Dynamic: dyn, Metadata: meta, Discovery: discovery{s}, PageSize: 5})
	if lowered := compare(t, direct, given); lowered > 0 {
		t.Errorf("%d verdicts are lowered", lowered)
	}
	if a, b := direct.inv.Len(), given.inv.Len(); a != b {
		t.Errorf("%d objects, %d by clients", a, b)
	}
	if v := given.inv.Version(); v.Minor != 37 {
		t.Errorf("version %v", v)
	}
	s.Stale = []string{"cilium.io"}
	partial := scan(t, cluster.Config{Dynamic: dyn, Metadata: meta, Discovery: discovery{s}})
	if c := partial.inv.Coverage(groupKind(t, "ciliumnetworkpolicies.cilium.io"), ""); c.State != inventory.Failed {
		t.Errorf("a group without a list: %v", c)
	}
	if c := partial.inv.Coverage(groupKind(t, policies), ""); c.State != inventory.Complete {
		t.Errorf("the others: %v", c)
	}
	if _, err := cluster.New(cluster.Config{Dynamic: dyn, Discovery: s, SecretMetadata: true}); err == nil {
		t.Error("Secrets without a metadata client are accepted")
	}
	if _, err := cluster.New(cluster.Config{}); err == nil {
		t.Error("no cluster is accepted")
	}
}

// emptyDiscovery is the fake of client-go without resources.
type emptyDiscovery struct{ groups []*metav1.APIGroup }

func (d emptyDiscovery) ServerGroupsAndResources() ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	return d.groups, nil, nil
}

func TestEmptyDiscoveryIsNoAnswer(t *testing.T) {
	dyn, err := dynamic.NewForConfig(&rest.Config{Host: serve(t).URL})
	if err != nil {
		t.Fatal(err)
	}
	src := source(t, cluster.Config{Dynamic: dyn, Discovery: emptyDiscovery{}})
	inv, err := inventory.Collect(t.Context(), needs(), src)
	if err == nil {
		t.Error("no error")
	}
	nothingComplete(t, inv)
}

// TestNoGoroutineStays: after collections of every kind of end there are as many goroutines as before.
func TestNoGoroutineStays(t *testing.T) {
	s := apitest.New(t, resources(), shop(t)...)
	src := source(t, config(s))
	_, _ = inventory.Collect(t.Context(), needs(), src)
	s.CloseClientConnections()
	before := settled(0)
	for _, f := range []handler{nil, on("networkpolicies", slow), on("networkpolicies", reset), refuse(401, metav1.StatusReasonUnauthorized)} {
		s.Fault = f
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, _ = inventory.Collect(ctx, needs(), src)
		cancel()
	}
	if after := settled(before); after > before {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before\n%s", after, before, buf[:runtime.Stack(buf, true)])
	}
}

// settled is the number of goroutines, after those that end have had time to.
func settled(most int) int {
	n := runtime.NumGoroutine()
	for range 100 {
		time.Sleep(20 * time.Millisecond)
		now := runtime.NumGoroutine()
		if now <= most || most == 0 && now == n {
			return now
		}
		n = now
	}
	return n
}

func TestProgress(t *testing.T) {
	s := apitest.New(t, resources(), shop(t)...)
	cfg := config(s)
	var seen []cluster.Progress
	cfg.OnProgress = func(p cluster.Progress) { seen = append(seen, p) }
	collect(t, cfg, needs()...)
	last := seen[len(seen)-1]
	if len(seen) != last.Total || last.Done != last.Total {
		t.Errorf("%d events, the last %+v", len(seen), last)
	}
}

func TestReports(t *testing.T) {
	s := serve(t)
	const flags = "\nkube-apiserver flags\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n\nanonymous-auth=false\n"
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/flagz":
			return answer(flags)(w, r)
		case "/metrics":
			return answer("# HELP x y\n# TYPE x counter\nx 1\nkubernetes_feature_enabled{name=\"A\",stage=\"\"} 1\n")(w, r)
		}
		return false
	}
	cfg := config(s)
	cfg.Metrics, cfg.Flagz = true, true
	inv := collect(t, cfg, needs()...)
	for format, want := range map[string]string{"flagz": "anonymous-auth=false", "metrics": "kubernetes_feature_enabled"} {
		gk := inventory.Need{Format: format}.GroupKind()
		n := 0
		for o := range inv.ByKind(gk) {
			n++
			if text := string(o.JSON()); !strings.Contains(text, want) || strings.Contains(text, "x 1") {
				t.Errorf("%s: %s", format, text)
			}
		}
		if c := inv.Coverage(gk, ""); n != 1 || c.State != inventory.Complete {
			t.Errorf("%s: %d objects, %v", format, n, c)
		}
	}
	s.Fault = on("/metrics", refuse(403, metav1.StatusReasonForbidden))
	if c := collect(t, cfg, needs()...).Coverage(inventory.Need{Format: "metrics"}.GroupKind(), ""); c.State != inventory.NotCollected || !strings.Contains(c.Reason, "/metrics") {
		t.Errorf("refused: %v", c)
	}
}

func TestMain(m *testing.M) {
	// Client-go reads these to add proxies; tests speak to themselves alone.
	for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Unsetenv(v)
	}
	os.Exit(m.Run())
}
