package cloud_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

func load(t testing.TB, name string, data []byte) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, name, data))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// TestFind writes down every value of every description beside its place, and compares.
func TestFind(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	more, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range append(files, more...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found := cloud.Find(load(t, filepath.Base(file), data))
			var b strings.Builder
			for _, c := range found.Clusters {
				describe(&b, "", reflect.ValueOf(c))
			}
			for _, p := range found.Problems {
				fmt.Fprintln(&b, "problem", p)
			}
			golden := file + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), b.String()); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// describe writes the fields of a struct; unknown values say why.
func describe(b *strings.Builder, indent string, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch {
		case name == "Place":
			p := f.Interface().(process.Place)
			fmt.Fprintf(b, "%s@ %s %s\n", indent, p.Origin(), inventory.PathString(p.Path...))
		case strings.HasPrefix(f.Type().Name(), "Value["):
			at := f.FieldByName("Place").Interface().(process.Place)
			switch {
			case !f.FieldByName("Known").Bool():
				if why := f.FieldByName("Why").String(); why != "" {
					fmt.Fprintf(b, "%s%s ? %s\n", indent, name, why)
				}
			case f.FieldByName("Default").Bool():
				fmt.Fprintf(b, "%s%s = %v by default\n", indent, name, f.FieldByName("V"))
			default:
				fmt.Fprintf(b, "%s%s = %v at %s:%s\n", indent, name, f.FieldByName("V"), at.Origin(), inventory.PathString(at.Path...))
			}
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			for j := range f.Len() {
				fmt.Fprintf(b, "%s%s\n", indent, name)
				describe(b, indent+"  ", f.Index(j))
			}
		case !f.IsZero():
			fmt.Fprintf(b, "%s%s %v\n", indent, name, f)
		}
	}
}

// TestWrongShapes: a value of a wrong type is unknown, and a problem at its place that does not repeat it.
func TestWrongShapes(t *testing.T) {
	const text = `{"cluster": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod", "version": 1.33,
"resourcesVpcConfig": {"endpointPublicAccess": "hunter2", "publicAccessCidrs": ["a", 5]},
"accessConfig": ["hunter2"], "logging": {"clusterLogging": {"types": "hunter2"}}, "encryptionConfig": "hunter2"}}`
	found := cloud.Find(load(t, "a.json", []byte(text)))
	if len(found.Clusters) != 1 {
		t.Fatalf("%d clusters", len(found.Clusters))
	}
	c := found.Clusters[0]
	for name, v := range map[string]bool{"version": c.Version.Known, "public": c.PublicEndpoint.Known, "networks": c.AllowedNetworks.Known,
		"aws-auth": c.ConfigMapAuth.Known, "creator": c.CreatorIsAdmin.Known} {
		if v {
			t.Errorf("%s is known", name)
		}
	}
	var got []string
	for _, p := range found.Problems {
		got = append(got, p.String())
	}
	want := []string{
		"a.json:1: cluster.version: a number where text is wanted",
		"a.json:2: cluster.resourcesVpcConfig.endpointPublicAccess: text where true or false is wanted",
		"a.json:2: cluster.resourcesVpcConfig.publicAccessCidrs: a list where a list of texts is wanted",
		"a.json:3: cluster.accessConfig: a list where a mapping is wanted",
		"a.json:3: cluster.encryptionConfig: text where a list is wanted",
		"a.json:3: cluster.logging.clusterLogging: a mapping where a list is wanted",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if strings.Contains(fmt.Sprint(found), "hunter2") {
		t.Error("a value is repeated")
	}
}

// TestAnyShape puts a text, a number, a list and a mapping in the place of every value: what is said of it is not the value.
func TestAnyShape(t *testing.T) {
	const planted = "pl4nted"
	files, _ := filepath.Glob("testdata/*.json")
	n := 0
	for _, file := range files {
		data, _ := os.ReadFile(file)
		for _, value := range regexp.MustCompile(`: ("[^"]*"|true|false|\[|\{)`).FindAllSubmatchIndex(data, -1) {
			begin, end := value[2], value[3]
			if c := data[begin]; c == '[' || c == '{' {
				end = begin + len(bytes.TrimRight(balanced(data[begin:]), " "))
			}
			for _, with := range []string{`"` + planted + `"`, "5", `["` + planted + `"]`, `{"x": "` + planted + `"}`} {
				text := slices.Concat(data[:begin], []byte(with), data[end:])
				inv, _ := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, "a.json", text))
				n++
				for _, p := range cloud.Find(inv).Problems {
					if strings.Contains(p.String(), planted) || p.Origin.Line < 1 {
						t.Fatalf("%s: %s", file, p)
					}
				}
			}
		}
	}
	if n < 500 {
		t.Errorf("%d values", n)
	}
}

// balanced is the value in brackets at the start of data.
func balanced(data []byte) []byte {
	depth, quoted := 0, false
	for i, c := range data {
		switch {
		case c == '"' && (i == 0 || data[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return data[:i+1]
			}
		}
	}
	return data
}

// TestPlanLeavesOpen: what a plan does not have is not known, whatever the default of the API is.
func TestPlanLeavesOpen(t *testing.T) {
	const text = `{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {"resources": [
{"address": "a", "mode": "managed", "type": "aws_eks_cluster", "name": "c", "values": {"name": "prod", "version": null, "encryption_config": []}},
{"address": "d", "mode": "data", "type": "aws_eks_cluster", "name": "d", "values": {"name": "other"}}]}}}`
	found := cloud.Find(load(t, "p.json", []byte(text)))
	if len(found.Clusters) != 1 || !found.Clusters[0].Planned {
		t.Fatalf("%+v", found.Clusters)
	}
	c := found.Clusters[0]
	if c.PublicEndpoint.Known || c.ConfigMapAuth.Known || c.AuditLog.Known || c.Version.Known || c.External.Known {
		t.Errorf("%+v", c)
	}
	if !c.SecretsKey.Known || c.SecretsKey.V.Set {
		t.Errorf("an empty block is a value: %+v", c.SecretsKey)
	}
}

// TestLaunchTemplates: a node group has what its launch template says, where the plan tells which one that is.
func TestLaunchTemplates(t *testing.T) {
	const plan = `{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {"resources": [
{"address": "a", "mode": "managed", "type": "aws_eks_cluster", "name": "c", "values": {"name": "prod"}},
{"address": "other", "mode": "managed", "type": "aws_launch_template", "name": "o", "values": {"name": "other", "block_device_mappings": [{"ebs": [{"encrypted": "false"}]}]}}],
"child_modules": [{"address": "module.n", "resources": [
{"address": "module.n.t", "mode": "managed", "type": "aws_launch_template", "name": "t", "values": {"name_prefix": "n-", TEMPLATE}},
{"address": "module.n.g", "mode": "managed", "type": "aws_eks_node_group", "name": "g", "values": {"cluster_name": "prod", "node_group_name": "g", "launch_template": [REF]}}]}]}}}`
	const hidden = `"metadata_options": [{"http_tokens": "required", "http_put_response_hop_limit": 1}]`
	for _, tt := range []struct{ name, template, ref, want string }{
		{"encrypted", `"block_device_mappings": [{"ebs": [{"encrypted": "true", "kms_key_id": "k"}]}], ` + hidden, `{}`, "true {true k []} true"},
		{"one is not", `"block_device_mappings": [{"ebs": [{"encrypted": "true"}]}, {"ebs": [{"encrypted": "false"}]}, {"ebs": [{"encrypted": null}]}]`, `{}`, "false ? ?"},
		{"one is not known", `"block_device_mappings": [{"ebs": [{"encrypted": "true"}]}, {"ebs": [{"encrypted": null}]}]`, `{}`, "? ? ?"},
		{"two hops", `"metadata_options": [{"http_tokens": "required", "http_put_response_hop_limit": 2}]`, `{}`, "? ? false"},
		{"tokens are optional", `"metadata_options": [{"http_tokens": "optional", "http_put_response_hop_limit": 1}]`, `{}`, "? ? false"},
		{"by name", hidden, `{"name": "other"}`, "false ? ?"},
		{"a template that is not in the plan", hidden, `{"id": "lt-1"}`, "? ? ?"},
	} {
		text := strings.NewReplacer("TEMPLATE", tt.template, "REF", tt.ref).Replace(plan)
		p := cloud.Find(load(t, "p.json", []byte(text))).Clusters[0].Pools[0]
		show := func(known bool, v any) string {
			if !known {
				return "?"
			}
			return fmt.Sprint(v)
		}
		got := show(p.DisksEncrypted.Known, p.DisksEncrypted.V) + " " + show(p.DiskKey.Known, p.DiskKey.V) + " " + show(p.MetadataHidden.Known, p.MetadataHidden.V)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestEntries: entries that are listed and not described leave open who has rights.
func TestEntries(t *testing.T) {
	data, _ := os.ReadFile("testdata/eks.json")
	c := cloud.Find(load(t, "a.json", data)).Clusters[0]
	if c.EntriesComplete.Known || len(c.Entries) != 2 || c.Entries[1].Groups.Known {
		t.Errorf("one of two is described: %+v", c.EntriesComplete)
	}
	described := strings.Replace(string(data), `, "arn:aws:iam::111122223333:role/nodes"]`, "]", 1)
	c = cloud.Find(load(t, "a.json", []byte(described))).Clusters[0]
	if !c.EntriesComplete.Known || !c.EntriesComplete.V || len(c.Entries[0].Policies) != 2 || !c.Entries[0].Policies[0].ClusterAdmin() {
		t.Errorf("%+v", c.EntriesComplete)
	}
}

func TestAsserted(t *testing.T) {
	data, _ := os.ReadFile("testdata/eks.json")
	eks := cloud.Find(load(t, "a.json", data)).Clusters[0]
	with := func(change func(c *cloud.Cluster)) *cloud.Cluster {
		c := eks
		change(&c)
		return &c
	}
	version := func(v string) *cloud.Cluster { return with(func(c *cloud.Cluster) { c.Version.V = v }) }
	for _, tt := range []struct {
		name    string
		cluster *cloud.Cluster
		claim   cloud.Claim
		want    bool
	}{
		{"1.33", &eks, cloud.EtcdEnveloped, true},
		{"1.27", version("1.27"), cloud.EtcdEnveloped, false},
		{"a version that cannot be read", version("latest"), cloud.EtcdEnveloped, false},
		{"no version", with(func(c *cloud.Cluster) { c.Version.Known = false }), cloud.EtcdEnveloped, false},
		{"listed minor", version("1.32"), cloud.NodeRestrictionOn, true},
		{"newer than the document", version("1.40"), cloud.NodeRestrictionOn, false},
		{"on premises", with(func(c *cloud.Cluster) { c.External.V = true }), cloud.EtcdAtRest, false},
		{"whatever the version", with(func(c *cloud.Cluster) { c.Version.Known = false }), cloud.EtcdAtRest, true},
		{"zones", &eks, cloud.QuorumSurvives, true},
		{"zones unknown", with(func(c *cloud.Cluster) { c.Regional.Known = false }), cloud.QuorumSurvives, false},
		{"another vendor's statement", with(func(c *cloud.Cluster) { c.Vendor = cloud.AKS }), cloud.QuorumSurvives, false},
	} {
		if a, ok := tt.cluster.Asserted(tt.claim); ok != tt.want || ok && (a.Document == "" || a.Read == "" || a.Statement == "") {
			t.Errorf("%s: %v, want %v", tt.name, ok, tt.want)
		}
	}
}

func TestDetect(t *testing.T) {
	node := func(labels, provider, version string) string {
		return "apiVersion: v1\nkind: Node\nmetadata:\n  name: n" + fmt.Sprint(len(labels)+len(provider)) + "\n  labels: {" + labels + "}\nspec: {providerID: '" + provider + "'}\nstatus: {nodeInfo: {kubeletVersion: '" + version + "'}}\n---\n"
	}
	eks, gke := node("eks.amazonaws.com/nodegroup: a", "aws:///eu-west-1a/i-1", "v1.33.1-eks-1"), node("cloud.google.com/gke-nodepool: a", "gce://p/z/n", "v1.33.4-gke.1")
	for name, tt := range map[string]struct {
		text string
		want cloud.Vendor
	}{
		"eks": {eks, cloud.EKS}, "gke": {gke, cloud.GKE},
		"aks":                          {node("kubernetes.azure.com/cluster: a", "azure:///subscriptions/s", "v1.33.4"), cloud.AKS},
		"by the kubelet's version":     {node("", "", "v1.33.1-eks-1"), cloud.EKS},
		"hybrid":                       {node("eks.amazonaws.com/compute-type: hybrid", "eks-hybrid:///eu-west-1/c/mi-1", "v1.33.1"), cloud.EKS},
		"machines of AWS":              {node("topology.kubernetes.io/region: eu-west-1", "aws:///eu-west-1a/i-1", "v1.33.1"), ""},
		"a label on other machines":    {node("cloud.google.com/gke-nodepool: a", "aws:///eu-west-1a/i-1", "v1.33.1"), ""},
		"two vendors":                  {eks + gke, ""},
		"a control plane of one's own": {eks + node("node-role.kubernetes.io/control-plane: ''", "", ""), ""},
		"by /version":                  {`{"major": "1", "minor": "33", "gitVersion": "v1.33.5-gke.100", "gitCommit": "c", "goVersion": "go1.24", "platform": "linux/amd64"}`, cloud.GKE},
	} {
		got, ok := cloud.Detect(load(t, "n.yaml", []byte(tt.text)))
		if ok != (tt.want != "") || ok && (got.Vendor != tt.want || got.Why == "" || got.IsZero()) {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func FuzzFind(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.*")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, ".golden") {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, _ := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true, MaxDocuments: 20, MaxExpansion: 1 << 16}, "f.yaml", data))
		found := cloud.Find(inv)
		for i := range found.Clusters {
			c := &found.Clusters[i]
			c.Asserted(cloud.EtcdEnveloped)
			if c.Object == nil || c.Origin().Line < 1 {
				t.Errorf("%s: no place", c.Name)
			}
		}
		cloud.Detect(inv)
	})
}
