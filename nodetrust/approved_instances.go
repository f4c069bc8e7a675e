package nodetrust

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

var approvedInstances = nist190.Metadata{
	ID: "nodetrust-approved-instances", Title: "Node that is no machine of the cloud's groups",
	Doc: `A node says that it is a machine which is in none of the groups whose machines are meant to be nodes: an auto-scaling group of
AWS, a managed instance group of Google, a scale set of Azure.

A machine that joined and that no group made is either leftover or an intruder with a stolen token. The groups are given as
what the clouds' command lines print: aws autoscaling describe-auto-scaling-groups, gcloud compute instance-groups managed
list-instances --format json, az vmss list-instances. Nodes are matched by spec.providerID, which the cloud controller
manager sets; nodes of another cloud than the files are not judged.

Before:

    spec: {providerID: "aws:///eu-west-1a/i-0bad"}      # in no group

After: the machine is isolated, and its Node is deleted.`,
	Claims: nist190.Claims("5a", "5c"), Controls: []string{"CM-8", "CM-8(3)", "IA-3"}, Severity: nist190.SeverityHigh,
	Remediation: "Isolate the machine, delete its Node and the tokens that it may have joined with, and find out how it joined.",
	Limits:      "The files are as old as they are. Groups that were not given count as none.",
}

// ApprovedInstances finds nodes that are in no group of the cloud.
func ApprovedInstances() nist190.Check {
	md := approvedInstances
	md.Risk, md.Since, md.Subjects = nist190.NodeTrust, "v0.1.0", []schema.GroupKind{nodeKind}
	md.Needs = []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Incriminating)}
	for _, f := range []string{format.AWSScalingGroups, format.GCEInstances, format.AzureInstances} {
		md.Needs = append(md.Needs, inventory.Need{Format: f, Bias: inventory.Alternative})
	}
	return nist190.NewCheck(md, checkApprovedInstances)
}

// approved are the machines of the groups, by the scheme of provider IDs and in one spelling.
type approved struct {
	machines map[string]map[string]bool
	at       map[string][]nist190.Evidence
}

func (a *approved) add(cloud, id string, o *inventory.Object) {
	if a.machines[cloud] == nil {
		a.machines[cloud] = map[string]bool{}
	}
	if id != "" {
		a.machines[cloud][id] = true
	}
	if len(a.at[cloud]) == 0 {
		a.at[cloud] = []nist190.Evidence{nist190.At(o)}
	}
}

var gceMachine = regexp.MustCompile(`projects/([^/]+)/zones/([^/]+)/instances/([^/]+)$`)

func approvedOf(inv *inventory.Inventory) *approved {
	a := &approved{map[string]map[string]bool{}, map[string][]nist190.Evidence{}}
	for o := range inv.ByKind(schema.GroupKind{Group: format.Group, Kind: format.AWSScalingGroups}) {
		groups, _ := o.Unstructured().Object["AutoScalingGroups"].([]any)
		a.add("aws", "", o)
		for _, g := range groups {
			group, _ := g.(map[string]any)
			instances, _ := group["Instances"].([]any)
			for _, x := range instances {
				instance, _ := x.(map[string]any)
				a.add("aws", text(instance, "InstanceId"), o)
			}
		}
	}
	for o := range inv.ByKind(schema.GroupKind{Group: format.Group, Kind: format.GCEInstances}) {
		if m := gceMachine.FindStringSubmatch(text(o.Unstructured().Object, "instance")); m != nil {
			a.add("gce", strings.Join(m[1:], "/"), o)
		}
	}
	for o := range inv.ByKind(schema.GroupKind{Group: format.Group, Kind: format.AzureInstances}) {
		a.add("azure", strings.ToLower(text(o.Unstructured().Object, "id")), o)
	}
	return a
}

// machineOf is the machine of a provider ID, spelled as in approved.
func machineOf(id string) (cloud, machine string) {
	cloud = cloudOf(id)
	rest := strings.TrimPrefix(id, cloud+"://")
	switch cloud {
	case "aws": // aws:///ZONE/ID
		rest = rest[strings.LastIndexByte(rest, '/')+1:]
	case "azure":
		rest = strings.ToLower(rest)
	}
	return cloud, rest
}

func checkApprovedInstances(_ context.Context, e *nist190.Eval) error {
	a := approvedOf(e.Inventory)
	if len(a.machines) == 0 {
		e.NotAssessed(inventory.Cluster, nist190.ReasonUnknown, "no file lists the machines of the cloud's groups")
		return nil
	}
	for o, n := range inventory.Typed[corev1.Node](e.Inventory) {
		cloud, machine := machineOf(n.Spec.ProviderID)
		at := nist190.At(o, "spec", "providerID").Showing(n.Spec.ProviderID)
		switch {
		case cloud == "" || a.machines[cloud] == nil:
			e.NotApplicable(o.Ref(), "no group of its cloud was given")
		case a.machines[cloud][machine]:
			e.Pass(o.Ref(), append([]nist190.Evidence{at}, a.at[cloud]...)...)
		default:
			e.Fail(o.Ref(), "", fmt.Sprintf("the machine that it is, %q, is in none of the groups that were given", machine), append([]nist190.Evidence{at}, a.at[cloud]...)...)
		}
	}
	return nil
}
