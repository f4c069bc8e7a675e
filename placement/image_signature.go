package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var imageSignature = nist190.Metadata{
	ID: "placement-image-signature", Title: "Sensitive namespace in which admission verifies no signatures of images",
	Doc: `Pods of a namespace whose workloads have the highest sensitivity level, or one that the configuration names, are admitted
whoever made their images.

A signature says that an image comes from those who may make images of its level; it only helps where pods without one are
refused (SP 800-190 section 4.1.5). Read are Kyverno's rules verifyImages and ImageValidatingPolicies, the
ClusterImagePolicies of sigstore's policy-controller, and constraints of Gatekeeper that ask Ratify. A policy that audits or
warns, that lets pods in when it fails, that leaves the namespace out or whose patterns do not match the images, holds
nobody. GKE's Binary Authorization and the plugin ImagePolicyWebhook are recognised; what they decide is elsewhere.

Before:

    kind: ClusterPolicy
    spec: {validationFailureAction: Audit, rules: [{verifyImages: [{imageReferences: ["registry.example.com/*"]}]}]}

After:

    kind: ClusterPolicy
    spec: {rules: [{verifyImages: [{failureAction: Enforce, imageReferences: ["registry.example.com/*"], attestors: [...]}]}]}`,
	Claims: nist190.Claims("4d"), Controls: []string{"CM-14", "SI-7(15)", "SR-11"}, Severity: nist190.SeverityMedium, Advisory: true,
	Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0", Subjects: []schema.GroupKind{inventory.NamespaceRef("").GroupKind()},
	Remediation: `Verify the signatures of all images of the namespace at admission, and refuse pods without one: enforce instead of audit, fail
closed, and match every image.`,
	Limits: `From which level on is set by images.signedFrom of the configuration. Whether a policy's engine runs, and whose keys it trusts, is
not seen; conditions and expressions of policies are not evaluated, but for the documented form of an ImageValidatingPolicy's
validation. Other verifiers (Connaisseur, Portieris, Kubewarden, OpenShift's ClusterImagePolicy, policy.json of nodes) are not
recognised.`,
}

func signatureNeeds() []inventory.Need {
	needs := slices.Concat(sensitivity.Needs(), inventory.WorkloadNeeds(inventory.Incriminating))
	for _, k := range verifierKinds {
		// A policy can only hold.
		needs = append(needs, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: k.resource, Bias: inventory.Exonerating})
	}
	// An exception can only let in. Which webhooks there are says whether policies are asked.
	needs = append(needs, inventory.Need{Group: kyvernoExceptionKind.Group, Kind: kyvernoExceptionKind.Kind, Resource: "policyexceptions", Bias: inventory.Incriminating}.IfRead(),
		inventory.Need{Group: kyvernoCELExceptionKind.Group, Kind: kyvernoCELExceptionKind.Kind, Resource: "policyexceptions", Bias: inventory.Incriminating}.IfRead(),
		inventory.NeedOf[admissionregistrationv1.ValidatingWebhookConfiguration](inventory.Either).IfRead())
	return inventory.JoinNeeds(needs, ControlPlaneNeeds())
}

// ImageSignature finds sensitive namespaces whose pods are admitted whoever made their images.
func ImageSignature() nist190.Check {
	md := imageSignature
	md.Needs = signatureNeeds()
	return nist190.NewCheck(md, checkImageSignature)
}

func checkImageSignature(ctx context.Context, e *nist190.Eval) error {
	var lowest sensitivity.Level
	byNamespace := map[string][]*inventory.Workload{}
	var all *sensitivity.Levels
	err := eachOfLevel(ctx, e, func(w *inventory.Workload, level sensitivity.Level, levels *sensitivity.Levels) {
		if all == nil {
			all, lowest = levels, from(levels, Images.Get(e.Inventory).SignedFrom)
		}
		if level >= lowest {
			byNamespace[w.Namespace()] = append(byNamespace[w.Namespace()], w)
		}
	})
	if err != nil || len(byNamespace) == 0 {
		return err
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	elsewhere, evidence := verifiedElsewhere(view)
	policies := verifiersOf(e.Inventory)
	for _, name := range sortedKeys(byNamespace) {
		out := judgeSignatures(all, byNamespace[name], spaceOf(e.Inventory, name), policies)
		out.Subject = inventory.NamespaceRef(name)
		if o, ok := e.Inventory.Lookup(out.Subject); ok {
			out.Evidence = slices.Insert(out.Evidence, 0, nist190.At(o, "metadata", "name"))
		}
		if out.Status == nist190.Fail && elsewhere != "" {
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = elsewhere
			out.Evidence = append(out.Evidence, evidence...)
		}
		e.Report(out)
	}
	return nil
}

func judgeSignatures(levels *sensitivity.Levels, ws []*inventory.Workload, ns space, policies []verifier) nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Pass}
	highest := sensitivity.Unclassified
	total := 0
	seen := map[string]bool{}
	lacking := map[verified][]string{}
	worst := map[verified]verification{}
	var at []nist190.Evidence
	for _, w := range ws {
		highest = max(highest, levels.Workload(w.Ref()).Level)
		for _, u := range distinctImages(w) {
			if seen[u.ref] {
				continue
			}
			seen[u.ref] = true
			total++
			v := best(policies, ns, u.ref)
			if v.policy != nil && len(at) < maxEvidence {
				at = appendPlace(at, nist190.At(v.policy, "metadata", "name"))
			}
			if v.state == held {
				continue
			}
			lacking[v.state] = append(lacking[v.state], fmt.Sprintf("%q", u.ref))
			worst[v.state] = v
			if len(at) < maxEvidence {
				at = append(at, nist190.Place(u.at()).Showing(u.ref))
			}
		}
	}
	out.Evidence = at
	loose := len(lacking[passedBy]) + len(lacking[watched])
	of := func(n int) string {
		all := phrase.Count(total, "image") + " of its " + levels.Name(highest) + " workloads"
		switch {
		case total == 1:
			return "the" + strings.TrimPrefix(all, "1")
		case n == total:
			return "all " + all
		}
		return fmt.Sprintf("%d of the %s", n, all)
	}
	switch {
	case loose > 0:
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("%s can run without a valid signature: %s", of(loose), phrase.Shorten(slices.Concat(lacking[watched], lacking[passedBy])))
		if len(lacking[watched]) > 0 {
			out.Message += "; " + worst[watched].String()
		}
	case len(lacking[unclear]) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("%s may run without a valid signature: %s; %s", of(len(lacking[unclear])), phrase.Shorten(lacking[unclear]), worst[unclear])
		out.Remediation = "Look at the policy, and attest that it holds these images; or write it in a form that is evaluated."
	}
	return out
}

// appendPlace adds evidence that is not there yet.
func appendPlace(all []nist190.Evidence, ev nist190.Evidence) []nist190.Evidence {
	if slices.ContainsFunc(all, func(x nist190.Evidence) bool { return x.Ref == ev.Ref && x.Path == ev.Path }) {
		return all
	}
	return append(all, ev)
}

// verifiedElsewhere: images are looked at by what shows no policy among the objects.
func verifiedElsewhere(view *controlplane.View) (why string, at []nist190.Evidence) {
	if v := view.APIServer().AdmissionPlugin("ImagePolicyWebhook"); v.OK() && v.Value {
		return "the admission plugin ImagePolicyWebhook is on, and who answers it decides which images run", basisEvidence(v.Basis)
	}
	m, ok := view.Managed()
	if !ok {
		return "", nil
	}
	if c, ok := m.Cluster(); ok && c.ImageVerification.Known && c.ImageVerification.V {
		place := c.ImageVerification.Place
		if place.Object != nil {
			at = append(at, nist190.At(place.Object, place.Path...))
		}
		return "Binary Authorization is on, and its policy, which is not in the description of the cluster, decides which images run", at
	}
	return "", nil
}

func basisEvidence(b controlplane.Basis) []nist190.Evidence {
	if len(b.Places) == 0 || b.Places[0].Object == nil {
		return nil
	}
	return []nist190.Evidence{nist190.At(b.Places[0].Object, b.Places[0].Path...)}
}
