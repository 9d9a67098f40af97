package app_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/op"
)

// fleet is a Hone with three models that share a budget.
type fleet struct {
	t     *testing.T
	dir   string
	clock *clock.Fake
	app   *app.App
	text  string
	rng   *rand.Rand
	next  int
}

// harm is how many of a hundred rows turn round, by model; members are the models.
var (
	harm    = map[string]int{"mild": 60, "worse": 75, "worst": 100}
	members = []string{"mild", "worse", "worst"}
)

func newFleet(t *testing.T) *fleet {
	return &fleet{t: t, dir: memory(t), clock: clock.NewFake(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)), rng: rand.New(rand.NewPCG(3, 4))}
}

// serve starts Hone anew, with a budget for a day.
func (f *fleet) serve(budget string) {
	f.t.Helper()
	if f.app != nil {
		f.app.Stop()
	}
	f.text = fleetText(budget)
	o := app.Options{Config: f.config(), Text: []byte(f.text)}
	if f.clock != nil {
		o.Clock, o.Inline = hands{f.clock}, true
	}
	var err error
	if f.app, err = app.New(f.t.Context(), o); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(f.app.Stop)
	if err := f.app.Start(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func fleetText(budget string) string {
	text := "version: 1\n" + budget + "models:\n"
	for _, name := range members {
		text += fmt.Sprintf(`  %s:
    task: binary
    features: {x: number, y: number}
    label: {name: label}
    monitor: {tick: 100}
    costs: {currency: EUR, loss: 0.5}
    triggers: [{recoverable_loss: {retrain_cost: 10}}]
    guards: {cooldown: 1m, max_per_day: 9, min_new_labels: 100}
    rollout: {strategy: immediate}
    log: durable
`, name)
	}
	return text
}

func (f *fleet) call(name string, in any) any {
	f.t.Helper()
	o, _ := op.Find(name)
	out, err := o.Call(f.t.Context(), f.app.Service(), op.Caller{Name: "ada", Role: op.Admin}, in)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// rows are new ones of a model, so many of a hundred turned round.
func (f *fleet) rows(n, turned int) (rows *frame.Frame, ids []hone.PredictionID, labels []string) {
	rows = frame.New(frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "y", Kind: frame.Number}}, n)
	for i := range n {
		x, y := f.rng.NormFloat64(), f.rng.Float64()
		rows.Cols[0].Num[i], rows.Cols[1].Num[i] = x, y
		positive := (x+2*y > 1) != (100*y < float64(turned)) != (f.rng.Float64() < 0.08)
		labels = append(labels, map[bool]string{true: "1", false: "0"}[positive])
		ids = append(ids, hone.PredictionID(fmt.Sprint("p", f.next)))
		f.next++
	}
	return rows, ids, labels
}

func (f *fleet) history(name string) {
	f.t.Helper()
	rows, ids, labels := f.rows(600, 0)
	in := op.HistoryIn{Model: name}
	now := time.Now()
	if f.clock != nil {
		now = f.clock.Now()
	}
	for i := range rows.N {
		in.Items = append(in.Items, op.HistoryItem{PredictionID: ids[i], Label: labels[i], Time: now.Add(time.Duration(i-700) * time.Second),
			Features: map[string]any{"x": rows.Cols[0].Num[i], "y": rows.Cols[1].Num[i]}})
	}
	f.call("history", &in)
}

// traffic serves rows that are turned round, and labels them.
func (f *fleet) traffic(name string) {
	f.t.Helper()
	rows, ids, labels := f.rows(500, harm[name])
	if _, err := f.app.Gateway().Predict(f.t.Context(), name, gateway.Request{IDs: ids, Frame: rows}); err != nil {
		f.t.Fatal(err)
	}
	in := op.FeedbackIn{Model: name}
	for i, id := range ids {
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: labels[i]})
	}
	f.call("feedback", &in)
}

func (f *fleet) config() *config.Config {
	f.t.Helper()
	c, err := config.Parse("hone.yaml", []byte(f.text))
	if err != nil {
		f.t.Fatal(err)
	}
	c.Dir, c.Server.Data = f.dir, filepath.Join(f.dir, "data")
	return c
}

// step takes the models on, in an order.
func (f *fleet) step(names ...string) {
	f.t.Helper()
	for _, name := range names {
		if err := f.app.Loop().Step(f.t.Context(), name); err != nil {
			f.t.Fatal(err)
		}
	}
}

// runs are how many each model has had.
func (f *fleet) runs() string {
	f.t.Helper()
	var out []string
	for _, name := range members {
		out = append(out, fmt.Sprintf("%s %d", name, len(f.call("runs", &op.ListIn{Model: name}).(op.RunList).Runs)))
	}
	return strings.Join(out, ", ")
}

// has holds how many runs there are, and that models wait for a reason.
func (f *fleet) has(when, runs string, waits map[string]string) {
	f.t.Helper()
	if got := f.runs(); got != runs {
		f.t.Fatalf("%s: %s; want %s", when, got, runs)
	}
	for name, why := range waits {
		v, err := f.app.Loop().View(name)
		if err != nil || !strings.Contains(v.Decision.Sentence, why) {
			f.t.Fatalf("%s: %q (%v); want %q", when, v.Decision.Sentence, err, why)
		}
		plan, err := f.app.Loop().Plan(name)
		if err != nil || !strings.Contains(plan.Sentence, why) || plan.Start {
			f.t.Fatalf("%s: its plan is %q (%v); want %q", when, plan.Sentence, err, why)
		}
	}
}

// TestSharedBudget holds that a budget is spent on the model that wins back most for it,
// whoever looks first, that it is spent over a restart too, and who passes it.
func TestSharedBudget(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.serve("")
	for _, name := range members {
		f.history(name)
	}
	f.step(members...)
	f.clock.Advance(time.Minute)
	f.step(members...)
	f.has("three first versions", "mild 1, worse 1, worst 1", nil)

	// They have spent 30 by the time that there is a budget.
	f.serve("budget: {per_day: 30}\n")
	f.clock.Advance(time.Minute)
	for _, name := range members {
		f.traffic(name)
	}
	f.step(members...)
	spent := "the shared budget is spent until Tue 3 Mar 00:0"
	f.has("the day's is spent", "mild 1, worse 1, worst 1", map[string]string{"mild": spent, "worse": spent, "worst": spent})

	// A day later there is room for one.
	f.clock.Advance(24 * time.Hour)
	if !f.apply("budget: {per_day: 12}\n") {
		t.Error("the change of the budget is none")
	}
	f.step("mild", "worse")
	f.has("room for one", "mild 1, worse 1, worst 1", map[string]string{"mild": "the shared budget goes to ", "worse": "the shared budget goes to worst first."})
	f.step("worst")
	f.has("the best goes", "mild 1, worse 1, worst 2", nil)
	f.clock.Advance(10 * time.Minute)
	f.step(members...)
	spent = "the shared budget is spent until Wed 4 Mar 00:0"
	f.has("and nobody else", "mild 1, worse 1, worst 2", map[string]string{"mild": spent, "worse": spent})

	f.serve("budget: {per_day: 12}\n")
	f.clock.Advance(10 * time.Minute)
	f.step(members...)
	f.has("after a restart", "mild 1, worse 1, worst 2", map[string]string{"mild": spent, "worse": spent})

	// A person is told, and may force it, which counts.
	if _, err := f.app.Loop().Act(t.Context(), "mild", loop.Act{Do: loop.Retrain, By: "ada"}); err == nil || !strings.Contains(err.Error(), "the shared budget is spent until") {
		t.Errorf("by hand: %v", err)
	}
	f.clock.Advance(24 * time.Hour)
	if _, err := f.app.Loop().Act(t.Context(), "mild", loop.Act{Do: loop.Retrain, By: "ada", Force: true}); err != nil {
		t.Errorf("by force: %v", err)
	}
	f.step("worse", "mild")
	f.has("by force", "mild 2, worse 1, worst 2", map[string]string{"worse": "the shared budget is spent until "})
	f.clock.Advance(24*time.Hour + time.Minute)
	f.step("worse")
	f.has("the next", "mild 2, worse 2, worst 2", nil)
	i := slices.IndexFunc(f.call("runs", &op.ListIn{Model: "worse"}).(op.RunList).Runs[0].Decision.Reasons, func(r hone.Reason) bool { return r.Guard == "shared_budget" })
	if i < 0 {
		t.Error("its decision does not say what was spent")
	}
}

// apply changes the budget while all goes on, and tells whether it was seen.
func (f *fleet) apply(budget string) bool {
	f.t.Helper()
	text := fleetText(budget)
	d := f.call("config diff", &op.ConfigDiffIn{Text: text}).(op.ConfigDiff)
	f.call("config apply", &op.ConfigApplyIn{Text: text, Base: d.Base})
	return len(d.Budget) == 1 && d.Budget[0].Effect == "tighter" && len(d.Models) == 0
}

// TestSharedBudgetAtOnce lets three models want a run at the same moment, each in its own
// time: what they share is spent once.
func TestSharedBudgetAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.clock = nil
	f.serve("server: {listen: \"127.0.0.1:0\"}\nbudget: {per_day: 19}\n")
	for _, name := range members {
		f.history(name)
	}
	ran := func(name string) int { return len(f.call("runs", &op.ListIn{Model: name}).(op.RunList).Runs) }
	total := 0
	// Two may wait for the third before it has begun.
	(&live{t: t, app: f.app}).eventually("one runs, and two wait for the budget", func() bool {
		waiting := 0
		total = 0
		for _, name := range members {
			f.app.Loop().Wake(name)
			total += ran(name)
			if v, err := f.app.Loop().View(name); err == nil && strings.Contains(v.Decision.Sentence, "the shared budget ") {
				waiting++
			}
		}
		return total > 0 && waiting == 2
	})
	if total != 1 {
		t.Errorf("%s: want one", f.runs())
	}
}
