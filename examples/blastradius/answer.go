package main

import (
	"context"
	"fmt"
	"io"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/nodetrust"
)

// answer is what is asked, and how it is printed.
type answer struct {
	format, question, graph, inventory string
}

func (a *answer) check() error {
	for _, f := range []string{a.format, a.inventory} {
		if f != "" && f != "text" && f != "json" {
			return fmt.Errorf("format %q: it is text or json", f)
		}
	}
	return nil
}

func (a *answer) write(ctx context.Context, w io.Writer, inv *inventory.Inventory, b *nodetrust.BlastRadius) error {
	switch {
	case a.question != "":
		return explain(w, b, a.question)
	case a.graph != "":
		r := b.Of(a.graph)
		if r == nil {
			return fmt.Errorf("no node %q was seen", a.graph)
		}
		return b.WriteMermaid(w, r)
	case a.inventory != "":
		rows, err := nodetrust.Rows(ctx, inv)
		if err != nil {
			return err
		}
		if a.inventory == "json" {
			return nodetrust.WriteRowsJSON(w, rows)
		}
		return nodetrust.WriteRows(w, rows)
	case a.format == "json":
		return b.WriteJSON(ctx, w)
	}
	return b.WriteText(ctx, w)
}

func explain(w io.Writer, b *nodetrust.BlastRadius, question string) error {
	steps, ok, err := b.Answer(question)
	if err != nil {
		return err
	}
	if !ok {
		_, err := fmt.Fprintln(w, "no way")
		return err
	}
	for _, s := range steps {
		if _, err := fmt.Fprintln(w, s.Text); err != nil {
			return err
		}
	}
	return nil
}
