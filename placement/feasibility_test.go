package placement_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// cluster is four nodes: plain, tainted for secrets, cordoned, and one of the control plane.
var cluster = []string{
	"{apiVersion: v1, kind: Node, metadata: {name: a, labels: {kubernetes.io/hostname: a, level: public, zone: east}}}",
	"{apiVersion: v1, kind: Node, metadata: {name: b, labels: {kubernetes.io/hostname: b, level: restricted, zone: west}}, spec: {taints: [{key: level, value: restricted, effect: NoSchedule}]}}",
	"{apiVersion: v1, kind: Node, metadata: {name: c, labels: {kubernetes.io/hostname: c, level: public}}, spec: {unschedulable: true, taints: [{key: node.kubernetes.io/unschedulable, effect: NoSchedule}]}}",
	"{apiVersion: v1, kind: Node, metadata: {name: d, labels: {level: restricted}}, spec: {taints: [{key: level, value: restricted, effect: NoExecute}]}}",
}

func feasible(t *testing.T, profile placement.Profile, objects ...string) *placement.Feasibility {
	t.Helper()
	f, err := placement.FeasibilityOf(context.Background(), testobj.Inventory(t, slices.Concat(cluster, objects), placement.ControlPlane.Set(profile)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// land writes the nodes that the only workload can land on, "?" after those of which it is not known.
func land(f *placement.Feasibility) string {
	var out []string
	for n, a := range f.Placements()[0].Nodes(f) {
		name := n.Name
		if a == placement.Undetermined {
			name += "?"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func deployment(spec string) string {
	return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w, namespace: ns}, spec: {template: {metadata: {labels: {app: w}}, spec: {containers: [{name: c, image: i}], " + spec + "}}}}"
}

func statefulSet(spec string) string {
	return strings.Replace(strings.Replace(deployment(spec), "Deployment", "StatefulSet", 1), "spec: {template", "spec: {volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: zonal}}], template", 1)
}

func daemonSet(spec string) string {
	return strings.Replace(deployment(spec), "Deployment", "DaemonSet", 1)
}

const (
	selected    = "{apiVersion: v1, kind: Namespace, metadata: {name: ns, annotations: {scheduler.alpha.kubernetes.io/node-selector: level=restricted}}}"
	tolerant    = `{apiVersion: v1, kind: Namespace, metadata: {name: ns, annotations: {scheduler.alpha.kubernetes.io/defaultTolerations: '[{"key":"level","operator":"Exists"}]'}}}`
	whitelisted = `{apiVersion: v1, kind: Namespace, metadata: {name: ns, annotations: {scheduler.alpha.kubernetes.io/tolerationsWhitelist: '[{"key":"other","operator":"Exists"}]'}}}`
	openshift   = "{apiVersion: v1, kind: Namespace, metadata: {name: ns, annotations: {openshift.io/node-selector: level=restricted}}}"
	gvisor      = "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: gvisor}, handler: runsc, scheduling: {nodeSelector: {zone: west}, tolerations: [{key: level, operator: Exists}]}}"
	webhook     = "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: hook}, webhooks: [{name: %s, admissionReviewVersions: [v1], sideEffects: None, clientConfig: {url: 'https://x'}, namespaceSelector: {matchLabels: {inject: 'yes'}}, rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}]}"
	injected    = "{apiVersion: v1, kind: Namespace, metadata: {name: ns, labels: {inject: 'yes'}}}"
	volume      = "{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {claimRef: {namespace: ns, name: data}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [east]}]}]}}}}"
	claim       = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: ns}, spec: {volumeName: pv}}"
	unbound     = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: ns}, spec: {storageClassName: zonal}}"
	zonal       = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: zonal}, provisioner: csi.example.com, volumeBindingMode: WaitForFirstConsumer, allowedTopologies: [{matchLabelExpressions: [{key: zone, values: [east]}]}]}"
	mounts      = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]"
)

func TestWhereWorkloadsLand(t *testing.T) {
	toAll := "tolerations: [{operator: Exists}]"
	for _, tt := range []struct {
		name    string
		profile placement.Profile
		objects []string
		want    string
	}{
		{"a cordon passes", placement.Profile{}, []string{deployment("")}, "a c"},
		{"the cordon counts now", placement.Profile{Now: true}, []string{deployment("")}, "a"},
		{"tolerating one effect", placement.Profile{}, []string{deployment("tolerations: [{key: level, value: restricted, effect: NoSchedule}]")}, "a b c"},
		{"tolerating everything", placement.Profile{}, []string{deployment(toAll)}, "a b c d"},
		{"selector and toleration", placement.Profile{}, []string{deployment(toAll + ", nodeSelector: {level: restricted}")}, "b d"},
		{"nodeName: the kubelet checks taints that evict", placement.Profile{}, []string{deployment("nodeName: b")}, "b"},
		{"nodeName, NoExecute", placement.Profile{}, []string{deployment("nodeName: d")}, ""},
		{"nodeName and a selector", placement.Profile{}, []string{deployment("nodeName: b, nodeSelector: {level: public}")}, ""},
		{"a static pod asks nobody", placement.Profile{}, []string{"{apiVersion: v1, kind: Pod, metadata: {name: w, namespace: ns, annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: d, containers: [{name: c, image: i}]}}"}, "d"},
		{"a scheduler that nobody knows", placement.Profile{}, []string{deployment("schedulerName: mine")}, "a b c"},
		{"a scheduler that is known", placement.Profile{Schedulers: []placement.Scheduler{{Name: "mine"}}}, []string{deployment("schedulerName: mine")}, "a c"},
		{"a scheduler without taints", placement.Profile{Schedulers: []placement.Scheduler{{Name: "mine", Disabled: []string{"TaintToleration"}}}}, []string{deployment("schedulerName: mine")}, "a b c"},
		{"a scheduler without affinity: the kubelet's is left", placement.Profile{Schedulers: []placement.Scheduler{{Name: "mine", Disabled: []string{"NodeAffinity"}}}}, []string{deployment("schedulerName: mine, nodeSelector: {zone: east}")}, "a"},
		{"a DaemonSet", placement.Profile{Now: true}, []string{daemonSet("")}, "a c"},
		{"the namespace's selector, nobody knows", placement.Profile{}, []string{selected, deployment(toAll)}, "a? b c? d"},
		{"the namespace's selector, on", placement.Profile{PodNodeSelector: placement.On}, []string{selected, deployment(toAll)}, "b d"},
		{"the namespace's selector, off", placement.Profile{PodNodeSelector: placement.Off}, []string{selected, deployment(toAll)}, "a b c d"},
		{"the namespace's selector conflicts", placement.Profile{PodNodeSelector: placement.On}, []string{selected, deployment(toAll + ", nodeSelector: {level: public}")}, ""},
		{"the cluster's selector", placement.Profile{PodNodeSelector: placement.On, ClusterNodeSelector: map[string]string{"zone": "west"}}, []string{deployment(toAll)}, "b"},
		{"OpenShift's selector", placement.Profile{OpenShiftNodeSelector: placement.On}, []string{openshift, deployment(toAll)}, "b d"},
		{"the namespace's tolerations, nobody knows", placement.Profile{}, []string{tolerant, deployment("")}, "a b? c d?"},
		{"the namespace's tolerations, on", placement.Profile{PodTolerationRestriction: placement.On}, []string{tolerant, deployment("")}, "a b c d"},
		{"the namespace's tolerations, off", placement.Profile{PodTolerationRestriction: placement.Off}, []string{tolerant, deployment("")}, "a c"},
		{"a toleration that is not allowed", placement.Profile{PodTolerationRestriction: placement.On}, []string{whitelisted, deployment(toAll)}, ""},
		{"a RuntimeClass", placement.Profile{}, []string{gvisor, deployment("runtimeClassName: gvisor")}, "b"},
		{"a RuntimeClass that conflicts", placement.Profile{}, []string{gvisor, deployment("runtimeClassName: gvisor, nodeSelector: {zone: east}")}, ""},
		{"a RuntimeClass that was not seen", placement.Profile{}, []string{deployment("runtimeClassName: kata, nodeSelector: {level: restricted}")}, "b? d?"},
		{"a webhook", placement.Profile{}, []string{strings.Replace(webhook, "%s", "mutate.example.com", 1), injected, deployment("")}, "a? b? c? d?"},
		{"a webhook of another namespace", placement.Profile{}, []string{strings.Replace(webhook, "%s", "mutate.example.com", 1), selected, deployment(toAll)}, "a? b c? d"},
		{"a webhook that leaves placement alone", placement.Profile{}, []string{strings.Replace(webhook, "%s", "object.sidecar-injector.istio.io", 1), injected, deployment("")}, "a c"},
		{"a webhook that is said to", placement.Profile{HarmlessWebhooks: []string{"mutate.example.com"}}, []string{strings.Replace(webhook, "%s", "mutate.example.com", 1), injected, deployment("")}, "a c"},
		{"a bound volume", placement.Profile{}, []string{volume, claim, deployment(toAll + ", " + mounts)}, "a"},
		{"a volume that was not seen", placement.Profile{}, []string{claim, deployment(mounts)}, "a c"},
		{"an unbound volume", placement.Profile{}, []string{zonal, unbound, deployment(toAll + ", " + mounts)}, "a"},
		{"a free volume of the class, anywhere", placement.Profile{}, []string{zonal, unbound, "{apiVersion: v1, kind: PersistentVolume, metadata: {name: free}, spec: {storageClassName: zonal}}", deployment(toAll + ", " + mounts)}, "a b c d"},
		{"claims that a StatefulSet will make", placement.Profile{}, []string{zonal, statefulSet(toAll)}, "a"},
		{"claims that it has made", placement.Profile{}, []string{zonal, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-w-0, namespace: ns}}", statefulSet(toAll)}, "a b c d"},
		{"its own operating system", placement.Profile{}, []string{"{apiVersion: v1, kind: Node, metadata: {name: w1, labels: {kubernetes.io/os: windows}}}", "{apiVersion: v1, kind: Node, metadata: {name: l1, labels: {kubernetes.io/os: linux}}}", deployment("os: {name: windows}")}, "a c w1"},
		{"the old label of a zone", placement.Profile{}, []string{
			"{apiVersion: v1, kind: Node, metadata: {name: z, labels: {topology.kubernetes.io/zone: eu-1}}}", "{apiVersion: v1, kind: Node, metadata: {name: yy, labels: {topology.kubernetes.io/zone: eu-2}}}",
			"{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv, labels: {failure-domain.beta.kubernetes.io/zone: eu-1__eu-3}}, spec: {claimRef: {namespace: ns, name: data}}}", claim, deployment(mounts)}, "a c z"},
		{"a topology key", placement.Profile{}, []string{deployment(toAll + ", topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]")}, "a b"},
		{"a soft topology key", placement.Profile{}, []string{deployment(toAll + ", topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]")}, "a b c d"},
		{"affinity to pods", placement.Profile{}, []string{deployment(toAll + ", affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {}}]}}")}, "a b c"},
		{"the name of the host", placement.Profile{}, []string{deployment(toAll + ", nodeSelector: {kubernetes.io/hostname: b}")}, "b"},
		{"not that host", placement.Profile{}, []string{deployment(toAll + ", affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [b]}]}]}}}")}, "a c d"},
		{"any of a zone or not that host", placement.Profile{}, []string{deployment(toAll + ", affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [none]}]}, {matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [a]}]}]}}}")}, "b c d"},
		{"one host or any of a zone", placement.Profile{}, []string{deployment(toAll + ", affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [b]}]}, {matchExpressions: [{key: zone, operator: In, values: [east]}]}]}}}")}, "a b"},
	} {
		if got := land(feasible(t, tt.profile, tt.objects...)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		profile placement.Profile
		spec    string
		node    string
		want    string
	}{
		{placement.Profile{}, "", "a", "can"},
		{placement.Profile{}, "", "b", "cannot: TaintToleration: node(s) had untolerated taint(s) (level=restricted:NoSchedule)"},
		{placement.Profile{}, "nodeSelector: {level: restricted}", "a", "cannot: NodeAffinity: node(s) didn't match Pod's node affinity/selector"},
		{placement.Profile{}, "nodeName: b", "a", "cannot: kubelet: node(s) didn't match the requested node name"},
		{placement.Profile{}, "nodeName: d", "d", "cannot: kubelet: node(s) had taints that the pod didn't tolerate (level=restricted:NoExecute)"},
		{placement.Profile{}, "", "c", "can; at this moment NodeUnschedulable: node(s) were unschedulable, which passes and is not counted"},
		{placement.Profile{Now: true}, "", "c", "cannot: NodeUnschedulable: node(s) were unschedulable"},
		{placement.Profile{}, "runtimeClassName: kata", "a", `unknown: admission: RuntimeClass "kata" was not seen; RuntimeClass "kata" was not seen`},
		{placement.Profile{Schedulers: []placement.Scheduler{{Name: "default-scheduler", AddedAffinity: added(t)}}}, "", "c", "cannot: NodeAffinity: node(s) didn't match scheduler-enforced node affinity"},
		{placement.Profile{}, "topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]", "a", "cannot: PodTopologySpread: node(s) didn't match pod topology spread constraints (missing required label)"},
	} {
		f := feasible(t, tt.profile, deployment(tt.spec))
		p, err := f.Find("", "ns", "w")
		if err != nil {
			t.Fatal(err)
		}
		e := f.Explain(p, f.Node(tt.node))
		if got := e.String(); got != tt.want {
			t.Errorf("{%s} on %s: %s\nwant %s", tt.spec, tt.node, got, tt.want)
		}
	}
}

// Pods that run show what admission added; one that nobody owns stays where it is.
func TestPodsThatRun(t *testing.T) {
	rs := "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: w, namespace: ns, uid: u}, spec: {template: {metadata: {labels: {app: w}}, spec: {containers: [{name: c, image: i}], tolerations: [{operator: Exists}]}}}}"
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: w-1, namespace: ns, uid: p, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: w, uid: u, controller: true}]}, spec: {nodeName: b, nodeSelector: {level: restricted}, containers: [{name: c, image: i}], tolerations: [{operator: Exists}]}, status: {phase: Running}}"
	if got := land(feasible(t, placement.Profile{}, selected, rs, pod)); got != "b d" {
		t.Errorf("with the namespace's selector: %q", got)
	}
	f := feasible(t, placement.Profile{PodNodeSelector: placement.Off}, rs, pod)
	for name, want := range map[string]string{"w": "can", "w-1": "cannot: NodeAffinity: node(s) didn't match Pod's node affinity/selector"} {
		p, err := f.Find("", "ns", name)
		if err != nil {
			t.Fatal(err)
		}
		if e := f.Explain(p, f.Node("a")); e.String() != want {
			t.Errorf("%s: %s", name, &e)
		}
	}
	plain := strings.Replace(pod, "nodeSelector: {level: restricted}, ", "", 1)
	if got := land(feasible(t, placement.Profile{}, selected, rs, plain)); got != "a b c d" {
		t.Errorf("a pod without it: %q", got)
	}
	hook := strings.Replace(webhook, "%s", "mutate.example.com", 1)
	if got := land(feasible(t, placement.Profile{}, hook, injected, rs, plain)); got != "a b c d" {
		t.Errorf("a webhook that changed nothing: %q", got)
	}
	bare := "{apiVersion: v1, kind: Pod, metadata: {name: w, namespace: ns, uid: p}, spec: {nodeName: b, containers: [{name: c, image: i}]}, status: {phase: Running}}"
	if got := land(feasible(t, placement.Profile{}, bare)); got != "b" {
		t.Errorf("a bare pod: %q", got)
	}
	owned := strings.Replace(bare, "uid: p", "uid: p, ownerReferences: [{apiVersion: x.example.com/v1, kind: Job, name: j, uid: j, controller: true}]", 1)
	if got := land(feasible(t, placement.Profile{}, owned)); got != "a c" {
		t.Errorf("a pod of another controller: %q", got)
	}
}

// A Job that has ended makes no more pods.
func TestFinishedJob(t *testing.T) {
	job := "{apiVersion: batch/v1, kind: Job, metadata: {name: w, namespace: ns}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}, status: {conditions: [{type: %s, status: 'True'}]}}"
	for condition, want := range map[string]string{"Complete": "", "Failed": "", "Suspended": "a c"} {
		if got := land(feasible(t, placement.Profile{}, strings.Replace(job, "%s", condition, 1))); got != want {
			t.Errorf("%s: %q, want %q", condition, got, want)
		}
	}
}

func TestNeedsAreComplete(t *testing.T) {
	inv, reads := testobj.Inventory(t, append(slices.Clone(cluster), deployment(mounts), claim, volume, gvisor)).Record()
	if _, err := placement.FeasibilityOf(context.Background(), inv); err != nil {
		t.Fatal(err)
	}
	for _, gk := range reads.Kinds() {
		if !slices.ContainsFunc(placement.Needs(), func(n inventory.Need) bool { return inventory.CanonicalGroupKind(n.GroupKind()) == gk }) {
			t.Errorf("%s is read and not declared", gk)
		}
	}
}

func added(t *testing.T) *corev1.NodeSelector {
	t.Helper()
	return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpExists}},
	}}}
}
