package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/op"
)

const proven = `version: 1
server: {listen: "127.0.0.1:0"}
models:
  shop:
    task: binary
    features: {amount: number, country: category}
    label: bought
    slices: [country]
    evidence: EVIDENCE
    monitor: {window: 200, tick: 100}
    triggers: [{data_volume: 100000}]
    guards: {cooldown: 0s, max_per_day: 1000, min_new_labels: 1}
    metrics:
      profit: {command: [/bin/sh, -c, 'tail -n +2 "$HONE_METRIC/rows.csv" | awk -F, "{print (\$1 == \$2) * \$4}" > "$HONE_METRIC/values.csv"'], columns: [amount]}
    gates:
      - {metric: profit, max_regression: 0.05, slices: all}
      - {metric: negative_flips, max: 20%}
    rollout: {strategy: immediate, probation: {labels: 40}}
`

// market is a shop whose customers change their minds.
type market struct {
	t    *testing.T
	app  *app.App
	now  hands
	rng  *rand.Rand
	n    int
	turn bool // What sold before does not sell any more.
}

func openMarket(t *testing.T, evidence string) *market {
	t.Helper()
	m := &market{t: t, now: hands{clock.NewFake(morning)}, rng: rand.New(rand.NewPCG(3, 4))}
	text := []byte(strings.Replace(proven, "EVIDENCE", evidence, 1))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	c.Dir = t.TempDir()
	c.Server.Data = filepath.Join(c.Dir, "data")
	if m.app, err = app.New(t.Context(), app.Options{Config: c, Text: text, Clock: m.now, Inline: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.app.Stop)
	if err := m.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *market) call(name string, in any) any {
	m.t.Helper()
	o, ok := op.Find(name)
	if !ok {
		m.t.Fatalf("there is no operation %q", name)
	}
	out, err := o.Call(context.Background(), m.app.Service(), op.Caller{Name: "ada", Role: op.Admin}, in)
	if err != nil {
		m.t.Fatalf("%s: %v", name, err)
	}
	return out
}

// customer is one who comes in, and whether they buy.
func (m *market) customer() (features map[string]any, label string) {
	amount := float64(m.rng.IntN(100)) / 100
	buys := (amount > 0.5) != m.turn
	if m.rng.Float64() < 0.1 {
		buys = !buys
	}
	return map[string]any{"amount": amount, "country": []string{"DE", "FR"}[m.rng.IntN(2)]}, map[bool]string{true: "1", false: "0"}[buys]
}

func (m *market) history(n int) {
	in := op.HistoryIn{Model: "shop"}
	for i := range n {
		f, label := m.customer()
		in.Items = append(in.Items, op.HistoryItem{PredictionID: hone.PredictionID(fmt.Sprint("h", i)), Features: f, Label: label,
			Time: m.now.Now().Add(time.Duration(i-n-10) * time.Second)})
	}
	m.call("history", &in)
	for range 5 {
		m.now.Advance(5 * time.Second)
		m.step()
	}
}

func (m *market) step() {
	m.t.Helper()
	if err := m.app.Loop().Step(context.Background(), "shop"); err != nil {
		m.t.Fatal(err)
	}
}

// serve answers customers and tells what they bought.
func (m *market) serve(n int) {
	m.t.Helper()
	schema := frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}
	rows, in := frame.New(schema, n), op.FeedbackIn{Model: "shop"}
	req := gateway.Request{Frame: rows}
	for i := range n {
		f, label := m.customer()
		rows.Cols[0].Num[i], rows.Cols[1].Str[i] = f["amount"].(float64), f["country"].(string)
		m.n++
		id := hone.PredictionID(fmt.Sprint("p", m.n))
		req.IDs = append(req.IDs, id)
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: label})
	}
	if _, err := m.app.Gateway().Predict(context.Background(), "shop", req); err != nil {
		m.t.Fatal(err)
	}
	if err := m.app.Flush(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	m.now.Advance(time.Minute)
	m.call("feedback", &in)
	m.step()
}

func (m *market) runs() []hone.Run {
	return m.call("runs", &op.ListIn{Model: "shop"}).(op.RunList).Runs
}

// Every run is judged again by its evidence, to the last bit, under strict
// evidence after several looks.
func TestReplay(t *testing.T) {
	t.Parallel()
	watched := false
	for _, evidence := range []string{"balanced", "strict"} {
		m := openMarket(t, evidence)
		m.history(500)
		m.serve(100)
		m.turn = true
		for range 2 { // Fewer rows of the new world teach nothing of it, and the candidate is turned down.
			m.serve(100)
		}
		m.call("run", &op.RetrainIn{Model: "shop"})
		for range 12 {
			m.serve(100)
		}
		looks, judged := 0, 0
		for _, r := range m.runs() {
			if r.Evaluation == nil {
				t.Errorf("%s: %s has no evaluation: %s", evidence, r.ID, r.Sentence)
				continue
			}
			judged, looks = judged+1, max(looks, r.Evaluation.Look)
			got := m.call("replay", &op.RunIn{Run: string(r.ID)}).(op.Replayed)
			gates := 0
			for _, v := range got.Verdicts {
				if v.Of == "" {
					gates++
				}
				watched = watched || v.Of == "probation" && v.Gate == "profit.max_regression"
			}
			if !got.Same || !got.Measured || gates != len(r.Verdicts) || len(r.Verdicts) == 0 {
				t.Errorf("%s, %s: %s %+v", evidence, r.ID, got.Sentence, got.Verdicts)
			}
			owned := map[string]bool{}
			for _, v := range got.Verdicts {
				owned[v.Gate+" "+v.Slice] = true
			}
			if r.Champion != "" && (!owned["profit.max_regression "] || !owned["profit.max_regression country=DE"] || !owned["negative_flips.max "]) {
				t.Errorf("%s: the owner's metric is not among %v", r.ID, owned)
			}
			forged := r
			forged.Verdicts = append([]hone.Verdict(nil), r.Verdicts...)
			forged.Verdicts[len(forged.Verdicts)-1].Value += 1e-15
			if again, err := m.app.Loop().Replay(t.Context(), forged); err != nil || again.Same && forged.Verdicts[len(forged.Verdicts)-1] != r.Verdicts[len(r.Verdicts)-1] {
				t.Errorf("a forged verdict was not noticed: %v, %s", err, again.Sentence)
			}
		}
		if judged < 2 || evidence == "strict" && looks < 2 {
			t.Errorf("%s: %d runs were judged, the longest at %d looks", evidence, judged, looks)
		}
	}
	if !watched {
		t.Error("the owner's metric on probation was not judged again")
	}
}
