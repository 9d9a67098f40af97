// Package backtest holds policies of when to retrain against what was recorded: it
// trains the champions that a model could have had, asks each about the rows that
// came after it, and lets policies decide under a simulated clock. Where the rows
// come from, and by whom champions are trained, is left to others.
package backtest

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"hone/internal/frame"
)

// never is when a label comes that does not come.
const never = math.MaxInt

// Stream is rows in the order of time, answered a batch at a time.
type Stream struct {
	Name    string
	Rows    *frame.Frame
	Targets []float64 // As Signature.Target gives them; NaN where there is no label.
	Weights []float64 // How many rows each stands for; nil where each is one.
	Batch   int       // Rows.
	Begin   int       // The first row that is answered; 0 for the first batch with rows enough behind it.
	Window  int       // Labelled rows that a champion is trained on, the newest.
	Least   int       // As many must be there for the first one; 0 is read as Window.
	Delay   int       // Rows after which a label comes, where Known does not say.
	// Known is how many rows had been served once the label of each counted; nil
	// where all labels come after Delay rows.
	Known []int
	Width int    // Scores a row; 0 is read as 1.
	Task  string // As residual has it; empty for binary.
	// Loss of a row under some scores, without its weight; nil counts the errors of a
	// binary model at 0.5. Headline is the metric that people read beside it; nil for
	// the loss.
	Loss, Headline func(row int, scores []float64) float64
	// Unit is the most that one row counts for, in units of the loss; 0 is read as 1.
	Unit float64

	arrived []int // Labelled rows in the order in which their labels came.
}

// begin is the first row that is answered. Without one it is the end.
func (s *Stream) begin() int {
	if s.Begin > 0 {
		return s.Begin
	}
	least := s.Least
	if least == 0 {
		least = s.Window
	}
	for i := 0; i < s.Rows.N; i += s.Batch {
		if s.upTo(i) >= least {
			return i
		}
	}
	return s.Rows.N
}

func (s *Stream) width() int { return max(1, s.Width) }

func (s *Stream) unit() float64 {
	if s.Unit > 0 {
		return s.Unit
	}
	return 1
}

func (s *Stream) weight(row int) float64 {
	if s.Weights == nil {
		return 1
	}
	return s.Weights[row]
}

// loss of a row with its weight.
func (s *Stream) loss(row int, scores []float64) float64 {
	return s.weight(row) * s.unweighted(row, scores)
}

func (s *Stream) unweighted(row int, scores []float64) float64 {
	if s.Loss != nil {
		return s.Loss(row, scores)
	}
	if (scores[0] > 0.5) != (s.Targets[row] == 1) {
		return 1
	}
	return 0
}

// known is how many rows had been served once a label counted.
func (s *Stream) known(row int) int {
	switch {
	case math.IsNaN(s.Targets[row]):
		return never
	case s.Known != nil:
		return s.Known[row]
	}
	return row + 1 + s.Delay
}

// order puts the labelled rows in the order in which their labels came.
func (s *Stream) order() {
	s.arrived = make([]int, 0, s.Rows.N)
	for i := range s.Rows.N {
		if s.known(i) < never {
			s.arrived = append(s.arrived, i)
		}
	}
	slices.SortStableFunc(s.arrived, func(a, b int) int { return cmp.Compare(s.known(a), s.known(b)) })
}

// upTo counts the labels that have come once so many rows are served.
func (s *Stream) upTo(served int) int {
	return sort.Search(len(s.arrived), func(i int) bool { return s.known(s.arrived[i]) > served })
}

// newest are the rows of the window that a champion is trained on which takes over
// once so many rows are served, in their order.
func (s *Stream) newest(served int) []int {
	out := make([]int, 0, s.Window)
	for i := served - 1; i >= 0 && len(out) < s.Window; i-- {
		if s.known(i) <= served {
			out = append(out, i)
		}
	}
	slices.Reverse(out)
	return out
}

// pick returns some rows of a frame, which may share its memory.
func pick(f *frame.Frame, rows []int) *frame.Frame {
	if n := len(rows); n > 0 && rows[n-1]-rows[0] == n-1 && slices.IsSorted(rows) {
		return f.Slice(rows[0], rows[n-1]+1)
	}
	return f.Pick(rows)
}

// values are those of some rows; nil where there are none at all.
func values[T any](all []T, rows []int) []T {
	if all == nil {
		return nil
	}
	out := make([]T, len(rows))
	for k, i := range rows {
		out[k] = all[i]
	}
	return out
}
