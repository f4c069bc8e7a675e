package manifest

import (
	"regexp"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
)

var (
	gceInstanceLink = regexp.MustCompile(`^https://[a-z]+\.googleapis\.com/compute/[a-z0-9]+/projects/[^/]+/zones/[^/]+/instances/([^/]+)$`)
	azureInstanceID = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachineScaleSets/([^/]+)/virtualMachines/([^/]+)$`)
)

// scalingGroups: aws autoscaling describe-auto-scaling-groups
// (docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html).
func scalingGroups(_ string, m mapping) (part, bool) {
	if !m.isList("autoScalingGroups") || !m.only("autoScalingGroups") {
		return part{}, false
	}
	for _, g := range rawjson.Elements(m.raw("autoScalingGroups")) {
		group := mapping{}
		for k, v := range rawjson.Members(g) {
			group[k] = v
		}
		if group.str("autoScalingGroupName") == "" || !group.isList("instances") {
			return part{}, false
		}
	}
	return part{format: format.AWSScalingGroups}, true
}

// gceInstance: an element of gcloud compute instance-groups managed list-instances, the ManagedInstance of
// cloud.google.com/compute/docs/reference/rest.
func gceInstance(_ string, m mapping) (part, bool) {
	found := gceInstanceLink.FindStringSubmatch(rawjson.String(m["instance"]))
	if found == nil || m["currentAction"] == nil && m["instanceStatus"] == nil {
		return part{}, false
	}
	return part{format: format.GCEInstances, name: found[1]}, true
}

// azureInstance: an element of az vmss list-instances.
func azureInstance(_ string, m mapping) (part, bool) {
	found := azureInstanceID.FindStringSubmatch(rawjson.String(m["id"]))
	if found == nil || m["instanceId"] == nil {
		return part{}, false
	}
	return part{format: format.AzureInstances, name: found[1] + "/" + found[2]}, true
}
