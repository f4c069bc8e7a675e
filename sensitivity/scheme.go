package sensitivity

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nist190/nist190/inventory"
)

// Level is a rank in a Scheme, from 1 for the least sensitive.
type Level int8

const (
	// Infra is what serves every level, such as the cluster's DNS; it has no level of its own.
	Infra Level = -1
	// Unclassified is the zero value: nobody has said, or what was said is no level.
	Unclassified Level = 0
)

// Scheme says which levels there are and what declares them. Every field that is left out has a default; the zero Scheme
// is public < internal < confidential < restricted.
type Scheme struct {
	// Levels are the names of the levels, the least sensitive first. Case does not matter.
	Levels []string `json:"levels,omitempty"`
	// Synonyms are other words for levels. By default the words of FIPS 199 for those of the default levels that exist:
	// low is internal, moderate confidential, high restricted.
	Synonyms map[string]string `json:"synonyms,omitempty"`
	// Keys are the labels of namespaces, workloads, pods and data that declare a level; of one object's labels the first
	// of these counts.
	Keys []string `json:"keys,omitempty"`
	// NodeKeys are the labels of nodes that do. The first should be one that a kubelet cannot set itself.
	NodeKeys []string `json:"nodeKeys,omitempty"`
	// Rules declare levels without labels; of the rules that match, the highest level counts.
	Rules []Rule `json:"rules,omitempty"`
	// Infra are globs over the namespaces that are infrastructure where nothing gives them a level. Left out they are
	// kube-system, kube-public and kube-node-lease, which Kubernetes itself creates; an empty list means none.
	Infra []string `json:"infra,omitempty"`
}

// Rule gives what a selector picks (namespaces, workloads, nodes, Secrets, ConfigMaps, claims) a level.
type Rule struct {
	Selector inventory.Selector `json:"selector"`
	Level    string             `json:"level"` // a level, a synonym, or "infra"
	Reason   string             `json:"reason,omitempty"`
}

// Setting attaches a scheme to an inventory.
var Setting = inventory.NewSetting("sensitivity", Scheme{})

// Default is the scheme with every default written out.
func Default() Scheme { return Scheme{}.withDefaults() }

// FieldError is a mistake in a scheme.
type FieldError struct {
	Field []any // path of field names, map keys and indices
	Err   error
}

func (e *FieldError) Error() string { return inventory.PathString(e.Field...) + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// infraWord declares infrastructure, in rules and on namespaces and nodes.
const infraWord = "infra"

// podSecurity begins the labels of Pod Security admission: hardening, in which "restricted" means few privileges.
const podSecurity = "pod-security.kubernetes.io/"

func (s Scheme) withDefaults() Scheme {
	if len(s.Levels) == 0 {
		s.Levels = []string{"public", "internal", "confidential", "restricted"}
	}
	if s.Synonyms == nil {
		s.Synonyms = map[string]string{}
		for word, level := range map[string]string{"low": "internal", "moderate": "confidential", "high": "restricted"} {
			if hasFold(s.Levels, level) && !hasFold(s.Levels, word) {
				s.Synonyms[word] = level
			}
		}
	}
	if len(s.Keys) == 0 {
		s.Keys = []string{"nist190.dev/sensitivity", "sensitivity", "data-classification"}
	}
	if len(s.NodeKeys) == 0 {
		s.NodeKeys = []string{"sensitivity.node-restriction.kubernetes.io/level", "nist190.dev/sensitivity", "sensitivity", "data-classification"}
	}
	if s.Infra == nil {
		// SystemNamespaces of pkg/controlplane, without "default".
		s.Infra = []string{"kube-system", "kube-public", "kube-node-lease"}
	}
	return s
}

// String is the scheme as a report prints it among the assumptions.
func (s Scheme) String() string {
	s = s.withDefaults()
	out := strings.Join(s.Levels, " < ") + "; labels " + strings.Join(s.Keys, ", ") + "; infra " + cmp.Or(strings.Join(s.Infra, ", "), "none")
	if n := len(s.Rules); n > 0 {
		out += fmt.Sprintf("; %d rules", n)
	}
	return out
}

// Validate reports every mistake in the scheme, as joined [FieldError] values.
func (s Scheme) Validate() error {
	_, err := s.compile()
	return err
}

// Parse reads the name of a level or a synonym; it knows none of a scheme that is not valid.
func (s Scheme) Parse(word string) (Level, bool) {
	c, err := s.compile()
	if err != nil {
		return Unclassified, false
	}
	level, ok := c.words[fold(word)]
	return level, ok
}

// scheme is a Scheme ready for use.
type scheme struct {
	Scheme
	words map[string]Level
	rules []rule
}

type rule struct {
	Rule
	index   int
	level   Level
	matcher *inventory.Matcher
}

func (s Scheme) compile() (*scheme, error) {
	var errs []error
	bad := func(field []any, format string, args ...any) {
		errs = append(errs, &FieldError{field, fmt.Errorf(format, args...)})
	}
	s = s.withDefaults()
	c := &scheme{Scheme: s, words: map[string]Level{}}
	if len(s.Levels) > math.MaxInt8 {
		bad([]any{"levels"}, "there are %d, at most %d can be told apart", len(s.Levels), math.MaxInt8)
		return nil, errors.Join(errs...)
	}
	for i, name := range s.Levels {
		word := fold(name)
		switch {
		case word == "" || word == infraWord || len(validation.IsValidLabelValue(name)) > 0:
			bad([]any{"levels", i}, "%q cannot be a level: it must be a label value other than %q", name, infraWord)
		case c.words[word] != 0:
			bad([]any{"levels", i}, "%q is there twice", name)
		default:
			c.words[word] = Level(i + 1)
		}
	}
	for _, word := range sortedKeys(s.Synonyms) {
		level, ok := levelNamed(s.Levels, s.Synonyms[word])
		switch _, taken := c.words[fold(word)]; {
		case !ok:
			bad([]any{"synonyms", word}, "%q is no level; the levels are %s", s.Synonyms[word], strings.Join(s.Levels, ", "))
		case taken || fold(word) == infraWord || fold(word) == "":
			bad([]any{"synonyms", word}, "the word %q already has a meaning", word)
		default:
			c.words[fold(word)] = level
		}
	}
	keys := func(field string, keys []string) {
		for i, k := range keys {
			if strings.HasPrefix(k, podSecurity) {
				bad([]any{field, i}, "%q says how a pod is hardened, not how sensitive it is", k)
			} else if msgs := validation.IsQualifiedName(k); len(msgs) > 0 {
				bad([]any{field, i}, "%q is not a label key: %s", k, strings.Join(msgs, "; "))
			}
		}
	}
	keys("keys", s.Keys)
	keys("nodeKeys", s.NodeKeys)
	for i, g := range s.Infra {
		if _, err := path.Match(g, ""); err != nil || g == "" {
			bad([]any{"infra", i}, "%q is not a valid pattern", g)
		}
	}
	for i, r := range s.Rules {
		level, ok := c.parse(r.Level)
		if !ok {
			bad([]any{"rules", i, "level"}, "%q is no level; the levels are %s", r.Level, strings.Join(s.Levels, ", "))
		}
		m, err := r.Selector.Compile()
		if err != nil {
			bad([]any{"rules", i, "selector"}, "%w", err)
		}
		c.rules = append(c.rules, rule{r, i, level, m})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// parse reads a word that may also say "infra".
func (s *scheme) parse(word string) (Level, bool) {
	if fold(word) == infraWord {
		return Infra, true
	}
	l, ok := s.words[fold(word)]
	return l, ok
}

func (s *scheme) name(l Level) string {
	switch {
	case l == Infra:
		return infraWord
	case l >= 1 && int(l) <= len(s.Levels):
		return s.Levels[l-1]
	}
	return "unclassified"
}

func (s *scheme) isInfra(namespace string) bool {
	return slices.ContainsFunc(s.Scheme.Infra, func(g string) bool {
		ok, _ := path.Match(g, namespace) // compile has checked the pattern
		return ok
	})
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func hasFold(list []string, s string) bool {
	_, ok := levelNamed(list, s)
	return ok
}

func levelNamed(levels []string, s string) (Level, bool) {
	i := slices.IndexFunc(levels, func(l string) bool { return fold(l) == fold(s) })
	return Level(i + 1), i >= 0
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
