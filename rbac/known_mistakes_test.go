package rbac_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Rights that other tools read wrongly: what a rule gives, and what it only seems to give.
func TestKnownMistakes(t *testing.T) {
	type grant struct{ role, rules, in string } // a ClusterRole bound in the namespace, "" for the cluster; Role where role says so
	cluster := func(rules string) []grant { return []grant{{rules: rules}} }
	local := func(rules string) []grant { return []grant{{rules: rules, in: "shop"}} }
	const core = `apiGroups: [""]`
	for name, tt := range map[string]struct {
		grants []grant
		minor  int
		check  string
		want   bool
	}{
		"a subresource for every resource but not by a wildcard in it": {cluster(`{` + core + `, resources: ["pods/*"], verbs: [create]}`), 37, "rbac-pod-exec", false},
		"*/* is no resource":                              {cluster(`{apiGroups: ["*"], resources: ["*/*"], verbs: ["*"]}`), 37, "rbac-pod-exec", false},
		"*/exec":                                          {cluster(`{` + core + `, resources: ["*/exec"], verbs: [create]}`), 37, "rbac-pod-exec", true},
		"exec in the core group":                          {cluster(`{` + core + `, resources: [pods/exec], verbs: [create]}`), 37, "rbac-pod-exec", true},
		"exec in a group named core":                      {cluster(`{apiGroups: [core], resources: [pods/exec], verbs: [create]}`), 37, "rbac-pod-exec", false},
		"get of exec opened a shell":                      {cluster(`{` + core + `, resources: [pods/exec], verbs: [get]}`), 34, "rbac-pod-exec", true},
		"get of exec opens none since 1.35":               {cluster(`{` + core + `, resources: [pods/exec], verbs: [get]}`), 35, "rbac-pod-exec", false},
		"get of attach opened a shell":                    {cluster(`{` + core + `, resources: [pods/attach], verbs: [get]}`), 34, "rbac-pod-exec", true},
		"delete of exec is nothing":                       {cluster(`{` + core + `, resources: [pods/exec], verbs: [delete]}`), 34, "rbac-pod-exec", false},
		"get of portforward reached ports":                {cluster(`{` + core + `, resources: [pods/portforward], verbs: [get]}`), 34, "rbac-pod-proxy", true},
		"get of portforward reaches none since 1.35":      {cluster(`{` + core + `, resources: [pods/portforward], verbs: [get]}`), 35, "rbac-pod-proxy", false},
		"get of nodes/proxy runs commands":                {cluster(`{` + core + `, resources: [nodes/proxy], verbs: [get]}`), 37, "rbac-node-proxy", true},
		"nodes have no namespace":                         {local(`{` + core + `, resources: [nodes/proxy], verbs: ["*"]}`), 37, "rbac-node-proxy", false},
		"webhooks have no namespace":                      {local(`{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [update]}`), 37, "rbac-webhook-write", false},
		"patch of a webhook":                              {cluster(`{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [patch]}`), 37, "rbac-webhook-write", true},
		"users have no namespace":                         {local(`{` + core + `, resources: [users, groups], verbs: [impersonate]}`), 37, "rbac-impersonate", false},
		"impersonation in the core group":                 {cluster(`{` + core + `, resources: [users], verbs: [impersonate]}`), 37, "rbac-impersonate", true},
		"uids are of another group":                       {cluster(`{` + core + `, resources: [uids], verbs: [impersonate]}`), 37, "rbac-impersonate-attributes", false},
		"uids":                                            {cluster(`{apiGroups: [authentication.k8s.io], resources: [uids], verbs: [impersonate]}`), 37, "rbac-impersonate-attributes", true},
		"a namespace is in itself":                        {local(`{` + core + `, resources: [namespaces], verbs: [patch]}`), 37, "rbac-namespace-write", true},
		"a name does not limit to nothing":                {cluster(`{` + core + `, resources: [secrets], verbs: [list], resourceNames: [""]}`), 37, "rbac-secret-read", true},
		"a name limits a list":                            {cluster(`{` + core + `, resources: [secrets], verbs: [list], resourceNames: [one]}`), 37, "rbac-secret-read", false},
		"a star is a name":                                {cluster(`{` + core + `, resources: [secrets], verbs: [get, list], resourceNames: ["*"]}`), 37, "rbac-secret-read", false},
		"watch reads":                                     {cluster(`{` + core + `, resources: [secrets], verbs: [watch]}`), 37, "rbac-secret-read", true},
		"delete does not":                                 {cluster(`{` + core + `, resources: [secrets], verbs: [delete]}`), 37, "rbac-secret-read", false},
		"a verb is matched as a whole":                    {cluster(`{` + core + `, resources: [secrets], verbs: ["get*"]}`), 37, "rbac-secret-read", false},
		"escalate on cluster roles":                       {cluster(`{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [escalate, update]}`), 37, "rbac-escalate-cluster-roles", true},
		"escalate without a way to write":                 {cluster(`{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [escalate]}`), 37, "rbac-escalate-cluster-roles", false},
		"bind is of roles, not of bindings":               {cluster(`{apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [bind, create]}`), 37, "rbac-bind-cluster-roles", false},
		"bind and create in one rule list":                {cluster(`{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles, clusterrolebindings], verbs: [bind, create]}`), 37, "rbac-bind-cluster-roles", true},
		"bind and create in two bindings":                 {[]grant{{rules: `{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]}`}, {rules: `{apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [create]}`}}, 37, "rbac-bind-cluster-roles", true},
		"workloads are of the group apps":                 {cluster(`{` + core + `, resources: [deployments], verbs: [create]}`), 37, "rbac-workload-write", false},
		"a deployment":                                    {cluster(`{apiGroups: [apps], resources: [deployments], verbs: [create]}`), 37, "rbac-workload-write", true},
		"a cron job":                                      {cluster(`{apiGroups: [batch], resources: [cronjobs], verbs: [patch]}`), 37, "rbac-workload-write", true},
		"every resource gives no URL":                     {cluster(`{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}`), 37, "rbac-wildcard-url", false},
		"every URL":                                       {cluster(`{nonResourceURLs: ["/*"], verbs: [get]}`), 37, "rbac-wildcard-url", true},
		"a URL by a role binding":                         {local(`{nonResourceURLs: ["*"], verbs: ["*"]}`), 37, "rbac-wildcard-url", false},
		"every core resource is as much as cluster-admin": {cluster(`{` + core + `, resources: ["*"], verbs: ["*"]}`), 37, "rbac-core-admin", true},
		"aws-auth without its name":                       {[]grant{{role: "Role", rules: `{` + core + `, resources: [configmaps], verbs: [update]}`, in: "kube-system"}}, 37, "rbac-system-config-write", true},
		"another configuration":                           {[]grant{{role: "Role", rules: `{` + core + `, resources: [configmaps], verbs: [update], resourceNames: [mine]}`, in: "kube-system"}}, 37, "rbac-system-config-write", false},
		"a config map elsewhere":                          {local(`{` + core + `, resources: [configmaps], verbs: [update]}`), 37, "rbac-system-config-write", false},
		"a name limits tokens":                            {local(`{` + core + `, resources: [serviceaccounts/token], verbs: [create], resourceNames: [one]}`), 37, "rbac-token-request", false},
		"all signers are not those named *":               {cluster(`{apiGroups: [certificates.k8s.io], resources: [signers], verbs: [sign], resourceNames: ["*"]}, {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/status], verbs: [update]}`), 37, "rbac-csr-sign", false},
		"signers of a domain":                             {cluster(`{apiGroups: [certificates.k8s.io], resources: [signers], verbs: [sign], resourceNames: ["kubernetes.io/*"]}, {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/status], verbs: [update]}`), 37, "rbac-csr-sign", true},
		"the log of a Pod cannot be deleted":              {cluster(`{` + core + `, resources: [pods/log], verbs: [delete]}`), 37, "rbac-event-delete", false},
		"a name that begins with system: is no exemption": {[]grant{{role: "system:mine", rules: `{` + core + `, resources: [secrets], verbs: [get, list]}`}}, 37, "rbac-secret-read", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var objects []any
			add := func(text string) {
				b, err := yaml.YAMLToJSON([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				objects = append(objects, json.RawMessage(b))
			}
			for i, g := range tt.grants {
				kind, namespace, role := "ClusterRole", "", fmt.Sprintf("r%d", i)
				switch g.role {
				case "":
				case "Role":
					kind, namespace = "Role", g.in
				default:
					role = g.role
				}
				binding := "ClusterRoleBinding"
				if g.in != "" {
					binding = "RoleBinding"
				}
				add(fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: %s, metadata: {name: "%s", namespace: "%s"}, rules: [%s]}`, kind, role, namespace, g.rules))
				// The first subject is a group: one that ends the search for others would lose the account.
				add(fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: %s, metadata: {name: b%d, namespace: "%s"}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: "%s"}, subjects: [{kind: Group, name: devs}, {kind: ServiceAccount, name: x, namespace: elsewhere}]}`, binding, i, g.in, kind, role))
			}
			subjects := ""
			for _, f := range failuresOf(t, tt.minor, objects...) {
				if f.Check.ID == tt.check {
					subjects += f.Message + "\n"
				}
			}
			if got := subjects != ""; got != tt.want {
				t.Errorf("%s: %v, want %v: %s", tt.check, got, tt.want, subjects)
			}
			if tt.want && (!strings.Contains(subjects, `"devs"`) || !strings.Contains(subjects, `"elsewhere/x"`)) {
				t.Errorf("%s names %s", tt.check, subjects)
			}
		})
	}
}
