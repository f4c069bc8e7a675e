package rbac

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// bindingWorld has n bindings of n/5 subjects, most of them service accounts of n/100 namespaces, and as many roles as a
// large cluster has: some hundred cluster roles, and a Role in every namespace that is the same as elsewhere or differs in
// a name.
func bindingWorld(n int) iter.Seq[string] {
	const head = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":`
	return func(yield func(string) bool) {
		namespaces, subjects := max(n/100, 1), max(n/5, 1)
		verbs := []string{`"get"`, `"get","list","watch"`, `"create","update","patch"`, `"*"`}
		resources := []string{"pods", "configmaps", "secrets", "deployments", "pods/exec", "services", "widgets", "leases", "serviceaccounts/token", "nodes"}
		for i := range 400 {
			group := []string{"", "apps", "example.com"}[i%3]
			if !yield(fmt.Sprintf(head+`"ClusterRole","metadata":{"name":"cr-%d"},"rules":[{"apiGroups":[%q],"resources":[%q,%q],"verbs":[%s]},{"apiGroups":["example.com"],"resources":["w%d"],"verbs":["get"]}]}`,
				i, group, resources[i%10], resources[(i/10)%10], verbs[i%4], i)) {
				return
			}
		}
		for i := range namespaces {
			if !yield(fmt.Sprintf(head+`"Role","metadata":{"name":"local","namespace":"ns-%d"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","update"],"resourceNames":["lock-%d"]}]}`, i, i%7)) {
				return
			}
		}
		for s := range subjects {
			if s%10 > 1 && !yield(fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"sa-%d","namespace":"ns-%d"}}`, s, s%namespaces)) {
				return
			}
		}
		for i := range n {
			s := (i * 7919) % subjects
			subject := fmt.Sprintf(`{"kind":"ServiceAccount","namespace":"ns-%d","name":"sa-%d"}`, s%namespaces, s)
			switch s % 10 {
			case 0:
				subject = fmt.Sprintf(`{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"user-%d"}`, s)
			case 1:
				subject = fmt.Sprintf(`{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"team-%d"}`, s)
			}
			kind, meta, ref := "RoleBinding", fmt.Sprintf(`{"name":"b-%d","namespace":"ns-%d"}`, i, (i/3)%namespaces), fmt.Sprintf("cr-%d", (i*31)%400)
			refKind := "ClusterRole"
			switch {
			case i%10 == 0:
				kind, meta = "ClusterRoleBinding", fmt.Sprintf(`{"name":"b-%d"}`, i)
				ref = fmt.Sprintf("cr-%d", 6+(i*3)%3*60) // what is bound everywhere is mostly harmless
			case i%3 == 0:
				refKind, ref = "Role", "local"
			}
			if !yield(fmt.Sprintf(head+`%q,"metadata":%s,"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":%q,"name":%q},"subjects":[%s]}`, kind, meta, refKind, ref, subject)) {
				return
			}
		}
	}
}

// decoded is the inventory with the objects decoded, since that is the loader's cost.
func decoded(tb testing.TB, n int) *inventory.Inventory {
	tb.Helper()
	inv, err := inventory.Collect(context.Background(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
		for text := range bindingWorld(n) {
			o, err := inventory.NewObject(inventory.Item{JSON: []byte(text)})
			if err != nil {
				return err
			}
			c.Add(o)
		}
		c.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		tb.Fatal(err)
	}
	for range inventory.Typed[rbacv1.ClusterRoleBinding](inv) {
	}
	for range inventory.Typed[rbacv1.RoleBinding](inv) {
	}
	for range inventory.Typed[rbacv1.ClusterRole](inv) {
	}
	for range inventory.Typed[rbacv1.Role](inv) {
	}
	return inv
}

var sizes = []int{1_000, 10_000, 100_000}

func bySize(b *testing.B, run func(b *testing.B, inv *inventory.Inventory)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			inv := decoded(b, n)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, inv)
		})
	}
}

func BenchmarkAccess(b *testing.B) {
	bySize(b, func(b *testing.B, inv *inventory.Inventory) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var a *Access
		for b.Loop() {
			a = nil
			var err error
			if a, err = newAccess(context.Background(), inv); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))/(1<<20), "MiB-kept")
		runtime.KeepAlive(a)
	})
}

func BenchmarkWhoCan(b *testing.B) {
	bySize(b, func(b *testing.B, inv *inventory.Inventory) {
		a, err := AccessOf(context.Background(), inv)
		if err != nil {
			b.Fatal(err)
		}
		holders := 0
		for b.Loop() {
			holders = len(a.WhoCan(Request{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "ns-3", Name: "x"}))
		}
		b.ReportMetric(float64(holders), "holders")
	})
}

func BenchmarkAllows(b *testing.B) {
	bySize(b, func(b *testing.B, inv *inventory.Inventory) {
		a, err := AccessOf(context.Background(), inv)
		if err != nil {
			b.Fatal(err)
		}
		id := ServiceAccount("ns-3", "sa-3").Identity()
		for b.Loop() {
			a.Allows(id, Request{Verb: "create", Resource: "pods", Namespace: "ns-3"})
		}
	})
}

// BenchmarkDetections runs every check of the package, from an index that is there.
func BenchmarkDetections(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			failures := 0
			for b.Loop() {
				b.StopTimer()
				inv := decoded(b, n)
				if _, err := AccessOf(context.Background(), inv); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				r, err := nist190.Run(context.Background(), inv, Checks()...)
				if err != nil {
					b.Fatal(err)
				}
				failures = 0
				for range r.Failures(nist190.SeverityInfo) {
					failures++
				}
			}
			b.ReportMetric(float64(failures), "failures")
		})
	}
}

// BenchmarkEscalations builds the graph and asks it for everybody.
func BenchmarkEscalations(b *testing.B) {
	bySize(b, func(b *testing.B, inv *inventory.Inventory) {
		a, err := AccessOf(context.Background(), inv)
		if err != nil {
			b.Fatal(err)
		}
		ways := 0
		for b.Loop() {
			e := &Escalations{newDetector(a)}
			ways = 0
			for _, s := range a.Subjects() {
				if e.ToAdmin(s) != nil {
					ways++
				}
			}
		}
		b.ReportMetric(float64(ways), "ways")
	})
}
