// Command defaults writes the defaults of several Kubernetes minors to the file that internal/controlplane/defaults embeds. Run
// it by "go generate ./internal/controlplane/defaults" in the root of the repository; it compiles a part of each version.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/nist190/nist190/test/upstream"
	"github.com/nist190/nist190/test/upstream/versions"
)

func main() {
	out := flag.String("o", "../../internal/controlplane/defaults/defaults.txt", "the file to write")
	from := flag.String("from", "", "a directory with what was printed before as MINOR.txt, for the minors that it has")
	flag.Parse()
	if err := run(*out, *from); err != nil {
		fmt.Fprintln(os.Stderr, "defaults:", err)
		os.Exit(1)
	}
}

const program = `package main
import "os"
func main() {
	text, err := Defaults(%d)
	if err != nil { panic(err) }
	os.Stdout.Write(text)
}`

func run(out, from string) error {
	var all []upstream.MinorDefaults
	for _, v := range versions.All {
		minor := versions.Minor(v)
		text, err := printed(from, minor)
		if err != nil {
			text, err = versions.Output(v, "defaults.go", fmt.Sprintf(program, minor))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
		all = append(all, upstream.MinorDefaults{Minor: minor, Lines: strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")})
	}
	text, err := upstream.JoinDefaults(all)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

func printed(dir string, minor int) ([]byte, error) {
	if dir == "" {
		return nil, os.ErrNotExist
	}
	return os.ReadFile(fmt.Sprintf("%s/%d.txt", dir, minor))
}
