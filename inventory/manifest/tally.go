package manifest

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// result is what one input, or a part of it, came to.
type result struct {
	objects  []*inventory.Object
	problems []inventory.Problem
	errs     []error   // of a named input
	partial  []partial // kinds of which there is more than could be read
	opaque   string    // why there may be more of every kind
	foreign  []string  // files with documents of other tools, once per document
	skipped  []schema.GroupKind
	retained int // bytes of text that origins keep alive
}

type partial struct {
	kind   schema.GroupKind
	reason string
}

// failure is the result of an input that could not be read: it may describe anything.
func failure(at inventory.Origin, named bool, code inventory.ProblemCode, err error) result {
	p := inventory.Problem{Code: code, Origin: at, Message: err.Error()}
	r := result{opaque: p.String()}
	if named {
		p.Level = inventory.ProblemError
		r.errs = []error{&InputError{Origin: at, Err: err}}
	}
	r.problems = []inventory.Problem{p}
	return r
}

func (r *result) merge(o *result) {
	r.objects = append(r.objects, o.objects...)
	r.problems = append(r.problems, o.problems...)
	r.errs = append(r.errs, o.errs...)
	r.partial = append(r.partial, o.partial...)
	r.foreign = append(r.foreign, o.foreign...)
	r.skipped = append(r.skipped, o.skipped...)
	r.retained += o.retained
	if r.opaque == "" {
		r.opaque = o.opaque
	}
}

// tally hands results on in their order and states the coverage at the end.
type tally struct {
	cfg     Config
	into    *inventory.Collector
	objects int
	kinds   map[schema.GroupKind]bool
	skipped map[schema.GroupKind]bool
	errs    []error
	opaque  string
	version *versions
	foreign []string // files with documents of other tools
	count   int      // of those documents
}

// newTally begins with what exists without manifests, so that anything they say overrides it.
func newTally(cfg Config, into *inventory.Collector) *tally {
	t := &tally{cfg: cfg, into: into, kinds: map[schema.GroupKind]bool{}, skipped: map[schema.GroupKind]bool{}, version: &versions{}}
	into.Assume(inventory.World.Set(cfg.World.String()))
	if cfg.World == Closed && !cfg.NoBootstrap {
		into.AddDefaults(bootstrapObjects)
	}
	return t
}

func (t *tally) take(r *result) {
	for _, o := range r.objects {
		t.objects++
		t.kinds[o.GroupKind()] = true
		t.version.see(o)
		t.into.Add(o)
	}
	for _, p := range r.problems {
		t.into.Problem(p)
	}
	for _, gk := range r.skipped {
		t.skipped[gk] = true
	}
	for _, p := range r.partial {
		t.into.Cover(inventory.CoverageEntry{Group: p.kind.Group, Kind: p.kind.Kind,
			Coverage: inventory.Coverage{State: inventory.Partial, Reason: p.reason}})
	}
	t.errs = append(t.errs, r.errs...)
	if t.opaque == "" {
		t.opaque = r.opaque
	}
	t.count += len(r.foreign)
	t.foreign = append(t.foreign, slices.Compact(r.foreign)...)
}

// summary is one notice for all documents that are none of ours: they are no fault, and a report should still say that
// they were seen.
func (t *tally) summary() {
	if t.count == 0 {
		return
	}
	where := "in this file"
	if n := len(t.foreign); n > 1 {
		where = fmt.Sprintf("in this file and %d more", n-1)
	}
	t.into.Problem(inventory.Problem{Code: inventory.ProblemNotKubernetes, Level: inventory.ProblemNotice,
		Origin:  inventory.Origin{URI: t.foreign[0]},
		Message: fmt.Sprintf("documents that are no Kubernetes objects were left out: %d, %s", t.count, where)})
}
