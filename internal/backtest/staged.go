package backtest

import (
	"slices"

	"hone"
)

// staged lets the rule decide, and sends candidates through the model's gates, rollout
// and probation, as far as recorded rows can tell of them.
func (d *desk) staged(g *Grid, price float64) course {
	m := d.model
	m.Gates = slices.DeleteFunc(slices.Clone(m.Gates), func(gate hone.Gate) bool {
		_, own := m.Metrics[gate.Metric]
		return own || slices.Contains(untold, gate.Metric)
	})
	if len(m.Gates) < len(d.model.Gates) || len(m.Rollout.Guardrails) > 0 || m.Dataset.Anchor != "" {
		d.note("Gates and guardrails on anchor cases, on what answering takes, and by metrics of your own are no matter of recorded rows: in stages they let everything pass.")
	}
	m.Metrics, m.Rollout.Guardrails, m.Dataset.Anchor = nil, nil, ""
	return g.play(Rule{Kept: 5, Receipts: true}, Stages{Model: m, Signature: d.sig, Prices: d.prices}, price).course
}

// untold are the metrics of gates that recorded rows say nothing of.
var untold = []string{"regression_tests", "latency_p99", "memory", "permuted_twin"}
