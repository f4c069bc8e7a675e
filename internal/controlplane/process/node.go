package process

import "strings"

// NodeIn is the node whose name a path holds, of several the one with the longest name; empty where there is none. A name
// counts only where it is no part of a longer one.
func NodeIn(path string, nodes []string) string {
	best := ""
	for _, n := range nodes {
		if len(n) > len(best) && holdsName(path, n) {
			best = n
		}
	}
	return best
}

func holdsName(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(name)
		if (i == 0 || !isNameByte(text[i-1])) && (end == len(text) || !isNameByte(text[end])) {
			return true
		}
		at = i + 1
	}
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}
