package nodetrust

import (
	"slices"
	"testing"
	"time"

	"github.com/nist190/nist190/inventory"
)

// TestBuiltInSupport: every row has a date and is there once; of one product and vendor ends follow the minors, but for
// releases with long support.
func TestBuiltInSupport(t *testing.T) {
	long := []string{"containerd 1.6", "containerd 1.7"}
	seen := map[string]bool{}
	last := map[string]SupportRow{}
	for _, r := range builtIn.Rows {
		if _, err := time.Parse(time.DateOnly, r.End); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
		k := r.Product + r.Vendor
		if seen[k+r.Minor] {
			t.Errorf("%+v is there twice", r)
		}
		seen[k+r.Minor] = true
		if before, ok := last[k]; ok && (!minorLess(before.Minor, r.Minor) || before.End > r.End && !slices.Contains(long, before.Product+" "+before.Minor)) {
			t.Errorf("%+v comes after %+v", r, before)
		}
		last[k] = r
	}
	if !seen["kubernetes"+inventory.Newest.String()] {
		t.Errorf("Kubernetes %s is not in the table", inventory.Newest)
	}
}

func TestSupport(t *testing.T) {
	table := Support{Read: "2026-11-25", Rows: []SupportRow{
		{"kubernetes", "", "1.36", "2026-11-24"}, {"kubernetes", "", "1.37", "2026-11-25"}, {"kubernetes", "Amazon EKS", "1.36", "2027-11-25"}, {"kubernetes", "", "1.40", "soon"},
	}}
	for _, tt := range []struct {
		vendor, minor string
		want          verdict
	}{
		{"", "1.36", unsupported}, {"", "1.37", supported}, {"", "1.38", supportUnknown}, {"", "1.9", unsupported}, {"", "1.40", supportUnknown},
		{"Amazon EKS", "1.36", supported}, {"Amazon EKS", "1.37", supportUnknown}, {"Amazon EKS", "1.30", unsupported},
		{"Microsoft AKS", "1.37", supported}, {"Microsoft AKS", "1.36", supportUnknown}, {"Microsoft AKS", "1.38", supportUnknown},
	} {
		if got, why := table.of("kubernetes", tt.vendor, tt.minor, today); got != tt.want || why == "" {
			t.Errorf("%q %s: %d (%s), want %d", tt.vendor, tt.minor, got, why, tt.want)
		}
	}
	if got, _ := table.of("podman", "", "1", today); got != supportUnknown {
		t.Errorf("a product without rows: %d", got)
	}
}

// TestATableCanBeAttached: with one that knows better the verdict is another.
func TestATableCanBeAttached(t *testing.T) {
	inv := inventoryOf(t, "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {nodeInfo: {kubeletVersion: v1.20.1}}\n",
		SupportTable.Set(Support{Read: "2026-11-25", Rows: []SupportRow{{"kubernetes", "", "1.20", "2030-01-01"}}}), inventory.Clock.Set(inventory.Instant{Time: today}))
	if got, why := supportOf(inv).of("kubernetes", "", "1.20", inventory.Now(inv)); got != supported {
		t.Errorf("%d: %s", got, why)
	}
	if got, _ := supportOf(inventoryOf(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")).of("kubernetes", "", "1.22", today); got != unsupported {
		t.Errorf("built in: %d", got)
	}
}

func TestVendorOf(t *testing.T) {
	for _, tt := range [][3]string{
		{"v1.33.5-eks-3abbec1", "", "Amazon EKS"}, {"v1.33.4-gke.100", "", "Google GKE"}, {"v1.33.4", "Microsoft AKS", "Microsoft AKS"}, {"v1.33.4", "", ""},
		{"v1.33.4+k3s1", "", ""}, {"v1.33.4+rke2r1", "", ""}, {"v1.31.8+2a0b1c3", "", "the vendor of +2a0b1c3"},
	} {
		if got := vendorOf(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s: %q", tt[0], got)
		}
	}
}
