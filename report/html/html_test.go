package html

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/sample"
)

func written(t *testing.T, rep *nist190.Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, rep, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPolicy: the page has the style and the script whose hashes its policy allows, and nothing else may run.
func TestPolicy(t *testing.T) {
	out := written(t, sample.Attacked(t), Options{Title: sample.Hostile})
	for element, text := range map[string]string{"style": style, "script": script} {
		if n := strings.Count(out, "<"+element+">"); n != 1 || !strings.Contains(out, "<"+element+">"+text+"</"+element+">") {
			t.Errorf("%d <%s>, or one of another text", n, element)
		}
		if strings.Count(strings.ToLower(out), "<"+element) != 1 {
			t.Errorf("another <%s", element)
		}
	}
	for _, want := range []string{"default-src &#39;none&#39;", "style-src &#39;sha256-", "script-src &#39;sha256-", "base-uri &#39;none&#39;", "form-action &#39;none&#39;"} {
		if !strings.Contains(out, want) {
			t.Errorf("the policy does not say %s", want)
		}
	}
	if strings.Contains(out, "unsafe-") || strings.Contains(out, "http:") && strings.Contains(out, `href="http`) {
		t.Error("the policy allows inline code, or the page links elsewhere")
	}
	if strings.Contains(script, "</script") || strings.Contains(style, "</style") || strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the script or the style ends early, or asks for another file")
	}
}

// TestFolding: what is seen at once is bounded, and everything is there.
func TestFolding(t *testing.T) {
	small, huge := written(t, sample.Many(t, 10), Options{}), written(t, sample.Many(t, 10000), Options{})
	if n := strings.Count(huge, `<details class="finding"`); n != 10000 {
		t.Errorf("%d findings", n)
	}
	if !strings.Contains(huge, fmt.Sprintf("<summary>%d more</summary>", 10000-maxRows)) || strings.Contains(small, `class="more"`) {
		t.Error("what is beyond the first rows is not folded, or something else is")
	}
	if !strings.Contains(small, `<details class="check" open>`) || strings.Contains(huge, `<details class="check" open>`) {
		t.Error("a small report is folded, or a huge one is not")
	}
}

// TestMaxFindings: every check keeps its worst, and the page says what it does not have.
func TestMaxFindings(t *testing.T) {
	out := written(t, sample.Many(t, 1000), Options{MaxFindings: 300})
	if n := strings.Count(out, `<details class="finding"`); n != 300 || !strings.Contains(out, "700 findings are not on this page") || !strings.Contains(out, "<summary>200 more</summary>") {
		t.Errorf("%d findings", n)
	}
	for _, tt := range []struct {
		sizes      []int
		most, want int
	}{
		{nil, 10, math.MaxInt}, {[]int{3, 4}, 7, math.MaxInt}, {[]int{100, 2}, 12, 10}, {[]int{9, 9, 9}, 9, 3}, {[]int{5, 5, 5, 5}, 2, 1}, {[]int{1, 50, 50}, 21, 10},
	} {
		if got := share(tt.sizes, tt.most); got != tt.want {
			t.Errorf("share(%v, %d) is %d, want %d", tt.sizes, tt.most, got, tt.want)
		}
	}
}

func TestChanges(t *testing.T) {
	base, rep := sample.Compared(t)
	d := nist190.Compare(base, rep)
	out := written(t, rep, Options{Delta: &d})
	for _, want := range []string{
		"<b>1</b> New", "<b>1</b> Fixed", "<b>1</b> Changed", "<b>2</b> Unknowable", fmt.Sprintf("<b>%d</b> Unchanged", len(d.Unchanged)),
		"ConfigMap &#34;fine&#34; was open", `data-baseline="changed"`, `name="baseline"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
	if strings.Contains(written(t, rep, Options{}), `id="changes"`) {
		t.Error("a page without comparison has a section for it")
	}
}

func TestBlocks(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"one\nline\n\nanother":             "one line|another",
		"Before:\n\n    a: 1\n      b: 2":  "Before:|`a: 1\n  b: 2`",
		"After: it is well.":               "After: it is well.",
		"apiVersion: v1\nkind: Pod":        "`apiVersion: v1\nkind: Pod`",
		"kubectl delete pod x":             "`kubectl delete pod x`",
		"Apply, then look:\nit may break.": "Apply, then look: it may break.",
		"\x1b[31m":                         `\x1b[31m`,
	} {
		var got []string
		for _, b := range blocks(in) {
			if b.Code {
				b.Text = "`" + b.Text + "`"
			}
			got = append(got, b.Text)
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: %q, want %q", in, s, want)
		}
	}
}

// TestLayout: edges lead to the right, no two boxes are in one place, and circles end.
func TestLayout(t *testing.T) {
	g := layout([][]string{{"a", "b", "x"}, {"b", "c"}, {"a", "c"}, {"d", "c"}})
	if g == nil || len(g.Nodes) != 4 || len(g.Edges) != 4 {
		t.Fatalf("%+v", g)
	}
	at := map[[2]int]string{}
	for _, n := range g.Nodes {
		if other, ok := at[[2]int{n.X, n.Y}]; ok {
			t.Errorf("%s is on %s", n.Name, other)
		}
		at[[2]int{n.X, n.Y}] = n.Name
		if n.X+boxWide > g.Width || n.Y+boxHigh > g.Height {
			t.Errorf("%s is outside", n.Name)
		}
	}
	for _, e := range g.Edges {
		if e.X1 >= e.X2 {
			t.Errorf("%+v leads to the left", e)
		}
	}
	if g := layout([][]string{{"a", "b"}, {"b", "a"}, {"a", "a"}}); g == nil || len(g.Nodes) != 2 {
		t.Errorf("a circle: %+v", g)
	}
	var many [][]string
	for i := range maxNodes + 1 {
		many = append(many, []string{"a", fmt.Sprint(i)})
	}
	for name, rows := range map[string][][]string{"too many": many, "no edge": nil, "no end": {{"a"}}} {
		if layout(rows) != nil {
			t.Errorf("%s: a graph", name)
		}
	}
}

func TestHeat(t *testing.T) {
	last := 0
	for _, n := range []int{0, 1, 2, 5, 20, 100, 100000} {
		if h := heat(n); h < last || h > 5 || h == 0 && n > 0 {
			t.Errorf("heat(%d) is %d", n, h)
		} else {
			last = h
		}
	}
}
