package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report"
)

func TestReportSchema(t *testing.T) { checkSchema(t, report.Schema()) }

func TestReportsConform(t *testing.T) {
	schema := parse(t, report.Schema())
	for _, s := range []struct {
		name   string
		schema any
	}{{"published", schema}, {"closed", strict(schema, "#")}} {
		whole, line := compile(t, s.schema, ""), compile(t, s.schema, "#/$defs/line")
		for name, rep := range reports(t) {
			for _, o := range []report.JSONOptions{{}, {OmitRun: true, Indent: "  "}} {
				t.Run(fmt.Sprintf("%s/%s/%v", s.name, name, o.OmitRun), func(t *testing.T) {
					if err := whole.Validate(parse(t, document(t, rep, o))); err != nil {
						t.Errorf("JSON: %v", err)
					}
					in := bufio.NewScanner(bytes.NewReader(lines(t, rep, o)))
					in.Buffer(nil, 1<<20)
					n := 0
					for ; in.Scan(); n++ {
						if err := line.Validate(parse(t, in.Bytes())); err != nil {
							t.Errorf("line %d: %v", n+1, err)
						}
					}
					if err := in.Err(); err != nil || n < 2 {
						t.Errorf("%d lines, %v", n, err)
					}
				})
			}
		}
	}
}

// TestEverythingOccurs keeps everything true to its name: no property of the schema is left untested.
func TestEverythingOccurs(t *testing.T) {
	rep, seen := everything(t), map[string]bool{}
	var note func(v any)
	note = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				note(e)
			}
		case map[string]any:
			for k, e := range v {
				seen[k] = true
				note(e)
			}
		}
	}
	note(parse(t, document(t, rep, report.JSONOptions{})))
	for _, raw := range bytes.Split(bytes.TrimSpace(lines(t, rep, report.JSONOptions{})), []byte("\n")) {
		note(parse(t, raw))
	}
	// A check that ignores its deadline and an exhibit of hundreds of rows would only slow the test down.
	seen["abandoned"], seen["truncated"] = true, true
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok {
				for name := range properties {
					if !seen[name] {
						t.Errorf("property %s does not occur", name)
					}
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(parse(t, report.Schema()))
}

func TestClosedSchemaFindsUndocumentedFields(t *testing.T) {
	whole := compile(t, strict(parse(t, report.Schema()), "#"), "")
	for _, list := range []string{"risks", "requirements", "checks", "coverage", "gaps"} {
		doc := parse(t, document(t, everything(t), report.JSONOptions{})).(map[string]any)
		doc[list].([]any)[0].(map[string]any)["undocumented"] = true
		if whole.Validate(doc) == nil {
			t.Errorf("%s: accepted", list)
		}
	}
}

// TestReportSchemaRefuses changes a valid report in one place each.
func TestReportSchemaRefuses(t *testing.T) {
	whole := compile(t, parse(t, report.Schema()), "")
	valid := document(t, everything(t), report.JSONOptions{})
	finding := func(doc map[string]any, is func(map[string]any) bool) map[string]any {
		for _, c := range doc["checks"].([]any) {
			for _, f := range c.(map[string]any)["findings"].([]any) {
				if is(f.(map[string]any)) {
					return f.(map[string]any)
				}
			}
		}
		t.Fatal("no such finding")
		return nil
	}
	has := func(key string) func(map[string]any) bool {
		return func(f map[string]any) bool { return f[key] != nil }
	}
	anything := func(map[string]any) bool { return true }
	first := func(doc map[string]any, list string) map[string]any { return doc[list].([]any)[0].(map[string]any) }
	mutations := map[string]func(doc map[string]any){
		"schemaVersion":        func(d map[string]any) { d["schemaVersion"] = "2" },
		"risk id":              func(d map[string]any) { first(d, "risks")["id"] = "4.3.6" },
		"sentence":             func(d map[string]any) { first(d, "requirements")["id"] = "6a" },
		"requirement strength": func(d map[string]any) { first(d, "requirements")["strength"] = "certain" },
		"check id":             func(d map[string]any) { first(d, "checks")["id"] = "Not_An_ID" },
		"coverage state":       func(d map[string]any) { first(d, "coverage")["state"] = "Maybe" },
		"problem level":        func(d map[string]any) { first(d, "problems")["level"] = "fatal" },
		"negative count":       func(d map[string]any) { d["counts"].(map[string]any)["fail"] = json.Number("-1") },
		"count of no severity": func(d map[string]any) {
			d["counts"].(map[string]any)["open"] = map[string]any{"grave": json.Number("1")}
		},
		"time":                   func(d map[string]any) { d["run"].(map[string]any)["started"] = "yesterday" },
		"status":                 func(d map[string]any) { finding(d, anything)["status"] = "pass" },
		"severity":               func(d map[string]any) { finding(d, anything)["severity"] = "" },
		"subject without kind":   func(d map[string]any) { finding(d, anything)["subject"].(map[string]any)["kind"] = "" },
		"line is text":           func(d map[string]any) { finding(d, has("origin"))["origin"].(map[string]any)["line"] = "12" },
		"no fingerprint":         func(d map[string]any) { finding(d, anything)["fingerprint"] = "" },
		"lowered without reason": func(d map[string]any) { delete(finding(d, has("missing")), "reason") },
		"accepted pass":          func(d map[string]any) { finding(d, has("suppression"))["status"] = "Pass" },
		"acceptance, no reason":  func(d map[string]any) { finding(d, has("suppression"))["suppression"].(map[string]any)["reason"] = "" },
		"attested failure":       func(d map[string]any) { finding(d, has("attestation"))["status"] = "Fail" },
		"attestation, no day":    func(d map[string]any) { finding(d, has("attestation"))["attestation"].(map[string]any)["expires"] = "" },
		"attestation, impossible": func(d map[string]any) {
			finding(d, has("attestation"))["attestation"].(map[string]any)["expires"] = "2026-13-01"
		},
		"baseline":         func(d map[string]any) { finding(d, has("baselineState"))["baselineState"] = "old" },
		"label is no text": func(d map[string]any) { finding(d, has("labels"))["labels"].(map[string]any)["team"] = true },
	}
	for _, key := range []string{"schemaVersion", "status", "counts", "assumptions", "coverage", "defaultCoverage", "problems", "risks", "requirements", "gaps", "checks"} {
		mutations["no "+key] = func(d map[string]any) { delete(d, key) }
	}
	for _, key := range []string{"status", "severity", "subject", "message", "fingerprint"} {
		mutations["finding without "+key] = func(d map[string]any) { delete(finding(d, anything), key) }
	}
	for _, key := range []string{"apiVersion", "kind", "namespace", "name"} {
		mutations["subject without "+key] = func(d map[string]any) { delete(finding(d, anything)["subject"].(map[string]any), key) }
	}
	for _, key := range []string{"id", "risk", "sentences", "severity", "status", "title", "findings"} {
		mutations["check without "+key] = func(d map[string]any) { delete(first(d, "checks"), key) }
	}
	for name, mutate := range mutations {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, valid).(map[string]any)
			if err := whole.Validate(doc); err != nil {
				t.Fatal(err)
			}
			mutate(doc)
			if whole.Validate(doc) == nil {
				t.Error("accepted")
			}
		})
	}
	t.Run("more fields may come", func(t *testing.T) {
		doc := parse(t, valid).(map[string]any)
		doc["new"] = true
		finding(doc, anything)["new"] = map[string]any{"a": "b"}
		if err := whole.Validate(doc); err != nil {
			t.Error(err)
		}
	})
}

func TestLineSchemaRefuses(t *testing.T) {
	line := compile(t, parse(t, report.Schema()), "#/$defs/line")
	for i, raw := range bytes.Split(bytes.TrimSpace(lines(t, everything(t), report.JSONOptions{})), []byte("\n")) {
		whole := parse(t, raw).(map[string]any)
		for _, key := range []string{"type", "schemaVersion", "check", "risk", "fingerprint", "subject", "counts", "requirements"} {
			if whole[key] == nil {
				continue
			}
			doc := parse(t, raw).(map[string]any)
			delete(doc, key)
			if line.Validate(doc) == nil {
				t.Errorf("line %d without %s is accepted", i+1, key)
			}
		}
		whole["type"] = "footer"
		if line.Validate(whole) == nil {
			t.Errorf("line %d of another type is accepted", i+1)
		}
	}
}

func document(t *testing.T, rep *nist190.Report, o report.JSONOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, rep, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func lines(t *testing.T, rep *nist190.Report, o report.JSONOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.NDJSON(&b, rep, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reports are those at the edges and one with everything.
func reports(t *testing.T) map[string]*nist190.Report {
	t.Helper()
	ctx := context.Background()
	none, err := nist190.Run(ctx, (&inventory.Collector{}).Inventory())
	if err != nil {
		t.Fatal(err)
	}
	all := everything(t)
	read, err := report.ReadJSON(bytes.NewReader(document(t, all, report.JSONOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*nist190.Report{"zero": {}, "no checks": none, "everything": all, "read back": read}
}

// everything is a report in which every field of the format occurs.
func everything(t *testing.T) *nist190.Report {
	t.Helper()
	var c inventory.Collector
	pod := func(name string) inventory.Ref {
		return inventory.Ref{Version: "v1", Kind: "Pod", Namespace: "shop", Name: name}
	}
	for i, name := range []string{"open", "accepted", "unproven", "fine", "weak", "unknown", "outside"} {
		o, err := inventory.NewObject(inventory.Item{
			JSON: fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"namespace":"shop","labels":{"team":"blue"},
				"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"1","controller":true}]},
				"spec":{"containers":[{"name":"app","image":"registry.example/app:1"}]}}`, name),
			Origin: inventory.Origin{URI: "deploy/all.yaml", Doc: i, Line: 10*i + 1, Column: 1, Template: "chart/templates/all.yaml"},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Add(o)
	}
	owner, err := inventory.NewObject(inventory.Item{JSON: []byte(`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web","namespace":"shop"},
		"spec":{"selector":{},"template":{"spec":{"containers":[{"name":"app","image":"registry.example/app:1"}]}}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	c.Add(owner)
	c.Assume(inventory.World.Set("closed"))
	c.Cover(inventory.CoverageEntry{Kind: "Pod", Coverage: inventory.Coverage{State: inventory.Complete}})
	c.Cover(inventory.CoverageEntry{Group: "networking.k8s.io", Kind: "NetworkPolicy", Namespace: "shop", Coverage: inventory.Coverage{State: inventory.Forbidden, Reason: "list is not allowed"}})
	c.CoverRest(inventory.NotCollected, "no source was asked")
	c.Problem(inventory.Problem{Code: inventory.ProblemInvalid, Level: inventory.ProblemError, Origin: inventory.Origin{URI: "broken.yaml", Line: 1}, Ref: pod("broken"), Message: "it has no name"})

	md := func(id string, risk nist190.Risk, claims ...nist190.Claim) nist190.Metadata {
		return nist190.Metadata{ID: id, Title: "a title", Doc: "A summary.", Risk: risk, Claims: claims, Severity: nist190.SeverityMedium, Remediation: "change it",
			Since: "v0.1.0", Limits: "much", Controls: []string{"AC-6"}, CIS: []string{"5.1.1"}, Needs: []inventory.Need{{Kind: "Pod", Resource: "pods"}}}
	}
	evidence := func(e *nist190.Eval, name string) nist190.Evidence {
		o, ok := e.Inventory.Get(pod(name).GroupKind(), "shop", name)
		if !ok {
			t.Errorf("pod %s is not there", name)
			return nist190.Evidence{}
		}
		return nist190.At(o, "spec", "containers", 0, "image").Showing("registry.example/app:1").Because("it is not trusted")
	}
	first := nist190.NewCheck(md("rbac-first", nist190.UnboundedAdministrativeAccess, nist190.Claim{Sentence: "1a", Conclusive: true}), func(_ context.Context, e *nist190.Eval) error {
		e.Fail(pod("open"), "container app", `Pod "open" is open`, evidence(e, "open"))
		e.Fail(pod("accepted"), "", `Pod "accepted" is open`)
		e.Pass(pod("fine"), evidence(e, "fine"))
		e.NotApplicable(pod("outside"), "it has ended")
		e.Fail(owner.Ref(), "", "its pods are open")
		e.NotAssessed(pod("unknown"), nist190.ReasonUnclassified, "it has no level")
		e.Fail(inventory.Ref{Group: "rbac.authorization.k8s.io", Kind: "User", Name: "alice"}, "", "alice may do anything")
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: pod("weak"), Strength: inventory.VendorAsserted})
		return nil
	})
	lowered := md("network-second", nist190.PoorlySeparatedTraffic, nist190.Claims("3a", "3b")...)
	lowered.Needs = append(lowered.Needs, inventory.Need{Group: "networking.k8s.io", Kind: "NetworkPolicy", Resource: "networkpolicies", Scope: inventory.SubjectNamespace})
	second := nist190.NewCheck(lowered, func(_ context.Context, e *nist190.Eval) error {
		e.Report(nist190.Outcome{
			Status: nist190.Fail, Subject: pod("unproven"), Message: "anything may connect", MaxSeverity: nist190.SeverityCritical, Path: []string{"a", "b"}, Remediation: "add a policy",
			Exhibits: []nist190.Exhibit{{Name: "x", Title: "who may", Columns: []string{"from"}, Rows: slices.Values([][]string{{"a"}})}},
		})
		return nil
	})
	manual := nist190.NewCheck(md("authn-third", nist190.UnauthorizedAccess, nist190.Claims("2b")...), func(_ context.Context, e *nist190.Eval) error {
		e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, "a second factor is asked for")
		return nil
	})
	lint := md("nodetrust-fourth", nist190.NodeTrust, nist190.Claims("5a")...)
	lint.Advisory = true
	broken := nist190.NewCheck(lint, func(context.Context, *nist190.Eval) error { return errors.New("out of luck") })

	expires := nist190.Date{Time: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}
	runner := nist190.Runner{
		Checks: []nist190.Check{first, second, manual, broken},
		Suppressions: []nist190.Suppression{{Selector: inventory.Selector{Names: []string{"accepted"}}, Reason: "a test", Owner: "blue", Ticket: "T-1", Expires: expires,
			Origin: inventory.Origin{URI: "nist190.yaml", Line: 3, Column: 5}}},
		Attestations: []nist190.Attestation{
			{Check: "authn-third", Statement: "it does", Owner: "security", Evidence: "https://wiki.example/mfa", Digest: "sha256:0", Cluster: "prod", From: expires, Expires: expires},
			{Sentence: "2e", Statement: "AES-256", Owner: "platform", Expires: expires},
		},
		MinStrength: inventory.Attested,
		Cluster:     "prod",
		Append:      nist190.Append{Labels: []string{"team"}, Images: true, Owner: true},
		Now:         func() time.Time { return expires.Time },
	}
	rep, err := runner.Run(context.Background(), c.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	base, err := report.ReadJSON(bytes.NewReader(document(t, rep, report.JSONOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	base.Checks[0].Findings = base.Checks[0].Findings[1:]
	nist190.Compare(base, rep)
	return rep
}
