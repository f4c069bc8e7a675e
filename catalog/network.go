package catalog

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/nist190/nist190/network"
)

// Network is what the network plugin does, where manifests do not show it or leave it open. What is left out is detected.
type Network struct {
	Plugin                string          `json:"plugin,omitempty"` // such as cilium; the names are those of [network.Profile]
	EnforcesNetworkPolicy Answer          `json:"enforcesNetworkPolicy,omitzero"`
	IPBlockMatchesPods    Answer          `json:"ipBlockMatchesPods,omitzero"`
	HostNetwork           HostNetworkMode `json:"hostNetwork,omitzero"` // what policies do to pods on it
	PodCIDRs              []CIDR          `json:"podCIDRs,omitempty"`
	NodeCIDRs             []CIDR          `json:"nodeCIDRs,omitempty"`
}

// Profile is what package network makes of it.
func (n Network) Profile() network.Profile {
	out := network.Profile{
		Plugin: n.Plugin, Enforces: n.EnforcesNetworkPolicy.Answer, IPBlockMatchesPods: n.IPBlockMatchesPods.Answer, HostNetwork: n.HostNetwork.HostNetworkMode,
	}
	for _, c := range n.PodCIDRs {
		out.PodCIDRs = append(out.PodCIDRs, c.Prefix)
	}
	for _, c := range n.NodeCIDRs {
		out.NodeCIDRs = append(out.NodeCIDRs, c.Prefix)
	}
	return out
}

// Answer is true, false or "unknown". The zero value leaves it to detection.
type Answer struct{ network.Answer }

// MarshalJSON writes what UnmarshalJSON reads.
func (a Answer) MarshalJSON() ([]byte, error) {
	switch a.Answer {
	case network.Yes, network.No:
		return json.Marshal(a.Answer == network.Yes)
	}
	return json.Marshal(a.Answer.String())
}

// UnmarshalJSON reads a boolean or "unknown".
func (a *Answer) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		a.Answer = network.Yes
	case "false":
		a.Answer = network.No
	case `"unknown"`:
		a.Answer = network.Unknown
	default:
		return fmt.Errorf("want %s", a.wanted())
	}
	return nil
}

func (*Answer) wanted() string { return `true, false or "unknown"` }

// IsZero reports whether nobody said.
func (a Answer) IsZero() bool { return a.Answer == network.Detect }

// HostNetworkMode is what policies do to pods on the host's network. The zero value is what all known plugins do.
type HostNetworkMode struct{ network.HostNetworkMode }

// UnmarshalText reads "ignored", "enforced" or "unknown".
func (m *HostNetworkMode) UnmarshalText(b []byte) (err error) {
	m.HostNetworkMode, err = network.ParseHostNetworkMode(string(b))
	return err
}

// IsZero reports whether it is the default.
func (m HostNetworkMode) IsZero() bool { return m.HostNetworkMode == network.Ignored }

// CIDR is an address block without bits of a host.
type CIDR struct{ netip.Prefix }

// UnmarshalText reads a CIDR, such as 10.0.0.0/8.
func (c *CIDR) UnmarshalText(b []byte) error {
	p, err := netip.ParsePrefix(string(b))
	switch {
	case err != nil:
		return fmt.Errorf("%q is no CIDR", b)
	case p != p.Masked():
		return fmt.Errorf("%q has bits of a host; the block is %s", b, p.Masked())
	}
	c.Prefix = p
	return nil
}
