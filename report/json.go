package report

import (
	"io"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/jsonstream"
)

// JSONOptions are those of [JSON] and [NDJSON].
type JSONOptions struct {
	// OmitRun leaves out what differs between two runs over equal input: times, and the size of the inventory. What is
	// left is byte for byte the same.
	OmitRun bool
	// Indent is white space to indent with; empty writes one line. NDJSON ignores it.
	Indent string
}

// JSON writes the whole report as one document of [Schema]. It holds one finding at a time in memory.
func JSON(w io.Writer, rep *nist190.Report, o JSONOptions) error {
	s := jsonstream.New(w, o.Indent)
	s.Begin(struct {
		header
		summary
	}{headerOf(rep, o.OmitRun), summaryOf(rep)}, "checks", 0)
	for i := range rep.Checks {
		c := &rep.Checks[i]
		s.Separate(i == 0, 2)
		s.Begin(checkOf(c), "findings", 2)
		for j := range c.Findings {
			if s.Err() != nil {
				return s.Err()
			}
			s.Separate(j == 0, 4)
			s.Write(s.Encode(findingOf(&c.Findings[j]), 4))
		}
		s.End(len(c.Findings) == 0, 2)
	}
	s.End(len(rep.Checks) == 0, 0)
	s.Write([]byte("\n"))
	return s.Flush()
}
