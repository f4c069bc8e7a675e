package manifest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// readAll reads and parses the inputs in parallel and hands their results to take in the order of the inputs. At most
// four inputs per worker are in flight, so that memory does not grow with their number. It returns when every goroutine
// that it started has ended.
func readAll(ctx context.Context, cfg Config, inputs []*input, take func(*result)) {
	p := newPool(cfg.Parallelism)
	pending := make(chan chan *result, 4*cap(p.slots))
	go func() {
		defer close(pending)
		for _, in := range inputs {
			done := make(chan *result, 1)
			p.slots <- struct{}{}
			pending <- done
			go func() {
				defer func() { <-p.slots }()
				done <- in.read(ctx, cfg, p)
			}()
		}
	}()
	for done := range pending {
		take(<-done)
	}
	p.wait()
}

// pool bounds the goroutines that parse.
type pool struct{ slots chan struct{} }

func newPool(n int) *pool {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return &pool{slots: make(chan struct{}, n)}
}

func (p *pool) wait() {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
}

// each calls f for 0..n-1. The caller holds a slot and works itself; it is helped while there are free slots.
func (p *pool) each(n int, f func(int)) {
	const chunk = 32
	var wg sync.WaitGroup
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		work := func() {
			for i := lo; i < hi; i++ {
				f(i)
			}
		}
		select {
		case p.slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-p.slots }()
				work()
			})
		default:
			work()
		}
	}
	wg.Wait()
}

func (in *input) read(ctx context.Context, cfg Config, p *pool) *result {
	if ctx.Err() != nil {
		return &result{}
	}
	limit := cfg.maxFileSize()
	if in.tentative {
		limit = min(limit, maxTentative)
	}
	data, code, err := in.load(limit)
	if err != nil && in.tentative {
		return in.unreadTentative(code, err)
	}
	if err != nil {
		r := failure(inventory.Origin{URI: in.uri}, in.named, code, err)
		return &r
	}
	return in.parse(ctx, cfg, p, data)
}

// maxTentative bounds files that may turn out to be of another tool: /metrics of a large API server has some ten MiB.
const maxTentative = 64 << 20

// unreadTentative: what could not be opened may be a drop-in of a kubelet or a kubeconfig, and nothing else.
func (in *input) unreadTentative(code inventory.ProblemCode, err error) *result {
	if code == inventory.ProblemTooLarge {
		return &result{}
	}
	r := failure(inventory.Origin{URI: in.uri}, false, code, err)
	reason := r.opaque
	r.opaque = ""
	for _, gk := range [...]schema.GroupKind{{Kind: "Config"},
		{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"}} {
		r.partial = append(r.partial, partial{gk, reason})
	}
	return &r
}

func (in *input) load(limit int64) ([]byte, inventory.ProblemCode, error) {
	f, err := in.open()
	if err != nil {
		return nil, inventory.ProblemUnreadable, cause(err)
	}
	defer f.Close()
	data, err := readAllOf(f, limit+1)
	switch {
	case err != nil:
		return nil, inventory.ProblemUnreadable, cause(err)
	case int64(len(data)) > limit:
		return nil, inventory.ProblemTooLarge, fmt.Errorf("larger than the limit of %d bytes", limit)
	}
	return data, "", nil
}

// readAllOf reads at most limit bytes, into one buffer where the size is known.
func readAllOf(r io.Reader, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if f, ok := r.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			b.Grow(int(min(max(info.Size(), 0), limit)) + bytes.MinRead)
		}
	}
	_, err := b.ReadFrom(io.LimitReader(r, limit))
	return b.Bytes(), err
}
