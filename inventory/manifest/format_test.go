package manifest_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// planted is what must not be found anywhere after loading; formatFiles have it wherever the format may hold a credential.
const planted = "pl4nted-cr3dential"

const (
	eksCluster = `{"cluster": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod", "version": "1.33",
  "accessConfig": {"authenticationMode": "API"}, "certificateAuthority": {"data": "LS0tLS1CRUdJTg=="}}}`
	eksPascal = `{"Cluster": {"Name": "prod", "Arn": "arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/prod",
  "AccessConfig": {"AuthenticationMode": "API"}}, "ResultMetadata": {}}`
	gke = `{"name": "g", "selfLink": "https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/g",
  "currentMasterVersion": "1.33.4-gke.100", "masterAuth": {"clientKey": "` + planted + `", "password": "` + planted + `", "clusterCaCertificate": "LS0tLS1CRUdJTg=="},
  "nodeConfig": {"metadata": {"disable-legacy-endpoints": "true", "startup-script": "curl -H ` + planted + `"}}}`
	aks = `{"id": "/subscriptions/s/resourcegroups/r/providers/Microsoft.ContainerService/managedClusters/a", "name": "a", "kind": "Base",
  "type": "Microsoft.ContainerService/ManagedClusters", "kubernetesVersion": "1.33.4", "windowsProfile": {"adminPassword": "` + planted + `"},
  "servicePrincipalProfile": {"clientId": "c", "secret": "` + planted + `"}, "httpProxyConfig": {"httpProxy": "http://u:` + planted + `@proxy:80"}}`
	versionJSON = `{"major": "1", "minor": "33", "gitVersion": "v1.33.5-eks-3abbec1", "gitCommit": "c", "gitTreeState": "clean", "goVersion": "go1.24", "platform": "linux/amd64"}`
	plan        = `{"format_version": "1.2", "terraform_version": "1.9.0", "variables": {"db": {"value": "` + planted + `"}},
  "planned_values": {"outputs": {"o": {"value": "` + planted + `"}}, "root_module": {"resources": [
    {"address": "random_password.x", "mode": "managed", "type": "random_password", "name": "x", "values": {"result": "` + planted + `"}},
    {"address": "aws_eks_cluster.c", "mode": "managed", "type": "aws_eks_cluster", "name": "c", "values": {"name": "prod", "note": "` + planted + `", "list": [{"k": "` + planted + `", "p": 1}]},
     "sensitive_values": {"note": true, "list": [{"k": true}], "gone": true}}],
    "child_modules": [{"address": "module.m", "resources": [
    {"address": "module.m.azurerm_kubernetes_cluster.c", "mode": "managed", "type": "azurerm_kubernetes_cluster", "name": "c",
     "values": {"name": "a", "service_principal": [{"client_secret": "` + planted + `"}], "kube_config": [{"client_key": "` + planted + `", "password": "` + planted + `", "host": "h"}]}}]}]}},
  "prior_state": {"values": {"x": "` + planted + `"}}, "resource_changes": [{"change": {"after": "` + planted + `"}}], "configuration": {"x": "` + planted + `"}}`
	flagz   = "\nkube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\nanonymous-auth=false\netcd-servers=[https://root:" + planted + "@10.0.0.1:2379]\ninitial-cluster-token=" + planted + "\nservice-account-extend-token-expiration=true\n"
	metrics = "# HELP aggregator_discovery_total [ALPHA] x\n# TYPE aggregator_discovery_total counter\naggregator_discovery_total 1\n" +
		"# TYPE apiserver_admission_controller_admission_duration_seconds histogram\n" +
		`apiserver_admission_controller_admission_duration_seconds_count{name="NodeRestriction",operation="CREATE",rejected="false",type="admit"} 5` + "\n" +
		`apiserver_admission_controller_admission_duration_seconds_count{name="NodeRestriction",operation="UPDATE",rejected="false",type="admit"} 5` + "\n" +
		`apiserver_request_total{url="` + planted + `"} 4` + "\n" +
		`kubernetes_feature_enabled{name="AllAlpha",stage="ALPHA"} 0` + "\n"
	k3s = "token: K10" + "0123456789012345678901234567890123456789012345678901234567890123" + "::server:" + planted + "\nagent-token: " + planted + "\n" +
		"secrets-encryption: true\ndatastore-endpoint: mysql://u:" + planted + "@tcp(db:3306)/k\netcd-s3-secret-key: " + planted + "\nvpn-auth: name=tailscale,joinKey=" + planted + "\n" +
		"kube-apiserver-arg+:\n- anonymous-auth=false\n- x-token=" + planted + "\n"
	rke2    = "profile: cis\nkube-apiserver-arg: [a=b]\ntoken: " + planted + "\n"
	configz = `{"kubeletconfig": {"authentication": {"anonymous": {"enabled": false}}, "staticPodURLHeader": {"Authorization": ["Bearer ` + planted + `"]}}}`
	addon   = `{"addon": {"addonName": "vpc-cni", "clusterName": "prod", "addonArn": "arn:aws:eks:eu-west-1:111122223333:addon/prod/vpc-cni/1", "configurationValues": "{\"enableNetworkPolicy\":\"true\",\"env\":{\"KEY\":\"` + planted + `\"}}"}}`
)

const (
	kubeBenchControls = `{"id": "4", "version": "cis-1.12", "node_type": "node", "tests": [{"results": [{"test_number": "4.1.1", "status": "FAIL", "actual_value": "--token=` + planted + `"}]}]}`
	kubeBench         = `{"Controls": [` + kubeBenchControls + `], "Totals": {"total_fail": 1}}`
	trivyReport       = `{"SchemaVersion": 2, "CreatedAt": "2026-11-20T07:00:00Z", "ArtifactName": "web:1", "ArtifactType": "container_image", "Results": [{"Secrets": [{"Match": "` + planted + `"}]}]}`
	xccdfResults      = `<TestResult xmlns="http://checklists.nist.gov/xccdf/1.2" end-time="2026-11-20T07:00:00Z"><target>n1</target><rule-result idref="r"><result>fail</result><message>` + planted + `</message></rule-result></TestResult>`
)

var formatFiles = []struct{ name, uri, text, want string }{
	{"eks", "a.json", eksCluster, "aws-eks-describe-cluster prod a.json:1:1"},
	{"eks as an SDK prints it", "a.json", eksPascal, "aws-eks-describe-cluster prod a.json:1:1"},
	{"eks as YAML", "a.yaml", "cluster:\n  name: prod\n  arn: arn:aws:eks:eu-west-1:111122223333:cluster/prod\n", "aws-eks-describe-cluster prod a.yaml:1:1"},
	{"access entries", "e.json", `{"accessEntries": ["arn:aws:iam::111122223333:role/r"]}`, "aws-eks-list-access-entries e.json e.json:1:1"},
	{"no access entries", "e.json", `{"accessEntries": [], "nextToken": null}`, "aws-eks-list-access-entries e.json e.json:1:1"},
	{"access entry", "e.json", `{"accessEntry": {"clusterName": "prod", "principalArn": "arn:aws:iam::111122223333:role/r", "kubernetesGroups": [], "accessEntryArn": "arn:aws:eks:eu-west-1:111122223333:access-entry/prod/role/1/r/2"}}`,
		"aws-eks-describe-access-entry prod/arn:aws:iam::111122223333:role/r e.json:1:1"},
	{"access policies", "e.json", `{"associatedAccessPolicies": [], "clusterName": "prod", "principalArn": "arn:aws:iam::111122223333:role/r"}`,
		"aws-eks-list-associated-access-policies prod/arn:aws:iam::111122223333:role/r e.json:1:1"},
	{"add-on", "e.json", addon, "aws-eks-describe-addon prod/vpc-cni e.json:1:1"},
	{"node group", "e.json", `{"nodegroup": {"nodegroupName": "n", "clusterName": "prod", "nodegroupArn": "arn:aws:eks:eu-west-1:111122223333:nodegroup/prod/n/1"}}`, "aws-eks-describe-nodegroup prod/n e.json:1:1"},
	{"gke", "g.json", gke, "gcloud-container-clusters-describe g g.json:1:1"},
	{"gke as YAML", "g.yaml", "currentMasterVersion: 1.33.4\nname: g\nselfLink: https://container.googleapis.com/v1/projects/p/zones/z/clusters/g\n", "gcloud-container-clusters-describe g g.yaml:1:1"},
	{"aks", "a.json", aks, "az-aks-show a a.json:1:1"},
	{"scaling groups", "a.json", `{"AutoScalingGroups": [{"AutoScalingGroupName": "web", "Instances": []}]}`, "aws-autoscaling-describe-auto-scaling-groups a.json a.json:1:1"},
	{"instances of a scale set", "v.json", `[{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/web/virtualMachines/0", "instanceId": "0"}]`,
		"az-vmss-list-instances web/0 v.json:1:2"},
	{"instances of a managed group", "g.json", `[{"instance": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i-1", "instanceStatus": "RUNNING"}]`,
		"gcloud-compute-instance-groups-managed-list-instances i-1 g.json:1:2"},
	{"plan", "p.json", plan, "terraform-plan p.json p.json:1:1"},
	{"k3s", "etc/rancher/k3s/config.yaml", k3s, "k3s-config etc/rancher/k3s/config.yaml etc/rancher/k3s/config.yaml:1:1"},
	{"k3s drop-in", "etc/rancher/k3s/config.yaml.d/10.yaml", "node-label: [a=b]\n", "k3s-config etc/rancher/k3s/config.yaml.d/10.yaml etc/rancher/k3s/config.yaml.d/10.yaml:1:1"},
	{"k3s elsewhere", "server.yaml", k3s, "k3s-config server.yaml server.yaml:1:1"},
	{"k3s by the name of the file", "k3s.yaml", "kubelet-arg: [a=b]\n", "k3s-config k3s.yaml k3s.yaml:1:1"},
	{"rke2", "server.yaml", rke2, "rke2-config server.yaml server.yaml:1:1"},
	{"rke2 at its path", "etc/rancher/rke2/config.yaml", "token: " + planted + "\n", "rke2-config etc/rancher/rke2/config.yaml etc/rancher/rke2/config.yaml:1:1"},
	{"configz", "n1.json", configz, "kubelet-configz n1.json n1.json:1:1"},
	{"flagz", "flagz.txt", flagz, "flagz flagz.txt flagz.txt:1:1"},
	{"metrics", "metrics.txt", metrics, "metrics metrics.txt metrics.txt:1:1"},
	{"samples", "metrics.txt", "apiserver_authorization_decisions_total{decision=\"allowed\",name=\"node\",type=\"Node\"} 1\nother{a=\"" + planted + "\"} 1\n", "metrics metrics.txt metrics.txt:1:1"},
	{"version", "v.json", versionJSON, "version v.json v.json:1:1"},
	{"kube-bench", "kb.json", kubeBench, "kube-bench kb.json kb.json:1:1"},
	{"kube-bench without totals", "kb.json", `[` + kubeBenchControls + `]`, "kube-bench kb.json kb.json:1:2"},
	{"trivy", "t.json", trivyReport, "trivy web:1 2026-11-20T07:00:00Z t.json:1:1"},
	{"cyclonedx", "s.cdx.json", `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-11-20T07:00:00Z", "component": {"type": "container", "name": "web:1", "properties": [{"name": "x", "value": "` + planted + `"}]}}}`, "cyclonedx web:1 2026-11-20T07:00:00Z s.cdx.json:1:1"},
	{"spdx", "s.spdx.json", `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "n1", "comment": "` + planted + `"}`, "spdx n1 s.spdx.json:1:1"},
	{"osquery", "o.json", `{"name": "q", "hostIdentifier": "n1", "unixTime": 1795330800, "columns": {"name": "x", "value": "` + planted + `"}}`, "osquery n1 q 2026-11-22T07:00:00Z o.json:1:1"},
	{"advisory", "GHSA-1.json", `{"id": "GHSA-1", "modified": "2026-11-20T00:00:00Z", "details": "` + planted + `", "affected": []}`, "osv GHSA-1 GHSA-1.json:1:1"},
	{"xccdf", "r.xml", xccdfResults, "xccdf-results n1 2026-11-20T07:00:00Z r.xml:1:1"},
	{"version as kubectl prints it", "v.json", `{"clientVersion": {"major": "1"}, "kustomizeVersion": "v5",
"serverVersion": ` + versionJSON + `}`, "version v.json v.json:2:1"},
}

func TestFormats(t *testing.T) {
	for _, tt := range formatFiles {
		t.Run(tt.name, func(t *testing.T) {
			inv := load(t, tt.uri, tt.text)
			var got []string
			for o := range inv.All() {
				got = append(got, fmt.Sprintf("%s %s %s:%d:%d", o.Ref().Kind, o.Name(), o.Origin().URI, o.Origin().Line, o.Origin().Column))
				if o.Ref().Group != format.Group || o.APIVersion() != format.APIVersion || o.Namespace() != "" {
					t.Errorf("%+v", o.Ref())
				}
				if s := inv.Coverage(o.GroupKind(), "").State; s != inventory.Complete {
					t.Errorf("coverage %s", s)
				}
			}
			if d := cmp.Diff([]string{tt.want}, got); d != "" {
				t.Error(d)
			}
			if out := dumpAll(inv, nil); strings.Contains(out, planted) {
				t.Errorf("the credential is left:\n%s", out)
			}
		})
	}
}

func load(t *testing.T, uri, text string) *inventory.Inventory {
	t.Helper()
	inv, err := collect(t, manifest.Bytes(bare, uri, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// dumpAll is everything that an inventory and an error can print.
func dumpAll(inv *inventory.Inventory, err error) string {
	var b strings.Builder
	for o := range inv.All() {
		fmt.Fprintf(&b, "%s %s %v\n", o.Ref(), o.JSON(), o.Unstructured().Object)
	}
	fmt.Fprintf(&b, "%v %v %v", inv.Problems(), inv.CoverageEntries(), err)
	return b.String()
}

// TestBrokenFormats: no error or problem of a file that cannot be read says what is in it.
func TestBrokenFormats(t *testing.T) {
	for _, tt := range formatFiles {
		for cut := 0; cut < len(tt.text); cut += 7 {
			texts := []string{tt.text[:cut], tt.text[cut:]}
			if tt.name != "flagz" { // a text is not broken by what is put into it
				texts = append(texts, tt.text[:cut]+"\n\t{{ }}: ["+tt.text[cut:])
			}
			for _, text := range texts {
				inv, err := collect(t, manifest.Bytes(bare, tt.uri, []byte(text)))
				if out := dumpAll(inv, err); strings.Contains(out, planted) {
					t.Fatalf("%s cut at %d: the credential is in\n%s", tt.name, cut, out)
				}
			}
		}
	}
}

func TestLookAlikes(t *testing.T) {
	for name, text := range map[string]string{
		"an ECS cluster":                   `{"cluster": {"name": "prod", "arn": "arn:aws:ecs:eu-west-1:111122223333:cluster/prod"}}`,
		"a values file with a cluster":     `{"cluster": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod"}, "image": "x"}`,
		"a cluster without an ARN":         `{"cluster": {"name": "prod"}}`,
		"other access entries":             `{"accessEntries": ["alice", "bob"]}`,
		"access entries as mappings":       `{"accessEntries": {"a": "arn:aws:iam::111122223333:role/r"}}`,
		"an add-on of another tool":        `{"addon": {"addonName": "x", "clusterName": "prod"}}`,
		"a Google cluster of another kind": `{"name": "g", "selfLink": "https://dataproc.googleapis.com/v1/projects/p/locations/l/clusters/g", "nodePools": []}`,
		"a node pool of GKE":               `{"name": "n", "selfLink": "https://container.googleapis.com/v1/projects/p/locations/l/clusters/g/nodePools/n", "initialClusterVersion": "1"}`,
		"another Azure resource":           `{"id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/a", "name": "a", "agentPoolProfiles": []}`,
		"AKS as the REST API prints it":    `{"id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerService/managedClusters/a", "name": "a", "kubernetesVersion": "1", "properties": {}}`,
		"a Terraform state":                `{"format_version": "1.0", "terraform_version": "1.9.0", "values": {"root_module": {}}}`,
		"providers of Terraform":           `{"format_version": "1.0", "provider_schemas": {}}`,
		"a version of something else":      `{"major": "1", "minor": "2", "gitVersion": "v1.2.3"}`,
		"a package":                        `{"name": "x", "version": "1.0.0", "token": "x", "server": "y"}`,
		"flags of another program":         `{"token": "x", "server": "y", "debug": true, "profile": "cis", "cni": "canal"}`,
		"nested flags":                     `{"kube-apiserver-arg": {"a": "b"}, "flannel-backend": "none"}`,
		"variables of a playbook":          `{"kubelet-arg": ["a=b"], "k3s_version": "v1"}`,
		"k3s or RKE2":                      `{"kubelet-arg": ["a=b"], "token": "x"}`,
		"both of them":                     `{"kubelet-arg": ["a=b"], "cni": "x", "flannel-backend": "none"}`,
		"configz of a scheduler":           `{"componentconfig": {"authentication": {}}}`,
		"configz with more":                `{"kubeletconfig": {"authentication": {}}, "x": 1}`,
		"a list of many things":            "[" + gke + "," + `{"name": "x"}` + "]",
		"a list of describe-cluster":       "[" + eksCluster + "]",
		"an empty list":                    "[]",
		"a string":                         `"kube-apiserver flagz"`,
		"words of a metric":                "apiserver_authorization_decisions_total: {}\n",
		"metrics of a node":                "# HELP node_cpu_seconds_total x\n# TYPE node_cpu_seconds_total counter\nnode_cpu_seconds_total 1\n",
		"an object with a format's fields": `{"apiVersion": "kustomize.config.k8s.io/v1", "kind": "Kustomization", ` + eksCluster[1:],
	} {
		inv, err := collect(t, manifest.Bytes(bare, "x.yaml", []byte(text)))
		for o := range inv.All() {
			t.Errorf("%s is %s", name, o.Ref())
		}
		if err == nil || !strings.Contains(err.Error(), manifest.ErrNoObjects.Error()) {
			t.Errorf("%s: %v", name, err)
		}
		for _, e := range inv.CoverageEntries() {
			if e.Group == format.Group {
				t.Errorf("%s: coverage %+v", name, e)
			}
		}
	}
}

// TestFormatsInALargerWorld: files of formats beside manifests lower nothing, and what was not given is not collected.
func TestFormatsInALargerWorld(t *testing.T) {
	needs := []inventory.Need{{Format: format.EKSCluster}, {Format: format.AKSCluster}}
	src := manifest.FS(manifest.Config{}, fstest.MapFS{
		"a.yaml": {Data: []byte(cm("a"))}, "eks.json": {Data: []byte(eksCluster)}, "clusters.json": {Data: []byte("[" + gke + "]")}, "v.json": {Data: []byte(versionJSON)},
	}, ".")
	inv, err := inventory.Collect(t.Context(), needs, src)
	if err != nil {
		t.Fatal(err)
	}
	for want, gks := range map[inventory.State][]schema.GroupKind{
		inventory.Complete:     {{Kind: "Pod"}, {Kind: "ConfigMap"}, {Group: format.Group, Kind: format.EKSCluster}, {Group: format.Group, Kind: format.GKECluster}},
		inventory.NotCollected: {{Group: format.Group, Kind: format.AKSCluster}, {Group: format.Group, Kind: format.K3sConfig}, {Kind: "Node"}},
	} {
		for _, gk := range gks {
			if got := inv.Coverage(gk, ""); got.State != want {
				t.Errorf("%s: %v, want %v", gk, got, want)
			}
		}
	}
	if v := inv.Version(); v != (inventory.Version{Major: 1, Minor: 33}) {
		t.Errorf("version %s", v)
	}
	open, _ := inventory.Collect(t.Context(), nil, manifest.Bytes(manifest.Config{World: manifest.Open}, "e.json", []byte(eksCluster)))
	if got := open.Coverage(schema.GroupKind{Group: format.Group, Kind: format.EKSCluster}, ""); got.State != inventory.Partial {
		t.Errorf("open world: %v", got)
	}
}

func TestFormatPositions(t *testing.T) {
	for _, tt := range []struct {
		text string
		path []any
		line int
	}{
		{eksCluster, []any{"cluster", "accessConfig", "authenticationMode"}, 2},
		{"[" + gke + ",\n" + gke + "]", []any{"masterAuth"}, 5}, // the last of two counts
		{plan, []any{"planned_values", "root_module", "resources", 1, "values", "name"}, 4},
		{plan, []any{"planned_values", "root_module", "child_modules", 0, "resources", 0, "values"}, 8},
		{flagz, []any{"text", 3}, 4},
		{metrics, []any{"text", 1}, 8},
		{"{\"clientVersion\": {},\n\"serverVersion\": {\n" + versionJSON[1:] + "}", []any{"minor"}, 3},
	} {
		inv, _ := collect(t, manifest.Bytes(bare, "x.yaml", []byte(tt.text)))
		for o := range inv.All() {
			if at := o.Origin(tt.path...); at.Line != tt.line {
				t.Errorf("%s %v is in line %d, want %d", o.Ref(), tt.path, at.Line, tt.line)
			}
			break
		}
		if inv.Len() == 0 {
			t.Errorf("no object of %.40s", tt.text)
		}
	}
}

// TestFormatContent: what decides is kept.
func TestFormatContent(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"eks":     {eksCluster, `"certificateAuthority": {"data": "LS0tLS1CRUdJTg=="}`},
		"gke":     {gke, `"metadata":{"disable-legacy-endpoints":"true","startup-script":{"class":"text","length":26}}`},
		"add-on":  {addon, `{\"enableNetworkPolicy\":\"true\",\"env\":{\"KEY\":{\"class\":\"text\",\"length\":18}}}`},
		"plan":    {plan, `"name":"x","type":"random_password"}`},
		"mask":    {plan, `"values":{"list":[{"k":{"class":"text","length":18},"p":1}],"name":"prod","note":{"class":"text","length":18}}`},
		"aks":     {aks, `"kind":"az-aks-show"`},
		"token":   {k3s, `"token":{"class":"secure","length":94}`},
		"agents":  {k3s, `"agent-token":{"class":"text","length":18,"same":"token"}`},
		"flags":   {k3s, `"kube-apiserver-arg+":["anonymous-auth=false","x-token=(removed)"]`},
		"flagz":   {flagz, `anonymous-auth=false\netcd-servers=[https://(removed)@10.0.0.1:2379]\ninitial-cluster-token=(removed)\nservice-account-extend-token-expiration=true\n`},
		"metrics": {metrics, `type=\"admit\"} 5\nkubernetes_feature_enabled`},
	} {
		for o := range load(t, "x.yaml", tt.text).All() {
			if got := string(o.JSON()); !strings.Contains(got, tt.want) {
				t.Errorf("%s: %s is not in\n%s", name, tt.want, got)
			}
		}
	}
}

// TestTentativeFiles: files .conf are read where they are configuration of Kubernetes, and of the others nothing is said.
func TestTentativeFiles(t *testing.T) {
	dropIn := "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nreadOnlyPort: 0\n"
	kubeconfig := "apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user: {token: " + planted + "}\n"
	files := fstest.MapFS{
		"etc/kubernetes/kubelet.conf.d/10-a.conf": {Data: []byte(dropIn)}, "etc/kubernetes/admin.conf": {Data: []byte(kubeconfig)},
		"etc/nginx/nginx.conf": {Data: []byte("server { listen 80; }\nkind: {{ x }}\n")}, "etc/os.conf": {Data: []byte{0xff, 0}},
		"notes/metrics.txt": {Data: []byte("We kind of measured.\n")}, "notes/flagz.txt": {Data: []byte(flagz)}, "a.yaml": {Data: []byte(cm("a"))},
		"broken.conf": {Data: []byte(dropIn + "a: b: c\n")}, "json.conf": {Data: []byte(`{"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1"}`)},
	}
	inv := check(t, manifest.FS(bare, files, "."),
		"warning Syntax broken.conf:4",
		"Config /etc/kubernetes/admin.conf etc/kubernetes/admin.conf:1:1", "ConfigMap default/a a.yaml:1:1",
		"KubeletConfiguration /etc/kubernetes/kubelet.conf.d/10-a.conf etc/kubernetes/kubelet.conf.d/10-a.conf:1:1", "KubeletConfiguration /json.conf json.conf:1:1",
		"flagz /notes/flagz.txt notes/flagz.txt:1:1")
	if out := dumpAll(inv, nil); strings.Contains(out, planted) {
		t.Error(out)
	}
	kubelets := schema.GroupKind{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"}
	if got := inv.Coverage(kubelets, ""); got.State != inventory.Partial {
		t.Errorf("kubelets with a broken drop-in: %v", got)
	}
	if got := inv.Coverage(schema.GroupKind{Kind: "Pod"}, ""); got.State != inventory.Complete {
		t.Errorf("pods: %v", got)
	}
}

// TestUnreadableTentative: what cannot be opened may be configuration of a kubelet or a kubeconfig, and nothing else.
func TestUnreadableTentative(t *testing.T) {
	files := unopenable{fstest.MapFS{"a.yaml": {Data: []byte(cm("a"))}, "b.conf": {Data: []byte("x")}}}
	inv := check(t, manifest.FS(bare, files, "."), "warning Unreadable b.conf:0", "ConfigMap default/a a.yaml:1:1")
	for gk, want := range map[schema.GroupKind]inventory.State{
		{Kind: "Config"}: inventory.Partial, {Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"}: inventory.Partial, {Kind: "Pod"}: inventory.Complete,
	} {
		if got := inv.Coverage(gk, ""); got.State != want {
			t.Errorf("%s: %v", gk, got)
		}
	}
}

// unopenable is a file system in which b.conf cannot be opened.
type unopenable struct{ fstest.MapFS }

func (u unopenable) Open(name string) (fs.File, error) {
	if name == "b.conf" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

// TestReportsOfNodes: answers of /flagz have the name of a program and are those of several nodes.
func TestReportsOfNodes(t *testing.T) {
	report := &fstest.MapFile{Data: []byte(`{"kind": "Flagz", "apiVersion": "config.k8s.io/v1alpha1", "metadata": {"name": "kubelet"}, "flags": {"v": "2"}}`)}
	check(t, manifest.FS(bare, fstest.MapFS{"n1/flagz.json": report, "n2/flagz.json": report}, "."),
		"Flagz /n1/flagz.json n1/flagz.json:1:1", "Flagz /n2/flagz.json n2/flagz.json:1:1")
}

// TestUndecided: a file of which nothing says whether it is of k3s or of RKE2 is named, since their defaults differ.
func TestUndecided(t *testing.T) {
	files := fstest.MapFS{"a.yaml": {Data: []byte(cm("a"))}, "server.yaml": {Data: []byte("# a comment\nkubelet-arg: [a=b]\ntoken: " + planted + "\n")}, "values.yaml": {Data: []byte("token: x\n")}}
	inv := check(t, manifest.FS(bare, files, "."), "notice NotKubernetes server.yaml:2", "notice NotKubernetes values.yaml:0", "ConfigMap default/a a.yaml:1:1")
	if out := dumpAll(inv, nil); strings.Contains(out, planted) {
		t.Error(out)
	}
}

// TestConfigurationKinds: configuration with an apiVersion loads as it is.
func TestConfigurationKinds(t *testing.T) {
	text := "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: prod, region: eu-west-1}\nmanagedNodeGroups:\n- {name: workers, preBootstrapCommands: [\"echo " + planted + "\"]}\n" +
		"---\napiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: k.example.com}\nspec:\n  kubeAPIServer: {anonymousAuth: false}\n  fileAssets:\n  - {name: f, content: \"token: " + planted + "\"}\n" +
		"---\napiVersion: kops.k8s.io/v1alpha2\nkind: InstanceGroup\nmetadata: {name: nodes, labels: {kops.k8s.io/cluster: k.example.com}}\nspec: {role: Node}\n" +
		"---\napiVersion: controlplane.cluster.x-k8s.io/v1beta2\nkind: KubeadmControlPlane\nmetadata: {name: cp}\nspec: {version: v1.34.0}\n" +
		"---\napiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: RKE2ControlPlane\nmetadata: {name: cp}\nspec: {version: v1.34.0+rke2r1}\n" +
		"---\napiVersion: cluster.x-k8s.io/v1beta2\nkind: MachineDeployment\nmetadata: {name: md}\nspec: {replicas: 1}\n" +
		"---\napiVersion: config.k8s.io/v1beta1\nkind: Flagz\nmetadata: {name: kube-apiserver}\nflags: {x-token: " + planted + ", anonymous-auth: \"false\"}\n"
	inv := check(t, manifest.Bytes(bare, "a.yaml", []byte(text)),
		"Cluster /k.example.com a.yaml:7:1", "ClusterConfig /prod a.yaml:1:1", "Flagz /a.yaml#6 a.yaml:35:1", "InstanceGroup /nodes a.yaml:15:1",
		"KubeadmControlPlane /cp a.yaml:20:1", "MachineDeployment /md a.yaml:30:1", "RKE2ControlPlane /cp a.yaml:25:1")
	if out := dumpAll(inv, nil); strings.Contains(out, planted) {
		t.Error(out)
	}
}
