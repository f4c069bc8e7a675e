package manifest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Files below the templates directory of a Helm chart are templates even where they happen to parse: whether they are
// applied, and into which namespace, is decided by rendering.

// chartOfPath is the chart whose template the file p is.
func chartOfPath(p string) string {
	abs, err := filepath.Abs(p)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(abs); filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if filepath.Base(dir) != "templates" {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "Chart.yaml")); err == nil {
			return filepath.Base(filepath.Dir(dir))
		}
	}
	return ""
}

// outerChart is the chart whose templates directory is p or an ancestor of p.
func outerChart(p string) string { return chartOfPath(filepath.Join(p, "any")) }

// chartIn is chartOfPath in a file system.
func chartIn(fsys fs.FS, name string) string {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if path.Base(dir) != "templates" {
			continue
		}
		if _, err := fs.Stat(fsys, path.Join(path.Dir(dir), "Chart.yaml")); err == nil {
			return path.Base(path.Dir(dir))
		}
	}
	return ""
}
