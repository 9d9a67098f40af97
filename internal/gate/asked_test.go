package gate_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/gate"
	"hone/internal/stat"
)

// answered judges one candidate on 200 rows held out and then on the labels of
// rows drawn where it differs from the champion, looking every 20 labels, until the
// gate rules or the frame is used up. It says what became of it, and after how many
// labels.
func answered(rng *rand.Rand, m hone.Model, k int, differ, gain float64) (hone.Ruling, int) {
	const out, frame = 200, 8000
	right := (differ + gain) / 2 / differ
	diffs, reach := make([]float64, out+frame), make([]float64, out+frame)
	for i := range diffs {
		if rng.Float64() < differ {
			reach[i], diffs[i] = 1, 1
			if rng.Float64() < right {
				diffs[i] = -1
			}
		}
	}
	blocks, first := stat.Blocks(out, nil, nil)
	p, sum, squares := hone.Paired{N: out, Bound: 1}, 0.0, 0.0
	for i := range out {
		sum, squares = sum+diffs[i], squares+reach[i]
	}
	p.Reach = squares / out
	p.Better, p.Worse, p.Clusters = stat.ClusterBets(diffs[:out], reach[:out], blocks, first)
	p.Diff, p.Lower, p.Upper = stat.MeanInterval(sum, squares, out, 0.05)
	p.Candidate, p.Champion = 0.3+p.Diff, 0.3
	order, of, limit := stat.Draw(reach[out:], nil, rng.Uint64())
	sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
	d := evaluate.Drawn{Rows: frame, Differ: len(order), Cap: limit}
	for n := 0; ; {
		e := evaluation(p)
		e.Trial = k
		e.Asked = evaluate.Weigh(m, sig, sig, []evaluate.Drawn{d})
		r := gate.Rule(m, gate.Judge(m, by(hone.OnSchedule), e, k, nil), gate.Rows(e) >= gate.Deadline(m, e))
		if r != hone.Hold || n == len(order) {
			return r, n
		}
		for next := n + 20; n < len(order) && (n < next || of[n] == of[n-1]); n++ {
			a := float64(0) // The truth is 0: who says 1 is wrong.
			if diffs[out+order[n]] > 0 {
				a = 1
			}
			d.Blocks, d.Reach, d.Labels = append(d.Blocks, of[n]), append(d.Reach, 1), append(d.Labels, "0")
			d.Candidate, d.Champion = append(d.Candidate, a), append(d.Champion, 1-a)
		}
		d.Answered = n
	}
}

// Labels of rows on which both versions differ decide as all rows would: a
// worthless candidate passes no oftener than the error, one that is better is proven
// by about as many labels as the gate's rows times the share that differs.
func TestAskedLabelsDecide(t *testing.T) {
	t.Parallel()
	m := balanced()
	m.Evidence = hone.Strict
	histories := 1000
	if testing.Short() {
		histories = 200
	}
	promoted := 0
	for seed := range uint64(histories) {
		if r, _ := answered(rand.New(rand.NewPCG(seed, 61)), m, 1, 0.05, 0); r == hone.Promote {
			promoted++
		}
	}
	// The first candidate has 6/π² of 5 %: 3 %.
	if most := float64(histories) * 0.0304; float64(promoted) > most+3*math.Sqrt(most) {
		t.Errorf("%d of %d worthless candidates are promoted", promoted, histories)
	}
	proven, used := 0, []float64{}
	for seed := range uint64(histories / 4) {
		if r, n := answered(rand.New(rand.NewPCG(seed, 62)), m, 1, 0.05, 0.02); r == hone.Promote {
			proven, used = proven+1, append(used, float64(n))
		}
	}
	if proven < histories/4*3/4 {
		t.Errorf("a gain of two points is proven in %d of %d", proven, histories/4)
	}
	slices.Sort(used)
	p := paired(200, 0, 0.02)
	p.Reach = 0.05
	plain, median := float64(gate.Sample(m, p)), used[len(used)/2]
	if median > 1.5*0.05*plain {
		t.Errorf("half of them take over %v labels; a single look takes %v rows, of which 5 %% differ", median, plain)
	}
	t.Logf("worthless promoted in %d of %d; proven in %d of %d, by %v labels at the median where a single look takes %v rows", promoted, histories, proven, histories/4, median, plain)
}
