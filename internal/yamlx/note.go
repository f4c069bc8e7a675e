package yamlx

// NoteKind classifies a [Note].
type NoteKind uint8

const (
	// Divergent: appliers read the same text differently.
	Divergent NoteKind = iota
	// DuplicateKey: a mapping has a key twice; the last one counts, as for kubectl.
	DuplicateKey
)

// Note is something that a reader of the document should know although it could be decoded.
type Note struct {
	Kind         NoteKind
	Line, Column int // in the file, from 1
	Msg          string
}
