package app_test

import (
	"math/rand/v2"
	"strconv"

	"hone/internal/train"
)

// kind is one kind of model that a life may be about.
type kind struct {
	task, features, source string
	variants               int
	worse, when            []string // Limits on performance, and expressions.
	// slip is a label that contradicts what was true.
	slip func(rng *rand.Rand) string
	// invert turns what is to be learnt into its opposite.
	invert func(job *train.Job)
}

var kinds = []kind{
	{
		task: "binary", features: "f0: number, f1: number, f2: number", source: "sea", variants: 4,
		worse: []string{"metric: accuracy, below: 0.8", "metric: accuracy, below: 0.9", "metric: auc, below: 0.9"},
		when:  []string{"loss > 0.2 && labels.new >= 20", "hour < 4 || accuracy < 0.85", "days_since_run > 2"},
		slip:  func(rng *rand.Rand) string { return strconv.Itoa(rng.IntN(2)) },
		invert: func(job *train.Job) {
			for i := range job.Targets {
				job.Targets[i] = 1 - job.Targets[i]
				job.Labels[i] = map[string]string{"0": "1", "1": "0"}[job.Labels[i]]
			}
		},
	},
	{
		task: "multiclass", features: "a: number, b: number", source: "bands", variants: 2,
		worse: []string{"metric: accuracy, below: 0.8", "metric: log_loss, above: 0.5"},
		when:  []string{"loss > 0.2 && labels.new >= 20", "hour < 4 || accuracy < 0.85", "days_since_run > 2"},
		slip:  func(rng *rand.Rand) string { return pick(rng, "low", "middle", "high") },
		invert: func(job *train.Job) {
			other := map[string]string{"low": "high", "middle": "low", "high": "middle"}
			for i := range job.Targets {
				job.Labels[i] = other[job.Labels[i]]
				job.Targets[i] = job.Signature.Target(job.Labels[i])
			}
		},
	},
	{
		task: "regression", features: "a: number, b: number", source: "plane", variants: 2,
		worse: []string{"metric: mae, above: 1", "metric: rmse, above: 2", "metric: loss, above: 3"},
		when:  []string{"loss > 1 && labels.new >= 20", "hour < 4 || mae > 1.0", "days_since_run > 2"},
		slip:  func(rng *rand.Rand) string { return strconv.Itoa(rng.IntN(20)) },
		invert: func(job *train.Job) {
			for i, y := range job.Targets { // Round 10, the mean.
				job.Targets[i] = 20 - y
				job.Labels[i] = strconv.FormatFloat(20-y, 'g', -1, 64)
			}
		},
	},
}

// oneSided lets silence be a label, for some models of two classes.
func (k kind) oneSided(rng *rand.Rand) string {
	if k.task != "binary" {
		return ""
	}
	return pick(rng, "", "", "", ", absent_means: 0, after: 4d", ", absent_means: 0, after: 10d")
}

// anyKind is binary as often as it is anything else.
func anyKind(rng *rand.Rand) kind { return pick(rng, kinds[0], kinds[0], kinds[1], kinds[2]) }
