package catalog_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeBeginsWithExample keeps the README's first snippet equal to the body of Example, so that it compiles.
func TestReadmeBeginsWithExample(t *testing.T) {
	snippet := between(t, "../README.md", "```go\n", "```")
	example := between(t, "example_test.go", "func Example() {\n", "\n}\n")
	if got, want := flush(snippet), flush(example); got != want {
		t.Errorf("the first Go block of README.md is\n%s\nwant the body of Example:\n%s", got, want)
	}
	if n := strings.Count(flush(example), "\n") + 1; n > 15 {
		t.Errorf("Example has %d lines; 15 are few enough to be read", n)
	}
}

func between(t *testing.T, file, begin, end string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(data), begin)
	if !ok {
		t.Fatalf("%s has no %q", file, begin)
	}
	text, _, ok = strings.Cut(text, end)
	if !ok {
		t.Fatalf("%s: nothing ends %q", file, begin)
	}
	return text
}

// flush drops indentation.
func flush(code string) string {
	lines := strings.Split(strings.TrimSpace(code), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}
