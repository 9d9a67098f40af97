package app_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/op"
	"hone/internal/stream"
)

// TestEventWakesTheLoop announces something to a loop that turns by itself and
// sleeps: the run begins at once, not when the loop would look anyway.
func TestEventWakesTheLoop(t *testing.T) {
	t.Parallel()
	text := []byte(strings.NewReplacer("[{data_volume: 50}]", "[{event: com.acme.*}]", "min_new_labels: 1", "min_new_labels: 0", "LOG", "durable").Replace(stressed))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	c.Server.Data = filepath.Join(memory(t), "data")
	a, err := app.New(t.Context(), app.Options{Config: c, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Stop()
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &stress{t: t, source: stream.NewSEA(7, func(int) int { return 0 }, 0.05), kept: map[hone.PredictionID]bool{}}
	s.first(a)
	began := time.Now()
	find, _ := op.Find("event")
	out, err := find.Call(t.Context(), a.Service(), op.Caller{Name: "ada", Role: op.Operator}, &op.EventIn{Model: model, Type: "com.acme.changed"})
	if err != nil || !out.(op.EventOut).Pending {
		t.Fatalf("got %+v, %v", out, err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		runs, err := a.Service().Control.Runs(t.Context(), model, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) > 1 {
			if runs[0].Decision.Trigger != hone.OnEvent || runs[0].Decision.Event == nil {
				t.Errorf("got %+v", runs[0].Decision)
			}
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("no run began")
		}
	}
	if took := time.Since(began); took > 45*time.Second { // It sleeps for a minute.
		t.Errorf("the run began %v after the event", took)
	}
}
