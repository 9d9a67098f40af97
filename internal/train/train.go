// Package train turns a dataset and a recipe into a candidate's artefact. What
// the rows are is left to dataset, whether the candidate is any good to gate.
package train

import (
	"context"
	"time"

	"hone"
	"hone/internal/frame"
)

// Job is one training.
type Job struct {
	Model hone.Model
	// Signature that the artefact must have: features, classes, threshold.
	Signature hone.Signature
	Rows      *frame.Frame
	// Labels as text, one a row; Targets as Signature.Target gives them.
	Labels  []string
	Targets []float64
	// Weights say how many rows each stands for; nil where each is one.
	Weights []float64
	// Params for the trainer.
	Params map[string]any
	// Previous is the folder of the champion's artefact to begin from, or empty.
	Previous string
	// Inputs names all of the above that bears on the result: jobs of equal inputs
	// may take each other's.
	Inputs string
	// Dir is a folder of this attempt's own, which the engine gives it. It exists,
	// and is empty but for what an earlier attempt left under checkpoint/.
	Dir  string
	Seed uint64
}

// Progress is one report of a training under way.
type Progress struct {
	// Line is a line of the trainer's log, empty for a mere report of values.
	Line string `json:"line,omitempty"`
	// Step and Values are what the trainer reports: {"step": 10, "loss": 0.31}.
	Step   int                `json:"step,omitempty"`
	Values map[string]float64 `json:"values,omitempty"`
}

// Result is a finished training.
type Result struct {
	// Dir is the artefact's folder, with its hone.json.
	Dir     string
	Metrics map[string]float64
	// Sandbox lists the layers that held, where a program of the user's trained.
	Sandbox []string
	// Processor is the time that the training took of processors, added up over them. It
	// is told beside an error too; 0 where it is not known.
	Processor time.Duration
}

// CostMetric is the metric by which a trainer says itself what a training cost, in the
// model's currency.
const CostMetric = "training_cost"

// Trainer does one training in this process, or in a child of it. Train returns
// once the training is over: a cancelled context ends it, at most a few seconds
// later. Of its result only the time of processors counts beside an error. The report function, which may be nil, is called from one goroutine at
// a time.
type Trainer interface {
	Train(ctx context.Context, job Job, report func(Progress)) (Result, error)
}
