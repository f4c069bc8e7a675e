package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// Error is a mistake in a configuration. Several are joined, in the order of the file.
type Error struct {
	Origin inventory.Origin // zero for a configuration that was made in Go
	Path   string           // the field, such as suppressions[0].expires; empty for a fault of syntax
	Msg    string
}

// Error is "file:line: field: message".
func (e *Error) Error() string {
	var parts []string
	for _, s := range []string{e.Origin.String(), e.Path, e.Msg} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// mistake is an Error that was not yet placed.
type mistake struct {
	path []any
	msg  string
}

type mistakes []mistake

func (m *mistakes) add(path []any, format string, args ...any) {
	*m = append(*m, mistake{path, fmt.Sprintf(format, args...)})
}

// below appends to a path without sharing its memory.
func below(path []any, more ...any) []any { return append(slices.Clip(path), more...) }

// touch reports whether a mistake is at path, above it or below it.
func (m mistakes) touch(path []any) bool {
	return slices.ContainsFunc(m, func(x mistake) bool {
		n := min(len(x.path), len(path))
		return slices.Equal(x.path[:n], path[:n])
	})
}

// locator says where a field is written.
type locator func(path ...any) inventory.Origin

func (m mistakes) place(at locator) []*Error {
	var out []*Error
	for _, x := range m {
		out = append(out, &Error{Origin: at(x.path...), Path: inventory.PathString(x.path...), Msg: x.msg})
	}
	return out
}

// join orders mistakes as the file has them.
func join(all []*Error) error {
	slices.SortStableFunc(all, func(a, b *Error) int { return a.Origin.Compare(b.Origin) })
	errs := make([]error, len(all))
	for i, e := range all {
		errs[i] = e
	}
	return errors.Join(errs...)
}
