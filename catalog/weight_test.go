package catalog_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nist190/nist190"

// static is the half of the module that a host links to read manifests.
var static = []string{
	".", "inventory", "inventory/manifest", "sensitivity", "rbac", "authn", "network", "placement", "nodetrust", "catalog",
	"report", "admission", "internal/controlplane",
	"report/sarif", "report/junit", "report/oscal", "report/openreports", "report/ocsf", "report/prometheus",
}

// forbidden packages and what is below them: a live client, reflection over methods (text/template keeps the linker from
// dropping any), handlers on the host's mux, and what weighs as much as all the rest.
var forbidden = []string{
	"k8s.io/client-go", "html/template", "text/template", "expvar", "github.com/prometheus", "github.com/spf13/cobra",
	"github.com/google/cel-go", "google.golang.org/grpc",
}

// imports of a package: direct ones.
type imports map[string][]string

func TestStaticHalfIsLight(t *testing.T) {
	graph := list(t, append([]string{"-deps"}, existing(t, static)...)...)
	for pkg := range graph {
		if i := slices.IndexFunc(forbidden, func(f string) bool { return isBelow(pkg, f) }); i >= 0 {
			t.Errorf("%s is linked: %s", forbidden[i], strings.Join(graph.chain(pkg), " -> "))
		}
	}
}

// directions: the packages of this module that each one may import, beside internal ones.
func directions() map[string][]string {
	base := []string{".", "inventory", "sensitivity"}
	out := map[string][]string{
		".":                  {"inventory"},
		"inventory":          {},
		"inventory/manifest": {"inventory"},
		"inventory/cluster":  {"inventory"},
		"inventory/archive":  {"inventory"},
		"sensitivity":        {"inventory"},
		"report":             {".", "inventory"},
		"admission":          {".", "inventory"},
	}
	risks := []string{"rbac", "network", "placement", "authn", "nodetrust"}
	for i, r := range risks {
		out[r] = slices.Concat(base, risks[:i])
	}
	for _, format := range []string{"sarif", "junit", "oscal", "openreports", "ocsf", "prometheus", "html"} {
		out["report/"+format] = []string{".", "inventory"} // and not report, nor each other: a caller links the one it imports
	}
	out["catalog"] = slices.Concat(base, risks, []string{"inventory/manifest"})
	return out
}

func TestImportsPointOneWay(t *testing.T) {
	graph := list(t, "./...")
	allowed := directions()
	for pkg, imports := range graph {
		may, ok := allowed[relative(pkg)]
		if !ok {
			continue
		}
		for _, in := range imports {
			if isBelow(in, module) && !strings.Contains(in, "/internal/") && !slices.Contains(may, relative(in)) {
				t.Errorf("%s imports %s; it may import %s", relative(pkg), relative(in), strings.Join(may, ", "))
			}
		}
	}
	for pkg, imports := range graph {
		own := relative(pkg)
		if isBelow(own, "inventory/cluster") || isBelow(own, "examples") {
			continue
		}
		for _, in := range imports {
			if isBelow(in, "k8s.io/client-go") {
				t.Errorf("%s imports %s; only inventory/cluster may", own, in)
			}
		}
	}
}

// chain is the shortest way in which a package of the static half comes to link pkg.
func (g imports) chain(pkg string) []string {
	from := map[string]string{}
	var queue []string
	for p := range g {
		if slices.Contains(static, relative(p)) {
			queue = append(queue, p)
		}
	}
	slices.Sort(queue)
	for _, p := range queue {
		from[p] = ""
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == pkg {
			var out []string
			for ; at != ""; at = from[at] {
				out = append(out, at)
			}
			slices.Reverse(out)
			return out
		}
		for _, in := range g[at] {
			if _, seen := from[in]; !seen {
				from[in] = at
				queue = append(queue, in)
			}
		}
	}
	return []string{pkg}
}

func list(t *testing.T, args ...string) imports {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,ImportMap"}, args...)...)
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := imports{}
	for dec := json.NewDecoder(out); ; {
		var p struct {
			ImportPath string
			Imports    []string
			ImportMap  map[string]string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for i, in := range p.Imports {
			if to, ok := p.ImportMap[in]; ok {
				p.Imports[i] = to
			}
		}
		g[p.ImportPath] = p.Imports
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return g
}

// existing leaves out what was not built yet.
func existing(t *testing.T, dirs []string) []string {
	t.Helper()
	var out []string
	for _, d := range dirs {
		files, err := filepath.Glob(filepath.Join("..", d, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") }) {
			out = append(out, "./"+d)
		}
	}
	return out
}

func isBelow(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

func relative(pkg string) string {
	if pkg == module {
		return "."
	}
	return strings.TrimPrefix(pkg, module+"/")
}
