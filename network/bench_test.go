package network

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// benchWorld has namespaces of twenty applications with some pods each, and ten policies: default deny, one for each of
// eight applications, and one that lets another namespace in.
func benchWorld(namespaces, replicas int) []string {
	var out []string
	for n := range namespaces {
		out = append(out, fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n%d","labels":{"team":"t%d"}}}`, n, n%50))
		for a := range 20 {
			out = append(out, fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a%d","namespace":"n%d"},"spec":{"replicas":5,"template":{"metadata":{"labels":{"app":"a%d"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`, a, n, a))
			for p := range replicas {
				out = append(out, fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a%[1]d-%[2]d","namespace":"n%[3]d","labels":{"app":"a%[1]d","tier":"x%[4]d","pod":"p%[2]d"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"a%[1]d","uid":"u","controller":true}]},"spec":{"nodeName":"node%[5]d","containers":[{"name":"c","image":"i","ports":[{"name":"http","containerPort":%[6]d}]}]},"status":{"podIP":"10.%[7]d.%[1]d.%[8]d"}}`,
					a, p, n, a%3, (n*7+p)%500, 8080+a%2, n%250, p%100+n/250*100))
			}
		}
		policy := func(name, spec string) {
			out = append(out, fmt.Sprintf(`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":%q,"namespace":"n%d"},"spec":%s}`, name, n, spec))
		}
		policy("deny", `{"podSelector":{},"policyTypes":["Ingress","Egress"]}`)
		for a := range 8 {
			policy(fmt.Sprintf("a%d", a), fmt.Sprintf(`{"podSelector":{"matchLabels":{"app":"a%d"}},"policyTypes":["Ingress","Egress"],"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"a%d"}}}],"ports":[{"port":"http"}]}],"egress":[{"to":[{"podSelector":{"matchLabels":{"app":"a%d"}}}],"ports":[{"port":%d}]},{"to":[{"ipBlock":{"cidr":"192.0.2.%d/32"}}]}]}`, a, a+1, (a+7)%8, 8080+a%2, a))
		}
		policy("team", fmt.Sprintf(`{"podSelector":{"matchLabels":{"tier":"x0"}},"policyTypes":["Ingress","Egress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"t%d"}},"podSelector":{"matchLabels":{"tier":"x1"}}}],"ports":[{"port":8080}]}],"egress":[{"to":[{"namespaceSelector":{"matchLabels":{"team":"t%d"}}}]}]}`, (n+1)%50, n%50))
	}
	return out
}

// BenchmarkConnectivity computes everything from a decoded inventory, and lists every edge between workloads: where pods and
// policies grow together, and where only pods do.
func BenchmarkConnectivity(b *testing.B) {
	for _, size := range []struct{ namespaces, replicas int }{{10, 5}, {100, 5}, {1000, 5}, {100, 50}} {
		b.Run(fmt.Sprintf("%d-pods-%d-policies", size.namespaces*20*size.replicas, size.namespaces*10), func(b *testing.B) {
			inv := testobj.Inventory(b, benchWorld(size.namespaces, size.replicas))
			z, err := ZonesOf(context.Background(), inv) // decodes
			if err != nil {
				b.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			for b.Loop() {
				c, err := connect(context.Background(), inv, (*builder).unseenPolicies)
				if err != nil {
					b.Fatal(err)
				}
				edges := 0
				for range (&Zones{Connectivity: c, levels: z.levels}).Edges(LevelWorkload) {
					edges++
				}
				b.ReportMetric(float64(edges), "edges")
				b.ReportMetric(float64(len(c.m.classes)), "classes")
				b.ReportMetric(float64(len(c.m.groups[0])), "groups")
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.Sys)/(1<<20), "MiB-sys")
		})
	}
}
