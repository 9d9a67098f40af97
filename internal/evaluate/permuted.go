package evaluate

import (
	"fmt"
	"math"
	"slices"

	"hone"
	"hone/internal/stat"
)

// Shuffled are twins of the candidate that were trained on permuted labels: what
// they say of the rows of the evidence, or why there are none. The labels of each are
// those of the first, every class turned into the next, or numbers mirrored at their
// mean. A twin may be good or bad by luck, since few features decide; what one of
// them has by luck the others have the other way round.
type Shuffled struct {
	Twins []Party `json:"twins,omitempty"`
	Fault string  `json:"fault,omitempty"`
}

// AddShuffled adds what the twins say of the rows that the last look added.
func (ev *Evidence) AddShuffled(twins []Side) error {
	if ev.Shuffled == nil {
		ev.Shuffled = &Shuffled{}
		for _, s := range twins {
			ev.Shuffled.Twins = append(ev.Shuffled.Twins, Party{Version: s.Version, Signature: bare(s.Signature)})
		}
	}
	for i, s := range twins {
		t := &ev.Shuffled.Twins[i]
		t.add(s)
		if n := len(t.Scores); n != t.Signature.Width()*len(ev.Keys) {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("a twin of %s gives %d numbers for %d rows", ev.Candidate.Version, n, len(ev.Keys)),
				Hint: "a version gives one score a row, or one for each class"}
		}
	}
	return nil
}

// NoShuffled keeps why there are no twins.
func (ev *Evidence) NoShuffled(why string) { ev.Shuffled = &Shuffled{Fault: why} }

// permuted holds the candidate against the first twin, in the loss of the model and
// in one that counts every step of a score, which tells what wrong answers alone
// cannot; and tells what all twins know together.
func (ev *Evidence) permuted(rows Rows) *hone.Permuted {
	switch s := ev.Shuffled; {
	case s == nil:
		return nil
	case s.Fault != "" || len(s.Twins) == 0:
		return &hone.Permuted{Fault: s.Fault}
	}
	m := ev.Model
	m.Metrics, m.Gates, m.Slices = nil, nil, nil
	cand, twin := ev.Candidate.side(), ev.Shuffled.Twins[0].side()
	out := &hone.Permuted{Loss: Compare(m, cand, &twin, rows).Loss}
	m.Loss = hone.Loss{Kind: hone.Log}
	if m.Task == hone.Regression {
		m.Loss = hone.Loss{Kind: hone.Squared}
	}
	out.Score = Compare(m, cand, &twin, rows).Loss
	out.Known = ev.known(rows)
	return out
}

// known is how well what the twins have in common tells the rows of each class from
// the others, or high numbers from low ones, as an AUC of which 0.5 is nothing. A
// single twin tells nothing of this.
func (ev *Evidence) known(rows Rows) hone.MetricPair {
	out := hone.MetricPair{Metric: "auc", Candidate: 0.5, Champion: 0.5, Higher: true}
	use := usable(ev.Model, rows)
	var sides []Side
	for _, t := range ev.Shuffled.Twins {
		sides = append(sides, t.side())
		if !fits(sides[len(sides)-1], len(rows.Labels)) {
			return out
		}
	}
	if len(use) < 2 || len(sides) < 2 {
		return out
	}
	common, classes := shared(sides, use), max(1, len(sides[0].Signature.Classes))
	middle := median(sides[0].Signature, rows, use)
	parts, n := make([]float64, len(use)), 0
	for c := range classes {
		scores, is := make([]float64, len(use)), make([]bool, len(use))
		for k, i := range use {
			target := sides[0].Signature.Target(rows.Labels[i])
			scores[k], is[k] = common[k][c], target == float64(c)
			if ev.Model.Task == hone.Regression {
				is[k] = target > middle
			}
		}
		value, of := aucOf(scores, is)
		if !finite(value) {
			continue // Nobody is of this class.
		}
		n++
		for k := range of {
			parts[k] += of[k]
		}
	}
	if n == 0 {
		return out
	}
	for k := range parts {
		parts[k] = parts[k]/float64(n) - 0.5
	}
	p := pairing{bound: 1, units: rows.Units, use: use}
	at := make([]int, len(use))
	for k := range at {
		at[k] = k
	}
	out.N = len(use)
	diff := 0.0
	diff, out.Lower, out.Upper = p.interval(parts, at)
	out.Candidate = 0.5 + diff
	return out
}

// shared is what the twins say together of each row: the mean of their log
// probabilities of each class, less the mean of a row, or of their numbers. What is
// no more than rounding is nothing.
func shared(sides []Side, use []int) [][]float64 {
	sig := sides[0].Signature
	out := make([][]float64, len(use))
	for k, i := range use {
		sum := make([]float64, max(1, len(sig.Classes)))
		for _, s := range sides {
			row := s.Scores.Row(i)
			if sig.Task == hone.Binary {
				row = []float64{1 - row[0], row[0]}
			}
			for c, x := range row {
				if sig.Task != hone.Regression {
					x = math.Log(math.Min(math.Max(x, 1e-6), 1))
				}
				sum[c] += x / float64(len(sides))
			}
		}
		center := 0.0
		if sig.Task != hone.Regression {
			center = mean(sum)
		}
		for c := range sum {
			if sum[c] -= center; sig.Task != hone.Regression {
				sum[c] = math.Round(sum[c]*1e4) / 1e4
			} else {
				sum[c] = float64(float32(sum[c]))
			}
		}
		out[k] = sum
	}
	return out
}

// median is the middle of the targets of a regression.
func median(s hone.Signature, rows Rows, use []int) float64 {
	if s.Task != hone.Regression {
		return 0
	}
	all := make([]float64, len(use))
	for k, i := range use {
		all[k] = s.Target(rows.Labels[i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// aucOf is the AUC with what each row adds to it.
func aucOf(scores []float64, positive []bool) (float64, []float64) {
	n := [2]float64{}
	for _, is := range positive {
		n[int(indicator(is))]++
	}
	value, _ := stat.AUC(scores, positive)
	parts := stat.AUCParts(scores, positive)
	for k, x := range parts {
		parts[k] = value + (x-value)*float64(len(scores))/n[int(indicator(positive[k]))]
	}
	return value, parts
}
