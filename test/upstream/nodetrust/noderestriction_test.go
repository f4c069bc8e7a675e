package nodetrust

import (
	"math/rand/v2"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	api "k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/auth/nodeidentifier"
	"k8s.io/kubernetes/plugin/pkg/admission/noderestriction"

	"github.com/nist190/nist190/internal/nodelabel"
)

// parts of label keys, put together at random.
var (
	subdomains = []string{"", "", "a.", "node.", "kubelet.", "sensitivity.", "x.node.", "not", "topology.", "failure-domain.beta.", "beta."}
	domains    = []string{
		"kubernetes.io", "k8s.io", "node-restriction.kubernetes.io", "node.kubernetes.io", "kubelet.kubernetes.io", "example.com",
		"node-role.kubernetes.io", "node-restriction.k8s.io", "kubernetes.io.example.com",
	}
	labels = []string{"hostname", "zone", "region", "instance-type", "os", "arch", "level", "pool", "node-restriction.kubernetes.io"}
)

// What a kubelet may change of its own node is what the admission plugin lets it, on registration and after.
func TestKubeletLabels(t *testing.T) {
	plugin := noderestriction.NewPlugin(nodeidentifier.NewDefaultNodeIdentifier())
	kubelet := &user.DefaultInfo{Name: "system:node:n", Groups: []string{user.NodesGroup}}
	r := rand.New(rand.NewPCG(1, 436))
	may := 0
	const tried = 3000
	for range tried {
		key := labels[r.IntN(len(labels))]
		if r.IntN(8) > 0 {
			key = subdomains[r.IntN(len(subdomains))] + domains[r.IntN(len(domains))] + "/" + key
		}
		node := func(set map[string]string) *api.Node {
			return &api.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: set}}
		}
		with, other, without := node(map[string]string{key: "a"}), node(map[string]string{key: "b"}), node(nil)
		want := nodelabel.KubeletMaySet(key)
		for _, change := range []struct {
			what      string
			operation admission.Operation
			to, from  *api.Node
		}{{"register", admission.Create, with, nil}, {"set", admission.Update, with, without}, {"change", admission.Update, with, other}, {"remove", admission.Update, without, with}} {
			kind, resource := api.Kind("Node").WithVersion("v1"), api.Resource("nodes").WithVersion("v1")
			a := admission.NewAttributesRecord(change.to, nil, kind, "", "n", resource, "", change.operation, nil, false, kubelet)
			if change.from != nil {
				a = admission.NewAttributesRecord(change.to, change.from, kind, "", "n", resource, "", change.operation, nil, false, kubelet)
			}
			if err := plugin.Admit(t.Context(), a, nil); (err == nil) != want {
				t.Errorf("%s %q: %v, want %v", change.what, key, err, want)
			}
		}
		if want {
			may++
		}
	}
	if may < tried/10 || may > tried*9/10 {
		t.Errorf("%d of %d may be set: the keys say little", may, tried)
	}
}
