package nodetrust

import (
	"math/rand/v2"
	"testing"

	"github.com/nist190/nist190/internal/scanreport"
)

func TestParseRelease(t *testing.T) {
	for s, want := range map[string]release{
		"v1.33.5": {1, 33, 5, ""}, "1.33.5-rc.1": {1, 33, 5, "rc.1"}, "v1.33.5-eks-3abbec1": {1, 33, 5, ""}, "v1.33.5+k3s1": {1, 33, 5, ""},
		"v1.33.4-gke.100": {1, 33, 4, ""}, "0": {}, "2.2": {2, 2, 0, ""}, "0-": {},
	} {
		if got, ok := parseRelease(s); !ok || got != want {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "latest", "1", "1.2.3.4", "-1.2", "a.b"} {
		if got, ok := parseRelease(s); ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestReleasesAreOrdered(t *testing.T) {
	list := []string{"0", "1.2.0-alpha.1", "1.2.0-alpha.2", "1.2.0-alpha.10", "1.2.0-beta.0", "1.2.0-rc.1", "1.2.0", "1.2.1", "1.10.0", "2.0.0"}
	for i, a := range list {
		for j, b := range list {
			x, _ := parseRelease(a)
			y, _ := parseRelease(b)
			if got := x.compare(y); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s, %s: %d", a, b, got)
			}
		}
	}
}

func TestAffects(t *testing.T) {
	events := func(list ...scanreport.Event) scanreport.Affected {
		return scanreport.Affected{Ranges: []scanreport.Range{{Type: "SEMVER", Events: list}}}
	}
	intro := func(v string) scanreport.Event { return scanreport.Event{Introduced: v} }
	fixed := func(v string) scanreport.Event { return scanreport.Event{Fixed: v} }
	two := events(intro("0"), fixed("1.35.4"), intro("1.36.0"), fixed("1.36.2"))
	mixed := events(fixed("1.36.2"), intro("1.36.0"), fixed("1.35.4"), intro("0"))
	last := events(intro("1.30.0"), scanreport.Event{LastAffected: "1.31.5"})
	for _, tt := range []struct {
		a    scanreport.Affected
		v    string
		want bool
	}{
		{two, "v1.35.3", true}, {two, "1.35.4", false}, {two, "1.35.9", false}, {two, "1.36.0", true}, {two, "1.36.1-eks-1", true}, {two, "1.36.2", false}, {two, "1.37.0", false},
		{mixed, "1.35.3", true}, {mixed, "1.36.1", true}, {mixed, "1.36.2", false},
		{last, "1.31.5", true}, {last, "1.31.6", false}, {last, "1.29.9", false},
		{events(intro("0")), "9.9.9", true}, {events(fixed("1.0.0")), "0.1.0", false}, {events(), "1.0.0", false}, {two, "latest", false},
		{scanreport.Affected{Versions: []string{"1.2.3"}}, "v1.2.3", true}, {scanreport.Affected{Versions: []string{"1.2.3"}}, "v1.2.4", false},
		{scanreport.Affected{Ranges: []scanreport.Range{{Type: "GIT", Events: []scanreport.Event{intro("0")}}}}, "1.0.0", false},
	} {
		if got := affects(tt.a, tt.v); got != tt.want {
			t.Errorf("%s: %v of %+v", tt.v, got, tt.a)
		}
	}
}

// TestAffectsLikeIntervals compares with the intervals that the events are made of.
func TestAffectsLikeIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 190))
	version := func(n int) string { return "1." + string(rune('0'+n/10)) + "." + string(rune('0'+n%10)) }
	for range 2000 {
		cut := map[int]bool{}
		for range 1 + rng.IntN(6) {
			cut[rng.IntN(100)] = true
		}
		var events []scanreport.Event
		affected, open := make([]bool, 100), false
		for n := range 100 {
			if cut[n] {
				open = !open
				if open {
					events = append(events, scanreport.Event{Introduced: version(n)})
				} else {
					events = append(events, scanreport.Event{Fixed: version(n)})
				}
			}
			affected[n] = open
		}
		rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		a := scanreport.Affected{Ranges: []scanreport.Range{{Type: "SEMVER", Events: events}}}
		for n := range 100 {
			if got := affects(a, version(n)); got != affected[n] {
				t.Fatalf("%s: %v of %+v", version(n), got, events)
			}
		}
	}
}
