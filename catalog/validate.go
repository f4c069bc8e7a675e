package catalog

import (
	"errors"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/sensitivity"
)

// Validate reports every mistake in a configuration that was made in Go, as joined [Error] values; LoadConfig has done so
// for a file.
func (c *Config) Validate() error {
	if c == nil {
		return nil
	}
	return join(c.mistakes().place(func(...any) inventory.Origin { return inventory.Origin{} }))
}

// mistakes are those that the types do not exclude.
func (c *Config) mistakes() mistakes {
	v := &validator{}
	for _, check := range c.known() {
		v.ids = append(v.ids, check.Metadata().ID)
	}
	v.selection(c, []any{"checks"})
	v.sensitivity(c.Sensitivity, []any{"sensitivity"})
	v.network(c.Network, []any{"network"})
	v.images(c.Images, []any{"images"})
	v.teams(c.Teams)
	v.interfaces(c)
	for i, g := range c.Allowlist {
		v.grant(g, []any{"allowlist", i})
	}
	for i := range c.Suppressions {
		v.suppression(&c.Suppressions[i], []any{"suppressions", i})
	}
	for i := range c.Attestations {
		v.attestation(&c.Attestations[i], []any{"attestations", i})
	}
	for i, key := range c.Append.Labels {
		for _, msg := range validation.IsQualifiedName(key) {
			v.add([]any{"append", "labels", i}, "%q is no label key: %s", key, msg)
		}
	}
	return v.mistakes
}

type validator struct {
	mistakes
	ids    []string // of checks that exist
	parse  func(string) (sensitivity.Level, bool)
	levels []string
}

func (v *validator) selection(c *Config, at []any) {
	before := len(v.mistakes)
	if c.Checks.Risks != nil && len(c.Checks.Risks) == 0 {
		v.notEmpty([]string{}, below(at, "risks"))
	}
	for i, r := range c.Checks.Risks {
		if !slices.Contains(nist190.Risks(), r) {
			v.add(below(at, "risks", i), "%q is none of the five risks, 4.3.1 to 4.3.5", r)
		}
	}
	v.checks(c.Checks.Include, below(at, "include"))
	v.checks(c.Checks.Exclude, below(at, "exclude"))
	if before == len(v.mistakes) && len(c.selected().off) == len(v.ids) {
		// A gate without checks would let everything through.
		v.add(at, "no check is left")
	}
}

// checks wants globs that match a check.
func (v *validator) checks(globs []string, at []any) {
	v.notEmpty(globs, at)
	for i, g := range globs {
		v.check(g, below(at, i))
	}
}

func (v *validator) check(glob string, at []any) {
	switch _, err := path.Match(glob, ""); {
	case err != nil:
		v.add(at, "%q is no valid pattern", glob)
	case !slices.ContainsFunc(v.ids, func(id string) bool { return matchAny([]string{glob}, id) }):
		v.add(at, "%q matches no check", glob)
	}
}

// network wants names of plugins as checks compare them, and blocks that say something.
func (v *validator) network(n Network, at []any) {
	if n.Plugin != "" && len(validation.IsDNS1123Label(n.Plugin)) > 0 {
		v.add(below(at, "plugin"), "%q is no name of a plugin: want lower-case letters, digits and hyphens, as in cilium or ovn-kubernetes", n.Plugin)
	}
	for _, f := range []struct {
		name  string
		cidrs []CIDR
	}{{"podCIDRs", n.PodCIDRs}, {"nodeCIDRs", n.NodeCIDRs}} {
		at := below(at, f.name)
		if f.cidrs != nil && len(f.cidrs) == 0 {
			v.notEmpty([]string{}, at)
		}
		for i, c := range f.cidrs {
			switch {
			case !c.IsValid():
				v.add(below(at, i), "is no CIDR")
			case slices.Contains(f.cidrs[:i], c):
				v.add(below(at, i), "%s is there twice", c)
			}
		}
	}
}

// images wants levels that there are, and registries that are named whole.
func (v *validator) images(r placement.ImageRules, at []any) {
	if r.Trusted != nil && len(r.Trusted) == 0 {
		v.notEmpty([]string{}, below(at, "trusted"))
	}
	for i, t := range r.Trusted {
		at := below(at, "trusted", i)
		v.notEmpty(t.Levels, below(at, "levels"))
		for j, l := range t.Levels {
			v.level(l, below(at, "levels", j))
		}
		if len(t.Registries) == 0 {
			v.add(below(at, "registries"), "is required")
		}
		for j, x := range t.Registries {
			if err := x.Validate(); err != nil {
				v.add(below(at, "registries", j), "%v", err)
			} else if slices.Contains(t.Registries[:j], x) {
				v.add(below(at, "registries", j), "%q is there twice", string(x))
			}
		}
	}
	for _, f := range []struct{ name, level string }{{"digestFrom", r.DigestFrom}, {"signedFrom", r.SignedFrom}} {
		if f.level != "" {
			v.level(f.level, below(at, f.name))
		}
	}
}

func (v *validator) teams(teams Teams) {
	seen := map[string]bool{}
	for i, t := range teams {
		at := []any{"teams", i}
		v.name(t.Name, seen, at)
		v.subjects(t.Subjects, at)
		v.globs(t.Namespaces, below(at, "namespaces"))
		v.globs(t.Images, below(at, "images"))
		v.selector(t.Nodes, below(at, "nodes"))
	}
}

func (v *validator) name(name string, seen map[string]bool, at []any) {
	switch {
	case name == "":
		v.add(below(at, "name"), "is required")
	case seen[name]:
		v.add(below(at, "name"), "%q is the name of another one", name)
	}
	seen[name] = true
}

func (v *validator) subjects(subjects []Subject, at []any) {
	if len(subjects) == 0 {
		v.add(below(at, "subjects"), "is required")
	}
	for i, s := range subjects {
		at := below(at, "subjects", i)
		if s.Name == "" {
			v.add(below(at, "name"), "is required")
		}
		switch s.Kind {
		case rbacv1.UserKind, rbacv1.GroupKind:
			if s.Namespace != "" {
				v.add(below(at, "namespace"), "a %s has none", s.Kind)
			}
		case rbacv1.ServiceAccountKind:
			if s.Namespace == "" {
				v.add(below(at, "namespace"), "is required of a ServiceAccount")
			}
		default:
			v.add(below(at, "kind"), "%q is none of User, Group and ServiceAccount", s.Kind)
		}
	}
}

// notEmpty wants a list that is there to hold something: an empty one counts as if it were not there, which for most
// means everything and looks like nothing.
func (v *validator) notEmpty(list []string, at []any) {
	if list != nil && len(list) == 0 {
		v.add(at, "is empty; give it an entry or remove it")
	}
}

func (v *validator) globs(globs []string, at []any) {
	v.notEmpty(globs, at)
	for i, g := range globs {
		if _, err := path.Match(g, ""); err != nil || g == "" {
			v.add(below(at, i), "%q is no valid pattern", g)
		}
	}
}

func (v *validator) selector(s inventory.Selector, at []any) {
	for _, f := range fieldsOf(reflect.TypeFor[inventory.Selector]()) {
		if list, ok := reflect.ValueOf(s).FieldByIndex(f.index).Interface().([]string); ok {
			v.notEmpty(list, below(at, f.name))
		}
	}
	if _, err := s.Compile(); err != nil {
		for _, err := range unjoin(err) {
			field, msg, _ := strings.Cut(err.Error(), ": ")
			v.add(below(at, field), "%s", msg)
		}
	}
}

// isZero reports a selector without conditions.
func isZero(s inventory.Selector) bool { return reflect.ValueOf(s).IsZero() }

func (v *validator) interfaces(c *Config) {
	seen := map[string]bool{}
	for i, x := range c.Interfaces {
		at := []any{"interfaces", i}
		v.name(x.Name, seen, at)
		v.level(x.From, below(at, "from"))
		v.level(x.To, below(at, "to"))
		v.selector(x.Destination, below(at, "destination"))
		for j, p := range x.Ports {
			v.port(p, below(at, "ports", j))
		}
	}
	if c.InterfaceBudget != nil && *c.InterfaceBudget < 0 {
		v.add([]any{"interfaceBudget"}, "must not be negative")
	}
}

// port follows ValidateNetworkPolicyPort of k8s.io/kubernetes, pkg/apis/networking/validation.
func (v *validator) port(p networkingv1.NetworkPolicyPort, at []any) {
	if p.Protocol != nil && !slices.Contains([]corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}, *p.Protocol) {
		v.add(below(at, "protocol"), "%q is none of TCP, UDP and SCTP", *p.Protocol)
	}
	numbered := p.Port != nil && p.Port.StrVal == ""
	switch {
	case p.Port == nil:
	case numbered:
		for _, msg := range validation.IsValidPortNum(int(p.Port.IntVal)) {
			v.add(below(at, "port"), "%s", msg)
		}
	default:
		for _, msg := range validation.IsValidPortName(p.Port.StrVal) {
			v.add(below(at, "port"), "%s", msg)
		}
	}
	if p.EndPort != nil && (!numbered || *p.EndPort < p.Port.IntVal || *p.EndPort > 65535) {
		v.add(below(at, "endPort"), "must be a number from port to 65535")
	}
}

func (v *validator) grant(g Grant, at []any) {
	v.subjects(g.Subjects, at)
	v.globs(g.Namespaces, below(at, "namespaces"))
	if len(g.Rules) == 0 {
		v.add(below(at, "rules"), "is required")
	}
	for i, r := range g.Rules {
		v.rule(r, len(g.Namespaces) > 0, below(at, "rules", i))
	}
}

// rule follows ValidatePolicyRule of k8s.io/kubernetes, pkg/apis/rbac/validation.
func (v *validator) rule(r rbacv1.PolicyRule, namespaced bool, at []any) {
	if len(r.Verbs) == 0 {
		v.add(below(at, "verbs"), "is required")
	}
	if len(r.NonResourceURLs) > 0 {
		if namespaced {
			v.add(below(at, "nonResourceURLs"), "a grant in namespaces has none")
		}
		if len(r.APIGroups)+len(r.Resources)+len(r.ResourceNames) > 0 {
			v.add(below(at, "nonResourceURLs"), "a rule is about resources or about URLs")
		}
		return
	}
	if len(r.APIGroups) == 0 {
		v.add(below(at, "apiGroups"), `is required; "" is the core group`)
	}
	if len(r.Resources) == 0 {
		v.add(below(at, "resources"), "is required")
	}
}

var fingerprint = regexp.MustCompile(`^v1:[0-9a-f]{32}$`)

func (v *validator) suppression(s *nist190.Suppression, at []any) {
	v.checks(s.Checks, below(at, "checks"))
	v.selector(s.Selector, below(at, "selector"))
	if s.Reason == "" {
		v.add(below(at, "reason"), "is required")
	}
	if s.Fingerprint != "" && !fingerprint.MatchString(s.Fingerprint) {
		v.add(below(at, "fingerprint"), "is none: want v1: and 32 hexadecimal digits, as a report prints them")
	}
	if len(s.Checks) == 0 && s.Fingerprint == "" && isZero(s.Selector) {
		v.add(at, `accepts every failure; if that is meant, write checks: ["*"]`)
	}
}

func (v *validator) attestation(a *nist190.Attestation, at []any) {
	if a.Check != "" {
		v.check(a.Check, below(at, "check"))
	}
	if _, ok := nist190.SentenceByKey(a.Sentence); a.Sentence != "" && !ok {
		v.add(below(at, "sentence"), "%q is no sentence of section 4.3", a.Sentence)
	}
	switch {
	case a.Check == "" && a.Sentence == "":
		v.add(at, "names neither a check nor a sentence")
	case a.Check != "" && a.Sentence != "":
		v.add(at, "names both a check and a sentence")
	case a.Sentence != "" && !isZero(a.Selector):
		v.add(below(at, "selector"), "a sentence has no subjects to select; attest a check")
	}
	v.selector(a.Selector, below(at, "selector"))
	for _, f := range []struct{ name, value string }{{"statement", a.Statement}, {"owner", a.Owner}, {"expires", a.Expires.String()}} {
		if f.value == "" {
			v.add(below(at, f.name), "is required")
		}
	}
	if !a.Expires.IsZero() && a.From.After(a.Expires.Time) {
		v.add(below(at, "from"), "is after expires")
	}
	if u, err := url.Parse(a.Evidence); a.Evidence != "" && (err != nil || u.Scheme == "") {
		v.add(below(at, "evidence"), "is no URL")
	}
}

// sensitivity checks the scheme, and keeps its levels where they can be told.
func (v *validator) sensitivity(s sensitivity.Scheme, at []any) {
	v.notEmpty(s.Levels, below(at, "levels"))
	v.notEmpty(s.Keys, below(at, "keys"))
	v.notEmpty(s.NodeKeys, below(at, "nodeKeys"))
	for i, r := range s.Rules {
		at := below(at, "rules", i)
		v.selector(r.Selector, below(at, "selector"))
		if isZero(r.Selector) {
			v.add(at, `is about everything; if that is meant, write selector: {names: ["*"]}`)
		}
	}
	err := s.Validate()
	if err == nil {
		v.parse, v.levels = s.Parse, s.Levels
		if len(v.levels) == 0 {
			v.levels = sensitivity.Default().Levels
		}
		return
	}
	for _, err := range unjoin(err) {
		var in *sensitivity.FieldError
		switch {
		case !errors.As(err, &in):
			v.add(at, "%v", err)
		case in.Field[len(in.Field)-1] != "selector": // said above, field by field
			v.add(below(at, in.Field...), "%v", in.Err)
		}
	}
}

// level wants a level of a scheme that is valid.
func (v *validator) level(name string, at []any) {
	if v.parse == nil {
		return
	}
	if _, ok := v.parse(name); !ok {
		v.add(at, "%q is no level; they are %s", name, strings.Join(v.levels, ", "))
	}
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
