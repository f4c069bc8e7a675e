package manifest

import (
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/inventory"
)

// versions are what answers of /version say. The version of an API server that emulates an older one is the older
// (KEP-4330): that is what its behaviour follows.
type versions struct {
	seen  inventory.Version
	state uint8
}

const (
	noVersion uint8 = iota
	oneVersion
	manyVersions
)

func (vs *versions) see(o *inventory.Object) {
	if r := o.Ref(); r.Group != format.Group || r.Kind != format.Version {
		return
	}
	var git, major, minor string
	for k, v := range rawjson.Members(o.JSON()) {
		switch k {
		case "gitVersion":
			git = rawjson.String(v)
		case "emulationMajor":
			major = rawjson.String(v)
		case "emulationMinor":
			minor = rawjson.String(v)
		}
	}
	if major != "" && minor != "" {
		git = major + "." + minor
	}
	v, err := inventory.ParseVersion(git)
	switch {
	case err != nil:
	case vs.state == noVersion:
		vs.seen, vs.state = v, oneVersion
	case v != vs.seen:
		vs.state = manyVersions // API servers of a cluster in the midst of an upgrade, or of several clusters
	}
}

func (vs *versions) only() (inventory.Version, bool) { return vs.seen, vs.state == oneVersion }
