package placement

import (
	"regexp"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// kyverno is a ClusterPolicy or Policy with rules verifyImages (api/kyverno/v1/spec_types.go, image_verification_types.go).
type kyverno struct {
	object *inventory.Object
	spec   kyvernoSpec
	// excepted is a PolicyException that names the policy.
	excepted *inventory.Object
}

type kyvernoSpec struct {
	Rules                            []kyvernoRule
	ApplyRules                       string
	FailurePolicy                    string
	ValidationFailureAction          string
	ValidationFailureActionOverrides []struct {
		Action            string
		Namespaces        []string
		NamespaceSelector *metav1.LabelSelector
	}
	Admission            *bool
	WebhookConfiguration struct {
		FailurePolicy   string
		MatchConditions []any
	}
}

type kyvernoRule struct {
	Match, Exclude                  kyvernoMatch
	Preconditions, CELPreconditions any
	VerifyImages                    []kyvernoImages
}

type kyvernoImages struct {
	FailureAction                        string
	Image                                string
	ImageReferences, SkipImageReferences []string
	Required                             *bool
	// What signs: any of these makes it a verification; without them tags are replaced by digests and that is all.
	Attestors, Attestations     []any
	Key, Roots, Subject, Issuer string
}

type kyvernoMatch struct {
	Any, All []kyvernoFilter
	kyvernoFilter
}

type kyvernoFilter struct {
	Resources struct {
		Kinds, Names, Namespaces, Operations []string
		Name                                 string
		Annotations                          map[string]string
		Selector, NamespaceSelector          *metav1.LabelSelector
	}
	Subjects, Roles, ClusterRoles []any
}

var (
	kyvernoExceptionKind    = schema.GroupKind{Group: "kyverno.io", Kind: "PolicyException"}
	kyvernoCELExceptionKind = schema.GroupKind{Group: "policies.kyverno.io", Kind: "PolicyException"}
)

func kyvernoPolicy(o *inventory.Object, inv *inventory.Inventory) verifier {
	var p struct{ Spec kyvernoSpec }
	if !decode(o, &p) {
		return nil
	}
	p.Spec.Rules = slices.DeleteFunc(p.Spec.Rules, func(r kyvernoRule) bool { return len(r.VerifyImages) == 0 })
	if len(p.Spec.Rules) == 0 {
		return nil
	}
	return &kyverno{o, p.Spec, kyvernoException(inv, o)}
}

// kyvernoException finds an exception for a policy; of namespaced policies they say NAMESPACE/NAME.
func kyvernoException(inv *inventory.Inventory, policy *inventory.Object) *inventory.Object {
	name := policy.Name()
	if policy.Namespace() != "" {
		name = policy.Namespace() + "/" + name
	}
	for o := range inv.ByKind(kyvernoExceptionKind) {
		var x struct {
			Spec struct{ Exceptions []struct{ PolicyName string } }
		}
		if decode(o, &x) && slices.ContainsFunc(x.Spec.Exceptions, func(e struct{ PolicyName string }) bool { return e.PolicyName == name }) {
			return o
		}
	}
	for o := range inv.ByKind(kyvernoCELExceptionKind) {
		var x struct {
			Spec struct{ PolicyRefs []struct{ Name, Kind string } }
		}
		if decode(o, &x) && slices.ContainsFunc(x.Spec.PolicyRefs, func(r struct{ Name, Kind string }) bool {
			return r.Name == policy.Name() && r.Kind == policy.Ref().Kind
		}) {
			return o
		}
	}
	return nil
}

func (k *kyverno) verifies(ns space, image string) verification {
	var out verification
	if k.object.Namespace() != "" && k.object.Namespace() != ns.name {
		return out
	}
	for i := range k.spec.Rules {
		r := &k.spec.Rules[i]
		for j := range r.VerifyImages {
			if state, why := k.rule(r, &r.VerifyImages[j], ns, image); state > out.state {
				out = verification{state, why, k.object}
			}
		}
	}
	return out
}

func (k *kyverno) rule(r *kyvernoRule, v *kyvernoImages, ns space, image string) (verified, string) {
	if len(v.Attestors)+len(v.Attestations) == 0 && v.Key+v.Roots+v.Subject+v.Issuer == "" {
		return passedBy, ""
	}
	refs := v.ImageReferences
	if v.Image != "" {
		refs = append(slices.Clone(refs), v.Image)
	}
	spellings := kyvernoSpellings(image)
	about := min(
		r.Match.pods(ns), 2-r.Exclude.excludes(ns),
		unanimous(spellings, func(s string) bool { return anyWildcard(refs, s) }),
		2-unanimous(spellings, func(s string) bool { return anyWildcard(v.SkipImageReferences, s) }),
	)
	switch {
	case about == no:
		return passedBy, ""
	case k.spec.Admission != nil && !*k.spec.Admission:
		return watched, "does not run at admission"
	case !k.enforces(v, ns):
		return watched, "only audits"
	case k.failurePolicy() == "Ignore":
		return watched, "lets pods in where it fails (failurePolicy: Ignore)"
	case about == perhaps:
		return unclear, "matches by what is not evaluated"
	case r.Preconditions != nil || r.CELPreconditions != nil:
		return unclear, "has preconditions, which are not evaluated"
	case len(k.spec.WebhookConfiguration.MatchConditions) > 0:
		return unclear, "has match conditions, which are not evaluated"
	case v.Required != nil && !*v.Required:
		return unclear, "does not require that images are verified (required: false)"
	case k.spec.ApplyRules == "One" && len(k.spec.Rules) > 1:
		return unclear, "applies one of its rules only"
	case k.excepted != nil:
		return unclear, "has exceptions in PolicyException \"" + k.excepted.Name() + "\", which are not evaluated"
	}
	return held, ""
}

func (k *kyverno) failurePolicy() string {
	if p := k.spec.WebhookConfiguration.FailurePolicy; p != "" {
		return p
	}
	return k.spec.FailurePolicy
}

// enforces: the action of the rule, else that of the policy for the namespace, else that of the policy, which is Audit
// where it is not said.
func (k *kyverno) enforces(v *kyvernoImages, ns space) bool {
	action := v.FailureAction
	if action == "" {
		action = k.spec.ValidationFailureAction
		for _, o := range k.spec.ValidationFailureActionOverrides {
			if (len(o.Namespaces) == 0 || anyWildcard(o.Namespaces, ns.name)) && selects(o.NamespaceSelector, ns.labels) != no {
				action = o.Action
			}
		}
	}
	return strings.EqualFold(action, "Enforce")
}

// pods tells whether every pod that is created in a namespace matches.
func (m *kyvernoMatch) pods(ns space) three {
	switch {
	case len(m.Any) > 0:
		out := no
		for i := range m.Any {
			out = max(out, m.Any[i].pods(ns))
		}
		return out
	case len(m.All) > 0:
		out := yes
		for i := range m.All {
			out = min(out, m.All[i].pods(ns))
		}
		return out
	}
	return m.kyvernoFilter.pods(ns)
}

// excludes is pods for a block that takes pods out: one that is not there takes none.
func (m *kyvernoMatch) excludes(ns space) three {
	if len(m.Any)+len(m.All) == 0 && m.kyvernoFilter.empty() {
		return no
	}
	return m.pods(ns)
}

func (f *kyvernoFilter) empty() bool {
	r := &f.Resources
	return len(r.Kinds)+len(r.Names)+len(r.Namespaces)+len(r.Operations)+len(r.Annotations)+len(f.Subjects)+len(f.Roles)+len(f.ClusterRoles) == 0 &&
		r.Name == "" && r.Selector == nil && r.NamespaceSelector == nil
}

func (f *kyvernoFilter) pods(ns space) three {
	r := &f.Resources
	out := min(
		known3(len(r.Kinds) == 0 || slices.ContainsFunc(r.Kinds, namesPods)),
		known3(len(r.Namespaces) == 0 || anyWildcard(r.Namespaces, ns.name)),
		known3(len(r.Operations) == 0 || slices.Contains(r.Operations, "CREATE")),
		selects(r.NamespaceSelector, ns.labels),
	)
	some := len(r.Names)+len(r.Annotations)+len(f.Subjects)+len(f.Roles)+len(f.ClusterRoles) > 0 || r.Name != "" || r.Selector != nil
	if out == yes && some {
		return perhaps
	}
	return out
}

// namesPods reads a kind as Kyverno does: [group/]version/Kind or Kind, with wildcards (pkg/utils/kube, ParseKindSelector).
func namesPods(kind string) bool {
	return wildcard(kind[strings.LastIndexByte(kind, '/')+1:], "Pod")
}

// kyvernoSpellings are an image as its patterns may see it: with the registry, and for official images of docker.io with
// and without library/.
func kyvernoSpellings(image string) []string {
	im := inventory.ParseImage(image)
	suffix := ":" + im.Tag
	if im.Digest != "" {
		suffix = "@" + im.Digest
	}
	out := []string{im.Host + "/" + im.Path + suffix}
	if short, ok := strings.CutPrefix(im.Path, "library/"); ok && im.Host == "docker.io" {
		out = append(out, im.Host+"/"+short+suffix)
	}
	return out
}

// kyvernoCEL is an ImageValidatingPolicy (api/policies.kyverno.io/v1beta1/imagevalidating_policy.go of kyverno/api).
type kyvernoCEL struct {
	object   *inventory.Object
	spec     kyvernoCELSpec
	excepted *inventory.Object
}

type kyvernoCELSpec struct {
	MatchConstraints         *admissionregistrationv1.MatchResources
	MatchConditions          []any
	FailurePolicy            string
	ValidationActions        []string
	MatchImageReferences     []struct{ Glob, Expression string }
	ValidationConfigurations struct{ Required *bool }
	Attestors                []any
	Validations              []struct{ Expression string }
	Evaluation               struct {
		Mode      string
		Admission struct{ Enabled *bool }
	}
}

func kyvernoImagePolicy(o *inventory.Object, inv *inventory.Inventory) verifier {
	var p struct{ Spec kyvernoCELSpec }
	if !decode(o, &p) || len(p.Spec.Attestors) == 0 || strings.EqualFold(p.Spec.Evaluation.Mode, "JSON") {
		return nil
	}
	return &kyvernoCEL{o, p.Spec, kyvernoException(inv, o)}
}

// verifyAll is the one form of a validation that is understood: the signature of every image of a kind of container counts.
var verifyAll = regexp.MustCompile(`^images\.(containers|initContainers|ephemeralContainers)\.map\((\w+),verifyImageSignatures\((\w+),\[attestors\.\w+(,attestors\.\w+)*\]\)\)\.all\((\w+),(\w+)>0\)$`)

func verifiesAll(expression string) bool {
	m := verifyAll.FindStringSubmatch(strings.Join(strings.Fields(expression), ""))
	return m != nil && m[2] == m[3] && m[5] == m[6]
}

func (k *kyvernoCEL) verifies(ns space, image string) verification {
	state, why := k.about(ns, image)
	return verification{state, why, k.object}
}

func (k *kyvernoCEL) about(ns space, image string) (verified, string) {
	s, m := &k.spec, k.spec.MatchConstraints
	if k.object.Namespace() != "" && k.object.Namespace() != ns.name || m == nil ||
		!slices.ContainsFunc(m.ResourceRules, func(r admissionregistrationv1.NamedRuleWithOperations) bool {
			return createsPods([]admissionregistrationv1.RuleWithOperations{r.RuleWithOperations})
		}) || selects(m.NamespaceSelector, ns.labels) == no {
		return passedBy, ""
	}
	images := no
	for _, x := range s.MatchImageReferences {
		switch {
		case x.Expression != "":
			images = max(images, perhaps)
		default:
			images = max(images, unanimous(kyvernoSpellings(image), func(s string) bool { return wildcard(x.Glob, s) }))
		}
	}
	if images == no {
		return passedBy, ""
	}
	narrow := m.ObjectSelector != nil && len(m.ObjectSelector.MatchLabels)+len(m.ObjectSelector.MatchExpressions) > 0 ||
		len(m.ExcludeResourceRules)+len(s.MatchConditions) > 0
	required := s.ValidationConfigurations.Required == nil || *s.ValidationConfigurations.Required
	switch {
	case s.Evaluation.Admission.Enabled != nil && !*s.Evaluation.Admission.Enabled:
		return watched, "does not run at admission"
	case len(s.ValidationActions) > 0 && !slices.Contains(s.ValidationActions, "Deny"):
		return watched, "only warns or audits"
	case s.FailurePolicy == "Ignore":
		return watched, "lets pods in where it fails (failurePolicy: Ignore)"
	case images == perhaps || narrow || selects(m.NamespaceSelector, ns.labels) == perhaps:
		return unclear, "matches by what is not evaluated"
	case k.excepted != nil:
		return unclear, "has exceptions in PolicyException \"" + k.excepted.Name() + "\", which are not evaluated"
	case !required || !slices.ContainsFunc(s.Validations, func(v struct{ Expression string }) bool { return verifiesAll(v.Expression) }):
		return unclear, "has validations that are not evaluated"
	}
	return held, ""
}
