package nodetrust

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
)

// randomCluster has few accounts and rights, so that nodes often lead to one another.
func randomCluster(r *rand.Rand) []string {
	docs := []string{
		all, role("be", "", "serviceaccounts", "impersonate"), role("read", "", "secrets", "get"), role("run", "", "pods", "create"), role("exec", "", "pods/exec", "create"),
		role("kubelet", "", "nodes/proxy", "get"),
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: one}, rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], resourceNames: [a0]}]}`,
	}
	account := func() string { return fmt.Sprintf("a%d", r.IntN(3)) }
	ns := func() string { return fmt.Sprintf("ns%d", r.IntN(4)) }
	for i := range 6 {
		name := fmt.Sprintf("n%d", i)
		if i == 0 && r.IntN(3) == 0 {
			docs = append(docs, plane(name))
		} else {
			docs = append(docs, node(name))
		}
		if r.IntN(2) == 0 { // one that can act as its node
			docs = append(docs, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: agent-%s, namespace: %s}, spec: {nodeName: %[1]s, serviceAccountName: %[3]s, containers: [{name: c, image: i, securityContext: {privileged: true}}]}}`, name, ns(), account()))
		}
		for j := range r.IntN(3) {
			docs = append(docs, pod(ns(), fmt.Sprintf("p-%s-%d", name, j), name, account()))
		}
	}
	for i := range 4 {
		docs = append(docs, namespace(fmt.Sprintf("ns%d", i), []string{"privileged", "baseline", "restricted", "baseline"}[r.IntN(4)]))
		if r.IntN(2) == 0 {
			docs = append(docs, fmt.Sprintf(`{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: token, namespace: ns%d, annotations: {kubernetes.io/service-account.name: %s}}}`, i, account()))
		}
	}
	seen := map[string]bool{}
	for range 3 + r.IntN(7) {
		role := []string{"be", "read", "run", "exec", "exec", "one", "kubelet", "all"}[r.IntN(8)]
		if b := grantIn(ns(), role, ns(), account()); role != "kubelet" && role != "all" && !seen[b] {
			seen[b], docs = true, append(docs, b)
		} else if g := grant(role, ns(), account()); r.IntN(4) == 0 && !seen[g] {
			seen[g], docs = true, append(docs, g)
		}
	}
	return docs
}

// twin is the definition, by sets that grow until nothing is new.
type twin struct {
	b        *BlastRadius
	inv      *inventory.Inventory
	nodes    map[string]bool
	accounts map[rbac.Subject]bool
	admin    bool
}

func (x *twin) all(ns string) (out []rbac.Subject) {
	for i := range 3 {
		out = append(out, rbac.ServiceAccount(ns, fmt.Sprintf("a%d", i)))
	}
	return out
}

func (x *twin) grow() (changed bool) {
	add := func(n string) {
		changed = changed || !x.nodes[n]
		x.nodes[n] = true
	}
	become := func(s rbac.Subject) {
		changed = changed || !x.accounts[s]
		x.accounts[s] = true
	}
	everyNode := func() {
		for r := range x.b.Nodes() {
			add(r.Node)
		}
	}
	for n := range x.nodes {
		r := x.b.Of(n)
		if r.ControlPlane && !x.admin {
			x.admin, changed = true, true
		}
		for _, a := range r.Accounts {
			become(a.Account)
		}
	}
	if x.admin {
		everyNode()
	}
	for s := range x.accounts {
		for _, l := range x.b.esc.Leads(s) {
			switch l.To {
			case rbac.Everything:
				changed = changed || !x.admin
				x.admin = true
			case rbac.Nodes:
				everyNode()
			case rbac.Account:
				become(l.Account)
			case rbac.Accounts:
				for _, a := range x.all(l.Namespace) {
					become(a)
				}
			case rbac.Secrets:
				for o := range x.inv.ByKind(kinds[Secret].GroupKind) {
					if l.Namespace == "" || o.Namespace() == l.Namespace {
						become(rbac.ServiceAccount(o.Namespace(), o.Annotations()["kubernetes.io/service-account.name"]))
					}
				}
			case rbac.NewPods:
				if !podSecurity(x.inv, l.Namespace) {
					everyNode()
				}
			case rbac.RunningPods:
				for r := range x.b.Nodes() {
					for _, p := range r.own.pods {
						if p.namespace == l.Namespace && p.spec.Containers[0].SecurityContext != nil {
							add(r.Node)
						}
					}
				}
			}
		}
	}
	return changed
}

func TestBlastRadiusIsItsDefinition(t *testing.T) {
	admins, reached, empty := 0, 0, 0
	for seed := range uint64(300) {
		inv := testobj.Inventory(t, randomCluster(rand.New(rand.NewPCG(seed, 435))))
		b, err := BlastRadiusOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		for r := range b.Nodes() {
			x := &twin{b: b, inv: inv, nodes: map[string]bool{r.Node: true}, accounts: map[rbac.Subject]bool{}}
			for x.grow() {
			}
			var want []string
			for n := range x.nodes {
				if n != r.Node {
					want = append(want, n)
				}
			}
			slices.Sort(want)
			if got := b.Reaches(r); !slices.Equal(got, want) || r.Admin != x.admin {
				t.Fatalf("seed %d: %s reaches %v admin %v, want %v %v", seed, r.Node, got, r.Admin, want, x.admin)
			}
			if way := b.Way(r); (len(way) > 0) != x.admin {
				t.Fatalf("seed %d: %s: way %v", seed, r.Node, way)
			}
			for other := range b.Nodes() {
				if way := b.WayTo(r, other); other != r && (len(way) > 0) != x.nodes[other.Node] {
					t.Fatalf("seed %d: %s to %s: way %v", seed, r.Node, other.Node, way)
				}
			}
			switch {
			case x.admin:
				admins++
			case len(want) > 0:
				reached++
			default:
				empty++
			}
		}
	}
	if t.Logf("%d administrators, %d reach others, %d nothing", admins, reached, empty); min(admins, reached, empty) < 50 {
		t.Errorf("the clusters say little")
	}
}

// Without the plugin kubelets may create pods of any account: each node is the cluster.
func TestWithoutNodeRestriction(t *testing.T) {
	b := radiusOf(t, []string{node("n1")}, placement.ControlPlane.Set(placement.Profile{NodeRestriction: placement.Off}))
	if r := b.Of("n1"); !r.Admin || len(b.Way(r)) != 2 || b.AudienceRestricted {
		t.Errorf("%+v", b.Of("n1"))
	}
}
