package backtest

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/gate"
	"hone/internal/monitor"
	"hone/internal/rollout"
)

// Stages are what stands between a champion that was trained and the traffic: the
// model's gates, its rollout and its probation, as they are configured. All of them
// count rows, and training takes no time.
type Stages struct {
	Model     hone.Model     // Where it learns continuously, so does what is played.
	Signature hone.Signature // Of all champions.
	Prices    []float64      // Of a wrong answer, by row, where the loss has such; else nil.
}

// Played is what came of a model that went through its stages.
type Played struct {
	Lost float64 // By what was served, on rows with a label.
	Cost float64 // With what was paid for trainings and returns, also those that came to nothing.
	// Trained and Returned are the runs by what they began with.
	Trained, Returned int
	// Rejected by the gate, RolledBack on the way, TakenBack on probation.
	Rejected, RolledBack, TakenBack int
}

// Play lets the rule of Whole decide, and sends what it asks for through the product's
// gate, rollout and probation, a row at a time: until all of them let it, the champion
// before answers. The gate judges a twin that was trained a batch earlier, on the labels
// that came since; labels arrive as the stream has them.
func (g *Grid) Play(r Rule, s Stages, price float64) Played {
	p := g.play(r, s, price)
	p.Lost = sum(p.lost)
	p.Cost = sum(p.cost(price))
	p.Trained, p.Returned = p.trained, p.returned
	return p.Played
}

func (g *Grid) play(r Rule, s Stages, price float64) *play {
	p := &play{whole: newWhole(g, r, price), Stages: s, course: newCourse(g.Batches()), from: g.champions[0].start}
	p.whole.model.Name = s.Model.Name
	if every := s.Model.Train.Continuous; every > 0 {
		p.pupil = newPupil(g, s.Signature, every)
		g, p.g = p.pupil.g, p.pupil.g
		p.pupil.begin(0)
	}
	labels := g.upTo(g.at(0)) // That have come.
	for b := range g.Batches() {
		for i := g.at(b); i < g.at(b+1); i++ {
			p.serve(b, i)
			from := labels
			for labels < len(g.arrived) && g.known(g.arrived[labels]) <= i+1 {
				labels++
			}
			p.hear(g.arrived[from:labels], i+1)
		}
		if b+1 < g.Batches() {
			p.decide(b + 1)
		}
	}
	return p
}

// play is a model under way.
type play struct {
	*whole
	Stages
	Played
	course

	from   int   // The first row whose label the live champion's probe reads.
	ripe   []int // Rows whose labels came since the last look.
	run    *trip
	watch  *hone.Watch
	vigil  *pair
	proven int // The newest champion before that survived its probation, or is it.
}

// trip is a candidate on its way.
type trip struct {
	hone.Run
	candidate int
	twin      champion
	unseen    []int // Rows that judge it.
	arms      hone.Health
	duel      *pair
}

// pair holds two champions against each other on labels.
type pair struct {
	*monitor.Duel
	a, b int
	from int // The first row that counts.
}

// serve answers a row, by the live champion or by one on its way.
func (p *play) serve(batch, i int) {
	who := p.live
	if t := p.run; t != nil && t.Rollout != nil {
		step := t.Rollout.Steps[t.Rollout.Step]
		arm := &t.arms.Control
		switch {
		case step.Shadow > 0:
			arm = &t.arms.Canary
			if agree := p.answer(t.candidate, i) == p.answer(p.live, i); agree {
				t.arms.Agree++
			}
		case coin(t.Number, i) < step.Weight:
			who, arm = t.candidate, &t.arms.Canary
		}
		arm.Requests++
	}
	if p.g.known(i) == never {
		return
	}
	lost := p.g.lost(who, i)
	p.lost[batch] += lost
	if p.g.Headline != nil {
		lost = p.g.weight(i) * p.g.Headline(i, p.g.scores(who, []int{i}, nil))
	}
	p.off[batch] += lost
}

// coin is a number from 0 to 1 by which a row goes to one side or the other.
func coin(run, row int) float64 {
	x := uint64(run)<<32 ^ uint64(row)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

func (p *play) answer(m, row int) string {
	return p.Signature.Answer(p.g.scores(m, []int{row}, nil))
}

// looks is after how many rows guards look.
const looks = 10

// hear takes labels that came, once so many rows are served, and moves what waits for
// them or for rows.
func (p *play) hear(rows []int, served int) {
	for _, i := range rows {
		if i >= p.from {
			p.ripe = append(p.ripe, i)
		}
		if p.run != nil {
			p.add(p.run.duel, i)
			if p.run.State == hone.Deciding {
				p.run.unseen = append(p.run.unseen, i)
			}
		}
		p.add(p.vigil, i)
	}
	if served%looks != 0 {
		return
	}
	p.guard(served)
	if p.run != nil && p.run.Rollout != nil {
		p.roll(served)
	}
}

func (p *play) add(d *pair, row int) {
	if d == nil || row < max(d.from, p.g.champions[d.a].start, p.g.champions[d.b].start) {
		return
	}
	d.Add(monitor.Row{Label: p.label(row), Price: p.priceOf(row), A: p.g.scores(d.a, []int{row}, nil), B: p.g.scores(d.b, []int{row}, nil), Weight: p.g.weight(row)})
}

func (p *play) label(row int) string {
	if p.Signature.Task == hone.Regression {
		return strconv.FormatFloat(p.g.Targets[row], 'g', -1, 64)
	}
	return p.Signature.Classes[int(p.g.Targets[row])]
}

func (p *play) priceOf(row int) float64 {
	if p.Prices == nil {
		return 0
	}
	return p.Prices[row]
}

func (p *play) pair(a, b, from int) *pair {
	return &pair{Duel: monitor.NewDuel(p.Model.Loss, p.g.unit(), p.Signature, p.Signature), a: a, b: b, from: from}
}

// decide looks at the labels of a batch, and at the candidate that waits for some.
func (p *play) decide(batch int) {
	d := p.look(p.ripe)
	p.ripe = nil
	if p.run == nil && d.Start {
		p.begin(d, batch)
	}
	if p.run != nil && p.run.State == hone.Deciding {
		p.judge(batch)
	}
}

// begin sends a candidate on its way: one that comes back, or one that is trained.
func (p *play) begin(d hone.Decision, batch int) {
	t := &trip{candidate: chosen(d, batch)}
	t.Run = hone.Run{Number: len(p.runs) + 1, State: hone.Deciding, Decision: d, Champion: versionID(p.live), Candidate: versionID(t.candidate)}
	p.run = t
	earlier := batch - 1
	if d.Reuse != "" {
		p.returned++
		p.paid[earlier] += ReuseShare
		t.twin = p.g.champions[t.candidate]
		if p.pupil != nil {
			p.pupil.keep = t.candidate
		}
	} else {
		p.trained++
		p.paid[earlier]++
		t.twin = p.g.twin(batch, earlier)
	}
	t.unseen = slices.Clone(p.g.arrived[p.g.upTo(p.g.at(earlier)):p.g.upTo(p.g.at(batch))])
}

// judge asks the gate.
func (p *play) judge(batch int) {
	t := p.run
	least := max(t.twin.start, p.g.champions[p.live].start)
	rows := slices.DeleteFunc(slices.Clone(t.unseen), func(i int) bool { return i < least })
	side := func(version hone.VersionID, c *champion) evaluate.Side {
		return evaluate.Side{Version: version, Signature: p.Signature, Scores: hone.Scores{Width: p.Signature.Width(), V: c.on(rows, p.Signature.Width(), nil)}}
	}
	champ := side(t.Champion, &p.g.champions[p.live])
	labels := make([]string, len(rows))
	for k, i := range rows {
		labels[k] = p.label(i)
	}
	e := evaluate.Compare(p.Model, side(t.Candidate, &t.twin), &champ, evaluate.Rows{Frame: pick(p.g.Rows, rows), Labels: labels, Weights: values(p.g.Weights, rows), Prices: values(p.Prices, rows)})
	e.Replay = hone.Replay{Requests: 300, Candidate: 1, Champion: 1, CandidateP50: 1, ChampionP50: 1, CandidateMem: 1, ChampionMem: 1} // Alike.
	verdicts := gate.Judge(p.Model, t.Run, e, p.tries(), nil)
	ruling := gate.Rule(p.Model, verdicts, len(rows) >= gate.Deadline(p.Model, e))
	switch ruling {
	case hone.Reject:
		p.Rejected++
		p.close(hone.Rejected)
	case hone.Promote:
		if p.Model.Evidence == hone.Strict && t.Decision.Reuse == "" {
			t.candidate = batch // Trained again, on all rows.
			t.Candidate = versionID(batch)
		}
		r := rollout.Begin(p.Model, t.Candidate, t.Decision, time.Time{}, int64(p.g.at(batch)), fmt.Sprint(t.Number))
		t.State, t.Rollout, t.duel = hone.Shadowing, &r, p.pair(t.candidate, p.live, 0)
		p.roll(p.g.at(batch))
	}
}

// tries are the candidates since the last that survived its probation.
func (p *play) tries() int {
	n := 1
	for _, r := range p.runs {
		if r.Ending == hone.Promoted {
			break
		}
		n++
	}
	return n
}

// close ends a run.
func (p *play) close(ending hone.Ending) {
	r := p.run.Run
	r.State, r.Ending = hone.Closed, ending
	p.runs = slices.Insert(p.runs, 0, r)
	p.run = nil
}

// roll moves the rollout.
func (p *play) roll(served int) {
	t := p.run
	t.arms.Quality = t.duel.Paired()
	at := t.Rollout.Step
	next, action, _ := rollout.Advance(p.Model, *t.Rollout, t.arms, time.Time{}, int64(served))
	t.Rollout = &next
	switch action {
	case rollout.Rollback:
		p.RolledBack++
		p.close(hone.RolledBack)
	case rollout.Promote:
		p.crown(served)
	case rollout.StepOn:
		if next.Step != at {
			t.arms = hone.Health{}
		}
	}
}

// crown lets a candidate take all of the traffic, on probation.
func (p *play) crown(served int) {
	t := p.run
	if p.watch == nil || p.watch.Over {
		p.proven = p.live
	}
	p.close(hone.Promoted)
	p.turns = append(p.turns, turn{row: served, champion: t.candidate, returns: t.Decision.Reuse != "", why: t.Decision.Sentence})
	p.turn(t.candidate, served)
	if t.Decision.Reuse == "" {
		p.from = p.g.champions[t.candidate].start
	}
	p.watch = &hone.Watch{Version: t.Candidate, Previous: versionID(p.proven), Proven: versionID(p.proven), Labels: p.Model.Rollout.Probation.Labels}
	p.vigil = p.pair(t.candidate, p.proven, served)
}

// turn makes a champion the live one.
func (p *play) turn(champion, served int) {
	p.activate(champion, 0)
	p.from, p.ripe, p.watch, p.vigil = served, nil, nil, nil
}

// guard looks at a champion on probation.
func (p *play) guard(served int) {
	if p.watch == nil || p.watch.Over {
		return
	}
	next, back := rollout.WatchStep(*p.watch, p.vigil.Paired())
	p.watch = &next
	if !back {
		return
	}
	p.TakenBack++
	for i := range p.runs {
		if p.runs[i].Candidate == next.Version && p.runs[i].Ending == hone.Promoted {
			p.runs[i].Ending = hone.RolledBack
			break
		}
	}
	if p.run != nil { // It was to be held against one that is gone.
		p.close(hone.Cancelled)
	}
	p.turns = append(p.turns, turn{row: served, champion: p.proven, returns: true, why: next.Sentence})
	p.turn(p.proven, served)
}
