package inventory_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// Of two needs of a kind what is joined asks no less than either.
func TestJoinNeeds(t *testing.T) {
	pod := func(b inventory.Bias) inventory.Need { return inventory.NeedOf[corev1.Pod](b) }
	for _, tt := range []struct{ a, b, want inventory.Need }{
		{pod(inventory.Either), pod(inventory.Either), pod(inventory.Either)},
		{pod(inventory.Incriminating), pod(inventory.Exonerating), pod(inventory.Either)},
		{pod(inventory.Incriminating), pod(inventory.Incriminating).InSubjectNamespace(), pod(inventory.Incriminating)},
		{pod(inventory.Either).IfRead(), pod(inventory.Incriminating), pod(inventory.Incriminating)},
		{pod(inventory.Either).IfRead(), pod(inventory.Incriminating).IfRead(), pod(inventory.Either).IfRead()},
		{pod(inventory.Alternative), pod(inventory.Incriminating), pod(inventory.Incriminating)},
		{pod(inventory.Alternative), pod(inventory.Exonerating), pod(inventory.Either)},
		{pod(inventory.Alternative), pod(inventory.SeverityOnly), pod(inventory.SeverityOnly)},
		{pod(inventory.Alternative), pod(inventory.Alternative), pod(inventory.Alternative)},
	} {
		for _, lists := range [][2][]inventory.Need{{{tt.a}, {tt.b}}, {{tt.b}, {tt.a}}} {
			if got := inventory.JoinNeeds(lists[0], lists[1]); len(got) != 1 || got[0] != tt.want {
				t.Errorf("%v and %v: %v, want %v", lists[0], lists[1], got, tt.want)
			}
		}
	}
	if got := inventory.JoinNeeds([]inventory.Need{pod(inventory.Either)}, []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Either)}); len(got) != 2 {
		t.Errorf("two kinds: %v", got)
	}
}
