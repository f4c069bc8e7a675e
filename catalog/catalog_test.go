package catalog_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

var packageOf = map[nist190.Risk]string{
	nist190.UnboundedAdministrativeAccess: "rbac",
	nist190.UnauthorizedAccess:            "authn",
	nist190.PoorlySeparatedTraffic:        "network",
	nist190.MixedSensitivityLevels:        "placement",
	nist190.NodeTrust:                     "nodetrust",
}

func TestChecksAreValid(t *testing.T) {
	checks := catalog.All()
	if err := nist190.Validate(checks...); err != nil {
		t.Error(err)
	}
	found := map[nist190.Risk]bool{}
	for _, c := range checks {
		md := c.Metadata()
		found[md.Risk] = true
		if pkg := packageOf[md.Risk]; !strings.HasPrefix(md.ID, pkg+"-") {
			t.Errorf("%s is about risk %s: want an ID that begins with %s-", md.ID, md.Risk, pkg)
		}
	}
	for _, r := range nist190.Risks() {
		if !found[r] {
			t.Errorf("risk %s has no check", r)
		}
	}
}

// TestChecksHaveFixtures wants of every check a fixture that fails, one that passes and one in which evidence is missing;
// the packages run them.
func TestChecksHaveFixtures(t *testing.T) {
	for _, c := range catalog.All() {
		md := c.Metadata()
		files, err := filepath.Glob(filepath.Join("..", packageOf[md.Risk], "testdata", md.ID, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		for want, pattern := range map[string]string{
			"a failure":        `(?m)(^|\s)# want(-cluster)?( .*)? fail\b`,
			"a pass":           `(?m)(^|\s)# want(-cluster)?( .*)? pass\b`,
			"missing evidence": `(?m)^# coverage: `,
		} {
			if !regexp.MustCompile(pattern).MatchString(all.String()) {
				t.Errorf("%s: no fixture with %s among %d in %s/testdata/%s", md.ID, want, len(files), packageOf[md.Risk], md.ID)
			}
		}
	}
}

func ids(checks []nist190.Check) []string {
	var out []string
	for _, c := range checks {
		out = append(out, c.Metadata().ID)
	}
	return out
}

func TestSelection(t *testing.T) {
	own := nist190.NewCheck(nist190.Metadata{ID: "acme-registry", Risk: nist190.UnboundedAdministrativeAccess}, nil)
	all := ids(catalog.All())
	starting := func(prefixes ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(id string) bool {
			return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(id, p) })
		})
	}
	for name, c := range map[string]struct {
		config *catalog.Config
		want   []string
	}{
		"nil":     {nil, all},
		"zero":    {&catalog.Config{}, all},
		"risks":   {&catalog.Config{Checks: catalog.Selection{Risks: []nist190.Risk{"4.3.5", "4.3.1"}}}, starting("rbac-", "nodetrust-")},
		"include": {&catalog.Config{Checks: catalog.Selection{Include: []string{"network-*", "authn-*"}}}, starting("authn-", "network-")},
		"exclude wins": {&catalog.Config{Checks: catalog.Selection{Include: []string{"network-*", "authn-*"}, Exclude: []string{"network-*"}}},
			starting("authn-")},
		"own": {&catalog.Config{Own: []nist190.Check{own}, Checks: catalog.Selection{Include: []string{"acme-*"}}}, []string{"acme-registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.config.Validate(); err != nil {
				t.Error(err)
			}
			if got := ids(catalog.Checks(c.config)); !slices.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestNilAndZeroAreDefaults(t *testing.T) {
	for _, c := range []*catalog.Config{nil, {}} {
		r := c.Runner()
		if len(r.Checks) != len(catalog.All()) || len(r.Settings) != 0 || r.MinStrength != inventory.StrengthUnset || r.AllowAnnotations {
			t.Errorf("%+v: not the default runner: %+v", c, r)
		}
		if c.Threshold() != (nist190.Threshold{}) {
			t.Errorf("%+v: not the default threshold", c)
		}
	}
	if got := catalog.World("").Manifest(); got != manifest.Closed {
		t.Errorf("the default world is %s", got)
	}
	if got := catalog.Open.Manifest(); got != manifest.Open {
		t.Errorf("the open world is %s", got)
	}
}

func TestRunnerFromFile(t *testing.T) {
	c, err := catalog.LoadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := c.Runner()
	if slices.Contains(ids(r.Checks), "placement-attraction") || len(r.Checks) != len(catalog.All())-1 {
		t.Errorf("checks: %q", ids(r.Checks))
	}
	if r.Cluster != "shop-production" || r.MinStrength != inventory.Configured || r.AllowAnnotations || !r.Append.Images || !r.Append.Owner {
		t.Errorf("runner: %+v", r)
	}
	if got := r.Suppressions[1].Origin.String(); got != "testdata/full.yaml:"+lineOf(t, "testdata/full.yaml", `  - checks: ["rbac-*"]`) {
		t.Errorf("the second suppression is from %s", got)
	}
	if got := r.Attestations[0].Origin.String(); got != "testdata/full.yaml:"+lineOf(t, "testdata/full.yaml", `  - sentence: 2b`) {
		t.Errorf("the first attestation is from %s", got)
	}
	if got, want := c.Threshold(), (nist190.Threshold{FailOn: nist190.SeverityMedium, RequireEvidence: true}); got != want {
		t.Errorf("threshold: got %+v, want %+v", got, want)
	}

	report, err := r.Scan(context.Background(), manifest.Paths(manifest.Config{World: c.World.Manifest()}, "testdata/example/deploy"))
	if err != nil {
		t.Fatal(err)
	}
	assumed := map[string]string{}
	for _, a := range report.Assumptions {
		if a.Configured {
			assumed[a.Name] = a.Value
		}
	}
	for name, want := range map[string]string{
		"kubernetesVersion": "1.34",
		"checks":            "switched off: placement-attraction",
		"networkPlugin":     "calico, enforces policies: yes, address blocks match pods: yes, pods in 10.244.0.0/16 fd00:10:244::/56, nodes in 10.0.0.0/24",
		"images":            "of confidential and restricted from registry.example.com/shop docker.io/library/postgres, pinned by digest from confidential, verified from restricted",
		"teams":             "shop-test",
		"interfaces":        "storefront-to-orders from public to confidential",
		"interfaceBudget":   "3 between two zones",
		"allowlist":         "2 grants",
	} {
		if !strings.Contains(assumed[name], want) {
			t.Errorf("assumption %s is %q, want %q in it", name, assumed[name], want)
		}
	}
}

func lineOf(t *testing.T, file, line string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(strings.Split(string(text), "\n"), line)
	if i < 0 {
		t.Fatalf("%s has no line %q", file, line)
	}
	return strconv.Itoa(i + 1)
}

// TestExample runs Example where its files are.
func TestExample(t *testing.T) {
	t.Chdir("testdata/example")
	stdout := os.Stdout
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	os.Stdout = out
	Example()
	os.Stdout = stdout
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2a Fail", "2b NotAssessed", "rbac-cluster-admin-binding"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
