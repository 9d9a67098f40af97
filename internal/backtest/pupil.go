package backtest

import (
	"context"
	"slices"

	"hone"
	"hone/internal/train/continuous"
)

// pupil learns the labels of a reign as they come, as the product's continuous learner
// does: it begins from the rows of each champion, and after so many labels it is frozen.
// The newest snapshot is a rival of the champion, and stands behind the champions of the
// grid, which is a copy.
type pupil struct {
	g       *Grid
	sig     hone.Signature
	every   int
	learner *continuous.Learner // Nil where none could begin.
	like    int                 // The champion whose rows it began from.
	learned int                 // Labels since then,
	at      int                 // and when it was frozen last.
	frozen  int                 // The newest snapshot, and the one before; -1 where there is
	before  int                 // none.
	keep    int                 // One that is on its way to the traffic.
	states  map[int][]byte      // By snapshot.
}

func newPupil(g *Grid, sig hone.Signature, every int) *pupil {
	sig.Features = g.Rows.Schema
	copied := &Grid{Stream: g.Stream, From: g.From, Wrong: g.Wrong, Off: g.Off, Counted: g.Counted,
		champions: slices.Clone(g.champions), before: g.before, original: g.original, faults: g.faults, learning: true}
	return &pupil{g: copied, sig: sig, every: every, frozen: -1, before: -1, states: map[int][]byte{}}
}

// begin takes up learning beside a champion: from its rows, or where it is a snapshot from
// what that knew.
func (p *pupil) begin(champion int) {
	c := &p.g.champions[champion]
	p.frozen, p.before, p.learner = -1, -1, nil
	if state := p.states[champion]; state != nil {
		p.like, p.at = c.like, p.learned
		if l, err := continuous.Read(state, p.sig); err == nil {
			p.learner = l
		}
		return
	}
	p.like, p.learned, p.at = champion, 0, 0
	rows := continuous.Rows{Frame: pick(p.g.Rows, c.set), Targets: values(p.g.Targets, c.set), Weights: values(p.g.Weights, c.set)}
	if l, err := continuous.Begin(context.Background(), p.sig, rows, map[string]any{}); err == nil {
		p.learner = l
	}
}

// learn takes rows whose labels came, once the snapshot was asked about them, and freezes
// the learner where that is due.
func (p *pupil) learn(rows []int) {
	if p.learner == nil || len(rows) == 0 {
		return
	}
	labels, weights := make([]string, len(rows)), make([]float64, len(rows))
	for k, i := range rows {
		labels[k], weights[k] = p.sig.Classes[int(p.g.Targets[i])], p.g.weight(i)
	}
	p.learned += p.learner.Learn(pick(p.g.Rows, rows), labels, weights)
	if p.learned-p.at >= p.every {
		p.freeze(slices.Max(rows) + 1)
	}
}

// freeze makes a snapshot that answers from a row on.
func (p *pupil) freeze(start int) {
	p.at = p.learned
	model, err := p.learner.Freeze()
	if err != nil {
		return
	}
	state, err := p.learner.Marshal()
	if err != nil {
		return
	}
	end := p.g.at(p.g.Batches())
	out := make([]float64, (end-start)*p.g.width())
	model.Predict(p.g.Rows.Slice(start, end), out)
	c := champion{set: p.g.champions[p.like].set, start: start, scores: narrow(out), lost: make([]float32, end-start), like: p.like}
	for k := range c.lost {
		if i := start + k; p.g.known(i) < never {
			c.lost[k] = float32(p.g.loss(i, out[k*p.g.width():(k+1)*p.g.width()]))
		}
	}
	if p.before >= 0 && p.before != p.keep { // It was never champion: nobody asks it again.
		p.g.champions[p.before].scores, p.g.champions[p.before].lost = nil, nil
		delete(p.states, p.before)
	}
	p.g.champions = append(p.g.champions, c)
	p.before, p.frozen = p.frozen, len(p.g.champions)-1
	p.states[p.frozen] = state
}

// rival is what the snapshot would have saved on rows against the live champion.
func (p *pupil) rival(live int, rows []int) []hone.Rival {
	if p.frozen < 0 {
		return nil
	}
	start := p.g.champions[p.frozen].start
	rows = slices.DeleteFunc(slices.Clone(rows), func(i int) bool { return i < start })
	out := p.g.contest(live, []int{p.frozen}, rows)
	out[0].Learner = true
	return out
}
