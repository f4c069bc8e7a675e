package catalog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/report"
	"github.com/nist190/nist190/report/html"
	"github.com/nist190/nist190/report/junit"
	"github.com/nist190/nist190/report/ocsf"
	"github.com/nist190/nist190/report/openreports"
	"github.com/nist190/nist190/report/oscal"
	"github.com/nist190/nist190/report/prometheus"
	"github.com/nist190/nist190/report/sarif"
)

// A garden remembers what was planted. plant fills in a template: {{s}} is a secret that nobody may see again, {{b}} the same in base64, {{t}} a bootstrap token with a
// secret part.
type garden struct {
	secrets []string
}

func (g *garden) plant(template string) string {
	for strings.Contains(template, "{{") {
		s := fmt.Sprintf("planted%04dcanary", len(g.secrets))
		at := strings.Index(template, "{{")
		mark, value := template[at:at+5], s
		switch mark {
		case "{{b}}":
			value = base64.StdEncoding.EncodeToString([]byte(s + strings.Repeat("x", 32-len(s))))
			g.secrets = append(g.secrets, value[:20])
		case "{{t}}":
			s = fmt.Sprintf("plant%04dcanary0", len(g.secrets)) // sixteen characters
			value = "abcdef." + s
		}
		g.secrets = append(g.secrets, s)
		template = template[:at] + value + template[at+5:]
	}
	return template
}

// inputs are every kind of file that can hold what lets somebody in, well made and broken.
var inputs = map[string]string{
	"secret.yaml": `apiVersion: v1
kind: Secret
metadata:
  name: s
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"v1","kind":"Secret","stringData":{"password":"{{s}}"}}'
stringData: {password: "{{s}}"}
data: {key: {{b}}}
---
apiVersion: v1
kind: Secret
type: bootstrap.kubernetes.io/token
metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
stringData: {token-id: abcdef, token-secret: "{{s}}", usage-bootstrap-authentication: "true", auth-extra-groups: "system:bootstrappers:{{s}}"}
---
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: {name: t, namespace: shop, annotations: {kubernetes.io/service-account.name: ci}}
data: {token: {{b}}}
`,
	"admin.conf": `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443", insecure-skip-tls-verify: true}}]
contexts: [{name: c, context: {cluster: c, user: kubernetes-admin}}]
current-context: c
users:
- {name: kubernetes-admin, user: {client-key-data: {{b}}}}
- {name: token, user: {token: "{{s}}"}}
- {name: password, user: {username: bob, password: "{{s}}"}}
- {name: provider, user: {auth-provider: {name: oidc, config: {client-secret: "{{s}}", refresh-token: "{{s}}", id-token: "{{s}}"}}}}
- {name: exec, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: ["--client-secret={{s}}", "--token", "{{s}}"], env: [{name: CLIENT_SECRET, value: "{{s}}"}]}}}
`,
	"broken/kubeconfig.yaml": `apiVersion: v1
kind: Config
users:
- {name: a, user: {token: ["{{s}}"]}}
- {name: b, user: {password: {text: "{{s}}"}}}
- {name: c, user: {client-key-data: "{{s}}"}}
- "{{s}}"
`,
	"encryption.yaml": `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: [{name: k, secret: {{b}}}]}
  - secretbox: {keys: [{name: k, secret: {{b}}}]}
  - aesgcm: {keys: [{name: k, secret: "{{s}}"}]}
  - identity: {}
`,
	"broken/encryption.yaml": `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: ["{{s}}"]}
  - "{{s}}"
`,
	"authentication.yaml": `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {url: "https://user:{{s}}@login.example.com", audiences: [k]}
  claimMappings: {username: {claim: sub, prefix: ""}}
`,
	"webhook.yaml": `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://sso.example.com"}}]
users: [{name: api, user: {token: "{{s}}"}}]
contexts: []
current-context: ""
`,
	"apiserver.yaml": `apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, labels: {component: kube-apiserver}}
spec:
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.37.2
    command:
    - kube-apiserver
    - --authorization-mode=Node,RBAC
    - --etcd-servers=https://root:{{s}}@10.0.0.1:2379
    - --authentication-token-webhook-config-file=/etc/webhook.yaml
    - --encryption-provider-config=/etc/encryption.yaml
    - --oidc-issuer-url=https://user:{{s}}@login.example.com
    - --oidc-client-id=k
    - --service-account-issuer=http://u:{{s}}@api
    - --api-audiences=https://u:{{s}}@k
    - --token-auth-file=/etc/tokens.csv
    env: [{name: ETCD_PASSWORD, value: "{{s}}"}]
`,
	"kubeadm.yaml": `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{token: "{{t}}", ttl: "0s", groups: ["system:bootstrappers:kubeadm:default-node-token"]}]
certificateKey: "{{s}}"
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken: {apiServerEndpoint: "10.0.0.1:6443", token: "{{t}}", unsafeSkipCAVerification: true}
  tlsBootstrapToken: "{{t}}"
controlPlane: {certificateKey: "{{s}}"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: {extraArgs: [{name: etcd-servers, value: "https://u:{{s}}@x"}]}
`,
	"broken/kubeadm.yaml": `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: "{{t}}"
certificateKey: ["{{s}}"]
`,
	"etc/rancher/k3s/config.yaml": `token: "{{s}}"
agent-token: "{{s}}"
datastore-endpoint: "postgres://user:{{s}}@db:5432/k3s"
etcd-s3-secret-key: "{{s}}"
kube-apiserver-arg: ["oidc-issuer-url=https://u:{{s}}@x"]
tokne: "{{s}}"
`,
	"deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx
        args: ["--db-password={{s}}", "--dsn=postgres://u:{{s}}@payments.shop.svc:5432/db"]
        env:
        - {name: DB_PASSWORD, value: "{{s}}"}
        - {name: DATABASE_URL, value: "postgres://user:{{s}}@db.shop.svc.cluster.local:5432/app"}
        - {name: AWS_SECRET_ACCESS_KEY, value: "{{s}}"}
      volumes:
      - {name: d, cephfs: {monitors: ["a"], user: admin, secretFile: /etc/ceph}}
`,
	"dex.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: dex, namespace: auth}
data:
  config.yaml: |
    issuer: https://dex.example.com
    enablePasswordDB: true
    staticPasswords: [{email: a@example.com, hash: "{{s}}"}]
    staticClients: [{id: k, secret: "{{s}}"}]
    connectors:
    - {type: ldap, id: l, name: L, config: {host: "ldap", bindDN: cn, bindPW: "{{s}}"}}
    - {type: github, id: g, name: G, config: {clientID: c, clientSecret: "{{s}}"}}
`,
	"broken/dex.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: dex, namespace: broken}
data:
  config.yaml: |
    issuer: https://dex.example.com
    connectors: [{type: ldap, config: {bindPW: "{{s}}"
`,
	"aws-auth.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: aws-auth, namespace: kube-system}
data:
  mapRoles: |
    - rolearn: [{{s}}
  mapUsers: |
    - {userarn: "arn:aws:iam::1:user/a", username: a, accessKey: "{{s}}"}
`,
	"oauth.yaml": `apiVersion: config.openshift.io/v1
kind: OAuth
metadata: {name: cluster}
spec:
  identityProviders:
  - {name: h, type: HTPasswd, htpasswd: {fileData: {name: h}}}
  - {name: o, type: OpenID, openID: {clientID: c, clientSecret: {name: s}, issuer: "https://u:{{s}}@x"}}
`,
	"gke.json":  `{"name": "g", "selfLink": "https://container.googleapis.com/v1/projects/p/zones/europe-west1-b/clusters/g", "location": "europe-west1-b", "currentMasterVersion": "1.33.1-gke.1", "masterAuth": {"username": "admin", "password": "{{s}}", "clientCertificate": "LS0t", "clientKey": "{{b}}"}}`,
	"aks.json":  `{"id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerService/managedClusters/a", "name": "a", "kubernetesVersion": "1.33", "agentPoolProfiles": [], "windowsProfile": {"adminUsername": "u", "adminPassword": "{{s}}"}, "servicePrincipalProfile": {"clientId": "c", "secret": "{{s}}"}}`,
	"flagz.txt": "kube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n\netcd-servers=https://root:{{s}}@10.0.0.1:2379\nanonymous-auth=true\n",
	"capi.yaml": `apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: cp, namespace: capi}
spec:
  version: v1.33.0
  kubeadmConfigSpec:
    initConfiguration: {bootstrapTokens: [{token: "{{t}}"}]}
    joinConfiguration: {discovery: {bootstrapToken: {token: "{{t}}"}}}
    users: [{name: ops, passwd: "{{s}}"}]
    preKubeadmCommands: ["kubeadm join --token {{t}}", "export PASSWORD={{s}}"]
    files:
    - path: /etc/kubernetes/enc.yaml
      content: |
        apiVersion: apiserver.config.k8s.io/v1
        kind: EncryptionConfiguration
        resources: [{resources: [secrets], providers: [{aescbc: {keys: [{name: k, secret: {{b}}}]}}]}]
`,
	"broken/syntax.yaml": "apiVersion: v1\nkind: Secret\nstringData: {password: \"{{s}}\"\n",
	"broken/number.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {containers: \"{{s}}\"}\n",
	"kubelet.yaml":       "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodURLHeader: {Authorization: [\"Bearer {{s}}\"]}\n",
	"driver.yaml":        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: c}\nprovisioner: x.example.com\nparameters: {adminSecret: s}\n",
}

// TestSecretsAreNeverShown plants recognizable keys, tokens and passwords in every kind of input, scans them with the whole
// catalog, and looks for them in every format, error, problem and line of the log.
func TestSecretsAreNeverShown(t *testing.T) {
	// Of descriptions of one component the best is asked: without that the others are.
	t.Run("all", func(t *testing.T) { scanPlanted(t) })
	t.Run("flags of the pod", func(t *testing.T) {
		scanPlanted(t, "flagz.txt", "etc/rancher/k3s/config.yaml", "capi.yaml", "kubeadm.yaml", "gke.json", "aks.json")
	})
	t.Run("a cloud", func(t *testing.T) {
		scanPlanted(t, "flagz.txt", "etc/rancher/k3s/config.yaml", "capi.yaml", "kubeadm.yaml", "apiserver.yaml", "gke.json")
	})
}

func scanPlanted(t *testing.T, without ...string) {
	g := &garden{}
	files := fstest.MapFS{}
	for name, text := range inputs {
		if !slices.Contains(without, name) {
			files[name] = &fstest.MapFile{Data: []byte(g.plant(text))}
		}
	}
	export, err := authn.ReadDirectory(strings.NewReader(g.plant("userName,active,password\nalice@example.com,true,{{s}}\n")))
	if err != nil {
		t.Fatal(err)
	}
	_, broken := authn.ReadDirectory(strings.NewReader(g.plant(`{"Resources": "{{s}}"}`)))
	uses, _, err := authn.ReadAuditEvents(strings.NewReader(g.plant(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestReceivedTimestamp":"2026-11-01T10:00:00Z","user":{"username":"a"},"requestObject":{"stringData":{"p":"{{s}}"}}}
{"kind":"Event","user":"{{s}}"}
`)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*bytes.Buffer{}
	to := func(name string) *bytes.Buffer {
		if out[name] == nil {
			out[name] = &bytes.Buffer{}
		}
		return out[name]
	}
	config := &catalog.Config{Append: catalog.Append{Images: true, Owner: true, Labels: []string{"app"}}}
	runner := config.Runner()
	runner.Logger = slog.New(slog.NewTextHandler(to("log"), &slog.HandlerOptions{Level: slog.LevelDebug}))
	runner.OnEvent = func(ev nist190.Event) { fmt.Fprintf(to("events"), "%+v\n", ev) }
	runner.Settings = append(runner.Settings, authn.DirectoryExport.Set(export), authn.Uses.Set(uses))
	rep, err := runner.Scan(context.Background(), manifest.FS(manifest.Config{}, files, "."))
	if rep == nil {
		t.Fatal(err)
	}
	fmt.Fprintln(to("errors"), err, broken)
	for _, p := range rep.Problems {
		fmt.Fprintf(to("problems"), "%+v %v\n", p, p)
	}
	for _, c := range rep.Checks {
		if c.Err != nil {
			t.Errorf("%s: %v", c.Check.ID, c.Err)
		}
		for i := range c.Findings {
			fmt.Fprintf(to("findings"), "%+v\n", c.Findings[i].Outcome)
			for _, x := range c.Findings[i].Exhibits {
				for row := range x.Rows {
					fmt.Fprintln(to("exhibits"), row)
				}
			}
		}
	}
	for name, write := range map[string]func(io.Writer) error{
		"text":         func(w io.Writer) error { return report.Text(w, rep, report.TextOptions{Verbose: true}) },
		"text grouped": func(w io.Writer) error { return report.Text(w, rep, report.TextOptions{GroupBy: "namespace"}) },
		"json":         func(w io.Writer) error { return report.JSON(w, rep, report.JSONOptions{}) },
		"ndjson":       func(w io.Writer) error { return report.NDJSON(w, rep, report.JSONOptions{}) },
		"csv":          func(w io.Writer) error { return report.CSV(w, rep, report.CSVOptions{}) },
		"requirements": func(w io.Writer) error { return report.CSVRequirements(w, rep, report.CSVOptions{}) },
		"markdown":     func(w io.Writer) error { return report.Markdown(w, rep, report.MarkdownOptions{}) },
		"sarif":        func(w io.Writer) error { return sarif.Write(w, rep, sarif.Options{All: true}) },
		"junit":        func(w io.Writer) error { return junit.Write(w, rep, junit.Options{RequireEvidence: true}) },
		"oscal":        func(w io.Writer) error { return oscal.Write(w, rep, oscal.Options{}) },
		"oscal plan":   func(w io.Writer) error { return oscal.WritePlan(w, rep, oscal.Options{}) },
		"openreports":  func(w io.Writer) error { return openreports.Write(w, rep, openreports.Options{}) },
		"ocsf":         func(w io.Writer) error { return ocsf.Write(w, rep, ocsf.Options{}) },
		"prometheus":   func(w io.Writer) error { return prometheus.Write(w, rep, prometheus.Options{Namespaces: true}) },
		"html":         func(w io.Writer) error { return html.Write(w, rep, html.Options{}) },
	} {
		if err := write(to(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(g.secrets) < 40 || out["text"].Len() < 1000 || out["problems"].Len() == 0 {
		t.Fatalf("%d secrets, %d bytes of text, %d of problems: the test looks at nothing", len(g.secrets), out["text"].Len(), out["problems"].Len())
	}
	for name, b := range out {
		for _, s := range g.secrets {
			if i := strings.Index(b.String(), s); i >= 0 {
				text := b.String()
				t.Errorf("%s shows a secret: ...%s...", name, strings.ReplaceAll(text[max(0, i-160):min(len(text), i+60)], "\n", `\n`))
				break
			}
		}
	}
	// What is found in them shows that they were read.
	want := map[string]bool{"authn-admin-kubeconfig": true, "authn-kubeconfig-credential": true, "authn-kubeconfig-transport": true,
		"authn-service-account-token-secret": true, "authn-local-password": true, "authn-aws-auth-ineffective": true}
	if slices.Contains(without, "flagz.txt") && !slices.Contains(without, "apiserver.yaml") {
		want["authn-static-credential"] = true
	}
	for _, c := range rep.Checks {
		for i := range c.Findings {
			if c.Findings[i].Provisional == nist190.Fail { // broken files leave some of them unproven
				delete(want, c.Check.ID)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("nothing was found by %v", want)
	}
}
