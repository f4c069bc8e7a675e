package conformance

import (
	"bytes"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/prometheus"
)

// validMetrics parses the text as Prometheus does, lints it, and refuses duplicate series.
func validMetrics(t *testing.T, out []byte) {
	t.Helper()
	problems, err := promlint.New(bytes.NewReader(out)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		seen := map[string]bool{}
		for _, m := range f.Metric {
			var key strings.Builder
			for _, l := range m.Label {
				key.WriteString(l.GetName() + "\x00" + l.GetValue() + "\x00")
			}
			if seen[key.String()] {
				t.Errorf("%s: two series %q", name, key.String())
			}
			seen[key.String()] = true
		}
	}
}

// TestMetricsOfAStatus: of each set of series one is 1, and no object is a label.
func TestMetricsOfAStatus(t *testing.T) {
	var b bytes.Buffer
	if err := prometheus.Write(&b, huge(t), prometheus.Options{Namespaces: true}); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&b)
	if err != nil {
		t.Fatal(err)
	}
	sum := map[string]float64{}
	for _, m := range families["nist190_requirement_status"].Metric {
		for _, l := range m.Label {
			if l.GetName() == "sentence" {
				sum[l.GetValue()] += m.Gauge.GetValue()
			}
		}
	}
	for _, s := range nist190.Sentences() {
		if sum[s.Key] != 1 {
			t.Errorf("%s has %v statuses", s.Key, sum[s.Key])
		}
	}
	// 100 namespaces, in each of which the applications have one severity, and passes.
	if n := len(families["nist190_findings"].Metric); n != 200 {
		t.Errorf("%d series for 20,000 findings", n)
	}
}
