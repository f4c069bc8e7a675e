package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

func jsonOf(t testing.TB, rep *nist190.Report, o JSONOptions) []byte {
	t.Helper()
	return written(t, func(w io.Writer, r *nist190.Report) error { return JSON(w, r, o) }, rep)
}

func TestSchemaIsJSON(t *testing.T) {
	if !json.Valid(Schema()) {
		t.Error("it is not")
	}
	Schema()[0] = 'x'
	if !json.Valid(Schema()) {
		t.Error("a caller can change it")
	}
}

func TestJSONIsIndented(t *testing.T) {
	for name, rep := range map[string]*nist190.Report{"everything": everything(t), "zero": {}} {
		compact := jsonOf(t, rep, JSONOptions{})
		var want bytes.Buffer
		if err := json.Indent(&want, bytes.TrimSpace(compact), "", "  "); err != nil {
			t.Fatal(err)
		}
		want.WriteByte('\n')
		if got := jsonOf(t, rep, JSONOptions{Indent: "  "}); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not indented as encoding/json does:\n%s", name, got)
		}
		if bytes.Count(compact, []byte("\n")) != 1 {
			t.Errorf("%s is not on one line", name)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for name, rep := range map[string]*nist190.Report{"everything": everything(t), "attacked": attacked(t), "many": many(t, 50), "zero": {}} {
		readers := map[string]func() (*nist190.Report, error){
			"json": func() (*nist190.Report, error) {
				return ReadJSON(bytes.NewReader(jsonOf(t, rep, JSONOptions{Indent: "\t"})))
			},
			"ndjson": func() (*nist190.Report, error) {
				return ReadNDJSON(bytes.NewReader(written(t, func(w io.Writer, r *nist190.Report) error { return NDJSON(w, r, JSONOptions{}) }, rep)))
			},
		}
		for form, read := range readers {
			got, err := read()
			if err != nil {
				t.Errorf("%s as %s: %v", name, form, err)
				continue
			}
			if a, b := jsonOf(t, rep, JSONOptions{}), jsonOf(t, got, JSONOptions{}); !bytes.Equal(a, b) {
				t.Errorf("%s as %s: %s", name, form, difference(b, a))
			}
			for format, write := range formats {
				if a, b := written(t, write, rep), written(t, write, got); !bytes.Equal(a, b) {
					t.Errorf("%s as %s: %s: %s", name, form, format, difference(b, a))
				}
			}
		}
	}
}

// difference shows where two outputs part.
func difference(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	around := func(b []byte) []byte { return b[max(0, i-80):min(len(b), i+80)] }
	return fmt.Sprintf("got …%s…, want …%s…", around(got), around(want))
}

// TestBaseline: a stored report is as good a baseline as the one in memory.
func TestBaseline(t *testing.T) {
	base, err := ReadJSON(bytes.NewReader(jsonOf(t, everything(t), JSONOptions{OmitRun: true})))
	if err != nil {
		t.Fatal(err)
	}
	d := nist190.Compare(base, everything(t))
	if len(d.New)+len(d.Changed)+len(d.Fixed)+len(d.Unknowable) > 0 || len(d.Unchanged) != 5 {
		t.Errorf("compared with itself: %d new, %d changed, %d fixed, %d unknowable, %d unchanged", len(d.New), len(d.Changed), len(d.Fixed), len(d.Unknowable), len(d.Unchanged))
	}

	current := everything(t)
	failing := &current.Checks[0]
	for i := range failing.Findings {
		f := &failing.Findings[i]
		switch f.Subject.Name {
		case "open":
			f.Status, f.Provisional = nist190.Pass, nist190.Pass
		case "worse":
			f.Severity = nist190.SeverityLow
		case "accepted":
			f.Suppression = nil
		case "alice":
			f.Fingerprint, f.Subject.Name = "v1:another", "bob"
		}
	}
	for side, compare := range map[string]func() nist190.Delta{
		"base":    func() nist190.Delta { return nist190.Compare(base, current) },
		"current": func() nist190.Delta { return nist190.Compare(everything(t), reread(t, current)) },
	} {
		d := compare()
		if len(d.New) != 1 || len(d.Changed) != 2 || len(d.Fixed) != 1 || len(d.Unknowable) != 1 || len(d.Unchanged) != 1 {
			t.Errorf("%s read back: %d new, %d changed, %d fixed, %d unknowable, %d unchanged", side, len(d.New), len(d.Changed), len(d.Fixed), len(d.Unknowable), len(d.Unchanged))
		}
	}
	out := jsonOf(t, current, JSONOptions{})
	for _, state := range []string{"new", "changed", "unchanged"} {
		if !bytes.Contains(out, []byte(`"baselineState":"`+state+`"`)) {
			t.Errorf("%s is not written", state)
		}
	}
	if text := written(t, formats["everything.txt"], current); !bytes.Contains(text, []byte("[new]")) {
		t.Error("text does not tell what is new")
	}
}

func reread(t *testing.T, rep *nist190.Report) *nist190.Report {
	t.Helper()
	out, err := ReadJSON(bytes.NewReader(jsonOf(t, rep, JSONOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTruncationIsDetected(t *testing.T) {
	rep := everything(t)
	whole := jsonOf(t, rep, JSONOptions{})
	for n := 0; n < len(whole)-1; n += 97 {
		if _, err := ReadJSON(bytes.NewReader(whole[:n])); !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	out := written(t, func(w io.Writer, r *nist190.Report) error { return NDJSON(w, r, JSONOptions{}) }, rep)
	for n := 0; n < len(out)-1; n += 97 {
		if _, err := ReadNDJSON(bytes.NewReader(out[:n])); !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d of %d bytes of lines: %v", n, len(out), err)
		}
	}
	lines := bytes.SplitAfter(out, []byte("\n"))
	for i := range lines {
		if len(lines[i]) == 0 {
			continue
		}
		without := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		if _, err := ReadNDJSON(bytes.NewReader(without)); err == nil {
			t.Errorf("line %d may be missing", i+1)
		}
	}
	if _, err := ReadNDJSON(bytes.NewReader(append(bytes.Clone(out), lines[1]...))); err == nil {
		t.Error("there may be findings behind the trailer")
	}
}

func TestReadRefuses(t *testing.T) {
	valid := string(jsonOf(t, everything(t), JSONOptions{}))
	for name, doc := range map[string]string{
		"another version":  strings.Replace(valid, `"schemaVersion":"1"`, `"schemaVersion":"2"`, 1),
		"no version":       `{}`,
		"not an object":    `[]`,
		"not JSON":         `schemaVersion: 1`,
		"two documents":    valid + valid,
		"unknown status":   strings.Replace(valid, `"status":"Fail","severity"`, `"status":"Failed","severity"`, 1),
		"unknown severity": strings.Replace(valid, `"severity":"critical"`, `"severity":"grave"`, 1),
		"no fingerprint":   strings.ReplaceAll(valid, `"fingerprint"`, `"print"`),
		"impossible day":   strings.Replace(valid, `"expires":"2026-12-31"`, `"expires":"2026-12-32"`, 1),
	} {
		if _, err := ReadJSON(strings.NewReader(doc)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := ReadJSON(strings.NewReader(`{"schemaVersion":"2"}`)); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
	if _, err := ReadJSON(strings.NewReader(strings.Replace(valid, `"assumptions"`, `"more":{"fields":[]},"assumptions"`, 1))); err != nil {
		t.Errorf("more fields: %v", err)
	}
}

// TestPositionsAreLookedUpOnce: a position costs another parse of its document.
func TestPositionsAreLookedUpOnce(t *testing.T) {
	var lookups atomic.Int32
	o, err := inventory.NewObject(inventory.Item{
		JSON:   []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`),
		Origin: inventory.Origin{URI: "a.yaml", Line: 1},
		Locate: func(...any) inventory.Origin {
			lookups.Add(1)
			return inventory.Origin{URI: "a.yaml", Line: 7}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	finding := func(s nist190.Status) nist190.Finding {
		ev := []nist190.Evidence{nist190.At(o, "data"), nist190.At(o, "metadata")}
		return nist190.Finding{
			Outcome: nist190.Outcome{Status: s, Severity: nist190.SeverityLow, Subject: o.Ref(), Evidence: ev},
			Check:   &nist190.Metadata{ID: "a-b"}, Provisional: s, Fingerprint: "x",
		}
	}
	for _, c := range []struct {
		status nist190.Status
		want   int32 // per evidence
	}{{nist190.Fail, 2}, {nist190.Pass, 0}, {nist190.NotApplicable, 0}, {nist190.NotAssessed, 0}} {
		f := finding(c.status)
		rep := &nist190.Report{Checks: []nist190.CheckResult{{Check: f.Check, Findings: []nist190.Finding{f}}}}
		lookups.Store(0)
		jsonOf(t, rep, JSONOptions{})
		if n := lookups.Load(); n != c.want {
			t.Errorf("%s: %d lookups, want %d", c.status, n, c.want)
		}
		for name, most := range map[string]int32{"everything.txt": 1, "everything.csv": 1, "everything.md": 1} {
			lookups.Store(0)
			written(t, formats[name], rep)
			if n := lookups.Load(); n > min(most, c.want) {
				t.Errorf("%s in %s: %d lookups", c.status, name, n)
			}
		}
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add(jsonOf(f, everything(f), JSONOptions{}))
	f.Add([]byte(`{"schemaVersion":"1","checks":[{"id":"a","findings":[{}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := ReadJSON(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, write := range formats {
			written(t, write, rep)
		}
		nist190.Compare(rep, rep)
	})
}

func BenchmarkFormats(b *testing.B) {
	rep := many(b, 5000) // 5,000 fail, 5,000 pass
	for name, write := range map[string]func(io.Writer, *nist190.Report) error{
		"JSON":     func(w io.Writer, r *nist190.Report) error { return JSON(w, r, JSONOptions{}) },
		"NDJSON":   func(w io.Writer, r *nist190.Report) error { return NDJSON(w, r, JSONOptions{}) },
		"CSV":      func(w io.Writer, r *nist190.Report) error { return CSV(w, r, CSVOptions{}) },
		"Markdown": func(w io.Writer, r *nist190.Report) error { return Markdown(w, r, MarkdownOptions{}) },
		"Text":     func(w io.Writer, r *nist190.Report) error { return Text(w, r, TextOptions{Verbose: true}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(written(b, write, rep))))
			b.ReportAllocs()
			for b.Loop() {
				if err := write(io.Discard, rep); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
