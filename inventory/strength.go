package inventory

import (
	"fmt"
	"slices"
)

// Strength says how directly evidence shows what is true of the running cluster. A larger value is stronger.
type Strength uint8

const (
	// StrengthUnset is the zero value: nobody said.
	StrengthUnset Strength = iota
	// VendorAsserted: a vendor documents it, with source and date.
	VendorAsserted
	// Attested: a named person states it.
	Attested
	// Inferred: it follows from defaults of the Kubernetes version.
	Inferred
	// Configured: a manifest or configuration file asks for it.
	Configured
	// Observed: the running cluster reports it.
	Observed
)

var strengthNames = [...]string{"", "vendor-asserted", "attested", "inferred", "configured", "observed"}

func (s Strength) String() string { return strengthNames[min(int(s), len(strengthNames)-1)] }

// MarshalText writes the name of the strength.
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a strength.
func (s *Strength) UnmarshalText(b []byte) error {
	i := slices.Index(strengthNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown evidence strength %q", b)
	}
	*s = Strength(i)
	return nil
}
