package process

// maxBounds limits the places of a path at which a name may begin or end.
const maxBounds = 64

// NodeIn is the node whose name a path holds, of several the one with the longest name; empty where there is none. A name
// counts only where it is no part of a longer word. It costs the square of the words in the path, whatever the nodes are.
func NodeIn(path string, nodes map[string]bool) string {
	var begins, ends []int
	for i := 0; i <= len(path) && len(ends) < maxBounds; i++ {
		before, after := i > 0 && isNameByte(path[i-1]), i < len(path) && isNameByte(path[i])
		if !before && after {
			begins = append(begins, i)
		}
		if before && !after {
			ends = append(ends, i)
		}
	}
	best := ""
	for _, b := range begins {
		for _, e := range ends {
			if e-b > len(best) && nodes[path[b:e]] {
				best = path[b:e]
			}
		}
	}
	return best
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}
