package app_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/fault/power"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/store"
	"hone/internal/stream"
	"hone/internal/train"
)

const told = `version: 1
server: {listen: "127.0.0.1:0"}
models:
  sea:
    task: binary
    features: {f0: number, f1: number, f2: number}
    label: {name: label}
    monitor: {window: 200, tick: 20}
    triggers: [{data_volume: 100000}]
    guards: {cooldown: 0s, max_per_day: 1000, min_new_labels: 1}
    rollout: {steps: [{shadow: 10}, {weight: 50%, min_requests: 10}], probation: {labels: 40}}
    log: LOG
    approval: APPROVAL
`

// story is a small life of a model, from an empty folder on. Any step of it may
// fail, or be its process's last; it is then told on from there. What was sent
// and what was acknowledged stands in a ledger beside the folder.
type story struct {
	dir    string
	ctx    context.Context
	clock  hands
	app    *app.App
	source stream.Stream
	rows   *frame.Frame
	labels []string
	next   int
	second bool // The second half has another configuration.
	ledger *ledger
	errs   []error
	// restarts counts those that a failure made needful.
	restarts int
}

// morning is when the story begins.
var morning = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// chapters are the story's steps. Each may be begun again.
var chapters = []struct {
	name string
	tell func(*story) error
}{
	{"history", (*story).history},
	{"first version", func(s *story) error {
		return s.until("a champion", 0, func(v loop.View) bool { return v.Champion.ID != "" })
	}},
	{"traffic", func(s *story) error { return s.traffic(120) }},
	{"logged elsewhere", (*story).logged},
	{"retrain", (*story).retrain},
	{"promoted", (*story).promoted},
	{"probation", func(s *story) error {
		return s.until("the probation's end", 300, func(v loop.View) bool { return v.Watch != nil && v.Watch.Over })
	}},
	{"the next day", (*story).nextDay},
	{"another configuration", (*story).reconfigure},
	{"retrain again", (*story).retrain},
	{"approval", (*story).approve},
	{"promoted again", (*story).promoted},
	{"rollback", (*story).rollback},
	{"retention", (*story).retain},
	{"served", (*story).serve},
}

func newStory(ctx context.Context, dir string) (*story, error) {
	s := &story{dir: dir, ctx: ctx, source: stream.NewSEA(7, nil, 0.05), clock: hands{clock.NewFake(morning)}}
	s.rows = frame.New(s.source.Schema(), 4000)
	for i := range s.rows.N {
		s.labels = append(s.labels, s.source.Next(s.rows, i))
	}
	var err error
	s.ledger = &ledger{}
	s.ledger.File, err = os.OpenFile(filepath.Join(dir, "ledger"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return s, err
}

// ledger is what a story has sent and heard, in a file that every process after
// it finds. Where a tape runs it is noted there too.
type ledger struct {
	*os.File
	tape *power.Tape
}

func (l *ledger) Write(b []byte) (int, error) {
	if l.tape != nil {
		l.tape.Note(string(b))
	}
	return l.File.Write(b)
}

func (l *ledger) WriteString(s string) (int, error) { return l.Write([]byte(s)) }

// note writes lines to the ledger in one piece, before what follows can happen.
func (s *story) note(format string, ids []hone.PredictionID) {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, format+"\n", id)
	}
	s.ledger.WriteString(b.String())
}

// noting notes each training that came to its end, by its run and its part.
func (s *story) noting(_ string, t train.Trainer) train.Trainer { return noting{t, s.ledger} }

type noting struct {
	train.Trainer
	ledger *ledger
}

func (n noting) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	r, err := n.Trainer.Train(ctx, job, report)
	if err == nil {
		part, _, _ := strings.Cut(filepath.Base(job.Dir), ".")
		fmt.Fprintf(n.ledger, "trained %s/%s\n", filepath.Base(filepath.Dir(job.Dir)), part)
	}
	return r, err
}

// tell tells the story from a chapter on. A chapter that fails is begun again, in
// the end by a new process.
func (s *story) tell(from int, give func(chapter, try int)) error {
	defer s.stop()
	for i := from; i < len(chapters); i++ {
		for try := 0; ; try++ {
			fmt.Fprintf(s.ledger, "chapter %d %d %d %v\n", i, s.next, s.clock.Now().UnixNano(), s.second)
			if give != nil {
				give(i, try)
			}
			err := s.up()
			if err == nil {
				err = chapters[i].tell(s)
			}
			if err == nil {
				break
			}
			s.errs = append(s.errs, fmt.Errorf("%s: %w", chapters[i].name, err))
			if try == 6 {
				return errors.Join(s.errs...)
			}
			s.clock.Advance(3 * time.Second)
			if try > 1 {
				s.stop()
				s.restarts++
			}
		}
	}
	return nil
}

func (s *story) config() (*config.Config, []byte, error) {
	log, approval := "durable", "auto"
	if s.second {
		log, approval = "buffered", "manual"
	}
	text := []byte(strings.NewReplacer("LOG", log, "APPROVAL", approval).Replace(told))
	c, err := config.Parse("hone.yaml", text)
	if err == nil {
		c.Dir, c.Server.Data = s.dir, filepath.Join(s.dir, "data")
	}
	return c, text, err
}

// up starts the app where it is down.
func (s *story) up() error {
	if s.app != nil {
		return nil
	}
	a, err := s.start(true)
	s.app = a
	return err
}

func (s *story) start(inline bool) (*app.App, error) {
	c, text, err := s.config()
	if err != nil {
		return nil, err
	}
	a, err := app.New(s.ctx, app.Options{Config: c, Text: text, Clock: s.clock, Inline: inline, Seams: app.Seams{Trainer: s.noting}})
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	if err := a.Start(s.ctx); err != nil {
		a.Stop()
		return nil, fmt.Errorf("start: %w", err)
	}
	return a, nil
}

func (s *story) stop() {
	if s.app != nil {
		s.app.Stop()
	}
	s.app = nil
}

func (s *story) call(name string, in any) (any, error) {
	o, ok := op.Find(name)
	if !ok {
		return nil, fmt.Errorf("there is no operation %q", name)
	}
	return o.Call(s.ctx, s.app.Service(), op.Caller{Name: "ada", Role: op.Admin}, in)
}

func (s *story) step() error { return s.app.Loop().Step(s.ctx, model) }

// take returns the numbers of the next rows.
func (s *story) take(n int) (ids []hone.PredictionID, from int) {
	from = s.next
	s.next += n
	for i := range n {
		ids = append(ids, hone.PredictionID(fmt.Sprintf("p%d", from+i)))
	}
	return ids, from
}

func (s *story) features(row int) map[string]any {
	return map[string]any{"f0": s.rows.Cols[0].Num[row], "f1": s.rows.Cols[1].Num[row], "f2": s.rows.Cols[2].Num[row]}
}

// history brings rows that were labelled before. Sent twice they count once.
func (s *story) history() error {
	s.next = 0
	ids, from := s.take(400)
	in := op.HistoryIn{Model: model}
	for i, id := range ids {
		in.Items = append(in.Items, op.HistoryItem{PredictionID: id, Features: s.features(from + i), Label: s.labels[from+i],
			Time: s.clock.Now().Add(time.Duration(i-500) * time.Second)})
	}
	s.note("sent %s", ids)
	if _, err := s.call("history", &in); err != nil {
		return err
	}
	s.note("kept %s", ids)
	s.note("labelled %s", ids)
	s.clock.Advance(5 * time.Second)
	return s.step()
}

// logged brings predictions that were made elsewhere.
func (s *story) logged() error {
	ids, from := s.take(10)
	in := op.LoggedIn{Model: model}
	for i, id := range ids {
		in.Items = append(in.Items, op.LoggedItem{PredictionID: id, Features: s.features(from + i)})
	}
	s.note("sent %s", ids)
	if _, err := s.call("log", &in); err != nil {
		return err
	}
	s.note("kept %s", ids)
	return s.step()
}

// ask serves rows, one request each, sends their labels and steps.
func (s *story) ask(n int) error {
	ids, from := s.take(n)
	s.note("sent %s", ids)
	for i, id := range ids {
		in := gateway.Request{IDs: []hone.PredictionID{id}, Frame: s.rows.Slice(from+i, from+i+1)}
		if _, err := s.app.Gateway().Predict(s.ctx, model, in); err != nil {
			return err
		}
		if !s.second {
			s.note("kept %s", ids[i:i+1])
		}
	}
	if err := s.app.Flush(s.ctx); err != nil {
		return err
	}
	s.shadowed()
	in := op.FeedbackIn{Model: model}
	for i, id := range ids {
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: s.labels[from+i]})
	}
	s.clock.Advance(time.Second)
	if _, err := s.call("feedback", &in); err != nil {
		return err
	}
	s.note("labelled %s", ids)
	return s.step()
}

// shadowed waits a moment for shadow scores, where there may be any.
func (s *story) shadowed() {
	v, err := s.app.Loop().View(model)
	if err != nil || v.Run == nil || v.Run.State != hone.Shadowing {
		return
	}
	late := time.After(50 * time.Millisecond)
	select {
	case <-s.app.Service().Events.(interface {
		Changed(model string) <-chan struct{}
	}).Changed(model):
	case <-late:
	}
}

func (s *story) traffic(n int) error {
	for range n / 5 {
		if err := s.ask(5); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) nextDay() error {
	s.ledger.WriteString("midnight\n")
	s.clock.Advance(24 * time.Hour)
	return s.traffic(20)
}

// until lets traffic flow until something is so.
func (s *story) until(what string, most int, so func(loop.View) bool) error {
	for asked := 0; ; asked += 5 {
		if err := s.step(); err != nil {
			return err
		}
		v, err := s.app.Loop().View(model)
		if err != nil || so(v) {
			return err
		}
		if asked >= most && most > 0 || asked > 100 {
			return fmt.Errorf("no sign of %s: champion %q, %s", what, v.Champion.ID, inShort(v))
		}
		s.clock.Advance(2 * time.Second)
		if most > 0 {
			if err := s.ask(5); err != nil {
				return err
			}
		}
	}
}

// reconfigure goes on with the second configuration.
func (s *story) reconfigure() error {
	if !s.second {
		s.stop()
		s.second = true
	}
	if err := s.up(); err != nil {
		return err
	}
	return s.traffic(100)
}

// inShort tells where the runs are.
func inShort(v loop.View) string {
	out := ""
	for _, r := range []*hone.Run{v.Run, v.Last} {
		if r != nil {
			out += fmt.Sprintf("%s %s %s: %s; ", r.ID, r.State, r.Ending, r.Sentence)
		}
	}
	return out
}

// retrain starts a run, unless one is under way or has ended well.
func (s *story) retrain() error {
	v, err := s.app.Loop().View(model)
	if err != nil || v.Run != nil || s.crowned(v) {
		return err
	}
	if _, err := s.call("run", &op.RetrainIn{Model: model, Force: true}); err != nil {
		return err
	}
	return s.step()
}

// crowned tells whether this half's candidate is champion.
func (s *story) crowned(v loop.View) bool {
	if v.Run != nil || v.Last == nil || v.Last.Ending != hone.Promoted {
		return false
	}
	if s.second {
		return v.Last.Decision.At.After(morning.Add(20 * time.Hour))
	}
	return v.Last.Decision.Trigger == hone.OnManual
}

// approve says yes, where the run has come so far.
func (s *story) approve() error {
	if err := s.step(); err != nil {
		return err
	}
	v, err := s.app.Loop().View(model)
	if err != nil || v.Run == nil || v.Run.State != hone.AwaitingApproval {
		return err
	}
	candidate, err := s.app.Service().Records.Version(s.ctx, model, v.Run.Candidate)
	if err != nil {
		return err
	}
	_, err = s.call("approve", &op.ApproveIn{Run: string(v.Run.ID), Artefact: candidate.Artefact})
	return err
}

// promoted lets traffic flow until a champion follows. A run that came to
// nothing is followed by another.
func (s *story) promoted() error {
	for range 80 {
		if err := errors.Join(s.retrain(), s.approve()); err != nil {
			return err
		}
		v, err := s.app.Loop().View(model)
		if err != nil || s.crowned(v) {
			return err
		}
		s.clock.Advance(2 * time.Second)
		if err := s.ask(5); err != nil {
			return err
		}
	}
	v, err := s.app.Loop().View(model)
	return errors.Join(fmt.Errorf("no promotion: %s", inShort(v)), err)
}

func (s *story) rollback() error {
	v, err := s.app.Loop().View(model)
	if err != nil {
		return err
	}
	if v.Last != nil && v.Last.Ending == hone.RolledBack || v.Aliases[hone.Previous] == "" {
		return s.step()
	}
	if _, err := s.call("rollback", &op.RollbackIn{Model: model, Reason: "the story wants it"}); err != nil {
		return err
	}
	return s.traffic(10)
}

// retain lets a day of the log go. That day is kept in no ledger.
func (s *story) retain() error {
	s.stop()
	db, err := store.Open(filepath.Join(s.dir, "data"), store.Options{Clock: s.clock})
	if err != nil {
		return err
	}
	s.ledger.WriteString("dropped\n")
	_, err = db.Prune(s.ctx, s.clock.Now().Add(-time.Hour))
	if err == nil {
		_, err = db.Drop(s.ctx, morning.Truncate(24*time.Hour).AddDate(0, 0, 1))
	}
	if err == nil {
		_, _, _, err = db.LogStats()
	}
	return errors.Join(err, db.Close())
}

// serve starts all that a server has, and stops it.
func (s *story) serve() error {
	s.stop()
	a, err := s.start(false)
	if err == nil {
		a.Stop()
	}
	return err
}
