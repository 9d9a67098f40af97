package dataset

import (
	"fmt"

	"hone"
	"hone/internal/learn/linear"
)

// proxyEpochs is enough to tell windows apart.
const proxyEpochs = 8

// LinearProxy compares windows by the built-in linear learner, on the declared
// loss of the model.
func LinearProxy(m hone.Model) Proxy {
	return func(train, test Rows, classes []string) ([]float64, error) {
		sig := hone.Signature{Task: m.Task, Features: m.Features, Classes: classes, Threshold: m.Loss.DefaultThreshold()}
		o := linear.Defaults()
		o.Epochs, o.Task = proxyEpochs, LinearTask(m.Task)
		if m.Task == hone.Multiclass {
			o.Classes = len(classes)
		}
		fit, err := linear.Fit(train.Frame, train.Targets(sig), train.Weights, o, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("compare windows: %w", err)
		}
		scores := hone.Scores{Width: sig.Width(), V: make([]float64, test.Len()*sig.Width())}
		fit.Predict(test.Frame, scores.V)
		prices := m.Loss.Prices(test.Frame)
		out := make([]float64, test.Len())
		for i, l := range test.Labels {
			out[i] = test.weight(i) * m.Loss.Of(sig, scores.Row(i), sig.Target(l), prices[i])
		}
		return out, nil
	}
}

// LinearTask is what the linear learner calls a task.
func LinearTask(t hone.Task) linear.Task {
	switch t {
	case hone.Multiclass:
		return linear.Softmax
	case hone.Regression:
		return linear.LeastSquares
	}
	return linear.Logistic
}
