package catalog

import (
	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
	"github.com/nist190/nist190/sensitivity"
)

// APIVersion and Kind begin every configuration file. Fields may be added within a version; a file that an older
// release does not understand is refused by it.
const (
	APIVersion = "nist190.dev/v1alpha1"
	Kind       = "Config"
)

// Config is the configuration file. Its zero value, and nil, is the whole catalog with defaults. config.schema.json
// describes every field.
type Config struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`

	Cluster           string            `json:"cluster,omitempty"`
	KubernetesVersion KubernetesVersion `json:"kubernetesVersion,omitzero"` // wins over what a source says
	World             World             `json:"world,omitempty"`            // for sources of manifests: no Runner sees them
	AsOf              nist190.Date      `json:"asOf,omitzero"`              // the day for which a scan is repeated; what ends and ages follows it

	Checks      Selection          `json:"checks,omitzero"`
	Sensitivity sensitivity.Scheme `json:"sensitivity,omitzero"`

	Network Network `json:"network,omitzero"`

	Authn Authn `json:"authn,omitzero"`

	Images placement.ImageRules `json:"images,omitzero"` // what images workloads of a level may run

	Teams           Teams                 `json:"teams,omitempty"`
	Interfaces      network.InterfaceList `json:"interfaces,omitempty"`
	InterfaceBudget *int                  `json:"interfaceBudget,omitempty"` // interfaces between two zones; nil means 5
	// Allowlist is what the cluster is meant to grant. An empty list allows nothing, a nil one is no list.
	Allowlist Allowlist `json:"allowlist,omitempty"`

	Suppressions     []nist190.Suppression `json:"suppressions,omitempty"`
	Attestations     []nist190.Attestation `json:"attestations,omitempty"`
	AllowAnnotations bool                  `json:"allowAnnotations,omitempty"`

	Thresholds Thresholds `json:"thresholds,omitzero"`
	Append     Append     `json:"append,omitzero"`

	// Own checks join the catalog: they are selected, suppressed and attested like its own.
	Own []nist190.Check `json:"-"`
}

// Selection turns checks on and off. A check runs where its risk is listed or no risk is, a glob of Include matches it
// or there is none, and no glob of Exclude matches it. Globs are those of path.Match over check IDs.
type Selection struct {
	Risks   []nist190.Risk `json:"risks,omitempty"`
	Include []string       `json:"include,omitempty"`
	Exclude []string       `json:"exclude,omitempty"`
}

// Thresholds decide what a gate lets through.
type Thresholds struct {
	FailOn          nist190.Severity   `json:"failOn,omitempty"` // unset means low
	RequireEvidence bool               `json:"requireEvidence,omitempty"`
	NewOnly         bool               `json:"newOnly,omitempty"`
	MinStrength     inventory.Strength `json:"minStrength,omitempty"`
}

// Append is what findings carry beside their subject; see [nist190.Append].
type Append struct {
	Labels []string `json:"labels,omitempty"`
	Images bool     `json:"images,omitempty"`
	Owner  bool     `json:"owner,omitempty"`
}

// Team is a group of people and service accounts with what their job requires.
type Team = rbac.Team

// Teams are what package rbac and placement hold teams to.
type Teams = rbac.TeamList

// Subject is a user, group or service account as RBAC names it.
type Subject = rbac.Subject

// Interface is a way that traffic is meant to take from one zone to another.
type Interface = network.Interface

// Grant is a set of permissions that is meant to exist.
type Grant = rbac.AllowedGrant

// Allowlist is every one of them.
type Allowlist = rbac.Allowlist
