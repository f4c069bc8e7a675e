package placement_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/placement"
)

// What makes nodes says with which labels and taints; open labels can have any value.
func TestPools(t *testing.T) {
	karpenter := `{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: p}, spec: {template: {
  metadata: {labels: {team: a}},
  spec: {requirements: [{key: level, operator: In, values: [restricted, public]}, {key: karpenter.k8s.aws/instance-cpu, operator: Gt, values: ['4']}, {key: arch, operator: NotIn, values: [arm]}],
    taints: [{key: dedicated, value: a, effect: NoSchedule}], startupTaints: [{key: starting, effect: NoSchedule}]}}}}`
	kubeadm := `{apiVersion: bootstrap.cluster.x-k8s.io/%s, kind: KubeadmConfigTemplate, metadata: {name: c, namespace: capi}, spec: {template: {spec: {joinConfiguration: {nodeRegistration: {
  taints: [{key: dedicated, value: a, effect: NoSchedule}], kubeletExtraArgs: %s}}}}}}`
	machines := `{apiVersion: cluster.x-k8s.io/v1beta1, kind: %s, metadata: {name: p, namespace: capi}, spec: {template: {
  metadata: {labels: {team: dropped, node-role.kubernetes.io/vault: '', level.node-restriction.kubernetes.io/l: restricted}},
  spec: {bootstrap: {configRef: {kind: KubeadmConfigTemplate, name: c}}}}}}`
	eksctl := `{apiVersion: eksctl.io/v1alpha5, kind: ClusterConfig, metadata: {name: c, namespace: x},
  nodeGroups: [{name: old, labels: {team: a}, taints: {dedicated: 'a:NoSchedule'}}],
  managedNodeGroups: [{name: p, labels: {level: restricted}, taints: [{key: dedicated, value: a, effect: NoSchedule}]}]}`
	kops := `{apiVersion: kops.k8s.io/v1alpha2, kind: InstanceGroup, metadata: {name: %s}, spec: {role: %s, nodeLabels: {level: restricted}, taints: ['dedicated=a:NoSchedule']}}`
	plane := `{apiVersion: controlplane.cluster.x-k8s.io/v1beta1, kind: KubeadmControlPlane, metadata: {name: p, namespace: capi}, spec: {kubeadmConfigSpec: {joinConfiguration: {nodeRegistration: {%s}}}}}`
	tolerates := "tolerations: [{key: dedicated, operator: Exists}]"
	for _, tt := range []struct {
		name    string
		objects []string
		spec    string
		want    string
	}{
		{"Karpenter, one value of several", []string{karpenter}, tolerates + ", nodeSelector: {level: restricted, team: a}", "NodePool/p"},
		{"Karpenter, a value that it does not make", []string{karpenter}, tolerates + ", nodeSelector: {level: internal}", ""},
		{"Karpenter, its own label", []string{karpenter}, tolerates + ", nodeSelector: {karpenter.sh/nodepool: p}", "NodePool/p"},
		{"Karpenter, another pool's", []string{karpenter}, tolerates + ", nodeSelector: {karpenter.sh/nodepool: q}", ""},
		{"Karpenter, more processors", []string{karpenter}, tolerates + ", nodeSelector: {karpenter.k8s.aws/instance-cpu: '8'}", "NodePool/p"},
		{"Karpenter, too few", []string{karpenter}, tolerates + ", nodeSelector: {karpenter.k8s.aws/instance-cpu: '4'}", ""},
		{"Karpenter, what a requirement excludes", []string{karpenter}, tolerates + ", nodeSelector: {arch: arm}", ""},
		{"Karpenter, a taint", []string{karpenter}, "", ""},
		{"Karpenter, a label of the cloud", []string{karpenter}, tolerates + ", nodeSelector: {topology.kubernetes.io/zone: eu-1}", "NodePool/p"},
		{"Karpenter, a label of nobody", []string{karpenter}, tolerates + ", nodeSelector: {colour: red}", ""},
		{"Cluster API, labels that it hands on", []string{fmt.Sprintf(machines, "MachineDeployment"), fmt.Sprintf(kubeadm, "v1beta1", "{node-labels: 'level=restricted,disk=ssd'}")}, tolerates + ", nodeSelector: {level.node-restriction.kubernetes.io/l: restricted, disk: ssd}", "MachineDeployment/p"},
		{"Cluster API, a label that it does not", []string{fmt.Sprintf(machines, "MachineDeployment"), fmt.Sprintf(kubeadm, "v1beta1", "{}")}, tolerates + ", nodeSelector: {team: dropped}", ""},
		{"Cluster API, arguments as a list", []string{fmt.Sprintf(machines, "MachinePool"), fmt.Sprintf(kubeadm, "v1beta2", "[{name: node-labels, value: disk=ssd}, {name: register-with-taints, value: 'other=b:NoExecute'}]")}, "tolerations: [{operator: Exists}], nodeSelector: {disk: ssd}", "MachinePool/p"},
		{"Cluster API, a taint of an argument", []string{fmt.Sprintf(machines, "MachinePool"), fmt.Sprintf(kubeadm, "v1beta2", "[{name: register-with-taints, value: 'other=b:NoExecute'}]")}, tolerates, ""},
		{"Cluster API, without its configuration any label may be there", []string{fmt.Sprintf(machines, "MachineDeployment")}, "nodeSelector: {disk: ssd}", "MachineDeployment/p?"},
		{"eksctl", []string{eksctl}, tolerates, "NodeGroup/old NodeGroup/p"},
		{"eksctl, a label", []string{eksctl}, tolerates + ", nodeSelector: {level: restricted}", "NodeGroup/p"},
		{"eksctl, taints", []string{eksctl}, "", ""},
		{"kops", []string{fmt.Sprintf(kops, "p", "Node")}, tolerates + ", nodeSelector: {level: restricted, kops.k8s.io/instancegroup: p}", "InstanceGroup/p"},
		{"kops, the control plane is tainted", []string{fmt.Sprintf(kops, "p", "ControlPlane")}, tolerates, ""},
		{"kops, a bastion is no node", []string{fmt.Sprintf(kops, "p", "Bastion")}, tolerates, ""},
		{"kubeadm taints the control plane", []string{fmt.Sprintf(plane, "name: x")}, "", ""},
		{"but where it is told not to", []string{fmt.Sprintf(plane, "taints: []")}, "", "KubeadmControlPlane/p"},
		{"a pool makes no node that there is", []string{karpenter, "{apiVersion: v1, kind: Node, metadata: {name: n1}}"}, tolerates + ", affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [n1]}]}]}}}", "n1"},
	} {
		f, err := placement.FeasibilityOf(context.Background(), testobj.Inventory(t, append(slices.Clone(tt.objects), deployment(tt.spec))))
		if err != nil {
			t.Fatal(err)
		}
		if got := land(f); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPoolsAreNamed(t *testing.T) {
	f := feasible(t, placement.Profile{}, "{apiVersion: kops.k8s.io/v1alpha2, kind: InstanceGroup, metadata: {name: vault}, spec: {role: Node}}", deployment(""))
	if n := f.Node("InstanceGroup/vault"); n == nil || !n.Pool || !strings.Contains(n.String(), `nodes of InstanceGroup "vault"`) {
		t.Errorf("%v", n)
	}
}
