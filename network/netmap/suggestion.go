package netmap

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190/network"
)

// WriteSuggestion writes the policies of a suggestion as YAML documents, behind comments with the proof: what they would
// close, what would be lost, what would be open beyond what is required, and what could not be written.
func WriteSuggestion(w io.Writer, s *network.Suggestion) error {
	b := bufio.NewWriter(w)
	comment := func(format string, args ...any) {
		// A name could end the comment.
		fmt.Fprintf(b, "# %s\n", plain(strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD")))
	}
	comment("policies, beside those that there are: %d; connections between workloads that they close: %d, that they narrow: %d", len(s.Policies), s.Removed, s.Narrowed)
	comment("required connections that do not pass: %d; ways that are open and nothing requires: %d", len(s.Lost), len(s.Excess))
	for _, r := range s.Lost {
		comment("does not pass: %s => %s : %s (%s)", endName(r.From), endName(r.To), r.Ports, r.Why)
	}
	for _, e := range s.Excess {
		comment("open beyond what is required: %s => %s : %s", e.From.Key(), e.To.Key(), words(e.May))
	}
	for _, text := range s.Skipped {
		comment("%s", text)
	}
	for _, p := range s.Policies {
		text, err := yaml.Marshal(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "---\n%s", text)
	}
	return b.Flush()
}

// endName is an end as messages call it; the zero one is anybody.
func endName(e network.End) string {
	switch {
	case e.Pod != nil:
		return e.Pod.Workload.Ref().String()
	case e.Addr.IsValid():
		return e.Addr.String()
	}
	return "anybody"
}
