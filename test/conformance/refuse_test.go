package conformance

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/nist190/nist190/report/openreports"
	"github.com/nist190/nist190/report/sarif"
)

// TestSARIFRefuses changes a valid log in one place each: the schema notices.
func TestSARIFRefuses(t *testing.T) {
	schema, err := sarifSchema()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := sarif.Write(&b, everything(t), sarif.Options{All: true}); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(parse(t, b.Bytes())); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to string }{
		{`"version":"2.1.0"`, `"version":"2.2"`}, {`"level":"warning"`, `"level":"high"`}, {`"kind":"fail"`, `"kind":"failed"`}, {`"startLine":`, `"startLine":-`},
		{`"ruleId":`, `"rule":{},"then":`}, {`"baselineState":"new"`, `"baselineState":"old"`}, {`"message":{"text":`, `"message":{"txt":`}, {`"uri":"deploy`, `"uri":"a b%`},
	} {
		out := bytes.Replace(b.Bytes(), []byte(change.from), []byte(change.to), 1)
		if bytes.Equal(out, b.Bytes()) || schema.Validate(parse(t, out)) == nil {
			t.Errorf("%v is accepted", change)
		}
	}
}

// TestOpenReportsRefuses changes a valid object in one place each: the schema of the custom resource notices.
func TestOpenReportsRefuses(t *testing.T) {
	schemas, err := openReportsSchemas()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := openreports.Write(&b, everything(t), openreports.Options{}); err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(b.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	item := list.Items[len(list.Items)-1]
	if err := schemas["Report"].Validate(parse(t, item)); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to string }{
		{`"result":"fail"`, `"result":"failed"`}, {`"severity":"medium"`, `"severity":"grave"`}, {`"policy":`, `"check":`}, {`"seconds":`, `"seconds":"1","then":`},
		{`"scored":true`, `"scored":"yes"`}, {`"pass":`, `"pass":"x","passes":`},
	} {
		out := bytes.Replace(item, []byte(change.from), []byte(change.to), 1)
		if bytes.Equal(out, item) || schemas["Report"].Validate(parse(t, out)) == nil {
			t.Errorf("%v is accepted", change)
		}
	}
}
