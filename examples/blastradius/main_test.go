package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const manifests = "../manifests"

var update = flag.Bool("update", false, "rewrite the golden files")

func blast(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), status
}

// One worker of the cluster is the whole cluster; of its twin, none is.
func TestGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"cluster.txt":          {filepath.Join(manifests, "cluster")},
		"cluster-hardened.txt": {filepath.Join(manifests, "cluster-hardened")},
		"explain.txt":          {"-explain", "worker-1 shop/card-keys", filepath.Join(manifests, "cluster")},
		"graph.mmd":            {"-graph", "worker-1", filepath.Join(manifests, "cluster")},
		"inventory.txt":        {"-inventory", "text", filepath.Join(manifests, "cluster")},
	} {
		out, errs, status := blast(t, args...)
		if status != 0 || errs != "" {
			t.Errorf("%s: status %d, %s", name, status, errs)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestJSON(t *testing.T) {
	out, _, status := blast(t, "-o", "json", filepath.Join(manifests, "cluster"))
	var rows []struct {
		Node                                          string
		Secrets, ConfigMaps, ServiceAccounts, Reaches []string
		Admin                                         bool
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil || status != 0 {
		t.Fatal(err, status)
	}
	for _, r := range rows {
		if r.Node == "worker-1" {
			if !r.Admin || strings.Join(r.Secrets, " ") != "shop/web-session" || strings.Join(r.Reaches, " ") != "cp-1 worker-2 worker-3" || r.ConfigMaps == nil {
				t.Errorf("%+v", r)
			}
			return
		}
	}
	t.Errorf("%s", out)
}

func TestQuestions(t *testing.T) {
	for question, want := range map[string]string{
		"worker-3 shop/card-keys":   "Node \"worker-3\"\nPod \"shop/payments-a0x\"\nSecret \"shop/card-keys\" by spec.volumes[0].secret.secretName\n",
		"worker-3 shop/web-session": "no way\n",
		"worker-2 worker-3":         "no way\n",
		"gone shop/card-keys":       "",
		"worker-1 gone":             "",
		"worker-1":                  "",
	} {
		out, errs, status := blast(t, "-explain", question, filepath.Join(manifests, "cluster"))
		if out != want || (want == "") != (status == malfunction) || (want == "") != (errs != "") {
			t.Errorf("%s: %d %q %q, want %q", question, status, out, errs, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"": "no manifests", "-o|yaml|x": "text or json", "absent.yaml": "absent.yaml", "-config|absent.yaml|absent": "absent.yaml",
		"-graph|gone|../manifests/cluster": `no node "gone"`,
	} {
		_, errs, status := blast(t, strings.FieldsFunc(args, func(r rune) bool { return r == '|' })...)
		if !strings.Contains(errs, want) || status != malfunction {
			t.Errorf("%s: %d %s", args, status, errs)
		}
	}
}
