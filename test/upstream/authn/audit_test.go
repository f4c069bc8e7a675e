// Package authn compares the engines of package authn with the API server's own.
package authn

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

const auditedPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"kube-system"},"spec":{"containers":[{"name":"a",
"image":"kube-apiserver:v1.37.0","command":["kube-apiserver","--audit-policy-file=/etc/p.yaml","--audit-log-path=-"]}]}}`

// TestAuditAsUpstream asks random policies of random requests, and compares with the API server's evaluator. A policy that its
// loader refuses is known to nobody.
func TestAuditAsUpstream(t *testing.T) {
	refused, compared, levels := 0, 0, map[auditinternal.Level]int{}
	for seed := range uint64(1500) {
		rng := rand.New(rand.NewPCG(seed, 190))
		text, err := json.Marshal(auditPolicy(rng))
		if err != nil {
			t.Fatal(err)
		}
		ours := auditOf(t, text)
		loaded, err := policy.LoadPolicyFromBytes(text)
		if err != nil {
			refused++
			if _, why := ours.Evaluate(&authn.AuditQuestion{Verb: "get", Resource: "pods"}); why == "" {
				t.Errorf("upstream refuses it: %s: %v", text, err)
			}
			continue
		}
		evaluator := policy.NewPolicyRuleEvaluator(loaded)
		for range 40 {
			q := auditQuestion(rng)
			want := evaluator.EvaluatePolicyRule(attributes(q))
			got, why := ours.Evaluate(q)
			compared++
			levels[want.Level]++
			if why != "" || got.Level.String() != string(want.Level) || !sameStages(got.Omit, want.OmitStages) {
				t.Fatalf("seed %d: %+v: %s omits %v (%s), upstream %s omits %v: %s", seed, *q, got.Level, got.Omit, why, want.Level, want.OmitStages, text)
			}
		}
	}
	if refused < 20 || compared < 20000 || len(levels) != 4 {
		t.Errorf("%d refused, %d compared, levels %v", refused, compared, levels)
	}
}

func sameStages(got []string, want []auditinternal.Stage) bool {
	have, wanted := map[string]bool{}, map[string]bool{}
	for _, s := range got {
		have[s] = true
	}
	for _, s := range want {
		wanted[string(s)] = true
	}
	return maps.Equal(have, wanted)
}

var (
	users      = []string{"alice", "bob", "system:kube-proxy", "system:serviceaccount:kube-system:x"}
	groups     = []string{"system:authenticated", "system:nodes", "devs", "system:masters"}
	verbs      = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	namespaces = []string{"", "kube-system", "shop"}
	resources  = []string{"pods", "pods/exec", "secrets", "*", "pods/*", "*/scale", "deployments", "deployments/scale", "*/*", "deployments/*", "po*"}
	apiGroups  = []string{"", "apps", "*", "rbac.authorization.k8s.io"}
	urls       = []string{"*", "/healthz*", "/version", "/api*", "/healthz/ping"}
	names      = []string{"", "a", "b"}
	stages     = []string{"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"}
)

func some(rng *rand.Rand, of []string, most int) []string {
	n := rng.IntN(most + 1)
	var out []string
	for range n {
		out = append(out, of[rng.IntN(len(of))])
	}
	return out
}

func auditPolicy(rng *rand.Rand) map[string]any {
	var rules []any
	for range rng.IntN(6) {
		r := map[string]any{"level": []string{"None", "Metadata", "Request", "RequestResponse"}[rng.IntN(4)]}
		set := func(field string, of []string, odds int) {
			if rng.IntN(odds) == 0 {
				r[field] = some(rng, of, 2)
			}
		}
		set("users", users, 4)
		set("userGroups", groups, 4)
		set("verbs", verbs, 3)
		set("omitStages", stages, 3)
		if rng.IntN(4) == 0 {
			set("nonResourceURLs", urls, 1)
		}
		if r["nonResourceURLs"] == nil || rng.IntN(8) == 0 {
			set("namespaces", namespaces, 4)
			if rng.IntN(2) == 0 {
				var list []any
				for range rng.IntN(3) {
					g := map[string]any{"group": apiGroups[rng.IntN(len(apiGroups))], "resources": some(rng, resources, 3)}
					if rng.IntN(4) == 0 {
						g["resourceNames"] = some(rng, names[1:], 2)
					}
					list = append(list, g)
				}
				r["resources"] = list
			}
		}
		rules = append(rules, r)
	}
	out := map[string]any{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
	if rng.IntN(3) == 0 {
		out["omitStages"] = some(rng, stages, 2)
	}
	return out
}

func auditQuestion(rng *rand.Rand) *authn.AuditQuestion {
	pick := func(of []string) string { return of[rng.IntN(len(of))] }
	q := &authn.AuditQuestion{User: pick(users), Groups: some(rng, groups, 2), Verb: pick(verbs)}
	if rng.IntN(4) == 0 {
		q.Path = pick([]string{"/healthz", "/healthz/ping", "/version", "/apis", "/"})
		return q
	}
	q.Namespace, q.Name = pick(namespaces), pick(names)
	what := [][3]string{{"", "pods", ""}, {"", "pods", "exec"}, {"", "secrets", ""}, {"apps", "deployments", "scale"}, {"apps", "deployments", ""}, {"x.example", "pods", "scale"}}[rng.IntN(6)]
	q.Group, q.Resource, q.Subresource = what[0], what[1], what[2]
	return q
}

func attributes(q *authn.AuditQuestion) authorizer.Attributes {
	return authorizer.AttributesRecord{User: &user.DefaultInfo{Name: q.User, Groups: slices.Clone(q.Groups)}, Verb: q.Verb, Namespace: q.Namespace,
		APIGroup: q.Group, Resource: q.Resource, Subresource: q.Subresource, Name: q.Name, ResourceRequest: q.Path == "", Path: q.Path}
}

func auditOf(t *testing.T, text []byte) *authn.Audit {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, inventory.Sources(
		manifest.Bytes(manifest.Config{NoBootstrap: true}, "a.json", []byte(auditedPod)), manifest.Bytes(manifest.Config{NoBootstrap: true}, "etc/p.yaml", text)))
	if err != nil {
		t.Fatal(err)
	}
	a, err := authn.AuditOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
