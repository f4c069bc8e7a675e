package inventory

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Fact is a value derived from an inventory once and shared by everyone who asks: an access index, a map of what
// reaches what. Declare it as a package-level variable; its address is its identity. The function must be pure, must
// return a value that is safe for concurrent use and must not keep the inventory, since reads after it has returned
// are not recorded.
//
// A Fact is computed in single flight. The computation does not inherit the deadline of the caller that started it; it
// is cancelled when the last caller that waits for it has left, and is then computed anew for the next. A panic becomes
// a [PanicError]. Values and errors are kept for the life of the inventory.
type Fact[T any] struct {
	name    string
	compute func(ctx context.Context, inv *Inventory) (T, error)
}

// NewFact names a derivation. The name appears in errors and timings.
func NewFact[T any](name string, compute func(ctx context.Context, inv *Inventory) (T, error)) *Fact[T] {
	return &Fact[T]{name: name, compute: compute}
}

// Derive is NewFact for a value that rests on another fact.
func Derive[A, T any](name string, from *Fact[A], compute func(ctx context.Context, inv *Inventory, a A) (T, error)) *Fact[T] {
	return NewFact(name, func(ctx context.Context, inv *Inventory) (T, error) {
		a, err := from.Get(ctx, inv)
		if err != nil {
			var zero T
			return zero, err
		}
		return compute(ctx, inv, a)
	})
}

// Name is the name given to NewFact.
func (f *Fact[T]) Name() string { return f.name }

// ErrFactCycle is returned to a fact that waits for itself, directly or through others.
var ErrFactCycle = errors.New("facts wait for one another")

// PanicError is a panic of a fact or check, with the stack of the goroutine that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the panic's value where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Get returns the fact's value for inv, computing it if nobody has. What the fact read counts as read through inv.
// The error is ctx's when ctx ended first.
func (f *Fact[T]) Get(ctx context.Context, inv *Inventory) (T, error) {
	v, err := inv.core.facts.get(ctx, f, f.name, inv, func(ctx context.Context, inv *Inventory) (any, error) {
		return f.compute(ctx, inv)
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return v.(T), nil
}

// FactTiming is how long one fact took.
type FactTiming struct {
	Name     string
	Duration time.Duration
}

// FactTimings lists the facts that were computed for the inventory itself, by name; inherited ones are left out.
func (inv *Inventory) FactTimings() []FactTiming { return inv.core.facts.timings() }

type factTable struct {
	mu    sync.Mutex
	calls map[any]*factCall
}

type factCall struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	reads  *Reads
	took   time.Duration

	value any
	err   error

	// guarded by factTable.mu
	waiters  int
	waitsFor map[*factCall]int
}

func (t *factTable) get(ctx context.Context, key any, name string, inv *Inventory, compute func(context.Context, *Inventory) (any, error)) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	c, ok := t.calls[key]
	if !ok {
		c = t.start(ctx, key, name, inv, compute)
	}
	if c.finished() {
		t.mu.Unlock()
		inv.reads.merge(c.reads)
		return c.value, c.err
	}
	from := inv.chain
	if from != nil {
		if c.leadsTo(from) {
			t.mu.Unlock()
			return nil, fmt.Errorf("fact %s asked for %s: %w", from.name, name, ErrFactCycle)
		}
		from.waitsFor[c]++
	}
	c.waiters++
	t.mu.Unlock()

	var err error
	select {
	case <-c.done:
	case <-ctx.Done():
		err = ctx.Err()
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if from != nil {
		if from.waitsFor[c]--; from.waitsFor[c] == 0 {
			delete(from.waitsFor, c)
		}
	}
	c.waiters--
	if err != nil {
		if c.waiters == 0 && !c.finished() {
			c.cancel()
			delete(t.calls, key)
		}
		return nil, err
	}
	inv.reads.merge(c.reads)
	return c.value, c.err
}

// start is called with mu held. The goroutine ends when compute does.
func (t *factTable) start(ctx context.Context, key any, name string, inv *Inventory, compute func(context.Context, *Inventory) (any, error)) *factCall {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &factCall{name: name, cancel: cancel, done: make(chan struct{}), reads: &Reads{}, waitsFor: map[*factCall]int{}}
	if t.calls == nil {
		t.calls = map[any]*factCall{}
	}
	t.calls[key] = c
	view := &Inventory{core: inv.core, reads: c.reads, chain: c}
	go func() {
		defer close(c.done)
		defer cancel()
		start := time.Now()
		c.value, c.err = guarded(ctx, view, compute)
		c.took = time.Since(start)
	}()
	return c
}

func guarded(ctx context.Context, inv *Inventory, compute func(context.Context, *Inventory) (any, error)) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	return compute(ctx, inv)
}

func (c *factCall) finished() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// leadsTo is called with mu held: does c, through the facts it waits for, wait for target?
func (c *factCall) leadsTo(target *factCall) bool {
	if c == target {
		return true
	}
	for next := range c.waitsFor {
		if next.leadsTo(target) {
			return true
		}
	}
	return false
}

func (t *factTable) timings() []FactTiming {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []FactTiming
	for _, c := range t.calls {
		if c.took > 0 && c.finished() {
			out = append(out, FactTiming{c.name, c.took})
		}
	}
	slices.SortFunc(out, func(a, b FactTiming) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// inherit copies the finished facts that read nothing of what changed.
func (t *factTable) inherit(from *factTable, changed func(*Reads) bool) {
	from.mu.Lock()
	defer from.mu.Unlock()
	for key, c := range from.calls {
		if !c.finished() || c.err != nil || changed(c.reads) {
			continue
		}
		if t.calls == nil {
			t.calls = map[any]*factCall{}
		}
		// took stays 0: the overlay spent no time on it.
		t.calls[key] = &factCall{name: c.name, cancel: func() {}, done: c.done, reads: c.reads, value: c.value, waitsFor: map[*factCall]int{}}
	}
}
