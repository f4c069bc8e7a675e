package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report"
	"github.com/nist190/nist190/report/html"
	"github.com/nist190/nist190/report/junit"
	"github.com/nist190/nist190/report/ocsf"
	"github.com/nist190/nist190/report/openreports"
	"github.com/nist190/nist190/report/oscal"
	"github.com/nist190/nist190/report/prometheus"
	"github.com/nist190/nist190/report/sarif"
)

type output struct {
	format, file string
}

// formats are the writers by name. The file is where the output goes, nil for a stream that is no file.
var formats = map[string]func(w io.Writer, rep *nist190.Report, o *options, file *os.File) error{
	"text": func(w io.Writer, rep *nist190.Report, o *options, file *os.File) error {
		t := report.TextOptions{Color: isTerminal(file) && os.Getenv("NO_COLOR") == "", GroupBy: o.groupBy, Verbose: o.verbose}
		if err := report.Text(w, rep, t); err != nil || o.delta == nil {
			return err
		}
		fmt.Fprintf(w, "\nChanges since %s\n\n", o.baseline)
		return report.TextDelta(w, o.delta, t)
	},
	"json": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return report.JSON(w, rep, report.JSONOptions{})
	},
	"ndjson": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return report.NDJSON(w, rep, report.JSONOptions{})
	},
	"csv": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return report.CSV(w, rep, report.CSVOptions{})
	},
	"csv-requirements": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return report.CSVRequirements(w, rep, report.CSVOptions{})
	},
	"markdown": func(w io.Writer, rep *nist190.Report, o *options, _ *os.File) error {
		m := report.MarkdownOptions{GroupBy: o.groupBy, MaxBytes: report.SummaryLimit}
		if o.delta != nil { // both together keep the limit
			const part = report.SummaryLimit / 4
			m.MaxBytes -= part
			if err := report.MarkdownDelta(w, o.delta, report.MarkdownOptions{MaxBytes: part}); err != nil {
				return err
			}
		}
		return report.Markdown(w, rep, m)
	},
	"html": func(w io.Writer, rep *nist190.Report, o *options, _ *os.File) error {
		return html.Write(w, rep, html.Options{Delta: o.delta})
	},
	"junit": func(w io.Writer, rep *nist190.Report, o *options, _ *os.File) error {
		return junit.Write(w, rep, junit.Options{RequireEvidence: o.requireEvidence})
	},
	// Results, plan and catalog refer to each other as assessment-plan.json and catalog.json.
	"oscal": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return oscal.Write(w, rep, oscal.Options{})
	},
	"oscal-plan": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return oscal.WritePlan(w, rep, oscal.Options{})
	},
	"oscal-catalog": func(w io.Writer, _ *nist190.Report, _ *options, _ *os.File) error {
		return oscal.WriteCatalog(w, oscal.Options{})
	},
	"openreports": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return openreports.Write(w, rep, openreports.Options{})
	},
	"ocsf": func(w io.Writer, rep *nist190.Report, o *options, _ *os.File) error {
		return ocsf.Write(w, rep, ocsf.Options{Closed: o.fixed()})
	},
	"prometheus": func(w io.Writer, rep *nist190.Report, _ *options, _ *os.File) error {
		return prometheus.Write(w, rep, prometheus.Options{})
	},
	"sarif": func(w io.Writer, rep *nist190.Report, o *options, _ *os.File) error {
		return sarif.Write(w, rep, sarif.Options{Root: workingDirectory(), Absent: o.fixed()})
	},
}

// fixed are the findings of the baseline that no longer hold.
func (o *options) fixed() []*nist190.Finding {
	if o.delta == nil {
		return nil
	}
	return o.delta.Fixed
}

// workingDirectory is what paths are relative to for those who read a report beside a checkout.
func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

func formatNames() string {
	var names []string
	for n := range formats {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (o *options) addOutput(s string) error {
	format, file, _ := strings.Cut(s, "=")
	if formats[format] == nil {
		return fmt.Errorf("unknown format %q: want one of %s", format, formatNames())
	}
	o.outputs = append(o.outputs, output{format, file})
	return nil
}

func (o *options) write(rep *nist190.Report, stdout io.Writer) error {
	for _, out := range o.outputs {
		if err := out.write(rep, o, stdout); err != nil {
			return fmt.Errorf("%s: %w", out.format, err)
		}
	}
	return nil
}

func (out output) write(rep *nist190.Report, o *options, stdout io.Writer) (err error) {
	w := stdout
	file, _ := stdout.(*os.File)
	if out.file != "" {
		if file, err = os.Create(out.file); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		w = file
	}
	b := bufio.NewWriter(w)
	if err := formats[out.format](b, rep, o, file); err != nil {
		return err
	}
	return b.Flush()
}

// progress draws one line on a terminal, and nothing elsewhere.
func progress(w io.Writer) func(nist190.Event) {
	file, ok := w.(*os.File)
	if !ok || !isTerminal(file) {
		return nil
	}
	return func(e nist190.Event) {
		fmt.Fprintf(w, "\r\x1b[K%d/%d %s", e.Done, e.Total, e.Check)
		if e.Done == e.Total {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

func isTerminal(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
