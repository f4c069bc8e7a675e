package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nist190/nist190"
)

// formats has every format under the name of its golden file.
var formats = map[string]func(io.Writer, *nist190.Report) error{
	"everything.txt": func(w io.Writer, r *nist190.Report) error { return Text(w, r, TextOptions{}) },
	"everything-verbose.txt": func(w io.Writer, r *nist190.Report) error {
		return Text(w, r, TextOptions{Verbose: true, Width: 100})
	},
	"everything-narrow.txt": func(w io.Writer, r *nist190.Report) error { return Text(w, r, TextOptions{Width: 60}) },
	"everything-team.txt":   func(w io.Writer, r *nist190.Report) error { return Text(w, r, TextOptions{GroupBy: "label:team"}) },
	"everything.json": func(w io.Writer, r *nist190.Report) error {
		return JSON(w, r, JSONOptions{OmitRun: true, Indent: "  "})
	},
	"everything.ndjson": func(w io.Writer, r *nist190.Report) error { return NDJSON(w, r, JSONOptions{OmitRun: true}) },
	"everything.csv":    func(w io.Writer, r *nist190.Report) error { return CSV(w, r, CSVOptions{}) },
	"everything-requirements.csv": func(w io.Writer, r *nist190.Report) error {
		return CSVRequirements(w, r, CSVOptions{})
	},
	"everything.md": func(w io.Writer, r *nist190.Report) error { return Markdown(w, r, MarkdownOptions{}) },
	"everything-kind.md": func(w io.Writer, r *nist190.Report) error {
		return Markdown(w, r, MarkdownOptions{Title: "Nightly scan", GroupBy: "kind"})
	},
}

func written(t testing.TB, write func(io.Writer, *nist190.Report) error, rep *nist190.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, rep); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, write := range formats {
		t.Run(name, func(t *testing.T) { golden(t, name, written(t, write, everything(t))) })
	}
}

func TestDeterminism(t *testing.T) {
	for name, write := range formats {
		a, b := everything(t), everything(t)
		a.Run.Duration, a.Run.Abandoned = 7, 1
		if !bytes.Equal(written(t, write, a), written(t, write, b)) {
			t.Errorf("%s differs between equal runs", name)
		}
	}
}

// TestHarmless: nothing that others wrote reaches a terminal, a reader's eye or a parser as anything but text.
func TestHarmless(t *testing.T) {
	for name, write := range formats {
		t.Run(name, func(t *testing.T) {
			out := string(written(t, write, attacked(t)))
			if !utf8.ValidString(out) {
				t.Error("not UTF-8")
			}
			if strings.HasSuffix(name, ".csv") {
				out = strings.ReplaceAll(out, "\r\n", "\n")
			}
			for _, r := range out {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("holds %q", r)
				}
			}
			if !strings.Contains(out, `\x1b[31mred`) && !strings.Contains(out, `\\x1b[31mred`) && !strings.Contains(out, `\\x1b\[31mred`) {
				t.Error("the name is not shown with its escapes")
			}
		})
	}
}

func TestCSVHoldsNoFormulas(t *testing.T) {
	for _, o := range []CSVOptions{{}, {BOM: true}, {OpenOnly: true}} {
		var b bytes.Buffer
		if err := CSV(&b, attacked(t), o); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if strings.HasPrefix(out, "\ufeff") != o.BOM {
			t.Error("byte order mark")
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out, "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, c := range row {
				if strings.ContainsAny(c[:min(1, len(c))], "=+-@\t\r") {
					t.Errorf("cell %q is a formula", c)
				}
			}
		}
		want := Count(attacked(t)).Findings + 1
		if o.OpenOnly {
			want -= 3 // one that passes, one that does not apply, one that is suppressed
		}
		if len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
	}
	for in, want := range map[string]string{
		"": "", "a=1": "a=1", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": `'\t=1`, "\r=1": `'\r=1`, "＝1": "'＝1", "x\n=1": `x\n=1`,
	} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
}

// cells splits a row as the GFM specification does: at pipes that no backslash escapes.
func cells(row string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(row); i++ {
		switch {
		case row[i] == '\\' && i+1 < len(row):
			b.WriteByte(row[i])
			i++
			b.WriteByte(row[i])
		case row[i] == '|':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(row[i])
		}
	}
	return append(out, b.String())
}

func TestMarkdownKeepsItsTables(t *testing.T) {
	out := string(written(t, formats["everything.md"], attacked(t)))
	columns := 0
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		if n := len(cells(line)); columns == 0 {
			columns = n
		} else if n != columns {
			t.Errorf("%d cells instead of %d in %s", n, columns, line)
		}
	}
	spans := regexp.MustCompile("``+.*?``+|`[^`]*`")
	fenced := false
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		prose := spans.ReplaceAllString(line, "")
		for _, bad := range []string{"<b>&", "@octocat", "http://", "[x]("} {
			if strings.Contains(prose, bad) {
				t.Errorf("%q is live in %s", bad, prose)
			}
		}
	}
	if strings.Count(out, "<details>") != strings.Count(out, "</details>") {
		t.Error("details are not balanced")
	}
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"a|b": `a\|b`, "<script>": "&lt;script&gt;", "`x`": "\\`x\\`", "a\nb": `a\\nb`, "@me": "@<!-- -->me", "#1": `\#<!-- -->1`,
		"http://x": `http\://x`, "www.x": `www\.x`, "a_b*c~d": `a\_b\*c\~d`, "$x$": `\$x\$`, "&amp;": "&amp;amp;", "![i](u)": `\!\[i\](u)`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"": "", "a": "`a`", "a|b": "`a\\|b`", `a\|b`: "`a\\\\\\|b`", `a\\|b`: "`a\\\\\\|b`", "`": "`` ` ``", "a``b": "```a``b```", "a`": "`` a` ``",
	} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, want %q", in, got, want)
		}
		if n := len(cells(code(in))); n != 1 {
			t.Errorf("code(%q) is %d cells", in, n)
		}
	}
	if got := block("Fix", "a\n```\nb"); !strings.Contains(got, "\n````text\na\n```\nb\n````\n") {
		t.Errorf("block is %s", got)
	}
}

func TestMarkdownStaysWithinItsLimit(t *testing.T) {
	rep := many(t, 3000)
	for _, o := range []MarkdownOptions{{}, {MaxRows: 1 << 20}, {MaxBytes: CommentLimit, MaxRows: 1 << 20}, {MaxBytes: 4096}, {MaxBytes: 5000}} {
		for _, key := range []string{"risk", "namespace"} {
			o.GroupBy = key
			out := written(t, func(w io.Writer, r *nist190.Report) error { return Markdown(w, r, o) }, rep)
			limit := o.MaxBytes
			if limit == 0 {
				limit = SummaryLimit
			}
			if len(out) > limit {
				t.Errorf("%+v: %d bytes", o, len(out))
			}
			if bytes.Count(out, []byte("<details>")) != bytes.Count(out, []byte("</details>")) {
				t.Errorf("%+v: details are not balanced", o)
			}
			if o.MaxBytes > 0 {
				rows := bytes.Count(out, []byte("runs as root"))
				if note := fmt.Sprintf("%d findings are not shown", 3000-rows); !bytes.Contains(out, []byte(note)) {
					t.Errorf("%+v: does not say that %s", o, note)
				}
			}
		}
	}
	if err := Markdown(io.Discard, rep, MarkdownOptions{MaxBytes: 100}); err == nil {
		t.Error("a limit below the least is accepted")
	}
}

func TestTextIsShort(t *testing.T) {
	rep := many(t, 300)
	out := string(written(t, formats["everything.txt"], rep))
	if n := strings.Count(out, "runs as root"); n != maxRows {
		t.Errorf("%d rows", n)
	}
	if !strings.Contains(out, "... and 290 more") {
		t.Error("does not say how many are left out")
	}
	if n := strings.Count(out, "fix: change it"); n != 1 {
		t.Errorf("the remediation is given %d times", n)
	}
	verbose := string(written(t, formats["everything-verbose.txt"], rep))
	if n := strings.Count(verbose, "runs as root"); n != 300 {
		t.Errorf("%d rows when asked for all", n)
	}
	if strings.Contains(verbose, "StatefulSet") {
		t.Error("lists what passes")
	}
	if strings.Contains(out, "\x1b") {
		t.Error("coloured without being asked")
	}
	for line := range strings.Lines(string(written(t, formats["everything-narrow.txt"], everything(t)))) {
		// Places, IDs and headings are not broken.
		if strings.HasPrefix(line, "        ") && utf8.RuneCountInString(line) > 61 {
			t.Errorf("longer than asked: %s", line)
		}
	}
}

// Advice for single subjects can be a page of YAML each.
func TestTextGivesOneFixOfMany(t *testing.T) {
	rep := many(t, 30)
	for f := range rep.Findings() {
		f.Remediation = "apply\n  this to " + f.Subject.Name
	}
	out := string(written(t, formats["everything.txt"], rep))
	if n := strings.Count(out, "  this to "); n != 1 || !strings.Contains(out, "fix for Deployment team-000/app-00000:\n") || !strings.Contains(out, "... and 29 fixes for other subjects") {
		t.Errorf("%d fixes in\n%.2000s", n, out)
	}
	if n := strings.Count(string(written(t, formats["everything-verbose.txt"], rep)), "  this to "); n != 30 {
		t.Errorf("%d fixes when asked for all", n)
	}
	if n := strings.Count(string(written(t, formats["everything.md"], rep)), "  this to "); n != 3 {
		t.Errorf("%d fixes in Markdown", n)
	}
}

func TestTextColours(t *testing.T) {
	plainText := written(t, formats["everything.txt"], everything(t))
	coloured := written(t, func(w io.Writer, r *nist190.Report) error { return Text(w, r, TextOptions{Color: true}) }, everything(t))
	if !bytes.Contains(coloured, []byte("\x1b[1;31m")) {
		t.Error("no colour")
	}
	if got := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAll(coloured, nil); !bytes.Equal(got, plainText) {
		t.Error("colour changes the text")
	}
}

// limitedWriter fails once it has taken n bytes.
type limitedWriter struct{ n int }

var errFull = errors.New("no space left")

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, errFull
	}
	w.n -= len(p)
	return len(p), nil
}

func TestWriterErrors(t *testing.T) {
	rep := everything(t)
	all := map[string]func(io.Writer, *nist190.Report) error{
		"explain": func(w io.Writer, r *nist190.Report) error { return Explain(w, *r.Checks[0].Check) },
		"checks": func(w io.Writer, r *nist190.Report) error {
			return ChecksMarkdown(w, []nist190.Check{nist190.NewCheck(*r.Checks[0].Check, nil)})
		},
		"bom": func(w io.Writer, r *nist190.Report) error { return CSV(w, r, CSVOptions{BOM: true}) },
	}
	for name, write := range formats {
		all[name] = write
	}
	for name, write := range all {
		size := len(written(t, write, rep))
		for _, n := range []int{0, 1, size / 2, size - 1} {
			if err := write(&limitedWriter{n}, rep); !errors.Is(err, errFull) {
				t.Errorf("%s: the error after %d of %d bytes is %v", name, n, size, err)
			}
		}
		if err := write(&limitedWriter{size}, rep); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The zero report is what a host has before its first run.
func TestZeroReport(t *testing.T) {
	for name, write := range formats {
		if len(written(t, write, &nist190.Report{})) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}
