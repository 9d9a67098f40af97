package op_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/op"
)

// champion loads history of fraud and takes the loop round once.
func champion(t *testing.T, a world) {
	t.Helper()
	var rows []op.HistoryItem
	for i := range 400 {
		rows = append(rows, op.HistoryItem{PredictionID: hone.PredictionID(fmt.Sprintf("h-%d", i)), Time: now.Add(time.Duration(i-1000) * time.Minute),
			Features: map[string]any{"amount": float64(i % 20), "country": "DE"}, Label: float64(i % 20 / 10)})
	}
	must[op.Stored](t, a, "history", &op.HistoryIn{Model: "fraud", Items: rows})
	for range 20 {
		a.hands.Advance(time.Second)
		if err := a.Loop().Step(t.Context(), "fraud"); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := a.Loop().View("fraud"); err != nil || v.Champion.ID != "v1" {
		t.Fatalf("%s, %v", v.Sentence, err)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	a := start(t)
	champion(t, a)
	f := frame.New(frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}, 1)
	f.Cols[0].Num[0], f.Cols[1].Str[0] = 19, "DE"
	if _, err := a.Gateway().Predict(t.Context(), "fraud", gateway.Request{IDs: []hone.PredictionID{"served"}, Frame: f}); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	must[op.FeedbackOut](t, a, "feedback", &op.FeedbackIn{Model: "fraud", Items: []op.FeedbackItem{{PredictionID: "served", Label: true}, {PredictionID: "unknown", Label: "1"}}})
	elsewhere := map[string]any{"amount": 4.0}
	must[op.Stored](t, a, "log", &op.LoggedIn{Model: "fraud", Items: []op.LoggedItem{
		{PredictionID: "named", Features: elsewhere, Version: "their-7", Score: number(0.25)}, {PredictionID: "nameless", Features: elsewhere},
	}})

	check := func(id, sentence string, steps ...string) op.Trace {
		t.Helper()
		got := must[op.Trace](t, a, "trace", &op.TraceIn{Prediction: id})
		if got.Sentence != sentence {
			t.Errorf("%s: got %q, want %q", id, got.Sentence, sentence)
		}
		said := strings.Join(got.Steps, "\n")
		for _, s := range steps {
			if !strings.Contains(said, s) {
				t.Errorf("%s does not say %q:\n%s", id, s, said)
			}
		}
		for _, s := range got.Steps {
			if !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is no sentence", id, s)
			}
		}
		return got
	}
	full := check("served", "v1 answered 1.", "fraud was asked at 2026-03-01 12:00:20 UTC (served).", "v1 answered 1 by the route champion",
		"Run fraud-1 made it: fraud trains its first version", "held out.", "Gate signature: pass.", "v1 became champion at", "It turned out to be 1.")
	if full.Run == nil || full.Dataset == nil || full.Version == nil || len(full.Aliases) == 0 || full.Label != "1" || full.Answer != "1" ||
		full.Features["amount"] != 19.0 || full.Features["country"] != "DE" {
		t.Errorf("the chain is not whole: %+v", full)
	}
	check("h-19", "h-19 is a row of history: no version answered it.", "was loaded into fraud at 2026-03-01 12:00:00 UTC.", "It turned out to be 1.")
	other := check("named", "named was answered elsewhere, by their-7.", "Hone knows no version their-7 of fraud")
	if other.Run != nil || other.Version != nil || len(other.Prediction.Scores) != 1 || other.Features["country"] != nil {
		t.Errorf("got %+v", other)
	}
	check("nameless", "nameless was answered elsewhere; by which version was not said.")
	for _, in := range []op.TraceIn{{Prediction: "unknown"}, {Prediction: "nobody"}, {Prediction: "served", Model: "price"}, {Prediction: "served", Model: "nothing"}, {}} {
		_, err := call[op.Trace](t, a, "trace", &in)
		refused(t, fmt.Sprintf("%+v", in), err, hone.NotFound)
	}
}

// TestReads asks what else reads, on a model with and one without a champion.
func TestReads(t *testing.T) {
	t.Parallel()
	a := start(t)
	if got := must[op.Verified](t, a, "audit verify", &op.VerifyIn{}); !got.Whole || got.Events != 1 || !strings.HasPrefix(got.Sentence, "1 event, chain whole") {
		t.Errorf("a new chain: %+v", got)
	}
	champion(t, a)
	run := must[hone.Run](t, a, "show", &op.RunIn{Run: "fraud-1"})
	if got := must[op.Rebuilt](t, a, "dataset rebuild", &op.DatasetIn{Dataset: string(run.Dataset)}); !got.Same {
		t.Errorf("rebuilt: %+v", got)
	}
	if got := must[op.Report](t, a, "doctor", &op.Nothing{}); len(got.Findings) < 4 {
		t.Errorf("doctor: %+v", got)
	}
	status := must[op.Status](t, a, "status", &op.Nothing{})
	if len(status.Models) != 3 || status.Models[0].Champion != "v1" || status.Models[1].Mood != op.New || !status.At.Equal(now.Add(20*time.Second)) {
		t.Errorf("status: %+v", status)
	}
	list := must[op.AuditList](t, a, "export", &op.AuditIn{After: 1, Model: "fraud", Limit: 2})
	if len(list.Events) != 2 || list.Events[0].Seq != 2 || list.Head < 7 {
		t.Errorf("export: %+v", list)
	}
	_, err := call[op.SignalList](t, a, "signals", &op.SignalsIn{Model: "fraud", Name: "lose"})
	if e := refused(t, "a signal that there is not", err, hone.NotFound); !strings.Contains(e.Hint, "loss") {
		t.Errorf("the hint does not name the signals: %q", e.Hint)
	}
	must[op.SignalList](t, a, "signals", &op.SignalsIn{Model: "fraud"})
	for name, in := range map[string]any{"model": &op.ModelIn{Model: "x"}, "plan": &op.ModelIn{Model: "x"}, "drift": &op.DriftIn{Model: "x"}, "versions": &op.ModelIn{Model: "x"},
		"signals": &op.SignalsIn{Model: "x"}, "runs": &op.ListIn{Model: "x"}, "decisions": &op.ListIn{Model: "x"}, "show": &op.RunIn{Run: "x-1"}, "dataset": &op.DatasetIn{Dataset: "../x"},
		"dataset rebuild": &op.DatasetIn{Dataset: ""}, "run": &op.RetrainIn{Model: "x"}, "approve": &op.ApproveIn{Run: "x-1"}, "cancel": &op.ActIn{Run: "x-1"}, "rollback": &op.RollbackIn{Model: "x"}} {
		_, err := call[any](t, a, name, in)
		refused(t, name, err, hone.NotFound)
	}
	for name, in := range map[string]any{"rollback": &op.RollbackIn{Model: "fraud"}, "pause": &op.ActIn{Run: "fraud-1"}, "approve": &op.ApproveIn{Run: "fraud-1", Artefact: "a"}} {
		_, err := call[any](t, a, name, in)
		refused(t, name, err, hone.Conflict)
	}
}
