package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/sample"
)

func TestDeltaGolden(t *testing.T) {
	base, rep := sample.Compared(t)
	d := nist190.Compare(base, rep)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"compared.txt":         func(b *bytes.Buffer) error { return TextDelta(b, &d, TextOptions{}) },
		"compared-verbose.txt": func(b *bytes.Buffer) error { return TextDelta(b, &d, TextOptions{Verbose: true, Width: 80}) },
		"compared.md":          func(b *bytes.Buffer) error { return MarkdownDelta(b, &d, MarkdownOptions{}) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
	// A comparison is read, not changed.
	for _, f := range d.New {
		if f.Baseline != nist190.BaselineNew {
			t.Errorf("%s is %q", f.Message, f.Baseline)
		}
	}
}

func TestDeltaOfNothing(t *testing.T) {
	var text, md bytes.Buffer
	if err := TextDelta(&text, &nist190.Delta{}, TextOptions{}); err != nil || text.String() != "0 new, 0 fixed, 0 changed, 0 unknowable, 0 unchanged\n" {
		t.Errorf("%q, %v", text.String(), err)
	}
	if err := MarkdownDelta(&md, &nist190.Delta{}, MarkdownOptions{}); err != nil || !strings.Contains(md.String(), "0 new") {
		t.Errorf("%q, %v", md.String(), err)
	}
	if MarkdownDelta(&md, &nist190.Delta{}, MarkdownOptions{MaxBytes: 10}) == nil {
		t.Error("ten bytes are enough")
	}
}

func TestDeltaHoldsAnything(t *testing.T) {
	rep := attacked(t)
	all := func(rep *nist190.Report) (out []*nist190.Finding) {
		for f := range rep.Findings() {
			out = append(out, f)
		}
		return out
	}
	d := nist190.Delta{New: all(rep), Fixed: all(rep), Changed: all(rep), Unknowable: all(rep), Unchanged: all(rep)}
	huge := nist190.Delta{New: all(many(t, 20000)), Fixed: all(many(t, 10))}
	for _, tt := range []struct {
		d    *nist190.Delta
		most int
	}{{&d, SummaryLimit}, {&huge, 8192}} {
		var text, md bytes.Buffer
		if err := TextDelta(&text, tt.d, TextOptions{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		if err := MarkdownDelta(&md, tt.d, MarkdownOptions{MaxBytes: tt.most, MaxRows: 1000}); err != nil {
			t.Fatal(err)
		}
		if md.Len() > tt.most {
			t.Errorf("%d bytes, at most %d", md.Len(), tt.most)
		}
		for _, r := range text.String() + md.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("holds %q", r)
			}
		}
	}
}
