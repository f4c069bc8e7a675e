package prometheus_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/prometheus"
)

// A handler serves what the last scan found.
func Example() {
	rep, err := nist190.Run(context.Background(), (&inventory.Collector{}).Inventory())
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		if err := prometheus.Write(&b, rep, prometheus.Options{}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", prometheus.ContentType)
		w.Write(b.Bytes())
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, `nist190_risk_status{risk="4.3.5"`) {
			fmt.Print(line)
		}
	}
	// Output:
	// nist190_risk_status{risk="4.3.5",status="Pass"} 0
	// nist190_risk_status{risk="4.3.5",status="Fail"} 0
	// nist190_risk_status{risk="4.3.5",status="NotAssessed"} 1
	// nist190_risk_status{risk="4.3.5",status="NotApplicable"} 0
	// nist190_risk_status{risk="4.3.5",status="Error"} 0
}
