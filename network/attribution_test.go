package network

import (
	"context"
	"fmt"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

func TestJudge(t *testing.T) {
	pod := func(name, labels, more string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: a, labels: {%s}}, spec: {nodeName: one, containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}%s}`, name, labels, more)
	}
	inv := testobj.Inventory(t, []string{
		pod("web", "app: web", ", status: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}]}"),
		pod("db", "app: db", ", status: {podIP: 10.1.0.2, podIPs: [{ip: 10.1.0.2}]}"),
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: peers, namespace: a}, spec: {replicas: 2, template: {metadata: {labels: {app: peers}}, spec: {containers: [{name: c, image: i}]}}}}`,
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: blue, namespace: a}, spec: {replicas: 1, template: {metadata: {labels: {app: api, colour: blue}}, spec: {containers: [{name: c, image: i}]}}}}`,
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: green, namespace: a}, spec: {replicas: 1, template: {metadata: {labels: {app: api, colour: green}}, spec: {containers: [{name: c, image: i}]}}}}`,
		`{apiVersion: v1, kind: Service, metadata: {name: database, namespace: a}, spec: {type: NodePort, clusterIP: 10.96.0.5, clusterIPs: [10.96.0.5, "fd00:96::5"], externalIPs: [203.0.113.5], selector: {app: db}, ports: [{name: sql, port: 80, nodePort: 30080, targetPort: sql}, {name: web, port: 81}]}, status: {loadBalancer: {ingress: [{ip: 198.51.100.5}]}}}`,
		`{apiVersion: v1, kind: Service, metadata: {name: api, namespace: a}, spec: {clusterIP: 10.96.0.6, selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}}`,
		`{apiVersion: v1, kind: Service, metadata: {name: legacy, namespace: a}, spec: {clusterIP: 10.96.0.7, ports: [{name: x, port: 80}]}}`,
		`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: l, namespace: a, labels: {kubernetes.io/service-name: legacy}}, addressType: IPv4, ports: [{name: x, port: 8080}], endpoints: [{addresses: [192.0.2.9]}]}`,
		`{apiVersion: v1, kind: Service, metadata: {name: far, namespace: a}, spec: {type: ExternalName, externalName: db.example.com}}`,
		`{apiVersion: v1, kind: Node, metadata: {name: one}, status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}}`,
		`{apiVersion: v1, kind: Node, metadata: {name: two}, status: {addresses: [{type: InternalIP, address: 10.0.0.2}]}}`,
		`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: db, namespace: a}, spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}}`,
		`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: blue, namespace: a}, spec: {podSelector: {matchLabels: {colour: blue}}, ingress: []}}`,
		`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: peers, namespace: a}, spec: {podSelector: {matchLabels: {app: peers}}, ingress: []}}`,
	})
	z, err := ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	a := z.Attribution(inv)
	const passed, dropped = "it passed, and the policies deny it", "it was dropped, and the policies allow it"
	for _, tt := range []struct {
		name string
		o    Observation
		want string // workload, port, Service and verdict, or the error
		odd  string
	}{
		{"allowed", Observation{From: "a/web", To: "a/db", Port: 5432}, `db 5432  allowed`, ""},
		{"denied and dropped", Observation{From: "a/web", To: "a/db", Port: 22, Dropped: true}, `db 22  denied`, ""},
		{"denied and passed", Observation{From: "a/web", To: "a/db", Port: 22}, `db 22  denied`, passed},
		{"allowed and dropped", Observation{From: "a/web", To: "a/db", Port: 5432, Dropped: true}, `db 5432  allowed`, dropped},
		{"by address", Observation{From: "10.1.0.1", To: "::ffff:10.1.0.2", Port: 5432}, `db 5432  allowed`, ""},
		{"the pod rather than the workload", Observation{From: "a/gone", FromPod: "a/web", To: "a/other", ToPod: "a/db", Port: 5432}, `db 5432  allowed`, ""},
		{"a pod that is gone, of a workload", Observation{From: "a/web", FromPod: "a/web-old", To: "a/db", ToPod: "a/db-old", Port: 5432}, `db 5432  allowed`, ""},
		{"nobody", Observation{From: "a/nobody", To: "a/db", Port: 5432}, `"a/nobody": there is no such pod or workload`, ""},
		{"the address of a Service", Observation{From: "a/web", To: "10.96.0.5", Port: 80}, `db 5432 a/database allowed`, ""},
		{"its other address", Observation{From: "a/web", To: "fd00:96::5", Port: 80}, `db 5432 a/database allowed`, ""},
		{"another port of it", Observation{From: "a/web", To: "10.96.0.5", Port: 81}, `db 81 a/database denied`, passed},
		{"none of its ports", Observation{From: "a/web", To: "10.96.0.5", Port: 82}, `"a/database" is a Service that leads to nothing known on TCP 82`, ""},
		{"none of its protocols", Observation{From: "a/web", To: "10.96.0.5", Protocol: UDP, Port: 80}, `"a/database" is a Service that leads to nothing known on UDP 80`, ""},
		{"a port after translation", Observation{From: "a/web", To: "10.96.0.5", Port: 5432}, `db 5432 a/database allowed`, ""},
		{"its load balancer", Observation{From: "203.0.113.9", To: "198.51.100.5", Port: 80}, `db 5432 a/database denied`, passed},
		{"an external address of it", Observation{From: "a/web", To: "203.0.113.5", Port: 80}, `db 5432 a/database allowed`, ""},
		{"its port on a node", Observation{From: "a/web", To: "10.0.0.2", Port: 30080}, `db 5432 a/database allowed`, ""},
		{"that port elsewhere", Observation{From: "a/web", To: "10.9.0.2", Port: 30080}, ` 30080  allowed`, ""},
		{"its name", Observation{From: "a/web", To: "a/database", Port: 80}, `db 5432 a/database allowed`, ""},
		{"its name in DNS", Observation{From: "a/web", To: "database.a.svc.cluster.local", Port: 80}, `db 5432 a/database allowed`, ""},
		{"as the observer says", Observation{From: "a/web", To: "10.96.9.9", ToService: "a/database", Port: 80}, `db 5432 a/database allowed`, ""},
		{"one of several behind it", Observation{From: "a/web", To: "10.96.0.6", Port: 80}, `green 8080 a/api allowed`, ""},
		{"dropped, by one of several", Observation{From: "a/web", To: "10.96.0.6", Port: 80, Dropped: true}, `blue 8080 a/api denied`, ""},
		{"endpoints that somebody wrote", Observation{From: "a/web", To: "10.96.0.7", Port: 80}, ` 8080 a/legacy allowed`, ""},
		{"a host elsewhere", Observation{From: "a/web", To: "a/far", Port: 80}, ` 80 a/far allowed`, ""},
		{"replicas of one workload", Observation{From: "a/peers", To: "a/peers", Port: 80}, `peers 80  denied`, passed},
		{"a pod to itself", Observation{From: "a/db", To: "a/db", Port: 80}, `db 80  allowed`, ""},
		{"the pod's own node", Observation{From: "10.0.0.1", To: "a/db", Port: 8080}, `db 8080  allowed`, ""},
		{"another node", Observation{From: "10.0.0.2", To: "a/db", Port: 8080}, `db 8080  denied`, passed},
		{"a node that may be its own", Observation{From: "10.0.0.2", To: "a/blue", Port: 8080}, `blue 8080  unknown`, ""},
		{"a word", Observation{From: "a/web", To: "db", Port: 80}, `"db": want NAMESPACE/NAME, an address or the name of a host`, ""},
	} {
		j := a.Judge(tt.o)
		got := fmt.Sprint(j.Err)
		if j.Err == nil {
			name := ""
			if j.Destination.Pod != nil {
				name = j.Destination.Pod.Workload.Ref().Name
			}
			got = fmt.Sprintf("%s %d %s %s", name, j.PodPort, j.Via, j.Verdict.Answer)
		}
		if got != tt.want || j.Unexpected != tt.odd {
			t.Errorf("%s: got %q (%s)", tt.name, got, j.Unexpected)
		}
	}

	required := a.RequiredBy([]Observation{
		{From: "a/web", To: "10.96.0.5", Port: 80}, {From: "a/web", To: "10.96.0.6", Port: 80}, {From: "a/web", To: "192.0.2.1", Port: 443},
		{From: "a/web", To: "a/db", Port: 1, Dropped: true}, {From: "a/gone", To: "a/db", Port: 1}, {From: "192.0.2.1", To: "192.0.2.2", Port: 1},
	})
	var got []string
	for _, r := range required {
		to := r.To.Addr.String()
		if r.To.Pod != nil {
			to = r.To.Pod.Workload.Ref().Name
		}
		got = append(got, fmt.Sprintf("%s %s (%s)", to, r.Ports, r.Why))
	}
	if fmt.Sprint(got) != `[db TCP 5432 (observed, to Service "a/database") blue TCP 8080 (observed, to Service "a/api") green TCP 8080 (observed, to Service "a/api") 192.0.2.1 TCP 443 (observed)]` {
		t.Errorf("required: %q", got)
	}
}
