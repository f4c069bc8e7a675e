// Package formats compares what the loader makes of answers of components with the components themselves.
package formats

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	admissionmetrics "k8s.io/apiserver/pkg/admission/metrics"
	"k8s.io/apiserver/pkg/authentication/request/x509"
	authorizationmetrics "k8s.io/apiserver/pkg/authorization/metrics"
	"k8s.io/apiserver/pkg/server/flagz"
	authenticationconfig "k8s.io/apiserver/pkg/server/options/authenticationconfig/metrics"
	authorizationconfig "k8s.io/apiserver/pkg/server/options/authorizationconfig/metrics"
	encryptionconfig "k8s.io/apiserver/pkg/server/options/encryptionconfig/metrics"
	"k8s.io/apiserver/pkg/storage/value"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/metrics/legacyregistry"
	featuremetrics "k8s.io/component-base/metrics/prometheus/feature"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// load reads one file of that the loader has to tell the format by itself.
func load(t *testing.T, name string, data []byte) *inventory.Object {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, name, data))
	if err != nil {
		t.Fatalf("%v\n%.300s", err, data)
	}
	for o := range inv.All() {
		return o
	}
	return nil
}

func get(t *testing.T, h http.Handler, path, accept string) []byte {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// TestFlagz: what /flagz answers, in both forms, is told by its content.
func TestFlagz(t *testing.T) {
	var sets cliflag.NamedFlagSets
	set := sets.FlagSet("authentication")
	set.Bool("anonymous-auth", false, "")
	set.StringSlice("etcd-servers", []string{"https://root:hunter2@127.0.0.1:2379"}, "")
	for range 12 { // the text has one of several separators, by chance
		mux := http.NewServeMux()
		flagz.Install(mux, "kube-apiserver", flagz.NamedFlagSetsReader{FlagSets: sets})
		o := load(t, "flagz.txt", get(t, mux, "/flagz", ""))
		if o.Ref().Kind != "flagz" || !strings.Contains(string(o.JSON()), "anonymous-auth") || strings.Contains(string(o.JSON()), "hunter2") {
			t.Fatalf("%s: %s", o.Ref(), o.JSON())
		}
		for _, v := range []string{"v1alpha1", "v1beta1"} {
			o = load(t, "flagz.json", get(t, mux, "/flagz", "application/json;v="+v+";g=config.k8s.io;as=Flagz"))
			if o.Ref().Kind != "Flagz" || o.Ref().Name != "flagz.json" || strings.Contains(string(o.JSON()), "hunter2") {
				t.Fatalf("%s: %s", o.Ref(), o.JSON())
			}
		}
	}
}

// TestMetrics: the families that decide something are kept under the names that an API server gives them.
func TestMetrics(t *testing.T) {
	ctx := t.Context()
	encryptionconfig.RegisterMetrics()
	encryptionconfig.RecordEncryptionConfigLastConfigInfo("id", "hash")
	authenticationconfig.RegisterMetrics()
	authenticationconfig.RecordAuthenticationConfigLastConfigInfo("id", "data")
	authorizationconfig.RegisterMetrics()
	authorizationconfig.RecordAuthorizationConfigLastConfigInfo("id", "data")
	value.RegisterMetrics()
	value.RecordTransformation("secrets", "to_storage", "k8s:enc:aescbc:v1:k:", time.Second, errors.New("x"))
	authorizationmetrics.RegisterMetrics()
	authorizationmetrics.RecordAuthorizationDecision("Node", "node", "allowed")
	x509.New(x509.DefaultVerifyOptions(), x509.CommonNameUserConversion) // registers its metrics
	featuremetrics.RecordFeatureInfo(ctx, "AllAlpha", "ALPHA", false)
	attributes := admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{Kind: "Pod"}, "ns", "a", schema.GroupVersionResource{Resource: "pods"}, "",
		admission.Create, &metav1.CreateOptions{}, false, nil)
	for _, plugin := range []string{"NodeRestriction", "PodSecurity", "NodeRestriction"} {
		admissionmetrics.Metrics.ObserveAdmissionController(ctx, time.Second, false, attributes, "admit", plugin)
	}
	o := load(t, "metrics.txt", get(t, legacyregistry.Handler(), "/metrics", ""))
	text, _ := o.Unstructured().Object["text"].(string)
	for _, want := range []string{
		`apiserver_encryption_config_controller_last_config_info{`, `apiserver_authentication_config_controller_last_config_info{`,
		`apiserver_authorization_config_controller_last_config_info{`, `apiserver_storage_transformation_operations_total{`,
		`apiserver_authorization_decisions_total{`, `kubernetes_feature_enabled{name="AllAlpha"`, `kubernetes_build_info{`,
		`apiserver_client_certificate_expiration_seconds_bucket{`, `name="NodeRestriction"`, `name="PodSecurity"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if n := strings.Count(text, `name="NodeRestriction"`); n != 1 {
		t.Errorf("NodeRestriction is named %d times", n)
	}
}

// TestVersion: what /version answers sets the version of Kubernetes.
func TestVersion(t *testing.T) {
	info := version.Get()
	info.Major, info.Minor, info.GitVersion, info.GitCommit = "1", "35+", "v1.35.4-eks-1", "c"
	data, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Collect(t.Context(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, "version.json", data))
	if err != nil || inv.Version() != (inventory.Version{Major: 1, Minor: 35}) {
		t.Errorf("%v, %v\n%s", inv.Version(), err, data)
	}
}
