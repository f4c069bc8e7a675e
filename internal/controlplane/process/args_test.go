package process_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/process"
)

func flat(flags []process.Flag) []string {
	var out []string
	for _, f := range flags {
		s := f.Name + "=" + f.Value
		if f.Doubt != "" {
			s += " ?"
		}
		out = append(out, s)
	}
	return out
}

func TestCommand(t *testing.T) {
	tests := []struct {
		name      string
		argv      []string
		component process.Component
		want      []string
	}{
		{"value after an equals sign", []string{"kube-apiserver", "--anonymous-auth=false"}, process.KubeAPIServer, []string{"anonymous-auth=false"}},
		{"value in the next word", []string{"/usr/local/bin/kube-apiserver", "--authorization-mode", "Node,RBAC", "--profiling"}, process.KubeAPIServer,
			[]string{"authorization-mode=Node,RBAC", "profiling=true"}},
		{"underscores", []string{"kube-apiserver", "--anonymous_auth=false"}, process.KubeAPIServer, []string{"anonymous-auth=false"}},
		{"a value with an equals sign", []string{"kube-apiserver", "--feature-gates=A=true,B=false"}, process.KubeAPIServer, []string{"feature-gates=A=true,B=false"}},
		{"an empty value", []string{"kube-controller-manager", "--cluster-signing-key-file="}, process.KubeControllerManager, []string{"cluster-signing-key-file="}},
		{"a boolean flag takes no second word", []string{"kube-apiserver", "--anonymous-auth", "false"}, process.KubeAPIServer, []string{"anonymous-auth=true ?"}},
		{"a flag without its value", []string{"kube-apiserver", "--authorization-mode", "--profiling"}, process.KubeAPIServer, []string{"authorization-mode= ?", "profiling=true"}},
		{"klog's shorthand", []string{"kube-apiserver", "-v", "2", "-v=4", "--profiling=false"}, process.KubeAPIServer, []string{"profiling=false"}},
		{"words behind --", []string{"kube-apiserver", "--", "--anonymous-auth=false"}, process.KubeAPIServer, nil},
		{"hyperkube", []string{"/hyperkube", "apiserver", "--anonymous-auth=false"}, process.KubeAPIServer, []string{"anonymous-auth=false"}},
		{"go-runner", []string{"/go-runner", "--log-file=/var/log/kube-apiserver.log", "/usr/local/bin/kube-apiserver", "--anonymous-auth=false"}, process.KubeAPIServer,
			[]string{"anonymous-auth=false"}},
		{"shell", []string{"/bin/sh", "-c", "exec kube-apiserver --authorization-mode=Node,RBAC \\\n  --anonymous-auth=false 1>>/var/log/a.log 2>&1"}, process.KubeAPIServer,
			[]string{"authorization-mode=Node,RBAC", "anonymous-auth=false"}},
		{"shell, bundled options, several commands", []string{"bash", "-exc", "set -o pipefail; sleep 1 && kube-scheduler --config='/etc/a b' | tee x"}, process.KubeScheduler,
			[]string{"config=/etc/a b"}},
		{"shell, a variable", []string{"sh", "-c", `etcd --name="$HOST" --client-cert-auth --trusted-ca-file ${CA}`}, process.Etcd,
			[]string{"name=$HOST ?", "client-cert-auth=true", "trusted-ca-file=${CA} ?"}},
		{"shell, words that may be flags", []string{"sh", "-c", `kube-apiserver --profiling=false $EXTRA --anonymous-auth=false`}, process.KubeAPIServer,
			[]string{"profiling=false ?", "anonymous-auth=false", "...= ?"}},
		{"shell, a flag whose name is computed", []string{"sh", "-c", `kube-apiserver --profiling=false "--$(cat x)=1"`}, process.KubeAPIServer,
			[]string{"profiling=false ?", "...= ?"}},
		{"etcd takes one dash", []string{"etcd", "-client-cert-auth", "-cert-file", "/c"}, process.Etcd, []string{"client-cert-auth=true", "cert-file=/c"}},
		{"busybox", []string{"busybox", "sh", "-c", "# start\nkubelet --config=/c &"}, process.Kubelet, []string{"config=/c"}},
		{"another program", []string{"/coredns", "-conf", "etcd.conf"}, "", nil},
		{"nothing", nil, "", nil},
		{"a shell without a script", []string{"sh", "-c"}, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, flags, open, ok := process.Command(process.Args(tt.argv, process.Place{}))
			if c != tt.component || ok != (tt.component != "") {
				t.Fatalf("component %q, %v", c, ok)
			}
			if open != "" {
				flags = append(flags, process.Flag{Name: "...", Doubt: open})
			}
			if diff := cmp.Diff(tt.want, flat(flags)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnvironmentOfEtcd(t *testing.T) {
	p := process.Process{Component: process.Etcd,
		Flags:       []process.Flag{{Name: "cert-file", Value: "/flag"}},
		Environment: []process.Variable{{Name: "ETCD_CERT_FILE", Value: "/env"}, {Name: "ETCD_CLIENT_CERT_AUTH", Value: "true"}, {Name: "ETCD_AUTO_TLS"}}}
	if f, _ := p.Last("cert-file"); f.Value != "/flag" {
		t.Errorf("cert-file is %q: a flag wins over the environment", f.Value)
	}
	if f, ok := p.Last("client-cert-auth"); !ok || f.Value != "true" {
		t.Errorf("client-cert-auth is %q, %v", f.Value, ok)
	}
	if _, ok := p.Last("auto-tls"); ok {
		t.Error("an empty variable sets no flag")
	}
}

func TestFiles(t *testing.T) {
	p := process.Process{
		Files:  []process.File{{Path: "/etc/a/x.yaml"}, {Path: "/etc/a/b/y.conf"}, {Path: "/etc/ab"}},
		Mounts: []process.Mount{{Path: "/etc/kubernetes/pki", Host: "/pki"}, {Path: "/etc/kubernetes", Host: "/srv/k"}, {Path: "/one", Host: "/two"}},
	}
	if _, ok := p.File("/etc/a/../a/x.yaml"); !ok {
		t.Error("a path is compared in its clean form")
	}
	if n := len(p.InDirectory("/etc/a/")); n != 2 {
		t.Errorf("%d files below /etc/a", n)
	}
	for in, want := range map[string]string{"/etc/kubernetes/pki/ca.crt": "/pki/ca.crt", "/etc/kubernetes/x": "/srv/k/x", "/one": "/two", "/other": "/other"} {
		if got := p.HostPath(in); got != want {
			t.Errorf("HostPath(%s) = %s, want %s", in, got, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("sh\x00-c\x00exec kube-apiserver --a=$(b) \"c\\\"\" 'd' 2>&1 & x")
	f.Add("kube-apiserver\x00--anonymous-auth\x00false")
	f.Add("etcd\x00-name\x00--\x00-")
	f.Add("bash\x00-c\x00kubelet `a ${b")
	f.Fuzz(func(t *testing.T, in string) {
		argv := strings.Split(in, "\x00")
		c, flags, _, ok := process.Command(process.Args(argv, process.Place{}))
		if ok != (c != "") {
			t.Fatalf("component %q, %v", c, ok)
		}
		for _, f := range flags {
			if f.Name == "" {
				t.Fatalf("a flag without a name in %q", in)
			}
		}
	})
}
