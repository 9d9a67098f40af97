package op_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hone"
	"hone/internal/loop"
	"hone/internal/monitor"
	"hone/internal/op"
)

func view(edit func(*loop.View)) loop.View {
	v := loop.View{Model: hone.Model{Name: "fraud", Dataset: hone.DatasetSpec{MinRows: 200}}, Champion: hone.Version{ID: "v3"}}
	edit(&v)
	return v
}

func running(s hone.State, by hone.TriggerKind, edit func(*hone.Run)) func(*loop.View) {
	return func(v *loop.View) {
		v.Run = &hone.Run{ID: "fraud-4", State: s, Decision: hone.Decision{Trigger: by}}
		if edit != nil {
			edit(v.Run)
		}
	}
}

func first(s hone.State, edit func(*hone.Run)) func(*loop.View) {
	return func(v *loop.View) {
		running(s, hone.OnFirst, edit)(v)
		v.Champion = hone.Version{}
	}
}

func verdicts(r *hone.Run) { r.Verdicts = []hone.Verdict{{Gate: "loss", Result: hone.Inconclusive}} }
func rolling(o hone.Rollout) func(*hone.Run) {
	return func(r *hone.Run) { r.Rollout = &o }
}

// silentFor is a model without a label for so many seconds, of a bound, where they
// usually come every so many.
func silentFor(seconds, bound, every float64) func(*loop.View) {
	return func(v *loop.View) {
		v.Signals = []hone.Signal{{Name: monitor.Silent, Value: seconds, Upper: bound}, {Name: monitor.Every, Value: every}}
	}
}

// failing is a model whose newest runs failed, with what they say.
func failing(said ...string) func(*loop.View) {
	return func(v *loop.View) {
		for _, s := range said {
			v.Failed = append(v.Failed, hone.Run{Ending: hone.Failed, Sentence: s})
		}
	}
}

const crashed = "fraud-4 failed while training: the trainer failed: exit status 1; it said:\nTraceback:\nMemoryError: no room: run the command by hand with HONE_RUN=/x"

var moods = []struct {
	edit func(*loop.View)
	mood op.Mood
	want string
}{
	{func(v *loop.View) { v.Champion = hone.Version{} }, op.New, "fraud has no champion yet: 0 labelled rows, 200 needed."},
	{func(v *loop.View) { v.Champion, v.Rows = hone.Version{}, 1500 }, op.New, "fraud has no champion yet; its 1500 labelled rows are enough to train one."},
	{func(v *loop.View) { v.Champion, v.Last = hone.Version{}, &hone.Run{Ending: hone.Rejected} }, op.Attention, "fraud has no champion: its first run was rejected."},
	{func(v *loop.View) { v.Champion, v.Last = hone.Version{}, &hone.Run{Ending: hone.RolledBack} }, op.Attention, "fraud has no champion: its first run was rolled back."},
	{first(hone.Collecting, nil), op.Working, "fraud gets its first version: collecting."},
	{first(hone.Training, nil), op.Working, "fraud gets its first version: training."},
	{first(hone.Deciding, verdicts), op.Working, "fraud has a first version that waits for more labels."},
	{first(hone.AwaitingApproval, nil), op.Attention, "fraud has a first version that waits for approval."},
	{func(*loop.View) {}, op.Well, "fraud is well."},
	{silentFor(9*24*3600, 3*24*3600, 2*3600), op.Attention, "fraud has had no label for 9 days; they usually come every 2 hours."},
	{silentFor(9*24*3600, 3*24*3600, 25*3600), op.Attention, "fraud has had no label for 9 days; they usually come every 25 hours."},
	{silentFor(9000, 600, 1), op.Attention, "fraud has had no label for 2 hours; they usually come every second."},
	{silentFor(600, 9000, 60), op.Well, "fraud is well."},
	{silentFor(600, 0, 0), op.Well, "fraud is well."},
	{func(v *loop.View) { v.Watch = &hone.Watch{Over: true, Previous: "v2"} }, op.Well, "fraud is well."},
	{func(v *loop.View) { v.Watch = &hone.Watch{Labels: 3000, Quality: hone.Paired{N: 12}} }, op.Well, "fraud is well; v3 is under probation, 12 of 3000 labels seen."},
	{func(v *loop.View) {
		v.Drift = monitor.Drift{Alarm: true, Features: []monitor.FeatureDrift{{Drifted: true}}}
	}, op.Well, "fraud is well: 1 feature drifted, and it does no harm so far."},
	{func(v *loop.View) {
		v.Drift = monitor.Drift{Alarm: true, Features: []monitor.FeatureDrift{{Drifted: true}, {}, {Drifted: true}}}
	}, op.Well, "fraud is well: 2 features drifted, and it does no harm so far."},
	{func(v *loop.View) { v.Blind = true }, op.Unsure, "fraud cannot tell whether a retrain would pay; its schedule decides."},
	{func(v *loop.View) {
		v.Blind, v.Watch = true, &hone.Watch{Labels: 3000, Quality: hone.Paired{N: 12}}
	}, op.Unsure, "fraud cannot tell whether a retrain would pay; v3 is under probation."},
	{func(v *loop.View) {
		v.Blind, v.Drift = true, monitor.Drift{Alarm: true, Features: []monitor.FeatureDrift{{Drifted: true}}}
	}, op.Unsure, "fraud cannot tell whether a retrain would pay; 1 feature drifted."},
	{func(v *loop.View) { failing("it gave up.")(v); v.Blind = true }, op.Unsure, "fraud serves, and its last run failed: it gave up."},
	{func(v *loop.View) {
		v.Blind = true
		running(hone.Training, hone.OnSchedule, nil)(v)
	}, op.Working, "fraud may be going stale, and its replacement is being trained."},
	{func(v *loop.View) { v.Failures = 2 }, op.Attention, "fraud: two candidates in a row did not make it; look at its data."},
	{func(v *loop.View) { v.Failures = 13 }, op.Attention, "fraud: 13 candidates in a row did not make it; look at its data."},
	{failing(crashed), op.Well, "fraud serves, and its last run failed: MemoryError: no room: run the command by hand wit…."},
	{failing("fraud-4 stopped before training, by rule missing: f1 is missing."), op.Well, "fraud serves, and its last run failed: f1 is missing."},
	{failing("it gave up."), op.Well, "fraud serves, and its last run failed: it gave up."},
	{failing(crashed, crashed), op.Attention, "fraud serves, but its last two runs failed: MemoryError: no room: run the command by han…."},
	{failing(slices.Repeat([]string{crashed}, 31)...), op.Attention, "fraud serves, but its last 31 runs failed: MemoryError: no room: run the command by hand…."},
	{func(v *loop.View) { failing(crashed)(v); v.Failures = 2 }, op.Attention, "fraud: two candidates in a row did not make it; look at its data."},
	{running(hone.Collecting, hone.OnLoss, nil), op.Working, "fraud is going stale, and its replacement is being prepared."},
	{running(hone.Validating, hone.OnSchedule, nil), op.Working, "fraud is well, and its replacement is being prepared."},
	{running(hone.Training, hone.OnPerformance, nil), op.Working, "fraud is going stale, and its replacement is being trained."},
	{running(hone.Evaluating, hone.OnManual, nil), op.Working, "fraud is well, and its replacement is being prepared."},
	{running(hone.Deciding, hone.OnLoss, nil), op.Working, "fraud is going stale, and its replacement is being judged."},
	{running(hone.Deciding, hone.OnLoss, verdicts), op.Working, "fraud is going stale, and its replacement waits for more labels."},
	{running(hone.AwaitingApproval, hone.OnLoss, nil), op.Attention, "fraud is going stale, and its replacement waits for approval."},
	{running(hone.Shadowing, hone.OnDrift, rolling(hone.Rollout{})), op.Working, "fraud is well, and its replacement answers in shadow."},
	{running(hone.Shadowing, hone.OnDrift, rolling(hone.Rollout{Ask: "no traffic"})), op.Attention, "fraud is well, and its replacement in shadow waits for a person."},
	{running(hone.Canary, hone.OnLoss, rolling(hone.Rollout{})), op.Working, "fraud is going stale, and its replacement is in canary."},
	{running(hone.Canary, hone.OnLoss, rolling(hone.Rollout{Ask: "too little traffic"})), op.Attention, "fraud is going stale, and its replacement in canary waits for a person."},
	{running(hone.Canary, hone.OnLoss, rolling(hone.Rollout{Paused: true})), op.Attention, "fraud is going stale, and its replacement is paused in canary."},
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for _, c := range moods {
		if mood, got := op.Sentence(view(c.edit)); got != c.want || mood != c.mood {
			t.Errorf("got %s: %s\nwant %s: %s", mood, got, c.mood, c.want)
		}
	}
}

// TestSentenceFits says each mood of models with every length of name.
func TestSentenceFits(t *testing.T) {
	t.Parallel()
	for _, c := range moods {
		for n := 1; n <= 63; n++ {
			v := view(c.edit)
			v.Model.Name = strings.Repeat("m", n)
			v.Champion.ID = hone.VersionID(strings.Replace(string(v.Champion.ID), "3", "1234", 1))
			_, s := op.Sentence(v)
			if utf8.RuneCountInString(s) > 90 || !strings.HasSuffix(s, ".") || strings.Contains(s, "successfully") || !strings.HasPrefix(s, "m") {
				t.Fatalf("%d characters: %s", utf8.RuneCountInString(s), s)
			}
		}
	}
}

func TestLead(t *testing.T) {
	t.Parallel()
	f := func(edit func(*loop.View), want string) {
		t.Helper()
		if got := op.Lead(view(edit), now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	since := func(d time.Duration) func(*loop.View) {
		return func(v *loop.View) { v.Watch = &hone.Watch{Since: now.Add(-d)} }
	}
	f(func(v *loop.View) { v.Champion = hone.Version{} }, "Send predictions, or load history with `hone import`.")
	f(func(v *loop.View) { v.Champion, v.Rows = hone.Version{}, 200 }, "`hone serve` trains it.")
	f(func(v *loop.View) { v.Run = &hone.Run{Sentence: "fraud-4 trains."} }, "fraud-4 trains.")
	f(since(3*time.Second), "v3 has served for less than a minute.")
	f(since(time.Minute), "v3 has served for 1 minute.")
	f(since(59*time.Minute), "v3 has served for 59 minutes.")
	f(since(time.Hour), "v3 has served for 1 hour.")
	f(since(47*time.Hour), "v3 has served for 47 hours.")
	f(since(50*time.Hour), "v3 has served for 2 days.")
	f(func(v *loop.View) {
		since(50 * time.Hour)(v)
		v.Decision.Sentence = "fraud waits."
	}, "fraud waits. v3 has served for 2 days.")
}
