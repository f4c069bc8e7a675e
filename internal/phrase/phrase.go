// Package phrase words what messages of several packages say alike.
package phrase

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// Workloads names the first three: `Deployment "a", CronJob "b", Pod "c", 2 more`.
func Workloads(ws []*inventory.Workload) string {
	names := make([]string, len(ws))
	for i, w := range ws {
		names[i] = fmt.Sprintf("%s %q", w.Ref().Kind, w.Object.Name())
	}
	return Shorten(names)
}

// Shorten gives the first three.
func Shorten(names []string) string {
	if n := len(names); n > 3 {
		names = append(slices.Clone(names[:3]), fmt.Sprintf("%d more", n-3))
	}
	return strings.Join(names, ", ")
}

// Count is "1 workload", "2 workloads".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
