// Package placement compares where pods can land with the scheduler's own filter plugins, the kubelet's admission and the
// controller of DaemonSets.
package placement

import (
	"context"
	"encoding/json"
	"flag"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/parallelize"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/interpodaffinity"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeaffinity"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodename"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeunschedulable"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/podtopologyspread"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/tainttoleration"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumebinding"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumezone"
	"k8s.io/kubernetes/pkg/scheduler/metrics"

	utilfeature "k8s.io/apiserver/pkg/util/feature"

	"github.com/nist190/nist190/placement"
)

// pairs is how many pairs of a pod and a node are compared. A fiftieth of what decides is enough for a quick run.
var pairs = flag.Int("pairs", 4000, "pairs of a pod and a node to compare")

// regressions are the seeds of worlds in which a difference was found once.
var regressions = []uint64{13, 39}

func TestFeasibility(t *testing.T) {
	ctx := klog.NewContext(t.Context(), klog.New(nil)) // upstream logs what it cannot parse
	seeds := append([]uint64{}, regressions...)
	for seed := range uint64((*pairs + nodesPerWorld*podsPerWorld - 1) / (nodesPerWorld * podsPerWorld)) {
		seeds = append(seeds, seed)
	}
	landed, compared := 0, 0
	reasons := map[string]int{}
	for _, seed := range seeds {
		w := newWorld(seed)
		featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.TaintTolerationComparisonOperators, w.compare)
		f, err := w.feasibility(ctx)
		if err != nil {
			t.Fatal(err)
		}
		s := newScheduler(ctx, t, w)
		nodes := map[string]*placement.Node{}
		for _, n := range f.Nodes() {
			nodes[n.Name] = n
		}
		for _, p := range w.pods {
			of, err := f.Find("Pod", namespace, p.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range w.nodes {
				reason, want := s.fits(ctx, p, n)
				got := of.On(nodes[n.Name])
				if (got == placement.Can) != want || got == placement.Undetermined {
					spec, _ := json.Marshal(p.Spec)
					node, _ := json.Marshal(n)
					t.Errorf("seed %d: %s on %s: %s, upstream %v (%s)\n%s\n%s", seed, p.Name, n.Name, got, want, reason, spec, node)
				}
				if !want {
					e := f.Explain(of, nodes[n.Name])
					// VolumeBinding gives every reason that it has.
					if e.Refusal == nil || e.Refusal.Reason != reason && !strings.HasPrefix(reason, e.Refusal.Reason+", ") {
						t.Errorf("seed %d: %s on %s: %s, upstream says %q", seed, p.Name, n.Name, &e, reason)
					}
				} else {
					landed++
				}
				compared++
				reasons[reason]++
			}
		}
		for _, d := range w.daemons {
			of, err := f.Find("DaemonSet", namespace, d.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range w.nodes {
				want, _ := daemon.NodeShouldRunDaemonPod(klog.FromContext(ctx), n, d)
				// A cordon is a taint as well, which the node controller adds.
				if got := of.On(nodes[n.Name]); d.Spec.Template.Spec.NodeName == "" && (got == placement.Can) != want {
					t.Errorf("seed %d: DaemonSet %s on %s: %s, upstream %v", seed, d.Name, n.Name, got, want)
				}
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d pairs, %d land: %v", compared, landed, reasons)
	if landed < compared/20 || landed > compared*19/20 {
		t.Errorf("%d of %d land: the worlds say little", landed, compared)
	}
}

// scheduler runs the filter plugins as the framework does: PreFilter once for a pod, then Filter for a node, in the
// order of the default configuration, until one refuses.
type scheduler struct {
	plugins  []fwk.FilterPlugin
	compare  bool
	snapshot fwk.SharedLister
}

// handle is what the plugins ask of the framework.
type handle struct {
	fwk.Handle
	client   kubernetes.Interface
	factory  informers.SharedInformerFactory
	snapshot fwk.SharedLister
}

func (h *handle) ClientSet() kubernetes.Interface                        { return h.client }
func (h *handle) SharedInformerFactory() informers.SharedInformerFactory { return h.factory }
func (h *handle) SnapshotSharedLister() fwk.SharedLister                 { return h.snapshot }
func (h *handle) Parallelizer() fwk.Parallelizer                         { return parallelize.NewParallelizer(1) }

func newScheduler(ctx context.Context, t *testing.T, w *world) *scheduler {
	t.Helper()
	metrics.Register() // the plugins count what they do
	client := fake.NewClientset(w.storage()...)
	h := &handle{client: client, factory: informers.NewSharedInformerFactory(client, 0), snapshot: cache.NewSnapshot(nil, w.nodes)}
	fts := feature.Features{EnableTaintTolerationComparisonOperators: w.compare}
	s := &scheduler{compare: w.compare, snapshot: h.snapshot}
	add := func(p fwk.Plugin, err error) {
		if err != nil {
			t.Fatal(err)
		}
		s.plugins = append(s.plugins, p.(fwk.FilterPlugin))
	}
	add(nodename.New(ctx, nil, h, fts))
	add(nodeunschedulable.New(ctx, nil, h, fts))
	add(tainttoleration.New(ctx, nil, h, fts))
	add(nodeaffinity.New(ctx, &config.NodeAffinityArgs{}, h, fts))
	add(volumebinding.New(ctx, &config.VolumeBindingArgs{BindTimeoutSeconds: 600}, h, fts))
	add(volumezone.New(ctx, nil, h, fts))
	// Without pods these two ask for the keys of their topologies alone.
	add(podtopologyspread.New(ctx, &config.PodTopologySpreadArgs{DefaultingType: config.ListDefaulting}, h, fts))
	add(interpodaffinity.New(ctx, &config.InterPodAffinityArgs{}, h, fts))
	h.factory.Start(ctx.Done())
	h.factory.WaitForCacheSync(ctx.Done())
	return s
}

// The kubelet's words for what the scheduler refuses in others.
const kubeletTaints = tainttoleration.ErrReasonNotMatch

func (s *scheduler) fits(ctx context.Context, pod *corev1.Pod, node *corev1.Node) (reason string, ok bool) {
	info := framework.NewNodeInfo()
	info.SetNode(node)
	plugins := s.plugins
	if pod.Spec.NodeName != "" {
		plugins = []fwk.FilterPlugin{s.plugins[0], s.plugins[3]} // pkg/scheduler AdmissionCheck, which the kubelet calls
	}
	all, err := s.snapshot.NodeInfos().List()
	if err != nil {
		return err.Error(), false
	}
	for _, p := range plugins {
		state := framework.NewCycleState()
		if pre, ok := p.(fwk.PreFilterPlugin); ok {
			result, status := pre.PreFilter(ctx, state, pod, all)
			switch {
			case status.IsSkip():
				continue
			case !status.IsSuccess() && p.Name() == nodeaffinity.Name:
				return nodeaffinity.ErrReasonPod, false // PreFilter has words of its own for terms that conflict
			case !status.IsSuccess():
				return status.Message(), false
			case result != nil && !result.AllNodes() && !result.NodeNames.Has(node.Name) && p.Name() == nodeaffinity.Name:
				return nodeaffinity.ErrReasonPod, false
			}
		}
		if status := p.Filter(ctx, state, pod, info); !status.IsSuccess() {
			return status.Message(), false
		}
	}
	if pod.Spec.NodeName != "" {
		_, untolerated := v1helper.FindMatchingUntoleratedTaint(klog.FromContext(ctx), node.Spec.Taints, pod.Spec.Tolerations,
			func(t *corev1.Taint) bool { return t.Effect == corev1.TaintEffectNoExecute }, s.compare)
		if untolerated {
			return kubeletTaints, false
		}
	}
	return "", true
}
