// Command bootstrap writes the RBAC bootstrap policy of the Kubernetes version that this module requires to the file that
// internal/bootstrap embeds. Run it by "go generate ./internal/bootstrap" in the root of the repository.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/nist190/nist190/test/upstream"
)

func main() {
	out := flag.String("o", "../../internal/bootstrap/policy.jsonl", "the file to write")
	flag.Parse()
	policy, err := upstream.BootstrapPolicy()
	if err == nil {
		err = os.WriteFile(*out, policy, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bootstrap:", err)
		os.Exit(1)
	}
}
