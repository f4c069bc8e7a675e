package nist190

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// A Check evaluates one aspect of one SP 800-190 section 4.3 countermeasure. It is immutable; a Runner calls Run
// concurrently, for different inventories too.
type Check interface {
	// Metadata describes the check. It must return equal values on every call.
	Metadata() Metadata
	// Run examines e.Inventory and reports one outcome per subject. With an error the check could not finish: what it
	// reported is kept and its status becomes Error.
	Run(ctx context.Context, e *Eval) error
}

// Metadata describes a check. It is data only, so that documentation, reports and the least privileges of a scan derive
// from it. Fields may be added.
type Metadata struct {
	// ID is "<package>-<slug>", lower-case words joined by hyphens, at most 63 characters: valid as annotation name,
	// SARIF rule, metric label and test name. IDs are never reused.
	ID    string
	Title string // what is wrong when it fails, as a noun phrase
	Doc   string // Markdown; the first paragraph is the summary
	Risk  Risk
	// Claims are the sentences that the check speaks to; they may span risks.
	Claims      []Claim
	Controls    []string // NIST SP 800-53 revision 5, e.g. "AC-6(5)"
	CIS         []string // CIS Kubernetes Benchmark numbers, where one matches
	Severity    Severity // of a failure, unless the outcome says otherwise
	Remediation string   // what a person does about a failure
	// Needs is the evidence that the check reads, facts included. A kind that is read and not declared counts as
	// declared with bias Either.
	Needs []inventory.Need
	// Subjects are the kinds that the check reports on. Where one is not completely seen, so is the check's answer.
	Subjects []schema.GroupKind
	// Advisory checks (lints) never decide a sentence.
	Advisory bool
	Since    string // version of this module that introduced it
	Limits   string // what it cannot see; printed with the check
}

// Claim is a sentence that a check speaks to.
type Claim struct {
	Sentence string
	// Conclusive: where this check passes, and every other one that claims the sentence does, the sentence is met. A
	// failure of any check that claims a sentence fails it.
	Conclusive bool
}

// Claims makes claims that are not conclusive.
func Claims(sentences ...string) []Claim {
	out := make([]Claim, len(sentences))
	for i, s := range sentences {
		out[i] = Claim{Sentence: s}
	}
	return out
}

// NewCheck makes a check of a function. [Validate] reports what is wrong with its metadata.
func NewCheck(md Metadata, run func(ctx context.Context, e *Eval) error) Check {
	return &funcCheck{md, run}
}

type funcCheck struct {
	md  Metadata
	run func(ctx context.Context, e *Eval) error
}

func (c *funcCheck) Metadata() Metadata                     { return c.md }
func (c *funcCheck) Run(ctx context.Context, e *Eval) error { return c.run(ctx, e) }

// MetadataError is a mistake in the metadata of a check.
type MetadataError struct {
	ID    string
	Field string
	Err   error
}

func (e *MetadataError) Error() string { return fmt.Sprintf("check %q: %s: %v", e.ID, e.Field, e.Err) }
func (e *MetadataError) Unwrap() error { return e.Err }

var (
	idPattern      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)
	controlPattern = regexp.MustCompile(`^[A-Z]{2}-[0-9]{1,2}(\([0-9]{1,2}\))?$`)
)

// Validate reports every mistake in the metadata of checks, as joined [MetadataError] values.
func Validate(checks ...Check) error {
	var errs []error
	seen := map[string]bool{}
	for i, c := range checks {
		if c == nil {
			errs = append(errs, fmt.Errorf("check %d is nil", i))
			continue
		}
		md := c.Metadata()
		if seen[md.ID] {
			errs = append(errs, &MetadataError{md.ID, "ID", errors.New("two checks have it")})
		}
		seen[md.ID] = true
		errs = append(errs, md.validate()...)
	}
	return errors.Join(errs...)
}

func (md *Metadata) validate() []error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, &MetadataError{md.ID, field, fmt.Errorf(format, args...)})
	}
	if !idPattern.MatchString(md.ID) || len(md.ID) > 63 {
		bad("ID", "want lower-case words joined by hyphens, at most 63 characters")
	}
	for field, v := range map[string]string{"Title": md.Title, "Doc": md.Doc, "Remediation": md.Remediation, "Since": md.Since} {
		if v == "" {
			bad(field, "is required")
		}
	}
	if !slices.Contains(Risks(), md.Risk) {
		bad("Risk", "%q is none of the five", md.Risk)
	}
	if md.Severity == SeverityUnset || md.Severity > SeverityCritical {
		bad("Severity", "is required")
	}
	if len(md.Claims) == 0 {
		bad("Claims", "names no sentence")
	}
	for _, c := range md.Claims {
		if _, ok := SentenceByKey(c.Sentence); !ok {
			bad("Claims", "sentence %q does not exist", c.Sentence)
		}
	}
	for _, c := range md.Controls {
		if !controlPattern.MatchString(c) {
			bad("Controls", "%q is not an SP 800-53r5 control", c)
		}
	}
	for _, n := range md.Needs {
		if err := n.Validate(); err != nil {
			bad("Needs", "%w", err)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errs
}
