package yamlx

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// checkExpansion refuses documents that grow beyond limit bytes when aliases are replaced by what they name. The parser
// behind sigs.k8s.io/yaml limits the number of nodes that come from aliases (allowedAliasRatio), not their bytes: a
// thousand aliases to one long string pass it and are written out a thousand times.
func (d Document) checkExpansion(root *yaml.Node, limit int) error {
	e := expansion{size: map[*yaml.Node]int{}, open: map[*yaml.Node]bool{}, limit: limit + 2*len(d.Text)}
	if n := e.of(root); n > e.limit || e.cyclic {
		msg := fmt.Sprintf("aliases expand to more than %d bytes", limit)
		if e.cyclic {
			msg = "an anchor contains itself"
		}
		return &Error{Line: d.Line, Msg: msg, err: ErrLimit}
	}
	return nil
}

type expansion struct {
	size   map[*yaml.Node]int // of anchored nodes
	open   map[*yaml.Node]bool
	limit  int
	cyclic bool
}

// of is the size of n, not much above the limit: each anchor is measured once, so that the cost is that of the text.
func (e *expansion) of(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Anchor != "" {
		if size, ok := e.size[n]; ok {
			return size
		}
		if e.open[n] {
			e.cyclic = true
			return 0
		}
		e.open[n] = true
	}
	size := len(n.Value) + 8
	for _, c := range n.Content {
		size = min(size+e.of(c), e.limit+1)
		if e.cyclic {
			break
		}
	}
	if n.Anchor != "" {
		e.size[n] = size
		delete(e.open, n)
	}
	return size
}
