package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/stream"
)

const stressed = `version: 1
server: {listen: "127.0.0.1:0"}
models:
  sea:
    task: binary
    features: {f0: number, f1: number, f2: number}
    label: {name: label}
    monitor: {tick: 20}
    triggers: [{data_volume: 50}]
    guards: {cooldown: 0s, max_per_day: 1000, min_new_labels: 1}
    rollout: {steps: [{shadow: 5}, {weight: 50%, min_requests: 5}], probation: {labels: 50}}
    log: LOG
`

// TestStartStop starts and stops the whole under traffic, with runs under way,
// and checks that nothing of it stays behind and nothing acknowledged is lost.
func TestStartStop(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	s := &stress{t: t, dir: memory(t), source: stream.NewSEA(7, func(i int) int { return i / 500 % 4 }, 0.05), kept: map[hone.PredictionID]bool{}}
	s.cycle("durable", s.first)
	for i := range 30 {
		s.cycle([]string{"durable", "buffered"}[i%2], s.traffic)
	}
	s.cycle("durable", s.check)
	goleak.VerifyNone(t, leaks)
}

// stress is one data folder through many lives.
type stress struct {
	t   *testing.T
	dir string

	mu     sync.Mutex
	source stream.Stream
	next   int
	kept   map[hone.PredictionID]bool // Acknowledged by the durable lives.
}

// cycle is one life.
func (s *stress) cycle(log string, live func(*app.App)) {
	s.t.Helper()
	text := []byte(strings.ReplaceAll(stressed, "LOG", log))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		s.t.Fatal(err)
	}
	c.Server.Data = filepath.Join(s.dir, "data")
	a, err := app.New(s.t.Context(), app.Options{Config: c, Text: text})
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Stop() // Twice, to no harm.
	if err := a.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	live(a)
	a.Stop()
}

func (s *stress) rows(n int) (*frame.Frame, []hone.PredictionID, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := frame.New(s.source.Schema(), n)
	ids, labels := make([]hone.PredictionID, n), make([]string, n)
	for i := range n {
		labels[i] = s.source.Next(f, i)
		ids[i] = hone.PredictionID(fmt.Sprintf("p%d", s.next))
		s.next++
	}
	return f, ids, labels
}

// load loads history.
func (s *stress) load(a *app.App) {
	f, ids, labels := s.rows(400)
	in := op.HistoryIn{Model: model}
	for i := range f.N {
		in.Items = append(in.Items, op.HistoryItem{PredictionID: ids[i], Label: labels[i], Time: time.Now().Add(time.Duration(i-400) * time.Second),
			Features: map[string]any{"f0": f.Cols[0].Num[i], "f1": f.Cols[1].Num[i], "f2": f.Cols[2].Num[i]}})
	}
	find, _ := op.Find("history")
	if _, err := find.Call(s.t.Context(), a.Service(), op.Caller{Role: op.Admin}, &in); err != nil {
		s.t.Fatal(err)
	}
}

// first loads history and waits for the first version.
func (s *stress) first(a *app.App) {
	s.load(a)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := a.Loop().View(model)
		if err != nil || v.Champion.ID != "" {
			return
		}
		select {
		case <-tick.C:
		case <-s.t.Context().Done():
			s.t.Fatal("there is no first version")
		}
	}
}

// traffic asks from several sides, starts runs, and leaves while all that goes
// on.
func (s *stress) traffic(a *app.App) {
	m, _ := a.Service().Loop.Model(model)
	var wait sync.WaitGroup
	var asked atomic.Int64
	enough := make(chan struct{})
	base := "http://" + a.Addr()
	for range 3 {
		wait.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			for s.ask(a, m.Log == hone.Durable) {
				if asked.Add(1) == 30 {
					close(enough)
				}
				<-pace.C
			}
		})
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	wait.Go(func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for ; ; <-pace.C {
			res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(base + "/api/v1/status")
			if err != nil {
				return
			}
			_, err = io.Copy(io.Discard, res.Body)
			if res.Body.Close(); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	_, err := a.Loop().Act(ctx, model, loop.Act{Do: loop.Retrain, By: "ada", Force: true})
	if _, told := hone.AsError(err); err != nil && !told {
		s.t.Error(err)
	}
	select {
	case <-enough:
	case <-s.t.Context().Done():
	}
	a.Stop()
	wait.Wait()
}

// ask asks once and sends the labels, and tells whether there is an answer yet.
func (s *stress) ask(a *app.App, durable bool) bool {
	f, ids, labels := s.rows(3)
	if _, err := a.Gateway().Predict(s.t.Context(), model, gateway.Request{IDs: ids, Frame: f}); err != nil {
		return false
	}
	if durable {
		s.mu.Lock()
		for _, id := range ids {
			s.kept[id] = true
		}
		s.mu.Unlock()
	}
	in := op.FeedbackIn{Model: model}
	for i, id := range ids {
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: labels[i]})
	}
	find, _ := op.Find("feedback")
	_, err := find.Call(s.t.Context(), a.Service(), op.Caller{Role: op.Admin}, &in)
	return err == nil
}

// check looks whether everything acknowledged is there, and the chain whole.
func (s *stress) check(a *app.App) {
	for id := range s.kept {
		if _, _, err := a.Service().Events.Find(s.t.Context(), model, id); err != nil {
			s.t.Errorf("%s was acknowledged: %v", id, err)
		}
	}
	find, _ := op.Find("audit verify")
	got, err := find.Call(s.t.Context(), a.Service(), op.Caller{Role: op.Admin}, &op.VerifyIn{})
	if err != nil || !got.(op.Verified).Whole {
		s.t.Errorf("the audit: %+v, %v", got, err)
	}
	v, err := a.Loop().View(model)
	if err != nil || v.Champion.ID == "" || v.Champion.ID != v.Aliases[hone.Champion] {
		s.t.Errorf("champion %s, aliases %v, %v", v.Champion.ID, v.Aliases, err)
	}
	s.t.Logf("%d predictions kept; champion %s after %s", len(s.kept), v.Champion.ID, v.Last.ID)
}
