package onnx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"

	"hone/internal/frame"
)

const maxBody = 1 << 30 // Bytes of one request.

// server answers for one model.
type server struct {
	plan    plan
	session session
	slots   chan struct{} // As many runs at once as there may be threads of Go.
	// stuck counts the runs that nobody waits for any more and that do not end. Hone
	// starts a server anew that says so at several looks.
	stuck atomic.Int64
}

func newServer(p plan, s session) *server {
	return &server{plan: p, session: s, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// warm scores first rows, which show whether the model gives what its manifest says.
func (s *server) warm(ctx context.Context) error {
	if _, err := s.score(ctx, s.plan.first()); err != nil {
		return fmt.Errorf("score two rows of zeros: %w", err)
	}
	return nil
}

// errRows marks what is wrong with the rows, and not with the model.
var errRows = errors.New("the rows do not fit")

func (s *server) score(ctx context.Context, rows *frame.Frame) ([]float64, error) {
	inputs, err := s.plan.fill(rows)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRows, err)
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	unwatch := context.AfterFunc(ctx, func() { s.stuck.Add(1) })
	values, shape, err := s.session.run(ctx, inputs)
	if !unwatch() {
		s.stuck.Add(-1)
	}
	if err != nil {
		return nil, err
	}
	return s.plan.scores(values, shape, rows.N)
}

// handler speaks the Open Inference Protocol.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	ready := func(w http.ResponseWriter, _ *http.Request) {
		if n := s.stuck.Load(); n > 0 {
			refuse(w, http.StatusServiceUnavailable, fmt.Errorf("%d runs of the model do not end", n))
		}
	}
	mux.HandleFunc("GET /v2/health/live", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v2/health/ready", ready)
	mux.HandleFunc("GET /v2/models/model/ready", ready)
	mux.HandleFunc("POST /v2/models/model/infer", s.infer)
	return mux
}

func (s *server) infer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, err)
		return
	}
	rows, id, err := readRequest(body, s.plan.signature.Features)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	scores, err := s.score(r.Context(), rows)
	var answer []byte
	if err == nil {
		answer, err = appendReply(make([]byte, 0, 128+20*len(scores)), id, s.plan.signature, rows.N, scores)
	}
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, errRows) {
			status = http.StatusBadRequest
		}
		refuse(w, status, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // Who has gone does not read it.
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
