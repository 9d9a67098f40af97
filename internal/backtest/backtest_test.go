package backtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/backtest"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/train"
)

func run(t *testing.T, m hone.Model, l backtest.Log, o backtest.Options) backtest.Result {
	t.Helper()
	r, err := backtest.Run(t.Context(), m, l, o, learner(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func outcome(t *testing.T, r backtest.Result, name string) backtest.Outcome {
	t.Helper()
	i := slices.IndexFunc(r.Policies, func(p backtest.Outcome) bool { return p.Policy == name })
	if i < 0 {
		t.Fatalf("there is no policy %s", name)
	}
	return r.Policies[i]
}

func standing(t *testing.T, a backtest.At, name string) backtest.Standing {
	t.Helper()
	i := slices.IndexFunc(a.Policies, func(p backtest.Standing) bool { return p.Policy == name })
	if i < 0 {
		t.Fatalf("there is no policy %s", name)
	}
	return a.Policies[i]
}

// Where the concept turns round at once, the configured rule retrains soon after and
// not before, and is surely cheaper than never; where nothing changes it does nothing.
func TestAbrupt(t *testing.T) {
	t.Parallel()
	m := model(t, binary)
	const n, cut = 6000, 3000
	r := run(t, m, rows(m, 1, n, turned(cut)), backtest.Options{Workers: 2})
	rule, never := outcome(t, r, "configured"), outcome(t, r, "never")
	first := n - r.Answered
	if len(rule.Moves) == 0 || len(rule.Moves) > 4 || first+rule.Moves[0].Batch*r.Batch <= cut || first+rule.Moves[0].Batch*r.Batch > cut+1000 || rule.Moves[0].Sentence == "" {
		t.Errorf("it retrains before batches %+v of %d rows, from row %d on; the concept turns at row %d", rule.Moves, r.Batch, first, cut)
	}
	if rule.Mean < 0.75 || never.Mean > 0.5 || len(never.Moves) > 0 {
		t.Errorf("accuracy %.3f, and %.3f never retrained", rule.Mean, never.Mean)
	}
	a := r.Prices[0]
	if s := standing(t, a, "never"); a.Price != 60 || !(s.MoreLower > 0) {
		t.Errorf("at %v never costs %+v", a.Price, s)
	}
	for _, p := range r.Prices {
		if p.Recommended == "never" {
			t.Errorf("at %v never is recommended: %s", p.Price, p.Sentence)
		}
	}
	if !strings.HasPrefix(r.Sentence, "At 60 a retrain, ") || r.Sentence != a.Sentence || a.Likely <= 0 || a.Likely > 1 {
		t.Errorf("it says %q; %v of the draws", r.Sentence, a.Likely)
	}
	calm := run(t, m, rows(m, 1, n, turned(n)), backtest.Options{Workers: 2})
	if rule := outcome(t, calm, "configured"); len(rule.Moves) > 0 || calm.Prices[0].Recommended != "configured" {
		t.Errorf("where nothing changes it retrains before %+v, and %s", rule.Moves, calm.Sentence)
	}
}

// The cost of every policy is what a naive count over the rows gives: who answered each
// row, what that champion had learned by then, and what its answer lost.
func TestCost(t *testing.T) {
	t.Parallel()
	tasks := []string{
		"task: binary\n    loss: {false_negative: 5, false_positive: 1}",
		"task: binary\n    loss: log", "task: multiclass", "task: regression\n    loss: squared",
	}
	reuses := 0
	for seed := range uint64(8) {
		m := model(t, fmt.Sprintf("    %s\n    features: {a: number, c: category}\n    label: {name: y, delay: %dm}\n    guards: {cooldown: 0s, min_new_labels: 0}\n", tasks[seed%4], 7*seed))
		r := rand.New(rand.NewPCG(seed, 2))
		l := rows(m, seed, 1200+int(100*seed), func(i int, f *frame.Frame, r *rand.Rand) string {
			switch {
			case r.Float64() < 0.1:
				return ""
			case m.Task == hone.Regression:
				return number(math.Sin(float64(i)/300) + 0.3*r.NormFloat64())
			case m.Task == hone.Multiclass:
				return string(rune('a' + (i/250+min(1, r.IntN(4)))%3))
			}
			return flag(r.Float64() < 0.5+0.4*math.Sin(float64(i)/200))
		})
		for i := range l.Outcomes {
			o := &l.Outcomes[i]
			o.LabelTime = o.Time.Add(time.Duration(r.IntN(90)) * time.Minute)
			if seed > 3 && i%3 == 0 {
				o.Propensity = 0.25 + 0.5*r.Float64()
			}
		}
		r.Shuffle(len(l.Outcomes), reflect.Swapper(l.Outcomes))
		got, err := backtest.Run(t.Context(), m, l, backtest.Options{Prices: []float64{3, 40}}, constants)
		if err != nil {
			t.Fatal(err)
		}
		naive(t, m, l, got)
		for _, p := range got.Policies {
			reuses += p.Reuses
		}
	}
	if reuses == 0 {
		t.Error("no former champion came back in any of them")
	}
}

// naive holds a result against a count that shares nothing with it.
func naive(t *testing.T, m hone.Model, l backtest.Log, r backtest.Result) {
	t.Helper()
	all := slices.Clone(l.Outcomes)
	slices.SortFunc(all, func(a, b hone.Outcome) int { return a.Time.Compare(b.Time) })
	sig := hone.Signature{Task: m.Task, Threshold: m.Loss.DefaultThreshold()}
	if m.Task == hone.Binary {
		sig.Classes = []string{"0", "1"}
	} else if m.Task == hone.Multiclass {
		sig.Classes = []string{"a", "b", "c"}
	}
	first := len(all) - r.Batches*r.Batch
	learned := map[int][]float64{}
	scores := func(batch int) []float64 {
		if learned[batch] != nil {
			return learned[batch]
		}
		now := all[first+batch*r.Batch].Time
		var targets, weights []float64
		for i := first + batch*r.Batch - 1; i >= 0 && len(targets) < r.Window; i-- {
			mature := all[i].Time.Add(time.Duration(m.Label.Delay))
			if all[i].LabelTime.After(mature) {
				mature = all[i].LabelTime
			}
			if all[i].Label != "" && !mature.After(now) {
				targets, weights = append(targets, sig.Target(all[i].Label)), append(weights, all[i].Weight())
			}
		}
		slices.Reverse(targets)
		slices.Reverse(weights)
		learned[batch] = average(sig, targets, weights)
		return learned[batch]
	}
	for i, p := range r.Policies {
		if p.Staged {
			continue // In a canary two champions answer.
		}
		lost, live, moves := 0.0, 0, p.Moves
		for b := range r.Batches {
			if len(moves) > 0 && moves[0].Batch == b {
				if moves[0].Reuse != (moves[0].Champion < b) {
					t.Fatalf("%s: moves %+v", p.Policy, p.Moves)
				}
				live, moves = moves[0].Champion, moves[1:]
			}
			for _, o := range all[first+b*r.Batch : first+(b+1)*r.Batch] {
				if o.Label != "" {
					lost += o.Weight() * m.Loss.Of(sig, scores(live), target(sig, o.Label), 0)
				}
			}
		}
		for _, a := range r.Prices {
			s, want := a.Policies[i], lost+a.Price*(float64(p.Retrains)+0.05*float64(p.Reuses))
			if math.Abs(s.Objective-want) > 1e-6*(1+want) || s.Policy != p.Policy || math.Abs(p.Staleness-lost) > 1e-6*(1+lost) || math.Abs(s.Regret-(s.Objective-a.Optimum)) > 1e-6 {
				t.Fatalf("%s, %s at %v: cost %v, lost %v; by hand %v and %v", m.Task, p.Policy, a.Price, s.Objective, p.Staleness, want, lost)
			}
			if p.Reuses == 0 && s.Objective < a.Optimum-1e-6 || s.Objective < a.OptimumBound-1e-6 || a.OptimumReuse > a.Optimum+1e-6 || a.OptimumBound > a.OptimumReuse+1e-6 {
				t.Fatalf("%s at %v: %v is under the optimum of %+v", p.Policy, a.Price, s.Objective, a)
			}
			if !(s.Lower <= s.Upper && s.MoreLower <= s.MoreUpper) || s.Policy == a.Recommended && (s.More != 0 || s.MoreUpper != 0) {
				t.Fatalf("%s at %v: intervals %+v", p.Policy, a.Price, s)
			}
		}
	}
}

// No policy sees a label before it counts: what comes later changes nothing before.
func TestNoFuture(t *testing.T) {
	t.Parallel()
	m := model(t, strings.Replace(binary, "10m", "5h", 1))
	const n, cut = 6000, 2500
	l := rows(m, 3, n, turned(cut))
	changed := rows(m, 3, n, turned(cut))
	const late = 3600
	for i := late; i < n; i++ {
		o := &changed.Outcomes[i]
		o.Label = flag(o.Label == "0")
	}
	o := backtest.Options{Policies: []string{"configured", "recoverable_loss:20", "volume:300", "adwin", "performance:2", "no_reuse:40"}, Workers: 2}
	a, b := run(t, m, l, o), run(t, m, changed, o)
	known := start.Add((late + 300) * time.Minute)
	for i := range a.Policies {
		x, y := before(a.Policies[i], known), before(b.Policies[i], known)
		if !reflect.DeepEqual(x, y) {
			t.Errorf("%s: labels to come change what was done: %+v and %+v", a.Policies[i].Policy, x, y)
		}
	}
	if len(before(a.Policies[0], known)) == 0 || reflect.DeepEqual(a.Policies[0].Moves, b.Policies[0].Moves) {
		t.Errorf("the test shows nothing: %+v and %+v", a.Policies[0].Moves, b.Policies[0].Moves)
	}
}

func before(p backtest.Outcome, at time.Time) (out []backtest.Swap) {
	for _, m := range p.Moves {
		if m.At.Before(at) {
			out = append(out, m)
		}
	}
	return out
}

// The guards and the triggers of the configuration are the product's own.
func TestConfigured(t *testing.T) {
	t.Parallel()
	const n = 5760 // Four days.
	f := func(name, triggers, guards string, want func(moves []backtest.Swap) bool) {
		t.Helper()
		m := model(t, "    task: binary\n    features: {a: number, b: number, c: category}\n    label: {name: y}\n    triggers:\n"+triggers+"    guards: "+guards+"\n")
		r := run(t, m, rows(m, 5, n, turned(3000)), backtest.Options{Policies: []string{"configured"}, Workers: 2})
		if moves := r.Policies[0].Moves; !want(moves) {
			t.Errorf("%s: it retrains at %+v", name, moves)
		}
	}
	free := "{cooldown: 0s, max_per_day: 1000, max_per_month: 1000, min_new_labels: 0}"
	often := "      - data_volume: 100\n"
	f("volume", often, free, func(m []backtest.Swap) bool {
		return len(m) > 20 && strings.Contains(m[0].Sentence, "new labels have come")
	})
	f("cooldown", often, "{cooldown: 20h, max_per_day: 1000, max_per_month: 1000, min_new_labels: 0}", func(m []backtest.Swap) bool {
		return len(m) > 2 && len(m) < 6 && m[1].At.Sub(m[0].At) >= 20*time.Hour
	})
	f("max_per_day", often, "{cooldown: 0s, max_per_day: 1, max_per_month: 1000, min_new_labels: 0}", func(m []backtest.Swap) bool { return len(m) >= 3 && len(m) <= 4 })
	f("min_new_labels", often, "{cooldown: 0s, max_per_day: 1000, max_per_month: 1000, min_new_labels: 2000}", func(m []backtest.Swap) bool { return len(m) == 2 })
	f("schedule", "      - schedule: \"0 3 * * *\"\n", free, func(m []backtest.Swap) bool { return len(m) == 3 && m[0].At.Hour() == 3 })
	f("performance", "      - performance: {metric: accuracy, below: 0.7}\n", free, func(m []backtest.Swap) bool {
		return len(m) > 0 && m[0].At.After(start.Add(3000*time.Minute)) && strings.Contains(m[0].Sentence, "accuracy")
	})
	f("change of level", "      - when: \"loss.change > 0\"\n", free, func(m []backtest.Swap) bool { return len(m) > 0 && m[0].At.After(start.Add(3000*time.Minute)) })
	f("drift", "      - drift: {features: 1%}\n", free, func(m []backtest.Swap) bool { return len(m) == 0 })
	f("event", "      - event: com.acme.*\n", free, func(m []backtest.Swap) bool { return len(m) == 0 })
}

// Every kind of model and feature can be played.
func TestKinds(t *testing.T) {
	t.Parallel()
	f := func(name, text string, says func(i int, f *frame.Frame, r *rand.Rand) string, better func(never, rule float64) bool) {
		t.Helper()
		m := model(t, text)
		r := run(t, m, rows(m, 7, 4000, says), backtest.Options{Workers: 2})
		never, rule := outcome(t, r, "never"), outcome(t, r, "configured")
		if rule.Retrains == 0 || !better(never.Mean, rule.Mean) || !(rule.Staleness < never.Staleness) {
			t.Errorf("%s: %d retrains bring %v from %v, and lose %v of %v", name, rule.Retrains, rule.Mean, never.Mean, rule.Staleness, never.Staleness)
		}
	}
	higher := func(never, rule float64) bool { return rule > never }
	const guards = "    guards: {cooldown: 0s, max_per_day: 1000, max_per_month: 1000, min_new_labels: 50}\n    label: {name: y}\n"
	f("classes", "    task: multiclass\n    features: {c: category, d: category}\n    triggers: [{recoverable_loss: {retrain_cost: 50}}]\n"+guards, func(i int, f *frame.Frame, r *rand.Rand) string {
		return "k" + string(rune('p'+(int(f.Cols[0].Str[i][0]-'p')+i/2000)%3))
	}, higher)
	f("texts", "    task: binary\n    features: {t: text}\n    triggers: [{recoverable_loss: {retrain_cost: 50}}]\n"+guards, func(i int, f *frame.Frame, r *rand.Rand) string {
		return flag(strings.Contains(f.Cols[0].Str[i], []string{"red", "blue"}[i/2000]))
	}, higher)
	f("values", "    task: regression\n    features: {a: number}\n    loss: squared\n    triggers: [{recoverable_loss: {retrain_cost: 50}}]\n"+guards, func(i int, f *frame.Frame, r *rand.Rand) string {
		return number(f.Cols[0].Num[i]*float64(1-2*(i/2000)) + 0.1*r.NormFloat64())
	}, func(never, rule float64) bool { return rule < never })
}

// Where only positives are ever reported, a row without a label counts once it is old
// enough.
func TestAbsent(t *testing.T) {
	t.Parallel()
	m := model(t, strings.Replace(binary, "delay: 10m", "absent_means: 0, after: 3h", 1))
	l := rows(m, 9, 4000, turned(2000))
	for i := range l.Outcomes {
		if o := &l.Outcomes[i]; o.Label == "0" {
			o.Label, o.Effect = "", ""
		}
	}
	r := run(t, m, l, backtest.Options{Policies: []string{"configured", "never"}, Workers: 2})
	if r.Labelled < 3500 || outcome(t, r, "configured").Retrains == 0 {
		t.Errorf("%d rows count; %+v", r.Labelled, r.Policies[0].Moves)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	m := model(t, binary)
	l := rows(m, 1, 1000, turned(500))
	f := func(l backtest.Log, o backtest.Options, want string) {
		t.Helper()
		_, err := backtest.Run(t.Context(), m, l, o, constants)
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message+"; "+e.Hint, want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(backtest.Log{Name: "x"}, backtest.Options{}, "x has 0 rows to go by, and none has a label")
	f(l, backtest.Options{From: start.Add(1000 * time.Hour)}, "none has a label")
	few := l
	few.Outcomes = l.Outcomes[:300]
	f(few, backtest.Options{}, "the rows has 300 rows: too few, for the first champion learns from 200 labelled ones, and 250 must come after their labels")
	f(few, backtest.Options{}, "bring 4")
	f(l, backtest.Options{Window: 900}, "bring 1")
	one := rows(m, 1, 1000, func(int, *frame.Frame, *rand.Rand) string { return "1" })
	f(one, backtest.Options{}, "all 1000 labels in the rows are the same")
	f(l, backtest.Options{Policies: []string{"nevr"}}, "did you mean never?")
	f(l, backtest.Options{Policies: []string{"every"}}, `the policy "every" does not say how many; write every:N, where N is batches`)
	f(l, backtest.Options{Policies: []string{"every:1.5"}}, "does not say how many")
	f(l, backtest.Options{Policies: []string{"never:3"}}, "takes no number")
	f(l, backtest.Options{Policies: []string{"psi:-1"}}, "does not say how many")
	f(l, backtest.Options{Prices: []float64{0}}, "0 is no price")
	f(l, backtest.Options{Batches: 3}, "3 batches are none of 10 to 240")
	f(l, backtest.Options{Window: 3}, "nothing is learned from a window of 3 rows")
	f(l, backtest.Options{From: start.Add(time.Hour), Until: start}, "--until lies before --from")
	broken := func(context.Context, train.Job, func(predictor.Predictor) error) error {
		return &hone.Error{Code: hone.Invalid, Message: "no such column", Hint: "mend it"}
	}
	if _, err := backtest.Run(t.Context(), m, l, backtest.Options{}, broken); err == nil || !strings.Contains(err.Error(), "a champion of m cannot be trained: no such column") {
		t.Errorf("a trainer that fails: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backtest.Run(gone, m, l, backtest.Options{}, constants); err == nil {
		t.Error("it goes on after its end")
	}
}

// What is told beside the figures: the order of the rows, times that are not there,
// labels of a third class; and how far it is.
func TestNotes(t *testing.T) {
	t.Parallel()
	m := model(t, binary)
	l := rows(m, 1, 1500, turned(700))
	slices.Reverse(l.Outcomes)
	l.Outcomes[5].Label = "maybe"
	l.Untimed = true
	told := 0
	r, err := backtest.Run(t.Context(), m, l, backtest.Options{Workers: 2, Report: func(p backtest.Progress) {
		if told++; p.Trained != told || p.Of < told || p.Left < 0 {
			t.Errorf("%d: %+v", told, p)
		}
	}}, constants)
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{"were sorted by it", `1 label is neither "0" nor "1"`, "do not say when they happened", "never recommended"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes lack %q: %s", want, notes)
		}
	}
	if told != r.Batches {
		t.Errorf("%d reports of %d champions", told, r.Batches)
	}
}

// The same rows give the same result, however many train at a time, and it is JSON.
func TestSame(t *testing.T) {
	t.Parallel()
	m := model(t, binary)
	l := rows(m, 2, 2000, turned(1000))
	a, _ := json.Marshal(run(t, m, l, backtest.Options{}))
	b, err := json.Marshal(run(t, m, l, backtest.Options{Workers: 4}))
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("results differ, or are no JSON: %v", err)
	}
}

// Of very many rows the newest are kept, in whatever order they come, and it says so.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes half a million rows")
	}
	t.Parallel()
	m := model(t, "    task: binary\n    features: {a: number}\n    label: {name: y}\n")
	features := rows(m, 1, 1, turnedOne).Outcomes[0].Features
	l := backtest.Log{Name: "the rows"}
	const n = 450_000
	for i := range n {
		k := (i * 7919) % n
		at := start.Add(time.Duration(k) * time.Minute)
		o := hone.Outcome{Prediction: hone.Prediction{Seq: int64(i), Time: at, Features: features}, LabelTime: at, Label: flag(k%2 == 0), Effect: hone.Joined}
		l.Add(o, backtest.Options{})
	}
	r, err := backtest.Run(t.Context(), m, l, backtest.Options{Policies: []string{"never", "every:60"}, Batches: 60}, constants)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != n || r.Labelled != 200_000 || !r.Until.Equal(start.Add((n-1)*time.Minute)) || !strings.Contains(strings.Join(r.Notes, "\n"), "Of 450,000 rows the newest 200,000 were taken.") || !strings.Contains(r.Notes[0], "sorted") {
		t.Errorf("%d rows, %d with a label, up to %v: %q", r.Rows, r.Labelled, r.Until, r.Notes)
	}
}

func turnedOne(int, *frame.Frame, *rand.Rand) string { return "1" }

// Where what is configured never retrains and should, another policy is recommended,
// with the trigger that does so and what keeping the configuration would cost more.
func TestRecommend(t *testing.T) {
	t.Parallel()
	m := model(t, strings.Replace(binary, "max_per_day: 1000", "max_per_day: 0", 1))
	l := rows(m, 1, 4000, turned(2000))
	f := func(policies []string, recommended, want string) {
		t.Helper()
		r := run(t, m, l, backtest.Options{Policies: policies, Prices: []float64{60}, Workers: 2})
		if a := r.Prices[0]; a.Recommended != recommended || !strings.Contains(a.Sentence, want) {
			t.Errorf("%v: %s is recommended: %s", policies, a.Recommended, a.Sentence)
		}
	}
	f([]string{"configured", "every:20"}, "every:20", "At 60 a retrain, retrain by every:20, to which `- data_volume: 600` comes near: it would have cost ")
	f([]string{"configured", "every:20"}, "every:20", "every other policy surely costs more; what is configured costs ")
	f([]string{"configured", "never"}, "configured", "it is the cheapest, and 1 other cannot be told from it.")
	f([]string{"performance:2", "never"}, "never", "do not retrain: ")
	f([]string{"performance:2", "never"}, "never", "no other policy was asked for that can be configured.")
}

// A currency changes what amounts are called, and nothing of what is decided.
func TestCurrency(t *testing.T) {
	t.Parallel()
	plain := model(t, binary)
	euro := model(t, strings.Replace(binary, "retrain_cost: 60", "retrain_cost: 30", 1)+"    costs: {currency: EUR, loss: 0.5, fault: 1}\n")
	policies := []string{"configured", "never", "every:20"}
	l := rows(plain, 1, 4000, turned(2000))
	a := run(t, plain, l, backtest.Options{Policies: append(policies, "recoverable_loss:20"), Prices: []float64{60}, Workers: 2})
	b := run(t, euro, l, backtest.Options{Policies: append(policies, "recoverable_loss:10"), Prices: []float64{30}, Workers: 2})
	near := func(x, y float64) bool { return math.Abs(x-y) < 1e-9*(1+math.Abs(y)) }
	p, q := a.Prices[0], b.Prices[0]
	for i, s := range q.Policies {
		of := p.Policies[i]
		if !near(s.Objective, of.Objective/2) || !near(s.Training, of.Training/2) || !near(b.Policies[i].Staleness, a.Policies[i].Staleness/2) || !near(s.Upper, of.Upper/2) || !near(s.Ratio, of.Ratio) ||
			b.Policies[i].Retrains != a.Policies[i].Retrains {
			t.Errorf("%s: %+v, and in units of the loss %+v", s.Policy, s, of)
		}
	}
	if a.Policies[0].Retrains == 0 || !near(q.Optimum, p.Optimum/2) || !near(q.OptimumReuse, p.OptimumReuse/2) || !near(q.OptimumBound, p.OptimumBound/2) {
		t.Errorf("%d retrains, optima %+v and %+v", a.Policies[0].Retrains, p, q)
	}
	if b.Currency != "EUR" || !strings.HasPrefix(b.Sentence, "At 30 EUR a retrain, ") || !strings.Contains(strings.Join(b.Notes, "\n"), "answers that are refused, are no part of recorded rows") {
		t.Errorf("it says %q, and notes %q", b.Sentence, b.Notes)
	}
	measured := model(t, strings.Replace(binary, "retrain_cost: 60", "retrain_cost: auto", 1)+"    costs: {currency: EUR, loss: 0.5, core_hour: 1}\n")
	c := run(t, measured, l, backtest.Options{Policies: policies[:1], Prices: []float64{30}, Workers: 2})
	if !near(c.Prices[0].Policies[0].Objective, q.Policies[0].Objective) || !strings.Contains(c.Notes[0], "a backtest makes none: 30 EUR are taken.") {
		t.Errorf("a price that is to be measured: %+v, and notes %q", c.Prices[0].Policies[0], c.Notes)
	}
}

// Through the stages candidates cost what they wait for; the outcome adds up, and is shown
// beside the trigger that it goes by, never recommended.
func TestStages(t *testing.T) {
	t.Parallel()
	m := model(t, binary)
	r := run(t, m, rows(m, 3, 6000, turned(3000)), backtest.Options{Policies: []string{"never", "recoverable_loss:60", "stages:60"}, Prices: []float64{60}})
	p, at := outcome(t, r, "stages:60"), standing(t, r.Prices[0], "stages:60")
	if !p.Staged || p.Retrains == 0 || len(p.Moves) == 0 || p.Moves[0].Reuse || p.Moves[0].Sentence == "" {
		t.Errorf("%d retrains, %d returns, moves %+v", p.Retrains, p.Reuses, p.Moves)
	}
	lost, labelled := 0.0, 0
	for _, x := range p.LossByBatch {
		if x != nil {
			lost, labelled = lost+*x*float64(r.Batch), labelled+1
		}
	}
	if math.Abs(lost-p.Staleness) > 1e-6*lost || labelled != r.Batches {
		t.Errorf("batches lost %v, all in all %v, with labels in %d of %d", lost, p.Staleness, labelled, r.Batches)
	}
	if want := p.Staleness + 60*(float64(p.Retrains)+0.05*float64(p.Reuses)); math.Abs(at.Objective-want) > 1e-6*want {
		t.Errorf("it costs %v, want %v", at.Objective, want)
	}
	if never := standing(t, r.Prices[0], "never"); at.Objective >= never.Objective {
		t.Errorf("it costs %v, never %v", at.Objective, never.Objective)
	}
	if r.Prices[0].Recommended == "stages:60" || !slices.ContainsFunc(r.Notes, func(s string) bool { return strings.HasPrefix(s, "stages:60 shows") }) {
		t.Errorf("recommended is %s, with the notes %q", r.Prices[0].Recommended, r.Notes)
	}
}
