package rbac

import (
	"path"
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// Team is a group of people and service accounts with what their job requires: the namespaces of their stage, the images
// that they may run and the nodes that run them (SP 800-190 names a test team). What is left out is not limited.
type Team struct {
	Name       string             `json:"name"`
	Subjects   []Subject          `json:"subjects"`
	Namespaces []string           `json:"namespaces,omitempty"` // globs
	Stage      string             `json:"stage,omitempty"`      // such as test or production
	Images     []string           `json:"images,omitempty"`     // patterns as of inventory.MatchImage
	Nodes      inventory.Selector `json:"nodes,omitzero"`       // of Node objects
}

// TeamList is every team that is declared; a report prints it in one line.
type TeamList []Team

func (l TeamList) String() string {
	var names []string
	for _, t := range l {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// Teams attaches the teams to an inventory.
var Teams = inventory.NewSetting("teams", TeamList(nil))

// Owns reports whether a namespace is one of the team's.
func (t *Team) Owns(namespace string) bool {
	return slices.ContainsFunc(t.Namespaces, func(glob string) bool { ok, _ := path.Match(glob, namespace); return ok })
}

// Has reports whether a subject is of the team.
func (t *Team) Has(s Subject) bool {
	return slices.ContainsFunc(t.Subjects, func(own Subject) bool { return own.canonical() == s })
}

// Production reports whether the team's stage is production.
func (t *Team) Production() bool {
	return strings.EqualFold(t.Stage, "production") || strings.EqualFold(t.Stage, "prod")
}

// Owners lists the teams that own a namespace.
func (l TeamList) Owners(namespace string) []*Team {
	var out []*Team
	for i := range l {
		if l[i].Owns(namespace) {
			out = append(out, &l[i])
		}
	}
	return out
}
