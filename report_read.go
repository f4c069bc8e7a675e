package nist190

import "github.com/nist190/nist190/inventory"

// From returns the finding with a fixed origin of its subject, for a finding that is read back from a report.
func (f Finding) From(origin inventory.Origin) Finding {
	f.subjectOrigin = origin
	return f
}
