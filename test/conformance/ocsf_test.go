package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	ocsf12 "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.2"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/ocsf"
)

// ocsfCheck validates one event. The schema is generated with the profile "cloud", which asks for a cloud of every event;
// an event that names no profile, as these, needs none, so that one is added.
func ocsfCheck(line []byte) error {
	head, ok := bytes.CutSuffix(line, []byte("}"))
	if !ok || bytes.Contains(line, []byte(`"profiles"`)) || bytes.Contains(line, []byte(`"cloud"`)) {
		return errors.New("no object without profiles")
	}
	return ocsf12.Validate("compliance_finding", append(bytes.Clone(head), `,"cloud":{"provider":"none"}}`...))
}

// validOCSF holds every line against the JSON Schema of the class that OCSF's server generates for 1.2.0, and against the
// rules between fields that a schema does not say.
func validOCSF(t *testing.T, out []byte) {
	t.Helper()
	for _, line := range bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n")) {
		if len(line) == 0 && len(out) == 0 {
			return
		}
		if err := ocsfCheck(line); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		var e struct {
			Activity int `json:"activity_id"`
			Class    int `json:"class_uid"`
			Type     int `json:"type_uid"`
			Info     struct {
				UID string `json:"uid"`
			} `json:"finding_info"`
			Compliance struct {
				Standards []string `json:"standards"`
				StatusID  int      `json:"status_id"`
			} `json:"compliance"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if e.Type != 100*e.Class+e.Activity || e.Info.UID == "" || len(e.Compliance.Standards) == 0 || e.Compliance.StatusID == 0 {
			t.Errorf("%+v", e)
		}
	}
}

func TestOCSFRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := ocsf.Write(&b, everything(t), ocsf.Options{}); err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(b.Bytes(), []byte("\n"))
	if err := ocsfCheck(line); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to string }{
		{`"class_uid":2003`, `"class_uid":2004`}, {`"severity_id":`, `"severity_id":7`}, {`"finding_info":`, `"finding":`}, {`"time":`, `"time":"x","then":`},
		{`"standards":["NIST SP 800-190"]`, `"standards":"x"`},
	} {
		changed := bytes.Replace(line, []byte(change.from), []byte(change.to), 1)
		if bytes.Equal(changed, line) || ocsfCheck(changed) == nil {
			t.Errorf("%v is accepted", change)
		}
	}
}

func TestOCSFClosesWhatWasFixed(t *testing.T) {
	base, rep := everything(t), everything(t)
	for i := range base.Checks[0].Findings {
		if f := &base.Checks[0].Findings[i]; f.Status == nist190.Pass {
			f.Status, f.Provisional = nist190.Fail, nist190.Fail
		}
	}
	d := nist190.Compare(base, rep)
	var b bytes.Buffer
	if err := ocsf.Write(&b, rep, ocsf.Options{Closed: d.Fixed}); err != nil {
		t.Fatal(err)
	}
	validOCSF(t, b.Bytes())
	if n := bytes.Count(b.Bytes(), []byte(`"activity_name":"Close"`)); n != len(d.Fixed) || n == 0 {
		t.Errorf("%d closed, %d fixed", n, len(d.Fixed))
	}
}
