package process

import (
	"path"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// Nearest are the objects whose files share the most directories with a directory.
func Nearest(objects []*inventory.Object, dir string) []*inventory.Object {
	best := -1
	var out []*inventory.Object
	for _, o := range objects {
		n := shared(path.Dir(o.Origin().URI), dir)
		if n > best {
			best, out = n, nil
		}
		if n == best {
			out = append(out, o)
		}
	}
	return out
}

// shared counts the directories that two paths begin with.
func shared(a, b string) int {
	as, bs := directories(a), directories(b)
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}

func directories(p string) []string {
	return strings.Split(strings.TrimPrefix(strings.ReplaceAll(p, "\\", "/"), "/"), "/")
}
