package network

import networkingv1 "k8s.io/api/networking/v1"

// assignedLabels are what controllers add to the pods that they make from a template, with values that a manifest does
// not tell: a selector that looks at one cannot be decided over the template.
var assignedLabels = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid",
	"batch.kubernetes.io/job-completion-index", "job-name", "controller-uid",
}

type flow struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func rulesOf(spec *networkingv1.NetworkPolicySpec, d networkingv1.PolicyType) []flow {
	var out []flow
	if d == networkingv1.PolicyTypeIngress {
		for _, r := range spec.Ingress {
			out = append(out, flow{r.From, r.Ports})
		}
		return out
	}
	for _, r := range spec.Egress {
		out = append(out, flow{r.To, r.Ports})
	}
	return out
}
