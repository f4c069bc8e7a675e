package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = authorize(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), status
}

func TestReviews(t *testing.T) {
	in := `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"jane","resourceAttributes":{"verb":"list","resource":"pods","namespace":"shop"}}}
{"spec":{"user":"jane","resourceAttributes":{"verb":"list","resource":"pods"}}}{"spec":{"user":"jane"}}
{"spec":{"groups":["system:masters"],"nonResourceAttributes":{"verb":"get","path":"/metrics"}}}`
	out, errs, status := run(t, in, "-f", "testdata/shop.yaml")
	var answers []string
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		answers = append(answers, line[strings.Index(line, `"status"`):])
	}
	want := []string{
		`"status":{"allowed":true,"reason":"RBAC: allowed by RoleBinding \"debug/shop\" of Role \"debug\" to User \"jane\""}}`,
		`"status":{"allowed":false}}`,
		`"status":{"allowed":false,"evaluationError":"spec: exactly one of nonResourceAttributes or resourceAttributes must be specified"}}`,
		`"status":{"allowed":true}}`,
	}
	if status != 0 || errs != "" || strings.Join(answers, "\n") != strings.Join(want, "\n") {
		t.Errorf("status %d, %s\n%s", status, errs, out)
	}
}

func TestTables(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{`-who-can|create pods/exec|-n|shop`, `
SUBJECT                              SCOPE           THROUGH                             ROLE                         RULE
Group "system:masters"               cluster         ClusterRoleBinding "cluster-admin"  ClusterRole "cluster-admin"  rule 0: * * of *
Group "system:serviceaccounts:shop"  namespace shop  RoleBinding "debug"                 Role "debug"                 rule 0: create pods/exec
User "jane"                          namespace shop  RoleBinding "debug"                 Role "debug"                 rule 0: create pods/exec
`},
		{`-lookup|jane`, `
SUBJECT      VIA                           SCOPE           THROUGH                                          ROLE
User "jane"  Group "system:authenticated"  cluster         ClusterRoleBinding "system:basic-user"           ClusterRole "system:basic-user"
User "jane"  Group "system:authenticated"  cluster         ClusterRoleBinding "system:discovery"            ClusterRole "system:discovery"
User "jane"  Group "system:authenticated"  cluster         ClusterRoleBinding "system:public-info-viewer"   ClusterRole "system:public-info-viewer"
User "jane"                                namespace shop  RoleBinding "debug"                              Role "debug"
`},
	} {
		out, errs, status := run(t, "", append([]string{"-f", "testdata/shop.yaml"}, strings.Split(tt.args, "|")...)...)
		if got, want := strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(tt.want), " "); status != 0 || got != want {
			t.Errorf("%s: status %d, %s\n%s", tt.args, status, errs, out)
		}
	}
	out, _, status := run(t, "", "-f", "testdata/shop.yaml", "-rules", "sa:shop/web", "-n", "shop", "-o", "json")
	if status != 0 || !strings.Contains(out, `{"subject":"ServiceAccount \"shop/web\"","via":"Group \"system:serviceaccounts:shop\"","namespace":"shop","binding":"RoleBinding \"debug\"","role":"Role \"debug\"","rule":"rule 0: create pods/exec"`) {
		t.Errorf("rules: %d\n%s", status, out)
	}
}

func TestMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"":                                   "-f PATH is required",
		"-f|testdata|extra":                  "unexpected argument",
		"-f|testdata|-who-can|a b|-lookup|c": "exclude one another",
		"-f|testdata|-o|yaml":                "text or json",
		"-f|testdata|-who-can|get":           "VERB RESOURCE",
		"-f|testdata|-lookup|sa:x":           "NAMESPACE/NAME",
		"-f|testdata/absent.yaml":            "no such file",
	} {
		_, errs, status := run(t, "", strings.FieldsFunc(args, func(r rune) bool { return r == '|' })...)
		if status != malfunction || !strings.Contains(errs, want) {
			t.Errorf("%s: %d, %s", args, status, errs)
		}
	}
	if _, errs, status := run(t, `{"spec":`, "-f", "testdata/shop.yaml"); status != malfunction || !strings.Contains(errs, "review 1") {
		t.Errorf("%d, %s", status, errs)
	}
}

// Questions about published manifests, whose answers were found by reading them.
func TestCorpus(t *testing.T) {
	corpus := filepath.Join("..", "..", "..", "shared", "corpus")
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("there is no ../shared/corpus")
	}
	// Who can, beside Kubernetes' own.
	for _, tt := range []struct{ in, ask, want string }{
		{"kube-prometheus", "get /metrics", "monitoring/prometheus-k8s"},
		{"kube-prometheus", "list nodes", "monitoring/kube-state-metrics monitoring/prometheus-adapter monitoring/prometheus-operator"},
		{"kube-prometheus", "create tokenreviews.authentication.k8s.io", "monitoring/blackbox-exporter monitoring/kube-state-metrics monitoring/node-exporter monitoring/prometheus-adapter monitoring/prometheus-operator"},
		{"kube-prometheus", "watch alertmanagers.monitoring.coreos.com", "monitoring/prometheus-operator"},
		{"kube-prometheus", "create pods/exec", ""},
		{"kubernetes-goat", "list secrets", "big-monolith/big-monolith-sa kube-system/superadmin"},
	} {
		out, errs, status := run(t, "", "-f", filepath.Join(corpus, tt.in), "-who-can", tt.ask, "-o", "json")
		if status != 0 {
			t.Fatalf("%s: %d, %s", tt.ask, status, errs)
		}
		var got []string
		for line := range strings.SplitSeq(out, "\n") {
			account, ok := strings.CutPrefix(line, `{"subject":"ServiceAccount \"`)
			account, _, _ = strings.Cut(account, `\"`)
			if ok && !ofKubernetes(account) && !strings.Contains(strings.Join(got, " "), account) {
				got = append(got, account)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: who can %s: %v, want %s", tt.in, tt.ask, got, tt.want)
		}
	}
	for _, tt := range []struct {
		in, user, verb, resource, namespace string
		want                                bool
	}{
		{"kube-prometheus", "system:serviceaccount:monitoring:prometheus-k8s", "list", "pods", "default", true},
		{"kube-prometheus", "system:serviceaccount:monitoring:prometheus-k8s", "list", "pods", "shop", false},
		{"kubernetes-goat", "system:serviceaccount:big-monolith:big-monolith-sa", "get", "secrets", "big-monolith", true},
		{"kubernetes-goat", "system:serviceaccount:big-monolith:big-monolith-sa", "get", "secrets", "kube-system", false},
		{"kubernetes-goat", "system:serviceaccount:kube-system:superadmin", "delete", "nodes", "", true},
	} {
		review := fmt.Sprintf(`{"spec":{"user":%q,"resourceAttributes":{"verb":%q,"resource":%q,"namespace":%q}}}`, tt.user, tt.verb, tt.resource, tt.namespace)
		out, errs, status := run(t, review, "-f", filepath.Join(corpus, tt.in))
		if got := strings.Contains(out, `"allowed":true`); status != 0 || got != tt.want {
			t.Errorf("%s: %s: %v\n%s", tt.in, review, got, errs)
		}
	}
}

// ofKubernetes are the accounts of controllers, which the bootstrap policy gives what is asked for here.
func ofKubernetes(account string) bool {
	return strings.HasPrefix(account, "kube-system/") && account != "kube-system/superadmin"
}
