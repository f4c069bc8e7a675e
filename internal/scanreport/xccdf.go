package scanreport

import (
	"bytes"
	"encoding/xml"
	"strings"

	"github.com/nist190/nist190/internal/format"
)

// IsXML reports the beginning of a file that may hold results of XCCDF.
func IsXML(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\ufeff"), []byte("<")) &&
		(bytes.Contains(head, []byte("checklists.nist.gov/xccdf")) || bytes.Contains(head, []byte("scap.nist.gov/schema/asset-reporting-format")))
}

// XML reads the results of XCCDF 1.1 and 1.2, by themselves or in an asset report (ARF): csrc.nist.gov/projects/
// security-content-automation-protocol. Of several the last counts. It is false for a benchmark without results.
func XML(data []byte) (Summary, bool) {
	r := Report{Tool: "XCCDF"}
	found, inside := false, false
	rule, field := "", ""
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = true
	for {
		tok, err := d.Token()
		if err != nil { // the end, or text that is no XML: what came before counts only where a result was whole
			break
		}
		switch t := tok.(type) {
		case xml.StartElement:
			field = t.Name.Local
			switch field {
			case "TestResult":
				inside = true
				r = Report{Tool: "XCCDF", Time: timeOf(attribute(t, "end-time"))}
			case "rule-result":
				rule = attribute(t, "idref")
			}
		case xml.EndElement:
			if t.Name.Local == "TestResult" {
				found, inside = true, false
			}
			field = ""
		case xml.CharData:
			if !inside {
				continue
			}
			switch text := strings.TrimSpace(string(t)); {
			case text == "":
			case field == "target" && r.Target == "":
				r.Target = text
			case field == "result" && text == "pass":
				r.Passed++
			case field == "result" && (text == "fail" || text == "error"):
				r.failed(strings.TrimPrefix(rule, "xccdf_org.ssgproject.content_rule_"))
			}
		}
	}
	if !found {
		return Summary{}, false
	}
	return named(format.XCCDF, &r)
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
