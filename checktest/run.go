package checktest

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// T is the part of *testing.T that the kit uses.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var _ T = (*testing.T)(nil)

// Run evaluates the check over every *.yaml file of fsys, each alone, compares what it finds with what the file's
// comments expect, and holds it to [Sound]. Settings are attached to every inventory.
func Run(t T, check nist190.Check, fsys fs.FS, settings ...inventory.Value) {
	t.Helper()
	if err := nist190.Validate(check); err != nil {
		t.Errorf("%v", err)
		return
	}
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures (*.yaml): %v", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		f, err := parseFixture(name, text)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		f.run(t, check, settings)
	}
}

func (f *fixture) run(t T, check nist190.Check, settings []inventory.Value) {
	t.Helper()
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, f.name, f.text), settings...)
	if err != nil {
		t.Errorf("%s: %v", f.name, err)
		return
	}
	Sound(t, check, inv)
	if len(f.masks) > 0 {
		inv = inv.Mask(nil, f.masks...)
	}
	runner := nist190.Runner{Checks: []nist190.Check{check}, DetectMutation: true}
	report, err := runner.Run(ctx, inv)
	if err != nil {
		t.Errorf("%s: %v", f.name, err)
	}
	for finding := range report.Findings() {
		f.compare(t, finding)
	}
	for _, w := range f.wants {
		if !w.met {
			t.Errorf("%s:%d: want %s, got nothing like it", f.name, w.line, w)
		}
	}
}

func (f *fixture) compare(t T, finding *nist190.Finding) {
	t.Helper()
	at := finding.Origin()
	line := at.Line
	if at.URI != "" && path.Base(at.URI) != path.Base(f.name) {
		line = 0 // an object that the Kubernetes version brings
	}
	for _, w := range f.wants {
		if !w.met && w.line == line && w.status == finding.Status && (w.message == nil || w.message.MatchString(finding.Message)) {
			w.met = true
			return
		}
	}
	quiet := finding.Status == nist190.Pass || finding.Status == nist190.NotApplicable
	if quiet && (line == 0 || !slices.ContainsFunc(f.wants, func(w *want) bool { return w.status == finding.Status && w.line > 0 })) {
		return
	}
	missing := make([]string, 0, len(finding.Missing))
	for _, m := range finding.Missing {
		missing = append(missing, m.Evidence)
	}
	t.Errorf("%s:%d: unexpected %s of %s key %q: %s (provisional %s; missing %s)", f.name, line,
		finding.Status, finding.Subject, finding.Key, finding.Message, finding.Provisional, strings.Join(missing, ", "))
}
