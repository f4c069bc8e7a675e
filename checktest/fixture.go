package checktest

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// fixture is a manifest with what its comments expect.
type fixture struct {
	name  string
	text  []byte
	masks []inventory.CoverageEntry
	wants []*want
}

type want struct {
	line    int // 0 for a finding without a place
	status  nist190.Status
	message *regexp.Regexp
	met     bool
}

func (w *want) String() string {
	s := strings.ToLower(w.status.String())
	if w.message != nil {
		s += " " + strconv.Quote(w.message.String())
	}
	return s
}

var wantComment = regexp.MustCompile(`(?:^|\s)# (want|want-cluster) (.*)$`)

func parseFixture(name string, text []byte) (*fixture, error) {
	f := &fixture{name: name, text: text}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if rest, ok := strings.CutPrefix(line, "# coverage: "); ok {
			e, err := parseCoverage(rest)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			f.masks = append(f.masks, e)
			continue
		}
		m := wantComment.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		at := n
		if m[1] == "want-cluster" {
			at = 0
		}
		ws, err := parseWants(at, m[2])
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		f.wants = append(f.wants, ws...)
	}
	return f, lines.Err()
}

func parseCoverage(s string) (inventory.CoverageEntry, error) {
	fields := strings.Fields(s)
	if len(fields) < 2 || len(fields) > 3 {
		return inventory.CoverageEntry{}, fmt.Errorf("coverage %q: want RESOURCE STATE [NAMESPACE]", s)
	}
	gk, ok := inventory.KindOfResource(fields[0])
	if kind := schema.ParseGroupKind(fields[0]); !ok && kind.Kind != "" && unicode.IsUpper(rune(kind.Kind[0])) {
		gk, ok = kind, true // Kind.group, of what is not built in
	}
	if !ok {
		return inventory.CoverageEntry{}, fmt.Errorf("coverage: unknown resource %q", fields[0])
	}
	e := inventory.CoverageEntry{Group: gk.Group, Kind: gk.Kind, Coverage: inventory.Coverage{Reason: "the fixture says so"}}
	if err := e.State.UnmarshalText([]byte(fields[1])); err != nil {
		return e, err
	}
	if len(fields) == 3 {
		e.Namespace = fields[2]
	}
	return e, nil
}

var statuses = map[string]nist190.Status{
	"fail": nist190.Fail, "pass": nist190.Pass, "error": nist190.Error,
	"notassessed": nist190.NotAssessed, "notapplicable": nist190.NotApplicable,
}

func parseWants(line int, s string) ([]*want, error) {
	var out []*want
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' || s[0] == '`' {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil || len(out) == 0 || out[len(out)-1].message != nil {
				return nil, fmt.Errorf("want %q: a pattern must be quoted and follow a status", s)
			}
			text, _ := strconv.Unquote(quoted) // QuotedPrefix returned a valid literal
			re, err := regexp.Compile(text)
			if err != nil {
				return nil, err
			}
			out[len(out)-1].message = re
			s = s[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(s, " ")
		st, ok := statuses[word]
		if !ok {
			return nil, fmt.Errorf("want: %q is no status", word)
		}
		out = append(out, &want{line: line, status: st})
		s = rest
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("want: names no status")
	}
	return out, nil
}
