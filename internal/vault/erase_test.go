package vault_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/op"
	"hone/internal/store"
	"hone/internal/vault"
)

// What is to be gone: words of no use to a model that are in no other row.
const (
	who    = "canary-unit-7f3a"
	source = "canary-source-91bc"
	place  = "canary-country-55d0"
)

// plant logs rows of the one who will be forgotten among others, and trains on
// them: fraud-4 makes a dataset of them.
func plant(w *world) {
	w.t.Helper()
	do[op.Done](w, "reject", &op.ActIn{Run: "fraud-3"})
	w.serve(0, 300)
	in, labels := &op.LoggedIn{Model: "fraud"}, &op.FeedbackIn{Model: "fraud"}
	for i := range 12 {
		id := hone.PredictionID(fmt.Sprintf("c%d", i))
		in.Items = append(in.Items, op.LoggedItem{PredictionID: id, Unit: who, Version: "v2", Score: new(float64), Features: map[string]any{"amount": float64(83 * i), "country": place}})
		labels.Items = append(labels.Items, op.FeedbackItem{PredictionID: id, Label: fmt.Sprint(i % 2), Source: source}, op.FeedbackItem{PredictionID: id, Thumb: "up", Source: source})
	}
	do[op.Stored](w, "log", in)
	do[op.FeedbackOut](w, "feedback", labels)
	w.step(2)
	do[op.Done](w, "run", &op.RetrainIn{Model: "fraud", Force: true, Reason: "with the canary"})
	w.step(10)
	if _, run := w.view(); run.ID != "fraud-4" || run.State != hone.AwaitingApproval {
		w.t.Fatalf("%s is %s: %s", run.ID, run.State, run.Sentence)
	}
}

// left lists where the one to be forgotten is still found, besides what a model
// has learned.
func left(w *world) (out []string) {
	w.t.Helper()
	for _, word := range []string{who, source, place} {
		for _, name := range holding(w.t, w.data, word) {
			if !strings.HasPrefix(name, "artefacts/") {
				out = append(out, name+" has "+word)
			}
		}
	}
	return out
}

func TestErase(t *testing.T) {
	t.Parallel()
	w := old(t)
	plant(w)
	at := t.TempDir() + "/b"
	do[hone.Backup](w, "backup", &op.BackupIn{Dest: at})
	if len(left(w)) < 3 {
		t.Fatalf("the canary is found in %v alone", left(w))
	}
	_, run := w.view()
	before, _, _, err := w.Service().Events.LastSeq(t.Context(), "fraud")
	if err != nil {
		t.Fatal(err)
	}
	got := do[hone.Erasure](w, "erase", &op.EraseIn{Subject: who})
	if got := left(w); len(got) > 0 {
		t.Errorf("it is still there: %v", got)
	}
	if len(got.Models) != 1 || got.Models[0].Predictions != 12 || got.Models[0].Feedback != 24 || len(got.Models[0].Datasets) != 1 {
		t.Errorf("it says %+v", got)
	}
	if len(got.Versions) == 0 || got.Versions[len(got.Versions)-1].Version != run.Candidate || len(got.Backups) != 1 || got.Backups[0] != at {
		t.Errorf("versions %+v, backups %v; want %s and %s", got.Versions, got.Backups, run.Candidate, at)
	}
	if len(holding(t, at, who)) == 0 {
		t.Error("the backup was changed")
	}
	salt, _, _ := strings.Cut(got.Subject, ":")
	if got.Subject != vault.Salted(salt, vault.Whom{Unit: who}) {
		t.Error("the salted hash does not prove who it was")
	}
	after, _, _, err := w.Service().Events.LastSeq(t.Context(), "fraud")
	if after != before || err != nil {
		t.Errorf("the log ends at %d, and ended at %d (%v)", after, before, err)
	}
	w.whole()
	// What is left goes on, and can be looked at.
	if d := do[op.Drifted](w, "drift", &op.DriftIn{Model: "fraud", Joint: true}); d.Joint == nil || d.Joint.Reference < 200 {
		t.Errorf("what the champion was made from: %+v", d.Joint)
	}
	trace := do[op.Trace](w, "trace", &op.TraceIn{Prediction: "c3"})
	if !strings.Contains(trace.Sentence, "was erased") || trace.Label != "" || len(trace.Features) > 0 || len(trace.Feedback) > 0 {
		t.Errorf("c3: %+v", trace)
	}
	if other := do[op.Trace](w, "trace", &op.TraceIn{Prediction: "n3"}); other.Label == "" {
		t.Errorf("n3: %+v", other)
	}
	if got.Models[0].Evidence != 1 || !strings.Contains(got.Sentence, "1 comparison between versions") {
		t.Errorf("%d comparisons went: %s", got.Models[0].Evidence, got.Sentence)
	}
	_, err = w.try("replay", &op.RunIn{Run: string(run.ID)})
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Conflict || !strings.Contains(e.Message, "were erased") {
		t.Errorf("its verdicts are had again: %v", err)
	}
	built := do[op.Rebuilt](w, "dataset rebuild", &op.DatasetIn{Dataset: string(run.Dataset)})
	if built.Same || !strings.Contains(built.Sentence, "12 rows were erased since") {
		t.Error(built.Sentence)
	}
	// Sent again it does not come back.
	again := &op.LoggedIn{Model: "fraud", Items: []op.LoggedItem{{PredictionID: "c3", Unit: who, Score: new(float64), Features: map[string]any{"amount": 3.0, "country": place}}}}
	if s := do[op.Stored](w, "log", again); s.Stored != 0 {
		t.Errorf("it was stored again: %+v", s)
	}
	late := do[op.FeedbackOut](w, "feedback", &op.FeedbackIn{Model: "fraud", Items: []op.FeedbackItem{{PredictionID: "c3", Correction: "1", Source: source}, {PredictionID: "n3", Thumb: "up"}}})
	if late.Effects[0] != hone.Erased || late.Effects[1] != hone.Noted || late.Stored != 1 {
		t.Errorf("late feedback: %+v", late)
	}
	if got := do[hone.Erasure](w, "erase", &op.EraseIn{Subject: who}); len(got.Models) != 0 {
		t.Errorf("a second time it says %+v", got)
	}
	do[op.Done](w, "reject", &op.ActIn{Run: "fraud-4"})
	w.Stop()
	w = start(t, w.dir, w.data)
	w.serve(300, 100)
	w.step(3)
	do[op.Done](w, "run", &op.RetrainIn{Model: "fraud", Force: true})
	w.step(10)
	if _, run := w.view(); run.ID != "fraud-5" || run.State != hone.AwaitingApproval {
		t.Errorf("%s is %s: %s", run.ID, run.State, run.Sentence)
	}
	if got := left(w); len(got) > 0 {
		t.Errorf("it came back: %v", got)
	}
	w.whole()
}

// TestErasePredictions forgets predictions by their ids alone.
func TestErasePredictions(t *testing.T) {
	t.Parallel()
	w := old(t)
	got := do[hone.Erasure](w, "erase", &op.EraseIn{Predictions: []string{"p1001", "p1002", "unknown"}, Model: "fraud"})
	if len(got.Models) != 1 || got.Models[0].Predictions != 2 {
		t.Errorf("it says %+v", got)
	}
	for id, gone := range map[string]bool{"p1001": true, "p1002": true, "p1003": false} {
		if got := do[op.Trace](w, "trace", &op.TraceIn{Prediction: id}); strings.Contains(got.Sentence, "was erased") != gone {
			t.Errorf("%s: %s", id, got.Sentence)
		}
	}
	_, err := w.try("erase", &op.EraseIn{})
	refused(t, err, hone.Invalid, "nobody is named")
	_, err = w.try("erase", &op.EraseIn{Subject: "u1", Model: "nothing"})
	refused(t, err, hone.NotFound, "nothing")
}

// TestEraseNamesSnapshots: what learned an erased row one by one is named, what was
// frozen before the row, or begun after it, is not.
func TestEraseNamesSnapshots(t *testing.T) {
	t.Parallel()
	w := old(t)
	db := w.Service().Control.(*store.DB)
	p, _, err := db.Find(t.Context(), "fraud", "p1001")
	if err != nil {
		t.Fatal(err)
	}
	save := func(id hone.VersionID, learned int, until time.Time) {
		t.Helper()
		v := hone.Version{ID: id, Model: "fraud", Lineage: hone.Lineage{Learned: learned, TrainedUntil: until}}
		if _, err := db.Commit(t.Context(), db.Fence(), hone.Change{Version: &v, Event: hone.Event{Action: "test", Model: "fraud"}}); err != nil {
			t.Fatal(err)
		}
	}
	save("v81", 0, p.Time.Add(-time.Hour))
	save("v81-s500", 500, p.Time.Add(-time.Minute))
	save("v81-s1000", 1000, p.Time)
	save("v81-s1500", 1500, p.Time.Add(time.Minute))
	save("v81-s1000-2", 1000, p.Time.Add(time.Hour)) // Of another reign.
	save("v82", 0, p.Time.Add(time.Hour))
	save("v82-s500", 500, p.Time.Add(2*time.Hour))
	got := do[hone.Erasure](w, "erase", &op.EraseIn{Predictions: []string{"p1001"}, Model: "fraud"})
	var names []string
	for _, v := range got.Versions {
		if v.Version > "v80" {
			names = append(names, string(v.Version))
		}
	}
	if fmt.Sprint(names) != "[v81-s1000 v81-s1500 v81-s1000-2]" {
		t.Errorf("it names %v", names)
	}
}

// TestEraseResumes cuts an erasure short: as soon as it is recorded, and when
// the log is done and the datasets are not. The next start finishes it.
func TestEraseResumes(t *testing.T) {
	t.Parallel()
	for _, logged := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the log=%v", logged), func(t *testing.T) {
			t.Parallel()
			w := old(t)
			plant(w)
			w.Stop()
			db, err := store.Open(w.data, store.Options{Clock: clock.NewFake(made)})
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			ids, err := db.Unit(ctx, "fraud", who)
			if err != nil || len(ids) != 12 {
				t.Fatalf("%d ids, %v", len(ids), err)
			}
			_, err = db.BeginErasure(ctx, store.Erasing{By: "ada", Unit: who, Found: map[string][]hone.PredictionID{"fraud": ids}}, hone.Event{Action: "erasure.begun"})
			if err == nil && logged {
				_, err = db.Forget(ctx, "fraud", ids)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if len(left(w)) == 0 {
				t.Fatal("nothing was left to do")
			}
			again := start(t, w.dir, w.data)
			if got := left(again); len(got) > 0 {
				t.Errorf("it is still there: %v", got)
			}
			open, err := again.Service().Control.(*store.DB).Erasures(ctx)
			if err != nil || len(open) > 0 {
				t.Errorf("%d erasures are open, %v", len(open), err)
			}
			again.whole()
		})
	}
}
