package nodetrust

import (
	"fmt"
	"slices"
	"time"

	"github.com/nist190/nist190/inventory"
)

// Support is until when versions get security fixes. [SupportTable] attaches another table than the one that is built in,
// such as that of a vendor with a contract.
type Support struct {
	// Read is the day on which the rows were read, as 2006-01-02.
	Read string
	Rows []SupportRow
}

// SupportRow is a minor of a product. Of Kubernetes the vendor may be empty, which stands for the project itself.
type SupportRow struct {
	Product string // "kubernetes", "containerd"
	Vendor  string // "Amazon EKS", "Google GKE", "Microsoft AKS"
	Minor   string // "1.37"
	End     string // the last day, as 2006-01-02
}

func (s Support) String() string {
	if len(s.Rows) == 0 {
		return "built in, read " + builtIn.Read
	}
	return fmt.Sprintf("%d rows, read %s", len(s.Rows), s.Read)
}

// SupportTable attaches a table of support; without one the table that is built in counts.
var SupportTable = inventory.NewSetting("support", Support{})

func supportOf(inv *inventory.Inventory) *Support {
	if s := SupportTable.Get(inv); len(s.Rows) > 0 {
		return &s
	}
	return &builtIn
}

// builtIn: https://kubernetes.io/releases (data/releases/eol.yaml and the pages of the minors),
// https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html (the end of extended support, which is on by
// default), https://cloud.google.com/kubernetes-engine/docs/release-schedule (the end of standard support),
// https://github.com/containerd/containerd/blob/main/RELEASES.md.
var builtIn = Support{Read: "2026-11-25", Rows: []SupportRow{
	{"kubernetes", "", "1.22", "2022-12-08"}, {"kubernetes", "", "1.23", "2023-02-28"}, {"kubernetes", "", "1.24", "2023-07-28"},
	{"kubernetes", "", "1.25", "2023-10-28"}, {"kubernetes", "", "1.26", "2024-02-28"}, {"kubernetes", "", "1.27", "2024-07-16"},
	{"kubernetes", "", "1.28", "2024-10-22"}, {"kubernetes", "", "1.29", "2025-02-28"}, {"kubernetes", "", "1.30", "2025-07-15"},
	{"kubernetes", "", "1.31", "2025-11-11"}, {"kubernetes", "", "1.32", "2026-02-28"}, {"kubernetes", "", "1.33", "2026-06-28"},
	{"kubernetes", "", "1.34", "2026-10-27"}, {"kubernetes", "", "1.35", "2027-02-28"}, {"kubernetes", "", "1.36", "2027-06-28"},
	{"kubernetes", "", "1.37", "2027-10-28"},

	{"kubernetes", "Amazon EKS", "1.26", "2025-06-11"}, {"kubernetes", "Amazon EKS", "1.27", "2025-07-24"}, {"kubernetes", "Amazon EKS", "1.28", "2025-11-26"},
	{"kubernetes", "Amazon EKS", "1.29", "2026-03-23"}, {"kubernetes", "Amazon EKS", "1.30", "2026-07-23"}, {"kubernetes", "Amazon EKS", "1.31", "2026-11-26"},
	{"kubernetes", "Amazon EKS", "1.32", "2027-03-23"}, {"kubernetes", "Amazon EKS", "1.33", "2027-07-29"}, {"kubernetes", "Amazon EKS", "1.34", "2027-12-02"},
	{"kubernetes", "Amazon EKS", "1.35", "2028-03-27"},

	{"kubernetes", "Google GKE", "1.27", "2024-10-01"}, {"kubernetes", "Google GKE", "1.28", "2025-02-04"}, {"kubernetes", "Google GKE", "1.29", "2025-04-12"},
	{"kubernetes", "Google GKE", "1.30", "2025-09-30"}, {"kubernetes", "Google GKE", "1.31", "2026-01-16"}, {"kubernetes", "Google GKE", "1.32", "2026-04-11"},
	{"kubernetes", "Google GKE", "1.33", "2026-08-03"}, {"kubernetes", "Google GKE", "1.34", "2026-10-01"}, {"kubernetes", "Google GKE", "1.35", "2027-04-11"},

	{"containerd", "", "1.3", "2021-03-04"}, {"containerd", "", "1.4", "2022-03-03"}, {"containerd", "", "1.5", "2023-02-28"},
	{"containerd", "", "1.6", "2025-08-23"}, {"containerd", "", "1.7", "2026-09-30"}, {"containerd", "", "2.0", "2025-11-07"},
	{"containerd", "", "2.1", "2026-05-05"}, {"containerd", "", "2.2", "2026-11-06"}, {"containerd", "", "2.3", "2028-04-27"},
}}

// verdict on a version.
type verdict uint8

const (
	supportUnknown verdict = iota
	supported
	unsupported
)

// of looks a minor up for a vendor. Where a vendor has no rows the project's own tell that it is supported, and not that it
// is not: vendors support for longer. What is newer than every row is not known, and what is older is not supported.
func (s *Support) of(product, vendor, minor string, now time.Time) (verdict, string) {
	rows := slices.DeleteFunc(slices.Clone(s.Rows), func(r SupportRow) bool { return r.Product != product || r.Vendor != vendor })
	if len(rows) == 0 && vendor != "" {
		v, why := s.of(product, "", minor, now)
		if v == unsupported {
			return supportUnknown, why + "; until when " + vendor + " supports it is not in the table"
		}
		return v, why
	}
	oldest := ""
	for _, r := range rows {
		if oldest == "" || minorLess(r.Minor, oldest) {
			oldest = r.Minor
		}
		if r.Minor != minor {
			continue
		}
		end, err := time.Parse(time.DateOnly, r.End)
		switch {
		case err != nil:
			return supportUnknown, "the table has no date for it"
		case now.Before(end.AddDate(0, 0, 1)):
			return supported, "supported until " + r.End
		}
		return unsupported, "support ended on " + r.End
	}
	if oldest != "" && minorLess(minor, oldest) {
		return unsupported, "support ended before that of " + oldest
	}
	return supportUnknown, "the table, read " + s.Read + ", does not have it"
}

// minorLess orders "1.9" before "1.10".
func minorLess(a, b string) bool {
	var x, y [2]int
	_, _ = fmt.Sscanf(a, "%d.%d", &x[0], &x[1])
	_, _ = fmt.Sscanf(b, "%d.%d", &y[0], &y[1])
	return x[0] < y[0] || x[0] == y[0] && x[1] < y[1]
}
