package op

import (
	"context"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/loop"
)

// LabelIn asks for the rows whose labels would decide a model's run.
type LabelIn struct {
	Model string `json:"-" path:"model" help:"the model's name"`
	N     int    `json:"n,omitempty" help:"how many rows in all (default: as many as the gate is likely to need)"`
}

// Labels are the rows to be labelled, and why these. What either version answered
// is not told: it would sway who labels.
type Labels struct {
	loop.Handout
	// Open are the rows that wait for a label, in the order of the draw.
	Open []LabelRow `json:"open"`
	// Withheld says what is not shown to this caller.
	Withheld string `json:"withheld,omitempty"`
}

// LabelRow is one row to be labelled.
type LabelRow struct {
	PredictionID hone.PredictionID `json:"prediction_id"`
	Time         time.Time         `json:"time"`
	Features     map[string]any    `json:"features,omitempty"`
}

func labels() Operation {
	return define(Operation{Name: "label", Method: "POST", Path: "/api/v1/models/{model}/labels", Role: Operator,
		Summary: "name the rows whose labels would decide the run under way",
		Help: "Where the candidate and the champion answer alike no label can tell which is better, so\nthat rows are drawn where they differ. Send what turned out to be true with `hone feedback`.\n" +
			"Asked again it names the same rows, until all of them have their label.",
		Example: "hone label fraud --csv rows.csv"}, askForLabels)
}

func askForLabels(ctx context.Context, s *Service, who Caller, in LabelIn) (Labels, error) {
	if in.N < 0 || in.N > MaxItems {
		return Labels{}, &hone.Error{Code: hone.Invalid, Message: "n is not from 1 to 10000", Hint: "leave it out to be given as many rows as the gate is likely to need"}
	}
	h, err := s.Loop.Label(ctx, in.Model, who.Name, in.N)
	if err != nil {
		return Labels{}, err
	}
	out := Labels{Handout: h, Open: make([]LabelRow, len(h.Open))}
	for i, p := range h.Open {
		out.Open[i] = LabelRow{PredictionID: p.ID, Time: p.Time}
	}
	m, _ := s.Loop.Model(in.Model)
	if !who.Reads() {
		out.Withheld = "Features are shown to admins and to who was given --data."
		return out, nil
	}
	return out, s.showFeatures(ctx, m, h.Open, out.Open)
}

// showFeatures fills in what each prediction was asked with.
func (s *Service) showFeatures(ctx context.Context, m hone.Model, ps []hone.Prediction, rows []LabelRow) error {
	schemas, err := s.Events.Schemas(ctx, m.Name)
	if err != nil {
		return err
	}
	bytes := make([][]byte, len(ps))
	for i, p := range ps {
		bytes[i] = p.Features
	}
	f, err := frame.Decoder{Target: m.Features, Schemas: schemas}.Frame(bytes)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Features = map[string]any{}
		for c, field := range f.Schema {
			if v := f.Value(i, c); v != nil {
				rows[i].Features[field.Name] = v
			}
		}
	}
	return nil
}
