package main

import (
	"math/rand/v2"
	"slices"

	"hone"
	"hone/bench/bar"
	"hone/internal/learn/linear"
	"hone/internal/validate"
	"hone/internal/validate/world"
)

const leftOutWorlds = 60

// leftOut trains on labels of which some were turned round, with what Hone leaves
// out and without; right labels of the newest quarter judge.
func leftOut(b *bar.Bench) error {
	worlds := pick(leftOutWorlds, firstSeed, func(w *world.World) bool { return w.Model.Task == hone.Binary })
	each := make([]left, leftOutWorlds)
	bar.Parallel(leftOutWorlds, func(i int) { each[i] = leftOutOf(worlds[i], firstSeed+uint64(i)) })
	var clean, needless, flipped, trimmed, poisoned, rejected float64
	found := 0
	for _, l := range each {
		clean, needless = clean+l.clean, needless+l.needless
		flipped, trimmed = flipped+l.flipped, trimmed+l.trimmed
		poisoned, rejected = poisoned+l.poisoned, rejected+l.rejected
		if l.some {
			found++
		}
	}
	for name, sum := range map[string]float64{"clean": clean, "poisoned": poisoned, "rejected": rejected, "flipped": flipped, "trimmed": trimmed} {
		b.Keep(name, "% right", 100*sum/leftOutWorlds)
	}
	b.Keep("saved_by_rejection", "% of the points lost", 100*(rejected-poisoned)/(clean-poisoned))
	b.Keep("gained_by_trimming", "points", 100*(trimmed-flipped)/leftOutWorlds)
	b.Keep("cost_of_trimming", "points", 100*(clean-needless)/leftOutWorlds)
	b.Note("%d worlds; in %d the rows of somebody were rejected", leftOutWorlds, found)
	return nil
}

// left is the accuracy in one world by what was left out of which labels, and
// whether somebody's rows were.
type left struct {
	clean, needless, flipped, trimmed, poisoned, rejected float64
	some                                                  bool
}

func leftOutOf(w *world.World, seed uint64) (l left) {
	t := &trial{m: w.Model, rows: w.Rows, truth: slices.Clone(w.Rows.Labels), cut: w.Rows.Frame.N * 3 / 4}
	all := t.upTo(t.cut)
	l.clean = t.accuracy(all, w.Rows.Labels)
	l.needless = t.accuracy(t.trimmed(all, w.Rows.Labels), w.Rows.Labels)
	off := turnedRound(w.Rows.Labels, 0.05, seed)
	l.flipped = t.accuracy(all, off)
	l.trimmed = t.accuracy(t.trimmed(all, off), off)

	w.Spam(5, 1.0/3)
	t.rows = w.Rows
	l.poisoned = t.accuracy(all, w.Rows.Labels)
	stay, some := t.rejected(w)
	l.rejected, l.some = t.accuracy(stay, w.Rows.Labels), some
	return l
}

// turnedRound turns a share of the labels of a binary model round.
func turnedRound(labels []string, share float64, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 0x666c6970))
	out := slices.Clone(labels)
	for i, l := range out {
		if r.Float64() < share {
			out[i] = map[string]string{"0": "1", "1": "0"}[l]
		}
	}
	return out
}

// trial trains on rows before a cut and judges by the others.
type trial struct {
	m     hone.Model
	rows  validate.Rows
	truth []string
	cut   int
}

func (t *trial) upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// trimmed leaves out what dataset.trim of 2 % does.
func (t *trial) trimmed(at []int, labels []string) []int {
	may := make([]bool, len(at))
	for i := range may {
		may[i] = true
	}
	r := validate.Rows{Frame: t.rows.Frame.Slice(0, len(at)), Labels: labels[:len(at)], Times: t.rows.Times[:len(at)], Units: t.rows.Units[:len(at)]}
	gone := map[int]bool{}
	for _, i := range validate.Hardest(t.m, r, may, 0.02) {
		gone[i] = true
	}
	return slices.DeleteFunc(slices.Clone(at), func(i int) bool { return gone[i] })
}

// rejected leaves out whom a first version's checks reject.
func (t *trial) rejected(w *world.World) (stay []int, some bool) {
	in := w.Input()
	in.Before, in.New, in.Holdout = nil, 0, 0
	in.Rows = validate.Rows{Frame: w.Rows.Frame.Slice(0, t.cut), Labels: w.Rows.Labels[:t.cut], Times: w.Rows.Times[:t.cut], Units: w.Rows.Units[:t.cut]}
	_, suspects := validate.Examine(in)
	if suspects == nil {
		return t.upTo(t.cut), false
	}
	return slices.DeleteFunc(t.upTo(t.cut), func(i int) bool { return slices.Contains(suspects.Users, w.Rows.Units[i]) }), true
}

// accuracy of a linear model of some rows, on the rows after the cut.
func (t *trial) accuracy(at []int, labels []string) float64 {
	y := make([]float64, len(at))
	for k, i := range at {
		if labels[i] == "1" {
			y[k] = 1
		}
	}
	fit, err := linear.Fit(t.rows.Frame.Pick(at), y, nil, linear.Defaults(), nil, nil)
	if err != nil {
		return 0
	}
	n := t.rows.Frame.N
	p := make([]float64, n-t.cut)
	fit.Predict(t.rows.Frame.Slice(t.cut, n), p)
	right := 0
	for i := range p {
		if (p[i] >= 0.5) == (t.truth[t.cut+i] == "1") {
			right++
		}
	}
	return float64(right) / float64(len(p))
}
