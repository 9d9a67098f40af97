package loop

import (
	"context"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
)

// Requests are the rows that somebody was asked to label, and what is said of rows.
type Requests interface {
	LabelRequests(ctx context.Context, model string) ([]hone.LabelRequest, error)
	// Outcomes returns predictions of the given numbers, by these, with what
	// feedback up to another number says of each.
	Outcomes(ctx context.Context, model string, seqs []int64, feedback int64) (map[int64]hone.Outcome, error)
}

// asked tells the rows that somebody was asked to label. They were drawn where two
// versions differ, which is where the champion errs more often than elsewhere:
// their labels would bias all that is read of labels. So each has a control, the
// next prediction of the same frame on which the versions agree and which nobody is
// asked about, and counts once the control has its label: then its own would have
// come anyway.
type asked struct {
	requests []hone.LabelRequest
	rows     map[int64]askedRow
	of       map[int64][]int64 // Rows by their control.
}

// askedRow was asked for after feedback of a number.
type askedRow struct{ feedback, control int64 }

func newAsked(requests []hone.LabelRequest) asked {
	a := asked{requests: requests, rows: map[int64]askedRow{}, of: map[int64][]int64{}}
	for _, r := range requests {
		for _, g := range r.Grants {
			for i, place := range g.Places {
				seq, control := r.Order[place], g.Controls[i]
				a.rows[seq] = askedRow{g.Feedback, control}
				if control != 0 {
					a.of[control] = append(a.of[control], seq)
				}
			}
		}
	}
	return a
}

// recallAsked reads what was asked of the model's labels.
func (k *keeper) recallAsked(ctx context.Context) error {
	requests, err := k.o.Requests.LabelRequests(ctx, k.model.Name)
	k.asked = newAsked(requests)
	return err
}

// labels reads a page of what feedback did to labels, as far as it counts: a label
// that was asked for does so once it would have come anyway.
func (k *keeper) labels(ctx context.Context, after int64, limit int) ([]hone.Outcome, int64, error) {
	os, next, err := k.o.Events.Labels(ctx, k.model.Name, after, limit)
	if err != nil || len(k.asked.rows) == 0 {
		return os, next, err
	}
	out := make([]hone.Outcome, 0, len(os))
	for _, o := range os {
		counts, released, err := k.counting(ctx, &o)
		if err != nil {
			return nil, after, err
		}
		if counts {
			out = append(out, o)
		}
		out = append(out, released...)
	}
	return out, next, nil
}

// counting tells whether a label counts as it comes, and which of those that were
// asked for count with it.
func (k *keeper) counting(ctx context.Context, o *hone.Outcome) (counts bool, released []hone.Outcome, err error) {
	if row, ok := k.asked.rows[o.Seq]; ok && o.LabelSeq > row.feedback {
		k.answered, o.Asked = true, true
		if row.control == 0 || k.model.Label.Infers() { // It counts with its prediction, when that is due.
			return true, nil, nil
		}
		control, err := k.o.Requests.Outcomes(ctx, k.model.Name, []int64{row.control}, o.LabelSeq)
		return control[row.control].Effect != "", nil, err
	}
	waiting := k.asked.of[o.Seq]
	if len(waiting) == 0 || o.Effect != hone.Joined || k.model.Label.Infers() {
		return true, nil, nil
	}
	known, err := k.o.Requests.Outcomes(ctx, k.model.Name, waiting, o.LabelSeq)
	if err != nil {
		return false, nil, err
	}
	for _, seq := range waiting {
		row := known[seq]
		if row.LabelSeq > k.asked.rows[seq].feedback && row.Label != "" {
			released = append(released, cameWith(row, *o))
		}
	}
	return true, released, nil
}

// cameWith is a label that was asked for as it would have come: with its control's.
func cameWith(row, control hone.Outcome) hone.Outcome {
	row.Asked, row.Effect = true, hone.Joined
	row.LabelSeq, row.LabelReceived = control.LabelSeq, control.LabelReceived
	if control.LabelTime.After(row.LabelTime) {
		row.LabelTime = control.LabelTime
	}
	return row
}

// scan reads every kept prediction with its label, as far as that counts.
func (k *keeper) scan(ctx context.Context, predictions, feedback int64, fn func(hone.Outcome) error) error {
	if err := k.recallAsked(ctx); err != nil {
		return err
	}
	if len(k.asked.rows) == 0 || k.model.Label.Infers() {
		return k.o.Events.Scan(ctx, k.model.Name, predictions, feedback, fn)
	}
	var controls []int64
	for seq := range k.asked.of {
		controls = append(controls, seq)
	}
	known, err := k.o.Requests.Outcomes(ctx, k.model.Name, controls, feedback)
	if err != nil {
		return err
	}
	return k.o.Events.Scan(ctx, k.model.Name, predictions, feedback, func(o hone.Outcome) error {
		row, ok := k.asked.rows[o.Seq]
		if !ok || o.Effect == "" || o.LabelSeq <= row.feedback || row.control == 0 {
			return fn(o)
		}
		control := known[row.control]
		if control.Effect == "" {
			return fn(hone.Outcome{Prediction: o.Prediction})
		}
		o.Asked = true
		if control.LabelTime.After(o.LabelTime) {
			o.LabelTime = control.LabelTime
		}
		return fn(o)
	})
}

// byRun are the requests of a run.
func (a asked) byRun(id hone.RunID) (out []hone.LabelRequest) {
	for _, r := range a.requests {
		if r.Run == id {
			out = append(out, r)
		}
	}
	return out
}

// frames tells rows that are judged by what was drawn for a run, and not by
// themselves: those of its frames, and later ones of users who are in a frame, since
// they say again what was said.
type frames struct {
	requests []hone.LabelRequest
	users    map[string]bool
}

// hold is told all outcomes in the order of the log.
func (f frames) hold(o hone.Outcome) bool {
	for _, r := range f.requests {
		if r.From < o.Seq && o.Seq <= r.To {
			if o.Unit != "" {
				f.users[o.Unit] = true
			}
			return o.Asked || o.Effect == "" || o.LabelSeq > r.Feedback
		}
	}
	return f.users[o.Unit]
}

// drawn is what the requests of a run have come to.
func (k *keeper) drawn(ctx context.Context, run hone.Run, requests []hone.LabelRequest, feedback int64) ([]evaluate.Drawn, error) {
	var out []evaluate.Drawn
	for _, r := range requests {
		known, err := k.o.Requests.Outcomes(ctx, k.model.Name, r.Order, feedback)
		if err != nil {
			return nil, err
		}
		answered := 0
		for _, seq := range handed(r) {
			if o, kept := known[seq]; !kept || o.Label != "" {
				answered++
			}
		}
		n := 0 // Up to the end of the cluster of the last that has a label.
		for i, seq := range r.Order {
			if known[seq].Label != "" || n == i && i > 0 && r.Blocks[i] == r.Blocks[i-1] {
				n = i + 1
			}
		}
		d := evaluate.Drawn{Request: r.ID, Answered: answered, Rows: r.Rows, Differ: len(r.Order), Cap: r.Cap, Blocks: r.Blocks[:n], Reach: r.Reach[:n]}
		if err := k.answersOf(ctx, run, r.Order[:n], known, &d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// answersOf fills in the labels of rows, and what both versions say of them.
func (k *keeper) answersOf(ctx context.Context, run hone.Run, seqs []int64, known map[int64]hone.Outcome, d *evaluate.Drawn) error {
	var rows []dataset.Row
	at := map[int64]int{} // Where each row stands among those that are kept.
	for _, seq := range seqs {
		if o, ok := known[seq]; ok {
			at[seq] = len(rows)
			rows = append(rows, rowOf(o))
		}
	}
	f, err := k.frameOf(rows)
	if err != nil {
		return err
	}
	cand, err := k.side(ctx, run.Twin, f)
	if err != nil {
		return err
	}
	champ, err := k.side(ctx, run.Champion, f)
	if err != nil {
		return err
	}
	prices := k.model.Loss.Prices(f)
	for _, seq := range seqs {
		i, ok := at[seq]
		if !ok {
			d.Labels, d.Prices = append(d.Labels, ""), append(d.Prices, 0)
			d.Candidate = append(d.Candidate, make([]float64, cand.Scores.Width)...)
			d.Champion = append(d.Champion, make([]float64, champ.Scores.Width)...)
			continue
		}
		d.Labels, d.Prices = append(d.Labels, known[seq].Label), append(d.Prices, prices[i])
		d.Candidate = append(d.Candidate, cand.Scores.Row(i)...)
		d.Champion = append(d.Champion, champ.Scores.Row(i)...)
	}
	return nil
}

// answersDue tells whether enough of what was asked for is known to look at the run
// again: all of it, or a good part more than at the last look.
func (k *keeper) answersDue(ctx context.Context, run hone.Run) (bool, error) {
	if !k.answered || k.work != nil || k.o.Clock.Now().Before(k.retryAt) {
		return false, nil
	}
	k.answered = false
	given, now, err := k.answers(ctx, k.asked.byRun(run.ID))
	before := 0
	if run.Evaluation != nil && run.Evaluation.Asked != nil {
		before = run.Evaluation.Asked.Answered
	}
	return now > before && (now >= given || now-before >= max(20, given/4)), err
}

// answers counts the rows that were handed out, and those of them with a label.
func (k *keeper) answers(ctx context.Context, requests []hone.LabelRequest) (given, known int, err error) {
	_, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	for _, r := range requests {
		seqs := handed(r)
		os, e := k.o.Requests.Outcomes(ctx, k.model.Name, seqs, feedback)
		if err == nil {
			err = e
		}
		given += len(seqs)
		for _, seq := range seqs {
			if o, kept := os[seq]; !kept || o.Label != "" { // What is not kept is not waited for.
				known++
			}
		}
	}
	return given, known, err
}

// handed are the predictions that were handed out, in the order of the draw.
func handed(r hone.LabelRequest) (seqs []int64) {
	for _, g := range r.Grants {
		for _, place := range g.Places {
			seqs = append(seqs, r.Order[place])
		}
	}
	return seqs
}
