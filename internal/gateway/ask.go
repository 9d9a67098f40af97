package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/predictor"
)

// reply is what one version gave for some rows.
type reply struct {
	scores  hone.Scores
	answers []string // As people read them.
	classes []string
	took    time.Duration
}

// ask has a version score a frame, which nobody changes from now on. Panics and
// scores that are none come back as errors.
func (g *Gateway) ask(ctx context.Context, model string, v hone.VersionID, f *frame.Frame) (r reply, err error) {
	watch := clock.Start()
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("panic: %v", x)
		}
		r.took = watch.Elapsed()
	}()
	p, release, err := g.pool.Acquire(ctx, model, v)
	if err != nil {
		return r, err
	}
	defer release()
	return score(ctx, p, f)
}

// askWithin asks a version that is not trusted to answer at all: the caller has
// its reply after the time-out at the latest, whatever the version does.
func (g *Gateway) askWithin(ctx context.Context, timeout time.Duration, model string, v hone.VersionID, f *frame.Frame) (reply, error) {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	watch := clock.Start()
	limited, cancel := context.WithTimeout(ctx, timeout)
	type result struct {
		reply
		err error
	}
	done := make(chan result, 1)
	g.jobs.start(func() { // It starts: the caller is a job itself.
		defer cancel()
		r, err := g.ask(limited, model, v, f)
		done <- result{r, err}
	})
	var r result
	select {
	case r = <-done:
	case <-limited.Done():
		select {
		case r = <-done: // It came just in time.
		default:
			r.err = limited.Err()
		}
	}
	r.took = watch.Elapsed()
	if r.err != nil && ctx.Err() == nil && errors.Is(r.err, context.DeadlineExceeded) {
		r.err = fmt.Errorf("no answer within %v", timeout)
	}
	return r.reply, r.err
}

// score asks a predictor and checks what it gives.
func score(ctx context.Context, p predictor.Predictor, f *frame.Frame) (r reply, err error) {
	sig := p.Signature()
	f = fit(f, sig.Features)
	s, err := p.Predict(ctx, f)
	if err != nil {
		return r, err
	}
	if s.Width != sig.Width() || s.Width < 1 || len(s.V) != f.N*s.Width {
		return r, fmt.Errorf("gave %d scores of width %d for %d rows, want width %d", len(s.V), s.Width, f.N, sig.Width())
	}
	for i, x := range s.V {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return r, fmt.Errorf("gave the score %v for row %d", x, i/s.Width)
		}
	}
	r = reply{scores: s, answers: make([]string, f.N)}
	if sig.Task != hone.Regression {
		r.classes = sig.Classes
	}
	for i := range r.answers {
		r.answers[i] = sig.Answer(s.Row(i))
	}
	return r, nil
}

// fit returns f in the order of another schema; what f has not is missing.
func fit(f *frame.Frame, s frame.Schema) *frame.Frame {
	if slices.Equal(f.Schema, s) {
		return f
	}
	to := frame.New(s, f.N)
	to.Remap(0, f)
	return to
}

// askChallenger asks the plan's challenger, and takes it off the traffic after
// too many faults in a row. A request that was given up is not its fault.
func (g *Gateway) askChallenger(ctx context.Context, st *state, f *frame.Frame) (reply, error) {
	v := st.plan.Challenger
	r, err := g.askWithin(ctx, st.plan.Timeout, st.plan.Model, v, f)
	switch {
	case err == nil:
		st.faults.Store(0)
	case ctx.Err() != nil:
	case st.faults.Add(1) >= breakAfter && st.ejected.CompareAndSwap(false, true):
		g.eject(st.plan.Model, v, cut(fmt.Sprintf("%d faults in a row, the last: %v", breakAfter, err)))
	}
	return r, err
}

// maxFault is the length of a fault's text, in bytes.
const maxFault = 200

// cut shortens a text to what a fault may hold.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxFault {
		return s
	}
	s = s[:maxFault]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
