package residual

import (
	"hone/internal/frame"
	"hone/internal/learn/encode"
)

// OptionsOf are those of the probe of a champion that learned from some rows, whose targets
// count where they are values.
func OptionsOf(rows *frame.Frame, targets []float64, width int, task string) Options {
	o := Options{Schema: rows.Schema, Width: width, Task: task}
	for _, c := range rows.Cols {
		mean, sd, _ := encode.Moments(c.Num)
		o.Mean, o.SD = append(o.Mean, mean), append(o.SD, sd)
	}
	if task == Regression {
		_, o.TargetSD, _ = encode.Moments(targets)
	}
	return o
}
