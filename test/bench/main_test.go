package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

func TestMeasure(t *testing.T) {
	var out bytes.Buffer
	if err := measure(t.Context(), &out, testobj.Fleet(3), 1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"112 documents, 253 objects", "YAMLToJSON", "load", "decode", "checks", "peak memory"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}
