package manifest

import (
	"context"
	"errors"
	"fmt"

	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// parse makes objects of a file's bytes.
func (in *input) parse(ctx context.Context, cfg Config, p *pool, data []byte) *result {
	r := &result{}
	text, err := yamlx.Text(data)
	if in.tentative && (err != nil || !maybe(text)) {
		return r
	}
	if err != nil {
		in.broken(r, inventory.ProblemEncoding, inventory.Origin{URI: in.uri}, err)
		return r
	}
	if in.textFormat(r, text) {
		return r
	}
	if in.chart != "" {
		in.chartTemplate(r, text)
		return r
	}
	if in.patchOf != "" {
		in.patchFile(r, text)
		return r
	}
	docs := in.split(cfg, r, text)
	parts := make([]document, len(docs))
	p.each(len(docs), func(i int) {
		if ctx.Err() == nil {
			parts[i] = document{in: in, cfg: cfg, doc: docs[i]}
			parts[i].parse()
		}
	})
	sensitive, kept := false, 0
	for i := range parts {
		r.merge(&parts[i].result)
		sensitive = sensitive || parts[i].sensitive
		kept += parts[i].retained
	}
	// The documents are parts of one buffer. What keeps one of them for its positions must not keep the payload of
	// another, nor much that nobody needs.
	if sensitive || kept < len(text)/2 {
		for i := range parts {
			for _, t := range parts[i].texts {
				t.own()
			}
		}
	}
	return r
}

func (in *input) split(cfg Config, r *result, text []byte) []yamlx.Document {
	var docs []yamlx.Document
	for d := range yamlx.Split(text) {
		at := inventory.Origin{URI: in.uri, Doc: d.Index, Line: d.Line, Column: d.Column}
		if len(docs) == cfg.maxDocuments() {
			f := failure(at, in.named, inventory.ProblemTooLarge,
				fmt.Errorf("more than %d documents; the rest was not read", cfg.maxDocuments()))
			r.merge(&f)
			break
		}
		if !d.JSON && int64(len(d.Text)) > cfg.maxDocumentSize() {
			f := failure(at, in.named, inventory.ProblemTooLarge,
				fmt.Errorf("a document of more than %d bytes was not read", cfg.maxDocumentSize()))
			r.merge(&f)
			continue
		}
		docs = append(docs, d)
	}
	return docs
}

// broken notes text that no applier could read either. It makes no kind partial by itself.
func (in *input) broken(r *result, code inventory.ProblemCode, at inventory.Origin, err error) {
	p := inventory.Problem{Code: code, Origin: at, Message: message(err)}
	if in.named {
		p.Level = inventory.ProblemError
		r.errs = append(r.errs, &InputError{Origin: at, Err: errors.New(p.Message)})
	}
	r.problems = append(r.problems, p)
}

// message is the text of an error without the place, which the Problem has.
func message(err error) string {
	var e *yamlx.Error
	if errors.As(err, &e) {
		if e.Path != "" {
			return e.Path + ": " + e.Msg
		}
		return e.Msg
	}
	return err.Error()
}
