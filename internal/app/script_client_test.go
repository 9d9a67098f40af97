package app_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/op"
	"hone/internal/predictor"
	"hone/internal/store"
)

// client is a server of the owner's: it goes by the plan, asks the versions' files
// itself, and logs what it answered.
type client struct {
	*world
	open map[hone.VersionID]predictor.Predictor
	// requests so far: each takes another time, by which the rows of one are known.
	requests int
	// stuck is the version that the client goes on to ask whatever the plan is, and
	// named what it calls it in the log; empty for as it should be.
	stuck, named hone.VersionID
}

func newClient(w *world) *client {
	c := &client{world: w, open: map[hone.VersionID]predictor.Predictor{}}
	w.t.Cleanup(func() {
		for _, p := range c.open {
			if err := p.Close(); err != nil {
				w.t.Error(err)
			}
		}
	})
	return c
}

// weights is the plan as the client reads it.
func (c *client) weights() (op.Weights, error) {
	got, err := c.call("weights", &op.ModelIn{Model: model})
	if err != nil {
		return op.Weights{}, err
	}
	return got.(op.Weights), nil
}

// version opens what the plan names.
func (c *client) version(plan op.Weights, id hone.VersionID) (predictor.Predictor, error) {
	if p := c.open[id]; p != nil {
		return p, nil
	}
	dir, err := store.ReadBlobs(c.config.Server.Data).Dir(plan.Artefacts[id])
	if err != nil {
		return nil, err
	}
	p, err := predictor.Open(c.ctx, dir, predictor.Options{Clock: c.clock})
	if err == nil && c.seams.Open != nil {
		p = c.seams.Open(model, id, p)
	}
	if err == nil {
		c.open[id] = p
	}
	return p, err
}

// answer answers rows by the plan of the moment, and logs them.
func (c *client) answer(f *frame.Frame, ids []hone.PredictionID) (gave []hone.VersionID, err error) {
	plan, err := c.weights()
	if err != nil {
		return nil, err
	}
	if c.stuck != "" {
		plan.Champion, plan.Challenger = c.stuck, ""
		v, err := c.app.Service().Records.Version(c.ctx, model, c.stuck)
		if err != nil {
			return nil, err
		}
		plan.Artefacts[c.stuck] = v.Artefact
	}
	in := op.LoggedIn{Model: model}
	c.requests++
	for i, id := range ids {
		item, err := c.row(plan, f.Slice(i, i+1), id)
		if err != nil {
			return nil, err
		}
		if c.named != "" {
			item.Version = c.named
		}
		in.Items = append(in.Items, item)
		gave = append(gave, item.Version)
	}
	_, err = c.call("log", &in)
	return gave, err
}

// row answers one row: by the challenger where it is the row's turn, and by the
// champion where that fails.
func (c *client) row(plan op.Weights, f *frame.Frame, id hone.PredictionID) (op.LoggedItem, error) {
	item := op.LoggedItem{PredictionID: id, Time: c.clock.Now().Add(time.Microsecond), Version: plan.Champion, LatencyMS: float64(c.requests%500) / 1000, Features: map[string]any{}}
	m, _ := c.app.Loop().Model(model)
	for col, field := range f.Schema {
		if v := f.Value(0, col); v != nil && m.Features.Index(field.Name) >= 0 {
			item.Features[field.Name] = v
		}
	}
	unit := string(id)
	if v := item.Features[plan.StickyBy]; v != nil {
		unit = fmt.Sprint(v)
		item.Unit = unit
	}
	if plan.Challenger != "" && gateway.Bucket(plan.Salt, unit) < plan.Weight {
		scores, err := c.ask(plan, plan.Challenger, f)
		if err == nil {
			item.Version, item.Scores = plan.Challenger, scores
			return item, nil
		}
		item.Fault = err.Error()
	}
	var err error
	item.Scores, err = c.ask(plan, plan.Champion, f)
	return item, err
}

func (c *client) ask(plan op.Weights, id hone.VersionID, f *frame.Frame) ([]float64, error) {
	p, err := c.version(plan, id)
	if err != nil {
		return nil, err
	}
	if own := p.Signature().Features; own.Fingerprint() != f.Schema.Fingerprint() {
		mapped := frame.New(own, f.N)
		mapped.Remap(0, f)
		f = mapped
	}
	s, err := p.Predict(c.ctx, f)
	if err != nil {
		return nil, errors.New("it does not answer")
	}
	return s.Row(0), nil
}

// servedElsewhere adds to every configuration of a script that its model is served
// by the client.
func servedElsewhere(parts map[string][]string) {
	for name, lines := range parts {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		text := strings.Join(lines, "\n")
		text = strings.Replace(text, "  "+model+":\n", "  "+model+":\n    serving: external\n", 1)
		parts[name] = strings.Split(text, "\n")
	}
}

// What Hone says of a model that is served elsewhere and not of another: by which
// route an answer came, and for whom the logs wait.
var (
	route   = regexp.MustCompile(`by the route \w+ in (TIME|0s)`)
	waiting = regexp.MustCompile(` v\d+ waits to be seen in the logs; [^.]*\.`)
	waits   = regexp.MustCompile(`^ +working: sea(: v\d+ is champion and| is .*, and its replacement) waits to be seen in the logs\.$`)
)

// asServed writes what a script printed as it would have been, had Hone served the
// model, as far as only the words differ.
func asServed(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range b {
		b[i] = strings.Replace(waiting.ReplaceAllString(b[i], ""), "has been champion for", "has served for", 1)
		switch {
		case i >= len(a):
		case waits.MatchString(b[i]) && strings.Contains(a[i], ": sea is "),
			route.MatchString(b[i]) && route.ReplaceAllString(a[i], "") == route.ReplaceAllString(b[i], ""):
			b[i] = a[i]
		}
	}
	return strings.Join(b, "\n")
}

// shown prints the plan as a client reads it.
func (c *client) shown() ([]string, error) {
	plan, err := c.weights()
	if err != nil {
		return said(err)
	}
	return []string{fmt.Sprintf("%s served by %s: %s salt %q, sticky by %q", plan.Model, plan.Serving, plan.Sentence, plan.Salt, plan.StickyBy)}, nil
}
