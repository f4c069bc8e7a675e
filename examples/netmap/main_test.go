package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func command(t *testing.T, stdin string, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

const hardened = "../manifests/shop-hardened"

func TestMap(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{hardened}, "shop-web/storefront[Deployment] => shop-backend/api[Deployment] : TCP 8080\n"},
		{[]string{"-level", "zone", hardened}, "public[Zone] => internal[Zone] : TCP 8080\n"},
		{[]string{"-o", "json", "-level", "namespace", hardened}, `"from": "shop-web[Namespace]"`},
		{[]string{"-o", "svg", hardened}, "<svg "},
		{[]string{"-suggest", "namespace", hardened}, "kind: NetworkPolicy"},
		{[]string{"-diff", hardened, "../manifests/shop"}, "+ "},
	} {
		if status, out, errs := command(t, "", tt.args...); status != 0 || !strings.Contains(out, tt.want) {
			t.Errorf("%v: %d\n%s%s", tt.args, status, out, errs)
		}
	}
}

func TestQueries(t *testing.T) {
	in := `{"src":"shop-web/storefront","dst":"shop-backend/api","protocol":"TCP","port":8080}
{"src":"shop-web/storefront","dst":"shop-payments/card-vault","protocol":"TCP","port":8443}
{"src":"shop-payments/payments","dst":"psp.example.com","port":443}
`
	status, out, errs := command(t, in, "-queries", "-", hardened)
	if status != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, `"port":8080,"verdict":"allowed"`) || !strings.Contains(out, `"port":8443,"verdict":"denied"`) || !strings.Contains(out, `"port":443,"verdict":"unknown","reason":"what psp.example.com resolves to is not known`) {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
}

func TestFlows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flows.csv")
	if err := os.WriteFile(file, []byte("src,dst,protocol,port\nshop-web/storefront,shop-backend/api,TCP,8080\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := command(t, "", "-flows", file, "-judge", hardened); status != 0 || !strings.Contains(out, `"port":8080,"verdict":"allowed"`) {
		t.Errorf("%d\n%s", status, out)
	}
	status, out, errs := command(t, "", "-flows", file, hardened)
	if status != 0 || !strings.Contains(out, "TCP 8080 (observed)") || !strings.Contains(out, "(not observed)") {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{
		{}, {"-level", "galaxy", hardened}, {"-o", "pdf", hardened}, {"-ip-block-matches-pods", "perhaps", hardened}, {"-nonsense"},
		{"-queries", "gone.json", hardened}, {"-flows", "gone.csv", hardened}, {"-config", "gone.yaml", hardened}, {"gone"}, {"-suggest", "zone", hardened}, {"-diff", "gone", hardened},
	} {
		if status, _, errs := command(t, "", args...); status != malfunction || errs == "" {
			t.Errorf("%v: %d %q", args, status, errs)
		}
	}
	if status, _, _ := command(t, "", "-h"); status != 0 {
		t.Errorf("help: %d", status)
	}
}
