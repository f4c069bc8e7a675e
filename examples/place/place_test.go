package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const manifests = "../manifests"

func run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = place(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), status
}

func TestTable(t *testing.T) {
	out, errs, status := run(t, filepath.Join(manifests, "shop"))
	got := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"StatefulSet shop-payments/card-vault restricted node-3", "Deployment shop-web/storefront public node-1 node-2 node-3",
		"Deployment shop-payments/payments restricted node-1 node-2 node-3", "Deployment shop-backend/api unclassified node-1 node-2",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if status != 0 || errs != "" {
		t.Errorf("status %d, %s", status, errs)
	}
}

func TestJSON(t *testing.T) {
	out, _, status := run(t, "-o", "json", filepath.Join(manifests, "shop-hardened"))
	var rows []struct {
		Workload struct{ Kind, Namespace, Name string }
		Level    string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil || status != 0 {
		t.Fatal(err, status)
	}
	found := false
	for _, r := range rows {
		if r.Workload.Name == "payments" {
			found = r.Workload.Kind == "Deployment" && r.Level == "restricted" && slices.Equal(r.Nodes, []string{"node-3", "node-6"})
		}
	}
	if !found {
		t.Errorf("%s", out)
	}
}

func TestExplain(t *testing.T) {
	for question, want := range map[string]string{
		"shop-payments/card-vault node-1":          "cannot: NodeAffinity: node(s) didn't match Pod's node affinity/selector\n",
		"Deployment/shop-backend/api node-3":       "cannot: TaintToleration: node(s) had untolerated taint(s) (sensitivity=restricted:NoSchedule)\n",
		"Deployment/shop-web/storefront node-3":    "can\n",
		"StatefulSet/shop-payments/payments gone":  "",
		"Deployment/shop-payments/payments gone":   "",
		"a question of four words":                 "",
		"Deployment/shop-payments/pay/ments node-": "",
	} {
		out, errs, status := run(t, "-explain", question, filepath.Join(manifests, "shop"))
		if out != want || (want == "") != (status == malfunction) || (want == "") != (errs != "") {
			t.Errorf("%s: %d %q %q, want %q", question, status, out, errs, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	out, _, status := run(t, "-suggest", filepath.Join(manifests, "shop"))
	for _, want := range []string{"# proved: no node can hold both of restricted public\n", "# left to you: node \"node-1\": decide on a level", "kind: ValidatingAdmissionPolicyBinding\n", "# a patch: it is public"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestGrid(t *testing.T) {
	out, _, status := run(t, "-grid", "svg", filepath.Join(manifests, "shop-hardened"))
	if status != 0 || !strings.HasPrefix(out, "<svg") || strings.Contains(out, `class="mixed"`) || !strings.Contains(out, `class="own"`) {
		t.Errorf("%d %s", status, out)
	}
	if _, errs, status := run(t, "-grid", "pdf", filepath.Join(manifests, "shop")); status != malfunction || !strings.Contains(errs, "unknown format") {
		t.Errorf("%d %s", status, errs)
	}
}

func TestMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"":                             "name manifests",
		"-o|yaml|x":                    "text or json",
		"absent.yaml":                  "absent.yaml",
		"-config|absent.yaml|absent":   "absent.yaml",
		"../manifests/shop/build.yaml": "not every node was seen (NotCollected",
	} {
		_, errs, status := run(t, strings.FieldsFunc(args, func(r rune) bool { return r == '|' })...)
		if !strings.Contains(errs, want) || (status == 0) != strings.HasPrefix(args, "../") {
			t.Errorf("%s: %d %s", args, status, errs)
		}
	}
}
