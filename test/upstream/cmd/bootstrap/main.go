// Command bootstrap writes the RBAC bootstrap policies of several Kubernetes minors to the file that internal/bootstrap
// embeds. Run it by "go generate ./internal/bootstrap" in the root of the repository; it compiles a part of each version.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/nist190/nist190/test/upstream"
)

// versions are those whose policy is written, the last of each minor, ascending; the newest is the one that this module
// requires. Patches do not change the policy.
var versions = []string{"1.30.14", "1.31.14", "1.32.13", "1.33.13", "1.34.4", "1.35.4", "1.36.3", "1.37.2"}

func main() {
	out := flag.String("o", "../../internal/bootstrap/policy.jsonl", "the file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "bootstrap:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	var all []upstream.Policy
	for _, v := range versions {
		text, err := policyOf(v)
		if err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
		// Written as null before apimachinery v0.34.
		text = bytes.ReplaceAll(text, []byte(`"creationTimestamp":null,`), nil)
		all = append(all, upstream.Policy{Minor: minorOf(v), Objects: bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))})
	}
	text, err := upstream.JoinPolicies(all)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

func minorOf(version string) int {
	var minor int
	fmt.Sscanf(version, "1.%d.", &minor)
	return minor
}

// policyOf runs upstream.BootstrapPolicy against a version of Kubernetes, in a module of its own.
func policyOf(version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bootstrap")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source, err := os.ReadFile("bootstrap.go")
	if err != nil {
		return nil, err
	}
	mod, err := moduleOf(version)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"go.mod":       mod,
		"bootstrap.go": strings.Replace(string(source), "package upstream", "package main", 1),
		"main.go": `package main
import "os"
func main() {
	policy, err := BootstrapPolicy()
	if err != nil { panic(err) }
	os.Stdout.Write(policy)
}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if _, err := goCommand(dir, "mod", "tidy"); err != nil {
		return nil, err
	}
	return goCommand(dir, "run", ".")
}

var staging = regexp.MustCompile(`(?m)^\s*(k8s\.io/\S+) v0\.0\.0\s*$`)

// moduleOf is a go.mod that requires a version of Kubernetes: what it requires as v0.0.0 is published with it as v0.x.
func moduleOf(version string) (string, error) {
	download, err := goCommand("", "mod", "download", "-json", "k8s.io/kubernetes@v"+version)
	if err != nil {
		return "", err
	}
	var module struct{ GoMod string }
	if err := json.Unmarshal(download, &module); err != nil {
		return "", err
	}
	text, err := os.ReadFile(module.GoMod)
	if err != nil {
		return "", err
	}
	var names []string
	for _, m := range staging.FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "module bootstrap\n\ngo 1.25.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n", version)
	for _, name := range slices.Compact(names) {
		fmt.Fprintf(&b, "\t%s => %s v0%s\n", name, name, strings.TrimPrefix(version, "1"))
	}
	return b.String() + ")\n", nil
}

func goCommand(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	return cmd.Output()
}
