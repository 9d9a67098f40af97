package loop

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/gate"
	"hone/internal/say"
	"hone/internal/stat"
)

const (
	// maxFrame bounds how many of the newest predictions are asked about.
	maxFrame = 20_000
	// leastLabels is how many are asked for at least: fewer tell next to nothing.
	leastLabels = 20
)

// Label hands out the rows whose labels would decide the run under way: n of them
// in all, or (0) as many as it needs. Asked again it names the same rows, until all
// of them have their label.
func (l *Loop) Label(ctx context.Context, model, by string, n int) (Handout, error) {
	var err error
	for range 3 { // Somebody else may ask at the same time.
		var h Handout
		if h, err = l.label(ctx, model, by, n); err == nil || !errors.Is(err, errAskedMeanwhile) {
			return h, err
		}
	}
	return Handout{}, err
}

var errAskedMeanwhile error = &hone.Error{Code: hone.Conflict, Message: "somebody else asked for labels of this run meanwhile", Hint: "repeat"}

func (l *Loop) label(ctx context.Context, model, by string, n int) (Handout, error) {
	v, err := l.View(model)
	if err != nil {
		return Handout{}, err
	}
	if v.Run == nil || v.Run.State != hone.Deciding || len(v.Run.Verdicts) == 0 || v.Run.Evaluation == nil || v.Run.Champion == "" {
		return Handout{}, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("no run of %s waits for labels", model), Hint: "`hone status` says what it does"}
	}
	plain := gate.Wanted(v.Run.Verdicts)
	if plain == 0 {
		return Handout{}, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s waits, and labels of single rows would not decide it", v.Run.ID), Hint: "`hone show " + string(v.Run.ID) + "` says what it waits for"}
	}
	k := &keeper{o: l.o, model: v.Model, champion: v.Champion, spoke: v.Heard, log: l.o.Log}
	if k.schemas, err = l.o.Hints.Schemas(ctx, model); err != nil {
		return Handout{}, err
	}
	if err := k.recallAsked(ctx); err != nil {
		return Handout{}, err
	}
	requests := k.asked.byRun(v.Run.ID)
	r, err := k.more(ctx, *v.Run, requests, by, n, plain)
	if err != nil {
		return Handout{}, err
	}
	if r != nil {
		if _, err := l.Act(ctx, model, Act{Do: ask, By: by, Run: v.Run.ID, Request: r}); err != nil {
			return Handout{}, err
		}
		requests = slices.DeleteFunc(requests, func(old hone.LabelRequest) bool { return old.ID == r.ID })
		requests = append(requests, *r)
	}
	return k.handout(ctx, *v.Run, requests, plain)
}

// more is the request that hands out the rows that are still lacking; nil where
// none are.
func (k *keeper) more(ctx context.Context, run hone.Run, requests []hone.LabelRequest, by string, n, plain int) (*hone.LabelRequest, error) {
	given, known, err := k.answers(ctx, requests)
	if err != nil || n == 0 && known < given || n > 0 && n <= given {
		return nil, err
	}
	var r hone.LabelRequest
	if len(requests) > 0 {
		r = requests[len(requests)-1]
	}
	if next(r) == len(r.Order) {
		if r, err = k.draw(ctx, run, requests); err != nil {
			return nil, err
		}
	}
	want := n - given
	if n == 0 {
		want = max(leastLabels, int(math.Ceil(float64(plain)*float64(len(r.Order))/float64(r.Rows))))
	}
	return k.grant(ctx, r, by, want)
}

// next is the first place in the order of a request from which on nothing was
// handed out.
func next(r hone.LabelRequest) int {
	n := 0
	for _, g := range r.Grants {
		for _, place := range g.Places {
			n = max(n, place+1)
		}
	}
	for n > 0 && n < len(r.Order) && r.Blocks[n] == r.Blocks[n-1] {
		n++ // Rows of a cluster that had their label go with the others.
	}
	return n
}

// draw begins a request: of the newest predictions without a label, which nobody
// was asked about for this run, those whose label can tell, in random order.
func (k *keeper) draw(ctx context.Context, run hone.Run, requests []hone.LabelRequest) (hone.LabelRequest, error) {
	r := hone.LabelRequest{ID: fmt.Sprintf("%s.%d", run.ID, len(requests)+1), Model: k.model.Name, Run: run.ID, Candidate: run.Twin, Champion: run.Champion,
		Uniform: !evaluate.Decides(k.model.Loss)}
	rows, err := k.unlabelled(ctx, run, requests, &r)
	if err != nil {
		return r, err
	}
	f, err := k.frameOf(rows)
	if err != nil {
		return r, err
	}
	cand, err := k.side(ctx, run.Twin, f)
	if err != nil {
		return r, err
	}
	champ, err := k.side(ctx, run.Champion, f)
	if err != nil {
		return r, err
	}
	reach := evaluate.Reach(k.model, cand, champ, k.model.Loss.Prices(f), run.Evaluation.Loss.Bound)
	units := make([]string, len(rows))
	for i, row := range rows {
		units[i] = row.Unit
	}
	// What nobody chose: the dataset's hash. The same frame is drawn alike again.
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", r.ID, run.Dataset, r.To, r.Feedback))
	r.Seed = binary.LittleEndian.Uint64(sum[:]) >> 11 // As many bits as every reader of JSON keeps.
	order, blocks, limit := stat.Draw(reach, units, r.Seed)
	for _, i := range order {
		r.Order, r.Reach = append(r.Order, rows[i].Seq), append(r.Reach, reach[i])
	}
	r.Blocks, r.Cap = blocks, limit
	if len(r.Order) == 0 {
		return r, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s and %s answer alike on all %s without a label: no label of them can tell which is better", run.Twin, run.Champion, say.Count(r.Rows, "prediction", "predictions")),
			Hint: "wait for more traffic, or `hone cancel " + string(run.ID) + "`"}
	}
	return r, nil
}

// unlabelled reads the frame of a request, in the order of the log.
func (k *keeper) unlabelled(ctx context.Context, run hone.Run, requests []hone.LabelRequest, r *hone.LabelRequest) ([]dataset.Row, error) {
	_, c, err := k.thaw(ctx, run)
	if err != nil {
		return nil, err
	}
	last := c.Holdout.Times[c.Holdout.Len()-1]
	heard := func(string) bool { return false }
	if ev, err := k.evidence(run); err != nil {
		return nil, err
	} else if ev != nil {
		heard = ev.Users()
	}
	for _, old := range requests {
		r.From = max(r.From, old.To)
	}
	if r.To, r.Feedback, _, err = k.o.Events.LastSeq(ctx, k.model.Name); err != nil {
		return nil, err
	}
	var rows []dataset.Row
	now := k.o.Clock.Now()
	err = k.scan(ctx, r.To, r.Feedback, func(o hone.Outcome) error {
		if o.Seq <= r.From || o.Effect != "" || o.Route == hone.Imported || !o.Time.After(last) || len(o.Features) == 0 || heard(o.Unit) {
			return nil
		}
		if _, presumed := k.counted(o, k.spoke, now); presumed {
			return nil
		}
		if rows = append(rows, rowOf(o)); len(rows) >= 2*maxFrame {
			rows = slices.Delete(rows, 0, len(rows)-maxFrame)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows = rows[max(0, len(rows)-maxFrame):]
	if r.Rows = len(rows); r.Rows == 0 {
		return nil, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has no prediction without a label that is newer than the rows that %s was judged on, and of another user", k.model.Name, run.ID),
			Hint: "its labels come by themselves: the run looks again as they do"}
	}
	r.From = max(r.From, rows[0].Seq-1)
	return rows, nil
}

// grant hands out about so many more rows of a request, in whole clusters; those
// that have got their label meanwhile need not be.
func (k *keeper) grant(ctx context.Context, r hone.LabelRequest, by string, want int) (*hone.LabelRequest, error) {
	g := hone.LabelGrant{At: k.o.Clock.Now(), By: by, Places: []int{}, Controls: []int64{}}
	var err error
	if _, g.Feedback, _, err = k.o.Events.LastSeq(ctx, k.model.Name); err != nil {
		return nil, err
	}
	begin := next(r)
	known, err := k.o.Requests.Outcomes(ctx, k.model.Name, r.Order[begin:], g.Feedback)
	if err != nil {
		return nil, err
	}
	for i := begin; i < len(r.Order); i++ {
		if len(g.Places) >= want && r.Blocks[i] != r.Blocks[i-1] {
			break
		}
		if o, kept := known[r.Order[i]]; kept && o.Label == "" {
			g.Places = append(g.Places, i)
		}
	}
	if len(g.Places) == 0 {
		return nil, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("all rows whose labels could decide %s have theirs", r.Run), Hint: "wait for more traffic: the run looks again as labels come"}
	}
	controls, err := k.controls(ctx, r, g.Feedback)
	if err != nil {
		return nil, err
	}
	for _, place := range g.Places {
		g.Controls = append(g.Controls, beside(controls, r.Order[place]))
	}
	r.Grants = append(slices.Clip(r.Grants), g)
	return &r, nil
}

// controls are the predictions of a frame, in rising order, on which both versions
// agree and that have no label yet.
func (k *keeper) controls(ctx context.Context, r hone.LabelRequest, feedback int64) (out []int64, err error) {
	drawn := map[int64]bool{}
	for _, seq := range r.Order {
		drawn[seq] = true
	}
	err = k.o.Events.Scan(ctx, k.model.Name, r.To, feedback, func(o hone.Outcome) error {
		if o.Seq > r.From && o.Effect == "" && o.Route != hone.Imported && !drawn[o.Seq] {
			out = append(out, o.Seq)
		}
		return nil
	})
	return out, err
}

// beside is the first of rising numbers after one, or the last of all; 0 where
// there is none.
func beside(numbers []int64, seq int64) int64 {
	if len(numbers) == 0 {
		return 0
	}
	i, _ := slices.BinarySearch(numbers, seq)
	return numbers[min(i, len(numbers)-1)]
}

// frameOf decodes rows.
func (k *keeper) frameOf(rows []dataset.Row) (*frame.Frame, error) {
	features := make([][]byte, len(rows))
	for i, row := range rows {
		features[i] = row.Features
	}
	return k.decoder().Frame(features)
}

// Asked are the predictions of a model that somebody was asked to label, by number.
func (l *Loop) Asked(ctx context.Context, model string) (map[int64]bool, error) {
	requests, err := l.o.Requests.LabelRequests(ctx, model)
	out := map[int64]bool{}
	for _, r := range requests {
		for _, seq := range handed(r) {
			out[seq] = true
		}
	}
	return out, err
}

// keepAsked records what was handed out.
func (k *keeper) keepAsked(ctx context.Context, a Act) (string, error) {
	r := a.Request
	i := slices.IndexFunc(k.asked.requests, func(old hone.LabelRequest) bool { return old.ID == r.ID })
	before := 0
	if i >= 0 {
		before = len(k.asked.requests[i].Grants)
	}
	if before != len(r.Grants)-1 {
		return "", errAskedMeanwhile
	}
	if k.run.State != hone.Deciding {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s does not wait for labels any more", r.Run), Hint: "`hone show " + string(r.Run) + "` says where it stands"}
	}
	n := len(r.Grants[len(r.Grants)-1].Places)
	e := hone.Event{Actor: a.By, Action: "labels.asked", Run: r.Run, Version: r.Candidate,
		Sentence: fmt.Sprintf("%s asked for the labels of %s that may decide %s, drawn from %s.", a.By, say.Count(n, "row", "rows"), r.Run, say.Count(r.Rows, "prediction", "predictions")),
		Data:     marshal(map[string]any{"request": r.ID, "seed": r.Seed, "rows": r.Rows, "differ": len(r.Order), "uniform": r.Uniform, "handed_out": n, "places": next(*r), "feedback_seq": cmp.Or(r.Grants[len(r.Grants)-1].Feedback, r.Feedback)})}
	if err := k.put(ctx, hone.Change{Request: r, Event: e}); err != nil {
		return "", err
	}
	return e.Sentence, k.recallAsked(ctx)
}
