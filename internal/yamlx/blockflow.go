package yamlx

// flow writes the flow collection at the start of line, whose scalars are words or quoted and which ends on the line. It
// returns the collection's length.
func (b *block) flow(line []byte, depth int) (n int, ok bool) {
	if depth > maxBlockDepth {
		return 0, false
	}
	base, end := len(b.keys), line[0]+2 // the brackets are two apart in ASCII
	b.out = append(b.out, line[0])
	if n = skipBlanks(line, 1); n < len(line) && line[n] == end {
		b.out = append(b.out, end)
		return n + 1, true
	}
	for ; ; n++ {
		n = skipBlanks(line, n)
		if end == '}' {
			if n, ok = b.flowKey(line, n, base); !ok {
				return 0, false
			}
		}
		if n, ok = b.flowValue(line, n, depth); !ok {
			return 0, false
		}
		n = skipBlanks(line, n)
		switch {
		case n < len(line) && line[n] == ',':
			b.out = append(b.out, ',')
		case n < len(line) && line[n] == end:
			b.keys = b.keys[:base]
			b.out = append(b.out, end)
			return n + 1, true
		default:
			return 0, false
		}
	}
}

func skipBlanks(line []byte, n int) int {
	for n < len(line) && line[n] == ' ' {
		n++
	}
	return n
}

// flowKey writes "key: " at line[n:] and returns the offset behind it.
func (b *block) flowKey(line []byte, n, base int) (int, bool) {
	start := n
	for n < len(line) && line[n] != ':' && isKeyByte(line[n]) {
		n++
	}
	key := line[start:n]
	if len(key) == 0 || n+1 >= len(line) || line[n] != ':' || line[n+1] != ' ' || key[0] == '-' ||
		resolve(string(key)).kind != str || b.has(base, key) || len(b.keys)-base == maxBlockKeys {
		return 0, false
	}
	b.keys = append(b.keys, key)
	b.out = append(b.text2json(key), ':')
	return skipBlanks(line, n+1), true
}

func (b *block) flowValue(line []byte, n, depth int) (int, bool) {
	if n == len(line) {
		return 0, false
	}
	switch line[n] {
	case '"', '\'':
		length, ok := b.quoted(line[n:])
		return n + length, ok
	case '[', '{':
		length, ok := b.flow(line[n:], depth+1)
		return n + length, ok
	}
	start := n
	for n < len(line) && line[n] != ':' && isKeyByte(line[n]) {
		n++
	}
	return n, n > start && line[start] != '-' && b.plain(line[start:n])
}
