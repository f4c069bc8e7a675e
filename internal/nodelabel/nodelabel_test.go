package nodelabel

import "testing"

// What NodeRestriction lets a kubelet set on its own node.
func TestKubeletMaySet(t *testing.T) {
	for key, want := range map[string]bool{
		"pool": true, "example.com/pool": true, "kubernetes.io/hostname": true, "topology.kubernetes.io/zone": true, "node.kubernetes.io/instance-type": true,
		"beta.kubernetes.io/arch": true, "foo.node.kubernetes.io/x": true, "kubelet.kubernetes.io/x": true, "x.kubelet.kubernetes.io/y": true,
		"node-restriction.kubernetes.io/level": false, "sensitivity.node-restriction.kubernetes.io/level": false, "node-role.kubernetes.io/vault": false,
		"kubernetes.io/other": false, "foo.k8s.io/x": false, "k8s.io/x": false, "notk8s.io/x": true, "notnode-restriction.kubernetes.io/x": false,
	} {
		if got := KubeletMaySet(key); got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
}
