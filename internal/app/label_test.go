package app_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/loop"
	"hone/internal/op"
)

const shifting = `version: 1
models:
  sea:
    task: binary
    features: {f0: number}
    label: {name: label}
    monitor: {window: 500, tick: 100}
    triggers: [{data_volume: 400}]
    guards: {cooldown: 1m, min_new_labels: 100}
    rollout: {strategy: immediate}
    log: durable
    evidence: strict
    approval: manual
    train: {warm_start: false}
    dataset: {window: 200, holdout: 5%}
    gates: [{metric: loss, min_change: 0.22}]
`

// waitingWorld is a world in which three rows in ten have changed sides, and a run
// waits for the proof that its candidate knows it.
func waitingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, map[string][]string{"hone.yaml": strings.Split(shifting, "\n"), "all.yaml": strings.Split(strings.Replace(shifting, "window: 200", "window: all", 1), "\n")})
	w.play("history shift 2000", "advance 2m step=30s", "approve", "advance 2m step=30s", "traffic shift 420 variant=1")
	if v := w.see(); v.Run == nil || v.Run.State != hone.Deciding || len(v.Run.Verdicts) == 0 {
		t.Fatalf("no run waits: %+v, %+v", v.Run, v.Decision.Sentence)
	}
	return w
}

// play does commands of a script.
func (w *world) play(commands ...string) (out []string) {
	w.t.Helper()
	for _, c := range commands {
		lines, err := w.do(strings.Fields(c))
		if err != nil {
			w.t.Fatalf("%s: %v", c, err)
		}
		out = append(out, lines...)
	}
	return out
}

func (w *world) see() loop.View {
	w.t.Helper()
	v, err := w.app.Loop().View(model)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// realised is what is known of the champion's loss.
func (w *world) realised() (n int, loss float64) {
	w.t.Helper()
	for _, s := range w.see().Signals {
		if s.Name == "loss.since" && s.Slice == "" {
			return s.N, s.Value
		}
	}
	w.t.Fatal("loss.since is not measured")
	return 0, 0
}

// Labels that were asked for decide the run at once and say nothing of the
// champion's quality until they would have come anyway: then as much, and the same,
// is known of it as where nobody asked.
func TestAskedLabelsMoveNoQuality(t *testing.T) {
	t.Parallel()
	w, other := waitingWorld(t), waitingWorld(t)
	for _, w := range []*world{w, other} {
		w.play("traffic shift 600 labels=1h")
	}
	n, before := w.realised()
	got, err := w.call("label", &op.LabelIn{Model: model, N: 150})
	if err != nil {
		t.Fatal(err)
	}
	l := got.(op.Labels)
	if share := float64(l.Differ) / float64(l.Rows); share < 0.2 || share > 0.4 || l.Rows != 600 || l.Given < 150 {
		t.Fatalf("%s: %d handed out", l.Sentence, l.Given)
	}
	errors := 0.0
	for _, row := range l.Open {
		if (row.Features["f0"].(float64) > 6) != (w.truths[row.PredictionID] == "1") {
			errors++
		}
	}
	if errors /= float64(len(l.Open)); errors < 0.7 {
		t.Fatalf("the champion errs on %v of the rows that were asked for: nothing could be moved by them", errors)
	}
	w.play("answer n=140")
	if v := w.see(); v.Run == nil || v.Run.State != hone.AwaitingApproval || v.Champion.ID != "v1" {
		t.Fatalf("the labels did not decide: %+v", v.Run)
	}
	if m, after := w.realised(); m != n || after != before {
		t.Errorf("realised loss %v on %d, before the labels that were asked for %v on %d", after, m, before, n)
	}
	w.play("restart")
	if m, after := w.realised(); m != n || after != before {
		t.Errorf("after a restart: realised loss %v on %d, before %v on %d", after, m, before, n)
	}
	for _, w := range []*world{w, other} {
		if err := w.advance(2*time.Hour, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	m, loss := w.realised()
	k, want := other.realised()
	if m != k || m < n+560 || math.Abs(loss-want) > 1e-9 {
		t.Errorf("once all labels have come: loss %v on %d, where nobody asked %v on %d", loss, m, want, k)
	}
	w.play("restart")
	if again, same := w.realised(); again != m || same != loss {
		t.Errorf("read again: loss %v on %d, before %v on %d", same, again, loss, m)
	}
	t.Logf("realised %.3f before, %.3f after all labels; the champion errs on %.2f of the rows asked for", before, loss, errors)
}

// Where no labels come by themselves, those that were asked for are trained on by no
// run.
func TestAskedLabelsTrainNobody(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	w.play("traffic shift 600 unlabelled", "label n=60", "answer n=30", "cancel", "restart config=all.yaml", "run force reason=again")
	var last hone.Run
	all, err := w.allRuns()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		last = r
	}
	got, err := w.call("dataset", &op.DatasetIn{Dataset: string(last.Dataset)})
	if err != nil {
		t.Fatalf("%s: %v", last.Sentence, err)
	}
	if ds := got.(hone.Dataset); ds.Train+ds.Holdout != 2420 {
		t.Errorf("%s trains on %d rows and holds out %d: 2,420 got their label by themselves", last.ID, ds.Train, ds.Holdout)
	}
	w.play("verify")
}

// Where every row can tell, rows are drawn from all, and Hone says that it saves
// nothing.
func TestAskedLabelsOfALevel(t *testing.T) {
	t.Parallel()
	text := strings.Replace(strings.Replace(shifting, "min_change: 0.22", "min_change: 0.2", 1), "    log: durable", "    log: durable\n    loss: log", 1)
	w := newWorld(t, map[string][]string{"hone.yaml": strings.Split(text, "\n")})
	w.play("history shift 2000", "advance 2m step=30s", "approve", "advance 2m step=30s", "traffic shift 420 variant=1", "traffic shift 300 unlabelled")
	got, err := w.call("label", &op.LabelIn{Model: model})
	if err != nil {
		t.Fatalf("%v: %+v", err, w.see().Run)
	}
	l := got.(op.Labels)
	if !l.Uniform || l.Rows != 300 || l.Differ != 300 || !strings.Contains(l.Sentence, "choosing saves no label") {
		t.Errorf("%s: %d of %d", l.Sentence, l.Differ, l.Rows)
	}
	w.play("answer", "verify")
	if v := w.see(); v.Run == nil || v.Run.Evaluation.Asked == nil || v.Run.Evaluation.Asked.Labels < 200 && v.Run.Evaluation.Asked.Labels < l.Given {
		t.Errorf("what was answered is not looked at: %+v", v.Run)
	}
	for _, who := range []op.Caller{{Name: "eve", Role: op.Operator}, {Name: "ivy", Role: op.Viewer}} {
		o, _ := op.Find("label")
		got, err := o.Call(w.ctx, w.app.Service(), who, &op.LabelIn{Model: model, N: 300})
		if denied, ok := hone.AsError(err); who.Role == op.Viewer && !(ok && denied.Code == hone.Denied) {
			t.Errorf("a viewer gets %v, %v", got, err)
		}
		if l, ok := got.(op.Labels); err == nil && (!ok || l.Withheld == "" || len(l.Open) > 0 && l.Open[0].Features != nil) {
			t.Errorf("who may not read rows is shown %+v", got)
		}
	}
}
