package op_test

import (
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/op"
	"hone/internal/store"
)

func number(x float64) *float64 { return &x }

// ids are those that nobody may bring.
var ids = map[string]string{
	"": "missing", strings.Repeat("x", 129): "longer than 128", "a b": "printable ASCII", "a\nb": "printable ASCII", "a\x00": "printable ASCII",
	"ü": "printable ASCII", "a\x7f": "printable ASCII", " a": "printable ASCII",
}

func TestFeedbackItems(t *testing.T) {
	t.Parallel()
	a := start(t)
	bad := func(model string, item op.FeedbackItem, says string) {
		t.Helper()
		good := op.FeedbackItem{PredictionID: "good", Thumb: "up"}
		before := stored(t, a, model)
		_, err := call[op.FeedbackOut](t, a, "feedback", &op.FeedbackIn{Model: model, Items: []op.FeedbackItem{good, item}})
		e := refused(t, says, err, hone.Invalid)
		if !strings.HasPrefix(e.Message, "item 1: ") || !strings.Contains(e.Message, says) {
			t.Errorf("got %q, want %q of item 1", e.Message, says)
		}
		if after := stored(t, a, model); after != before {
			t.Errorf("%s: something of the batch was stored", says)
		}
	}
	for id, says := range ids {
		bad("fraud", op.FeedbackItem{PredictionID: hone.PredictionID(id), Label: "1"}, says)
	}
	bad("fraud", op.FeedbackItem{PredictionID: "p"}, "exactly one of")
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: "1", Thumb: "up"}, "exactly one of")
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: "1", Correction: "0"}, "exactly one of")
	bad("fraud", op.FeedbackItem{PredictionID: "p", Score: number(1), Thumb: "up"}, "exactly one of")
	bad("fraud", op.FeedbackItem{PredictionID: "p", Thumb: "sideways"}, `not "sideways"`)
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: ""}, `"" is no label of a binary model`)
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: []any{1.0}}, `[1] is no label`)
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: strings.Repeat("x", 257)}, `is no label`)
	bad("fraud", op.FeedbackItem{PredictionID: "p", Correction: map[string]any{}}, `{} is no correction`)
	bad("price", op.FeedbackItem{PredictionID: "p", Label: "dear"}, `"dear" is no label of a regression model`)
	bad("price", op.FeedbackItem{PredictionID: "p", Label: true}, `true is no label`)
	bad("price", op.FeedbackItem{PredictionID: "p", Label: "NaN"}, `"NaN" is no label`)
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: "1", Time: now.Add(2 * time.Minute)}, "2026-03-01T12:02:00Z lies in the future")
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: "1", Time: time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC)}, "before the year 1700")
	bad("fraud", op.FeedbackItem{PredictionID: "p", Label: "1", Source: strings.Repeat("x", 129)}, "source is longer")

	got := must[op.FeedbackOut](t, a, "feedback", &op.FeedbackIn{Model: "fraud", Items: []op.FeedbackItem{
		{PredictionID: "p", Label: 1.0}, {PredictionID: "p", Label: "1.0"}, {PredictionID: "p", Label: true}, {PredictionID: "p", Label: "0"},
		{PredictionID: "p", Correction: "1"}, {PredictionID: "hone-01J", Thumb: "down"}, {PredictionID: "q", Score: number(0.5), Time: now},
	}})
	// No prediction is known yet: whatever changes the truth is early.
	want := "early repeated repeated early early noted noted"
	var effects []string
	for _, e := range got.Effects {
		effects = append(effects, string(e))
	}
	if s := strings.Join(effects, " "); s != want || got.Stored != 5 || got.Counts[hone.Repeated] != 2 {
		t.Errorf("got %s, %+v\nwant %s", s, got, want)
	}
}

func TestLoggedItems(t *testing.T) {
	t.Parallel()
	a := start(t)
	ok := map[string]any{"amount": 3.0}
	bad := func(item op.LoggedItem, says string) {
		t.Helper()
		good := op.LoggedItem{PredictionID: "good", Features: ok}
		_, err := call[op.Stored](t, a, "log", &op.LoggedIn{Model: "fraud", Items: []op.LoggedItem{good, item}})
		e := refused(t, says, err, hone.Invalid)
		if !strings.HasPrefix(e.Message, "item 1: ") || !strings.Contains(e.Message, says) {
			t.Errorf("got %q, want %q of item 1", e.Message, says)
		}
		if after := stored(t, a, "fraud"); after != [2]int64{} {
			t.Errorf("%s: something of the batch was stored", says)
		}
	}
	for id, says := range ids {
		bad(op.LoggedItem{PredictionID: hone.PredictionID(id), Features: ok}, says)
	}
	bad(op.LoggedItem{PredictionID: "hone-1", Features: ok}, "only Hone's own")
	bad(op.LoggedItem{PredictionID: "p"}, "it has no features")
	bad(op.LoggedItem{PredictionID: "p", Features: map[string]any{"amount": 1.0, "amuont": 1.0}}, `no feature "amuont"`)
	bad(op.LoggedItem{PredictionID: "p", Features: map[string]any{"amount": "much"}}, `"amount" wants a number`)
	bad(op.LoggedItem{PredictionID: "p", Features: map[string]any{"country": []any{"DE"}}}, `"country" wants a string`)
	bad(op.LoggedItem{PredictionID: "p", Features: map[string]any{"country": strings.Repeat("x", 2<<20)}}, "at most 1048576")
	bad(op.LoggedItem{PredictionID: "p", Features: ok, Score: number(1), Scores: []float64{1}}, "not both")
	bad(op.LoggedItem{PredictionID: "p", Features: ok, Scores: make([]float64, 1001)}, "1001 scores")
	bad(op.LoggedItem{PredictionID: "p", Features: ok, Unit: strings.Repeat("x", 1025)}, "unit is longer")
	bad(op.LoggedItem{PredictionID: "p", Features: ok, Version: hone.VersionID(strings.Repeat("x", 129))}, "version is longer")
	bad(op.LoggedItem{PredictionID: "p", Features: ok, Action: strings.Repeat("x", 129)}, "action is longer")
	for _, p := range []float64{0, -0.5, 1.5} {
		bad(op.LoggedItem{PredictionID: "p", Features: ok, Propensity: number(p)}, "is no probability")
	}
	bad(op.LoggedItem{PredictionID: "p", Features: ok, LatencyMS: -1}, "latency_ms -1")
	bad(op.LoggedItem{PredictionID: "p", Features: ok, Time: now.Add(time.Hour)}, "lies in the future")

	batch := &op.LoggedIn{Model: "fraud", Items: []op.LoggedItem{
		{PredictionID: "p", Features: ok, Score: number(0.3), Version: "their-7", Action: "approved", Propensity: number(0.01)}, {PredictionID: "p", Features: ok}, {PredictionID: "q", Features: map[string]any{"country": nil}},
	}}
	if got := must[op.Stored](t, a, "log", batch); got.Stored != 2 || got.Repeated != 1 {
		t.Errorf("got %+v", got)
	}
	if got := must[op.Stored](t, a, "log", batch); got.Stored != 0 || got.Repeated != 3 {
		t.Errorf("again: %+v", got)
	}
	p := must[op.Trace](t, a, "trace", &op.TraceIn{Prediction: "p"}).Prediction
	if p.Action != "approved" || p.Propensity != 0.01 || p.Weight() != 20 {
		t.Errorf("got %+v, of weight %v; one row counts for 20 at most", p, p.Weight())
	}
}

func TestHistoryItems(t *testing.T) {
	t.Parallel()
	a := start(t)
	ok := map[string]any{"amount": 3.0}
	bad := func(item op.HistoryItem, says string) {
		t.Helper()
		good := op.HistoryItem{PredictionID: "good", Features: ok, Label: "1"}
		_, err := call[op.Stored](t, a, "history", &op.HistoryIn{Model: "fraud", Items: []op.HistoryItem{good, item}})
		e := refused(t, says, err, hone.Invalid)
		if !strings.HasPrefix(e.Message, "item 1: ") || !strings.Contains(e.Message, says) {
			t.Errorf("got %q, want %q of item 1", e.Message, says)
		}
		if after := stored(t, a, "fraud"); after != [2]int64{} {
			t.Errorf("%s: something of the batch was stored", says)
		}
	}
	for id, says := range ids {
		bad(op.HistoryItem{PredictionID: hone.PredictionID(id), Features: ok}, says)
	}
	bad(op.HistoryItem{PredictionID: "hone-1", Features: ok}, "only Hone's own")
	bad(op.HistoryItem{PredictionID: "p"}, "it has no features")
	bad(op.HistoryItem{PredictionID: "p", Features: map[string]any{"amount": true, "x": 1.0}}, "no feature \"x\"")
	bad(op.HistoryItem{PredictionID: "p", Features: ok, Label: []any{}}, "[] is no label")
	bad(op.HistoryItem{PredictionID: "p", Features: ok, Unit: strings.Repeat("x", 1025)}, "unit is longer")
	bad(op.HistoryItem{PredictionID: "p", Features: ok, Propensity: number(2)}, "propensity 2 is no probability")
	bad(op.HistoryItem{PredictionID: "p", Features: ok, Time: now.Add(time.Hour)}, "lies in the future")
	bad(op.HistoryItem{PredictionID: "p", Features: ok, Time: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}, "before the year 1700")

	batch := &op.HistoryIn{Model: "fraud", Items: []op.HistoryItem{
		{PredictionID: "p", Features: ok, Label: true, Time: time.Date(1949, 5, 1, 0, 0, 0, 0, time.UTC)}, {PredictionID: "q", Features: ok, Time: now},
	}}
	if got := must[op.Stored](t, a, "history", batch); got != (op.Stored{Stored: 2, Labels: 1}) {
		t.Errorf("got %+v", got)
	}
	if got := must[op.Stored](t, a, "history", batch); got != (op.Stored{Repeated: 2}) {
		t.Errorf("again: %+v", got)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	a := start(t)
	_, err := call[op.FeedbackOut](t, a, "feedback", &op.FeedbackIn{Model: "fraud"})
	refused(t, "an empty batch", err, hone.Invalid)
	_, err = call[op.Stored](t, a, "history", &op.HistoryIn{Model: "fraud", Items: make([]op.HistoryItem, 10001)})
	refused(t, "a large batch", err, hone.TooLarge)
	_, err = call[op.Stored](t, a, "log", &op.LoggedIn{Model: "fruad", Items: make([]op.LoggedItem, 1)})
	refused(t, "another model", err, hone.NotFound)
	if _, err := call[op.Status](t, a, "status", &op.Nothing{}); err != nil {
		t.Error(err)
	}
	var _ op.Events = (*store.DB)(nil)
	o, _ := op.Find("feedback")
	_, err = o.Call(t.Context(), a.Service(), op.Caller{Name: "eve", Role: op.Viewer}, &op.FeedbackIn{})
	refused(t, "a viewer", err, hone.Denied)
	_, err = o.Call(t.Context(), a.Service(), op.Caller{Name: "eve", Role: "root"}, nil)
	refused(t, "a role that there is not", err, hone.Denied)
}
