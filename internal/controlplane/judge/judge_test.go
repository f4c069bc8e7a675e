package judge_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// apiServer is a static pod of one replica.
func apiServer(node string, flags ...string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver-" + node + "\n  namespace: kube-system\n" +
		"  annotations: {kubernetes.io/config.mirror: x}\nspec:\n  nodeName: " + node + "\n  containers:\n  - name: kube-apiserver\n" +
		"    image: registry.k8s.io/kube-apiserver:v1.36.1\n    command: [kube-apiserver, --authorization-mode=RBAC" +
		strings.Join(append([]string{""}, flags...), ", ") + "]\n---\n"
}

func outcome(t *testing.T, manifests string) nist190.Outcome {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fstest.MapFS{"a.yaml": {Data: []byte(manifests)}}, "."))
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return judge.Outcome(inventory.Cluster, "", v.APIServer().AdmissionPlugin("NodeRestriction"), func(on bool) string {
		if on {
			return ""
		}
		return "NodeRestriction is off"
	})
}

func TestOutcome(t *testing.T) {
	const on = "--enable-admission-plugins=NodeRestriction"
	tests := []struct {
		name, manifests string
		want            nist190.Status
		says            string
		strength        inventory.Strength
		cites           int
	}{
		{"on", apiServer("cp-1", on), nist190.Pass, "", inventory.Configured, 1},
		{"off by default", apiServer("cp-1"), nist190.Fail, "NodeRestriction is off on cp-1, the default of Kubernetes 1.36", inventory.Inferred, 1},
		{"one replica without", apiServer("cp-1", on) + apiServer("cp-2"), nist190.Fail, "NodeRestriction is off on cp-2", inventory.Inferred, 1},
		{"both without", apiServer("cp-1") + apiServer("cp-2"), nist190.Fail, "on cp-1", inventory.Inferred, 2},
		{"nothing to see", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", nist190.NotAssessed, "control plane not visible", inventory.StrengthUnset, 0},
		{"one replica that is hidden behind a shell",
			apiServer("cp-1", on) + strings.Replace(apiServer("cp-2"), "[kube-apiserver, --authorization-mode=RBAC]", `[sh, -c, "exec kube-apiserver $(cat /flags)"]`, 1),
			nist190.NotAssessed, "cp-2", inventory.StrengthUnset, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := outcome(t, tt.manifests)
			if out.Status != tt.want || !strings.Contains(out.Message, tt.says) {
				t.Errorf("%v %q, want %v %q", out.Status, out.Message, tt.want, tt.says)
			}
			if out.Strength != tt.strength || len(out.Evidence) != tt.cites {
				t.Errorf("strength %v with %d places, want %v with %d", out.Strength, len(out.Evidence), tt.strength, tt.cites)
			}
			if strings.HasPrefix(tt.name, "nothing") && (out.Reason != nist190.ReasonMissingEvidence || len(out.Missing) != 1) {
				t.Errorf("reason %v, missing %v", out.Reason, out.Missing)
			}
		})
	}
}
