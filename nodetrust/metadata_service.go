package nodetrust

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var metadataService = nist190.Metadata{
	ID: "nodetrust-metadata-service", Title: "Nodes whose cloud identity pods can take",
	Doc: `What makes nodes lets their pods ask the metadata service of AWS for the credentials of the instance: the first version of
the service answers every request, or the second lets its answers travel further than the node itself.

Every pod of the node then has the role of the node, which can read images, attach disks and addresses and, where it joins
clusters, be the node. A request by a flaw of an application (SSRF) is enough for the first version. With tokens required
and one hop, only the node and pods of its network can ask.

What is not written is what the tool does by itself: eksctl leaves it to pods (disablePodIMDS: false), Karpenter requires
tokens and, in v1, allows one hop. What Cluster API for AWS and kops do has changed between their versions: of these only
what is written is judged.

Before:

    managedNodeGroups: [{name: web}]

After:

    managedNodeGroups: [{name: web, disableIMDSv1: true, disablePodIMDS: true}]`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-6", "SC-7", "IA-5"}, Severity: nist190.SeverityMedium,
	Remediation: `Require tokens and allow one hop, and give the pods that need the cloud an identity of their own (IRSA, EKS Pod Identity). Pods of
the node's network keep the access: keep them few.`,
	Limits: "Instances that were made otherwise, launch templates, and clouds other than AWS. What policies let through is network-metadata-egress's.",
}

// metadataKinds make nodes of AWS: where the options are, and what holds where nothing is written.
var metadataKinds = []struct {
	schema.GroupKind
	resource string
	path     []string
	tokens   string // by default
	hops     int64
}{
	{schema.GroupKind{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass"}, "ec2nodeclasses", []string{"spec", "metadataOptions"}, "required", 1},
	{schema.GroupKind{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSMachineTemplate"}, "awsmachinetemplates", []string{"spec", "template", "spec", "instanceMetadataOptions"}, "", 0},
	{schema.GroupKind{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSMachinePool"}, "awsmachinepools", []string{"spec", "awsLaunchTemplate", "instanceMetadataOptions"}, "", 0},
	{schema.GroupKind{Group: "kops.k8s.io", Kind: "InstanceGroup"}, "instancegroups", []string{"spec", "instanceMetadata"}, "", 0},
}

var eksctlConfig = schema.GroupKind{Group: "eksctl.io", Kind: "ClusterConfig"}

// MetadataService finds nodes whose pods can have the credentials of the instance.
func MetadataService() nist190.Check {
	md := metadataService
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	for _, k := range metadataKinds {
		md.Subjects = append(md.Subjects, k.GroupKind)
		md.Needs = append(md.Needs, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: k.resource})
	}
	md.Subjects = append(md.Subjects, eksctlConfig)
	md.Needs = append(md.Needs, inventory.Need{Group: eksctlConfig.Group, Kind: eksctlConfig.Kind, Resource: "clusterconfigs"})
	return nist190.NewCheck(md, checkMetadataService)
}

func checkMetadataService(_ context.Context, e *nist190.Eval) error {
	for _, k := range metadataKinds {
		for o := range e.Inventory.ByKind(k.GroupKind) {
			tree := o.Unstructured().Object
			path := make([]any, len(k.path))
			for i, key := range k.path {
				tree, _ = tree[key].(map[string]any)
				path[i] = key
			}
			tokens, hops := k.tokens, k.hops
			if o.APIVersion() != "karpenter.k8s.aws/v1" {
				hops = 0 // two in versions before
			}
			at := nist190.At(o, path...)
			if s, ok := tree["httpTokens"].(string); ok {
				tokens = s
			}
			if n, ok := tree["httpPutResponseHopLimit"].(int64); ok {
				hops = n
			}
			out := nist190.Outcome{Status: nist190.Pass, Subject: o.Ref(), Evidence: []nist190.Evidence{at}}
			switch {
			case tokens == "optional":
				out.Status = nist190.Fail
				out.Message = "its nodes answer requests for the credentials of the instance without a token (httpTokens: optional)"
			case hops > 1:
				out.Status = nist190.Fail
				out.Message = fmt.Sprintf("its nodes let pods have the credentials of the instance (httpPutResponseHopLimit: %d)", hops)
			case tokens == "" || hops == 0:
				out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
				out.Message = fmt.Sprintf("%s is not written in full, and what holds then depends on the version of the tool", strings.Join(k.path, "."))
			}
			e.Report(out)
		}
	}
	for o := range e.Inventory.ByKind(eksctlConfig) {
		found := false
		for _, field := range []string{"nodeGroups", "managedNodeGroups"} {
			groups, _ := o.Unstructured().Object[field].([]any)
			for i, x := range groups {
				g, _ := x.(map[string]any)
				name, _ := g["name"].(string)
				v1, _ := g["disableIMDSv1"].(bool)
				_, said := g["disableIMDSv1"]
				pods, _ := g["disablePodIMDS"].(bool)
				out := nist190.Outcome{Status: nist190.Pass, Subject: o.Ref(), Key: field + " " + name, Evidence: []nist190.Evidence{nist190.At(o, field, i)}}
				switch {
				case !pods:
					out.Status = nist190.Fail
					out.Message = fmt.Sprintf("node group %q lets pods have the credentials of the instance: disablePodIMDS is not true", name)
				case said && !v1:
					out.Status = nist190.Fail
					out.Message = fmt.Sprintf("node group %q answers requests for the credentials of the instance without a token: disableIMDSv1 is false", name)
				}
				found = true
				e.Report(out)
			}
		}
		if !found {
			e.NotApplicable(o.Ref(), "it has no node groups")
		}
	}
	return nil
}
