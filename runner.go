package nist190

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nist190/nist190/inventory"
)

// Runner runs checks. The zero value with Checks set is useful; a Runner is not changed by use and may run several
// inventories at once. Two runners share nothing.
type Runner struct {
	Checks       []Check
	Parallelism  int           // checks at a time; 0 means GOMAXPROCS
	CheckTimeout time.Duration // per check; 0 means none
	Settings     []inventory.Value
	Suppressions []Suppression
	Attestations []Attestation
	// AllowAnnotations honours suppressions that the checked objects carry; see AnnotationPrefix. Their authors are those
	// who are being checked.
	AllowAnnotations bool
	// MinStrength is the least evidence strength that may pass; a Pass on less is NotAssessed.
	MinStrength inventory.Strength
	Cluster     string // name of the cluster, for attestations and reports
	Append      Append // what findings carry beside their subject
	// OnEvent is told of progress, one call at a time.
	OnEvent func(Event)
	Logger  *slog.Logger     // nil discards
	Now     func() time.Time // nil means time.Now; decides what has expired
	// NoRecover lets a panic of a check reach the process, for fuzzing.
	NoRecover bool
	// DetectMutation makes Run fail when a check modified a shared object. It costs a second decoding of everything.
	DetectMutation bool
}

// ErrTimeout is the cause of a check's context that ran into CheckTimeout.
var ErrTimeout = errors.New("check timed out")

// EventKind says what happened.
type EventKind uint8

const (
	CheckStarted EventKind = iota
	CheckFinished
)

// Event is progress of a run.
type Event struct {
	Kind        EventKind
	Check       string
	Status      Status        // of CheckFinished
	Duration    time.Duration // of CheckFinished
	Done, Total int           // checks
}

// Run evaluates an inventory with the default Runner.
func Run(ctx context.Context, inv *inventory.Inventory, checks ...Check) (*Report, error) {
	return (&Runner{Checks: checks}).Run(ctx, inv)
}

// Scan collects what the checks need from a source and evaluates it with the default Runner; see [Runner.Scan].
func Scan(ctx context.Context, source inventory.Source, checks ...Check) (*Report, error) {
	return (&Runner{Checks: checks}).Scan(ctx, source)
}

// Scan collects what the checks need and evaluates it. With an error of the source, there is a report of what could be
// read as well.
func (r *Runner) Scan(ctx context.Context, source inventory.Source) (*Report, error) {
	inv, collectErr := r.Collect(ctx, source)
	report, err := r.Run(ctx, inv)
	return report, errors.Join(collectErr, err)
}

// Collect collects what the checks need, with the runner's settings attached.
func (r *Runner) Collect(ctx context.Context, source inventory.Source) (*inventory.Inventory, error) {
	return inventory.Collect(ctx, Needs(r.Checks...), source, r.Settings...)
}

// Needs is the union of what checks read, in order. Of a kind of which one check reads more than metadata, more is read.
func Needs(checks ...Check) []inventory.Need {
	var out []inventory.Need
	for _, c := range checks {
		out = append(out, c.Metadata().Needs...)
	}
	slices.SortFunc(out, inventory.CompareNeeds)
	kept := out[:0]
	for _, n := range out {
		if last := len(kept) - 1; last >= 0 && kept[last].String() == n.String() {
			kept[last].MetadataOnly = kept[last].MetadataOnly && n.MetadataOnly
			continue
		}
		kept = append(kept, n)
	}
	return kept
}

// Run evaluates an inventory. The error is that of misuse (invalid checks), of ctx, or of DetectMutation; what checks get
// wrong is in the report. When ctx ends, the checks that had not finished are in the report with status Error.
func (r *Runner) Run(ctx context.Context, inv *inventory.Inventory) (*Report, error) {
	if err := Validate(r.Checks...); err != nil {
		return nil, err
	}
	run := r.newRun(inv)
	report := &Report{Run: RunInfo{Started: run.now, Cluster: r.Cluster, Objects: inv.Len()}}
	start := time.Now()
	for res := range run.stream(ctx) {
		report.Checks = append(report.Checks, res)
	}
	run.complete(report)
	report.Run.Duration = time.Since(start)
	err := ctx.Err()
	if r.DetectMutation {
		err = errors.Join(err, run.inv.CheckMutation())
	}
	return report, err
}

// Stream evaluates an inventory and yields results in the order of a report, each as soon as it and those before it are
// done. Breaking out cancels the rest and waits for it. A check that [Validate] refuses is not run and yields an Error; nil
// ones are left out.
func (r *Runner) Stream(ctx context.Context, inv *inventory.Inventory) iter.Seq[CheckResult] {
	return r.newRun(inv).stream(ctx)
}

// run is one evaluation of one inventory.
type run struct {
	*Runner
	inv    *inventory.Inventory
	now    time.Time
	log    *slog.Logger
	checks []Check

	suppressions []*rule
	attestations []*rule

	mu        sync.Mutex
	done      int
	reads     []*inventory.Reads
	problems  []inventory.Problem
	abandoned int
}

func (r *Runner) newRun(inv *inventory.Inventory) *run {
	if len(r.Settings) > 0 {
		inv = inv.Configure(r.Settings...)
	}
	checks := slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return c == nil })
	u := &run{Runner: r, inv: inv, now: time.Now(), log: r.Logger, checks: checks}
	if r.Now != nil {
		u.now = r.Now()
	}
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	// What every verdict rests on is printed even where no check asked for it.
	view, reads := inv.Record()
	inventory.KubernetesVersion.Get(view)
	inventory.World.Get(view)
	u.reads = append(u.reads, reads)
	slices.SortStableFunc(u.checks, func(a, b Check) int {
		x, y := a.Metadata(), b.Metadata()
		return cmp.Or(cmp.Compare(x.Risk, y.Risk), cmp.Compare(x.ID, y.ID))
	})
	for i := range r.Suppressions {
		s := &r.Suppressions[i]
		rl := newRule("suppression", s.Origin, s.Checks, s.Selector, s.Expires, u.now)
		if s.Reason == "" {
			rl.problem = "a reason is required"
		}
		u.suppressions = append(u.suppressions, rl)
	}
	for i := range r.Attestations {
		u.attestations = append(u.attestations, r.Attestations[i].rule(r.Cluster, u.now))
	}
	return u
}

func (u *run) stream(ctx context.Context) iter.Seq[CheckResult] {
	return func(yield func(CheckResult) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		results := make([]chan CheckResult, len(u.checks))
		for i := range results {
			results[i] = make(chan CheckResult, 1)
		}
		// Not errgroup.WithContext: one check must not cancel the others.
		var g errgroup.Group
		limit := u.Parallelism
		if limit <= 0 {
			limit = runtime.GOMAXPROCS(0)
		}
		g.SetLimit(limit)
		started := make(chan struct{})
		go func() {
			defer close(started)
			for i, c := range u.checks {
				g.Go(func() error {
					results[i] <- u.check(ctx, c)
					return nil
				})
			}
		}()
		defer func() {
			cancel()
			<-started
			_ = g.Wait() // no check returns an error to the group
		}()
		for i := range results {
			if !yield(<-results[i]) {
				return
			}
		}
	}
}

// check runs one check and judges what it reports.
func (u *run) check(ctx context.Context, c Check) CheckResult {
	md := c.Metadata()
	u.event(Event{Kind: CheckStarted, Check: md.ID})
	view, reads := u.inv.Record()
	e := &Eval{Inventory: view}
	start := time.Now()
	err := errors.Join(md.validate()...)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = u.guarded(ctx, c, e)
	}
	j := newJudge(&md, u.inv, reads)
	res := CheckResult{Check: &md, Err: err}
	for _, o := range e.seal() {
		res.Findings = append(res.Findings, j.finding(o))
	}
	res.Findings = append(res.Findings, j.gaps()...)
	if err != nil {
		res.Findings = append(res.Findings, j.finding(Outcome{Status: Error, Subject: inventory.Cluster, Key: "error", Message: err.Error()}))
	}
	if len(res.Findings) == 0 {
		res.Findings = append(res.Findings, j.nothing())
	}
	for i := range res.Findings {
		u.decide(&res.Findings[i])
	}
	sortFindings(res.Findings)
	res.Status = res.rollUp()
	res.took = time.Since(start)
	u.mu.Lock()
	u.reads = append(u.reads, reads)
	u.mu.Unlock()
	u.log.Debug("check finished", "check", md.ID, "status", res.Status.String(), "duration", res.took)
	u.event(Event{Kind: CheckFinished, Check: md.ID, Status: res.Status, Duration: res.took})
	return res
}

// grace is how long a check may take to notice that its context has ended before it is left behind.
const grace = 100 * time.Millisecond

// guarded calls Run on a goroutine of its own, so that neither a panic nor a check that ignores its context takes the
// run with it.
func (u *run) guarded(ctx context.Context, c Check, e *Eval) error {
	if u.CheckTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, u.CheckTimeout, ErrTimeout)
		defer cancel()
	}
	done := make(chan error, 1)
	go func() {
		if !u.NoRecover {
			defer func() {
				if v := recover(); v != nil {
					done <- &inventory.PanicError{Value: v, Stack: debug.Stack()}
				}
			}()
		}
		done <- c.Run(ctx, e)
	}()
	select {
	case err := <-done:
		return causeOf(ctx, err)
	case <-ctx.Done():
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case err := <-done:
		return causeOf(ctx, err)
	case <-t.C:
		u.mu.Lock()
		u.abandoned++
		u.mu.Unlock()
		return context.Cause(ctx)
	}
}

// causeOf says "check timed out" rather than "deadline exceeded".
func causeOf(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// decide applies attestations, the strength policy and suppressions, in this order.
func (u *run) decide(f *Finding) {
	if f.Status == NotAssessed {
		for i, r := range u.attestations {
			if u.Attestations[i].Check != "" && r.matches(u.inv, f) {
				u.use(r)
				f.attest(&u.Attestations[i])
				break
			}
		}
	}
	if f.Status == Pass && f.Strength < u.MinStrength {
		f.lower(ReasonWeakEvidence, []Missing{{Evidence: fmt.Sprintf("evidence of strength %s", u.MinStrength), State: inventory.Partial, Reason: "it passes on evidence that is " + f.Strength.String()}})
	}
	if f.Status == Fail {
		f.Suppression = u.suppressionFor(f)
	}
	u.Append.apply(u.inv, f)
}

func (u *run) suppressionFor(f *Finding) *Suppression {
	for i, r := range u.suppressions {
		s := &u.Suppressions[i]
		if (s.Fingerprint == "" || s.Fingerprint == f.Fingerprint) && r.matches(u.inv, f) {
			u.use(r)
			return s
		}
	}
	if !u.AllowAnnotations {
		return nil
	}
	o, ok := u.inv.Lookup(f.Subject)
	if !ok {
		return nil
	}
	s, err := parseAnnotation(o, f.Check.ID)
	switch {
	case err != nil:
		u.problem(o, "annotation "+AnnotationPrefix+f.Check.ID+" is not applied: "+err.Error())
	case s != nil && s.Expires.Past(u.now):
		u.problem(o, "annotation "+AnnotationPrefix+f.Check.ID+" is not applied: expired after "+s.Expires.String())
	case s != nil:
		return s
	}
	return nil
}

func (u *run) use(r *rule) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r.used = true
}

func (u *run) problem(o *inventory.Object, message string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.problems = append(u.problems, inventory.Problem{Code: inventory.ProblemConfiguration, Origin: o.Origin(), Ref: o.Ref(), Message: message})
}

func (u *run) event(ev Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if ev.Kind == CheckFinished {
		u.done++
	}
	if u.OnEvent != nil {
		ev.Done, ev.Total = u.done, len(u.checks)
		u.OnEvent(ev)
	}
}

// complete fills in what the report says beside the checks.
func (u *run) complete(report *Report) {
	u.mu.Lock()
	defer u.mu.Unlock()
	attested := map[string]*Attestation{}
	for i, r := range u.attestations {
		if a := &u.Attestations[i]; a.Sentence != "" && r.problem == "" && attested[a.Sentence] == nil {
			attested[a.Sentence], r.used = a, true
		}
	}
	report.Requirements = requirements(report.Checks, attested)
	report.Risks = riskResults(report.Requirements)
	report.Assumptions = u.inv.Assumptions(u.reads...)
	report.Coverage, report.DefaultCoverage = u.coverage(), u.inv.DefaultCoverage()
	report.Problems = append(u.inv.Problems(), u.problems...)
	for _, r := range slices.Concat(u.suppressions, u.attestations) {
		report.Problems = append(report.Problems, r.problems()...)
	}
	slices.SortStableFunc(report.Problems, func(a, b inventory.Problem) int {
		return cmp.Or(a.Origin.Compare(b.Origin), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	report.Problems = slices.CompactFunc(report.Problems, func(a, b inventory.Problem) bool { return a == b })
	for i := range report.Checks {
		c := &report.Checks[i]
		report.Run.Checks = append(report.Run.Checks, Timing{c.Check.ID, c.took})
	}
	for _, t := range u.inv.FactTimings() {
		report.Run.Facts = append(report.Run.Facts, Timing(t))
	}
	report.Run.Abandoned = u.abandoned
}

// coverage is what was stated of kinds, with a row for every need that nothing was stated of as a whole.
func (u *run) coverage() []inventory.CoverageEntry {
	out := u.inv.CoverageEntries()
	for _, n := range Needs(u.checks...) {
		gk := inventory.CanonicalGroupKind(n.GroupKind())
		if slices.ContainsFunc(out, func(e inventory.CoverageEntry) bool { return e.GroupKind() == gk && e.Namespace == "" }) {
			continue
		}
		c := u.inv.DefaultCoverage()
		if n.Kind == "" {
			c = u.inv.Coverage(gk, "")
		}
		out = append(out, inventory.CoverageEntry{Group: gk.Group, Kind: gk.Kind, Coverage: c})
	}
	slices.SortFunc(out, func(a, b inventory.CoverageEntry) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace))
	})
	return out
}
