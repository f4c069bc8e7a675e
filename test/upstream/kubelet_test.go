package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	conversion "k8s.io/kubernetes/pkg/kubelet/apis/config/v1beta1"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	utilfs "k8s.io/kubernetes/pkg/util/filesystem"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// TestKubeletAsUpstream makes random files of --config and --config-dir and flags, merges them as the kubelet does
// (cmd/kubelet/app/server.go, Run), and asks for the same.
func TestKubeletAsUpstream(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 190))
		var file string
		if rng.IntN(4) > 0 {
			file = randomKubelet(t, rng, false)
		}
		dropins := map[string]string{}
		for _, name := range []string{"10.conf", "20.conf", "30.conf"} {
			if rng.IntN(2) == 0 {
				dropins[name] = randomKubelet(t, rng, true)
			}
		}
		var flags []string
		for _, f := range []string{"--anonymous-auth=true", "--anonymous-auth=false", "--authorization-mode=Webhook", "--authorization-mode=AlwaysAllow",
			"--read-only-port=10255", "--read-only-port=0", "--rotate-certificates", "--streaming-connection-idle-timeout=0s", "--tls-cipher-suites=X,Y"} {
			if rng.IntN(8) == 0 {
				flags = append(flags, f)
			}
		}
		what := fmt.Sprintf("seed %d\nfile %s\ndrop-ins %v\nflags %v", seed, file, dropins, flags)
		compareKubelet(t, what, effectiveKubelet(t, file, dropins, flags), viewOfKubelet(t, file, dropins, flags))
	}
}

// randomKubelet sets some of the fields that are asked for; a drop-in may remove them.
func randomKubelet(t *testing.T, rng *rand.Rand, dropin bool) string {
	t.Helper()
	m := map[string]any{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
	set := func(to map[string]any, name string, values ...any) {
		switch {
		case dropin && rng.IntN(12) == 0:
			to[name] = nil
		case rng.IntN(3) == 0:
			to[name] = values[rng.IntN(len(values))]
		}
	}
	anonymous, webhook, x509 := map[string]any{}, map[string]any{}, map[string]any{}
	set(anonymous, "enabled", true, false)
	set(webhook, "enabled", true, false)
	set(x509, "clientCAFile", "/ca", "")
	authentication, authorization := map[string]any{}, map[string]any{}
	set(authentication, "anonymous", anonymous)
	set(authentication, "webhook", webhook)
	set(authentication, "x509", x509)
	set(authorization, "mode", "Webhook", "AlwaysAllow", "")
	set(m, "authentication", authentication)
	set(m, "authorization", authorization)
	set(m, "readOnlyPort", 0, 10255)
	set(m, "rotateCertificates", true, false)
	set(m, "serverTLSBootstrap", true, false)
	set(m, "streamingConnectionIdleTimeout", "0s", "5m0s")
	set(m, "eventRecordQPS", 0, 7)
	set(m, "tlsCipherSuites", []string{"A"}, []string{"B", "C"}, []string{})
	set(m, "tlsMinVersion", "VersionTLS13", "")
	set(m, "enableDebuggingHandlers", true, false)
	set(m, "protectKernelDefaults", true, false)
	set(m, "featureGates", map[string]bool{"RotateKubeletServerCertificate": false}, map[string]bool{"RotateKubeletServerCertificate": true})
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func effectiveKubelet(t *testing.T, file string, dropins map[string]string, flags []string) *kubeletconfig.KubeletConfiguration {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	load := func(name, text string) configfiles.Loader {
		path := filepath.Join(dir, name)
		must(os.WriteFile(path, []byte(text), 0o600))
		loader, err := configfiles.NewFsLoader(&utilfs.DefaultFs{}, path)
		must(err)
		return loader
	}
	kc, err := kubelet.NewKubeletConfiguration()
	must(err)
	if file != "" {
		kc, err = load("config", file).Load(context.Background())
		must(err)
	}
	if len(dropins) > 0 {
		versioned := &kubeletv1beta1.KubeletConfiguration{}
		must(conversion.Convert_config_KubeletConfiguration_To_v1beta1_KubeletConfiguration(kc, versioned, nil))
		base, err := json.Marshal(versioned)
		must(err)
		for _, name := range sortedNames(dropins) {
			patch, _, err := load(name, dropins[name]).LoadIntoJSON()
			must(err)
			base, err = jsonpatch.MergePatch(base, patch)
			must(err)
		}
		versioned = &kubeletv1beta1.KubeletConfiguration{}
		must(json.Unmarshal(base, versioned))
		conversion.SetDefaults_KubeletConfiguration(versioned)
		must(conversion.Convert_v1beta1_KubeletConfiguration_To_config_KubeletConfiguration(versioned, kc, nil))
	}
	fs := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	kubelet.AddKubeletConfigFlags(fs, kc)
	fs.SetOutput(&strings.Builder{})
	gates := kc.FeatureGates
	must(fs.Parse(flags))
	for k, v := range gates {
		if _, ok := kc.FeatureGates[k]; !ok {
			kc.FeatureGates[k] = v
		}
	}
	return kc
}

func sortedNames(m map[string]string) []string {
	var out []string
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// viewOfKubelet describes the same kubelet as a pod with a ConfigMap.
func viewOfKubelet(t *testing.T, file string, dropins map[string]string, flags []string) controlplane.Kubelet {
	t.Helper()
	command := []string{"kubelet"}
	data := map[string]string{"other": "x"}
	if file != "" {
		command, data["config"] = append(command, "--config=/k/config"), file
	}
	if len(dropins) > 0 {
		command = append(command, "--config-dir=/k")
		for n, text := range dropins {
			data[n] = text
		}
	}
	command = append(command, flags...)
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "a", "namespace": "kube-system"}, "spec": map[string]any{
		"containers": []any{map[string]any{"name": "a", "image": "kubelet:v1.37.0", "command": command, "volumeMounts": []any{map[string]any{"name": "v", "mountPath": "/k"}}}},
		"volumes":    []any{map[string]any{"name": "v", "configMap": map[string]any{"name": "k"}}}}}
	configMap := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "k", "namespace": "kube-system"}, "data": data}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{pod, configMap}})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, "a.json", text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	all := v.Kubelets()
	if len(all) != 1 {
		t.Fatalf("%d kubelets", len(all))
	}
	return all[0]
}

func compareKubelet(t *testing.T, what string, kc *kubeletconfig.KubeletConfiguration, k controlplane.Kubelet) {
	t.Helper()
	check := func(name string, b controlplane.Basis, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); !b.OK() || diff != "" {
			t.Errorf("%s\n%s: %s (-upstream +here)\n%s", what, name, b.Reason, diff)
		}
	}
	check("anonymous", k.AnonymousAuth().Basis, k.AnonymousAuth().Value, kc.Authentication.Anonymous.Enabled)
	check("webhook", k.WebhookAuthentication().Basis, k.WebhookAuthentication().Value, kc.Authentication.Webhook.Enabled)
	check("client CA", k.ClientCAFile().Basis, k.ClientCAFile().Value, kc.Authentication.X509.ClientCAFile)
	check("mode", k.AuthorizationMode().Basis, k.AuthorizationMode().Value, string(kc.Authorization.Mode))
	check("port", k.ReadOnlyPort().Basis, k.ReadOnlyPort().Value, int(kc.ReadOnlyPort))
	check("rotation", k.RotateCertificates().Basis, k.RotateCertificates().Value, kc.RotateCertificates)
	check("bootstrap", k.ServerTLSBootstrap().Basis, k.ServerTLSBootstrap().Value, kc.ServerTLSBootstrap)
	check("streams", k.StreamingIdleTimeout().Basis, k.StreamingIdleTimeout().Value, kc.StreamingConnectionIdleTimeout.Duration)
	check("events", k.EventRecordQPS().Basis, k.EventRecordQPS().Value, int(kc.EventRecordQPS))
	check("suites", k.TLSCipherSuites().Basis, strings.Join(k.TLSCipherSuites().Value, ","), strings.Join(kc.TLSCipherSuites, ","))
	check("TLS", k.TLSMinVersion().Basis, k.TLSMinVersion().Value, kc.TLSMinVersion)
	check("debugging", k.DebuggingHandlers().Basis, k.DebuggingHandlers().Value, kc.EnableDebuggingHandlers)
	check("kernel", k.ProtectKernelDefaults().Basis, k.ProtectKernelDefaults().Value, kc.ProtectKernelDefaults)
	if on, ok := kc.FeatureGates["RotateKubeletServerCertificate"]; ok {
		check("gate", k.FeatureGate("RotateKubeletServerCertificate").Basis, k.FeatureGate("RotateKubeletServerCertificate").Value, on)
	}
}
