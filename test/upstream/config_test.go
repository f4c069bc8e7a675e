package upstream

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/apiserver"
	apiservervalidation "k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/audit/policy"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	logsapi "k8s.io/component-base/logs/api/v1"
	schedulerv1 "k8s.io/kube-scheduler/config/v1"
	bootstraptokenv1 "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1"
	"k8s.io/kubernetes/pkg/kubeapiserver/authorizer"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/redact"
)

// standsFor are the types of package config that are not shaped as upstream's, each with those that it stands for.
var standsFor = map[reflect.Type][]reflect.Type{
	reflect.TypeFor[config.Duration]():          {reflect.TypeFor[metav1.Duration]()},                                                                             // its errors quote nothing
	reflect.TypeFor[config.SecondsOrDuration](): {reflect.TypeFor[logsapi.TimeOrMetaDuration]()},                                                                  // the same
	reflect.TypeFor[config.Secret]():            {reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[bootstraptokenv1.BootstrapTokenString]()}, // payloads are not kept
	reflect.TypeFor[config.Header]():            {reflect.TypeFor[[]string]()},                                                                                    // nor credentials in headers
	reflect.TypeFor[runtime.RawExtension]():     {reflect.TypeFor[runtime.Unknown]()},                                                                             // protobuf beside JSON, which files are not
	reflect.TypeFor[string]():                   {reflect.TypeFor[[]byte]()},                                                                                      // "kubectl config view" writes words where base64 belongs
}

// lacking are fields that upstream's struct of an older version does not have.
var lacking = map[string]bool{"kubeadm.k8s.io/v1beta4 mergeMethod": true} // refused by the decoder

// TestConfigStructs compares each struct of package config with upstream's: names, tags, nesting and types of the fields.
func TestConfigStructs(t *testing.T) {
	for _, k := range configKinds() {
		t.Run(k.String(), func(t *testing.T) {
			sameType(t, k.apiVersion, k.kind, reflect.TypeOf(k.ours).Elem(), reflect.TypeOf(k.theirs).Elem())
		})
	}
	for ours, theirs := range map[any]any{
		config.NodeAffinityArgs{}: schedulerv1.NodeAffinityArgs{}, config.DefaultPreemptionArgs{}: schedulerv1.DefaultPreemptionArgs{},
		config.InterPodAffinityArgs{}: schedulerv1.InterPodAffinityArgs{}, config.DynamicResourcesArgs{}: schedulerv1.DynamicResourcesArgs{},
		&config.PodTopologySpreadArgs{}: &schedulerv1.PodTopologySpreadArgs{}, &config.NodeResourcesFitArgs{}: &schedulerv1.NodeResourcesFitArgs{},
		&config.NodeResourcesBalancedAllocationArgs{}: &schedulerv1.NodeResourcesBalancedAllocationArgs{}, &config.VolumeBindingArgs{}: &schedulerv1.VolumeBindingArgs{},
	} {
		name := reflect.TypeOf(theirs).String()
		t.Run(name, func(t *testing.T) { sameType(t, "", name, reflect.TypeOf(ours), reflect.TypeOf(theirs)) })
	}
}

func sameType(t *testing.T, version, path string, ours, theirs reflect.Type) {
	t.Helper()
	switch {
	case ours == theirs, slices.Contains(standsFor[ours], theirs):
		return
	case ours.Kind() != theirs.Kind():
		t.Errorf("%s: %v stands for %v", path, ours, theirs)
		return
	}
	switch ours.Kind() {
	case reflect.Pointer, reflect.Slice:
		sameType(t, version, path, ours.Elem(), theirs.Elem())
	case reflect.Map:
		sameType(t, version, path+" key", ours.Key(), theirs.Key())
		sameType(t, version, path+" value", ours.Elem(), theirs.Elem())
	case reflect.Struct:
		sameFields(t, version, path, ours, theirs)
	}
}

func sameFields(t *testing.T, version, path string, ours, theirs reflect.Type) {
	t.Helper()
	want := map[string]reflect.StructField{}
	for i := range theirs.NumField() {
		f := theirs.Field(i)
		want[f.Name] = f
	}
	for i := range ours.NumField() {
		f := ours.Field(i)
		tag := f.Tag.Get("json")
		w, ok := want[f.Name]
		delete(want, f.Name)
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || lacking[version+" "+name]:
		case !ok:
			t.Errorf("%s.%s: not upstream's", path, f.Name)
		case tag != strings.TrimSuffix(w.Tag.Get("json"), ",inline") || f.Anonymous != w.Anonymous:
			t.Errorf("%s.%s: tag %q, upstream %q", path, f.Name, tag, w.Tag.Get("json"))
		default:
			sameType(t, version, path+"."+f.Name, f.Type, w.Type)
		}
	}
	for name := range want {
		t.Errorf("%s.%s: missing", path, name)
	}
}

// TestConfigRoundTrip decodes random documents of upstream's types and writes them back.
func TestConfigRoundTrip(t *testing.T) {
	for i, k := range configKinds() {
		t.Run(k.String(), func(t *testing.T) {
			f := filler{rand.New(rand.NewPCG(uint64(i), 5))}
			for range 400 {
				text := f.document(k)
				doc, warnings, err := config.Decode(text)
				if err != nil || len(warnings) > 0 {
					t.Fatalf("%s\n%v %v", text, err, warnings)
				}
				back, err := json.Marshal(doc)
				if err != nil {
					t.Fatal(err)
				}
				clean, _, err := redact.JSON(k.apiVersion, k.kind, text)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(plain(t, clean), plain(t, back)); diff != "" {
					t.Fatalf("%s\n%s", text, diff)
				}
			}
		})
	}
}

// plain is a value without what tells nothing: nulls, and descriptions of payloads that were not there.
func plain(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return plainValue(v)
}

func plainValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			p := plainValue(e)
			m, isMap := p.(map[string]any)
			none := p == nil || isMap && len(m) == 2 && m["length"] == 0.0 && (m["class"] == "" || m["class"] == "empty" || m["class"] == "other")
			if k == "staticPodURLHeader" {
				p, none = len(e.(map[string]any)), false // of values nothing is kept
			}
			if n, ok := p.(float64); ok && k == "flushFrequency" { // is always written as a text here
				p = time.Duration(n).String()
			}
			none = none || k == "preferences" && isMap && len(m) == 0 // omitzero
			if !none {
				out[k] = p
			}
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, plainValue(e))
		}
		return out
	}
	return v
}

// payloads are members of which the value is not looked at, or otherwise, since it is described before it is decoded.
var payloads = map[string]bool{
	"secret": true, "token": true, "tlsBootstrapToken": true, "certificateKey": true, "client-key-data": true, "password": true,
	"value": true, "config": true, "keyData": true, "staticPodURLHeader": true, "bootstrapTokens": true,
	"certificate-authority-data": true, "client-certificate-data": true, // text here
	"expires": true,
}

// TestConfigStrictness changes documents at random: what upstream's loader takes, warns of and refuses, Decode does too.
func TestConfigStrictness(t *testing.T) {
	for i, k := range configKinds() {
		t.Run(k.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 6))
			f := filler{r}
			counts := map[string]int{}
			for range 1500 {
				doc := parseJSON(f.document(k))
				what := mutate(r, doc, payloads)
				text := doc.text()
				warned, err := k.load(text)
				_, warnings, ourErr := config.Decode(text)
				if (err != nil) != (ourErr != nil) {
					t.Fatalf("%s\n%s\nupstream %v\n    here %v", what, text, err, ourErr)
				}
				if err == nil && warned != (len(warnings) > 0) {
					t.Fatalf("%s\n%s\nupstream warned %v, here %v", what, text, warned, warnings)
				}
				switch {
				case err != nil:
					counts["refused"]++
				case warned:
					counts["warned"]++
				default:
					counts["taken"]++
				}
			}
			if counts["taken"] < 50 || counts["refused"] < 50 {
				t.Errorf("too few of a kind: %v", counts)
			}
		})
	}
}

// TestConfigTable is documents that are easy to take for another.
func TestConfigTable(t *testing.T) {
	kinds := map[string]configKind{}
	for _, k := range configKinds() {
		kinds[k.kind+" "+k.apiVersion] = k
	}
	head := func(group, kind string) string { return `{"apiVersion":"` + group + `","kind":"` + kind + `"` }
	for _, tt := range []struct{ kind, version, rest string }{
		{"AuthenticationConfiguration", apiserverGroup + "/v1", `}`},
		{"AuthenticationConfiguration", apiserverGroup + "/v1", `,"JWT":[]}`},
		{"AuthenticationConfiguration", apiserverGroup + "/v1", `,"jwt":null,"anonymous":null}`},
		{"AuthenticationConfiguration", apiserverGroup + "/v1", `,"jwt":[],"jwt":[]}`},
		{"AuthenticationConfiguration", apiserverGroup + "/v1", `,"anonymous":{"enabled":"true"}}`},
		{"AuthenticationConfiguration", apiserverGroup + "/v1", `,"Kind":"x"}`},
		{"AuthorizationConfiguration", apiserverGroup + "/v1", `,"authorizers":[{"webhook":{"timeout":null}}]}`},
		{"AuthorizationConfiguration", apiserverGroup + "/v1", `,"authorizers":[{"webhook":{"timeout":3}}]}`},
		{"AuthorizationConfiguration", apiserverGroup + "/v1", `,"authorizers":[{"webhook":{"timeout":"3"}}]}`},
		{"AuthorizationConfiguration", apiserverGroup + "/v1", `,"authorizers":{}}`},
		{"EncryptionConfiguration", apiserverGroup + "/v1", `,"resources":[{"providers":[{"aescbc":{"keys":[{"name":"a","secret":1}]}}]}]}`},
		{"EncryptionConfiguration", apiserverGroup + "/v1", `,"resources":[{"providers":[{"aescbc":{"keys":[{"name":"a","secret":null}]}}]}]}`},
		{"EncryptionConfiguration", apiserverGroup + "/v1", `,"resources":[{"providers":[{"aescbc":{"keys":[{"name":"a","secret":"x","secret":"y"}]}}]}]}`},
		{"EncryptionConfiguration", apiserverGroup + "/v1", `,"resources":[{"providers":[{"aescbc":{"keys":[{"name":"a","Secret":"x"}]}}]}]}`},
		{"EncryptionConfiguration", apiserverGroup + "/v1", `,"resources":[{"providers":[{"identity":{"a":1}}]}]}`},
		{"AdmissionConfiguration", apiserverGroup + "/v1", `,"plugins":[{"name":"PodSecurity","configuration":{"a":1,"a":2}}]}`},
		{"KubeletConfiguration", "kubelet.config.k8s.io/v1beta1", `,"Authentication":{}}`},
		{"KubeletConfiguration", "kubelet.config.k8s.io/v1beta1", `,"authentication":{"anonymous":{"enabled":null}}}`},
		{"KubeletConfiguration", "kubelet.config.k8s.io/v1beta1", `,"readOnlyPort":"10255"}`},
		{"KubeletConfiguration", "kubelet.config.k8s.io/v1beta1", `,"readOnlyPort":10255.0}`},
		{"KubeletConfiguration", "kubelet.config.k8s.io/v1beta1", `,"readOnlyPort":1e4}`},
		{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io/v1", `,"profiles":[{"pluginConfig":[{"name":"NodeAffinity"}]}]}`},
		{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io/v1", `,"profiles":[{"pluginConfig":[{"name":"NodeAffinity","args":{"kind":"PodTopologySpreadArgs"}}]}]}`},
		{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io/v1", `,"profiles":[{"pluginConfig":[{"name":"NodeAffinity","args":{"kind":"NodeAffinityArgs","apiVersion":"kubescheduler.config.k8s.io/v1beta3"}}]}]}`},
		{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io/v1", `,"profiles":[{"pluginConfig":[{"name":"NodeAffinity","args":null}]}]}`},
		{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io/v1", `,"profiles":[{"pluginConfig":[{"name":"NodeAffinity","args":[]}]}]}`},
		{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io/v1", `,"profiles":[{"pluginConfig":[{"name":"Other","args":{"a":1}}]}]}`},
		{"ClusterConfiguration", "kubeadm.k8s.io/v1beta4", `,"apiServer":{"extraArgs":[{"name":"a","value":"b","mergeMethod":""}]}}`},
		{"ClusterConfiguration", "kubeadm.k8s.io/v1beta4", `,"apiServer":{"extraArgs":{"a":"b"}}}`},
		{"ClusterConfiguration", "kubeadm.k8s.io/v1", `,"apiServer":{"extraArgs":[{"name":"a","value":"b","mergeMethod":"append"}]}}`},
		{"Config", "v1", `,"unknown":1,"clusters":[{"name":"a","name":"b"}]}`},
		{"Config", "v1", `,"users":[{"user":{"token":5}}]}`},
		{"Config", "v1", `,"users":{}}`},
	} {
		k := kinds[tt.kind+" "+tt.version]
		text := []byte(head(tt.version, tt.kind) + tt.rest)
		warned, err := k.load(text)
		_, warnings, ourErr := config.Decode(text)
		if (err != nil) != (ourErr != nil) || err == nil && warned != (len(warnings) > 0) {
			t.Errorf("%s\nupstream %v, warned %v\n    here %v, warned %v", text, err, warned, ourErr, warnings)
		}
	}
}

// TestConfigYAML gives the loaders YAML, in which a key that is set twice and other things look different.
func TestConfigYAML(t *testing.T) {
	for i, text := range []string{
		"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\njwt: []\n",
		"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: yes}\n",
		"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: \"yes\"}\n",
		"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: true, conditions: [{path: &p /livez}, {path: *p}]}\n",
		"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nport: 1\nport: 2\n",
		"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nport: 0x10\n",
		"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\nrules: [{level: None}]\n",
		"apiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\nkubernetesVersion: 1.30\n",
		"apiVersion: v1\nkind: Config\nusers: []\nusers: []\n",
	} {
		var load func([]byte) (bool, error)
		for _, k := range configKinds() {
			if strings.HasPrefix(text, "apiVersion: "+k.apiVersion+"\nkind: "+k.kind+"\n") {
				load = k.load
			}
		}
		warned, err := load([]byte(text))
		if strings.Contains(text, "kubeadm") { // its loader of JSON looks for the kind in JSON
			warned, err = false, fmt.Errorf("a number")
		}
		for p := range config.Text([]byte(text)) {
			if (err != nil) != (p.Err != nil) || err == nil && warned != (len(p.Warnings) > 0) {
				t.Errorf("%d: %s\nupstream %v, warned %v\n    here %v, warned %v", i, text, err, warned, p.Err, p.Warnings)
			}
		}
	}
}

// choices draws documents that a validator finds something in, or nothing.
type choices struct{ r *rand.Rand }

func (c choices) of(s ...string) string { return pick(c.r, s) }

// mostly draws the first, one time of eight another.
func (c choices) mostly(first string, other ...string) string {
	if c.r.IntN(8) > 0 {
		return first
	}
	return pick(c.r, other)
}

func (c choices) list(max int, element func() string) string {
	var out []string
	for range c.r.IntN(max + 1) {
		out = append(out, element())
	}
	return "[" + strings.Join(out, ",") + "]"
}

// sameVerdict compares what a validator and Problems find in a document that both decoders take.
func sameVerdict(t *testing.T, n int, draw func() string, validate func(text []byte) error) {
	t.Helper()
	good := 0
	for range n {
		text := []byte(draw())
		doc, _, err := config.Decode(text)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		want := validate(text)
		got := doc.Problems()
		if (want != nil) != (len(got) > 0) {
			t.Fatalf("%s\nupstream %v\n    here %v", text, want, got)
		}
		if want == nil {
			good++
		}
	}
	if good < n/50 || good > n*49/50 {
		t.Errorf("%d of %d are good", good, n)
	}
}

func TestConfigProblemsOfAuthentication(t *testing.T) {
	compiler := authenticationcel.NewDefaultCompiler()
	c := choices{rand.New(rand.NewPCG(1, 7))}
	prefixed := func() string {
		return c.of(`{"claim":"sub","prefix":""}`, `{"claim":"sub","prefix":"p:"}`, `{"expression":"claims.sub"}`,
			c.mostly(`{"claim":"sub","prefix":""}`, `{"claim":"sub"}`, `{"claim":"sub","expression":"claims.sub","prefix":""}`, `{"prefix":"a"}`, `{"expression":"claims.sub","prefix":""}`, `{}`))
	}
	url := func() string {
		return c.mostly(`"https://`+c.of("a", "b", "c", "d")+`"`, `""`, `"http://a"`, `"https://u@a"`, `"https://a?b"`, `"https://a#b"`, `":"`, `"https://a/"`)
	}
	jwt := func() string {
		return fmt.Sprintf(`{"issuer":{"url":%s,"audiences":%s,"audienceMatchPolicy":"%s","discoveryURL":%s,"egressSelectorType":"%s","certificateAuthority":"%s"},
"claimMappings":{"username":%s,"groups":%s,"uid":%s,"extra":%s},"claimValidationRules":%s,"userValidationRules":%s}`,
			url(), c.mostly(`["a"]`, `[]`, `["a","a"]`, `["a","b"]`, `[""]`), c.mostly("MatchAny", "", "x"),
			c.mostly(`""`, `"https://a/x"`, `"https://b"`, `"https://c//"`, `"ftp://a"`), c.mostly("", "cluster", "controlplane", "etcd"),
			c.mostly("", "x", `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`),
			prefixed(), c.mostly(prefixed(), `{}`), c.mostly(`{}`, `{"claim":"a"}`, `{"claim":"a","expression":"claims.a"}`),
			c.list(2, func() string {
				return fmt.Sprintf(`{"key":"%s","valueExpression":"%s"}`,
					c.mostly(c.of("example.org/a", "example.org/b"), "a", "Example.org/a", "k8s.io/a", "x.kubernetes.io/a", "akubernetes.io/a", "", "example.org/A"), c.mostly("claims.a", ""))
			}),
			c.list(2, func() string {
				return c.of(`{"claim":"a","requiredValue":"b"}`, `{"claim":"b"}`, `{"expression":"claims.a == 'b'","message":"m"}`, `{"expression":"true"}`,
					c.mostly(`{"claim":"c"}`, `{}`, `{"claim":"a","message":"m"}`, `{"claim":"a","expression":"true"}`, `{"expression":"true","requiredValue":"x"}`))
			}),
			c.list(2, func() string {
				return c.of(`{"expression":"user.username != 'a'"}`, `{"expression":"true"}`, c.mostly(`{"expression":"false"}`, `{}`))
			}))
	}
	sameVerdict(t, 4000, func() string {
		return `{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthenticationConfiguration","jwt":` + c.list(3, jwt) + `,"anonymous":` +
			c.mostly("null", `{"enabled":true}`, `{"enabled":true,"conditions":[{"path":"/livez"}]}`, `{"enabled":false,"conditions":[{"path":"/livez"}]}`) + `}`
	}, func(text []byte) error {
		obj, err := runtime.Decode(apiserverCodecs.UniversalDecoder(), text)
		if err != nil {
			t.Fatal(err)
		}
		return apiservervalidation.ValidateAuthenticationConfiguration(compiler, obj.(*apiserver.AuthenticationConfiguration), nil).ToAggregate()
	})
}

func TestConfigProblemsOfAuthorization(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	compiler := authorizationcel.NewDefaultCompiler()
	c := choices{rand.New(rand.NewPCG(2, 7))}
	webhook := func() string {
		return fmt.Sprintf(`{"timeout":"%s","authorizedTTL":"%s","unauthorizedTTL":"%s","subjectAccessReviewVersion":"%s","matchConditionSubjectAccessReviewVersion":"%s",
"failurePolicy":"%s","connectionInfo":%s,"matchConditions":%s}`,
			c.mostly("3s", "0s", "30s", "31s", "-1s"), c.mostly("1m", "0s", "-1s"), c.mostly("0s", "1s", "-1s"), c.mostly("v1", "v1beta1", "", "v2"),
			c.mostly("v1", "", "v1beta1"), c.mostly("Deny", "NoOpinion", "", "Fail"),
			c.mostly(`{"type":"KubeConfigFile","kubeConfigFile":"`+file+`"}`, `{"type":"InClusterConfig"}`, `{"type":"InClusterConfig","kubeConfigFile":"/a"}`,
				`{"type":"KubeConfigFile"}`, `{"type":"KubeConfigFile","kubeConfigFile":"a"}`, `{}`, `{"type":"x"}`),
			c.list(2, func() string {
				return c.mostly(`{"expression":"`+c.of("true", "false", "request.user == 'a'")+`"}`, `{"expression":" "}`)
			}))
	}
	authorizer1 := func() string {
		kind := c.of("Node", "RBAC", "Webhook", c.mostly("Webhook", "ABAC", "AlwaysAllow", "AlwaysDeny", "", "X"))
		hook := "null"
		if c.mostly(kind, "", "Webhook") == "Webhook" {
			hook = c.mostly(webhook(), "null")
		}
		return fmt.Sprintf(`{"type":"%s","name":"%s","webhook":%s}`, kind, c.mostly(c.of(strings.ToLower(kind), "w"+c.of("1", "2", "3")), "", "A", "a.b", "node"), hook)
	}
	sameVerdict(t, 6000, func() string {
		return `{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthorizationConfiguration","authorizers":` + c.list(3, authorizer1) + `}`
	}, func(text []byte) error {
		_, err := authorizer.LoadAndValidateData(text, compiler, nil)
		return err
	})
}

func TestConfigProblemsOfEncryption(t *testing.T) {
	c := choices{rand.New(rand.NewPCG(3, 7))}
	key := func(lengths ...string) func() string {
		return func() string {
			return fmt.Sprintf(`{"name":"%s","secret":"%s"}`, c.mostly("a", ""), c.mostly(c.of(lengths...), "", "${KEY}", "c2VjcmV0", "no base64"))
		}
	}
	const k16, k24, k32, zero32 = "MDEyMzQ1Njc4OWFiY2RlZg==", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	provider := func() string {
		kms := func() string {
			return fmt.Sprintf(`{"apiVersion":"%s","name":"%s","endpoint":"%s","timeout":%s,"cachesize":%s}`, c.mostly(c.of("v1", "v2", ""), "v3"),
				c.mostly(c.of("a", "b", "c"), "", "a:b"), c.mostly("unix:///a", "", "http://a", ":"), c.mostly("null", `"1s"`, `"0s"`, `"-1s"`), c.mostly("null", "0", "5", "-1"))
		}
		return c.of(`{"identity":{}}`, `{"aescbc":{"keys":`+c.list(2, key(k16, k24, k32))+`}}`, `{"aesgcm":{"keys":`+c.list(2, key(k16, k24, k32))+`}}`,
			`{"secretbox":{"keys":`+c.list(2, key(k32, zero32))+`}}`, `{"kms":`+kms()+`}`, c.mostly(`{"identity":{}}`, `{}`, `{"identity":{},"kms":`+kms()+`}`))
	}
	resources := func() string {
		return c.mostly(c.of(`["secrets"]`, `["secrets","configmaps"]`, `["pandas.bears.example"]`, `["*."]`, `["*.*"]`, `["*.apps"]`),
			`[]`, `["Secrets"]`, `["*"]`, `["secrets","*."]`, `["secrets","secrets"]`, `["*.*","a"]`, `["serviceipallocations"]`, `["events.events.k8s.io"]`,
			`["a.extensions"]`, `["secrets.*"]`, `["*.apps","deployments.apps"]`, `["*.apps","*."]`, `["a.b","*.apps"]`, `["*.*","*.*"]`)
	}
	sameVerdict(t, 8000, func() string {
		return `{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration","resources":` + c.list(2, func() string {
			return `{"resources":` + resources() + `,"providers":` + c.mostly(c.list(2, provider), "[]") + `}`
		}) + `}`
	}, func(text []byte) error {
		obj, _, err := encryptionCodecs.UniversalDecoder().Decode(text, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		conf := obj.(*apiserver.EncryptionConfiguration)
		if err := apiservervalidation.ValidateEncryptionConfiguration(conf, false).ToAggregate(); err != nil {
			return err
		}
		return masked(conf)
	})
}

// masked is the rule of getTransformerOverridesAndKMSPluginProbes (pkg/server/options/encryptionconfig/config.go), which starts
// plugins besides and cannot be called.
func masked(c *apiserver.EncryptionConfiguration) error {
	seen := map[string]bool{}
	for _, r := range c.Resources {
		for _, name := range r.Resources {
			_, group, _ := strings.Cut(name, ".")
			if seen["*."+group] || seen["*.*"] {
				return fmt.Errorf("%s is masked", name)
			}
			seen[strings.TrimSuffix(name, ".")+map[bool]string{true: "."}[strings.HasSuffix(name, ".")]] = true
		}
	}
	return nil
}

func TestConfigProblemsOfAudit(t *testing.T) {
	c := choices{rand.New(rand.NewPCG(4, 7))}
	stages := func() string {
		return c.list(1, func() string { return c.mostly(`"RequestReceived"`, `"Panic"`, `"x"`) })
	}
	sameVerdict(t, 4000, func() string {
		return `{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":` + stages() + `,"rules":` + c.list(3, func() string {
			return fmt.Sprintf(`{"level":"%s","omitStages":%s,"nonResourceURLs":%s,"resources":%s,"namespaces":%s}`, c.mostly("Metadata", "None", "Request", "RequestResponse", "", "all"), stages(),
				c.mostly("[]", `["/a*"]`, `["*"]`, `["a"]`, `["/a*b"]`, `[""]`), c.mostly("[]", `[{"group":""}]`, `[{"group":"*"}]`, `[{"group":"apps/v1"}]`, `[{"resourceNames":["a"]}]`, `[{"resources":["a"],"resourceNames":["a"]}]`),
				c.mostly("[]", `["a"]`))
		}) + `}`
	}, func(text []byte) error {
		_, err := policy.LoadPolicyFromBytes(text)
		return err
	})
}
