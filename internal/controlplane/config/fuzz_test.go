package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nist190/nist190/internal/rawjson"
)

// planted is a key that must not come out again.
const planted = "PlAnTeDkEy"

// fuzzKinds are the kinds that FuzzConfiguration reads by the number of its first argument. New ones go to the end: the
// corpus counts on their places.
var fuzzKinds = [][2]string{
	{"apiserver.config.k8s.io/v1", "AuthenticationConfiguration"},
	{"apiserver.config.k8s.io/v1", "AuthorizationConfiguration"},
	{"apiserver.config.k8s.io/v1", "EncryptionConfiguration"},
	{"apiserver.config.k8s.io/v1", "AdmissionConfiguration"},
	{"audit.k8s.io/v1", "Policy"},
	{"kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"},
	{"kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"},
	{"kubeadm.k8s.io/v1", "ClusterConfiguration"},
	{"kubeadm.k8s.io/v1beta4", "InitConfiguration"},
	{"kubeadm.k8s.io/v1beta4", "JoinConfiguration"},
	{"kubeadm.k8s.io/v1beta3", "ClusterConfiguration"},
	{"kubeadm.k8s.io/v1beta3", "InitConfiguration"},
	{"kubeadm.k8s.io/v1beta3", "JoinConfiguration"},
	{"v1", "Config"},
}

// fuzzSeeds are the members of a document, by kind.
var fuzzSeeds = map[string][]string{
	"AuthenticationConfiguration": {`"jwt":[{"issuer":{"url":"https://` + planted + `@a?b","audiences":["a"],"certificateAuthority":"` + planted + `"},"claimMappings":{"username":{"claim":"sub","prefix":""},"extra":[{"key":"a.b/c","valueExpression":"claims.a"}]},"claimValidationRules":[{"expression":"` + planted + `"}]}],"anonymous":{"enabled":true,"conditions":[{"path":"/livez"}]}`},
	"AuthorizationConfiguration":  {`"authorizers":[{"type":"Webhook","name":"a","webhook":{"timeout":"` + planted + `","authorizedTTL":"5m","failurePolicy":"Deny","connectionInfo":{"type":"KubeConfigFile","kubeConfigFile":"/a"},"matchConditions":[{"expression":"true"}]}},{"type":"RBAC","name":"rbac"}]`},
	"EncryptionConfiguration": {`"resources":[{"resources":["secrets","*.apps"],"providers":[{"aescbc":{"keys":[{"name":"a","secret":"` + planted + `"}]}},{"kms":{"name":"k","apiVersion":"v2","endpoint":"unix:///a","timeout":"3s"}},{"identity":{}}]}]`,
		`"resources":[{"providers":[{"secretbox":{"keys":[{"secret":{"a":"` + planted + `"}},{"secret":["` + planted + `"],"secret":"` + planted + `"}]}}]}],"secret":"` + planted + `"`},
	"AdmissionConfiguration":     {`"plugins":[{"name":"PodSecurity","configuration":{"kind":"PodSecurityConfiguration"}},{"name":"EventRateLimit","path":"/` + planted + `"}]`},
	"Policy":                     {`"rules":[{"level":"Metadata","resources":[{"group":"","resources":["secrets"]}],"omitStages":["RequestReceived"]},{"level":"` + planted + `","nonResourceURLs":["/a*b"]}]`},
	"KubeletConfiguration":       {`"authentication":{"anonymous":{"enabled":false},"webhook":{"cacheTTL":"` + planted + `"}},"staticPodURLHeader":{"Authorization":["` + planted + `"]},"registerWithTaints":[{"key":"a","effect":"NoSchedule","timeAdded":"` + planted + `"}],"reservedMemory":[{"limits":{"memory":"` + planted + `"}}],"logging":{"flushFrequency":5}`},
	"KubeSchedulerConfiguration": {`"profiles":[{"schedulerName":"a","plugins":{"filter":{"enabled":[{"name":"EBSLimits"}]}},"pluginConfig":[{"name":"NodeAffinity","args":{"addedAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]}]}}}}]}],"extenders":[{"tlsConfig":{"keyData":"` + planted + `"}}]`},
	"ClusterConfiguration":       {`"kubernetesVersion":"v1.37.0","apiServer":{"extraArgs":[{"name":"a","value":"b","mergeMethod":"append"}]},"etcd":{"local":{"dataDir":"/a"}}`, `"apiServer":{"extraArgs":{"a":"b"},"timeoutForControlPlane":"4m"}`},
	"InitConfiguration":          {`"bootstrapTokens":[{"token":"` + planted + `","ttl":"24h"}],"nodeRegistration":{"kubeletExtraArgs":{"a":"b"},"taints":null},"certificateKey":"` + planted + `"`},
	"JoinConfiguration":          {`"discovery":{"bootstrapToken":{"token":"` + planted + `","unsafeSkipCAVerification":true},"tlsBootstrapToken":"` + planted + `","timeout":"5m"}`},
	"Config":                     {`"users":[{"name":"a","user":{"token":"` + planted + `","client-key-data":"` + planted + `","auth-provider":{"name":"oidc","config":{"id-token":"` + planted + `"}},"exec":{"command":"c","env":[{"name":"A","value":"` + planted + `"}]}}}],"clusters":[{"cluster":{"certificate-authority-data":"` + planted + `"}}]`},
}

// FuzzConfiguration reads documents of every kind, as JSON and as YAML.
func FuzzConfiguration(f *testing.F) {
	for i, k := range fuzzKinds {
		for _, seed := range fuzzSeeds[k[1]] {
			f.Add(byte(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, n byte, members string) {
		k := fuzzKinds[int(n)%len(fuzzKinds)]
		text := []byte(`{"apiVersion":"` + k[0] + `","kind":"` + k[1] + `",` + members + `}`)
		readAndCheck(t, text, members)
		readAndCheck(t, []byte("apiVersion: "+k[0]+"\nkind: "+k[1]+"\n"+members), members)
	})
}

func readAndCheck(t *testing.T, text []byte, members string) {
	var said []string
	check := func(doc Document, warnings []*Fault, err error) {
		if (doc == nil) == (err == nil) {
			t.Fatalf("document %v with error %v", doc, err)
		}
		if err != nil {
			said = append(said, err.Error())
		}
		said = append(said, lines(warnings))
		if doc == nil {
			return
		}
		said = append(said, lines(doc.Problems()))
		again, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, isConfig := doc.(*Kubeconfig); isConfig && !strings.Contains(members, "extension") {
			checkPayloads(t, again)
		}
	}
	if json.Valid(text) {
		check(Decode(text))
	}
	for p := range Text(text) {
		check(p.Document, p.Warnings, p.Err)
	}
	if strings.Contains(strings.Join(said, "\n"), planted) && !inKey(members) {
		t.Fatalf("said %q", said)
	}
}

// checkPayloads looks for the planted key where a kubeconfig holds credentials.
func checkPayloads(t *testing.T, doc []byte) {
	var c struct {
		Users []struct {
			User map[string]json.RawMessage `json:"user"`
		} `json:"users"`
	}
	if err := json.Unmarshal(doc, &c); err != nil {
		t.Fatal(err)
	}
	for _, u := range c.Users {
		for _, name := range []string{"token", "password", "client-key-data"} {
			if strings.Contains(string(u.User[name]), planted) {
				t.Fatalf("%s is left: %s", name, u.User[name])
			}
		}
	}
}

// inKey tells whether the planted key may stand where a name is: of a field, or of the kind.
func inKey(members string) bool {
	if strings.Contains(strings.ToLower(members), "kind") || strings.Contains(strings.ToLower(members), "apiversion") {
		return true
	}
	for _, text := range []string{"{" + members + "}", members} {
		if keyHolds([]byte(text)) || slices.ContainsFunc(nodesOf(text), inNodeKey) {
			return true
		}
	}
	return strings.Contains(members, planted+":")
}

// nodesOf are the documents of a text, as far as they can be parsed.
func nodesOf(text string) (out []*yaml.Node) {
	defer func() { _ = recover() }() // the parser's own panics cost a look
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		n := new(yaml.Node)
		if d.Decode(n) != nil {
			return out
		}
		out = append(out, n)
	}
}

func inNodeKey(n *yaml.Node) bool {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && strings.Contains(c.Value, planted) || inNodeKey(c) {
			return true
		}
	}
	return false
}

func keyHolds(value []byte) bool {
	for key, v := range rawjson.Members(value) {
		if strings.Contains(key, planted) || keyHolds(v) {
			return true
		}
	}
	for _, v := range rawjson.Elements(value) {
		if keyHolds(v) {
			return true
		}
	}
	return false
}

// Each seed has something to refuse or to describe, and is read.
func TestFuzzSeeds(t *testing.T) {
	read := map[string]bool{}
	for _, k := range fuzzKinds {
		for _, seed := range fuzzSeeds[k[1]] {
			text := []byte(`{"apiVersion":"` + k[0] + `","kind":"` + k[1] + `",` + seed + `}`)
			readAndCheck(t, text, seed)
			if doc, _, err := Decode(text); err == nil || doc == nil && len(Faults(err)) > 0 {
				read[k[1]] = true
			}
		}
		if !read[k[1]] {
			t.Errorf("%s: no seed", k[1])
		}
	}
	if got := len(read); got != len(fuzzSeeds) || slices.Contains([]int{0}, got) {
		t.Errorf("%d kinds", got)
	}
}
