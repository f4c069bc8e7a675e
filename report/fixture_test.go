package report

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what a format wrote with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; run the test with -update and read the difference.\ngot:\n%s", file, got)
	}
}

// object is a ConfigMap whose fields are found on later lines than its beginning.
func object(t testing.TB, kind, apiVersion, namespace, name, labels string, line int) *inventory.Object {
	t.Helper()
	start := inventory.Origin{URI: "deploy/" + kind + ".yaml", Line: line, Column: 1}
	o, err := inventory.NewObject(inventory.Item{
		JSON:   fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"namespace":%q,"name":%q,"labels":{%s}}}`, apiVersion, kind, namespace, name, labels),
		Origin: start,
		Locate: func(path ...any) inventory.Origin {
			at := start
			at.Line, at.Column = line+len(path), 3
			return at
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func metadata(id string, risk nist190.Risk, severity nist190.Severity, claims ...nist190.Claim) nist190.Metadata {
	return nist190.Metadata{
		ID: id, Title: "a title of " + id, Doc: "What it is about.\n\nMore of it.", Risk: risk, Claims: claims, Severity: severity,
		Remediation: "change it", Since: "v0.1.0", Controls: []string{"AC-6(5)"}, CIS: []string{"5.1.1"},
	}
}

var (
	configMaps = inventory.Need{Kind: "ConfigMap", Resource: "configmaps"}
	policies   = inventory.Need{Group: "networking.k8s.io", Kind: "NetworkPolicy", Resource: "networkpolicies", Bias: inventory.Exonerating}
	today      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func day(t testing.TB, s string) nist190.Date {
	t.Helper()
	d, err := nist190.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// everything is a report with every status and every way in which a finding can be decided.
func everything(t testing.TB) *nist190.Report {
	t.Helper()
	var c inventory.Collector
	for i, name := range []string{"open", "worse", "accepted", "fine"} {
		c.Add(object(t, "ConfigMap", "v1", "shop", name, `"team":"blue"`, 10*(i+1)))
	}
	c.Add(object(t, "Namespace", "v1", "", "shop", `"team":"red"`, 1))
	c.CoverRest(inventory.NotCollected, "no source was asked")
	c.Cover(inventory.CoverageEntry{Kind: "ConfigMap", Coverage: inventory.Coverage{State: inventory.Complete}})
	c.Cover(inventory.CoverageEntry{Group: "networking.k8s.io", Kind: "NetworkPolicy", Coverage: inventory.Coverage{State: inventory.Forbidden, Reason: "list is not allowed"}})
	c.Problem(inventory.Problem{Code: inventory.ProblemSyntax, Level: inventory.ProblemError, Origin: inventory.Origin{URI: "deploy/broken.yaml", Line: 3}, Message: "not YAML"})
	c.Assume(inventory.World.Set("closed"))
	c.Assume(inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: 34}))

	cm := func(name string) inventory.Ref {
		return inventory.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "shop", Name: name}
	}
	get := func(e *nist190.Eval, name string) *inventory.Object {
		o, ok := e.Inventory.Get(cm(name).GroupKind(), "shop", name)
		if !ok {
			t.Errorf("%s is not there", name)
		}
		return o
	}
	failing := metadata("rbac-failing", nist190.UnboundedAdministrativeAccess, nist190.SeverityHigh, nist190.Claim{Sentence: "1a", Conclusive: true})
	failing.Needs = []inventory.Need{configMaps}
	failing.Limits = "It sees what it sees."
	unproven := metadata("network-unproven", nist190.PoorlySeparatedTraffic, nist190.SeverityMedium, nist190.Claims("3a", "3b")...)
	unproven.Needs = []inventory.Need{configMaps, policies}
	attested := metadata("authn-attested", nist190.UnauthorizedAccess, nist190.SeverityMedium, nist190.Claim{Sentence: "2b", Conclusive: true})
	manual := metadata("authn-manual", nist190.UnauthorizedAccess, nist190.SeverityMedium, nist190.Claims("2c")...)
	broken := metadata("nodetrust-broken", nist190.NodeTrust, nist190.SeverityCritical, nist190.Claims("5a")...)
	nothing := metadata("placement-nothing", nist190.MixedSensitivityLevels, nist190.SeverityLow, nist190.Claim{Sentence: "4a", Conclusive: true})
	checks := []nist190.Check{
		nist190.NewCheck(failing, func(_ context.Context, e *nist190.Eval) error {
			e.Fail(cm("open"), "container app", `ConfigMap "open" is open`, nist190.At(get(e, "open"), "data", "mode").Showing("0777").Because("anybody may write"))
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Subject: cm("worse"), Message: `ConfigMap "worse" is worse`, Severity: nist190.SeverityCritical,
				Path: []string{"User alice", "RoleBinding shop/b", "Role shop/r"}, Remediation: "kubectl delete configmap worse\n  --namespace shop",
				Exhibits: []nist190.Exhibit{{Name: "x", Title: "An exhibit", Columns: []string{"from", "to"}, Rows: slices.Values([][]string{{"a", "b"}, {"c", "d|e"}})}},
			})
			e.Fail(cm("accepted"), "", `ConfigMap "accepted" is open, too`)
			e.Pass(cm("fine"), nist190.At(get(e, "fine"), "data"))
			e.Fail(inventory.Ref{Group: "rbac.authorization.k8s.io", Kind: "User", Name: "alice"}, "", `User "alice" may do anything`)
			return nil
		}),
		nist190.NewCheck(unproven, func(_ context.Context, e *nist190.Eval) error {
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Subject: cm("open"), Message: "anything may connect to it", MaxSeverity: nist190.SeverityCritical,
				Evidence: []nist190.Evidence{nist190.At(get(e, "open"), "spec")},
			})
			e.Pass(cm("fine"))
			e.NotAssessed(cm("worse"), nist190.ReasonUnclassified, "it has no level")
			return nil
		}),
		nist190.NewCheck(attested, func(_ context.Context, e *nist190.Eval) error {
			e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, "the identity provider asks for a second factor")
			return nil
		}),
		nist190.NewCheck(manual, func(_ context.Context, e *nist190.Eval) error {
			e.NotAssessed(inventory.Cluster, nist190.ReasonManualReview, "the directory is the only one")
			return nil
		}),
		nist190.NewCheck(broken, func(context.Context, *nist190.Eval) error { return errors.New("out of luck") }),
		nist190.NewCheck(nothing, func(context.Context, *nist190.Eval) error { return nil }),
	}
	runner := nist190.Runner{
		Checks: checks,
		Suppressions: []nist190.Suppression{
			{Selector: inventory.Selector{Names: []string{"accepted"}}, Reason: "it is a test", Owner: "blue team", Ticket: "T-1", Expires: day(t, "2026-12-31"),
				Origin: inventory.Origin{URI: "nist190.yaml", Line: 4}},
			{Checks: []string{"no-such-check"}, Reason: "unused"},
		},
		Attestations: []nist190.Attestation{
			{Check: "authn-attested", Statement: "the identity provider asks for a second factor", Owner: "security", Evidence: "https://wiki.example/mfa", From: day(t, "2026-01-01"), Expires: day(t, "2026-12-31")},
			{Sentence: "2e", Statement: "disks are encrypted with AES-256", Owner: "platform", Expires: day(t, "2026-06-30")},
		},
		Cluster: "prod",
		Append:  nist190.Append{Labels: []string{"team"}, Owner: true},
		Now:     func() time.Time { return today },
	}
	rep, err := runner.Run(context.Background(), c.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// hostile is every sort of character that a name must not carry into a report.
const hostile = "a\x1b[31mred\x1b[0m\x07\u202egnp\u200b\u2066|`<b>&\"'\r\n\t\xff\u0085\u2028\\|@octocat [x](http://evil.example) $(x) =1"

// attacked is a report in which everything that others write is hostile.
func attacked(t testing.TB) *nist190.Report {
	t.Helper()
	subject := inventory.Ref{Group: "g" + hostile, Version: "v1", Kind: "K" + hostile, Namespace: "n" + hostile, Name: "=" + hostile}
	md := metadata("rbac-attacked", nist190.UnboundedAdministrativeAccess, nist190.SeverityHigh, nist190.Claims("1a")...)
	ev := nist190.Evidence{Ref: subject, Path: hostile, Value: hostile, Note: hostile}.From(inventory.Origin{URI: hostile, Line: 1, Template: hostile})
	out := nist190.Outcome{
		Subject: subject, Key: hostile, Message: hostile, Path: []string{hostile}, Evidence: []nist190.Evidence{ev}, Remediation: hostile,
		Missing:  []nist190.Missing{{Evidence: hostile, Namespace: hostile, Reason: hostile}},
		Exhibits: []nist190.Exhibit{{Name: "x", Title: hostile, Columns: []string{hostile}, Rows: slices.Values([][]string{{hostile}})}},
	}
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for i, s := range []nist190.Status{nist190.Fail, nist190.NotAssessed, nist190.Pass, nist190.NotApplicable} {
			o := out
			o.Status, o.Key = s, fmt.Sprint(hostile, i)
			e.Report(o)
		}
		return errors.New(hostile)
	})
	runner := nist190.Runner{Checks: []nist190.Check{check}, Cluster: hostile, Now: func() time.Time { return today }}
	var c inventory.Collector
	c.Problem(inventory.Problem{Code: inventory.ProblemInvalid, Origin: inventory.Origin{URI: hostile}, Ref: subject, Message: hostile})
	c.Cover(inventory.CoverageEntry{Group: hostile, Kind: hostile, Namespace: hostile, Coverage: inventory.Coverage{State: inventory.Failed, Reason: hostile}})
	c.Assume(inventory.World.Set(hostile))
	rep, err := runner.Run(context.Background(), c.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	for f := range rep.Findings() {
		f.Labels, f.Images, f.Owner = map[string]string{hostile: hostile}, []string{hostile}, &subject
		if f.Status == nist190.Fail {
			f.Suppression = &nist190.Suppression{Reason: hostile, Owner: hostile, Ticket: hostile, Origin: inventory.Origin{URI: hostile}}
			open := *f
			open.Suppression, open.Fingerprint = nil, "v1:other"
			rep.Checks[0].Findings = append(rep.Checks[0].Findings, open)
			break
		}
	}
	rep.Requirements[1].Attestation = &nist190.Attestation{Statement: hostile, Owner: hostile, Evidence: hostile, Expires: day(t, "2027-01-01")}
	return rep
}

// many is a report of n failing and n passing subjects.
func many(t testing.TB, n int) *nist190.Report {
	t.Helper()
	md := metadata("rbac-many", nist190.UnboundedAdministrativeAccess, nist190.SeverityHigh, nist190.Claims("1a")...)
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for i := range n {
			ref := inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: fmt.Sprintf("team-%03d", i%100), Name: fmt.Sprintf("app-%05d", i)}
			ev := nist190.Evidence{Ref: ref, Path: "spec.template.spec.containers[0].image", Value: "registry.example/app:1"}
			e.Fail(ref, "container app", fmt.Sprintf("Deployment %q runs as root", ref.Name), ev.From(inventory.Origin{URI: "deploy/app.yaml", Line: i + 1}))
			ref.Kind = "StatefulSet"
			e.Pass(ref)
		}
		return nil
	})
	runner := nist190.Runner{Checks: []nist190.Check{check}, Now: func() time.Time { return today }}
	rep, err := runner.Run(context.Background(), (&inventory.Collector{}).Inventory())
	if err != nil {
		t.Fatal(err)
	}
	return rep
}
