package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/predictor"
	"hone/internal/stream"
)

// outside is a model that is served elsewhere, with a champion, and v2 on its way.
func outside(t *testing.T, broken hone.VersionID) *world {
	t.Helper()
	w := newWorld(t, map[string][]string{"hone.yaml": {
		"version: 1", "models:", "  sea:", "    task: binary", "    serving: external", "    label: {name: label}",
		"    features: {f0: number, f1: number, f2: number}", "    dataset: {window: all}", "    log: durable",
		"    triggers: [{data_volume: 100000}]", "    guards: {cooldown: 0s, min_new_labels: 1}",
		"    rollout: {steps: [{shadow: 60}, {weight: 50%, min_requests: 200}]}",
	}})
	w.app.Stop()
	w.seams.Open = func(_ string, v hone.VersionID, p predictor.Predictor) predictor.Predictor {
		if v == broken {
			return mute{p, w}
		}
		return p
	}
	w.start()
	if err := errors.Join(w.history("sea", 600, options{}), w.advance(2*time.Minute, 30*time.Second), w.traffic("sea", 300, options{})); err != nil {
		t.Fatal(err)
	}
	if _, err := w.app.Loop().Act(w.ctx, model, loop.Act{Do: loop.Retrain, By: "ada", Force: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.step(); err != nil {
		t.Fatal(err)
	}
	return w
}

// mute answers nothing once it is rolled out.
type mute struct {
	predictor.Predictor
	w *world
}

func (m mute) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	if v, err := m.w.app.Loop().View(model); err == nil && v.Run != nil && v.Run.Rollout != nil {
		return hone.Scores{}, errors.New("out of order")
	}
	return m.Predictor.Predict(ctx, f)
}

func (w *world) last(t *testing.T) hone.Run {
	t.Helper()
	all, err := w.allRuns()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d runs: %v", len(all), err)
	}
	return all[len(all)-1]
}

// TestShadowElsewhereFails: a candidate that does not answer what was logged is taken
// back, and nobody waited for it.
func TestShadowElsewhereFails(t *testing.T) {
	t.Parallel()
	w := outside(t, "v2")
	if err := w.traffic("sea", 40, options{}); err != nil {
		t.Fatal(err)
	}
	if r := w.last(t); r.Ending != hone.RolledBack || !strings.Contains(r.Sentence, "out of order") {
		t.Errorf("%s %s: %s", r.ID, r.Ending, r.Sentence)
	}
}

// log sends rows as the owner's client answers them, each edited before.
func (w *world) log(t *testing.T, n int, edit func(i int, item *op.LoggedItem)) {
	t.Helper()
	f, _, ids, err := w.rows("sea", n, options{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := w.client.weights()
	if err != nil {
		t.Fatal(err)
	}
	in := op.LoggedIn{Model: model}
	for i, id := range ids {
		item, err := w.client.row(plan, f.Slice(i, i+1), id)
		if err != nil {
			t.Fatal(err)
		}
		edit(i, &item)
		in.Items = append(in.Items, item)
	}
	if _, err := w.call("log", &in); err != nil {
		t.Fatal(err)
	}
	if err := w.step(); err != nil {
		t.Fatal(err)
	}
}

// TestLoggedFaults: faults that the owner's server saw of the challenger are its own.
func TestLoggedFaults(t *testing.T) {
	t.Parallel()
	w := outside(t, "")
	if err := w.traffic("sea", 70, options{}); err != nil {
		t.Fatal(err)
	}
	if r := w.last(t); r.State != hone.Canary {
		t.Fatalf("%s is %s: %s", r.ID, r.State, r.Sentence)
	}
	w.log(t, 60, func(i int, item *op.LoggedItem) {
		item.LatencyMS = float64(i)
		if item.Version == "v2" {
			item.Fault, item.Scores = "connection refused", nil
			if i%2 == 0 { // The champion answered in its place.
				item.Version, item.Scores = "v1", []float64{0.5}
			}
		}
	})
	if r := w.last(t); r.Ending != hone.RolledBack || !strings.Contains(r.Sentence, "connection refused") {
		t.Errorf("%s %s: %s", r.ID, r.Ending, r.Sentence)
	}
}

// TestManyNames: whoever names a version of their own for each prediction makes nothing
// grow, and the versions that there are are still seen.
func TestManyNames(t *testing.T) {
	t.Parallel()
	w := outside(t, "")
	w.log(t, 500, func(i int, item *op.LoggedItem) { item.Version = hone.VersionID(fmt.Sprintf("<b>%d", i)) })
	v, err := w.app.Loop().View(model)
	if err != nil || len(v.Elsewhere.Strangers) == 0 || len(v.Elsewhere.Strangers) > 200 || v.Elsewhere.Unseen != "v1" {
		t.Errorf("%d strangers, %q unseen: %v", len(v.Elsewhere.Strangers), v.Elsewhere.Unseen, err)
	}
	if err := w.traffic("sea", 70, options{}); err != nil {
		t.Fatal(err)
	}
	if r := w.last(t); r.State != hone.Canary {
		t.Errorf("%s is %s: %s", r.ID, r.State, r.Sentence)
	}
}

// seaHistory is so many rows of the last minutes.
func seaHistory(a *app.App, n int) *op.HistoryIn {
	m, _ := a.Loop().Model(model)
	f, next := frame.New(m.Features, n), stream.NewSEA(7, func(int) int { return 0 }, 0.05).Next
	in := &op.HistoryIn{Model: model}
	for i := range n {
		label, features := next(f, i), map[string]any{}
		for c, field := range f.Schema {
			features[field.Name] = f.Value(i, c)
		}
		in.Items = append(in.Items, op.HistoryItem{PredictionID: hone.PredictionID(fmt.Sprint("p", i)), Features: features, Label: label,
			Time: a.Service().Clock.Now().Add(time.Duration(i-n) * time.Second)})
	}
	return in
}

// TestWebhookOfAServer: a server that runs brings its first plan to the webhook, and
// stops in the middle of a delivery that gets no answer.
func TestWebhookOfAServer(t *testing.T) {
	t.Parallel()
	got, held := make(chan string, 100), make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("webhook-id") + " " + string(body)
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hook.Close)
	dir := memory(t)
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("LOG", "durable", "    task:", "    serving: external\n    deliver: {webhook: \""+hook.URL+"\", secret: file:key, private: true}\n    task:").Replace(stressed)
	start := func() *app.App {
		c, err := config.Parse("hone.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		c.Dir, c.Server.Data = dir, filepath.Join(dir, "data")
		a, err := app.New(t.Context(), app.Options{Config: c, Text: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			a.Stop()
			t.Fatal(err)
		}
		return a
	}
	a := start()
	w := &world{t: t, ctx: t.Context(), app: a}
	if _, err := w.call("history", seaHistory(a, 400)); err != nil {
		t.Fatal(err)
	}
	first := <-got
	a.Stop() // The delivery gets no answer, and is let go.
	close(held)
	b := start()
	defer b.Stop()
	if again := <-got; again[:strings.Index(again, " ")] != first[:strings.Index(first, " ")] || !strings.Contains(first, `"version":"v1"`) {
		t.Errorf("delivered %s, then %s", first, again)
	}
}

// TestNamesCountOnce: a page of the log that is read in parts, because a window ends in
// it, counts once for the version that it names.
func TestNamesCountOnce(t *testing.T) {
	t.Parallel()
	w := outside(t, "")
	w.client.named = "x9"
	f, _, ids, err := w.rows("sea", 1500, options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.answer(f, ids); err != nil {
		t.Fatal(err)
	}
	if err := w.step(); err != nil {
		t.Fatal(err)
	}
	v, err := w.app.Loop().View(model)
	if err != nil || len(v.Elsewhere.Strangers) != 1 || v.Elsewhere.Strangers[0].N != len(ids) {
		t.Errorf("%d predictions name x9: %+v, %v", len(ids), v.Elsewhere, err)
	}
}
