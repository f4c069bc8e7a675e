package upstream

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane/config"
)

var update = flag.Bool("update", false, "write the files that tests compare with anew; downloads Kubernetes "+lastV1beta3)

// lastV1beta3 is the last minor with kubeadm.k8s.io/v1beta3, which is gone from the version that this module requires.
const lastV1beta3 = "1.36.3"

const v1beta3File = "testdata/kubeadm-v1beta3.txt"

// TestConfigOfOlderKubeadm compares the structs of v1beta3 with the fields that upstream's have, a line each: the struct, the
// field, its type and its tag.
func TestConfigOfOlderKubeadm(t *testing.T) {
	if *update {
		text, err := v1beta3Fields()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(v1beta3File, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(v1beta3File)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		want[strings.TrimSpace(line)] = true
	}
	seen := map[reflect.Type]bool{}
	structs := map[string]bool{}
	var visit func(ty reflect.Type)
	visit = func(ty reflect.Type) {
		for ty.Kind() == reflect.Pointer || ty.Kind() == reflect.Slice {
			ty = ty.Elem()
		}
		name := strings.TrimPrefix(ty.Name(), "V1beta3")
		if seen[ty] || ty.Kind() != reflect.Struct || !strings.HasSuffix(ty.PkgPath(), "/config") || name == "Secret" || name == "Duration" || name == "BootstrapToken" {
			return
		}
		seen[ty], structs[name] = true, true
		for i := range ty.NumField() {
			f := ty.Field(i)
			tag := f.Tag.Get("json")
			if f.Anonymous {
				tag = ",inline"
			}
			if line := fmt.Sprintf("%s %s %s %s", name, strings.TrimPrefix(f.Name, "V1beta3"), bare(f.Type.String()), tag); !want[line] {
				t.Errorf("not upstream's: %s", line)
			} else {
				delete(want, line)
			}
			visit(f.Type)
		}
	}
	visit(reflect.TypeFor[config.V1beta3ClusterConfiguration]())
	visit(reflect.TypeFor[config.V1beta3InitConfiguration]())
	visit(reflect.TypeFor[config.V1beta3JoinConfiguration]())
	for line := range want {
		if name, _, _ := strings.Cut(line, " "); structs[name] {
			t.Errorf("missing: %s", line)
		}
	}
	if len(structs) != 19 {
		t.Errorf("%d structs, want 19", len(structs))
	}
}

var qualifier = regexp.MustCompile(`\b\w+\.(V1beta3)?`)

// bare is a type without packages. Payloads are texts.
func bare(s string) string {
	s = qualifier.ReplaceAllString(s, "")
	if s == "Secret" {
		return "string"
	}
	return s
}

func v1beta3Fields() ([]byte, error) {
	download, err := exec.Command("go", "mod", "download", "-json", "k8s.io/kubernetes@v"+lastV1beta3).Output()
	if err != nil {
		return nil, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(download, &module); err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, filepath.Join(module.Dir, "cmd/kubeadm/app/apis/kubeadm/v1beta3/types.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			ts := spec.(*ast.TypeSpec)
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range st.Fields.List {
				var b bytes.Buffer
				if err := printer.Fprint(&b, fset, f.Type); err != nil {
					return nil, err
				}
				kind := bare(b.String())
				name, tag := kind, ",inline"
				if len(f.Names) > 0 {
					name, tag = f.Names[0].Name, reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
				}
				lines = append(lines, fmt.Sprintf("%s %s %s %s", ts.Name.Name, name, kind, tag))
			}
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}
