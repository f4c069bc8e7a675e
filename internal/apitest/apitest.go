// Package apitest is an API server for tests: it serves objects as lists, in pages, with discovery and reviews of access, and
// misbehaves where a test asks for it.
package apitest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// Resource is a kind that the server serves.
type Resource struct {
	Group, Version, Kind, Plural string
	Namespaced                   bool
}

// Builtin are the built-in kinds among needs, at v1.
func Builtin(needs []inventory.Need) []Resource {
	var out []Resource
	for _, n := range needs {
		gk := schema.GroupKind{Group: n.Group, Kind: n.Kind}
		if namespaced, ok := inventory.Namespaced(gk); ok && n.Subresource == "" {
			r := Resource{n.Group, "v1", n.Kind, n.Resource, namespaced}
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// Server serves. Its fields may be changed before the first request.
type Server struct {
	*httptest.Server
	Resources []Resource
	// Fault is asked first; it returns true where it has answered.
	Fault func(w http.ResponseWriter, r *http.Request) bool
	// Allowed is what reviews and lists go by: nil allows everything. The namespace is empty for the whole cluster, the resource
	// as "deployments.apps" or a URL.
	Allowed func(resource, namespace string) bool
	// Unaggregated makes discovery answer as before Kubernetes 1.26.
	Unaggregated bool
	// Stale are groups whose server does not answer.
	Stale []string

	mu       sync.Mutex
	objects  map[string][]*unstructured.Unstructured // by resource
	requests []string
}

// New starts a server, which ends with the test.
func New(t testing.TB, resources []Resource, objects ...*inventory.Object) *Server {
	t.Helper()
	s := &Server{Resources: resources}
	for _, o := range objects {
		s.Put(o.Unstructured().DeepCopy())
	}
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Start begins to serve; New has done so.
func (s *Server) Start() { s.Server = httptest.NewServer(s) }

// SetResources changes what is served, while the server runs.
func (s *Server) SetResources(r []Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Resources = r
}

func (s *Server) served() []Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Resources
}

// Requests are the methods and URLs of the requests so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Put creates or replaces an object; kinds that are not served are left out.
func (s *Server) Put(o *unstructured.Unstructured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, ok := s.nameOf(o)
	if !ok {
		return
	}
	if s.objects == nil {
		s.objects = map[string][]*unstructured.Unstructured{}
	}
	s.delete(name, o)
	s.objects[name] = append(s.objects[name], o)
	slices.SortFunc(s.objects[name], func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetNamespace()+"\x00"+a.GetName(), b.GetNamespace()+"\x00"+b.GetName())
	})
}

// Delete removes an object.
func (s *Server) Delete(o *unstructured.Unstructured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.nameOf(o); ok {
		s.delete(name, o)
	}
}

func (s *Server) delete(name string, o *unstructured.Unstructured) {
	s.objects[name] = slices.DeleteFunc(s.objects[name], func(have *unstructured.Unstructured) bool {
		return have.GetNamespace() == o.GetNamespace() && have.GetName() == o.GetName()
	})
}

func (s *Server) nameOf(o *unstructured.Unstructured) (string, bool) {
	gvk := o.GroupVersionKind()
	for _, r := range s.Resources {
		if r.Group == gvk.Group && r.Kind == gvk.Kind {
			return r.name(), true
		}
	}
	return "", false
}

func (r Resource) name() string {
	return schema.GroupResource{Group: r.Group, Resource: r.Plural}.String()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	if s.Fault != nil && s.Fault(w, r) {
		return
	}
	switch path := r.URL.Path; {
	case path == "/version":
		write(w, map[string]string{"major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "x", "goVersion": "go1.26", "platform": "linux/amd64"})
	case path == "/api" || path == "/apis":
		s.discover(w, r)
	case strings.HasSuffix(path, "/selfsubjectaccessreviews"):
		s.review(w, r)
	default:
		if l, ok := s.versionOf(path); ok {
			write(w, l)
			return
		}
		s.list(w, r)
	}
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that went away
}

// Refuse answers with a Status.
func Refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure",
		Code: int32(code), Reason: reason, Message: message})
}

// Expired answers that a continue token is too old, and offers another.
func Expired(w http.ResponseWriter, cont string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusGone)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure",
		ListMeta: metav1.ListMeta{Continue: cont}, Code: http.StatusGone, Reason: metav1.StatusReasonExpired, Message: "The provided continue parameter is too old"})
}

func (s *Server) groups() []string {
	var out []string
	for _, r := range s.served() {
		if r.Group != "" && !slices.Contains(out, r.Group) {
			out = append(out, r.Group)
		}
	}
	for _, g := range s.Stale {
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out
}

func (s *Server) discover(w http.ResponseWriter, r *http.Request) {
	core := r.URL.Path == "/api"
	if s.Unaggregated || !strings.Contains(r.Header.Get("Accept"), "APIGroupDiscoveryList") {
		if core {
			write(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
			return
		}
		groups, _, _ := s.ServerGroupsAndResources()
		l := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, g := range groups {
			if g.Name != "" {
				l.Groups = append(l.Groups, *g)
			}
		}
		write(w, l)
		return
	}
	groups := s.groups()
	if core {
		groups = []string{""}
	}
	var items []any
	for _, g := range groups {
		var versions []any
		for _, v := range s.versions(g) {
			var resources []any
			for _, r := range s.served() {
				if r.Group != g || r.Version != v || slices.Contains(s.Stale, g) {
					continue
				}
				scope := "Cluster"
				if r.Namespaced {
					scope = "Namespaced"
				}
				resources = append(resources, map[string]any{"resource": r.Plural, "scope": scope, "verbs": []string{"get", "list", "watch"},
					"responseKind": map[string]string{"group": r.Group, "version": r.Version, "kind": r.Kind}})
			}
			fresh := "Current"
			if slices.Contains(s.Stale, g) {
				fresh = "Stale"
			}
			versions = append(versions, map[string]any{"version": v, "freshness": fresh, "resources": resources})
		}
		items = append(items, map[string]any{"metadata": map[string]string{"name": g}, "versions": versions})
	}
	write(w, map[string]any{"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})
}

func (s *Server) versions(group string) []string {
	var out []string
	for _, r := range s.served() {
		if r.Group == group && !slices.Contains(out, r.Version) {
			out = append(out, r.Version)
		}
	}
	if len(out) == 0 {
		out = []string{"v1"}
	}
	return out
}

// ServerGroupsAndResources is the discovery client of client-go: groups that are stale have no lists.
func (s *Server) ServerGroupsAndResources() ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	var groups []*metav1.APIGroup
	var lists []*metav1.APIResourceList
	var err error
	for _, g := range append([]string{""}, s.groups()...) {
		group := &metav1.APIGroup{Name: g}
		for _, v := range s.versions(g) {
			gv := metav1.GroupVersionForDiscovery{GroupVersion: schema.GroupVersion{Group: g, Version: v}.String(), Version: v}
			group.Versions = append(group.Versions, gv)
			if len(group.Versions) == 1 {
				group.PreferredVersion = gv
			}
			if l, ok := s.versionOf(listPath(g, v)); ok {
				lists = append(lists, l)
			} else {
				err = fmt.Errorf("unable to retrieve the complete list of server APIs: %s", gv.GroupVersion)
			}
		}
		groups = append(groups, group)
	}
	return groups, lists, err
}

func listPath(group, version string) string {
	if group == "" {
		return "/api/" + version
	}
	return "/apis/" + group + "/" + version
}

func (s *Server) versionOf(path string) (*metav1.APIResourceList, bool) {
	var l *metav1.APIResourceList
	for _, r := range s.served() {
		if listPath(r.Group, r.Version) != path || slices.Contains(s.Stale, r.Group) {
			continue
		}
		if l == nil {
			l = &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
				GroupVersion: schema.GroupVersion{Group: r.Group, Version: r.Version}.String()}
		}
		l.APIResources = append(l.APIResources, metav1.APIResource{Name: r.Plural, Kind: r.Kind, Namespaced: r.Namespaced,
			Verbs: metav1.Verbs{"get", "list", "watch"}}, metav1.APIResource{Name: r.Plural + "/status", Kind: r.Kind, Namespaced: r.Namespaced, Verbs: metav1.Verbs{"get"}})
	}
	return l, l != nil
}

func (s *Server) review(w http.ResponseWriter, r *http.Request) {
	var in authorizationv1.SelfSubjectAccessReview
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, "no review")
		return
	}
	in.Status.Allowed = true
	switch {
	case s.Allowed == nil:
	case in.Spec.ResourceAttributes != nil:
		a := in.Spec.ResourceAttributes
		in.Status.Allowed = a.Verb == "list" && s.Allowed(schema.GroupResource{Group: a.Group, Resource: a.Resource}.String(), a.Namespace)
	case in.Spec.NonResourceAttributes != nil:
		in.Status.Allowed = s.Allowed(in.Spec.NonResourceAttributes.Path, "")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(in)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces/"); ok && !strings.Contains(name, "/") && r.Method == http.MethodGet {
		s.namespace(w, name)
		return
	}
	res, ns, ok := s.resource(r.URL.Path)
	if !ok || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	if s.Allowed != nil && !s.Allowed(res.name(), ns) {
		Refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, res.name()+` is forbidden: User "u" cannot list it`)
		return
	}
	q := r.URL.Query()
	s.mu.Lock()
	var all []*unstructured.Unstructured
	for _, o := range s.objects[res.name()] {
		if (ns == "" || o.GetNamespace() == ns) && selected(o, q.Get("fieldSelector")) {
			all = append(all, o)
		}
	}
	s.mu.Unlock()
	limit, _ := strconv.Atoi(q.Get("limit"))
	from := 0
	if c := q.Get("continue"); c != "" {
		from = Offset(c)
	}
	to, cont := len(all), ""
	if limit > 0 && from+limit < len(all) {
		to = from + limit
		cont = Token(to)
	}
	metadata := strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList")
	items := []any{}
	for _, o := range all[min(from, len(all)):to] {
		item := map[string]any{}
		for k, v := range o.Object {
			if _, builtin := inventory.Namespaced(schema.GroupKind{Group: res.Group, Kind: res.Kind}); builtin && (k == "kind" || k == "apiVersion") {
				continue // lists of built-in kinds leave them out
			}
			if k == "metadata" || !metadata {
				item[k] = v
			}
		}
		if metadata {
			item["apiVersion"], item["kind"] = "meta.k8s.io/v1", "PartialObjectMetadata"
		}
		items = append(items, item)
	}
	kind, version := res.Kind+"List", schema.GroupVersion{Group: res.Group, Version: res.Version}.String()
	if metadata {
		kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	write(w, map[string]any{"kind": kind, "apiVersion": version, "metadata": map[string]any{"resourceVersion": "1", "continue": cont}, "items": items})
}

// namespace serves one Namespace; its authorizer sees a request within it (apiserver, pkg/endpoints/request/requestinfo.go).
func (s *Server) namespace(w http.ResponseWriter, name string) {
	if s.Allowed != nil && !s.Allowed("namespaces", name) {
		Refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, "namespaces is forbidden")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects["namespaces"] {
		if o.GetName() == name {
			write(w, o.Object)
			return
		}
	}
	Refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
}

// Token is a continue token, and Offset what it stands for.
func Token(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset)))
}

// Offset reads a continue token.
func Offset(token string) int {
	b, _ := base64.RawURLEncoding.DecodeString(token)
	n, _ := strconv.Atoi(string(b))
	return n
}

func (s *Server) resource(path string) (r Resource, namespace string, ok bool) {
	for _, r := range s.served() {
		base := listPath(r.Group, r.Version)
		if path == base+"/"+r.Plural {
			return r, "", true
		}
		if rest, in := strings.CutPrefix(path, base+"/namespaces/"); in && r.Namespaced {
			if ns, plural, _ := strings.Cut(rest, "/"); plural == r.Plural {
				return r, ns, true
			}
		}
	}
	return Resource{}, "", false
}

// selected evaluates the field selectors that collections use: name and type.
func selected(o *unstructured.Unstructured, selector string) bool {
	if selector == "" {
		return true
	}
	for _, term := range strings.Split(selector, ",") {
		field, value, _ := strings.Cut(term, "=")
		field, not := strings.CutSuffix(field, "!")
		have := o.GetName()
		if field == "type" {
			have, _, _ = unstructured.NestedString(o.Object, "type")
		}
		if (have == value) == not {
			return false
		}
	}
	return true
}

// Kubeconfig writes a kubeconfig whose context "test" leads to the server, and returns its path.
func (s *Server) Kubeconfig(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{}}],
"current-context":"test","contexts":[{"name":"test","context":{"cluster":"c","user":"u"}}]}`, s.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Manifests starts a server that holds the objects of manifests, those that Kubernetes creates included, and serves their kinds
// and the built-in ones among needs.
func Manifests(t testing.TB, needs []inventory.Need, paths ...string) *Server {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), nil, manifest.Paths(manifest.Config{}, paths...))
	if err != nil {
		t.Fatal(err)
	}
	resources := Builtin(needs)
	var objects []*inventory.Object
	for o := range inv.All() {
		objects = append(objects, o)
	}
	return New(t, resources, objects...)
}
