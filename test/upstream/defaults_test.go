package upstream

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	baseversion "k8s.io/component-base/version"

	"github.com/nist190/nist190/internal/controlplane/defaults"
)

// TestDefaultsAreFresh compares the newest minor of the table with what upstream's code says now.
func TestDefaultsAreFresh(t *testing.T) {
	text, err := Defaults(defaults.Newest)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var got []string
	for line := range defaults.Lines(defaults.Newest) {
		got = append(got, line)
	}
	slices.Sort(got)
	if slices.Equal(got, want) {
		return
	}
	var b bytes.Buffer
	for _, line := range want {
		if !slices.Contains(got, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	t.Errorf("internal/controlplane/defaults/defaults.txt is stale; run go generate ./internal/controlplane/defaults\n%s", b.String())
}

func TestDefaultsMinorIsUpstreams(t *testing.T) {
	if got := fmt.Sprintf("1.%d", defaults.Newest); got != baseversion.DefaultKubeBinaryVersion {
		t.Errorf("defaults.Newest stands for Kubernetes %s, the table is generated from %s", got, baseversion.DefaultKubeBinaryVersion)
	}
}
