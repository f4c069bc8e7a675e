package authn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

func TestDirectoryOf(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/72f988bf/v2.0":           "Microsoft Entra ID (72f988bf)",
		"https://login.microsoftonline.com/common/v2.0":             "Microsoft Entra ID shared",
		"https://sts.windows.net/72f988bf/":                         "Microsoft Entra ID (72f988bf)",
		"https://accounts.google.com":                               "Google shared",
		"https://corp.okta.com/oauth2/default":                      "Okta (corp.okta.com)",
		"https://sso.example.com/realms/corp":                       "Keycloak (corp)",
		"https://sso.example.com/auth/realms/corp/":                 "Keycloak (corp)",
		"https://token.actions.githubusercontent.com":               "GitHub Actions shared machines",
		"https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE":       "an EKS cluster (oidc.eks.eu-west-1.amazonaws.com) machines",
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc": "Amazon Cognito (eu-west-1_abc)",
		"https://okta.com.example.net":                              "unknown",
		"https://login.microsoftonline.com.example.net/common":      "unknown",
		"https://login.example.com":                                 "unknown",
		"::":                                                        "unknown",
	} {
		d := authn.DirectoryOf(issuer)
		got := d.String()
		if d.Shared {
			got += " shared"
		}
		if d.Machines {
			got += " machines"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", issuer, got, want)
		}
	}
}

func TestReadDirectory(t *testing.T) {
	for name, text := range map[string]string{
		"comma":        "userName,active\nAlice@example.com,true\nbob@example.com,false\n",
		"semicolon":    "UserPrincipalName;AccountEnabled;displayName\nalice@example.com;True;x\nbob@example.com;False;y\n",
		"suspended":    "\ufeffprimaryEmail,suspended\nalice@example.com,FALSE\nbob@example.com,TRUE\n",
		"status":       "login,status\nalice@example.com,ACTIVE\nbob@example.com,DEPROVISIONED\n",
		"scim":         `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Resources":[{"userName":"a1","emails":[{"value":"alice@example.com"}],"active":true},{"userName":"bob@example.com","active":false}]}`,
		"list":         `[{"userName":"alice@example.com"},{"userName":"bob@example.com","active":false}]`,
		"short row":    "userName,active\nalice@example.com\nbob@example.com,false\n",
		"listed twice": "userName,active\nalice@example.com,false\nalice@example.com,true\nbob@example.com,no\n",
	} {
		t.Run(name, func(t *testing.T) {
			e, err := authn.ReadDirectory(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			list := accountsOf(t, `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: alice@example.com}
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: bob@example.com}
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: carol@example.com}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: team}
`, authn.DirectoryExport.Set(e))
			for who, want := range map[string]authn.DirectoryEntry{"alice@example.com": authn.Listed, "bob@example.com": authn.Disabled, "carol@example.com": authn.Unlisted, "team": ""} {
				if got := list[who].Entry; got != want {
					t.Errorf("%s: %q, want %q", who, got, want)
				}
			}
		})
	}
	const secret = "hunter2-do-not-quote"
	for name, text := range map[string]string{
		"empty": "  ", "no header": secret + ",x\n", "broken JSON": `{"Resources": [` + secret, "wrong type": `{"Resources": "` + secret + `"}`,
		"nobody": "userName\n", "quotes": "userName\n\"" + secret,
	} {
		if _, err := authn.ReadDirectory(strings.NewReader(text)); err == nil && name != "quotes" || err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func accountsOf(t *testing.T, text string, settings ...inventory.Value) map[string]*authn.Account {
	t.Helper()
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "a.yaml", []byte(text)), settings...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := authn.AccountsOf(ctx, inv)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*authn.Account{}
	for _, a := range list {
		out[a.Name] = a
	}
	return out
}

func TestReadAuditEvents(t *testing.T) {
	const events = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestReceivedTimestamp":"2026-11-01T10:00:00.000000Z","user":{"username":"alice","groups":["ops","system:authenticated"]}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestReceivedTimestamp":"2026-11-03T10:00:00.000000Z","user":{"username":"alice"},"impersonatedUser":{"username":"bob","groups":["dev"]}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"2026-10-01T10:00:00Z","user":{"username":"alice"}}

no event
{"kind":"Pod","apiVersion":"v1"}
`
	uses, skipped, err := authn.ReadAuditEvents(strings.NewReader(events))
	if err != nil || skipped != 2 {
		t.Fatal(skipped, err)
	}
	list := accountsOf(t, `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: ops}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: dev}
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: carol}
`, authn.Uses.Set(uses))
	for who, want := range map[string]string{"alice": "2026-11-03", "bob": "2026-11-03", "ops": "2026-11-01", "dev": "2026-11-03", "carol": "0001-01-01"} {
		if got := list[who].LastUse.Format(time.DateOnly); got != want {
			t.Errorf("%s: %s, want %s", who, got, want)
		}
	}
}

func TestAccounts(t *testing.T) {
	list := accountsOf(t, `apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, labels: {component: kube-apiserver}}
spec:
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.37.2
    command: [kube-apiserver, "--authorization-mode=Node,RBAC", "--oidc-issuer-url=https://corp.okta.com", --oidc-client-id=k, "--oidc-username-prefix=okta:", --oidc-groups-claim=groups, "--oidc-groups-prefix=okta:"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "okta:admins"}, {kind: User, apiGroup: rbac.authorization.k8s.io, name: mallory}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: impersonator}
rules: [{apiGroups: [""], resources: [users, groups], verbs: [impersonate]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: impersonator}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "okta:eve"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: c, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: ci, namespace: shop}]
`)
	for who, want := range map[string]struct {
		class  string
		rights authn.Rights
		ways   string
	}{
		"okta:admins": {"group", authn.Administers, `token of an issuer "https://corp.okta.com"`},
		"mallory":     {"user", authn.Administers, ""},
		"okta:eve":    {"user", authn.Escalates, `token of an issuer "https://corp.okta.com"`},
	} {
		a := list[who]
		if a == nil || a.Class != want.class || a.Rights != want.rights || strings.Join(a.Ways, ",") != want.ways {
			t.Errorf("%s: %+v", who, a)
		}
	}
	if a := list["ci"]; a == nil || a.Class != "service account" || a.Rights != authn.Reader || a.Subject != rbac.ServiceAccount("shop", "ci") {
		t.Errorf("ci: %+v", a)
	}
	var rows [][]string
	all := []*authn.Account{list["okta:admins"], list["okta:eve"]}
	for r := range authn.Exhibit(all).Rows {
		rows = append(rows, r)
	}
	if len(rows) != 2 || len(rows[0]) != len(authn.Exhibit(nil).Columns) || rows[0][4] != "Okta (corp.okta.com)" {
		t.Errorf("%q", rows)
	}
}
