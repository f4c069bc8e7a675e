package report

import (
	"bufio"
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// CSVOptions are those of [CSV] and [CSVRequirements].
type CSVOptions struct {
	// BOM begins with a byte order mark, without which Excel does not read UTF-8.
	BOM bool
	// OpenOnly leaves out what passes, does not apply or is suppressed.
	OpenOnly bool
}

var findingColumns = []string{
	"risk", "sentences", "check", "title", "severity", "maxSeverity", "status", "provisional", "reason", "missing",
	"apiVersion", "kind", "namespace", "name", "key", "message", "uri", "line", "column", "strength", "remediation",
	"suppressionReason", "suppressionOwner", "suppressionExpires", "attestationStatement", "attestationOwner", "attestationExpires",
	"baselineState", "labels", "images", "owner", "fingerprint",
}

// CSV writes all findings as a table as of RFC 4180, with a row of names first. Columns keep their order; new ones are
// added behind. No cell is read as a formula by a spreadsheet: one that would be begins with an apostrophe.
func CSV(w io.Writer, rep *nist190.Report, o CSVOptions) error {
	return writeCSV(w, o, findingColumns, func(write func(...string) error) error {
		for f := range rep.Findings() {
			if s := view.SortOf(f); o.OpenOnly && (s == view.Passed || s == view.NotApplicable || s == view.Suppressed) {
				continue
			}
			if err := write(findingCells(f)...); err != nil {
				return err
			}
		}
		return nil
	})
}

func findingCells(f *nist190.Finding) []string {
	at, id := view.Place(f), subjectOf(f.Subject)
	if id.APIVersion == "" {
		id.APIVersion = id.Group
	}
	var missing, labels []string
	for _, m := range f.Missing {
		missing = append(missing, m.Evidence)
	}
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		labels = append(labels, k+"="+f.Labels[k])
	}
	suppression, attestation := nist190.Suppression{}, nist190.Attestation{}
	if f.Suppression != nil {
		suppression = *f.Suppression
	}
	if f.Attestation != nil {
		attestation = *f.Attestation
	}
	provisional, owner, remediation := "", "", f.Remediation
	if f.Provisional != f.Status {
		provisional = f.Provisional.String()
	}
	if f.Owner != nil {
		owner = f.Owner.String()
	}
	if remediation == "" && view.PointsAtField(f) {
		remediation = f.Check.Remediation
	}
	return []string{
		string(f.Check.Risk), list(view.Sentences(f.Check)), f.Check.ID, f.Check.Title, f.Severity.String(), f.MaxSeverity.String(),
		f.Status.String(), provisional, string(f.Reason), list(missing),
		id.APIVersion, id.Kind, id.Namespace, id.Name, f.Key, f.Message, at.URI, number(at.Line), number(at.Column), f.Strength.String(), plain.Text(remediation),
		suppression.Reason, suppression.Owner, suppression.Expires.String(), attestation.Statement, attestation.Owner, attestation.Expires.String(),
		string(f.Baseline), list(labels), list(f.Images), owner, f.Fingerprint,
	}
}

var requirementColumns = []string{
	"risk", "sentence", "text", "status", "strength", "checks", "missing", "unlock", "attestationStatement", "attestationOwner", "attestationExpires",
}

// CSVRequirements writes the answer to every sentence of section 4.3 as a table, in the manner of [CSV]. Where several
// attestations decided a sentence, they are listed.
func CSVRequirements(w io.Writer, rep *nist190.Report, o CSVOptions) error {
	return writeCSV(w, o, requirementColumns, func(write func(...string) error) error {
		for i := range rep.Requirements {
			q := &rep.Requirements[i]
			var statements, owners, expiries []string
			for _, a := range view.Attestations(rep, q) {
				statements = append(statements, a.Statement)
				owners = append(owners, a.Owner)
				expiries = append(expiries, a.Expires.String())
			}
			err := write(string(q.Sentence.Risk), q.Sentence.Key, q.Sentence.Text, q.Status.String(), q.Strength.String(),
				list(q.Checks), list(q.Missing), q.Unlock, list(statements), list(owners), list(expiries))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func writeCSV(w io.Writer, o CSVOptions, columns []string, rows func(write func(...string) error) error) error {
	out := bufio.NewWriter(w)
	if o.BOM {
		if _, err := out.WriteString("\ufeff"); err != nil {
			return err
		}
	}
	c := csv.NewWriter(out)
	c.UseCRLF = true
	if err := c.Write(columns); err != nil {
		return err
	}
	err := rows(func(cells ...string) error {
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		return c.Write(cells)
	})
	if err != nil {
		return err
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	return out.Flush()
}

// cell keeps spreadsheets from reading text as a formula: https://owasp.org/www-community/attacks/CSV_Injection, with
// the full-width signs that some input methods map to the others. Tabs and line breaks are gone by then; a cell that
// began with one is marked all the same.
func cell(s string) string {
	line := plain.Line(s)
	if strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") || strings.HasPrefix(s, "\n") ||
		slices.ContainsFunc([]string{"=", "+", "-", "@", "＝", "＋", "－", "＠"}, func(sign string) bool { return strings.HasPrefix(line, sign) }) {
		return "'" + line
	}
	return line
}

// list joins what is many in one cell.
func list(in []string) string { return strings.Join(in, "; ") }

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
