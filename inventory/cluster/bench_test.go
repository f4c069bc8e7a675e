package cluster

import (
	"encoding/json"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// podList is a page of pods as controllers write them, with managedFields and status.
func podList(n int) *corev1.PodList {
	l := &corev1.PodList{}
	for i := range n {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("web-7c9d8b6f5-%05d", i), Namespace: "shop", UID: "a0c1d2e3-0000-4000-8000-000000000000",
			Labels:       map[string]string{"app": "web", "pod-template-hash": "7c9d8b6f5"},
			GenerateName: "web-7c9d8b6f5-",
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager", Operation: "Update", APIVersion: "v1", FieldsType: "FieldsV1",
				FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:generateName":{},"f:labels":{".":{},"f:app":{},"f:pod-template-hash":{}},"f:ownerReferences":{}},"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},"f:ports":{},"f:resources":{},"f:terminationMessagePath":{}}},"f:dnsPolicy":{},"f:restartPolicy":{}}}`)}}},
		}}
		p.Spec = corev1.PodSpec{NodeName: "node-1", ServiceAccountName: "web", RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSClusterFirst,
			Volumes: []corev1.Volume{{Name: "kube-api-access", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}}},
			Containers: []corev1.Container{{Name: "web", Image: "registry.example/web:1.2.3", Ports: []corev1.ContainerPort{{ContainerPort: 8080, Protocol: "TCP"}},
				Env:          []corev1.EnvVar{{Name: "A", Value: "b"}, {Name: "C", Value: "d"}},
				Resources:    corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": quantity.MustParse("100m"), "memory": quantity.MustParse("128Mi")}},
				VolumeMounts: []corev1.VolumeMount{{Name: "kube-api-access", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}},
			}},
			Tolerations: []corev1.Toleration{{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute"}, {Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute"}}}
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{Type: "Ready", Status: "True"}, {Type: "Initialized", Status: "True"},
			{Type: "ContainersReady", Status: "True"}, {Type: "PodScheduled", Status: "True"}}, ContainerStatuses: []corev1.ContainerStatus{{Name: "web", Ready: true, Image: "registry.example/web:1.2.3"}}}
		l.Items = append(l.Items, p)
	}
	return l
}

// BenchmarkPage compares what becomes of a page of 500 pods from either encoding, without and with the types that checks ask for.
func BenchmarkPage(b *testing.B) {
	pods := podList(500)
	text, err := json.Marshal(pods)
	if err != nil {
		b.Fatal(err)
	}
	text = append([]byte(`{"kind":"PodList","apiVersion":"v1",`), text[1:]...)
	wire, err := pods.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	l := &list{resource: resource{schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "Pod", true, false}}
	fromJSON := func() []*inventory.Object {
		p, err := readList(text)
		if err != nil {
			b.Fatal(err)
		}
		objects, _ := objectsOf(l, "", p.items, "")
		return objects
	}
	fromProtobuf := func() []*inventory.Object {
		var pl corev1.PodList
		if err := pl.Unmarshal(wire); err != nil {
			b.Fatal(err)
		}
		items := make([][]byte, len(pl.Items))
		for i := range pl.Items {
			pl.Items[i].ManagedFields = nil
			items[i], _ = json.Marshal(&pl.Items[i])
		}
		objects, _ := objectsOf(l, "", items, "")
		return objects
	}
	for name, read := range map[string]func() []*inventory.Object{"json": fromJSON, "protobuf": fromProtobuf} {
		size := len(text)
		if name == "protobuf" {
			size = len(wire)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n := len(read()); n != 500 {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(size), "wire-B/op")
		})
		b.Run(name+"+typed", func(b *testing.B) {
			for b.Loop() {
				for _, o := range read() {
					if _, err := inventory.As[corev1.Pod](o); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
