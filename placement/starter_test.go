package placement

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/sensitivity"
)

func selectorOf(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

// The scheme that the finding proposes is one that can be loaded, and that resolves the finding.
func TestStarterSchemeResolvesTheFinding(t *testing.T) {
	objects := []string{
		`{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: web}, spec: {containers: [{name: c, image: i}]}}`,
		`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: data}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}`,
	}
	inv := testobj.Inventory(t, objects)
	r, err := nist190.Run(context.Background(), inv, Unclassified())
	if err != nil {
		t.Fatal(err)
	}
	f := r.Checks[0].Findings[0]
	_, text, ok := strings.Cut(f.Remediation, "correct its guesses:\n\n")
	if f.Status != nist190.Fail || !ok {
		t.Fatalf("%s: %s", f.Status, f.Remediation)
	}
	var config struct {
		APIVersion, Kind string
		Sensitivity      sensitivity.Scheme
	}
	if err := yaml.UnmarshalStrict([]byte(text), &config); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := config.Sensitivity.Validate(); err != nil {
		t.Fatal(err)
	}
	r, err = nist190.Run(context.Background(), inv.Configure(sensitivity.Setting.Set(config.Sensitivity)), Unclassified())
	if err != nil {
		t.Fatal(err)
	}
	if r.Checks[0].Status != nist190.Pass || len(r.Checks[0].Findings) != 2 {
		t.Errorf("%s: %+v", r.Checks[0].Status, r.Checks[0].Findings)
	}
}
