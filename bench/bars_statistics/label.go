package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"hone"
	"hone/bench/bar"
	"hone/internal/evaluate"
	"hone/internal/gate"
	"hone/internal/stat"
)

var labelFrom = []string{"internal/stat", "internal/gate", "internal/evaluate"}

var labelBars = []bar.Measured{
	{Bar: bar.Bar{ID: "label_worthless", Of: labelFrom,
		About: "1,000 histories of 3 candidates that are no better, each decided by labels of rows drawn where it differs from the champion, looked at every 20 labels: the share of histories in which strict evidence ever promotes one.",
		Limits: []bar.Limit{
			{Series: "independent", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "users", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "three_in_ten_differ", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true},
		}}, Measure: labelWorthless},
	{Bar: bar.Bar{ID: "label_worthless_in_time", Of: labelFrom,
		About:  "The same where rows that follow each other are alike: which way a row falls repeats with 0.8.",
		Limits: []bar.Limit{{Series: "alike_in_time", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true}}}, Measure: labelInTime},
	{Bar: bar.Bar{ID: "label_saving", Of: labelFrom,
		About: "Candidates better by two points that differ on 5, 10 and 20 % of rows: labels of drawn rows until strict evidence proves it, over the share that differs of the rows that the gate takes of rows as they come, at the median of both.",
		Limits: []bar.Limit{
			{Series: "differ_5", Unit: "times the share", Of: bar.Max, Under: 1.25, AtMost: true},
			{Series: "differ_10", Unit: "times the share", Of: bar.Max, Under: 1.25, AtMost: true},
			{Series: "differ_20", Unit: "times the share", Of: bar.Max, Under: 1.25, AtMost: true},
		}, Also: []string{"labels_5", "labels_10", "labels_20", "plain_rows_5", "plain_rows_10", "plain_rows_20", "found_5", "found_10", "found_20", "plain_found_5", "plain_found_10", "plain_found_20"}}, Measure: labelSaving},
}

const (
	labelHistories = 1000
	heldOut        = 200 // Rows that the candidate was judged on before anybody is asked.
	askEvery       = 20  // Labels between two looks.
)

// decided judges the k-th candidate on rows held out, then on labels of rows drawn
// from a frame, until the gate rules or the frame is used up. It says after how many
// labels.
func decided(w pairedWorld, rng *rand.Rand, k, frame int) (hone.Ruling, int) {
	diffs, reach, units := w.draw(rng, heldOut+frame)
	known := map[string]bool{}
	var first []string
	if units != nil {
		first = units[:heldOut]
		for _, u := range first {
			known[u] = true
		}
	}
	p := heldOutOnly(diffs[:heldOut], reach[:heldOut], first)
	var theirs []string
	var own, most []float64 // Of the frame: rows of users that were not judged on.
	for i := heldOut; i < len(diffs); i++ {
		if units != nil {
			if known[units[i]] {
				continue
			}
			theirs = append(theirs, units[i])
		}
		own, most = append(own, diffs[i]), append(most, reach[i])
	}
	order, blocks, limit := stat.Draw(most, theirs, rng.Uint64())
	sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
	d := evaluate.Drawn{Rows: len(own), Differ: len(order), Cap: limit}
	run := hone.Run{Champion: "v1", Decision: hone.Decision{Trigger: hone.OnSchedule}}
	for n := 0; ; {
		e := hone.Evaluation{Candidate: "v2", Champion: "v1", Loss: p, Trivial: 0.5, Replay: healthy, Look: 1, Trial: k}
		e.Asked = evaluate.Weigh(strictModel, sig, sig, []evaluate.Drawn{d})
		r := gate.Rule(strictModel, gate.Judge(strictModel, run, e, k, nil), gate.Rows(e) >= gate.Deadline(strictModel, e))
		if r != hone.Hold || n == len(order) {
			return r, n
		}
		for next := n + askEvery; n < len(order) && (n < next || blocks[n] == blocks[n-1]); n++ {
			wrong := 0.0 // The truth is 0: who says 1 is wrong.
			if own[order[n]] > 0 {
				wrong = 1
			}
			d.Blocks, d.Reach, d.Labels = append(d.Blocks, blocks[n]), append(d.Reach, 1), append(d.Labels, "0")
			d.Candidate, d.Champion = append(d.Candidate, wrong), append(d.Champion, 1-wrong)
		}
		d.Answered = n
	}
}

// heldOutOnly is the paired loss on the rows held out.
func heldOutOnly(diffs, reach []float64, units []string) hone.Paired {
	p := hone.Paired{N: len(diffs), Bound: 1}
	sum, squares := 0.0, 0.0
	for _, d := range diffs {
		sum, squares = sum+d, squares+d*d
	}
	p.Reach = squares / float64(p.N)
	blocks, first := stat.Blocks(p.N, units, nil)
	p.Better, p.Worse, p.Clusters = stat.ClusterBets(diffs, reach, blocks, first)
	p.Diff, p.Lower, p.Upper = stat.MeanInterval(sum, squares, p.N, 0.05)
	p.Candidate, p.Champion = 0.3+p.Diff, 0.3
	return p
}

// labelWorthless counts the histories of candidates that are no better in which any
// is promoted.
func labelWorthless(b *bar.Bench) error {
	for stream, w := range map[uint64]pairedWorld{51: {differ: 0.05}, 52: {differ: 0.05, users: true}, 53: {differ: 0.3}} {
		name := map[uint64]string{51: "independent", 52: "users", 53: "three_in_ten_differ"}[stream]
		b.Keep(name, "% of histories", everPromoted(w, stream))
	}
	b.Note("%d histories of 3 candidates that are equal: %d rows held out, then labels of rows drawn from %d; users of 1 to 10 rows that all fall the same way, whose rows held out keep them out of the frame", labelHistories, heldOut, longest)
	return nil
}

// labelInTime is labelWorthless where rows are alike in time.
func labelInTime(b *bar.Bench) error {
	b.Keep("alike_in_time", "% of histories", everPromoted(pairedWorld{differ: 0.05, alike: 0.8}, 54))
	return nil
}

// everPromoted is the share of histories of three candidates in which any is promoted.
func everPromoted(w pairedWorld, stream uint64) float64 {
	return inParallel(labelHistories, stream, func(rng *rand.Rand) bool {
		for k := 1; k <= 3; k++ {
			if r, _ := decided(w, rng, k, longest); r == hone.Promote {
				return true
			}
		}
		return false
	})
}

// labelSaving compares how many labels a proof takes of rows that are drawn where the
// versions differ, and of rows as they come.
func labelSaving(b *bar.Bench) error {
	for i, differ := range []float64{0.05, 0.1, 0.2} {
		w := pairedWorld{differ: differ, gain: 0.02}
		frame := int(2.5 * float64(stat.NeedForMean(w.gain, differ-w.gain*w.gain)))
		var mu sync.Mutex
		var labels, rows []float64
		keep := func(list *[]float64, r hone.Ruling, n int) bool {
			mu.Lock()
			defer mu.Unlock()
			if r == hone.Promote {
				*list = append(*list, float64(n))
			}
			return r == hone.Promote
		}
		found := inParallel(labelHistories, uint64(60+i), func(rng *rand.Rand) bool {
			r, n := decided(w, rng, 1, frame)
			return keep(&labels, r, n)
		})
		plain := inParallel(labelHistories, uint64(70+i), func(rng *rand.Rand) bool {
			r, n := lookedAt(w, rng, 1, heldOut+frame)
			return keep(&rows, r, n-heldOut)
		})
		slices.Sort(labels)
		slices.Sort(rows)
		if len(labels) == 0 || len(rows) == 0 || rows[len(rows)/2] <= 0 {
			return fmt.Errorf("versions that differ on %v of the rows: %d proven by drawn labels, %d by rows as they come", differ, len(labels), len(rows))
		}
		name := fmt.Sprintf("%.0f", 100*differ)
		b.Keep("differ_"+name, "times the share", labels[len(labels)/2]/(differ*rows[len(rows)/2]))
		b.Keep("labels_"+name, "labels at the median, where found", labels[len(labels)/2])
		b.Keep("plain_rows_"+name, "rows at the median beyond those held out, where found", rows[len(rows)/2])
		b.Keep("found_"+name, "% found", found)
		b.Keep("plain_found_"+name, "% found", plain)
	}
	return nil
}
