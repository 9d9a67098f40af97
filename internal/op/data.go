package op

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
)

// MaxItems bounds what one request may bring.
const MaxItems = 10000

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
	// Fault is why the version that was to answer did not: the one that is named, where
	// there are no scores, or the challenger, in whose place the named one answered.
	Fault string `json:"fault,omitempty"`
	// Action is what was done on the answer, such as approved; Propensity the
	// probability with which a label could come of the case.
	Action     string   `json:"action,omitempty"`
	Propensity *float64 `json:"propensity,omitempty"`
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
	Action       string            `json:"action,omitempty"`
	Propensity   *float64          `json:"propensity,omitempty"`
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
	if items > MaxItems {
		return m, &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the batch has %d items; at most %d fit", items, MaxItems), Hint: "send it in parts"}
	}
	return m, nil
}

func itemError(i int, format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("item %d: ", i) + fmt.Sprintf(format, args...), Hint: "nothing of this batch was stored; mend the item and send the batch again"}
}

// What one item may bring, in bytes, but for maxScores; the unit is as long as
// the gateway has it.
const (
	maxUnit   = 1024
	maxFault  = 200
	maxName   = 128 // Of a source, a version or an action.
	maxText   = 1 << 20
	maxScores = 1000
)

func checkID(i int, id hone.PredictionID) error {
	if e, bad := hone.AsError(id.Check()); bad {
		return itemError(i, "%s", e.Message)
	}
	return nil
}

// when reads the time of an item: now, where it gives none.
func when(i int, t, now time.Time) (time.Time, error) {
	switch {
	case t.IsZero():
		return now, nil
	case t.After(now.Add(time.Minute)):
		return t, itemError(i, "time %s lies in the future", t.UTC().Format(time.RFC3339))
	case t.Year() < 1700:
		return t, itemError(i, "time %s lies before the year 1700", t.UTC().Format(time.RFC3339))
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// label reads a label in its one form.
func label(i int, m hone.Model, kind hone.FeedbackKind, v any) (string, error) {
	value, ok := m.CanonicalLabel(v)
	if _, truth := v.(bool); ok && !(truth && m.Task == hone.Regression) {
		return value, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", itemError(i, "it is no %s of a %s model", kind, m.Task)
	}
	return "", itemError(i, "%.80s is no %s of a %s model", b, kind, m.Task)
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
	if err := fault.At(fault.ImportedLabels); err != nil {
		return FeedbackOut{}, err
	}
	effects, err := s.Events.AppendFeedback(ctx, in.Model, fs)
	if err != nil {
		return FeedbackOut{}, err
	}
	out := FeedbackOut{Counts: map[hone.Effect]int{}, Effects: effects}
	for _, e := range effects {
		out.Counts[e]++
		if e != hone.Repeated && e != hone.Erased {
			out.Stored++
		}
	}
	return out, nil
}

// feedback reads one item: exactly one of its four values must be there.
func (item FeedbackItem) feedback(i int, m hone.Model, now time.Time) (hone.Feedback, error) {
	at, err := when(i, item.Time, now)
	if err != nil {
		return hone.Feedback{}, err
	}
	f := hone.Feedback{PredictionID: item.PredictionID, Time: at, Source: item.Source}
	if len(item.Source) > maxName {
		return f, itemError(i, "source is longer than %d bytes", maxName)
	}
	given := 0
	for _, truth := range []struct {
		kind hone.FeedbackKind
		v    any
	}{{hone.Label, item.Label}, {hone.Correction, item.Correction}} {
		if truth.v == nil {
			continue
		}
		given++
		if f.Value, err = label(i, m, truth.kind, truth.v); err != nil {
			return f, err
		}
		f.Kind = truth.kind
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
		if s, ok := v.(string); ok && len(s) > maxText {
			return itemError(i, "feature %q has %d bytes; at most %d are kept", field.Name, len(s), maxText)
		}
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
		if ps[i], err = item.prediction(i, now); err != nil {
			return Stored{}, err
		}
		if err := features(i, f, item.Features); err != nil {
			return Stored{}, err
		}
		ps[i].Model, ps[i].Received = in.Model, now
	}
	for i, b := range f.EncodeRows() {
		ps[i].Features = b
	}
	if err := fault.At(fault.ImportedRows); err != nil {
		return Stored{}, err
	}
	n, err := s.Events.AppendPredictions(ctx, in.Model, ps)
	return Stored{Stored: n, Repeated: len(ps) - n}, err
}

// prediction reads all of an item but its features.
func (item LoggedItem) prediction(i int, now time.Time) (hone.Prediction, error) {
	p := hone.Prediction{ID: item.PredictionID, Version: item.Version, Route: hone.Logged, Scores: item.Scores, Unit: item.Unit, Fault: item.Fault,
		Latency: time.Duration(item.LatencyMS * float64(time.Millisecond))}
	if err := checkID(i, item.PredictionID); err != nil {
		return p, err
	}
	at, err := when(i, item.Time, now)
	if err != nil {
		return p, err
	}
	p.Time = at
	switch {
	case item.Score != nil && item.Scores != nil:
		return p, itemError(i, "give score or scores, not both")
	case len(item.Scores) > maxScores:
		return p, itemError(i, "it has %d scores; at most %d are kept", len(item.Scores), maxScores)
	case len(item.Unit) > maxUnit:
		return p, itemError(i, "unit is longer than %d bytes", maxUnit)
	case len(item.Version) > maxName:
		return p, itemError(i, "version is longer than %d bytes", maxName)
	case len(item.Fault) > maxFault:
		return p, itemError(i, "fault is longer than %d bytes", maxFault)
	case item.LatencyMS < 0 || item.LatencyMS > 1e9:
		return p, itemError(i, "latency_ms %v is no time that an answer takes", item.LatencyMS)
	}
	if item.Score != nil {
		p.Scores = []float64{*item.Score}
	}
	return p, selected(i, &p, item.Action, item.Propensity)
}

// selected reads what decided whether a prediction could get a label.
func selected(i int, p *hone.Prediction, action string, propensity *float64) error {
	if p.Action = action; len(action) > maxName {
		return itemError(i, "action is longer than %d bytes", maxName)
	}
	if propensity == nil {
		return nil
	}
	if p.Propensity = *propensity; !(p.Propensity > 0 && p.Propensity <= 1) {
		return itemError(i, "propensity %v is no probability: it is more than 0, and 1 at most", *propensity)
	}
	return nil
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
		at, err := when(i, item.Time, now)
		if err != nil {
			return Stored{}, err
		}
		if len(item.Unit) > maxUnit {
			return Stored{}, itemError(i, "unit is longer than %d bytes", maxUnit)
		}
		ps[i] = hone.Prediction{ID: item.PredictionID, Model: in.Model, Time: at, Received: now, Route: hone.Imported, Unit: item.Unit}
		if err := selected(i, &ps[i], item.Action, item.Propensity); err != nil {
			return Stored{}, err
		}
		if item.Label == nil {
			continue
		}
		value, err := label(i, m, hone.Label, item.Label)
		if err != nil {
			return Stored{}, err
		}
		fs = append(fs, hone.Feedback{PredictionID: item.PredictionID, Kind: hone.Label, Value: value, Time: at, Source: "import"})
	}
	for i, b := range f.EncodeRows() {
		ps[i].Features = b
	}
	if err := fault.At(fault.HistoryRows); err != nil {
		return Stored{}, err
	}
	n, err := s.Events.AppendPredictions(ctx, in.Model, ps)
	if err != nil {
		return Stored{}, err
	}
	if err := fault.At(fault.HistoryLabels); err != nil {
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
