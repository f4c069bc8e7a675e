package nist190

import (
	"fmt"
	"slices"
)

// Status is a verdict.
type Status uint8

const (
	// NotAssessed is the zero value: nobody could decide. To forget a status can never read as Pass.
	NotAssessed Status = iota
	// Pass: examined on complete evidence, and the requirement is met.
	Pass
	// Fail: the requirement is not met.
	Fail
	// NotApplicable: the requirement does not concern the subject.
	NotApplicable
	// Error: the check malfunctioned. It asks for a bug report, not for a permission.
	Error
)

var statusNames = []string{"NotAssessed", "Pass", "Fail", "NotApplicable", "Error"}

func (s Status) String() string { return nameOf(statusNames, int(s)) }

// MarshalText writes the name of the status.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a status.
func (s *Status) UnmarshalText(b []byte) error { return parseName(s, statusNames, "status", b) }

// rollUpOrder has what decides a roll-up first.
var rollUpOrder = []Status{Fail, Error, NotAssessed, Pass, NotApplicable}

// RollUp is the verdict over several: Fail before Error before NotAssessed before Pass before NotApplicable. Nothing
// rolls up to NotAssessed.
func RollUp(statuses ...Status) Status {
	for _, s := range rollUpOrder {
		if slices.Contains(statuses, s) {
			return s
		}
	}
	return NotAssessed
}

// Severity ranks what a failure costs. A larger value is worse.
type Severity uint8

const (
	SeverityUnset Severity = iota
	SeverityInfo
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

var severityNames = []string{"", "info", "low", "medium", "high", "critical"}

func (s Severity) String() string { return nameOf(severityNames, int(s)) }

// MarshalText writes the name of the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a severity.
func (s *Severity) UnmarshalText(b []byte) error { return parseName(s, severityNames, "severity", b) }

// ParseSeverity reads "info", "low", "medium", "high" or "critical".
func ParseSeverity(name string) (Severity, error) {
	var s Severity
	if err := s.UnmarshalText([]byte(name)); err != nil || s == SeverityUnset {
		return SeverityUnset, fmt.Errorf("unknown severity %q: want info, low, medium, high or critical", name)
	}
	return s, nil
}

// Reason says why an outcome is NotAssessed.
type Reason string

const (
	ReasonMissingEvidence Reason = "MissingEvidence" // objects that it rests on could not be seen
	ReasonManualReview    Reason = "ManualReview"    // no object can prove it; a person can attest it
	ReasonUnknown         Reason = "Unknown"         // the objects were seen, their effect cannot be decided
	ReasonUnclassified    Reason = "Unclassified"    // the subject has no sensitivity level
	ReasonWeakEvidence    Reason = "WeakEvidence"    // it passes, on evidence below the strength that is asked for
)

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func parseName[T ~uint8](into *T, names []string, what string, b []byte) error {
	i := slices.Index(names, string(b))
	if i < 0 {
		return fmt.Errorf("unknown %s %q", what, b)
	}
	*into = T(i)
	return nil
}
