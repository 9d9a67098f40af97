package monitor

import (
	"fmt"
	"math"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
	"hone/internal/stat/change"
)

// The names of the signals that tell of a change of level.
const (
	LossChange  = "loss.change"  // Of the loss a row: since the newest change, less before it.
	ScoreChange = "score.change" // The same of the champion's scores.
)

// level watches one stream for changes of its level, in constant memory. It reads
// values as shares of their range, which detectors need; what it tells is in the
// values' own unit.
type level struct {
	name     string
	what     string // Of what, for people.
	detector change.Detector
	low      float64
	width    float64 // Of the range; 0 where it is not known.
	n        int     // Values since the champion began to serve.
	last     *change.Found
	since    stat.Moments // What came after the last change was found.
}

// newLevels watches the loss of each labelled row, within its bound, and the score
// of each prediction: of several classes the highest, of a regression within the
// range that the reference shows.
func newLevels(m hone.Model, sig hone.Signature, ref *Reference) (loss, score *level, err error) {
	loss = &level{name: LossChange, what: "labelled row", width: m.Loss.Bound()}
	if loss.width == 0 {
		loss.width = ref.Bound
	}
	score = &level{name: ScoreChange, what: "prediction", width: 1}
	if sig.Task == hone.Regression {
		score.low, score.width = ref.Score.Min, ref.Score.Max-ref.Score.Min
	}
	if score.detector, err = change.New(scoreDetector(m.Monitor.Detector), ref.Score.SD/score.width); err == nil {
		loss.detector, err = change.New(m.Monitor.Detector, 0.5)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", m.Name, err)
	}
	return loss, score, nil
}

// scoreDetector is the one named, but for DDM, which can only count errors.
func scoreDetector(name string) string {
	if name == change.NameDDM {
		return change.NameADWIN
	}
	return name
}

func (l *level) add(x float64) {
	if !finite(x) || !(l.width > 0) || !finite(l.width) {
		return
	}
	share := min(1, max(0, (x-l.low)/l.width))
	l.n++
	if found, ok := l.detector.Add(share); ok {
		l.last, l.since = &found, stat.Moments{}
		return
	}
	if l.last != nil {
		l.since.Add(share)
	}
}

// signal is the newest change of level, with what has come since, and an interval
// that holds however the values spread.
func (l *level) signal() hone.Signal {
	s := hone.Signal{Name: l.name, N: l.n}
	switch {
	case !(l.width > 0):
		s.Unknown = "the range of the values is not known"
		return s
	case l.last == nil:
		s.Unknown = "no change in " + say.Count(l.n, l.what, l.what+"s")
		return s
	}
	n := l.last.N + l.since.N
	after := (l.last.After*float64(l.last.N) + l.since.Mean*float64(l.since.N)) / float64(n)
	wide := func(mean float64, n int) float64 { return mean * (1 - mean) / float64(max(1, n)) }
	half := stat.NormalQuantile(1-metricAlpha/2) * math.Sqrt(wide(l.last.Before, l.last.NBefore)+wide(after, n))
	by := after - l.last.Before
	s.N, s.Value, s.Lower, s.Upper = n, by*l.width, (by-half)*l.width, (by+half)*l.width
	return s
}

// levelOf is what the watch on scores reads of one prediction.
func levelOf(sig hone.Signature, scores []float64) (float64, bool) {
	if len(scores) != sig.Width() || len(scores) == 0 {
		return 0, false
	}
	best := scores[0]
	for _, s := range scores[1:] {
		best = max(best, s)
	}
	return best, true
}
