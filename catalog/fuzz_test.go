package catalog

import (
	"os"
	"testing"
)

// FuzzLoadConfig: no input makes the loader panic, what it accepts is valid, selects something, and meets the schema.
func FuzzLoadConfig(f *testing.F) {
	for _, name := range []string{"testdata/full.yaml", "testdata/minimal.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, s := range []string{"suppressions: [{}]", "a: &a [*a]", "teams: &a [*a]", "sensitivity: {levels: [a, a]}", "interfaces: [{ports: [{port: {}}]}]", "append: {labels: ['']}", "? [a]\n: b"} {
		f.Add([]byte("apiVersion: nist190.dev/v1alpha1\nkind: Config\n" + s))
	}
	root := loadSchema(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := LoadConfig("f.yaml", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v with error %v", c, err)
		}
		if err != nil {
			_ = err.Error()
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("loaded, and yet: %v", err)
		}
		if len(c.Runner().Checks) == 0 {
			t.Error("no check is left")
		}
		_ = c.Threshold()
		for _, msg := range violations(root, root, decoded(t, "f.yaml", text), "f.yaml") {
			t.Errorf("loaded, and yet the schema refuses it: %s", msg)
		}
	})
}
