package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const manifests = "../manifests"

// run scans in process, as main would.
func run(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = scan(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

type jsonReport struct {
	Requirements []struct{ ID, Status, Strength string } `json:"requirements"`
	Risks        []struct{ ID, Status string }           `json:"risks"`
	Problems     []struct {
		Code, Level, Message string
		Origin               struct{ URI string }
	} `json:"problems"`
	Checks []struct {
		ID, Risk string
		Findings []struct {
			Status, Provisional, Key, Message string
			Subject                           struct{ APIVersion, Kind, Namespace, Name string }
			Origin                            struct {
				URI  string
				Line int
			}
			BaselineState string
		}
	} `json:"checks"`
}

func runJSON(t *testing.T, wantStatus int, args ...string) jsonReport {
	t.Helper()
	status, out, errs := run(t, "", append([]string{"-o", "json"}, args...)...)
	if status != wantStatus {
		t.Errorf("exit status %d, want %d: %s", status, wantStatus, errs)
	}
	var r jsonReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestShopHasFindingsInEveryRisk(t *testing.T) {
	r := runJSON(t, 1, filepath.Join(manifests, "shop"))
	found := map[string]int{}
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Status == "Fail" {
				found[c.Risk]++
				if f.Origin.URI == "" || f.Origin.Line == 0 {
					t.Errorf("%s: %s has no file:line", c.ID, f.Message)
				}
			}
		}
	}
	for _, risk := range []string{"4.3.1", "4.3.2", "4.3.3", "4.3.4", "4.3.5"} {
		if found[risk] == 0 {
			t.Errorf("no finding for risk %s", risk)
		}
	}
	if len(r.Requirements) != 29 || len(r.Risks) != 5 {
		t.Errorf("%d requirements, %d risks", len(r.Requirements), len(r.Risks))
	}
	_, text, _ := run(t, "", filepath.Join(manifests, "shop"))
	if n := len(regexp.MustCompile(`shop/[a-z-]+\.yaml:\d+`).FindAllString(text, -1)); n < 5 {
		t.Errorf("the text names %d places", n)
	}
}

// asOf is a configuration by which ages do not grow with that of the test.
func asOf(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nist190.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: nist190.dev/v1alpha1\nkind: Config\nasOf: 2026-11-25\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestHardenedShopIsClean(t *testing.T) {
	r := runJSON(t, 0, "-config", asOf(t), filepath.Join(manifests, "shop-hardened"))
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Status == "Fail" || f.Provisional == "Fail" {
				t.Errorf("%s: %s:%d: %s", c.ID, f.Origin.URI, f.Origin.Line, f.Message)
			}
		}
	}
	for _, p := range r.Problems {
		t.Errorf("problem: %s", p.Message)
	}
}

func TestInputs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"
	good := write("good.yaml", pod)
	broken := write("broken.yaml", pod+"---\napiVersion: v1\nkind: Pod\nmetadata: {name: [\n")
	const secret = "hunter2"
	for _, tt := range []struct {
		name   string
		args   []string
		stdin  string
		status int
		stderr string // a regular expression
		stdout string
	}{
		{"standard input", []string{"-"}, pod, 1, `^$`, "network-default-deny"},
		{"a path that does not exist", []string{good, filepath.Join(dir, "absent.yaml")}, "", 3, `absent\.yaml`, "network-default-deny"},
		{"a broken document in a named file", []string{broken}, "", 3, `broken\.yaml:\d+`, "network-default-deny"},
		{"nothing to read", []string{write("empty.yaml", "")}, "", 3, `no Kubernetes object`, ""},
		{"no path", nil, "", 3, "usage", ""},
		{"unknown flag", []string{"-frobnicate", good}, "", 3, "frobnicate", ""},
		{"unknown format", []string{"-o", "pdf", good}, "", 3, `unknown format "pdf"`, ""},
		{"unknown severity", []string{"-fail-on", "bad", good}, "", 3, `unknown severity "bad"`, ""},
		{"unknown world", []string{"-world", "flat", good}, "", 3, `world`, ""},
		{"unknown group", []string{"-group-by", "colour", good}, "", 3, `colour`, ""},
		{"bad configuration", []string{"-config", write("config.yaml", "apiVersion: nist190.dev/v1alpha1\nkind: Config\nfrobnicate: true\n"), good}, "", 3, `config\.yaml:3`, ""},
		{"explain", []string{"-explain", "network-default-deny"}, "", 0, "^$", "4.3.3"},
		{"explain an unknown check", []string{"-explain", "x-y"}, "", 3, "no such check", ""},
		{"help", []string{"-h"}, "", 0, "usage", ""},
		{"high threshold", []string{"-fail-on", "critical", good}, "", 0, "^$", ""},
		{"no secret is quoted", []string{write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: "+secret+", q: [}\n")}, "", 3, `secret\.yaml`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, errs := run(t, tt.stdin, tt.args...)
			if status != tt.status {
				t.Errorf("exit status %d, want %d\n%s%s", status, tt.status, errs, out)
			}
			if !regexp.MustCompile(tt.stderr).MatchString(errs) {
				t.Errorf("standard error %q does not match %q", errs, tt.stderr)
			}
			if !strings.Contains(out, tt.stdout) {
				t.Errorf("standard output does not have %q:\n%s", tt.stdout, out)
			}
			if strings.Contains(out+errs, secret) {
				t.Errorf("a secret is printed:\n%s%s", errs, out)
			}
		})
	}
}

func TestBaselineAndSeveralOutputs(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "base.json")
	shop := filepath.Join(manifests, "shop")
	if status, _, errs := run(t, "", "-o", "json="+base, "-o", "text", "-o", "csv="+filepath.Join(dir, "out.csv"), "-o", "markdown="+filepath.Join(dir, "out.md"), "-o", "ndjson="+filepath.Join(dir, "out.ndjson"), shop); status != 1 {
		t.Fatalf("exit status %d: %s", status, errs)
	}
	for _, f := range []string{"base.json", "out.csv", "out.md", "out.ndjson"} {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	for format := range formats {
		if status, out, errs := run(t, "", "-o", format, "-baseline", base, shop); status != 0 || out == "" {
			t.Errorf("%s: exit status %d, %d bytes: %s", format, status, len(out), errs)
		}
	}
	for format, want := range map[string]string{
		"text": "Changes since " + base, "markdown": ": changes", "html": "Changes since the earlier report", "sarif": `"baselineState":"unchanged"`, "ocsf": `"activity_name":"Update"`,
	} {
		if _, out, _ := run(t, "", "-o", format, "-baseline", base, shop); !strings.Contains(out, want) {
			t.Errorf("%s does not compare", format)
		}
	}
	r := runJSON(t, 0, "-baseline", base, shop)
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Status == "Fail" && f.BaselineState != "unchanged" {
				t.Errorf("%s is %q", f.Message, f.BaselineState)
			}
		}
	}
	if status, _, _ := run(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: another}\nspec: {containers: [{name: c, image: i}]}\n", "-baseline", base, shop, "-"); status != 1 {
		t.Error("a new finding does not fail")
	}
}

func TestOpenWorldIsNeverClear(t *testing.T) {
	status, _, errs := run(t, "", "-config", asOf(t), "-world", "open", "-require-evidence", filepath.Join(manifests, "shop-hardened"))
	if status != 2 {
		t.Errorf("exit status %d: %s", status, errs)
	}
}

// What the configuration says of the network plugin decides whether policies count.
func TestPluginFromConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	for plugin, want := range map[string]string{
		"plugin: calico": "Pass", "plugin: flannel": "Failflannel does not enforce", "enforcesNetworkPolicy: false": "Failthe network plugin does not enforce",
	} {
		text := "apiVersion: nist190.dev/v1alpha1\nkind: Config\nnetwork: {" + plugin + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, out, errs := run(t, "", "-o", "json", "-config", file, filepath.Join(manifests, "shop-hardened"))
		var r jsonReport
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err, errs)
		}
		got := ""
		for _, c := range r.Checks {
			for _, f := range c.Findings {
				if c.ID == "network-not-enforced" {
					got += f.Status + f.Message
				}
			}
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", plugin, got)
		}
	}
}
