package report_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report"
)

// adminBinding is a check in miniature; those of this module are in package catalog.
var adminBinding = nist190.NewCheck(nist190.Metadata{
	ID: "rbac-example-binding", Title: "bindings to cluster-admin", Doc: "Whoever is bound to cluster-admin may do everything.",
	Risk: nist190.UnboundedAdministrativeAccess, Severity: nist190.SeverityHigh, Since: "v0.1.0",
	Claims:      []nist190.Claim{{Sentence: "1a", Conclusive: true}},
	Remediation: "bind a role with the rules that are needed",
	Needs:       []inventory.Need{{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding", Resource: "clusterrolebindings"}},
}, func(_ context.Context, e *nist190.Eval) error {
	for _, name := range []string{"ops", "interns"} {
		ref := inventory.Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding", Name: name}
		if name == "ops" {
			e.Pass(ref)
			continue
		}
		ev := nist190.Evidence{Ref: ref, Path: "roleRef.name", Value: "cluster-admin"}.From(inventory.Origin{URI: "rbac.yaml", Line: 12})
		e.Fail(ref, "", fmt.Sprintf("ClusterRoleBinding %q gives everything", name), ev)
	}
	return nil
})

func scan() *nist190.Report {
	var c inventory.Collector
	c.CoverRest(inventory.Complete, "")
	rep, err := nist190.Run(context.Background(), c.Inventory(), adminBinding)
	if err != nil {
		panic(err)
	}
	return rep
}

// The answers to the sentences come first, then the findings, and last the totals.
func ExampleText() {
	var b strings.Builder
	if err := report.Text(&b, scan(), report.TextOptions{}); err != nil {
		fmt.Println(err)
	}
	all := strings.Split(strings.TrimSpace(b.String()), "\n")
	findings := slices.Index(all, "4.3.1 Unbounded administrative access: Fail")
	for _, line := range slices.Concat(all[:4], []string{"..."}, all[findings:findings+5], []string{"..."}, all[len(all)-1:]) {
		fmt.Println(line)
	}
	// Output:
	// NIST SP 800-190 section 4.3, by sentence
	//
	//   4.3.1 Unbounded administrative access
	//   1a  Fail           users may only perform the actions on the hosts, containers and images that their job requires
	// ...
	// 4.3.1 Unbounded administrative access: Fail
	//
	//   high  rbac-example-binding  bindings to cluster-admin  [1a] (1 open)
	//     rbac.yaml:12  high  ClusterRoleBinding interns  ClusterRoleBinding "interns" gives everything
	//     fix: bind a role with the rules that are needed
	// ...
	// Fail: 1 open (1 high), 1 passed; 1 check
}

// A stored report is a baseline for the next run.
func ExampleReadJSON() {
	var stored bytes.Buffer
	if err := report.JSON(&stored, scan(), report.JSONOptions{OmitRun: true}); err != nil {
		fmt.Println(err)
	}
	base, err := report.ReadJSON(&stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := nist190.Compare(base, scan())
	fmt.Println(len(d.New), "new,", len(d.Unchanged), "known")
	// Output: 0 new, 1 known
}

// Every line stands for itself; one without its trailer was cut off.
func ExampleReadNDJSON() {
	var lines bytes.Buffer
	if err := report.NDJSON(&lines, scan(), report.JSONOptions{}); err != nil {
		fmt.Println(err)
	}
	half := lines.Bytes()[:lines.Len()/2]
	_, err := report.ReadNDJSON(bytes.NewReader(half))
	fmt.Println(strings.Contains(err.Error(), report.ErrTruncated.Error()))
	// Output: true
}

func ExampleGroupBy() {
	groups, err := report.GroupBy(scan(), "status")
	if err != nil {
		fmt.Println(err)
	}
	for _, g := range groups {
		fmt.Printf("%s: %s\n", g.Value, g.Findings[0].Subject.Name)
	}
	_, err = report.GroupBy(scan(), "colour")
	fmt.Println(err)
	// Output:
	// Fail: interns
	// Pass: ops
	// unknown key to group by: "colour" is none of risk, check, severity, status, namespace, kind, image, owner, label:KEY
}

// A comment on a pull request has a limit; what is beyond it is left out, and the comment says so.
func ExampleMarkdown() {
	var b bytes.Buffer
	err := report.Markdown(&b, scan(), report.MarkdownOptions{Title: "Manifests of this change", MaxBytes: report.CommentLimit})
	fmt.Println(err, b.Len() <= report.CommentLimit)
	head, _, _ := strings.Cut(b.String(), "\n## ")
	fmt.Println(strings.TrimSpace(head))
	// Output:
	// <nil> true
	// # Manifests of this change
	//
	// **Fail**: 1 open (1 high), 1 passed
}

func ExampleExplain() {
	if err := report.Explain(os.Stdout, adminBinding.Metadata()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// rbac-example-binding: bindings to cluster-admin
	//
	// Whoever is bound to cluster-admin may do everything.
	//
	// Risk: 4.3.1 Unbounded administrative access
	// Sentences:
	//   - 1a: users may only perform the actions on the hosts, containers and images that their job requires (conclusive)
	// Severity: high
	// Reads:
	//   - clusterrolebindings.rbac.authorization.k8s.io: unseen ones could turn the verdict either way, so that nothing is decided without all of them
	// What to do: bind a role with the rules that are needed
	// Since: v0.1.0
}

func ExampleCSVRequirements() {
	var b strings.Builder
	if err := report.CSVRequirements(&b, scan(), report.CSVOptions{}); err != nil {
		fmt.Println(err)
	}
	for _, row := range strings.Split(b.String(), "\r\n")[:2] {
		fmt.Println(row)
	}
	// Output:
	// risk,sentence,text,status,strength,checks,missing,unlock,attestationStatement,attestationOwner,attestationExpires
	// 4.3.1,1a,"users may only perform the actions on the hosts, containers and images that their job requires",Fail,,rbac-example-binding,,,,,
}
