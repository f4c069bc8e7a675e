package inventory

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Bias says how unseen objects of a need could change the verdict of the check that declares it.
type Bias uint8

const (
	// Either is the zero value: an unseen object could turn the verdict either way.
	Either Bias = iota
	// Incriminating: an unseen object could only add failures of this check.
	Incriminating
	// Exonerating: an unseen object could only remove failures of this check.
	Exonerating
	// SeverityOnly: an unseen object could change how severe a failure is, and not whether it is one. The check reports
	// the most that it could be as MaxSeverity.
	SeverityOnly
	// Alternative: one of several sources for the same answer, as a kubeadm file, a mirror pod and /flagz are for a flag.
	// Where nobody looked (NotCollected) the others answer, and the check itself says NotAssessed where none does. A
	// source that is there and was not wholly seen weighs like Either.
	Alternative
)

func (b Bias) String() string {
	return [...]string{"Either", "Incriminating", "Exonerating", "SeverityOnly", "Alternative"}[min(b, Alternative)]
}

// Scope says whose coverage a need is looked up with.
type Scope uint8

const (
	// ClusterWide is the zero value: objects of every namespace matter to every subject.
	ClusterWide Scope = iota
	// SubjectNamespace: only objects in the namespace of the subject matter to it.
	SubjectNamespace
)

// Need is one kind of evidence that a check or an engine reads. Exactly one of Kind, URL and Format is set.
type Need struct {
	Group, Kind string // an API kind; Resource is its lower-case plural
	Resource    string
	Subresource string // e.g. "proxy" of nodes; the kind's own objects when empty
	URL         string // a non-resource URL such as /version
	Format      string // a file format that has no apiVersion, e.g. "aws-eks-describe-cluster"

	Bias         Bias
	Scope        Scope
	MetadataOnly bool // only metadata is read
	// Conditional evidence counts only where the check read it: other evidence says whether it has to.
	Conditional bool
}

// NeedOf declares that the objects of the built-in kind T are read.
func NeedOf[T any](bias Bias) Need {
	k := kindOf[T]()
	return Need{Group: k.Group, Kind: k.Kind, Resource: k.resource, Bias: bias}
}

// InSubjectNamespace returns n limited to the namespace of the subject under evaluation.
func (n Need) InSubjectNamespace() Need {
	n.Scope = SubjectNamespace
	return n
}

// IfRead returns n as evidence that counts only where it was read.
func (n Need) IfRead() Need {
	n.Conditional = true
	return n
}

// InSubjectNamespace limits every need to the namespace of the subject under evaluation, in place, and returns them.
func InSubjectNamespace(needs []Need) []Need {
	for i := range needs {
		needs[i].Scope = SubjectNamespace
	}
	return needs
}

const urlGroup, formatGroup = "url.nist190.dev", "format.nist190.dev"

// GroupKind is the kind that coverage is looked up for: the API kind, or a synthetic one per URL and per file format.
func (n Need) GroupKind() schema.GroupKind {
	switch {
	case n.URL != "":
		return schema.GroupKind{Group: urlGroup, Kind: n.URL}
	case n.Format != "":
		return schema.GroupKind{Group: formatGroup, Kind: n.Format}
	case n.Subresource != "":
		return schema.GroupKind{Group: n.Group, Kind: n.Kind + "/" + n.Subresource}
	}
	return schema.GroupKind{Group: n.Group, Kind: n.Kind}
}

// String names the evidence as a person who has to supply it would: "networkpolicies.networking.k8s.io".
func (n Need) String() string {
	switch {
	case n.URL != "":
		return n.URL
	case n.Format != "":
		return "file of format " + n.Format
	}
	name := n.Resource
	if name == "" {
		name = n.Kind
	}
	if n.Group != "" {
		name += "." + n.Group
	}
	if n.Subresource != "" {
		name += "/" + n.Subresource
	}
	return name
}

// Validate reports a Need that names no evidence or more than one.
func (n Need) Validate() error {
	set := 0
	for _, s := range []string{n.Kind, n.URL, n.Format} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("need %q: exactly one of Kind, URL and Format must be set", n.String())
	}
	if n.Kind != "" && n.Resource == "" {
		return fmt.Errorf("need %s: Resource is not set", n.GroupKind())
	}
	return nil
}

// JoinNeeds lists each kind once. Of two biases that differ neither holds, of two scopes the wider does, and what is needed in
// any case is. A kind that is needed anyhow, and is also one of several places to look for something (Alternative), stays
// what it is, but that who could only acquit can convict by it.
func JoinNeeds(lists ...[]Need) []Need {
	var out []Need
	at := map[schema.GroupKind]int{}
	for _, n := range slices.Concat(lists...) {
		i, ok := at[n.GroupKind()]
		if !ok {
			at[n.GroupKind()] = len(out)
			out = append(out, n)
			continue
		}
		have := &out[i]
		switch {
		case have.Bias == Alternative || n.Bias == Alternative:
			if have.Bias == Alternative {
				*have, n = n, *have
			}
			if have.Bias == Exonerating && n.Bias == Alternative {
				have.Bias = Either
			}
			continue
		case have.Conditional && !n.Conditional:
			*have = n
			continue
		case !have.Conditional && n.Conditional:
			continue
		}
		if have.Bias != n.Bias {
			have.Bias = Either
		}
		if have.Scope != n.Scope {
			have.Scope = ClusterWide
		}
		have.MetadataOnly = have.MetadataOnly && n.MetadataOnly
	}
	return out
}

// CompareNeeds orders needs by what they name.
func CompareNeeds(a, b Need) int {
	return cmp.Or(cmp.Compare(a.String(), b.String()), cmp.Compare(a.Bias, b.Bias), cmp.Compare(a.Scope, b.Scope))
}
