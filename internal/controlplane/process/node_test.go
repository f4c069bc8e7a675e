package process_test

import (
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane/process"
)

func TestNodeIn(t *testing.T) {
	nodes := map[string]bool{"worker-1": true, "worker-10": true, "ip-10-0-0-1": true, "ip-10-0-0-1.ec2.internal": true, "a": true}
	for path, want := range map[string]string{
		"dump/worker-1/configz.json":             "worker-1",
		"dump/worker-10.json":                    "worker-10",
		"configz-worker-1.json":                  "worker-1",
		"dump/ip-10-0-0-1.ec2.internal.json":     "ip-10-0-0-1.ec2.internal",
		"dump/ip-10-0-0-1.json":                  "ip-10-0-0-1",
		"dump/worker-100.json":                   "",
		"ab.json":                                "",
		"x/a":                                    "a",
		"":                                       "",
		strings.Repeat("x/", 1000) + "/worker-1": "",
	} {
		if got := process.NodeIn(path, nodes); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
