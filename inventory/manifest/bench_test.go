package manifest_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// generate writes n namespaces with the objects that an application brings.
func generate(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-%d\n  labels:\n    sensitivity: \"high\"\n", i)
		for j := range 6 {
			fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%[2]d
  namespace: team-%[1]d
  labels:
    app: app-%[2]d
spec:
  replicas: 3
  selector:
    matchLabels:
      app: app-%[2]d
  template:
    metadata:
      labels:
        app: app-%[2]d
        tier: web
    spec:
      serviceAccountName: app-%[2]d
      containers:
      - name: main
        image: registry.example.com/team-%[1]d/app:1.%[2]d
        ports:
        - name: http
          containerPort: 8080
        resources:
          requests: {cpu: 100m, memory: 128Mi}
          limits: {memory: 256Mi}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop: ["ALL"]
        env:
        - name: A
          value: "1"
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app-%[2]d
  namespace: team-%[1]d
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: app-%[2]d
  namespace: team-%[1]d
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: app-%[2]d
subjects:
- kind: ServiceAccount
  name: app-%[2]d
  namespace: team-%[1]d
`, i, j)
		}
		b.WriteString("---\n")
	}
	return b.Bytes()
}

var sizes = []int{10, 100, 1000}

func BenchmarkCollect(b *testing.B) {
	for _, n := range sizes {
		data := generate(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				into := &inventory.Collector{}
				if err := manifest.Bytes(manifest.Config{Parallelism: runtime.GOMAXPROCS(0)}, "a.yaml", data).Collect(context.Background(), nil, into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkYAMLToJSON is what BenchmarkCollect is measured against: the loader is to cost at most 1.3 times as much.
func BenchmarkYAMLToJSON(b *testing.B) {
	for _, n := range sizes {
		data := generate(n)
		var docs [][]byte
		for d := range yamlx.Split(data) {
			docs = append(docs, d.Text)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				for _, d := range docs {
					if _, err := sigsyaml.YAMLToJSON(d); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
