package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// document is one document on its way to objects.
type document struct {
	in  *input
	cfg Config
	doc yamlx.Document

	result
	texts     []*text // that are kept for positions
	sensitive bool    // it held a payload
	template  string
}

func (d *document) parse() {
	if d.unwanted() {
		return
	}
	v, err := d.doc.Decode(d.cfg.limits())
	if err != nil {
		d.broken(err)
		return
	}
	h := readHeader(v.JSON)
	class := classify(d.in.uri, h)
	var parts []part
	if class != apiObject && !h.isObject() {
		parts = recognize(d.in.uri, v.JSON)
	}
	if class == foreign && parts == nil {
		if undecided(v.JSON) {
			d.problems = append(d.problems, inventory.Problem{Code: inventory.ProblemNotKubernetes,
				Level: inventory.ProblemNotice, Origin: d.begin(),
				Message: "a configuration of k3s or of RKE2, and nothing says of which: have k3s or rke2 in the name of the file"})
			return
		}
		d.foreign = append(d.foreign, d.in.uri)
		return
	}
	for _, n := range v.Notes {
		d.problems = append(d.problems, inventory.Problem{Code: noteCode(n.Kind), Message: n.Msg,
			Origin: d.origin(n.Line, n.Column)})
	}
	if parts != nil {
		d.formats(parts)
		return
	}
	d.caseProblems(h)
	whole := &text{doc: d.doc}
	d.texts = []*text{whole}
	d.template = helmSource(d.doc.Text)
	switch {
	case h.templated():
		d.templateProblem("an unrendered template: the name of this object is a placeholder")
	case class == notAnObject:
		d.invalid(d.begin(), fmt.Errorf("%s; kubectl refuses it", h.lacks()))
	default:
		d.expand(entry{header: h, json: v.JSON, text: whole})
	}
	d.seal()
}

// unwanted leaves a document out that nobody asked for.
func (d *document) unwanted() bool {
	if len(d.in.needs) == 0 || d.doc.JSON {
		return false
	}
	gk, ok := skim(d.doc.Text)
	if !ok || inventory.Wants(d.in.needs, gk) {
		return false
	}
	d.skipped = append(d.skipped, gk)
	return true
}

// seal decides what is kept of the text: nothing that no object points into.
func (d *document) seal() {
	kept := d.texts[:0]
	for _, t := range d.texts {
		if t.used {
			kept = append(kept, t)
		}
	}
	d.texts = kept
	for _, t := range d.texts {
		if !t.doc.JSON { // JSON values are copies already
			d.retained += len(t.doc.Text)
		}
	}
}

func (d *document) origin(line, column int) inventory.Origin {
	return inventory.Origin{URI: d.in.uri, Doc: d.doc.Index, Line: line, Column: column, Template: d.template}
}

// begin is where the document's content begins.
func (d *document) begin() inventory.Origin {
	line, column := d.doc.Line, d.doc.Column
	for rest := d.doc.Text; len(rest) > 0; line++ {
		l, after, found := bytes.Cut(rest, []byte("\n"))
		if t := bytes.TrimLeft(l, " \t\r\uFEFF"); len(t) > 0 && t[0] != '#' &&
			!bytes.Equal(bytes.TrimSpace(t), []byte("---")) {
			return d.origin(line, column+len(l)-len(t))
		}
		if rest = after; !found {
			break
		}
		column = 1
	}
	return d.origin(d.doc.Line, d.doc.Column)
}

func noteCode(k yamlx.NoteKind) inventory.ProblemCode {
	if k == yamlx.DuplicateKey {
		return inventory.ProblemDuplicateKey
	}
	return inventory.ProblemDivergent
}

// broken handles a document that is no YAML: a template, a manifest with a fault, or something else altogether.
func (d *document) broken(err error) {
	at := d.begin()
	if e := (*yamlx.Error)(nil); errors.As(err, &e) && e.Line > 0 {
		at.Line, at.Column = e.Line, max(e.Column, 1)
	}
	code := inventory.ProblemSyntax
	if errors.Is(err, yamlx.ErrLimit) {
		code = inventory.ProblemTooLarge
	}
	kinds, looks := scanKinds(d.doc.Text)
	if bytes.Contains(d.doc.Text, []byte("{{")) && code == inventory.ProblemSyntax {
		code, at = inventory.ProblemTemplate, d.begin()
		err = errors.New("an unrendered template, which is no evidence; render it first (helm template, kustomize build, ...)")
	}
	d.in.broken(&d.result, code, at, err)
	d.lose(kinds, looks)
}

// lose lowers the coverage of the kinds that a document which could not be read may have described.
func (d *document) lose(kinds kindScan, looksLikeKubernetes bool) {
	reason := d.problems[len(d.problems)-1].String()
	for _, gk := range kinds.found {
		d.partial = append(d.partial, partial{gk, reason})
	}
	if looksLikeKubernetes && len(kinds.found) == 0 {
		d.opaque = reason
	}
}

func (d *document) templateProblem(msg string) {
	kinds, looks := scanKinds(d.doc.Text)
	d.in.broken(&d.result, inventory.ProblemTemplate, d.begin(), errors.New(msg))
	d.lose(kinds, looks)
}

// invalid notes what the API server would refuse. It is inert: nothing becomes partial by it.
func (d *document) invalid(at inventory.Origin, err error) {
	d.problems = append(d.problems, inventory.Problem{Code: inventory.ProblemInvalid, Origin: at, Message: err.Error()})
}

// placeOf is where an entry begins.
func (d *document) placeOf(e entry) inventory.Origin {
	at := d.begin()
	switch {
	case len(e.path) == 1 && e.text != d.texts[0] && !e.text.doc.JSON: // a text of its own: "- " and the item
		l := e.text.doc.Text
		at.Line, at.Column = e.text.doc.Line, 1+len(l)-len(bytes.TrimLeft(l, " -"))
	case len(e.path) > 0:
		at.Line, at.Column = e.text.place(e.path)
	case e.text != d.texts[0]:
		at.Line, at.Column = e.text.doc.Line, e.text.doc.Column
	}
	return at
}

// object adds one API object.
func (d *document) object(e entry) {
	at := d.placeOf(e)
	if from := kustomizeOrigin(e.json); from != "" {
		at.Template = from
	}
	o, err := inventory.NewObject(inventory.Item{
		JSON: e.json, Origin: at, Locate: e.text.locator(e.path, at),
		DefaultNamespace: d.cfg.DefaultNamespace,
		Configuration:    isConfiguration(e.header),
		NamedByOrigin:    isReport(e.header),
	})
	if err != nil {
		d.invalid(at, err)
		return
	}
	e.text.used = true
	if redact.Sensitive(o.APIVersion(), e.header.kind) {
		// Positions are built at once, without the values, and the text is dropped.
		d.sensitive = true
		e.text.parseNow()
	}
	d.objects = append(d.objects, o)
}
