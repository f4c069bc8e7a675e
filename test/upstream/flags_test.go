package upstream

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// values that command lines of API servers are made of, by flag.
var values = map[string][]string{
	"anonymous-auth":         {"true", "false", "1", "F"},
	"profiling":              {"true", "false"},
	"service-account-lookup": {"true", "false"},
	"service-account-extend-token-expiration":  {"true", "false"},
	"enable-bootstrap-token-auth":              {"true", "false"},
	"authorization-mode":                       {"Node", "RBAC", "Node,RBAC", "AlwaysAllow", "Webhook,AlwaysDeny", ""},
	"enable-admission-plugins":                 {"NodeRestriction", "PodNodeSelector,AlwaysPullImages", "LimitRanger", ""},
	"disable-admission-plugins":                {"LimitRanger", "PodSecurity,ServiceAccount", "NodeRestriction"},
	"service-account-issuer":                   {"https://a", "https://b,https://c", "x"},
	"service-account-key-file":                 {"/a", "/b"},
	"api-audiences":                            {"a", "a,b"},
	"client-ca-file":                           {"/ca", "/other", ""},
	"token-auth-file":                          {"/t", ""},
	"tls-min-version":                          {"VersionTLS12", "VersionTLS13"},
	"tls-cipher-suites":                        {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "A,B"},
	"requestheader-client-ca-file":             {"/f", ""},
	"requestheader-allowed-names":              {"a", "a,b", ""},
	"etcd-servers":                             {"https://a:2379", "https://a:1,http://b:2"},
	"etcd-cafile":                              {"/e"},
	"kubelet-certificate-authority":            {"/k"},
	"service-account-max-token-expiration":     {"1h", "0s", "48h0m0s"},
	"audit-log-maxage":                         {"1", "30"},
	"authentication-token-webhook-config-file": {"/w", ""},
	"authentication-token-webhook-cache-ttl":   {"10s", "2m0s"},
}

// TestFlagsAsUpstream parses random command lines of kube-apiserver with its own flag set, and asks for the same by a pod
// that has them.
func TestFlagsAsUpstream(t *testing.T) {
	klog.LogToStderr(false) // it warns of half of the command lines
	klog.SetOutput(io.Discard)
	names := make([]string, 0, len(values))
	for n := range values {
		names = append(names, n)
	}
	slices.Sort(names)
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 190))
		o := apiserver.NewServerRunOptions()
		fs := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
		fss := o.Flags()
		for _, f := range fss.FlagSets {
			fs.AddFlagSet(f)
		}
		var argv []string
		for range rng.IntN(12) {
			name := names[rng.IntN(len(names))]
			value := values[name][rng.IntN(len(values[name]))]
			written := name
			if rng.IntN(4) == 0 {
				written = strings.ReplaceAll(name, "-", "_")
			}
			isBool := fs.Lookup(name).Value.Type() == "bool"
			switch {
			case isBool && rng.IntN(3) == 0:
				argv = append(argv, "--"+written)
			case !isBool && rng.IntN(3) == 0:
				argv = append(argv, "--"+written, value)
			default:
				argv = append(argv, "--"+written+"="+value)
			}
		}
		fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
			return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
		})
		if err := fs.Parse(argv); err != nil {
			t.Fatalf("%v: %v", argv, err)
		}
		compareOptions(t, argv, o, podOf(t, argv).APIServer())
	}
}

func podOf(t *testing.T, argv []string) *controlplane.View {
	t.Helper()
	pod, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "a", "namespace": "kube-system"},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "a", "image": "kube-apiserver:v1.37.0", "command": append([]string{"kube-apiserver"}, argv...)}}}})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, "a.json", pod))
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func compareOptions(t *testing.T, argv []string, o *apiserver.ServerRunOptions, s controlplane.APIServer) {
	t.Helper()
	line := strings.Join(argv, " ")
	check := func(what string, b controlplane.Basis, got, want any) {
		t.Helper()
		if !b.OK() {
			t.Errorf("%s: %s: %s", line, what, b.Reason)
			return
		}
		if v := reflect.ValueOf(want); v.Kind() == reflect.Slice && v.Len() == 0 && reflect.ValueOf(got).Len() == 0 {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s: (-upstream +here)\n%s", line, what, diff)
		}
	}
	modes := s.AuthorizationModes()
	o.Authorization.Complete()
	if errs := o.Authorization.Validate(); len(errs) == 0 || modes.OK() {
		check("modes", modes.Basis, modes.Value, o.Authorization.Modes)
	}
	if modes.OK() {
		o.Authentication.ApplyAuthorization(o.Authorization)
		check("anonymous", s.AnonymousAuth().Basis, s.AnonymousAuth().Value.Enabled, o.Authentication.Anonymous.Allow)
	}
	sa := s.ServiceAccounts()
	check("issuers", sa.Basis, sa.Value.Issuers, o.Authentication.ServiceAccounts.Issuers)
	check("key files", sa.Basis, sa.Value.KeyFiles, o.Authentication.ServiceAccounts.KeyFiles)
	check("lookup", sa.Basis, sa.Value.Lookup, o.Authentication.ServiceAccounts.Lookup)
	check("extension", sa.Basis, sa.Value.ExtendExpiration, o.Authentication.ServiceAccounts.ExtendExpiration)
	check("longest", sa.Basis, sa.Value.MaxExpiration, o.Authentication.ServiceAccounts.MaxExpiration)
	if len(o.Authentication.APIAudiences) > 0 {
		check("audiences", sa.Basis, sa.Value.Audiences, o.Authentication.APIAudiences)
	}
	check("client CA", s.ClientCAFile().Basis, s.ClientCAFile().Value, o.Authentication.ClientCert.ClientCA)
	check("tokens", s.TokenAuthFile().Basis, s.TokenAuthFile().Value, o.Authentication.TokenFile.TokenFile)
	check("bootstrap tokens", s.BootstrapTokens().Basis, s.BootstrapTokens().Value, o.Authentication.BootstrapToken.Enable)
	header := s.RequestHeader()
	check("request header", header.Basis, header.Value != nil, o.Authentication.RequestHeader.ClientCAFile != "")
	if header.Value != nil {
		check("allowed names", header.Basis, header.Value.AllowedNames, o.Authentication.RequestHeader.AllowedNames)
	}
	hook := s.TokenWebhook()
	if hook.Value != nil {
		check("cache", hook.Basis, hook.Value.CacheTTL, o.Authentication.WebHook.CacheTTL)
	}
	tls := s.TLS()
	check("suites", tls.Basis, tls.Value.CipherSuites, o.SecureServing.CipherSuites)
	check("TLS version", tls.Basis, tls.Value.MinVersion, o.SecureServing.MinTLSVersion)
	check("port", tls.Basis, strconv.Itoa(tls.Value.Port), strconv.Itoa(o.SecureServing.BindPort))
	etcd := s.Etcd()
	check("etcd", etcd.Basis, etcd.Value.Servers, o.Etcd.StorageConfig.Transport.ServerList)
	check("etcd's CA", etcd.Basis, etcd.Value.CAFile, o.Etcd.StorageConfig.Transport.TrustedCAFile)
	check("kubelets' CA", s.KubeletClient().Basis, s.KubeletClient().Value.CAFile, o.KubeletConfig.TLSClientConfig.CAFile)
	check("profiling", s.Profiling().Basis, s.Profiling().Value, o.Features.EnableProfiling)
	check("audit", s.Audit().Basis, s.Audit().Value.MaxAge, o.Audit.LogOptions.MaxAge)
	plugins := s.AdmissionPlugins()
	check("plugins", plugins.Basis, plugins.Value, enabledPlugins(o))
}

// enabledPlugins is AdmissionOptions.enabledPluginNames, which is not exported, over the options that are.
func enabledPlugins(o *apiserver.ServerRunOptions) []string {
	a := o.Admission.GenericAdmission
	var out []string
	for _, name := range a.RecommendedPluginOrder {
		off := a.DefaultOffPlugins.Has(name) || slices.Contains(a.DisablePlugins, name)
		if !off || slices.Contains(a.EnablePlugins, name) {
			out = append(out, name)
		}
	}
	return out
}
