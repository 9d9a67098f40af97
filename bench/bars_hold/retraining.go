package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/bench/rig"
	"hone/internal/clock"
)

const (
	perSecond = 500
	stretch   = 5 * time.Second
	// The slowest hundredth of an idle machine is several times itself from one
	// stretch to the next: many short pairs say more than few long ones.
	stretches   = 12
	taughtRows  = 20_000
	freshRows   = 4000
	trainerBurn = 8 * time.Second
	// Looking after the runs is not what is measured.
	lookEvery = 500 * time.Millisecond
)

// retraining is what users notice of a retrain: the slowest hundredth of answers
// while a trainer burns every core, over that of the same server left alone, in
// interleaved pairs. The trainer is once the owner's command, once the built-in
// learner.
func retraining(b *bar.Bench) error {
	w := rig.NewWorld(width)
	path, err := rig.Config(b.Work, w, "buffered", "bench")
	if err != nil {
		return err
	}
	if err := teach(b, w, path); err != nil {
		return err
	}
	// No candidate takes over, so that each run finds the same rows to learn from.
	if err := with(path, "approval: manual, guards: {cooldown: 0s}"); err != nil {
		return err
	}
	if err := pairs(b, w, path, "builtin_"); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := with(path, fmt.Sprintf("train: {trainer: command, command: [%q, trainer]}", program)); err != nil {
		return err
	}
	return pairs(b, w, path, "")
}

// with adds settings to the model of a configuration.
func with(path, settings string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), "bench: {", "bench: {"+settings+", ", 1)), 0o600)
}

func teach(b *bar.Bench, w *rig.World, path string) error {
	s, err := rig.Serve(b.Hone, b.Work, path)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Teach("bench", w, 0, taughtRows); err != nil {
		return err
	}
	if err := s.Ready("bench"); err != nil {
		return err
	}
	// What the runs to come are to learn.
	return s.Teach("bench", w, taughtRows, taughtRows+freshRows)
}

// pairs measures the server alone and beside a trainer, in turn.
func pairs(b *bar.Bench, w *rig.World, path, prefix string) error {
	s, err := rig.Serve(b.Hone, b.Work, path)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Ready("bench"); err != nil {
		return err
	}
	requests := rig.Many(64, func() []byte { return bar.Post("/v2/models/bench/infer", w.Named(1)) })
	var idle, busy, ratio []float64
	for i := range stretches + 1 {
		alone, err := p99(s, requests)
		if err != nil {
			return err
		}
		beside, err := whileRetraining(b, s, func() (time.Duration, error) { return p99(s, requests) })
		if err != nil {
			return err
		}
		if i == 0 {
			continue // Warming up.
		}
		idle, busy = append(idle, alone.Seconds()*1e3), append(busy, beside.Seconds()*1e3)
		ratio = append(ratio, beside.Seconds()/alone.Seconds())
	}
	b.Keep(prefix+"idle_p99", "ms", idle...)
	b.Keep(prefix+"retraining_p99", "ms", busy...)
	b.Keep(prefix+"ratio", "times", ratio...)
	return nil
}

func p99(s *rig.Server, requests [][]byte) (time.Duration, error) {
	took, err := bar.Pace(s.Addr, requests, 16, perSecond, stretch)
	if err != nil {
		return 0, s.Died(err)
	}
	return bar.Quantile(took, 0.99), nil
}

// whileRetraining keeps runs going while do lasts, and ends the last of them.
func whileRetraining(b *bar.Bench, s *rig.Server, do func() (time.Duration, error)) (time.Duration, error) {
	token, err := os.ReadFile(filepath.Join(b.Work, "data", "token"))
	if err != nil {
		return 0, err
	}
	o := owner{"http://" + s.Addr, string(token)}
	if err := s.Until(time.Minute, "no run is under way", o.calm); err != nil {
		return 0, err
	}
	if err := s.Until(time.Minute, "a run starts", o.retrain); err != nil {
		return 0, err
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-clock.System{}.After(lookEvery):
				o.again()
			}
		}
	})
	took, err := do()
	close(stop)
	wait.Wait()
	if err := errors.Join(err, o.sound()); err != nil {
		return 0, err
	}
	if err := s.Until(time.Minute, "the last run ends", o.calm); err != nil {
		return 0, err
	}
	<-clock.System{}.After(time.Second)
	return took, nil
}

// owner asks the server with the owner's token.
type owner struct{ base, token string }

func (o owner) ask(method, path, body string, to any) bool {
	req, err := http.NewRequestWithContext(context.Background(), method, o.base+path, strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+o.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK && (to == nil || json.NewDecoder(res.Body).Decode(to) == nil)
}

func (o owner) retrain() bool {
	return o.ask(http.MethodPost, "/api/v1/models/bench/runs", `{"reason":"measured","force":true}`, nil)
}

// again starts a run unless one is under way that still works.
func (o owner) again() {
	r, ok := o.last()
	if ok && r.State == string(hone.AwaitingApproval) {
		o.calm()
		r.State = string(hone.Closed)
	}
	if ok && r.State == string(hone.Closed) {
		o.retrain()
	}
}

// run is what is read of a run.
type run struct{ Run, State, Ending, Sentence string }

// last returns the run that began last.
func (o owner) last() (run, bool) {
	var list struct{ Runs []run }
	if !o.ask(http.MethodGet, "/api/v1/models/bench/runs?limit=1", "", &list) || len(list.Runs) == 0 {
		return run{}, false
	}
	return list.Runs[0], true
}

// sound fails where the last run did: then nothing was trained.
func (o owner) sound() error {
	r, ok := o.last()
	if !ok || r.Ending == string(hone.Failed) {
		return fmt.Errorf("no run trains: %s", r.Sentence)
	}
	return nil
}

// calm ends the run under way and tells whether none is left.
func (o owner) calm() bool {
	r, ok := o.last()
	if !ok || r.State == string(hone.Closed) {
		return ok
	}
	o.ask(http.MethodPost, "/api/v1/runs/"+r.Run+"/cancel", "{}", nil)
	return false
}

// burn is a trainer that keeps every core busy for a while, then gives the
// champion's artefact back.
func burn() error {
	run := os.Getenv("HONE_RUN")
	done := make(chan struct{})
	for range runtime.NumCPU() {
		go func() {
			for x := 1.0; ; x = x*1.0000001 + 1e-9 {
				select {
				case <-done:
					return
				default:
				}
			}
		}()
	}
	for watch := clock.Start(); watch.Elapsed() < trainerBurn; <-(clock.System{}.After(time.Second)) {
		if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"step": int(watch.Elapsed().Seconds())}); err != nil {
			return err
		}
	}
	close(done)
	return os.CopyFS(filepath.Join(run, "output", "model"), os.DirFS(filepath.Join(run, "previous")))
}
