package yamlx

import "errors"

// Limits bound what one document may cost. Zero fields stand for the defaults.
type Limits struct {
	Depth     int // levels of nesting; default 1000
	Expansion int // bytes of scalars after aliases are expanded, beyond those of the text; default 32 MiB
}

const (
	defaultDepth     = 1000
	defaultExpansion = 32 << 20
	// maxDepth keeps the recursions of this package and of the parsers far from the stack's limit. sigs.k8s.io/yaml and
	// sigs.k8s.io/json stop at 10,000 levels themselves.
	maxDepth = 9999
)

func (l Limits) depth() int {
	if l.Depth <= 0 {
		return defaultDepth
	}
	return min(l.Depth, maxDepth)
}

func (l Limits) expansion() int {
	if l.Expansion <= 0 {
		return defaultExpansion
	}
	return l.Expansion
}

// ErrLimit is wrapped by errors about documents that exceed [Limits].
var ErrLimit = errors.New("limit exceeded")
