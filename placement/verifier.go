package placement

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// verifier is a policy of admission that verifies signatures of images, in the manner of one engine.
type verifier interface {
	// verifies tells what becomes of an image in a pod that is created in a namespace.
	verifies(ns space, image string) verification
}

// verification is what a policy does about an image, and why that is not more.
type verification struct {
	state  verified
	reason string
	policy *inventory.Object
}

type verified uint8

const (
	passedBy verified = iota // the policy is not about it
	watched                  // it is looked at, and let in whatever is found
	unclear                  // whether it is held cannot be told
	held                     // without a valid signature the pod is refused
)

func (v verification) String() string {
	return fmt.Sprintf("%s %q %s", v.policy.Ref().Kind, v.policy.Name(), v.reason)
}

// verifierKinds are read for policies that verify images.
var verifierKinds = []struct {
	schema.GroupKind
	resource string
	parse    func(*inventory.Object, *inventory.Inventory) verifier
}{
	{schema.GroupKind{Group: "kyverno.io", Kind: "ClusterPolicy"}, "clusterpolicies", kyvernoPolicy},
	{schema.GroupKind{Group: "kyverno.io", Kind: "Policy"}, "policies", kyvernoPolicy},
	{schema.GroupKind{Group: "policies.kyverno.io", Kind: "ImageValidatingPolicy"}, "imagevalidatingpolicies", kyvernoImagePolicy},
	{schema.GroupKind{Group: "policies.kyverno.io", Kind: "NamespacedImageValidatingPolicy"}, "namespacedimagevalidatingpolicies", kyvernoImagePolicy},
	{imagePolicyKind, "clusterimagepolicies", nil}, // read together: sigstoreOf
	{ratifyKind, "ratifyverification", ratifyConstraint},
	{schema.GroupKind{Group: "templates.gatekeeper.sh", Kind: "ConstraintTemplate"}, "constrainttemplates", ratifyTemplate},
}

// verifiersOf are the policies that verify images.
func verifiersOf(inv *inventory.Inventory) []verifier {
	out := []verifier{sigstoreOf(inv)}
	for _, k := range verifierKinds {
		if k.parse == nil {
			continue
		}
		for o := range inv.ByKind(k.GroupKind) {
			if v := k.parse(o, inv); v != nil {
				out = append(out, v)
			}
		}
	}
	return out
}

// best is the most that any policy does about an image.
func best(all []verifier, ns space, image string) verification {
	var out verification
	for _, v := range all {
		if x := v.verifies(ns, image); x.state > out.state {
			out = x
		}
	}
	return out
}

// decode reads the parts of a policy that matter; what the engine would not have accepted verifies nothing.
func decode(o *inventory.Object, into any) bool { return json.Unmarshal(o.JSON(), into) == nil }

// space is a namespace with its labels as selectors see them.
type space struct {
	name   string
	labels labels.Set
}

func spaceOf(inv *inventory.Inventory, name string) space {
	set := labels.Set{"kubernetes.io/metadata.name": name}
	if o, ok := inv.Get(inventory.NamespaceRef("").GroupKind(), "", name); ok {
		set = labels.Merge(labels.Set(o.Labels()), set)
	}
	return space{name, set}
}

// three is yes, no or cannot be told.
type three uint8

const (
	no three = iota
	perhaps
	yes
)

func known3(b bool) three {
	if b {
		return yes
	}
	return no
}

// wildcard matches as Kyverno does (github.com/kyverno/pkg/ext/wildcard): * is anything, a slash too, and ? one character.
func wildcard(pattern, s string) bool {
	text := regexp.QuoteMeta(pattern)
	text = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(text)
	re, err := regexp.Compile(`(?s)^` + text + `$`)
	return err == nil && re.MatchString(s)
}

func anyWildcard(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, s) })
}

// selects tells whether a selector of namespaces picks one. Kyverno allows wildcards in it, of which nothing is concluded.
func selects(s *metav1.LabelSelector, set labels.Set) three {
	if s == nil {
		return yes
	}
	for k, v := range s.MatchLabels {
		if strings.ContainsAny(k+v, "*?") {
			return perhaps
		}
	}
	sel, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return no
	}
	return known3(sel.Matches(set))
}

// unanimous is yes where every spelling of an image matches, and no where none does.
func unanimous(spellings []string, match func(string) bool) three {
	n := 0
	for _, s := range spellings {
		if match(s) {
			n++
		}
	}
	switch n {
	case len(spellings):
		return yes
	case 0:
		return no
	}
	return perhaps
}
