package report

import (
	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// place is where a finding leads its reader. The position of a field costs another parse of its document, so that only
// failures are looked up that exactly; for the rest the beginning of the subject has to do.
func place(f *nist190.Finding) inventory.Origin {
	if pointsAtField(f) {
		return f.Origin()
	}
	return subjectPlace(f)
}

func pointsAtField(f *nist190.Finding) bool {
	s := sortOf(f)
	return s == open || s == unproven || s == suppressed
}

// subjectPlace is where the subject begins.
func subjectPlace(f *nist190.Finding) inventory.Origin {
	bare := *f
	bare.Evidence = nil
	return bare.Origin()
}
