package report

import (
	"io"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/jsonstream"
)

// The types of lines, in the order in which they come.
const (
	lineHeader  = "header"
	lineFinding = "finding"
	lineTrailer = "trailer"
)

type headerLine struct {
	Type string `json:"type"`
	header
}

type findingLine struct {
	Type      string   `json:"type"`
	Check     string   `json:"check"`
	Title     string   `json:"title"`
	Risk      string   `json:"risk"`
	Sentences []string `json:"sentences"`
	finding
}

type trailerLine struct {
	Type string `json:"type"`
	summary
	Checks []check `json:"checks"`
}

// NDJSON writes the report as lines of JSON, for log pipelines: a header, one line per finding, and a trailer with the
// verdicts and the number of findings, so that a reader can tell a report that was cut off. The definition "line" of
// [Schema] describes them.
func NDJSON(w io.Writer, rep *nist190.Report, o JSONOptions) error {
	s := jsonstream.New(w, "")
	line := func(v any) {
		s.Write(s.Encode(v, 0))
		s.Write([]byte("\n"))
	}
	line(headerLine{lineHeader, headerOf(rep, o.OmitRun)})
	trailer := trailerLine{Type: lineTrailer, Checks: []check{}}
	for i := range rep.Checks {
		c := checkOf(&rep.Checks[i])
		trailer.Checks = append(trailer.Checks, c)
		for j := range rep.Checks[i].Findings {
			if s.Err() != nil {
				return s.Err()
			}
			line(findingLine{lineFinding, c.ID, c.Title, c.Risk, c.Sentences, findingOf(&rep.Checks[i].Findings[j])})
		}
	}
	trailer.summary = summaryOf(rep)
	line(trailer)
	return s.Flush()
}
