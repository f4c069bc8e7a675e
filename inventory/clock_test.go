package inventory_test

import (
	"testing"
	"time"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

func TestNow(t *testing.T) {
	before := time.Now()
	if got := inventory.Now(testobj.Inventory(t, nil)); got.Before(before) || got.After(time.Now()) {
		t.Errorf("by default it is %s", got)
	}
	at := inventory.Instant{Time: time.Date(2026, 11, 25, 12, 0, 0, 0, time.FixedZone("", 3600))}
	if got := inventory.Now(testobj.Inventory(t, nil, inventory.Clock.Set(at))); !got.Equal(at.Time) {
		t.Errorf("set to %s it is %s", at, got)
	}
	if at.String() != "2026-11-25T11:00:00Z" || (inventory.Instant{}).String() != "the time of the scan" {
		t.Errorf("%s, %s", at, inventory.Instant{})
	}
}
