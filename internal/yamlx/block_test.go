package yamlx

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// fragments are what lines of YAML are made of, including what blockToJSON has to leave to others.
var (
	openers = []string{"", "- ", "- - ", "-   ", "a: ", "b: ", "c.d/e-f: ", "\"g\": ", "'h': ", "- a: ", "- b:  ", "? ", "i:j: ", "1: ", "~: ", "no: ", ".x: ", "-y: ", "&k ", "*k", "!t ", "a b: "}
	scalars = []string{"", "", "", "x", "foo bar", "a:b", "a: b", "a:", "x #c", "x#c", "#c", "'q'", "'q' #c", "'q'r", "'it''s'", "\"d\"", "\"d\\n\\/\"", "\"d\\x41\"", "\"d", "|", "|-", "|+", "| #c", ">", "|2", "[]", "{}",
		"[a, 'b', \"c\", 1]", "[a,]", "[a b]", "[a:b]", "{a: b}", "{ a: [1, {b: 'c'}] , d: {}} #e", "{a:b}", "{a: b, a: c}", "{a}", "{a: , b: c}", "{a: b,}", "[a: b]", "[{a: b}, c]", "{a: b c}", "{no: x}", "{a: b}c", "[-a, -1]", "0644", "08", "1_0", "0x1f", "1.5", ".5", "+1", "-1", "- 1", "-", "true", "True", "no", "null", "~", "2024-01-01", "1e3", "18446744073709551615", "-x",
		"<<", "@x", "`x", "%x", "---", "...", "x - y", ":x", "?x", ":", "'a''b'", "'''a'", "'a'''", "''", "'a' b", "['a''b', '']", "a? b", "x]", "x, y", "0b11", "-0b1", "1:30", "0o17", "_1", ".inf", ".", "longer-than-five", "False_", "x'y", "x\"y", "x\\y", "<>&", "é", "\"ü\"", "a\u0085b", "\u2028", "\uFEFFx", "x\uFEFF", "\xff", "\U0001F600", "\u009f", "\ufffe"}
)

func randomYAML(r *rand.Rand) string {
	var b strings.Builder
	indent := 0
	for range 1 + r.IntN(9) {
		switch r.IntN(8) {
		case 0:
			indent += 2
		case 1:
			indent += 1
		case 2, 3:
			indent = max(0, indent-2)
		case 4:
			indent = 0
		}
		if r.IntN(12) == 0 {
			b.WriteString([]string{"\n", "   \n", "# c\n", "  # c\n"}[r.IntN(4)])
		}
		b.WriteString(strings.Repeat(" ", indent))
		b.WriteString(openers[r.IntN(len(openers)*(1+r.IntN(2)))%12])
		if r.IntN(4) == 0 {
			b.WriteString(openers[r.IntN(len(openers))])
		}
		s := scalars[r.IntN(len(scalars))]
		b.WriteString(s)
		if r.IntN(10) == 0 {
			b.WriteString("  ")
		}
		b.WriteByte('\n')
		if s == "" && r.IntN(2) == 0 {
			indent += 2
		}
		if strings.HasPrefix(s, "|") && r.IntN(2) == 0 {
			for range 1 + r.IntN(3) {
				b.WriteString(strings.Repeat(" ", indent+r.IntN(4)) + []string{"l", "l: m", "- l", "", "# l", "\"\\"}[r.IntN(6)] + "\n")
			}
		}
	}
	return b.String()
}

// TestBlockAsSigs compares random texts. The share that blockToJSON reads itself is checked, lest the test becomes empty.
func TestBlockAsSigs(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 5_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	taken, nested := 0, 0
	for range n {
		text := []byte(randomYAML(r))
		if r.IntN(4) == 0 {
			text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
		}
		out, ok := blockToJSON(text)
		if !ok {
			continue
		}
		taken++
		if bytes.ContainsAny(out[1:], "[{") {
			nested++
		}
		compare(t, text)
	}
	if taken < n/50 || nested < n/500 {
		t.Errorf("only %d of %d texts were read, %d of them nested", taken, n, nested)
	}
	t.Logf("%d of %d texts were read, %d of them nested", taken, n, nested)
}

func TestBlockTakesTheUsual(t *testing.T) {
	for _, text := range []string{
		"# Source: a/b.yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {}\nspec:\n  containers:\n  - name: x\n    args: [\"-c\", 'y', z]\n    ports:\n      - containerPort: 80 # http\n",
		"data:\n  a.sh: |\n    #!/bin/sh\n\n    echo \"$1\"\nkind: ConfigMap\n",
		"- a\n- - b\n- c: d\n  e:\n- {}\n",
	} {
		if _, ok := blockToJSON([]byte(text)); !ok {
			t.Errorf("left to others: %s", text)
		}
		compare(t, []byte(text))
	}
}

func BenchmarkBlock(b *testing.B) {
	text := []byte(strings.Repeat("- apiVersion: v1\n  kind: Service\n  metadata:\n    name: a\n    labels:\n      app.kubernetes.io/name: \"x\"\n  spec:\n    ports:\n    - port: 80\n      protocol: TCP\n", 100))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, ok := blockToJSON(text); !ok {
			b.Fatal("not read")
		}
	}
}
