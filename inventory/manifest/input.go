package manifest

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// input is one file or stream.
type input struct {
	uri   string
	named bool   // by the caller, not found in a walk
	chart string // the Helm chart whose template it is; empty for other files
	// patchOf is the kustomization that it is a patch of; empty for other files.
	patchOf string
	needs   []inventory.Need // documents of other kinds are left out; none for everything
	// tentative: its name does not say that it is a manifest. Unless its content does, nothing is said of it.
	tentative bool
	open      func() (io.ReadCloser, error)
}

// lister finds the inputs. It opens directories and no files.
type lister struct {
	cfg      Config
	inputs   map[string]*input
	roots    []*os.Root
	names    []string
	problems []result
}

func newLister(cfg Config) *lister { return &lister{cfg: cfg, inputs: map[string]*input{}} }

func (l *lister) close() {
	for _, r := range l.roots {
		r.Close()
	}
}

func (l *lister) add(in *input) {
	l.names = append(l.names, in.uri)
	if old, ok := l.inputs[in.uri]; ok {
		in.named = in.named || old.named
	}
	l.inputs[in.uri] = in
}

// sorted gives the inputs in the order in which their objects count.
func (l *lister) sorted() []*input {
	out := make([]*input, 0, len(l.inputs))
	for _, in := range l.inputs {
		out = append(out, in)
	}
	slices.SortFunc(out, func(a, b *input) int { return strings.Compare(a.uri, b.uri) })
	return out
}

// single is the name of the only input, for messages.
func (l *lister) single() string {
	if len(l.names) == 1 {
		return l.names[0]
	}
	return ""
}

// fail notes an input that cannot be used. What it held is unknown, so that nothing is complete any more.
func (l *lister) fail(uri string, named bool, err error) {
	l.problems = append(l.problems, failure(inventory.Origin{URI: uri}, named, inventory.ProblemUnreadable, err))
}

func (l *lister) skip(uri, why string) {
	l.problems = append(l.problems, result{problems: []inventory.Problem{{
		Code:    inventory.ProblemSkipped,
		Level:   inventory.ProblemNotice,
		Origin:  inventory.Origin{URI: uri},
		Message: why}}})
}

func (l *lister) reader(name string, r io.Reader) {
	l.add(&input{uri: name, named: true, open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }})
}

func (l *lister) path(p string) {
	if p == "-" {
		if l.cfg.Stdin == nil {
			l.fail("stdin", true, fmt.Errorf("no reader was given for standard input"))
			return
		}
		l.reader("stdin", l.cfg.Stdin)
		return
	}
	p = filepath.Clean(p)
	uri := filepath.ToSlash(p)
	info, err := os.Stat(p)
	switch {
	case err != nil:
		l.names = append(l.names, uri)
		l.fail(uri, true, cause(err))
	case info.IsDir():
		l.names = append(l.names, uri)
		root, err := os.OpenRoot(p)
		if err != nil {
			l.fail(uri, true, cause(err))
			return
		}
		l.roots = append(l.roots, root)
		w := walk{lister: l, fsys: root.FS(), base: uri, real: p}
		w.run(".", outerChart(p))
	default:
		l.add(&input{uri: uri, named: true, chart: chartOfPath(p),
			open: func() (io.ReadCloser, error) { return os.Open(p) }})
	}
}

func (l *lister) fs(fsys fs.FS, root string) {
	root = path.Clean(root)
	info, err := fs.Stat(fsys, root)
	switch {
	case err != nil:
		l.names = append(l.names, root)
		l.fail(root, true, cause(err))
	case info.IsDir():
		l.names = append(l.names, root)
		w := walk{lister: l, fsys: fsys, base: "."}
		w.run(root, chartIn(fsys, root+"/."))
	default:
		l.add(&input{uri: root, named: true, chart: chartIn(fsys, root),
			open: func() (io.ReadCloser, error) { return fsys.Open(root) }})
	}
}

// cause drops the path from an error of package os: the Problem names it.
func cause(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}
