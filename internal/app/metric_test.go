package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/loop"
	"hone/internal/stream"
)

// A metric of the owner's that hangs while a candidate is in canary holds up nothing
// but the step: people are heard and guards look on meanwhile; once it is stopped the
// record says why, and nobody is taken back for it.
func TestMetricHangs(t *testing.T) {
	t.Parallel()
	text := []byte(strings.NewReplacer("LOG", "durable", "[{data_volume: 50}]", "[{data_volume: 1000000}]", "min_requests: 5", "min_requests: 100",
		"    guards:", `    metrics:
      kept: {timeout: 1s, command: [/bin/sh, -c, 'if test -f hang; then sleep 1000; fi; tail -n +2 "$HONE_METRIC/rows.csv" | awk -F, "{print 1}" > "$HONE_METRIC/values.csv"']}
    guards:`).Replace(stressed))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	c.Dir = memory(t)
	c.Server.Data = filepath.Join(c.Dir, "data")
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
	for range 40 { // Rows to train on, and to hold out.
		s.ask(a, true)
	}
	if _, err := a.Loop().Act(t.Context(), model, loop.Act{Do: loop.Retrain, By: "ada", Force: true}); err != nil {
		t.Fatal(err)
	}
	seen := func() loop.View {
		v, err := a.Loop().View(model)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	paused := false
	for {
		v := seen()
		if v.Run == nil {
			t.Fatalf("the run ended: %s", v.Last.Sentence)
		}
		if v.Run.State == hone.Shadowing || v.Run.State == hone.Canary {
			if err := os.WriteFile(filepath.Join(c.Dir, "hang"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if v.Run.State == hone.Canary && !paused {
			paused = true
			for _, do := range []loop.Do{loop.Pause, loop.Resume} {
				if _, err := a.Loop().Act(t.Context(), model, loop.Act{Do: do, By: "ada"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if strings.Contains(v.Run.Sentence, "it took longer than 1s") {
			break
		}
		if !s.ask(a, true) {
			t.Fatal("no answer")
		}
		<-pace.C
	}
	v := seen()
	if v.Run == nil || v.Run.Rollout == nil || v.Champion.ID != "v1" || v.Run.Ending != "" {
		t.Errorf("it moved on a metric that hangs: %+v", v)
	}
	for range 30 { // And it stays so.
		s.ask(a, true)
		<-pace.C
	}
	if v = seen(); v.Run == nil || v.Champion.ID != "v1" {
		t.Errorf("it moved later: %+v", v.Last)
	}
}
