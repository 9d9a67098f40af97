package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
)

const (
	// patience is how long the stream waits for the loop to keep up.
	patience = 60 * time.Second
	// unseen bounds the wait for shadow answers, which may be dropped.
	unseen = 500 * time.Millisecond
)

// player plays the rows of a file.
type player struct {
	o       options
	h       *server
	d       *data
	from    int // The first row that is played.
	next    int // The next.
	labels  int // Rows before this one have sent their label.
	sent    []time.Time
	answers []string
	first   hone.Version
	// shadow is the run in shadow when last looked, with its row and answers.
	shadow struct {
		run  hone.RunID
		row  int
		seen int
	}
	stalls int
}

func newPlayer(o options, h *server, d *data) *player {
	n := d.history()
	return &player{o: o, h: h, d: d, from: n, next: n, labels: n, sent: make([]time.Time, len(d.labels)), answers: make([]string, len(d.labels))}
}

// begin imports the first tenth and waits for the first version.
func (p *player) begin(ctx context.Context) error {
	file := filepath.Join(p.h.dir, "history.csv")
	if err := p.d.writeHistory(file); err != nil {
		return err
	}
	said, err := p.h.hone(ctx, "--json", "import", file)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.h.out, "%s\n", said)
	ok, err := wait(ctx, 10*time.Minute, func() (bool, error) {
		s, err := p.h.state(ctx)
		if err != nil {
			return false, err
		}
		if s.Version == nil {
			if s.Last != nil && s.Last.Ending != hone.Promoted {
				return false, errors.New("no first version: " + s.Last.Sentence)
			}
			return false, nil
		}
		p.first = *s.Version
		return p.h.call(ctx, "GET", "/v2/models/"+p.h.name+"/ready", nil, nil) == nil, nil
	})
	if err == nil && !ok {
		err = errors.New("no first version after ten minutes")
	}
	return err
}

// play sends the rest of the rows, and the label of each exactly delay rows
// after it.
func (p *player) play(ctx context.Context) error {
	told := clock.Start()
	toldAt := time.Duration(0)
	for p.next < len(p.d.labels) {
		to := min(p.next+p.o.batch, len(p.d.labels))
		if err := p.ask(ctx, p.next, to); err != nil {
			return err
		}
		paced := p.next/p.o.pace != to/p.o.pace
		p.next = to
		if err := p.deliver(ctx, to-p.o.delay); err != nil {
			return err
		}
		if paced && !p.o.realtime {
			if err := p.keepUp(ctx); err != nil {
				return err
			}
		}
		if at := told.Elapsed(); at-toldAt > 5*time.Second || to == len(p.d.labels) {
			toldAt = at
			fmt.Fprintf(p.h.out, "%6.0f s  %d of %d rows, %d right of the last 1000\n", at.Seconds(), to, len(p.d.labels), p.right(max(p.from, to-1000), to))
		}
	}
	return nil
}

func (p *player) right(from, to int) (n int) {
	for i := from; i < to; i++ {
		if p.answers[i] == p.d.labels[i] {
			n++
		}
	}
	return n
}

func id(row int) string { return fmt.Sprintf("row-%07d", row) }

// tensor is an input or output of the Open Inference Protocol.
type tensor struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
	Data     []any  `json:"data"`
}

// ask asks the gateway about rows [from, to).
func (p *player) ask(ctx context.Context, from, to int) error {
	n := to - from
	ids := tensor{"prediction_id", "BYTES", []int{n}, make([]any, n)}
	in := []tensor{}
	for c, field := range p.d.rows.Schema {
		t := tensor{field.Name, "BYTES", []int{n}, make([]any, n)}
		if field.Kind == frame.Number {
			t.Datatype = "FP64"
		}
		for i := range n {
			t.Data[i] = p.d.rows.Value(from+i, c)
		}
		in = append(in, t)
	}
	now := clock.System{}.Now()
	for i := range n {
		ids.Data[i], p.sent[from+i] = id(from+i), now
	}
	var out struct {
		Outputs []tensor `json:"outputs"`
	}
	if err := p.h.call(ctx, "POST", "/v2/models/"+p.h.name+"/infer", map[string]any{"inputs": append(in, ids)}, &out); err != nil {
		return err
	}
	for _, t := range out.Outputs {
		if t.Name != "class" || len(t.Data) != n {
			continue
		}
		for i, v := range t.Data {
			p.answers[from+i] = fmt.Sprint(v)
		}
		return nil
	}
	return errors.New("the answer has no output class")
}

// deliver sends the labels of rows before to that have not sent theirs.
func (p *player) deliver(ctx context.Context, to int) error {
	if to <= p.labels {
		return nil
	}
	items := []map[string]any{}
	for i := p.labels; i < to; i++ {
		items = append(items, map[string]any{"prediction_id": id(i), "label": p.d.labels[i]})
	}
	p.labels = to
	return p.h.call(ctx, "POST", "/api/v1/models/"+p.h.name+"/feedback", map[string]any{"feedback": items}, nil)
}

// keepUp waits until the loop has read all labels that were sent, is not at work
// on a run, and, in shadow, has counted the answers.
func (p *player) keepUp(ctx context.Context) error {
	begun := clock.Start()
	ok, err := wait(ctx, max(patience, time.Duration(p.h.model.Train.Limits.Time)), func() (bool, error) {
		s, err := p.h.state(ctx)
		if err != nil || s.Version == nil {
			return false, err
		}
		if s.works() {
			return false, nil
		}
		return s.Labels >= p.due(s.Version.TrainedUntil) && (p.counted(s) || begun.Elapsed() > unseen), nil
	})
	if err == nil && !ok {
		p.stalls++
		if p.stalls > 3 {
			err = errors.New("the loop does not read the labels")
		}
	}
	return err
}

// due is how many labels a champion that was trained on rows up to then must
// have seen.
func (p *player) due(trained time.Time) int {
	since := p.from + sort.Search(len(p.sent[p.from:p.next]), func(i int) bool { return p.sent[p.from+i].After(trained) })
	return max(p.labels-since, 0)
}

// counted tells whether the answers in shadow of the rows since the last look
// are counted.
func (p *player) counted(s state) bool {
	if s.Open == nil || s.Open.State != hone.Shadowing || s.Health == nil {
		p.shadow.run = ""
		return true
	}
	if p.shadow.run != s.Open.ID {
		p.shadow.run, p.shadow.row, p.shadow.seen = s.Open.ID, p.next, s.Health.Canary.Requests
		return true
	}
	return s.Health.Canary.Requests-p.shadow.seen >= p.next-p.shadow.row
}
