package authn_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nist190/nist190"
)

// deviation is one deliberate change of a snapshot.
type deviation struct {
	file, old, new string    // a text of a file is replaced; without old the file is added
	also           [2]string // a second text of the file and what replaces it, where one alone decides nothing
	instead        string    // the description of another snapshot is taken instead of all files
	attest         bool      // a person states it
	fixture        string    // the check's own fixture is laid over the snapshot
	want           nist190.Status
}

// added are deviations that any cluster can have.
var added = map[string]deviation{
	"authn-admin-kubeconfig": {new: `apiVersion: v1
kind: Config
clusters: []
users:
- name: kubernetes-admin
  user: {client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJ5ekNDQVhHZ0F3SUJBZ0lVWnZCbFhMWC85T2hkeXlKQ3VwSjFwcVQvZmw4d0NnWUlLb1pJemowRUF3SXcKT2pFWE1CVUdBMVVFQ2d3T2MzbHpkR1Z0T20xaGMzUmxjbk14SHpBZEJnTlZCQU1NRm10MVltVnlibVYwWlhNdApjM1Z3WlhJdFlXUnRhVzR3SUJjTk1qWXhNVEkxTVRNeU9EQXpXaGdQTWpFeU5qRXhNREV4TXpJNE1ETmFNRG94CkZ6QVZCZ05WQkFvTURuTjVjM1JsYlRwdFlYTjBaWEp6TVI4d0hRWURWUVFEREJacmRXSmxjbTVsZEdWekxYTjEKY0dWeUxXRmtiV2x1TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFbnFTRURFdDN6SkJGdGwzZgp6SXB0Z0x5MWlvQ0VXZTNXVFBwZ0N0ekQ5bnZUUjUyNEhqMzc5eDdJQlBsbE4vVDdTRVRtdEVJQTd4OUJqaU96Cms5N3dUNk5UTUZFd0hRWURWUjBPQkJZRUZCdlZDSld5K3pzZm1XSWNCamI3SnlDWXdCRXlNQjhHQTFVZEl3UVkKTUJhQUZCdlZDSld5K3pzZm1XSWNCamI3SnlDWXdCRXlNQThHQTFVZEV3RUIvd1FGTUFNQkFmOHdDZ1lJS29aSQp6ajBFQXdJRFNBQXdSUUlnQk1UdHp1Q1dpL2duN3h0amZkTzdLVjExUVp5cDk2TmQ0RmpBNTNieXFuWUNJUURlClhJcE1kQU9WbTJKR0dGN2Q0MkpuSmgzYmNPRHRhZWVXeVhHTHNicWpRUT09Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K, client-key-data: a2V5LW9mLWEtdGVzdA==}
contexts: []
current-context: ""
`, want: nist190.Fail},
	"authn-kubeconfig-credential": {new: "{apiVersion: v1, kind: Config, clusters: [], contexts: [], current-context: '', users: [{name: ci, user: {token: token-of-a-test}}]}\n", want: nist190.Fail},
	"authn-kubeconfig-transport":  {new: "{apiVersion: v1, kind: Config, users: [], contexts: [], current-context: '', clusters: [{name: c, cluster: {server: 'https://x', insecure-skip-tls-verify: true}}]}\n", want: nist190.Fail},
	"authn-anonymous-requests": {new: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everybody}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:unauthenticated"}]
`, want: nist190.Fail},
	"authn-client-certificate": {new: `apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: alice}
spec: {signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWU1JR0FBZ0VBTUI0eEREQUtCZ05WQkFvTUEyUmxkakVPTUF3R0ExVUVBd3dGWVd4cFkyVXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVJCeVFlWFRvV0k1ckJCTk0xMUxCVWQzU01TOUpEb2djSy9VZU93CktVaDBtOSsybko1Zk45VitOa2ZTL3lBV0tqNUk2UXkvbXNMSnNDcXNWT2x5VlNud29BQXdDZ1lJS29aSXpqMEUKQXdJRFJ3QXdSQUlnVUdpaDZkU2U3YzU3ZjV2RnFkNTN1cFZXTEVueHZjUU9IN1YrQ0pDT0ZXSUNJRjdYVFBHdgppK1E1cEQ0M0tjUG9uUmhaTnExRTluZ2N6M2pxN0dPb3RBaWkKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==}
status: {conditions: [{type: Approved, status: "True", reason: a}]}
`, want: nist190.Fail},
	"authn-aws-auth-ineffective":         {new: iamMapping("{arn: [a]}"), want: nist190.Fail},
	"authn-aws-auth-session":             {new: iamMapping("{arn: 'arn:aws:iam::1:role/a', username: '{{SessionName}}'}"), want: nist190.Fail},
	"authn-masters-identity":             {new: iamMapping("{arn: 'arn:aws:iam::1:role/a', username: a, groups: ['system:masters']}"), want: nist190.Fail},
	"authn-aws-auth-account":             {new: "{apiVersion: v1, kind: ConfigMap, metadata: {name: aws-auth, namespace: kube-system}, data: {mapAccounts: '[\"1\"]'}}\n", want: nist190.Fail},
	"authn-local-password":               {new: "{apiVersion: config.openshift.io/v1, kind: OAuth, metadata: {name: cluster}, spec: {identityProviders: [{name: a, type: HTPasswd}]}}\n", want: nist190.Fail},
	"authn-service-account-token-secret": {new: "{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: t, namespace: a, annotations: {kubernetes.io/service-account.name: a}}}\n", want: nist190.Fail},
	"authn-projected-token-lifetime": {new: "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {containers: [{name: c, image: i}], volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 604800}}]}}]}}\n",
		want: nist190.Fail},
	"authn-orphan-account": {new: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bob}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}]
`, want: nist190.NotAssessed},
	"authn-emergency-access": {attest: true, want: nist190.Pass},
	"authn-multi-factor":     {attest: true, want: nist190.Pass},
	// What one vendor has another has not.
	"authn-aws-auth-mode":        {instead: "eks", want: nist190.Fail},
	"authn-cluster-creator":      {instead: "eks", want: nist190.Fail},
	"authn-public-endpoint":      {instead: "eks", want: nist190.Fail},
	"authn-cloud-administrators": {instead: "eks", want: nist190.Pass},
	"authn-local-account":        {instead: "aks", want: nist190.Fail},
	"authn-approved-directory":   {attest: true, want: nist190.Pass},
	// Of a hidden API server a person says what its vendor documents.
	"authn-authorization-mode":   {attest: true, want: nist190.Pass},
	"authn-authorizer-fail-open": {attest: true, want: nist190.Pass},
	"authn-front-proxy":          {attest: true, want: nist190.Pass},
	"authn-static-credential":    {attest: true, want: nist190.Pass},
	"authn-token-extension":      {attest: true, want: nist190.Pass},
	"authn-token-issuer":         {attest: true, want: nist190.Pass},
	"authn-token-lookup":         {attest: true, want: nist190.Pass},
	"authn-token-webhook":        {attest: true, want: nist190.Pass},
	"authn-identity-collision":   {attest: true, want: nist190.Pass},
	"authn-issuer-audience":      {attest: true, want: nist190.Pass},
	"authn-shared-issuer":        {attest: true, want: nist190.Pass},
	"authn-single-sign-on":       {instead: "kubeadm", want: nist190.Fail},
}

func iamMapping(spec string) string {
	return "{apiVersion: iamauthenticator.k8s.aws/v1alpha1, kind: IAMIdentityMapping, metadata: {name: a}, spec: " + spec + "}\n"
}

// withFlags adds a flag to the API server of kubeadm.
func withFlags(want nist190.Status, flags ...string) deviation {
	const after = "    - --secure-port=6443\n"
	var b strings.Builder
	for _, f := range flags {
		b.WriteString("    - --" + f + "\n")
	}
	return deviation{file: "apiserver.yaml", old: after, new: after + b.String(), want: want}
}

func oidc(want nist190.Status, issuer, audience string, more ...string) deviation {
	return withFlags(want, append([]string{"oidc-issuer-url=" + issuer, "oidc-client-id=" + audience}, more...)...)
}

// changed are deviations of one snapshot.
var changed = map[string]map[string]deviation{
	"kubeadm": {
		"authn-ephemeral-data":       {fixture: "fail.yaml", want: nist190.NotAssessed}, // nothing describes the disks of its nodes
		"authn-approved-directory":   oidc(nist190.NotAssessed, "https://login.example.com", "k"),
		"authn-authorization-mode":   {file: "apiserver.yaml", old: "=Node,RBAC", new: "=AlwaysAllow", want: nist190.Fail},
		"authn-authorizer-fail-open": {file: "apiserver.yaml", old: "=Node,RBAC", new: "=Webhook,RBAC", want: nist190.Fail},
		"authn-front-proxy":          {file: "apiserver.yaml", old: "allowed-names=front-proxy-client\n    - --requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt", new: "client-ca-file=/etc/kubernetes/pki/ca.crt", want: nist190.Fail},
		"authn-identity-collision":   oidc(nist190.Fail, "https://login.example.com", "k", "oidc-groups-claim=groups"),
		"authn-issuer-audience":      oidc(nist190.Fail, "https://login.example.com", "account"),
		"authn-shared-issuer":        oidc(nist190.Fail, "https://accounts.google.com", "k"),
		"authn-single-sign-on":       oidc(nist190.Pass, "https://login.example.com", "k"),
		"authn-static-credential":    withFlags(nist190.Fail, "token-auth-file=/etc/tokens.csv"),
		"authn-token-extension":      withFlags(nist190.Pass, "service-account-extend-token-expiration=false"),
		"authn-token-issuer":         {file: "apiserver.yaml", old: "issuer=https://kubernetes.default.svc.cluster.local", new: "issuer=api", want: nist190.Fail},
		"authn-token-lookup":         withFlags(nist190.Fail, "service-account-lookup=false"),
		"authn-token-webhook":        withFlags(nist190.Fail, "authentication-token-webhook-config-file=/etc/sso.yaml", "authentication-token-webhook-cache-ttl=1h"),
	},
	"kubeadm-hardened": {
		"authn-ephemeral-data":       {fixture: "fail.yaml", want: nist190.NotAssessed},                                                                // nothing describes the disks of its nodes
		"authn-anonymous-requests":   {file: "apiserver.yaml", old: "access/authentication.yaml", new: "access/other.yaml", want: nist190.NotAssessed}, // the file is not among the evidence
		"authn-authorization-mode":   {file: "access/authorization.yaml", old: "{type: RBAC, name: rbac}", new: "{type: ABAC, name: abac}", want: nist190.Fail},
		"authn-authorizer-fail-open": {file: "access/authorization.yaml", old: "- {type: RBAC, name: rbac}", new: "- {type: Webhook, name: w, webhook: {timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: NoOpinion, connectionInfo: {type: InClusterConfig}}}\n- {type: RBAC, name: rbac}", want: nist190.Fail},
		"authn-front-proxy":          {file: "apiserver.yaml", old: "allowed-names=front-proxy-client\n    - --requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt", new: "client-ca-file=/etc/kubernetes/pki/ca.crt", want: nist190.Fail},
		"authn-identity-collision":   {file: "access/authentication.yaml", old: "groups: {claim: groups, prefix: \"sso:\"}", new: "groups: {claim: groups, prefix: \"\"}", want: nist190.Fail},
		"authn-issuer-audience":      {file: "access/authentication.yaml", old: "[kubernetes-production]", new: "[account]", want: nist190.Fail},
		"authn-shared-issuer":        {file: "access/authentication.yaml", old: "https://login.example.com/tenant", new: "https://accounts.google.com", want: nist190.Fail},
		"authn-single-sign-on":       {file: "access/authentication.yaml", old: "https://login.example.com/tenant", new: "https://token.actions.githubusercontent.com", want: nist190.Fail},
		"authn-static-credential":    withFlags(nist190.Fail, "token-auth-file=/etc/tokens.csv"),
		"authn-token-extension":      {file: "apiserver.yaml", old: "expiration=false", new: "expiration=true", want: nist190.Fail},
		"authn-token-issuer":         {file: "apiserver.yaml", old: "issuer=https://kubernetes.default.svc.cluster.local", new: "issuer=api", want: nist190.Fail},
		"authn-token-lookup":         withFlags(nist190.Fail, "service-account-lookup=false"),
		"authn-token-webhook":        withFlags(nist190.Fail, "authentication-token-webhook-config-file=/etc/sso.yaml", "authentication-token-webhook-cache-ttl=1h"),
		"authn-orphan-account":       {attest: true, want: nist190.Pass},
	},
	"eks": {
		"authn-provider-key":         {file: "cluster.json", old: "\"certificateAuthority\"", new: "\"encryptionConfig\": [{\"resources\": [\"secrets\"], \"provider\": {\"keyArn\": \"arn:aws:kms:eu-west-1:111122223333:key/k\"}}], \"certificateAuthority\"", want: nist190.Pass},
		"authn-aws-auth-account":     {file: "aws-auth.yaml", old: "  mapRoles:", new: "  mapAccounts: '[\"111122223333\"]'\n  mapRoles:", want: nist190.Fail},
		"authn-aws-auth-mode":        {file: "cluster.json", old: "\"CONFIG_MAP\"", new: "\"API\"", want: nist190.Pass},
		"authn-cluster-creator":      {file: "cluster.json", old: "AdminPermissions\": true", new: "AdminPermissions\": false", want: nist190.Pass},
		"authn-public-endpoint":      {file: "cluster.json", old: "0.0.0.0/0", new: "203.0.113.0/24", want: nist190.Pass},
		"authn-cloud-administrators": {file: "cluster.json", old: "\"CONFIG_MAP\"", new: "\"API\"", want: nist190.NotAssessed},
	},
	"gke": {
		"authn-provider-key": {file: "cluster.yaml", old: "databaseEncryption: {state: DECRYPTED, currentState: CURRENT_STATE_DECRYPTED}", new: "databaseEncryption: {state: ENCRYPTED, keyName: projects/p/locations/l/keyRings/r/cryptoKeys/k}",
			also: [2]string{"config: {imageType", "config: {bootDiskKmsKey: projects/p/locations/l/keyRings/r/cryptoKeys/d, imageType"}, want: nist190.Pass},
		"authn-ephemeral-data":       {fixture: "fail.yaml", want: nist190.Pass}, // the vendor's disks are encrypted
		"authn-authorization-mode":   {file: "cluster.yaml", old: "location:", new: "legacyAbac: {enabled: true}\nlocation:", want: nist190.Fail},
		"authn-local-account":        {file: "cluster.yaml", old: "clientCertificateConfig: {}", new: "clientCertificateConfig: {issueClientCertificate: true}", want: nist190.Fail},
		"authn-public-endpoint":      {file: "cluster.yaml", old: "location:", new: "masterAuthorizedNetworksConfig: {enabled: true, cidrBlocks: [{cidrBlock: 203.0.113.0/24}]}\nlocation:", want: nist190.Pass},
		"authn-cloud-administrators": {attest: true, want: nist190.Pass},
	},
	"aks": {
		"authn-provider-key": {file: "cluster.json", old: "\"azureKeyVaultKms\": null", new: "\"azureKeyVaultKms\": {\"enabled\": true, \"keyId\": \"https://v.vault.azure.net/keys/k/1\"}",
			also: [2]string{"\"diskEncryptionSetId\": null", "\"diskEncryptionSetId\": \"/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/diskEncryptionSets/d\""}, want: nist190.Pass},
		"authn-ephemeral-data":       {fixture: "fail.yaml", want: nist190.Pass}, // the vendor's disks are encrypted
		"authn-local-account":        {file: "cluster.json", old: "Accounts\": false", new: "Accounts\": true", want: nist190.Pass},
		"authn-public-endpoint":      {file: "cluster.json", old: "\"apiServerAccessProfile\": null", new: "\"apiServerAccessProfile\": {\"enablePrivateCluster\": true}", want: nist190.Pass},
		"authn-single-sign-on":       {file: "cluster.json", old: "\"aadProfile\": null", new: "\"aadProfile\": {\"managed\": true}", want: nist190.Pass},
		"authn-cloud-administrators": {file: "cluster.json", old: "\"aadProfile\": null", new: "\"aadProfile\": {\"managed\": true, \"enableAzureRbac\": true}", want: nist190.NotAssessed},
	},
}

// TestDeviationsFlip changes one thing of a snapshot for every row of its table, and the verdict changes with it.
func TestDeviationsFlip(t *testing.T) {
	for _, name := range snapshots {
		dir := filepath.Join("testdata", "snapshots", name)
		for id, r := range verdicts(t, dir) {
			d, ok := changed[name][id]
			if !ok {
				d, ok = added[id]
			}
			switch {
			case ok:
			case r.status == "Fail":
				d = deviation{fixture: "pass.yaml", want: nist190.Pass}
			default:
				d = deviation{fixture: "fail.yaml", want: nist190.Fail}
			}
			t.Run(name+"/"+id, func(t *testing.T) {
				files := snapshot(t, dir)
				var attestations []nist190.Attestation
				switch {
				case d.fixture != "":
					text, err := os.ReadFile(filepath.Join("testdata", id, d.fixture))
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(string(text), "name: kube-apiserver-cp-1") { // it brings that Pod in another shape
						delete(files, "apiserver.yaml")
					}
					files[d.fixture] = &fstest.MapFile{Data: text}
				case d.instead != "":
					files = snapshot(t, filepath.Join("testdata", "snapshots", d.instead))
				case d.attest:
					attestations = []nist190.Attestation{{Check: id, Statement: "it is so", Owner: "a test", Expires: nist190.Date{Time: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}}}
				case d.file == "":
					if id == "authn-aws-auth-account" {
						delete(files, "aws-auth.yaml")
					}
					files["deviation.yaml"] = &fstest.MapFile{Data: []byte(d.new)}
				default:
					was := string(files[d.file].Data)
					if strings.Count(was, d.old) != 1 {
						t.Fatalf("%s has %q %d times", d.file, d.old, strings.Count(was, d.old))
					}
					files[d.file] = &fstest.MapFile{Data: []byte(strings.NewReplacer(d.old, d.new, cmp.Or(d.also[0], d.old), cmp.Or(d.also[1], d.new)).Replace(was))}
				}
				for _, c := range evaluate(t, files, attestations...).Checks {
					if c.Check.ID != id {
						continue
					}
					if c.Status != d.want || c.Status.String() == r.status {
						t.Errorf("%s, want %s; it was %s: %v", c.Status, d.want, r.status, c.Findings)
					}
				}
			})
		}
	}
}
