package report

import (
	"bytes"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/sample"
)

func documented() []nist190.Check {
	a := sample.Metadata("network-default-deny", nist190.PoorlySeparatedTraffic, nist190.SeverityHigh, nist190.Claim{Sentence: "3a", Conclusive: true}, nist190.Claim{Sentence: "3b"})
	a.Title = "pods without an ingress policy"
	a.Doc = "Pods that no policy isolates take traffic from everywhere.\n\nA pod is isolated when a NetworkPolicy selects it."
	a.Needs = []inventory.Need{sample.ConfigMaps, sample.Policies.InSubjectNamespace(), {Kind: "Pod", Resource: "pods", Bias: inventory.Incriminating, MetadataOnly: true}, {Format: "cni-config"}, {URL: "/version", Bias: inventory.SeverityOnly}}
	a.Subjects = []schema.GroupKind{{Group: "apps", Kind: "Deployment"}, {Kind: "Pod"}}
	a.Limits = "It does not know whether the network plugin enforces policies."
	b := sample.Metadata("rbac-lint", nist190.UnboundedAdministrativeAccess, nist190.SeverityInfo, nist190.Claims("1a")...)
	b.Advisory = true
	b.Controls, b.CIS = nil, nil
	b.Remediation = "kubectl delete\n  rolebinding x"
	return []nist190.Check{nist190.NewCheck(a, nil), nist190.NewCheck(b, nil)}
}

func TestExplain(t *testing.T) {
	var b bytes.Buffer
	for _, c := range documented() {
		if err := Explain(&b, c.Metadata()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("--\n")
	}
	golden(t, "explain.txt", b.Bytes())
}

func TestChecksMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := ChecksMarkdown(&b, documented()); err != nil {
		t.Fatal(err)
	}
	golden(t, "checks.md", b.Bytes())
}
