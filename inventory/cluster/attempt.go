package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/nist190/nist190/inventory"
)

// errPageTimeout is the cause of a request that took longer than Config.PageTimeout.
var errPageTimeout = errors.New("the answer did not come in time")

// attempt calls f until it succeeds, fails for good or was tried often enough. Pauses follow Retry-After, else they double.
func (c *collection) attempt(ctx context.Context, f func(context.Context) error) error {
	pause := c.cfg.Backoff
	for n := 1; ; n++ {
		err := timed(ctx, c.cfg.PageTimeout, f)
		if err == nil || ctx.Err() != nil || n >= c.cfg.Attempts || !mayPass(err, n) {
			return err
		}
		wait := pause
		if s, ok := apierrors.SuggestsClientDelay(err); ok && s > 0 {
			wait = time.Duration(s) * time.Second
		}
		pause *= 2
		timer := time.NewTimer(min(wait, c.cfg.MaxPause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func timed(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	inner, cancel := context.WithTimeoutCause(ctx, limit, errPageTimeout)
	defer cancel()
	err := f(inner)
	if err != nil && ctx.Err() == nil && inner.Err() != nil {
		return errPageTimeout
	}
	return err
}

// mayPass: errors of the way and of servers in trouble do; refusals do not. A credential plugin gets one chance to fetch another
// token after the first 401.
func mayPass(err error, attempt int) bool {
	var s apierrors.APIStatus
	if !errors.As(err, &s) {
		var p *clientPanic
		return !errors.As(err, &p) && !errors.Is(err, errNoURLs) && !errors.Is(err, errEmptyDiscovery)
	}
	switch code := s.Status().Code; {
	case code == http.StatusUnauthorized:
		return attempt == 1
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return true
	default:
		return code >= 500 && code != http.StatusNotImplemented
	}
}

func code(err error) int {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		return int(s.Status().Code)
	}
	return 0
}

func isForbidden(err error) bool    { return code(err) == http.StatusForbidden }
func isUnauthorized(err error) bool { return code(err) == http.StatusUnauthorized }
func isExpired(err error) bool      { return code(err) == http.StatusGone }
func isNotFound(err error) bool     { return code(err) == http.StatusNotFound }

// continueToken is where the server offers to go on after a list has expired.
func continueToken(err error) string {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		return s.Status().Continue
	}
	return ""
}

func stateOf(err error) inventory.State {
	switch {
	case isForbidden(err):
		return inventory.Forbidden
	case errors.Is(err, errGone):
		return inventory.NotServed
	}
	return inventory.Failed
}

// describe says what went wrong without addresses and bodies.
func describe(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "the collection was ended"
	case errors.Is(err, errPageTimeout):
		return errPageTimeout.Error()
	}
	if n := code(err); n != 0 {
		return fmt.Sprintf("the server answers %d: %s", n, err)
	}
	return err.Error()
}
