package distro_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/distro"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

// read splits a file of the form "-- name --\ntext" into files.
func read(data string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, part := range strings.Split("\n"+data, "\n-- ")[1:] {
		name, text, _ := strings.Cut(part, " --\n")
		files[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return files
}

func collect(t testing.TB, files fstest.MapFS) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{NoBootstrap: true}, files, "."))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func find(inv *inventory.Inventory) process.Found {
	var out process.Found
	for _, s := range distro.Sources() {
		out.Merge(s.Find(inv))
	}
	return out
}

// TestSources writes down what comes of every directory of testdata, and compares.
func TestSources(t *testing.T) {
	cases, _ := filepath.Glob("testdata/*.txt")
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			inv := collect(t, read(string(data)))
			got := render(find(inv))
			for _, p := range inv.Problems() {
				t.Error(p)
			}
			golden := strings.TrimSuffix(file, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func place(p process.Place) string {
	return p.Origin().String() + " " + inventory.PathString(p.Path...)
}

func render(found process.Found) string {
	var b strings.Builder
	for _, p := range found.Processes {
		fmt.Fprintf(&b, "%s %q %s complete=%v %s, of %s at %s\n", p.Component, p.Name, p.Version, p.Complete, p.Incomplete, p.Source, place(p.Place))
		for _, f := range p.Flags {
			switch {
			case f.Default && f.Doubt == "":
				fmt.Fprintf(&b, "  --%s=%s\n", f.Name, f.Value)
			case f.Default:
				fmt.Fprintf(&b, "  --%s=%s ? %s\n", f.Name, f.Value, f.Doubt)
			default:
				fmt.Fprintf(&b, "  --%s=%s %s at %s\n", f.Name, f.Value, f.Doubt, place(f.Place))
			}
		}
		for _, f := range p.Files {
			fmt.Fprintf(&b, "  file %s %s%s at %s\n", f.Path, f.Text, f.Missing, place(f.Place))
			if f.Defaults != nil {
				fmt.Fprintf(&b, "    where it does not have them %s, always %s\n", f.Defaults, f.Forced)
			}
		}
	}
	for _, j := range found.Joins {
		fmt.Fprintf(&b, "join %q control plane=%v method=%d endpoint=%s skip=%v token=%+v fallback=%v at %s\n", j.Node, j.ControlPlane, j.Method, j.Endpoint, j.SkipCA, j.Token, j.Fallback, place(j.Place))
	}
	for _, k := range found.Tokens {
		fmt.Fprintf(&b, "token %+v ttl=%v at %s\n", k.Payload, k.TTL, place(k.Place))
	}
	for _, p := range found.Problems {
		fmt.Fprintln(&b, "problem", p)
	}
	return b.String()
}

// TestLay is GetArgs of k3s, case by case.
func TestLay(t *testing.T) {
	const config = "cluster-init: true\nkube-scheduler-arg: %s\n"
	for args, want := range map[string]string{
		"[]":                            "profiling=false",
		"[profiling=true]":              "profiling=true",
		"[--profiling=true]":            "profiling=true",
		"[profiling]":                   "profiling=true",
		"['profiling=']":                "profiling=",
		"[profiling=a, profiling=b]":    "profiling=a profiling=b",
		"['profiling+=true']":           "profiling=false profiling=true",
		"['profiling-=true']":           "profiling=true profiling=false",
		"['profiling+=a', profiling=b]": "profiling=false profiling=a profiling=b",
		"[profiling=a, 'profiling-=b']": "profiling=b profiling=a",
		"['profiling=a=b']":             "profiling=a=b",
		"profiling=true":                "profiling=true",
	} {
		found := find(collect(t, fstest.MapFS{"k3s.yaml": {Data: fmt.Appendf(nil, config, args)}}))
		var got []string
		for _, p := range found.Processes {
			for _, f := range p.Flags {
				if p.Component == process.KubeScheduler && f.Name == "profiling" {
					got = append(got, f.Name+"="+f.Value)
				}
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", args, s, want)
		}
	}
}

// TestRoles: a file is taken for that of a server only where it can be no agent's.
func TestRoles(t *testing.T) {
	for text, server := range map[string]bool{
		"server: https://a:6443\ntoken: x\nkubelet-arg: [a=b]\n":       false,
		"server: https://a:6443\ntoken: x\ncluster-cidr: 10.0.0.0/8\n": true,
		"token: x\nkubelet-arg: [a=b]\n":                               true,
		"kubelet-arg: [a=b]\n":                                         false, // an agent has its server from the environment
	} {
		found := find(collect(t, fstest.MapFS{"etc/rancher/rke2/config.yaml": {Data: []byte(text)}}))
		got := false
		for _, p := range found.Processes {
			got = got || p.Component == process.KubeAPIServer
		}
		if got != server {
			t.Errorf("%q: server %v", text, got)
		}
	}
}

func TestVolumes(t *testing.T) {
	data, err := os.ReadFile("testdata/kops.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range distro.Volumes(collect(t, read(string(data)))) {
		encrypted := "?"
		if v.Encrypted != nil {
			encrypted = fmt.Sprint(*v.Encrypted)
		}
		got = append(got, fmt.Sprintf("%s etcd=%v %s %s %s", v.Owner, v.Etcd, encrypted, v.Key, place(v.Place)))
	}
	want := []string{
		"etcd member main/a etcd=true true k cluster.yaml:14 spec.etcdClusters[0].etcdMembers[0].encryptedVolume",
		"etcd member main/b etcd=true ?  cluster.yaml:15 spec.etcdClusters[0].etcdMembers[1]",
		"InstanceGroup control-plane etcd=false false  groups.yaml:4 spec.rootVolumeEncryption",
		"InstanceGroup elsewhere etcd=false ?  groups.yaml:16 spec",
		"InstanceGroup nodes etcd=false ?  groups.yaml:9 spec",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

const planted = "pl4nted-cr3dential"

// TestNothingIsRepeated: credentials are in no process, join, token or problem, whichever line is lost.
func TestNothingIsRepeated(t *testing.T) {
	cases, _ := filepath.Glob("testdata/*.txt")
	seen := false
	for _, file := range cases {
		data, _ := os.ReadFile(file)
		seen = seen || strings.Contains(string(data), planted)
		lines := strings.SplitAfter(string(data), "\n")
		for lost := range lines {
			files := read(strings.Join(slices.Concat(lines[:lost], lines[lost+1:]), ""))
			inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{NoBootstrap: true}, files, "."))
			found := find(inv)
			if out := fmt.Sprintf("%v %v %v %s", err, inv.Problems(), found.Problems, render(found)); strings.Contains(out, planted) {
				t.Fatalf("%s without line %d: %s", file, lost+1, out)
			}
		}
	}
	if !seen {
		t.Error("no case has a credential")
	}
}

func FuzzSources(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*.txt")
	for _, file := range cases {
		data, _ := os.ReadFile(file)
		for name, part := range read(string(data)) {
			f.Add(name, part.Data)
		}
	}
	f.Add("etc/rancher/k3s/config.yaml", []byte("kube-apiserver-arg: [-, +, --, '=', 'a+=b', 'a-=c', null]\ntoken: {class: base64, length: 3}\nserver: 5\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		inv, _ := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true, MaxDocuments: 20, MaxExpansion: 1 << 16}, "etc/"+name, data))
		for _, p := range find(inv).Processes {
			if p.Object == nil || p.Source == "" {
				t.Errorf("%s %q has no place", p.Component, p.Name)
			}
			for _, f := range p.Flags {
				if f.Name == "" || strings.HasPrefix(f.Name, "--") {
					t.Errorf("flag %q", f.Name)
				}
			}
		}
	})
}
