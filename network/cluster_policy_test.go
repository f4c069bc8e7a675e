package network

import "testing"

func anp(name, spec string) string {
	return `{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: ` + name + `}, spec: {` + spec + `}}`
}

func banp(spec string) string {
	return `{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {name: default}, spec: {` + spec + `}}`
}

// What made a difference between the kernel and its twin, once.
func TestClusterPolicies(t *testing.T) {
	const all = "subject: {namespaces: {}}, "
	const nodes = "not every Node that the policy may select"
	runEngine(t, []engineCase{
		{name: "nodes are no pods", docs: []string{anp("a", all+`priority: 1, egress: [{action: Deny, to: [{nodes: {}}]}]`)}, wants: []string{
			"data/db > data/job 80 allowed", "data/db > data/agent 80 unknown", "data/db > 8.8.8.8 80 unknown",
		}, notes: nodes},
		{name: "beside peers that are not known", docs: []string{anp("a", all+`priority: 1, egress: [{action: Allow, to: [{domainNames: [x.com]}, {networks: [8.8.0.0/16]}]}]`), denyAllData}, wants: []string{
			"data/db > 8.8.8.8 80 allowed", "data/db > 9.9.9.9 80 unknown",
		}, notes: "domain names"},
		{name: "named port of a node", docs: []string{`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: data, name: p}, spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}}`}, wants: []string{
			"data/db > shop/web 8080 allowed", "data/db > data/agent 8080 denied",
		}},
		{name: "other protocols where a pod may be isolated", docs: []string{
			`{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: data, name: d}, spec: {template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: i}]}}}}`,
			`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: data, name: p}, spec: {podSelector: {matchLabels: {pod-template-hash: x}}}}`,
			banp(all + `ingress: [{action: Deny, from: [{namespaces: {}}]}]`),
		}, wants: []string{"shop/web > data/d 80 denied", "shop/web > data/d OTHER:1 unknown"}},
		{name: "equal priorities that agree, and others", docs: []string{
			anp("a", all+`priority: 1, ingress: [{action: Deny, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}]}]`),
			anp("b", all+`priority: 1, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: a}}}], ports: [{portNumber: {port: 80}}]}, {action: Allow, from: [{namespaces: {matchLabels: {team: a}}}]}]`),
		}, wants: []string{"shop/web > data/db 80 denied", "shop/web > data/db 81 unknown", "shop/api > data/db 80 denied", "shop/api > data/db 81 allowed"}},
		{name: "equal priorities of which one passes", docs: []string{
			anp("a", all+`priority: 1, ingress: [{action: Allow, from: [{namespaces: {}}]}]`), anp("b", all+`priority: 1, ingress: [{action: Pass, from: [{namespaces: {}}]}]`), denyAllData,
		}, wants: []string{"shop/web > shop/api 80 allowed", "shop/web > data/db 80 unknown"}},
		{name: "unknown peers", docs: []string{anp("a", all+`priority: 1, ingress: [{action: Allow, from: [{stars: {}}]}]`), banp(all + `ingress: [{action: Deny, from: [{stars: {}}]}]`)}, wants: []string{
			"shop/web > data/db 80 denied", "8.8.8.8 > data/db 80 denied",
		}, notes: "stars"},
		{name: "unknown peers that pass", docs: []string{anp("a", all+`priority: 1, ingress: [{action: Pass, from: [{stars: {}}], ports: [{portNumber: {port: 80}}]}]`)}, wants: []string{
			"shop/web > data/db 80 denied", "shop/web > data/db 81 unknown",
		}, notes: "stars"},
		{name: "unknown peers beside others", docs: []string{anp("a", all+`priority: 1, ingress: [{action: Allow, from: [{stars: {}}, {namespaces: {matchLabels: {team: a}}}]}]`), denyAllData}, wants: []string{
			"shop/web > data/db 80 unknown", "data/job > data/db 80 denied",
		}, notes: "stars"},
		{name: "no CIDR", docs: []string{anp("a", all+`priority: 1, egress: [{action: Deny, to: [{networks: [x]}, {namespaces: {matchLabels: {team: b}}}]}]`)}, wants: []string{
			"data/db > data/job 80 unknown", "data/db > 8.8.8.8 80 allowed",
		}, notes: "refuses the policy"},
		{name: "unknown action", docs: []string{anp("a", all+`priority: 1, ingress: [{action: Dance, from: [{namespaces: {}}]}]`), denyAllData}, wants: []string{
			"shop/web > data/db 80 unknown", "shop/web > shop/api 80 unknown",
		}, notes: "Dance"},
		{name: "unknown protocol", docs: []string{anp("a", all+`priority: 1, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{tides: {}}, {tcp: {destinationPort: {number: 80}}}]}]`)}, wants: []string{
			"shop/web > data/db 80 denied", "shop/web > data/db 81 unknown", "8.8.8.8 > data/db 81 allowed",
		}, notes: "tides"},
		{name: "an empty list of ports", docs: []string{anp("a", all+`priority: 1, ingress: [{action: Deny, from: [{namespaces: {}}], ports: []}]`)}, wants: []string{"shop/web > data/db 80 unknown"}, notes: "empty list of ports"},
	})
}
