// Package versions runs a program against the last patches of several Kubernetes minors, each in a module of its own.
package versions

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// All are the versions, the last of each minor, ascending; the newest is the one that the module test/upstream requires.
var All = []string{"1.30.14", "1.31.14", "1.32.13", "1.33.13", "1.34.4", "1.35.4", "1.36.3", "1.37.2"}

// Minor is the minor of a version.
func Minor(version string) int {
	var minor int
	fmt.Sscanf(version, "1.%d.", &minor)
	return minor
}

// Output is what a program prints that has a main file and a source file of package upstream, compiled against a version.
func Output(version, source, main string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "upstream")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	text, err := os.ReadFile(source)
	if err != nil {
		return nil, err
	}
	mod, err := moduleOf(version)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"go.mod":    mod,
		"source.go": strings.Replace(string(text), "package upstream", "package main", 1),
		"main.go":   main,
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

// instead are modules of a version that the module proxy does not have, with the patch before, which stands for it.
var instead = map[string]string{
	"k8s.io/kube-scheduler v0.31.14":          "v0.31.13",
	"k8s.io/kube-controller-manager v0.31.14": "v0.31.13",
	"k8s.io/kube-proxy v0.31.14":              "v0.31.11",
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
	fmt.Fprintf(&b, "module upstream\n\ngo 1.25.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n", version)
	for _, name := range slices.Compact(names) {
		v := "v0" + strings.TrimPrefix(version, "1")
		if instead, ok := instead[name+" "+v]; ok {
			v = instead
		}
		fmt.Fprintf(&b, "\t%s => %s %s\n", name, name, v)
	}
	return b.String() + ")\n", nil
}

func goCommand(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	return cmd.Output()
}
