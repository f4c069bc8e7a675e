package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190/catalog"
)

func TestConfigSchema(t *testing.T) { checkSchema(t, catalog.Schema()) }

// samples are the configuration files of package catalog.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, pattern := range []string{"../../catalog/testdata/*.yaml", "../../catalog/testdata/example/nist190.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out[file] = raw
		}
	}
	return out
}

func fromYAML(t *testing.T, raw []byte) any {
	t.Helper()
	b, err := yaml.YAMLToJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, b)
}

func TestConfigurationsConform(t *testing.T) {
	schema := compile(t, parse(t, catalog.Schema()), "")
	for file, raw := range samples(t) {
		if err := schema.Validate(fromYAML(t, raw)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestConfigSchemaRefuses: what an editor underlines is what LoadConfig refuses.
func TestConfigSchemaRefuses(t *testing.T) {
	schema := compile(t, parse(t, catalog.Schema()), "")
	const head = "apiVersion: nist190.dev/v1alpha1\nkind: Config\n"
	for name, doc := range map[string]string{
		"nothing":                       "{}",
		"another version":               strings.Replace(head, "v1alpha1", "v2", 1),
		"another kind":                  strings.Replace(head, "Config", "ConfigMap", 1),
		"unknown field":                 head + "chekcs: {}\n",
		"unknown risk":                  head + "checks: {risks: [\"4.3.6\"]}\n",
		"unknown field below":           head + "checks: {includes: [\"*\"]}\n",
		"unknown world":                 head + "world: half-open\n",
		"suppression without reason":    head + "suppressions:\n- checks: [\"rbac-*\"]\n",
		"attestation without owner":     head + "attestations:\n- {sentence: 2b, statement: it is so, expires: 2027-01-01}\n",
		"attestation without an end":    head + "attestations:\n- {sentence: 2b, statement: it is so, owner: me}\n",
		"attestation of both":           head + "attestations:\n- {sentence: 2b, check: x-y, statement: it is so, owner: me, expires: \"2027-01-01\"}\n",
		"version that is a number":      head + "kubernetesVersion: 1.30\n",
		"list where an object is asked": head + "checks: []\n",
	} {
		t.Run(name, func(t *testing.T) {
			if schema.Validate(fromYAML(t, []byte(doc))) == nil {
				t.Error("the schema accepts it")
			}
			if _, err := catalog.LoadConfig("test.yaml", []byte(doc)); err == nil {
				t.Error("LoadConfig accepts it")
			}
		})
	}
}
