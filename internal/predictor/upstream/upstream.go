package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/secret"
)

// What a server is held to. Times between looks are the clock's; those of calls are
// the machine's, since sockets know no other.
const (
	checkEvery   = 10 * time.Second // Between two looks at its health.
	downEvery    = time.Second      // The same, while it is down.
	checkTime    = 5 * time.Second
	checksFailed = 3 // In a row, until it is not asked any more.
)

// Allowed is a server that the owner lets artefacts name.
type Allowed struct {
	URL string // Its scheme, host and port.
	// Private lets it be at an address of this machine or of a private network.
	Private bool
	// Headers reads what goes with each call, secrets among it. Unset: nothing.
	Headers func() (map[string]string, error)
}

// Options are what a server is opened with.
type Options struct {
	// Allowed lists what may be called, as it stands at the moment.
	Allowed func() []Allowed
	Clock   clock.Clock
	Log     *slog.Logger
}

// Server is a model server that somebody else runs. It is safe for concurrent use.
type Server struct {
	spec   Spec
	sig    hone.Signature
	o      Options
	origin string
	caller caller

	with atomic.Pointer[access] // Nil where it is not allowed any more.
	down atomic.Pointer[error]  // Why it is not asked; nil while it is.

	end   context.CancelFunc
	ended chan struct{}
}

// access is what the owner gives along, as it was last read.
type access struct {
	private bool
	headers headers
	mask    func(string) string // Nil where there is nothing to mask.
}

// Open returns a server that is allowed and well; else it says why not. It is looked
// at from then on, and so is what it is allowed.
func Open(ctx context.Context, s Spec, sig hone.Signature, o Options) (*Server, error) {
	out := &Server{spec: s, sig: sig, o: o, origin: Origin(s.URL), ended: make(chan struct{})}
	with, err := out.access()
	if err != nil {
		return nil, err
	}
	out.with.Store(with)
	if s.Protocol == GRPC {
		out.caller, err = newGRPC(s, sig, with.private)
	} else {
		out.caller, err = newHTTP(s, sig, with.private)
	}
	if err != nil {
		return nil, err
	}
	if err := out.look(ctx); err != nil {
		out.caller.close()
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	out.end = end
	go out.watch(life)
	return out, nil
}

// Close ends the looks and the connections.
func (s *Server) Close() error {
	s.end()
	<-s.ended
	s.caller.close()
	return nil
}

// Predict asks for the scores of the rows of f, in one call, in the order of the
// signature. That they are probabilities is not looked at.
func (s *Server) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	if f.N == 0 {
		return hone.Scores{Width: s.sig.Width()}, nil
	}
	if down := s.down.Load(); down != nil {
		return hone.Scores{}, *down
	}
	with := s.with.Load()
	limited, cancel := context.WithTimeout(ctx, s.spec.timeout())
	defer cancel()
	t, err := s.caller.infer(limited, f, with.headers)
	if errors.Is(err, context.DeadlineExceeded) {
		<-limited.Done() // A server of gRPC knows when that is, and may say so first.
	}
	var scores hone.Scores
	if err == nil {
		scores, err = t.arrange(s.sig, s.spec.Classes, f.N)
	}
	switch {
	case err == nil:
		return scores, nil
	case ctx.Err() != nil: // The caller's own end.
		return hone.Scores{}, fmt.Errorf("ask the upstream %s: %w", s.origin, context.Cause(ctx))
	case limited.Err() != nil:
		err = fmt.Errorf("no answer within %v", s.spec.timeout())
	}
	return hone.Scores{}, s.unavailable(err, with)
}

// unavailable says what was wrong with the server, without what is secret.
func (s *Server) unavailable(err error, with *access) error {
	text, hint := err.Error(), "mend the upstream, or the artefact's hone.json"
	if e, ok := hone.AsError(err); ok {
		text, hint = e.Message, e.Hint
	}
	if with != nil && with.mask != nil {
		text = with.mask(text)
	}
	return &hone.Error{Code: hone.Unavailable, Message: "ask the upstream " + s.origin + ": " + text, Hint: hint}
}

// access reads what the owner allows and gives along.
func (s *Server) access() (*access, error) {
	var all []Allowed
	if s.o.Allowed != nil {
		all = s.o.Allowed()
	}
	for _, a := range all {
		if s.origin == "" || Origin(a.URL) != s.origin {
			continue
		}
		out := &access{private: a.Private}
		if a.Headers == nil {
			return out, nil
		}
		h, err := a.Headers()
		if err != nil {
			return nil, s.unavailable(err, nil)
		}
		out.headers = h
		var values []string
		for _, v := range h {
			values = append(values, v)
		}
		out.mask = secret.Masker(values)
		return out, nil
	}
	return nil, &hone.Error{Code: hone.Unavailable, Message: "the artefact wants to call " + s.origin + ", which the model does not allow",
		Hint: "if this is meant, write upstreams: [{url: " + s.origin + "}] into the model's configuration"}
}

// look asks whether the server is well.
func (s *Server) look(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	with := s.with.Load()
	err := s.caller.healthy(limited, with.headers)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("ask the upstream %s: %w", s.origin, context.Cause(ctx))
	case limited.Err() != nil:
		err = fmt.Errorf("no word of its health within %v", checkTime)
	}
	return s.unavailable(err, with)
}

// watch looks at the server, and at what it is allowed, until life ends.
func (s *Server) watch(life context.Context) {
	defer close(s.ended)
	for failed := 0; ; {
		wait := checkEvery
		if s.down.Load() != nil {
			wait = downEvery
		}
		select {
		case <-life.Done():
			return
		case <-s.o.Clock.After(wait):
		}
		with, err := s.access()
		switch {
		case err != nil:
			failed = checksFailed
		case with.private != s.with.Load().private:
			err, failed = &hone.Error{Code: hone.Unavailable, Message: "the configuration has changed whether " + s.origin + " may be private", Hint: "start Hone again"}, checksFailed
		default:
			s.with.Store(with)
			if err = s.look(life); err != nil {
				failed++
			}
		}
		s.turn(life, err, failed)
		if err == nil {
			failed = 0
		}
	}
}

// turn notes that the server went down, or is back.
func (s *Server) turn(ctx context.Context, err error, failed int) {
	was := s.down.Load() != nil
	switch {
	case ctx.Err() != nil:
	case err == nil:
		s.down.Store(nil)
		if was {
			s.o.Log.InfoContext(ctx, "upstream is back", "upstream", s.origin)
		}
	case failed >= checksFailed:
		if s.down.Store(&err); !was {
			s.o.Log.WarnContext(ctx, "upstream is down", "upstream", s.origin, "cause", err.Error())
		}
	}
}

// cut shortens what a server said to what fits into a sentence.
func cut[T ~string | ~[]byte](b T) string {
	const most = 300
	if len(b) > most {
		return fmt.Sprintf("%q…", string(b[:most]))
	}
	return fmt.Sprintf("%q", string(b))
}
