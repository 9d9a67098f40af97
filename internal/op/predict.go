package op

import (
	"context"

	"hone"
)

// PredictIn asks for one prediction, in the short form.
type PredictIn struct {
	Model    string            `json:"-" path:"model" help:"the model's name"`
	ID       hone.PredictionID `json:"prediction_id,omitempty"`
	Unit     string            `json:"unit,omitempty"`
	Features map[string]any    `json:"features"`
}

// Predicted is one answer of the gateway.
type Predicted struct {
	ID      hone.PredictionID  `json:"prediction_id"`
	Version hone.VersionID     `json:"version"`
	Route   hone.Route         `json:"route"`
	Answer  any                `json:"answer,omitempty"`
	Score   *float64           `json:"score,omitempty"`
	Scores  map[string]float64 `json:"scores,omitempty"`
	Value   *float64           `json:"value,omitempty"`
}

// Predict is the one operation that the gateway answers and not the loop; it is
// not among All, since only a running server has a gateway.
func Predict() Operation {
	return define(Operation{Name: "predict", Method: "POST", Path: "/api/v1/models/{model}/predict", Role: Predictor,
		Summary: "ask a model for one prediction", Example: "hone predict fraud amount=950 country=FR"},
		func(context.Context, *Service, Caller, PredictIn) (Predicted, error) {
			return Predicted{}, &hone.Error{Code: hone.Unavailable, Message: "no server is running", Hint: "start one with `hone serve`, then repeat"}
		})
}
