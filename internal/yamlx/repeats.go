package yamlx

import (
	"bytes"
	"slices"
)

// mostKeys is how many keys of one mapping are compared; a larger mapping counts as suspicious.
const mostKeys = 48

// mergeKey sets the keys of another mapping, and maybe again those beside it.
const mergeKey = "<<"

// mayRepeatKeys reports whether a mapping of the text may set a key twice. Like scan it decides what is worth a closer
// look, not what is true: it reads lines, so that prose can raise a suspicion. What it misses (a key spelled in two ways,
// or on several lines) costs a note and no value: of two equal keys the last counts, for kubectl and here.
func mayRepeatKeys(text []byte) bool {
	var s keyStack
	literal := -1 // column of the key whose block scalar is being passed over
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		column := 0
		for column < len(line) && line[column] == ' ' {
			column++
		}
		rest := bytes.TrimRight(line[column:], " \t\r")
		if len(rest) == 0 || rest[0] == '#' {
			continue
		}
		if literal >= 0 && column > literal {
			continue
		}
		literal = -1
		for len(rest) > 1 && rest[0] == '-' && rest[1] == ' ' { // the items of a sequence are mappings of their own
			s.leave(column + 1)
			n := 1
			for n < len(rest) && rest[n] == ' ' {
				n++
			}
			column, rest = column+n, rest[n:]
		}
		if len(rest) == 1 && rest[0] == '-' {
			s.leave(column + 1)
			continue
		}
		key, value, ok := cutKey(rest)
		if ok {
			if s.repeats(column, key) || string(key) == mergeKey {
				return true
			}
			rest = value
		}
		if len(rest) > 0 && (rest[0] == '|' || rest[0] == '>') {
			literal = column
		}
		if bytes.IndexByte(rest, '{') >= 0 && flowRepeats(rest) {
			return true
		}
	}
	return false
}

// cutKey splits "key: value". Quotes around the key are dropped.
func cutKey(rest []byte) (key, value []byte, ok bool) {
	end := -1
	if q := rest[0]; q == '"' || q == '\'' {
		if i := bytes.IndexByte(rest[1:], q); i >= 0 {
			key, end = rest[1:1+i], i+2
		}
	} else if i := bytes.Index(rest, []byte(": ")); i > 0 {
		key, end = rest[:i], i
	} else if rest[len(rest)-1] == ':' {
		key, end = rest[:len(rest)-1], len(rest)-1
	}
	if end < 0 || end >= len(rest) || rest[end] != ':' {
		return nil, nil, false
	}
	return key, bytes.TrimLeft(rest[end+1:], " \t"), true
}

// flowRepeats compares the keys of the flow mappings of one line with one another, nested or not.
func flowRepeats(line []byte) bool {
	var seen [][]byte
	start := 0
	for i, c := range line {
		switch c {
		case '{', '[', ',', '}', ']':
			start = i + 1
		case ':':
			key := bytes.Trim(line[start:i], " \t\"'")
			if string(key) == mergeKey || slices.ContainsFunc(seen, func(k []byte) bool { return bytes.Equal(k, key) }) {
				return true
			}
			if len(key) > 0 {
				seen = append(seen, key)
			}
			if len(seen) > mostKeys {
				return true
			}
			start = i + 1
		}
	}
	return false
}

// keyStack has the keys of the mappings that are open, by column.
type keyStack struct {
	columns []int
	first   []int // index in keys of the mapping's first
	keys    [][]byte
}

// leave ends the mappings at a column and right of it.
func (s *keyStack) leave(column int) {
	for n := len(s.columns); n > 0 && s.columns[n-1] >= column; n = len(s.columns) {
		s.keys = s.keys[:s.first[n-1]]
		s.columns, s.first = s.columns[:n-1], s.first[:n-1]
	}
}

// repeats adds a key to the mapping at a column.
func (s *keyStack) repeats(column int, key []byte) bool {
	s.leave(column + 1)
	if n := len(s.columns); n == 0 || s.columns[n-1] != column {
		s.columns, s.first = append(s.columns, column), append(s.first, len(s.keys))
	}
	open := s.keys[s.first[len(s.first)-1]:]
	if len(open) >= mostKeys {
		return true
	}
	if slices.ContainsFunc(open, func(k []byte) bool { return bytes.Equal(k, key) }) {
		return true
	}
	s.keys = append(s.keys, key)
	return false
}
