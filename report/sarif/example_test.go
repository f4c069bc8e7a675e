package sarif_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/sarif"
)

func scan(names ...string) *nist190.Report {
	md := nist190.Metadata{
		ID: "rbac-example", Title: "Everybody is an administrator", Doc: "An example.", Risk: nist190.UnboundedAdministrativeAccess,
		Claims: nist190.Claims("1a"), Severity: nist190.SeverityHigh, Remediation: "bind a role with fewer rules", Since: "v0.1.0",
	}
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for _, name := range names {
			e.Fail(inventory.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: "shop", Name: name}, "", fmt.Sprintf("ServiceAccount %q may do everything", name))
		}
		return nil
	})
	var c inventory.Collector
	c.CoverRest(inventory.Complete, "")
	rep, err := nist190.Run(context.Background(), c.Inventory(), check)
	if err != nil {
		panic(err)
	}
	return rep
}

// With an earlier report, each result says what became of it.
func Example() {
	base, rep := scan("ci", "operator"), scan("ci", "default")
	d := nist190.Compare(base, rep)
	var b bytes.Buffer
	if err := sarif.Write(&b, rep, sarif.Options{Absent: d.Fixed}); err != nil {
		fmt.Println(err)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				BaselineState string
				Message       struct{ Text string }
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		fmt.Println(err)
	}
	for _, r := range log.Runs[0].Results {
		fmt.Printf("%s: %s\n", r.BaselineState, r.Message.Text)
	}
	// Output:
	// unchanged: ServiceAccount "ci" may do everything
	// new: ServiceAccount "default" may do everything
	// absent: ServiceAccount "operator" may do everything
}
