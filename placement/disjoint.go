package placement

// maxProduct bounds the alternatives of one demand multiplied out. Of a demand with more, questions are left out, so that
// it seems to ask less: what is found to be disjoint is so all the same.
const maxProduct = 256

// multiply multiplies the questions of a demand out: a node satisfies it only if it satisfies one of these ways.
func (d *demand) multiply() []way {
	out := []way{{name: anyName}}
	if d.name != "" {
		out[0].name = exactly(d.name)
	}
	if d.refused != "" {
		return nil
	}
	if len(d.unseen) > 0 {
		return out
	}
	for i := range d.groups {
		ways := d.groups[i].ways
		if len(out)*len(ways) > maxProduct {
			continue
		}
		var next []way
		for j := range out {
			for k := range ways {
				if w, ok := out[j].and(ways[k]); ok {
					next = append(next, w)
				}
			}
		}
		out = next
	}
	return out
}

// disjoint: no node that there could ever be satisfies both, whatever its labels and name. Taints prove nothing here,
// since they are the node's.
func disjoint(a, b *podClass) bool {
	wa, wb := a.product, b.product
	for i := range wa {
		for j := range wb {
			if _, ok := wa[i].and(wb[j]); ok {
				return false
			}
		}
	}
	return true
}

// together tells whether one node can hold both, each of which it can hold: of a pool, one node must satisfy both.
func together(a, b *podClass, n *Node) bool {
	if !n.Pool {
		return true
	}
	wa, wb := a.product, b.product
	for i := range wa {
		for j := range wb {
			if w, ok := wa[i].and(wb[j]); ok && n.join(&w) != nil {
				return true
			}
		}
	}
	return false
}

// Disjoint reports whether the pods of two workloads can never share a node, whatever nodes there are: what their node
// selectors, affinities and volumes ask for excludes one another.
func Disjoint(a, b *Placement) bool {
	for _, x := range a.classes {
		for _, y := range b.classes {
			if !disjoint(x, y) {
				return false
			}
		}
	}
	return true
}
