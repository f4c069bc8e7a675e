package placement_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/placement"
)

func grid(t *testing.T, inv *inventory.Inventory, format string) string {
	t.Helper()
	s, err := placement.SeparationOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Grid(inv).Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGrid(t *testing.T) {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Paths(manifest.Config{}, "../examples/manifests/shop/"))
	if err != nil {
		t.Fatal(err)
	}
	want := `
NODES              LEVEL         PUBLIC  INTERNAL  CONFIDENTIAL  RESTRICTED  INFRA  UNCLASSIFIED
node-1 and 1 more  unclassified  1       -         -             1           -      4             levels meet
node-3             restricted    1       -         -             2           -      -             levels meet
`
	trim := func(s string) string {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " ")
		}
		return strings.Join(lines, "\n")
	}
	if got := grid(t, inv, "text"); trim(got) != trim(want) {
		t.Errorf("%s\nwant%s", got, want)
	}
	if got := grid(t, inv, "markdown"); !strings.Contains(got, "| node-3 | restricted | 1 | - | - | 2 | - | - | levels meet |\n") {
		t.Errorf("%s", got)
	}
	if got := grid(t, inv, "json"); !strings.Contains(got, `"mixed": true`) {
		t.Errorf("%s", got)
	}
	s, _ := placement.SeparationOf(context.Background(), inv)
	if err := s.Grid(inv).Write(io.Discard, "pdf"); err == nil {
		t.Error("a format that does not exist is written")
	}
}

// Names come from whoever may create objects.
func TestGridNeutralisesNames(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		`{apiVersion: v1, kind: Node, metadata: {name: "a<script>|\u001b[31m&"}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns, labels: {sensitivity: public}}, spec: {nodeName: "a<script>|\u001b[31m&", containers: [{name: c, image: i}]}}`,
	})
	for _, format := range placement.GridFormats {
		got := grid(t, inv, format)
		if strings.Contains(got, "\x1b") || format == "svg" && strings.Contains(got, "<script") || format == "markdown" && (strings.Contains(got, "<script") || strings.Contains(got, "script>|")) {
			t.Errorf("%s: %q", format, got)
		}
		if format == "text" && !strings.Contains(got, "1 (1 run)") {
			t.Errorf("%s", got)
		}
		if format == "svg" {
			d := xml.NewDecoder(strings.NewReader(got))
			for {
				_, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%v\n%s", err, got)
				}
			}
		}
	}
}
