package nist190_test

import (
	"context"
	"fmt"
	"log"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// hostPID is a check of one's own: it runs beside those of the catalog, under the same rules.
var hostPID = nist190.NewCheck(nist190.Metadata{
	ID: "acme-host-pid", Title: "Workload in the host's process namespace", Doc: "It sees and may signal every process of the node.",
	Risk: nist190.NodeTrust, Claims: nist190.Claims("5d"), Severity: nist190.SeverityHigh, Since: "v1.0.0",
	Remediation: "Remove hostPID.",
	Needs:       inventory.WorkloadNeeds(inventory.Incriminating),
	Subjects:    inventory.WorkloadKinds(),
}, func(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	for _, w := range workloads {
		at := inventory.At{Object: w.Object, Path: w.TemplatePath}
		if w.Template.Spec.HostPID {
			e.Fail(w.Ref(), "", fmt.Sprintf("%s %q shares the processes of its node", w.Ref().Kind, w.Object.Name()), nist190.Place(at, "spec", "hostPID"))
		} else {
			e.Pass(w.Ref())
		}
	}
	return err
})

func ExampleScan() {
	source := manifest.Bytes(manifest.Config{}, "agent.yaml", []byte(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: ops}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostPID: true
      containers: [{name: agent, image: agent}]
`))
	report, err := nist190.Scan(context.Background(), source, hostPID)
	if err != nil {
		log.Fatal(err)
	}
	for f := range report.Failures(nist190.SeverityLow) {
		fmt.Printf("%s: %s\n", f.Origin(), f.Message)
	}
	// Output: agent.yaml:10: DaemonSet "agent" shares the processes of its node
}

// A gate asks one question of a report. What could not be seen is never let through as a pass.
func ExampleThreshold() {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	inv, err := inventory.Collect(context.Background(), nil, manifest.Objects(pod))
	if err != nil {
		log.Fatal(err)
	}
	forbidden := inv.Mask(nil, inventory.CoverageEntry{Kind: "Pod", Coverage: inventory.Coverage{State: inventory.Forbidden}})
	report, err := nist190.Run(context.Background(), forbidden, hostPID)
	if err != nil {
		log.Fatal(err)
	}
	verdict := nist190.Threshold{RequireEvidence: true}.Evaluate(report)
	fmt.Println(verdict.Decision, verdict.Reasons)
	fmt.Println(report.Gaps()[0].Evidence, report.Gaps()[0].State)
	// Output:
	// unproven [1 verdict without the evidence that is required]
	// pods Forbidden
}
