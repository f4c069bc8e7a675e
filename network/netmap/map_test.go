package netmap

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

func zonesOf(t *testing.T, text []byte) *network.Zones { return attributionOf(t, text).Zones() }

func attributionOf(t *testing.T, text []byte) *network.Attribution {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "m.yaml", text))
	if err != nil {
		t.Fatal(err)
	}
	z, err := network.ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return z.Attribution(inv)
}

func input(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFormats(t *testing.T) {
	for _, level := range []network.Level{network.LevelWorkload, network.LevelZone} {
		golden(t, New(zonesOf(t, input(t)), level), level.String())
	}
	names, err := os.ReadFile("testdata/names.yaml")
	if err != nil {
		t.Fatal(err)
	}
	z := zonesOf(t, names)
	golden(t, New(z, network.LevelWorkload), "names")
	if err := New(z, network.LevelPod).Write(io.Discard, "pdf"); err == nil {
		t.Error("a format that is none is written")
	}
}

// golden compares a map in every format with what was read and found right.
func golden(t *testing.T, m *Map, name string) {
	t.Helper()
	for _, format := range Formats {
		var b bytes.Buffer
		if err := m.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		file := "testdata/" + name + "." + format + ".golden"
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs (%v); -update rewrites it:\n%s", file, err, b.String())
		}
	}
}

// Names are chosen by whoever may create objects. The API server refuses these; a file may hold them all the same.
func TestNamesAreData(t *testing.T) {
	evil := "x\\\"]-->|<script>alert(1)</script>\\u202egnp.\\u001b[31m=cmd"
	text := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + evil + `","namespace":"` + evil + `"},"spec":{"containers":[{"name":"c","image":"i"}]}}
---
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"=1+1","namespace":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}}`
	m := New(zonesOf(t, []byte(text)), network.LevelWorkload)
	for _, format := range Formats {
		var b bytes.Buffer
		if err := m.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if format != "json" && (strings.ContainsRune(out, 0x1b) || strings.ContainsRune(out, 0x202e)) {
			t.Errorf("%s prints control characters", format)
		}
		switch format {
		case "svg":
			d := xml.NewDecoder(&b)
			for {
				tok, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("svg: %v", err)
				}
				if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "script" {
					t.Error("svg has a script")
				}
			}
		case "json":
			if !json.Valid(b.Bytes()) {
				t.Error("json is none")
			}
		case "mermaid", "markdown":
			if strings.Contains(out, "<script") {
				t.Errorf("%s has a script", format)
			}
		case "csv":
			for _, line := range strings.Split(out, "\n") {
				if strings.HasPrefix(line, "=") {
					t.Errorf("a formula: %s", line)
				}
			}
		}
	}
}

func TestAnswer(t *testing.T) {
	a := attributionOf(t, append(input(t), []byte(`
---
apiVersion: v1
kind: Service
metadata: {name: sql, namespace: shop-data}
spec: {clusterIP: 10.96.0.5, selector: {app: db}, ports: [{port: 80, targetPort: sql}]}
`)...))
	in := `{"src":"shop-web/web","dst":"shop-data/db","protocol":"TCP","port":5432}
{"src":"shop-web/web","dst":"shop-data/db","port":22}
{"src":"198.51.100.7","dst":"shop-web/web","port":8080}
{"src":"shop-data/db","dst":"2001:db8::1","protocol":"UDP","port":53}
{"src":"shop-web/web","dst":"10.96.0.5","port":80}
{"src":"shop-web/web","dst":"shop-data/sql","port":5432}
{"src":"shop-web/web","dst":"shop-web/web","port":8080}
{"src":"shop-web/web","dst":"shop-web/web","port":8081}
{"src":"shop-data/gone","dst":"shop-data/db","port":1}
{"src":"shop-web/web","dst":"shop-data/db","protocol":"ICMPv9","port":1}
`
	var out bytes.Buffer
	err := Answer(&out, strings.NewReader(in), a)
	if err == nil || !strings.Contains(err.Error(), "query 9") || !strings.Contains(err.Error(), "query 10") {
		t.Errorf("error %v", err)
	}
	var got []string
	for d := json.NewDecoder(&out); ; {
		var a struct{ Verdict, Reason string }
		if d.Decode(&a) != nil {
			break
		}
		if a.Reason == "" {
			t.Errorf("%s without a reason", a.Verdict)
		}
		got = append(got, a.Verdict)
	}
	if s := strings.Join(got, " "); s != "allowed denied allowed denied allowed allowed denied denied unknown unknown" {
		t.Errorf("got %s", s)
	}
}
