package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"hone/internal/op"
)

// beat is how often the stream says how every model is.
const beat = time.Second

// events streams what changes: `audit` for each committed change, `status` with
// how every model is, at most once a second. Audit events carry their number as
// id, so that a reader that was cut off goes on where it was.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		problem(w, fmt.Errorf("stream: the connection cannot be flushed"))
		return
	}
	changes, end := s.o.Changes()
	defer end()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	send := func(name, id string, v any) bool {
		b, err := json.Marshal(v)
		if err != nil {
			return false
		}
		if id != "" {
			fmt.Fprintf(w, "id: %s\n", id)
		}
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
		flusher.Flush()
		return err == nil
	}
	if !s.catchUp(r, send) {
		return
	}
	var last []byte
	for {
		status, err := s.o.Service.Status()
		if err != nil {
			return
		}
		if b, _ := json.Marshal(status.Models); string(b) != string(last) {
			last = b
			if !send("status", "", status) {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case e, open := <-changes:
			if !open || !send("audit", fmt.Sprint(e.Seq), e) {
				return
			}
		case <-s.o.Service.Clock.After(beat):
		}
	}
}

// catchUp sends the audit events that a reader missed since its Last-Event-ID.
func (s *Server) catchUp(r *http.Request, send func(string, string, any) bool) bool {
	var after int64
	if _, err := fmt.Sscan(r.Header.Get("Last-Event-ID"), &after); err != nil {
		return true
	}
	find, _ := op.Find("export")
	got, err := find.Call(r.Context(), s.o.Service, op.Caller{Role: op.Viewer}, &op.AuditIn{After: after})
	if err != nil {
		return true
	}
	for _, e := range got.(op.AuditList).Events {
		if !send("audit", fmt.Sprint(e.Seq), e) {
			return false
		}
	}
	return true
}
