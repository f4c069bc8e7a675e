package scanreport_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/scanreport"
)

// planted is what must not be kept of any report.
const planted = "pl4nted-cr3dential"

func members(raw string) map[string][]byte {
	m := map[string][]byte{}
	for k, v := range rawjson.Members([]byte(raw)) {
		m[k] = v
	}
	return m
}

func TestMapping(t *testing.T) {
	for _, tt := range []struct {
		name, raw, format, as string
		want                  scanreport.Report
	}{
		{"kube-bench", `{"Controls":[{"id":"4","version":"cis-1.12","node_type":"node","text":"Worker","tests":[{"section":"4.1","results":[
			{"test_number":"4.1.1","status":"FAIL","actual_value":"--token=` + planted + `"},{"test_number":"4.1.2","status":"PASS"},{"test_number":"4.1.3","status":"WARN"}]}]}],"Totals":{"total_fail":1}}`,
			format.KubeBench, "", scanreport.Report{Tool: "kube-bench", Passed: 1, Failed: 1, FailedTests: []string{"4.1.1"}}},
		{"trivy of an image", `{"SchemaVersion":2,"CreatedAt":"2026-11-20T08:00:00.123456789+01:00","ArtifactName":"web:1","ArtifactType":"container_image","Metadata":{"RepoDigests":["web@sha256:ab"]},
			"Results":[{"Class":"os-pkgs","Vulnerabilities":[{"VulnerabilityID":"CVE-1","Severity":"CRITICAL"},{"VulnerabilityID":"CVE-2","Severity":"HIGH"}]},{"Class":"secret","Secrets":[{"Match":"` + planted + `"}]}]}`,
			format.Trivy, "web:1 2026-11-20T07:00:00Z", scanreport.Report{Tool: "trivy", Image: true, Target: "web:1", Digests: []string{"web@sha256:ab"}, Time: "2026-11-20T07:00:00Z", Vulnerabilities: true, Critical: 1, High: 1}},
		{"trivy of a host", `{"SchemaVersion":2,"ArtifactName":"/","ArtifactType":"filesystem","Results":[{"Packages":[{"Name":"runc","Version":"1.2.0"},{"Name":"bash","Version":"5"}]}]}`,
			format.Trivy, "/", scanreport.Report{Tool: "trivy", Target: "/", Vulnerabilities: true, Packages: []scanreport.Package{{Name: "runc", Version: "1.2.0"}}}},
		{"trivy of a repository", `{"SchemaVersion":2,"ArtifactName":"https://bot:` + planted + `@git.example.com/x","ArtifactType":"repository"}`,
			format.Trivy, "https://git.example.com/x", scanreport.Report{Tool: "trivy", Target: "https://git.example.com/x", Vulnerabilities: true}},
		{"CycloneDX", `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-11-20T07:00:00Z","component":{"type":"container","name":"web:1","purl":"pkg:oci/web@sha256:ab?arch=amd64"}}}`,
			format.CycloneDX, "web:1 2026-11-20T07:00:00Z", scanreport.Report{Tool: "CycloneDX", Image: true, Target: "web:1", Digests: []string{"sha256:ab"}, Time: "2026-11-20T07:00:00Z"}},
		{"SPDX", `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"n1","creationInfo":{"created":"2026-11-20T07:00:00Z"},"packages":[{"name":"containerd","versionInfo":"2.3.0"}]}`,
			format.SPDX, "n1 2026-11-20T07:00:00Z", scanreport.Report{Tool: "SPDX", Target: "n1", Time: "2026-11-20T07:00:00Z", Packages: []scanreport.Package{{Name: "containerd", Version: "2.3.0"}}}},
		{"osquery", `{"name":"packages","hostIdentifier":"n1","unixTime":1795330800,"snapshot":[{"name":"kubelet","version":"1.36.1"},{"name":"x","version":"` + planted + `"}],"action":"snapshot"}`,
			format.Osquery, "n1 packages 2026-11-22T07:00:00Z", scanreport.Report{Tool: "osquery", Target: "n1", Time: "2026-11-22T07:00:00Z", Packages: []scanreport.Package{{Name: "kubelet", Version: "1.36.1"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, ok := scanreport.Mapping(members(tt.raw))
			if !ok || s.Format != tt.format || s.Name != tt.as {
				t.Fatalf("%v %q %q", ok, s.Format, s.Name)
			}
			var got scanreport.Report
			if err := json.Unmarshal(s.JSON, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if strings.Contains(string(s.JSON)+s.Name, planted) {
				t.Errorf("the credential is kept: %s", s.JSON)
			}
		})
	}
}

func TestOSVKeepsComponentsOfNodes(t *testing.T) {
	s, ok := scanreport.Mapping(members(`{"id":"GHSA-1","modified":"2026-11-20T00:00:00Z","details":"long","affected":[
		{"package":{"ecosystem":"npm","name":"k8s.io/kubernetes"}},{"package":{"ecosystem":"Go","name":"k8s.io/kubernetes"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.3"}]}]}]}`))
	const want = `{"id":"GHSA-1","modified":"2026-11-20T00:00:00Z","affected":[{"package":{"ecosystem":"Go","name":"k8s.io/kubernetes"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.3"}]}]}]}`
	if !ok || string(s.JSON) != want {
		t.Errorf("%s", s.JSON)
	}
}

func TestOtherFilesAreNoReports(t *testing.T) {
	for _, raw := range []string{
		`{}`, `{"Controls":[]}`, `{"Controls":{"id":"x"}}`, `{"Controls":[{"id":"x"}]}`, `{"id":"x","affected":[]}`, `{"ArtifactName":"x"}`,
		`{"bomFormat":"Other","specVersion":"1"}`, `{"spdxVersion":"2.3","SPDXID":"x"}`, `{"hostIdentifier":"x"}`, `{"hostIdentifier":"x","unixTime":1,"columns":[]}`,
		`{"SchemaVersion":2,"ArtifactName":["x"],"ArtifactType":"container_image"}`, `{"Controls":[{"id":"4","version":"1","node_type":"node","tests":"none"}]}`,
	} {
		if s, ok := scanreport.Mapping(members(raw)); ok {
			t.Errorf("%s: %s", raw, s.Format)
		}
	}
}

func TestList(t *testing.T) {
	const bench = `{"id":"4","version":"1.12","node_type":"node","tests":[{"results":[{"test_number":"4.1.1","status":"FAIL"}]}]}`
	const row = `{"name":"q","hostIdentifier":"n1","unixTime":"1795330800","columns":{"name":"runc","version":"1.2"}}`
	for raw, want := range map[string]int{
		"[" + bench + "," + bench + "]": 1, "[" + row + "," + row + "]": 2, "[" + row + "," + bench + "]": 0, "[" + bench + ",{}]": 0, "[]": 0, "[1]": 0, `[{"a":1}]`: 0,
	} {
		if got := scanreport.List([]byte(raw)); len(got) != want {
			t.Errorf("%s: %d", raw, len(got))
		}
	}
}

const xccdf = `<?xml version="1.0"?>
<arf:asset-report-collection xmlns:arf="http://scap.nist.gov/schema/asset-reporting-format/1.1" xmlns:x="http://checklists.nist.gov/xccdf/1.2">
<arf:report><arf:content><x:TestResult id="a" end-time="2026-11-20T07:00:00+00:00">
<x:title>t</x:title><x:target>node-1</x:target><x:target>other</x:target><x:target-address>10.0.0.1</x:target-address>
<x:rule-result idref="xccdf_org.ssgproject.content_rule_one"><x:result>fail</x:result><x:message>` + planted + `</x:message></x:rule-result>
<x:rule-result idref="two"><x:result>pass</x:result></x:rule-result>
<x:rule-result idref="three"><x:result>notapplicable</x:result></x:rule-result>
</x:TestResult></arf:content></arf:report></arf:asset-report-collection>`

func TestXML(t *testing.T) {
	if !scanreport.IsXML([]byte(xccdf)) || scanreport.IsXML([]byte("<project/>")) || scanreport.IsXML([]byte("a: checklists.nist.gov/xccdf")) {
		t.Error("IsXML")
	}
	s, ok := scanreport.XML([]byte(xccdf))
	const want = `{"tool":"XCCDF","target":"node-1","time":"2026-11-20T07:00:00Z","passed":1,"failed":1,"failedTests":["one"]}`
	if !ok || string(s.JSON) != want || s.Format != format.XCCDF || s.Name != "node-1 2026-11-20T07:00:00Z" {
		t.Errorf("%v %s %q", ok, s.JSON, s.Name)
	}
	end := strings.Index(xccdf, "</x:TestResult>")
	for cut := range len(xccdf) { // half a result is none
		if _, ok := scanreport.XML([]byte(xccdf[:cut])); ok && cut < end {
			t.Fatalf("cut at %d", cut)
		}
	}
}

func FuzzMapping(f *testing.F) {
	f.Add(`{"Controls":[{"id":"4","version":"1","node_type":"n","tests":[]}]}`, xccdf)
	f.Fuzz(func(_ *testing.T, raw, text string) {
		if json.Valid([]byte(raw)) {
			scanreport.Mapping(members(raw))
			scanreport.List([]byte(raw))
		}
		scanreport.XML([]byte(text))
	})
}
