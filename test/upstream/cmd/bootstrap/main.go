// Command bootstrap writes the RBAC bootstrap policies of several Kubernetes minors to the file that internal/bootstrap
// embeds. Run it by "go generate ./internal/bootstrap" in the root of the repository; it compiles a part of each version.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	"github.com/nist190/nist190/test/upstream"
	"github.com/nist190/nist190/test/upstream/versions"
)

func main() {
	out := flag.String("o", "../../internal/bootstrap/policy.jsonl", "the file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "bootstrap:", err)
		os.Exit(1)
	}
}

// program prints upstream.BootstrapPolicy. Patches do not change it.
const program = `package main
import "os"
func main() {
	policy, err := BootstrapPolicy()
	if err != nil { panic(err) }
	os.Stdout.Write(policy)
}`

func run(out string) error {
	var all []upstream.Policy
	for _, v := range versions.All {
		text, err := versions.Output(v, "bootstrap.go", program)
		if err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
		// Written as null before apimachinery v0.34.
		text = bytes.ReplaceAll(text, []byte(`"creationTimestamp":null,`), nil)
		all = append(all, upstream.Policy{Minor: versions.Minor(v), Objects: bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))})
	}
	text, err := upstream.JoinPolicies(all)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}
