package manifest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/nist190/nist190/inventory"
)

// Paths reads files and directories. Directories are walked recursively for .yaml, .yml and .json, and for files .conf and
// .kubeconfig, answers of /flagz and /metrics and results of XCCDF in .xml whose content is such; a file that is named is read whatever
// its name. "-" is cfg.Stdin.
//
// Hidden directories are left out. Symbolic links to files are followed as kubectl does, but never out of the directory
// that was named; links to directories are not followed. A named path may itself be a link.
func Paths(cfg Config, paths ...string) inventory.Source {
	return source{cfg, func(l *lister) {
		for _, p := range paths {
			l.path(p)
		}
	}}
}

// FS reads what is below root in a file system: a file, or a directory that is walked as [Paths] does. Symbolic links in
// it are left out, since a file system need not confine them.
func FS(cfg Config, fsys fs.FS, root string) inventory.Source {
	return source{cfg, func(l *lister) { l.fs(fsys, root) }}
}

// Reader reads one stream of documents; name stands for the path in origins. Collect reads r to its end, so that the
// source can be collected once.
func Reader(cfg Config, name string, r io.Reader) inventory.Source {
	return source{cfg, func(l *lister) { l.reader(name, r) }}
}

// Bytes reads one stream of documents; name stands for the path in origins. data must not be modified afterwards.
func Bytes(cfg Config, name string, data []byte) inventory.Source {
	return source{cfg, func(l *lister) {
		l.add(&input{uri: name, named: true, open: func() (io.ReadCloser,
			error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		}})
	}}
}

type source struct {
	cfg  Config
	list func(*lister)
}

// Collect implements inventory.Source.
func (s source) Collect(ctx context.Context, needs []inventory.Need, into *inventory.Collector) error {
	l := newLister(s.cfg)
	defer l.close()
	s.list(l)
	t := newTally(s.cfg, into)
	for _, p := range l.problems {
		t.take(&p)
	}
	inputs := l.sorted()
	if s.cfg.OnlyNeeds {
		for _, in := range inputs {
			in.needs = needs
		}
	}
	readAll(ctx, s.cfg, inputs, t.take)
	if err := ctx.Err(); err != nil {
		into.CoverRest(inventory.Failed, "reading the manifests was interrupted")
		return errors.Join(append(t.errs, err)...)
	}
	t.cover(needs)
	if t.objects == 0 && len(t.skipped) == 0 && len(t.errs) == 0 {
		t.errs = append(t.errs, &InputError{Origin: inventory.Origin{URI: l.single()}, Err: ErrNoObjects})
	}
	return errors.Join(t.errs...)
}
