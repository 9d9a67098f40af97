package web_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/op"
)

// fresh is a Hone of the test's own, with nothing in it.
func fresh(t *testing.T) *world {
	t.Helper()
	w, err := open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) events(t *testing.T, after string) *listener {
	t.Helper()
	l, err := w.listen(after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func TestEventsCatchUp(t *testing.T) {
	t.Parallel()
	got := shared.ask(t, "GET", "/api/v1/audit?limit=1000", "", nil)
	n := int64(strings.Count(got.body, `"seq":`))
	if n < 7 {
		t.Fatalf("only %d events: %s", n, got.body)
	}
	for _, after := range []int64{0, 1, n - 2} {
		l := shared.events(t, strconv.FormatInt(after, 10))
		for want := after + 1; want <= n; want++ {
			e, err := l.until(func(string, hone.Event) bool { return true })
			if err != nil || e.Seq != want {
				t.Fatalf("after %d: event %d, %v, want %d", after, e.Seq, err, want)
			}
		}
		// What comes behind them is how the models are.
		if name, id, _, err := l.next(); err != nil || name != "status" || id != "" {
			t.Errorf("after %d: %q %q %v", after, name, id, err)
		}
	}
	for _, after := range []string{"", "-3", "x", "7; drop", "999999"} {
		l := shared.events(t, after)
		if name, _, data, err := l.next(); err != nil || name != "status" || !strings.Contains(data, "fraud is well") {
			t.Errorf("Last-Event-ID %q: %q %q %v", after, name, data, err)
		}
	}
}

// TestEventsArrive rolls nothing back, fails to, and starts a run: what is
// committed arrives at every reader, in order and once.
func TestEventsArrive(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	var readers []*listener
	for range 3 {
		l := w.events(t, "")
		if _, err := l.status(func(s op.Status) bool { return len(s.Models) == 2 }); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, l)
	}
	var rows []map[string]any
	for i := range 300 {
		rows = append(rows, map[string]any{"prediction_id": fmt.Sprintf("h-%d", i), "time": "2024-01-01T00:00:00Z", "features": map[string]any{"size": i % 17}, "label": 2 * (i % 17)})
	}
	if err := w.post("price/history", map[string]any{"rows": rows}); err != nil {
		t.Fatal(err)
	}
	for _, l := range readers {
		last := int64(len(principals) + 1) // They and the configuration were there before.
		if _, err := l.until(func(id string, e hone.Event) bool {
			if e.Seq != last+1 || id != strconv.FormatInt(e.Seq, 10) {
				t.Errorf("event %d with id %q behind %d", e.Seq, id, last)
			}
			last = e.Seq
			return e.Action == "run.promoted"
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.status(func(s op.Status) bool { return s.Models[1].Champion == "v1" }); err != nil {
			t.Error(err)
		}
	}
}

// TestStopEndsStreams stops a server that readers listen to: they see the end
// at once, also where one does not read and one is gone.
func TestStopEndsStreams(t *testing.T) {
	t.Parallel()
	w, err := open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	reading, gone := w.events(t, ""), w.events(t, "")
	if _, _, _, err := reading.next(); err != nil {
		t.Fatal(err)
	}
	gone.close()
	deaf, err := net.Dial("tcp", w.app.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if _, err := fmt.Fprintf(deaf, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := deaf.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { w.close(); close(stopped) }()
	for err == nil {
		_, _, _, err = reading.next()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
	select {
	case <-stopped:
	case <-time.After(4 * time.Second):
		t.Error("Stop waits for readers")
		<-stopped
	}
}
