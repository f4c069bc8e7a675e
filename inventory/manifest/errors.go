package manifest

import (
	"errors"

	"github.com/nist190/nist190/inventory"
)

// InputError says that an input which the caller named could not be used, wholly or in part.
type InputError struct {
	Origin inventory.Origin
	Err    error
}

func (e *InputError) Error() string {
	if e.Origin.IsZero() {
		return e.Err.Error()
	}
	return e.Origin.String() + ": " + e.Err.Error()
}

func (e *InputError) Unwrap() error { return e.Err }

// ErrNoObjects: all inputs together describe no object, so that nothing can be said of them.
var ErrNoObjects = errors.New("no Kubernetes object in any input")
