package retraining

import (
	"context"

	"hone/internal/backtest"
	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/learn/linear"
)

// Linear learns by the built-in logistic regression.
func Linear(_ context.Context, s backtest.Set, use func(backtest.Score) error) error {
	m, err := linear.Fit(s.Rows, s.Targets, nil, linear.Defaults(), nil, nil)
	if err != nil {
		return err
	}
	return use(scored(m.Predict))
}

// Trees learns 40 trees of 15 leaves.
func Trees(_ context.Context, s backtest.Set, use func(backtest.Score) error) error {
	o := gbdt.Defaults()
	o.Iterations, o.Leaves = 40, 15
	m, err := gbdt.Fit(gbdt.Set{Rows: s.Rows, Targets: s.Targets}, o, gbdt.Extra{})
	if err != nil {
		return err
	}
	return use(scored(m.Predict))
}

func scored(predict func(*frame.Frame, []float64)) backtest.Score {
	return func(rows *frame.Frame, out []float64) error {
		predict(rows, out)
		return nil
	}
}
