package evaluate

import (
	"math"

	"hone"
	"hone/internal/stat"
)

// mayLack is the share of the rows drawn that may have no label and those drawn
// after them still count.
const mayLack = 0.05

// Drawn is what one request for labels has come to: the rows in the order in which
// they were drawn, as far as any of them has a label.
type Drawn struct {
	Request string `json:"request"`
	// Answered counts the rows that were handed out and have their label.
	Answered int `json:"answered"`
	// Rows of the frame, and those of them whose label can tell.
	Rows   int     `json:"rows"`
	Differ int     `json:"differ"`
	Cap    float64 `json:"cap"`
	// Blocks are the clusters of the rows, from 0.
	Blocks []int    `json:"blocks"`
	Reach  numbers  `json:"reach"`
	Labels []string `json:"labels"` // Empty where it is not known.
	Prices numbers  `json:"prices,omitempty"`
	// Scores of both versions; zeros for a row that is not kept any more.
	Candidate numbers `json:"candidate"`
	Champion  numbers `json:"champion"`
}

// Reach is the most by which the losses of two versions can differ on each row,
// whatever its label is; bound is the most that a row can lose. It is 0 where no
// label can tell which is better.
func Reach(m hone.Model, cand, champ Side, prices []float64, bound float64) []float64 {
	out := make([]float64, len(prices))
	a, b := tally{side: cand}, tally{side: champ}
	for i := range out {
		a.scores, b.scores = append(a.scores, cand.Scores.Row(i)), append(b.scores, champ.Scores.Row(i))
		if x := reachOf(m, a, b, i, prices[i], bound); finite(x) {
			out[i] = x
		}
	}
	return out
}

// Decides tells whether a loss counts answers alone, so that rows on which two
// versions answer alike cannot tell them apart.
func Decides(l hone.Loss) bool {
	return l.Kind == hone.ZeroOne || l.Kind == hone.Cost || l.Kind == hone.ByColumn
}

// walked adds up what was drawn.
type walked struct {
	hone.Asked
	rows, sum, squares, bySums, clusters float64
}

// Weigh is what the labels that were asked for tell; nil where none does yet. For
// each request the rows count in the order of the draw, cluster by cluster, up to
// where more than one in twenty lacks its label: which rows those are rests on no
// label, so that the e-values may be looked at as often as one likes. A row among
// them without a label is taken to be as bad as it can be for what is to be proven.
func Weigh(m hone.Model, cand, champ hone.Signature, parts []Drawn) *hone.Asked {
	w := walked{Asked: hone.Asked{Better: 1, Worse: 1}}
	for _, d := range parts {
		w.add(m, cand, champ, d)
	}
	if w.Labels == 0 {
		if w.Answered == 0 {
			return nil
		}
		return &w.Asked
	}
	w.For = int(math.Round(w.rows))
	w.Diff, w.Lower, w.Upper = stat.MeanInterval(w.sum, w.squares, max(2, w.For), 0.05)
	blocks := math.Max(w.clusters, w.rows/stat.BlockRows)
	_, lower, upper := stat.MeanInterval(w.sum, w.bySums, max(2, int(math.Round(blocks))), 0.05)
	if half := (upper - lower) / 2 * blocks / w.rows; half > w.Upper-w.Diff {
		w.Lower, w.Upper = w.Diff-half, w.Diff+half
	}
	return &w.Asked
}

func (w *walked) add(m hone.Model, cand, champ hone.Signature, d Drawn) {
	n := d.walk(m)
	w.Answered += d.Answered
	if n == 0 {
		return
	}
	clusters := d.Blocks[n-1] + 1
	worst, best, reaches := make([]float64, clusters), make([]float64, clusters), make([]float64, clusters)
	sums := make([]float64, clusters)
	known := 0
	for i := range n {
		c, r := d.Blocks[i], d.Reach[i]
		reaches[c] += r
		if !said(m, d.Labels[i]) {
			w.Lacking++
			worst[c], best[c] = worst[c]+r, best[c]-r
			continue
		}
		known++
		diff := d.diff(m, cand, champ, i)
		worst[c], best[c], sums[c] = worst[c]+diff, best[c]+diff, sums[c]+diff
		w.squares += diff * diff
		switch {
		case diff < 0:
			w.Gains++
		case diff > 0:
			w.Flips++
		}
	}
	scale := float64(n) / float64(known) // What lacks is like what is known.
	for _, s := range sums {
		w.sum, w.bySums = w.sum+scale*s, w.bySums+scale*s*s
	}
	w.Labels += known
	w.Clusters += clusters
	w.clusters += float64(clusters)
	w.rows += float64(d.Rows) * float64(n) / float64(d.Differ)
	w.Better *= stat.DrawnBets(worst, reaches, d.Cap, -1)
	w.Worse *= stat.DrawnBets(best, reaches, d.Cap, 1)
}

// walk is how many rows count, in whole clusters.
func (d Drawn) walk(m hone.Model) (n int) {
	lack := 0
	for i, l := range d.Labels {
		if !said(m, l) {
			lack++
		}
		whole := i+1 == len(d.Blocks) || d.Blocks[i+1] != d.Blocks[i]
		if whole && float64(lack) <= mayLack*float64(i+1) {
			n = i + 1
		}
	}
	return n
}

// said tells whether a label says something.
func said(m hone.Model, label string) bool {
	return label != "" && !(m.Task == hone.Regression && math.IsNaN(hone.Signature{Task: m.Task}.Target(label)))
}

// diff is the candidate's loss less the champion's, within its reach.
func (d Drawn) diff(m hone.Model, cand, champ hone.Signature, i int) float64 {
	price := 0.0
	if len(d.Prices) > 0 {
		price = d.Prices[i]
	}
	of := func(s hone.Signature, scores numbers) float64 {
		width := s.Width()
		return m.Loss.Of(s, scores[i*width:(i+1)*width], s.Target(d.Labels[i]), price)
	}
	diff := of(cand, d.Candidate) - of(champ, d.Champion)
	return math.Max(-d.Reach[i], math.Min(d.Reach[i], diff))
}
