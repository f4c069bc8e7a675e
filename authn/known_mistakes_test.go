package authn_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory/manifest"
)

// pod is an API server with flags, as a static pod, and what else there is.
func pod(rest string, command ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver-a, namespace: kube-system, labels: {component: kube-apiserver}}\nspec:\n  containers:\n  - name: kube-apiserver\n    image: registry.k8s.io/kube-apiserver:v1.37.2\n    command:\n")
	for _, c := range command {
		b.WriteString("    - '" + strings.ReplaceAll(c, "'", "''") + "'\n")
	}
	if rest != "" {
		b.WriteString("---\n" + rest)
	}
	return b.String()
}

const authenticationHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"

// TestKnownMistakes are verdicts that other tools, or a reading of a flag by its presence, get wrong.
func TestKnownMistakes(t *testing.T) {
	const nodes = `apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {eks.amazonaws.com/nodegroup: a}}
spec: {providerID: "aws:///a/i-0"}
status: {nodeInfo: {kubeletVersion: v1.34.2-eks-ecaa3a6}}
`
	for _, tt := range []struct {
		name, check, text string
		want              nist190.Status
	}{
		{"AuthorizationConfiguration has the modes", "authn-authorization-mode",
			pod("apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]\n", "kube-apiserver", "--authorization-config=/etc/a.yaml"), nist190.Pass},
		{"AuthorizationConfiguration without RBAC", "authn-authorization-mode",
			pod("apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{type: Node, name: node}]\n", "kube-apiserver", "--authorization-config=/etc/a.yaml"), nist190.Fail},
		{"no mode allows everything", "authn-authorization-mode", pod("", "kube-apiserver", "--client-ca-file=/etc/ca.crt"), nist190.Fail},
		{"a mode that contains RBAC as a part of a word", "authn-authorization-mode", pod("", "kube-apiserver", "--authorization-mode=NoRBAC"), nist190.NotAssessed},
		{"a wrapper of a shell", "authn-authorization-mode", pod("", "sh", "-c", "exec kube-apiserver --authorization-mode=Node,RBAC"), nist190.Pass},
		{"underscores", "authn-static-credential", pod("", "kube-apiserver", "--authorization_mode=RBAC", "--token_auth_file", "/etc/t.csv"), nist190.Fail},
		{"an empty value turns it off", "authn-static-credential", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--token-auth-file="), nist190.Pass},
		{"the last value counts", "authn-token-extension", pod("", "kube-apiserver", "--service-account-extend-token-expiration=false", "--service-account-extend-token-expiration"), nist190.Fail},
		{"anonymous with no more than public rights", "authn-anonymous-requests", pod("", "kube-apiserver", "--authorization-mode=Node,RBAC", "--anonymous-auth=true"), nist190.Pass},
		{"anonymous off in a file", "authn-anonymous-requests", pod(authenticationHead+"anonymous: {enabled: false}\n", "kube-apiserver", "--authorization-mode=Node,RBAC", "--authentication-config=/etc/a.yaml"), nist190.Pass},
		{"a file that says nothing of anonymous", "authn-anonymous-requests", pod(authenticationHead, "kube-apiserver", "--authorization-mode=Node,RBAC", "--authentication-config=/etc/a.yaml", "--anonymous-auth=false"), nist190.Pass},
		{"flag and field together do not start", "authn-anonymous-requests", pod(authenticationHead+"anonymous: {enabled: false}\n", "kube-apiserver", "--authorization-mode=Node,RBAC", "--authentication-config=/etc/a.yaml", "--anonymous-auth=false"), nist190.NotAssessed},
		{"a flag whose file is not there", "authn-anonymous-requests", pod("", "kube-apiserver", "--authorization-mode=Node,RBAC", "--authentication-config=/etc/other.yaml"), nist190.NotAssessed},
		{"a managed cluster does not pass unseen", "authn-static-credential", nodes, nist190.NotAssessed},
		{"a managed cluster does not fail unseen", "authn-token-extension", nodes, nist190.NotAssessed},
		{"usernames are prefixed by the issuer", "authn-identity-collision", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--oidc-issuer-url=https://x", "--oidc-client-id=k"), nist190.Pass},
		{"a dash is no prefix", "authn-identity-collision", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--oidc-issuer-url=https://x", "--oidc-client-id=k", "--oidc-username-prefix=-"), nist190.Fail},
		{"groups have no prefix of their own", "authn-identity-collision", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--oidc-issuer-url=https://x", "--oidc-client-id=k", "--oidc-groups-claim=g"), nist190.Fail},
		{"half of OpenID Connect is none", "authn-single-sign-on", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--oidc-issuer-url=https://x"), nist190.Fail},
		{"the front proxy of the aggregation layer is no single sign-on", "authn-single-sign-on", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--requestheader-client-ca-file=/etc/f.crt", "--requestheader-allowed-names=front-proxy-client"), nist190.Fail},
		{"a list is no text", "authn-multi-factor", pod("", "kube-apiserver", "--authorization-mode=RBAC", "--oidc-issuer-url=https://x", "--oidc-client-id=k", "--oidc-required-claim=amr=mfa"), nist190.NotAssessed},
		{"keys of aws-auth have their case", "authn-aws-auth-ineffective", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata: {MapRoles: '[]'}\n", nist190.Fail},
		{"fields of aws-auth have none", "authn-aws-auth-ineffective", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata: {mapUsers: '[{USERARN: \"arn:aws:iam::1:user/a\"}]'}\n", nist190.Pass},
		{"a group that is indented too far", "authn-aws-auth-ineffective", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata:\n  mapRoles: |\n    - rolearn: arn:aws:iam::1:role/n\n      groups:\n        - system:bootstrappers\n          - system:nodes\n", nist190.Fail},
		{"another ConfigMap of that name", "authn-aws-auth-account", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: shop}\ndata: {mapAccounts: '[\"1\"]'}\n", nist190.NotApplicable},
		{"the SDK writes other names", "authn-aws-auth-mode", "Cluster:\n  Name: c\n  Arn: arn:aws:eks:eu-west-1:111122223333:cluster/c\n  Version: '1.34'\n  PlatformVersion: eks.1\n  Status: ACTIVE\n  AccessConfig: {AuthenticationMode: API}\n", nist190.Pass},
		{"a group in a description is whole", "authn-masters-identity", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata: {mapUsers: '[{userarn: \"arn:aws:iam::1:user/a\", groups: [\"x-system:masters\"]}]'}\n---\n" + nodes, nist190.Pass},
		{"the token of a placeholder", "authn-kubeconfig-credential", "{apiVersion: v1, kind: Config, clusters: [], contexts: [], current-context: '', users: [{name: a, user: {token: '${TOKEN}'}}]}\n", nist190.Pass},
		{"a configuration of another program", "authn-kubeconfig-credential", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n{apiVersion: example.com/v1, kind: Config, metadata: {name: c}, users: [{name: a, user: {token: t}}]}\n", nist190.NotApplicable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := slices.IndexFunc(authn.Checks(), func(c nist190.Check) bool { return c.Metadata().ID == tt.check })
			if i < 0 {
				t.Fatalf("no check %s", tt.check)
			}
			runner := nist190.Runner{Checks: authn.Checks()[i : i+1]}
			report, err := runner.Scan(context.Background(), manifest.Bytes(manifest.Config{}, "etc/a.yaml", []byte(tt.text)))
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Checks[0].Status; got != tt.want {
				t.Errorf("%s, want %s: %+v", got, tt.want, report.Checks[0].Findings)
			}
		})
	}
}
