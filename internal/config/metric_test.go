package config_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/config"
	"hone/internal/evaluate"
)

// Every metric that a gate may name is measured when versions are compared, and only
// where the task has it.
func TestGatesNameWhatIsMeasured(t *testing.T) {
	t.Parallel()
	elsewhere := []string{"latency_p99", "memory", "permuted_twin", "regression_tests", "calibration"}
	for task, wrong := range map[hone.Task]string{hone.Binary: "rmse", hone.Multiclass: "rmse", hone.Regression: "auc"} {
		text := func(metric string) []byte {
			loss := map[hone.Task]string{hone.Binary: "{kind: log, false_negative: 5, false_positive: 1}", hone.Multiclass: "log", hone.Regression: "squared"}[task]
			return fmt.Appendf(nil, "version: 1\nmodels:\n  m:\n    task: %s\n    features: {x: number}\n    label: y\n    loss: %s\n    gates: [{metric: %s, max: 0.5}]\n", task, loss, metric)
		}
		var problems config.Errors
		if _, err := config.Parse("hone.yaml", text(wrong)); !errors.As(err, &problems) {
			t.Fatalf("%s of a %s model: %v", wrong, task, err)
		}
		_, list, ok := strings.Cut(problems[0].Hint, "known: ")
		if !ok {
			t.Fatalf("no list of metrics in %q", problems[0].Hint)
		}
		for _, name := range strings.Split(list, ", ") {
			if slices.Contains(elsewhere, name) {
				continue
			}
			c, err := config.Parse("hone.yaml", text(name))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			e := compared(c.Models["m"])
			if !slices.ContainsFunc(e.Metrics, func(p hone.MetricPair) bool { return p.Metric == name && p.N > 0 && p.Lower < p.Upper }) {
				t.Errorf("a gate of a %s model may name %s, which is not measured: %v", task, name, e.Lacking)
			}
		}
	}
}

// compared are two versions on rows drawn at random.
func compared(m hone.Model) hone.Evaluation {
	sig := hone.Signature{Task: m.Task, Threshold: 0.5}
	switch m.Task {
	case hone.Binary:
		sig.Classes = []string{"0", "1"}
	case hone.Multiclass:
		sig.Classes = []string{"CLASS", "other", "third"}
	}
	r := rand.New(rand.NewPCG(1, 7))
	var rows evaluate.Rows
	cand, champ := evaluate.Side{Version: "v2", Signature: sig}, evaluate.Side{Version: "v1", Signature: sig}
	cand.Scores.Width, champ.Scores.Width = sig.Width(), sig.Width()
	for range 400 {
		label := fmt.Sprint(1 + r.Float64())
		if len(sig.Classes) > 0 {
			label = sig.Classes[r.IntN(len(sig.Classes))]
		}
		rows.Labels = append(rows.Labels, label)
		for range sig.Width() {
			cand.Scores.V, champ.Scores.V = append(cand.Scores.V, r.Float64()), append(champ.Scores.V, r.Float64())
		}
	}
	return evaluate.Compare(m, cand, &champ, rows)
}
