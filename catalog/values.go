package catalog

import (
	"fmt"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// KubernetesVersion is a Kubernetes minor version, written "1.34". The zero value means that nobody said.
type KubernetesVersion struct{ inventory.Version }

// MarshalText writes MAJOR.MINOR.
func (v KubernetesVersion) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what [inventory.ParseVersion] does.
func (v *KubernetesVersion) UnmarshalText(b []byte) (err error) {
	v.Version, err = inventory.ParseVersion(string(b))
	return err
}

// IsZero reports whether nobody said.
func (v KubernetesVersion) IsZero() bool { return v.Version == inventory.Version{} }

// World is how a source of manifests reads absence. The zero value leaves it to the source.
type World string

const (
	Closed World = "closed" // what is not there does not exist
	Open   World = "open"   // what is not there may exist elsewhere
)

// UnmarshalText reads "closed" or "open".
func (w *World) UnmarshalText(b []byte) error {
	switch World(b) {
	case Closed, Open:
		*w = World(b)
		return nil
	}
	return fmt.Errorf("%q is neither closed nor open", b)
}

// Manifest is the world for package manifest, whose default is Closed.
func (w World) Manifest() manifest.World {
	if w == Open {
		return manifest.Open
	}
	return manifest.Closed
}
