package op

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
)

// maxItems bounds what one request may bring.
const maxItems = 10000

// FeedbackIn is a batch of feedback: JSON, or JSON Lines of its items.
type FeedbackIn struct {
	Model string         `json:"-" path:"model" help:"the model's name"`
	Items []FeedbackItem `json:"feedback" lines:"true" help:"the feedback, each with prediction_id and one of label, correction, score or thumb"`
}

// FeedbackItem is one piece of feedback as it is sent.
type FeedbackItem struct {
	PredictionID hone.PredictionID `json:"prediction_id"`
	Label        any               `json:"label,omitempty"`
	Correction   any               `json:"correction,omitempty"`
	Score        *float64          `json:"score,omitempty"`
	Thumb        string            `json:"thumb,omitempty"`
	Time         time.Time         `json:"time,omitzero"`
	Source       string            `json:"source,omitempty"`
}

// FeedbackOut says what each piece did.
type FeedbackOut struct {
	Stored int                 `json:"stored"`
	Counts map[hone.Effect]int `json:"counts"`
	// Effects has one entry an item, in order.
	Effects []hone.Effect `json:"effects"`
}

// LoggedIn is a batch of predictions that were served elsewhere.
type LoggedIn struct {
	Model string       `json:"-" path:"model" help:"the model's name"`
	Items []LoggedItem `json:"predictions" lines:"true" help:"the predictions, each with prediction_id, features, version and scores"`
}

// LoggedItem is one prediction that was served elsewhere.
type LoggedItem struct {
	PredictionID hone.PredictionID `json:"prediction_id"`
	Time         time.Time         `json:"time,omitzero"`
	Version      hone.VersionID    `json:"version,omitempty"`
	Features     map[string]any    `json:"features"`
	Score        *float64          `json:"score,omitempty"`
	Scores       []float64         `json:"scores,omitempty"`
	Unit         string            `json:"unit,omitempty"`
	LatencyMS    float64           `json:"latency_ms,omitempty"`
}

// HistoryIn is a batch of past rows with their labels.
type HistoryIn struct {
	Model string        `json:"-" path:"model" help:"the model's name"`
	Items []HistoryItem `json:"rows" lines:"true" help:"the rows, each with features, and label where it is known"`
}

// HistoryItem is one past row.
type HistoryItem struct {
	PredictionID hone.PredictionID `json:"prediction_id"`
	Time         time.Time         `json:"time"`
	Features     map[string]any    `json:"features"`
	Label        any               `json:"label,omitempty"`
	Unit         string            `json:"unit,omitempty"`
}

// Stored says how much of a batch was new.
type Stored struct {
	Stored   int `json:"stored"`
	Repeated int `json:"repeated"`
	Labels   int `json:"labels"`
}

func data() []Operation {
	return []Operation{
		define(Operation{Name: "feedback", Method: "POST", Path: "/api/v1/models/{model}/feedback", Role: Feedback,
			Summary: "send labels and other feedback by prediction id; repeating is harmless",
			Help:    "A label for an id that is not known yet is kept and joined when its prediction comes.",
			Example: `hone feedback fraud --id p-81 --label 1`}, sendFeedback),
		define(Operation{Name: "log", Method: "POST", Path: "/api/v1/models/{model}/predictions", Role: Feedback,
			Summary: "log predictions that were served elsewhere; repeating is harmless", Example: `hone log fraud < predictions.jsonl`}, logPredictions),
		define(Operation{Name: "history", Method: "POST", Path: "/api/v1/models/{model}/history", Role: Feedback,
			Summary: "load past rows with their labels; `hone import` reads them from a file", Example: `hone import data.csv --model fraud`}, loadHistory),
	}
}

func (s *Service) model(name string, items int) (hone.Model, error) {
	m, ok := s.Loop.Model(name)
	if !ok {
		_, err := s.Loop.View(name)
		return m, err
	}
	if items == 0 {
		return m, &hone.Error{Code: hone.Invalid, Message: "the batch is empty", Hint: "send at least one item"}
	}
	if items > maxItems {
		return m, &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the batch has %d items; at most %d fit", items, maxItems), Hint: "send it in parts"}
	}
	return m, nil
}

func itemError(i int, format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("item %d: ", i) + fmt.Sprintf(format, args...), Hint: "nothing of this batch was stored; mend the item and send the batch again"}
}

func checkID(i int, id hone.PredictionID) error {
	if e, bad := hone.AsError(id.Check()); bad {
		return itemError(i, "%s", e.Message)
	}
	return nil
}

func sendFeedback(ctx context.Context, s *Service, _ Caller, in FeedbackIn) (FeedbackOut, error) {
	m, err := s.model(in.Model, len(in.Items))
	if err != nil {
		return FeedbackOut{}, err
	}
	now := s.Clock.Now()
	fs := make([]hone.Feedback, len(in.Items))
	for i, item := range in.Items {
		// Feedback may speak of a prediction that Hone named itself.
		if err := checkID(i, hone.PredictionID(strings.TrimPrefix(string(item.PredictionID), hone.OwnPrefix))); err != nil {
			return FeedbackOut{}, err
		}
		if fs[i], err = item.feedback(i, m, now); err != nil {
			return FeedbackOut{}, err
		}
	}
	effects, err := s.Events.AppendFeedback(ctx, in.Model, fs)
	if err != nil {
		return FeedbackOut{}, err
	}
	out := FeedbackOut{Counts: map[hone.Effect]int{}, Effects: effects}
	for _, e := range effects {
		out.Counts[e]++
		if e != hone.Repeated {
			out.Stored++
		}
	}
	return out, nil
}

// feedback reads one item: exactly one of its four values must be there.
func (item FeedbackItem) feedback(i int, m hone.Model, now time.Time) (hone.Feedback, error) {
	f := hone.Feedback{PredictionID: item.PredictionID, Time: item.Time.UTC().Truncate(time.Microsecond), Source: item.Source}
	if item.Time.IsZero() {
		f.Time = now
	}
	if f.Time.After(now.Add(time.Minute)) {
		return f, itemError(i, "time %s lies in the future", item.Time.Format(time.RFC3339))
	}
	if len(item.Source) > 128 {
		return f, itemError(i, "source is longer than 128 bytes")
	}
	given := 0
	for kind, v := range map[hone.FeedbackKind]any{hone.Label: item.Label, hone.Correction: item.Correction} {
		if v == nil {
			continue
		}
		given++
		value, ok := m.CanonicalLabel(v)
		if !ok {
			return f, itemError(i, "%v is no %s of a %s model", v, kind, m.Task)
		}
		f.Kind, f.Value = kind, value
	}
	if item.Score != nil {
		given++
		f.Kind, f.Value = hone.Score, frame.FormatNumber(*item.Score)
	}
	if item.Thumb != "" {
		given++
		if item.Thumb != "up" && item.Thumb != "down" {
			return f, itemError(i, "thumb is up or down, not %q", item.Thumb)
		}
		f.Kind, f.Value = hone.Thumb, item.Thumb
	}
	if given != 1 {
		return f, itemError(i, "give exactly one of label, correction, score and thumb")
	}
	return f, nil
}

// features reads named values into row i of f.
func features(i int, f *frame.Frame, values map[string]any) error {
	known := 0
	for col, field := range f.Schema {
		v, ok := values[field.Name]
		if !ok {
			continue
		}
		known++
		if err := f.Set(i, col, v); err != nil {
			return itemError(i, "%v", err)
		}
	}
	if known == len(values) && known > 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if f.Schema.Index(name) < 0 {
			return itemError(i, "there is no feature %q", name)
		}
	}
	return itemError(i, "it has no features")
}

func logPredictions(ctx context.Context, s *Service, _ Caller, in LoggedIn) (Stored, error) {
	m, err := s.model(in.Model, len(in.Items))
	if err != nil {
		return Stored{}, err
	}
	f := frame.New(m.Features, len(in.Items))
	ps := make([]hone.Prediction, len(in.Items))
	now := s.Clock.Now()
	for i, item := range in.Items {
		if err := checkID(i, item.PredictionID); err != nil {
			return Stored{}, err
		}
		if err := features(i, f, item.Features); err != nil {
			return Stored{}, err
		}
		ps[i] = hone.Prediction{ID: item.PredictionID, Model: in.Model, Time: when(item.Time, now), Received: now, Version: item.Version,
			Route: hone.Logged, Scores: item.Scores, Unit: item.Unit, Latency: time.Duration(item.LatencyMS * float64(time.Millisecond))}
		if item.Score != nil {
			ps[i].Scores = []float64{*item.Score}
		}
		for _, x := range ps[i].Scores {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return Stored{}, itemError(i, "a score is not finite")
			}
		}
	}
	for i, b := range f.EncodeRows() {
		ps[i].Features = b
	}
	n, err := s.Events.AppendPredictions(ctx, in.Model, ps)
	return Stored{Stored: n, Repeated: len(ps) - n}, err
}

func when(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t.UTC().Truncate(time.Microsecond)
}

func loadHistory(ctx context.Context, s *Service, _ Caller, in HistoryIn) (Stored, error) {
	m, err := s.model(in.Model, len(in.Items))
	if err != nil {
		return Stored{}, err
	}
	f := frame.New(m.Features, len(in.Items))
	ps := make([]hone.Prediction, len(in.Items))
	var fs []hone.Feedback
	now := s.Clock.Now()
	for i, item := range in.Items {
		if err := checkID(i, item.PredictionID); err != nil {
			return Stored{}, err
		}
		if err := features(i, f, item.Features); err != nil {
			return Stored{}, err
		}
		at := when(item.Time, now)
		if at.After(now.Add(time.Minute)) {
			return Stored{}, itemError(i, "time %s lies in the future", at.Format(time.RFC3339))
		}
		ps[i] = hone.Prediction{ID: item.PredictionID, Model: in.Model, Time: at, Received: now, Route: hone.Imported, Unit: item.Unit}
		if item.Label == nil {
			continue
		}
		value, ok := m.CanonicalLabel(item.Label)
		if !ok {
			return Stored{}, itemError(i, "%v is no label of a %s model", item.Label, m.Task)
		}
		fs = append(fs, hone.Feedback{PredictionID: item.PredictionID, Kind: hone.Label, Value: value, Time: at, Source: "import"})
	}
	for i, b := range f.EncodeRows() {
		ps[i].Features = b
	}
	n, err := s.Events.AppendPredictions(ctx, in.Model, ps)
	if err != nil {
		return Stored{}, err
	}
	out := Stored{Stored: n, Repeated: len(ps) - n}
	if len(fs) > 0 {
		effects, err := s.Events.AppendFeedback(ctx, in.Model, fs)
		if err != nil {
			return out, err
		}
		for _, e := range effects {
			if e == hone.Joined {
				out.Labels++
			}
		}
	}
	return out, nil
}
