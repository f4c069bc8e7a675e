package testobj

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing/fstest"
)

// Fleet writes manifests of a believable cluster, one file per namespace with 37 objects: six applications, each with a
// service account, Deployment, Service, NetworkPolicy, Role and RoleBinding. Equal arguments give equal files.
func Fleet(namespaces int) fstest.MapFS {
	rng := rand.New(rand.NewPCG(190, uint64(namespaces)))
	levels := []string{"public", "internal", "confidential", "restricted"}
	files := fstest.MapFS{}
	for i := range namespaces {
		ns, level := fmt.Sprintf("team-%05d", i), levels[rng.IntN(len(levels))]
		var b strings.Builder
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n  labels: {sensitivity: %s}\n", ns, level)
		for j := range 6 {
			pinned := ""
			if rng.IntN(10) < 6 {
				pinned = fmt.Sprintf("      nodeSelector: {sensitivity.node-restriction.kubernetes.io/level: %s}\n", level)
			}
			fmt.Fprintf(&b, application, ns, fmt.Sprintf("app-%d", j), pinned, fmt.Sprintf("app-%d", (j+1)%6), level)
		}
		if i%10 == 0 {
			fmt.Fprintf(&b, admin, i)
		}
		files[ns+".yaml"] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return files
}

const application = `---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: %[2]s
  namespace: %[1]s
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[2]s
  namespace: %[1]s
  labels:
    app: %[2]s
spec:
  replicas: 3
  selector:
    matchLabels:
      app: %[2]s
  template:
    metadata:
      labels:
        app: %[2]s
        tier: web
    spec:
      serviceAccountName: %[2]s
%[3]s      containers:
      - name: main
        image: registry.example.com/%[1]s/%[2]s:1.0
        ports:
        - name: http
          containerPort: 8080
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
          limits:
            memory: 256Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          capabilities:
            drop: ["ALL"]
        env:
        - name: A
          value: "1"
        - name: DB
          valueFrom:
            secretKeyRef:
              name: db
              key: url
        livenessProbe:
          httpGet:
            path: /healthz
            port: http
---
apiVersion: v1
kind: Service
metadata:
  name: %[2]s
  namespace: %[1]s
spec:
  selector:
    app: %[2]s
  ports:
  - name: http
    port: 80
    targetPort: http
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: %[2]s
  namespace: %[1]s
spec:
  podSelector:
    matchLabels:
      app: %[2]s
  policyTypes: ["Ingress", "Egress"]
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app: %[4]s
    ports:
    - port: 8080
  egress:
  - to:
    - namespaceSelector:
        matchLabels:
          sensitivity: %[5]s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: %[2]s
  namespace: %[1]s
rules:
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["get", "list", "watch"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: %[2]s
  namespace: %[1]s
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: %[2]s
subjects:
- kind: ServiceAccount
  name: %[2]s
  namespace: %[1]s
`

const admin = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: admin-%d
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: cluster-admin
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: Group
  name: team-admins
`
