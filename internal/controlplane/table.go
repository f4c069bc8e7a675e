package controlplane

import (
	"github.com/nist190/nist190/internal/controlplane/defaults"
	"github.com/nist190/nist190/internal/controlplane/process"
)

func supportedMinors() (first, last int) { return defaults.Oldest, defaults.Newest }

// flagDefault is the default of a flag as the component prints it. A flag that a minor does not have is not set there.
// etcd has a table of its own: what it takes has been the same since 3.4.
func flagDefault(c process.Component, name string, minor int) (string, bool) {
	if c == process.Etcd {
		return etcdDefaults[name], true
	}
	v, _ := defaults.Flag(string(c), name, minor)
	if v == "[]" || v == "<nil>" {
		v = ""
	}
	return v, true
}
