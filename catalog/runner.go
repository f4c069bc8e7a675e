package catalog

import (
	"reflect"
	"slices"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
	"github.com/nist190/nist190/sensitivity"
)

// Runner is a runner of the selected checks with everything that the configuration says of a run. The caller may set
// what no file should: parallelism, timeouts, a logger.
func (c *Config) Runner() *nist190.Runner {
	if c == nil {
		c = &Config{}
	}
	r := &nist190.Runner{
		Checks:           Checks(c),
		Settings:         c.settings(),
		Suppressions:     slices.Clone(c.Suppressions),
		Attestations:     slices.Clone(c.Attestations),
		AllowAnnotations: c.AllowAnnotations,
		MinStrength:      c.Thresholds.MinStrength,
		Cluster:          c.Cluster,
		Append:           nist190.Append(c.Append),
	}
	if !c.AsOf.IsZero() {
		r.Now = func() time.Time { return c.AsOf.Time }
	}
	return r
}

// Threshold is what the configuration says of a gate.
func (c *Config) Threshold() nist190.Threshold {
	if c == nil {
		return nist190.Threshold{}
	}
	t := c.Thresholds
	return nist190.Threshold{FailOn: t.FailOn, RequireEvidence: t.RequireEvidence, NewOnly: t.NewOnly}
}

var selection = inventory.NewSetting("checks", selected{})

// settings are the values that differ from the defaults.
func (c *Config) settings() []inventory.Value {
	var out []inventory.Value
	if s := c.selected(); len(s.off) > 0 {
		out = append(out, selection.Set(s))
	}
	if !c.KubernetesVersion.IsZero() {
		out = append(out, inventory.KubernetesVersion.Set(c.KubernetesVersion.Version))
	}
	if !c.AsOf.IsZero() {
		out = append(out, inventory.Clock.Set(inventory.Instant{Time: c.AsOf.Time}))
	}
	if !reflect.ValueOf(c.Sensitivity).IsZero() {
		out = append(out, sensitivity.Setting.Set(c.Sensitivity))
	}
	if !reflect.ValueOf(c.Network).IsZero() {
		out = append(out, network.PluginProfile.Set(c.Network.Profile()))
	}
	if !reflect.ValueOf(c.Authn).IsZero() {
		out = append(out, authn.LoginProfile.Set(c.Authn.Profile()))
	}
	if !reflect.ValueOf(c.Images).IsZero() {
		out = append(out, placement.Images.Set(c.Images))
	}
	if len(c.Teams) > 0 {
		out = append(out, rbac.Teams.Set(c.Teams))
	}
	if len(c.Interfaces) > 0 {
		out = append(out, network.Interfaces.Set(c.Interfaces))
	}
	if c.InterfaceBudget != nil {
		out = append(out, network.InterfaceBudget.Set(network.Budget(*c.InterfaceBudget)))
	}
	if c.Allowlist != nil {
		out = append(out, rbac.Allowed.Set(c.Allowlist))
	}
	return out
}
