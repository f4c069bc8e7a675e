package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// served is what a cluster says that it serves.
type served struct {
	kinds map[schema.GroupKind][]resource // that can be listed, in the server's order of versions
	known map[schema.GroupKind]bool       // that exist, whether or not they can be listed
	// failed has, by group, why a part of it could not be looked at. A group whose every version was seen is not in it.
	failed map[string]error
	// err says why groups could not be looked at as a whole: the core group, the others, or both.
	coreErr, groupsErr error
}

func newServed() *served {
	return &served{kinds: map[schema.GroupKind][]resource{}, known: map[schema.GroupKind]bool{}, failed: map[string]error{}}
}

// err is why discovery tells nothing at all.
func (s *served) err() error {
	if s.coreErr != nil && s.groupsErr != nil {
		return s.coreErr
	}
	return nil
}

// why tells what hides a kind that was not found: nil where the server was asked and has none.
func (s *served) why(group string) error {
	if group == "" {
		return cmp.Or(s.coreErr, s.failed[""])
	}
	return cmp.Or(s.groupsErr, s.failed[group])
}

// find is where a kind is listed. Built-in kinds are taken at v1, which is what they are decoded as; others at the version
// that the server prefers. ok is false with why where there is none.
func (s *served) find(n inventory.Need) (r resource, ok bool) {
	gk := schema.GroupKind{Group: n.Group, Kind: n.Kind}
	list := s.kinds[gk]
	if len(list) > 0 {
		if _, builtin := inventory.Namespaced(gk); builtin {
			if i := slices.IndexFunc(list, func(r resource) bool { return r.Version == "v1" }); i > 0 {
				return list[i], true
			}
		}
		return list[0], true
	}
	if namespaced, builtin := inventory.Namespaced(gk); builtin && n.Resource != "" && s.why(gk.Group) != nil {
		return resource{schema.GroupVersionResource{Group: n.Group, Version: "v1", Resource: n.Resource}, n.Kind, namespaced, true}, true
	}
	return resource{}, false
}

func (s *served) add(gv schema.GroupVersion, kindGroup, kind, name string, namespaced bool, verbs []string) {
	if strings.Contains(name, "/") || kind == "" {
		return
	}
	gk := schema.GroupKind{Group: gv.Group, Kind: kind}
	// Scale and Eviction are subresources of another group and kind; main resources never are.
	if kindGroup != "" && kindGroup != gv.Group {
		return
	}
	s.known[gk] = true
	if slices.Contains(verbs, "list") {
		s.kinds[gk] = append(s.kinds[gk], resource{gv.WithResource(name), kind, namespaced, false})
	}
}

// all lists every kind that can be listed, each once, by name.
func (s *served) all() []inventory.Need {
	var out []inventory.Need
	for gk, rs := range s.kinds {
		out = append(out, inventory.Need{Group: gk.Group, Kind: gk.Kind, Resource: rs[0].Resource})
	}
	slices.SortFunc(out, inventory.CompareNeeds)
	return out
}

var errEmptyDiscovery = errors.New("discovery names no API at all")

// discover asks for the aggregated lists (KEP-3352, stable in 1.30), which are two requests. A server that does not know them
// answers with the lists of groups, of which those that matter are then asked one by one.
func (h *httpAPI) discover(ctx context.Context, groups map[string]bool) *served {
	s := newServed()
	s.coreErr = h.discoverRoot(ctx, s, "/api", groups)
	s.groupsErr = h.discoverRoot(ctx, s, "/apis", groups)
	return s
}

// aggregatedList is apidiscovery.k8s.io APIGroupDiscoveryList, v2 and v2beta1 alike, together with what older servers send.
type aggregatedList struct {
	Kind  string `json:"kind"`
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Versions []struct {
			Version   string `json:"version"`
			Freshness string `json:"freshness"`
			Resources []struct {
				Resource     string                   `json:"resource"`
				ResponseKind *metav1.GroupVersionKind `json:"responseKind"`
				Scope        string                   `json:"scope"`
				Verbs        []string                 `json:"verbs"`
			} `json:"resources"`
		} `json:"versions"`
	} `json:"items"`

	Versions []string          `json:"versions"` // of APIVersions
	Groups   []metav1.APIGroup `json:"groups"`   // of APIGroupList
}

func (h *httpAPI) discoverRoot(ctx context.Context, s *served, path string, groups map[string]bool) error {
	body, err := h.do(ctx, "GET", path, nil, acceptAggregated, nil)
	if err != nil {
		return err
	}
	var l aggregatedList
	if err := json.Unmarshal(body, &l); err != nil {
		return &brokenBody{"no discovery document"}
	}
	switch l.Kind {
	case "APIGroupDiscoveryList":
		if len(l.Items) == 0 {
			return errEmptyDiscovery
		}
		s.aggregated(&l)
	case "APIVersions":
		if len(l.Versions) == 0 {
			return errEmptyDiscovery
		}
		for _, v := range l.Versions {
			h.discoverVersion(ctx, s, schema.GroupVersion{Version: v})
		}
	case "APIGroupList":
		if len(l.Groups) == 0 {
			return errEmptyDiscovery
		}
		for _, g := range l.Groups {
			if len(groups) > 0 && !groups[g.Name] {
				continue
			}
			for _, v := range versionsOf(g) {
				h.discoverVersion(ctx, s, schema.GroupVersion{Group: g.Name, Version: v})
			}
		}
	default:
		return &brokenBody{"no discovery document"}
	}
	return nil
}

func (s *served) aggregated(l *aggregatedList) {
	for _, g := range l.Items {
		for _, v := range g.Versions {
			gv := schema.GroupVersion{Group: g.Metadata.Name, Version: v.Version}
			// Stale: the server of this API did not answer; what is listed is from before, or nothing (apidiscovery/v2).
			if v.Freshness == "Stale" {
				s.failed[gv.Group] = fmt.Errorf("the API server behind %s does not answer", gv)
			}
			for _, r := range v.Resources {
				if r.ResponseKind != nil {
					s.add(gv, r.ResponseKind.Group, r.ResponseKind.Kind, r.Resource, r.Scope == "Namespaced", r.Verbs)
				}
			}
		}
	}
}

// versionsOf are the versions of a group, the preferred one first.
func versionsOf(g metav1.APIGroup) []string {
	out := []string{}
	if p := g.PreferredVersion.Version; p != "" {
		out = append(out, p)
	}
	for _, v := range g.Versions {
		if !slices.Contains(out, v.Version) {
			out = append(out, v.Version)
		}
	}
	return out
}

func (h *httpAPI) discoverVersion(ctx context.Context, s *served, gv schema.GroupVersion) {
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	body, err := h.do(ctx, "GET", path, nil, acceptJSON, nil)
	var l metav1.APIResourceList
	if err == nil && (json.Unmarshal(body, &l) != nil || l.Kind != "APIResourceList") {
		err = &brokenBody{"no discovery document"}
	}
	if err != nil {
		s.failed[gv.Group] = fmt.Errorf("%s: %w", gv, err)
		return
	}
	s.list(gv, &l)
}

func (s *served) list(gv schema.GroupVersion, l *metav1.APIResourceList) {
	for _, r := range l.APIResources {
		s.add(gv, r.Group, r.Kind, r.Name, r.Namespaced, r.Verbs)
	}
}

// discover asks the given client. It returns what it could read together with an error, in which it does not say which groups
// are complete; a version of a group that has no list of resources was not seen. Its list of groups leaves out what it may not
// see without a word (client-go, discovery_client.go, downloadAPIs), so that groups which every cluster has must be there.
func (c *clients) discover(ctx context.Context, _ map[string]bool) *served {
	s := newServed()
	groups, lists, err := c.resources(ctx)
	if len(lists) == 0 {
		err = cmp.Or(err, errEmptyDiscovery)
		s.coreErr, s.groupsErr = err, err
		return s
	}
	byVersion := map[schema.GroupVersion]*metav1.APIResourceList{}
	for _, l := range lists {
		if l == nil {
			continue
		}
		if gv, err := schema.ParseGroupVersion(l.GroupVersion); err == nil {
			byVersion[gv] = l
		}
	}
	seen := map[string]bool{}
	for _, g := range groups {
		if g == nil {
			continue
		}
		seen[g.Name] = true
		for _, v := range versionsOf(*g) {
			gv := schema.GroupVersion{Group: g.Name, Version: v}
			if l := byVersion[gv]; l != nil {
				s.list(gv, l)
				continue
			}
			s.failed[gv.Group] = cmp.Or(err, fmt.Errorf("discovery has no list of %s", gv))
		}
	}
	if !seen[""] {
		s.coreErr = cmp.Or(err, errors.New("discovery leaves out the core group, which every cluster serves"))
	}
	if !seen["apps"] {
		s.groupsErr = cmp.Or(err, errors.New("discovery leaves out the group apps, which every cluster serves"))
	}
	return s
}
