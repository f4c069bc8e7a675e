package nodetrust

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/nist190/nist190/internal/scanreport"
)

// release is a version by the rules of semver.org, without what vendors append to it.
type release struct {
	major, minor, patch int
	pre                 string // "rc.1"; empty for a release
}

// parseRelease reads "v1.33.5", "1.33.5-rc.1", and "v1.33.5-eks-3abbec1" or "v1.33.5+k3s1" as 1.33.5. ok is false for what is
// no version.
func parseRelease(s string) (r release, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(s), "v"), "+")
	s, pre, _ := strings.Cut(s, "-")
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return release{}, false
	}
	numbers := [3]*int{&r.major, &r.minor, &r.patch}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return release{}, false
		}
		*numbers[i] = n
	}
	for _, stage := range [...]string{"alpha", "beta", "rc", "0"} {
		if strings.HasPrefix(pre, stage) {
			r.pre = pre
		}
	}
	return r, len(parts) > 1 || parts[0] == "0"
}

func (r release) compare(o release) int {
	if c := cmp.Or(cmp.Compare(r.major, o.major), cmp.Compare(r.minor, o.minor), cmp.Compare(r.patch, o.patch)); c != 0 {
		return c
	}
	switch {
	case r.pre == o.pre:
		return 0
	case r.pre == "":
		return 1
	case o.pre == "":
		return -1
	}
	return comparePre(r.pre, o.pre)
}

// comparePre compares identifiers one by one: numbers as numbers, and below words (semver.org, 11.4).
func comparePre(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		n, errN := strconv.Atoi(x[i])
		m, errM := strconv.Atoi(y[i])
		c := cmp.Compare(x[i], y[i])
		switch {
		case errN == nil && errM == nil:
			c = cmp.Compare(n, m)
		case errN == nil:
			c = -1
		case errM == nil:
			c = 1
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// affects evaluates the ranges of an advisory (https://ossf.github.io/osv-schema, evaluation): a version is affected where
// it is listed, or where of the events up to it the last is no fix.
func affects(a scanreport.Affected, version string) bool {
	v, ok := parseRelease(version)
	if !ok {
		return false
	}
	for _, s := range a.Versions {
		if x, ok := parseRelease(s); ok && x.compare(v) == 0 {
			return true
		}
	}
	for _, r := range a.Ranges {
		if r.Type == "SEMVER" && inRange(r.Events, v) {
			return true
		}
	}
	return false
}

// inRange asks for each fix whether it ends what began before it.
func inRange(events []scanreport.Event, v release) bool {
	affected := false
	var last release
	begun := false
	// Events are looked at in the order of their versions, whatever that of the file is.
	for {
		var next *scanreport.Event
		var at release
		for i := range events {
			x, ok := eventVersion(events[i])
			if !ok || begun && x.compare(last) <= 0 || next != nil && x.compare(at) >= 0 {
				continue
			}
			next, at = &events[i], x
		}
		if next == nil {
			return affected
		}
		begun, last = true, at
		switch {
		case at.compare(v) > 0:
			return affected
		case next.Introduced != "":
			affected = true
		case next.Fixed != "":
			affected = false
		case next.LastAffected != "" && at.compare(v) < 0:
			affected = false
		}
	}
}

func eventVersion(e scanreport.Event) (release, bool) {
	return parseRelease(cmp.Or(e.Introduced, e.Fixed, e.LastAffected))
}
