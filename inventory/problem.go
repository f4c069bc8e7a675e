package inventory

import (
	"cmp"
	"slices"
)

// ProblemCode classifies a [Problem].
type ProblemCode string

const (
	ProblemUnreadable      ProblemCode = "Unreadable"      // a path that does not exist or cannot be opened
	ProblemTooLarge        ProblemCode = "TooLarge"        // over a size, depth or count limit
	ProblemEncoding        ProblemCode = "Encoding"        // binary, NUL bytes, invalid UTF-8
	ProblemSyntax          ProblemCode = "Syntax"          // not YAML or JSON
	ProblemTemplate        ProblemCode = "Template"        // an unrendered template, never evidence
	ProblemNotKubernetes   ProblemCode = "NotKubernetes"   // valid YAML of another tool
	ProblemDuplicateKey    ProblemCode = "DuplicateKey"    // the last value counts, as for kubectl
	ProblemDivergent       ProblemCode = "Divergent"       // parsers disagree on it; kubectl's reading counts
	ProblemDuplicateObject ProblemCode = "DuplicateObject" // described twice; the last counts
	ProblemInvalid         ProblemCode = "Invalid"         // no API object: the API server would reject it
	ProblemUndecodable     ProblemCode = "Undecodable"     // an API object whose fields have the wrong types
	ProblemUnknownField    ProblemCode = "UnknownField"    // a field outside the schema known here
	ProblemSkipped         ProblemCode = "Skipped"         // left out on purpose, by configuration
	ProblemIncomplete      ProblemCode = "Incomplete"      // a live listing that did not finish
	ProblemConfiguration   ProblemCode = "Configuration"   // a suppression or attestation that is malformed, expired or unused
)

// ProblemLevel says whether a Problem cost evidence.
type ProblemLevel uint8

const (
	// ProblemWarning is the zero value: something was lost or may be read differently elsewhere.
	ProblemWarning ProblemLevel = iota
	// ProblemNotice: nothing was lost.
	ProblemNotice
	// ProblemError: an input that the caller named could not be used.
	ProblemError
)

func (l ProblemLevel) String() string {
	switch l {
	case ProblemNotice:
		return "notice"
	case ProblemError:
		return "error"
	}
	return "warning"
}

// Problem is a document, object or input that was skipped, shadowed or only partly understood. Its message never quotes
// the content of a Secret.
type Problem struct {
	Code    ProblemCode
	Level   ProblemLevel
	Origin  Origin
	Ref     Ref // zero where no object could be told
	Message string
}

// String is "file:line: message".
func (p Problem) String() string {
	if p.Origin.IsZero() {
		return p.Message
	}
	return p.Origin.String() + ": " + p.Message
}

func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Origin.Compare(b.Origin), cmp.Compare(a.Code, b.Code), a.Ref.Compare(b.Ref), cmp.Compare(a.Message, b.Message))
	})
}
