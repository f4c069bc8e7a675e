package phrase

import "testing"

func TestPhrases(t *testing.T) {
	for _, tt := range [][2]string{
		{Shorten(nil), ""}, {Shorten([]string{"a", "b", "c"}), "a, b, c"}, {Shorten([]string{"a", "b", "c", "d", "e"}), "a, b, c, 2 more"},
		{Count(1, "pod"), "1 pod"}, {Count(0, "pod"), "0 pods"}, {Workloads(nil), ""},
	} {
		if tt[0] != tt[1] {
			t.Errorf("%q, want %q", tt[0], tt[1])
		}
	}
}
