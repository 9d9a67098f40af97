package main

import (
	"context"
	"sort"
	"time"

	"hone"
)

// parts is how many stretches the stream is cut into, and horizon the number of
// rows after a run over which its candidate is held against the champion.
const (
	parts   = 30
	horizon = 2000
)

// Report is what a stream came to.
type Report struct {
	Command    string    `json:"command"`
	Began      time.Time `json:"began"`
	Seconds    float64   `json:"seconds"`
	Load       string    `json:"load_average"`
	CPUs       int       `json:"cpus"`
	File       string    `json:"file"`
	Rows       int       `json:"rows"`
	History    int       `json:"history_rows"`
	Skipped    int       `json:"skipped_rows"`
	DelayRows  int       `json:"delay_rows"`
	Cost       float64   `json:"retrain_cost"`
	Stalls     int       `json:"stalls"`
	Lines      []Line    `json:"lines"`
	Runs       []Run     `json:"runs"`
	Promoted   int       `json:"promoted"`
	Rejected   int       `json:"rejected"`
	RolledBack int       `json:"rolled_back"`
	Others     int       `json:"other_endings"`
	Worthless  int       `json:"worthless_promotions"`
}

// Line is one way of answering the rows that were played.
type Line struct {
	Name     string  `json:"name"`
	Accuracy float64 `json:"accuracy"`
	Errors   int     `json:"errors"`
	Retrains int     `json:"retrains"`
	// Cost is retrains × price + errors.
	Cost  float64   `json:"cost"`
	Parts []float64 `json:"accuracy_parts"`
}

// Run is one trip round the loop, by rows of the file.
type Run struct {
	Number    int            `json:"number"`
	Reason    string         `json:"reason"`
	Ending    hone.Ending    `json:"ending"`
	Why       string         `json:"why"`
	Champion  hone.VersionID `json:"champion"`
	Candidate hone.VersionID `json:"candidate,omitempty"`
	Began     int            `json:"began_row"`
	Ended     int            `json:"ended_row"`
	Train     int            `json:"train_rows"`
	Holdout   int            `json:"holdout_rows"`
	Suffix    int            `json:"suffix_rows"`
	Window    string         `json:"window_by,omitempty"`
	// Diff is what the gate saw: loss a row of the twin less the champion's.
	Diff     float64 `json:"gate_difference"`
	Training float64 `json:"training_seconds"`
	// Promised is what the trigger thought that a retrain would win on as many
	// rows as Over, and Missed what the candidate would have won while the run and
	// its rollout were under way.
	Promised float64 `json:"promised"`
	Missed   int     `json:"missed"`
	// Won counts the right answers that the candidate has over the champion on the
	// rows after the run, Over of them; it is known for linear models only.
	Won  int `json:"won"`
	Over int `json:"over_rows"`
}

// line counts the answers of rows from on.
func line(name string, answers, labels []string, from, retrains int, price float64) Line {
	l := Line{Name: name, Retrains: retrains, Parts: make([]float64, parts)}
	n := len(labels) - from
	for k := range parts {
		a, b := from+k*n/parts, from+(k+1)*n/parts
		wrong := 0
		for i := a; i < b; i++ {
			if answers[i] != labels[i] {
				wrong++
			}
		}
		l.Errors += wrong
		if b > a {
			l.Parts[k] = 1 - float64(wrong)/float64(b-a)
		}
	}
	l.Accuracy = 1 - float64(l.Errors)/float64(max(n, 1))
	l.Cost = price*float64(retrains) + float64(l.Errors)
	return l
}

// won counts the right answers of a over those of b in rows [from, to).
func won(a, b, labels []string, from, to int) (n int) {
	for i := from; i < to; i++ {
		if a[i] == labels[i] {
			n++
		}
		if b[i] == labels[i] {
			n--
		}
	}
	return n
}

// count sums up the runs. A promotion that won nothing is worthless; one whose
// worth is not known is not counted.
func (r *Report) count() (retrains int) {
	for _, run := range r.Runs {
		switch run.Ending {
		case hone.Promoted:
			r.Promoted++
			if run.Over > 0 && run.Won <= 0 {
				r.Worthless++
			}
		case hone.Rejected:
			r.Rejected++
		case hone.RolledBack:
			r.RolledBack++
		default:
			r.Others++
		}
		if run.Training > 0 {
			retrains++
		}
	}
	return retrains
}

// rowAt is the number of rows that had been sent at a moment.
func (p *player) rowAt(t time.Time) int {
	return p.from + sort.Search(len(p.sent)-p.from, func(i int) bool { return p.sent[p.from+i].After(t) })
}

// report gathers what happened.
func (p *player) report(ctx context.Context) (*Report, error) {
	r := &Report{File: p.o.file, Rows: len(p.d.labels), History: p.from, Skipped: p.d.skipped, DelayRows: p.o.delay, Cost: p.o.cost, Stalls: p.stalls}
	if err := p.runs(ctx, r); err != nil {
		return nil, err
	}
	add := func(name string, answers []string, retrains int) {
		r.Lines = append(r.Lines, line(name, answers, p.d.labels, p.from, retrains, p.o.cost))
	}
	add("Hone", p.answers, r.count())
	first, err := p.alone(p.first)
	if err != nil {
		return nil, err
	}
	if first != nil {
		add("first model alone", first, 0)
		n := len(p.d.labels)
		for name, window := range map[string]int{"schedule, n/10 rows": n / 10, "schedule, all rows": 0} {
			answers, retrains, err := p.periodic(max(n/parts, 1), window)
			if err != nil {
				return nil, err
			}
			add(name, answers, retrains)
		}
		sort.Slice(r.Lines[2:], func(i, j int) bool { return r.Lines[2+i].Name > r.Lines[2+j].Name })
	}
	add("last known label", lastLabel(p.d.labels, p.from, p.o.delay), 0)
	add("label of the row before", previousLabel(p.d.labels, p.from), 0)
	add("majority of the first tenth", majority(p.d.labels, p.from), 0)
	return r, nil
}

// runs reads the runs that began after the first version, and where in the file
// they began and ended.
func (p *player) runs(ctx context.Context, r *Report) error {
	var runs struct {
		Runs []hone.Run `json:"runs"`
	}
	if err := p.h.call(ctx, "GET", "/api/v1/models/"+p.h.name+"/runs?limit=1000", nil, &runs); err != nil {
		return err
	}
	var versions struct {
		Versions []hone.Version `json:"versions"`
	}
	if err := p.h.call(ctx, "GET", "/api/v1/models/"+p.h.name+"/versions", nil, &versions); err != nil {
		return err
	}
	byID := map[hone.VersionID]hone.Version{}
	for _, v := range versions.Versions {
		byID[v.ID] = v
	}
	for i := len(runs.Runs) - 1; i >= 0; i-- {
		run := runs.Runs[i]
		if run.Champion == "" {
			continue
		}
		out, err := p.one(ctx, run, byID)
		if err != nil {
			return err
		}
		r.Runs = append(r.Runs, out)
	}
	return nil
}

func (p *player) one(ctx context.Context, run hone.Run, versions map[hone.VersionID]hone.Version) (Run, error) {
	out := Run{Number: run.Number, Reason: run.Decision.Sentence, Ending: run.Ending, Why: run.Sentence, Champion: run.Champion, Candidate: run.Candidate,
		Began: p.rowAt(run.Started), Ended: len(p.d.labels), Training: time.Duration(run.Took[hone.Training]).Seconds()}
	if !run.Ended.IsZero() {
		out.Ended = p.rowAt(run.Ended)
	}
	if run.Dataset != "" {
		var ds hone.Dataset
		if err := p.h.call(ctx, "GET", "/api/v1/datasets/"+string(run.Dataset), nil, &ds); err != nil {
			return out, err
		}
		out.Train, out.Holdout, out.Suffix, out.Window = ds.Train, ds.Holdout, ds.Recipe.Suffix, ds.Recipe.WindowBy
	}
	if run.Evaluation != nil {
		out.Diff = run.Evaluation.Loss.Diff
	}
	candidate := run.Candidate
	if candidate == "" {
		candidate = run.Twin
	}
	if candidate == "" {
		return out, nil
	}
	a, err := p.alone(versions[candidate])
	if err != nil || a == nil {
		return out, err
	}
	b, err := p.alone(versions[run.Champion])
	if err != nil || b == nil {
		return out, err
	}
	to := min(out.Ended+horizon, len(p.d.labels))
	out.Won, out.Over = won(a, b, p.d.labels, out.Ended, to), to-out.Ended
	out.Promised = run.Decision.LossRate * float64(out.Over)
	out.Missed = won(a, p.answers, p.d.labels, out.Began, out.Ended)
	return out, nil
}
