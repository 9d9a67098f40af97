package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
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
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/stream"
)

// live is a running Hone whose configuration changes.
type live struct {
	t    *testing.T
	app  *app.App
	logs lines
}

// lines are what a Hone logs.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startLive starts a Hone on a folder with a configuration.
func startLive(t *testing.T, dir, text string) *live {
	t.Helper()
	c, err := config.Parse("hone.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c.Dir, c.Server.Data = dir, filepath.Join(dir, "data")
	l := &live{t: t}
	l.app, err = app.New(t.Context(), app.Options{Config: c, Text: []byte(text), Log: slog.New(slog.NewTextHandler(&l.logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.app.Stop)
	if err := l.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// call does an operation as somebody.
func (l *live) call(who, name string, in any) (any, error) {
	o, _ := op.Find(name)
	return o.Call(l.t.Context(), l.app.Service(), op.Caller{Name: who, Role: op.Admin}, in)
}

func (l *live) apply(who, base, text string) error {
	if base == "" {
		now, _ := l.app.Service().Config.Current()
		base = now.SHA256
	}
	_, err := l.call(who, "config apply", &op.ConfigApplyIn{Text: text, Base: base})
	return err
}

// eventually waits for what the loop does in its own time.
func (l *live) eventually(what string, f func() bool) {
	l.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			l.t.Fatalf("not in time: %s\n%s", what, l.logs.String())
		}
	}
}

const changing = `version: 1
server: {listen: "127.0.0.1:0"}
models:
  sea:
    task: binary
    features: FEATURES
    label: {name: label}
    monitor: {tick: 20, window: WINDOW}
    triggers: [{data_volume: VOLUME}]
    guards: {cooldown: 0s, max_per_day: 1000, min_new_labels: 1}
    rollout: {steps: [{shadow: 5}, {weight: 50%, min_requests: 5}], probation: {labels: 50}}
    log: durable
`

// changed is a configuration of a round: every part of it that can change
// without a refusal does, now and then.
func changed(round int) string {
	return strings.NewReplacer("VOLUME", fmt.Sprint(60+round), "WINDOW", fmt.Sprint(200+50*(round%3)),
		"FEATURES", "{f0: number, f1: number, f2: number}").Replace(changing) + strings.Repeat(`  other:
    task: regression
    features: {x: number}
    label: y
`, round%2)
}

// TestApplyUnderTraffic changes the configuration again and again while
// predictions flow, labels come and runs turn: no prediction fails, and each
// that was acknowledged is kept.
func TestApplyUnderTraffic(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	dir := memory(t)
	l := startLive(t, dir, changed(0))
	s := &stress{t: t, dir: dir, source: stream.NewSEA(7, func(i int) int { return i / 500 % 4 }, 0.05), kept: map[hone.PredictionID]bool{}}
	s.first(l.app)
	var wait sync.WaitGroup
	stop := make(chan struct{})
	var asked atomic.Int64
	transport := &http.Transport{}
	for range 2 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.post(l.app, transport); err != nil {
					t.Error(err)
					return
				}
				asked.Add(1)
			}
		})
	}
	rounds := 16
	if testing.Short() {
		rounds = 6
	}
	for round := range rounds {
		if err := l.apply("ada", "", changed(round+1)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		_, err := l.app.Loop().View("other")
		if e, gone := hone.AsError(err); (round%2 == 0) == (gone && e.Code == hone.NotFound) {
			t.Errorf("round %d: other: %v", round, err)
		}
		before := asked.Load()
		l.eventually("predictions flow", func() bool { return asked.Load() > before+3 || t.Failed() })
	}
	l.dropFeature(rounds)
	before := asked.Load()
	l.eventually("predictions flow", func() bool { return asked.Load() > before+20 || t.Failed() })
	close(stop)
	wait.Wait()
	transport.CloseIdleConnections()
	s.check(l.app)
	list, err := l.call("ada", "config history", &op.ConfigsIn{})
	if err != nil || len(list.(op.ConfigList).Applied) < rounds+2 {
		t.Errorf("history: %v, %v", list, err)
	}
	t.Logf("%d requests over %d configurations", asked.Load(), rounds+2)
	l.app.Stop()
	goleak.VerifyNone(t, leaks)
}

// dropFeature applies another schema, as soon as no run is in its way.
func (l *live) dropFeature(round int) {
	l.t.Helper()
	// With no new run, or one could begin before each try.
	calm := strings.Replace(changed(2*round), fmt.Sprintf("{data_volume: %d}", 60+2*round), "{data_volume: 1000000}", 1)
	if err := l.apply("ada", "", calm); err != nil {
		l.t.Fatal(err)
	}
	text := strings.Replace(calm, "f1: number, f2: number", "f1: number", 1)
	l.eventually("a moment without a run", func() bool {
		err := l.apply("ada", "", text)
		if e, ok := hone.AsError(err); ok && e.Code == hone.Conflict {
			_, _ = l.app.Loop().Act(l.t.Context(), model, loop.Act{Do: loop.Cancel, By: "ada"}) // It may have ended by itself.
			return false
		}
		if err != nil {
			l.t.Fatal(err)
		}
		return true
	})
	if m, _ := l.app.Loop().Model(model); len(m.Features) != 2 {
		l.t.Errorf("the features are %v", m.Features)
	}
}

// post asks over HTTP for three rows and sends their labels.
func (s *stress) post(a *app.App, transport *http.Transport) error {
	f, ids, labels := s.rows(3)
	var rows []string
	in := op.FeedbackIn{Model: model}
	for i, id := range ids {
		rows = append(rows, fmt.Sprintf(`{"prediction_id":%q,"features":{"f0":%v,"f1":%v}}`, id, f.Cols[0].Num[i], f.Cols[1].Num[i]))
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: labels[i]})
	}
	res, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Post("http://"+a.Addr()+"/api/v1/models/"+model+"/predict",
		"application/json", strings.NewReader(`{"rows":[`+strings.Join(rows, ",")+`]}`))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("predict: %d %s %v", res.StatusCode, body, err)
	}
	s.mu.Lock()
	for _, id := range ids {
		s.kept[id] = true
	}
	s.mu.Unlock()
	find, _ := op.Find("feedback")
	_, err = find.Call(s.t.Context(), a.Service(), op.Caller{Role: op.Admin}, &in)
	return err
}

// TestTwoCannotOverwriteEachOther lets many apply what they made of the same
// configuration.
func TestTwoCannotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	l := startLive(t, memory(t), changed(0))
	base, _ := l.app.Service().Config.Current()
	var wait sync.WaitGroup
	var done, refused atomic.Int64
	for i := range 8 {
		wait.Go(func() {
			err := l.apply(fmt.Sprintf("person %d", i), base.SHA256, changed(10+i))
			if e, ok := hone.AsError(err); ok && e.Code == hone.Conflict && strings.Contains(e.Message, "which person") {
				refused.Add(1)
			} else if err == nil {
				done.Add(1)
			} else {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if done.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d applied, %d were refused", done.Load(), refused.Load())
	}
	now, c := l.app.Service().Config.Current()
	if !strings.HasPrefix(now.By, "person ") || !now.Live || c.Models["sea"].Triggers[0].DataVolume < 70 {
		t.Errorf("in force is %+v", now)
	}
	events, err := l.call("ada", "export", &op.AuditIn{})
	if err != nil {
		t.Fatal(err)
	}
	all := events.(op.AuditList).Events
	last := all[len(all)-1]
	if last.Action != "config.applied" || last.Actor != now.By || !strings.Contains(string(last.Data), `"path":"triggers","old":"{data_volume: 60}"`) {
		t.Errorf("audited as %+v %s", last, last.Data)
	}
}

// TestApplyRefusals applies what cannot be applied: nothing of it comes into
// force, and nothing is recorded.
func TestApplyRefusals(t *testing.T) {
	t.Parallel()
	l := startLive(t, memory(t), changed(0))
	now, _ := l.app.Service().Config.Current()
	f := func(base, text string, code hone.Code, want string) {
		t.Helper()
		_, err := l.call("ada", "config apply", &op.ConfigApplyIn{Text: text, Base: base})
		if e, ok := hone.AsError(err); !ok || e.Code != code || !strings.Contains(e.Error(), want) || e.Hint == "" {
			t.Errorf("got %v, want %s with %q", err, code, want)
		}
	}
	f(now.SHA256, "", hone.Invalid, "no text")
	f(now.SHA256, "version: 1", hone.Invalid, `hone.yaml:1:1: the key "models" is missing`)
	f(now.SHA256, changed(1)+"  broken: {task: binary}\n", hone.Invalid, "models.broken.features")
	f("", changed(1), hone.Invalid, "which configuration")
	f("abc", changed(1), hone.Invalid, "at least 12")
	f("000000000000", changed(1), hone.Conflict, "is in force")
	f("", changed(1), hone.Invalid, "which configuration")
	if after, c := l.app.Service().Config.Current(); after.SHA256 != now.SHA256 || len(c.Models) != 1 {
		t.Errorf("in force is %+v", after)
	}
	// The same again is no change.
	if err := l.apply("ada", now.SHA256[:12], now.Text); err != nil {
		t.Error(err)
	}
	// A store that does not record it keeps it from coming into force.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o, _ := op.Find("config apply")
	if _, err := o.Call(ctx, l.app.Service(), op.Caller{Name: "ada", Role: op.Admin}, &op.ConfigApplyIn{Text: changed(1), Base: now.SHA256}); err == nil {
		t.Error("applied for somebody who has left")
	}
	if names := l.app.Loop().Models(); len(names) != 1 {
		t.Errorf("the models are %q", names)
	}
	list, err := l.call("ada", "config history", &op.ConfigsIn{})
	if err != nil || len(list.(op.ConfigList).Applied) != 1 {
		t.Errorf("history %+v, %v", list, err)
	}
}

// TestTheFilesAreTheTruthAtTheStart starts anew, with other files than were
// applied.
func TestTheFilesAreTheTruthAtTheStart(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	l := startLive(t, dir, changed(0))
	if err := l.apply("ada", "", changed(1)); err != nil {
		t.Fatal(err)
	}
	applied, _ := l.app.Service().Config.Current()
	l.app.Stop()

	l = startLive(t, dir, changed(1))
	if now, _ := l.app.Service().Config.Current(); now.By != "ada" || strings.Contains(l.logs.String(), "files differ") {
		t.Errorf("the same files: %+v\n%s", now, l.logs.String())
	}
	l.app.Stop()

	l = startLive(t, dir, changed(0))
	now, _ := l.app.Service().Config.Current()
	if now.By != "owner" || now.Live || now.Text != changed(0) {
		t.Errorf("other files: %+v", now)
	}
	if said := l.logs.String(); !strings.Contains(said, "files differ") || !strings.Contains(said, "applied_by=ada") || !strings.Contains(said, applied.SHA256[:12]) {
		t.Errorf("nothing was said of it:\n%s", said)
	}
	if _, err := l.app.Loop().View("other"); err == nil {
		t.Error("other is there, and not in the files")
	}
	back, err := l.call("ada", "config", &op.ConfigIn{At: applied.SHA256[:12]})
	if err != nil || back.(hone.Applied).Text != changed(1) {
		t.Errorf("what was applied is %+v, %v", back, err)
	}
}

// TestATrainingGoesOn changes guards while a trainer runs: it is neither ended
// nor begun again.
func TestATrainingGoesOn(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	script := "echo began >> began\nwhile [ ! -e go ]; do sleep 0.05; done\necho 'out of ideas' >&2\nexit 3\n"
	if err := os.WriteFile(filepath.Join(dir, "train.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	text := func(volume int) string {
		return strings.Replace(strings.Replace(changed(0), "    log: durable\n", "    train: {trainer: command, command: [sh, train.sh]}\n", 1), "60", fmt.Sprint(volume), 1)
	}
	l := startLive(t, dir, text(60))
	s := &stress{t: t, dir: dir, source: stream.NewSEA(7, func(int) int { return 0 }, 0.05), kept: map[hone.PredictionID]bool{}}
	s.load(l.app)
	began := func() string { b, _ := os.ReadFile(filepath.Join(dir, "began")); return string(b) }
	l.eventually("the training begins", func() bool { return began() != "" })
	for i := range 3 {
		if err := l.apply("ada", "", text(100+i)); err != nil {
			t.Fatal(err)
		}
	}
	err := l.apply("ada", "", strings.Replace(text(60), "label: {name: label}", "label: {name: label, delay: 1h}", 1))
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Conflict || !strings.Contains(e.Message, "the label of sea cannot change while sea-1 is under way") {
		t.Errorf("the label changed under a run: %v", err)
	}
	if got := began(); got != "began\n" {
		t.Errorf("the trainer says %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var last *hone.Run
	l.eventually("the run ends", func() bool {
		v, err := l.app.Loop().View(model)
		if err != nil {
			t.Fatal(err)
		}
		last = v.Last
		return last != nil
	})
	if last.Ending != hone.Failed || !strings.Contains(last.Sentence, "out of ideas") || !strings.HasPrefix(began(), "began\n") || last.Attempt != 0 {
		t.Errorf("the run: %s; the trainer %q", last.Sentence, began())
	}
}

// TestTheLogChanges lets answers wait for the log, and then no more: the plan in
// force says so at once, and after a start on another file too.
func TestTheLogChanges(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	l := startLive(t, dir, changed(0))
	s := &stress{t: t, dir: dir, source: stream.NewSEA(7, func(int) int { return 0 }, 0.05), kept: map[hone.PredictionID]bool{}}
	s.first(l.app)
	kept := func(l *live) hone.LogMode {
		t.Helper()
		p, err := l.app.Service().Events.(interface {
			Plan(ctx context.Context, model string) (hone.Plan, error)
		}).Plan(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		return p.Log
	}
	if got := kept(l); got != hone.Durable {
		t.Fatalf("the log is %s", got)
	}
	buffered := strings.Replace(changed(0), "log: durable", "log: buffered", 1)
	if err := l.apply("ada", "", buffered); err != nil {
		t.Fatal(err)
	}
	l.eventually("the plan changes", func() bool { return kept(l) == hone.Buffered })
	l.app.Stop()
	again := startLive(t, dir, changed(0))
	again.eventually("the plan changes", func() bool { return kept(again) == hone.Durable })
}
