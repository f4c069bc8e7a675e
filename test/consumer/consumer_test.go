package consumer

import (
	"context"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// reader lists one policy, or fails.
type reader struct {
	client.Reader
	err error
}

func (r reader) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if r.err != nil {
		return r.err
	}
	list.(*networkingv1.NetworkPolicyList).Items = []networkingv1.NetworkPolicy{{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "default-deny"},
		Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}},
	}}
	return nil
}

func TestScan(t *testing.T) {
	denied := apierrors.NewForbidden(schema.GroupResource{Group: NetworkPolicies.Group, Resource: "networkpolicies"}, "", nil)
	for name, tt := range map[string]struct {
		reader   reader
		coverage inventory.State
		status   nist190.Status
	}{
		"readable":  {reader{}, inventory.Complete, nist190.Pass},
		"forbidden": {reader{err: denied}, inventory.Forbidden, nist190.NotAssessed},
	} {
		t.Run(name, func(t *testing.T) {
			inv, err := inventory.Collect(t.Context(), Check.Metadata().Needs, Source(tt.reader))
			if err != nil {
				t.Fatal(err)
			}
			if state := inv.Coverage(NetworkPolicies, "").State; state != tt.coverage {
				t.Errorf("coverage is %s, want %s", state, tt.coverage)
			}
			report, err := nist190.Run(t.Context(), inv, Check)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for finding := range report.Findings() {
				found++
				if finding.Status != tt.status {
					t.Errorf("%s: %s, want %s", finding.Subject, finding.Status, tt.status)
				}
			}
			if found == 0 {
				t.Error("no finding")
			}
		})
	}
}
