package manifest

import (
	"bytes"
	"slices"
	"sync"

	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// text is what is kept of a document to tell where its fields were written: the text until somebody asks, then the
// positions. Safe for concurrent use.
type text struct {
	used bool // by an object; set before the text is shared

	mu  sync.Mutex
	doc yamlx.Document
	pos *yamlx.Positions // nil before the first question, and where the text has no syntax tree
}

// own copies the text out of the buffer of its file.
func (t *text) own() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.doc.JSON { // JSON values are copies already
		t.doc.Text = bytes.Clone(t.doc.Text)
	}
}

// parseNow builds the positions and drops the text.
func (t *text) parseNow() { t.positions() }

func (t *text) positions() *yamlx.Positions {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pos == nil && t.doc.Text != nil {
		t.pos, _ = t.doc.Positions() // a document that only kubectl's parser accepts has no positions
		t.doc.Text = nil
	}
	return t.pos
}

// place is where the value at path begins.
func (t *text) place(path []any) (line, column int) {
	if pos := t.positions(); pos != nil {
		line, column, _ = pos.At(path...)
		return line, column
	}
	return t.doc.Line, t.doc.Column
}

// locator tells the places of fields of the object that stands at prefix, which begins at start.
func (t *text) locator(prefix []any, start inventory.Origin) func(path ...any) inventory.Origin {
	return func(path ...any) inventory.Origin {
		at := start
		if pos := t.positions(); pos != nil {
			at.Line, at.Column, _ = pos.At(slices.Concat(prefix, path)...)
		}
		return at
	}
}
