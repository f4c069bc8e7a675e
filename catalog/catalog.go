package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/nodetrust"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
)

// All is every check with its defaults, in the order of the risks.
func All() []nist190.Check {
	return slices.Concat(rbac.Checks(), authn.Checks(), network.Checks(), placement.Checks(), nodetrust.Checks())
}

// Checks is what a configuration selects; nil selects everything.
func Checks(c *Config) []nist190.Check {
	if c == nil {
		return All()
	}
	return slices.DeleteFunc(c.known(), func(check nist190.Check) bool { return !c.Checks.selects(check.Metadata()) })
}

// known is every check that the configuration can speak of.
func (c *Config) known() []nist190.Check { return append(All(), c.Own...) }

func (s Selection) selects(md nist190.Metadata) bool {
	return (len(s.Risks) == 0 || slices.Contains(s.Risks, md.Risk)) &&
		(len(s.Include) == 0 || matchAny(s.Include, md.ID)) && !matchAny(s.Exclude, md.ID)
}

func matchAny(globs []string, id string) bool {
	return slices.ContainsFunc(globs, func(g string) bool {
		ok, _ := path.Match(g, id) // a bad pattern is a mistake that Validate reports
		return ok
	})
}

// selected is a Selection as a report prints it: which checks did not run, and on whose word.
type selected struct {
	off   []string
	known int
}

func (c *Config) selected() selected {
	s := selected{known: len(c.known())}
	for _, check := range c.known() {
		if md := check.Metadata(); !c.Checks.selects(md) {
			s.off = append(s.off, md.ID)
		}
	}
	return s
}

func (s selected) String() string {
	return fmt.Sprintf("%d of %d; switched off: %s", s.known-len(s.off), s.known, strings.Join(s.off, ", "))
}
