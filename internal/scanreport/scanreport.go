// Package scanreport tells the reports of scanners by their content and keeps of each what decides something: who was looked
// at, when, and what was found. Reports hold command lines and contents of files, and nothing of these is kept.
package scanreport

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
)

// Report is what is kept of one.
type Report struct {
	Tool string `json:"tool"`
	// Image: it is of an image; else of a host.
	Image   bool     `json:"image,omitempty"`
	Target  string   `json:"target,omitempty"`  // as the report names it; empty where it does not
	Digests []string `json:"digests,omitempty"` // of an image
	Time    string   `json:"time,omitempty"`    // RFC 3339; empty where the report does not say
	// Passed and Failed count tests; FailedTests are the first of the latter by their numbers or names.
	Passed      int      `json:"passed,omitempty"`
	Failed      int      `json:"failed,omitempty"`
	FailedTests []string `json:"failedTests,omitempty"`
	// Critical and High count vulnerabilities; Vulnerabilities: the report looks for any.
	Vulnerabilities bool      `json:"vulnerabilities,omitempty"`
	Critical        int       `json:"critical,omitempty"`
	High            int       `json:"high,omitempty"`
	Packages        []Package `json:"packages,omitempty"` // of those that are components of nodes
}

// Package is one that is installed.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// userinfo is the part of a URL that may hold a password.
var userinfo = regexp.MustCompile(`//[^/\s]*@`)

// maxTests bounds what is kept of the tests that failed.
const maxTests = 200

func (r *Report) failed(test string) {
	r.Failed++
	if len(r.FailedTests) < maxTests && test != "" {
		r.FailedTests = append(r.FailedTests, test)
	}
}

// nodeComponents are the programs of a node that advisories are looked up for.
var nodeComponents = []string{"kubelet", "containerd", "containerd.io", "runc", "cri-o", "docker-ce", "kube-proxy", "kubernetes"}

func (r *Report) add(name, version string) {
	if version != "" && slices.Contains(nodeComponents, name) {
		r.Packages = append(r.Packages, Package{name, version})
	}
}

// Summary is a document as an object of a format.
type Summary struct {
	Format, Name string
	JSON         []byte
}

func summary(f, name string, v any) (Summary, bool) {
	raw, err := json.Marshal(v)
	return Summary{f, name, raw}, err == nil
}

func named(f string, r *Report) (Summary, bool) {
	r.Target = userinfo.ReplaceAllString(r.Target, "//")
	return summary(f, strings.TrimSpace(r.Target+" "+r.Time), r)
}

// Mapping recognizes a document that is a mapping, given its members.
func Mapping(m map[string][]byte) (Summary, bool) {
	if !looks(m) {
		return Summary{}, false
	}
	raw := object(m)

	for _, r := range [...]func(map[string][]byte, []byte) (Summary, bool){osv, kubeBench, trivy, cycloneDX, spdx, osquery} {
		if s, ok := r(m, raw); ok {
			return s, true
		}
	}
	return Summary{}, false
}

// looks tells by a member that every report has whether it is worth a look.
func looks(m map[string][]byte) bool {
	for _, k := range [...]string{"affected", "Controls", "ArtifactName", "bomFormat", "spdxVersion", "hostIdentifier"} {
		if m[k] != nil {
			return true
		}
	}
	return false
}

// object puts members together again.
func object(m map[string][]byte) []byte {
	raw := []byte{'{'}
	for k, v := range m {
		key, _ := json.Marshal(k)
		raw = append(append(append(append(raw, key...), ':'), v...), ',')
	}
	raw[len(raw)-1] = '}'
	return raw
}

// List recognizes a document that is a list: what kube-bench prints with --nototals, and results of osquery.
func List(raw []byte) []Summary {
	var out []Summary
	bench := Report{Tool: "kube-bench"}
	n := 0
	for _, e := range rawjson.Elements(raw) {
		m := map[string][]byte{}
		for k, v := range rawjson.Members(e) {
			m[k] = v
		}
		if bench.controls(m, e) {
			if len(out) > 0 {
				return nil
			}
			n++
			continue
		}
		s, ok := osquery(m, e)
		if !ok || n > 0 {
			return nil
		}
		out = append(out, s)
	}
	if n > 0 {
		if s, ok := named(format.KubeBench, &bench); ok {
			return []Summary{s}
		}
	}
	return out
}

// osv: ossf.github.io/osv-schema. Of all advisories those of components of nodes are kept; of others nothing.
func osv(m map[string][]byte, raw []byte) (Summary, bool) {
	if rawjson.String(m["id"]) == "" || rawjson.String(m["modified"]) == "" || m["affected"] == nil {
		return Summary{}, false
	}
	var a Advisory
	if json.Unmarshal(raw, &a) != nil {
		return Summary{}, false
	}
	a.Affected = slices.DeleteFunc(a.Affected, func(x Affected) bool { _, ok := OfComponent(x.Package); return !ok })
	return summary(format.OSV, a.ID, a)
}

// Advisory is an entry of OSV.
type Advisory struct {
	ID        string     `json:"id"`
	Aliases   []string   `json:"aliases,omitempty"`
	Modified  string     `json:"modified"`
	Withdrawn string     `json:"withdrawn,omitempty"`
	Affected  []Affected `json:"affected,omitempty"`
	Database  struct {
		Severity string `json:"severity,omitempty"`
	} `json:"database_specific,omitzero"`
}

// Affected is a package with its versions.
type Affected struct {
	Package  Affects  `json:"package"`
	Ranges   []Range  `json:"ranges,omitempty"`
	Versions []string `json:"versions,omitempty"`
}

// Affects names a package.
type Affects struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
}

// Range has events in their order.
type Range struct {
	Type   string  `json:"type"`
	Events []Event `json:"events"`
}

// Event is one change of whether versions are affected.
type Event struct {
	Introduced   string `json:"introduced,omitempty"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
}

// components are the modules of programs of a node, by the name of the program.
var components = map[string]string{
	"k8s.io/kubernetes": "kubernetes", "github.com/kubernetes/kubernetes": "kubernetes", "k8s.io/kubelet": "kubernetes",
	"github.com/containerd/containerd": "containerd", "github.com/containerd/containerd/v2": "containerd",
	"github.com/cri-o/cri-o": "cri-o", "github.com/opencontainers/runc": "runc",
}

// OfComponent is the program that a package of OSV is, if it is one of a node.
func OfComponent(p Affects) (string, bool) {
	if p.Ecosystem != "Go" {
		return "", false
	}
	c, ok := components[p.Name]
	return c, ok
}

// kubeBench: check/controls.go of aquasecurity/kube-bench. It says neither when nor where.
func kubeBench(m map[string][]byte, _ []byte) (Summary, bool) {
	if m["Controls"] == nil {
		return Summary{}, false
	}
	r := Report{Tool: "kube-bench"}
	n := 0
	for _, e := range rawjson.Elements(m["Controls"]) {
		inner := map[string][]byte{}
		for k, v := range rawjson.Members(e) {
			inner[k] = v
		}
		if !r.controls(inner, e) {
			return Summary{}, false
		}
		n++
	}
	if n == 0 {
		return Summary{}, false
	}
	return named(format.KubeBench, &r)
}

func (r *Report) controls(m map[string][]byte, raw []byte) bool {
	if m["tests"] == nil || m["node_type"] == nil || m["version"] == nil {
		return false
	}
	var c struct {
		Tests []struct {
			Results []struct {
				Number string `json:"test_number"`
				Status string `json:"status"`
			} `json:"results"`
		} `json:"tests"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return false
	}
	for _, t := range c.Tests {
		for _, x := range t.Results {
			switch x.Status {
			case "PASS":
				r.Passed++
			case "FAIL":
				r.failed(x.Number)
			}
		}
	}
	return true
}

// trivy: pkg/types/report.go of aquasecurity/trivy.
func trivy(m map[string][]byte, raw []byte) (Summary, bool) {
	if m["SchemaVersion"] == nil || m["ArtifactName"] == nil || m["ArtifactType"] == nil {
		return Summary{}, false
	}
	var x struct {
		CreatedAt    string
		ArtifactName string
		ArtifactType string
		Metadata     struct {
			RepoTags, RepoDigests []string
		}
		Results []struct {
			Class           string
			Vulnerabilities []struct{ Severity, PkgName, InstalledVersion string }
			Packages        []struct{ Name, Version string }
		}
	}
	if json.Unmarshal(raw, &x) != nil {
		return Summary{}, false
	}
	r := Report{Tool: "trivy", Image: x.ArtifactType == "container_image", Target: x.ArtifactName, Digests: x.Metadata.RepoDigests, Time: timeOf(x.CreatedAt), Vulnerabilities: true}
	for _, res := range x.Results {
		for _, v := range res.Vulnerabilities {
			switch v.Severity {
			case "CRITICAL":
				r.Critical++
			case "HIGH":
				r.High++
			}
		}
		for _, p := range res.Packages {
			r.add(p.Name, p.Version)
		}
	}
	return named(format.Trivy, &r)
}

// cycloneDX: cyclonedx.org/docs, the JSON form.
func cycloneDX(m map[string][]byte, raw []byte) (Summary, bool) {
	if rawjson.String(m["bomFormat"]) != "CycloneDX" || m["specVersion"] == nil {
		return Summary{}, false
	}
	var x struct {
		Metadata struct {
			Timestamp string
			Component struct{ Type, Name, Version, PURL string }
		}
		Components []struct{ Name, Version string }
	}
	if json.Unmarshal(raw, &x) != nil {
		return Summary{}, false
	}
	c := x.Metadata.Component
	r := Report{Tool: "CycloneDX", Image: c.Type == "container", Target: c.Name, Time: timeOf(x.Metadata.Timestamp)}
	if _, digest, ok := strings.Cut(c.PURL, "@sha256:"); ok {
		digest, _, _ = strings.Cut(digest, "?")
		r.Digests = []string{"sha256:" + digest}
	}
	for _, p := range x.Components {
		r.add(p.Name, p.Version)
	}
	return named(format.CycloneDX, &r)
}

// spdx: spdx.github.io/spdx-spec, the JSON form of 2.2 and 2.3.
func spdx(m map[string][]byte, raw []byte) (Summary, bool) {
	if !strings.HasPrefix(rawjson.String(m["spdxVersion"]), "SPDX-") || rawjson.String(m["SPDXID"]) == "" {
		return Summary{}, false
	}
	var x struct {
		Name         string
		CreationInfo struct{ Created string }
		Packages     []struct {
			Name, VersionInfo     string
			PrimaryPackagePurpose string
		}
	}
	if json.Unmarshal(raw, &x) != nil {
		return Summary{}, false
	}
	r := Report{Tool: "SPDX", Target: x.Name, Time: timeOf(x.CreationInfo.Created)}
	for _, p := range x.Packages {
		r.Image = r.Image || p.PrimaryPackagePurpose == "CONTAINER"
		r.add(p.Name, p.VersionInfo)
	}
	return named(format.SPDX, &r)
}

// osquery: osquery.readthedocs.io/en/stable/deployment/logging, one result.
func osquery(m map[string][]byte, raw []byte) (Summary, bool) {
	if rawjson.String(m["hostIdentifier"]) == "" || m["unixTime"] == nil || m["columns"] == nil && m["snapshot"] == nil {
		return Summary{}, false
	}
	var x struct {
		Name           string
		HostIdentifier string
		UnixTime       json.Number
		Columns        map[string]any
		Snapshot       []map[string]any
	}
	if json.Unmarshal(raw, &x) != nil {
		return Summary{}, false
	}
	r := Report{Tool: "osquery", Target: userinfo.ReplaceAllString(x.HostIdentifier, "//")}
	if n, err := x.UnixTime.Int64(); err == nil && n > 0 {
		r.Time = time.Unix(n, 0).UTC().Format(time.RFC3339)
	}
	rows := x.Snapshot
	if x.Columns != nil {
		rows = append(rows, x.Columns)
	}
	for _, row := range rows {
		name, _ := row["name"].(string)
		version, _ := row["version"].(string)
		r.add(name, version)
	}
	return summary(format.Osquery, strings.Join([]string{r.Target, x.Name, r.Time}, " "), r)
}

// timeOf brings a time to one form; empty where it is none.
func timeOf(s string) string {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
