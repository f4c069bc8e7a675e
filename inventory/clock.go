package inventory

import "time"

// Clock is the time from which ages are reckoned: how long ago a machine was scanned, whether a certificate has ended. Its
// default is the time of asking; a host that repeats a scan, or tests one, sets it.
var Clock = NewSetting("clock", Instant{})

// Instant is a point in time as a report prints it; the zero value stands for the time of asking.
type Instant struct{ time.Time }

func (i Instant) String() string {
	if i.IsZero() {
		return "the time of the scan"
	}
	return i.UTC().Format(time.RFC3339)
}

// Now is the time from which the ages of inv are reckoned.
func Now(inv *Inventory) time.Time {
	if at := Clock.Get(inv); !at.IsZero() {
		return at.Time
	}
	return time.Now()
}
