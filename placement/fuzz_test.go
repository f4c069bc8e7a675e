package placement_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// Whatever is written in objects that make nodes, name classes or annotate namespaces, there is an answer and no panic.
func FuzzObjects(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"karpenter.sh/v1","kind":"NodePool","metadata":{"name":"p"},"spec":{"template":{"metadata":{"labels":{"a":1}},"spec":{"requirements":[{"key":"a","operator":"Gt","values":["9223372036854775807"]},3],"taints":["x",{"key":4}]}}}}`,
		`{"apiVersion":"cluster.x-k8s.io/v1beta1","kind":"MachineDeployment","metadata":{"name":"p","namespace":"n"},"spec":{"template":{"spec":{"bootstrap":{"configRef":{"kind":"KubeadmConfigTemplate","name":"p"}},"taints":{}}}}}`,
		`{"apiVersion":"bootstrap.cluster.x-k8s.io/v1beta1","kind":"KubeadmConfigTemplate","metadata":{"name":"p","namespace":"n"},"spec":{"template":{"spec":{"joinConfiguration":{"nodeRegistration":{"kubeletExtraArgs":[{"name":"node-labels","value":",=,a"},1]}}}}}}`,
		`{"apiVersion":"eksctl.io/v1alpha5","kind":"ClusterConfig","metadata":{"name":"c"},"nodeGroups":[1,{"name":null,"taints":{"a":"b"},"labels":[]}],"managedNodeGroups":{}}`,
		`{"apiVersion":"kops.k8s.io/v1alpha2","kind":"InstanceGroup","metadata":{"name":"g"},"spec":{"role":1,"taints":[null,"a=b"],"nodeLabels":null}}`,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"ns","annotations":{"scheduler.alpha.kubernetes.io/defaultTolerations":"[","scheduler.alpha.kubernetes.io/node-selector":"a=b,,c"}}}`,
		`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{"taints":[{"key":"a","effect":"x"}]}}`,
	} {
		f.Add([]byte(seed))
	}
	pod := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"ns","labels":{"sensitivity":"public"}},"spec":{"containers":[{"name":"c","image":"i"}],"nodeSelector":{"a":"b"}}}`)
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			t.Skip()
		}
		inv, err := inventory.Collect(context.Background(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
			for _, raw := range [][]byte{text, pod} {
				if o, err := inventory.NewObject(inventory.Item{JSON: raw}); err == nil {
					c.Add(o)
				}
			}
			c.CoverRest(inventory.Complete, "")
			return nil
		}), placement.ControlPlane.Set(placement.Profile{PodNodeSelector: placement.On, PodTolerationRestriction: placement.On}))
		if err != nil {
			t.Skip()
		}
		if _, err := placement.SeparationOf(context.Background(), inv); err != nil {
			t.Fatal(err)
		}
		if _, err := placement.Suggest(context.Background(), inv); err != nil {
			t.Log(err) // an object whose fields are of other types than a patch needs
		}
	})
}
