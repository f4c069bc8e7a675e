package yamlx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

var (
	// ErrBinary: NUL bytes, which neither YAML nor JSON may contain.
	ErrBinary = errors.New("binary data: it contains NUL bytes")
	// ErrEncoding: a byte order mark announces an encoding that the rest does not keep, or UTF-32.
	ErrEncoding = errors.New("neither UTF-8 nor well-formed UTF-16")
)

var bom = []byte("\uFEFF")

// Text returns data as UTF-8 without its byte order mark. UTF-16 is converted, as kubectl does for files; anything else
// is returned as it is and may hold invalid UTF-8, which the parser of the document then reports.
func Text(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}):
		return nil, ErrEncoding
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return fromUTF16(data[2:], binary.BigEndian)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, ErrBinary
	}
	return bytes.TrimPrefix(data, bom), nil
}

func fromUTF16(data []byte, order binary.ByteOrder) ([]byte, error) {
	if len(data)%2 != 0 {
		return nil, ErrEncoding
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
		if units[i] == 0 {
			return nil, ErrBinary
		}
	}
	for i := 0; i < len(units); i++ {
		if !utf16.IsSurrogate(rune(units[i])) {
			continue
		}
		if i+1 == len(units) || utf16.DecodeRune(rune(units[i]), rune(units[i+1])) == '\uFFFD' {
			return nil, ErrEncoding
		}
		i++
	}
	return []byte(string(utf16.Decode(units))), nil
}
