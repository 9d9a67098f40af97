package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/loop"
	"hone/internal/op"
)

// TestSimulation lets models of every task and kind of configuration live through
// thirty days each: traffic that drifts, labels that come late, twice,
// contradicting or never, people who meddle and change the configuration,
// trainers and candidates that fail, a control side that dies before and after
// commits, a disk that is full for a while, a clock that jumps by hours or once by
// a year, summer time that begins and ends, and for some a second model that must
// not be touched. What must always hold is checked after each beat. The same seed
// lives the same life: run one with HONE_SIM_SEED, the thousand of the long tier
// with HONE_TEST_LONG=1. What the lives met is counted, and must be enough.
func TestSimulation(t *testing.T) {
	t.Parallel()
	first, seeds := 1, 12
	if testing.Short() {
		seeds = 3
	}
	if os.Getenv("HONE_TEST_LONG") != "" {
		seeds = 1000
	}
	if s := os.Getenv("HONE_SIM_SEEDS"); s != "" {
		seeds, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("HONE_SIM_SEED"); s != "" {
		first, _ = strconv.Atoi(s)
		seeds = 1
	}
	met := &tally{}
	t.Run("life", func(t *testing.T) {
		lives := []int{}
		for seed := range seeds {
			lives = append(lives, first+seed)
		}
		if len(lives) > 1 {
			lives = append(lives, slices.DeleteFunc(slices.Clone(lessons), func(seed int) bool { return seed < first+seeds })...)
		}
		for _, seed := range lives {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				newLife(t, uint64(seed), met, false).live()
			})
		}
	})
	t.Logf("met: %s", met)
	if seeds >= 12 && !t.Failed() {
		met.must(t, "runs promoted", "runs rejected", "runs failed", "deaths", "trainings broken", "decisions judged again", "verdicts of guards judged again")
	}
	if seeds >= 1000 && met.n["decisions judged again"] < 500 {
		t.Errorf("%d decisions were judged again; 500 are wanted", met.n["decisions judged again"])
	}
	if seeds >= 1000 && !t.Failed() {
		met.must(t, "runs rolled_back", "runs cancelled", "runs by manual", "runs by schedule", "runs by event", "runs by when", "runs by performance",
			"runs by recoverable_loss", "runs by data_volume", "runs by policy_change", "champions taken back", "questions", "years ahead", "years back", "predictions shed",
			"predictions refused", "commits refused", "configurations applied", "configurations refused", "lives of two models", "answers broken", "approvals denied", "approvals under four eyes")
	}
}

// TestSimulationElsewhere lets models live the same way whose predictions a server of
// their owner's answers: it goes by the plan, and logs what it answered. How many, says
// HONE_SIM_ELSEWHERE; which one, HONE_SIM_SEED.
func TestSimulationElsewhere(t *testing.T) {
	t.Parallel()
	first, seeds := 1, 6
	if testing.Short() {
		seeds = 1
	}
	if s := os.Getenv("HONE_SIM_ELSEWHERE"); s != "" {
		seeds, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("HONE_SIM_SEED"); s != "" {
		first, _ = strconv.Atoi(s)
		seeds = 1
	}
	met := &tally{}
	t.Run("life", func(t *testing.T) {
		for seed := first; seed < first+seeds; seed++ {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				newLife(t, uint64(seed), met, true).live()
			})
		}
	})
	t.Logf("met: %s", met)
	if seeds >= 6 && !t.Failed() {
		met.must(t, "runs promoted", "deaths", "decisions judged again", "verdicts of guards judged again")
	}
}

// lessons are seeds of lives that found a fault: an event that waited for ever once
// the trigger which it waited for was gone, and a gate that only warns taken for one
// that failed.
var lessons = []int{240, 214}

// days is how long a life lasts, beats how often a day things happen.
const (
	days  = 30
	beats = 3
)

// life is one simulated month.
type life struct {
	*world
	rng   *rand.Rand
	plan  lifePlan
	kind  kind
	tally *tally
	other *neighbour // Nil in most lives.

	elsewhere bool // The owner's server answers.
	learns    bool // Learning goes on beside the champion.

	dead     error // Set once the control side has crashed.
	poisoned map[hone.VersionID]bool
	kept     map[hone.PredictionID]bool // Acknowledged predictions.
	told     map[hone.PredictionID]int  // Acknowledged feedback that says something new.
	story    []string
	seen     memory30
	deaths   int
	// announced is the number of the last event.
	announced int
	// full is for how many beats more the disk is full, jumped whether the clock
	// has jumped by a year.
	full   int
	jumped bool
	shed   sync.Map // Predictions that the log did not take, by id.
	// governed is how many runs began before the configuration in force.
	governed int
	changed  bool                // The configuration has been another, since then by ada.
	adas     map[hone.RunID]bool // Runs under a configuration of ada's.
	luck     struct {
		sync.Mutex
		*rand.Rand
	}
}

// lifePlan is what a seed makes of a life.
type lifePlan struct {
	labelled          float64       // Share of predictions that get a label.
	late              time.Duration // The longest that a label takes.
	slips             float64       // Share of labels that come twice or contradict.
	changes           int           // Days between two changes of the world.
	trainer, faults   float64       // Share of trainings, and of a bad candidate's answers, that fail.
	crashes, meddling float64       // A beat's chance.
	fills, changing   float64       // A beat's chance of a full disk, or of another configuration.
	leap              time.Duration // What the clock jumps by once, 0 for never.
	log               string
}

func newLife(t *testing.T, seed uint64, met *tally, elsewhere bool) *life {
	rng := rand.New(rand.NewPCG(seed, 0x51e))
	learns := rand.New(rand.NewPCG(seed, 0x1ea)).IntN(3) == 0
	l := &life{elsewhere: elsewhere, learns: learns, rng: rng, tally: met, kind: anyKind(rng), adas: map[hone.RunID]bool{}, poisoned: map[hone.VersionID]bool{}, kept: map[hone.PredictionID]bool{}, told: map[hone.PredictionID]int{}}
	l.plan = lifePlan{
		labelled: pick(rng, 1, 0.8, 0.3), late: pick(rng, 0, 6*time.Hour, 5*24*time.Hour), slips: pick(rng, 0, 0.05),
		changes: pick(rng, 4, 9, 100), trainer: pick(rng, 0, 0.2, 0.5), faults: pick(rng, 0, 0, 0.02, 0.5),
		crashes: pick(rng, 0, 0.03, 0.1), meddling: pick(rng, 0, 0.05, 0.3),
		fills: pick(rng, 0, 0, 0.05), changing: pick(rng, 0, 0, 0.1), leap: pick(rng, 0, 0, 0, year, -year), log: pick(rng, "durable", "durable", "buffered"),
	}
	l.luck.Rand = rand.New(rand.NewPCG(seed, 0x1cc))
	two := rng.IntN(4) == 0
	l.world = &world{t: t, ctx: t.Context(), sources: map[string]*source{}, text: []byte(l.configuration(two)),
		clock: hands{clock.NewFake(pick(rng, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 10, 0, 0, 0, 0, time.UTC)))}}
	c, err := config.Parse("hone.yaml", l.text)
	if err != nil {
		t.Fatalf("%v\n%s", err, l.text)
	}
	c.Dir = memory(t)
	c.Server.Data = filepath.Join(c.Dir, "life0")
	l.config, l.model = c, c.Models[model]
	l.seams = l.breakage()
	if elsewhere {
		l.client = newClient(l.world)
	}
	l.start()
	if two {
		l.other = newNeighbour(l)
	}
	t.Cleanup(func() {
		l.app.Stop()
		if t.Failed() {
			t.Logf("HONE_SIM_SEED=%d\n%s\nthe last of its story:\n%s", seed, l.text, strings.Join(l.story[max(0, len(l.story)-40):], "\n"))
		}
	})
	return l
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

const year = 365 * 24 * time.Hour

// configuration draws one of the model's, beside the neighbour's where there are
// two.
func (l *life) configuration(two bool) string {
	r := l.rng
	triggers := []string{
		"{recoverable_loss: {retrain_cost: " + pick(r, "5", "20", "100") + "}}",
		`{schedule: {cron: "` + pick(r, "0 3 * * *", "0 3 * * 1", "30 2 * * *", "0 3 * * 2,5") + `", time_zone: ` + pick(r, "UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe") + "}}",
		"{data_volume: " + pick(r, "30", "150", "600") + "}",
		"{drift: {features: " + pick(r, "30%", "60%") + "}}",
		"{performance: {" + pick(r, l.kind.worse...) + "}}",
		`{when: "` + pick(r, l.kind.when...) + `", consecutive: ` + pick(r, "1", "2", "4") + "}",
		"{event: {type: com.*}}",
		"{all: [{event: {}}, {drift: {features: 30%}}], warm_up: " + pick(r, "0s", "1d") + "}",
		"{at_least: {n: 2, of: [{performance: {" + l.kind.worse[0] + "}}, {data_volume: 60}, {drift: {features: 60%}}]}, consecutive: 2}",
		"{policy_change: true}",
	}
	r.Shuffle(len(triggers), func(i, j int) { triggers[i], triggers[j] = triggers[j], triggers[i] })
	wait := pick(r, "2d", "12h", "5d") + ", on_insufficient: " + pick(r, "hold", "ask", "promote", "rollback")
	steps := pick(r, "{shadow: 20, max_wait: "+wait+"}, {weight: 50%, min_requests: 20, max_wait: "+wait+"}",
		"{weight: 5%, min_requests: 5, max_wait: "+wait+"}, {weight: 25%, min_requests: 20, max_wait: "+wait+"}",
		"{shadow: 10, max_wait: "+wait+"}")
	rollout := pick(r, "strategy: canary, steps: ["+steps+"]", "strategy: canary, steps: ["+steps+"]", "strategy: immediate",
		"strategy: blue_green, steps: [{shadow: 20, max_wait: "+wait+"}]")
	return `version: 1
models:
  sea:
` + map[bool]string{true: "    serving: external\n"}[l.elsewhere] + `    task: ` + l.kind.task + `
    features: {` + l.kind.features + `}
    label: {name: label, delay: ` + pick(r, "0s", "0s", "3h", "4d") + l.kind.oneSided(r) + `}
    monitor: {tick: ` + pick(r, "20", "60") + `, window: 200}
    dataset: {window: ` + pick(r, "all", "all", "200", "auto") + `, min_rows: 100}
    triggers: [` + strings.Join(triggers[:1+r.IntN(3)], ", ") + `]
    guards: {cooldown: ` + pick(r, "0s", "1h", "36h") + `, max_per_day: ` + pick(r, "1", "2", "4") + `, min_new_labels: ` + pick(r, "1", "50") + pick(r, "", ", max_per_month: 7", ", budget: {run_cost: 10, per_day: 20, per_month: 90}") + `}
` + map[bool]string{true: "    train: {continuous: 100}\n"}[l.learns] + `    evidence: ` + pick(r, "balanced", "balanced", "strict") + `
    approval: ` + pick(r, "auto", "auto", "manual", "manual\n    four_eyes: true") + `
    rollout: {` + rollout + `, probation: {labels: ` + pick(r, "50", "300") + `}}
    log: ` + l.plan.log + `
` + map[bool]string{true: neighbourly}[two]
}

// live is the month.
func (l *life) live() {
	l.must(l.past(150 + l.rng.IntN(300)))
	for day := range days {
		for range beats {
			if l.plan.changes > 0 && day%l.plan.changes == l.plan.changes-1 && l.rng.IntN(beats) == 0 {
				l.source(l.kind.source, options{"variant": strconv.Itoa(l.rng.IntN(l.kind.variants))})
			}
			l.beat()
			l.check()
		}
	}
	l.plan.crashes, l.plan.trainer, l.full = 0, 0, 0
	l.recover(l.dead)
	l.recover(l.pass(time.Hour))
	l.settleAccounts()
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil && l.dead == nil && !l.refused(err) {
		l.t.Fatalf("%s: %v", l.clock.Now(), err)
	}
	l.recover(l.dead)
}

// refused tells whether something failed because the disk is full.
func (l *life) refused(err error) bool {
	e, ok := hone.AsError(err)
	return l.full > 0 && ok && e.Code == hone.Unavailable
}

// beat is what happens in some hours.
func (l *life) beat() {
	hours := time.Duration(1+l.rng.IntN(9)) * time.Hour
	switch l.rng.IntN(60) {
	case 0:
		hours = -time.Hour // The clock is put back.
	case 1:
		hours += 26 * time.Hour
	case 2:
		if !l.jumped && l.plan.leap != 0 {
			l.jumped, hours = true, l.plan.leap
			l.tally.add(map[bool]string{true: "years ahead", false: "years back"}[hours > 0], 1)
			l.tell("the clock jumps by %s", hours)
		}
	}
	if l.full > 0 {
		l.full--
	} else if l.rng.Float64() < l.plan.fills {
		l.full = 1 + l.rng.IntN(6)
		l.tell("the disk is full for %d beats", l.full)
	}
	l.must(l.visitors(l.rng.IntN(30)))
	if l.other != nil {
		l.other.beat()
	}
	if l.rng.Float64() < l.plan.changing {
		l.reconfigure()
	}
	if l.rng.Float64() < l.plan.meddling {
		l.meddle()
	}
	if l.rng.Float64() < l.plan.crashes {
		l.die(errors.New("killed between two steps"))
		l.recover(l.dead)
	}
	l.must(l.labels(hours))
}

// visitors come, and every one gets an answer from a version that the plan names.
func (l *life) visitors(n int) error {
	v, err := l.app.Loop().View(model)
	if err != nil || v.Champion.ID == "" {
		if err == nil {
			err = l.past(n)
		}
		return err
	}
	for n > 0 {
		batch := min(n, 1+l.rng.IntN(20))
		n -= batch
		f, labels, ids, err := l.rows(l.kind.source, batch, options{})
		if err != nil {
			return err
		}
		if err := l.ask(f, ids); err != nil {
			return err
		}
		for i, id := range ids {
			if _, shed := l.shed.Load(id); shed {
				l.tally.add("predictions shed", 1)
				continue
			}
			l.kept[id] = true
			l.promise(id, labels[i])
		}
		if err := l.pass(time.Duration(l.rng.IntN(600)) * time.Second); err != nil {
			return err
		}
	}
	return nil
}

func (l *life) ask(f *frame.Frame, ids []hone.PredictionID) error {
	plan, err := l.committed()
	if err != nil {
		return err
	}
	gave, err := l.world.ask(f, ids)
	if l.refused(err) && plan.Log == hone.Durable {
		l.tally.add("predictions refused", len(ids)) // As is said of what is durable.
		return err
	}
	if err != nil {
		l.t.Errorf("%s: a visitor got no answer: %v", l.clock.Now(), err)
		return err
	}
	for _, v := range gave {
		if v != plan.Champion && (v != plan.Challenger || plan.Weight <= 0) {
			l.t.Errorf("%s: %s answered; the plan is %+v", l.clock.Now(), v, plan)
		}
	}
	return l.app.Flush(l.ctx)
}

// promise sends the truth later, as the seed has it.
func (l *life) promise(id hone.PredictionID, label string) {
	if l.rng.Float64() >= l.plan.labelled || l.model.Label.AbsentMeans != "" && label == l.model.Label.AbsentMeans {
		return // Where a class is known by silence, nobody reports it.
	}
	at := l.clock.Now()
	if l.plan.late > 0 {
		at = at.Add(time.Duration(l.rng.Int64N(int64(l.plan.late))))
	}
	l.waiting = append(l.waiting, due{at: at, id: id, label: label})
	if l.rng.Float64() < l.plan.slips {
		l.waiting = append(l.waiting, due{at: at.Add(time.Hour), id: id, label: l.kind.slip(l.rng)})
	}
}

// labels lets time go by; what is due is told, and remembered once acknowledged.
func (l *life) labels(d time.Duration) error {
	if d < 0 {
		l.clock.Advance(d)
		return l.step()
	}
	for _, w := range l.waiting {
		if !w.at.After(l.clock.Now().Add(d)) {
			l.told[w.id]++
		}
	}
	return l.pass(d)
}

// past sends rows of history with their labels.
func (l *life) past(n int) error {
	if n == 0 {
		return nil
	}
	before := l.next
	err := l.history(l.kind.source, n, options{})
	for i := before; i < l.next; i++ {
		l.kept[hone.PredictionID("p"+strconv.Itoa(i))] = true
		l.told[hone.PredictionID("p"+strconv.Itoa(i))]++
	}
	return err
}

// meddle is a person who does something, sensible or not.
func (l *life) meddle() {
	if l.rng.IntN(3) == 0 {
		l.announced++
		l.must(l.announce(l.announced, false))
		return
	}
	do := pick(l.rng, loop.Retrain, loop.Retrain, loop.Cancel, loop.Approve, loop.Approve, loop.Refuse, loop.Pass, loop.Pause, loop.Resume, loop.Rollback)
	by := pick(l.rng, "ada", "grace")
	sentence, err := l.app.Loop().Act(l.ctx, model, loop.Act{Do: do, By: by, Force: l.rng.IntN(3) == 0})
	l.tell("%s: %s: %s %v", by, do, sentence, err)
	if e, ok := hone.AsError(err); ok && e.Code == hone.Denied {
		l.tally.add("approvals denied", 1)
	}
	if _, known := hone.AsError(err); err != nil && !known && l.dead == nil {
		l.t.Errorf("%s %s: %v", l.clock.Now(), do, err)
	}
	l.recover(l.dead)
}

// announce sends the event of a number, which is known already or not.
func (l *life) announce(n int, known bool) error {
	got, err := l.call("event", &op.EventIn{Model: model, SpecVersion: "1.0", ID: strconv.Itoa(n), Source: "/sim", Type: "com.acme.changed"})
	if err != nil {
		return err
	}
	out := got.(op.EventOut)
	if out.Repeated != known {
		l.t.Errorf("event %d was announced, known %v: %+v", n, known, out)
	}
	l.tell("ada: event: %s", out.Sentence)
	return l.step()
}

func (l *life) tell(format string, args ...any) {
	l.story = append(l.story, l.clock.Now().Format("01-02 15:04 ")+fmt.Sprintf(format, args...))
}

// die ends the control side at once; recover finds the folder as it lay then.
func (l *life) die(why error) {
	if l.dead == nil {
		l.dead = why
		l.deaths++
		l.config.Server.Data = filepath.Join(l.config.Dir, "life"+strconv.Itoa(l.deaths))
	}
}

// recover starts again on a copy of the folder, as a machine does that lost its
// process: nothing that the old one says while it ends reaches the copy.
func (l *life) recover(dead error) {
	l.t.Helper()
	if dead == nil {
		return
	}
	l.tell("dies: %v", dead)
	old := filepath.Join(l.config.Dir, "life"+strconv.Itoa(l.deaths-1))
	if err := os.CopyFS(l.config.Server.Data, os.DirFS(old)); err != nil {
		l.t.Fatal(err)
	}
	l.app.Stop()
	if err := os.RemoveAll(old); err != nil {
		l.t.Fatal(err)
	}
	l.dead = nil
	if l.other != nil {
		l.other.stood = ""
	}
	l.start()
	if err := l.step(); err != nil && l.dead == nil && !l.refused(err) {
		l.t.Fatalf("after a restart: %v", err)
	}
	if l.dead != nil {
		l.recover(l.dead)
		return
	}
	l.check()
}

// settleAccounts holds the end of a life against all that was acknowledged.
func (l *life) settleAccounts() {
	v, err := l.app.Loop().View(model)
	if err != nil {
		l.t.Fatal(err)
	}
	if !l.changed { // Which configuration a dataset was made by goes by the clock, which jumps here.
		if _, err := l.verify(v); err != nil {
			l.t.Error(err)
		}
	}
	n, _, _, err := l.app.Service().Events.LastSeq(l.ctx, model)
	if err != nil || int(n) != len(l.kept) {
		l.t.Errorf("%d predictions stand in the log, %d were acknowledged: %v", n, len(l.kept), err)
	}
	asked := 0
	for id := range l.kept {
		if asked++; asked > 60 {
			break
		}
		p, said, err := l.app.Service().Events.Find(l.ctx, model, id)
		if err != nil || p.ID != id {
			l.t.Errorf("%s was acknowledged: %v", id, err)
		}
		if l.told[id] > 0 && len(said) == 0 {
			l.t.Errorf("the label of %s was acknowledged", id)
		}
	}
	for n := range l.announced {
		if l.jumped {
			break // What was announced a year ago may be forgotten.
		}
		if err := l.announce(n+1, true); err != nil {
			l.t.Error(err)
		}
	}
	runs, err := l.allRuns()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.checkEvents(runs); err != nil && !l.jumped {
		l.t.Error(err)
	}
	l.checkReplays(runs)
	if l.other != nil {
		l.other.settleAccounts()
	}
	l.count(runs)
	l.tell("ends with %d runs, %d deaths, %s", len(runs), l.deaths, op.Lead(v, l.clock.Now()))
	if testing.Verbose() {
		l.t.Log(l.story[len(l.story)-1])
	}
}

// committed is the plan that was committed last.
func (l *life) committed() (hone.Plan, error) {
	return l.app.Service().Events.(interface {
		Plan(ctx context.Context, model string) (hone.Plan, error)
	}).Plan(l.ctx, model)
}
