package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/oscal"
)

// The models of OSCAL 1.1.3, as far as they are written: for each assembly its fields, each with a data type or another
// assembly, [] for a list, which is never empty, and ! where it is required.
var oscalModel = map[string]map[string]string{
	"document":          {"assessment-results": "results", "assessment-plan": "plan", "catalog": "catalog"},
	"metadata":          {"title": "text!", "last-modified": "datetime!", "version": "string!", "oscal-version": "string!", "links": "[]link"},
	"link":              {"href": "uriref!", "rel": "token"},
	"property":          {"name": "token!", "ns": "uri", "value": "string!"},
	"import":            {"href": "uriref!", "remarks": "text"},
	"back-matter":       {"resources": "[]resource"},
	"resource":          {"uuid": "uuid!", "title": "text", "description": "text", "rlinks": "[]rlink"},
	"rlink":             {"href": "uriref!", "media-type": "string"},
	"results":           {"uuid": "uuid!", "metadata": "metadata!", "import-ap": "import!", "results": "[]result!"},
	"result":            {"uuid": "uuid!", "title": "text!", "description": "text!", "start": "datetime!", "end": "datetime", "props": "[]property", "local-definitions": "local", "reviewed-controls": "reviewed!", "observations": "[]observation", "risks": "[]risk", "findings": "[]finding", "remarks": "text"},
	"local":             {"components": "[]component", "inventory-items": "[]item", "assessment-assets": "assets"},
	"component":         {"uuid": "uuid!", "type": "string!", "title": "text!", "description": "text!", "status": "state!"},
	"state":             {"state": "token!"},
	"item":              {"uuid": "uuid!", "description": "text!", "props": "[]property"},
	"assets":            {"components": "[]component", "assessment-platforms": "[]platform!"},
	"platform":          {"uuid": "uuid!", "title": "text", "uses-components": "[]uses"},
	"uses":              {"component-uuid": "uuid!"},
	"reviewed":          {"control-selections": "[]selection!"},
	"selection":         {"include-controls": "[]controlref"},
	"controlref":        {"control-id": "token!", "statement-ids": "[]token"},
	"observation":       {"uuid": "uuid!", "title": "text", "description": "text!", "props": "[]property", "methods": "[]method!", "types": "[]token", "origins": "[]origin", "subjects": "[]subject", "relevant-evidence": "[]evidence", "collected": "datetime!", "expires": "datetime", "remarks": "text"},
	"origin":            {"actors": "[]actor!"},
	"actor":             {"type": "actortype!", "actor-uuid": "uuid!"},
	"subject":           {"subject-uuid": "uuid!", "type": "token!", "title": "text"},
	"evidence":          {"description": "text!"},
	"finding":           {"uuid": "uuid!", "title": "text!", "description": "text!", "props": "[]property", "target": "target!", "related-observations": "[]observationref", "related-risks": "[]riskref", "remarks": "text"},
	"target":            {"type": "targettype!", "target-id": "token!", "status": "targetstatus!", "implementation-status": "state"},
	"targetstatus":      {"state": "targetstate!", "reason": "token", "remarks": "text"},
	"observationref":    {"observation-uuid": "uuid!"},
	"riskref":           {"risk-uuid": "uuid!"},
	"risk":              {"uuid": "uuid!", "title": "text!", "description": "text!", "statement": "text!", "props": "[]property", "status": "token!", "deadline": "datetime", "remediations": "[]response", "related-observations": "[]observationref"},
	"response":          {"uuid": "uuid!", "lifecycle": "token!", "title": "text!", "description": "text!"},
	"plan":              {"uuid": "uuid!", "metadata": "metadata!", "import-ssp": "import!", "local-definitions": "plandefinitions", "reviewed-controls": "reviewed!", "assessment-subjects": "[]assessmentsubject", "assessment-assets": "assets", "back-matter": "back-matter"},
	"plandefinitions":   {"activities": "[]activity"},
	"activity":          {"uuid": "uuid!", "title": "text", "description": "text!", "props": "[]property", "related-controls": "reviewed"},
	"assessmentsubject": {"type": "token!", "include-all": "empty"},
	"empty":             {},
	"catalog":           {"uuid": "uuid!", "metadata": "metadata!", "groups": "[]group"},
	"group":             {"id": "token", "class": "token", "title": "text!", "controls": "[]control"},
	"control":           {"id": "token!", "class": "token", "title": "text!", "props": "[]property", "links": "[]link", "parts": "[]part"},
	"part":              {"id": "token", "name": "token!", "props": "[]property", "prose": "text", "parts": "[]part"},
}

var oscalTypes = map[string]*regexp.Regexp{
	"text":        regexp.MustCompile(`(?s).`),
	"string":      regexp.MustCompile(`^\S(.*\S)?$`),
	"token":       regexp.MustCompile(`^(\p{L}|_)(\p{L}|\p{N}|[.\-_])*$`),
	"uri":         regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+\-.]+:.+$`),
	"uriref":      regexp.MustCompile(`^\S+$`),
	"uuid":        regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	"datetime":    regexp.MustCompile(`^(19|2[0-9])\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$`),
	"method":      regexp.MustCompile(`^(EXAMINE|INTERVIEW|TEST|UNKNOWN)$`),
	"actortype":   regexp.MustCompile(`^(tool|assessment-platform|party)$`),
	"targettype":  regexp.MustCompile(`^(statement|objective)-id$`),
	"targetstate": regexp.MustCompile(`^(not-)?satisfied$`),
}

// oscalCheck holds a value against an assembly or a data type.
func oscalCheck(at, kind string, v any) error {
	if list, ok := strings.CutPrefix(kind, "[]"); ok {
		elements, ok := v.([]any)
		if !ok || len(elements) == 0 {
			return fmt.Errorf("%s: no list, or an empty one", at)
		}
		for i, e := range elements {
			if err := oscalCheck(fmt.Sprintf("%s[%d]", at, i), list, e); err != nil {
				return err
			}
		}
		return nil
	}
	if pattern, ok := oscalTypes[kind]; ok {
		text, ok := v.(string)
		if !ok || !pattern.MatchString(text) {
			return fmt.Errorf("%s: %q is no %s", at, v, kind)
		}
		if kind == "datetime" {
			_, err := time.Parse(time.RFC3339, text)
			return err
		}
		return nil
	}
	fields, ok := oscalModel[kind]
	object, isObject := v.(map[string]any)
	if !ok || !isObject {
		return fmt.Errorf("%s: no %s", at, kind)
	}
	for name, value := range object {
		field, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s: no field %s of %s", at, name, kind)
		}
		if err := oscalCheck(at+"."+name, strings.TrimSuffix(field, "!"), value); err != nil {
			return err
		}
	}
	for name, field := range fields {
		if _, ok := object[name]; !ok && strings.HasSuffix(field, "!") {
			return fmt.Errorf("%s: no %s", at, name)
		}
	}
	return nil
}

// oscalIDs collects what is declared, and what is referred to, by the names of their fields.
func oscalIDs(v any, declared map[string]int, refs map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			oscalIDs(e, declared, refs)
		}
	case map[string]any:
		for name, e := range v {
			id, _ := e.(string)
			switch {
			case name == "uuid" || name == "id":
				declared[id]++
			case strings.HasSuffix(name, "-uuid") || name == "target-id" || name == "control-id":
				refs[id] = true
			case name == "href" && strings.HasPrefix(id, "#"):
				refs[id[1:]] = true
			case name == "statement-ids":
				for _, s := range e.([]any) {
					refs[s.(string)] = true
				}
			}
			oscalIDs(e, declared, refs)
		}
	}
}

func oscalCatalog(t *testing.T, o oscal.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := oscal.WriteCatalog(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// validOSCAL holds a document against the model, and its references against what it and the catalog declare.
func validOSCAL(t *testing.T, out []byte) {
	t.Helper()
	var doc, catalog any
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(oscalCatalog(t, oscal.Options{}), &catalog); err != nil {
		t.Fatal(err)
	}
	if err := oscalCheck("", "document", doc); err != nil {
		t.Error(err)
	}
	declared, refs := map[string]int{}, map[string]bool{}
	oscalIDs(doc, declared, refs)
	for id, n := range declared {
		// The tool is a component of the plan and of the results; within one document each is declared once.
		if n != 1 {
			t.Errorf("%s is declared %d times", id, n)
		}
	}
	oscalIDs(catalog, declared, map[string]bool{})
	for id := range refs {
		if declared[id] == 0 {
			t.Errorf("%s is not declared", id)
		}
	}
}

func TestOSCALCatalog(t *testing.T) {
	for _, v := range oscal.Versions() {
		out := oscalCatalog(t, oscal.Options{Version: v})
		validOSCAL(t, out)
		if !bytes.Contains(out, []byte(`"oscal-version":"`+v+`"`)) {
			t.Errorf("not of version %s", v)
		}
		for _, s := range nist190.Sentences() {
			if !bytes.Contains(out, []byte("_smt."+s.Key+`"`)) {
				t.Errorf("no statement for %s", s.Key)
			}
		}
	}
	if err := oscal.WriteCatalog(&bytes.Buffer{}, oscal.Options{Version: "1.0.0"}); err == nil {
		t.Error("version 1.0.0 is accepted")
	}
}

// TestOSCALRefuses: what is checked above can fail.
func TestOSCALRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := oscal.Write(&b, everything(t), oscal.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to string }{
		{`"collected":"`, `"collected":"x`}, {`"uuid":"`, `"uuid":"x`}, {`"methods":["EXAMINE"]`, `"methods":[]`},
		{`"state":"not-satisfied"`, `"state":"unknown"`}, {`"import-ap"`, `"import-ssp"`}, {`"value":"`, `"value":" `},
	} {
		out := bytes.Replace(b.Bytes(), []byte(change.from), []byte(change.to), 1)
		var doc any
		if err := json.Unmarshal(out, &doc); err != nil || bytes.Equal(out, b.Bytes()) {
			t.Fatal(change, err)
		}
		if oscalCheck("", "document", doc) == nil {
			t.Errorf("%v is accepted", change)
		}
	}
}
