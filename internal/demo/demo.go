package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/stream"
)

// Traffic: so many requests a second, by so many users at once, each with its
// label so much later.
const (
	rate       = 500
	users      = 4
	labelDelay = 1500 * time.Millisecond
	pace       = 20 * time.Millisecond
)

// giveUp bounds a scenario.
const giveUp = 110 * time.Second

// settled is the stretch over which accuracy after a promotion is read, and
// tolerance what it may lack of what it was before the drift.
const (
	settled   = 3 * time.Second
	tolerance = 0.03
)

// quiet is how long nothing may start after a harmless drift.
const quiet = 20 * time.Second

// Options of a play.
type Options struct {
	Scenario Scenario
	Base     string // http://address of the server.
	Seed     uint64
	Once     bool
	JSON     bool
	Terminal bool // Out is a terminal that can be redrawn.
	Out      io.Writer
	Clock    clock.Clock
}

// player is a scenario under way.
type player struct {
	o      Options
	c      *client
	tell   *timeline
	source stream.Stream
	next   int
	start  time.Time

	mu        sync.Mutex
	waiting   []due // Labels on their way, the oldest first.
	errors    int
	lastError error
	drifted   time.Time // When the world changed.
	firstLate time.Time // When the first label after that was sent.
	scores    accuracy
}

type due struct {
	at  time.Time
	row row
}

// Play plays a scenario to its end. It fails when the loop did not do as it
// should; then, unless Once, the traffic goes on until ctx ends.
func Play(ctx context.Context, o Options) error {
	p := &player{o: o, source: o.Scenario.Source(o.Seed), start: o.Clock.Now(),
		c: &client{base: o.Base, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * users}, Timeout: 0}}}
	p.tell = newTimeline(o, p.start)
	p.tell.begin(o)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan hone.Event, 100)
	followed := make(chan error, 1)
	go func() { followed <- p.c.follow(ctx, events) }()
	if err := p.history(ctx); err != nil {
		return err
	}
	end, err := p.story(ctx, events)
	if err != nil {
		return err
	}
	p.tell.end(end)
	if o.Once || ctx.Err() != nil {
		cancel()
		<-followed
		return end.err()
	}
	p.tell.note(fmt.Sprintf("The traffic goes on. Look at %s; Ctrl-C ends it.", o.Base))
	_, err = p.until(ctx, events, func(hone.Event) bool { return false }, 1<<62)
	return errors.Join(end.err(), err)
}

// history loads past rows and waits for the first version.
func (p *player) history(ctx context.Context) error {
	for p.next < historyRows {
		n := 1000
		items := make([]map[string]any, n)
		for i, r := range p.rows(n) {
			items[i] = map[string]any{"prediction_id": r.id, "features": r.features, "label": r.truth,
				"time": p.start.Add(-time.Hour + time.Duration(p.next-n+i)*time.Millisecond)}
		}
		if err := p.c.do(ctx, "POST", "/api/v1/models/"+Model+"/history", map[string]any{"rows": items}, nil); err != nil {
			return fmt.Errorf("load history: %w", err)
		}
	}
	p.tell.note(fmt.Sprintf("%d rows of history are loaded.", historyRows))
	return nil
}

// rows makes the next n rows.
func (p *player) rows(n int) []row {
	f := frame.New(p.source.Schema(), n)
	out := make([]row, n)
	for i := range out {
		truth := p.source.Next(f, i)
		out[i] = row{id: fmt.Sprintf("demo-%d-%d", p.o.Seed, p.next), truth: truth, features: features(f, i), drifted: p.next >= driftRow}
		p.next++
	}
	return out
}

// story waits for the first champion, plays the users, and watches what the
// loop does about the drift.
func (p *player) story(ctx context.Context, events <-chan hone.Event) (Ending, error) {
	if err := p.first(ctx, events); err != nil {
		return Ending{}, err
	}
	out := Ending{Scenario: p.o.Scenario.Name, Expect: p.o.Scenario.Expect}
	var run hone.RunID
	closing, err := p.until(ctx, events, func(e hone.Event) bool {
		if e.Action == "run.collecting" && run == "" {
			run = e.Run
		}
		return e.Run == run && run != "" && ended[e.Action]
	}, p.limit())
	if err != nil {
		return out, err
	}
	if closing == nil {
		return p.harmless(ctx, out, run)
	}
	if out.Run, err = p.c.run(ctx, run); err != nil {
		return out, err
	}
	p.mu.Lock()
	out.FirstLabel, out.Drift = p.firstLate, p.drifted
	p.mu.Unlock()
	out.Promoted = closing.At
	return p.recover(ctx, events, out)
}

// recover plays on until accuracy is back, where it should be, for at most
// half a minute: a first retrain has few rows of the new world, and the loop
// may follow it with another.
func (p *player) recover(ctx context.Context, events <-chan hone.Event, out Ending) (Ending, error) {
	for range 10 {
		if _, err := p.until(ctx, events, func(hone.Event) bool { return false }, int(settled/pace)); err != nil {
			return out, err
		}
		out = p.sum(out)
		if ctx.Err() != nil || out.Expect != hone.Promoted || out.After >= out.Before-tolerance {
			return out, nil
		}
	}
	return out, nil
}

var ended = map[string]bool{"run.promoted": true, "run.rejected": true, "run.rolled_back": true, "run.failed": true, "run.cancelled": true, "run.held": false}

// limit is how many paces a story may take.
func (p *player) limit() int {
	if p.o.Scenario.Expect == "" {
		return int((steadyRows*time.Second/rate + quiet) / pace)
	}
	return int(giveUp / pace)
}

// harmless ends a story in which nothing was to start.
func (p *player) harmless(ctx context.Context, out Ending, run hone.RunID) (Ending, error) {
	s, err := p.c.status(ctx)
	out.Features, out.Started = s.Drifted, run
	return p.sum(out), err
}

func (p *player) sum(out Ending) Ending {
	p.mu.Lock()
	defer p.mu.Unlock()
	out.Errors, out.LastError = p.errors, p.lastError
	out.Before, out.During, out.After = p.scores.around(p.drifted, out.Promoted, p.o.Clock.Now().Add(-settled))
	return out
}

// first waits until a champion serves.
func (p *player) first(ctx context.Context, events <-chan hone.Event) error {
	limit := p.o.Clock.After(60 * time.Second)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return errors.New("no first version after 60 s")
		case e := <-events:
			p.tell.event(e)
			switch e.Action {
			case "run.promoted":
				return p.ready(ctx)
			case "run.failed", "run.rejected":
				return fmt.Errorf("no first version: %s", e.Sentence)
			}
		}
	}
}

// ready waits until the model answers.
func (p *player) ready(ctx context.Context) error {
	for range 500 {
		if p.c.do(ctx, "GET", "/v2/models/"+Model+"/ready", nil, nil) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.o.Clock.After(pace):
		}
	}
	return errors.New("the model is not ready after 10 s")
}

// until plays the users until an event is the last, at most so many paces.
func (p *player) until(ctx context.Context, events <-chan hone.Event, last func(hone.Event) bool, paces int) (*hone.Event, error) {
	perPace := rate * int(pace) / int(time.Second)
	for range paces {
		tick := p.o.Clock.After(pace)
		p.serve(ctx, p.rows(perPace))
		if err := p.deliver(ctx); err != nil && ctx.Err() == nil {
			return nil, err
		}
		p.tell.redraw(&p.scores)
	wait:
		for {
			select {
			case <-ctx.Done():
				return nil, nil
			case e := <-events:
				p.tell.event(e)
				if last(e) {
					return &e, nil
				}
			case <-tick:
				break wait
			}
		}
	}
	return nil, nil
}

// serve sends rows by several users at once, and puts their labels on the way.
func (p *player) serve(ctx context.Context, rows []row) {
	queue := make(chan row, len(rows))
	for _, r := range rows {
		queue <- r
	}
	close(queue)
	var wait sync.WaitGroup
	for range users {
		wait.Go(func() {
			for r := range queue {
				p.ask(ctx, r)
			}
		})
	}
	wait.Wait()
}

func (p *player) ask(ctx context.Context, r row) {
	a, err := p.c.predict(ctx, r)
	now := p.o.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			p.errors++
			p.lastError = err
		}
		return
	}
	if r.drifted && p.drifted.IsZero() && p.o.Scenario.Name != "gradual" {
		p.drifted = now
		p.tell.drift(now, p.o.Scenario.Story)
	}
	p.scores.add(now, a.Answer == r.truth)
	p.waiting = append(p.waiting, due{now.Add(labelDelay), r})
}

// deliver sends the labels that are due.
func (p *player) deliver(ctx context.Context) error {
	now := p.o.Clock.Now()
	p.mu.Lock()
	n := 0
	for n < len(p.waiting) && !p.waiting[n].at.After(now) {
		n++
	}
	var rows []row
	for _, w := range p.waiting[:n] {
		rows = append(rows, w.row)
		if w.row.drifted && p.firstLate.IsZero() {
			p.firstLate = now
		}
	}
	p.waiting = p.waiting[n:]
	p.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	return p.c.labels(ctx, rows)
}
