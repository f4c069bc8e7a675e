package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

func TestGroupBy(t *testing.T) {
	rep := everything(t)
	for i := range rep.Checks[0].Findings {
		if f := &rep.Checks[0].Findings[i]; f.Subject.Name == "open" {
			f.Images = []string{"app:1", "sidecar:2"}
			f.Owner = &inventory.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
		}
	}
	for key, want := range map[string]string{
		"risk":       "4.3.1=5 4.3.2=2 4.3.3=3 4.3.4=1 4.3.5=1",
		"check":      "rbac-failing=5 authn-attested=1 authn-manual=1 network-unproven=3 placement-nothing=1 nodetrust-broken=1",
		"severity":   "critical=2 high=4 medium=5 low=1",
		"status":     "Fail=4 Error=1 NotAssessed=3 Pass=3 NotApplicable=1",
		"namespace":  "shop=7 =5",
		"kind":       "Cluster=4 ConfigMap=7 User.rbac.authorization.k8s.io=1",
		"image":      "app:1=1 sidecar:2=1 =11",
		"label:team": "blue=7 =5",
		"label:none": "=12",
		"owner":      "Cluster=4 ConfigMap shop/accepted=1 ConfigMap shop/fine=2 ConfigMap shop/open=1 ConfigMap shop/worse=2 Deployment shop/web=1 User alice=1",
	} {
		groups, err := GroupBy(rep, key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprintf("%s=%d", g.Value, len(g.Findings)))
			if g.Counts.Findings != len(g.Findings) {
				t.Errorf("%s %s: counts %d of %d", key, g.Value, g.Counts.Findings, len(g.Findings))
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %s, want %s", key, s, want)
		}
	}
	for _, key := range []string{"", "label:", "team", "Risk"} {
		_, err := GroupBy(rep, key)
		if !errors.Is(err, ErrGroupKey) || !strings.Contains(err.Error(), "risk, check, severity, status, namespace, kind, image, owner, label:KEY") {
			t.Errorf("%q: %v", key, err)
		}
		if key != "" {
			if err := Text(nil, rep, TextOptions{GroupBy: key}); !errors.Is(err, ErrGroupKey) {
				t.Errorf("text by %q: %v", key, err)
			}
		}
	}
}

func TestCount(t *testing.T) {
	c := Count(everything(t))
	if sum := c.Fail + c.Suppressed + c.Unproven + c.NotAssessed + c.Error + c.Pass + c.NotApplicable; sum != c.Findings {
		t.Errorf("%d of %d findings are counted", sum, c.Findings)
	}
	if got, want := c.String(), "3 open (1 critical, 2 high), 1 unproven, 1 suppressed, 1 malfunctioned, 2 not assessed, 3 passed (1 attested), 1 not applicable"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Count(&nist190.Report{}).String(); got != "0 open" {
		t.Errorf("nothing is %s", got)
	}
}
