package oscal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/oscal"
)

// Results import a plan, which refers to a catalog: an assessor gets all three.
func Example() {
	md := nist190.Metadata{
		ID: "rbac-example", Title: "Everybody is an administrator", Doc: "An example.", Risk: nist190.UnboundedAdministrativeAccess,
		Claims: nist190.Claims("1a"), Severity: nist190.SeverityHigh, Remediation: "bind a role with fewer rules", Since: "v0.1.0",
	}
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		e.Fail(inventory.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: "shop", Name: "default"}, "", `ServiceAccount "default" may do everything`)
		return nil
	})
	rep, err := nist190.Run(context.Background(), (&inventory.Collector{}).Inventory(), check)
	if err != nil {
		fmt.Println(err)
		return
	}
	o := oscal.Options{Version: "1.2.2", PlanHref: "plan.json", CatalogHref: "sp800-190.json"}
	var results, plan, catalog bytes.Buffer
	for _, err := range []error{oscal.Write(&results, rep, o), oscal.WritePlan(&plan, rep, o), oscal.WriteCatalog(&catalog, o)} {
		if err != nil {
			fmt.Println(err)
		}
	}
	var doc struct {
		Results struct {
			ImportAP struct{ Href string } `json:"import-ap"`
			Results  []struct {
				Findings []struct {
					Target struct {
						ID     string `json:"target-id"`
						Status struct{ State, Reason string }
					}
				}
			}
		} `json:"assessment-results"`
	}
	if err := json.Unmarshal(results.Bytes(), &doc); err != nil {
		fmt.Println(err)
	}
	fmt.Println(doc.Results.ImportAP.Href)
	target := doc.Results.Results[0].Findings[0].Target
	fmt.Println(target.ID, target.Status.State, target.Status.Reason)
	fmt.Println(bytes.Contains(plan.Bytes(), []byte(`"href":"sp800-190.json"`)), bytes.Contains(catalog.Bytes(), []byte(target.ID)))
	// Output:
	// plan.json
	// sp800-190-4.3.1_smt.1a not-satisfied fail
	// true true
}
