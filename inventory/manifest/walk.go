package manifest

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// walk finds the manifests below a directory.
type walk struct {
	*lister
	fsys fs.FS
	base string // URI of the root of fsys
	real string // path of the root of fsys in the operating system; links are followed only if it is set

	charts  map[string]string // directory of a chart -> its name
	patches map[string]string // URI of a kustomize patch -> that of its kustomization
	links   []string
}

func (w *walk) uri(name string) string { return path.Join(w.base, name) }

// run walks root. outer is the chart whose templates directory root lies in, if any.
func (w *walk) run(root, outer string) {
	w.charts, w.patches = map[string]string{}, map[string]string{}
	err := fs.WalkDir(w.fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			w.fail(w.uri(name), name == root, cause(err))
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if name != root {
			if pattern, err := w.excluded(root, name); err != nil {
				return err
			} else if pattern != "" {
				w.skip(w.uri(name), fmt.Sprintf("excluded by the pattern %q", pattern))
				return skipEntry(d)
			}
		}
		if d.IsDir() {
			return w.directory(root, name)
		}
		if isKustomization(d.Name()) && d.Type().IsRegular() {
			w.kustomize(name)
		}
		if !isManifest(name) && !isTentative(name) {
			return nil
		}
		switch {
		case d.Type().IsRegular():
			w.file(name, outer)
		case d.Type()&fs.ModeSymlink != 0:
			w.links = append(w.links, name)
		default:
			w.skip(w.uri(name), "no regular file")
		}
		return nil
	})
	if err != nil {
		w.fail(w.uri(root), true, err)
	}
	for _, name := range w.links {
		w.link(name, outer)
	}
	for uri, by := range w.patches {
		if in := w.inputs[uri]; in != nil && !in.named {
			in.patchOf = by
		}
	}
}

func skipEntry(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func isManifest(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// isTentative reports the names of configuration files that are no manifests by their extension: drop-ins of a kubelet and
// kubeconfigs, results of XCCDF, and what kubectl get --raw was asked for.
func isTentative(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch path.Ext(base) {
	case ".conf", ".kubeconfig", ".xml": // .xml: results of XCCDF
		return true
	case "", ".txt", ".prom":
		return base == "kubeconfig" || strings.Contains(base, "flagz") || strings.Contains(base, "metrics") ||
			strings.Contains(base, "configz")
	}
	return false
}

func (w *walk) directory(root, name string) error {
	if base := path.Base(name); name != root && strings.HasPrefix(base, ".") {
		// Two dots are the generations of a mounted ConfigMap, which links lead to.
		if !strings.HasPrefix(base, "..") && !toolDirectories[base] {
			w.skip(w.uri(name), "hidden directories are left out; name it to have it read")
		}
		return fs.SkipDir
	}
	if _, err := fs.Stat(w.fsys, path.Join(name, "Chart.yaml")); err == nil {
		w.charts[name] = path.Base(w.uri(name))
	}
	return nil
}

// toolDirectories are left out without a word.
var toolDirectories = map[string]bool{
	".git": true, ".github": true, ".gitlab": true, ".circleci": true, ".svn": true, ".hg": true, ".jj": true,
	".idea":   true,
	".vscode": true, ".terraform": true, ".cache": true, ".venv": true, ".tox": true, ".devcontainer": true,
}

func (w *walk) file(name, outer string) {
	chart := outer
	for dir := path.Dir(name); chart == "" && dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" {
			chart = w.charts[path.Dir(dir)]
		}
	}
	w.inputs[w.uri(name)] = &input{uri: w.uri(name), chart: chart, named: w.wasNamed(name),
		tentative: !isManifest(name) && !w.wasNamed(name),
		open:      func() (io.ReadCloser, error) { return w.fsys.Open(name) }}
}

func (w *walk) wasNamed(name string) bool {
	old, ok := w.inputs[w.uri(name)]
	return ok && old.named
}

// link follows a symbolic link to a file, as kubectl does (cli-runtime, ExpandPathsToFileVisitors). The file system
// refuses links that lead out of it. What the walk reads under its own name is not read twice.
func (w *walk) link(name, outer string) {
	if w.real == "" {
		w.skip(w.uri(name), "symbolic links are not followed in this file system")
		return
	}
	info, err := fs.Stat(w.fsys, name)
	switch {
	case err != nil:
		w.skip(w.uri(name), "a symbolic link that is dangling or leads out of the directory that was named")
		return
	case info.IsDir():
		w.skip(w.uri(name), "symbolic links to directories are not followed")
		return
	case !info.Mode().IsRegular():
		w.skip(w.uri(name), "no regular file")
		return
	}
	if target, ok := w.target(name); ok {
		if _, read := w.inputs[w.uri(target)]; read {
			return
		}
	}
	w.file(name, outer)
}

// target is what a link leads to in the end, relative to the root.
func (w *walk) target(name string) (string, bool) {
	root, err1 := filepath.EvalSymlinks(w.real)
	file, err2 := filepath.EvalSymlinks(filepath.Join(w.real, filepath.FromSlash(name)))
	if err1 != nil || err2 != nil {
		return "", false
	}
	rel, err := filepath.Rel(root, file)
	return filepath.ToSlash(rel), err == nil
}

// excluded returns the pattern that leaves a path out.
func (w *walk) excluded(root, name string) (string, error) {
	rel := strings.TrimPrefix(name, root+"/")
	for _, p := range w.cfg.Exclude {
		subject := rel
		if !strings.Contains(p, "/") {
			subject = path.Base(rel)
		}
		if ok, err := path.Match(strings.TrimSuffix(p, "/"), subject); err != nil {
			return "", fmt.Errorf("exclude pattern %q: %w", p, err)
		} else if ok {
			return p, nil
		}
	}
	return "", nil
}
