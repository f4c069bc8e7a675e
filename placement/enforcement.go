package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var enforcement = nist190.Metadata{
	ID: "placement-enforcement", Title: "Namespace whose authors can choose the nodes of another level",
	Doc: `Whoever may create pods in the namespace of a level can have them run on nodes of another: no admission holds them.

A node selector in a manifest is the author's own choice, and taints keep no author away: a toleration of everything, or
nodeName, opens every node. What holds an author is admission that adds a node selector to every pod of the namespace,
since the kubelet checks it again, even for a pod that names its node: the plugin PodNodeSelector with the namespace's
annotation, OpenShift's node selector of a project, or a ValidatingAdmissionPolicy that demands it, in the words that
placement.Suggest writes. PodNodeSelector is off by default.

Before:

    metadata: {name: payments, labels: {nist190.dev/sensitivity: restricted}}

After:

    metadata:
      name: payments
      labels: {nist190.dev/sensitivity: restricted}
      annotations: {scheduler.alpha.kubernetes.io/node-selector: sensitivity.node-restriction.kubernetes.io/level=restricted}`,
	Claims: nist190.Claims("4a", "4b", "4e"), Controls: []string{"AC-3(3)", "CM-5"}, Severity: nist190.SeverityMedium,
	Subjects: []schema.GroupKind{inventory.NamespaceRef("").GroupKind()},
	Remediation: `Annotate the namespace and run the API server with --enable-admission-plugins=PodNodeSelector; or demand the node selector with
a ValidatingAdmissionPolicy for pods of namespaces of the level.`,
	Limits: `Medium where a higher level has workloads, low for the highest. Policies of admission (ValidatingAdmissionPolicy, Kyverno,
Gatekeeper, Capsule) that speak of node selectors in other words are recognised and not evaluated. Who may create pods is a
question of 4.3.1, and who may change the annotation rbac-namespace-write's.`,
}

// policyKinds hold policies of admission that may demand a node selector.
var policyKinds = []struct {
	schema.GroupKind
	resource string
}{
	{schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}, "validatingadmissionpolicies"},
	{schema.GroupKind{Group: "kyverno.io", Kind: "ClusterPolicy"}, "clusterpolicies"},
	{schema.GroupKind{Group: "kyverno.io", Kind: "Policy"}, "policies"},
	{schema.GroupKind{Group: "policies.kyverno.io", Kind: "ValidatingPolicy"}, "validatingpolicies"},
	{schema.GroupKind{Group: "policies.kyverno.io", Kind: "MutatingPolicy"}, "mutatingpolicies"},
	{schema.GroupKind{Group: "templates.gatekeeper.sh", Kind: "ConstraintTemplate"}, "constrainttemplates"},
	{schema.GroupKind{Group: "mutations.gatekeeper.sh", Kind: "Assign"}, "assign"},
	{schema.GroupKind{Group: "capsule.clastix.io", Kind: "Tenant"}, "tenants"},
}

func enforcementNeeds() []inventory.Need {
	needs := slices.Concat(sensitivity.Needs(), inventory.WorkloadNeeds(inventory.Either))
	for _, k := range policyKinds {
		// A policy can only hold.
		needs = append(needs, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: k.resource, Bias: inventory.Exonerating})
	}
	needs = append(needs, inventory.NeedOf[admissionregistrationv1.ValidatingAdmissionPolicyBinding](inventory.Exonerating))
	return inventory.JoinNeeds(needs, ControlPlaneNeeds())
}

// Enforcement finds namespaces in which nothing but the goodwill of authors decides on nodes.
func Enforcement() nist190.Check {
	md := enforcement
	md.Risk, md.Since, md.Needs = nist190.MixedSensitivityLevels, "v0.1.0", enforcementNeeds()
	return nist190.NewCheck(md, checkEnforcement)
}

func checkEnforcement(ctx context.Context, e *nist190.Eval) error {
	inv := e.Inventory
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return err
	}
	classes, err := sensitivity.LevelsOf(ctx, inv)
	if err != nil {
		return err
	}
	profile, err := ProfileOf(ctx, inv)
	if err != nil {
		return err
	}
	policies := selectorPolicies(inv)
	byNamespace := map[string][]*inventory.Workload{}
	levels := map[sensitivity.Level]bool{}
	highest := sensitivity.Unclassified
	for _, w := range workloads {
		byNamespace[w.Namespace()] = append(byNamespace[w.Namespace()], w)
		if l := classes.Workload(w.Ref()).Level; l > 0 {
			levels[l], highest = true, max(highest, l)
		}
	}
	for _, name := range sortedKeys(byNamespace) {
		class := classes.Namespace(name)
		if !class.Known() {
			continue
		}
		ns, ok := inv.Get(inventory.NamespaceRef("").GroupKind(), "", name)
		if !ok {
			continue
		}
		out := nist190.Outcome{Subject: inventory.NamespaceRef(name), Severity: nist190.SeverityLow}
		if class.Level < highest {
			out.Severity = nist190.SeverityMedium
		}
		level := classes.Name(class.Level)
		at := nist190.At(ns, "metadata", "name")
		if len(levels) < 2 {
			out.Status, out.Message = nist190.NotApplicable, "no workload has another level"
			e.Report(out)
			continue
		}
		on, selector, where := enforced(ns, &profile, byNamespace[name])
		if where != "" {
			at = nist190.At(ns, "metadata", "annotations", where).Showing(ns.Annotations()[where])
		}
		out.Evidence = []nist190.Evidence{at}
		held := sensitivity.Unclassified
		if len(selector) > 0 {
			values := map[string][]string{}
			for k, v := range selector {
				values[k] = []string{v}
			}
			held = classes.NodesWith(values)
		}
		by, policy := demanded(inv, classes, ns)
		switch {
		case on == On && held == class.Level:
			out.Status = nist190.Pass
		case by == class.Level:
			out.Status = nist190.Pass
			out.Evidence = []nist190.Evidence{nist190.At(ns, "metadata", "name"), nist190.At(policy, "spec", "validations")}
		case len(policies) > 0:
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = fmt.Sprintf("whether authors are held on %s nodes rests on %s, which is not evaluated", level, strings.Join(policies, ", "))
		case on != Off && held == class.Level:
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = fmt.Sprintf("its annotation holds authors on %s nodes where the admission plugin that reads it is on, which cannot be seen", level)
			out.Remediation = "Show the configuration of the API server, or attest that the plugin is on."
		default:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("whoever creates pods in namespace %q, which is %s, chooses their nodes: no admission holds them on %s nodes", name, level, level)
			switch {
			case held == class.Level:
				out.Message += "; the plugin that reads its annotation is off"
			case where != "":
				out.Message += "; its annotation selects other nodes than those of the level"
			}
			out.Remediation = fmt.Sprintf("kubectl annotate namespace %s %s=%s=%s\n\nand run the API server with --enable-admission-plugins=PodNodeSelector.\n",
				name, nodeSelectorAnnotation, classes.NodeKey(), level)
		}
		e.Report(out)
	}
	return nil
}

// enforced is the node selector that admission adds to every pod of a namespace, and whether that is known: by the
// profile, or by pods that run.
func enforced(ns *inventory.Object, p *Profile, ws []*inventory.Workload) (on Known, selector map[string]string, where string) {
	annotations := ns.Annotations()
	on, where = p.PodNodeSelector, nodeSelectorAnnotation
	if _, ok := annotations[where]; !ok {
		on, where = p.OpenShiftNodeSelector, openShiftSelectorAnnotation
	}
	if _, ok := annotations[where]; !ok {
		if p.PodNodeSelector == On || p.OpenShiftNodeSelector == On {
			return On, p.ClusterNodeSelector, ""
		}
		return Off, nil, ""
	}
	selector = selectorIn(annotations, where)
	if on != Unsaid || len(selector) == 0 {
		return on, selector, where
	}
	// A pod whose template does not ask for the selector and that has it, or has it not, shows what admission does.
	for _, w := range ws {
		for _, x := range w.Pods {
			if inventory.Terminal(x.Pod) || !wasAdmitted(x.Object, x.Pod) || isMirror(x.Object.Annotations()) {
				continue
			}
			switch {
			case !carries(x.Pod.Spec.NodeSelector, selector):
				return Off, selector, where
			case x.Object != w.Object && !carries(w.Template.Spec.NodeSelector, selector):
				on = On
			}
		}
	}
	return on, selector, where
}

// selectorPolicies names the policies of admission that speak of where pods run.
func selectorPolicies(inv *inventory.Inventory) []string {
	var out []string
	for _, k := range policyKinds {
		for o := range inv.ByKind(k.GroupKind) {
			text := string(o.JSON())
			if strings.Contains(text, "nodeSelector") || strings.Contains(text, "nodeAffinity") || strings.Contains(text, "tolerations") {
				out = append(out, fmt.Sprintf("%s %q", o.Ref().Kind, o.Name()))
			}
		}
	}
	return out
}
