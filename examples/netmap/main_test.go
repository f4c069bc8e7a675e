package main

import (
	"bytes"
	"context"
	"errors"
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
		{[]string{"-suggest", "zone", hardened}, "name: zone-internal\n"},
		{[]string{"-diff", hardened, "../manifests/shop"}, "+ "},
	} {
		if status, out, errs := command(t, "", tt.args...); status != 0 || !strings.Contains(out, tt.want) {
			t.Errorf("%v: %d\n%s%s", tt.args, status, out, errs)
		}
	}
}

// What changed since a map that was saved.
func TestSavedMap(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		_, saved, _ := command(t, "", "-o", format, "-level", "namespace", hardened)
		file := filepath.Join(t.TempDir(), "before")
		if err := os.WriteFile(file, []byte(saved), 0o644); err != nil {
			t.Fatal(err)
		}
		if status, out, errs := command(t, "", "-diff", file, "-level", "namespace", hardened); status != 0 || out != "" {
			t.Errorf("%s: %d\n%s%s", format, status, out, errs)
		}
		if status, out, errs := command(t, "", "-diff", file, "-level", "namespace", "../manifests/shop"); status != 0 || !strings.Contains(out, "+ shop-payments[Namespace] => ") {
			t.Errorf("%s: %d\n%s%s", format, status, out, errs)
		}
		if status, _, errs := command(t, "", "-diff", file, hardened); status != malfunction || !strings.Contains(errs, "level") {
			t.Errorf("%s, another level: %d %s", format, status, errs)
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

// The configuration says what the plugin does, and the flag has the last word.
func TestPluginFromConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	manifests := write("m.yaml", `
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {matchLabels: {app: a}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}}
`)
	const head = "apiVersion: nist190.dev/v1alpha1\nkind: Config\n"
	cilium, within := write("c.yaml", head+"network: {plugin: cilium}\n"), write("d.yaml", head+"network: {podCIDRs: [10.244.0.0/16]}\n")
	for _, tt := range []struct {
		args []string
		want string // after the edge
	}{
		{nil, ": unknown: All Connections"}, // the block holds some of the addresses that pods can have
		{[]string{"-config", within}, ": All Connections"},
		{[]string{"-config", cilium}, ""},
		{[]string{"-config", cilium, "-ip-block-matches-pods", "yes"}, ": unknown: All Connections"},
		{[]string{"-config", within, "-ip-block-matches-pods", "no"}, ""},
	} {
		status, out, errs := command(t, "", append(tt.args, manifests)...)
		_, got, _ := strings.Cut(out, "shop/b[Pod] => shop/a[Pod] ")
		got, _, _ = strings.Cut(got, "\n")
		if status != 0 || got != tt.want {
			t.Errorf("%v: %d %q\n%s%s", tt.args, status, got, out, errs)
		}
	}
}

// What the configuration declares and what was observed is let through.
func TestSuggestFromConfig(t *testing.T) {
	dir := t.TempDir()
	config, flows := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "f.csv")
	const declared = `apiVersion: nist190.dev/v1alpha1
kind: Config
interfaces:
- {name: admin, from: public, to: internal, destination: {names: [api]}, ports: [{port: 9999}]}
`
	if err := errors.Join(os.WriteFile(config, []byte(declared), 0o644), os.WriteFile(flows, []byte("src,dst,port\nshop-web/storefront,shop-payments/payments,7777\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, level := range []string{"workload", "namespace", "zone"} {
		status, out, errs := command(t, "", "-suggest", level, "-config", config, "-flows", flows, hardened)
		if status != 0 || !strings.Contains(out, "# required connections that do not pass: 0;") || !strings.Contains(out, "port: 9999\n") || !strings.Contains(out, "port: 7777\n") {
			t.Errorf("%s: %d\n%s%s", level, status, out, errs)
		}
	}
}

func TestFlows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flows.csv")
	if err := os.WriteFile(file, []byte("src,dst,protocol,port\nshop-web/storefront,shop-backend/api,TCP,8080\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := command(t, "src,dst,protocol,port\nshop-web/storefront,shop-backend/api,TCP,8080\n", "-flows", "-", "-judge", hardened); status != 0 || !strings.Contains(out, `"policy":"NetworkPolicy \"shop-backend/api-from-storefront\""`) {
		t.Errorf("%d\n%s", status, out)
	}
	if status, out, _ := command(t, "", "-flows", file, "-judge", hardened); status != 0 || !strings.Contains(out, `"port":8080,"verdict":"allowed"`) {
		t.Errorf("%d\n%s", status, out)
	}
	if status, out, _ := command(t, "", "-flows", file, "-drift", hardened); status != 0 || strings.Contains(out, "(observed)") || !strings.Contains(out, "(not observed)") {
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
		{"-queries", "gone.json", hardened}, {"-flows", "gone.csv", hardened}, {"-config", "gone.yaml", hardened}, {"gone"}, {"-suggest", "pod", hardened}, {"-diff", "gone", hardened}, {"-judge", hardened}, {"-drift", hardened},
	} {
		if status, _, errs := command(t, "", args...); status != malfunction || errs == "" {
			t.Errorf("%v: %d %q", args, status, errs)
		}
	}
	if status, _, _ := command(t, "", "-h"); status != 0 {
		t.Errorf("help: %d", status)
	}
}
