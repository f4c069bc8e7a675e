package placement

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"
	api "k8s.io/kubernetes/pkg/apis/core"
	apiv1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/plugin/pkg/admission/podnodeselector"
	"k8s.io/kubernetes/plugin/pkg/admission/podtolerationrestriction"
	podtolerations "k8s.io/kubernetes/plugin/pkg/admission/podtolerationrestriction/apis/podtolerationrestriction"
	"k8s.io/kubernetes/plugin/pkg/admission/runtimeclass"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// templated is a world of templates, which admission has before it, with the objects that its plugins read.
type templated struct {
	*world
	namespaces []*corev1.Namespace
	classes    []*nodev1.RuntimeClass
	templates  []*appsv1.Deployment
	selectors  map[string]string // the plugin's file
	defaults   []corev1.Toleration
	whitelist  []corev1.Toleration
}

func tolerations(r *rand.Rand, most int) []corev1.Toleration {
	var out []corev1.Toleration
	for range r.IntN(most + 1) {
		t := corev1.Toleration{Key: pick(r, []string{"a", "b", "example.com/c"}), Operator: pick(r, []corev1.TolerationOperator{"Equal", "Exists", "Exists", ""}), Effect: pick(r, effects)}
		if t.Operator != corev1.TolerationOpExists {
			t.Value = pick(r, []string{"x", "y"})
		}
		if r.IntN(4) == 0 {
			seconds := int64(r.IntN(3))
			t.Effect, t.TolerationSeconds = corev1.TaintEffectNoExecute, &seconds
		}
		if r.IntN(8) == 0 {
			t = corev1.Toleration{Operator: corev1.TolerationOpExists}
		}
		out = append(out, t)
	}
	return out
}

func labelSet(r *rand.Rand, most int) map[string]string {
	out := map[string]string{}
	for range r.IntN(most + 1) {
		out[pick(r, []string{"a", "b", "example.com/c"})] = pick(r, []string{"x", "y"})
	}
	return out
}

func newTemplated(seed uint64) *templated {
	r := rand.New(rand.NewPCG(seed, 438))
	w := &templated{world: newWorld(seed), selectors: map[string]string{}, defaults: tolerations(r, 1)}
	w.pods, w.daemons = nil, nil
	for _, n := range w.nodes {
		for k, v := range labelSet(r, 3) {
			n.Labels[k] = v
		}
	}
	if r.IntN(3) == 0 {
		w.selectors["clusterDefaultNodeSelector"] = labels.FormatLabels(labelSet(r, 1))
	}
	if w.selectors["clusterDefaultNodeSelector"] == "<none>" {
		delete(w.selectors, "clusterDefaultNodeSelector")
	}
	if r.IntN(4) == 0 {
		w.whitelist = append(tolerations(r, 3), corev1.Toleration{Key: "a", Operator: corev1.TolerationOpExists})
	}
	text := func(ts []corev1.Toleration) string {
		if ts == nil {
			return ""
		}
		b, _ := json.Marshal(ts)
		return string(b)
	}
	for i := range 4 {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("ns%d", i), Annotations: map[string]string{}}}
		if set := labelSet(r, 1); len(set) > 0 && r.IntN(2) == 0 {
			ns.Annotations["scheduler.alpha.kubernetes.io/node-selector"] = labels.FormatLabels(set)
		}
		if r.IntN(2) == 0 {
			ns.Annotations["scheduler.alpha.kubernetes.io/defaultTolerations"] = text(tolerations(r, 2))
		}
		if r.IntN(3) == 0 {
			ns.Annotations["scheduler.alpha.kubernetes.io/tolerationsWhitelist"] = text(append(tolerations(r, 3), tolerations(r, 3)...))
		}
		if set := labelSet(r, 3); len(set) > 0 && r.IntN(3) == 0 {
			w.selectors[ns.Name] = labels.FormatLabels(set)
		}
		w.namespaces = append(w.namespaces, ns)
	}
	for i := range 3 {
		rc := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("rc%d", i)}, Handler: "runc"}
		if i > 0 {
			rc.Scheduling = &nodev1.Scheduling{NodeSelector: labelSet(r, 2), Tolerations: tolerations(r, 2)}
		}
		w.classes = append(w.classes, rc)
	}
	for i := range 50 {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("d%d", i), Namespace: pick(r, w.namespaces).Name}}
		d.Spec.Template.Spec = corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}, NodeSelector: labelSet(r, 1), Tolerations: tolerations(r, 2)}
		if r.IntN(2) == 0 {
			d.Spec.Template.Spec.RuntimeClassName = &pick(r, w.classes).Name
		}
		w.templates = append(w.templates, d)
	}
	return w
}

func (w *templated) objects() []runtime.Object {
	var out []runtime.Object
	for _, o := range w.nodes {
		out = append(out, o)
	}
	for _, o := range w.namespaces {
		out = append(out, o)
	}
	for _, o := range w.classes {
		out = append(out, o)
	}
	for _, o := range w.templates {
		out = append(out, o)
	}
	return out
}

func (w *templated) profile() placement.Profile {
	p := placement.Profile{
		Now: true, PodNodeSelector: placement.On, PodTolerationRestriction: placement.On, ComparisonOperators: placement.Off, OpenShiftNodeSelector: placement.Off,
		DefaultTolerations: w.defaults, TolerationWhitelist: w.whitelist, NamespaceNodeSelectors: map[string]map[string]string{},
	}
	for name, text := range w.selectors {
		set, _ := labels.ConvertSelectorToLabelsMap(text)
		if name == "clusterDefaultNodeSelector" {
			p.ClusterNodeSelector = set
		} else {
			p.NamespaceNodeSelectors[name] = set
		}
	}
	return p
}

// plugins are the API server's, in its order.
type plugins struct {
	mutating   []admission.MutationInterface
	validating []admission.ValidationInterface
}

func internal(ts []corev1.Toleration) []api.Toleration {
	var out []api.Toleration
	for i := range ts {
		var t api.Toleration
		_ = apiv1.Convert_v1_Toleration_To_core_Toleration(&ts[i], &t, nil) // it has no errors
		out = append(out, t)
	}
	return out
}

func newPlugins(ctx context.Context, w *templated) *plugins {
	var objects []runtime.Object
	for _, o := range w.namespaces {
		objects = append(objects, o)
	}
	for _, o := range w.classes {
		objects = append(objects, o)
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	selector := podnodeselector.NewPodNodeSelector(w.selectors)
	restriction := podtolerationrestriction.NewPodTolerationsPlugin(&podtolerations.Configuration{Default: internal(w.defaults), Whitelist: internal(w.whitelist)})
	class := runtimeclass.NewRuntimeClass()
	selector.SetExternalKubeInformerFactory(factory)
	selector.SetExternalKubeClientSet(client)
	restriction.SetExternalKubeInformerFactory(factory)
	restriction.SetExternalKubeClientSet(client)
	class.SetExternalKubeInformerFactory(factory)
	class.SetExternalKubeClientSet(client)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return &plugins{[]admission.MutationInterface{selector, restriction, class}, []admission.ValidationInterface{selector, restriction, class}}
}

// admit is the pod that comes out of admission; an error where it is refused.
func (p *plugins) admit(ctx context.Context, namespace string, spec *corev1.PodSpec) (*corev1.Pod, error) {
	in := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: namespace}, Spec: *spec.DeepCopy()}
	var pod api.Pod
	if err := apiv1.Convert_v1_Pod_To_core_Pod(in, &pod, nil); err != nil {
		return nil, err
	}
	attributes := admission.NewAttributesRecord(&pod, nil, api.Kind("Pod").WithVersion("version"), namespace, "p", api.Resource("pods").WithVersion("version"), "", admission.Create, &metav1.CreateOptions{}, false, nil)
	for _, m := range p.mutating {
		if err := m.Admit(ctx, attributes, nil); err != nil {
			return nil, err
		}
	}
	for _, v := range p.validating {
		if err := v.Validate(ctx, attributes, nil); err != nil {
			return nil, err
		}
	}
	var out corev1.Pod
	err := apiv1.Convert_core_Pod_To_v1_Pod(&pod, &out, nil)
	return &out, err
}

// Templates land where the pods that admission makes of them do.
func TestAdmission(t *testing.T) {
	ctx := klog.NewContext(t.Context(), klog.New(nil))
	refused, landed, compared := 0, 0, 0
	for seed := range uint64(max(5, *pairs/1000)) {
		w := newTemplated(seed)
		inv, err := inventory.Collect(ctx, nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
			for _, o := range w.objects() {
				gvk, _ := inventory.KindOf(o)
				o.GetObjectKind().SetGroupVersionKind(gvk)
				text, err := json.Marshal(o)
				if err != nil {
					return err
				}
				object, err := inventory.NewObject(inventory.Item{JSON: text})
				if err != nil {
					return err
				}
				c.Add(object)
			}
			c.CoverRest(inventory.Complete, "")
			return nil
		}), placement.ControlPlane.Set(w.profile()))
		if err != nil {
			t.Fatal(err)
		}
		f, err := placement.FeasibilityOf(ctx, inv)
		if err != nil {
			t.Fatal(err)
		}
		empty := &world{}
		s, p := newScheduler(ctx, t, empty), newPlugins(ctx, w)
		for _, d := range w.templates {
			of, err := f.Find("Deployment", d.Namespace, d.Name)
			if err != nil {
				t.Fatal(err)
			}
			pod, refusal := p.admit(ctx, d.Namespace, &d.Spec.Template.Spec)
			if refusal != nil {
				refused++
			}
			for _, n := range w.nodes {
				want := false
				if refusal == nil {
					_, want = s.fits(ctx, pod, n)
				}
				got := of.On(f.Node(n.Name))
				if (got == placement.Can) != want || got == placement.Undetermined {
					ns, _ := json.Marshal(w.namespaces[slices.IndexFunc(w.namespaces, func(x *corev1.Namespace) bool { return x.Name == d.Namespace })].Annotations)
					spec, _ := json.Marshal(d.Spec.Template.Spec)
					e := f.Explain(of, f.Node(n.Name))
					t.Fatalf("seed %d: %s on %s: %s, upstream %v (%v)\n%s\n%s", seed, d.Name, n.Name, &e, want, refusal, spec, ns)
				}
				compared++
				if want {
					landed++
				}
			}
		}
	}
	t.Logf("%d pairs, %d land, %d templates refused", compared, landed, refused)
	if landed < compared/50 || refused == 0 {
		t.Errorf("%d of %d land, %d templates are refused: the worlds say little", landed, compared, refused)
	}
}
