// Package oscal writes a [nist190.Report] as OSCAL assessment results, with the assessment plan and the catalog of SP
// 800-190 section 4.3 that they refer to.
//
// Source: NIST, OSCAL assessment results, assessment plan and catalog models, versions 1.1.3 and 1.2.2 in JSON. Of what
// is written here the two ask for the same.
package oscal

import (
	"cmp"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/plain"
)

// Versions are those of OSCAL that can be asked for, the default first.
func Versions() []string { return []string{"1.1.3", "1.2.2"} }

// Options are those of [Write], [WritePlan] and [WriteCatalog].
type Options struct {
	Version     string    // of OSCAL; empty means 1.1.3, which most tools read
	PlanHref    string    // where the assessment plan will be; empty means "assessment-plan.json"
	CatalogHref string    // where the catalog will be; empty means "catalog.json"
	SSPHref     string    // where the system security plan is; empty writes a placeholder into the plan
	Modified    time.Time // when the catalog was written; the others have the time of the run
}

func (o Options) complete() (Options, error) {
	o.Version = cmp.Or(o.Version, Versions()[0])
	if !slices.Contains(Versions(), o.Version) {
		return o, fmt.Errorf("oscal: version %q is none of %s", o.Version, strings.Join(Versions(), ", "))
	}
	o.PlanHref, o.CatalogHref = cmp.Or(o.PlanHref, "assessment-plan.json"), cmp.Or(o.CatalogHref, "catalog.json")
	return o, nil
}

const (
	project   = "https://github.com/nist190/nist190"
	namespace = project + "/ns/oscal" // of properties
	source    = "https://doi.org/10.6028/NIST.SP.800-190"
)

// published is when NIST published SP 800-190.
var published = time.Date(2017, 9, 25, 0, 0, 0, 0, time.UTC)

// uuid is of version 5 (RFC 9562, section 5.5), in the namespace of URLs: what is about the same thing has the same one in
// every document.
func uuid(kind string, parts ...string) string {
	url := [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	h := sha1.New()
	h.Write(url[:])
	fmt.Fprintf(h, "%s/%s", project, kind)
	for _, p := range parts {
		fmt.Fprintf(h, "/%d:%s", len(p), p) // no two lists of parts give one text
	}
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// dateTime has a zone and, as OSCAL asks, a year from 1900.
func dateTime(t time.Time) string {
	if t.Year() < 1900 {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format(time.RFC3339)
}

// word is text as OSCAL's string: one line, no white space around it, and not empty.
func word(s string) string { return cmp.Or(strings.TrimSpace(plain.Line(s)), "-") }

func prop(name, value string) property {
	return property{Name: name, NS: namespace, Value: word(value)}
}

// props leaves out what has no value. Arguments are names and values in turn.
func props(pairs ...string) []property {
	var out []property
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) != "" {
			out = append(out, prop(pairs[i], pairs[i+1]))
		}
	}
	return out
}

func controlID(r nist190.Risk) string { return "sp800-190-" + string(r) }

func statementID(s nist190.Sentence) string { return controlID(s.Risk) + "_smt." + s.Key }

// allControls selects the five controls of the catalog.
func allControls() reviewed {
	var ids []controlRef
	for _, r := range nist190.Risks() {
		ids = append(ids, controlRef{ControlID: controlID(r)})
	}
	return reviewed{[]selection{{ids}}}
}

func metadataOf(title string, at time.Time, o Options) metadata {
	return metadata{
		Title: title, LastModified: dateTime(at), Version: dateTime(at), OSCALVersion: o.Version,
		Links: []link{{Href: source, Rel: "reference"}},
	}
}

// tool is the program that assesses, as a component and as the platform that uses it.
func tool() assets {
	id := uuid("component", "nist190")
	return assets{
		Components: []component{{
			UUID: id, Type: "software", Title: "nist190", Description: "Evaluates the orchestrator countermeasures of NIST SP 800-190, section 4.3.",
			Status: state{"operational"},
		}},
		Platforms: []platform{{UUID: uuid("platform", "nist190"), Title: "nist190", Uses: []uses{{id}}}},
	}
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
