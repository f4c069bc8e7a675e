package conformance

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// junitElements is the content model of the schema of Ant's JUnit task: the attributes that an element must and may have,
// and the elements in it, in their order.
var junitElements = map[string]struct {
	must, may, in []string
}{
	"testsuites": {nil, nil, []string{"testsuite"}},
	"testsuite": {
		[]string{"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "time"}, []string{"skipped"},
		[]string{"properties", "testcase", "system-out", "system-err"},
	},
	"properties": {nil, nil, []string{"property"}},
	"property":   {[]string{"name", "value"}, nil, nil},
	"testcase":   {[]string{"name", "classname", "time"}, nil, []string{"skipped", "error", "failure"}},
	"failure":    {[]string{"type"}, []string{"message"}, nil},
	"error":      {[]string{"type"}, []string{"message"}, nil},
	"skipped":    {nil, []string{"message"}, nil}, // of any type
	"system-out": {}, "system-err": {},
}

// validJUnit holds a document against the content model and its counts, and, where it is installed, asks xmllint
// whether it is well-formed.
func validJUnit(t *testing.T, out []byte) {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err == nil {
		cmd := exec.Command("xmllint", "--noout", "--nonet", "--huge", "-")
		cmd.Stdin = bytes.NewReader(out)
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("xmllint: %v: %s", err, msg)
		}
	}
	type open struct {
		name  string
		last  int            // of the elements in it, the place of the one before
		count map[string]int // of a suite
		attrs map[string]string
	}
	var stack []open
	dec := xml.NewDecoder(bytes.NewReader(out))
	suites := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			model, ok := junitElements[name]
			if !ok {
				t.Fatalf("element %s", name)
			}
			if len(stack) == 0 && name != "testsuites" {
				t.Fatalf("root %s", name)
			}
			if len(stack) > 0 {
				parent := &stack[len(stack)-1]
				at := slices.Index(junitElements[parent.name].in, name)
				if at < parent.last {
					t.Fatalf("%s in %s", name, parent.name)
				}
				if parent.last = at; parent.name == "testcase" {
					parent.last = len(junitElements["testcase"].in) // a choice: one of them
					stack[len(stack)-2].count[name]++
				}
				if parent.name == "testsuite" && name == "testcase" {
					parent.count["testcase"]++
				}
			}
			attrs := map[string]string{}
			for _, a := range e.Attr {
				if _, twice := attrs[a.Name.Local]; twice || !slices.Contains(slices.Concat(model.must, model.may), a.Name.Local) {
					t.Fatalf("%s has %s", name, a.Name.Local)
				}
				attrs[a.Name.Local] = a.Value
			}
			for _, a := range model.must {
				if _, ok := attrs[a]; !ok {
					t.Fatalf("%s has no %s", name, a)
				}
			}
			if name == "testsuite" {
				if attrs["id"] != strconv.Itoa(suites) || attrs["name"] == "" || attrs["hostname"] == "" {
					t.Errorf("suite %v", attrs)
				}
				suites++
				if _, err := time.Parse("2006-01-02T15:04:05", attrs["timestamp"]); err != nil {
					t.Error(err)
				}
				if _, err := strconv.ParseFloat(attrs["time"], 64); err != nil {
					t.Error(err)
				}
			}
			stack = append(stack, open{name: name, count: map[string]int{}, attrs: attrs})
		case xml.EndElement:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if top.name != "testsuite" {
				continue
			}
			for attr, element := range map[string]string{"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"} {
				if top.attrs[attr] != strconv.Itoa(top.count[element]) {
					t.Errorf("%s: %s=%q, there are %d", top.attrs["name"], attr, top.attrs[attr], top.count[element])
				}
			}
			if top.last != len(junitElements["testsuite"].in)-1 {
				t.Error("a suite ends early")
			}
		}
	}
	if !strings.HasPrefix(string(out), xml.Header) {
		t.Error("no declaration")
	}
}
