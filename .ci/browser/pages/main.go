// Command pages writes the HTML reports that the browser test opens and no manifest gives: one of 10,000 findings, one that
// compares, has exhibits and hostile names, and one of nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/html"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pages DIRECTORY")
		os.Exit(2)
	}
	for name, write := range map[string]func(*os.File) error{"huge.html": huge, "exhibits.html": exhibits, "empty.html": empty} {
		if err := writeFile(filepath.Join(os.Args[1], name), write); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func writeFile(name string, write func(*os.File) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func metadata(id, title string, risk nist190.Risk, severity nist190.Severity, sentences ...string) nist190.Metadata {
	return nist190.Metadata{
		ID: id, Title: title, Doc: "Whoever may do this in a namespace may do more than the title says.", Risk: risk, Severity: severity,
		Claims: nist190.Claims(sentences...), Remediation: "Grant what the subject does, and no more.", Since: "v0.1.0", Controls: []string{"AC-6"}, CIS: []string{"5.1.1"},
	}
}

func run(checks ...nist190.Check) (*nist190.Report, error) {
	runner := nist190.Runner{Checks: checks, Cluster: "prod-eu-1", Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }}
	return runner.Run(context.Background(), (&inventory.Collector{}).Inventory())
}

func deployment(i int) inventory.Ref {
	return inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: fmt.Sprintf("team-%03d", i*i%100), Name: fmt.Sprintf("app-%05d", i)}
}

// huge has 10,000 findings of twenty checks.
func huge(w *os.File) error {
	var checks []nist190.Check
	risks := nist190.Risks()
	for c := range 20 {
		risk := risks[c%len(risks)]
		md := metadata(fmt.Sprintf("rbac-check-%02d", c), fmt.Sprintf("Check number %d", c), risk, nist190.SeverityInfo+nist190.Severity(c%5), string(risk[len(risk)-1])+"a")
		checks = append(checks, nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
			for i := range 500 {
				ref := deployment(500*c + i)
				e.Report(nist190.Outcome{
					Status: nist190.Fail, Subject: ref, Message: fmt.Sprintf("Deployment %q may do what it should not", ref.Name), Severity: nist190.SeverityInfo + nist190.Severity((c+i)%5),
					Path: []string{"ServiceAccount " + ref.Name, "RoleBinding admins", "Role admin"},
					Evidence: []nist190.Evidence{nist190.Evidence{Ref: ref, Path: "spec.template.spec.containers[0].image", Value: "registry.example/app:1"}.
						From(inventory.Origin{URI: "deploy/" + ref.Namespace + ".yaml", Line: i + 1})},
				})
			}
			return nil
		}))
	}
	rep, err := run(checks...)
	if err != nil {
		return err
	}
	return html.Write(w, rep, html.Options{})
}

// hostile is a name that would run, if it could.
const hostile = `</script><script>window.owned=1</script><img src=x onerror="window.owned=1">` + "\x1b[31m\u202e"

// exhibits shows pictures, names that are meant to do harm, and what changed since an earlier report.
func exhibits(w *os.File) error {
	network := metadata("network-zones", "Traffic between levels", nist190.PoorlySeparatedTraffic, nist190.SeverityHigh, "3a", "3b")
	rbac := metadata("rbac-escalation", "Way to every right", nist190.UnboundedAdministrativeAccess, nist190.SeverityCritical, "1a")
	check := func(except string) []nist190.Check {
		return []nist190.Check{
			nist190.NewCheck(network, func(_ context.Context, e *nist190.Eval) error {
				e.Report(nist190.Outcome{
					Status: nist190.Fail, Subject: inventory.Cluster, Message: "public workloads reach restricted ones",
					Exhibits: []nist190.Exhibit{{Name: "zones", Title: "Connections between zones", Columns: []string{"zone", "public", "internal", "confidential", "restricted"}, Rows: slices.Values([][]string{
						{"public", "12", "4", "0", "1"}, {"internal", "2", "140", "22", "0"}, {"confidential", "0", "3", "31", "6"}, {"restricted", "0", "0", "1", "9"},
					})}},
				})
				e.Fail(inventory.Ref{Kind: "Namespace", Version: "v1", Name: strings.Repeat("n", 63)}, "", hostile)
				e.NotAssessed(deployment(9), nist190.ReasonUnclassified, "it has no level")
				return nil
			}),
			nist190.NewCheck(rbac, func(_ context.Context, e *nist190.Eval) error {
				for i, name := range []string{"ci", "deployer", hostile, "reader"} {
					if name == except {
						e.Pass(inventory.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: "shop", Name: name})
						continue
					}
					e.Report(nist190.Outcome{
						Status: nist190.Fail, Subject: inventory.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: "shop", Name: name}, Message: "it comes to hold every right", Severity: nist190.SeverityMedium + nist190.Severity(i%3),
						Path: []string{"ServiceAccount shop/" + name, "create pods in kube-system", "token of clusterrole-aggregation-controller", "escalate on ClusterRoles", "cluster-admin"},
						Exhibits: []nist190.Exhibit{{Name: "escalation", Title: "Ways to every right", Columns: []string{"from", "to", "by"}, Rows: slices.Values([][]string{
							{"ServiceAccount shop/" + name, "pods in kube-system", "create"}, {"ServiceAccount shop/" + name, "secrets in shop", "get"}, {"pods in kube-system", "token of the aggregation controller", "mount"},
							{"secrets in shop", "token of shop-admin", "read"}, {"token of the aggregation controller", "cluster-admin", "escalate"}, {"token of shop-admin", "cluster-admin", "bind"},
						})}},
						Remediation: "kubectl delete rolebinding " + name + "\n  --namespace shop",
					})
				}
				return nil
			}),
		}
	}
	base, err := run(check("reader")...)
	if err != nil {
		return err
	}
	rep, err := run(check("deployer")...)
	if err != nil {
		return err
	}
	d := nist190.Compare(base, rep)
	return html.Write(w, rep, html.Options{Delta: &d})
}

func empty(w *os.File) error {
	rep, err := run()
	if err != nil {
		return err
	}
	return html.Write(w, rep, html.Options{})
}
