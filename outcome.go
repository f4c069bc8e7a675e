package nist190

import (
	"iter"
	"unicode/utf8"

	"github.com/nist190/nist190/inventory"
)

// Outcome is what a check reports of one subject.
type Outcome struct {
	Status  Status
	Subject inventory.Ref
	// Key tells the failures of one subject apart and is part of the fingerprint: a container and path, a direction. It
	// must not contain a line, a version or a message.
	Key     string
	Message string // one sentence, names quoted
	// Severity is that of the check when unset. MaxSeverity is what unseen context could still raise it to; the runner
	// keeps it only where evidence is missing.
	Severity, MaxSeverity Severity
	Reason                Reason    // of NotAssessed
	Missing               []Missing // evidence that would decide it
	Evidence              []Evidence
	Path                  []string // the steps that explain it, in order: subject, binding, role, rule
	Remediation           string   // for this subject; the check's when empty
	// Strength of the evidence; where unset the runner takes the weakest of Evidence, else of the subject.
	Strength inventory.Strength
	Fix      *inventory.Change // a change that resolves it; not proved
	Exhibits []Exhibit
}

// Missing is evidence that could not be seen.
type Missing struct {
	Evidence  string          `json:"evidence"`            // resource.group, URL or file format
	Namespace string          `json:"namespace,omitempty"` // empty: cluster-wide
	State     inventory.State `json:"state"`
	Reason    string          `json:"reason,omitempty"`
}

// Evidence is an object or field that a verdict rests on.
type Evidence struct {
	Ref   inventory.Ref
	Path  string // field path within the object
	Value string // at most 256 bytes, never of a Secret
	Note  string

	strength inventory.Strength
	origin   inventory.Origin
	object   *inventory.Object
	path     []any
}

// At is a field of an object as evidence; without a path, the object.
func At(o *inventory.Object, path ...any) Evidence {
	return Evidence{Ref: o.Ref(), Path: inventory.PathString(path...), strength: o.Strength(), origin: o.Origin(), object: o, path: path}
}

// Place is At for a place that a workload gives.
func Place(at inventory.At, path ...any) Evidence {
	at = at.Field(path...)
	return At(at.Object, at.Path...)
}

// Showing returns the evidence with a value, shortened to 256 bytes.
func (ev Evidence) Showing(value string) Evidence {
	const most = 256
	if len(value) > most {
		cut := most - len("…")
		for cut > 0 && !utf8.RuneStart(value[cut]) {
			cut--
		}
		value = value[:cut] + "…"
	}
	ev.Value = value
	return ev
}

// Because returns the evidence with a note.
func (ev Evidence) Because(note string) Evidence {
	ev.Note = note
	return ev
}

// From returns the evidence with a fixed origin, for evidence that is read back from a report.
func (ev Evidence) From(origin inventory.Origin) Evidence {
	ev.origin, ev.object = origin, nil
	return ev
}

// Origin tells where the evidence was written. For a field it parses the document again, so ask it for what is printed.
func (ev Evidence) Origin() inventory.Origin {
	if ev.object == nil || len(ev.path) == 0 {
		return ev.origin
	}
	return ev.object.Origin(ev.path...)
}

// Exhibit is a table, matrix or graph that explains a result. Rows are made when they are read.
type Exhibit struct {
	Name    string // stable, in the manner of a check ID
	Title   string
	Columns []string
	Rows    iter.Seq[[]string]
}

// Finding is an outcome after the runner has judged it.
type Finding struct {
	Outcome
	Check *Metadata
	// Fingerprint identifies the finding across reformatting, other files, live and static sources and API versions.
	Fingerprint string
	// Provisional is the verdict of the check where the runner lowered it to NotAssessed; equal to Status elsewhere.
	Provisional Status
	Suppression *Suppression // set where a failure is accepted; it stays a Fail
	Attestation *Attestation // set where a person's statement decided
	Baseline    BaselineState
	// Labels, Images and Owner are appended where the Runner was asked to.
	Labels map[string]string
	Images []string
	Owner  *inventory.Ref

	subjectOrigin inventory.Origin
}

// Lowered reports whether the runner lowered the verdict.
func (f *Finding) Lowered() bool { return f.Status == NotAssessed && f.Provisional != NotAssessed }

// WorstSeverity is the severity, or what unseen context could raise it to.
func (f *Finding) WorstSeverity() Severity { return max(f.Severity, f.MaxSeverity) }

// Origin is where a person should look: the first evidence that has a place, else the subject.
func (f *Finding) Origin() inventory.Origin {
	for _, ev := range f.Evidence {
		if o := ev.Origin(); !o.IsZero() {
			return o
		}
	}
	return f.subjectOrigin
}
