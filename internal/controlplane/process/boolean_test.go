package process_test

import (
	"os"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane/process"
)

// TestBooleanFlags compares the table of boolean flags with the types that the components' own flag sets have.
func TestBooleanFlags(t *testing.T) {
	table, err := os.ReadFile("../defaults/defaults.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.SplitSeq(string(table), "\n") {
		f := strings.Split(line, "\t") // flag, component, name, minors, type, value
		if len(f) < 6 || f[0] != "flag" {
			continue
		}
		n++
		if c := process.Component(f[1]); process.IsBool(c, f[2]) != (f[4] == "bool") {
			t.Errorf("%s --%s is of type %s in 1.%s", c, f[2], f[4], f[3])
		}
	}
	if n < 500 {
		t.Errorf("only %d flags", n)
	}
}
