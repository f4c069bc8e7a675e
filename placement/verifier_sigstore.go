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

// sigstore are the policies of policy-controller. It is asked in namespaces that its webhook selects; as it is installed,
// those labelled policy.sigstore.dev/include: "true" (docs.sigstore.dev/policy-controller/overview). All policies that match
// an image must let it in.
type sigstore struct {
	policies []*imagePolicy
	webhook  *admissionregistrationv1.ValidatingWebhook
}

// imagePolicy is a ClusterImagePolicy (pkg/apis/policy/v1beta1/clusterimagepolicy_types.go).
type imagePolicy struct {
	object *inventory.Object
	spec   struct {
		Images      []struct{ Glob string }
		Authorities []struct {
			Static *struct{ Action string }
		}
		Mode  string
		Match []struct {
			Resource string
			Selector *metav1.LabelSelector
		}
	}
}

var imagePolicyKind = schema.GroupKind{Group: "policy.sigstore.dev", Kind: "ClusterImagePolicy"}

const (
	sigstoreInclude = "policy.sigstore.dev/include"
	sigstoreWebhook = "policy.sigstore.dev"
)

func sigstoreOf(inv *inventory.Inventory) verifier {
	s := &sigstore{}
	for o := range inv.ByKind(imagePolicyKind) {
		if p := (&imagePolicy{object: o}); decode(o, &struct{ Spec any }{&p.spec}) {
			s.policies = append(s.policies, p)
		}
	}
	if len(s.policies) > 0 {
		s.webhook = validatingWebhook(inv, sigstoreWebhook)
	}
	return s
}

// validatingWebhook is one of a name, as its project gives it.
func validatingWebhook(inv *inventory.Inventory, name string) *admissionregistrationv1.ValidatingWebhook {
	for _, c := range inventory.Typed[admissionregistrationv1.ValidatingWebhookConfiguration](inv) {
		for i := range c.Webhooks {
			if c.Webhooks[i].Name == name {
				return &c.Webhooks[i]
			}
		}
	}
	return nil
}

func (s *sigstore) verifies(ns space, image string) verification {
	included := ns.labels[sigstoreInclude] == "true"
	if s.webhook != nil {
		sel := selector(s.webhook.NamespaceSelector)
		included = sel == nil || sel.Matches(ns.labels)
	}
	var out verification
	for _, p := range s.policies {
		if state, why := s.about(p, included, image); state > out.state {
			out = verification{state, why, p.object}
		}
	}
	if out.state == passedBy && included && len(s.policies) > 0 {
		return verification{unclear, "and the others are not about it, and what policy-controller does with images of no policy (no-match-policy) is not seen", s.policies[0].object}
	}
	return out
}

func (s *sigstore) about(p *imagePolicy, included bool, image string) (verified, string) {
	matched := no
	for _, x := range p.spec.Images {
		matched = max(matched, sigstoreGlob(x.Glob, image))
	}
	static := func(action string) bool {
		return slices.ContainsFunc(p.spec.Authorities, func(a struct{ Static *struct{ Action string } }) bool {
			return a.Static != nil && a.Static.Action == action
		})
	}
	switch {
	case matched == no:
		return passedBy, ""
	case !included:
		return watched, "is not asked: the namespace has no label " + sigstoreInclude + `: "true"`
	case p.spec.Mode == "warn":
		return watched, "only warns (mode: warn)"
	case static("pass"):
		return watched, "lets it in without a signature (static: {action: pass})"
	case s.webhook != nil && s.webhook.FailurePolicy != nil && *s.webhook.FailurePolicy == admissionregistrationv1.Ignore:
		return watched, "lets pods in where its webhook fails (failurePolicy: Ignore)"
	case s.webhook != nil && s.webhook.ObjectSelector != nil && !emptySelector(s.webhook.ObjectSelector):
		return unclear, "is asked of some pods only"
	case matched == perhaps:
		return unclear, "matches images by tag, and sees digests"
	case !p.matchesPods():
		return unclear, "is about some resources only"
	case len(p.spec.Authorities) == 0:
		return unclear, "names no authority that signs"
	}
	return held, ""
}

func emptySelector(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels)+len(s.MatchExpressions) == 0
}

// matchesPods: no list of resources is every resource.
func (p *imagePolicy) matchesPods() bool {
	if len(p.spec.Match) == 0 {
		return true
	}
	for _, m := range p.spec.Match {
		if m.Resource == "pods" && (m.Selector == nil || emptySelector(m.Selector)) {
			return true
		}
	}
	return false
}

// sigstoreGlob matches as pkg/apis/glob/glob.go does. Tags are resolved to digests before images are validated, so that
// the spelling with a digest decides, and one that only a tag matches may not.
func sigstoreGlob(glob, image string) three {
	switch glob {
	case "*":
		glob = "index.docker.io/library/*"
	case "*/*":
		glob = "index.docker.io/*/*"
	}
	text := strings.ReplaceAll(regexp.QuoteMeta(glob), `\*\*`, ".*")
	re, err := regexp.Compile("^" + strings.ReplaceAll(text, `\*`, "[^/]*") + "$")
	if err != nil {
		return no
	}
	im := inventory.ParseImage(image)
	names := []string{im.Host + "/" + im.Path}
	if im.Host == "docker.io" { // both are tried: the canonical name, and what was written
		names = []string{"index.docker.io/" + im.Path}
		written, _, _ := strings.Cut(image, "@")
		if i := strings.LastIndexByte(written, ':'); i > strings.LastIndexByte(written, '/') {
			written = written[:i]
		}
		names = append(names, written)
	}
	digest := im.Digest
	if digest == "" {
		digest = "sha256:" + strings.Repeat("0", 64)
	}
	matches := func(suffix string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return re.MatchString(n + suffix) })
	}
	switch {
	case matches("@" + digest):
		return yes
	case im.Tag != "" && matches(":"+im.Tag):
		return perhaps
	}
	return no
}
