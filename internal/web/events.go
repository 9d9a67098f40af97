package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/op"
)

const (
	// beat is how often the stream looks how every model is.
	beat = time.Second
	// quiet is how many beats may pass without a word: what comes then tells the
	// reader that the server is there, and the server that the reader is.
	quiet = 15
	// patience is how long a reader may take for what was sent.
	patience = 4 * time.Second
)

// stream is one reader of events.
type stream struct {
	s    *Server
	w    http.ResponseWriter
	out  *http.ResponseController
	r    *http.Request
	who  op.Caller
	last int64 // Number of the audit event that was sent last.
	was  string
	idle int
}

// events streams what changes: `audit` for each committed change, `status` with
// how every model is, at most once a second. Audit events carry their number as
// id, so that a reader that was cut off goes on where it was.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	changes, end := s.o.Changes()
	defer end()
	st := &stream{s: s, w: w, r: r, out: http.NewResponseController(w)}
	if err := st.begin(); err != nil {
		problem(w, err)
		return
	}
	st.out.SetReadDeadline(time.Time{}) // A stream has no end.
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	for st.admitted() && st.audit() && st.status() {
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case _, open := <-changes:
			if !open {
				return
			}
		case <-s.o.Service.Clock.After(beat):
			if st.idle++; st.idle >= quiet && !st.send(": well\n\n") {
				return
			}
		}
	}
}

// begin finds where the reader stands: behind its Last-Event-ID, else at the
// newest event.
func (st *stream) begin() (err error) {
	after, err := strconv.ParseInt(st.r.Header.Get("Last-Event-ID"), 10, 64)
	if err == nil && after >= 0 {
		st.last = after
		return nil
	}
	st.last, _, err = st.s.o.Service.Records.Head(st.r.Context())
	return err
}

// admitted tells whether the reader may still read: a token may have been
// revoked, or its time may be over.
func (st *stream) admitted() (ok bool) {
	who, err := st.s.caller(st.r)
	st.who = who
	return err == nil && who.Role.May(op.Viewer)
}

// audit sends the events that the reader has not seen. The store is asked for
// them: what the channel of changes says is only that there are some.
func (st *stream) audit() bool {
	list, _ := op.Find("export")
	for {
		got, err := list.Call(st.r.Context(), st.s.o.Service, st.who, &op.AuditIn{After: st.last})
		if err != nil {
			return false
		}
		events := got.(op.AuditList).Events
		if len(events) == 0 {
			return true
		}
		for _, e := range events {
			if !st.event("audit", e) {
				return false
			}
		}
	}
}

// status says how every model is, where that changed.
func (st *stream) status() bool {
	status, err := st.s.o.Service.Status(st.who)
	if err != nil {
		return false
	}
	b, err := json.Marshal(status.Models)
	if err != nil || string(b) == st.was {
		return err == nil
	}
	st.was = string(b)
	return st.event("status", status)
}

func (st *stream) event(name string, v any) bool {
	b, err := json.Marshal(v)
	if err != nil {
		return false
	}
	id := ""
	if e, ok := v.(hone.Event); ok {
		st.last = e.Seq
		id = fmt.Sprintf("id: %d\n", e.Seq)
	}
	return st.send(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, name, b))
}

// send writes a piece of the stream. A reader that does not take it in time is
// cut off; it comes back and is sent what it missed.
func (st *stream) send(text string) bool {
	st.idle = 0
	if err := st.out.SetWriteDeadline(clock.System{}.Now().Add(patience)); err != nil {
		return false
	}
	if _, err := fmt.Fprint(st.w, text); err != nil {
		return false
	}
	return st.out.Flush() == nil
}
