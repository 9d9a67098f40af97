package monitor

import (
	"math"
	"slices"
	"sort"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
)

// qualityWindow is the number of mature rows that metrics are read from.
const qualityWindow = 1000

// metricAlpha is the error of a metric's interval: 99.9 %, because triggers look
// at it again and again.
const metricAlpha = 0.001

// quality keeps the newest mature rows and reads metrics from them.
type quality struct {
	model hone.Model
	sig   hone.Signature
	rows  []scored
	next  int
	known []hone.Signal // Of these rows; nil once one was added.
	// Of all rows since the version became champion.
	loss, answer stat.Sequence
	uneven       bool // Rows weigh differently.
}

type scored struct {
	loss, target float64
	weight       float64
	scores       []float64
	slices       []string
}

func newQuality(m hone.Model, sig hone.Signature) *quality {
	q := &quality{model: m, sig: sig, loss: stat.Sequence{Bound: m.Loss.Bound()}}
	if sig.Task != hone.Regression {
		q.answer.Bound = 1
	}
	return q
}

// add takes one row, whose features are in a frame.
func (q *quality) add(s scored, f *frame.Frame, row int) {
	if math.IsNaN(s.loss) {
		return
	}
	q.known = nil
	q.loss.Add(s.loss)
	q.answer.Add(q.headline(s))
	q.uneven = q.uneven || s.weight != 1
	for _, name := range q.model.Slices {
		if i := f.Schema.Index(name); i >= 0 && f.Schema[i].Kind == frame.Category {
			s.slices = append(s.slices, name+"="+f.Cols[i].Str[row])
		}
	}
	if len(q.rows) < qualityWindow {
		q.rows = append(q.rows, s)
		return
	}
	q.rows[q.next] = s
	q.next = (q.next + 1) % qualityWindow
}

// read gives each metric of the task with its interval, and the loss of each
// slice of at least 30 rows. The slice is the caller's to keep.
func (q *quality) read() []hone.Signal {
	if q.known == nil {
		q.known = q.measure()
	}
	return slices.Clone(q.known)
}

func (q *quality) measure() []hone.Signal {
	n := len(q.rows)
	if n < 50 {
		return []hone.Signal{{Name: "loss", N: n, Unknown: "not enough mature labels: 50 are needed"}}
	}
	out := []hone.Signal{q.mean("loss", func(s scored) float64 { return s.loss })}
	switch q.sig.Task {
	case hone.Regression:
		out = append(out, q.mean("mae", func(s scored) float64 { return math.Abs(s.target - s.scores[0]) }), q.rmse(), q.mape())
	default:
		zero := hone.Loss{Kind: hone.ZeroOne}
		log := hone.Loss{Kind: hone.Log}
		out = append(out,
			q.mean("accuracy", func(s scored) float64 { return 1 - zero.Of(q.sig, s.scores, s.target, 0) }),
			q.mean("log_loss", func(s scored) float64 { return log.Of(q.sig, s.scores, s.target, 0) }))
		out = append(out, q.agreement()...)
	}
	if q.sig.Task == hone.Binary {
		out = append(out, q.mean("brier", brier), q.auc(), q.precision())
	}
	if q.model.Loss.Priced() {
		cost := q.model.Loss
		cost.Kind = hone.Cost
		out = append(out, q.mean("cost", func(s scored) float64 { return cost.Of(q.sig, s.scores, s.target, 0) }))
	}
	return append(append(out, q.since()...), q.bySlice()...)
}

// headline is what the model's first metric counts of a row: whether the answer is
// right, or how far it is off.
func (q *quality) headline(s scored) float64 {
	if q.sig.Task == hone.Regression {
		return math.Abs(s.target - s.scores[0])
	}
	return 1 - hone.Loss{Kind: hone.ZeroOne}.Of(q.sig, s.scores, s.target, 0)
}

// Headline names the first metric of a task.
func Headline(t hone.Task) string {
	if t == hone.Regression {
		return "mae"
	}
	return "accuracy"
}

// sinceAlpha is the error of the intervals that hold at all looks together.
const sinceAlpha = 0.05

// since gives the means over all mature rows since the version became champion,
// with intervals that may be looked at as often as wanted.
func (q *quality) since() []hone.Signal {
	out := []hone.Signal{{Name: "loss.since", N: q.loss.N}, {Name: Headline(q.sig.Task) + ".since", N: q.answer.N}}
	for i, s := range []*stat.Sequence{&q.loss, &q.answer} {
		lower, upper := s.Interval(sinceAlpha)
		switch {
		case q.uneven:
			out[i].Unknown = "its rows weigh differently"
		case math.IsInf(upper, 0):
			out[i].Unknown = "not enough mature labels: 100 are needed"
		default:
			out[i].Value, out[i].Lower, out[i].Upper = s.Mean, lower, upper
		}
	}
	return out
}

func (q *quality) mean(name string, of func(scored) float64) hone.Signal {
	out := hone.Signal{Name: name, N: len(q.rows)}
	out.Value, out.Lower, out.Upper = meanOf(q.rows, of)
	return out
}

// meanOf is the mean by weight, with its interval: that of the linearised ratio
// where weights differ.
func meanOf(rows []scored, of func(scored) float64) (mean, lower, upper float64) {
	var sum, square, total, values float64
	for _, s := range rows {
		v := of(s)
		total += s.weight
		values += s.weight * v
		sum += v
		square += v * v
	}
	n := float64(len(rows))
	if total == n {
		return stat.MeanInterval(sum, square, len(rows), metricAlpha)
	}
	mean, square = values/total, 0
	for _, s := range rows {
		r := s.weight * (of(s) - mean) * n / total
		square += r * r
	}
	_, lower, upper = stat.MeanInterval(0, square, len(rows), metricAlpha)
	return mean, mean + lower, mean + upper
}

// brier is the squared error of the probability; a class that the version does
// not know is as wrong as can be.
func brier(s scored) float64 {
	if s.target < 0 {
		return 1
	}
	return (s.scores[0] - s.target) * (s.scores[0] - s.target)
}

func (q *quality) rmse() hone.Signal {
	s := q.mean("rmse", func(s scored) float64 { return (s.target - s.scores[0]) * (s.target - s.scores[0]) })
	s.Value, s.Lower, s.Upper = math.Sqrt(s.Value), math.Sqrt(math.Max(s.Lower, 0)), math.Sqrt(s.Upper)
	return s
}

func (q *quality) ranked() (scores []float64, positive []bool) {
	for _, s := range q.rows {
		scores, positive = append(scores, s.scores[0]), append(positive, s.target == 1)
	}
	return scores, positive
}

func (q *quality) auc() hone.Signal {
	scores, positive := q.ranked()
	v, se := stat.AUC(scores, positive)
	out := hone.Signal{Name: "auc", N: len(q.rows), Value: v}
	if math.IsNaN(v) || math.IsNaN(se) {
		out.Value, out.Unknown = 0, "too few mature labels of one class"
		return out
	}
	z := stat.NormalQuantile(1 - metricAlpha/2)
	out.Lower, out.Upper = math.Max(0, v-z*se), math.Min(1, v+z*se)
	return out
}

func (q *quality) bySlice() []hone.Signal {
	by := map[string][]scored{}
	for _, r := range q.rows {
		for _, name := range r.slices {
			by[name] = append(by[name], r)
		}
	}
	var out []hone.Signal
	for name, rows := range by {
		if len(rows) < 30 {
			continue
		}
		sig := hone.Signal{Name: "loss", Slice: name, N: len(rows)}
		sig.Value, sig.Lower, sig.Upper = q.ofSlice(rows)
		out = append(out, sig)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Slice < out[j].Slice })
	return out
}

// ofSlice is the mean loss of a slice. Where a row's loss has a bound the interval
// is exact, and so wide, at any number of rows: thirty without an error do not
// prove that there is none.
func (q *quality) ofSlice(rows []scored) (mean, lower, upper float64) {
	if q.loss.Bound == 0 || q.uneven {
		return meanOf(rows, func(s scored) float64 { return s.loss })
	}
	of := stat.Sequence{Bound: q.loss.Bound}
	for _, r := range rows {
		of.Add(r.loss)
	}
	lower, upper = of.Interval(metricAlpha)
	return of.Mean, lower, upper
}
