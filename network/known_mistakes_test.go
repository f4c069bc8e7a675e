package network

import (
	"context"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// Objects that other evaluators of policies read wrongly, stop at or leave out.
func TestKnownMistakes(t *testing.T) {
	pod := func(name, namespace, ip, more string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: ` + namespace + `, labels: {app: ` + name + `}}, spec: {nodeName: n-` + name + `, ` + more + `containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}, {name: http-udp, containerPort: 80, protocol: UDP}]}]}, status: {podIP: "` + ip + `"}}`
	}
	np := func(spec string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: a}, spec: ` + spec + `}`
	}
	cnp := func(name, spec string) string {
		return `{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: ` + name + `}, spec: ` + spec + `}`
	}
	web, db, other := pod("web", "a", "10.0.0.1", ""), pod("db", "a", "10.0.0.2", ""), pod("other", "b", "10.0.0.3", "")
	host := pod("host", "b", "192.0.2.10", "hostNetwork: true, ")
	sidecar := `{apiVersion: v1, kind: Pod, metadata: {name: mesh, namespace: a, labels: {app: mesh}}, spec: {initContainers: [{name: s, image: i, restartPolicy: Always, ports: [{name: proxy, containerPort: 15000}]}, {name: once, image: i, ports: [{name: proxy, containerPort: 9}]}], containers: [{name: c, image: i}]}, status: {podIP: 10.0.0.9}}`
	for _, tt := range []struct {
		name     string
		docs     []string
		from, to string
		protocol Protocol
		port     uint16
		want     Reachable
	}{
		{"an IPv6 block is none of IPv4", []string{web, np(`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "::/0"}}, {ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]}`)}, "a/web", "169.254.169.254", TCP, 80, Denied},
		{"nor the other way round", []string{web, np(`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "fd00::/8"}}]}]}`)}, "a/web", "253.1.1.1", TCP, 80, Denied},
		{"an IPv6 address", []string{web, np(`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "2001:db8::/32"}}]}]}`)}, "a/web", "2001:db8::7", TCP, 80, Allowed},
		{"an exception that another rule undoes", []string{web, np(`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}, {to: [{ipBlock: {cidr: 169.254.0.0/16}}]}]}`)}, "a/web", "169.254.169.254", TCP, 80, Allowed},
		{"a named port of nobody", []string{web, np(`{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: dns, protocol: UDP}]}]}`)}, "a/web", "8.8.8.8", UDP, 53, Denied},
		{"a named port, and an address", []string{web, db, np(`{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}], to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`)}, "a/web", "8.8.8.8", TCP, 80, Denied},
		{"a name is of one protocol", []string{web, db, np(`{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: http-udp}]}]}`)}, "a/web", "a/db", UDP, 80, Denied},
		{"its own", []string{web, db, np(`{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: http-udp, protocol: UDP}]}]}`)}, "a/web", "a/db", UDP, 80, Allowed},
		{"a port of a sidecar", []string{web, sidecar, np(`{podSelector: {matchLabels: {app: mesh}}, ingress: [{ports: [{port: proxy}]}]}`)}, "a/web", "a/mesh", TCP, 15000, Allowed},
		{"and none of a container that ends", []string{web, sidecar, np(`{podSelector: {matchLabels: {app: mesh}}, ingress: [{ports: [{port: proxy}]}]}`)}, "a/web", "a/mesh", TCP, 9, Denied},
		{"pods on the host's network are not isolated", []string{host, other, `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: b}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}`}, "8.8.8.8", "b/host", TCP, 22, Allowed},
		{"no selector finds them", []string{host, db, np(`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`)}, "b/host", "a/db", TCP, 80, Denied},
		{"their node does", []string{pod("host", "b", "192.0.2.10", "hostNetwork: true, "), db, np(`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}`)}, "b/host", "a/db", TCP, 80, Allowed},
		{"a namespace has its name as a label", []string{`{apiVersion: v1, kind: Namespace, metadata: {name: b}}`, db, other, np(`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: b}}}]}]}`)}, "b/other", "a/db", TCP, 80, Allowed},
		{"and no other", []string{`{apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {kubernetes.io/metadata.name: c}}}`, db, other, np(`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: c}}}]}]}`)}, "b/other", "a/db", TCP, 80, Denied},
		{"a protocol alone is not TCP", []string{web, db, np(`{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"but all of its ports", []string{web, db, np(`{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}`)}, "a/web", "a/db", UDP, 9, Allowed},
		{"SCTP isolates TCP", []string{web, db, np(`{podSelector: {}, ingress: [{ports: [{protocol: SCTP, port: 80}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"endPort", []string{web, db, np(`{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8010}]}]}`)}, "a/web", "a/db", TCP, 8005, Allowed},
		{"a key that is missing is not among values", []string{web, db, np(`{podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: k, operator: NotIn, values: [v]}]}}]}]}`)}, "a/web", "a/db", TCP, 80, Allowed},
		{"and is not empty", []string{web, db, np(`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {k: ""}}}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"no egress rules are no type", []string{web, db, np(`{podSelector: {}, egress: []}`)}, "a/web", "8.8.8.8", TCP, 80, Allowed},
		{"egress rules without their type are inert", []string{web, db, np(`{podSelector: {}, policyTypes: [Ingress], egress: [{to: [{podSelector: {}}]}]}`)}, "a/web", "8.8.8.8", TCP, 80, Allowed},
		{"a block matches a pod's address", []string{web, db, np(`{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/24}}]}]}`)}, "a/web", "a/db", TCP, 80, Allowed},
		{"host bits and leading zeros", []string{web, db, np(`{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 010.0.0.213/24}}]}]}`)}, "a/web", "a/db", TCP, 80, Allowed},
		{"an empty peer is refused", []string{web, db, np(`{podSelector: {}, ingress: [{from: [{}]}]}`)}, "a/web", "a/db", TCP, 80, Undecided},
		{"networks hold pods too", []string{web, db, cnp("c", `{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"equal priorities that agree", []string{web, db, cnp("c", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`), cnp("d", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"equal priorities that do not", []string{web, db, cnp("c", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`), cnp("d", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{namespaces: {}}]}]}`)}, "a/web", "a/db", TCP, 80, Undecided},
		{"equal priorities on different ports", []string{web, db, cnp("c", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}]}]}`), cnp("d", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 81}}}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"a peer of a new kind accepts nobody", []string{web, db, np(`{podSelector: {}}`), cnp("c", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{moons: {}}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"and denies everybody", []string{web, db, cnp("c", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{moons: {}}]}]}`)}, "a/web", "a/db", TCP, 80, Denied},
		{"several baselines", []string{web, db, cnp("c", `{tier: Baseline, priority: 1, subject: {namespaces: {}}, ingress: [{action: Pass, from: [{pods: {podSelector: {matchLabels: {app: web}}}}]}]}`), cnp("d", `{tier: Baseline, priority: 2, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`)}, "a/web", "a/db", TCP, 80, Allowed},
		{"an older kind", []string{web, db, `{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {name: default}, spec: {subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}}`}, "a/web", "a/db", TCP, 80, Denied},
		{"and its ports", []string{web, db, np(`{podSelector: {}}`), `{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: x}, spec: {priority: 7, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}], ports: [{namedPort: http}, {portRange: {protocol: TCP, start: 90, end: 99}}]}]}}`}, "a/web", "a/db", TCP, 95, Allowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Of(context.Background(), testobj.Inventory(t, tt.docs))
			if err != nil {
				t.Fatal(err)
			}
			from, err := c.Find(tt.from)
			if err != nil {
				t.Fatal(err)
			}
			to, err := c.Find(tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := c.Evaluate(Flow{from, to, tt.protocol, tt.port}); err != nil || v.Answer != tt.want {
				t.Errorf("%s, want %s: %s (%v)", v.Answer, tt.want, v.Reason, err)
			}
		})
	}
}

// Pods that have ended are no ends: their addresses are others' by now.
func TestEndedPods(t *testing.T) {
	c, err := Of(context.Background(), testobj.Inventory(t, []string{
		`{apiVersion: v1, kind: Pod, metadata: {name: done, namespace: a}, spec: {containers: [{name: c, image: i}]}, status: {phase: Succeeded, podIP: 10.0.0.1}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: pending, namespace: a}, spec: {containers: [{name: c, image: i}]}, status: {phase: Pending}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: six, namespace: a}, spec: {containers: [{name: c, image: i}]}, status: {hostIP: "fd00::1", podIP: "fd00::2"}}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Pods()) != 2 {
		t.Errorf("%d pods", len(c.Pods()))
	}
	if end, err := c.Find("10.0.0.1"); err != nil || end.Pod != nil {
		t.Errorf("its address is %v, %v", end, err)
	}
}
