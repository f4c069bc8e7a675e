package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/internal/testobj"
)

// asManifests writes the world down as somebody would before it runs: workloads in place of pods, without addresses,
// nodes and the labels that controllers give.
func (w *twinWorld) asManifests(t *testing.T) []string {
	static := *w
	static.pods = nil
	return append(static.docs(t), w.workloads(t)...)
}

func (w *twinWorld) workloads(t *testing.T) []string {
	var docs []string
	for _, p := range w.pods {
		own := map[string]string{}
		for k, v := range p.Labels {
			if k != assigned {
				own[k] = v
			}
		}
		spec := p.Spec.DeepCopy()
		spec.NodeName = ""
		docs = append(docs, marshal(t, map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": p.Name, "namespace": p.Namespace},
			"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"labels": own}, "spec": spec}},
		}))
	}
	return docs
}

// come makes the pods such as manifests may come to: with a label that controllers give, and private addresses of one family.
func (w *twinWorld) come(r *rand.Rand) {
	for i, p := range w.pods {
		if r.IntN(2) == 0 {
			p.Labels[assigned] = twinValues[r.IntN(2)]
		}
		if len(p.Status.PodIPs) > 1 || p.Status.PodIP[:2] == "fd" {
			p.Status.PodIP = fmt.Sprintf("10.0.1.%d", 1+i*10+r.IntN(10))
			p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
		}
	}
}

// What is certain of manifests holds for whatever becomes of them, and so does what is excluded.
func TestBoundsHold(t *testing.T) {
	t.Parallel()
	unknown, asked := 0, 0
	for seed := range uint64(*worlds) / 3 {
		r := rand.New(rand.NewPCG(seed, 190))
		w := newTwinWorld(r)
		w.come(r)
		for _, p := range w.policies {
			if r.IntN(2) == 0 {
				p.Spec.PodSelector.MatchLabels = map[string]string{assigned: twinValues[r.IntN(2)]}
			}
			if r.IntN(3) == 0 {
				p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{assigned: "x"}}}}})
			}
		}
		docs := w.asManifests(t)
		c, err := Of(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		pods := map[string]*Pod{}
		for _, p := range c.Pods() {
			pods[p.Namespace+"/"+p.Object.Name()] = p
		}
		for _, from := range w.pods {
			for _, to := range w.pods {
				if from == to {
					continue
				}
				must, may := c.between(End{Pod: pods[from.Namespace+"/"+from.Name]}, End{Pod: pods[to.Namespace+"/"+to.Name]})
				if !must.Within(may) {
					t.Fatalf("seed %d: %s is certain and %s possible", seed, must, may)
				}
				for _, protocol := range []Protocol{TCP, UDP, SCTP} {
					for _, port := range []uint16{1, 53, 80, 81, 443, 8080} {
						is := w.allowed(twinEnd{from, from.Status.PodIP}, twinEnd{to, to.Status.PodIP}, corev1.Protocol(protocol.String()), int32(port))
						asked++
						if must.Has(protocol, port) != may.Has(protocol, port) {
							unknown++
						}
						if must.Has(protocol, port) && !is || !may.Has(protocol, port) && is {
							t.Fatalf("seed %d: %s to %s %s %d: must %s, may %s, and it is %v\n%v", seed, from.Name, to.Name, protocol, port, must, may, is, docs)
						}
					}
				}
			}
		}
	}
	t.Logf("%d questions, %d unknown", asked, unknown)
	if unknown == 0 || unknown > asked/2 {
		t.Errorf("%d of %d unknown", unknown, asked)
	}
}

// So it is of the policies of other engines.
func TestEnginesBoundsHold(t *testing.T) {
	for _, e := range twinEngines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			n := tally{static: true}
			for seed := range 30 + uint64(*worlds)/50 {
				r := rand.New(rand.NewPCG(seed, 442))
				w := e.make(t, r)
				w.pods = slices.DeleteFunc(w.pods, func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
				w.come(r)
				w.assign()
				pods := w.pods
				w.pods = nil
				docs := w.docs()
				w.pods = pods
				w.against(t, append(docs, w.workloads(t)...), e.settings, &n, w.decide)
			}
			n.report(t)
		})
	}
}

// The order of documents means nothing.
func TestOrderMeansNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*worlds) / 20 {
		r := rand.New(rand.NewPCG(seed, 434))
		docs := newTwinWorld(r).docs(t)
		answers := func() string {
			c, err := Of(context.Background(), testobj.Inventory(t, docs))
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, from := range c.Pods() {
				for _, to := range c.Pods() {
					must, may := c.between(End{Pod: from}, End{Pod: to})
					out = append(out, fmt.Sprint(from.Ref(), to.Ref(), must, may))
				}
			}
			slices.Sort(out)
			return fmt.Sprint(out)
		}
		before := answers()
		r.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if after := answers(); after != before {
			t.Fatalf("seed %d:\n%s\n%s", seed, before, after)
		}
	}
}

// A rule more opens, and never closes.
func TestRulesOnlyOpen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*worlds) / 20 {
		r := rand.New(rand.NewPCG(seed, 435))
		w := newTwinWorld(r)
		if len(w.policies) == 0 {
			continue
		}
		before, err := Of(context.Background(), testobj.Inventory(t, w.docs(t)))
		if err != nil {
			t.Fatal(err)
		}
		p := w.policies[r.IntN(len(w.policies))]
		more := twinNetworkPolicy(r, 0, 1)
		p.Spec.Ingress = append(p.Spec.Ingress, more.Spec.Ingress...)
		if len(p.Spec.Egress) > 0 {
			p.Spec.Egress = append(p.Spec.Egress, more.Spec.Egress...)
		}
		after, err := Of(context.Background(), testobj.Inventory(t, w.docs(t)))
		if err != nil {
			t.Fatal(err)
		}
		for i, from := range before.Pods() {
			for j, to := range before.Pods() {
				was, could := before.between(End{Pod: from}, End{Pod: to})
				is, can := after.between(End{Pod: after.Pods()[i]}, End{Pod: after.Pods()[j]})
				if !was.Within(is) || !could.Within(can) {
					t.Fatalf("seed %d: %s to %s: %s, then %s", seed, from.Ref(), to.Ref(), was, is)
				}
			}
		}
	}
}
