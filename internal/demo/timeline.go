package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"hone"
)

// timeline tells what happens as it happens: a line an event, and at the foot a
// small plot of accuracy.
type timeline struct {
	o     Options
	start time.Time
	mu    sync.Mutex
	drawn time.Time
}

func newTimeline(o Options, start time.Time) *timeline { return &timeline{o: o, start: start} }

func (t *timeline) begin(o Options) {
	if o.JSON {
		t.emit("scenario", map[string]any{"scenario": o.Scenario.Name, "story": o.Scenario.Story, "address": o.Base})
		return
	}
	fmt.Fprintf(o.Out, "Hone demo: %s.\n%s. Page: %s\n\n", o.Scenario.Name, capital(o.Scenario.Story), o.Base)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// emit writes one event a line.
func (t *timeline) emit(kind string, v map[string]any) {
	v["event"] = kind
	v["t"] = t.o.Clock.Now().Sub(t.start).Seconds()
	json.NewEncoder(t.o.Out).Encode(v)
}

func (t *timeline) event(e hone.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.JSON {
		t.emit("audit", map[string]any{"seq": e.Seq, "action": e.Action, "run": e.Run, "version": e.Version, "sentence": e.Sentence, "at": e.At})
		return
	}
	t.line(e.At, mark(e.Action), e.Sentence)
}

func mark(action string) string {
	switch action {
	case "run.promoted":
		return "✓"
	case "run.rejected", "run.failed":
		return "✗"
	case "run.rolled_back", "rolled_back":
		return "↩"
	}
	return "·"
}

// line prints one line of the timeline above the plot.
func (t *timeline) line(at time.Time, mark, text string) {
	if t.o.Terminal {
		io.WriteString(t.o.Out, "\r\x1b[K")
	}
	fmt.Fprintf(t.o.Out, "%6.1f s  %s %s\n", at.Sub(t.start).Seconds(), mark, text)
}

func (t *timeline) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.JSON {
		t.emit("note", map[string]any{"sentence": text})
		return
	}
	t.line(t.o.Clock.Now(), " ", text)
}

func (t *timeline) drift(at time.Time, story string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.JSON {
		t.emit("drift", map[string]any{"sentence": story})
		return
	}
	t.line(at, "≈", "The world changes: "+story+".")
}

// redraw shows accuracy, four times a second on a terminal, else every three
// seconds.
func (t *timeline) redraw(a *accuracy) {
	now := t.o.Clock.Now()
	every := 3 * time.Second
	if t.o.Terminal {
		every = 250 * time.Millisecond
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.drawn) < every {
		return
	}
	t.drawn = now
	last, n := a.last()
	switch {
	case n == 0:
	case t.o.JSON:
		t.emit("accuracy", map[string]any{"accuracy": last, "rows": n})
	case t.o.Terminal:
		fmt.Fprintf(t.o.Out, "\r\x1b[K%6.1f s  accuracy %s %.3f", now.Sub(t.start).Seconds(), a.spark(48), last)
	default:
		fmt.Fprintf(t.o.Out, "%6.1f s    accuracy %s %.3f\n", now.Sub(t.start).Seconds(), a.spark(32), last)
	}
}

// end tells how it ended.
func (t *timeline) end(e Ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.JSON {
		t.emit("end", e.record())
		return
	}
	if t.o.Terminal {
		io.WriteString(t.o.Out, "\r\x1b[K")
	}
	fmt.Fprintln(t.o.Out, e.text())
}
