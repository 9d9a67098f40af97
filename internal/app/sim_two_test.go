package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"hone"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/op"
	"hone/internal/stream"
)

// neighbour is a second model in the same process. Its predictions have the
// other's ids, and neither may ever see anything of the other.
type neighbour struct {
	l     *life
	next  func(f *frame.Frame, row int) string
	n     int
	said  map[hone.PredictionID]string // Acknowledged labels.
	stood string                       // Where it stood when it was left alone.
}

const neighbourly = `  plains:
    task: binary
    features: {f0: number, f1: number, f2: number}
    label: {name: label}
    monitor: {tick: 60, window: 200}
    dataset: {window: all, min_rows: 100}
    triggers: [{data_volume: 150}]
    guards: {cooldown: 0s, max_per_day: 2, min_new_labels: 1}
    rollout: {strategy: immediate, probation: {labels: 50}}
    log: durable
`

func newNeighbour(l *life) *neighbour {
	l.tally.add("lives of two models", 1)
	return &neighbour{l: l, next: stream.NewSEA(99, func(int) int { return 1 }, 0.05).Next, said: map[hone.PredictionID]string{}}
}

// beat is what happens to the neighbour meanwhile: the other model must not move.
func (n *neighbour) beat() {
	l := n.l
	if now := l.stands("plains"); n.stood != "" && now != n.stood {
		l.t.Fatalf("%s: plains moved while nobody touched it, from\n%s to\n%s", l.clock.Now(), n.stood, now)
	}
	before, deaths := l.stands(model), l.deaths
	l.must(n.visit(1 + l.rng.IntN(10)))
	if l.deaths != deaths {
		n.stood = ""
		return
	}
	if after := l.stands(model); after != before {
		l.t.Fatalf("%s: what happened to plains moved %s, from\n%s to\n%s", l.clock.Now(), model, before, after)
	}
	n.stood = l.stands("plains")
}

// visit asks for some predictions, says what was true, and takes a step.
func (n *neighbour) visit(rows int) error {
	l := n.l
	v, err := l.app.Loop().View("plains")
	if err != nil {
		return err
	}
	first := v.Champion.ID == ""
	if first {
		rows = 60
	}
	f := frame.New(v.Model.Features, rows)
	labels, ids := make([]string, rows), make([]hone.PredictionID, rows)
	for i := range rows {
		labels[i], ids[i] = n.next(f, i), hone.PredictionID("p"+strconv.Itoa(n.n+i))
	}
	n.n += rows
	if first {
		err = n.tell(f, labels, ids)
	} else {
		_, err = l.app.Gateway().Predict(l.ctx, "plains", gateway.Request{IDs: ids, Frame: f})
		if l.refused(err) {
			n.n -= rows
			return err
		}
		if err == nil {
			err = n.label(ids, labels)
		}
	}
	if err != nil {
		return err
	}
	for i, id := range ids {
		n.said[id] = labels[i]
	}
	return l.app.Loop().Step(l.ctx, "plains")
}

func (n *neighbour) tell(f *frame.Frame, labels []string, ids []hone.PredictionID) error {
	in := op.HistoryIn{Model: "plains"}
	for i, id := range ids {
		features := map[string]any{}
		for c, field := range f.Schema {
			features[field.Name] = f.Value(i, c)
		}
		in.Items = append(in.Items, op.HistoryItem{PredictionID: id, Features: features, Label: labels[i], Time: n.l.clock.Now().Add(-time.Minute)})
	}
	_, err := n.l.call("history", &in)
	return err
}

func (n *neighbour) label(ids []hone.PredictionID, labels []string) error {
	in := op.FeedbackIn{Model: "plains"}
	for i, id := range ids {
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: labels[i]})
	}
	_, err := n.l.call("feedback", &in)
	return err
}

// settleAccounts holds what is stored of the neighbour against what was said.
func (n *neighbour) settleAccounts() {
	l := n.l
	stored, _, _, err := l.app.Service().Events.LastSeq(l.ctx, "plains")
	if err != nil || int(stored) != len(n.said) {
		l.t.Errorf("plains has %d predictions, %d were acknowledged: %v", stored, len(n.said), err)
	}
	asked := 0
	for id, label := range n.said {
		if asked++; asked > 40 {
			break
		}
		_, fbs, err := l.app.Service().Events.Find(l.ctx, "plains", id)
		if err != nil || len(fbs) != 1 || fbs[0].Value != label {
			l.t.Errorf("%s of plains is %q; it has %+v, %v", id, label, fbs, err)
		}
	}
}

// stands is all that there is of a model, to be compared.
func (l *life) stands(name string) string {
	v, err := l.app.Loop().View(name)
	if err != nil {
		l.t.Fatal(err)
	}
	runs, err := l.app.Service().Control.Runs(l.ctx, name, 100)
	if err != nil {
		l.t.Fatal(err)
	}
	plan, err := l.app.Service().Events.(interface {
		Plan(ctx context.Context, model string) (hone.Plan, error)
	}).Plan(l.ctx, name)
	if e, ok := hone.AsError(err); err != nil && !(ok && e.Code == hone.NotFound) {
		l.t.Fatal(err)
	}
	p, f, _, err := l.app.Service().Events.LastSeq(l.ctx, name)
	if err != nil {
		l.t.Fatal(err)
	}
	b, err := json.Marshal([]any{v.Champion.ID, v.Aliases, runs, plan, p, f})
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// reconfigure applies another configuration to the running model.
func (l *life) reconfigure() {
	l.check()
	text := l.configuration(l.other != nil)
	c, err := config.Parse("hone.yaml", []byte(text))
	if err != nil {
		l.t.Fatalf("%v\n%s", err, text)
	}
	runs, err := l.allRuns()
	if err != nil {
		l.t.Fatal(err)
	}
	now, _ := l.app.Service().Config.Current()
	_, err = l.call("config apply", &op.ConfigApplyIn{Text: text, Base: now.SHA256})
	if e, ok := hone.AsError(err); ok {
		l.tally.add("configurations refused", 1)
		l.tell("ada: config apply: %s", e.Message)
		return
	}
	if err != nil {
		l.t.Fatalf("%s: config apply: %v", l.clock.Now(), err)
	}
	l.tally.add("configurations applied", 1)
	l.tell("ada: config apply")
	c.Dir, c.Server.Data = l.config.Dir, filepath.Join(l.config.Dir, fmt.Sprint("life", l.deaths))
	l.config, l.text, l.model, l.governed, l.changed = c, []byte(text), c.Models[model], len(runs), true
	if n := len(runs); n > 0 && runs[n-1].State != hone.Closed {
		l.adas[runs[n-1].ID] = true
	}
	l.must(l.step())
}
