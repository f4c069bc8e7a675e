// Package sample has reports to test formats with.
package sample

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

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

// Metadata of a check.
func Metadata(id string, risk nist190.Risk, severity nist190.Severity, claims ...nist190.Claim) nist190.Metadata {
	return nist190.Metadata{
		ID: id, Title: "a title of " + id, Doc: "What it is about.\n\nMore of it.", Risk: risk, Claims: claims, Severity: severity,
		Remediation: "change it", Since: "v0.1.0", Controls: []string{"AC-6(5)"}, CIS: []string{"5.1.1"},
	}
}

var (
	ConfigMaps = inventory.Need{Kind: "ConfigMap", Resource: "configmaps"}
	Policies   = inventory.Need{Group: "networking.k8s.io", Kind: "NetworkPolicy", Resource: "networkpolicies", Bias: inventory.Exonerating}
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

// Everything is a report with every status and every way in which a finding can be decided.
func Everything(t testing.TB) *nist190.Report {
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
	failing := Metadata("rbac-failing", nist190.UnboundedAdministrativeAccess, nist190.SeverityHigh, nist190.Claim{Sentence: "1a", Conclusive: true})
	failing.Needs = []inventory.Need{ConfigMaps}
	failing.Limits = "It sees what it sees."
	unproven := Metadata("network-unproven", nist190.PoorlySeparatedTraffic, nist190.SeverityMedium, nist190.Claims("3a", "3b")...)
	unproven.Needs = []inventory.Need{ConfigMaps, Policies}
	attested := Metadata("authn-attested", nist190.UnauthorizedAccess, nist190.SeverityMedium, nist190.Claim{Sentence: "2b", Conclusive: true})
	manual := Metadata("authn-manual", nist190.UnauthorizedAccess, nist190.SeverityMedium, nist190.Claims("2c")...)
	broken := Metadata("nodetrust-broken", nist190.NodeTrust, nist190.SeverityCritical, nist190.Claims("5a")...)
	nothing := Metadata("placement-nothing", nist190.MixedSensitivityLevels, nist190.SeverityLow, nist190.Claim{Sentence: "4a", Conclusive: true})
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

// Hostile is every sort of character that a name must not carry into a report.
const Hostile = "a\x1b[31mred\x1b[0m\x07\u202egnp\u200b\u2066|`<b>&\"'\r\n\t\xff\u0085\u2028\\|@octocat [x](http://evil.example) $(x) =1</script><script>alert(1)</script>]]>-->"

// Attacked is a report in which Everything that others write is Hostile.
func Attacked(t testing.TB) *nist190.Report {
	t.Helper()
	subject := inventory.Ref{Group: "g" + Hostile, Version: "v1", Kind: "K" + Hostile, Namespace: "n" + Hostile, Name: "=" + Hostile}
	md := Metadata("rbac-attacked", nist190.UnboundedAdministrativeAccess, nist190.SeverityHigh, nist190.Claims("1a")...)
	ev := nist190.Evidence{Ref: subject, Path: Hostile, Value: Hostile, Note: Hostile}.From(inventory.Origin{URI: Hostile, Line: 1, Template: Hostile})
	out := nist190.Outcome{
		Subject: subject, Key: Hostile, Message: Hostile, Path: []string{Hostile}, Evidence: []nist190.Evidence{ev}, Remediation: Hostile,
		Missing:  []nist190.Missing{{Evidence: Hostile, Namespace: Hostile, Reason: Hostile}},
		Exhibits: []nist190.Exhibit{{Name: "x", Title: Hostile, Columns: []string{Hostile}, Rows: slices.Values([][]string{{Hostile}})}},
	}
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for i, s := range []nist190.Status{nist190.Fail, nist190.NotAssessed, nist190.Pass, nist190.NotApplicable} {
			o := out
			o.Status, o.Key = s, fmt.Sprint(Hostile, i)
			e.Report(o)
		}
		return errors.New(Hostile)
	})
	runner := nist190.Runner{Checks: []nist190.Check{check}, Cluster: Hostile, Now: func() time.Time { return today }}
	var c inventory.Collector
	c.Problem(inventory.Problem{Code: inventory.ProblemInvalid, Origin: inventory.Origin{URI: Hostile}, Ref: subject, Message: Hostile})
	c.Cover(inventory.CoverageEntry{Group: Hostile, Kind: Hostile, Namespace: Hostile, Coverage: inventory.Coverage{State: inventory.Failed, Reason: Hostile}})
	c.Assume(inventory.World.Set(Hostile))
	rep, err := runner.Run(context.Background(), c.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	for f := range rep.Findings() {
		f.Labels, f.Images, f.Owner = map[string]string{Hostile: Hostile}, []string{Hostile}, &subject
		if f.Status == nist190.Fail {
			f.Suppression = &nist190.Suppression{Reason: Hostile, Owner: Hostile, Ticket: Hostile, Origin: inventory.Origin{URI: Hostile}}
			open := *f
			open.Suppression, open.Fingerprint = nil, "v1:other"
			rep.Checks[0].Findings = append(rep.Checks[0].Findings, open)
			break
		}
	}
	rep.Requirements[1].Attestation = &nist190.Attestation{Statement: Hostile, Owner: Hostile, Evidence: Hostile, Expires: day(t, "2027-01-01")}
	return rep
}

// Many is a report of n failing and n passing subjects.
func Many(t testing.TB, n int) *nist190.Report {
	t.Helper()
	md := Metadata("rbac-many", nist190.UnboundedAdministrativeAccess, nist190.SeverityHigh, nist190.Claims("1a")...)
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

// Long is a report about a name as long as names may be.
func Long(t testing.TB) *nist190.Report {
	t.Helper()
	ref := inventory.Ref{Version: "v1", Kind: "ConfigMap", Namespace: strings.Repeat("n", 63), Name: strings.Repeat("a", 253)}
	md := Metadata("rbac-long", nist190.UnboundedAdministrativeAccess, nist190.SeverityLow, nist190.Claims("1a")...)
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		e.Fail(ref, strings.Repeat("k", 500), strings.Repeat("long ", 400))
		return nil
	})
	return run(t, check)
}

// Empty is a report of no checks over no objects.
func Empty(t testing.TB) *nist190.Report {
	t.Helper()
	return run(t)
}

func run(t testing.TB, checks ...nist190.Check) *nist190.Report {
	t.Helper()
	runner := nist190.Runner{Checks: checks, Now: func() time.Time { return today }}
	rep, err := runner.Run(context.Background(), (&inventory.Collector{}).Inventory())
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// Compared is Everything beside an earlier report in which one failure was milder, one was not there, one was since fixed
// and one is of a check that no longer runs.
func Compared(t testing.TB) (base, current *nist190.Report) {
	t.Helper()
	base, current = Everything(t), Everything(t)
	find := func(name string) *nist190.Finding {
		for f := range base.Findings() {
			if f.Check.ID == "rbac-failing" && f.Subject.Name == name {
				return f
			}
		}
		t.Fatalf("no finding about %s", name)
		return nil
	}
	find("worse").Severity = nist190.SeverityLow
	find("alice").Fingerprint = "v1:00"
	find("alice").Subject.Name = "bob"
	fixed := find("fine")
	fixed.Status, fixed.Provisional, fixed.Message = nist190.Fail, nist190.Fail, `ConfigMap "fine" was open`
	for i := range base.Checks {
		if md := base.Checks[i].Check; md.ID == "rbac-failing" {
			gone := *md
			gone.ID, gone.Title = "rbac-gone", "a title of rbac-gone"
			lost := *find("open")
			lost.Check, lost.Fingerprint = &gone, "v1:01"
			base.Checks = append(base.Checks, nist190.CheckResult{Check: &gone, Status: nist190.Fail, Findings: []nist190.Finding{lost}})
			break
		}
	}
	return base, current
}
