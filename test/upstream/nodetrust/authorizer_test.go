// Package nodetrust compares what a node may read with the node authorizer itself, asked through its Authorize.
package nodetrust

import (
	"context"
	"encoding/json"
	"flag"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/pkg/auth/nodeidentifier"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/node"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/nodetrust"
)

// pairs is how many pairs of a node and a thing are compared. A fiftieth of what decides is enough for a quick run.
var pairs = flag.Int("pairs", 2000, "pairs of a node and a thing to compare")

func TestGraph(t *testing.T) {
	ctx := t.Context()
	compared, allowed := 0, map[nodetrust.Kind]int{}
	for seed := uint64(0); compared < *pairs; seed++ {
		w := newWorld(seed)
		inv := collect(t, w.objects())
		g, err := nodetrust.GraphOf(ctx, inv)
		if err != nil {
			t.Fatal(err)
		}
		attached := nodetrust.AttachmentsOf(inv)
		upstream := w.authorizer()
		for _, n := range w.nodes {
			reads := map[nodetrust.Thing]bool{}
			for thing := range g.Things(n) {
				reads[thing] = true
			}
			for _, a := range attached[n] {
				reads[a] = true
			}
			for _, thing := range w.things() {
				want := allows(ctx, t, upstream, n, thing)
				if reads[thing] != want || thing.Kind != nodetrust.Attachment && g.Reads(n, thing) != want {
					t.Errorf("seed %d: %s reads %s: %v, upstream %v", seed, n, thing, reads[thing], want)
				}
				if steps := g.Explain(n, thing); thing.Kind != nodetrust.Attachment && (len(steps) > 0) != want {
					t.Errorf("seed %d: %s reads %s: %v, upstream %v", seed, n, thing, steps, want)
				}
				if want {
					allowed[thing.Kind]++
				}
				compared++
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d pairs, allowed %v", compared, allowed)
	for kind := nodetrust.Secret; kind <= nodetrust.ResourceClaim; kind++ {
		if allowed[kind] == 0 {
			t.Errorf("no node reads any %s: the worlds say little", kind)
		}
	}
}

func allows(ctx context.Context, t *testing.T, a authorizer.Authorizer, node string, thing nodetrust.Thing) bool {
	t.Helper()
	r := thing.Kind.Resource()
	ask := func(verb, subresource string) bool {
		d, _, err := a.Authorize(ctx, authorizer.AttributesRecord{
			User: &user.DefaultInfo{Name: "system:node:" + node, Groups: []string{user.NodesGroup, user.AllAuthenticated}},
			Verb: verb, APIGroup: r.Group, Resource: r.Resource, Subresource: subresource, Namespace: thing.Namespace, Name: thing.Name, ResourceRequest: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return d == authorizer.DecisionAllow
	}
	if thing.Kind != nodetrust.ServiceAccount {
		return ask("get", "")
	}
	mints, gets := ask("create", "token"), ask("get", "")
	if mints != gets {
		t.Errorf("%s of %s: a token %v, itself %v", node, thing, mints, gets)
	}
	return mints
}

// authorizer gives the objects to the graph as the populator does: pods once they have a node.
func (w *world) authorizer() authorizer.Authorizer {
	g := node.NewGraph()
	for _, o := range w.shuffled {
		switch o := o.(type) {
		case *corev1.Pod:
			if o.Spec.NodeName != "" {
				g.AddPod(o)
			}
		case *corev1.PersistentVolume:
			g.AddPV(o)
		case *storagev1.VolumeAttachment:
			g.AddVolumeAttachment(o.Name, o.Spec.NodeName)
		}
	}
	return node.NewAuthorizer(g, nodeidentifier.NewDefaultNodeIdentifier(), bootstrappolicy.NodeRules())
}

func collect(t *testing.T, objects []runtime.Object) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
		for _, o := range objects {
			gvk, _ := inventory.KindOf(o)
			o.GetObjectKind().SetGroupVersionKind(gvk)
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			object, err := inventory.NewObject(inventory.Item{JSON: text, Strength: inventory.Observed})
			if err != nil {
				return err
			}
			c.Add(object)
		}
		c.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}
