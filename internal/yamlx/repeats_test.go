package yamlx

import "testing"

func TestMayRepeatKeys(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"one mapping", "a: 1\nb: 2\na: 3\n", true},
		{"quoted", "a: 1\n\"a\": 3\n", true},
		{"nested", "x:\n  a: 1\n  b:\n    c: 1\n  a: 2\n", true},
		{"siblings", "x:\n  a: 1\ny:\n  a: 1\n", false},
		{"items of a sequence", "x:\n- a: 1\n  b: 1\n- a: 2\n  b: 2\n", false},
		{"twice in one item", "x:\n- a: 1\n  b: 1\n  a: 2\n", true},
		{"nested sequences", "x:\n- - a: 1\n  - a: 2\n", false},
		{"after a sequence at the column of its key", "x:\n- a: 1\ny: 2\nx: 3\n", true},
		{"block scalar", "x: |\n  a: 1\n  a: 2\ny: 1\n", false},
		{"behind a block scalar", "x: |\n  a: 1\nx: 1\n", true},
		{"comments", "a: 1\n# a: 2\n", false},
		{"flow", "x: {a: 1, b: 2, a: 3}\n", true},
		{"flow without", "x: {a: 1, b: 2}\ny: {a: 1}\n", false},
		{"merge", "x: &x {a: 1}\ny:\n  a: 2\n  <<: *x\n", true},
		{"values with colons", "x: http://a:1\ny: http://a:1\n", false},
		{"no line feed at the end", "a: 1\na: 2", true},
		{"carriage returns", "a: 1\r\na: 2\r\n", true},
		{"dash without content", "-\n  a: 1\n-\n  a: 2\n", false},
	} {
		if got := mayRepeatKeys([]byte(tt.text)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
