package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/openreports/reports-api/apis/openreports.io/v1alpha1"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/openreports"
)

// openReportsSchemas are those of the custom resource definitions, which the API server would prune or refuse by. Fields
// that they do not name are refused here.
var openReportsSchemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	dir, err := moduleDir("github.com/openreports/reports-api")
	if err != nil {
		return nil, err
	}
	out := map[string]*jsonschema.Schema{}
	for kind, file := range map[string]string{"Report": "openreports.io_reports.yaml", "ClusterReport": "openreports.io_clusterreports.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, "config/crd", file))
		if err != nil {
			return nil, err
		}
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema map[string]any }
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			return nil, err
		}
		if len(crd.Spec.Versions) != 1 || crd.Spec.Versions[0].Name != "v1alpha1" || crd.Spec.Names.Kind != kind {
			return nil, fmt.Errorf("%s: %v", file, crd.Spec.Names)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("mem:///"+kind, closed(crd.Spec.Versions[0].Schema.OpenAPIV3Schema)); err != nil {
			return nil, err
		}
		if out[kind], err = c.Compile("mem:///" + kind); err != nil {
			return nil, err
		}
	}
	return out, nil
})

// closed refuses fields that a schema of a custom resource does not name.
func closed(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = closed(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = closed(v[k])
		}
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
	}
	return v
}

func validOpenReports(max int) func(t *testing.T, out []byte) {
	return func(t *testing.T, out []byte) {
		t.Helper()
		schemas, err := openReportsSchemas()
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			APIVersion, Kind string
			Items            []json.RawMessage
		}
		if err := json.Unmarshal(out, &list); err != nil || list.APIVersion != "v1" || list.Kind != "List" {
			t.Fatal(list.Kind, err)
		}
		names := map[string]bool{}
		for _, raw := range list.Items {
			// ClusterReport has the fields of Report.
			var r v1alpha1.Report
			dec := json.NewDecoder(bytes.NewReader(raw))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&r); err != nil {
				t.Fatal(err)
			}
			schema := schemas[r.Kind]
			if schema == nil || r.APIVersion != v1alpha1.SchemeGroupVersion.String() || (r.Namespace == "") != (r.Kind == "ClusterReport") {
				t.Fatalf("%s %s in %q", r.APIVersion, r.Kind, r.Namespace)
			}
			if err := schema.Validate(parse(t, raw)); err != nil {
				t.Errorf("%s: %v", r.Name, err)
			}
			if len(raw) > max {
				t.Errorf("%s has %d bytes", r.Name, len(raw))
			}
			if names[r.Namespace+"/"+r.Name] {
				t.Errorf("two reports %s/%s", r.Namespace, r.Name)
			}
			names[r.Namespace+"/"+r.Name] = true
			counts := map[v1alpha1.Result]int{}
			for _, res := range r.Results {
				counts[res.Result]++
			}
			if s := r.Summary; s.Pass != counts["pass"] || s.Fail != counts["fail"] || s.Warn != counts["warn"] || s.Error != counts["error"] || s.Skip != counts["skip"] || len(r.Results) == 0 {
				t.Errorf("%s: %+v, counted %v", r.Name, s, counts)
			}
		}
	}
}

// TestOpenReportsSplit: every finding is in one part, and each part says how many there are.
func TestOpenReportsSplit(t *testing.T) {
	rep := huge(t)
	var b bytes.Buffer
	if err := openreports.Write(&b, rep, openreports.Options{MaxBytes: 32 << 10}); err != nil {
		t.Fatal(err)
	}
	validOpenReports(32<<10)(t, b.Bytes())
	var list struct{ Items []v1alpha1.Report }
	if err := json.Unmarshal(b.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	n, parts := 0, map[string]int{}
	for _, r := range list.Items {
		n += len(r.Results)
		parts[r.Namespace]++
	}
	all := 0
	for range rep.Findings() {
		all++
	}
	if n != all || len(parts) != 100 {
		t.Errorf("%d results of %d, in %d namespaces", n, all, len(parts))
	}
	for _, r := range list.Items {
		if r.Labels["nist190.dev/parts"] != fmt.Sprint(parts[r.Namespace]) || parts[r.Namespace] < 2 {
			t.Fatalf("%s/%s: %v, %d parts", r.Namespace, r.Name, r.Labels, parts[r.Namespace])
		}
	}
	b.Reset()
	if err := openreports.Write(&b, hostile(t), openreports.Options{MaxBytes: 32 << 10}); err != nil {
		t.Fatal(err)
	}
	validOpenReports(32<<10)(t, b.Bytes())
	for _, o := range []openreports.Options{{MaxBytes: 100}, {Name: "No Name"}} {
		if err := openreports.Write(&bytes.Buffer{}, &nist190.Report{}, o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
