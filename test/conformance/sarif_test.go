package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	gosarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/sarif"
)

// moduleDir is where the sources of a module are that this one requires.
func moduleDir(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	return strings.TrimSpace(string(out)), err
}

// sarifSchema is the schema of errata 01, as OASIS publishes it and go-sarif carries it.
var sarifSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	dir, err := moduleDir("github.com/owenrumney/go-sarif/v3")
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "pkg/report/v210/sarif/schema.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) > len(text) {
			text = lit.Value
		}
		return true
	})
	if text, err = strconv.Unquote(text); err != nil {
		return nil, err
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	if id := schema.(map[string]any)["id"]; id != "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json" {
		return nil, fmt.Errorf("the schema is %v", id)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///sarif.json", schema); err != nil {
		return nil, err
	}
	return c.Compile("mem:///sarif.json")
})

type sarifLog struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID         string
					Properties struct {
						Tags             []string
						SecuritySeverity string `json:"security-severity"`
					}
				}
			}
		}
		Results []struct {
			RuleID, Kind, Level, BaselineState string
			Message                            struct{ Text string }
			Locations, RelatedLocations        []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine int }
				}
			}
			PartialFingerprints map[string]string
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
	}
}

// validSARIF holds a log against the schema, the specification's rules that a schema cannot say, and the limits of code
// scanning.
func validSARIF(t *testing.T, out []byte) {
	t.Helper()
	schema, err := sarifSchema()
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(parse(t, out)); err != nil {
		t.Errorf("schema: %v", err)
	}
	if _, err := gosarif.FromBytes(out); err != nil {
		t.Errorf("go-sarif: %v", err)
	}
	var log sarifLog
	if err := json.Unmarshal(out, &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Runs) != 1 || len(log.Runs[0].Results) > sarif.ResultLimit || log.Runs[0].Results == nil {
		t.Fatalf("%d runs", len(log.Runs))
	}
	rules := map[string]bool{}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		rules[r.ID] = true
		if len(r.Properties.Tags) > 20 {
			t.Errorf("%s has %d tags", r.ID, len(r.Properties.Tags))
		}
		if s := r.Properties.SecuritySeverity; s != "" {
			if n, err := strconv.ParseFloat(s, 64); err != nil || n <= 0 || n > 10 {
				t.Errorf("%s: security-severity %q", r.ID, s)
			}
		}
	}
	seen := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		if !rules[r.RuleID] {
			t.Errorf("no rule %s", r.RuleID)
		}
		// Section 3.27.10: the level is "none" unless the kind is "fail".
		if (r.Kind == "fail") == (r.Level == "none") {
			t.Errorf("kind %s, level %s", r.Kind, r.Level)
		}
		hash := r.PartialFingerprints["primaryLocationLineHash"]
		if hash == "" || seen[hash] {
			t.Errorf("fingerprint %q is empty or not unique", hash)
		}
		seen[hash] = true
		for _, l := range append(r.Locations, r.RelatedLocations...) {
			if l.PhysicalLocation.ArtifactLocation.URI == "" || l.PhysicalLocation.Region.StartLine < 1 {
				t.Errorf("%s has no place", r.Message.Text)
			}
		}
		if len(r.Locations) != 1 {
			t.Errorf("%d locations", len(r.Locations))
		}
	}
}

// TestSARIFLimit: what is beyond the limit is left out from the least severe up, and counted.
func TestSARIFLimit(t *testing.T) {
	md := metadata("rbac-huge", nist190.UnboundedAdministrativeAccess, "1a")
	rep := run(t, nil, nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for i := range sarif.ResultLimit + 7 {
			s := nist190.SeverityLow
			if i >= sarif.ResultLimit {
				s = nist190.SeverityCritical
			}
			e.Report(nist190.Outcome{Status: nist190.Fail, Severity: s, Subject: inventory.Ref{Version: "v1", Kind: "Pod", Namespace: "n", Name: fmt.Sprintf("p-%06d", i)}})
		}
		return nil
	}))
	var b bytes.Buffer
	if err := sarif.Write(&b, rep, sarif.Options{}); err != nil {
		t.Fatal(err)
	}
	validSARIF(t, b.Bytes())
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	critical := 0
	for _, r := range log.Runs[0].Results {
		if r.Level == "error" {
			critical++
		}
	}
	if len(log.Runs[0].Results) != sarif.ResultLimit || critical != 7 {
		t.Errorf("%d results, %d of them critical", len(log.Runs[0].Results), critical)
	}
	if n := log.Runs[0].Invocations[0].ToolExecutionNotifications; len(n) == 0 || !strings.HasPrefix(n[0].Message.Text, "7 results are left out") {
		t.Errorf("notifications: %v", n)
	}
}

func TestSARIFBaseline(t *testing.T) {
	base, rep := everything(t), everything(t)
	base.Checks[0].Findings = base.Checks[0].Findings[1:]
	for i := range base.Checks[0].Findings {
		if f := &base.Checks[0].Findings[i]; f.Status == nist190.Pass {
			f.Status, f.Provisional = nist190.Fail, nist190.Fail
			break
		}
	}
	d := nist190.Compare(base, rep)
	var b bytes.Buffer
	if err := sarif.Write(&b, rep, sarif.Options{Absent: d.Fixed}); err != nil {
		t.Fatal(err)
	}
	validSARIF(t, b.Bytes())
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range log.Runs[0].Results {
		got[r.BaselineState]++
	}
	if got["new"] != 1 || got["absent"] != len(d.Fixed) || len(d.Fixed) == 0 || got["unchanged"] == 0 || got[""] != 0 {
		t.Errorf("%v, %d fixed", got, len(d.Fixed))
	}
}
