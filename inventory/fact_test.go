package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

func TestFactIsComputedOnce(t *testing.T) {
	inv := testobj.Inventory(t, []string{pod("a", "p")})
	var calls atomic.Int32
	f := inventory.NewFact("pods", func(_ context.Context, inv *inventory.Inventory) (int, error) {
		calls.Add(1)
		time.Sleep(5 * time.Millisecond)
		n := 0
		for range inventory.Typed[corev1.Pod](inv) {
			n++
		}
		return n, nil
	})
	twice := inventory.Derive("twice", f, func(_ context.Context, _ *inventory.Inventory, n int) (int, error) { return 2 * n, nil })
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			view, reads := inv.Record()
			n, err := twice.Get(context.Background(), view)
			if n != 2 || err != nil || !reads.Has(pods) {
				t.Errorf("%d, %v, reads %v", n, err, reads.Kinds())
			}
		})
	}
	wg.Wait()
	if calls.Load() != 1 {
		t.Errorf("computed %d times", calls.Load())
	}
	if ts := inv.FactTimings(); len(ts) != 2 || ts[0].Name != "pods" || ts[1].Duration <= 0 {
		t.Errorf("timings %v", ts)
	}
}

func TestFactOutlivesItsFirstCaller(t *testing.T) {
	inv := testobj.Inventory(t, nil)
	release := make(chan struct{})
	var calls atomic.Int32
	f := inventory.NewFact("slow", func(ctx context.Context, _ *inventory.Inventory) (int, error) {
		calls.Add(1)
		select {
		case <-release:
			return 7, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	first, leave := context.WithCancel(t.Context())
	firstDone := make(chan error)
	go func() { _, err := f.Get(first, inv); firstDone <- err }()
	for calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	second := make(chan int)
	go func() { n, _ := f.Get(context.Background(), inv); second <- n }()
	time.Sleep(5 * time.Millisecond)
	leave()
	if err := <-firstDone; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left got %v", err)
	}
	close(release)
	if n := <-second; n != 7 || calls.Load() != 1 {
		t.Errorf("the caller that stayed got %d after %d calls", n, calls.Load())
	}
}

func TestFactIsCancelledWhenNobodyWaits(t *testing.T) {
	inv := testobj.Inventory(t, nil)
	cancelled := make(chan struct{})
	var calls atomic.Int32
	f := inventory.NewFact("slow", func(ctx context.Context, _ *inventory.Inventory) (int, error) {
		if calls.Add(1) > 1 {
			return 7, nil
		}
		<-ctx.Done()
		close(cancelled)
		return 0, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := f.Get(ctx, inv); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	<-cancelled
	if n, err := f.Get(t.Context(), inv); n != 7 || err != nil {
		t.Errorf("a cancelled computation is kept: %d, %v", n, err)
	}
}

func TestFactFailures(t *testing.T) {
	inv := testobj.Inventory(t, nil)
	boom := errors.New("boom")
	panics := inventory.NewFact("panics", func(context.Context, *inventory.Inventory) (int, error) { panic(boom) })
	for range 2 {
		_, err := panics.Get(t.Context(), inv)
		var p *inventory.PanicError
		if !errors.As(err, &p) || !errors.Is(err, boom) || len(p.Stack) == 0 {
			t.Errorf("error %v", err)
		}
	}
	var a, b *inventory.Fact[int]
	a = inventory.NewFact("a", func(ctx context.Context, inv *inventory.Inventory) (int, error) { return b.Get(ctx, inv) })
	b = inventory.NewFact("b", func(ctx context.Context, inv *inventory.Inventory) (int, error) { return a.Get(ctx, inv) })
	var wg sync.WaitGroup
	for _, f := range []*inventory.Fact[int]{a, b} {
		wg.Go(func() {
			if _, err := f.Get(t.Context(), inv); !errors.Is(err, inventory.ErrFactCycle) {
				t.Errorf("a cycle gives %v", err)
			}
		})
	}
	wg.Wait()
}

func TestFactsOfAnOverlay(t *testing.T) {
	limit := inventory.NewSetting("limit", 1)
	var calls atomic.Int32
	count := inventory.NewFact("count", func(_ context.Context, inv *inventory.Inventory) (string, error) {
		calls.Add(1)
		n := 0
		for range inventory.Typed[corev1.Pod](inv) {
			n++
		}
		return fmt.Sprintf("%d of %d", n, limit.Get(inv)), nil
	})
	get := func(inv *inventory.Inventory) string { s, _ := count.Get(t.Context(), inv); return s }
	inv := testobj.Inventory(t, []string{pod("a", "p")})
	get(inv)
	ns := testobj.Object(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", inventory.Origin{})
	p := testobj.Object(t, pod("a", "q"), inventory.Origin{})
	if got := get(inv.With(inventory.Change{Set: []*inventory.Object{ns}})); got != "1 of 1" || calls.Load() != 1 {
		t.Errorf("a change of another kind: %s after %d computations", got, calls.Load())
	}
	if got := get(inv.With(inventory.Change{Set: []*inventory.Object{p}})); got != "2 of 1" || calls.Load() != 2 {
		t.Errorf("a change of its kind: %s after %d computations", got, calls.Load())
	}
	if got := get(inv.Configure(inventory.World.Set("closed"))); got != "1 of 1" || calls.Load() != 2 {
		t.Errorf("a change of another setting: %s after %d computations", got, calls.Load())
	}
	if same := inv.Configure(limit.Set(5)); same.Configure(limit.Set(5)) != same {
		t.Error("a setting that does not change makes another inventory")
	}
	if got := get(inv.Configure(limit.Set(5))); got != "1 of 5" || calls.Load() != 3 {
		t.Errorf("a change of its setting: %s after %d computations", got, calls.Load())
	}
}

func TestAssumptions(t *testing.T) {
	limit := inventory.NewSetting("limit", 1)
	inv := testobj.Inventory(t, nil, inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: 30}))
	view, reads := inv.Record()
	if limit.Get(view) != 1 || view.Version().Minor != 30 {
		t.Error("values")
	}
	got := fmt.Sprint(inv.Assumptions(reads))
	if got != "[{kubernetesVersion 1.30 true} {limit 1 false}]" {
		t.Error(got)
	}
}
