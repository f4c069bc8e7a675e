package nodetrust

import (
	"os"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/checktest"
)

func TestRuntimeSocket(t *testing.T) {
	checktest.Run(t, RuntimeSocket(), os.DirFS("testdata/nodetrust-runtime-socket"))
}

func TestHostPath(t *testing.T) {
	for _, tt := range []struct{ path, sub, want string }{
		{"/var/run/docker.sock", "", "/run/docker.sock"},
		{"/var/run", "", "/run"},
		{"/var/runner", "", "/var/runner"},
		{"//etc//kubernetes/", "", "/etc/kubernetes"},
		{"/x/../../etc", "", "/etc"},
		{"/var", "run/docker.sock", "/run/docker.sock"},
		{"/var/log", "$(POD_NAME)", "/var/log"},
		{"/var/log", "pods/$(POD_NAME)", "/var/log/pods"},
		{"", "", "/"},
	} {
		if got := hostPath(tt.path, tt.sub); got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.path, tt.sub, got, tt.want)
		}
	}
}

func TestExposes(t *testing.T) {
	for path, want := range map[string]int{
		"/": len(nodePaths), "/run/docker.sock": 1, "/run/docker.sock.d": 0, "/etc": 2, "/etc/kubernetes/manifests": 1,
		"/etc/kubernetes/pki/ca.crt": 0, "/etc/kubernetes/pki/ca.key": 1, "/etc/kubernetes-x": 0, "/var/lib": 4, "/var/log": 0, "/proc": 0,
		"/run/docker.sock/x": 0,
	} {
		if got := exposes(path); len(got) != want {
			t.Errorf("%q exposes %d places, want %d: %v", path, len(got), want, got)
		}
	}
}

func TestUserIsConfined(t *testing.T) {
	yes, no, root, nobody := true, false, int64(0), int64(65534)
	drop := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	for _, tt := range []struct {
		name string
		pod  *corev1.PodSecurityContext
		c    *corev1.SecurityContext
		want bool
	}{
		{"nothing is said: the image decides", nil, nil, false},
		{"a user of the pod", &corev1.PodSecurityContext{RunAsUser: &nobody}, nil, true},
		{"overridden by the container", &corev1.PodSecurityContext{RunAsUser: &nobody}, &corev1.SecurityContext{RunAsUser: &root}, false},
		{"non-root is checked at the start", &corev1.PodSecurityContext{RunAsNonRoot: &yes}, nil, true},
		{"which the container can take back", &corev1.PodSecurityContext{RunAsNonRoot: &yes}, &corev1.SecurityContext{RunAsNonRoot: &no}, false},
		{"privileged", &corev1.PodSecurityContext{RunAsUser: &nobody}, &corev1.SecurityContext{Privileged: &yes}, false},
		{"a capability over files", &corev1.PodSecurityContext{RunAsUser: &nobody}, &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CAP_dac_read_search"}}}, false},
		{"harmless capabilities", &corev1.PodSecurityContext{RunAsUser: &nobody}, &corev1.SecurityContext{Capabilities: drop}, true},
		{"the group of root", &corev1.PodSecurityContext{RunAsUser: &nobody, SupplementalGroups: []int64{0}}, nil, false},
	} {
		if got := userOf(tt.pod, tt.c).confined(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestSeveritiesFollowWhatIsReached(t *testing.T) {
	for _, p := range nodePaths {
		if p.severity == 0 || p.what == "" || hostPath(p.path, "") != p.path {
			t.Errorf("%+v", p)
		}
	}
	if !slices.ContainsFunc(exposes("/var/lib/kubelet/pods"), func(p trusted) bool {
		return p.what == "part of the kubelet's credentials and the volumes of every pod on the node"
	}) {
		t.Error("a part is not called one")
	}
}
