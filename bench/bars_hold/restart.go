package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/bench/rig"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/op"
	"hone/internal/store"
)

const (
	loggedRows = 10_000_000
	loggedDays = 10
	width      = 8
)

// restart is how long a hone that was killed takes until it answers predictions
// again, with ten million rows in its log since its champion began to serve.
func restart(b *bar.Bench) error {
	w := rig.NewWorld(width)
	path, err := rig.Config(b.Work, w, "durable", "bench")
	if err != nil {
		return err
	}
	hands := clock.NewFake(clock.System{}.Now().Add(-(loggedDays + 1) * 24 * time.Hour))
	if err := crown(path, w, hands); err != nil {
		return err
	}
	watch := clock.Start()
	if err := fill(b.Work, w, hands); err != nil {
		return err
	}
	b.Note("%d rows over %d days written in %.0f s", loggedRows, loggedDays, watch.Elapsed().Seconds())
	var ready []float64
	for range 5 {
		watch := clock.Start()
		s, err := rig.Serve(b.Hone, b.Work, path)
		if err != nil {
			return err
		}
		if err := s.Ready("bench"); err != nil {
			s.Stop()
			return err
		}
		ready = append(ready, watch.Elapsed().Seconds())
		if len(ready) == 5 {
			err = caughtUp(b, s, watch)
		}
		s.Kill()
		if err != nil {
			return err
		}
	}
	b.Keep("ready", "s", ready...)
	return nil
}

// caughtUp waits until the loop has read again what came since its champion
// began to serve; until then it decides nothing.
func caughtUp(b *bar.Bench, s *rig.Server, since clock.Stopwatch) error {
	err := s.Until(10*time.Minute, "the loop has read the log", func() bool {
		res, err := http.Get("http://" + s.Addr + "/api/v1/models/bench")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var m struct {
			Labels int `json:"new_labels"`
		}
		return json.NewDecoder(res.Body).Decode(&m) == nil && m.Labels >= loggedRows/10
	})
	if err != nil {
		return err
	}
	b.Keep("loop_caught_up", "s", since.Elapsed().Seconds())
	rss, err := s.RSS()
	b.Keep("rss", "MiB", float64(rss)/(1<<20))
	return err
}

// crown gives the model its first champion, long ago.
func crown(path string, w *rig.World, hands *clock.Fake) error {
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	a, err := app.New(ctx, app.Options{Config: c, Text: text, Clock: hands, Inline: true})
	if err != nil {
		return err
	}
	defer a.Stop()
	if err := a.Start(ctx); err != nil {
		return err
	}
	in := op.HistoryIn{Model: "bench"}
	for i := range rig.HistoryRows {
		x, label := w.Row()
		features := map[string]any{}
		for f := range x {
			features[fmt.Sprintf("f%d", f)] = x[f]
		}
		in.Items = append(in.Items, op.HistoryItem{PredictionID: hone.PredictionID(fmt.Sprintf("h%d", i)), Features: features, Label: label,
			Time: hands.Now().Add(time.Duration(i-rig.HistoryRows) * time.Second)})
	}
	history, _ := op.Find("history")
	if _, err := history.Call(ctx, a.Service(), op.Caller{Name: "bench", Role: op.Admin}, &in); err != nil {
		return err
	}
	for range 3 {
		hands.Advance(time.Minute)
		if err := a.Loop().Step(ctx, "bench"); err != nil {
			return err
		}
	}
	v, err := a.Loop().View("bench")
	if err == nil && v.Champion.ID == "" {
		err = fmt.Errorf("no champion: %s", v.Decision.Sentence)
	}
	return err
}

// fill logs rows as a champion of long standing would have, a tenth of them with
// their label.
func fill(dir string, w *rig.World, hands *clock.Fake) (err error) {
	db, err := store.Open(filepath.Join(dir, "data"), store.Options{Clock: hands})
	if err != nil {
		return err
	}
	defer func() {
		if shut := db.Close(); err == nil {
			err = shut
		}
	}()
	const batch = 10_000
	rows, schema := encoded(w, 64)
	if err := db.SaveSchema(context.Background(), "bench", schema); err != nil {
		return err
	}
	for from := 0; from < loggedRows; from += batch {
		ps, labels := make([]hone.Prediction, batch), make([]hone.Feedback, 0, batch/10)
		for i := range ps {
			id := hone.PredictionID(fmt.Sprintf("r%d", from+i))
			ps[i] = hone.Prediction{ID: id, Time: hands.Now(), Version: "v1", Route: hone.ByChampion,
				Features: rows[i%len(rows)], Scores: []float64{0.3, 0.7}, Latency: 100 * time.Microsecond}
			if i%10 == 0 {
				labels = append(labels, hone.Feedback{PredictionID: id, Kind: hone.Label, Value: "1", Time: hands.Now()})
			}
		}
		if _, err := db.AppendPredictions(context.Background(), "bench", ps); err != nil {
			return err
		}
		if _, err := db.AppendFeedback(context.Background(), "bench", labels); err != nil {
			return err
		}
		hands.Advance(loggedDays * 24 * time.Hour / (loggedRows / batch))
	}
	return nil
}

// encoded makes rows as the log keeps them.
func encoded(w *rig.World, n int) ([][]byte, frame.Schema) {
	var schema frame.Schema
	for i := range width {
		schema = append(schema, frame.Field{Name: fmt.Sprintf("f%d", i), Kind: frame.Number})
	}
	f := frame.New(schema, n)
	out := make([][]byte, n)
	for row := range n {
		x, _ := w.Row()
		for i := range x {
			f.Cols[i].Num[row] = x[i]
		}
		out[row] = f.EncodeRow(nil, row)
	}
	return out, schema
}
