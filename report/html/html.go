// Package html writes a [nist190.Report] as one HTML page that needs nothing else: no network, no other file. It filters
// and searches where scripts run, and reads and prints without them.
//
// It links html/template, which keeps the linker from dropping methods; no other format does.
package html

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/nist190/nist190"
)

// Options are those of [Write].
type Options struct {
	// Title of the page; empty names the standard.
	Title string
	// Delta adds a section with what changed since an earlier report: what [nist190.Compare] gave for the same report.
	Delta *nist190.Delta
	// MaxFindings bounds what the page lists, so that a browser can open it: each check is cut at the same number, its
	// least severe findings are left out, and the page says how many. 0 means 20,000, which make a page of some 20 MB.
	MaxFindings int
}

var (
	//go:embed style.css
	style string
	//go:embed script.js
	script string
	//go:embed page.tmpl
	pageText string
)

// Write writes the page. Names in it are text, whatever they hold: the template escapes by context, and the content
// security policy of the page allows its own style and script, by their hashes, and nothing else.
//
// It lists failures, suppressed ones too, malfunctions and, by what is missing, what could not be assessed; what passes
// is counted.
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	t, err := template.New("page").Funcs(functions).Parse(pageText)
	if err != nil {
		return err
	}
	out := &stickyWriter{w: bufio.NewWriterSize(w, 64<<10)}
	if err := t.Execute(out, newPage(rep, o)); err != nil {
		return cmp.Or(out.err, err)
	}
	return out.w.Flush()
}

// stickyWriter keeps the error of the writer, which a template wraps.
type stickyWriter struct {
	w   *bufio.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// policy is the content security policy of a page with this style and script.
func policy() string {
	return strings.Join([]string{
		"default-src 'none'", "style-src " + hash(style), "script-src " + hash(script), "base-uri 'none'", "form-action 'none'",
	}, "; ")
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
