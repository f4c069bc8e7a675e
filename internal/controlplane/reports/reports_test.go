package reports_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/controlplane/reports"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func collect(t *testing.T, files map[string]string) process.Found {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fsys, "."))
	if err != nil {
		t.Fatal(err)
	}
	return reports.Find(inv)
}

const head = "\nkube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n"

func TestFlagz(t *testing.T) {
	for _, separator := range []string{":", ": ", "=", " "} {
		text := head + strings.Join([]string{
			"admission-control-config-file" + separator,
			"anonymous-auth" + separator + "false",
			"authorization-mode" + separator + "[Node,RBAC]",
			"etcd-servers" + separator + "[https://127.0.0.1:2379]",
			"feature-gates" + separator + "A=true,B=false",
			"oidc-client-secret" + separator + "CLASSIFIED",
			"tls-cipher-suites" + separator + "[]",
		}, "\n") + "\n"
		p, err := reports.Flagz(text, process.Place{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range p.Flags {
			got[f.Name] = f.Value
			if f.Doubt != "" {
				got[f.Name] = "(doubt)"
			}
		}
		want := map[string]string{
			"admission-control-config-file": "", "anonymous-auth": "false", "authorization-mode": "Node,RBAC", "tls-cipher-suites": "",
			"etcd-servers": "https://127.0.0.1:2379", "feature-gates": "A=true,B=false", "oidc-client-secret": "(doubt)",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("separator %q: %s", separator, diff)
		}
		if p.Component != process.KubeAPIServer || !p.Effective {
			t.Errorf("%s, effective %v", p.Component, p.Effective)
		}
	}
	if _, err := reports.Flagz("coredns flagz\n", process.Place{}); err == nil {
		t.Error("of a component that is not known")
	}
}

func TestMetrics(t *testing.T) {
	text := `# TYPE x counter
kubernetes_feature_enabled{name="A",stage="ALPHA"} 1
kubernetes_feature_enabled{name="B",stage=""} 0
apiserver_admission_controller_admission_duration_seconds_count{name="NodeRestriction",operation="CREATE",rejected="false",type="admit"} 12
apiserver_admission_controller_admission_duration_seconds_count{name="NodeRestriction",operation="UPDATE",rejected="false",type="admit"} 2
apiserver_authorization_decisions_total{decision="allowed",name="node",type="Node"} 3
apiserver_authorization_decisions_total{decision="allowed",name="w",type="Webhook"} 0
apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:x",hash="sha256:y"} 1
kubernetes_build_info{git_version="v1.36.1",quote="a\"b}"} 1
broken{name="x 1
`
	p := reports.Metrics(text, process.Place{})
	var got []string
	for _, s := range p.Seen {
		on := "off"
		if s.On {
			on = "on"
		}
		got = append(got, s.Flag+" "+s.Item+" "+on+" "+inventory.PathString(s.Path...))
	}
	want := []string{"feature-gates A on [1]", "feature-gates B off [2]", "enable-admission-plugins NodeRestriction on [3]",
		"authorization-mode Node on [5]", "encryption-provider-config  on [7]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Version != "v1.36.1" || !p.Partial {
		t.Errorf("version %q, partial %v", p.Version, p.Partial)
	}
}

func TestNamesOfNodes(t *testing.T) {
	const configz = `{"kubeletconfig":{"authentication":{"anonymous":{"enabled":false}},"authorization":{"mode":"Webhook"}}}`
	node := func(name string) string { return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n" }
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"the file", map[string]string{"worker-1.json": configz}, "worker-1"},
		{"the file, with what it is", map[string]string{"configz-worker-1.json": configz}, "worker-1"},
		{"the directory", map[string]string{"worker-1/configz.json": configz}, "worker-1"},
		{"a node that is known", map[string]string{"dump/ip-10-0-0-1.ec2.internal.kubelet.json": configz, "n.yaml": node("ip-10-0-0-1.ec2.internal") + "---\n" + node("ip-10-0-0-1")}, "ip-10-0-0-1.ec2.internal"},
		{"no part of another name", map[string]string{"worker-10.json": configz, "n.yaml": node("worker-1")}, "worker-10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := collect(t, tt.files)
			if len(f.Processes) != 1 {
				t.Fatalf("%d processes, %v", len(f.Processes), f.Problems)
			}
			p := f.Processes[0]
			if p.Name != tt.want || p.Rank != process.Report || p.Strength != inventory.Observed {
				t.Errorf("%q, rank %d, %s", p.Name, p.Rank, p.Strength)
			}
		})
	}
}

func TestLinesOfReports(t *testing.T) {
	f := collect(t, map[string]string{
		"flagz.txt":   head + "anonymous-auth=false\n",
		"metrics.txt": "# HELP a b\n# TYPE a counter\nother 1\nkubernetes_feature_enabled{name=\"A\",stage=\"\"} 1\n",
		"flagz.yaml":  "apiVersion: config.k8s.io/v1beta1\nkind: Flagz\nmetadata: {name: kube-scheduler}\nflags: {profiling: \"false\"}\n",
	})
	if len(f.Processes) != 3 {
		t.Fatalf("%d processes, %v", len(f.Processes), f.Problems)
	}
	if at := f.Processes[0].Flags[0].Origin(); at.String() != "flagz.txt:4" {
		t.Errorf("the flag is at %s", at)
	}
	if p := f.Processes[1]; p.Component != process.KubeScheduler || p.Flags[0].Value != "false" || p.Flags[0].Origin().Line != 4 {
		t.Errorf("%s %v", p.Component, p.Flags)
	}
	if at := f.Processes[2].Seen[0].Origin(); at.String() != "metrics.txt:4" {
		t.Errorf("the sample is at %s", at)
	}
}

func FuzzReports(f *testing.F) {
	f.Add(head + "a=b\n")
	f.Add("kubelet flagz\na: b\nc: \n")
	f.Add("kubernetes_feature_enabled{name=\"A\\\"\",stage=\"\"} 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := reports.Flagz(text, process.Place{})
		if err == nil && p.Component == "" {
			t.Fatal("no component and no error")
		}
		if err != nil && len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Fatal("the error quotes the report")
		}
		for _, s := range reports.Metrics(text, process.Place{}).Seen {
			if s.Flag == "" {
				t.Fatal("of no flag")
			}
		}
	})
}
