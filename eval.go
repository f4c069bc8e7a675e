package nist190

import (
	"slices"
	"sync"

	"github.com/nist190/nist190/inventory"
)

// Eval is what a check gets: the inventory, and where to report. Its methods are safe for concurrent use. What is
// reported after Run has returned, or timed out, is dropped.
type Eval struct {
	// Inventory records what is read through it.
	Inventory *inventory.Inventory

	mu       sync.Mutex
	sealed   bool
	outcomes []Outcome
}

// Pass reports that the subject meets the requirement.
func (e *Eval) Pass(subject inventory.Ref, evidence ...Evidence) {
	e.Report(Outcome{Status: Pass, Subject: subject, Evidence: evidence})
}

// Fail reports that the subject does not meet it. The key tells failures of one subject apart and may be empty where
// there can only be one.
func (e *Eval) Fail(subject inventory.Ref, key, message string, evidence ...Evidence) {
	e.Report(Outcome{Status: Fail, Subject: subject, Key: key, Message: message, Evidence: evidence})
}

// NotApplicable reports that the requirement does not concern the subject.
func (e *Eval) NotApplicable(subject inventory.Ref, message string) {
	e.Report(Outcome{Status: NotApplicable, Subject: subject, Message: message})
}

// NotAssessed reports that the check cannot decide.
func (e *Eval) NotAssessed(subject inventory.Ref, reason Reason, message string, evidence ...Evidence) {
	e.Report(Outcome{Status: NotAssessed, Subject: subject, Reason: reason, Message: message, Evidence: evidence})
}

// Report takes an outcome as it is.
func (e *Eval) Report(o Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sealed {
		return
	}
	e.outcomes = append(e.outcomes, o)
}

// seal ends reporting. Of several outcomes with one subject and key, the one that decides a roll-up is kept.
func (e *Eval) seal() []Outcome {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sealed = true
	type id struct {
		subject inventory.Ref
		key     string
	}
	at := make(map[id]int, len(e.outcomes))
	kept := e.outcomes[:0]
	for _, o := range e.outcomes {
		k := id{o.Subject.Identity(), o.Key}
		i, seen := at[k]
		switch {
		case !seen:
			at[k] = len(kept)
			kept = append(kept, o)
		case precedes(o, kept[i]):
			kept[i] = o
		}
	}
	e.outcomes = nil
	return kept
}

// precedes is a total order on outcomes with one subject and key, so that what is kept does not depend on the order of
// concurrent reports.
func precedes(a, b Outcome) bool {
	if a.Status != b.Status {
		return slices.Index(rollUpOrder, a.Status) < slices.Index(rollUpOrder, b.Status)
	}
	if a.Severity != b.Severity {
		return a.Severity > b.Severity
	}
	return a.Message < b.Message
}
