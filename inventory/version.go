package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a Kubernetes minor version; evaluation semantics follow it.
type Version struct{ Major, Minor int }

// Newest is the newest Kubernetes minor whose semantics are known here.
var Newest = Version{1, 37}

// KubernetesVersion is the version of the cluster that objects are evaluated for.
var KubernetesVersion = NewSetting("kubernetesVersion", Newest)

// World is how a source without a cluster reads absence: "closed", what is not there does not exist, or "open".
var World = NewSetting("world", "")

// Version is the Kubernetes version that the objects are evaluated for.
func (inv *Inventory) Version() Version { return KubernetesVersion.Get(inv) }

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast compares minors.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// ParseVersion reads "1.37", "v1.37.2" and what vendors append to it, such as "v1.33.5-eks-3abbec1".
func ParseVersion(s string) (Version, error) {
	parts := strings.SplitN(strings.TrimPrefix(strings.TrimSpace(s), "v"), ".", 3)
	if len(parts) < 2 {
		return Version{}, fmt.Errorf("version %q: want MAJOR.MINOR of Kubernetes", s)
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return Version{}, fmt.Errorf("version %q: want MAJOR.MINOR of Kubernetes", s)
	}
	// The minor of managed clusters may end in "+".
	minor, err := strconv.Atoi(strings.TrimSuffix(parts[1], "+"))
	if err != nil || major != 1 || minor < 0 {
		return Version{}, fmt.Errorf("version %q: want MAJOR.MINOR of Kubernetes", s)
	}
	return Version{major, minor}, nil
}
